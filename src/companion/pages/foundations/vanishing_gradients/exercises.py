"""Exercises of foundations/vanishing-gradients."""

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


def _leaky_variance(n: int, alpha: float) -> float:
    return 2 / (n * (1 + alpha**2))


def _relu_is_he(attempt: Any, n: int, alpha: float) -> bool:
    return agree(attempt(n, 0.0), 2 / n)


def _linear_is_one(attempt: Any, n: int, alpha: float) -> bool:
    return agree(attempt(n, 1.0), 1 / n)


EXERCISES = {
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
        sample=lambda rng: (int(rng.integers(1, 200)), rng.uniform(0, 1)),
        properties=[
            ("With alpha = 0 it is ReLU: He's 2 / n must come out.", _relu_is_he),
            (
                "With alpha = 1 the unit is linear and its slope is 1: the variance "
                "must be 1 / n.",
                _linear_is_one,
            ),
        ],
    ),
}
