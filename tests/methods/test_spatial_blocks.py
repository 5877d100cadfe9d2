"""Spatial blocks: a partition into whole squares, whatever the points."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.linear_model import LinearRegression
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.neighbors import KNeighborsRegressor

from companion.methods.spatial_blocks import SpatialBlocks, block_numbers

SEEDS = st.integers(0, 2**31 - 1)
SIDES = st.sampled_from([0.15, 0.3, 0.5, 0.6, 1.0])


def scatter(seed: int, n: int = 200) -> np.ndarray:
    return np.random.default_rng(seed).uniform([118, 21], [123, 26], (n, 2))


@settings(max_examples=50, deadline=None)
@given(SEEDS, SIDES, st.integers(2, 8))
def test_folds_divide_the_points_into_whole_blocks(seed, side, n_splits):
    X = scatter(seed)
    block = block_numbers(X, side)
    tested = []
    for train, test in SpatialBlocks(side, n_splits, seed).split(X):
        assert len(test) > 0
        assert not set(block[train]) & set(block[test])
        assert sorted([*train, *test]) == list(range(len(X)))
        tested.extend(test)
    assert sorted(tested) == list(range(len(X)))


@settings(max_examples=50, deadline=None)
@given(SEEDS, SIDES)
def test_points_of_a_block_lie_within_its_side(seed, side):
    X = scatter(seed)
    block = block_numbers(X, side)
    for number in range(block.max() + 1):
        assert np.all(np.ptp(X[block == number], axis=0) <= side * (1 + 1e-9))


@settings(max_examples=50, deadline=None)
@given(SEEDS, SIDES)
def test_order_of_the_points_does_not_matter(seed, side):
    X = scatter(seed)
    order = np.random.default_rng(seed).permutation(len(X))
    splitter = SpatialBlocks(side, 4, random_state=seed)
    for (_, test), (_, moved) in zip(
        splitter.split(X), splitter.split(X[order]), strict=True
    ):
        assert set(test) == set(order[moved])


@settings(max_examples=50, deadline=None)
@given(SEEDS, SIDES)
def test_a_block_stays_whole_among_fewer_points(seed, side):
    """Blocks of a training part are blocks of the whole: nested validation is clean."""
    X = scatter(seed)
    part = np.random.default_rng(seed).random(len(X)) < 0.5
    whole, alone = block_numbers(X, side)[part], block_numbers(X[part], side)
    same = whole[:, None] == whole
    assert np.array_equal(same, alone[:, None] == alone)


@pytest.mark.parametrize("side", [0.15, 0.3, 0.6])
def test_cells_on_an_edge_are_not_lost_to_rounding(side):
    step = 0.03
    n = round(side / step)
    lon = 120 + step * np.arange(4 * n)
    lat = 21.6 + step * np.arange(4 * n)
    X = np.stack(np.meshgrid(lon, lat), axis=-1).reshape(-1, 2)
    assert set(np.bincount(block_numbers(X, side))) == {n * n}


def test_folds_differ_by_one_block_at_most():
    X = scatter(0, 2000)
    block = block_numbers(X, 0.6)
    tests = [test for _, test in SpatialBlocks(0.6, 7, 1).split(X)]
    counts = [len(set(block[test])) for test in tests]
    assert max(counts) - min(counts) <= 1


def test_one_seed_gives_one_set_of_folds():
    X = scatter(3)

    def folds(seed: int) -> list[list[int]]:
        return [test.tolist() for _, test in SpatialBlocks(0.5, 3, seed).split(X)]

    assert folds(5) == folds(5) != folds(6)


def test_further_columns_are_ignored():
    X = scatter(1)
    more = np.column_stack([X, np.full(len(X), np.nan)])
    assert np.array_equal(block_numbers(X, 0.3), block_numbers(more, 0.3))


def test_it_is_a_splitter_of_scikit_learn():
    X = scatter(0)
    y = X @ [1.0, 2.0]
    blocks = SpatialBlocks(0.5, 4, random_state=0)
    assert blocks.get_n_splits(X, y) == 4
    assert cross_val_score(LinearRegression(), X, y, cv=blocks).shape == (4,)
    search = GridSearchCV(KNeighborsRegressor(), {"n_neighbors": [1, 3]}, cv=blocks)
    assert search.fit(X, y).n_splits_ == 4


def test_blocks_tell_a_memory_from_a_model():
    """On a smooth field nearest neighbours look perfect until blocks are held out."""
    X = scatter(0, 4000)
    y = np.sin(3 * X[:, 0]) * np.cos(3 * X[:, 1])
    model = KNeighborsRegressor(1)
    at_random = cross_val_score(model, X, y, cv=5).mean()
    in_blocks = cross_val_score(model, X, y, cv=SpatialBlocks(1, 5, 0)).mean()
    assert at_random > 0.9 > in_blocks + 0.3


@pytest.mark.parametrize("shape", [(5,), (5, 1), (2, 2, 2)])
def test_wrong_shape_is_refused(shape):
    with pytest.raises(ValueError, match="shape"):
        block_numbers(np.zeros(shape), 0.3)


def test_missing_place_is_refused():
    with pytest.raises(ValueError, match="finite"):
        block_numbers([[120.0, np.nan]], 0.3)


@pytest.mark.parametrize("side", [0.0, -1.0, float("nan")])
def test_side_must_be_positive(side):
    with pytest.raises(ValueError, match="positive"):
        block_numbers([[120.0, 23.0]], side)


def test_too_few_blocks_or_folds_are_refused():
    with pytest.raises(ValueError, match="cannot fill"):
        next(SpatialBlocks(10.0, 5, 0).split(scatter(0)))
    with pytest.raises(ValueError, match="at least 2"):
        SpatialBlocks(0.3, 1)
