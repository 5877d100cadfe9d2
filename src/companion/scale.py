"""How a page is run: how much work, how many threads, whether a failure stops it.

COMPANION_SCALE = smoke, book (default) or full. COMPANION_THREADS = n (default 1).
"""

import os
from typing import TypeVar

from companion.errors import PlainValueError

T = TypeVar("T")

SCALES = ("smoke", "book", "full")


def current() -> str:
    """Return the scale in force: smoke, book or full.

    Raises
    ------
    PlainValueError
        If the environment variable COMPANION_SCALE holds anything else.
    """
    scale = os.environ.get("COMPANION_SCALE") or "book"
    if scale not in SCALES:
        raise PlainValueError(
            f"COMPANION_SCALE is '{scale}': set it to one of {', '.join(SCALES)}, "
            "or unset it for 'book'."
        )
    return scale


def pick(*, smoke: T, book: T, full: T | None = None) -> T:
    """Return the value for the scale in force.

    Parameters
    ----------
    smoke, book : object
        For tests, in seconds a page; for the site, about a minute a page.
    full : object, optional
        For the source's own size; default `book`.
    """
    chosen = {"smoke": smoke, "book": book, "full": book if full is None else full}
    return chosen[current()]


def for_the_site() -> bool:
    """Say whether the builder runs the page."""
    return os.environ.get("COMPANION_BOOK") == "1"


def failures_raise() -> bool:
    """Say whether a failed check or a missed goal stops the page: in the builder."""
    return for_the_site() or os.environ.get("COMPANION_STRICT") == "1"


def threads() -> int:
    """Return with how many threads a page computes: 1 unless told otherwise.

    COMPANION_THREADS counts before OMP_NUM_THREADS.

    Raises
    ------
    PlainValueError
        If the variable holds no positive whole number.
    """
    names = [n for n in ("COMPANION_THREADS", "OMP_NUM_THREADS") if os.environ.get(n)]
    if not names:
        return 1
    # OpenMP allows a list, one number for each level of nesting.
    text = os.environ[names[0]].split(",")[0].strip()
    if not text.isdecimal() or int(text) < 1:
        raise PlainValueError(
            f"{names[0]} is '{text}': set it to a whole number above 0, or unset it."
        )
    return int(text)
