"""Exactly the pages that use a thing run again when it changes: on the real book."""

import json
import os
import re
import shutil
import subprocess
import sys

import pytest
from small_book import SmallBook, changed

from builder import BookError, keys
from builder.cache import Book, code_cells, short
from tests.places import PAGES, ROOT

NAMES = {short(page) for page in PAGES}
LOGISTIC = "classification/logistic-regression"
SHOWING = """
```{code-cell} ipython3
page.show(SpatialBlocks.deal)
```
"""
# Imports what each page imports of the library, each in a process of its own.
IMPORTS = """
import ast, json, os, sys
import matplotlib.pyplot, scipy.stats, sklearn.linear_model, sympy, torch
for name, cells in json.load(sys.stdin).items():
    if os.fork():
        os.wait()
        continue
    for cell in cells:
        for node in ast.walk(ast.parse(cell)):
            if isinstance(node, ast.Import | ast.ImportFrom):
                if "companion" in ast.unparse(node):
                    exec(ast.unparse(node), {})
    from companion import pages
    pages.exercises(name)
    print(json.dumps([name, [m for m in sys.modules if m.startswith("companion")]]))
    sys.stdout.flush()
    os._exit(0)
"""


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    """Return a copy of the book, without its builder."""
    copy = tmp_path_factory.mktemp("book")
    for folder in ("src", "notebooks", "results", "book"):
        ignored = shutil.ignore_patterns("__pycache__", "*.ipynb")
        shutil.copytree(ROOT / folder, copy / folder, ignore=ignored)
    shutil.copy(ROOT / "_toc.yml", copy)
    return copy


@pytest.fixture(autouse=True)
def without_data(monkeypatch):
    """Look for no data."""
    monkeypatch.setattr(keys, "source", lambda module: None)


@pytest.fixture(scope="module")
def loaded(root):
    """Return the modules that Python loads for each page."""
    cells = {name: code_cells(text(root, name)) for name in NAMES}
    run = subprocess.run(
        [sys.executable, "-c", IMPORTS], input=json.dumps(cells), text=True,
        env={**os.environ, "PYTHONPATH": str(root / "src")}, stdout=subprocess.PIPE,
    )  # fmt: skip
    return dict(json.loads(line) for line in run.stdout.splitlines())


def text(root, name):
    return (root / "notebooks" / f"{name}.md").read_text()


def all_keys(root, scale="book"):
    book = Book(root, root / "cache", scale)
    return {short(page): book.key(page) for page in book.pages}


def rerun(root, file, edit):
    """Return the pages whose key an edit of a file changes; undo it."""
    path = root / file
    before, known = all_keys(root), path.read_text()
    path.write_text(edit(known))
    try:
        after = all_keys(root)
    finally:
        path.write_text(known)
    return {name for name in after if after[name] != before[name]}


def code(text):
    return text + "\nCHANGED = 1\n"


def comment(text):
    return text + "\n# A remark.\n"


def docstring(text):
    return '"""Words.\n' + text.removeprefix('"""') if text[:3] == '"""' else text


def claim(text):
    return text + '\n[x]\nquantity = "q"\n'


def modules(root):
    return sorted(path.relative_to(root) for path in root.glob("src/**/*.py"))


def test_a_module_that_changes_reruns_the_pages_for_which_it_is_loaded(root, loaded):
    assert set(loaded) == NAMES
    for file in modules(root):
        parts = file.relative_to("src").with_suffix("").parts
        name = ".".join(part for part in parts if part != "__init__")
        users = {page for page in NAMES if name in loaded[page]}
        assert rerun(root, file, code) == users, file


@pytest.mark.parametrize("edit", [comment, docstring])
@pytest.mark.parametrize("name", ["plotting", "claims", "checks", "methods/stacked"])
def test_words_in_a_module_rerun_nothing(root, name, edit):
    file = f"src/companion/{name}.py"
    assert edit((root / file).read_text()) != (root / file).read_text()
    assert rerun(root, file, edit) == set()


