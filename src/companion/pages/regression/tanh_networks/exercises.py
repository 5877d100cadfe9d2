"""Exercises of regression/tanh-networks."""

from typing import Any

import numpy as np

from companion.comparison import agree, as_array
from companion.exercises import Exercise, is_not


def _best_step(p: int, K: float, R: float, u: float) -> float:
    return (p * R * u / (2 * K)) ** (1 / (p + 2))


def _is_a_minimum(attempt: Any, p: int, K: float, R: float, u: float) -> bool:
    def error(h: float) -> float:
        return K * h**2 + R * u / h**p

    h = float(as_array(attempt(p, K, R, u)))
    return h > 0 and error(h) <= min(error(0.97 * h), error(1.03 * h))


def _solves_moments(power: int, wanted: float) -> Any:
    a = np.array([0.5, 1.5, 2.5])
    return lambda attempt: agree(as_array(attempt) @ a**power, wanted, 1e-3)


EXERCISES = {
    "largest-step": Exercise(
        reference=(12 * 1e-4) ** 0.5,
        tol=1e-4,
        properties=[
            (
                "The step enters squared.",
                lambda attempt: not agree(attempt, 12 * 1e-4, 1e-4),
            ),
            (
                "That is for the error h^2; in (2) it is h^2/12.",
                lambda attempt: not agree(attempt, 1e-2, 1e-4),
            ),
        ],
    ),
    "single-floor": Exercise(
        reference=2 * 2.0**-12,
        tol=2e-5,
        properties=[
            (
                "That is the lowest error in double precision.",
                lambda attempt: float(as_array(attempt)) > 1e-6,
            ),
            (
                "That is the best step; put it into the error.",
                is_not(2.0**-6),
            ),
        ],
    ),
    "shared-weight": Exercise(
        reference=11940,
        tol=1e-6,
        properties=[
            (
                "The line x has the factor -3.",
                lambda attempt: not agree(attempt, 12060),
            ),
            (
                "The line x uses this neuron, too.",
                lambda attempt: not agree(attempt, 12000),
            ),
        ],
    ),
    "three-for-x": Exercise(
        reference=(75 / 32, -25 / 192, 3 / 320),
        tol=1e-4,
        properties=[
            ("The weight of x is not 1.", _solves_moments(1, 1)),
            ("The power x^3 does not cancel.", _solves_moments(3, 0)),
            ("The power x^5 does not cancel.", _solves_moments(5, 0)),
        ],
    ),
    "relu-sum": Exercise(
        reference=0.3,
        tol=1e-4,
        properties=[
            (
                "ReLU cuts negative arguments to 0; none of the outputs is negative.",
                lambda attempt: not agree(attempt, -0.3),
            ),
            (
                "For a negative x one of the three terms is not 0.",
                lambda attempt: not agree(attempt, 0.6) and not agree(attempt, 0),
            ),
        ],
    ),
    "best-step": Exercise(
        reference=_best_step,
        sample=lambda rng: (
            int(rng.choice([1, 3, 5])),
            rng.uniform(0.5, 5),
            rng.uniform(0.5, 5),
            10.0 ** rng.uniform(-16, -4),
        ),
        properties=[
            ("A step a little longer or shorter has a smaller error.", _is_a_minimum)
        ],
    ),
}
