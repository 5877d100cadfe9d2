"""Many networks of one architecture, trained at once as stacked tensors.

Training a small network is mostly bookkeeping: a step of a 1-10-10-1 network
multiplies for microseconds and prepares for hundreds. S networks can share that.
`fit_many` trains them, each as `training.fit` would alone, on a stack:

- `StackedMLPs`, for fully connected networks and mean squared error: one batched
  matrix product a layer, the backward pass written out, every buffer allocated once;
- `StackedModules`, for any other module and loss, by `torch.func`.

`stack` chooses between them. In both the parameters are one tensor theta of shape
(S, P), row s holding network s as `torch.nn.utils.parameters_to_vector` gives it.

Not supported are dropout and anything else random in a forward pass, buffers (as the
running statistics of batch normalisation: set ``track_running_stats=False``), frozen
parameters, and control flow that depends on values. They are refused.
"""

from __future__ import annotations

import copy
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.func import functional_call, grad_and_value, vmap
from torch.nn.functional import mse_loss
from torch.nn.utils import parameters_to_vector, vector_to_parameters

from companion.methods.optimizers import UpdateRule
from companion.progress import progress

Array = npt.NDArray[np.float64]
Loss = Callable[[Tensor, Tensor], Tensor]

__all__ = [
    "ManyHistory",
    "Stack",
    "StackedMLPs",
    "StackedModules",
    "fit_many",
    "stack",
]


class Stack(ABC):
    """S networks of one architecture, with their losses and gradients.

    Parameters
    ----------
    models : sequence of torch.nn.Module
        Alike in all but the values of their parameters, on one device.

    Attributes
    ----------
    theta : tensor, shape (S, P)
        The parameters, copied from the models; `write_back` returns them.
    gradient : tensor, shape (S, P)
        The gradients of the last call of `backward`.

    Raises
    ------
    ValueError
        When there are no models, or they cannot be stacked; the message names one.
    """

    def __init__(self, models: Sequence[nn.Module]) -> None:
        if not models:
            raise ValueError("there are no models to stack")
        for number, model in enumerate(models):
            if number == 0 or model is not models[0]:
                _check(model, number, models[0])
        parameters = dict(models[0].named_parameters())
        self.shapes = {name: p.shape for name, p in parameters.items()}
        self.theta = torch.stack(
            [parameters_to_vector(model.parameters()).detach() for model in models]
        )
        self.gradient = torch.zeros_like(self.theta)

    def views(self, flat: Tensor) -> dict[str, Tensor]:
        """Return theta's or gradient's parts by parameter, views (S, *shape)."""
        parts = flat.split([shape.numel() for shape in self.shapes.values()], dim=-1)
        return {
            name: part.view(part.shape[:-1] + shape)
            for (name, shape), part in zip(self.shapes.items(), parts, strict=True)
        }

    @abstractmethod
    def loss(self, x: Tensor, y: Tensor) -> Tensor:
        """Return each network's loss, shape (S,), for x and y (S, B, ...)."""

    @abstractmethod
    def backward(self, x: Tensor, y: Tensor) -> Tensor:
        """Fill `gradient` and return the losses (S,), for x and y (S, B, ...)."""

    def write_back(self, models: Sequence[nn.Module]) -> None:
        """Copy row s of theta into the parameters of ``models[s]``."""
        for row, model in zip(self.theta, models, strict=True):
            vector_to_parameters(row, model.parameters())


def _check(model: nn.Module, number: int, first: nn.Module) -> None:
    """Say why a model cannot be stacked with the first one."""
    if _architecture(model) != _architecture(first):
        raise ValueError(
            f"model {number} is not built like model 0: stack only networks of one "
            "architecture"
        )
    buffers = [name for name, _ in model.named_buffers()]
    frozen = [name for name, p in model.named_parameters() if not p.requires_grad]
    for names, kind in ((buffers, "buffers"), (frozen, "frozen parameters")):
        if names:
            raise ValueError(
                f"model {number} has {kind} ({', '.join(names)}), which cannot be "
                "stacked: train it with fit()"
            )


def _architecture(model: nn.Module) -> tuple[str, list[tuple[str, torch.Size]]]:
    return repr(model), [(name, p.shape) for name, p in model.named_parameters()]