def test_words_in_a_module_of_which_a_page_shows_a_function_rerun_that_page(root):
    file = "src/companion/methods/spatial_blocks.py"
    assert rerun(root, file, comment) == set()
    page = root / f"notebooks/{LOGISTIC}.md"
    known = page.read_text()
    page.write_text(known + SHOWING)
    try:
        assert rerun(root, file, comment) == {LOGISTIC}
    finally:
        page.write_text(known)


@pytest.mark.parametrize("name", sorted(NAMES))
def test_what_belongs_to_a_page_reruns_that_page(root, name):
    folder = f"src/companion/pages/{name.replace('-', '_')}"
    assert rerun(root, f"{folder}/claims.toml", claim) == {name}
    assert rerun(root, f"{folder}/exercises.py", code) == {name}
    assert rerun(root, f"{folder}/exercises.py", comment) == set()
    assert rerun(root, f"{folder}/claims.toml", comment) == set()


def test_a_recorded_run_reruns_its_page_unless_it_is_being_made(root):
    file = "results/foundations/optimizers.json"
    assert rerun(root, file, lambda text: text + " ") == {"foundations/optimizers"}
    before, known = all_keys(root, "full"), (root / file).read_text()
    (root / file).write_text(known + " ")
    assert all_keys(root, "full") == before
    (root / file).write_text(known)


def test_a_new_version_of_a_library_reruns_its_users(root, monkeypatch):
    before, version = all_keys(root), keys.version
    monkeypatch.setattr(
        keys, "version", lambda name: "99" if name == "pandas" else version(name)
    )
    after = all_keys(root)
    # The statistics library imports pandas itself.
    words = ("import pandas", "statsmodels")
    users = {name for name in NAMES if any(word in text(root, name) for word in words)}
    assert {name for name in NAMES if after[name] != before[name]} == users
    assert len(users) not in (0, len(NAMES))


def test_libraries_behind_others_count():
    assert "mpmath" in keys.libraries(["import sympy"])
    assert "pandas" in keys.libraries(["from statsmodels import api"])


def test_a_data_file_reruns_its_readers_alone(root, monkeypatch):
    """Also the book's recorded claims, where the data are absent."""
    found = {"companion.datasets.rainfall": ("rainfall", "1" * 64)}
    monkeypatch.setattr(keys, "source", found.get)
    module = root / "src/companion/datasets/rainfall.py"
    module.write_text("DATA = 1\n")
    page = root / "notebooks/regression/runge.md"
    known = page.read_text()
    extra = "\n```{code-cell} ipython3\nfrom companion.datasets import rainfall\n```\n"
    page.write_text(known + extra)
    try:
        before = all_keys(root)
        found["companion.datasets.rainfall"] = ("rainfall", "2" * 64)
        after = all_keys(root)
        assert {n for n in NAMES if after[n] != before[n]} == {"regression/runge"}
        assert rerun(root, "results/book.json", altered("runge-rmse")) == set()
        found["companion.datasets.rainfall"] = ("rainfall", "stand-in")
        changes = rerun(root, "results/book.json", altered("runge-rmse"))
        assert changes == {"regression/runge"}
        assert rerun(root, "results/book.json", altered("sigmoid-tanh")) == set()
    finally:
        page.write_text(known)
        module.unlink()


def altered(claim):
    def edit(text):
        found = json.loads(text)
        found["claims"][claim]["date"] = "2000-01-01"
        return json.dumps(found)

    return edit


@pytest.mark.parametrize(
    ("name", "value"),
    [("COMPANION_STRICT", "1"), ("OMP_NUM_THREADS", "3"), ("COMPANION_THREADS", "3")],
)
def test_strict_and_threads_are_in_every_key(root, monkeypatch, name, value):
    monkeypatch.delenv(name, raising=False)
    before = all_keys(root)
    monkeypatch.setenv(name, value)
    after = all_keys(root)
    assert all(after[page] != before[page] for page in NAMES)


def test_the_scale_is_in_every_key(root):
    smoke, book = all_keys(root, "smoke"), all_keys(root)
    assert all(smoke[page] != book[page] for page in NAMES)


# -- two pages of one name -----------------------------------------------------------


