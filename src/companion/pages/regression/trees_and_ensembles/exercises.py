"""Exercises of regression/trees-and-ensembles."""

from typing import Any

import numpy as np
from scipy.special import expit

from companion.comparison import agree
from companion.exercises import Exercise, is_not

Array = np.ndarray


def _differs_from(slip: Any, right: Any) -> Any:
    """Recognise one wrong function, where it differs from the right one."""

    def holds(attempt: Any, *args: Array) -> bool:
        told = agree(slip(*args), right(*args), 0.02)
        return told or not agree(attempt(*args), slip(*args), 1e-6)

    return holds


def _labels_and_sums(rng: np.random.Generator) -> tuple[Array, Array]:
    n = rng.integers(2, 9)
    return rng.integers(0, 2, n).astype(float), rng.normal(0.3, 2, n)


def _pull(y: Array, F: Array) -> Array:
    return y - expit(F)


EXERCISES = {
    "largest-drop": Exercise(
        reference=25.0,
        tol=1e-3,
        properties=[
            ("This is what remains after the cut: its drop is wanted.", is_not(1.0)),
            ("That is the spread of all four points, before the cut.", is_not(26.0)),
            ("The factor is the product of the sizes over their sum.", is_not(100.0)),
        ],
    ),
    "enough-trees": Exercise(
        reference=20,
        tol=1e-3,
        properties=[
            ("5 % of the floor, not of the variance of one tree.", is_not(10)),
            ("5 % of the floor, not of the variance of the mean.", is_not(19)),
        ],
    ),
    "after-two": Exercise(
        reference=2.625,
        tol=1e-3,
        properties=[
            ("The second step, too, is halved.", is_not(2.0)),
            ("That is the sum after one round.", is_not(3.25)),
        ],
    ),
    "log-loss-pull": Exercise(
        reference=_pull,
        sample=_labels_and_sums,
        properties=[
            (
                "This is the gradient: turn its sign.",
                _differs_from(lambda y, F: -_pull(y, F), _pull),
            ),
            (
                "Turn F into a probability first.",
                _differs_from(lambda y, F: y - F, _pull),
            ),
        ],
    ),
}
