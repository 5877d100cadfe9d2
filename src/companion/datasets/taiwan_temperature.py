"""One hour of the analysed temperature over Taiwan."""

import os
import re
from dataclasses import dataclass
from pathlib import Path
from xml.etree.ElementTree import ParseError

import defusedxml.ElementTree
import numpy as np
from defusedxml.common import DefusedXmlException

from companion import provenance
from companion.datasets import DataError, Floats, Integers
from companion.datasets._fetch import DataSet, Form, serve, sha256

LONGITUDE = np.round(120 + 0.03 * np.arange(67), 2)
LATITUDE = np.round(21.88 + 0.03 * np.arange(120), 2)
CORNERS = {
    "BottomLeftLongitude": LONGITUDE[0],
    "BottomLeftLatitude": LATITUDE[0],
    "TopRightLongitude": LONGITUDE[-1],
    "TopRightLatitude": LATITUDE[-1],
}
MISSING = -999.0
LOWEST, HIGHEST = -60.0, 60.0

XML = Form(
    "taiwan_cwa/O-A0038-003_2025-09-23T19.xml",
    90_033,
    "09b159950bee69b1310a18b103db56f355f664e453d75572b399c3d86d7fca4a",
    "https://raw.githubusercontent.com/eiken59/machine_learning_2025F/962e004c2b918c5ef97e42cf71a399e4313635f5/Week_4/O-A0038-003.xml",
)
DATA = DataSet(
    name="taiwan-temperature",
    title="Taiwan hourly temperature grid O-A0038-003, 2025-09-23 19:00",
    description=(
        "One hour of the analysed temperature over Taiwan, in degrees Celsius, on a"
        " grid of 0.03 degrees (TWD67); NaN at sea."
    ),
    shape="120 latitudes x 67 longitudes, 3495 of 8040 cells valid",
    licence="Taiwan Open Government Data License 1.0 (attribution)",
    citation=(
        "Central Weather Administration, Taiwan, data set O-A0038-003,"
        " https://opendata.cwa.gov.tw/dataset/observation/O-A0038-003"
    ),
    stand_in="a formula: an island with a mountain ridge",
    files=((XML,),),
)
__doc__ = str(DATA)


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


def load(path: str | os.PathLike[str] | None = None) -> TemperatureGrid:
    """Load one hour of the temperature over Taiwan.

    Parameters
    ----------
    path : path, optional
        Your own O-A0038-003 XML file of another hour.

    Returns
    -------
    TemperatureGrid
        Longitude (67,), latitude (120,) in degrees (TWD67), temperature (120, 67) in
        degrees Celsius, NaN at sea; 3495 of the 8040 cells are valid.

    Raises
    ------
    DataError
        If the file is truncated, altered, unreadable or no O-A0038-003 grid; in strict
        mode, if it is absent.
    """
    if path is None:
        return serve(DATA, _read, stand_in)
    own = Path(path)
    grid = _read(own)
    provenance.note_data(provenance.Source(DATA.name, "own file", sha256(own), (own,)))
    return grid


# --- reading, with guards, for a reader's own file may hold anything ---------------


def _read(path: Path) -> TemperatureGrid:
    try:
        texts = _texts(path.read_bytes())
        corners = _numbers(",".join(texts[tag] for tag in CORNERS))
        values, hour = _numbers(texts["Content"]), texts["DateTime"]
        _check(corners, values)
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror}.") from error
    except KeyError as error:
        raise DataError(f"{path} has no element <{error.args[0]}>.") from None
    except ValueError as error:
        raise DataError(f"{path} is no grid of O-A0038-003: {error}.") from error
    return _grid(np.where(values == MISSING, np.nan, values), hour)


def _grid(temperature: Floats, hour: str) -> TemperatureGrid:
    rows = temperature.reshape(len(LATITUDE), len(LONGITUDE))
    return TemperatureGrid(LONGITUDE.copy(), LATITUDE.copy(), rows, hour)


def _texts(raw: bytes) -> dict[str, str]:
    """Return the text of the first element of each name, in any namespace."""
    try:
        root = defusedxml.ElementTree.fromstring(raw, forbid_dtd=True)
    except (ParseError, DefusedXmlException, LookupError, ValueError) as error:
        raise ValueError(f"no acceptable XML: {error}") from error
    texts: dict[str, str] = {}
    for element in root.iter():
        texts.setdefault(element.tag.rsplit("}", 1)[-1], (element.text or "").strip())
    return texts


def _numbers(text: str) -> Floats:
    # float() would also take "nan", "inf" and "1_0".
    if found := re.search(r"[^-+.,eE\d\s]\S*", text, re.ASCII):
        raise ValueError(f"{found[0]!r} is no number")
    return np.array([float(field) for field in text.replace(",", " ").split()])


def _check(corners: Floats, values: Floats) -> None:
    expected = list(CORNERS.values())
    if len(corners) != 4 or not np.allclose(corners, expected, atol=1e-6):
        raise ValueError(f"corners {_list(expected)} expected, {_list(corners)} found")
    n_rows, n_columns = len(LATITUDE), len(LONGITUDE)
    if len(values) != n_rows * n_columns:
        raise ValueError(f"{n_rows} x {n_columns} values expected, {len(values)} found")
    outside = (values != MISSING) & ((values < LOWEST) | (values > HIGHEST))
    if outside.any():
        raise ValueError(
            f"it holds a temperature of {values[outside][0]:g} degrees Celsius,"
            f" outside {LOWEST:g} to {HIGHEST:g}"
        )


def _list(numbers: Floats | list[float]) -> str:
    return ", ".join(f"{number:g}" for number in numbers)


def stand_in(cells: int = 3495) -> TemperatureGrid:
    """Return the temperature of an island with a mountain ridge and `cells` cells."""
    east, north = np.meshgrid(LONGITUDE - 120.97, LATITUDE - 23.7)
    along, across = north + 0.35 * east, east - 0.35 * north
    coast = (along / 1.8) ** 2 + (across / 0.65) ** 2 + 0.1 * np.sin(5 * along)
    height = 3.4 * np.exp(-(((across - 0.1) / 0.25) ** 2) - (along / 1.3) ** 4)
    noise = np.random.default_rng(0).normal(0, 0.4, coast.shape)
    temperature = np.round(28.5 - 5.5 * height - 0.8 * along + noise, 1)
    land = coast <= np.partition(coast.ravel(), cells - 1)[cells - 1]
    return _grid(np.where(land, temperature, np.nan), "2025-09-23T19:00:00+08:00")
