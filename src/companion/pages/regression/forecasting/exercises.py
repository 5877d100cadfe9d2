"""Exercises of regression/forecasting."""

from typing import Any

import numpy as np

from companion.comparison import agree
from companion.exercises import Exercise, is_not

Array = np.ndarray


def _ahead(x_T: float, w_0: float, w_1: float, h: int) -> float:
    forecast = x_T
    for _ in range(h):
        forecast = w_0 + w_1 * forecast
    return forecast


def _ahead_sample(rng: np.random.Generator) -> tuple[Any, ...]:
    x_T, w_0 = rng.normal(size=2)
    w_1, h = rng.uniform(-0.9, 0.9), rng.integers(1, 9)
    return float(x_T), float(w_0), float(w_1), int(h)


def _direct_table(x: Array, p: int, h: int) -> tuple[Array, Array]:
    ends = np.arange(p - 1, len(x) - h)
    return x[ends[:, None] - np.arange(p)], x[ends + h]


def _table_sample(rng: np.random.Generator) -> tuple[Any, ...]:
    p, h = int(rng.integers(2, 5)), int(rng.integers(1, 5))
    return rng.normal(size=p + h + int(rng.integers(2, 9))), p, h


def _newest_first(attempt: Any, x: Array, p: int, h: int) -> bool:
    rows, _ = _direct_table(x, p, h)
    return not agree(attempt(x, p, h)[0], rows[:, ::-1])


EXERCISES = {
    "lag-one": Exercise(
        reference=0.0,
        tol=1e-3,
        properties=[
            (
                "Subtract the mean before you multiply.",
                lambda attempt: (
                    not agree(attempt, 8 / 14, 1e-2) and not agree(attempt, 4.0, 1e-3)
                ),
            ),
            (
                "(1) divides by the sum of all squares, not by that of a part.",
                is_not(1.0),
            ),
        ],
    ),
    "mase": Exercise(
        reference=0.75,
        tol=1e-3,
        properties=[
            (
                "Take absolute values before the mean: errors must not cancel.",
                lambda attempt: not agree(abs(float(attempt)), 0.25, 1e-3),
            ),
            (
                "That is the mean absolute error; divide it by the scale.",
                is_not(3.0),
            ),
            (
                "That is the sum over the scale; take the mean first.",
                is_not(2.25),
            ),
        ],
    ),
    "two-steps": Exercise(
        reference=136.0**0.5,
        tol=4e-3,
        properties=[
            (
                "That is the variance: take its root.",
                is_not(136.0),
            ),
            (
                "Squares add up in (4), not the shocks themselves.",
                is_not(16.0),
            ),
            (
                "In (4) the factor 0.6 is squared.",
                is_not(10 * 1.6**0.5),
            ),
        ],
    ),
    "ahead": Exercise(
        reference=_ahead,
        sample=_ahead_sample,
        properties=[
            (
                "One step ahead it must be w_0 + w_1 x_T.",
                lambda attempt, x_T, w_0, w_1, h: agree(
                    attempt(x_T, w_0, w_1, 1), w_0 + w_1 * x_T
                ),
            ),
            (
                "That leaves out the constant w_0.",
                lambda attempt, x_T, w_0, w_1, h: (
                    not agree(attempt(x_T, w_0, w_1, h), w_1**h * x_T)
                ),
            ),
        ],
    ),
    "direct-table": Exercise(
        reference=_direct_table,
        sample=_table_sample,
        properties=[
            (
                "There is a row for each end whose target lies inside the series: "
                "len(x) - p - h + 1 rows of p lags.",
                lambda attempt, x, p, h: (
                    np.shape(attempt(x, p, h)[0]) == (len(x) - p - h + 1, p)
                ),
            ),
            ("The newest value comes first in each row.", _newest_first),
        ],
    ),
}
