"""Data sets, real by default: ``from companion.datasets import mnist; mnist.load()``.

One module per data set; ``help(mnist)`` says what it is, its licence and citation.
`load` takes the files from the folder named by ``COMPANION_DATA``, from the user's
cache or from their addresses, and checks them. What can be had nowhere is replaced by a
stand-in of the same shape, with a banner; with ``COMPANION_STRICT=1`` it is an error.

This package imports no data set, so that a page depends on those alone that it uses.
"""

from dataclasses import dataclass
from importlib import import_module
from pkgutil import iter_modules

import numpy as np
from numpy.typing import NDArray

from companion.errors import PlainError

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Images = NDArray[np.uint8]


class DataError(PlainError, RuntimeError):
    """A data set is wrong, unreadable, or absent where no stand-in is wanted."""


@dataclass(frozen=True)
class ImageSet:
    """Labelled images, divided into training and test data.

    Attributes
    ----------
    train_images, test_images : uint8 arrays, (n, 28, 28) or (n, 3, 32, 32)
        Pixels, 0 to 255; row 0 at the top.
    train_labels, test_labels : int64 arrays, (n,)
        Index of the class.
    classes : tuple of str
        Names of the classes.
    """

    train_images: Images
    train_labels: Integers
    test_images: Images
    test_labels: Integers
    classes: tuple[str, ...]


@dataclass(frozen=True)
class Table:
    """Rows of features with a target, in scikit-learn's names.

    Attributes
    ----------
    data : float64 array, (n, d)
        One row per example.
    target : array, (n,)
        Class index (int64) or value (float64).
    feature_names : tuple of str
        Names of the columns.
    target_names : tuple of str
        Names of the classes, or the one name of a value.
    """

    data: Floats
    target: Integers | Floats
    feature_names: tuple[str, ...]
    target_names: tuple[str, ...]


@dataclass(frozen=True)
class TemperatureSeries:
    """Temperatures at one place at equal steps of time.

    Attributes
    ----------
    time : datetime64 array, (n,)
        Days (``datetime64[D]``) or months (``datetime64[M]``), without gaps.
    temperature : float64 array, (n,)
        Degrees Celsius, NaN where missing.
    """

    time: NDArray[np.datetime64]
    temperature: Floats

    def between(self, first: str, last: str) -> "TemperatureSeries":
        """Return the part from `first` to `last`, both included.

        Parameters
        ----------
        first, last : str
            ISO dates, months or years, such as ``"1870"``.
        """
        begin, end = np.datetime64(first), np.datetime64(last)
        inside = (self.time.astype(begin.dtype) >= begin) & (
            self.time.astype(end.dtype) <= end
        )
        return TemperatureSeries(self.time[inside], self.temperature[inside])


def names() -> list[str]:
    """Return the names of the data sets' modules."""
    found = (module.name for module in iter_modules(__path__))
    return [name for name in found if not name.startswith("_")]


def fetch_all() -> dict[str, str]:
    """Make sure of the files of all data sets, for work without a network.

    Returns
    -------
    dict of str
        Data set to where it was found, or to the sentence why it can be had nowhere.

    Raises
    ------
    DataError
        If a file is there and is truncated, altered or unreadable.
    """
    # Not imported by name: a page on generated data does not depend on it.
    _fetch = import_module("companion.datasets._fetch")

    modules = [import_module(f"{__name__}.{name}") for name in names()]
    sources = [
        _fetch.fetch(module.DATA) for module in modules if hasattr(module, "DATA")
    ]
    return {source.name: source.reason or source.origin for source in sources}
