"""The project's own files agree with each other."""

import os
import re
import shutil
import subprocess
import sys
import tomllib
from importlib import metadata

import jupytext
import pytest
import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from pybtex.database import parse_file

import companion
from builder.cache import Book, code_cells
from builder.keys import imported
from tests.places import PAGES, ROOT

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
CONFIG = yaml.safe_load((ROOT / "_config.yml").read_text())
ENVIRONMENT = yaml.safe_load((ROOT / "environment.yml").read_text())
ADDRESS = CONFIG["repository"]["url"]
# What conda calls otherwise, and what it needs beside the package.
CONDA_NAMES = {"torch": "pytorch"}
CONDA_ONLY = {"python", "pip", "jupyterlab"}


def specifiers(lines):
    found = [Requirement(line) for line in lines]
    return {CONDA_NAMES.get(r.name, r.name): str(r.specifier) for r in found}


def test_environment_and_pyproject_agree():
    wanted = specifiers(
        PROJECT["dependencies"] + PROJECT["optional-dependencies"]["book"]
    )
    lines = [line for line in ENVIRONMENT["dependencies"] if isinstance(line, str)]
    pip = next(
        line["pip"] for line in ENVIRONMENT["dependencies"] if isinstance(line, dict)
    )
    given = specifiers(lines + [line for line in pip if line != "."])
    assert "." in pip
    assert {k: v for k, v in given.items() if k not in CONDA_ONLY} == wanted
    python = given["python"].removeprefix("==").removesuffix(".*")
    assert SpecifierSet(PROJECT["requires-python"]).contains(python)


def test_the_lock_satisfies_pyproject():
    lines = (ROOT / "requirements.lock").read_text().splitlines()
    locked = dict(line.split("==") for line in lines if "==" in line)
    locked = {key.lower().replace("_", "-"): version for key, version in locked.items()}
    extras = PROJECT["optional-dependencies"]
    for line in PROJECT["dependencies"] + extras["book"] + extras["test"]:
        wanted = Requirement(line)
        assert wanted.name in locked, f"{wanted.name} is not locked: run make lock"
        assert wanted.specifier.contains(locked[wanted.name]), line
    assert torch_of_the_lock().specifier.contains(locked["torch"])


def torch_of_the_lock():
    """Return which PyTorch `make lock` asks for: its pin, or what TORCH says."""
    [pin] = re.findall(
        r"\$\{TORCH:-(torch==[\d.]+)\}", (ROOT / "tools/lock.sh").read_text()
    )
    return Requirement(os.environ.get("TORCH") or pin)


def test_colab_keeps_the_ipython_that_it_needs():
    needs = {r.name: r.specifier for r in map(Requirement, PROJECT["dependencies"])}
    assert needs["ipython"].contains("7.34.0")


def test_the_address_is_the_same_everywhere():
    assert PROJECT["urls"]["Repository"] == ADDRESS
    assert (
        yaml.safe_load((ROOT / "CITATION.cff").read_text())["repository-code"]
        == ADDRESS
    )
    assert ADDRESS in (ROOT / "README.md").read_text()


SET_UP = """\
# Set up: install where needed, import, seed
import sys
from importlib.util import find_spec

address = "git+{address}@v{version}"
if not find_spec("companion"):
    if "google.colab" not in sys.modules:
        raise ModuleNotFoundError(
            f"The library companion is missing: run %pip install {{address}}"
        )
    %pip install -q {{address}}

from companion import page

page.start("{page}", seed=0)"""


@pytest.mark.parametrize("name", PAGES)
def test_every_page_sets_up_alike_with_this_version_s_tag(name):
    cells = jupytext.read(ROOT / f"{name}.md").cells
    first = next(cell for cell in cells if cell.cell_type == "code")
    page = name.removeprefix("notebooks/")
    version = PROJECT["version"]
    wanted = SET_UP.format(address=ADDRESS, version=version, page=page)
    assert first.source == wanted
    assert first.metadata["tags"] == ["hide-input"]


def test_the_version_is_the_same_everywhere():
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    assert PROJECT["version"] == companion.__version__ == citation["version"]


