"""Exercises of regression/sobolev."""

from itertools import pairwise
from typing import Any

import numpy as np

from companion.comparison import agree, as_array
from companion.exercises import Exercise

Array = np.ndarray


def _differs(slip: float) -> Any:
    return lambda attempt: not agree(attempt, slip, 1e-3)


def _best_weight(a: float, t: float, y: float, s: float, lam: float) -> float:
    return (a * y + lam * t * s) / (a**2 + lam * t**2)


def _toy_sample(rng: np.random.Generator) -> tuple[Any, ...]:
    return (*rng.normal(size=4), rng.uniform(0.1, 3))


def _without_the_slope_factor(
    attempt: Any, a: float, t: float, y: float, s: float, lam: float
) -> bool:
    return not agree(attempt(a, t, y, s, lam), (a * y + lam * s) / (a**2 + lam), 1e-6)


def _curvature(layers: list[tuple[Array, Array]], x: Array) -> Array:
    a, t, c = x, np.ones_like(x), np.zeros_like(x)
    for W, b in layers[:-1]:
        a, Wt, Wc = np.tanh(W @ a + b), W @ t, W @ c
        t = (1 - a**2) * Wt
        c = (1 - a**2) * Wc - 2 * a * t * Wt
    return layers[-1][0] @ c


def _network_sample(rng: np.random.Generator) -> tuple[Any, ...]:
    sizes = (1, *rng.integers(1, 5, rng.integers(1, 3)), 1)
    layers = [
        (rng.normal(size=(n, m)), rng.normal(size=(n, 1))) for m, n in pairwise(sizes)
    ]
    return layers, rng.normal(size=(1, 3))


def _knows_one_unit(attempt: Any, layers: Any, x: Array) -> bool:
    """Say whether tanh itself has the second derivative -2 a (1 - a^2)."""
    one = [(np.ones((1, 1)), np.zeros((1, 1)))] * 2
    a = np.tanh(x)
    return agree(as_array(attempt(one, x)), -2 * a * (1 - a**2), 1e-6)


EXERCISES = {
    "ripple": Exercise(
        reference=1.0,
        tol=1e-3,
        properties=[("That is the error of the value.", _differs(0.002))],
    ),
    "tiny-slope": Exercise(
        reference=1.53,
        tol=1e-3,
        properties=[
            ("That is the value; the slope is asked for.", _differs(0.7)),
            ("The slope of tanh(2x) has a factor 2 from inside.", _differs(1.89)),
        ],
    ),
    "noise-weight": Exercise(
        reference=0.04,
        tol=1e-3,
        properties=[
            ("Variances are squares of standard deviations.", _differs(0.2)),
            ("Upside down: less exact slopes should count less.", _differs(25.0)),
        ],
    ),
    "best-weight": Exercise(
        reference=_best_weight,
        sample=_toy_sample,
        properties=[
            ("The slope vt has the derivative t in v.", _without_the_slope_factor)
        ],
    ),
    "curvature": Exercise(
        reference=_curvature,
        sample=_network_sample,
        tol=1e-6,
        properties=[
            ("With one unit of weight 1 it should be that of tanh.", _knows_one_unit)
        ],
    ),
}
