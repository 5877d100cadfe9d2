"""A page's keywords: the words by which a student looks for it.

They stand in the front matter and become entries of the book's index. The search puts
a page first for each of its own.
"""

import re
from pathlib import Path
from typing import Any

import yaml
from docutils import nodes
from sphinx import addnodes
from sphinx.transforms import SphinxTransform

FRONT_MATTER = re.compile(r"\A---\n(.*?)\n---\n", re.DOTALL)


def keywords(text: str) -> list[str]:
    """Return the keywords in the front matter of a page's text."""
    found = FRONT_MATTER.match(text)
    return yaml.safe_load(found[1]).get("keywords", []) if found else []


class IndexKeywords(SphinxTransform):
    """Put a page's keywords into the index, as main entries."""

    default_priority = 400  # before the index reads its entries

    def apply(self, **_: Any) -> None:
        """Insert the entries under the title."""
        words = keywords(Path(self.env.doc2path(self.env.docname)).read_text("utf-8"))
        title = next(iter(self.document.findall(nodes.title)), None)
        if words and title is not None:
            entries = [("single", word, "", "main", None) for word in words]
            title.parent.insert(1, addnodes.index(entries=entries))


def remember_all(app: Any, env: Any) -> list[str]:
    """Give the search every page's keywords.

    Sphinx forgets those of the pages that this build does not render anew.
    """
    for page, entries in env.get_domain("index").entries.items():
        found = {(word, target, main) for _, word, target, main, _ in entries}
        env._search_index_index_entries[page] = sorted(found)
    return []


def help_the_search(app: Any, page: str, *_: Any) -> None:
    """Give the search page, and no other, the script that cleans its snippets."""
    if page == "search":
        app.add_js_file("search.js", loading_method="defer")


def setup(app: Any) -> dict[str, Any]:
    """Register the transform and the script of the search (Sphinx extension)."""
    app.add_transform(IndexKeywords)
    app.connect("env-updated", remember_all)
    app.connect("html-page-context", help_the_search)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