def test_two_pages_of_one_name_have_what_is_theirs(tmp_path, monkeypatch):
    small = SmallBook(tmp_path, monkeypatch)
    for file in small.root.glob("notebooks/part/*.md"):
        file.unlink()
    for part in ("foundations", "regression"):
        small.page(
            f"{part}/same", "from companion import checks\nchecks.answer('e', 1)"
        )
    (small.library / "checks.py").write_text("")
    first, only = small.keys(), [True, False]
    small.own("foundations/same", "claims.toml", '[c]\nsource = "S"\n')
    second = small.keys()
    assert changed(first, second) == only
    small.own("foundations/same", "exercises.py", "E = 1")
    third = small.keys()
    assert changed(second, third) == only
    record = small.root / "results" / "foundations" / "same.json"
    record.parent.mkdir(parents=True)
    record.write_text("{}")
    assert changed(third, small.keys()) == only


# -- reading code --------------------------------------------------------------------


def test_imported_resolves_relative_imports():
    source = "from . import shared\nfrom .one import x\nimport numpy.linalg\n"
    assert set(keys.imported(source, "companion")) == {
        "companion", "companion.shared", "companion.one", "companion.one.x",
        "numpy.linalg",
    }  # fmt: skip


def test_code_that_is_no_python_imports_nothing_and_keeps_its_words():
    assert keys.imported("def (", "") == ()
    assert keys.meaning("def (  # one") != keys.meaning("def (  # two")


def test_a_docstring_that_the_code_reads_counts():
    assert keys.meaning('"""a"""\nprint(__doc__)') != keys.meaning(
        '"""b"""\nprint(__doc__)'
    )


@pytest.mark.parametrize(
    ("call", "names"),
    [
        ("page.show(fit)", {"fit"}),
        ("page.show(Rule.step, type(x).points)", {"step", "points"}),
        ("from m import f as g\npage.show(g)", {"f"}),
        ("page.show(*[a, b.c])", {"a", "b", "c"}),
        ("page.say('x')", set()),
    ],
)
def test_names_that_a_page_displays(call, names):
    assert keys.displayed((call,)) - {""} == names


def test_a_ledger_that_is_no_toml_is_named(tmp_path, monkeypatch):
    small = SmallBook(tmp_path, monkeypatch)
    small.own("part/a", "claims.toml", "[c\n")
    with pytest.raises(BookError, match=r"part/a/claims\.toml is not TOML"):
        small.keys()


def test_recorded_claims_that_cannot_be_read_are_named(tmp_path, monkeypatch):
    small = SmallBook(tmp_path, monkeypatch)
    (small.library / "datasets").mkdir()
    (small.library / "datasets" / "rain.py").write_text("DATA = 1")
    small.page("part/a", "from companion.datasets import rain")
    monkeypatch.setattr(keys, "source", lambda module: ("rain", "stand-in"))
    (small.root / "results").mkdir()
    (small.root / "results" / "book.json").write_text("[")
    with pytest.raises(BookError, match=r"book\.json holds no claims"):
        small.keys()


# -- comparing with a run ------------------------------------------------------------

KNOWN = {"modules": {"companion": "", "companion.a.b": ""}, "data": {"rain": "1"}}


def test_a_run_as_its_key_says_has_no_problems():
    sources = {"rain": "1", "passengers": "typed", "surface": "formula"}
    run = {"modules": ["companion", "companion.a", "companion.a.b"], "sources": sources}
    assert keys.run_problems(KNOWN, run) == []


@pytest.mark.parametrize(
    ("run", "problem"),
    [
        ({"modules": ["companion.c"], "sources": {}}, "loaded companion.c"),
        ({"modules": [], "sources": {"rain": "2"}}, r"read rain \(2\) .* has 1"),
        ({"modules": [], "sources": {"rain": "stand-in"}}, "stand-in"),
        ({"modules": [], "sources": {"snow": "1"}}, "no such data"),
    ],
)
def test_a_run_that_used_something_else_has_a_problem(run, problem):
    (said,) = keys.run_problems(KNOWN, run)
    assert re.search(problem, said)
