"""Loaders of the data sets, real by default.

Each ``load_x()`` looks in the folder named by ``COMPANION_DATA``, in the user's cache,
and at the registry's addresses, and checks every file's checksum. What can be had
nowhere is replaced by a stand-in of the same shape, with a banner; with
``COMPANION_STRICT=1`` it is an error. `registry` lists the data sets with licence and
citation; `companion.provenance` says what this process got.
"""

from companion.datasets.containers import (
    ImageSet,
    PassengerSeries,
    Table,
    TemperatureGrid,
    TemperatureSeries,
)
from companion.datasets.errors import DataCorrupt, DataError, DataMissing
from companion.datasets.loaders import (
    load_airline_passengers,
    load_brussels_daily,
    load_california_housing,
    load_cifar10,
    load_ionosphere,
    load_iris,
    load_mnist,
    load_moons,
    load_nonlinear_surface,
    load_pima_diabetes,
    load_rio_daily,
    load_rio_monthly,
    load_taiwan_temperature,
    nonlinear_surface,
)
from companion.datasets.lookup import fetch
from companion.datasets.registry import DataSet, files, registry
from companion.datasets.serving import StandInWarning

__all__ = [
    "DataCorrupt",
    "DataError",
    "DataMissing",
    "DataSet",
    "ImageSet",
    "PassengerSeries",
    "StandInWarning",
    "Table",
    "TemperatureGrid",
    "TemperatureSeries",
    "fetch",
    "files",
    "load_airline_passengers",
    "load_brussels_daily",
    "load_california_housing",
    "load_cifar10",
    "load_ionosphere",
    "load_iris",
    "load_mnist",
    "load_moons",
    "load_nonlinear_surface",
    "load_pima_diabetes",
    "load_rio_daily",
    "load_rio_monthly",
    "load_taiwan_temperature",
    "nonlinear_surface",
    "registry",
]
