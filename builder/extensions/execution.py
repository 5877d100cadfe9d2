"""Give Sphinx the executed pages of the book that it renders.

Their keys are written where MyST-NB reads them; a document whose content or key has
changed is rendered again, whatever its time stamp says.
"""

import os
from pathlib import Path
from typing import Any

from builder.cache import Book, outputs
from builder.keys import sha256
from companion import scale

__all__ = ["Book", "of", "outputs", "setup"]


def of(app: Any) -> Book:
    """Return the book that a Sphinx application renders."""
    if not hasattr(app, "companion_book"):
        folder = Path(app.srcdir, app.config.nb_execution_cache_path)
        app.companion_book = Book(Path(app.srcdir), folder, scale.current())
    return app.companion_book


def _choose_cache(app: Any, config: Any) -> None:
    """Read the cache that the builder filled."""
    named = os.environ.get("COMPANION_CACHE")
    config.nb_execution_cache_path = named or config.nb_execution_cache_path


def _write_key(app: Any, docname: str, source: list[str]) -> None:
    app.env.companion_contents[docname] = _content(app, docname)
    if docname in of(app).pages:
        source[0] = of(app).text(docname)


def _content(app: Any, docname: str) -> str:
    """Return a hash of a document's text and, for a page, of its key."""
    if docname in of(app).pages:
        return sha256(of(app).text(docname))
    return sha256(Path(app.env.doc2path(docname)).read_text("utf-8"))


def _outdated(app: Any, env: Any, *_: Any) -> list[str]:
    if not hasattr(env, "companion_contents"):
        env.companion_contents = {}
    known = env.companion_contents
    return [name for name in env.found_docs if known.get(name) != _content(app, name)]


def setup(app: Any) -> dict[str, Any]:
    """Register the hooks (Sphinx extension)."""
    app.connect("config-inited", _choose_cache)
    app.connect("env-get-outdated", _outdated)
    app.connect("source-read", _write_key)
    return {"version": "1", "parallel_read_safe": False, "parallel_write_safe": True}
