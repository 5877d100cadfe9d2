"""Exercises of regression/cross-validation."""

from typing import Any

import numpy as np

from companion.comparison import agree
from companion.exercises import Exercise, is_not

Array = np.ndarray


def _average_left_out(y: Array) -> float:
    n = len(y)
    return float(np.mean((n / (n - 1) * (y - np.mean(y))) ** 2))


def _sample(rng: np.random.Generator) -> tuple[Any, ...]:
    return (rng.normal(size=int(rng.integers(3, 12))) + 5,)


def _by_all(x: Array) -> Array:
    return (x - x.mean(axis=0)) / x.std(axis=0)


def _scaled_in_fold(x: Array, train: Array, held: Array) -> tuple[Array, Array]:
    mean, deviation = x[train].mean(axis=0), x[train].std(axis=0)
    return (x[train] - mean) / deviation, (x[held] - mean) / deviation


def _fold(rng: np.random.Generator) -> tuple[Any, ...]:
    n = int(rng.integers(8, 13))
    mixed = rng.permutation(n)
    return rng.normal(size=(n, 2)) + [1, 5], mixed[3:], mixed[:3]


EXERCISES = {
    "cv-of-average": Exercise(
        reference=41.0,
        tol=1e-3,
        properties=[
            (
                "That is the training error: the mean of all four predicts.",
                is_not(14.0),
            ),
            (
                "Each fold is predicted by the mean of the other one, not its own.",
                is_not(5.0),
            ),
        ],
    ),
    "seen-patient": Exercise(
        reference=1 - 0.2**4,
        tol=1e-3,
        properties=[
            (
                "That is the chance that all four are in training.",
                is_not(0.8**4),
            ),
            (
                "That is the chance that none of the four is in training.",
                is_not(0.2**4),
            ),
        ],
    ),
    "trainings": Exercise(
        reference=125.0,
        tol=1e-3,
        properties=[
            (
                "The chosen setting is trained once more in each outer fold.",
                is_not(120.0),
            ),
            (
                "Every outer fold has an inner cross-validation of its own.",
                lambda attempt: (
                    not agree(attempt, 24.0, 1e-3) and not agree(attempt, 25.0, 1e-3)
                ),
            ),
        ],
    ),
    "average-left-out": Exercise(
        reference=_average_left_out,
        sample=_sample,
        properties=[
            (
                "That is the training error: no row is left out.",
                lambda attempt, y: not agree(attempt(y), np.var(y), 1e-6),
            ),
            (
                "That divides the squares by n - 1; the errors themselves grow.",
                lambda attempt, y: not agree(attempt(y), np.var(y, ddof=1), 1e-6),
            ),
        ],
    ),
    "scaled-in-fold": Exercise(
        reference=_scaled_in_fold,
        sample=_fold,
        properties=[
            (
                "That scales by all rows: the held-out ones are seen.",
                lambda attempt, x, train, held: (
                    not agree(attempt(x, train, held)[0], _by_all(x)[train], 1e-6)
                ),
            ),
            (
                "The held-out rows are scaled by the training rows, not by themselves.",
                lambda attempt, x, train, held: (
                    not agree(attempt(x, train, held)[1], _by_all(x[held]), 1e-6)
                ),
            ),
        ],
    ),
}
