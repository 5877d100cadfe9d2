"""Serves a data set or its stand-in, says which, and remembers it."""

import os
import warnings
from collections.abc import Callable
from typing import TypeVar

from IPython import get_ipython
from IPython.display import display

from companion import cards
from companion.datasets.errors import DataMissing
from companion.datasets.lookup import fetch, how_to_get
from companion.datasets.registry import registry
from companion.provenance import STAND_IN_MIME, Source, note_data

_PLAIN = "Stand-in data for {title}: {stand_in}. {reason} {remedy}"
T = TypeVar("T")


class StandInWarning(UserWarning):
    """A stand-in is served instead of real data."""


def serve(
    name: str, parse: Callable[[Source], T], stand_in: Callable[[], T] | None = None
) -> T:
    """Return a data set, or its stand-in where the real one can be had nowhere.

    Parameters
    ----------
    name : str
        Name in the registry.
    parse : callable
        Reads the files of a source.
    stand_in : callable, optional
        Makes the stand-in; None for a data set that needs no file.

    Raises
    ------
    DataCorrupt
        If a file is truncated, altered or unreadable.
    DataMissing
        If the data can be had nowhere and ``COMPANION_STRICT`` is 1.
    """
    source = fetch(name)
    if source.origin != "stand-in" or stand_in is None:
        data = parse(source)
    elif os.environ.get("COMPANION_STRICT") == "1":
        raise DataMissing(f"{source.reason} {how_to_get(registry()[name])}")
    else:
        data = stand_in()
        announce(source)
    note_data(source)
    return data


def announce(source: Source) -> None:
    """Show a banner in a notebook; warn elsewhere.

    Nothing goes to the standard error of a notebook, where the book takes any text for
    a failure.
    """
    sentences = _sentences(source)
    if getattr(get_ipython(), "kernel", None) is None:
        warnings.warn(_PLAIN.format(**sentences), StandInWarning, stacklevel=4)
        return
    bundle = {
        "text/html": cards.banner(**sentences),
        "text/plain": _PLAIN.format(**sentences),
        STAND_IN_MIME: {"name": source.name, "reason": source.reason},
    }
    display(bundle, raw=True)


def _sentences(source: Source) -> dict[str, str]:
    data_set = registry()[source.name]
    return {
        "title": data_set.title,
        "stand_in": data_set.stand_in or "generated values",
        "reason": source.reason or "",
        "remedy": how_to_get(data_set),
    }
