"""Exercises of foundations/scaling-inputs."""

import numpy as np

from companion.comparison import agree
from companion.exercises import Exercise, is_not

# 7 among 2, 4, 6, 7, standardised by all four
_Z_WITH_TEST_ROW = (7 - 4.75) / float(np.std([2, 4, 6, 7]))


def _kappa_with_mean(m: float) -> float:
    roots = np.linalg.eigvalsh(np.array([[1 + m**2, m], [m, 1]]))
    return float(roots[1] / roots[0])


EXERCISES = {
    "largest-rate": Exercise(
        reference=1 / 9,
        tol=1e-3,
        properties=[
            (
                "That is the limit of the shallow column; the steep one explodes.",
                is_not(4.0),
            )
        ],
    ),
    "z-of-7": Exercise(
        reference=3 / (8 / 3) ** 0.5,
        tol=2e-3,
        properties=[
            (
                "That divides the squares by n - 1; (1) divides by n.",
                is_not(1.5),
            ),
            (
                "The test value belongs to no mean: use the training rows' alone.",
                is_not(_Z_WITH_TEST_ROW),
            ),
        ],
    ),
    "kappa-of-two": Exercise(
        reference=36.0,
        tol=1e-3,
        properties=[
            (
                "That is the ratio of the spreads; curvatures go with their squares.",
                is_not(6.0),
            )
        ],
    ),
    "kappa-with-mean": Exercise(
        reference=_kappa_with_mean,
        sample=lambda rng: (float(rng.uniform(0, 4)),),
        properties=[
            (
                "Without a mean there is no mixed term: κ is 1.",
                lambda attempt, m: agree(attempt(0.0), 1.0, 1e-6),
            ),
            (
                "A mean of -m is as bad as one of m.",
                lambda attempt, m: agree(attempt(-m), attempt(m), 1e-6),
            ),
        ],
    ),
}
