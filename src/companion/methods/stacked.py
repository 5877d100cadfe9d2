"""Many small networks of one shape, computed at once as stacked tensors.

Training a small network is mostly bookkeeping: a step of a 1-10-10-1 network
multiplies for microseconds and prepares for hundreds. `StackedNetworks` computes
S networks by one batched matrix product a layer, with the backward pass written
out and every buffer allocated once.

Layout: parameters are one tensor theta of shape (S, P), row s holding network s
as `torch.nn.utils.parameters_to_vector` gives it, and `TanhNetwork` too: W (n_out,
n_in) by rows, then b, layer by layer. Activations have shape (S, units, points),
points last, so that every elementwise loop runs over contiguous memory.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn.utils import parameters_to_vector, vector_to_parameters

__all__ = ["StackedNetworks"]


def _tanh(z: Tensor) -> None:
    # tanh(z) = 2 sigmoid(2 z) - 1; PyTorch's sigmoid is the faster loop
    z.mul_(2).sigmoid_().mul_(2).sub_(1)


def _relu(z: Tensor) -> None:
    z.clamp_(min=0)


def _tanh_backward(d: Tensor, a: Tensor) -> None:
    # d <- d (1 - a^2)
    torch.ops.aten.tanh_backward.grad_input(d, a, grad_input=d)


def _relu_backward(d: Tensor, a: Tensor) -> None:
    # d <- d [a > 0]
    torch.ops.aten.threshold_backward.grad_input(d, a, 0, grad_input=d)


Forward = Callable[[Tensor], None]
Backward = Callable[[Tensor, Tensor], None]
ACTIVATIONS: dict[type[nn.Module], tuple[Forward, Backward]] = {
    nn.Tanh: (_tanh, _tanh_backward),
    nn.ReLU: (_relu, _relu_backward),
}


class StackedNetworks:
    """S fully connected networks of one shape, and their mean squared errors.

    Parameters
    ----------
    models : sequence of torch.nn.Sequential
        Linear layers with one kind of activation, Tanh or ReLU, between them, as
        `networks.mlp` makes them; equal in shape, on one device.

    Attributes
    ----------
    theta : tensor, shape (S, P)
        The parameters, copied from the models; `write_back` returns them.
    gradient : tensor, shape (S, P)
        The gradients of the last call of `backward`.

    Raises
    ------
    ValueError
        When there are no models, their shapes differ, or one has a layer that is
        not supported; the message names it.
    """

    def __init__(self, models: Sequence[nn.Module]) -> None:
        if not models:
            raise ValueError("there are no models to stack")
        shapes = [_shape(model, number) for number, model in enumerate(models)]
        for number, shape in enumerate(shapes):
            if shape != shapes[0]:
                raise ValueError(
                    f"model {number} has the shape {_text(shape)}, but model 0 has "
                    f"{_text(shapes[0])}: stack only networks of one shape"
                )
        self.widths, kind = shapes[0]
        self.activate, self.activate_backward = ACTIVATIONS[kind]
        self.theta = torch.stack(
            [parameters_to_vector(model.parameters()).detach() for model in models]
        )
        self.gradient = torch.zeros_like(self.theta)
        self.layers = self._views(self.theta)
        self._gradients = self._views(self.gradient)
        self._buffers: dict[int, tuple[list[Tensor], list[Tensor]]] = {}

    def _views(self, flat: Tensor) -> list[tuple[Tensor, Tensor]]:
        """Return each layer's W (S, n_out, n_in) and b (S, n_out, 1) as views."""
        pairs, start = [], 0
        for n_in, n_out in pairwise(self.widths):
            W = flat[:, start : start + n_out * n_in].unflatten(1, (n_out, n_in))
            start += n_out * (n_in + 1)
            pairs.append((W, flat[:, start - n_out : start, None]))
        return pairs

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
        """Return each network's mean squared error, shape (S,)."""
        return (self.forward(x) - y).square_().mean(dim=(1, 2))

    def backward(self, x: Tensor, y: Tensor) -> Tensor:
        """Fill `gradient` for targets y (S, n_out, B); return the losses (S,)."""
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

    def write_back(self, models: Sequence[nn.Module]) -> None:
        """Copy row s of theta into the parameters of ``models[s]``."""
        for row, model in zip(self.theta, models, strict=True):
            vector_to_parameters(row, model.parameters())


Shape = tuple[tuple[int, ...], type[nn.Module]]


def _shape(model: nn.Module, number: int) -> Shape:
    """Return a network's widths and activation, or say what is not supported."""
    layers = list(model) if isinstance(model, nn.Sequential) else [model]
    linear = [m for m in layers[::2] if type(m) is nn.Linear and m.bias is not None]
    kinds = {type(layer) for layer in layers[1::2]} or {nn.Tanh}
    regular = (
        len(layers) == 2 * len(linear) - 1
        and len(kinds) == 1
        and kinds <= set(ACTIVATIONS)
    )
    if not regular:
        names = " - ".join(type(layer).__name__ for layer in layers)
        raise ValueError(
            f"model {number} is {names}: only Linear layers (with bias) with Tanh, or "
            "with ReLU, between them can be stacked; train others with fit()"
        )
    widths = (linear[0].in_features, *(layer.out_features for layer in linear))
    return widths, kinds.pop()


def _text(shape: Shape) -> str:
    widths, kind = shape
    return f"{'-'.join(map(str, widths))} {kind.__name__}"
