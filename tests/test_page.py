"""The frame of a page: name, seeds, threads, tables, shown source, finding."""

import os
import subprocess
import sys

import nbformat
import numpy as np
import pytest
import torch
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError
from threadpoolctl import threadpool_info

from companion import page, provenance, scale
from companion.errors import PageNotStarted, PlainError, PlainValueError


@pytest.fixture(autouse=True)
def one_thread(monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", os.environ["OMP_NUM_THREADS"])
    yield
    monkeypatch.undo()
    page.start("part/page")


def run(*lines, without=()):
    """Return what a Python of its own prints, without some environment variables."""
    env = {key: value for key, value in os.environ.items() if key not in without}
    done = subprocess.run(
        [sys.executable, "-c", "\n".join(lines)],
        env=env,
        capture_output=True,
        text=True,
    )
    assert not done.returncode, done.stderr
    return done.stdout


def test_start_names_the_page_and_makes_runs_repeatable():
    page.start("part/one", seed=3)
    first = np.random.rand(), torch.rand(1).item()
    page.start("part/two", seed=3)
    assert (np.random.rand(), torch.rand(1).item()) == first
    assert page.name() == "part/two"


def test_without_a_start_there_is_no_name(monkeypatch):
    monkeypatch.setattr(page, "_name", "")
    with pytest.raises(PageNotStarted, match="Run the page's first cell"):
        page.name()


def test_a_page_computes_with_the_threads_that_it_was_told(monkeypatch):
    monkeypatch.setenv("COMPANION_THREADS", "2")
    page.start("part/page")
    assert torch.get_num_threads() == 2
    assert provenance.facts()["threads"] == "2"


@pytest.mark.parametrize("late", [False, True])
def test_a_person_s_run_has_one_thread_as_the_builder_s(late):
    names = ("OMP_NUM_THREADS", "COMPANION_THREADS", "COMPANION_BOOK")
    steps = ["import torch", "from companion import page; page.start('part/page')"]
    found = run(
        "; ".join(reversed(steps) if late else steps),
        "import scipy.linalg, threadpoolctl",
        "pools = [pool['num_threads'] for pool in threadpoolctl.threadpool_info()]",
        "print(torch.get_num_threads(), sorted(set(pools)))",
        without=names,
    )
    assert found == "1 [1]\n"


def test_the_frame_does_without_pytorch():
    found = run(
        "import sys",
        "from companion import checks, claims, page, recorded, text",
        "page.start('part/page')",
        "checks.holds(True, name='x'); checks.close([1.0], [1.0], 0)",
        "page.provenance()",
        "print('torch' in sys.modules)",
    )
    assert found.endswith("False\n")


def test_the_libraries_of_numpy_are_told_too(monkeypatch):
    monkeypatch.setenv("COMPANION_THREADS", "1")
    page.start("part/page")
    assert {pool["num_threads"] for pool in threadpool_info()} == {1}


def test_show_displays_the_source_of_what_is_used(displayed):
    page.show(scale.pick, scale.current)
    text = displayed[-1]["text/markdown"]
    assert text.startswith("```python\ndef pick(")
    assert "def current(" in text


# -- tables ------------------------------------------------------------------------


def test_a_table_is_markdown_under_its_title(displayed):
    page.table(["size", "$p$"], [[10, "0.5"], [25, "**1**"]], "Title")
    assert displayed[-1]["text/markdown"] == (
        "**Title**\n\n| size | $p$ |\n| --- | --- |\n| 10 | 0.5 |\n| 25 | **1** |"
    )


def test_a_table_by_columns_formats_them(displayed):
    losses = np.array([0.01234, 0.5])
    page.table({"rate": [0.1, 0.2], "loss": (losses, ".2g"), "by": ("ab", ".2f")})
    assert displayed[-1]["text/markdown"] == (
        "| rate | loss | by |\n| --- | --- | --- |\n"
        "| 0.1 | 0.012 | a |\n| 0.2 | 0.5 | b |"
    )


def test_a_pair_without_a_format_is_a_column(displayed):
    page.table({"rate": (0.1, 0.2)}, title="Rates")
    assert displayed[-1]["text/markdown"].endswith("| 0.1 |\n| 0.2 |")


def test_a_ragged_table_is_refused():
    with pytest.raises(PlainValueError, match="2 columns, but a row of 1"):
        page.table(["a", "b"], [[1]])
    with pytest.raises(PlainValueError, match="not of one length: {'a': 1, 'b': 2}"):
        page.table({"a": [1], "b": [1, 2]})


# -- finding and provenance --------------------------------------------------------


def test_finding_escapes_and_carries_its_data(displayed):
    page.finding("Is a < b?", "Yes & no.")
    assert "a &lt; b" in displayed[-1]["text/html"]
    assert displayed[-1][page.FINDING] == {
        "question": "Is a < b?",
        "answer": "Yes & no.",
    }


def test_provenance_names_device_versions_and_scale(displayed, at_scale):
    at_scale("smoke")
    page.provenance()
    html = displayed[-1]["text/html"]
    assert all(word in html for word in ("smoke", "torch", "commit", "<details"))
    assert displayed[-1][provenance.MIME]["scale"] == "smoke"
    assert "companion.page" in displayed[-1][provenance.MIME]["modules"]


# -- errors ------------------------------------------------------------------------


def test_our_errors_are_one_sentence_in_a_notebook_and_in_the_build_log():
    cell = nbformat.v4.new_code_cell("from companion import page\npage.name()")
    notebook = nbformat.v4.new_notebook(cells=[cell])
    with pytest.raises(CellExecutionError, match="Run the page's first cell"):
        NotebookClient(notebook, kernel_name="python3", timeout=60).execute()
    (error,) = notebook.cells[0].outputs
    assert error.traceback == [
        "PageNotStarted: Run the page's first cell: it calls page.start(...)."
    ]


def test_the_library_s_own_errors_are_plain():
    from companion.checks import CheckFailed
    from companion.claims import ClaimMissed
    from companion.datasets import DataError
    from companion.training import TrainingDiverged

    for kind in (CheckFailed, ClaimMissed, DataError, TrainingDiverged):
        assert issubclass(kind, PlainError)
