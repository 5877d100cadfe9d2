"""Claims: the card, what travels in the output, and when a page stops."""

import ast
import json
import math
import re

import jupytext
import numpy as np
import pytest

from companion import claims, ledger, page, provenance
from companion.claims import ClaimMissed
from companion.errors import PlainValueError
from companion.ledger import Claim, Measure
from companion.provenance import Source
from tests.places import PAGES, ROOT

RECORDED = {
    "page": "part/page",
    "date": "2026-01-01",
    "device": "CPU",
    "foreign_data": [],
    "rows": [{"name": "m", "reported": 1.0, "here": 0.25, "goal": 0.5,
              "direction": "below", "tolerance": 0.0, "ratio": 4.0}],
}  # fmt: skip
BELOW = Measure("m", "below", reported=1.0, goal=0.5)


def claim(*measures, id="an-id"):
    return Claim(id, "part/page", "ML A1", "test error", "same work", measures)


@pytest.fixture
def entries(monkeypatch, at_scale):
    at_scale("book")
    monkeypatch.setattr(provenance, "_sources", {})
    monkeypatch.setattr(page, "name", lambda: "part/page")
    monkeypatch.setattr(claims, "book_claims", lambda: {})
    known = {"an-id": claim(BELOW)}
    monkeypatch.setattr(ledger, "read", lambda page: known)
    return known


