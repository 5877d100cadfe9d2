"""Exercises of regression/runge."""

import math
from typing import Any

import numpy as np

from companion.comparison import agree, as_array, tolerance
from companion.exercises import Exercise

Array = np.ndarray


def _nodes_needed(c: float, tol: float) -> int:
    rho = (1 + math.sqrt(1 + c)) / math.sqrt(c)
    return math.ceil(-math.log(tol) / math.log(rho))


def _nearer_poles_need_more(attempt: Any, c: float, tol: float) -> bool:
    return attempt(4 * c, tol) >= attempt(c, tol)


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


EXERCISES = {
    "nodes-needed": Exercise(
        reference=_nodes_needed,
        sample=lambda rng: (rng.uniform(1, 100), 10.0 ** rng.uniform(-12, -1)),
        properties=[
            (
                "Poles nearer to the interval (a larger c) cannot need fewer nodes.",
                _nearer_poles_need_more,
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
}
