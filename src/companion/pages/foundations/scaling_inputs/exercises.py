"""Exercises of foundations/scaling-inputs."""

from typing import Any

import numpy as np

from companion.comparison import agree, as_array
from companion.exercises import Exercise

Array = np.ndarray
# 7 among 2, 4, 6, 7, standardised by all four
_Z_WITH_TEST_ROW = (7 - 4.75) / float(np.std([2, 4, 6, 7]))


def _in_raw_units(v: Array, c: float, mu: Array, sigma: Array) -> tuple[Array, float]:
    w = v / sigma
    return w, float(c - w @ mu)


def _scaled_model(rng: np.random.Generator) -> tuple[Any, ...]:
    d = rng.integers(1, 6)
    mu, sigma = rng.normal(size=d) * 10, rng.uniform(0.1, 10, size=d)
    return rng.normal(size=d), float(rng.normal()), mu, sigma


def _predicts_the_same(attempt: Any, v: Array, c: float, mu: Array, s: Array) -> bool:
    w, b = attempt(v, c, mu, s)
    x = np.random.default_rng(0).normal(size=(5, len(v)))
    return agree(x @ as_array(w) + as_array(b), (x - mu) / s @ v + c, 1e-4)


def _whiten(X: Array) -> Array:
    centred = X - X.mean(axis=0)
    eigenvalues, V = np.linalg.eigh(centred.T @ centred / len(X))
    return centred @ V / np.sqrt(eigenvalues)


def _correlated(rng: np.random.Generator) -> tuple[Array]:
    d = int(rng.integers(2, 5))
    turn, turn_back = (np.linalg.qr(rng.normal(size=(d, d)))[0] for _ in range(2))
    mix = turn * rng.uniform(0.5, 3, size=d) @ turn_back
    return (rng.normal(size=(20, d)) @ mix + 3 * rng.normal(size=d),)


def _has_mean_zero(attempt: Any, X: Array) -> bool:
    return agree(as_array(attempt(X)).mean(axis=0), np.zeros(X.shape[1]), 1e-4)


def _has_variance_one(attempt: Any, X: Array) -> bool:
    return agree(as_array(attempt(X)).var(axis=0), np.ones(X.shape[1]), 1e-4)


def _has_no_correlation(attempt: Any, X: Array) -> bool:
    return agree(np.corrcoef(as_array(attempt(X)).T), np.eye(X.shape[1]), 1e-4)


def _is_a_map_of_the_columns(attempt: Any, X: Array) -> bool:
    """Fit the new columns by the old ones and a constant."""
    old = np.column_stack([X, np.ones(len(X))])
    new = as_array(attempt(X))
    return agree(old @ np.linalg.lstsq(old, new, rcond=None)[0], new, 1e-4)


EXERCISES = {
    "z-of-7": Exercise(
        reference=3 / (8 / 3) ** 0.5,
        tol=1e-3,
        properties=[
            (
                "That divides the squares by n - 1; (1) divides by n.",
                lambda z: not agree(z, 1.5, 1e-3),
            ),
            (
                "The test value belongs to no mean: use the training rows' alone.",
                lambda z: not agree(z, _Z_WITH_TEST_ROW, 1e-3),
            ),
        ],
    ),
    "kappa-of-two": Exercise(
        reference=36.0,
        tol=1e-3,
        properties=[
            (
                "That is the ratio of the spreads; curvatures go with their squares.",
                lambda kappa: not agree(kappa, 6.0, 1e-3),
            )
        ],
    ),
    "largest-rate": Exercise(
        reference=1 / 9,
        tol=1e-3,
        properties=[
            (
                "That is the limit of the shallow column; the steep one explodes.",
                lambda rate: not agree(rate, 4.0, 1e-3),
            )
        ],
    ),
    "in-raw-units": Exercise(
        reference=_in_raw_units,
        sample=_scaled_model,
        properties=[
            (
                "Your weights and bias do not predict on raw columns what the "
                "model predicts on standardised ones.",
                _predicts_the_same,
            )
        ],
    ),
    "whiten": Exercise(
        reference=_whiten,
        sample=_correlated,
        properties=[
            ("Each new column must have the mean 0.", _has_mean_zero),
            (
                "Each new column must have the variance 1, with squares divided "
                "by n, not n - 1.",
                _has_variance_one,
            ),
            ("The new columns are still correlated.", _has_no_correlation),
            (
                "The new columns must be linear combinations of the columns of X "
                "and a constant.",
                _is_a_map_of_the_columns,
            ),
        ],
        by_properties=True,
    ),
}
