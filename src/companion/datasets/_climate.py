"""What the temperature series share: the daily archive, and the sea as a stand-in."""

from pathlib import Path

import numpy as np

from companion.datasets import Floats, TemperatureSeries
from companion.datasets._fetch import DataSet, Form
from companion.datasets._readers import lines

DAYS = np.arange("1995-01-01", "2014-04-07", dtype="datetime64[D]")
MISSING = -99.0
ADDRESS = "https://raw.githubusercontent.com/kaizensoze/daily-temp-history/5e26ffeba3699610bd63404f2b8fc9a7acc348a1/data/data-files/"


def daily_data_set(
    city: str, short: str, missing: int, file: str, size: int, sha256: str
) -> DataSet:
    """Describe a city's series, with `missing` days without a value."""
    return DataSet(
        name=f"{short}-daily",
        title=f"{city} daily temperatures",
        description=(
            f"Daily mean temperature at {city} in degrees Celsius (Fahrenheit in the"
            " file), NaN where missing."
        ),
        shape=f"7036 days from 1995-01-01 to 2014-04-06, {missing} missing",
        licence="research and education, non-commercial",
        citation=(
            "University of Dayton, Average Daily Temperature Archive (from NOAA's"
            " Global Summary of the Day),"
            " https://academic.udayton.edu/kissock/http/Weather/"
        ),
        stand_in=(
            "statsmodels' monthly Pacific sea-surface temperatures, interpolated to"
            " days"
        ),
        files=((Form(f"climate/{file}", size, sha256, ADDRESS + file),),),
    )


def read_daily(path: Path) -> TemperatureSeries:
    """Return the days (7036,) and their temperature (7036,) in degrees Celsius."""
    fahrenheit = np.loadtxt(lines(path), usecols=3)
    fahrenheit = np.where(fahrenheit == MISSING, np.nan, fahrenheit)
    return TemperatureSeries(DAYS.copy(), (fahrenheit - 32) / 1.8)


def daily_stand_in(missing: int) -> TemperatureSeries:
    """Return the sea's temperature on the days, `missing` of them left out."""
    monthly = sea_temperature()
    month = np.arange(len(DAYS)) / 30.4375
    values = np.interp(month, np.arange(len(monthly)), monthly)
    return TemperatureSeries(DAYS.copy(), with_gaps(values, len(DAYS), missing))


def sea_temperature() -> Floats:
    """Return statsmodels' monthly sea temperatures (732,) in degrees Celsius."""
    from statsmodels.datasets import elnino

    years = elnino.load_pandas().data.to_numpy(dtype=float)
    return years[:, 1:].flatten()


def with_gaps(values: Floats, before: int, missing: int) -> Floats:
    """Leave out `missing` of the first `before` values, at equal distances."""
    gaps = np.linspace(0, before - 1, missing + 2).astype(int)[1:-1]
    values[gaps] = np.nan
    return values
