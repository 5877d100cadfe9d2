"""Exercises of classification/logistic-regression."""

from typing import Any

import numpy as np
from scipy.special import expit

from companion.comparison import agree
from companion.exercises import Exercise, is_not

Array = np.ndarray


def _balanced_gradient(theta: Array, A: Array, y: Array, alpha: float) -> Array:
    weight = len(y) / (2 * np.bincount(y))[y]
    return A.T @ (weight * (expit(A @ theta) - y)) / len(y) + alpha * theta


def _two_classes(rng: np.random.Generator) -> tuple[Array, Array, Array, float]:
    y = np.r_[0, 1, rng.integers(0, 2, 8)]
    A = np.column_stack([np.ones(10), rng.normal(size=(10, 2))])
    return rng.normal(size=3), A, y, rng.uniform(0, 1)


def _balances(attempt: Any, theta: Array, A: Array, y: Array, alpha: float) -> bool:
    """At theta = 0 both classes pull equally, so the constant's entry is 0."""
    return agree(attempt(np.zeros(3), A, y, alpha)[0], 0)


EXERCISES = {
    "odds": Exercise(
        reference=0.2,
        tol=1e-3,
        properties=[("These are the odds: solve for p.", is_not(0.25))],
    ),
    "tidy-gradient": Exercise(
        reference=-1.0,
        tol=1e-3,
        properties=[("This is the sum: take the mean of six.", is_not(-6.0))],
    ),
    "boundary": Exercise(reference=1.0, tol=1e-3),
    "balanced-gradient": Exercise(
        reference=_balanced_gradient,
        sample=_two_classes,
        properties=[
            (
                "At theta = 0 the classes should balance in the constant's entry.",
                _balances,
            )
        ],
    ),
    # ln 10 in the limit; these steps give 2.2996
    "growth": Exercise(
        reference=float(np.log(10)),
        tol=3e-3,
        properties=[("It does not settle: run the loop.", is_not(0.0))],
    ),
}
