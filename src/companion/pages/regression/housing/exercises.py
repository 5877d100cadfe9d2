"""Exercises of regression/housing."""

import math
from typing import Any

import numpy as np

from companion.comparison import agree, as_array
from companion.exercises import Exercise, is_not

Array = np.ndarray


def _gain(x: Array, y: Array, c: float) -> float:
    left, right = y[x <= c], y[x > c]
    if not (left.size and right.size):
        return -math.inf
    share = left.size * right.size / y.size
    return float(share * (left.mean() - right.mean()) ** 2)


def _cuts(x: Array) -> Array:
    values = np.unique(x)
    return (values[1:] + values[:-1]) / 2


def _best_cut(x: Array, y: Array) -> float:
    cuts = _cuts(x)
    return float(cuts[np.argmax([_gain(x, y, c) for c in cuts])])


def _table(rng: np.random.Generator) -> tuple[Array, Array]:
    n = int(rng.integers(3, 12))
    x = rng.integers(0, 6, n).astype(float)
    x[:2] = 0, 5
    return x, rng.normal(size=n)


def _cuts_halfway(attempt: Any, x: Array, y: Array) -> bool:
    return bool(np.isclose(_cuts(x), float(attempt(x, y)), atol=1e-4).any())


def _gains_most(attempt: Any, x: Array, y: Array) -> bool:
    """Say whether the gain is the largest one: two cuts may share it."""
    most = max(_gain(x, y, c) for c in _cuts(x))
    return agree(_gain(x, y, float(attempt(x, y))), most, 1e-6)


EXERCISES = {
    "after-one": Exercise(
        reference=(4.5 / 6) ** 0.5,
        tol=1e-3,
        properties=[
            (
                "That is with rate 1: here half of the stump is added.",
                is_not(0.5),
            ),
            (
                "That is the sum of squares, or their mean: take the root of the mean.",
                lambda attempt: not any(agree(attempt, v, 1e-3) for v in (4.5, 0.75)),
            ),
        ],
    ),
    "halving": Exercise(
        reference=(10.0, 0.5),
        tol=1e-3,
        properties=[
            (
                "Ridge is the first, lasso the second.",
                lambda attempt: not agree(as_array(attempt), (0.5, 10.0), 1e-3),
            ),
            (
                "In lasso n times alpha is subtracted: divide by n.",
                lambda attempt: not agree(as_array(attempt), (10.0, 3.0), 1e-3),
            ),
            (
                "Ridge halves the weight when alpha doubles the denominator.",
                lambda attempt: agree(as_array(attempt)[0], 10.0, 1e-3),
            ),
        ],
    ),
    "swapped": Exercise(
        reference=(19.5 / 6) ** 0.5 - 0.5,
        tol=1e-3,
        properties=[
            (
                "That is the RMSE after the swap: how much has it grown?",
                is_not((19.5 / 6) ** 0.5),
            ),
        ],
    ),
    "best-cut": Exercise(
        reference=_best_cut,
        sample=_table,
        by_properties=True,
        properties=[
            ("Cut halfway between neighbouring distinct values.", _cuts_halfway),
            ("Another cut gains more, by (4).", _gains_most),
        ],
    ),
    "factor": Exercise(
        reference=lambda s: math.exp(s**2 / 2),
        sample=lambda rng: (rng.uniform(0.1, 1.5),),
        properties=[
            (
                "The median needs no factor, the mean does: it is above 1.",
                lambda attempt, s: float(attempt(s)) > 1,
            ),
            (
                "Half of the variance stands in the exponent, not all of it.",
                lambda attempt, s: not agree(attempt(s), math.exp(s**2), 1e-6),
            ),
        ],
    ),
}
