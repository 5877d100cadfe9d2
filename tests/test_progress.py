"""A progress bar is for a person: none for a program, a file or the book."""

import queue
import sys

import nbformat
import pytest
from jupyter_client.manager import start_new_kernel
from nbclient import NotebookClient
from tqdm import tqdm

from companion.progress import progress

CELL = "from companion.progress import progress\nprint(type(progress([1])).__name__)"


class Terminal:
    """Standard error as a person has it."""

    def isatty(self):
        return True

    def write(self, text):
        return len(text)

    def flush(self):
        pass


@pytest.fixture
def outside_the_book(monkeypatch):
    monkeypatch.delenv("COMPANION_BOOK")


def test_a_person_at_a_terminal_gets_a_bar(monkeypatch, outside_the_book):
    monkeypatch.setattr(sys, "stderr", Terminal())
    bar = progress([1, 2], "demo")
    assert isinstance(bar, tqdm)
    assert list(bar) == [1, 2]


def test_the_book_gets_none_even_at_a_terminal(monkeypatch):
    monkeypatch.setattr(sys, "stderr", Terminal())
    monkeypatch.setenv("COMPANION_BOOK", "1")
    items = [1, 2]
    assert progress(items) is items


def test_a_file_gets_none(monkeypatch, outside_the_book, tmp_path):
    items = [1, 2]
    with (tmp_path / "log").open("w") as log:
        monkeypatch.setattr(sys, "stderr", log)
        assert progress(items) is items


def test_a_notebook_that_a_program_executes_gets_none(outside_the_book):
    cell = nbformat.v4.new_code_cell(CELL)
    NotebookClient(nbformat.v4.new_notebook(cells=[cell])).execute()
    assert [output["text"] for output in cell.outputs] == ["list\n"]


def test_a_live_notebook_gets_a_bar(outside_the_book):
    manager, client = start_new_kernel()
    try:
        client.execute_interactive(
            CELL, allow_stdin=True, timeout=60, output_hook=(seen := queue.Queue()).put
        )
        shown = [seen.get() for _ in range(seen.qsize())]
        text = [m["content"]["text"] for m in shown if m["msg_type"] == "stream"]
        assert "".join(text) == "tqdm\n"
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)
