"""What data sets there are, and which files of theirs are accepted."""

import tomllib
from dataclasses import dataclass
from functools import cache
from importlib import resources
from types import MappingProxyType
from typing import Any


@dataclass(frozen=True)
class Form:
    """One accepted form of a file: where it lies and how it is recognised."""

    path: str
    sha256: str
    bytes: int | None = None
    member: str | None = None
    addresses: tuple[str, ...] = ()

    @property
    def file_name(self) -> str:
        """Last part of the path."""
        return self.path.rsplit("/", 1)[-1]


@dataclass(frozen=True)
class DataFile:
    """A file that a loader needs, in any one of its accepted forms."""

    forms: tuple[Form, ...]


@dataclass(frozen=True)
class DataSet:
    """One entry of the registry."""

    name: str
    loader: str
    title: str
    description: str
    shape: str
    licence: str
    citation: str
    origin: str | None = None
    stand_in: str | None = None
    files: tuple[DataFile, ...] = ()


@cache
def registry() -> MappingProxyType[str, DataSet]:
    """Return the registry of data sets, name to entry, as datasets.toml lists them."""
    text = resources.files(__package__).joinpath("datasets.toml").read_text("utf-8")
    tables = tomllib.loads(text)
    return MappingProxyType({n: _data_set(n, t) for n, t in tables.items()})


def files(loader: str) -> list[str]:
    """Return the registry names that a loader reads.

    Parameters
    ----------
    loader : str
        Name of a function of this package, such as ``"load_rio_daily"``.

    Returns
    -------
    list of str
        Names of registry entries; empty if `loader` is no loader.
    """
    return [entry.name for entry in registry().values() if entry.loader == loader]


def _data_set(name: str, table: dict[str, Any]) -> DataSet:
    facts = {key: value for key, value in table.items() if key != "files"}
    needed = tuple(_data_file(file["forms"]) for file in table.get("files", ()))
    return DataSet(name=name, files=needed, **facts)


def _data_file(forms: list[dict[str, Any]]) -> DataFile:
    return DataFile(tuple(_form(**table) for table in forms))


def _form(addresses: tuple[str, ...] = (), **facts: Any) -> Form:
    return Form(addresses=tuple(addresses), **facts)
