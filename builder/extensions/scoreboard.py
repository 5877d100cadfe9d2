"""Directives that read the executed pages: scoreboard, cover and part tables.

They read the pages' outputs, not side files: a page served from the cache writes none.
"""

import base64
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from html import escape
from pathlib import Path
from typing import Any

import nbformat
from defusedxml import ElementTree
from docutils import nodes
from sphinx.util.docutils import SphinxDirective

from builder.extensions import execution
from companion import claims, page, provenance

MINUTES = re.compile(r"\*\*Time\.?\*\*.*?(\d+) minutes?")
TITLE = re.compile(r"^# (.+)$", re.MULTILINE)


class Reading(SphinxDirective):
    """A directive whose content depends on the executed pages."""

    @property
    def book(self) -> execution.Book:
        """The executed pages."""
        return execution.of(self.env.app)

    def remember(self) -> None:
        """Render this document anew in every build."""
        env: Any = self.env
        if not hasattr(env, "companion_readers"):
            env.companion_readers = set()
        env.companion_readers.add(env.docname)

    def link(self, page_name: str, fragment: str = "") -> str:
        """Return the address of a page, seen from this document."""
        relative = self.env.app.builder.get_relative_uri(self.env.docname, page_name)
        return relative + fragment

    def reports(self, part: str = "") -> list[dict[str, Any]]:
        """Return all claims that the pages of a part (default: all) report."""
        pages = [p for p in self.book.pages if p.startswith(f"notebooks/{part}")]
        return [r for p in pages for r in self.book.outputs(p, claims.MIME)]

    def html(self, text: str) -> list[nodes.Node]:
        """Return HTML as the directive's content."""
        self.remember()
        return [nodes.raw("", text, format="html")]


class Tallies(Reading):
    """Counts of the claims by status."""

    def run(self) -> list[nodes.Node]:
        """Return the counts, in one line."""
        counts = Counter(report["status"] for report in self.reports())
        compared = sum(counts.values()) - counts["not comparable"]
        words = [
            f"{sign} <b>{counts[word]}</b> {word}" for word, sign in _words(counts)
        ]
        line = ", ".join(words) or "none yet"
        return self.html(
            f'<p class="dtp-tallies"><b>{compared}</b> reported figures compared: '
            f"{line}.</p>"
        )


def _words(counts: Counter[str]) -> list[tuple[str, str]]:
    return [(word, claims.LOOK[word][0]) for word in claims.LOOK if counts[word]]


class Scoreboard(Reading):
    """A table of all claims, from the executed pages' outputs."""

    HEADS = ("claim", "status", "reported", "here", "goal", claims.RATIO)

    def run(self) -> list[nodes.Node]:
        """Return the table."""
        body = "".join(self._claim(report) for report in self.reports())
        head = "".join(f"<th>{name}</th>" for name in self.HEADS)
        return self.html(
            '<div class="dtp-scroll"><table class="dtp-scoreboard dtp-stack table">'
            f"<thead><tr>{head}</tr></thead>{body}</table></div>"
        )

    def _claim(self, report: dict[str, Any]) -> str:
        target = self.link(f"notebooks/{report['page']}", f"#claim-{report['claim']}")
        title = f'<a href="{escape(target)}">{escape(report["quantity"])}</a>'
        notes = [report["source"], report["comparable"], report["reason"]]
        small = escape(", ".join(note for note in notes if note))
        head = f"<tr><th colspan=6>{title}<br><small>{small}</small></th></tr>"
        several = len(report["rows"]) > 1
        rows = (_measure(report, row, several) for row in report["rows"])
        return f"<tbody>{head}{''.join(rows)}</tbody>"


def _measure(report: dict[str, Any], row: dict[str, Any], several: bool) -> str:
    # The claim's word where the run cannot be compared, else the measure's own.
    status = report["status"] if report["status"] == "not comparable" else row["status"]
    texts = {head: escape(text) for head, text in claims.texts(row).items()}
    texts["here"] = f"<b>{texts['here']}</b>"
    name = escape(row["name"]) if several else ""
    cells = [name, f"{claims.LOOK[status][0]} {status}", *texts.values()]
    return _row(("", "", *Scoreboard.HEADS[2:]), cells)


def _row(heads: Sequence[str], cells: Sequence[str]) -> str:
    """Return a table's row; each cell knows its head, for phones stack the cells."""
    cell = '<td data-head="{}">{}</td>'.format
    return f"<tr>{''.join(map(cell, heads, cells))}</tr>"


class PartTable(Reading):
    """The pages of a part: question, computed answer (folded), minutes."""

    required_arguments = 1
    HEADS = ("page", "question", "minutes")

    def run(self) -> list[nodes.Node]:
        """Return the table."""
        prefix = f"notebooks/{self.arguments[0]}/"
        rows = [self._row(p) for p in self.book.pages if p.startswith(prefix)]
        head = "".join(f"<th>{name}</th>" for name in self.HEADS)
        return self.html(
            '<div class="dtp-scroll"><table class="dtp-stack table"><thead>'
            f"<tr>{head}</tr></thead><tbody>{''.join(rows)}</tbody></table></div>"
        )

    def _row(self, name: str) -> str:
        notebook = self.book.executed(name)
        if notebook is None:
            return ""
        about = describe(notebook)
        link = f'<a href="{self.link(name)}">{escape(about["title"])}</a>'
        answer = f"<details><summary>Answer</summary>{_answer(about)}</details>"
        question = f"{escape(about['question'])} {answer if about['answer'] else ''}"
        return _row(("", "", "minutes"), [link, question, about["minutes"]])


