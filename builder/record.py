"""Writes results/book.json: the claims of the last strict build on real data."""

import json
from pathlib import Path
from typing import Any

from builder import BookError
from builder.cache import Book, short
from companion import claims, provenance

FACTS = ("date", "device", "commit", "libraries")


def record(book: Book) -> Path:
    """Write the claims that the book's executed pages report, each with its run's date.

    Entries with data that are not the book's own are left out.

    Raises
    ------
    BookError
        If a claim holds a number that is not finite.
    """
    path = book.root / "results" / "book.json"
    found = {"pages": runs(book), "claims": entries(book)}
    try:
        text = json.dumps(found, indent=1, sort_keys=True, allow_nan=False)
    except ValueError as error:
        raise BookError(f"{path} is not written: a claim holds {error}.") from error
    path.parent.mkdir(exist_ok=True)
    unfinished = path.with_suffix(".part")
    unfinished.write_text(text + "\n", "utf-8")
    unfinished.replace(path)
    return path


def runs(book: Book) -> dict[str, dict[str, str]]:
    """Return when and with what each page was run."""
    return {short(page): _facts(book, page) for page in book.pages}


def entries(book: Book) -> dict[str, Any]:
    """Return the claims by id, each with the date and device of its run."""
    return {
        report["claim"]: {**report, **_facts(book, page, FACTS[:2])}
        for page in book.pages
        for report in book.outputs(page, claims.MIME)
        if not report.get("foreign_data")
    }


def _facts(book: Book, page: str, names: tuple[str, ...] = FACTS) -> dict[str, str]:
    (run,) = book.outputs(page, provenance.MIME)
    return {name: run[name] for name in names}
