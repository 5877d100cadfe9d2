"""The book's Sphinx extensions, on documents of their own."""

import hashlib

import nbformat
import pytest
from docutils import nodes
from docutils.utils import new_document

from builder.extensions import (
    admonitions,
    assets,
    doors,
    errata,
    figures,
    folds,
    scoreboard,
)
from companion import claims, page, provenance


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
    assert admonitions.css_class(word) in box["classes"]
    assert box[0].astext() == f"{word} 3.1."
    assert box[1].astext() == "Let x be given."


@pytest.mark.parametrize(
    ("title", "name"),
    [
        ("In short.", "dtp-in-short"),
        ("True or false?", "dtp-true-or-false"),
        ("Take-away.", "dtp-take-away"),
        ("Summary", "dtp-summary"),
        ("Guess 2.", "dtp-guess"),
    ],
)
def test_boxes_are_named_by_their_words(title, name):
    document, _ = quote(strong(title), nodes.Text(" Text."))
    classes = converted(document)["classes"]
    assert name in classes
    assert "dtp-answered" not in classes


def test_an_answered_guess_is_marked():
    document, _ = quote(strong("Guess 1, answered."), nodes.Text(" (b)."))
    assert {"dtp-guess", "dtp-answered"} <= set(converted(document)["classes"])


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


def executed(*cells):
    """Return a notebook with a title and a code cell for each list of outputs."""
    text = "# A title\n\n**Time.** About 20 minutes to read; 5 seconds to run."
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_markdown_cell(text)])
    for bundles in cells:
        cell = nbformat.v4.new_code_cell("x")
        cell.outputs = [nbformat.v4.new_output("display_data", b) for b in bundles]
        notebook.cells.append(cell)
    return notebook


FINDING = {page.FINDING: {"question": "Why?", "answer": "So."}}


def run_at(scale):
    return {provenance.MIME: {"scale": scale}}


def test_describe_reads_title_minutes_and_finding():
    assert scoreboard.describe(executed([FINDING])) == {
        "title": "A title", "minutes": "20", "question": "Why?", "answer": "So.",
        "caveat": "",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("bundles", "words"),
    [
        ([run_at("book")], ""),
        ([run_at("smoke")], "at smoke scale"),
        ([{provenance.STAND_IN_MIME: {"name": "x"}}], "on stand-in data"),
        ([{claims.MIME: {"foreign_data": ["own file: x"]}}], "on data other than"),
    ],
)
def test_a_caveat_says_why_figures_are_not_the_books(bundles, words):
    found = scoreboard.caveat(executed(bundles))
    assert found.startswith(words)
    assert bool(found) == bool(words)


def test_what_is_not_comparable_does_not_count_as_met():
    words = ["beaten", "reproduced", "missed", "not comparable", "not comparable"]
    text = scoreboard.count_goals([{"status": word} for word in words])
    assert text == "2 of 3 goals met, 1 reported figures beaten, 2 not comparable"


class App:
    def __init__(self, folder):
        self.outdir = str(folder)


class Pages:
    """Two pages of one name, in two parts, each with two tagged images."""

    def executed(self, name):
        drawings = [
            '<svg xmlns="http://www.w3.org/2000/svg">'
            f'<g id="text_1" /><g id="{name}{i}" /></svg>'
            for i in (1, 2)
        ]
        notebook = executed([{"image/svg+xml": drawing} for drawing in drawings])
        notebook.cells[1].metadata["tags"] = ["card"]
        return notebook


def test_no_picture_of_a_card_overwrites_another(tmp_path):
    names = ["notebooks/a/same", "notebooks/b/same"]
    files = [scoreboard.thumbnail(App(tmp_path), Pages(), [name]) for name in names]
    for file, name in zip(files, names, strict=True):
        drawing = (tmp_path / file).read_text()
        assert f'id="{name}1"' in drawing
        assert "text_" not in drawing


@pytest.mark.parametrize(
    ("source", "comment"),
    [
        ("# Draw the curve\nx = 1", "Draw the curve"),
        ("#@title Draw the curve\nx = 1", "Draw the curve"),
        ("x = 1  # not this", ""),
    ],
)
def test_a_fold_is_named_by_the_opening_comment(source, comment):
    assert folds.opening_comment(source) == comment


def test_a_door_names_subsections_and_minutes():
    inner = nodes.section("", nodes.title("", "Inner"), nodes.paragraph("", "a " * 90))
    further = nodes.section("", nodes.title("", "Further"), inner)
    assert doors.about_further(further) == "Inner; 2 minutes"


def test_a_door_counts_claims_and_corrections():
    box = nodes.admonition(classes=["dtp-correction"])
    section = nodes.section("", nodes.title("", "Against the course work"), box)
    assert doors.about_claims(section, 3) == "3 claims, 1 correction"


@pytest.mark.parametrize(
    ("caption", "words"),
    [
        (
            "Left: the data. Right: the fit. Below: more.",
            "Left: the data. Right: the fit.",
        ),
        ("One.", "One."),
        (f"{'A long sentence ' * 5}ends. Another.", f"{'A long sentence ' * 5}ends."),
        ("Rate 0.5 is too\nlarge? Yes.", "Rate 0.5 is too large? Yes."),
    ],
)
def test_the_index_of_figures_quotes_the_opening_of_a_caption(caption, words):
    assert figures.opening(caption) == words


def test_a_correction_is_a_blockquote_with_all_its_paragraphs():
    text = """Before.

> **Correction ML 8, R2 3.** "Larger" it
> says.
>
> $$x = 1$$

> **Correction QML 12 and QML 4**. Short.

> **Note.** No correction."""
    first, second = errata.errata(
        nbformat.v4.new_notebook(cells=[nbformat.v4.new_markdown_cell(text)])
    )
    assert first.title == "Correction ML 8, R2 3"
    assert first.text == '"Larger" it\nsays.\n\n$$x = 1$$'
    assert second.text == "Short."
    assert [first.number(source) for source in ("ML", "R2", "QML")] == [8, 3, None]
    assert second.number("QML") == 4


@pytest.mark.parametrize(
    ("link", "rooted"),
    [
        ("[a](other.md)", "[a](/notebooks/part/other.md)"),
        ("[a](other.md#further), b", "[a](/notebooks/part/other.md#further), b"),
        ("[a](../../book/errata.md)", "[a](/book/errata.md)"),
        ("[a](https://x.org/y.md)", "[a](https://x.org/y.md)"),
    ],
)
def test_a_correction_keeps_its_links_in_the_list(link, rooted):
    assert errata.from_the_root(link, "notebooks/part") == rooted


def test_a_figure_is_the_last_image_before_its_caption(tmp_path):
    notebook = executed([{"image/svg+xml": "<svg>first</svg>"}])
    notebook.cells.append(
        nbformat.v4.new_markdown_cell("**Figure 2.** A curve.\n\nText.")
    )
    [figure] = figures.figures(notebook)
    assert figure[:3] == (2, "A curve.", "svg")
    digest = hashlib.sha256(b"<svg>first</svg>").hexdigest()
    assert figures.write(figure, tmp_path) == f"_images/{digest}.svg"
    assert (tmp_path / f"_images/{digest}.svg").read_bytes() == b"<svg>first</svg>"
