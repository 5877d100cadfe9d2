"""Exercises of PART/NAME."""

import numpy as np

from companion.exercises import Exercise


def _number(rng: np.random.Generator) -> tuple[float]:
    return (rng.uniform(-3, 3),)


EXERCISES = {
    "double": Exercise(reference=lambda x: 2 * x, sample=_number),
    "square": Exercise(reference=lambda x: x**2, sample=_number),
    "cube": Exercise(reference=lambda x: x**3, sample=_number),
}
