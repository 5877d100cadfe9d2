"""The index of figures: each figure of the book, small, with its caption and a link.

It reads the executed pages: a caption is a Markdown cell that begins "**Figure 1.**",
its figure the last image before it.
"""

import hashlib
import os
import re
from collections.abc import Iterator
from html import escape
from pathlib import Path
from typing import Any, NamedTuple

import nbformat
from docutils import nodes

from builder.extensions.scoreboard import Reading, describe, image

CAPTION = re.compile(r"^\*\*Figure (\d+)\.\*\*\s+(.+?)(?:\n\n|\Z)", re.DOTALL | re.M)
SENTENCES = re.compile(r"(?<=[.?!])\s+")
SHORT = 60  # characters: a first sentence below that is shown with the next


class Figure(NamedTuple):
    """A figure of a page: its number, the opening of its caption, its image."""

    number: int
    caption: str
    kind: str
    data: bytes


def figures(notebook: nbformat.NotebookNode) -> Iterator[Figure]:
    """Yield the figures of an executed page that have a caption."""
    shown = None
    for cell in notebook.cells:
        if cell.cell_type == "code":
            images = (image(output.get("data", {})) for output in cell.outputs)
            shown = next((one for one in reversed(list(images)) if one), shown)
        elif shown:
            for number, text in CAPTION.findall(cell.source):
                yield Figure(int(number), opening(text), *shown)


def opening(caption: str) -> str:
    """Return a caption's first sentence, or its first two where one is short."""
    first, *more = SENTENCES.split(" ".join(caption.split()))
    return f"{first} {more[0]}" if more and len(first) < SHORT else first


def write(figure: Figure, site: Path) -> str:
    """Write a figure's image into a site; return its address there.

    Most stand there under this name already: MyST-NB names images by their contents.
    """
    data = figure.data
    if figure.kind == "svg":
        data = os.linesep.join(data.decode().splitlines()).encode()
    file = site / "_images" / f"{hashlib.sha256(data).hexdigest()}.{figure.kind}"
    if not file.is_file():
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(data)
    return f"_images/{file.name}"


class FigureIndex(Reading):
    """All figures of the book, page by page."""

    def run(self) -> list[nodes.Node]:
        """Return a list of figures under each page's title."""
        self.remember()
        return [node for name in self.book.pages for node in self._page(name)]

    def _page(self, name: str) -> Iterator[nodes.Node]:
        notebook = self.book.executed(name)
        if notebook is None or not (found := list(figures(notebook))):
            return
        heading = nodes.reference("", describe(notebook)["title"])
        heading["refuri"] = self.link(name)
        yield nodes.paragraph("", "", nodes.strong("", "", heading))
        box = nodes.container(classes=["dtp-figures"])
        box.extend(self._figure(name, figure) for figure in found)
        yield box

    def _figure(self, name: str, figure: Figure) -> nodes.Node:
        target = escape(self.link(name, f"#figure-{figure.number}"))
        root = self.link("index").removesuffix("index.html")
        source = root + write(figure, Path(self.env.app.outdir))
        words = f"Figure {figure.number}"
        picture = f'<img src="{source}" alt="" loading="lazy"><b>{words}</b>'
        caption, _ = self.parse_inline(figure.caption)
        link = nodes.raw("", f'<a href="{target}">{picture}</a>', format="html")
        return nodes.container("", link, nodes.paragraph("", "", *caption))


def setup(app: Any) -> dict[str, Any]:
    """Register the directive (Sphinx extension)."""
    app.add_directive("figure-index", FigureIndex)
    return {"version": "1", "parallel_read_safe": False, "parallel_write_safe": True}
