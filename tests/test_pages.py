"""Every page: pairing, plain Markdown, structure, and a run at smoke scale."""

import ast
import functools
import os
import re
import subprocess
import sys
from pathlib import Path

import jupytext
import pytest

from builder import build
from builder.extensions.execution import Book, outputs
from tests.places import BUILDING, PAGES, ROOT, TEST_BUILD
from tools import sync

RAW_MYST = {
    "directive": re.compile(r"^(```|~~~|:::)\s*\{", re.MULTILINE),
    "role": re.compile(r"\{[a-z][\w:-]*\}`"),
    "label": re.compile(r"^\([\w-]+\)=\s*$", re.MULTILINE),
    "substitution": re.compile(r"\{\{.*?\}\}"),
    "comment": re.compile(r"^% ", re.MULTILINE),
}
SOLUTION = re.compile(r"<details>.*?</details>", re.DOTALL)
# What shows something: functions of `companion.plotting`, and of other modules.
DRAWS = {"figure", "label", "png"}
SHOWS = {
    "page": {"say", "table", "finding"},
    "claims": {"report"},
    "checks": {
        "identity",
        "gradient",
        "close",
        "at_most",
        "at_least",
        "holds",
        "group",
    },
}


@functools.cache
def source(name):
    return jupytext.read(ROOT / f"{name}.md")


def cells(notebook, kind):
    return [cell for cell in notebook.cells if cell.cell_type == kind]


def code(notebook):
    return "\n\n".join(cell.source for cell in cells(notebook, "code"))


def folded(cell):
    return "hide-input" in cell.metadata.get("tags", [])


def plain_python(source):
    """Return code with its magics replaced, so that `ast` can read it."""
    return re.sub(r"^(\s*)[%!].*", r"\1pass", source, flags=re.MULTILINE)


def prose(notebook):
    return "\n\n".join(cell.source for cell in cells(notebook, "markdown"))


@pytest.fixture(scope="session")
def smoke(request):
    """Run the pages that the chosen tests ask for, side by side, at smoke scale."""
    asking = [item for item in request.session.items if "smoke" in item.fixturenames]
    names = sorted({item.callspec.params["name"] for item in asking})
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("COMPANION_SCALE", "smoke")
        patch.setenv("COMPANION_STRICT", "0")
        book = Book(ROOT, TEST_BUILD / "cache", "smoke")
        with BUILDING:
            runs = build.run_pages(book, names, os.cpu_count() or 1, 300)
        notebooks = {name: book.executed(name) for name in names}
    return notebooks, {run.page: run for run in runs}


def executed(smoke, name):
    return smoke[0][name] or pytest.fail(
        "it did not run: see test_page_runs_and_reports"
    )


@pytest.mark.parametrize("name", PAGES)
@pytest.mark.timeout(600)
def test_page_runs_and_reports(smoke, name):
    assert smoke[1][name].problems == []


@pytest.mark.parametrize("name", PAGES)
def test_figures_have_a_caption_and_alternative_text(smoke, name):
    notebook = executed(smoke, name)
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
def test_a_folded_cell_shows_no_leftover_value(smoke, name):
    for cell in cells(executed(smoke, name), "code"):
        kinds = [output.output_type for output in cell.outputs]
        leftover = folded(cell) and "execute_result" in kinds
        assert not leftover, f"end this cell with a semicolon: {cell.source[-80:]}"


@pytest.mark.parametrize("name", PAGES)
def test_figures_are_small(smoke, name):
    for kind in ("image/svg+xml", "image/png"):
        sizes = [len(data) for data in outputs(executed(smoke, name), kind)]
        assert all(size < 420_000 for size in sizes), (kind, sizes)


@pytest.mark.parametrize("name", PAGES)
def test_no_object_is_shown_by_its_address(smoke, name):
    shown = outputs(executed(smoke, name), "text/plain")
    assert [text for text in shown if " at 0x" in text] == []


@pytest.mark.parametrize("name", PAGES)
def test_pair_agrees(name):
    # Compares contents: a clone gives both files arbitrary times.
    assert sync.is_current(ROOT / f"{name}.md"), "run make sync"


@pytest.mark.parametrize("name", PAGES)
def test_no_raw_myst(name):
    text = prose(source(name))
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
    assert "**Answers" in first or "**Course work.**" in first
    assert re.search(r"\*\*Time\.?\*\*.*?\d+ minutes?", first)
    assert len(re.findall(r"\*\*Exercise \d", text)) >= 2
    assert len(SOLUTION.findall(text)) >= 2
    assert "checks.answer(" in code(notebook)
    assert "https://doi.org/" in text
    assert "## References" in text
    assert cells(notebook, "code")[-1].source == "page.provenance()"


IMPORTS_TORCH = re.compile(r"^(import|from) torch\b", re.MULTILINE)


@pytest.mark.parametrize("name", PAGES)
def test_the_first_cell_with_pytorch_seeds_it(name):
    """page.start cannot seed what is not loaded, and the frame does not load it."""
    users = [
        c.source for c in cells(source(name), "code") if IMPORTS_TORCH.search(c.source)
    ]
    assert not users or "torch.manual_seed(" in users[0]


# -- what stands open, and what is folded ------------------------------------------