def _answer(about: dict[str, str]) -> str:
    """Return a page's answer, under the label of a run that cannot be compared."""
    return _label(about) + escape(about["answer"])


def _label(about: dict[str, str]) -> str:
    text = about["caveat"]
    return f'<small class="dtp-caveat">{text}</small> ' if text else ""


def describe(notebook: nbformat.NotebookNode) -> dict[str, str]:
    """Return a page's title, reading minutes, question, computed answer and caveat."""
    first = notebook.cells[0].source
    title, minutes = TITLE.search(first), MINUTES.search(first)
    found = execution.outputs(notebook, page.FINDING) or [{}]
    return {
        "title": title[1] if title else "",
        "minutes": minutes[1] if minutes else "",
        "question": found[0].get("question", ""),
        "answer": found[0].get("answer", ""),
        "caveat": caveat(notebook),
    }


def caveat(notebook: nbformat.NotebookNode) -> str:
    """Say why a page's figures are not the book's, or ``""``."""
    if execution.outputs(notebook, provenance.STAND_IN_MIME):
        return "on stand-in data"
    reports = execution.outputs(notebook, claims.MIME)
    if any(report["foreign_data"] for report in reports):
        return "on data other than the book's"
    runs = execution.outputs(notebook, provenance.MIME)
    return "at smoke scale" if any(run["scale"] == "smoke" for run in runs) else ""


class PartCard(Reading):
    """A card for a part: figure, question, pages, beaten of reported."""

    required_arguments = 1
    final_argument_whitespace = True

    def run(self) -> list[nodes.Node]:
        """Return the card; the argument is the part's folder and its title."""
        part, _, title = self.arguments[0].partition(" ")
        names = [p for p in self.book.pages if p.startswith(f"notebooks/{part}/")]
        if not names:
            return self._to_come(title)
        address = thumbnail(self.env.app, self.book, names)
        image = f'<img src="{address}" alt="">' if address else ""
        pages = f"{len(names)} page{'s' if len(names) != 1 else ''}"
        return self.html(
            f'<a class="dtp-card" href="{self.link(f"book/{part}")}">{image}'
            f"<b>{escape(title)}</b>{self._question(names)}"
            f"<small>{pages}: {count_goals(self.reports(f'{part}/'))}</small></a>"
        )

    def _to_come(self, title: str) -> list[nodes.Node]:
        """Return the card of a part without pages; the index says what it will hold."""
        return self.html(
            f'<a class="dtp-card dtp-to-come" href="{self.link("book/assignments")}">'
            f"<b>{escape(title)}</b><small>to come</small></a>"
        )

    def _question(self, names: list[str]) -> str:
        """Return the question of a page, of one on real data if there is."""
        notebooks = [self.book.executed(name) for name in names]
        about = [describe(notebook) for notebook in notebooks if notebook is not None]
        if not about:
            return ""
        first = min(about, key=lambda one: bool(one["caveat"]))
        return f"<em>{escape(first['question'])}</em><span>{_label(first)}</span>"


def count_goals(reports: list[dict[str, Any]]) -> str:
    """Count the goals met and figures beaten, among the claims that can be compared."""
    words = [report["status"] for report in reports]
    compared = [word for word in words if word != "not comparable"]
    met = len(compared) - compared.count("missed")
    text = f"{met} of {len(compared)} goals met"
    text += f", {compared.count('beaten')} reported figures beaten"
    left = len(words) - len(compared)
    return f"{text}, {left} not comparable" if left else text


def thumbnail(app: Any, book: execution.Book, names: Sequence[str]) -> str:
    """Write the picture of a part's card; return its address, ``""`` without one.

    It is the first image of a cell tagged `card`, without its text, which could not be
    read at that size.
    """
    for name in names:
        for kind, data in _tagged(book, name):
            stem = name.removeprefix("notebooks/").replace("/", "-")
            file = Path(app.outdir) / "_static" / "card" / f"{stem}.{kind}"
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(without_text(data) if kind == "svg" else data)
            return f"_static/card/{file.name}"
    return ""


def _tagged(book: execution.Book, name: str) -> Iterator[tuple[str, bytes]]:
    """Yield the images of a page's cells tagged `card`."""
    notebook = book.executed(name)
    for cell in notebook.cells if notebook is not None else []:
        if "card" in cell.metadata.get("tags", []):
            images = (image(output.get("data", {})) for output in cell.outputs)
            yield from filter(None, images)


def without_text(svg: bytes) -> bytes:
    """Return Matplotlib's drawing without its words and numbers."""
    drawing = ElementTree.fromstring(svg)
    for parent in list(drawing.iter()):
        for child in list(parent):
            if child.get("id", "").startswith("text_"):
                parent.remove(child)
    return ElementTree.tostring(drawing)


def image(data: dict[str, str]) -> tuple[str, bytes] | None:
    """Return the kind and the bytes of the image in an output's data, or None."""
    if "image/svg+xml" in data:
        return "svg", data["image/svg+xml"].encode()
    if "image/png" in data:
        return "png", base64.b64decode(data["image/png"])
    return None


def _outdated(app: Any, env: Any, *_: Any) -> list[str]:
    return [d for d in getattr(env, "companion_readers", ()) if d in env.found_docs]


def setup(app: Any) -> dict[str, Any]:
    """Register the directives (Sphinx extension)."""
    app.add_directive("tallies", Tallies)
    app.add_directive("scoreboard", Scoreboard)
    app.add_directive("part-table", PartTable)
    app.add_directive("part-card", PartCard)
    app.connect("env-get-outdated", _outdated)
    return {"version": "1", "parallel_read_safe": False, "parallel_write_safe": True}
