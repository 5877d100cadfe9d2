"""Cross-validation on blocks of the map, for data whose neighbours are alike.

A random split leaves each test point surrounded by training points a few kilometres
away. A block split holds out whole squares of longitude and latitude, so that a model
must predict where it has seen nothing nearby (Roberts et al. 2017,
https://doi.org/10.1111/ecog.02881).
"""

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.utils import check_random_state

Integers = NDArray[np.int64]


def block_numbers(X: ArrayLike, block_degrees: float) -> Integers:
    """Return the number of the square of the map in which each point lies.

    Parameters
    ----------
    X : array_like, (n, d), d >= 2
        Longitude and latitude in degrees in the first two columns.
    block_degrees : float
        Side of a square in degrees. The squares begin at multiples of it, so a point
        lies in the same square whichever other points are present.

    Returns
    -------
    int64 array, (n,)
        0, 1, ... in the order of the squares from west to east, then south to north.

    Raises
    ------
    ValueError
        If `X` has another shape or is not finite, or the side is not positive.
    """
    place = np.asarray(X, dtype=float)
    if place.ndim != 2 or place.shape[1] < 2:
        raise ValueError(f"X needs the shape (n, 2 or more), not {place.shape}.")
    place = place[:, :2]
    if not np.isfinite(place).all():
        raise ValueError("X holds a longitude or latitude that is not finite.")
    if not block_degrees > 0:
        raise ValueError(f"block_degrees must be positive, not {block_degrees}.")
    # 120.3 / 0.3 may round to 400.99...: a point on an edge belongs to the north-east.
    corner = np.floor(place / block_degrees + 1e-9)
    numbers = np.unique(corner, axis=0, return_inverse=True)[1]
    return numbers.reshape(-1).astype(np.int64)


class SpatialBlocks:
    """K-fold splitter that holds out whole squares of the map.

    It follows scikit-learn's convention for splitters, so it can be the `cv` of
    `cross_val_score` or `GridSearchCV`. Each square is in one test fold; the squares
    are dealt out to the folds at random, as equally as their number allows.

    Parameters
    ----------
    block_degrees : float
        Side of a square in degrees.
    n_splits : int
        Number of folds, at least 2.
    random_state : int, RandomState or None
        Seed of the dealing. Pass an int for the same folds at each call.
    """

    def __init__(
        self,
        block_degrees: float = 0.3,
        n_splits: int = 5,
        random_state: int | np.random.RandomState | None = None,
    ) -> None:
        if n_splits < 2:
            raise ValueError(f"n_splits must be at least 2, not {n_splits}.")
        self.block_degrees = block_degrees
        self.n_splits = n_splits
        self.random_state = random_state

    def split(
        self, X: ArrayLike, y: Any = None, groups: Any = None
    ) -> Iterator[tuple[Integers, Integers]]:
        """Yield the indices of the training and of the test points of each fold.

        Parameters
        ----------
        X : array_like, (n, d), d >= 2
            Longitude and latitude in degrees in the first two columns.
        y, groups
            Ignored; here for scikit-learn.

        Yields
        ------
        train, test : int64 arrays
            Sorted row numbers; together each row once.

        Raises
        ------
        ValueError
            If the points lie in fewer squares than there are folds.
        """
        fold = self.deal(block_numbers(X, self.block_degrees))
        for k in range(self.n_splits):
            yield np.flatnonzero(fold != k), np.flatnonzero(fold == k)

    def get_n_splits(self, X: Any = None, y: Any = None, groups: Any = None) -> int:
        """Return the number of folds."""
        return self.n_splits

    def deal(self, block: Integers) -> Integers:
        """Return the fold of each point, (n,), from the number of its square."""
        n_blocks = int(block.max(initial=-1)) + 1
        if n_blocks < self.n_splits:
            raise ValueError(
                f"{n_blocks} blocks of {self.block_degrees} degrees cannot fill "
                f"{self.n_splits} folds: take smaller blocks or fewer folds."
            )
        order = check_random_state(self.random_state).permutation(n_blocks)
        return order[block] % self.n_splits