@pytest.mark.parametrize("name", PAGES)
def test_a_folded_cell_opens_with_a_comment_that_names_it(name):
    # Not with "#@title", which a notebook synced back brings: that is for the .ipynb.
    folds = [cell.source for cell in cells(source(name), "code") if folded(cell)]
    assert [code for code in folds if not code.startswith("# ")] == []


def calls(node):
    """Return the functions called in a statement, as (module or object, name)."""
    return {
        (root(call.func), getattr(call.func, "attr", ""))
        for call in ast.walk(node)
        if isinstance(call, ast.Call)
    }


def root(node):
    while not isinstance(node, ast.Name):
        node = next(ast.iter_child_nodes(node), ast.Name(""))
    return node.id


def shows(node, drawn):
    return any(
        name in DRAWS | drawn or attribute in SHOWS.get(name, ())
        for name, attribute in calls(node)
    )


def reads(nodes):
    names = [n for node in nodes for n in ast.walk(node) if isinstance(n, ast.Name)]
    return {name.id for name in names if isinstance(name.ctx, ast.Load)}


def binds(node):
    if isinstance(node, ast.FunctionDef):
        return {node.name}
    if isinstance(node, ast.Import | ast.ImportFrom):
        return {(alias.asname or alias.name).split(".")[0] for alias in node.names}
    names = [name for name in ast.walk(node) if isinstance(name, ast.Name)]
    return {name.id for name in names if isinstance(name.ctx, ast.Store)}


DEFINES = ast.Assign | ast.AnnAssign | ast.FunctionDef | ast.Import | ast.ImportFrom


def only_shows(code, elsewhere):
    """Say whether a cell only draws, prints or checks, with what it needs for that.

    `elsewhere` are the names that other cells read: what they need is content.
    """
    body = ast.parse(plain_python(code)).body
    drawn = {name for s in body if shows(s, set()) for name in binds(s)}
    rest = [s for s in body if not shows(s, drawn)]
    if len(rest) == len(body):
        return False
    done = False
    while not done:
        others = {id(s): reads(o for o in rest if o is not s) for s in rest}
        kept = [
            s
            for s in rest
            if not isinstance(s, DEFINES) or binds(s) & (elsewhere | others[id(s)])
        ]
        done, rest = len(kept) == len(rest), kept
    return not rest


def open_plumbing(notebook):
    """Return the open cells of a page that only draw, print, check or report."""
    every = cells(notebook, "code")
    trees = [reads([ast.parse(plain_python(cell.source))]) for cell in every]
    found = []
    for i, cell in enumerate(every):
        elsewhere = set().union(*trees[:i], *trees[i + 1 :])
        if not folded(cell) and only_shows(cell.source, elsewhere):
            found.append(cell.source)
    return found


@pytest.mark.parametrize(
    ("code", "verdict"),
    [
        ("page.say(f'{a}')", True),
        ("a = f(b)\nb = 2\npage.table(['a'], [[a]])", True),
        ("from x import y\nclaims.report('id', y)", True),
        ("def lhs(x):\n    return x\nchecks.close(lhs(1), 1, 0)", True),
        ("fig, ax = figure('t')\nfor i in c:\n    ax.plot(i)\nax.set(xlim=1);", True),
        ("theta = f(x)", False),
        ("theta = f(x)\npage.say(f'{theta}')", False),
        ("for B in batches:\n    w = w - g(B)\npage.say(f'{w}')", False),
        ("def f(x):\n    raise NotImplementedError\nchecks.answer('f', f)", False),
        ("print(theta)", False),
        ("page.provenance()", False),
    ],
)
def test_what_counts_as_plumbing(code, verdict):
    assert only_shows(code, {"theta"}) is verdict


@pytest.mark.parametrize("name", PAGES)
def test_no_open_cell_only_draws_prints_or_checks(name):
    assert open_plumbing(source(name)) == [], "fold these cells: tags: [hide-input]"


def undefined(code):
    """Return the names that a program uses and nowhere defines."""
    ruff = [sys.executable, "-m", "ruff", "check", "--isolated", "--select=F821"]
    run = subprocess.run(
        [*ruff, "--output-format=concise", "-"],
        input=code, capture_output=True, text=True,
    )  # fmt: skip
    return set(re.findall(r"F821 Undefined name `(\w+)`", run.stdout))


def test_undefined_names_are_found():
    assert undefined("import numpy as np\nx = np.zeros(n)\nprint(x, y)") == {"n", "y"}


@pytest.mark.parametrize("name", PAGES)
def test_open_code_can_be_copied_without_the_folded(name):
    opened = [c.source for c in cells(source(name), "code") if not folded(c)]
    *others, provenance = opened  # the last is the book's own
    assert undefined(plain_python("\n\n".join(others))) == set()


@pytest.mark.timeout(120)
def test_a_committed_notebook_runs_alone_from_any_folder(tmp_path):
    jupyter = Path(sys.executable).with_name("jupyter")
    notebook = ROOT / "notebooks" / "foundations" / "activation-functions.ipynb"
    env = {**os.environ, "COMPANION_SCALE": "smoke"}
    run = subprocess.run(
        [jupyter, "execute", f"--output={tmp_path}/out.ipynb", notebook],
        cwd=tmp_path, env=env, capture_output=True, text=True,
    )  # fmt: skip
    assert run.returncode == 0, run.stderr[-2000:]
