"""What a page's figures depend on, and the cache of executed pages.

jupyter-cache keys a page by its code cells, cell metadata and kernelspec. A hash of
all else that its figures depend on (imported parts of src, library versions, data
files, the page's claims, the scale) is therefore written under kernelspec.
"""

import ast
import hashlib
import json
import re
import shutil
import sys
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache, cached_property
from importlib import metadata
from pathlib import Path
from typing import Any

import nbformat
import yaml
from jupyter_cache import get_cache
from jupyter_cache.base import CacheBundleIn
from jupyter_cache.cache.main import JupyterCacheBase
from myst_nb.core.read import read_myst_markdown_notebook

KEY = "companion_key"
LOADER = re.compile(r"\bload_\w+")


def sha256(text: str) -> str:
    """Return a hash of a text."""
    return hashlib.sha256(text.encode()).hexdigest()


@dataclass
class Book:
    """The pages of a book whose root is `root`, and their executed copies."""

    root: Path
    cache_folder: Path
    scale: str = "book"
    _sources: dict[str, Any] = field(default_factory=dict)
    _executed: dict[str, nbformat.NotebookNode] = field(default_factory=dict)

    @cached_property
    def pages(self) -> list[str]:
        """Executable pages in the order of the table of contents."""
        toc = yaml.safe_load((self.root / "_toc.yml").read_text("utf-8"))
        return [name for name in _files(toc) if name.startswith("notebooks/")]

    @cached_property
    def cache(self) -> JupyterCacheBase:
        """The jupyter-cache that Sphinx reads as well."""
        return get_cache(self.cache_folder)

    # -- reading ---------------------------------------------------------------

    def text(self, page: str) -> str:
        """Return a page's MyST text with its key under kernelspec."""
        return with_key(self.path(page).read_text("utf-8"), self.key(page))

    def path(self, page: str) -> Path:
        """Return the file of a page."""
        return self.root / f"{page}.md"

    def notebook(self, page: str) -> nbformat.NotebookNode:
        """Return a page as an unexecuted notebook, as MyST-NB reads it."""
        return read_myst_markdown_notebook(
            self.text(page), add_source_map=True, path=self.path(page)
        )

    def code(self, page: str) -> str:
        """Return all code of a page, line magics replaced by `pass`."""
        notebook = read_myst_markdown_notebook(self.path(page).read_text("utf-8"))
        cells = [cell.source for cell in notebook.cells if cell.cell_type == "code"]
        lines = "\n".join(cells).splitlines()
        return "\n".join(re.sub(r"^(\s*)[%!].*", r"\1pass", line) for line in lines)

    # -- the key ---------------------------------------------------------------

    def key(self, page: str) -> str:
        """Return a hash of all that the page's figures depend on."""
        return sha256(json.dumps(self.dependencies(page), sort_keys=True))

    def dependencies(self, page: str) -> dict[str, Any]:
        """Return what a page depends on beside its code: name to version or hash."""
        code = self.code(page)
        modules = self.modules(page, code)
        data = self.data(code, modules)
        sources = {name: sha256(path.read_text()) for name, path in modules.items()}
        absent = any(digest == "stand-in" for digest in data.values())
        return {
            "scale": self.scale,
            "modules": sources,
            "libraries": self.libraries(code, modules),
            "data": data,
            "claims": self.claims(page),
            "recorded": self._recorded("book") if absent else "",
            "recorded run": self._recorded(page.removeprefix("notebooks/")),
        }

    def modules(self, page: str, code: str) -> dict[str, Path]:
        """Return the companion modules that a page imports, directly or not."""
        found: dict[str, Path] = {}
        todo = [f"{self._own(page)}.exercises", *imported(code, "")]
        while todo:
            name = todo.pop()
            path = self._module_file(name)
            if path is None or name in found:
                continue
            found[name] = path
            package = name if path.name == "__init__.py" else name.rpartition(".")[0]
            todo += [name.rpartition(".")[0]]
            todo += imported(path.read_text("utf-8"), package)
        return found

    def _own(self, page: str) -> str:
        """Return the package with what belongs to one page alone."""
        here = page.removeprefix("notebooks/").replace("-", "_")
        return "companion.pages." + here.replace("/", ".")

    def _module_file(self, name: str) -> Path | None:
        if name.split(".")[0] != "companion":
            return None
        path = self.root / "src" / Path(*name.split("."))
        candidates = [path.with_suffix(".py"), path / "__init__.py"]
        return next((file for file in candidates if file.is_file()), None)

    def libraries(self, code: str, modules: dict[str, Path]) -> dict[str, str]:
        """Return the versions of Python and of all other libraries imported."""
        names = set(imported(code, ""))
        for path in modules.values():
            names |= set(imported(path.read_text("utf-8"), "companion"))
        tops = {name.split(".")[0] for name in names} - set(sys.stdlib_module_names)
        versions = {"python": ".".join(map(str, sys.version_info[:3]))}
        for top in sorted(tops - {"companion"}):
            for dist in set(_distributions().get(top, [])):
                versions[dist] = metadata.version(dist)
        return versions

    def data(self, code: str, modules: dict[str, Path]) -> dict[str, str]:
        """Return the data files that the page reads: name to sha256 or 'stand-in'."""
        texts = [code] + [
            path.read_text("utf-8")
            for name, path in modules.items()
            if not name.startswith("companion.datasets")
        ]
        loaders = {name for text in texts for name in LOADER.findall(text)}
        return {name: self._digest(name) for name in self._entries(loaders)}

    def _entries(self, loaders: set[str]) -> list[str]:
        from companion import datasets

        registry = datasets.registry()
        return [name for name in registry if registry[name].loader in loaders]

    def _digest(self, name: str) -> str:
        from companion import datasets

        if name not in self._sources:
            try:
                self._sources[name] = datasets.fetch(name)
            except datasets.DataError as error:
                # The page itself raises it, with its traceback in the report.
                return f"error: {error}"
        source = self._sources[name]
        return source.sha256 or source.origin

    def claims(self, page: str) -> dict[str, Any]:
        """Return the ledger's entries for a page."""
        path = self.root / "src" / Path(*self._own(page).split(".")) / "claims.toml"
        return tomllib.loads(path.read_text("utf-8")) if path.is_file() else {}

    def _recorded(self, name: str) -> str:
        """Return the hash of results/NAME.json, which a full-scale run writes."""
        path = self.root / "results" / f"{name}.json"
        known = path.is_file() and self.scale != "full"
        return sha256(path.read_text("utf-8")) if known else ""

    # -- executed pages ----------------------------------------------------------

    def executed(self, page: str) -> nbformat.NotebookNode | None:
        """Return the page with its outputs, or None if it must be run (again)."""
        if page not in self._executed:
            notebook = self.notebook(page)
            try:
                _, found = self.cache.merge_match_into_notebook(notebook)
            except (KeyError, FileNotFoundError):
                # No entry, or one that an interrupted build left without its file.
                return None
            self._executed[page] = found
        return self._executed[page]

    def seconds(self, page: str) -> float:
        """Return how long the cached run of a page took."""
        record = self.cache.match_cache_notebook(self.notebook(page))
        return float(record.data["execution_seconds"])

    def store(self, page: str, notebook: nbformat.NotebookNode, seconds: float) -> None:
        """Put an executed page into the cache."""
        # jupyter-cache trips over what an interrupted build left without its file.
        _, entry = self.cache.create_hashed_notebook(notebook)
        shutil.rmtree(self.cache_folder / "executed" / entry, ignore_errors=True)
        bundle = CacheBundleIn(
            notebook, str(self.path(page)), data={"execution_seconds": seconds}
        )
        self.cache.cache_notebook_bundle(bundle, check_validity=False, overwrite=True)

    def outputs(self, page: str, mime: str) -> list[Any]:
        """Return the data of one kind in an executed page's outputs, in order."""
        notebook = self.executed(page)
        return outputs(notebook, mime) if notebook is not None else []


