"""Claims: a live figure beside the reported one, on a card and in the scoreboard.

A page's claims.toml has an entry per figure that a source reports (`ledger`);
`report` compares, shows the card and records it in the page's output.
"""

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import cache
from typing import Any

from companion import cards, ledger, page, provenance, scale
from companion.cards import LOOK as LOOK
from companion.errors import PlainError, PlainValueError
from companion.ledger import WORDS, Claim, Measure
from companion.recorded import find

MIME = "application/vnd.companion.claim+json"
RATIO = "times better"
CHANGED = "You changed something, or found an error"
Value = float | str | bool | Sequence[float]


class ClaimMissed(PlainError):
    """A goal was missed on real data at book scale, and the ledger does not say so."""


@dataclass
class Report:
    """What a page reports for a claim; it travels in the page's output.

    Attributes
    ----------
    claim, page, source, quantity, comparable : str
        As the ledger has them.
    status : str
        The claim's word: the weakest of its measures' words, timings aside.
    rows : list of dict
        For each measure name, reported, here, goal, direction, tolerance, ratio,
        status, timing and reason, as plain JSON.
    scale : str
        The scale of the run.
    foreign_data : list of str
        Data that are not the book's: stand-ins and a reader's own files.
    reason : str
        Why the claim is missed or cannot be compared.
    detail : str
        How the figure was got.
    """

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


def report(id: str, value: Value | Mapping[str, Value], *, detail: str = "") -> None:
    """Show reported | here | goal | times better for a claim, and record it.

    Parameters
    ----------
    id : str
        The claim's id in the page's claims.toml.
    value : number, text, bool, sequence of numbers, or mapping
        The live figure; for a claim with several measures a mapping from their names.
    detail : str, optional
        How the figure was got, e.g. "median of five seeds".

    Raises
    ------
    PlainValueError
        If the ledger has no such id, or the names are not the claim's.
    ClaimMissed
        Under the builder or in strict mode, on real data at book scale or above, when
        a goal is missed that the ledger does not declare as not met, or when a figure
        cannot be one (NaN, a negative error). A timing never raises. For a person who
        runs the page the card turns red, says so, and the page goes on.
    """
    claim = _find(id)
    values = _by_name(claim, value)
    result = judge(claim, values, provenance.foreign_data(), detail)
    page.show_html(_card(result), _plain(result), {MIME: asdict(result)})
    failed = [m.name for m in claim.measures if m.fails(values[m.name])]
    if failed and result.status == "missed" and scale.failures_raise():
        figures = _sentence(row for row in result.rows if row["name"] in failed)
        raise ClaimMissed(f"Claim '{id}' of {claim.page} missed its goal: {figures}.")


def reported(id: str, measure: str | None = None) -> Any:
    """Return what the source reports, so that a page does not type it again.

    Parameters
    ----------
    id : str
        The claim's id in the page's claims.toml.
    measure : str, optional
        The measure's name; it may be left out for a claim of one measure.

    Returns
    -------
    number, list of numbers, text or None
        As claims.toml has it.

    Raises
    ------
    PlainValueError
        If the ledger has no such id, or the claim no such measure.
    """
    claim = _find(id)
    known = {m.name: m.reported for m in claim.measures}
    if measure is None and len(known) == 1:
        return claim.measures[0].reported
    if measure not in known:
        raise PlainValueError(f"Claim '{id}' has the measures {list(known)}: name one.")
    return known[measure]


def judge(
    claim: Claim, values: Mapping[str, Any], foreign: Sequence[str], detail: str = ""
) -> Report:
    """Compare live values with a claim's goals, without showing anything.

    Parameters
    ----------
    claim : Claim
    values : mapping
        The live value of each measure, by name, as plain Python.
    foreign : sequence of str
        Data that are not the book's; with any, nothing can be compared.
    detail : str, optional
        How the figures were got.
    """
    rows = [_row(measure, values[measure.name]) for measure in claim.measures]
    reason = ", ".join(foreign)
    if not foreign and scale.current() == "smoke":
        reason = "smoke scale"
    status = "not comparable" if reason else weakest(rows)
    if status == "not comparable":
        rows = [row | {"status": status, "ratio": None, "reason": ""} for row in rows]
    reason = reason or "; ".join(
        dict.fromkeys(r["reason"] for r in rows if r["reason"])
    )
    return Report(
        claim.id, claim.page, claim.source, claim.quantity, claim.comparable, status,
        rows, scale.current(), list(foreign), reason, detail,
    )  # fmt: skip


def weakest(rows: Sequence[Mapping[str, Any]]) -> str:
    """Return the weakest word of a claim's rows, timings aside if there are others."""
    words = [row["status"] for row in rows if not row["timing"]]
    return min(words or [row["status"] for row in rows], key=WORDS.index)


def _find(id: str) -> Claim:
    entries = ledger.read(page.name())
    if id not in entries:
        raise PlainValueError(
            f"claims.toml of {page.name()} has no entry '{id}': add it, or correct "
            "the id."
        )
    return entries[id]


def _by_name(claim: Claim, value: Any) -> dict[str, Any]:
    names = [measure.name for measure in claim.measures]
    values = value if isinstance(value, Mapping) else {names[0]: value}
    if set(values) != set(names):
        raise PlainValueError(f"Claim '{claim.id}' wants {names}, got {list(values)}.")
    return {name: _python(values[name]) for name in names}