class StackedModules(Stack):
    """A stack of any modules, and of any loss, by `torch.func`.

    Parameters
    ----------
    models : sequence of torch.nn.Module
        See `Stack`; what is not supported stands at the head of the module.
    loss : callable (output, target) -> scalar tensor, optional
        Mean loss of one network's batch; left out: mean squared error.

    Raises
    ------
    ValueError
        As `Stack`; from `loss` and `backward`, when a forward pass is random or
        depends on values.
    """

    def __init__(self, models: Sequence[nn.Module], loss: Loss = mse_loss) -> None:
        super().__init__(models)
        network = copy.deepcopy(models[0]).train()

        def C(theta: Tensor, x: Tensor, y: Tensor) -> Tensor:
            return loss(functional_call(network, self.views(theta), (x,)), y)

        self._losses, self._gradients = vmap(C), vmap(grad_and_value(C))

    def loss(self, x: Tensor, y: Tensor) -> Tensor:
        """Return each network's loss; see `Stack`."""
        losses: Tensor = self._run(self._losses, x, y)
        return losses

    def backward(self, x: Tensor, y: Tensor) -> Tensor:
        """Fill `gradient` and return the losses; see `Stack`."""
        gradient, losses = self._run(self._gradients, x, y)
        self.gradient.copy_(gradient)
        return losses

    def _run(self, stacked: Callable[..., Any], x: Tensor, y: Tensor) -> Any:
        try:
            return stacked(self.theta, x, y)
        except RuntimeError as error:
            if not str(error).startswith("vmap:"):
                raise
            raise ValueError(
                "the models cannot be stacked, because their forward pass or loss is "
                f"random or depends on values: train them with fit() ({error})"
            ) from error


def _tanh(z: Tensor) -> None:
    # tanh(z) = 2 sigmoid(2 z) - 1; PyTorch's sigmoid is the faster loop
    z.mul_(2).sigmoid_().mul_(2).sub_(1)


def _sigmoid(z: Tensor) -> None:
    z.sigmoid_()


def _relu(z: Tensor) -> None:
    z.clamp_(min=0)


def _tanh_backward(d: Tensor, a: Tensor) -> None:
    # d <- d (1 - a^2)
    torch.ops.aten.tanh_backward.grad_input(d, a, grad_input=d)


def _sigmoid_backward(d: Tensor, a: Tensor) -> None:
    # d <- d a (1 - a)
    torch.ops.aten.sigmoid_backward.grad_input(d, a, grad_input=d)


def _relu_backward(d: Tensor, a: Tensor) -> None:
    # d <- d [a > 0]
    torch.ops.aten.threshold_backward.grad_input(d, a, 0, grad_input=d)


Forward = Callable[[Tensor], None]
Backward = Callable[[Tensor, Tensor], None]
ACTIVATIONS: dict[type[nn.Module], tuple[Forward, Backward]] = {
    nn.Tanh: (_tanh, _tanh_backward),
    nn.Sigmoid: (_sigmoid, _sigmoid_backward),
    nn.ReLU: (_relu, _relu_backward),
}


