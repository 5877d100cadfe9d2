"""Exercises of foundations/initialisation."""

import math
from typing import Any

from companion.comparison import agree
from companion.exercises import Exercise


def _layers_until(chi: float, ratio: float) -> int:
    return math.ceil(2 * math.log(ratio) / math.log(chi))


def _is_the_first(attempt: Any, chi: float, ratio: float) -> bool:
    """Say whether the ratio is reached at the answer and not one layer before."""
    L = attempt(chi, ratio)
    return bool(chi ** (L / 2) <= ratio < chi ** ((L - 1) / 2))


def _leaky_variance(n_in: int, alpha: float, p: float) -> float:
    return 1 / (n_in * (p + (1 - p) * alpha**2))


def _relu_is_he(attempt: Any, n_in: int, alpha: float, p: float) -> bool:
    return agree(attempt(n_in, 0.0, 0.5), 2 / n_in)


def _linear_is_one(attempt: Any, n_in: int, alpha: float, p: float) -> bool:
    return agree(attempt(n_in, 1.0, p), 1 / n_in)


EXERCISES = {
    "he-std": Exercise(reference=0.2, tol=1e-3),
    "fade": Exercise(reference=1 / 32, tol=1e-3),
    "layers-until": Exercise(
        reference=_layers_until,
        sample=lambda rng: (rng.uniform(0.01, 0.9), 10 ** rng.uniform(-12, -1)),
        properties=[
            (
                "At your L the predicted ratio chi^(L/2) is not yet low enough, "
                "or it already was one layer earlier.",
                _is_the_first,
            )
        ],
    ),
    "leaky-variance": Exercise(
        reference=_leaky_variance,
        sample=lambda rng: (
            int(rng.integers(1, 200)),
            rng.uniform(0, 1),
            rng.uniform(0.1, 0.9),
        ),
        properties=[
            (
                "With alpha = 0 and p = 1/2 it is ReLU: He's 2 / n_in must come out.",
                _relu_is_he,
            ),
            (
                "With alpha = 1 the unit is linear and its slope is 1: the variance "
                "must be 1 / n_in.",
                _linear_is_one,
            ),
        ],
    ),
}
