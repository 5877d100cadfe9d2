"""Exercises of foundations/data-quality."""

from typing import Any

import numpy as np

from companion.comparison import agree, as_array
from companion.exercises import Exercise

Array = np.ndarray


def _standard_errors(x: Array, sigma: float) -> Array:
    A = np.column_stack([x, np.ones(len(x))])
    return sigma * np.sqrt(np.diag(np.linalg.inv(A.T @ A)))


def _errors_sample(rng: np.random.Generator) -> tuple[Any, ...]:
    x = rng.normal(rng.uniform(-2, 2), 1, rng.integers(3, 20))
    return x, rng.uniform(0.5, 20)


def _grow_with_noise(attempt: Any, x: Array, sigma: float) -> bool:
    return agree(attempt(x, 2 * sigma), 2 * as_array(attempt(x, sigma)))


def _corrected_slope(x: Array, y: Array, tau: float) -> float:
    covariance = np.cov(x, y, bias=True)
    return float(covariance[0, 1] / (covariance[0, 0] - tau**2))


def _slope_sample(rng: np.random.Generator) -> tuple[Any, ...]:
    x = rng.normal(rng.uniform(-2, 2), 2, 20)
    return x, rng.normal() * x + rng.normal(size=20), 0.5 * x.std() * rng.random()


def _least_squares_without_error(attempt: Any, x: Array, y: Array, _: float) -> bool:
    return agree(attempt(x, y, 0.0), np.polyfit(x, y, 1)[0])


def _pair_slope(x: Array, y: Array) -> float:
    i, j = np.triu_indices(len(x), 1)
    return float(np.median((y[j] - y[i]) / (x[j] - x[i])))


def _line_sample(rng: np.random.Generator) -> tuple[Any, ...]:
    x = rng.normal(0, 10, int(rng.integers(4, 12)))
    return x, rng.normal() * x + rng.standard_cauchy(len(x))


def _mean_filled(q: float) -> Array:
    """From the normal equations: means of products of the three columns."""
    known = 1 - q
    squares = [[known, 0.8 * known], [0.8 * known, 1.0]]
    return np.linalg.solve(squares, [2.8 * known, 2.6])


def _share_sample(rng: np.random.Generator) -> tuple[Any, ...]:
    return (float(rng.uniform(0.05, 0.95)),)


def _no_gap_no_harm(attempt: Any, _: float) -> bool:
    return agree(attempt(0.0), [2.0, 1.0])


def _ignores_one_wrong_label(attempt: Any, x: Array, _: Array) -> bool:
    """One of nine labels spoils 8 of 36 pairs, so that the median stays."""
    x = np.arange(9.0)
    return agree(attempt(x, 2 * x + 1 + 100 * (x == 8)), 2.0)


EXERCISES = {
    "share-of-class": Exercise(reference=0.2, tol=1e-3),
    "slope-after-error": Exercise(reference=2 - 2.5 * 45 / 82.5, tol=1e-3),
    "standard-errors": Exercise(
        reference=_standard_errors,
        sample=_errors_sample,
        properties=[
            ("Twice the noise must give twice the errors.", _grow_with_noise),
        ],
    ),
    "corrected-slope": Exercise(
        reference=_corrected_slope,
        sample=_slope_sample,
        properties=[
            (
                "Without an error in x it must be the least-squares slope.",
                _least_squares_without_error,
            ),
        ],
    ),
    "mean-filled": Exercise(
        reference=_mean_filled,
        sample=_share_sample,
        properties=[
            ("Without gaps the coefficients must be 2 and 1.", _no_gap_no_harm),
        ],
    ),
    "pair-slope": Exercise(
        reference=_pair_slope,
        sample=_line_sample,
        properties=[
            (
                "One wrong label among nine on a line must not move the slope: take "
                "the median over all pairs.",
                _ignores_one_wrong_label,
            ),
        ],
    ),
}
