"""A progress bar, for a person who is there to see it."""

import sys
from collections.abc import Iterable
from typing import TypeVar

from IPython import get_ipython
from tqdm import tqdm

from companion import scale

Item = TypeVar("Item")


def progress(iterable: Iterable[Item], description: str = "") -> Iterable[Item]:
    """Show a person a progress bar after a second; book and tests get none.

    Parameters
    ----------
    iterable : iterable
        What a loop runs over.
    description : str, optional
        Shown before the bar.

    Returns
    -------
    iterable
        `iterable` itself where nobody watches: under COMPANION_BOOK=1, in a notebook
        that a program executes, and where the output goes to a file.
    """
    if scale.for_the_site() or not _watched():
        return iterable
    return tqdm(iterable, desc=description, leave=False, delay=1)


def _watched() -> bool:
    """Say whether a person sees the output, at a terminal or in a live notebook."""
    kernel = getattr(get_ipython(), "kernel", None)
    if kernel is None:
        return sys.stderr.isatty()
    # Front ends let a person answer input(); nbclient and nbconvert have no person.
    return bool(kernel.get_parent().get("content", {}).get("allow_stdin", False))
