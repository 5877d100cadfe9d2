"""Turn blockquotes that open with a bold word into admonitions.

`> **Theorem 3.1.** ...` stays a readable blockquote in Jupyter, Colab and on GitHub.
"""

import re
from typing import Any

from docutils import nodes
from sphinx.transforms.post_transforms import SphinxPostTransform

CORRECTION = "Correction"
KINDS = {
    "Definition": "note",
    "Theorem": "important",
    "Lemma": "important",
    "Proposition": "important",
    "Corollary": "important",
    "Proof": "seealso",
    "Note": "note",
    "Warning": "warning",
    "Exercise": "tip",
    CORRECTION: "caution",
    "Guess": "hint",
    "In short": "note",
    "True or false?": "hint",
    "Summary": "note",
    "Take-away": "tip",
}
# The longest first: no kind hides another that opens with its words.
WORDS = "|".join(re.escape(kind) for kind in sorted(KINDS, key=len, reverse=True))
TITLE = re.compile(rf"({WORDS})(?!\w).*")


class BlockquoteAdmonitions(SphinxPostTransform):
    """Replace each such blockquote by an admonition of the matching kind."""

    default_priority = 5

    def run(self, **kwargs: Any) -> None:
        """Visit all blockquotes of the document."""
        for quote in list(self.document.findall(nodes.block_quote)):
            strong = opening_bold(quote)
            if strong is not None:
                match = TITLE.fullmatch(strong.astext().strip())
                if match:
                    quote.replace_self(to_admonition(quote, strong, match[1]))


def opening_bold(quote: nodes.block_quote) -> nodes.strong | None:
    """Return the bold node that a blockquote opens with, if it does."""
    if not quote.children or not isinstance(quote[0], nodes.paragraph):
        return None
    # MyST puts an empty text node before the bold word.
    inline = [node for node in quote[0].children if node.astext().strip()]
    return inline[0] if inline and isinstance(inline[0], nodes.strong) else None


def to_admonition(
    quote: nodes.block_quote, strong: nodes.strong, word: str
) -> nodes.admonition:
    """Return an admonition titled by the bold words, with the rest as its body."""
    title = nodes.title("", "", *strong.children)
    strong.parent.remove(strong)
    box = nodes.admonition(classes=["admonition", KINDS[word], css_class(word)])
    if title.astext().rstrip(". ").endswith("answered"):
        box["classes"].append("dtp-answered")
    if word == CORRECTION:
        box["ids"].append(correction_id(title.astext()))
    box += title
    _strip_start(quote[0])
    box += [
        child for child in quote.children if child.astext().strip() or child.children
    ]
    return box


def css_class(word: str) -> str:
    """Return the class of a kind's boxes, such as dtp-in-short."""
    return "dtp-" + re.sub(r"\W+", "-", word.lower()).strip("-")


def correction_id(title: str) -> str:
    """Return the id of a correction's box: correction-ann-3-4 for "ANN 3, 4"."""
    return nodes.make_id(title)


def _strip_start(paragraph: nodes.paragraph) -> None:
    """Remove the blank that stood between the bold words and the text."""
    while paragraph.children and isinstance(paragraph[0], nodes.Text):
        text = str(paragraph[0]).lstrip(" .")
        if text:
            paragraph[0].parent.replace(paragraph[0], nodes.Text(text))
            return
        paragraph.remove(paragraph[0])


def setup(app: Any) -> dict[str, Any]:
    """Register the transform (Sphinx extension)."""
    app.add_post_transform(BlockquoteAdmonitions)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
