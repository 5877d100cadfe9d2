"""The list of corrections: it holds each that a page shows, and each can be reached."""

import re
from collections import Counter

import nbformat
import pytest

from builder.extensions.admonitions import correction_id
from builder.extensions.errata import errata
from tests.places import PAGES, ROOT

SOURCES = re.findall(
    r"\{errata\} (\w+)", (ROOT / "book" / "errata.md").read_text("utf-8")
)


def shown(page):
    return list(errata(nbformat.read(ROOT / f"{page}.ipynb", 4)))


@pytest.mark.parametrize("page", PAGES)
def test_every_correction_of_a_page_is_in_the_list(page):
    found = shown(page)
    written = (ROOT / f"{page}.md").read_text("utf-8").count("**Correction ")
    assert len(found) == written
    for one in found:
        assert any(one.number(source) for source in SOURCES), one.title
        assert len(one.text) > 40, one.title
        assert not one.text[0].islower(), "the title ends within a sentence"
    ids = Counter(correction_id(one.title) for one in found)
    assert [name for name, count in ids.items() if count > 1] == []


def test_the_list_s_sources_have_corrections():
    found = [one for page in PAGES for one in shown(page)]
    for source in SOURCES:
        assert any(one.number(source) for one in found), source
