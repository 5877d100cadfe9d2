"""A tanh network in NumPy and float64, with its Jacobian in factors.

The products of the Jacobian are written out: they are what Levenberg-Marquardt
needs, at a tenth of the time that automatic differentiation takes on networks this
small.

References
----------
.. [1] X. Glorot and Y. Bengio (2010), Understanding the difficulty of training
   deep feedforward neural networks, AISTATS, PMLR 9:249-256.
.. [2] A. Jacot, F. Gabriel and C. Hongler (2018), Neural tangent kernel:
   convergence and generalization in neural networks, NeurIPS 31.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]

__all__ = ["FactoredJacobian", "TanhNetwork", "WeightedLeastSquares"]


@dataclass(frozen=True)
class FactoredJacobian:
    """The Jacobian of a network's output at one theta, every row in factors.

    For a layer z = W a + b the derivative of the scalar output at point n is
    df/dW = d_n a_n^T and df/db = d_n, with d = df/dz. Keeping the factors a and
    d of each layer is enough for every product with J; J itself, of shape
    (N, P), is never formed unless `dense` is called.

    Attributes
    ----------
    inputs : list of arrays, shapes (N, n_in)
        What enters each layer, a.
    sensitivities : list of arrays, shapes (N, n_out)
        Derivative of the output with respect to each layer's z, d.
    """

    inputs: list[Array]
    sensitivities: list[Array]

    def kernel(self) -> Array:
        """Return K = J J^T, shape (N, N): the neural tangent kernel [2]_."""
        # K_nm = sum over layers of (a_n . a_m + 1) (d_n . d_m)
        K = np.zeros((len(self.inputs[0]),) * 2)
        for a, d in zip(self.inputs, self.sensitivities, strict=True):
            K += (a @ a.T + 1) * (d @ d.T)
        return K

    def transpose_product(self, alpha: Array) -> Array:
        """Return J^T alpha, shape (P,), for alpha of shape (N,)."""
        # sum_n alpha_n d_n a_n^T for W, sum_n alpha_n d_n for b
        parts = []
        for a, d in zip(self.inputs, self.sensitivities, strict=True):
            weighted = alpha[:, None] * d
            parts += [(weighted.T @ a).ravel(), weighted.sum(axis=0)]
        return np.concatenate(parts)

    def product(self, v: Array) -> Array:
        """Return J v, shape (N,), for v of shape (P,)."""
        # sum over layers of d_n . (V a_n + v_b), V and v_b being v's parts
        out, start = np.zeros(len(self.inputs[0])), 0
        for a, d in zip(self.inputs, self.sensitivities, strict=True):
            n_in, n_out = a.shape[1], d.shape[1]
            V = v[start : start + n_out * n_in].reshape(n_out, n_in)
            start += n_out * (n_in + 1)
            out += np.sum(d * (a @ V.T + v[start - n_out : start]), axis=1)
        return out

    def dense(self) -> Array:
        """Return J itself, shape (N, P)."""
        blocks = []
        for a, d in zip(self.inputs, self.sensitivities, strict=True):
            blocks += [(d[:, :, None] * a[:, None, :]).reshape(len(a), -1), d]
        return np.concatenate(blocks, axis=1)


@dataclass(frozen=True)
class TanhNetwork:
    """Fully connected network with tanh layers and one linear output.

    All parameters stand in one flat vector theta of shape (P,): W then b, layer
    by layer, W of shape (n_out, n_in) by rows, as in PyTorch.

    Parameters
    ----------
    widths : tuple of int
        Units of each layer, input and output included; the last one must be 1.

    Raises
    ------
    ValueError
        When there are fewer than two layers, a width below 1, or more than one
        output.
    """

    widths: tuple[int, ...]

    def __post_init__(self) -> None:
        if len(self.widths) < 2 or min(self.widths) < 1 or self.widths[-1] != 1:
            raise ValueError(
                f"widths must be positive and end in one output: {self.widths}"
            )

    @property
    def size(self) -> int:
        """Number of parameters P."""
        return sum(n_out * (n_in + 1) for n_in, n_out in pairwise(self.widths))

    def initial(self, seed: int) -> Array:
        """Return a Glorot-uniform start with zero biases [1]_.

        Parameters
        ----------
        seed : int

        Returns
        -------
        theta : array, shape (P,)
        """
        rng = np.random.default_rng(seed)
        parts = []
        for n_in, n_out in pairwise(self.widths):
            c = np.sqrt(6 / (n_in + n_out))
            parts += [rng.uniform(-c, c, n_out * n_in), np.zeros(n_out)]
        return np.concatenate(parts)

    def layers(self, theta: Array) -> list[tuple[Array, Array]]:
        """Return each layer's W (n_out, n_in) and b (n_out,), views of theta."""
        pairs, start = [], 0
        for n_in, n_out in pairwise(self.widths):
            W = theta[start : start + n_out * n_in].reshape(n_out, n_in)
            start += n_out * (n_in + 1)
            pairs.append((W, theta[start - n_out : start]))
        return pairs

    def activations(self, theta: Array, x: Array) -> list[Array]:
        """Return x and every hidden layer's output, shapes (N, width)."""
        a = [x]
        for W, b in self.layers(theta)[:-1]:
            # a = tanh(W a + b)
            a.append(np.tanh(a[-1] @ W.T + b))
        return a

    def forward(self, theta: Array, x: Array) -> Array:
        """Return the network's output.

        Parameters
        ----------
        theta : array, shape (P,)
        x : array, shape (N, n_in)

        Returns
        -------
        f : array, shape (N,)
        """
        W, b = self.layers(theta)[-1]
        return (self.activations(theta, x)[-1] @ W.T + b)[:, 0]

    def linearise(self, theta: Array, x: Array) -> FactoredJacobian:
        """Return the Jacobian of the outputs with respect to theta, in factors.

        Parameters
        ----------
        theta : array, shape (P,)
        x : array, shape (N, n_in)

        Returns
        -------
        FactoredJacobian
        """
        a = self.activations(theta, x)
        # d^L = 1, and backwards d^l = (d^{l+1} W^{l+1}) * (1 - a^l * a^l)
        d = [np.ones((len(x), 1))]
        for (W, _), a_l in zip(
            reversed(self.layers(theta)[1:]), reversed(a[1:]), strict=True
        ):
            d.insert(0, (d[0] @ W) * (1 - a_l * a_l))
        return FactoredJacobian(a, d)


