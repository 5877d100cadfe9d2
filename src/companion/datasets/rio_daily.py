"""Daily mean temperature at Rio de Janeiro, 1995 to 2014."""

from functools import partial

from companion.datasets import TemperatureSeries
from companion.datasets._climate import daily_data_set, daily_stand_in, read_daily
from companion.datasets._fetch import serve

MISSING = 131
DATA = daily_data_set(
    "Rio de Janeiro",
    "rio",
    MISSING,
    "BZRIODJN.txt",
    330_567,
    "23fa57699bdac00e25cdf47111805e6e6dbff8dc45335e3954b444b4c6eeaa00",
)
__doc__ = str(DATA)


def load() -> TemperatureSeries:
    """Load the temperatures.

    Returns
    -------
    TemperatureSeries
        Time (7036,), ``datetime64[D]``; temperature (7036,) in degrees Celsius
        (Fahrenheit in the file), 131 NaN.

    Raises
    ------
    DataError
        If the file is altered or unreadable, or absent in strict mode.
    """
    return serve(DATA, read_daily, partial(daily_stand_in, MISSING))
