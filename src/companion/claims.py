"""The ledger of reported figures, and the card that sets a live figure beside one.

`claims.toml` has an entry per figure that a source reports; `report` compares.
"""

import json
import math
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import cache
from html import escape
from typing import Any

import numpy as np

from companion import page, pages, provenance, scale
from companion.recorded import find

MIME = "application/vnd.companion.claim+json"
DIRECTIONS = ("below", "above", "equal", "proved", "shown")
COMPARABLE = (
    "same work",
    "same data, other split",
    "other data",
    "recorded run",
)
# Sign, and the colour of the card's edge, for each status.
LOOK = {
    "beaten": ("▲", "#009E73"),
    "reproduced": ("=", "#0072B2"),
    "corrected": ("✎", "#0072B2"),
    "answered": ("✓", "#0072B2"),
    "missed": ("▼", "#D55E00"),
    "not comparable": ("–", "#6B7280"),
}
Value = float | str | bool | Sequence[float]


class ClaimMissed(Exception):
    """A goal was missed on real data at book scale, and the ledger does not say so."""


@dataclass(frozen=True)
class Measure:
    """One figure of a claim: what was reported, and the goal."""

    name: str
    direction: str
    reported: Any = None
    goal: Any = None
    tolerance: float = 0.0
    timing: bool = False
    met: str = ""

    def reaches_goal(self, value: Any) -> bool:
        """Say whether a live value meets the goal."""
        if self.direction == "proved":
            return value is True
        if self.direction == "shown":
            return True
        if isinstance(self.goal, str):
            return str(value) == self.goal
        live, goal = np.asarray(value, float), np.asarray(self.goal, float)
        if live.shape != goal.shape or not np.isfinite(live).all():
            return False
        if self.direction == "equal":
            return bool(np.max(np.abs(live - goal)) <= self.tolerance)
        met = live <= goal if self.direction == "below" else live >= goal
        return bool(met.all())

    def status(self, value: Any) -> str:
        """Return the word for a live value: beaten, reproduced, ..., or missed."""
        if not self.reaches_goal(value):
            return "missed"
        return self.met or self._default_word()

    def _default_word(self) -> str:
        if self.direction in ("below", "above"):
            return "beaten"
        return "answered" if self.direction == "shown" else "reproduced"

    def ratio(self, value: Any) -> float | None:
        """Return how many times better the live value is than the reported one.

        For errors reported / here; for shares such as an accuracy the ratio of
        what is left to 1.
        """
        if not (_is_number(value) and _is_number(self.reported)):
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
    """An entry of the ledger."""

    id: str
    page: str
    source: str
    quantity: str
    comparable: str
    measures: tuple[Measure, ...]
    not_met: str = ""


@dataclass
class Report:
    """What a page reports for a claim; it travels in the page's output."""

    claim: str
    page: str
    source: str
    quantity: str
    comparable: str
    status: str
    rows: list[dict[str, Any]]
    scale: str
    foreign_data: list[str] = field(default_factory=list)
    reason: str = ""
    detail: str = ""


@cache
def ledger(page: str) -> dict[str, Claim]:
    """Return the entries of a page's claims.toml by id.

    Raises
    ------
    ValueError
        If an entry lacks a key or uses an unknown word; the message names it.
    """
    path = pages.folder(page) / "claims.toml"
    entries = tomllib.loads(path.read_text("utf-8")) if path.is_file() else {}
    return {id: _read(page, id, entry) for id, entry in entries.items()}


def _read(page: str, id: str, entry: dict[str, Any]) -> Claim:
    entry = dict(entry)
    try:
        head = {k: entry.pop(k) for k in ("source", "quantity", "comparable")}
        not_met = entry.pop("not_met", "")
        rows = entry.pop("measures", None) or [{"name": head["quantity"], **entry}]
        measures = tuple(Measure(**row) for row in rows)
    except (KeyError, TypeError) as error:
        raise ValueError(f"claims.toml of {page}, [{id}]: {error}") from error
    for word, known in [(head["comparable"], COMPARABLE)] + [
        (m.direction, DIRECTIONS) for m in measures
    ]:
        if word not in known:
            raise ValueError(
                f"claims.toml of {page}, [{id}]: '{word}' is not one of {known}"
            )
    return Claim(id=id, page=page, measures=measures, not_met=not_met, **head)


