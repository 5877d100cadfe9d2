"""Exercises of regression/runge."""

import math
from typing import Any

import numpy as np

from companion.comparison import agree, as_array, tolerance
from companion.exercises import Exercise, is_not

Array = np.ndarray


def _not_without_damping(attempt: Any) -> bool:
    return not agree(attempt, -1.0, 1e-3)


def _weighted_step(J: Array, r: Array, w: Array, mu: float) -> Array:
    A = J.T @ (w[:, None] * J) + mu * np.eye(J.shape[1])
    return -np.linalg.solve(A, J.T @ (w * r))


def _weighted_sample(rng: np.random.Generator) -> tuple[Any, ...]:
    N, P = rng.integers(1, 6), rng.integers(1, 9)
    w = rng.uniform(0.1, 3, N)
    return rng.normal(size=(N, P)), rng.normal(size=N), w, rng.uniform(0.1, 2)


def _is_a_minimum(attempt: Any, J: Array, r: Array, w: Array, mu: float) -> bool:
    """Say whether the gradient J^T (w (r + J v)) + mu v vanishes."""
    found = attempt(J, r, w, mu)
    v = as_array(found)
    return agree(J.T @ (w * (r + J @ v)) + mu * v, 0, 10 * tolerance(found, 1e-9))


def _smallest_damping(r_norm: float, length: float) -> float:
    return (r_norm / (2 * length)) ** 2


def _holds_for_one_weight(attempt: Any, r_norm: float, length: float) -> bool:
    """Say whether no step is longer than `length` for J = (s), at many s."""
    mu = float(as_array(attempt(r_norm, length)))
    if not mu > 0:
        return False
    s = np.geomspace(1e-3, 1e3, 601) * math.sqrt(mu)
    longest = float(np.max(s / (s * s + mu))) * r_norm
    return longest <= length * (1 + 1e-6)


EXERCISES = {
    "gd-left": Exercise(
        reference=0.99**100,
        tol=1e-3,
        properties=[
            (
                "That is the factor of a single step.",
                is_not(0.99),
            ),
            (
                "It shrinks by 1 - eta lambda, a hundred times; not by 1 - 100 eta.",
                lambda attempt: float(as_array(attempt)) > 0,
            ),
        ],
    ),
    "toy-row": Exercise(
        reference=(0.72, 0.8),
        tol=1e-3,
        properties=[
            (
                "The derivative in u has three factors: w, x and 1 - tanh^2.",
                lambda attempt: agree(as_array(attempt)[0], 0.72, 1e-3),
            )
        ],
    ),
    "damped-step": Exercise(
        reference=-0.2,
        tol=1e-3,
        properties=[
            (
                "That is the step of Gauss-Newton, without the damping.",
                _not_without_damping,
            )
        ],
    ),
    "weighted-step": Exercise(
        reference=_weighted_step,
        sample=_weighted_sample,
        properties=[
            ("The gradient of the weighted sum is not zero at your v.", _is_a_minimum)
        ],
    ),
    "step-bound": Exercise(
        reference=_smallest_damping,
        sample=lambda rng: (rng.uniform(0.1, 5), 10.0 ** rng.uniform(-2, 1)),
        properties=[
            (
                "There is a J with one weight whose step is longer.",
                _holds_for_one_weight,
            )
        ],
    ),
}
