"""The builder on a small book of its own: what runs again, what fails, and how."""

import json
import os
import signal
import subprocess
import sys
import time

import jupytext
import psutil
import pytest
from small_book import SmallBook

from builder import Busy, build, keys
from tests.places import ROOT


@pytest.fixture
def small(tmp_path, monkeypatch):
    return SmallBook(tmp_path, monkeypatch)


# -- running ---------------------------------------------------------------------------


def test_only_what_depends_on_a_change_runs_again(small):
    assert small.build() == ("ab", {})
    assert small.build() == ("", {})
    (small.library / "shared.py").write_text("VALUE = 2\n")
    assert small.build() == ("a", {})
    (small.library / "two.py").write_text("VALUE = 2\n")
    assert small.build() == ("b", {})
    small.page("part/a", "from companion import one", text="Other prose.")
    assert small.build() == ("", {})


def test_two_pages_of_one_name_are_run_and_kept_apart(small):
    small.page("other/a", "from companion import two")
    assert small.build() == ("ab", {})
    assert len(list(small.runs.iterdir())) == 3
    assert small.build() == ("", {})


def test_failing_pages_are_all_listed_with_cell_and_traceback(small, capsys):
    small.page("part/a", "good = 1\n1 / 0")
    small.page("part/b", "raise ValueError('no such thing')")
    small.page("part/c")
    _, problems = small.build()
    assert sorted(problems) == ["a", "b"]
    assert "cell 2 of 2 (good = 1)" in problems["a"][0]
    assert "ZeroDivisionError" in problems["a"][0]
    runs = [build.Run(f"notebooks/part/{n}", problems=p) for n, p in problems.items()]
    assert build.report_failures(runs)
    said = capsys.readouterr().out
    assert "notebooks/part/a failed" in said
    assert "notebooks/part/b failed" in said
    # A failed page is not cached: it runs again, the good one does not.
    small.page("part/b", "")
    assert small.build()[0] == "b"


def test_a_cell_that_is_no_python_is_the_page_s_problem(small):
    small.page("part/a", "def (")
    assert "SyntaxError" in small.build()[1]["a"][0]


def test_a_hanging_cell_is_stopped(small):
    small.page("part/a", "import time\ntime.sleep(60)")
    began = time.monotonic()
    _, problems = small.build(timeout=3)
    assert time.monotonic() - began < 40
    assert "cell 2 of 2" in problems["a"][0]
    assert "timed out" in problems["a"][0]


def test_words_on_stderr_fail_a_page(small):
    small.page("part/a", "import sys\nprint('careful', file=sys.stderr)")
    assert "printed on stderr:\ncareful" in small.build()[1]["a"][0]


# -- what a run really loaded ----------------------------------------------------------


def test_a_module_that_imports_do_not_show_fails_the_page_each_time(small):
    small.page("part/a", "import importlib\nimportlib.import_module('companion.two')")
    for _ in range(2):
        ran, problems = small.build()
        assert "a" in ran
        (problem,) = problems["a"]
        assert "it loaded companion.two, which does not follow" in problem


def test_data_that_are_not_the_key_s_fail_the_page(small, monkeypatch):
    """For example data that vanish between the key and the kernel."""
    (small.library / "datasets").mkdir()
    (small.library / "datasets" / "__init__.py").write_text("")
    (small.library / "datasets" / "rain.py").write_text("DATA = 1")
    monkeypatch.setattr(keys, "source", lambda module: ("rain", "1" * 64))
    load = "from companion.datasets import rain"
    small.page("part/a", load, end="page.end(sources={'rain': 'stand-in'})")
    ran, problems = small.build()
    assert "it read rain (stand-in) where its key has 1111" in problems["a"][0]
    small.page("part/a", load, end=f"page.end(sources={{'rain': '{'1' * 64}'}})")
    assert small.build() == ("a", {})


