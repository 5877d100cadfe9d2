"""Training: a plain PyTorch loop, many networks at once, Levenberg-Marquardt.

`fit` is the loop that the pages use when the loop itself is not the subject, and
`fit_many` trains a whole grid of small networks, each as it would be alone.
`levenberg_marquardt` is taught in the page on Runge's function: second-order
training that reaches round-off where gradient descent stops at 1e-3.

References
----------
.. [1] D. W. Marquardt (1963), An algorithm for least-squares estimation of
   nonlinear parameters, https://doi.org/10.1137/0111030.
.. [2] M. K. Transtrum and J. P. Sethna (2012), Improvements to the
   Levenberg-Marquardt algorithm, https://arxiv.org/abs/1201.5885.
"""

from __future__ import annotations

import copy
import math
import os
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar

import numpy as np
import numpy.typing as npt
import scipy.linalg
import torch
from torch import Tensor, nn
from tqdm import tqdm

from companion.errors import PlainError
from companion.methods.optimizers import Optimizer
from companion.methods.stacked import StackedNetworks

Array = npt.NDArray[np.float64]
Item = TypeVar("Item")
Loss = Callable[[Tensor, Tensor], Tensor]

__all__ = [
    "DenseJacobian",
    "History",
    "LeastSquares",
    "Linearisation",
    "ManyHistory",
    "TrainingDiverged",
    "device",
    "fit",
    "fit_many",
    "geodesic_step",
    "kernel_solver",
    "levenberg_marquardt",
    "mean_loss",
    "normal_solver",
    "progress",
]

FAILURES_IN_A_ROW = 40
"""Rejected steps after which Levenberg-Marquardt gives up (mu grows by 3^40)."""


class TrainingDiverged(PlainError, RuntimeError):
    """The loss is no longer a finite number; the message names a likely cause."""


def device() -> torch.device:
    """Return CUDA when present, else the CPU."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def progress(iterable: Iterable[Item], description: str = "") -> Iterable[Item]:
    """Show a person a progress bar after a second; book and tests get none.

    The builder and the tests set COMPANION_BOOK=1, which returns `iterable`
    itself.
    """
    if os.environ.get("COMPANION_BOOK") == "1":
        return iterable
    return tqdm(iterable, desc=description, leave=False, delay=1)


@dataclass
class History:
    """What a training run leaves behind; lists have one entry per epoch.

    For `levenberg_marquardt` an epoch is one attempted step.

    Attributes
    ----------
    loss : list of float
        Training loss. From `fit`: its mean over the epoch's batches, taken while
        the weights moved. From `levenberg_marquardt`: mean of r^2 after the step.
    validation : list of float
        Validation loss after the epoch; empty without validation data.
    seconds : list of float
        Seconds since the start, at the end of each epoch.
    mu : list of float
        Damping after each step (`levenberg_marquardt` only).
    batch_loss : list of float
        Loss of each step's batch (`fit` only).
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
    mu: list[float] = field(default_factory=list)
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
    """Return the mean loss over all points, in evaluation mode, no gradient."""
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


@dataclass
class ManyHistory:
    """What `fit_many` leaves behind, at R recorded epochs of S networks.

    Attributes
    ----------
    epochs : array of int, shape (R,)
        The recorded epochs; 0 is before the first step.
    loss : array, shape (R, S)
        Mean squared error on all training data after each of them; inf from the
        epoch on at which a network was found to have diverged.
    seconds : array, shape (R,)
        Seconds that training alone had taken, all networks together.
    """

    epochs: npt.NDArray[np.int64]
    loss: Array
    seconds: Array

    @property
    def diverged(self) -> npt.NDArray[np.bool_]:
        """Which networks diverged, shape (S,)."""
        return ~np.isfinite(self.loss[-1])


