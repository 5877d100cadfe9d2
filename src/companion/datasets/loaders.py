"""One loader per data set."""

import os
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from companion.datasets import formats, images, standins
from companion.datasets.containers import (
    Floats,
    ImageSet,
    PassengerSeries,
    Table,
    TemperatureGrid,
    TemperatureSeries,
)
from companion.datasets.errors import DataCorrupt
from companion.datasets.lookup import sha256
from companion.datasets.serving import serve
from companion.provenance import Source, note_data

TAIWAN_LONGITUDE = np.round(120 + 0.03 * np.arange(67), 2)
TAIWAN_LATITUDE = np.round(21.88 + 0.03 * np.arange(120), 2)
_CORNERS = {
    "BottomLeftLongitude": TAIWAN_LONGITUDE[0],
    "BottomLeftLatitude": TAIWAN_LATITUDE[0],
    "TopRightLongitude": TAIWAN_LONGITUDE[-1],
    "TopRightLatitude": TAIWAN_LATITUDE[-1],
}
_MISSING_CELL = -999.0
_MISSING_DAY = -99.0
_CELSIUS = (-60.0, 60.0)
_DAYS = np.arange("1995-01-01", "2014-04-07", dtype="datetime64[D]")
_MONTHS = np.arange("1832-01", "2013-10", dtype="datetime64[M]")
_DIGITS = tuple("0123456789")
_THINGS = (
    "airplane",
    "automobile",
    "bird",
    "cat",
    "deer",
    "dog",
    "frog",
    "horse",
    "ship",
    "truck",
)
_PIMA_FEATURES = (
    "pregnancies",
    "glucose",
    "blood pressure",
    "skin thickness",
    "insulin",
    "body mass index",
    "pedigree",
    "age",
)
_CALIFORNIA_FEATURES = (
    "MedInc",
    "HouseAge",
    "AveRooms",
    "AveBedrms",
    "Population",
    "AveOccup",
    "Latitude",
    "Longitude",
)
# fmt: off
_PASSENGERS = (
    112, 118, 132, 129, 121, 135, 148, 148, 136, 119, 104, 118,
    115, 126, 141, 135, 125, 149, 170, 170, 158, 133, 114, 140,
    145, 150, 178, 163, 172, 178, 199, 199, 184, 162, 146, 166,
    171, 180, 193, 181, 183, 218, 230, 242, 209, 191, 172, 194,
    196, 196, 236, 235, 229, 243, 264, 272, 237, 211, 180, 201,
    204, 188, 235, 227, 234, 264, 302, 293, 259, 229, 203, 229,
    242, 233, 267, 269, 270, 315, 364, 347, 312, 274, 237, 278,
    284, 277, 317, 313, 318, 374, 413, 405, 355, 306, 271, 306,
    315, 301, 356, 348, 355, 422, 465, 467, 404, 347, 305, 336,
    340, 318, 362, 348, 363, 435, 491, 505, 404, 359, 310, 337,
    360, 342, 406, 396, 420, 472, 548, 559, 463, 407, 362, 405,
    417, 391, 419, 461, 472, 535, 622, 606, 508, 461, 390, 432,
)
# fmt: on


# --- images ----------------------------------------------------------------------


def load_mnist() -> ImageSet:
    """Load MNIST: grey images of handwritten digits.

    Returns
    -------
    ImageSet
        Images (60000, 28, 28) and (10000, 28, 28), uint8, 0 to 255; labels 0 to 9.

    Raises
    ------
    DataCorrupt
        If a file is truncated, altered or unreadable.
    DataMissing
        In strict mode, if the data can be had nowhere.

    Notes
    -----
    Licence: none stated by the authors, usually described as CC BY-SA 3.0.
    Citation: LeCun, Bottou, Bengio, Haffner (1998), https://doi.org/10.1109/5.726791.
    """
    return serve(
        "mnist",
        lambda source: ImageSet(*images.mnist(source.paths), _DIGITS),
        lambda: ImageSet(*standins.digits(), _DIGITS),
    )


