"""Every page: pairing, plain Markdown, structure, and a run at smoke scale."""

import ast
import os
import re
import subprocess
import sys
from pathlib import Path

import jupytext
import nbformat
import pytest
from conftest import PAGES, ROOT
from jupytext.compare import compare_notebooks

from builder import build
from builder.extensions.execution import Book, outputs
from companion import checks

RAW_MYST = {
    "directive": re.compile(r"^(```|~~~|:::)\s*\{", re.MULTILINE),
    "role": re.compile(r"\{[a-z][\w:-]*\}`"),
    "label": re.compile(r"^\([\w-]+\)=\s*$", re.MULTILINE),
    "substitution": re.compile(r"\{\{.*?\}\}"),
    "comment": re.compile(r"^% ", re.MULTILINE),
}
SOLUTION = re.compile(r"<details>.*?</details>", re.DOTALL)
PYTHON = re.compile(r"```python\n(.*?)```", re.DOTALL)
ANSWER = re.compile(r"checks\.answer\(\s*\"([^\"]+)\",\s*(\w+)")
WIDTH = 76


def source(name):
    return jupytext.read(ROOT / f"{name}.md")


def cells(notebook, kind):
    return [cell for cell in notebook.cells if cell.cell_type == kind]


def code(notebook):
    return "\n\n".join(cell.source for cell in cells(notebook, "code"))


def plain_python(notebook):
    """Return the code with its magics replaced, so that `ast` can read it."""
    return re.sub(r"^(\s*)[%!].*", r"\1pass", code(notebook), flags=re.MULTILINE)


def prose(notebook):
    return "\n\n".join(cell.source for cell in cells(notebook, "markdown"))


@pytest.fixture(scope="module")
def smoke(tmp_path_factory):
    """Run all pages at smoke scale in parallel; return the book and the runs."""
    os.environ["COMPANION_SCALE"] = "smoke"
    book = Book(ROOT, ROOT / "_build" / "cache", "smoke")
    runs = build.run_pages(book, book.pages, os.cpu_count() or 1, 300)
    yield book, {run.page: run for run in runs}
    del os.environ["COMPANION_SCALE"]


@pytest.mark.parametrize("name", PAGES)
@pytest.mark.timeout(600)
def test_page_runs_and_reports(smoke, name):
    assert smoke[1][name].problems == []


@pytest.mark.parametrize("name", PAGES)
def test_figures_have_a_caption_and_alternative_text(smoke, name):
    notebook = smoke[0].executed(name)
    figures = 0
    for cell, after in zip(notebook.cells, notebook.cells[1:], strict=False):
        kinds = {kind for o in cell.get("outputs", []) for kind in o.get("data", {})}
        images = [kind for kind in kinds if kind.startswith("image/")]
        if images:
            figures += 1
            alt = cell.metadata.get("mystnb", {}).get("image", {}).get("alt", "")
            assert len(alt) > 30, f"no alternative text: {cell.source[:60]}"
            assert after.source.startswith(f"**Figure {figures}.**"), cell.source[:60]
    assert figures, "a page shows figures"


@pytest.mark.parametrize("name", PAGES)
def test_figures_are_small(smoke, name):
    for kind in ("image/svg+xml", "image/png"):
        sizes = [len(data) for data in outputs(smoke[0].executed(name), kind)]
        assert all(size < 420_000 for size in sizes), (kind, sizes)


@pytest.mark.parametrize("name", PAGES)
def test_pair_agrees(name):
    committed = nbformat.read(ROOT / f"{name}.ipynb", as_version=4)
    # Compares contents: a clone gives both files arbitrary times.
    compare_notebooks(committed, source(name), fmt="md:myst", compare_outputs=False)
    assert not any(cell.get("outputs") for cell in committed.cells)