def fit_many(
    models: Sequence[nn.Module],
    inputs: Tensor,
    targets: Tensor,
    *,
    optimizer: Optimizer,
    epochs: int,
    batch_size: int | None = None,
    seeds: Sequence[int] | None = None,
    record: Iterable[int] | None = None,
) -> ManyHistory:
    """Train S networks of one shape at once, in place, on mean squared error.

    Network s ends where it would end alone (to rounding): it has its own start,
    its own targets if these differ, and its own shuffling. One that diverges does
    not disturb the others.

    Parameters
    ----------
    models : sequence of torch.nn.Sequential
        See `StackedNetworks`.
    inputs, targets : tensors, shapes (N, d) and (N, k), or (S, N, d) and (S, N, k)
        Training data, shared by all networks or one set each.
    optimizer : object of `companion.methods.optimizers`
        A new one; its learning rate may differ between networks.
    epochs : int
        Passes over the data.
    batch_size : int, optional
        Points per step, reshuffled every epoch; left out: all points in one step.
    seeds : sequence of int, optional
        Seed of each network's shuffling; left out: 0, 1, ..., S - 1. Networks with
        equal seeds see equal batches.
    record : iterable of int, optional
        Epochs after which all losses are computed, 0 for the start; left out: all.

    Returns
    -------
    ManyHistory

    Raises
    ------
    ValueError
        When models, data and seeds do not fit together, the data are not finite,
        or no epoch is to be recorded.
    """
    stack = StackedNetworks(models)
    x = _stacked_data("inputs", inputs, stack, stack.widths[0])
    y = _stacked_data("targets", targets, stack, stack.widths[-1])
    if x.shape[2] != y.shape[2]:
        raise ValueError(f"{x.shape[2]} inputs but {y.shape[2]} targets")
    seeds = range(len(models)) if seeds is None else seeds
    if len(seeds) != len(models):
        raise ValueError(f"{len(models)} models but {len(seeds)} seeds")
    marks = set(range(epochs + 1) if record is None else record)
    if not marks & set(range(epochs + 1)):
        raise ValueError(f"no epoch to record between 0 and {epochs}")
    orders = _Orders(seeds, x.shape[2], batch_size)
    kept: list[tuple[int, Array, float]] = []
    seconds = 0.0
    with torch.no_grad():
        for epoch in progress(range(epochs + 1), "epochs"):
            if epoch:
                seconds += _train_stack(stack, optimizer, orders.batches(x, y))
            if epoch in marks:
                kept.append((epoch, _settled_loss(stack, optimizer, x, y), seconds))
        stack.theta.copy_(optimizer.settled(stack.theta))
        stack.write_back(models)
    return _many_history(kept)


def _train_stack(
    stack: StackedNetworks,
    optimizer: Optimizer,
    batches: Iterable[tuple[Tensor, Tensor]],
) -> float:
    """Take one step per batch and return the seconds that it took."""
    started = _clock(stack.theta)
    for x, y in batches:
        loss = stack.backward(x, y)
        optimizer.step(stack.theta, stack.gradient, loss)
    return _clock(stack.theta) - started


def _many_history(kept: Sequence[tuple[int, Array, float]]) -> ManyHistory:
    """Join the recorded epochs; a network that diverged once has diverged."""
    epochs, losses, seconds = zip(*kept, strict=True)
    loss = np.array(losses)
    loss[np.logical_or.accumulate(~np.isfinite(loss), axis=0)] = np.inf
    return ManyHistory(np.array(epochs), loss, np.array(seconds))


def _clock(tensor: Tensor) -> float:
    """Return the time in seconds, when the tensor's device has done its work."""
    if tensor.is_cuda:
        torch.cuda.synchronize(tensor.device)
    return time.perf_counter()


def _settled_loss(
    stack: StackedNetworks, optimizer: Optimizer, x: Tensor, y: Tensor
) -> Array:
    """Return the losses (S,) at what the optimiser would keep, theta unchanged."""
    trial = stack.theta.clone()
    stack.theta.copy_(optimizer.settled(trial))
    losses: Array = stack.loss(x, y).double().cpu().numpy()
    stack.theta.copy_(trial)
    return losses


def _stacked_data(
    name: str, data: Tensor, stack: StackedNetworks, width: int
) -> Tensor:
    """Return inputs or targets as (S, width, N), or say what does not fit."""
    S = len(stack.theta)
    if data.shape[-1:] != (width,) or data.shape[:-2] not in ((), (S,)):
        raise ValueError(
            f"{name} must have the shape (N, {width}), or ({S}, N, {width}) with one "
            f"set for each network, not {tuple(data.shape)}"
        )
    if (data.dtype, data.device) != (stack.theta.dtype, stack.theta.device):
        raise ValueError(
            f"{name} are {data.dtype} on {data.device}, but the models are "
            f"{stack.theta.dtype} on {stack.theta.device}: convert one with .to()"
        )
    bad = int((~torch.isfinite(data)).sum())
    if bad:
        raise ValueError(
            f"{bad} of the {name} are not finite: clean the data before training"
        )
    return data.transpose(-1, -2).expand(S, width, data.shape[-2]).contiguous()


