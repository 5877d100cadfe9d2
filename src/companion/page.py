"""The frame of a page: set-up, computed prose, shown source, finding, provenance."""

import gc
import inspect
import json
import os
import random
import textwrap
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from IPython.display import Markdown, display
from threadpoolctl import threadpool_limits

from companion import cards, plotting, scale, tensors
from companion.errors import PageNotStarted, PlainValueError
from companion.provenance import MIME as PROVENANCE
from companion.provenance import emitted, facts, start_clock

FINDING = "application/vnd.companion.finding+json"
_name = ""


def start(name: str, seed: int = 0) -> None:
    """Begin a page: seed the generators, set threads and plot style, start the clock.

    Parameters
    ----------
    name : str
        The page, "part/name": its claims, exercises and recorded run go by it.
    seed : int, optional
        Seed of Python's and NumPy's generators, and of PyTorch's if it is imported
        already; a page that imports it later seeds it there.

    Raises
    ------
    PlainValueError
        If COMPANION_THREADS or OMP_NUM_THREADS holds no positive whole number.
    """
    global _name
    _name = name
    start_clock()
    random.seed(seed)
    np.random.seed(seed)
    if torch := tensors.loaded():
        torch.manual_seed(seed)
    _use_threads(scale.threads())
    plotting.use_style()
    _collect_less_often()


def _use_threads(count: int) -> None:
    """Compute with so many threads: our networks are small, and more make them slow."""
    if torch := tensors.loaded():
        torch.set_num_threads(count)
    threadpool_limits(count)
    # For what is imported later, such as PyTorch or SciPy's linear algebra.
    os.environ["OMP_NUM_THREADS"] = str(count)


def _collect_less_often() -> None:
    """Look for garbage at 50 000 new objects, not 700: half a second of the imports."""
    gc.set_threshold(50_000)


def name() -> str:
    """Return the page that has begun, "part/name".

    Raises
    ------
    PageNotStarted
        If `start` was not called.
    """
    if not _name:
        raise PageNotStarted("Run the page's first cell: it calls page.start(...).")
    return _name


def say(markdown: str) -> None:
    """Display Markdown whose numbers were computed by the page.

    Parameters
    ----------
    markdown : str
        Text, indented as the code is or not at all; `$...$` is mathematics.
    """
    display(Markdown(textwrap.dedent(markdown)))


def table(
    columns: Mapping[str, Any] | Sequence[str],
    rows: Iterable[Sequence[object]] | None = None,
    title: str = "",
) -> None:
    """Display a table of computed figures, given by columns or by rows.

    Parameters
    ----------
    columns : mapping, or sequence of str
        By columns: {head: values}, or {head: (values, format)} with a format such as
        ".3g", which leaves text as it is. By rows: the heads. A head may hold Markdown.
    rows : iterable of sequences, each as long as `columns`, optional
        The rows, as text or numbers.
    title : str, optional
        Shown in bold above the table.

    Raises
    ------
    PlainValueError
        When a row is not as long as the head, or the columns not of one length.

    Examples
    --------
    >>> table({"rate": [0.1, 0.2], "loss": ([0.01234, 0.5], ".2g")}, title="Losses")
    """
    if isinstance(columns, Mapping):
        rows = _rows(columns)
    heads = list(columns)
    lines = [heads, ["---"] * len(heads), *(rows or [])]
    for line in lines:
        if len(line) != len(heads):
            raise PlainValueError(
                f"{len(heads)} columns, but a row of {len(line)}: {line}"
            )
    text = "\n".join(f"| {' | '.join(map(str, line))} |" for line in lines)
    say(f"**{title}**\n\n{text}" if title else text)


def _rows(columns: Mapping[str, Any]) -> list[tuple[str, ...]]:
    texts = {head: _formatted(column) for head, column in columns.items()}
    lengths = {head: len(column) for head, column in texts.items()}
    if len(set(lengths.values())) > 1:
        raise PlainValueError(f"The columns are not of one length: {lengths}")
    return list(zip(*texts.values(), strict=True))


def _formatted(column: Any) -> list[str]:
    """Return a column as text; a pair is its values and their format."""
    match column:
        case (values, str(form)) if isinstance(column, tuple):
            return [x if isinstance(x, str) else format(x, form) for x in values]
        case _:
            return [str(x) for x in column]


def show(*functions: Callable[..., Any] | type) -> None:
    """Display the source of library functions, so that page and code cannot differ.

    Parameters
    ----------
    *functions : functions or classes
        Shown one below the other, as they stand in the library.
    """
    source = "\n\n".join(textwrap.dedent(inspect.getsource(f)) for f in functions)
    display(Markdown(f"```python\n{source.rstrip()}\n```"))


def finding(question: str, answer: str) -> None:
    """Display the page's question and its computed answer, once a page.

    The cover and the part pages collect it from the page's outputs.

    Parameters
    ----------
    question, answer : str
        Plain text; the answer holds figures that the page computed.
    """
    data = {"question": question, "answer": answer}
    show_html(cards.finding(question, answer), f"{question}\n{answer}", {FINDING: data})


def show_html(html: str, text: str, extra: dict[str, Any] | None = None) -> None:
    """Display HTML with its plain-text form, and data for the book's builder.

    Parameters
    ----------
    html, text : str
        The two forms; a front end shows one of them.
    extra : dict, optional
        Further MIME types with plain JSON.
    """
    bundle = {"text/html": html, "text/plain": text, **(extra or {})}
    display(bundle, raw=True)


def provenance() -> None:
    """Display with what this page was run: device, seconds, commit, versions, data.

    The last cell of a page; the builder compares what it emits with the page's key.
    """
    run = facts()
    summary = f"Run on {run['device']} in {run['seconds']} s, {run['commit']}"
    html = cards.provenance(summary, run)
    show_html(html, json.dumps(run, indent=1), {PROVENANCE: emitted()})
