"""What a page's figures depend on: it follows from the page's imports alone.

The page's key hashes all of it. `run_problems` compares it with what a run loaded.
"""

import ast
import hashlib
import importlib
import json
import os
import sys
import tomllib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Any

from builder import BookError
from companion import datasets, pages, scale
from companion.datasets._fetch import fetch

# Libraries whose results come from another one that they import.
BEHIND = {"sympy": ["mpmath"], "statsmodels": ["pandas"]}
# Where data come from that stand in the code: the key of its module covers them.
IN_CODE = ("typed", "formula")


def sha256(text: str) -> str:
    """Return a hash of a text."""
    return hashlib.sha256(text.encode()).hexdigest()


@dataclass
class Dependencies:
    """What the pages of the book below `root` depend on."""

    root: Path
    scale: str
    _data: dict[str, tuple[str, str] | None] = field(default_factory=dict)

    def of(self, page: str, cells: tuple[str, ...]) -> dict[str, Any]:
        """Return what a page depends on beside its code: name to version or hash.

        Parameters
        ----------
        page : str
            "part/name".
        cells : tuple of str
            The page's code.
        """
        files, shown = self.modules(page, cells), displayed(cells)
        texts = {name: path.read_text("utf-8") for name, path in files.items()}
        data, entries = self.data(files), self.claims(page)
        absent = "stand-in" in data.values()
        return {
            "scale": self.scale,
            "strict": os.environ.get("COMPANION_STRICT") == "1",
            "threads": scale.threads(),
            "modules": {name: _digest(text, shown) for name, text in texts.items()},
            "libraries": libraries([*cells, *texts.values()]),
            "data": data,
            "claims": entries,
            "reported on real data": self._reported(entries) if absent else {},
            "recorded run": self._recorded_run(page),
        }

    def modules(self, page: str, cells: tuple[str, ...]) -> dict[str, Path]:
        """Return the companion modules that a page imports, directly or not."""
        found: dict[str, Path] = {}
        todo = [name for cell in cells for name in imported(cell, "")]
        if any("answer" in _called(cell) for cell in cells):
            todo.append(pages.module_name(page))
        while todo:
            name = todo.pop()
            path = self._file(name)
            if path is not None and name not in found:
                found[name] = path
                package = name if path.stem == "__init__" else name.rpartition(".")[0]
                todo += imported(path.read_text("utf-8"), package)
            todo += [parent for parent in _above(name) if parent not in found]
        return dict(sorted(found.items()))

    def _file(self, name: str) -> Path | None:
        if name.split(".")[0] != "companion":
            return None
        path = self.root / "src" / Path(*name.split("."))
        candidates = [path.with_suffix(".py"), path / "__init__.py"]
        return next((file for file in candidates if file.is_file()), None)

    def data(self, modules: Iterable[str]) -> dict[str, str]:
        """Return the files of the data sets among modules: name to sha256, or why not.

        A data set's files are looked for once: looking may mean a download.
        """
        for name in modules:
            if name.startswith("companion.datasets.") and name not in self._data:
                self._data[name] = source(name)
        known = (self._data.get(name) for name in modules)
        return dict(pair for pair in known if pair is not None)

    def claims(self, page: str) -> dict[str, Any]:
        """Return the ledger's entries for a page.

        Raises
        ------
        BookError
            If its claims.toml is not TOML.
        """
        package = pages.module_name(page).split(".")[:-1]
        path = self.root / "src" / Path(*package) / "claims.toml"
        try:
            return tomllib.loads(path.read_text("utf-8")) if path.is_file() else {}
        except tomllib.TOMLDecodeError as error:
            raise BookError(f"{path} is not TOML: {error}.") from error

    def _reported(self, entries: Iterable[str]) -> dict[str, Any]:
        """Return the page's claims of the last strict build, shown beside stand-ins.

        Raises
        ------
        BookError
            If results/book.json does not hold claims.
        """
        path = self.root / "results" / "book.json"
        if not path.is_file():
            return {}
        try:
            known = json.loads(path.read_text("utf-8"))["claims"]
        except (ValueError, LookupError, TypeError) as error:
            raise BookError(
                f"{path} holds no claims ({error!r}): restore it from the repository."
            ) from error
        return {id: known[id] for id in entries if id in known}

    def _recorded_run(self, page: str) -> str:
        """Return the hash of results/PART/NAME.json, which a full-scale run writes."""
        path = self.root / "results" / f"{page}.json"
        known = path.is_file() and self.scale != "full"
        return sha256(path.read_text("utf-8")) if known else ""


def source(module: str) -> tuple[str, str] | None:
    """Return name and checksum of a data set's files; None for a module without."""
    data_set = getattr(importlib.import_module(module), "DATA", None)
    if data_set is None:
        return None
    try:
        found = fetch(data_set)
    except datasets.DataError as error:
        # The page itself raises it, with its traceback in the report.
        return data_set.name, f"error: {error}"
    return found.name, found.sha256 or found.origin