def report(id: str, value: Value | Mapping[str, Value], *, detail: str = "") -> None:
    """Show reported | here | goal | times better for a claim, and record it.

    Parameters
    ----------
    id
        The claim's id in claims.toml.
    value
        The live figure; for a claim with several measures a mapping from
        their names.
    detail
        How the figure was got, e.g. "median of five seeds".

    Raises
    ------
    KeyError
        If the ledger has no such id, or the names are not the claim's.
    ClaimMissed
        On real data at book scale or above, when a goal is missed that the
        ledger does not declare as not met. A timing never raises.
    """
    claim = _find(id)
    result = judge(claim, _by_name(claim, value), provenance.foreign_data(), detail)
    page.show_html(_card(result), _plain(result), {MIME: asdict(result)})
    if result.status == "missed" and not claim.not_met and _counts(claim):
        raise ClaimMissed(f"Claim '{id}' missed its goal. {_plain(result)}")


def judge(
    claim: Claim, values: Mapping[str, Any], foreign: Sequence[str], detail: str = ""
) -> Report:
    """Compare live values with a claim's goals, without showing anything."""
    rows = [_row(measure, values[measure.name]) for measure in claim.measures]
    status, reason = _overall(rows), ""
    if foreign:
        status = "not comparable"
        reason = ", ".join(foreign)
    elif scale.current() == "smoke":
        status, reason = "not comparable", "smoke scale"
    elif status == "missed":
        reason = claim.not_met
    return Report(
        claim.id, claim.page, claim.source, claim.quantity, claim.comparable, status,
        rows, scale.current(), list(foreign), reason, detail,
    )  # fmt: skip


def _find(id: str) -> Claim:
    entries = ledger(page.name())
    if id not in entries:
        raise KeyError(
            f"claims.toml of {page.name()} has no entry '{id}': add it, or correct "
            "the id."
        )
    return entries[id]


def _by_name(claim: Claim, value: Any) -> dict[str, Any]:
    names = [measure.name for measure in claim.measures]
    values = value if isinstance(value, Mapping) else {names[0]: value}
    if set(values) != set(names):
        raise KeyError(f"Claim '{claim.id}' wants {names}, got {list(values)}.")
    return {name: _plain_value(values[name]) for name in names}


def _plain_value(value: Any) -> Any:
    """Turn NumPy's and torch's scalars and arrays into plain Python."""
    return value.tolist() if hasattr(value, "tolist") else value


def _row(measure: Measure, value: Any) -> dict[str, Any]:
    return {
        "name": measure.name,
        "reported": measure.reported,
        "here": value,
        "goal": measure.goal,
        "direction": measure.direction,
        "tolerance": measure.tolerance,
        "ratio": measure.ratio(value),
        "status": measure.status(value),
        "timing": measure.timing,
    }


def _overall(rows: Sequence[dict[str, Any]]) -> str:
    """Return the claim's status: missed if any measure is, else its best word."""
    words = [row["status"] for row in rows if not row["timing"]] or [
        row["status"] for row in rows
    ]
    return next(word for word in ("missed", *LOOK) if word in words)


def _counts(claim: Claim) -> bool:
    """Say whether a miss counts: a claim of timings alone never fails a build."""
    return not all(measure.timing for measure in claim.measures)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _divide(a: float, b: float) -> float | None:
    return a / b if b > 0 and math.isfinite(a / b) else None


# -- how a card reads ----------------------------------------------------------


def number(value: Any) -> str:
    """Format a figure for a reader: four significant digits, lists joined."""
    if value is None:
        return "–"
    if isinstance(value, bool):
        return "proved" if value else "not proved"
    if isinstance(value, list | tuple):
        return ", ".join(number(v) for v in value)
    if isinstance(value, int):
        return str(value)
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def goal_text(row: Mapping[str, Any]) -> str:
    """Format a goal with its relation, e.g. '≤ 1e-7'."""
    if row["direction"] == "proved":
        return "a proof"
    if row["direction"] == "shown":
        return "an answer"
    sign = {"below": "≤ ", "above": "≥ ", "equal": ""}[row["direction"]]
    spread = f" ± {row['tolerance']:.0e}" if row["tolerance"] else ""
    return f"{sign}{number(row['goal'])}{spread}"


