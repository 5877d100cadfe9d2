"""Exercises of foundations/backpropagation."""

from typing import Any

import numpy as np
from scipy.special import expit

from companion.comparison import agree, as_array
from companion.exercises import Exercise

Array = np.ndarray


def _tanh_gradient(theta: Array, X: Array, y: Array) -> Array:
    W, b, v, c = theta[:4].reshape(2, 2).T, theta[4:6], theta[6:8], theta[8]
    h = np.tanh(X @ W.T + b)
    d = 2 / len(y) * (h @ v + c - y)
    delta = d[:, None] * v * (1 - h**2)
    parts = (X.T @ delta).ravel(), delta.sum(axis=0), h.T @ d, [d.sum()]
    return np.concatenate(parts)


def _tanh_sample(rng: np.random.Generator) -> tuple[Any, ...]:
    n = int(rng.integers(1, 6))
    return rng.normal(size=9), rng.normal(size=(n, 2)), rng.normal(size=n)


def _vanishes_at_a_fit(attempt: Any, theta: Array, X: Array, y: Array) -> bool:
    """Give the network's own outputs as targets: the gradient must be zero."""
    W, b, v, c = theta[:4].reshape(2, 2).T, theta[4:6], theta[6:8], theta[8]
    fitted = np.tanh(X @ W.T + b) @ v + c
    return agree(attempt(theta, X, fitted), 0, 1e-10)


def _directional(W: list[Array], b: list[Array], x: Array, v: Array) -> float:
    a, rate = x, v
    for W_l, b_l in zip(W, b, strict=True):
        a = expit(W_l @ a + b_l)
        rate = a * (1 - a) * (W_l @ rate)
    return float(rate.item())


def _network_sample(rng: np.random.Generator) -> tuple[Any, ...]:
    n = [int(size) for size in rng.integers(1, 7, size=rng.integers(2, 6))] + [1]
    shapes = list(zip(n[1:], n[:-1], strict=True))
    W = [3 * rng.normal(size=shape) / np.sqrt(shape[1]) for shape in shapes]
    b = [rng.normal(size=size) for size in n[1:]]
    return W, b, rng.normal(size=n[0]), rng.normal(size=n[0])


def _is_linear(
    attempt: Any, W: list[Array], b: list[Array], x: Array, v: Array
) -> bool:
    """Compare the derivative along 2v with twice that along v."""
    return agree(attempt(W, b, x, 2 * v), 2 * as_array(attempt(W, b, x, v)))


EXERCISES = {
    "tanh-gradient": Exercise(
        reference=_tanh_gradient,
        sample=_tanh_sample,
        properties=[
            (
                "With the network's own outputs as targets the gradient "
                "should be zero; yours is not.",
                _vanishes_at_a_fit,
            )
        ],
    ),
    "directional": Exercise(
        reference=_directional,
        sample=_network_sample,
        properties=[
            ("Twice the direction should give twice the derivative.", _is_linear)
        ],
        tol=1e-10,
    ),
}