def libraries(codes: Iterable[str]) -> dict[str, str]:
    """Return the versions of Python and of all other libraries that codes import."""
    names = {name.split(".")[0] for code in codes for name in imported(code, "")}
    names |= {behind for name in names for behind in BEHIND.get(name, [])}
    versions = {"python": ".".join(map(str, sys.version_info[:3]))}
    for name in sorted(names):
        for dist in sorted(set(_distributions().get(name, []))):
            versions[dist] = version(dist)
    return versions


@cache
def version(dist: str) -> str:
    """Return the version of an installed distribution."""
    return metadata.version(dist)


@cache
def _distributions() -> dict[str, list[str]]:
    found = metadata.packages_distributions()
    return {name: dists for name, dists in found.items() if name != "companion"}


# -- reading code --------------------------------------------------------------------


def _digest(text: str, shown: set[str]) -> str:
    """Return the hash of a module; of all of its text if a page displays some of it."""
    return sha256(text if shown & _defined(text) else meaning(text))


@cache
def meaning(text: str) -> str:
    """Return what a code does, without its comments and docstrings."""
    tree = _parsed(text)
    if tree is None or "__doc__" in text:
        return text
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef) and (
            ast.get_docstring(node, clean=False) is not None
        ):
            del node.body[0]
    return ast.dump(tree)


@cache
def imported(code: str, package: str) -> tuple[str, ...]:
    """Return the modules that a code imports, and names that may be modules."""
    names: list[str] = []
    for node in _nodes(code):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = _base(node, package)
            names += [base, *(f"{base}.{alias.name}" for alias in node.names)]
    return tuple(names)


@cache
def displayed(cells: tuple[str, ...]) -> set[str]:
    """Return the names of the functions whose source a page displays."""
    nodes = [node for cell in cells for node in _nodes(cell)]
    original = {
        alias.asname: alias.name
        for node in nodes
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    calls = [node for node in nodes if isinstance(node, ast.Call)]
    shown = [a for call in calls if _name(call.func) == "show" for a in call.args]
    names = {name for argument in shown for name in _names(argument)}
    return {original.get(name, name) for name in names}


def _names(argument: ast.expr) -> set[str]:
    """Return the name of what an expression stands for, or all that may be it."""
    if isinstance(argument, ast.Attribute):
        return {argument.attr}
    return {_name(node) for node in ast.walk(argument)}


def _name(node: ast.AST) -> str:
    """Return the last part of a name such as `page.show`; "" for anything else."""
    return getattr(node, "attr", getattr(node, "id", ""))


@cache
def _called(code: str) -> set[str]:
    return {_name(n.func) for n in _nodes(code) if isinstance(n, ast.Call)}


@cache
def _defined(text: str) -> set[str]:
    kinds = ast.ClassDef | ast.FunctionDef
    return {node.name for node in _nodes(text) if isinstance(node, kinds)}


def _nodes(code: str) -> Iterator[ast.AST]:
    tree = _parsed(code)
    return ast.walk(tree) if tree is not None else iter(())


def _parsed(code: str) -> ast.Module | None:
    """Return the syntax tree; None if there is none, as the page's run will say."""
    try:
        return ast.parse(code)
    except SyntaxError:
        return None


def _base(node: ast.ImportFrom, package: str) -> str:
    if not node.level:
        return node.module or ""
    parents = package.split(".")
    above = parents[: len(parents) - node.level + 1]
    return ".".join([*above, *([node.module] if node.module else [])])


def _above(name: str) -> list[str]:
    parts = name.split(".")
    return [".".join(parts[:n]) for n in range(1, len(parts))]


# -- comparing with a run -------------------------------------------------------------


def run_problems(known: dict[str, Any], run: dict[str, Any]) -> list[str]:
    """Return what a run loaded that the page's key does not hold.

    Parameters
    ----------
    known : dict
        The page's dependencies.
    run : dict
        What `companion.provenance.emitted` said at the end of the run.
    """
    return [
        f"it loaded {module}, which does not follow from its imports: import it in "
        "the page, or in a module that the page imports"
        for module in run["modules"]
        if not _covered(module, known["modules"])
    ] + [
        f"it read {name} ({found}) where its key has "
        f"{known['data'].get(name, 'no such data')}: build again, and load data by "
        "`from companion.datasets import ...` only"
        for name, found in run["sources"].items()
        if found not in (known["data"].get(name), *IN_CODE)
    ]


def _covered(module: str, known: Iterable[str]) -> bool:
    """Say whether a module, or one inside of a folder without code, is known."""
    return any(name == module or name.startswith(f"{module}.") for name in known)
