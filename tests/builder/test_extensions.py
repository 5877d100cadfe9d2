"""The book's Sphinx extensions, on documents of their own."""

import nbformat
import pytest
from docutils import nodes
from docutils.utils import new_document

from builder.extensions import admonitions, assets, scoreboard


def quote(*inline, after=()):
    """Return a blockquote as MyST makes it: an empty text, then the bold word."""
    box = nodes.block_quote(
        "", nodes.paragraph("", "", nodes.Text(""), *inline), *after
    )
    document = new_document("page")
    document += box
    return document, box


def strong(text):
    return nodes.strong("", text)


def converted(document):
    admonitions.BlockquoteAdmonitions(document).run()
    return document[0]


@pytest.mark.parametrize("word", sorted(admonitions.KINDS))
def test_a_bold_word_makes_an_admonition(word):
    document, _ = quote(strong(f"{word} 3.1."), nodes.Text(" Let x be given."))
    box = converted(document)
    assert isinstance(box, nodes.admonition)
    assert f"dtp-{word.lower()}" in box["classes"]
    assert box[0].astext() == f"{word} 3.1."
    assert box[1].astext() == "Let x be given."


def test_an_admonition_keeps_its_further_paragraphs():
    more = nodes.paragraph("", "More.")
    document, _ = quote(strong("Note"), nodes.Text(". First."), after=[more])
    assert [child.astext() for child in converted(document)] == [
        "Note",
        "First.",
        "More.",
    ]


@pytest.mark.parametrize(
    "inline",
    [
        [nodes.Text("A quotation, "), strong("Note")],
        [strong("Notable"), nodes.Text(" people")],
        [strong("Other"), nodes.Text(" words")],
    ],
)
def test_other_quotations_stay(inline):
    document, _ = quote(*inline)
    assert isinstance(converted(document), nodes.block_quote)


class FakeBook:
    pages = ("notebooks/p/a",)

    def __init__(self, entries):
        self.entries = entries

    def outputs(self, page, mime):
        return self.entries


@pytest.mark.parametrize(("entries", "count"), [([], 0), ([{"name": "mnist"}] * 2, 1)])
def test_the_stand_in_banner_stands_under_the_title(monkeypatch, entries, count):
    monkeypatch.setattr(assets.execution, "of", lambda app: FakeBook(entries))
    document = new_document("page")
    document += nodes.section("", nodes.title("", "T"), nodes.paragraph("", "Text"))
    assets.show_stand_ins(None, document, "notebooks/p/a")
    banners = [n for n in document[0] if "dtp-stand-in" in n.get("classes", [])]
    assert len(banners) == count
    if count:
        assert document[0][1] is banners[0]
        assert "mnist" in banners[0].astext()


def test_describe_reads_title_minutes_and_finding():
    notebook = nbformat.v4.new_notebook()
    text = "# A title\n\n**Time.** About 20 minutes to read; 5 seconds to run."
    data = {scoreboard.page.FINDING: {"question": "Why?", "answer": "So."}}
    code = nbformat.v4.new_code_cell("x")
    code.outputs = [nbformat.v4.new_output("display_data", data)]
    notebook.cells = [nbformat.v4.new_markdown_cell(text), code]
    assert scoreboard.describe(notebook) == {
        "title": "A title", "minutes": "20", "question": "Why?", "answer": "So.",
    }  # fmt: skip
