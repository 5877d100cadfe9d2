"""What the exercises ask: reference, random inputs, properties; a module a page."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Exercise:
    """An exercise that `checks.answer` can test.

    Parameters
    ----------
    reference
        The right function; never shown.
    sample
        Draws the arguments of one call from a NumPy generator.
    properties
        Pairs of a sentence said on failure and a predicate
        `(attempt, *args) -> bool`, tried before the values are compared.
    tol
        Largest accepted difference, relative to 1 + |reference|.
    """

    reference: Callable[..., Any]
    sample: Callable[[np.random.Generator], tuple[Any, ...]]
    properties: Sequence[tuple[str, Callable[..., bool]]] = ()
    tol: float = 1e-8