def load_cifar10() -> ImageSet:
    """Load CIFAR-10: colour images of ten kinds of things.

    Returns
    -------
    ImageSet
        Images (50000, 3, 32, 32) and (10000, 3, 32, 32), uint8, 0 to 255, channels red,
        green, blue; labels 0 to 9. ``images.transpose(0, 2, 3, 1)`` suits plotting.

    Raises
    ------
    DataCorrupt
        If a file is truncated, altered or unreadable.
    DataMissing
        In strict mode, if the data can be had nowhere.

    Notes
    -----
    Licence: none stated; cite the technical report.
    Citation: Krizhevsky (2009),
    https://www.cs.toronto.edu/~kriz/learning-features-2009-TR.pdf.
    """
    return serve(
        "cifar10",
        lambda source: ImageSet(*images.cifar10(source), _THINGS),
        lambda: ImageSet(*standins.patches(), _THINGS),
    )


# --- climate ---------------------------------------------------------------------


def load_taiwan_temperature(
    path: str | os.PathLike[str] | None = None,
) -> TemperatureGrid:
    """Load one hour of the analysed temperature over Taiwan.

    Parameters
    ----------
    path : path, optional
        Your own O-A0038-003 XML file of another hour; else the hour in the registry.

    Returns
    -------
    TemperatureGrid
        Longitude (67,), latitude (120,) in degrees (TWD67), temperature (120, 67) in
        degrees Celsius, NaN at sea; 3495 of the 8040 cells are valid.

    Raises
    ------
    DataCorrupt
        If the file is truncated, altered, unreadable or no O-A0038-003 grid.
    DataMissing
        In strict mode, if the data can be had nowhere.

    Notes
    -----
    Licence: Taiwan Open Government Data License 1.0 (attribution).
    Citation: Central Weather Administration, Taiwan, data set O-A0038-003,
    https://opendata.cwa.gov.tw/dataset/observation/O-A0038-003.
    """
    if path is None:
        return serve(
            "taiwan-temperature",
            lambda source: _taiwan(source.paths[0]),
            _taiwan_island,
        )
    own = Path(path)
    grid = _taiwan(own)
    note_data(Source("taiwan-temperature", "own file", sha256(own), (own,)))
    return grid


def _taiwan(path: Path) -> TemperatureGrid:
    root = formats.xml(path)
    say = partial(formats.xml_text, path, root)
    _check_corners(path, [say(tag) for tag in _CORNERS])
    fields = say("Content").replace(",", " ").split()
    values = formats.numbers(path, [fields])[0]
    shape = (len(TAIWAN_LATITUDE), len(TAIWAN_LONGITUDE))
    if values.size != np.prod(shape):
        raise DataCorrupt(
            f"{path} is no grid of O-A0038-003: {shape[0]} x {shape[1]} values"
            f" expected, {values.size} found."
        )
    temperature = _in_range(path, _nan_where(values, _MISSING_CELL))
    return _grid(temperature.reshape(shape), say("DateTime"))


def _grid(temperature: Floats, hour: str) -> TemperatureGrid:
    longitude, latitude = TAIWAN_LONGITUDE.copy(), TAIWAN_LATITUDE.copy()
    return TemperatureGrid(longitude, latitude, temperature, hour)


def _check_corners(path: Path, found: list[str]) -> None:
    expected = list(_CORNERS.values())
    if not np.allclose(formats.numbers(path, [found])[0], expected, atol=1e-6):
        raise DataCorrupt(
            f"{path} is no grid of O-A0038-003: corners"
            f" {', '.join(f'{x:g}' for x in expected)} expected,"
            f" {', '.join(found)} found."
        )


def _in_range(path: Path, temperature: Floats) -> Floats:
    """Refuse temperatures that no thermometer in the open air shows."""
    low, high = _CELSIUS
    wrong = temperature[(temperature < low) | (temperature > high)]
    if wrong.size:
        raise DataCorrupt(
            f"{path} holds a temperature of {wrong[0]:g} degrees Celsius, outside"
            f" {low:g} to {high:g}."
        )
    return temperature


def _nan_where(values: Floats, missing: float) -> Floats:
    return np.where(values == missing, np.nan, values)


