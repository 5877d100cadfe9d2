"""Exercises of foundations/optimizers."""

from collections.abc import Callable
from typing import Any

import numpy as np

from companion.comparison import agree
from companion.exercises import Exercise, is_not

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


def _looks_ahead(
    attempt: Any, theta: Array, v: Array, gradient: Gradient, eta: float, beta: float
) -> bool:
    """Ask for the gradient where the velocity is about to lead."""
    asked = []

    def note(point: Array) -> Array:
        asked.append(np.copy(point))
        return gradient(point)

    attempt(theta, v, note, eta, beta)
    return any(agree(point, theta - eta * beta * v) for point in asked)


EXERCISES = {
    "fourth-step": Exercise(reference=(1.6875, 0.4375), tol=1e-3),
    "steady-adam": Exercise(reference=0.3, tol=1e-3),
    "secant": Exercise(reference=2.0, tol=1e-3),
    "largest-rate": Exercise(
        reference=0.0038,
        properties=[
            (
                "2/1000 is the limit without momentum.",
                is_not(0.002, 1e-6),
            ),
        ],
        tol=1e-6,
    ),
    "nesterov": Exercise(
        reference=_nesterov,
        sample=_nesterov_sample,
        properties=[
            (
                "With beta = 0 one step must be plain gradient descent, whatever the "
                "old velocity was.",
                _without_momentum_descends,
            ),
            (
                "The gradient must be taken at theta - eta * beta * v, not at theta.",
                _looks_ahead,
            ),
        ],
        tol=1e-10,
    ),
}
