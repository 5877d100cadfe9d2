"""How much work a page does: COMPANION_SCALE = smoke, book (default) or full."""

import os
from typing import TypeVar

T = TypeVar("T")

SCALES = ("smoke", "book", "full")


def current() -> str:
    """Return the scale in force.

    Raises
    ------
    ValueError
        If the environment variable COMPANION_SCALE holds anything else.
    """
    scale = os.environ.get("COMPANION_SCALE") or "book"
    if scale not in SCALES:
        raise ValueError(
            f"COMPANION_SCALE is '{scale}': set it to one of {', '.join(SCALES)}, "
            "or unset it for 'book'."
        )
    return scale


def pick(*, smoke: T, book: T, full: T | None = None) -> T:
    """Return the value for the scale in force; `full` defaults to `book`."""
    chosen = {"smoke": smoke, "book": book, "full": book if full is None else full}
    return chosen[current()]


def failures_raise() -> bool:
    """Say whether a failed check or a missed goal stops the page.

    It does under the builder (COMPANION_BOOK=1) and where COMPANION_STRICT=1; a
    reader who changes something is told so, and the page goes on.
    """
    return "1" in (os.environ.get("COMPANION_BOOK"), os.environ.get("COMPANION_STRICT"))