class _Orders:
    """Each network's shuffled batches, those of equal seeds drawn once."""

    def __init__(self, seeds: Sequence[int], N: int, batch_size: int | None) -> None:
        if batch_size is not None and batch_size < 1:
            raise ValueError(f"batch_size must be at least 1, not {batch_size}")
        self.N, self.batch_size = N, batch_size
        distinct = sorted(set(seeds))
        self.generators = [torch.Generator().manual_seed(seed) for seed in distinct]
        self.rows = [distinct.index(seed) for seed in seeds]

    def batches(self, x: Tensor, y: Tensor) -> Iterator[tuple[Tensor, Tensor]]:
        """Yield one epoch's batches of x (S, d, N) and y (S, k, N)."""
        if self.batch_size is None:
            yield x, y
            return
        drawn = [torch.randperm(self.N, generator=g) for g in self.generators]
        order = torch.stack([drawn[row] for row in self.rows])[:, None].to(x.device)
        shuffled = [t.gather(2, order.expand(t.shape)) for t in (x, y)]
        size = self.batch_size
        yield from zip(*(t.split(size, dim=2) for t in shuffled), strict=True)


class Linearisation(Protocol):
    """What `levenberg_marquardt` asks of a linearised residual."""

    def kernel(self) -> Array:
        """Return K = J J^T, shape (N, N)."""

    def transpose_product(self, alpha: Array) -> Array:
        """Return J^T alpha, shape (P,)."""

    def jacobian(self) -> Array:
        """Return J, shape (N, P); asked for only when P < N."""


class LeastSquares(Protocol):
    """A problem min |r(theta)|^2 for `levenberg_marquardt`."""

    def residual(self, theta: Array) -> Array:
        """Return r, shape (N,)."""

    def linearise(self, theta: Array) -> Linearisation:
        """Return J = dr/dtheta in a form that offers the products above."""


@dataclass(frozen=True)
class DenseJacobian:
    """The `Linearisation` of a problem whose Jacobian is simply at hand.

    Parameters
    ----------
    J : array, shape (N, P)
    """

    J: Array

    def kernel(self) -> Array:
        """Return J J^T."""
        return self.J @ self.J.T

    def transpose_product(self, alpha: Array) -> Array:
        """Return J^T alpha."""
        return self.J.T @ alpha

    def jacobian(self) -> Array:
        """Return J."""
        return self.J


Solve = Callable[[Array], tuple[Array, Array]]


def kernel_solver(K: Array, tangent: Linearisation, mu: float) -> Solve:
    """Return r -> (v, J v) with v = -J^T (J J^T + mu I)^{-1} r, K = J J^T.

    One Cholesky factorisation of an (N, N) matrix; J is never formed.

    Raises
    ------
    numpy.linalg.LinAlgError
        When K + mu I is singular to working precision.
    """
    factor = scipy.linalg.cho_factor(K + mu * np.eye(len(K)), check_finite=False)

    def solve(r: Array) -> tuple[Array, Array]:
        # (K + mu I) alpha = r,  v = -J^T alpha,  J v = -K alpha
        alpha = scipy.linalg.cho_solve(factor, r, check_finite=False)
        return -tangent.transpose_product(alpha), -(K @ alpha)

    return solve


def normal_solver(A: Array, J: Array, mu: float) -> Solve:
    """Return r -> (v, J v) with v = -(J^T J + mu I)^{-1} J^T r, A = J^T J.

    One Cholesky factorisation of a (P, P) matrix; raises as `kernel_solver`.
    """
    factor = scipy.linalg.cho_factor(A + mu * np.eye(len(A)), check_finite=False)

    def solve(r: Array) -> tuple[Array, Array]:
        # (J^T J + mu I) v = -J^T r
        v = -scipy.linalg.cho_solve(factor, J.T @ r, check_finite=False)
        return v, J @ v

    return solve


