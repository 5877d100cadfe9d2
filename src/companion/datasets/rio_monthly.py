"""Monthly mean land temperature at Rio de Janeiro, 1832 to 2013."""

import csv
from pathlib import Path

import numpy as np

from companion.datasets import TemperatureSeries
from companion.datasets._climate import sea_temperature, with_gaps
from companion.datasets._fetch import DataSet, Form, serve
from companion.datasets._readers import lines

MONTHS = np.arange("1832-01", "2013-10", dtype="datetime64[M]")
MISSING = 85
CITY = "Rio De Janeiro"

RIO = Form(
    "climate/rio_de_janeiro_monthly_berkeley.csv",
    61_014,
    "5b4b456d7c616f277155d100c19d512a30cdf809484a69487df7ac023a5c6eb2",
)
CITIES = Form(
    "climate/GlobalLandTemperaturesByMajorCity.zip",
    2_123_073,
    "5236dcf4880808c77ae7b14377c36dedbdc65f266c4d3ef8f2785acf9387671b",
    "https://raw.githubusercontent.com/LuisOrtiz79/Climate-Change-in-the-World/7222e8f7eba89e4f2d6584f2ee2f8fc3c1fddec4/GlobalLandTemperaturesByMajorCity.zip",
)
DATA = DataSet(
    name="rio-monthly",
    title="Rio de Janeiro monthly temperatures",
    description=(
        "Monthly mean land temperature at Rio de Janeiro in degrees Celsius, NaN where"
        " missing."
    ),
    shape="2181 months from 1832-01 to 2013-09, 85 missing (none from 1870 to 2012)",
    licence="CC BY-NC-SA 4.0 (non-commercial)",
    citation=(
        "Berkeley Earth, Rohde et al. (2013),"
        " https://doi.org/10.4172/2327-4581.1000101, by way of Kaggle"
    ),
    stand_in="statsmodels' monthly Pacific sea-surface temperatures, repeated",
    files=((RIO, CITIES),),
)
__doc__ = str(DATA)


def load() -> TemperatureSeries:
    """Load the temperatures.

    Returns
    -------
    TemperatureSeries
        Time (2181,), ``datetime64[M]``; temperature (2181,) in degrees Celsius, 85 NaN,
        none of them in the 1716 months of ``between("1870", "2012")``.

    Raises
    ------
    DataError
        If the file is altered or unreadable, or absent in strict mode.
    """
    return serve(DATA, _read, stand_in)


def _read(path: Path) -> TemperatureSeries:
    rows = csv.DictReader(lines(path, "GlobalLandTemperaturesByMajorCity.csv"))
    # The archive's file holds a hundred cities, the other one Rio alone.
    rio = [row for row in rows if row.get("City", CITY) == CITY]
    temperature = [float(row["AverageTemperature"] or "nan") for row in rio]
    return TemperatureSeries(MONTHS.copy(), np.array(temperature))


def stand_in() -> TemperatureSeries:
    """Return the sea's temperature, repeated; the missing months lie before 1870."""
    values = np.resize(sea_temperature(), len(MONTHS))
    before_1870 = int(np.sum(np.datetime64("1870-01") > MONTHS))
    return TemperatureSeries(MONTHS.copy(), with_gaps(values, before_1870, MISSING))
