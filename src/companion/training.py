"""The plain PyTorch training loop, for pages whose subject is not the loop."""

from __future__ import annotations

import copy
import math
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from companion.errors import PlainError
from companion.progress import progress

Loss = Callable[[Tensor, Tensor], Tensor]

__all__ = ["History", "TrainingDiverged", "device", "fit", "mean_loss"]


class TrainingDiverged(PlainError, RuntimeError):
    """The loss is no longer a finite number; the message names a likely cause."""


def device() -> torch.device:
    """Return CUDA when present, else the CPU."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


@dataclass
class History:
    """What `fit` leaves behind; lists have one entry per epoch.

    Attributes
    ----------
    loss : list of float
        Training loss: its mean over the epoch's batches, while the weights moved.
    validation : list of float
        Validation loss after the epoch; empty without validation data.
    seconds : list of float
        Seconds since the start, at the end of each epoch.
    batch_loss : list of float
        Loss of each step's batch.
    steps : int
        Updates of the weights.
    best_epoch : int
        Epoch, counted from 0, with the lowest validation loss (without
        validation data: the lowest training loss).
    stopped : str
        Why training ended, as a sentence.
    """

    loss: list[float] = field(default_factory=list)
    validation: list[float] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    batch_loss: list[float] = field(default_factory=list)
    steps: int = 0
    best_epoch: int = 0
    stopped: str = ""

    @property
    def epochs(self) -> int:
        """Number of epochs run."""
        return len(self.loss)

    @property
    def best(self) -> float:
        """Lowest validation loss (without validation data: training loss)."""
        return (self.validation or self.loss)[self.best_epoch]

    def _note_best(self) -> bool:
        """Update best_epoch; return whether the newest epoch is the best one."""
        newest = self.epochs - 1
        watched = self.validation or self.loss
        if newest and not watched[newest] < watched[self.best_epoch]:
            return False
        self.best_epoch = newest
        return True


def fit(
    model: nn.Module,
    inputs: Tensor,
    targets: Tensor,
    *,
    loss: Loss,
    optimizer: torch.optim.Optimizer,
    epochs: int,
    batch_size: int | None = None,
    validation: tuple[Tensor, Tensor] | None = None,
    patience: int | None = None,
    scheduler: torch.optim.lr_scheduler.LRScheduler | None = None,
    seed: int = 0,
) -> History:
    """Train a model in place and return its history.

    Parameters
    ----------
    model : torch.nn.Module
    inputs, targets : tensors, first axis N
        Training data, on the model's device.
    loss : callable (output, target) -> scalar tensor
        Mean loss of one batch.
    optimizer : torch.optim.Optimizer
    epochs : int
        Passes over the data, at most.
    batch_size : int, optional
        Points per step, reshuffled every epoch; left out: all points in one
        step, in their order.
    validation : pair of tensors, optional
        Inputs and targets whose loss is computed after every epoch.
    patience : int, optional
        Stop when the validation loss has not fallen for so many epochs, and in
        any case give the model back the weights of its best epoch.
    scheduler : torch.optim.lr_scheduler.LRScheduler, optional
        Learning-rate schedule, advanced after every *step*, not every epoch.
    seed : int, optional
        Seed of the shuffling; the same seed and start give the same result.

    Returns
    -------
    History

    Raises
    ------
    TrainingDiverged
        When the loss is NaN or infinite.
    ValueError
        When `patience` is given without `validation`, or there are no data.
    """
    if patience is not None and validation is None:
        raise ValueError("patience needs validation data to watch")
    if len(inputs) == 0 or len(inputs) != len(targets):
        raise ValueError(f"{len(inputs)} inputs but {len(targets)} targets")
    history, started = History(), time.perf_counter()
    generator = torch.Generator().manual_seed(seed)
    best_weights: dict[str, Any] = {}
    for epoch in progress(range(epochs), "epochs"):
        batches = _batches(inputs, targets, batch_size, generator)
        history.loss.append(
            _train_epoch(model, batches, loss, optimizer, scheduler, history)
        )
        if validation is not None:
            history.validation.append(
                mean_loss(model, *validation, loss=loss, batch_size=batch_size)
            )
        history.seconds.append(time.perf_counter() - started)
        if history._note_best() and patience is not None:
            best_weights = copy.deepcopy(model.state_dict())
        if patience is not None and epoch - history.best_epoch >= patience:
            history.stopped = f"no better validation loss for {patience} epochs"
            break
    else:
        history.stopped = f"all {epochs} epochs were run"
    if best_weights:
        model.load_state_dict(best_weights)
    return history


def _train_epoch(
    model: nn.Module,
    batches: Iterable[tuple[Tensor, Tensor]],
    loss: Loss,
    optimizer: torch.optim.Optimizer,
    scheduler: torch.optim.lr_scheduler.LRScheduler | None,
    history: History,
) -> float:
    """Take one step per batch and return the mean loss over the points seen."""
    model.train()
    total, points = 0.0, 0
    for x, y in batches:
        optimizer.zero_grad()
        batch_loss = loss(model(x), y)
        value = batch_loss.item()
        if not math.isfinite(value):
            raise TrainingDiverged(_diagnosis(value, x, y, model, optimizer, history))
        batch_loss.backward()
        optimizer.step()
        if scheduler is not None:
            scheduler.step()
        history.batch_loss.append(value)
        history.steps += 1
        total += value * len(x)
        points += len(x)
    return total / points


def mean_loss(
    model: nn.Module,
    inputs: Tensor,
    targets: Tensor,
    *,
    loss: Loss,
    batch_size: int | None = None,
) -> float:
    """Return the mean loss over all points, in evaluation mode, no gradient.

    Parameters
    ----------
    model : torch.nn.Module
        It is left in evaluation mode.
    inputs, targets : tensors, first axis N
        On the model's device.
    loss : callable (output, target) -> scalar tensor
        Mean loss of one batch.
    batch_size : int, optional
        Points at a time; left out: all.
    """
    model.eval()
    with torch.no_grad():
        total = sum(
            loss(model(x), y).item() * len(x)
            for x, y in _batches(inputs, targets, batch_size, None)
        )
    return total / len(inputs)


def _batches(
    inputs: Tensor,
    targets: Tensor,
    batch_size: int | None,
    generator: torch.Generator | None,
) -> Iterator[tuple[Tensor, Tensor]]:
    """Yield batches, shuffled when a generator is given; the last may be short."""
    if batch_size is None:
        yield inputs, targets
        return
    order = torch.arange(len(inputs))
    if generator is not None:
        order = torch.randperm(len(inputs), generator=generator)
    for rows in order.to(inputs.device).split(batch_size):
        yield inputs[rows], targets[rows]


def _diagnosis(
    value: float,
    x: Tensor,
    y: Tensor,
    model: nn.Module,
    optimizer: torch.optim.Optimizer,
    history: History,
) -> str:
    """Say where a loss stopped being finite and, by the evidence, why."""
    where = f"The loss became {value} at step {history.steps} "
    where += f"(epoch {history.epochs}): "
    for name, data in (("inputs", x), ("targets", y)):
        bad = int((~torch.isfinite(data)).sum())
        if bad:
            return where + (
                f"{bad} of the {name} in this batch are not finite. Clean the data "
                "before training."
            )
    largest = max(float(p.detach().abs().max()) for p in model.parameters())
    rate = optimizer.param_groups[0]["lr"]
    losses = history.batch_loss
    if largest > 1e4 or (losses and losses[-1] > 10 * losses[0]):
        return where + (
            f"the weights have grown to {largest:.3g}. The learning rate ({rate:g}) "
            "is probably too high."
        )
    if math.isfinite(largest):
        return where + (
            f"data and weights are finite (largest weight {largest:.3g}), so the loss "
            "itself gave it, as log(0), 0/0 or an overflowing exp does."
        )
    return where + (
        "the step before made the weights NaN although the loss had not grown, so a "
        "gradient was not finite, as that of log or sqrt at 0 is."
    )
