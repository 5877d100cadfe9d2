"""Fully connected PyTorch networks with Keras's default start.

References
----------
.. [1] X. Glorot and Y. Bengio (2010), Understanding the difficulty of training
   deep feedforward neural networks, AISTATS, PMLR 9:249-256.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import nn

__all__ = ["mlp"]


def mlp(
    widths: Sequence[int],
    *,
    seed: int,
    gain: float = 1.0,
    activation: type[nn.Module] = nn.Tanh,
) -> nn.Sequential:
    """Return a fully connected PyTorch network with Keras's default start.

    Weights are Glorot uniform, U(-c, c) with c = gain sqrt(6 / (n_in + n_out))
    [1]_, biases are zero, and the output layer is linear.

    Parameters
    ----------
    widths : sequence of int
        Units of each layer, input and output included: ``[1, 64, 64, 1]``.
    seed : int
        Seed of the initial weights; the global generator is left alone.
    gain : float, optional
        Factor on the range; 5/3 is PyTorch's advice for tanh.
    activation : type of torch.nn.Module, optional
        Activation after every layer but the last.

    Returns
    -------
    torch.nn.Sequential
        Linear layers with activations between them, in float32 on the CPU.

    Raises
    ------
    ValueError
        When there are fewer than two widths, or one is below 1.
    """
    if len(widths) < 2 or min(widths) < 1:
        raise ValueError(f"widths must be two or more positive numbers: {widths}")
    generator = torch.Generator().manual_seed(seed)
    layers: list[nn.Module] = []
    for n_in, n_out in pairwise(widths):
        linear = nn.utils.skip_init(nn.Linear, n_in, n_out)
        nn.init.xavier_uniform_(linear.weight, gain=gain, generator=generator)
        nn.init.zeros_(linear.bias)
        layers += [linear, activation()]
    return nn.Sequential(*layers[:-1])
