"""Exercises of foundations/optimizers."""

from collections.abc import Callable
from typing import Any

import numpy as np

from companion.comparison import agree
from companion.exercises import Exercise

Array = np.ndarray
Gradient = Callable[[Array], Array]


def _nesterov(
    theta: Array, v: Array, gradient: Gradient, eta: float, beta: float
) -> tuple[Array, Array]:
    v = beta * v + gradient(theta - eta * beta * v)
    return theta - eta * v, v


def _nesterov_sample(rng: np.random.Generator) -> tuple[Any, ...]:
    n = int(rng.integers(1, 5))
    A = rng.normal(size=(n, n))

    def gradient(theta: Array) -> Array:
        return np.sin(A @ theta)

    return rng.normal(size=n), rng.normal(size=n), gradient, *rng.uniform(0.05, 0.9, 2)


def _without_momentum_descends(
    attempt: Any, theta: Array, v: Array, gradient: Gradient, eta: float, beta: float
) -> bool:
    """With beta = 0 the old velocity must play no part."""
    new = attempt(theta, v, gradient, eta, 0.0)[0]
    return agree(new, theta - eta * gradient(theta))


def _batch_for(q: float, T_full: float, T_b1: float, b1: float, N: float) -> float:
    tau = (T_b1 - T_full) / (N / b1 - 1)
    return N / (1 + (q - 1) * T_full / tau)


def _batch_sample(rng: np.random.Generator) -> tuple[Any, ...]:
    N, b1 = 1600.0, float(rng.integers(1, 400))
    T_full = rng.uniform(1, 9)
    return rng.uniform(1, 5), T_full, T_full * rng.uniform(1.1, 20), b1, N


def _full_batch_at_one(
    attempt: Any, q: float, T_full: float, T_b1: float, b1: float, N: float
) -> bool:
    return agree(attempt(1.0, T_full, T_b1, b1, N), N)


EXERCISES = {
    "nesterov": Exercise(
        reference=_nesterov,
        sample=_nesterov_sample,
        properties=[
            (
                "With beta = 0 one step must be plain gradient descent, whatever the "
                "old velocity was.",
                _without_momentum_descends,
            )
        ],
        tol=1e-10,
    ),
    "batch-for": Exercise(
        reference=_batch_for,
        sample=_batch_sample,
        properties=[("For q = 1 the answer is the full batch, N.", _full_batch_at_one)],
        tol=1e-9,
    ),
}