def test_a_changed_data_file_runs_its_readers(small, monkeypatch):
    digest = ["1" * 64]
    (small.library / "datasets").mkdir()
    (small.library / "datasets" / "rain.py").write_text("DATA = 1")
    monkeypatch.setattr(keys, "source", lambda module: ("rain", digest[0]))
    small.page("part/a", "from companion.datasets import rain")
    assert small.build() == ("ab", {})
    digest[0] = "2" * 64
    assert small.build() == ("a", {})


def test_a_page_whose_library_changes_while_it_runs_is_not_taken_for_finished(small):
    shared = small.library / "shared.py"
    small.page(
        "part/a", f"from companion import one\nopen({str(shared)!r}, 'a').write('B=1')"
    )
    assert "changed while it ran" in small.build()[1]["a"][0]


def test_a_page_ends_with_its_provenance(small):
    small.page("part/a", end="page.emit('finding', {})")
    assert "shows 0 provenances" in small.build()[1]["a"][0]


# -- what a page must report -----------------------------------------------------------


def test_claims_must_be_reported_once_and_on_their_page(small):
    small.own("part/a", "claims.toml", '[c1]\nsource = "S"\n[c2]\nsource = "S"\n')
    small.page(
        "part/a",
        "from companion import page\nfor id in ('c1', 'c1', 'c9'): page.claim(id)",
    )
    problems = "\n".join(small.build()[1]["a"])
    assert "'c2' is not reported" in problems
    assert "'c1' is reported 2 times" in problems
    assert "'c9' belongs to another page" in problems


def test_tagged_equations_and_checks_must_match(small):
    formulas = "$$a = b \\tag{1}$$\n\n$$b = c \\tag{2}$$"
    small.page(
        "part/a",
        "from companion import page\npage.check('2')\npage.check('3')",
        formulas,
    )
    problems = "\n".join(small.build()[1]["a"])
    assert "equation (1) has no check" in problems
    assert "(3), which does not exist" in problems
    assert "(2)" not in problems


def test_a_page_has_one_finding(small):
    small.page("part/a", end="page.end(finding=False)")
    assert small.build()[1]["a"] == ["the page shows 0 findings, not one"]


def test_a_strict_build_wants_no_other_data_also_after_a_build_on_stand_ins(
    small, monkeypatch
):
    small.page("part/a", "from companion import page\npage.stand_in('rain')")
    small.own("part/b", "claims.toml", '[c]\nsource = "S"\n')
    small.page(
        "part/b", "from companion import page\npage.claim('c', 1.0, ['own file: x'])"
    )
    assert small.build() == ("ab", {})
    monkeypatch.setenv("COMPANION_STRICT", "1")
    for expected in ("ab", ""):
        ran, problems = small.build()
        assert ran == expected
        assert problems["a"] == ["stand-in data: rain, and COMPANION_STRICT is 1"]
        assert problems["b"] == ["own file: x, and COMPANION_STRICT is 1"]


# -- interruptions ---------------------------------------------------------------------

DRIVER = """
import os, signal, sys
from pathlib import Path
from builder import build
from builder.cache import Book
# A test run in the background of a shell starts with SIGINT ignored.
for number in (signal.SIGINT, signal.SIGTERM):
    signal.signal(number, signal.default_int_handler)
root = Path(sys.argv[1])
os.environ["PYTHONPATH"] = str(root / "src")
book = Book(root, root / "cache", "smoke")
build.run_pages(book, book.pages, 2, 60)
"""


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_an_interrupted_build_keeps_finished_pages(small, how, monkeypatch):
    """A kill while a page runs: the finished one is not run twice, no kernel stays."""
    pid_file = small.root / "pid"
    wait = f"""
        import os, time
        open({str(pid_file)!r}, "w").write(str(os.getpid()))
        time.sleep(0 if os.environ.get("HURRY") else 50)
    """
    small.page("part/b", wait)
    process = subprocess.Popen(
        [sys.executable, "-c", DRIVER, str(small.root)], text=True,
        env=os.environ | {"PYTHONPATH": f"{ROOT / 'src'}{os.pathsep}{ROOT}"},
        stdout=subprocess.PIPE,
    )  # fmt: skip
    assert process.stdout is not None
    for line in process.stdout:
        if "ran    part/a" in line:
            break
    wait_for(lambda: pid_file.exists() and pid_file.read_text())
    kernel = psutil.Process(int(pid_file.read_text()))
    process.send_signal(how)
    process.wait(timeout=30)
    assert process.returncode != 0
    wait_for(lambda: not alive(kernel))
    monkeypatch.setenv("HURRY", "1")
    assert small.build() == ("b", {})


