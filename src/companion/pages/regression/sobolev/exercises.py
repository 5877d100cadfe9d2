"""Exercises of regression/sobolev."""

from itertools import pairwise
from typing import Any

import numpy as np

from companion.comparison import agree, as_array
from companion.exercises import Exercise, is_not

Array = np.ndarray


def _curvature(layers: list[tuple[Array, Array]], x: float) -> Array:
    a, t, c = np.array([x]), np.array([1.0]), np.array([0.0])
    for W, b in layers[:-1]:
        a, Wt, Wc = np.tanh(W @ a + b), W @ t, W @ c
        t = (1 - a**2) * Wt
        c = (1 - a**2) * Wc - 2 * a * t * Wt
    return layers[-1][0] @ c


def _network_sample(rng: np.random.Generator) -> tuple[Any, ...]:
    sizes = (1, *rng.integers(1, 5, rng.integers(1, 3)), 1)
    layers = [(rng.normal(size=(n, m)), rng.normal(size=n)) for m, n in pairwise(sizes)]
    return layers, float(rng.normal())


def _knows_one_unit(attempt: Any, layers: Any, x: float) -> bool:
    """Say whether tanh itself has the second derivative -2 a (1 - a^2)."""
    one = [(np.ones((1, 1)), np.zeros(1))] * 2
    a = np.tanh(np.array([x]))
    return agree(as_array(attempt(one, x)), -2 * a * (1 - a**2), 1e-6)


EXERCISES = {
    "largest-gap": Exercise(
        reference=0.1,
        tol=1e-3,
        properties=[
            ("It is exact at both ends: count from the nearer one.", is_not(0.2))
        ],
    ),
    "tiny-slope": Exercise(
        reference=1.53,
        tol=1e-3,
        properties=[
            ("That is the value; the slope is asked for.", is_not(0.7)),
            ("The slope of tanh(2x) has a factor 2 from inside.", is_not(1.89)),
        ],
    ),
    "noise-weight": Exercise(
        reference=0.16,
        tol=1e-3,
        properties=[
            ("(6) divides variances, not standard deviations.", is_not(0.4)),
            ("Upside down: lambda divides the values' variance.", is_not(6.25)),
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
