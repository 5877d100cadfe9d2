"""The ledger: what a source reports, and our goal, as a page's claims.toml has it."""

import math
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass, fields
from decimal import Decimal
from functools import cache
from typing import Any

import numpy as np

from companion import pages
from companion.errors import PlainValueError

DIRECTIONS = ("below", "above", "equal", "proved", "shown")
COMPARABLE = (
    "same work",
    "same data, other split",
    "other data",
    "recorded run",
)
# From the weakest to the strongest; "beaten" and "reproduced" cannot be declared.
WORDS = ("missed", "not comparable", "corrected", "answered", "reproduced", "beaten")
DECLARED = ("", "not comparable", "corrected", "answered")
# Texts that stand for a figure which the source does not report.
NOTHING = (None, "", "left open", "not given")
# A ratio to less than this share of the reported figure is a ratio to rounding.
ROUNDING = 1e-14


@dataclass(frozen=True)
class Measure:
    """One figure of a claim: what was reported, and the goal.

    Attributes
    ----------
    name : str
        What is measured; a claim of one measure takes its quantity.
    direction : str
        "below", "above" or "equal" to the goal, "proved", or "shown" (no goal).
    reported : number, list of numbers, text or None
        The source's figure or statement; None, "left open" or "not given" if none.
    goal : number, list of numbers or text, optional
        Ours; an "equal" goal may be text.
    tolerance : float
        Largest difference to an "equal" goal.
    lowest, highest : float, optional
        What the figure can be at all. Default: at least 0 for "below", at most 1 for
        "above" with a goal below 1 (a share).
    timing : bool
        A timing never fails a build.
    met : str
        A weaker word than the one that is earned when the goal is met.
    not_met : str
        Why the goal cannot be met; page and scoreboard then show it as missed.
    """

    name: str
    direction: str
    reported: Any = None
    goal: Any = None
    tolerance: float = 0.0
    lowest: float | None = None
    highest: float | None = None
    timing: bool = False
    met: str = ""
    not_met: str = ""

    @property
    def limits(self) -> tuple[float, float]:
        """The lowest and the highest value that the figure can have."""
        low = 0.0 if self.direction == "below" else -math.inf
        share = self.direction == "above" and bool((_array(self.goal) < 1).all())
        high = 1.0 if share else math.inf
        return (
            low if self.lowest is None else self.lowest,
            high if self.highest is None else self.highest,
        )

    def is_possible(self, value: Any) -> bool:
        """Say whether a live value can be this figure at all, met or missed."""
        if self.direction == "proved":
            return isinstance(value, bool)
        if self.direction == "shown" or isinstance(self.goal, str):
            return says_something(value)
        low, high = self.limits
        live = _array(value)
        inside = np.isfinite(live) & (low <= live) & (live <= high)
        return live.size > 0 and bool(inside.all())

    def reaches_goal(self, value: Any) -> bool:
        """Say whether a live value meets the goal."""
        if not self.is_possible(value):
            return False
        if self.direction == "proved":
            return value is True
        if self.direction == "shown":
            return True
        if isinstance(self.goal, str):
            return str(value) == self.goal
        return self._compares(_array(value), _array(self.goal))

    def fails(self, value: Any) -> bool:
        """Say whether a live value fails a build: a miss that is not declared.

        What cannot be such a figure at all fails in any case, a timing in none.
        """
        declared = self.not_met and self.is_possible(value)
        return not (self.reaches_goal(value) or self.timing or declared)

    def _compares(self, live: np.ndarray, goal: np.ndarray) -> bool:
        if live.shape != goal.shape:
            return False
        if self.direction == "equal":
            return bool(np.max(np.abs(live - goal)) <= self.tolerance)
        met = live <= goal if self.direction == "below" else live >= goal
        return bool(met.all())

    def word(self, value: Any) -> str:
        """Return the word that a live value earns: one of `WORDS`."""
        if not self.reaches_goal(value):
            return "missed"
        if self.met:
            return self.met
        if self.comes_out(value):
            return "reproduced"
        return "beaten" if self.is_better(value) else "answered"

    def comes_out(self, value: Any) -> bool:
        """Say whether the reported figure or formula comes out.

        It does when it is proved, or equal to its last digit or within the tolerance.
        """
        if self.reported in NOTHING or self.direction not in ("equal", "proved"):
            return False
        if self.direction == "proved":
            return value is True
        if isinstance(self.reported, str):
            return str(value) == self.reported
        live, told = _array(value), _array(self.reported)
        allowed = np.maximum(self.tolerance, _half_a_digit(self.reported))
        return live.shape == told.shape and bool((np.abs(live - told) <= allowed).all())

    def is_better(self, value: Any) -> bool:
        """Say whether a live value is better than a reported number."""
        live, told = _array(value), _array(self.reported)
        if live.shape != told.shape or self.direction in ("proved", "shown"):
            return False
        if self.direction == "equal":
            goal = _array(self.goal)
            return bool((np.abs(live - goal) < np.abs(told - goal)).all())
        better = live < told if self.direction == "below" else live > told
        return bool(better.all())

    def ratio(self, value: Any) -> float | None:
        """Return how many times better the live value is than the reported one.

        For errors reported / here; for shares such as an accuracy the ratio of
        what is left to 1. None without two numbers, and where the live error is
        nothing but rounding.
        """
        if not (is_number(value) and is_number(self.reported)):
            return None
        if self.direction == "below":
            return _divide(self.reported, value)
        if self.direction == "above":
            share = 0 <= value <= 1 and 0 <= self.reported <= 1
            if share:
                return _divide(1 - self.reported, 1 - value)
            return _divide(value, self.reported)
        return None