def wait_for(condition, seconds=20):
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until, "waited too long"
        time.sleep(0.1)


def alive(process):
    return process.is_running() and process.status() != psutil.STATUS_ZOMBIE


def test_a_second_build_of_a_folder_is_refused_while_the_first_one_runs(tmp_path):
    with build.locked(tmp_path), pytest.raises(Busy, match="Another build"):
        build.locked(tmp_path).__enter__()
    with build.locked(tmp_path):
        pass


def test_a_killed_build_leaves_no_lock(tmp_path):
    code = (
        "import sys, time; from pathlib import Path; from builder import build\n"
        "with build.locked(Path(sys.argv[1])): print('locked', flush=True); "
        "time.sleep(60)"
    )
    holder = subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path)], stdout=subprocess.PIPE, text=True,
        env=os.environ | {"PYTHONPATH": f"{ROOT / 'src'}{os.pathsep}{ROOT}"},
    )  # fmt: skip
    assert holder.stdout is not None
    assert holder.stdout.readline() == "locked\n"
    with pytest.raises(Busy):
        build.locked(tmp_path).__enter__()
    holder.kill()
    holder.wait()
    with build.locked(tmp_path):
        pass


# -- rendering -------------------------------------------------------------------------


@pytest.fixture
def sphinx(tmp_path, monkeypatch):
    """Stand in for Sphinx: tell for each call whether it found rendered pages."""
    found, status = [], [0]
    html = tmp_path / "out" / "_build" / "html"

    def run(command, cwd):
        found.append(html.exists())
        html.mkdir(parents=True, exist_ok=True)
        return subprocess.CompletedProcess(command, status[0])

    monkeypatch.setattr(build.subprocess, "run", run)

    def render(result=0):
        status[0] = result
        assert build.render(tmp_path, tmp_path / "out") == result
        return found[-1]

    return render


def test_a_failed_rendering_is_not_taken_up_again(sphinx):
    """Sphinx would find its half-built pages up to date, and exit with 0."""
    assert [sphinx(1), sphinx(0), sphinx(0)] == [False, False, True]


@pytest.mark.parametrize(
    ("file", "again"),
    [("_config.yml", True), ("_toc.yml", True), ("book/_static/a.css", True),
     ("book/references.bib", True), ("book/notation.md", False)],
)  # fmt: skip
def test_what_all_documents_are_rendered_with_renders_all(
    sphinx, tmp_path, file, again
):
    path = tmp_path / file
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("one")
    sphinx()
    path.write_text("two")
    os.utime(path, (0, 0))
    assert sphinx() is not again


def test_an_edited_extension_renders_all(sphinx, tmp_path, monkeypatch):
    (tmp_path / "extensions").mkdir()
    extension = tmp_path / "extensions" / "boxes.py"
    monkeypatch.setattr(build, "__file__", str(tmp_path / "build.py"))
    extension.write_text("A = 1")
    assert [sphinx(), sphinx()] == [False, True]
    extension.write_text("A = 2")
    assert sphinx() is False


# -- the command -----------------------------------------------------------------------


def fails(capsys, *arguments):
    """Run the command; return its only line and its status."""
    status = build.main(list(arguments))
    (line,) = capsys.readouterr().out.splitlines()
    return status, line


@pytest.mark.parametrize(
    "variable", ["COMPANION_SCALE", "COMPANION_STRICT", "COMPANION_THREADS"]
)
def test_a_wrong_word_is_one_clear_sentence(small, monkeypatch, capsys, variable):
    monkeypatch.setenv(variable, "huge")
    status, line = fails(capsys, "--root", str(small.root))
    assert status == 2
    assert line.startswith(f"{variable} is 'huge'")


