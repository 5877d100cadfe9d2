"""The list of corrections: what the course work gets wrong, with a link to the proof.

It reads the executed pages: a correction is a blockquote of a Markdown cell that begins
"> **Correction QML 7.**", and the page shows by a cell that it is right.
"""

import posixpath
import re
from collections.abc import Iterator
from operator import itemgetter
from typing import Any, NamedTuple

import nbformat
from docutils import nodes

from builder.extensions import mentions
from builder.extensions.admonitions import CORRECTION, correction_id
from builder.extensions.scoreboard import Reading, describe

QUOTE = re.compile(rf"^> \*\*({CORRECTION} .+?)\.?\*\*\.?((?:.*\n?)(?:>.*\n?)*)", re.M)
LABEL = re.compile(r"\b([A-Z]+\d?) (\d+)")  # QML 7: a source, and its number there
LINK = re.compile(r"\]\((?!\w+:)([^)#]+\.md)")  # to a page, seen from another


class Erratum(NamedTuple):
    """A correction of a page: its title, and its text in Markdown."""

    title: str
    text: str

    def number(self, source: str) -> int | None:
        """Return its (first) number in a source's list; None if it is of another."""
        found = [int(n) for name, n in LABEL.findall(self.title) if name == source]
        return min(found, default=None)


def errata(notebook: nbformat.NotebookNode) -> Iterator[Erratum]:
    """Yield the corrections of a page."""
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            for title, quoted in QUOTE.findall(cell.source):
                yield Erratum(title, re.sub(r"^> ?", "", quoted, flags=re.M).strip())


def from_the_root(text: str, folder: str) -> str:
    """Return Markdown of a page in a folder, its links to pages valid everywhere."""
    return LINK.sub(
        lambda link: f"](/{posixpath.normpath(posixpath.join(folder, link[1]))}", text
    )


class Errata(Reading):
    """All corrections of one source, in the order of their numbers."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        """Return the corrections; the argument is the source's label, such as QML."""
        self.remember()
        found = []
        for page in self.book.pages:
            if (notebook := self.book.executed(page)) is None:
                continue
            for erratum in errata(notebook):
                number = erratum.number(self.arguments[0])
                if number is not None:
                    found.append((number, self._entry(page, notebook, erratum)))
        return [entry for _, entry in sorted(found, key=itemgetter(0))]

    def _entry(
        self, page: str, notebook: nbformat.NotebookNode, erratum: Erratum
    ) -> nodes.Node:
        title = nodes.reference("", erratum.title.removeprefix(f"{CORRECTION} "))
        title["refuri"] = self.link(page, f"#{correction_id(erratum.title)}")
        where = nodes.emphasis("", f" shown on {describe(notebook)['title']}")
        head = nodes.paragraph("", "", nodes.strong("", "", title), where)
        text = from_the_root(erratum.text, posixpath.dirname(page))
        body = nodes.container("", *self.parse_text_to_nodes(text))
        mentions.link_texts(body, _targets(notebook), self.link(page))
        return nodes.container("", head, body, classes=["dtp-erratum"])


def _targets(notebook: nbformat.NotebookNode) -> set[str]:
    """Return the ids of a page's equations and figures."""
    text = "\n".join(c.source for c in notebook.cells if c.cell_type == "markdown")
    figures = re.findall(rf"\*\*{mentions.CAPTION.pattern}", text)
    tags = mentions.TAG.findall(text)
    return {f"figure-{n}" for n in figures} | {f"equation-{n}" for n in tags}


def setup(app: Any) -> dict[str, Any]:
    """Register the directive (Sphinx extension)."""
    app.add_directive("errata", Errata)
    return {"version": "1", "parallel_read_safe": False, "parallel_write_safe": True}