def _taiwan_island() -> TemperatureGrid:
    temperature = standins.island(TAIWAN_LONGITUDE, TAIWAN_LATITUDE)
    return _grid(temperature, "2025-09-23T19:00:00+08:00")


def load_brussels_daily() -> TemperatureSeries:
    """Load the daily mean temperature at Brussels, 1995 to 2014.

    Returns
    -------
    TemperatureSeries
        Time (7036,), ``datetime64[D]``; temperature (7036,) in degrees Celsius
        (Fahrenheit in the file), 12 NaN.

    Raises
    ------
    DataCorrupt
        If the file is truncated, altered or unreadable.
    DataMissing
        In strict mode, if the data can be had nowhere.

    Notes
    -----
    Licence: research and education, non-commercial.
    Citation: University of Dayton, Average Daily Temperature Archive (from NOAA's
    Global Summary of the Day), https://academic.udayton.edu/kissock/http/Weather/.
    """
    return serve("brussels-daily", _daily, partial(_sea_daily, missing=12))


def load_rio_daily() -> TemperatureSeries:
    """Load the daily mean temperature at Rio de Janeiro, 1995 to 2014.

    Returns
    -------
    TemperatureSeries
        Time (7036,), ``datetime64[D]``; temperature (7036,) in degrees Celsius
        (Fahrenheit in the file), 131 NaN.

    Raises
    ------
    DataCorrupt
        If the file is truncated, altered or unreadable.
    DataMissing
        In strict mode, if the data can be had nowhere.

    Notes
    -----
    Licence: research and education, non-commercial.
    Citation: University of Dayton, Average Daily Temperature Archive (from NOAA's
    Global Summary of the Day), https://academic.udayton.edu/kissock/http/Weather/.
    """
    return serve("rio-daily", _daily, partial(_sea_daily, missing=131))


def _daily(source: Source) -> TemperatureSeries:
    path = source.paths[0]
    lines = formats.text(path).splitlines()
    rows = formats.table(path, (line.split() for line in lines), 4)
    values = formats.numbers(path, rows)
    _check_shape(path, values, (len(_DAYS), 4))
    fahrenheit = _nan_where(values[:, 3], _MISSING_DAY)
    return TemperatureSeries(_DAYS.copy(), _in_range(path, (fahrenheit - 32) / 1.8))


def _sea_daily(missing: int) -> TemperatureSeries:
    values = standins.sea_temperature_daily(len(_DAYS), missing)
    return TemperatureSeries(_DAYS.copy(), values)


def load_rio_monthly() -> TemperatureSeries:
    """Load the monthly mean land temperature at Rio de Janeiro, 1832 to 2013.

    Returns
    -------
    TemperatureSeries
        Time (2181,), ``datetime64[M]``; temperature (2181,) in degrees Celsius, 85 NaN,
        none of them in the 1716 months of ``between("1870", "2012")``.

    Raises
    ------
    DataCorrupt
        If the file is truncated, altered or unreadable.
    DataMissing
        In strict mode, if the data can be had nowhere.

    Notes
    -----
    Licence: CC BY-NC-SA 4.0 (non-commercial).
    Citation: Berkeley Earth, Rohde et al. (2013),
    https://doi.org/10.4172/2327-4581.1000101, by way of Kaggle.
    """
    return serve("rio-monthly", _monthly, _sea_monthly)


def _monthly(source: Source) -> TemperatureSeries:
    path = source.paths[0]
    columns = 7 if path.suffix == ".zip" else 3
    rows = formats.comma_table(path, columns, "GlobalLandTemperaturesByMajorCity.csv")
    # The archive's file holds a hundred cities, with the city in the fourth column.
    months = [row[1:2] for row in rows[1:] if row[3:4] in ([], ["Rio De Janeiro"])]
    temperature = formats.numbers(path, months)
    _check_shape(path, temperature, (len(_MONTHS), 1))
    return TemperatureSeries(_MONTHS.copy(), _in_range(path, temperature[:, 0]))


