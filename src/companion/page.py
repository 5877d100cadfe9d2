"""The frame of a page: set-up, computed prose, shown source, finding, provenance."""

import inspect
import json
import os
import random
import textwrap
from collections.abc import Callable, Iterable, Sequence
from html import escape
from typing import Any

import numpy as np
import torch
from IPython.display import Markdown, display

from companion import plotting
from companion import provenance as used

FINDING = "application/vnd.companion.finding+json"
_name = ""


def start(name: str, seed: int = 0) -> None:
    """Begin a page: seed the generators, set the plot style, start the clock.

    Parameters
    ----------
    name : str
        The page, "part/name": its claims, exercises and recorded run go by it.
    seed : int, optional
        Seed of Python's, NumPy's and PyTorch's generators.
    """
    global _name
    _name = name
    used.start()
    random.seed(seed)
    np.random.seed(seed)
    torch.manual_seed(seed)
    if os.environ.get("OMP_NUM_THREADS") == "1":
        torch.set_num_threads(1)
    plotting.use_style()


def name() -> str:
    """Return the page that has begun, "part/name".

    Raises
    ------
    RuntimeError
        If `start` was not called.
    """
    if not _name:
        raise RuntimeError("Run the page's first cell: it calls page.start(...).")
    return _name


def say(markdown: str) -> None:
    """Display Markdown whose numbers were computed by the page."""
    display(Markdown(textwrap.dedent(markdown)))


def table(
    columns: Sequence[str], rows: Iterable[Sequence[object]], title: str = ""
) -> None:
    """Display a table of computed figures, which the rows hold as text or numbers.

    Parameters
    ----------
    columns : sequence of str
        The head; a column's name may hold Markdown.
    rows : iterable of sequences, each as long as `columns`
    title : str, optional
        Shown in bold above the table.

    Raises
    ------
    ValueError
        When a row is not as long as the head.
    """
    lines = [columns, ["---"] * len(columns), *rows]
    for line in lines:
        if len(line) != len(columns):
            raise ValueError(
                f"{len(columns)} columns, but a row of {len(line)}: {line}"
            )
    text = "\n".join(f"| {' | '.join(map(str, line))} |" for line in lines)
    say(f"**{title}**\n\n{text}" if title else text)


def show(*functions: Callable[..., Any] | type) -> None:
    """Display the source of library functions, so that page and code cannot differ."""
    source = "\n\n".join(textwrap.dedent(inspect.getsource(f)) for f in functions)
    display(Markdown(f"```python\n{source.rstrip()}\n```"))


def finding(question: str, answer: str) -> None:
    """Display the page's question and its computed answer, once a page.

    The cover and the part pages collect it from the page's outputs.
    """
    html = (
        '<div class="dtp-finding" style="border-left:4px solid #0072B2;'
        'background:rgba(128,128,128,.10);padding:.7em 1em;margin:.5em 0">'
        f"<div><b>{escape(question)}</b></div><div>{escape(answer)}</div></div>"
    )
    data = {"question": question, "answer": answer}
    show_html(html, f"{question}\n{answer}", {FINDING: data})


def show_html(html: str, text: str, extra: dict[str, Any] | None = None) -> None:
    """Display HTML with its plain-text form, and data for the book's builder."""
    bundle = {"text/html": html, "text/plain": text, **(extra or {})}
    display(bundle, raw=True)


def provenance() -> None:
    """Display with what this page was run: device, seconds, commit, versions, data."""
    run = used.facts()
    summary = f"Run on {run['device']} in {run['seconds']} s, {run['commit']}"
    rows = "".join(
        f'<tr><th style="text-align:left;font-weight:600">{escape(key)}</th>'
        f'<td style="text-align:left">{escape(value)}</td></tr>'
        for key, value in run.items()
    )
    html = (
        '<hr><details class="dtp-provenance"><summary>'
        f"Provenance: {escape(summary)}</summary>"
        f'<table style="font-size:.85em">{rows}</table></details>'
    )
    show_html(html, json.dumps(run, indent=1), {used.MIME: used.emitted()})
