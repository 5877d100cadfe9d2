"""Exercises of the sample page."""

import numpy as np

from companion.exercises import Exercise


def _numbers(rng: np.random.Generator) -> tuple[np.ndarray]:
    return (rng.normal(size=5),)


EXERCISES = {
    "mean": Exercise(np.mean, _numbers),
    "range": Exercise(np.ptp, _numbers),
    "largest": Exercise(np.max, _numbers),
}