@pytest.mark.parametrize("name", PAGES)
def test_no_raw_myst(name):
    text = prose(nbformat.read(ROOT / f"{name}.ipynb", as_version=4))
    without_code = re.sub(r"```.*?```|`[^`\n]*`", "", text, flags=re.DOTALL)
    for kind, pattern in RAW_MYST.items():
        found = pattern.search(text if kind == "directive" else without_code)
        if kind == "role":
            found = pattern.search(text)
        assert not found, f"{kind}: {found and found[0]}"


@pytest.mark.parametrize("name", PAGES)
def test_tagged_equations_have_no_line_break(name):
    """Sphinx wraps a display with a line break in `split`, where no tag may stand."""
    displays = re.findall(r"\$\$(.*?)\$\$", prose(source(name)), re.DOTALL)
    assert not [d for d in displays if r"\tag" in d and "\\\\" in d]


@pytest.mark.parametrize("name", PAGES)
def test_structure(name):
    notebook = source(name)
    first, text = notebook.cells[0].source, prose(notebook)
    assert first.startswith("# ")
    assert "**Answers" in first
    assert re.search(r"\*\*Time\.?\*\*.*?\d+ minutes?", first)
    assert len(re.findall(r"\*\*Exercise \d", text)) >= 2
    assert len(SOLUTION.findall(text)) >= 2
    assert ANSWER.search(code(notebook))
    assert "https://doi.org/" in text
    assert "## References" in text
    assert cells(notebook, "code")[-1].source == "page.provenance()"


@pytest.mark.parametrize("name", PAGES)
def test_code_is_narrow(name):
    lines = code(source(name)).splitlines()
    wide = [line for line in lines if len(line) > WIDTH and "git+https" not in line]
    assert wide == []


@pytest.mark.parametrize("name", PAGES)
def test_code_parses_and_imports_nothing_unused(name):
    text = plain_python(source(name))
    names = [
        (alias.asname or alias.name).split(".")[0]
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.Import | ast.ImportFrom)
        for alias in node.names
    ]
    for imported in set(names):
        assert len(re.findall(rf"\b{imported}\b", text)) > names.count(imported), (
            imported
        )


@pytest.mark.parametrize("name", PAGES)
def test_code_has_no_bare_assert(name):
    """What holds a sentence and a run together is a check, which a reader sees."""
    tree = ast.parse(plain_python(source(name)))
    bare = [ast.unparse(n) for n in ast.walk(tree) if isinstance(n, ast.Assert)]
    assert bare == []


@pytest.mark.parametrize("name", PAGES)
def test_solutions_pass_their_own_check(name, displayed):
    notebook = source(name)
    blocks = [
        block
        for details in SOLUTION.findall(prose(notebook))
        for block in PYTHON.findall(details)
    ]
    space: dict = {}
    exec("import math\nimport numpy as np\nimport sympy as sp\nimport torch", space)
    for block in blocks:
        exec(block, space)
    for exercise, function in ANSWER.findall(code(notebook)):
        checks.answer(exercise, space[function])
        verdict = displayed[-1][checks.ANSWER]["verdict"]
        assert verdict.startswith("right"), f"{exercise}: {verdict}"


@pytest.mark.parametrize("name", PAGES)
def test_random_answers_are_refused(name, displayed):
    for exercise, _ in ANSWER.findall(code(source(name))):
        checks.answer(exercise, lambda *args: 0.12345)
        assert displayed[-1][checks.ANSWER]["verdict"].startswith("not yet")


@pytest.mark.timeout(120)
def test_a_committed_notebook_runs_alone_from_any_folder(tmp_path):
    jupyter = Path(sys.executable).with_name("jupyter")
    notebook = ROOT / "notebooks" / "foundations" / "sigmoid.ipynb"
    env = {**os.environ, "COMPANION_SCALE": "smoke"}
    run = subprocess.run(
        [jupyter, "execute", f"--output={tmp_path}/out.ipynb", notebook],
        cwd=tmp_path, env=env, capture_output=True, text=True,
    )  # fmt: skip
    assert run.returncode == 0, run.stderr[-2000:]
