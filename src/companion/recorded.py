"""Recorded runs: what a page found at full scale, shown beside its live run.

At COMPANION_SCALE=full a page may take a night or a graphics processor. What it
finds is kept in results/PART/NAME.json, with date, device, versions, commit and
seconds, and shown at every other scale, labelled as recorded.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from companion import page, provenance, scale
from companion.errors import PlainValueError

HERE = Path(__file__).parent
# The facts of `provenance` that are kept with a run.
FACTS = ("date", "device", "commit", "libraries", "seconds")
FOLDERS = (HERE / "results", HERE.parents[1] / "results")


@dataclass(frozen=True)
class Recorded:
    """A recorded run.

    Attributes
    ----------
    figures : dict
        What the page gave to `keep`; arrays have become lists of floats, NaN where
        a number was not finite.
    date, device, commit, libraries, seconds : str
        When, on what and from which version the run was made, and how long it took.
    """

    figures: dict[str, Any]
    date: str
    device: str
    commit: str
    libraries: str
    seconds: str

    @property
    def label(self) -> str:
        """The words that mark its figures as recorded."""
        return (
            f"recorded at full scale on {self.date} ({self.device}, {self.seconds} s, "
            f"{self.commit})"
        )


def find(name: str) -> Path | None:
    """Return results/NAME.json of the installed library or of its checkout, or None.

    Parameters
    ----------
    name : str
        "part/name" for a page's recorded run, "book" for the claims of the book.
    """
    files = (folder / f"{name}.json" for folder in FOLDERS)
    return next((file for file in files if file.is_file()), None)


def load() -> Recorded | None:
    """Return the recorded run of the page that has begun, or None.

    Raises
    ------
    PageNotStarted
        If `page.start` was not called.
    PlainValueError
        When the file cannot be read as a recorded run; the message names it.
    """
    name = page.name()
    path = find(name)
    if path is None:
        return None
    try:
        entry = json.loads(path.read_text("utf-8"))
        return Recorded(**entry | {"figures": _nan_for_none(entry["figures"])})
    except (ValueError, KeyError, TypeError) as error:
        raise PlainValueError(
            f"{path} is not a recorded run ({error}): restore it from the repository, "
            f"or delete it and run the page {name} with COMPANION_SCALE=full"
        ) from error


def keep(figures: dict[str, Any]) -> Path | None:
    """Write results/PART/NAME.json at full scale, in a checkout; else do nothing.

    Parameters
    ----------
    figures : dict
        Numbers, texts, lists, arrays and dicts of them; numbers are written with four
        significant digits, those that are not finite as null.

    Returns
    -------
    Path or None
        The file that was written.

    Raises
    ------
    PageNotStarted
        If `page.start` was not called.
    """
    folder = FOLDERS[1]
    if scale.current() != "full" or not folder.is_dir():
        return None
    facts = provenance.facts()
    entry = {key: facts[key] for key in FACTS} | {"figures": _plain(figures)}
    path = folder / f"{page.name()}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_suffix(".part")
    unfinished.write_text(json.dumps(entry, allow_nan=False) + "\n", "utf-8")
    unfinished.replace(path)
    return path


def _plain(value: Any) -> Any:
    """Return JSON's types; numbers that are not finite become None."""
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, np.ndarray | np.generic):
        value = value.tolist()
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, float):
        return float(f"{value:.4g}") if math.isfinite(value) else None
    return value


def _nan_for_none(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _nan_for_none(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_nan_for_none(item) for item in value]
    return math.nan if value is None else value
