"""Exercises of foundations/backpropagation."""

from typing import Any

import numpy as np
from scipy.special import expit

from companion.comparison import agree, as_array
from companion.exercises import Exercise

Array = np.ndarray


def _tanh_gradient(
    W: Array, b: Array, V: Array, c: Array, X: Array, Y: Array
) -> tuple[Array, ...]:
    A = np.tanh(X @ W.T + b)
    Delta_out = 2 / len(X) * (A @ V.T + c - Y)
    Delta = (1 - A**2) * (Delta_out @ V)
    return Delta.T @ X, Delta.sum(axis=0), Delta_out.T @ A, Delta_out.sum(axis=0)


def _tanh_sample(rng: np.random.Generator) -> tuple[Any, ...]:
    N, d, m, k = rng.integers(1, 6, size=4)
    shapes = (m, d), (m,), (k, m), (k,), (N, d), (N, k)
    return tuple(rng.normal(size=shape) for shape in shapes)


def _vanishes_at_a_fit(
    attempt: Any, W: Array, b: Array, V: Array, c: Array, X: Array, Y: Array
) -> bool:
    """Give the network's own outputs as targets: the gradients must be zero."""
    fitted = np.tanh(X @ W.T + b) @ V.T + c
    return all(agree(part, 0, 1e-10) for part in attempt(W, b, V, c, X, fitted))


def _weight_gradient(Delta: Array, A: Array) -> Array:
    return Delta.T @ A


def _batch_sample(rng: np.random.Generator) -> tuple[Array, Array]:
    N, n_out, n_in = rng.integers(1, 7, size=3)
    return rng.normal(size=(N, n_out)), rng.normal(size=(N, n_in))


def _directional(W: list[Array], b: list[Array], x: Array, q: Array) -> float:
    a, a_dot = x, q
    for W_l, b_l in zip(W, b, strict=True):
        a = expit(W_l @ a + b_l)
        a_dot = a * (1 - a) * (W_l @ a_dot)
    return float(a_dot.item())


def _network_sample(rng: np.random.Generator) -> tuple[Any, ...]:
    n = [int(size) for size in rng.integers(1, 7, size=rng.integers(2, 6))] + [1]
    shapes = list(zip(n[1:], n[:-1], strict=True))
    W = [3 * rng.normal(size=shape) / np.sqrt(shape[1]) for shape in shapes]
    b = [rng.normal(size=size) for size in n[1:]]
    return W, b, rng.normal(size=n[0]), rng.normal(size=n[0])


def _is_linear(
    attempt: Any, W: list[Array], b: list[Array], x: Array, q: Array
) -> bool:
    """Compare the derivative along 2q with twice that along q."""
    return agree(attempt(W, b, x, 2 * q), 2 * as_array(attempt(W, b, x, q)))


EXERCISES = {
    "other-weight": Exercise(reference=-0.128, tol=1e-3),
    "three-scores": Exercise(reference=(0.125, -0.625, 0.5), tol=1e-3),
    "weight-gradient": Exercise(reference=_weight_gradient, sample=_batch_sample),
    "tanh-gradient": Exercise(
        reference=_tanh_gradient,
        sample=_tanh_sample,
        properties=[
            (
                "With the network's own outputs as targets the gradients "
                "should be zero; yours are not.",
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
