"""Daily mean temperature at Brussels, 1995 to 2014."""

from functools import partial

from companion.datasets import TemperatureSeries
from companion.datasets._climate import daily_data_set, daily_stand_in, read_daily
from companion.datasets._fetch import serve

MISSING = 12
DATA = daily_data_set(
    "Brussels",
    "brussels",
    MISSING,
    "BXBRUSSL.txt",
    330_682,
    "8e84a29fd30dce7ae632b264b792915338cdde845b80ea1189784f42b030e378",
)
__doc__ = str(DATA)


def load() -> TemperatureSeries:
    """Load the temperatures.

    Returns
    -------
    TemperatureSeries
        Time (7036,), ``datetime64[D]``; temperature (7036,) in degrees Celsius
        (Fahrenheit in the file), 12 NaN.

    Raises
    ------
    DataError
        If the file is altered or unreadable, or absent in strict mode.
    """
    return serve(DATA, read_daily, partial(daily_stand_in, MISSING))
