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


@pytest.mark.parametrize("entry", ENTRIES, ids=[e["term"] for e in ENTRIES])
def test_a_linked_page_speaks_of_the_term(entry):
    beginnings = [word[:5] for word in re.findall(r"[a-z]+", entry["term"].lower())]
    for name in re.findall(r"\.\./(notebooks/[\w/-]+)\.md", entry["text"]):
        _, text = (ROOT / f"{name}.md").read_text("utf-8").split("\n---\n", 1)
        spoken = text.lower().replace("-", "")
        assert any(beginning in spoken for beginning in beginnings), name


@pytest.mark.parametrize("name", PAGES)
def test_each_page_explains_some_of_the_terms(name):
    assert TEXT.count(f"(../{name}.md)") >= 2