@pytest.fixture
def student(monkeypatch):
    """A person who runs a page: neither the builder nor strict mode."""
    for name in ("COMPANION_BOOK", "COMPANION_STRICT"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def stand_in(entries):
    provenance.note_data(Source("mnist", "stand-in"))


def last(displayed):
    return displayed[-1][claims.MIME]


def html(displayed):
    return displayed[-1]["text/html"]


def test_report_shows_and_records(entries, displayed):
    claims.report("an-id", np.float64(0.25), detail="median of five seeds")
    data = last(displayed)
    assert data["status"] == "beaten"
    assert data["rows"][0]["here"] == 0.25
    assert data["rows"][0]["ratio"] == 4
    json.dumps(data, allow_nan=False)
    shown = ("beaten", "0.25", "≤ 0.5", "times better", "median of")
    assert all(text in html(displayed) for text in shown)


def test_a_list_of_numpy_numbers_is_plain_json(entries, displayed):
    entries["an-id"] = claim(Measure("m", "equal", goal=[1, 2]))
    claims.report("an-id", [np.int64(1), np.float32(2)])
    assert last(displayed)["rows"][0]["here"] == [1, 2.0]


# -- who stops ---------------------------------------------------------------------


def test_a_missed_goal_fails_the_build(entries, displayed):
    with pytest.raises(ClaimMissed, match="'an-id' of part/page .* m is 0.75, goal ≤"):
        claims.report("an-id", 0.75)
    assert last(displayed)["status"] == "missed"


def test_a_student_s_page_turns_red_and_goes_on(entries, displayed, student):
    claims.report("an-id", 0.75)
    assert last(displayed)["status"] == "missed"
    assert "You changed something, or found an error: m misses its goal." in html(
        displayed
    )


def test_strict_mode_stops(entries, displayed, student, monkeypatch):
    monkeypatch.setenv("COMPANION_STRICT", "1")
    with pytest.raises(ClaimMissed):
        claims.report("an-id", 0.75)


def test_nan_never_passes_and_stays_valid_json(entries, displayed, student):
    declared = Measure("m", "below", 1.0, 0.5, not_met="the noise floor is 0.7")
    entries["an-id"] = claim(declared)
    claims.report("an-id", math.nan)
    assert last(displayed)["status"] == "missed"
    assert json.loads(json.dumps(last(displayed), allow_nan=False))
    assert "m cannot be nan" in html(displayed)


def test_nan_fails_the_build_even_where_a_miss_is_declared(entries, displayed):
    entries["an-id"] = claim(Measure("m", "below", 1.0, 0.5, not_met="the floor"))
    with pytest.raises(ClaimMissed, match="m is nan"):
        claims.report("an-id", [math.nan])


@pytest.mark.parametrize(
    ("measure", "value"),
    [
        (BELOW, -5.0),
        (Measure("m", "above", 0.9, 0.9), 1.7),
        (Measure("m", "shown"), ""),
    ],
)
def test_what_cannot_be_is_refused(entries, displayed, measure, value):
    entries["an-id"] = claim(measure)
    with pytest.raises(ClaimMissed):
        claims.report("an-id", value)


def test_a_declared_miss_is_shown_and_passes(entries, displayed):
    entries["an-id"] = claim(Measure("m", "below", 1.0, 0.5, not_met="the floor is .7"))
    claims.report("an-id", 0.75)
    assert last(displayed)["status"] == "missed"
    assert "the floor is .7" in html(displayed)


def test_a_declared_miss_covers_its_measure_alone(entries, displayed):
    declared = Measure("n", "below", 1.0, 0.5, not_met="the noise floor is 0.7")
    entries["an-id"] = claim(BELOW, declared)
    claims.report("an-id", {"m": 0.4, "n": 0.75})
    with pytest.raises(ClaimMissed, match="m is 0.8"):
        claims.report("an-id", {"m": 0.8, "n": 0.75})


def test_a_timing_never_fails(entries, displayed):
    timing = Measure("seconds", "below", goal=1.0, timing=True)
    entries["an-id"] = claim(timing)
    claims.report("an-id", 2.0)
    entries["an-id"] = claim(BELOW, timing)
    claims.report("an-id", {"m": 0.1, "seconds": 9.0})
    assert last(displayed)["status"] == "beaten"


# -- what cannot be compared -------------------------------------------------------


def test_smoke_scale_is_not_comparable(entries, displayed, at_scale):
    at_scale("smoke")
    claims.report("an-id", 99.0)
    assert last(displayed)["status"] == "not comparable"


def test_rows_that_cannot_be_compared_do_not_say_beaten(stand_in, entries, displayed):
    entries["an-id"] = claim(BELOW, Measure("n", "below", 1.0, 0.5))
    claims.report("an-id", {"m": 0.1, "n": 0.9})
    rows = last(displayed)["rows"]
    assert {row["status"] for row in rows} == {"not comparable"}
    assert {row["ratio"] for row in rows} == {None}
    assert "▲" not in html(displayed)
    assert "▼" not in html(displayed)


def test_stand_in_data_show_the_book_s_figure(
    stand_in, entries, displayed, monkeypatch
):
    monkeypatch.setattr(claims, "book_claims", lambda: {"an-id": RECORDED})
    claims.report("an-id", 99.0)
    assert "stand-in data: mnist" in html(displayed)
    assert "Recorded on real data (2026-01-01, CPU): m: 0.25" in html(displayed)


@pytest.mark.parametrize(
    "entry",
    [
        RECORDED | {"foreign_data": ["stand-in data: mnist"]},
        RECORDED | {"page": "another/page"},
    ],
)
def test_an_entry_on_foreign_data_is_not_the_book_s(
    stand_in, entries, displayed, monkeypatch, entry
):
    monkeypatch.setattr(claims, "book_claims", lambda: {"an-id": entry})
    claims.report("an-id", 99.0)
    assert "Recorded on real data" not in html(displayed)
    assert "no recorded figure" in html(displayed)


def test_a_damaged_book_file_is_named(tmp_path, monkeypatch):
    file = tmp_path / "book.json"
    file.write_text("{")
    monkeypatch.setattr(claims, "find", lambda name: file)
    claims.book_claims.cache_clear()
    with pytest.raises(PlainValueError, match=r"book\.json .*restore it"):
        claims.book_claims()


def test_a_reader_s_own_file_is_not_comparable(entries, displayed):
    provenance.note_data(Source("taiwan-temperature", "own file"))
    claims.report("an-id", 0.1)
    assert last(displayed)["status"] == "not comparable"
    assert "own file: taiwan-temperature" in html(displayed)


# -- words and figures -------------------------------------------------------------


def test_a_mixed_card_carries_its_weakest_word(entries, displayed):
    corrected = Measure("n", "equal", 0.478, 9.98378, 1e-5, met="corrected")
    unreported = Measure("o", "below", goal=1.0)
    entries["an-id"] = claim(BELOW, unreported)
    claims.report("an-id", {"m": 0.1, "o": 0.1})
    assert last(displayed)["status"] == "answered"
    entries["an-id"] = claim(BELOW, corrected, unreported)
    claims.report("an-id", {"m": 0.1, "n": 9.98378, "o": 0.1})
    assert last(displayed)["status"] == "corrected"
    assert [row["status"] for row in last(displayed)["rows"]] == [
        "beaten", "corrected", "answered",
    ]  # fmt: skip


def test_digits_are_shown_down_to_the_tolerance(entries, displayed):
    entries["an-id"] = claim(
        Measure("m", "equal", 1.8477, 1.84798, 5e-6, met="corrected")
    )
    claims.report("an-id", 1.8479796616967583)
    assert "1.84770" in html(displayed)
    assert "<b><span" in html(displayed)
    assert "1.84798</span></b>" in html(displayed)
    assert "reported 1.84770 | here 1.84798" in displayed[-1]["text/plain"]


@pytest.mark.parametrize(
    ("value", "tolerance", "text"),
    [
        (0.0714286, 0.0, "0.07143"),
        (34, 1e-6, "34"),
        (33.99999999999, 1e-6, "34.000000"),
        (0.9999999996, 1e-6, "1.000000"),
        (34.548, 0.05, "34.55"),
        (3.0330242e-9, 5e-12, "3.033e-09"),
        ([0.276131, 0.150031], 2e-6, "0.276131, 0.150031"),
        (0.0, 1e-6, "0"),
        (None, 0.0, "–"),
        ("nan", 1e-6, "nan"),
        (True, 0.0, "proved"),
    ],
)
def test_number(value, tolerance, text):
    assert claims.number(value, tolerance) == text


def test_no_ratio_is_shown_where_only_rounding_is_left(entries, displayed):
    claims.report("an-id", 1e-30)
    assert last(displayed)["status"] == "beaten"
    assert claims.RATIO not in html(displayed)


def test_ids_are_escaped(entries, displayed):
    id = '"><script>alert(1)</script>'
    entries[id] = claim(BELOW, id=id)
    claims.report(id, 0.1)
    assert "<script>" not in html(displayed)
    assert 'id="claim-&quot;&gt;&lt;script' in html(displayed)


# -- what a page asks for ----------------------------------------------------------


def test_report_refuses_unknown_ids_and_measures(entries):
    with pytest.raises(PlainValueError, match="of part/page has no entry 'nothing'"):
        claims.report("nothing", 1.0)
    with pytest.raises(PlainValueError, match="wants"):
        claims.report("an-id", {"another": 1.0})


def test_reported_figures_come_from_the_ledger(entries):
    assert claims.reported("an-id") == 1.0
    assert claims.reported("an-id", "m") == 1.0
    entries["an-id"] = claim(BELOW, Measure("n", "shown", reported=[1, 2]))
    assert claims.reported("an-id", "n") == [1, 2]
    with pytest.raises(PlainValueError, match=r"\['m', 'n'\]: name one"):
        claims.reported("an-id")
    with pytest.raises(PlainValueError, match="name one"):
        claims.reported("an-id", "another")


# -- the book's pages ---------------------------------------------------------------


def typed(name):
    """Return the numbers of four digits or more that a page's cells type."""
    text = jupytext.read(ROOT / f"{name}.md").cells
    code = "\n".join(cell.source for cell in text if cell.cell_type == "code")
    tree = ast.parse(re.sub(r"^(\s*)[%!].*", r"\1pass", code, flags=re.MULTILINE))
    numbers = [node.value for node in ast.walk(tree) if isinstance(node, ast.Constant)]
    return {x for x in numbers if ledger.is_number(x) and len(repr(x)) > 4}


def figures(value):
    """Return the numbers of a reported figure."""
    return set().union(*map(figures, value)) if isinstance(value, list) else {value}


@pytest.mark.parametrize("name", PAGES)
def test_no_page_types_a_reported_figure(name):
    entries = ledger.read(name.removeprefix("notebooks/")).values()
    measures = [measure for entry in entries for measure in entry.measures]
    reported = set().union(*(figures(measure.reported) for measure in measures))
    assert typed(name) & reported == set()