@pytest.mark.parametrize(
    "words",
    [["--pages", "zz", "notebooks"], ["--page", "part"], ["--page", ""]],
)
def test_words_that_name_no_page_list_the_pages(small, capsys, words):
    status, line = fails(capsys, "--root", str(small.root), *words)
    assert (status, line.endswith("of these: part/a, part/b.")) == (2, True)


def test_a_page_that_the_contents_name_and_nobody_wrote(small, capsys):
    small.book().path("notebooks/part/b").unlink()
    status, line = fails(capsys, "--root", str(small.root))
    assert status == 2
    assert "_toc.yml names notebooks/part/b, but there is no" in line


def test_a_document_that_the_contents_name_and_nobody_wrote(small, capsys):
    with (small.root / "_toc.yml").open("a") as contents:
        contents.write("- file: book/nowhere\n")
    status, line = fails(capsys, "--root", str(small.root))
    assert (status, "_toc.yml names book/nowhere" in line) == (2, True)


def test_a_site_of_some_pages_needs_the_others_run(small, monkeypatch, capsys):
    """Else Sphinx would run them, and nobody check what they load and report."""
    monkeypatch.setattr(build, "twin_problems", lambda *_, **__: [])
    status, line = fails(capsys, "--root", str(small.root), "--pages", "part/a")
    assert status == 2
    assert "part/b has not been run: leave out --pages" in line
    assert small.counts() == {}


def test_a_folder_that_cannot_be_written_is_one_sentence(small, capsys):
    (small.root / "_build").write_text("a file where a folder should be")
    status, line = fails(capsys, "--root", str(small.root))
    assert (status, str(small.root / "_build") in line) == (2, True)


def test_a_ledger_that_is_no_toml(small, capsys):
    small.own("part/a", "claims.toml", "[c")
    assert build.main(["--root", str(small.root), "--execute-only"]) == 2
    assert "part/a/claims.toml is not TOML" in capsys.readouterr().out


@pytest.mark.parametrize("jobs", ["0", "-1", "many"])
def test_pages_at_a_time_are_at_least_one(capsys, jobs):
    with pytest.raises(SystemExit) as end:
        build.main(["--jobs", jobs])
    assert end.value.code == 2
    assert "Traceback" not in capsys.readouterr().err


def test_missing_and_outdated_twins_are_named_before_anything_runs(small, capsys):
    twin = small.root / "notebooks" / "part" / "b.ipynb"
    cells = [{"cell_type": "markdown", "metadata": {}, "source": "# Page part/b"}]
    twin.write_text(
        json.dumps({"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 4})
    )
    assert build.main(["--root", str(small.root)]) == 2
    missing, outdated = capsys.readouterr().out.splitlines()
    assert "a.ipynb is missing: run `make sync`" in missing
    assert "b.ipynb is not what notebooks/part/b.md says: run `make sync`" in outdated
    assert small.counts() == {}


def test_a_twin_may_have_its_folded_cells_comments_as_titles(small):
    for name in small.book().pages:
        small.page(name.removeprefix("notebooks/"), "# Draw the data")
        twin = jupytext.read(small.book().path(name))
        twin.cells[-1].source = twin.cells[-1].source.replace("# Draw", "#@title Draw")
        jupytext.write(twin, small.root / f"{name}.ipynb")
    assert build.twin_problems(small.book()) == []


def test_a_relative_data_folder_is_made_absolute(small, monkeypatch):
    """Pages run in their own folders."""
    monkeypatch.chdir(small.root)
    monkeypatch.setenv("COMPANION_DATA", "data")
    build.prepare(small.root, small.root / "cache")
    assert os.environ["COMPANION_DATA"] == str(small.root / "data")


def test_a_second_command_exits_with_1_and_harms_nothing(small, capsys):
    with build.locked(small.root / "_build"):
        status, line = fails(capsys, "--root", str(small.root), "--execute-only")
    assert status == 1
    assert "Another build" in line
    assert small.counts() == {}