@dataclass(frozen=True)
class WeightedLeastSquares:
    """Weighted least squares of a `TanhNetwork` on data, for `levenberg_marquardt`.

    The residual is r_n = sqrt(w_n) (f(x_n; theta) - y_n).

    Parameters
    ----------
    network : TanhNetwork
    x : array, shape (N, n_in)
    y : array, shape (N,)
    weights : array, shape (N,), optional
        w_n >= 0; all 1 when left out.

    Raises
    ------
    ValueError
        When x, y and weights do not fit together.
    """

    network: TanhNetwork
    x: Array
    y: Array
    weights: Array | None = None

    def __post_init__(self) -> None:
        shapes = [np.shape(self.x), np.shape(self.y), self._scale().shape]
        N, n_in = len(self.y), self.network.widths[0]
        if shapes != [(N, n_in), (N,), (N,)]:
            raise ValueError(
                f"x, y and weights must have the shapes (N, {n_in}), (N,) and (N,), "
                f"not {', '.join(map(str, shapes))}"
            )

    def _scale(self) -> Array:
        return np.ones(len(self.y)) if self.weights is None else np.sqrt(self.weights)

    def residual(self, theta: Array) -> Array:
        """Return r at theta, shape (N,)."""
        return self._scale() * (self.network.forward(theta, self.x) - self.y)

    def linearise(self, theta: Array) -> FactoredJacobian:
        """Return the factors of dr/dtheta at theta."""
        J, scale = self.network.linearise(theta, self.x), self._scale()[:, None]
        return FactoredJacobian(J.inputs, [scale * d for d in J.sensitivities])