class StackedMLPs(Stack):
    """A stack of fully connected networks, and their mean squared errors.

    Activations have shape (S, units, points), points last, so that every elementwise
    loop runs over contiguous memory.

    Parameters
    ----------
    models : sequence of torch.nn.Sequential
        Linear layers with one kind of activation, Tanh, Sigmoid or ReLU, between
        them, as `mlp.mlp` makes them.

    Raises
    ------
    ValueError
        As `Stack`; also when a network has another layer, and, from `loss` and
        `backward`, when the data do not have its widths.
    """

    def __init__(self, models: Sequence[nn.Module]) -> None:
        super().__init__(models)
        shape = _mlp_shape(models[0])
        if shape is None:
            raise ValueError(
                "StackedMLPs takes Linear layers (with bias) with Tanh, Sigmoid or "
                "ReLU between them: use stack(), which takes all modules"
            )
        self.widths, kind = shape
        self.activate, self.activate_backward = ACTIVATIONS[kind]
        self.layers, self._gradients = map(self._pairs, (self.theta, self.gradient))
        self._buffers: dict[int, tuple[list[Tensor], list[Tensor]]] = {}

    def _pairs(self, flat: Tensor) -> list[tuple[Tensor, Tensor]]:
        """Return each layer's W (S, n_out, n_in) and b (S, n_out, 1) as views."""
        views = list(self.views(flat).values())
        biases = [b[..., None] for b in views[1::2]]
        return list(zip(views[::2], biases, strict=True))

    def _workspace(self, points: int) -> tuple[list[Tensor], list[Tensor]]:
        """Return the buffers of the activations and of the deltas, per layer."""
        if points not in self._buffers:
            shapes = [(len(self.theta), n, points) for n in self.widths[1:]]
            self._buffers[points] = (
                [self.theta.new_empty(shape) for shape in shapes],
                [self.theta.new_empty(shape) for shape in shapes[:-1]],
            )
        return self._buffers[points]

    def forward(self, x: Tensor) -> Tensor:
        """Return the outputs (S, n_out, B) for inputs x (S, n_in, B).

        The result is a buffer: the next call with as many points overwrites it.
        """
        a, outputs = x, self._workspace(x.shape[2])[0]
        for number, ((W, b), z) in enumerate(zip(self.layers, outputs, strict=True)):
            # z = W a + b,  a = phi(z)
            torch.bmm(W, a, out=z).add_(b)
            if number < len(outputs) - 1:
                self.activate(z)
            a = z
        return a

    def loss(self, x: Tensor, y: Tensor) -> Tensor:
        """Return each network's mean squared error; see `Stack`."""
        x, y = self._points_last(x, y)
        return (self.forward(x) - y).square_().mean(dim=(1, 2))

    def backward(self, x: Tensor, y: Tensor) -> Tensor:
        """Fill `gradient` and return the losses; see `Stack`."""
        x, y = self._points_last(x, y)
        r = self.forward(x).sub_(y)
        loss = r.square().mean(dim=(1, 2))
        # delta^L = 2 r / (n_out B)
        delta = r.mul_(2 / (r.shape[1] * r.shape[2]))
        outputs, deltas = self._workspace(x.shape[2])
        for layer in reversed(range(len(self.layers))):
            a = outputs[layer - 1] if layer else x
            G_W, G_b = self._gradients[layer]
            # dC/dW = delta a^T,  dC/db = delta 1
            G_W.copy_(torch.bmm(delta, a.transpose(1, 2)))
            torch.sum(delta, dim=2, keepdim=True, out=G_b)
            if layer:
                # delta^{l-1} = (W^T delta) phi'(z)
                W_T = self.layers[layer][0].transpose(1, 2)
                delta = torch.bmm(W_T, delta, out=deltas[layer - 1])
                self.activate_backward(delta, a)
        return loss

    def _points_last(self, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        """Return x (S, n_in, B) and y (S, n_out, B), or say what does not fit."""
        for name, data, n in (("inputs", x, 0), ("targets", y, -1)):
            if data.ndim != 3 or data.shape[2] != self.widths[n]:
                raise ValueError(
                    f"{name} of the {'-'.join(map(str, self.widths))} networks must "
                    f"have the shape (N, {self.widths[n]}), not {tuple(data.shape[1:])}"
                )
        return x.transpose(1, 2), y.transpose(1, 2)


def _mlp_shape(model: nn.Module) -> tuple[list[int], type[nn.Module]] | None:
    """Return the widths and the activation of a network that `StackedMLPs` takes."""
    layers = list(model) if isinstance(model, nn.Sequential) else [model]
    linear = [m for m in layers[::2] if type(m) is nn.Linear and m.bias is not None]
    kinds = {type(layer) for layer in layers[1::2]} or {nn.Tanh}
    if len(layers) != 2 * len(linear) - 1 or len(kinds) > 1 or kinds - set(ACTIVATIONS):
        return None
    widths = [linear[0].in_features, *(layer.out_features for layer in linear)]
    return widths, kinds.pop()


def stack(models: Sequence[nn.Module], loss: Loss = mse_loss) -> Stack:
    """Return the models as `StackedMLPs` where they allow it, else as `StackedModules`.

    Parameters
    ----------
    models : sequence of torch.nn.Module
        See `Stack`.
    loss : callable (output, target) -> scalar tensor, optional
        Mean loss of one network's batch; left out: mean squared error.

    Returns
    -------
    Stack

    Raises
    ------
    ValueError
        As `Stack`.
    """
    if models and loss is mse_loss and _mlp_shape(models[0]):
        return StackedMLPs(models)
    return StackedModules(models, loss)


@dataclass
class ManyHistory:
    """What `fit_many` leaves behind, at E evaluated epochs of S networks.

    Attributes
    ----------
    epochs : array of int, shape (E,)
        The evaluated epochs; 0 is before the first step.
    loss : array, shape (E, S)
        Loss on all rows of the data after each of them (with `orders`, also on rows
        that these leave out); inf from the epoch on at which a network was found to
        have diverged.
    seconds : array, shape (E,)
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
    inputs: Tensor | Sequence[Tensor],
    targets: Tensor | Sequence[Tensor],
    *,
    rule: UpdateRule,
    epochs: int,
    loss: Loss = mse_loss,
    batch_size: int | None = None,
    seeds: Sequence[int] | None = None,
    orders: Tensor | None = None,
    evaluate_at: Iterable[int] | None = None,
) -> ManyHistory:
    """Train S networks of one architecture at once, in place.

    Network s ends where it would end alone (to rounding): it has its own start, its
    own data if these differ, and its own shuffling. One that diverges does not
    disturb the others. Multilayer perceptrons with mean squared error take the
    fast path; see the head of the module for what is not supported.

    Parameters
    ----------
    models : sequence of torch.nn.Module
        Alike in all but the values of their parameters; see `Stack`.
    inputs, targets : tensor with first axis N, or sequence of S such tensors
        Training data: one tensor for all networks, or one for each, equal in shape.
        They are copied once for each network.
    rule : UpdateRule
        A new one, from `companion.methods.optimizers`; its learning rate may differ
        between networks.
    epochs : int
        Passes over the data.
    loss : callable (output, target) -> scalar tensor, optional
        Mean loss of one network's batch; left out: mean squared error.
    batch_size : int, optional
        Points per step, reshuffled every epoch; left out: all points in one step.
    seeds : sequence of int, optional
        Seed of each network's shuffling; left out: 0, 1, ..., S - 1. Networks with
        equal seeds see equal batches.
    orders : tensor of int, shape (epochs, S, M), optional
        The rows that each network sees in each epoch, in their order, in place of
        seeds: to repeat a known shuffling, or to leave out a fold. The losses in the
        history are on all rows of the data, also on those left out.
    evaluate_at : iterable of int, optional
        Epochs after which the losses on all data are computed, 0 for the start; left
        out: all.

    Returns
    -------
    ManyHistory

    Raises
    ------
    ValueError
        When models, data and seeds do not fit together, the models cannot be
        stacked, the data are not finite, or no epoch is to be evaluated.
    """
    stacked = stack(models, loss)
    x = _stacked_data("inputs", inputs, stacked.theta)
    y = _stacked_data("targets", targets, stacked.theta)
    if x.shape[1] != y.shape[1]:
        raise ValueError(f"{x.shape[1]} inputs but {y.shape[1]} targets")
    seeds = range(len(models)) if seeds is None else seeds
    if len(seeds) != len(models):
        raise ValueError(f"{len(models)} models but {len(seeds)} seeds")
    marks = set(range(epochs + 1) if evaluate_at is None else evaluate_at)
    if not marks & set(range(epochs + 1)):
        raise ValueError(f"no epoch to evaluate between 0 and {epochs}")
    shuffling = _Orders(seeds, x.shape[1], batch_size, orders)
    if orders is not None and (
        orders.ndim != 3 or orders.shape[:2] != (epochs, len(x)) or not orders.numel()
    ):
        raise ValueError(
            f"orders must have the shape ({epochs}, {len(x)}, rows), for each epoch "
            f"and network at least one row, not {tuple(orders.shape)}"
        )
    evaluated: list[tuple[int, Array, float]] = []
    seconds = 0.0
    with torch.no_grad():
        for epoch in progress(range(epochs + 1), "epochs"):
            if epoch:
                seconds += _train_epoch(stacked, rule, shuffling.batches(x, y))
            if epoch in marks:
                evaluated.append((epoch, _settled_loss(stacked, rule, x, y), seconds))
        stacked.theta.copy_(rule.settled(stacked.theta))
        stacked.write_back(models)
    return _many_history(evaluated)


def _train_epoch(
    stacked: Stack, rule: UpdateRule, batches: Iterable[tuple[Tensor, Tensor]]
) -> float:
    """Take one step per batch and return the seconds that it took."""
    started = _clock(stacked.theta)
    for x, y in batches:
        loss = stacked.backward(x, y)
        rule.step(stacked.theta, stacked.gradient, loss)
    return _clock(stacked.theta) - started


def _many_history(evaluated: Sequence[tuple[int, Array, float]]) -> ManyHistory:
    """Join the evaluated epochs; a network that diverged once has diverged."""
    epochs, losses, seconds = zip(*evaluated, strict=True)
    loss = np.array(losses)
    loss[np.logical_or.accumulate(~np.isfinite(loss), axis=0)] = np.inf
    return ManyHistory(np.array(epochs), loss, np.array(seconds))


def _clock(tensor: Tensor) -> float:
    """Return the time in seconds, when the tensor's device has done its work."""
    if tensor.is_cuda:
        torch.cuda.synchronize(tensor.device)
    return time.perf_counter()


def _settled_loss(stacked: Stack, rule: UpdateRule, x: Tensor, y: Tensor) -> Array:
    """Return the losses (S,) at what the rule would keep, theta unchanged."""
    trial = stacked.theta.clone()
    stacked.theta.copy_(rule.settled(trial))
    losses: Array = stacked.loss(x, y).double().cpu().numpy()
    stacked.theta.copy_(trial)
    return losses


def _stacked_data(name: str, data: Tensor | Sequence[Tensor], theta: Tensor) -> Tensor:
    """Return inputs or targets as (S, N, ...), or say what does not fit."""
    S, sets = len(theta), [data] if isinstance(data, Tensor) else list(data)
    if len(sets) not in (1, S) or len({tensor.shape for tensor in sets}) > 1:
        raise ValueError(
            f"{name} must be one tensor for all networks, or {S} tensors of one shape, "
            "one for each network"
        )
    stacked = torch.stack(sets)
    dtype = theta.dtype if stacked.is_floating_point() else stacked.dtype
    if (stacked.dtype, stacked.device) != (dtype, theta.device):
        raise ValueError(
            f"{name} are {stacked.dtype} on {stacked.device}, but the models are "
            f"{theta.dtype} on {theta.device}: convert one with .to()"
        )
    bad = int((~torch.isfinite(stacked)).sum())
    if bad:
        raise ValueError(
            f"{bad} of the {name} are not finite: clean the data before training"
        )
    return stacked.expand(S, *stacked.shape[1:]).contiguous()


class _Orders:
    """Each network's shuffled batches, those of equal seeds drawn once."""

    def __init__(
        self,
        seeds: Sequence[int],
        N: int,
        batch_size: int | None,
        given: Tensor | None = None,
    ) -> None:
        if batch_size is not None and batch_size < 1:
            raise ValueError(f"batch_size must be at least 1, not {batch_size}")
        self.N, self.batch_size = N, batch_size
        self.given = None if given is None else iter(given)
        distinct = sorted(set(seeds))
        self.generators = [torch.Generator().manual_seed(seed) for seed in distinct]
        self.rows = [distinct.index(seed) for seed in seeds]

    def batches(self, x: Tensor, y: Tensor) -> Iterator[tuple[Tensor, Tensor]]:
        """Yield one epoch's batches of x and y (S, N, ...)."""
        if self.batch_size is None and self.given is None:
            yield x, y
            return
        order = self._order().to(x.device)
        network = torch.arange(len(x), device=x.device)[:, None]
        size = self.batch_size or order.shape[1]
        shuffled = [t[network, order].split(size, dim=1) for t in (x, y)]
        yield from zip(*shuffled, strict=True)

    def _order(self) -> Tensor:
        """Return the next epoch's rows in their order, shape (S, M)."""
        if self.given is not None:
            return next(self.given)
        drawn = [torch.randperm(self.N, generator=g) for g in self.generators]
        return torch.stack([drawn[row] for row in self.rows])
