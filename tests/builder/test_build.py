"""The builder on a small book of its own: what runs again, what fails, and how."""

import json
import os
import signal
import subprocess
import sys
import textwrap
import time

import pytest
from conftest import ROOT

from builder import build
from builder.extensions import execution
from builder.extensions.execution import Book
from companion import datasets
from companion.provenance import Source

FRONT = (
    "---\njupytext:\n  text_representation:\n    extension: .md\n"
    "    format_name: myst\n"
    "kernelspec:\n  display_name: Python 3\n  language: python\n  name: python3\n---\n"
)
PAGE_MODULE = """
from IPython.display import display

def finding():
    data = {"application/vnd.companion.finding+json": {}, "text/plain": "found"}
    display(data, raw=True)

def claim(id):
    display({"application/vnd.companion.claim+json": {"claim": id}}, raw=True)

def check(tag):
    display({"application/vnd.companion.check+json": {"tag": tag}}, raw=True)
"""


class SmallBook:
    """A book with a fake library; counts how often each page ran."""

    def __init__(self, root, monkeypatch):
        self.root = root
        self.runs = root / "runs"
        self.runs.mkdir()
        self.library = root / "src" / "companion"
        self.library.mkdir(parents=True)
        for name in ("__init__", "one", "two", "shared"):
            (self.library / f"{name}.py").write_text("VALUE = 1\n")
        (self.library / "one.py").write_text("from companion import shared\n")
        (self.library / "page.py").write_text(PAGE_MODULE)
        (self.library / "claims.toml").write_text("")
        self.page("a", "from companion import one")
        self.page("b", "from companion import two")
        monkeypatch.setenv("PYTHONPATH", str(root / "src"))

    def page(self, name, code="", text="Some prose.", finding=True):
        path = self.root / "notebooks" / "part" / f"{name}.md"
        path.parent.mkdir(parents=True, exist_ok=True)
        end = "page.finding()" if finding else ""
        source = (
            f"{textwrap.dedent(code)}\nfrom companion import page\n"
            f"open({str(self.runs / name)!r}, 'a').write('x')\n{end}"
        )
        cell = f"```{{code-cell}} ipython3\n{source}\n```\n"
        path.write_text(f"{FRONT}\n# Page {name}\n\n{text}\n\n{cell}")
        pages = sorted(path.parent.glob("*.md"))
        files = [f"- file: notebooks/part/{p.stem}\n" for p in pages]
        toc = "format: jb-book\nroot: index\nchapters:\n" + "".join(files)
        (self.root / "_toc.yml").write_text(toc)

    def build(self, timeout=60):
        """Build; return the pages that ran this time, and all runs' problems."""
        before = self.counts()
        book = Book(self.root, self.root / "cache", "smoke")
        runs = build.run_pages(book, book.pages, 2, timeout)
        after = self.counts()
        ran = "".join(n for n in after if after[n] > before.get(n, 0))
        return ran, {run.page[-1]: run.problems for run in runs if run.problems}

    def counts(self):
        return {p.name: len(p.read_text()) for p in sorted(self.runs.iterdir())}


@pytest.fixture
def small(tmp_path, monkeypatch):
    return SmallBook(tmp_path, monkeypatch)


def test_only_what_depends_on_a_change_runs_again(small):
    assert small.build() == ("ab", {})
    assert small.build() == ("", {})
    (small.library / "shared.py").write_text("VALUE = 2\n")
    assert small.build() == ("a", {})
    (small.library / "two.py").write_text("VALUE = 2\n")
    assert small.build() == ("b", {})
    small.page("a", "from companion import one", text="Other prose.")
    assert small.build() == ("", {})


def test_a_page_s_claims_and_scale_and_versions_are_in_its_key(small, monkeypatch):
    def keys(scale="smoke"):
        book = Book(small.root, small.root / "cache", scale)
        return [book.key(name) for name in book.pages]

    first = keys()
    entry = '[c]\npage = "part/a"\n'
    (small.library / "claims.toml").write_text(entry)
    second = keys()
    assert (first[0] != second[0], first[1] != second[1]) == (True, False)
    assert all(a != b for a, b in zip(second, keys("book"), strict=True))
    monkeypatch.setattr(execution.metadata, "version", lambda name: "99")
    small.page("a", "import numpy\nfrom companion import one")
    with_numpy = keys()[0]
    monkeypatch.setattr(execution.metadata, "version", lambda name: "100")
    assert keys()[0] != with_numpy


