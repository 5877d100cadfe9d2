"""Readers of the two image data sets."""

import contextlib
import os
import tempfile
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from companion.datasets import formats, lookup
from companion.datasets.containers import Integers
from companion.datasets.errors import DataCorrupt

Arrays = tuple[NDArray[np.uint8], Integers, NDArray[np.uint8], Integers]
_BATCHES = [f"data_batch_{k}" for k in range(1, 6)] + ["test_batch"]
_BATCH_ROWS = 10_000
_KEPT = ("arr_0", "arr_1", "arr_2", "arr_3")  # the names that np.savez gives
_MNIST_SHAPES: list[tuple[int, ...]] = [
    (60_000, 28, 28),
    (60_000,),
    (10_000, 28, 28),
    (10_000,),
]


def mnist(paths: tuple[Path, ...]) -> Arrays:
    """Return MNIST's four files: images and labels for training, then for testing.

    Raises
    ------
    DataCorrupt
        If an array has a wrong shape.
    """
    arrays = [formats.idx(path) for path in paths]
    for path, array, shape in zip(paths, arrays, _MNIST_SHAPES, strict=True):
        if array.shape != shape:
            raise DataCorrupt(f"{path}: shape {shape} expected, {array.shape} found.")
    train, train_labels, test, test_labels = arrays
    return train, train_labels.astype(np.int64), test, test_labels.astype(np.int64)


def cifar10(source: lookup.Source) -> Arrays:
    """Return CIFAR-10's arrays; unpacked once, they are kept in the user's cache."""
    unpacked = lookup.cache_folder() / "cifar10" / f"unpacked-{source.sha256}.npz"
    arrays = _read_unpacked(unpacked)
    if arrays is None:
        arrays = cifar10_batches(source.paths[0])
        _keep_unpacked(unpacked, arrays)
    return arrays


def cifar10_batches(path: Path) -> Arrays:
    """Return images and labels of the six batches in CIFAR-10's archive.

    Raises
    ------
    DataCorrupt
        If the archive is damaged, or a batch is missing or no such batch.
    """
    members = formats.tar_members(path, set(_BATCHES))
    batches = {name: _batch(path, raw) for name, raw in members}
    *train, test = (batches[name] for name in _BATCHES)
    return (
        np.concatenate([images for images, _ in train]),
        np.concatenate([labels for _, labels in train]),
        *test,
    )


def _batch(path: Path, raw: bytes) -> tuple[NDArray[np.uint8], Integers]:
    batch = formats.unpickle_arrays(raw, path)
    try:
        return _images(batch[b"data"]), _labels(batch[b"labels"])
    except (KeyError, TypeError, ValueError) as error:
        raise DataCorrupt(f"{path} holds no batch of CIFAR-10: {error}.") from error


def _images(data: Any) -> NDArray[np.uint8]:
    if not isinstance(data, np.ndarray) or data.dtype != np.uint8:
        raise TypeError("its data are no array of bytes")
    return data.reshape(_BATCH_ROWS, 3, 32, 32)


def _labels(values: Any) -> Integers:
    labels = np.array(values, dtype=np.int64)
    if labels.shape != (_BATCH_ROWS,) or not np.all((labels >= 0) & (labels < 10)):
        raise ValueError(f"{_BATCH_ROWS} labels from 0 to 9 expected")
    return labels


def _read_unpacked(path: Path) -> Arrays | None:
    """Return the arrays kept earlier, or None; a damaged file is made anew."""
    try:
        with np.load(path, allow_pickle=False) as kept:
            train, train_labels, test, test_labels = (
                kept[f"arr_{k}"] for k in range(4)
            )
    except (OSError, KeyError, ValueError, EOFError, zipfile.BadZipFile):
        return None
    return train, train_labels, test, test_labels


def _keep_unpacked(path: Path, arrays: Arrays) -> None:
    """Keep arrays for the next time; a cache that cannot be written is no loss."""
    with contextlib.suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(".part", ".unpacked-", path.parent)
        try:
            with os.fdopen(handle, "wb") as stream:
                np.savez(stream, *arrays)
            Path(name).replace(path)
        finally:
            Path(name).unlink(missing_ok=True)