def outputs(notebook: nbformat.NotebookNode, mime: str) -> list[Any]:
    """Return the data of one kind in a notebook's outputs, in order."""
    return [
        output.data[mime]
        for cell in notebook.cells
        for output in cell.get("outputs", [])
        if mime in output.get("data", {})
    ]


def with_key(text: str, key: str) -> str:
    """Write a key under kernelspec into the front matter of a MyST page."""
    line = f"kernelspec:\n  {KEY}: {key}\n"
    changed = re.sub(r"^kernelspec:\n", line, text, count=1, flags=re.MULTILINE)
    if changed == text:
        raise ValueError("The page's front matter has no kernelspec.")
    return changed


@cache
def imported(code: str, package: str) -> tuple[str, ...]:
    """Return the modules that a code imports, and names that may be modules."""
    names: list[str] = []
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = _base(node, package)
            names += [base, *(f"{base}.{alias.name}" for alias in node.names)]
    return tuple(names)


def _base(node: ast.ImportFrom, package: str) -> str:
    if not node.level:
        return node.module or ""
    parents = package.split(".")
    above = parents[: len(parents) - node.level + 1]
    return ".".join([*above, *([node.module] if node.module else [])])


def _files(toc: Any) -> Iterator[str]:
    if isinstance(toc, dict):
        if "file" in toc:
            yield toc["file"]
        for value in toc.values():
            yield from _files(value)
    elif isinstance(toc, list):
        for value in toc:
            yield from _files(value)


_found: dict[str, list[str]] = {}


def _distributions() -> dict[str, list[str]]:
    if not _found:
        _found.update(metadata.packages_distributions())
    return _found


# -- Sphinx -----------------------------------------------------------------------


def of(app: Any) -> Book:
    """Return the book that a Sphinx application renders."""
    if not hasattr(app, "companion_book"):
        from companion import scale

        folder = Path(app.config.nb_execution_cache_path)
        app.companion_book = Book(Path(app.srcdir), folder, scale.current())
    return app.companion_book


def _write_key(app: Any, docname: str, source: list[str]) -> None:
    book = of(app)
    if docname in book.pages:
        source[0] = with_key(source[0], book.key(docname))
        app.env.companion_keys[docname] = _render_key(book, docname)


def _render_key(book: Book, page: str) -> str:
    """Return what a rendered page shows: its key and its text."""
    return sha256(book.text(page))


def _outdated(app: Any, env: Any, *_: Any) -> list[str]:
    book = of(app)
    if not hasattr(env, "companion_keys"):
        env.companion_keys = {}
    keys = env.companion_keys
    return [p for p in book.pages if keys.get(p) != _render_key(book, p)]


def setup(app: Any) -> dict[str, Any]:
    """Register the hook that writes the keys (Sphinx extension)."""
    app.connect("env-get-outdated", _outdated)
    app.connect("source-read", _write_key)
    return {"version": "1", "parallel_read_safe": False, "parallel_write_safe": True}