def _sea_monthly() -> TemperatureSeries:
    before_1870 = int(np.sum(np.datetime64("1870-01") > _MONTHS))
    values = standins.sea_temperature_monthly(len(_MONTHS), 85, before_1870)
    return TemperatureSeries(_MONTHS.copy(), values)


def load_airline_passengers() -> PassengerSeries:
    """Load the monthly number of international airline passengers, 1949 to 1960.

    Returns
    -------
    PassengerSeries
        Time (144,), ``datetime64[M]``; passengers (144,) in thousands.

    Notes
    -----
    Licence: none stated; figures are facts.
    Citation: Box, Jenkins, Reinsel, Ljung, Time Series Analysis, series G,
    https://doi.org/10.1002/9781118619193.
    """
    months = np.arange("1949-01", "1961-01", dtype="datetime64[M]")
    return serve(
        "airline-passengers",
        lambda source: PassengerSeries(months, np.array(_PASSENGERS, dtype=float)),
    )


# --- tables ----------------------------------------------------------------------


def load_ionosphere() -> Table:
    """Load radar returns from the ionosphere, good or bad.

    Returns
    -------
    Table
        Data (351, 34), 17 complex pulses without unit, in [-1, 1]; target (351,),
        1 good (225) or 0 bad (126).

    Raises
    ------
    DataCorrupt
        If the file is truncated, altered or unreadable.
    DataMissing
        In strict mode, if the data can be had nowhere.

    Notes
    -----
    Licence: CC BY 4.0.
    Citation: Sigillito, Wing, Hutton, Baker (1989), UCI Machine Learning Repository,
    https://doi.org/10.24432/C5W01B.
    """
    table = partial(
        Table,
        feature_names=tuple(f"pulse {k}" for k in range(34)),
        target_names=("bad", "good"),
    )
    return serve(
        "ionosphere",
        lambda source: table(*_ionosphere(source.paths[0])),
        lambda: table(*standins.good_or_bad()),
    )


def _ionosphere(path: Path) -> tuple[Floats, NDArray[np.int64]]:
    rows = formats.comma_table(path, 35)
    data = formats.numbers(path, [row[:-1] for row in rows])
    _check_shape(path, data, (351, 34))
    return data, np.array([row[-1] == "g" for row in rows], dtype=np.int64)


def load_pima_diabetes() -> Table:
    """Load medical measurements of women of Pima heritage, and who fell ill.

    Returns
    -------
    Table
        Data (768, 8): pregnancies (number), glucose (mg/dl), blood pressure (mm Hg),
        skin thickness (mm), insulin (mu U/ml), body mass index (kg/m^2), pedigree (no
        unit), age (years); zeros stand for missing measurements. Target (768,), 1 for
        diabetes within five years (268), 0 without (500).

    Raises
    ------
    DataCorrupt
        If the file is truncated, altered or unreadable.
    DataMissing
        In strict mode, if the data can be had nowhere.

    Notes
    -----
    Licence: none stated by the institute that collected it; listed as CC0 by Kaggle.
    Citation: Smith, Everhart, Dickson, Knowler, Johannes (1988),
    https://www.ncbi.nlm.nih.gov/pmc/articles/PMC2245318/.
    """
    table = partial(
        Table,
        feature_names=_PIMA_FEATURES,
        target_names=("no diabetes", "diabetes"),
    )
    return serve(
        "pima-diabetes",
        lambda source: table(*_pima(source.paths[0])),
        lambda: table(*standins.ill_or_well()),
    )


def _pima(path: Path) -> tuple[Floats, NDArray[np.int64]]:
    rows = formats.comma_table(path, 9)
    values = formats.numbers(path, rows)
    _check_shape(path, values, (768, 9))
    return values[:, :8].copy(), values[:, 8].astype(np.int64)


