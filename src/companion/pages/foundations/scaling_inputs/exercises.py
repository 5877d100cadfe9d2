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


EXERCISES = {
    "z-of-7": Exercise(
        reference=3 / (8 / 3) ** 0.5,
        tol=2e-3,
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
}
