"""The project's own files agree with each other."""

import re
import sys
import tomllib
from importlib import metadata

import pytest
import yaml
from conftest import PAGES, ROOT
from packaging.requirements import Requirement

from builder.cache import Book
from builder.keys import imported

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
    assert given["python"] == PROJECT["requires-python"]


def test_the_lock_satisfies_pyproject():
    lines = (ROOT / "requirements.lock").read_text().splitlines()
    locked = dict(line.split("==") for line in lines if "==" in line)
    locked = {key.lower().replace("_", "-"): version for key, version in locked.items()}
    extras = PROJECT["optional-dependencies"]
    for line in PROJECT["dependencies"] + extras["book"] + extras["test"]:
        wanted = Requirement(line)
        assert wanted.name in locked, f"{wanted.name} is not locked: run make lock"
        assert wanted.specifier.contains(locked[wanted.name]), line
    assert locked["torch"] == "2.13.0"


def test_the_address_is_the_same_everywhere():
    assert PROJECT["urls"]["Repository"] == ADDRESS
    assert (
        yaml.safe_load((ROOT / "CITATION.cff").read_text())["repository-code"]
        == ADDRESS
    )
    assert ADDRESS in (ROOT / "README.md").read_text()


@pytest.mark.parametrize("name", PAGES)
def test_the_colab_line_installs_from_the_address(name):
    text = (ROOT / f"{name}.md").read_text()
    assert re.findall(r"git\+(https://[^\s\"]+)", text) == [ADDRESS]


def test_every_page_is_in_the_table_of_contents():
    book = Book(ROOT, ROOT / "_build" / "cache")
    assert sorted(book.pages) == PAGES


def test_actions_are_pinned_by_commit_with_least_permissions():
    for path in (ROOT / ".github" / "workflows").glob("*.yml"):
        text = path.read_text()
        uses = re.findall(r"uses: (\S+)", text)
        assert uses
        assert all(re.search(r"@[0-9a-f]{40}$", use) for use in uses), path.name
        assert yaml.safe_load(text)["permissions"] == {"contents": "read"}


def test_data_files_of_others_are_not_committed():
    kinds = {".csv", ".gz", ".xml", ".xz", ".zip", ".npz", ".data"}
    folders = ("src", "builder", "book", "notebooks", "results", "tests", "benchmarks")
    files = [path for folder in folders for path in (ROOT / folder).rglob("*")]
    assert [path for path in files if path.suffix in kinds] == []


def test_the_reference_list_has_what_the_pages_cite():
    listed = re.findall(r"doi = \{(.+)\}", (ROOT / "book/references.bib").read_text())
    for name in PAGES:
        text = (ROOT / f"{name}.md").read_text()
        cited = re.findall(r"\[doi:(\S+)\]\(https://doi\.org/", text)
        assert cited
        assert set(cited) <= set(listed), set(cited) - set(listed)


def test_the_library_needs_no_more_than_it_declares():
    declared = {Requirement(line).name for line in PROJECT["dependencies"]}
    distributions = metadata.packages_distributions()
    for path in (ROOT / "src").rglob("*.py"):
        tops = {name.split(".")[0] for name in imported(path.read_text(), "companion")}
        for top in tops - set(sys.stdlib_module_names) - {"companion", ""}:
            names = {name.lower() for name in distributions[top]}
            assert names & declared, f"{path.name} imports {top}"
