"""Directives that read the executed pages: scoreboard, cover and part tables.

They read the pages' outputs, not side files: a page served from the cache writes none.
"""

import base64
import re
from collections import Counter
from collections.abc import Sequence
from html import escape
from pathlib import Path
from typing import Any

import nbformat
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
    """Counts of the claims by status, as a row of figures."""

    def run(self) -> list[nodes.Node]:
        """Return the counts."""
        counts = Counter(report["status"] for report in self.reports())
        compared = sum(counts.values()) - counts["not comparable"]
        cells = [_tally(compared, "reported figures compared", "")]
        cells += [_tally(counts[word], word, sign) for word, sign in _words(counts)]
        return self.html(f'<div class="dtp-tallies">{"".join(cells)}</div>')


def _words(counts: Counter[str]) -> list[tuple[str, str]]:
    return [(word, claims.LOOK[word][0]) for word in claims.LOOK if counts[word]]


def _tally(count: int, word: str, sign: str) -> str:
    return f"<div><b>{count}</b><span>{sign} {word}</span></div>"


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


class CoverStrip(Reading):
    """A strip of the book's own figures: those of cells tagged `cover`."""

    def run(self) -> list[nodes.Node]:
        """Return the strip."""
        links = [
            self._link(name, source, alt)
            for name in self.book.pages
            for source, alt in figures(self.env.app, self.book, name, "cover")
        ]
        return self.html(f'<div class="dtp-strip">{"".join(links)}</div>')

    def _link(self, name: str, source: str, alt: str) -> str:
        notebook = self.book.executed(name)
        words = caveat(notebook) if notebook is not None else ""
        label = f'<small class="dtp-caveat">{words}</small>' if words else ""
        image = f'<img src="{source}" alt="{escape(alt)}">'
        return f'<a href="{self.link(name)}">{image}{label}</a>'


class PartCard(Reading):
    """A card for a part: figure, question, pages, beaten of reported."""

    required_arguments = 1
    final_argument_whitespace = True

    def run(self) -> list[nodes.Node]:
        """Return the card; the argument is the part's folder and its title."""
        part, _, title = self.arguments[0].partition(" ")
        names = [p for p in self.book.pages if p.startswith(f"notebooks/{part}/")]
        app, book = self.env.app, self.book
        shown = [f for name in names for f in figures(app, book, name, "card")]
        image = f'<img src="{shown[0][0]}" alt="">' if shown else ""
        question = self._question(names)
        pages = f"{len(names)} page{'s' if len(names) != 1 else ''}"
        return self.html(
            f'<a class="dtp-card" href="{self.link(f"book/{part}")}">{image}'
            f"<b>{escape(title)}</b>{question}"
            f"<small>{pages}: {count_goals(self.reports(f'{part}/'))}</small></a>"
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


def figures(
    app: Any, book: execution.Book, name: str, tag: str
) -> list[tuple[str, str]]:
    """Write the figures of a page's cells with a tag; return addresses and texts."""
    notebook = book.executed(name)
    folder = Path(app.outdir) / "_static" / tag
    folder.mkdir(parents=True, exist_ok=True)
    found: list[tuple[str, str]] = []
    for cell in notebook.cells if notebook is not None else []:
        if tag not in cell.metadata.get("tags", []):
            continue
        alt = cell.metadata.get("mystnb", {}).get("image", {}).get("alt", "")
        for output in cell.outputs:
            figure = image(output.get("data", {}))
            if figure:
                stem = name.removeprefix("notebooks/").replace("/", "-")
                file = f"{stem}-{len(found) + 1}.{figure[0]}"
                (folder / file).write_bytes(figure[1])
                found.append((f"_static/{tag}/{file}", alt))
    return found


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
    app.add_directive("cover-strip", CoverStrip)
    app.add_directive("part-card", PartCard)
    app.connect("env-get-outdated", _outdated)
    return {"version": "1", "parallel_read_safe": False, "parallel_write_safe": True}
