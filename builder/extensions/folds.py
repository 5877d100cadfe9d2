"""Folded cells: one small line that shows the cell's opening comment.

MyST-NB's own fold is a box that says "Show code cell source", for every cell the same.
"""

import re
from html import escape
from typing import Any

from docutils import nodes
from myst_nb.sphinx_ import HideCodeCellNode

# As written on the page, or as `make sync` writes it into the notebook.
COMMENT = re.compile(r"#\s*(?:@title\s+)?(.+)")


def opening_comment(source: str) -> str:
    """Return a cell's opening comment without its sign, or ``""``."""
    match = COMMENT.match(source.lstrip())
    return match[1].strip() if match else ""


def visit_fold(translator: Any, node: HideCodeCellNode) -> None:
    """Open the fold of a cell's code; of outputs, with MyST-NB's words."""
    code = next(iter(node.findall(nodes.literal_block)), None)
    comment = opening_comment(code.astext()) if code is not None else ""
    classes = " ".join(["hide", *node["classes"]])
    translator.body.append(
        f'<details class="{classes}">'
        f"<summary>{escape(comment or node['prompt_show'])}</summary>\n"
    )


def depart_fold(translator: Any, node: HideCodeCellNode) -> None:
    """Close the fold."""
    translator.body.append("</details>\n")


def setup(app: Any) -> dict[str, Any]:
    """Register the renderer (Sphinx extension; after myst_nb)."""
    app.add_node(HideCodeCellNode, override=True, html=(visit_fold, depart_fold))
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