def load_california_housing() -> Table:
    """Load the median house values of California's block groups, census of 1990.

    Returns
    -------
    Table
        Data (20640, 8), with scikit-learn's features: median income (10 000 dollars),
        house age (years), rooms, bedrooms per household, population, people per
        household, latitude, longitude (degrees). Target (20640,): median house value
        in 100 000 dollars.

    Raises
    ------
    DataCorrupt
        If the file is truncated, altered or unreadable.
    DataMissing
        In strict mode, if the data can be had nowhere.

    Notes
    -----
    Licence: none stated (public StatLib data).
    Citation: Pace, Barry (1997), https://doi.org/10.1016/S0167-7152(96)00140-X.
    """
    table = partial(
        Table, feature_names=_CALIFORNIA_FEATURES, target_names=("MedHouseVal",)
    )
    return serve(
        "california-housing",
        lambda source: table(*_california(source.paths[0])),
        lambda: table(*standins.housing()),
    )


def _california(path: Path) -> tuple[Floats, Floats]:
    rows = formats.comma_table(path, 9, "cal_housing.data")
    values = formats.numbers(path, rows)
    _check_shape(path, values, (20640, 9))
    longitude, latitude, age, rooms, bedrooms, people, households, income, price = (
        values.T
    )
    columns = (
        income,
        age,
        rooms / households,
        bedrooms / households,
        people,
        people / households,
        latitude,
        longitude,
    )
    return np.column_stack(columns), price / 100_000


def _check_shape(path: Path, values: NDArray[Any], shape: tuple[int, ...]) -> None:
    if values.shape != shape:
        raise DataCorrupt(f"{path}: shape {shape} expected, {values.shape} found.")


def load_iris() -> Table:
    """Load four measurements of 150 flowers of three species of iris.

    Returns
    -------
    Table
        Data (150, 4): length and width of sepal and petal in centimetres; target
        (150,): species 0, 1, 2, fifty each.

    Notes
    -----
    Licence: CC BY 4.0.
    Citation: Fisher (1936), https://doi.org/10.1111/j.1469-1809.1936.tb02137.x.
    """
    return serve("iris", lambda source: _iris())


def _iris() -> Table:
    from sklearn.datasets import load_iris  # takes a second, so only when needed

    iris = load_iris()
    return Table(
        iris.data,
        iris.target.astype(np.int64),
        tuple(iris.feature_names),
        tuple(str(name) for name in iris.target_names),
    )


# --- generated -------------------------------------------------------------------


def load_moons(n: int = 1000, noise: float = 0.1, random_state: int = 0) -> Table:
    """Draw points on two interleaved half circles.

    Parameters
    ----------
    n : int
        Number of points.
    noise : float
        Standard deviation of the Gaussian noise on each coordinate, without unit.
    random_state : int
        Seed.

    Returns
    -------
    Table
        Data (n, 2) without unit; target (n,): half circle 0 (upper) or 1 (lower).

    Notes
    -----
    Licence: generated, none needed.
    Citation: Pedregosa et al. (2011), scikit-learn,
    https://jmlr.org/papers/v12/pedregosa11a.html.
    """
    from sklearn.datasets import make_moons  # takes a second, so only when needed

    data, target = make_moons(n, noise=noise, random_state=random_state)
    labels = target.astype(np.int64)
    table = Table(data, labels, ("x1", "x2"), ("upper moon", "lower moon"))
    return serve("moons", lambda source: table)


def load_nonlinear_surface(
    n: int = 1000, digits: Sequence[float] = (9, 9, 7, 6, 5), random_state: int = 0
) -> Table:
    """Draw points of the nonlinear surface of ANN 1.4, uniformly on the unit square.

    Parameters
    ----------
    n : int
        Number of points.
    digits : sequence of five numbers
        Weights of the five functions, see `nonlinear_surface`.
    random_state : int
        Seed.

    Returns
    -------
    Table
        Data (n, 2), in [0, 1] without unit; target (n,), float64.

    Notes
    -----
    Licence: generated, none needed.
    Citation: Hwang, Lay, Maechler, Martin, Schimert (1994),
    https://doi.org/10.1109/72.286906.
    """
    X = np.random.default_rng(random_state).uniform(size=(n, 2))
    table = Table(X, nonlinear_surface(X, digits), ("x1", "x2"), ("target",))
    return serve("nonlinear-surface", lambda source: table)


def nonlinear_surface(X: Floats, digits: Sequence[float] = (9, 9, 7, 6, 5)) -> Floats:
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
