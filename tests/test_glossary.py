"""The glossary: in order, with a Chinese term and a sentence each, linked to pages."""

import re

import pytest

from tests.places import PAGES, ROOT

TEXT = (ROOT / "book" / "glossary.md").read_text("utf-8")
ENTRY = re.compile(r"^(?P<term>[^\n:#]+) \((?P<chinese>[^)]+)\)\n: (?P<text>.+)$", re.M)
ENTRIES = [found.groupdict() for found in ENTRY.finditer(TEXT)]


def test_the_terms_stand_in_order_each_with_its_chinese_one():
    terms = [entry["term"] for entry in ENTRIES]
    assert len(terms) == TEXT.count("\n: ") > 50
    assert terms == sorted(terms, key=str.lower)
    assert [e for e in ENTRIES if not re.search("[\u4e00-\u9fff]", e["chinese"])] == []


def test_each_term_is_explained_in_a_sentence():
    short = [e["term"] for e in ENTRIES if len(e["text"].split(" See ")[0]) < 30]
    assert short == []


@pytest.mark.parametrize("name", PAGES)
def test_each_page_explains_some_of_the_terms(name):
    assert TEXT.count(f"(../{name}.md)") >= 2
