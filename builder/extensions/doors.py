"""Doors: the sections after a page's lesson are closed, and say what is inside.

A section whose heading opens with "Further" or "Against the course work" keeps its
heading; the rest goes into `<details>`, which `doors.js` opens for links, search and
print.
"""

from html import escape
from typing import Any

from docutils import nodes
from sphinx.transforms.post_transforms import SphinxPostTransform

from builder.extensions import execution
from companion import claims

FURTHER = "Further"
AGAINST = "Against the course work"
WORDS_A_MINUTE = 40  # with the formulas, code and figures that stand between them


class Door(nodes.Element):
    """A closed section's body, behind a line that says what is inside."""


class CloseSections(SphinxPostTransform):
    """Put each such section of a page behind a door."""

    default_priority = 20  # after the blockquotes became boxes
    formats = ("html",)

    def run(self, **kwargs: Any) -> None:
        """Visit all sections of the document."""
        book = execution.of(self.app)
        if self.env.docname in book.pages:
            reported = len(book.outputs(self.env.docname, claims.MIME))
            for section in list(self.document.findall(nodes.section)):
                _close(section, reported)


def _close(section: nodes.section, reported: int) -> None:
    title = section[0].astext()
    if title.startswith(FURTHER):
        inside = about_further(section)
    elif title.startswith(AGAINST):
        inside = about_claims(section, reported)
    else:
        return
    outside = _provenance(section)
    door = Door("", *section[1:], inside=inside)
    section.children = [section[0]]
    section.extend([door, *outside])


def _provenance(section: nodes.section) -> list[nodes.container]:
    """Take out the page's last cell, which says with what it was run."""
    cells = [c for c in section.findall(nodes.container) if _is_provenance(c)]
    for cell in cells:
        cell.parent.remove(cell)
    return cells


def _is_provenance(box: nodes.container) -> bool:
    cell = box.get("nb_element") == "cell_code"
    return cell and box.astext().startswith("page.provenance()")


def about_further(section: nodes.section) -> str:
    """Name a section's subsections, and the minutes that they take."""
    titles = [s[0].astext() for s in section.findall(nodes.section) if s is not section]
    words = sum(len(p.astext().split()) for p in section.findall(nodes.paragraph))
    minutes = max(1, round(words / WORDS_A_MINUTE))
    return "; ".join(titles + [_count(minutes, "minute")])


def about_claims(section: nodes.section, reported: int) -> str:
    """Count a page's claims, and the corrections in a section."""
    boxes = section.findall(nodes.admonition)
    corrections = sum("dtp-correction" in box["classes"] for box in boxes)
    return f"{_count(reported, 'claim')}, {_count(corrections, 'correction')}"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def visit_door(translator: Any, node: Door) -> None:
    """Open the `<details>`."""
    translator.body.append(
        f'<details class="dtp-door"><summary>{escape(node["inside"])}</summary>\n'
    )


def depart_door(translator: Any, node: Door) -> None:
    """Close the `<details>`."""
    translator.body.append("</details>\n")


def setup(app: Any) -> dict[str, Any]:
    """Register the transform, its node and its script (Sphinx extension)."""
    app.add_node(Door, html=(visit_door, depart_door))
    app.add_post_transform(CloseSections)
    app.add_js_file("doors.js", loading_method="defer")
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