def _solver_family(tangent: Linearisation, N: int, P: int) -> Callable[[float], Solve]:
    """Return mu -> solver, in the form whose matrix is the smaller one."""
    if P < N:
        J = tangent.jacobian()
        A = J.T @ J
        return lambda mu: normal_solver(A, J, mu)
    K = tangent.kernel()
    return lambda mu: kernel_solver(K, tangent, mu)


def geodesic_step(
    problem: LeastSquares, theta: Array, r: Array, solve: Solve, h: float = 0.1
) -> Array:
    """Return the damped step, bent along the geodesic where that bends little."""
    v, Jv = solve(r)
    # r_vv = (2 / h) ((r(theta + h v) - r(theta)) / h - J v)
    r_vv = 2 / h * ((problem.residual(theta + h * v) - r) / h - Jv)
    if not np.all(np.isfinite(r_vv)):
        return v
    # a = -J^T (J J^T + mu I)^{-1} r_vv, used when 2 |a| <= 0.75 |v|
    a, _ = solve(r_vv)
    if 2 * np.linalg.norm(a) > 0.75 * np.linalg.norm(v):
        return v
    return v + a / 2


def levenberg_marquardt(
    problem: LeastSquares,
    theta: Array,
    iterations: int,
    *,
    mu: float = 0.1,
    geodesic: bool = True,
) -> tuple[Array, History]:
    """Minimise |r(theta)|^2 by damped Gauss-Newton steps, in float64.

    With N residuals and P parameters the step v = -(J^T J + mu I)^{-1} J^T r is
    computed from whichever matrix is smaller: J J^T (N, N) when P >= N, which
    needs no J, else J^T J (P, P). Geodesic acceleration [2]_ adds half of the
    second-order correction a when 2 |a| <= 0.75 |v|. A step that lowers the loss
    is taken and mu is divided by 1.5; else mu is multiplied by 3 [1]_.

    Parameters
    ----------
    problem : object with `residual` and `linearise`
        See `LeastSquares`; `networks.WeightedFit` is one.
    theta : array, shape (P,)
        Where to start; it is not changed.
    iterations : int
        Attempted steps, at most: never a time limit, so that a run can be
        repeated to the bit.
    mu : float, optional
        Damping to start from; ``history.mu[-1]`` continues an earlier run.
    geodesic : bool, optional
        Whether to use the second-order correction.

    Returns
    -------
    theta : array, shape (P,)
        The best parameters, which are the last ones accepted.
    history : History
        loss (mean of r^2), mu and seconds per attempted step; steps counts the
        accepted ones.

    Raises
    ------
    ValueError
        When r is not finite at the start, or mu is not positive.
    """
    if not mu > 0:
        raise ValueError(f"the damping mu must be positive, not {mu}")
    history, started = History(), time.perf_counter()
    r, solver, failures = problem.residual(theta), None, 0
    if not np.all(np.isfinite(r)):
        raise ValueError(
            f"{np.sum(~np.isfinite(r))} of {r.size} residuals are not finite at the "
            "start: look for NaN in the data, or start from smaller parameters"
        )
    history.stopped = f"all {iterations} iterations were run"
    for _ in progress(range(iterations), "iterations"):
        if solver is None:
            solver = _solver_family(problem.linearise(theta), r.size, theta.size)
        lower = _lower(problem, theta, r, solver, mu, geodesic)
        if lower is not None:
            (theta, r), solver, failures = lower, None, 0
            mu, history.steps = mu / 1.5, history.steps + 1
        else:
            mu, failures = 3 * mu, failures + 1
        history.loss.append(float(r @ r) / r.size)
        history.mu.append(mu)
        history.seconds.append(time.perf_counter() - started)
        history._note_best()
        if failures == FAILURES_IN_A_ROW:
            history.stopped = f"{failures} steps in a row did not lower the loss"
            break
    return theta, history


def _lower(
    problem: LeastSquares,
    theta: Array,
    r: Array,
    solver: Callable[[float], Solve],
    mu: float,
    geodesic: bool,
) -> tuple[Array, Array] | None:
    """Return the next theta and its residual, or None when the step fails."""
    try:
        solve = solver(mu)
    except np.linalg.LinAlgError:
        return None
    step = geodesic_step(problem, theta, r, solve) if geodesic else solve(r)[0]
    new = theta + step
    r_new = problem.residual(new)
    # NaN compares as False: a step out of the domain is a failed step
    return (new, r_new) if r_new @ r_new < r @ r else None
