r"""Make a page's mentions of its equations, "(3)", and figures, "Figure 3", links.

In a notebook they are plain text; the numbers stand in `\tag{3}` and in the caption's
bold beginning, "**Figure 3.**".
"""

import re
from collections.abc import Iterator
from typing import Any

from docutils import nodes

TAG = re.compile(r"\\tag\{(\w+)\}")
CAPTION = re.compile(r"Figure (\d+)\.")
MENTION = re.compile(r"(?<![\w)])\((?P<equation>\d+)\)|\bFigures? (?P<figure>\d+)\b")
# What may not hold a link, or shows text as it is.
CLOSED = (nodes.reference, nodes.title, nodes.literal, nodes.literal_block, nodes.raw)


def link_mentions(app: Any, doctree: nodes.document, docname: str) -> None:
    """Name a page's equations and figures, and link where its text speaks of them."""
    targets = {name for node in list(doctree.findall()) if (name := _named(node))}
    link_texts(doctree, targets)


def link_texts(tree: nodes.Element, targets: set[str], address: str = "") -> None:
    """Link the mentions in a tree's texts to the targets, on the page at an address."""
    for text in list(tree.findall(nodes.Text)):
        if not _inside_closed(text):
            pieces = list(_pieces(text.astext(), targets, address))
            if len(pieces) > 1:
                text.parent.replace(text, pieces)


def _named(node: nodes.Node) -> str:
    """Give an equation or a caption its id, and return it; ``""`` for others."""
    if isinstance(node, nodes.math_block) and (tag := TAG.search(node.astext())):
        name = f"equation-{tag[1]}"
    elif isinstance(node, nodes.strong) and (number := CAPTION.match(node.astext())):
        name = f"figure-{number[1]}"
    else:
        return ""
    node["ids"].append(name)
    return name


def _inside_closed(node: nodes.Node) -> bool:
    parent = node.parent
    while parent is not None:
        caption = isinstance(parent, nodes.strong) and CAPTION.match(parent.astext())
        if caption or isinstance(parent, CLOSED):
            return True
        parent = parent.parent
    return False


def _pieces(text: str, targets: set[str], address: str) -> Iterator[nodes.Node]:
    """Cut a text into plain pieces and links."""
    end = 0
    for found in MENTION.finditer(text):
        kind = found.lastgroup or ""
        target = f"{kind}-{found[kind]}"
        if target in targets:
            yield nodes.Text(text[end : found.start()])
            where = f"{address}#{target}"
            yield nodes.reference("", found[0], refuri=where, internal=True)
            end = found.end()
    yield nodes.Text(text[end:])


def setup(app: Any) -> dict[str, Any]:
    """Register the hook (Sphinx extension)."""
    app.connect("doctree-resolved", link_mentions)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
