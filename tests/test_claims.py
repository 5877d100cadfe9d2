import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from companion import claims, datasets
from companion.claims import Claim, ClaimMissed, Measure

RECORDED = {
    "date": "2026-01-01",
    "device": "CPU",
    "rows": [{"name": "m", "here": 0.25}],
}


def claim(*measures, **keys):
    return Claim("an-id", "part/page", "ML A1", "test error", "same work",
                 measures, **keys)  # fmt: skip


BELOW = Measure("m", "below", reported=1.0, goal=0.5)


@pytest.fixture
def ledger(monkeypatch, at_scale):
    at_scale("book")
    monkeypatch.setattr(datasets, "stand_ins", lambda: [])
    monkeypatch.setattr(datasets, "used", lambda: [])
    entries: dict[str, Claim] = {"an-id": claim(BELOW)}
    monkeypatch.setattr(claims, "ledger", lambda: entries)
    return entries


def last(displayed):
    return displayed[-1][claims.MIME]


@pytest.mark.parametrize(
    ("direction", "goal", "value", "met"),
    [
        ("below", 0.5, 0.5, True),
        ("below", 0.5, 0.51, False),
        ("above", 0.5, 0.5, True),
        ("above", 0.5, np.nan, False),
        ("below", 0.5, -np.inf, False),
        ("equal", [922, 7], [922, 7], True),
        ("equal", [922, 7], [922], False),
        ("equal", [922, 7], [921, 7], False),
        ("equal", "0, 5, 6", "0, 5, 6", True),
        ("proved", None, True, True),
        ("proved", None, 1, False),
        ("shown", None, "anything", True),
    ],
)
def test_a_goal_is_met_or_missed(direction, goal, value, met):
    assert Measure("m", direction, goal=goal).reaches_goal(value) is met


@given(st.floats(1e-12, 1e12), st.floats(1e-12, 1e12))
def test_ratio_of_errors_is_reported_over_here(reported, here):
    ratio = Measure("m", "below", reported=reported, goal=1.0).ratio(here)
    assert ratio == pytest.approx(reported / here)


def test_ratio_of_accuracies_compares_what_is_left():
    assert Measure("m", "above", reported=0.9, goal=0.9).ratio(0.95) == pytest.approx(2)
    assert Measure("m", "above", reported=0.9, goal=0.9).ratio(1.0) is None


def test_report_shows_and_records(ledger, displayed):
    claims.report("an-id", np.float64(0.25), detail="median of five seeds")
    data = last(displayed)
    assert data["status"] == "beaten"
    assert data["rows"][0]["here"] == 0.25
    assert data["rows"][0]["ratio"] == 4
    json.dumps(data)
    html = displayed[-1]["text/html"]
    assert all(
        s in html for s in ("beaten", "0.25", "≤ 0.5", "times better", "median of")
    )


def test_a_missed_goal_fails_the_page_at_book_scale(ledger, displayed):
    with pytest.raises(ClaimMissed, match="an-id"):
        claims.report("an-id", 0.75)
    assert last(displayed)["status"] == "missed"


def test_a_declared_miss_is_shown_and_passes(ledger, displayed):
    ledger["an-id"] = claim(BELOW, not_met="the noise floor is 0.7")
    claims.report("an-id", 0.75)
    assert last(displayed)["status"] == "missed"
    assert "the noise floor is 0.7" in displayed[-1]["text/html"]


def test_a_timing_never_fails(ledger, displayed):
    timing = Measure("seconds", "below", goal=1.0, timing=True)
    ledger["an-id"] = claim(timing)
    claims.report("an-id", 2.0)
    ledger["an-id"] = claim(BELOW, timing)
    claims.report("an-id", {"m": 0.1, "seconds": 9.0})
    assert last(displayed)["status"] == "beaten"


def test_smoke_scale_is_not_comparable(ledger, displayed, at_scale):
    at_scale("smoke")
    claims.report("an-id", 99.0)
    assert last(displayed)["status"] == "not comparable"


def test_stand_in_data_is_not_comparable_and_shows_the_recorded_figure(
    ledger, displayed, monkeypatch
):
    monkeypatch.setattr(datasets, "stand_ins", lambda: ["mnist"])
    monkeypatch.setattr(claims, "recorded", lambda: {"an-id": RECORDED})
    claims.report("an-id", 99.0)
    html = displayed[-1]["text/html"]
    assert "not comparable" in html
    assert "stand-in data: mnist" in html
    assert "Recorded on real data (2026-01-01, CPU): m: 0.25" in html


def test_a_reader_s_own_file_is_not_comparable(ledger, displayed, monkeypatch):
    own = datasets.Source("taiwan-temperature", "own file", None)
    monkeypatch.setattr(datasets, "used", lambda: [own])
    claims.report("an-id", 0.1)
    assert last(displayed)["status"] == "not comparable"
    assert "own file: taiwan-temperature" in displayed[-1]["text/html"]


def test_corrected_and_answered_words(ledger, displayed):
    ledger["an-id"] = claim(
        Measure("m", "equal", 0.478, 9.98378, 1e-5, met="corrected")
    )
    claims.report("an-id", 9.98378)
    assert last(displayed)["status"] == "corrected"


def test_report_refuses_unknown_ids_and_measures(ledger):
    with pytest.raises(KeyError, match="no entry 'nothing'"):
        claims.report("nothing", 1.0)
    with pytest.raises(KeyError, match="wants"):
        claims.report("an-id", {"another": 1.0})


def test_the_ledger_reads_and_names_what_is_wrong():
    assert all(entry.id == id for id, entry in claims.ledger().items())
    head = {"page": "a/b", "source": "s", "quantity": "q", "comparable": "same work"}
    with pytest.raises(ValueError, match=r"\[x\].*page"):
        claims._read("x", {})
    with pytest.raises(ValueError, match="'sideways'"):
        claims._read("x", {**head, "direction": "sideways"})
    with pytest.raises(ValueError, match="'somewhat'"):
        claims._read("x", {**head, "comparable": "somewhat", "direction": "shown"})