def _python(value: Any) -> Any:
    """Turn NumPy's and torch's scalars and arrays, also in lists, into plain Python."""
    if isinstance(value, list | tuple):
        return [_python(item) for item in value]
    return value.tolist() if hasattr(value, "tolist") else value


def _json(value: Any) -> Any:
    """Turn what is not finite into text, for JSON has no NaN."""
    if isinstance(value, list):
        return [_json(item) for item in value]
    is_odd = isinstance(value, float) and not math.isfinite(value)
    return str(value) if is_odd else value


def _row(measure: Measure, value: Any) -> dict[str, Any]:
    return {
        "name": measure.name,
        "reported": measure.reported,
        "here": _json(value),
        "goal": measure.goal,
        "direction": measure.direction,
        "tolerance": measure.tolerance,
        "ratio": measure.ratio(value),
        "status": measure.word(value),
        "timing": measure.timing,
        "reason": _reason(measure, value),
    }


def _reason(measure: Measure, value: Any) -> str:
    """Say why a measure is missed, or nothing."""
    if measure.reaches_goal(value) or measure.timing:
        return ""
    if not measure.fails(value):
        return measure.not_met
    if measure.is_possible(value):
        return f"{CHANGED}: {measure.name} misses its goal."
    return f"{CHANGED}: {measure.name} cannot be {number(value)}."


def _sentence(rows: Iterable[Mapping[str, Any]]) -> str:
    told = [(row["name"], texts(row)) for row in rows]
    return "; ".join(f"{name} is {t['here']}, goal {t['goal']}" for name, t in told)


# -- how a card reads ----------------------------------------------------------


def number(value: Any, tolerance: float = 0.0) -> str:
    """Format a figure for a reader: four significant digits, lists joined.

    With a tolerance all digits down to it are shown, for they are compared.
    """
    if value is None:
        return "–"
    if isinstance(value, bool):
        return "proved" if value else "not proved"
    if isinstance(value, list | tuple):
        return ", ".join(number(v, tolerance) for v in value)
    if not isinstance(value, float) or not math.isfinite(value):
        return str(value)
    decimals = _decimals(tolerance)
    if decimals > 3 - _exponent(value) and abs(value) >= 1e-4:
        return f"{value:.{decimals}f}"
    return f"{value:.4g}"


def _decimals(tolerance: float) -> int:
    """Return how many decimals reach down to a tolerance: 5 for 5e-6."""
    return math.ceil(-math.log10(2 * tolerance)) if tolerance else 0


def _exponent(value: float) -> int:
    return math.floor(math.log10(abs(value))) if value else 0


def goal_text(row: Mapping[str, Any]) -> str:
    """Format a row's goal with its relation, e.g. '≤ 1e-7'."""
    if row["direction"] == "proved":
        return "a proof"
    if row["direction"] == "shown":
        return "an answer"
    sign = {"below": "≤ ", "above": "≥ ", "equal": ""}[row["direction"]]
    spread = f" ± {row['tolerance']:.0e}" if row["tolerance"] else ""
    return f"{sign}{number(row['goal'], row['tolerance'])}{spread}"


def ratio_text(ratio: float | None) -> str:
    """Format how many times better a figure is."""
    if ratio is None:
        return ""
    return f"{ratio:.3g}" if ratio < 1000 else f"{ratio:.1e}"


def texts(row: Mapping[str, Any]) -> dict[str, str]:
    """Return a row's figures as a card shows them: reported, here, goal, ratio."""
    return {
        "reported": number(row["reported"], row["tolerance"]),
        "here": number(row["here"], row["tolerance"]),
        "goal": goal_text(row),
        RATIO: ratio_text(row["ratio"]),
    }


def _plain(result: Report) -> str:
    lines = [f"{result.claim}: {result.status}. {result.quantity} ({result.source})"]
    for row in result.rows:
        cells = " | ".join(f"{key} {text or '–'}" for key, text in texts(row).items())
        lines.append(f"  {row['name']}: {cells} [{row['status']}]")
    return "\n".join(lines + [text for text in (result.detail, result.reason) if text])


def _card(result: Report) -> str:
    notes = [result.detail, result.reason, _figures_of_the_book(result)]
    return cards.claim(
        id=result.claim,
        word=result.status,
        quantity=result.quantity,
        source=f"{result.source}, {result.comparable}",
        rows=[(row["status"], row["name"], texts(row)) for row in result.rows],
        notes=[note for note in notes if note],
    )


# -- the last strict build on real data ------------------------------------------


def _figures_of_the_book(result: Report) -> str:
    """Return the book's own figures, for a page that ran on other data."""
    if not result.foreign_data:
        return ""
    entry = book_claims().get(result.claim)
    if entry is None or entry["page"] != result.page or entry["foreign_data"]:
        return "The book has no recorded figure on real data for this claim yet."
    figures = "; ".join(f"{r['name']}: {texts(r)['here']}" for r in entry["rows"])
    return f"Recorded on real data ({entry['date']}, {entry['device']}): {figures}"


@cache
def book_claims() -> dict[str, Any]:
    """Return the claims of results/book.json, the last strict build on real data.

    Raises
    ------
    PlainValueError
        When the file cannot be read; the message names it.
    """
    path = find("book")
    try:
        return json.loads(path.read_text("utf-8"))["claims"] if path else {}
    except (ValueError, KeyError, TypeError) as error:
        raise PlainValueError(
            f"{path} does not hold the book's claims ({error}): restore it from the "
            "repository."
        ) from error
