"""Median house values of California's block groups, census of 1990."""

from pathlib import Path

import numpy as np

from companion.datasets import Table
from companion.datasets._fetch import DataSet, Form, serve
from companion.datasets._readers import lines

FEATURES = (
    "MedInc", "HouseAge", "AveRooms", "AveBedrms",
    "Population", "AveOccup", "Latitude", "Longitude",
)  # fmt: skip
TARGET = ("MedHouseVal",)

PACKED = Form(
    "california_housing/cal_housing.data.gz",
    420_541,
    "9ec0c7920a28267aa6fd23b11fab174e134d9dff83e17c1d19674a7650834755",
)
PLAIN = Form(
    "california_housing/cal_housing.data",
    2_092_122,
    "d3d8a1a722ae78f91134862727d27a70b1415e7d512a89140406248687f4b902",
    "https://raw.githubusercontent.com/lapets/course-data-science/8b7f62812de4e3bd86bbc7879f65691e1775d1c9/cal_housing.data",
)
ARCHIVE = Form(
    "california_housing/cal_housing.tgz",
    441_963,
    "aaa5c9a6afe2225cc2aed2723682ae403280c4a3695a2ddda4ffb5d8215ea681",
    "https://ndownloader.figshare.com/files/5976036",
)
DATA = DataSet(
    name="california-housing",
    title="California housing",
    description=(
        "Median house value of the block groups of California in the census of 1990,"
        " with scikit-learn's eight features."
    ),
    shape="20640 x 8; target in 100 000 dollars",
    licence="none stated (public StatLib data)",
    citation="Pace, Barry (1997), https://doi.org/10.1016/S0167-7152(96)00140-X",
    stand_in=(
        "a formula: prices that fall with the distance from a coast and rise with"
        " income"
    ),
    files=((PACKED, PLAIN, ARCHIVE),),
)
__doc__ = str(DATA)


def load() -> Table:
    """Load the houses.

    Returns
    -------
    Table
        Data (20640, 8), with scikit-learn's features: median income (10 000 dollars),
        house age (years), rooms, bedrooms per household, population, people per
        household, latitude, longitude (degrees). Target (20640,): median house value
        in 100 000 dollars.

    Raises
    ------
    DataError
        If the file is altered or unreadable, or absent in strict mode.
    """
    return serve(DATA, _read, stand_in)


def _read(path: Path) -> Table:
    columns = np.loadtxt(lines(path, "cal_housing.data"), delimiter=",", unpack=True)
    longitude, latitude, age, rooms, bedrooms, people, homes, income, price = columns
    per_home = rooms / homes, bedrooms / homes, people, people / homes
    data = np.column_stack([income, age, *per_home, latitude, longitude])
    return Table(data, price / 100_000, FEATURES, TARGET)


def stand_in(n: int = 20_640) -> Table:
    """Return `n` houses behind a straight coast, dearer near it and with income."""
    rng = np.random.default_rng(0)
    latitude = rng.uniform(32.5, 42, n)
    inland = rng.exponential(1.2, n)
    longitude = -124.3 + (42 - latitude) * 0.75 + inland
    income = np.clip(rng.lognormal(1.25, 0.45, n), 0.5, 15)
    age = rng.integers(1, 53, n).astype(float)
    rooms = np.clip(3.2 + 0.6 * income + rng.normal(0, 1, n), 1, None)
    bedrooms = np.clip(rng.normal(1.08, 0.08, n), 0.5, None)
    population = np.round(rng.lognormal(7, 0.7, n))
    occupancy = np.clip(rng.normal(2.9, 0.7, n), 1, None)
    columns = income, age, rooms, bedrooms, population, occupancy, latitude, longitude
    price = 0.3 + 0.38 * income + 1.1 * np.exp(-2 * inland) + 0.004 * age
    value = np.clip(price * rng.lognormal(0, 0.2, n), 0.15, 5)
    return Table(np.column_stack(columns), value, FEATURES, TARGET)
