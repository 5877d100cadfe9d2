"""What the loaders return."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


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

    train_images: NDArray[np.uint8]
    train_labels: Integers
    test_images: NDArray[np.uint8]
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


@dataclass(frozen=True)
class PassengerSeries:
    """Airline passengers by month.

    Attributes
    ----------
    time : datetime64[M] array, (144,)
        Months.
    passengers : float64 array, (144,)
        Thousands.
    """

    time: NDArray[np.datetime64]
    passengers: Floats


@dataclass(frozen=True)
class TemperatureGrid:
    """One hour of temperature on a grid of longitude and latitude.

    Attributes
    ----------
    longitude : float64 array, (67,)
        Degrees east, increasing.
    latitude : float64 array, (120,)
        Degrees north, increasing.
    temperature : float64 array, (120, 67)
        Degrees Celsius, row by latitude; NaN where there is no value.
    hour : str
        The hour, in ISO format.
    """

    longitude: Floats
    latitude: Floats
    temperature: Floats
    hour: str

    def points(self) -> tuple[Floats, Integers, Floats]:
        """Return the cells as rows, in the file's order (longitude runs fastest).

        Returns
        -------
        X : float64 array, (8040, 2)
            Longitude and latitude in degrees.
        label : int64 array, (8040,)
            1 where there is a value, else 0.
        value : float64 array, (8040,)
            Degrees Celsius, NaN where there is no value.
        """
        longitude, latitude = np.meshgrid(self.longitude, self.latitude)
        value = self.temperature.ravel()
        label = np.isfinite(value).astype(np.int64)
        return np.column_stack([longitude.ravel(), latitude.ravel()]), label, value
