"""Serves a data set or its stand-in, says which, and remembers it."""

import html
import os
import warnings
from collections.abc import Callable
from typing import TypeVar

from IPython import get_ipython
from IPython.display import display

from companion.datasets.errors import DataMissing
from companion.datasets.lookup import Source, fetch, how_to_get
from companion.datasets.registry import registry

STAND_IN_MIME = "application/vnd.companion.standin+json"
_BANNER = """\
<div class="dtp-stand-in" role="note"
 style="border: 2px dashed #D55E00; padding: .6em .9em; margin: .6em 0;
 overflow-wrap: anywhere">
<strong>Stand-in data for {title}:</strong> {stand_in}.
Figures on this page are not comparable with the reported ones.<br>
<strong>Why:</strong> {reason}<br>
<strong>For the real data:</strong> {remedy}
</div>"""
_PLAIN = "Stand-in data for {title}: {stand_in}. {reason} {remedy}"
_used: dict[str, Source] = {}
T = TypeVar("T")


class StandInWarning(UserWarning):
    """A stand-in is served instead of real data."""


def used() -> list[Source]:
    """Return the sources of all data sets that this process has loaded."""
    return list(_used.values())


def stand_ins() -> list[str]:
    """Return the names of the data sets that this process got as stand-ins."""
    return [source.name for source in used() if source.origin == "stand-in"]


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
    record(source)
    return data


def record(source: Source) -> None:
    """Remember where a data set came from; the latest source of a name counts."""
    _used[source.name] = source


def announce(source: Source) -> None:
    """Show a banner in a notebook; warn elsewhere.

    Nothing goes to the standard error of a notebook, where the book takes any text for
    a failure.
    """
    sentences = _sentences(source)
    if getattr(get_ipython(), "kernel", None) is None:
        warnings.warn(_PLAIN.format(**sentences), StandInWarning, stacklevel=4)
        return
    escaped = {key: html.escape(value) for key, value in sentences.items()}
    bundle = {
        "text/html": _BANNER.format(**escaped),
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