def test_a_recorded_run_is_in_the_key_of_its_page_unless_it_is_being_made(small):
    def keys(scale):
        book = Book(small.root, small.root / "cache", scale)
        return [book.key(name) for name in book.pages]

    before = {scale: keys(scale) for scale in ("book", "full")}
    (small.root / "results").mkdir()
    (small.root / "results" / "a.json").write_text("{}")
    assert [a == b for a, b in zip(before["book"], keys("book"), strict=True)] == [
        False,
        True,
    ]
    assert keys("full") == before["full"]


def test_a_changed_data_file_runs_its_readers(small, monkeypatch):
    digest = ["1" * 64]
    entry = type("Entry", (), {"loader": "load_things"})()
    monkeypatch.setattr(datasets, "registry", lambda: {"things": entry})
    monkeypatch.setattr(
        datasets, "fetch", lambda name: Source("things", "COMPANION_DATA", digest[0])
    )
    small.page("a", "# reads by datasets.load_things()")
    assert small.build() == ("ab", {})
    digest[0] = "2" * 64
    assert small.build() == ("a", {})


def test_failing_pages_are_all_listed_with_cell_and_traceback(small, capsys):
    small.page("a", "good = 1\n1 / 0")
    small.page("b", "raise ValueError('no such thing')")
    small.page("c")
    ran, problems = small.build()
    assert sorted(problems) == ["a", "b"]
    assert "cell 2 of 2 (good = 1)" in problems["a"][0]
    assert "ZeroDivisionError" in problems["a"][0]
    runs = [build.Run(f"notebooks/part/{n}", problems=p) for n, p in problems.items()]
    assert build.report_failures(runs)
    said = capsys.readouterr().out
    assert "notebooks/part/a failed" in said
    assert "notebooks/part/b failed" in said
    # A failed page is not cached: it runs again, the good one does not.
    small.page("b", "")
    assert small.build()[0] == "b"


def test_a_hanging_cell_is_stopped(small):
    small.page("a", "import time\ntime.sleep(60)")
    began = time.monotonic()
    _, problems = small.build(timeout=3)
    assert time.monotonic() - began < 40
    assert "cell 2 of 2" in problems["a"][0]
    assert "timed out" in problems["a"][0]


def test_words_on_stderr_fail_a_page(small):
    small.page("a", "import sys\nprint('careful', file=sys.stderr)")
    assert "printed on stderr:\ncareful" in small.build()[1]["a"][0]


def test_claims_must_be_reported_once_and_on_their_page(small):
    entries = "".join(f'[c{i}]\npage = "part/a"\n' for i in (1, 2))
    (small.library / "claims.toml").write_text(entries)
    small.page(
        "a", "from companion import page\nfor id in ('c1', 'c1', 'c9'): page.claim(id)"
    )
    problems = "\n".join(small.build()[1]["a"])
    assert "'c2' is not reported" in problems
    assert "'c1' is reported 2 times" in problems
    assert "'c9' belongs to another page" in problems


def test_tagged_equations_and_checks_must_match(small):
    formulas = "$$a = b \\tag{1}$$\n\n$$b = c \\tag{2}$$"
    small.page(
        "a", "from companion import page\npage.check('2')\npage.check('3')", formulas
    )
    problems = "\n".join(small.build()[1]["a"])
    assert "equation (1) has no check" in problems
    assert "(3), which does not exist" in problems
    assert "(2)" not in problems


def test_a_page_has_one_finding(small):
    small.page("a", finding=False)
    assert small.build()[1]["a"] == ["the page shows 0 findings, not one"]


