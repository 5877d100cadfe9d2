"""A weighted mean of five nonlinear functions on the unit square.

Licence: generated, none needed.
Citation: Hwang, Lay, Maechler, Martin, Schimert (1994),
https://doi.org/10.1109/72.286906.
"""

from collections.abc import Sequence

import numpy as np

from companion import provenance
from companion.datasets import Floats, Table


def load(
    n: int = 1000, digits: Sequence[float] = (9, 9, 7, 6, 5), random_state: int = 0
) -> Table:
    """Draw points of the nonlinear surface of ANN 1.4, uniformly on the unit square.

    Parameters
    ----------
    n : int
        Number of points.
    digits : sequence of five numbers
        Weights of the five functions, see `surface`.
    random_state : int
        Seed.

    Returns
    -------
    Table
        Data (n, 2), in [0, 1] without unit; target (n,), float64.
    """
    provenance.note_data(provenance.Source("nonlinear-surface", "formula"))
    X = np.random.default_rng(random_state).uniform(size=(n, 2))
    return Table(X, surface(X, digits), ("x1", "x2"), ("target",))


def surface(X: Floats, digits: Sequence[float] = (9, 9, 7, 6, 5)) -> Floats:
    """Evaluate the target of ANN 1.4: sum_k d_k T_k(x) / sum_k d_k.

    Parameters
    ----------
    X : float64 array, (n, 2)
        Points of the unit square.
    digits : sequence of five numbers
        The weights d_1 ... d_5.

    Returns
    -------
    float64 array, (n,)
        The weighted mean of the five functions of Hwang et al. (1994).
    """
    x1, x2 = X.T
    a, b = x1 - 0.5, x2 - 0.5
    r2 = a**2 + b**2
    # T1 = 1.3356 (1.5 (1 - x1) + e^(2 x1 - 1) sin(3 pi (x1 - .6)^2)
    #              + e^(3 (x2 - .5)) sin(4 pi (x2 - .9)^2))
    T1 = 1.3356 * (
        1.5 * (1 - x1)
        + np.exp(2 * x1 - 1) * np.sin(3 * np.pi * (x1 - 0.6) ** 2)
        + np.exp(3 * b) * np.sin(4 * np.pi * (x2 - 0.9) ** 2)
    )
    # T2 = 42.659 (.1 + a (.05 + a^4 - 10 a^2 b^2 + 5 b^4))
    T2 = 42.659 * (0.1 + a * (0.05 + a**4 - 10 * a**2 * b**2 + 5 * b**4))
    # T3 = 24.234 r^2 (.75 - r^2)
    T3 = 24.234 * r2 * (0.75 - r2)
    # T4 = 10.391 ((x1 - .4)(x2 - .6) + .36)
    T4 = 10.391 * ((x1 - 0.4) * (x2 - 0.6) + 0.36)
    # T5 = 1.9 (1.35 + e^x1 sin(13 (x1 - .6)^2) e^(-x2) sin(7 x2))
    T5 = 1.9 * (
        1.35 + np.exp(x1) * np.sin(13 * (x1 - 0.6) ** 2) * np.exp(-x2) * np.sin(7 * x2)
    )
    weights = np.asarray(digits, dtype=float)
    mean: Floats = np.stack([T1, T2, T3, T4, T5], axis=1) @ weights / weights.sum()
    return mean