def test_every_page_is_in_the_table_of_contents():
    book = Book(ROOT, ROOT / "_build" / "cache")
    assert sorted(book.pages) == PAGES


STUB = """#!/bin/sh
echo "$1 ${COMPANION_STRICT-unset}" >> "$CALLS"
"""


@pytest.mark.parametrize(
    ("given", "strict"),
    [
        ({}, "0"),
        ({"COMPANION_DATA": "/data"}, "1"),
        ({"COMPANION_STRICT": "1"}, "1"),
        ({"COMPANION_DATA": "/data", "COMPANION_STRICT": "0"}, "0"),
    ],
)
def test_ci_builds_strictly_where_it_is_told_or_has_the_data(tmp_path, given, strict):
    script = tmp_path / "checkout" / ".ci" / "run"
    script.parent.mkdir(parents=True)
    shutil.copy(ROOT / ".ci" / "run", script)
    for command in ("make", "chromium"):
        (tmp_path / command).write_text(STUB)
        (tmp_path / command).chmod(0o755)
    calls = tmp_path / "calls"
    path = f"{tmp_path}{os.pathsep}{os.environ['PATH']}"
    env = {"PATH": path, "CALLS": str(calls), **given}
    assert subprocess.run([script], env=env).returncode == 0
    assert calls.read_text().splitlines() == ["test unset", f"book {strict}"]


def test_actions_are_pinned_by_commit_with_least_permissions():
    for path in (ROOT / ".github" / "workflows").glob("*.yml"):
        text = path.read_text()
        uses = re.findall(r"uses: (\S+)", text)
        assert uses
        assert all(re.search(r"@[0-9a-f]{40}$", use) for use in uses), path.name
        assert yaml.safe_load(text)["permissions"] == {"contents": "read"}


def test_what_is_deployed_was_built_strictly():
    jobs = yaml.safe_load((ROOT / ".github/workflows/book.yml").read_text())["jobs"]
    [build] = [step for step in jobs["build"]["steps"] if step.get("run") == ".ci/run"]
    wanted = f"${{{{ {jobs['deploy']['if']} && '1' || '' }}}}"
    assert build["env"]["COMPANION_STRICT"] == wanted


def test_data_files_of_others_are_not_committed():
    kinds = {".csv", ".gz", ".xml", ".xz", ".zip", ".npz", ".data"}
    folders = ("src", "builder", "book", "notebooks", "results", "tests", "benchmarks")
    files = [path for folder in folders for path in (ROOT / folder).rglob("*")]
    assert [path for path in files if path.suffix in kinds] == []


def test_the_reference_list_has_what_the_pages_cite_and_no_more():
    listed = re.findall(r"doi = \{(.+)\}", (ROOT / "book/references.bib").read_text())
    everywhere = set()
    for name in PAGES:
        text = (ROOT / f"{name}.md").read_text()
        cited = set(re.findall(r"\[doi:(\S+)\]\(https://doi\.org/", text))
        assert cited
        assert cited <= set(listed), cited - set(listed)
        everywhere |= cited
    assert set(listed) <= everywhere, set(listed) - everywhere


def test_library_and_pages_need_no_more_than_is_declared():
    """So that a page runs without what the site is made with, in Colab for one."""
    declared = {Requirement(line).name for line in PROJECT["dependencies"]}
    distributions = metadata.packages_distributions()
    codes = {path.name: path.read_text() for path in (ROOT / "src").rglob("*.py")}
    for page in PAGES:
        codes[page] = "\n".join(code_cells((ROOT / f"{page}.md").read_text()))
    for where, code in codes.items():
        tops = {name.split(".")[0] for name in imported(code, "companion")}
        for top in tops - set(sys.stdlib_module_names) - {"companion", ""}:
            names = {name.lower() for name in distributions.get(top, [])}
            assert names & declared, f"{where} imports {top}"


def test_the_bibliography_can_be_read():
    entries = parse_file(ROOT / "book" / "references.bib").entries
    assert len(entries) > 20