DRIVER = """
import sys, os, signal
sys.path[:0] = {paths!r}
from pathlib import Path
import build
from execution import Book
# A test run in the background of a shell starts with SIGINT ignored.
for number in (signal.SIGINT, signal.SIGTERM):
    signal.signal(number, signal.default_int_handler)
os.environ["PYTHONPATH"] = {library!r}
book = Book(Path({root!r}), Path({root!r}) / "cache", "smoke")
print("ready", flush=True)
build.run_pages(book, book.pages, 2, 60)
"""


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_an_interrupted_build_keeps_finished_pages(small, how):
    """A kill while a page runs: the finished one is not run twice, no kernel stays."""
    pid_file = small.root / "pid"
    wait = f"""
        import os, time
        open({str(pid_file)!r}, "w").write(str(os.getpid()))
        time.sleep(0 if os.environ.get("HURRY") else 50)
    """
    small.page("b", wait)
    paths = [str(ROOT / part) for part in ("book", "book/_ext", "src")]
    library = str(small.root / "src")
    code = DRIVER.format(paths=paths, library=library, root=str(small.root))
    process = subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": ""}, text=True,
    )  # fmt: skip
    assert process.stdout is not None
    for line in process.stdout:
        if "ran    part/a" in line:
            break
    wait_for(pid_file.exists)
    process.send_signal(how)
    process.wait(timeout=30)
    assert process.returncode != 0
    kernel = int(pid_file.read_text())
    wait_for(lambda: not alive(kernel))
    os.environ["HURRY"] = "1"
    try:
        ran, problems = small.build()
    finally:
        del os.environ["HURRY"]
    assert (ran, problems) == ("b", {})


def wait_for(condition, seconds=20):
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until, "waited too long"
        time.sleep(0.1)


def alive(pid):
    try:
        with open(f"/proc/{pid}/stat") as status:
            return status.read().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_a_cache_entry_that_lost_its_file_runs_again(small):
    small.build()
    for file in (small.root / "cache").rglob("base.ipynb"):
        file.unlink()
    assert small.build() == ("ab", {})


def test_imported_resolves_relative_imports():
    code = "from . import shared\nfrom .one import x\nimport numpy.linalg\n"
    assert set(execution.imported(code, "companion")) == {
        "companion", "companion.shared", "companion.one", "companion.one.x",
        "numpy.linalg",
    }  # fmt: skip


def test_the_key_goes_under_kernelspec():
    text = execution.with_key(FRONT + "\n# T\n", "k1")
    assert "kernelspec:\n  companion_key: k1\n" in text
    with pytest.raises(ValueError, match="kernelspec"):
        execution.with_key("# T\n", "k1")


def test_outputs_are_collected_in_order():
    output = {"output_type": "display_data", "data": {"m": 1}, "metadata": {}}
    nb = {"cells": [{"outputs": [output, {"data": {}}]}, {}, {"outputs": [output]}]}
    notebook = json.loads(json.dumps(nb))
    assert execution.outputs(
        type("NB", (), {"cells": wrap(notebook["cells"])})(), "m"
    ) == [1, 1]


def wrap(cells):
    import nbformat

    return [nbformat.from_dict(cell) for cell in cells]


def test_a_failed_rendering_is_not_taken_up_again(tmp_path, monkeypatch):
    """Sphinx would find its half-built pages up to date, and exit with 0."""
    status, seen = [1], []

    def sphinx(command, cwd):
        for folder in ("html", ".doctrees"):
            seen.append((tmp_path / "_build" / folder).exists())
            (tmp_path / "_build" / folder).mkdir(parents=True, exist_ok=True)
        return subprocess.CompletedProcess(command, status[0])

    monkeypatch.setattr(build.subprocess, "run", sphinx)
    assert build.render(tmp_path) == 1
    status[0] = 0
    assert build.render(tmp_path) == 0
    assert build.render(tmp_path) == 0
    assert seen == [False, False, False, False, True, True]


def test_a_wrong_scale_is_one_clear_sentence(at_scale, monkeypatch, capsys):
    at_scale("huge")
    monkeypatch.setattr(sys, "argv", ["build.py"])
    assert build.main() == 2
    assert capsys.readouterr().out.startswith("COMPANION_SCALE is 'huge'")