def ratio_text(ratio: float | None) -> str:
    """Format how many times better a figure is."""
    if ratio is None:
        return ""
    return f"{ratio:.3g}" if ratio < 1000 else f"{ratio:.1e}"


def _cells(row: Mapping[str, Any]) -> list[str]:
    return [
        number(row["reported"]),
        number(row["here"]),
        goal_text(row),
        ratio_text(row["ratio"]),
    ]


def _plain(result: Report) -> str:
    lines = [f"{result.claim}: {result.status}. {result.quantity} ({result.source})"]
    for row in result.rows:
        reported, here, goal, ratio = _cells(row)
        lines.append(
            f"  {row['name']}: reported {reported} | here {here} | goal {goal} | "
            f"times better {ratio or '–'} [{row['status']}]"
        )
    return "\n".join(lines + [text for text in (result.detail, result.reason) if text])


def _card(result: Report) -> str:
    sign, colour = LOOK[result.status]
    columns = _columns(result)
    head = "".join(
        f'<th style="text-align:right;font-weight:400;padding:.1em .7em">{name}</th>'
        for name in columns
    )
    body = "".join(_html_row(row, columns) for row in result.rows)
    notes = "".join(
        f'<div style="font-size:.9em">{escape(text)}</div>'
        for text in (result.detail, result.reason, _recorded(result))
        if text
    )
    return (
        f'<div class="dtp-claim" id="claim-{result.claim}" style="border-left:4px '
        f"solid {colour};background:rgba(128,128,128,.10);padding:.6em 1em;"
        'margin:.5em 0;overflow-x:auto">'
        '<div style="display:flex;flex-wrap:wrap;justify-content:space-between;'
        'gap:.2em 1em">'
        f"<span><b>{sign} {result.status}</b>: {escape(result.quantity)}</span>"
        f'<span style="font-size:.9em">{escape(result.source)}, {result.comparable}'
        "</span></div>"
        '<table style="border:0;margin:.4em 0 0;font-size:.95em;'
        'font-variant-numeric:tabular-nums">'
        f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>{notes}</div>"
    )


RATIO = "times better"
NUMBER_CELL = "text-align:right;padding:.1em .7em"


def _columns(result: Report) -> list[str]:
    """Return the columns that say something: no empty name or ratio."""
    name = [""] if len(result.rows) > 1 else []
    ratio = [RATIO] if any(row["ratio"] for row in result.rows) else []
    return [*name, "reported", "here", "goal", *ratio]


def _unbroken(text: str) -> str:
    """Let a list of numbers break between, never inside, its numbers."""
    span = '<span style="white-space:nowrap">{}</span>'
    return ", ".join(span.format(part) for part in text.split(", "))


def _html_row(row: Mapping[str, Any], columns: Sequence[str]) -> str:
    reported, here, goal, ratio = (_unbroken(escape(text)) for text in _cells(row))
    name = f"{LOOK[row['status']][0]} {escape(row['name'])}"
    texts = {"": name, "reported": reported, "here": f"<b>{here}</b>", "goal": goal}
    texts[RATIO] = ratio
    styles = {"": "text-align:left;min-width:8em;padding:.1em .7em .1em 0"}
    cells = (
        f'<td style="{styles.get(column, NUMBER_CELL)}">{texts[column]}</td>'
        for column in columns
    )
    return f'<tr style="background:none">{"".join(cells)}</tr>'


# -- the last strict build on real data ------------------------------------------


def _recorded(result: Report) -> str:
    """Return the book's own figure, for a page that ran on other data."""
    if not result.foreign_data:
        return ""
    entry = recorded().get(result.claim)
    if entry is None:
        return "The book has no recorded figure on real data for this claim yet."
    figures = "; ".join(f"{r['name']}: {number(r['here'])}" for r in entry["rows"])
    return f"Recorded on real data ({entry['date']}, {entry['device']}): {figures}"


@cache
def recorded() -> dict[str, Any]:
    """Return the claims of results/book.json, the last strict build on real data."""
    path = find("book")
    return json.loads(path.read_text("utf-8"))["claims"] if path else {}
