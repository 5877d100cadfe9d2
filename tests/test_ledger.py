"""What a claims.toml may say, and which word a live figure earns."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from companion import ledger, pages
from companion.errors import PlainValueError
from companion.ledger import ROUNDING, Measure
from tests.places import PAGES

HEAD = 'source = "s"\nquantity = "q"\ncomparable = "same work"\n'
ENTRY = f"[an-id]\n{HEAD}"
ROW = '[[an-id.measures]]\nname = "{}"\ndirection = "below"\ngoal = 1.0\n'


@pytest.fixture
def written(tmp_path, monkeypatch):
    """Write a page's claims.toml, and return what is read from it."""
    monkeypatch.setattr(pages, "folder", lambda page: tmp_path)
    ledger.read.cache_clear()

    def write(text):
        (tmp_path / "claims.toml").write_text(text)
        ledger.read.cache_clear()
        return ledger.read("part/page")

    yield write
    ledger.read.cache_clear()


@pytest.mark.parametrize("page", PAGES)
def test_every_ledger_of_the_book_is_read(page):
    name = page.removeprefix("notebooks/")
    claims = ledger.read(name)
    assert claims
    assert all(c.id == id and c.page == name for id, c in claims.items())


def test_one_measure_takes_the_claim_s_quantity_and_its_reason(written):
    text = ENTRY + 'direction = "below"\ngoal = 0.5\nnot_met = "the noise floor"\n'
    (measure,) = written(text)["an-id"].measures
    assert (measure.name, measure.goal, measure.not_met) == (
        "q",
        0.5,
        "the noise floor",
    )


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[an-id", "Expected"),  # not TOML
        ('source = "s"\n', "'source' stands outside of a .claim."),
        ("[an-id]\n", r"\[an-id\] lacks 'comparable', 'quantity', 'source'"),
        (ENTRY, r"\[an-id\] lacks 'direction'"),
        (ENTRY + 'direction = "sideways"\n', "'sideways' is not one of"),
        (ENTRY.replace("same work", "somewhat"), "'somewhat' is not one of"),
        (ENTRY + 'direction = "shown"\ntolerence = 1\n', "unknown key 'tolerence'"),
        (ENTRY + 'direction = "below"\n', "'q': 'below' wants a goal"),
        (ENTRY + 'direction = "equal"\nreported = 1\n', "'equal' wants a goal"),
        (ENTRY + 'direction = "above"\ngoal = "high"\n', "wants a number"),
        (ENTRY + 'direction = "proved"\ngoal = 1\n', "'proved' has no goal"),
        (ENTRY + 'direction = "below"\ngoal = nan\n', "its own goal"),
        (ENTRY + 'direction = "below"\ngoal = -1\n', "its own goal lies outside 0"),
        (ENTRY + 'direction = "below"\ngoal = 1\nreported = nan\n', "not finite"),
        (ENTRY + 'direction = "below"\ngoal = 1\ntolerance = 1\n', "a tolerance"),
        (ENTRY + 'direction = "shown"\nmet = "beaten"\n', "cannot be declared"),
        (ENTRY + 'direction = "shown"\nmet = "corrected"\n', "nothing is reported"),
        (ENTRY + 'not_met = "why"\n' + ROW.format("m"), "'not_met' belongs into one"),
        (ENTRY + ROW.format("m") + ROW.format("m"), "two measures have one name"),
    ],
)
def test_what_is_wrong_is_said_with_page_file_and_entry(written, text, said):
    with pytest.raises(PlainValueError, match=said) as caught:
        written(text)
    assert "claims.toml, the claims of part/page: " in str(caught.value)


def test_a_page_without_a_ledger_has_no_claims(tmp_path, monkeypatch):
    monkeypatch.setattr(pages, "folder", lambda page: tmp_path)
    assert ledger.read("part/without-claims") == {}


@pytest.mark.parametrize(
    ("direction", "goal", "value", "met"),
    [
        ("below", 0.5, 0.5, True),
        ("below", 0.5, 0.51, False),
        ("above", 0.5, 0.5, True),
        ("above", 0.5, math.nan, False),
        ("below", 0.5, -math.inf, False),
        ("below", 0.5, None, False),
        ("below", 0.5, "0.1", False),
        ("equal", [922, 7], [922, 7], True),
        ("equal", [922, 7], [922], False),
        ("equal", [922, 7], [921, 7], False),
        ("equal", "0, 5, 6", "0, 5, 6", True),
        ("proved", None, True, True),
        ("proved", None, 1, False),
        ("shown", None, "anything", True),
        ("shown", None, 0, True),
        ("shown", None, [1.0, 2.0], True),
    ],
)
def test_a_goal_is_met_or_missed(direction, goal, value, met):
    assert Measure("m", direction, goal=goal).reaches_goal(value) is met


