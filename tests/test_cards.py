"""The HTML of cards: escaped, and with the columns that say something."""

import pytest

from companion import cards
from companion.ledger import WORDS
from companion.plotting import VERMILION

TEXTS = {"reported": "1", "here": "2, 3", "goal": "≤ 2", "times better": ""}


def card(*rows, **keys):
    given = {"id": "x", "word": "missed", "quantity": "q", "source": "s", "notes": []}
    return cards.claim(**given | keys, rows=rows)


def test_every_word_has_a_sign_and_a_colour():
    assert set(cards.LOOK) == set(WORDS)


def test_empty_columns_are_left_out():
    assert "times better" not in card(("missed", "m", TEXTS))
    better = TEXTS | {"times better": "2"}
    assert "times better" in card(("missed", "m", TEXTS), ("beaten", "n", better))


def test_measures_are_named_where_there_are_several():
    assert "worst seed" not in card(("missed", "worst seed", TEXTS))
    html = card(("missed", "worst seed", TEXTS), ("beaten", "median", TEXTS))
    assert "▼ worst seed" in html
    assert "▲ median" in html


def test_a_missed_card_is_red_and_lists_break_between_numbers():
    html = card(("missed", "m", TEXTS))
    assert f"solid {VERMILION}" in html
    assert "<b><span" in html
    assert ">2</span>, <span" in html


@pytest.mark.parametrize("key", ["id", "quantity", "source"])
def test_a_card_is_escaped(key):
    assert "<script" not in card(("missed", "m", TEXTS), **{key: '"><script>'})


def test_names_notes_banner_and_provenance_are_escaped():
    bad = "<script>{0}"
    html = card(("missed", bad, TEXTS), ("missed", bad, TEXTS), notes=[bad])
    html += cards.banner(title=bad, stand_in=bad, reason=bad, remedy=bad)
    html += cards.finding(bad, bad) + cards.provenance(bad, {bad: bad})
    assert "<script" not in html
    assert VERMILION in cards.banner(title="", stand_in="", reason="", remedy="")
