"""A book: its pages, and their executed copies in jupyter-cache.

jupyter-cache keys a page by its code cells, cell metadata and kernelspec. The hash of
all else that its figures depend on (see `keys`) is therefore written under kernelspec.
"""

import json
import re
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing, suppress
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

import nbformat
import yaml
from jupyter_cache import get_cache
from jupyter_cache.cache.db import DB_NAME, NbCacheRecord
from jupyter_cache.cache.main import JupyterCacheBase
from myst_nb.core.read import read_myst_markdown_notebook
from sqlalchemy.exc import SQLAlchemyError

from builder import BookError
from builder.keys import Dependencies, run_problems, sha256
from companion import provenance

KEY = "companion_key"
FOLDER = "notebooks/"


def short(page: str) -> str:
    """Return a page's name, "part/name", from the name of its document."""
    return page.removeprefix(FOLDER)


@dataclass
class Book:
    """The pages of a book whose root is `root`, and their executed copies.

    A page is named as its document is, "notebooks/part/name".
    """

    root: Path
    cache_folder: Path
    scale: str = "book"
    _executed: dict[str, nbformat.NotebookNode] = field(default_factory=dict)

    @cached_property
    def pages(self) -> list[str]:
        """Executable pages in the order of the table of contents.

        Raises
        ------
        BookError
            If the table of contents cannot be read or names a missing file.
        """
        path = self.root / "_toc.yml"
        try:
            names = list(_files(yaml.safe_load(path.read_text("utf-8"))))
        except yaml.YAMLError as error:
            raise BookError(f"{path} is not YAML: {error}") from error
        for name in names:
            if not self.path(name).is_file():
                raise BookError(
                    f"{path} names {name}, but there is no {self.path(name)}: correct "
                    "the name, or write the page."
                )
        return [name for name in names if name.startswith(FOLDER)]

    @cached_property
    def cache(self) -> JupyterCacheBase:
        """The jupyter-cache that Sphinx reads as well; a damaged one starts anew."""
        database = self.cache_folder / DB_NAME
        if not _sound(database):
            database.unlink(missing_ok=True)
        return get_cache(self.cache_folder)

    @cached_property
    def _dependencies(self) -> Dependencies:
        return Dependencies(self.root, self.scale)

    # -- reading ---------------------------------------------------------------

    def text(self, page: str) -> str:
        """Return a page's MyST text with its key under kernelspec."""
        try:
            return with_key(self.path(page).read_text("utf-8"), self.key(page))
        except ValueError as error:
            raise BookError(f"{self.path(page)}: {error}") from error

    def path(self, page: str) -> Path:
        """Return the file of a page."""
        return self.root / f"{page}.md"

    def notebook(self, page: str) -> nbformat.NotebookNode:
        """Return a page as an unexecuted notebook, as MyST-NB reads it."""
        return read_myst_markdown_notebook(
            self.text(page), add_source_map=True, path=self.path(page)
        )

    def dependencies(self, page: str) -> dict[str, Any]:
        """Return what a page depends on beside its code: name to version or hash."""
        return self._dependencies.of(
            short(page), code_cells(self.path(page).read_text("utf-8"))
        )

    def key(self, page: str) -> str:
        """Return a hash of all that the page's figures depend on."""
        return sha256(json.dumps(self.dependencies(page), sort_keys=True, default=str))

    def claims(self, page: str) -> dict[str, Any]:
        """Return the ledger's entries for a page."""
        return self._dependencies.claims(short(page))

    # -- executed pages ----------------------------------------------------------

    def executed(self, page: str) -> nbformat.NotebookNode | None:
        """Return the page with its outputs, or None if it must be run (again)."""
        if page not in self._executed:
            notebook = self.notebook(page)
            try:
                _, found = self.cache.merge_match_into_notebook(notebook)
            except (LookupError, OSError, ValueError, AttributeError):
                # No entry, or one whose file is missing, truncated or altered.
                return None
            self._executed[page] = found
        return self._executed[page]

    def seconds(self, page: str) -> float:
        """Return how long the cached run of a page took."""
        record = self.cache.match_cache_notebook(self.notebook(page))
        return float(record.data["execution_seconds"])

    def run_problems(self, page: str, notebook: nbformat.NotebookNode) -> list[str]:
        """Return in what an executed page used other things than its key says."""
        used = outputs(notebook, provenance.MIME)
        if len(used) != 1:
            return [
                f"the page shows {len(used)} provenances, not one: end it with "
                "page.provenance()"
            ]
        return run_problems(self.dependencies(page), used[0])

    def store(self, page: str, notebook: nbformat.NotebookNode, seconds: float) -> None:
        """Put an executed page into the cache: its file first, then its entry.

        Raises
        ------
        BookError
            If the cache cannot be written, for example on a full disk.
        """
        try:
            entry = self._write(notebook)
            data = {"execution_seconds": seconds}
            uri = str(self.path(page))
            NbCacheRecord.create_record(uri, entry, self.cache.db, data=data)
        except (OSError, RuntimeError, SQLAlchemyError) as error:
            raise BookError(
                f"{page} ran, but {self.cache_folder} cannot keep it: {error}"
            ) from error

    def _write(self, notebook: nbformat.NotebookNode) -> str:
        """Write an entry's file aside and rename it; return the entry's name."""
        plain, entry = self.cache.create_hashed_notebook(notebook)
        folder = self.cache.path / "executed" / entry
        aside = folder.with_suffix(".part")
        shutil.rmtree(aside, ignore_errors=True)
        aside.mkdir(parents=True)
        nbformat.write(plain, aside / "base.ipynb", nbformat.NO_CONVERT)
        self._forget(entry)
        shutil.rmtree(folder, ignore_errors=True)
        aside.rename(folder)
        return entry

    def _forget(self, entry: str) -> None:
        database = self.cache.db
        with suppress(KeyError):
            record = NbCacheRecord.record_from_hashkey(entry, database)
            NbCacheRecord.remove_records([record.pk], database)

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


@lru_cache
def code_cells(text: str) -> tuple[str, ...]:
    """Return the code of a MyST page's cells, line magics replaced by `pass`."""
    return tuple(
        re.sub(r"^(\s*)[%!].*", r"\1pass", cell.source, flags=re.MULTILINE)
        for cell in read_myst_markdown_notebook(text).cells
        if cell.cell_type == "code"
    )


def with_key(text: str, key: str) -> str:
    """Write a key under kernelspec into the front matter of a MyST page."""
    line = f"kernelspec:\n  {KEY}: {key}\n"
    changed = re.sub(r"^kernelspec:\n", line, text, count=1, flags=re.MULTILINE)
    if changed == text:
        raise ValueError("The page's front matter has no kernelspec.")
    return changed


def _sound(database: Path) -> bool:
    """Say whether jupyter-cache can read its database, or may make a new one."""
    if not database.exists():
        return True
    try:
        with closing(sqlite3.connect(database)) as connection:
            connection.execute("SELECT hashkey FROM nbcache").fetchall()
            return connection.execute("PRAGMA quick_check").fetchall() == [("ok",)]
    except sqlite3.DatabaseError:
        return False


def _files(toc: Any) -> Iterator[str]:
    if isinstance(toc, dict):
        if "file" in toc:
            yield toc["file"]
        for value in toc.values():
            yield from _files(value)
    elif isinstance(toc, list):
        for value in toc:
            yield from _files(value)