@pytest.mark.parametrize("value", [math.nan, math.inf, None, "", False, [], [math.nan]])
def test_nothing_is_no_answer(value):
    assert Measure("m", "shown").word(value) == "missed"


def test_what_a_figure_can_be():
    error, accuracy = Measure("m", "below", goal=0.5), Measure("m", "above", goal=0.9)
    assert not error.reaches_goal(-5.0)
    assert not accuracy.reaches_goal(1.7)
    assert not accuracy.reaches_goal(True)
    # Not a share: its goal is no smaller than 1, or the ledger says how far it goes.
    assert Measure("m", "above", goal=1.0).reaches_goal(1.7)
    assert Measure("m", "above", goal=0.9, highest=math.inf).reaches_goal(1.7)
    assert Measure("m", "below", goal=0.5, lowest=-math.inf).reaches_goal(-5.0)


def test_what_cannot_be_fails_even_where_a_miss_is_declared():
    declared = Measure("m", "below", goal=0.5, not_met="the noise floor is 0.7")
    assert not declared.fails(0.8)
    assert declared.fails(math.nan)
    assert declared.fails(-5.0)


@pytest.mark.parametrize("direction", ["below", "above", "equal"])
@pytest.mark.parametrize("reported", [None, "left open", "not given"])
def test_without_a_reported_figure_it_is_answered(direction, reported):
    assert Measure("m", direction, reported, goal=0.5).word(0.5) == "answered"


@pytest.mark.parametrize(
    ("measure", "value", "word"),
    [
        (Measure("m", "below", 1.0, 0.5), 0.4, "beaten"),
        (Measure("m", "below", 1.0, 2.0), 1.5, "answered"),  # met, but no better
        (Measure("m", "below", "a figure", 0.5), 0.4, "answered"),
        (Measure("m", "above", 0.9, 0.9), 0.95, "beaten"),
        (Measure("m", "equal", 3495, 3495), 3495, "reproduced"),
        # 0.4235 is what 0.423454 reads in four digits; 0.4225 is not.
        (Measure("m", "equal", 0.4235, 0.423454, 1e-6), 0.423454, "reproduced"),
        (Measure("m", "equal", 0.4225, 0.4234, 1e-6, met="corrected"), 0.4234,
         "corrected"),
        (Measure("m", "equal", 18.1, 34.0, 1e-6), 34.0, "beaten"),
        (Measure("m", "equal", "diverges", 20), 20, "answered"),
        (Measure("m", "equal", "yes", "yes"), "yes", "reproduced"),
        (Measure("m", "proved", "a formula"), True, "reproduced"),
        (Measure("m", "proved"), True, "answered"),
        (Measure("m", "shown", "higher"), 0.5, "answered"),
        (Measure("m", "shown", "higher", met="corrected"), 0.5, "corrected"),
    ],
)  # fmt: skip
def test_the_word_that_a_figure_earns(measure, value, word):
    assert measure.word(value) == word


@given(st.floats(1e-12, 1e12), st.floats(1e-12, 1e12))
def test_ratio_of_errors_is_reported_over_here(reported, here):
    ratio = Measure("m", "below", reported=reported, goal=1.0).ratio(here)
    if here > ROUNDING * reported:
        assert ratio == pytest.approx(reported / here)
    else:
        assert ratio is None


def test_ratio_of_accuracies_compares_what_is_left():
    assert Measure("m", "above", 0.9, 0.9).ratio(0.95) == pytest.approx(2)
    assert Measure("m", "above", 0.9, 0.9).ratio(1.0) is None


def test_no_ratio_to_rounding():
    squared_error = Measure("m", "below", 251.996, 1e-12)
    assert squared_error.ratio(2e-28) is None
    assert squared_error.ratio(0.0) is None
    assert squared_error.ratio(2e-6) == pytest.approx(251.996 / 2e-6)