@dataclass(frozen=True)
class Claim:
    """An entry of the ledger.

    Attributes
    ----------
    id, page : str
        Its name, and the page, "part/name".
    source, quantity : str
        Where the figure is reported, and what it measures.
    comparable : str
        How far ours can be compared with it: one of `COMPARABLE`.
    measures : tuple of Measure
    """

    id: str
    page: str
    source: str
    quantity: str
    comparable: str
    measures: tuple[Measure, ...]


def says_something(value: Any) -> bool:
    """Say whether an answer is one: a finite number, True, text, or a list of them."""
    if isinstance(value, list | tuple):
        return bool(value) and all(says_something(item) for item in value)
    if isinstance(value, bool | str):
        return bool(value)
    return is_number(value) and math.isfinite(value)


def is_number(value: Any) -> bool:
    """Say whether a value is a number, and not a truth value."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def _array(value: Any) -> np.ndarray:
    """Return a float array; NaN for what is not made of numbers."""
    array = np.asarray(value)
    return array.astype(float) if array.dtype.kind in "iuf" else np.array(math.nan)


def _half_a_digit(reported: Any) -> Any:
    """Return half a unit of the last printed digit: 5e-5 for 0.4235."""
    if isinstance(reported, list):
        return [_half_a_digit(item) for item in reported]
    return 0.5 * 10.0 ** int(Decimal(repr(reported)).as_tuple().exponent)


def _divide(a: float, b: float) -> float | None:
    return a / b if a > 0 and b > ROUNDING * a and math.isfinite(a / b) else None


# -- reading -------------------------------------------------------------------------


@cache
def read(page: str) -> dict[str, Claim]:
    """Return the claims of a page, "part/name", by id; none without a claims.toml.

    Raises
    ------
    PlainValueError
        If the file is not TOML, or an entry lacks a key, has an unknown one, no goal,
        or a word that is not known. The message names file, page and entry.
    """
    path = pages.folder(page) / "claims.toml"
    if not path.is_file():
        return {}
    try:
        entries = tomllib.loads(path.read_text("utf-8"))
        return {id: _claim(page, id, entry) for id, entry in entries.items()}
    except ValueError as error:
        raise PlainValueError(f"{path}, the claims of {page}: {error}") from error


def _claim(page: str, id: str, entry: Any) -> Claim:
    if not isinstance(entry, dict):
        raise ValueError(f"'{id}' stands outside of a [claim]")
    head = _pop_head(id, rest := dict(entry))
    rows = rest.pop("measures", None)
    if rows and rest:
        raise ValueError(f"[{id}]: {_words(rest)} belongs into one of its measures")
    rows = rows or [{"name": head["quantity"], **rest}]
    measures = tuple(_measure(id, row) for row in rows)
    if len({m.name for m in measures}) < len(measures):
        raise ValueError(f"[{id}]: two measures have one name")
    return Claim(id=id, page=page, measures=measures, **head)


def _pop_head(id: str, entry: dict[str, Any]) -> dict[str, str]:
    keys = ("source", "quantity", "comparable")
    missing = [key for key in keys if key not in entry]
    if missing:
        raise ValueError(f"[{id}] lacks {_words(missing)}")
    if entry["comparable"] not in COMPARABLE:
        raise ValueError(
            f"[{id}]: '{entry['comparable']}' is not one of {_words(COMPARABLE)}"
        )
    return {key: entry.pop(key) for key in keys}


def _measure(id: str, row: dict[str, Any]) -> Measure:
    if unknown := set(row) - {field.name for field in fields(Measure)}:
        raise ValueError(f"[{id}]: unknown key {_words(unknown)}")
    if missing := {"name", "direction"} - set(row):
        raise ValueError(f"[{id}] lacks {_words(missing)}")
    measure = Measure(**row)
    for problem in _problems(measure):
        raise ValueError(f"[{id}], '{measure.name}': {problem}")
    return measure


def _problems(m: Measure) -> Iterator[str]:
    if m.direction not in DIRECTIONS:
        yield f"'{m.direction}' is not one of {_words(DIRECTIONS)}"
    if m.met not in DECLARED:
        yield f"met = '{m.met}' cannot be declared, only {_words(DECLARED[1:])}"
    if m.reported in NOTHING and m.met not in ("", "answered"):
        yield f"nothing is reported, so it is answered, not {m.met}"
    yield from _goal_problems(m)
    if not isinstance(m.reported, str | None) and not says_something(m.reported):
        yield "the reported figure is not finite"
    if m.tolerance < 0 or (m.tolerance and m.direction != "equal"):
        yield "a tolerance belongs to 'equal' and is not negative"


def _goal_problems(m: Measure) -> Iterator[str]:
    if m.direction in ("proved", "shown"):
        if m.goal is not None:
            yield f"'{m.direction}' has no goal"
    elif m.goal is None:
        yield f"'{m.direction}' wants a goal"
    elif isinstance(m.goal, str) and m.direction != "equal":
        yield f"'{m.direction}' wants a number as its goal"
    elif not m.is_possible(m.goal):
        yield f"its own goal lies outside {m.limits[0]:g} to {m.limits[1]:g}"


def _words(names: Any) -> str:
    return ", ".join(f"'{name}'" for name in sorted(names))
