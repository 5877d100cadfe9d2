"""A new page: its skeleton runs, has the parts of a page, and becomes a site."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import jupytext
import pytest
import yaml

from builder import BookError, build, new
from builder.cache import Book
from tests.places import ROOT

PARTS = ROOT.parent / "shared" / "tools" / "parts"
PAGE = "foundations/new-topic"
CONTENTS = """\
format: jb-book
root: index
parts:
  - caption: The course
    chapters:
      - file: book/foundations
        sections:
          - file: notebooks/foundations/sigmoid
            title: The sigmoid
      - file: book/regression
  - caption: The end
    chapters:
      - file: book/references
"""


def test_the_entry_stands_at_the_end_of_its_part():
    changed = yaml.safe_load(new.with_entry(CONTENTS, PAGE))
    expected = yaml.safe_load(CONTENTS)
    entry = {"file": f"notebooks/{PAGE}", "title": "New topic"}
    expected["parts"][0]["chapters"][0]["sections"].append(entry)
    assert changed == expected


def test_the_first_page_of_a_part_makes_its_list():
    changed = yaml.safe_load(new.with_entry(CONTENTS, "regression/line"))
    entry = {"file": "notebooks/regression/line", "title": "Line"}
    assert changed["parts"][0]["chapters"][1]["sections"] == [entry]
    assert changed["parts"][1] == yaml.safe_load(CONTENTS)["parts"][1]


def test_the_book_s_own_contents_take_an_entry():
    text = (ROOT / "_toc.yml").read_text()
    added = set(new.with_entry(text, PAGE).splitlines()) - set(text.splitlines())
    assert sorted(line.strip() for line in added) == [
        f"- file: notebooks/{PAGE}",
        "title: New topic",
    ]


@pytest.mark.parametrize(
    ("page", "problem"),
    [
        ("topic", "not part/name"),
        ("foundations/Big Topic", "not part/name"),
        ("../x/y", "not part/name"),
        ("nowhere/topic", "The book has no part nowhere"),
        ("foundations/backpropagation", "backpropagation.md exists"),
    ],
)
def test_what_cannot_be_a_new_page(tmp_path, page, problem):
    for file in ("_toc.yml", "notebooks/foundations/backpropagation.md"):
        (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / file, tmp_path / file)
    with pytest.raises(BookError, match=problem):
        new.create(tmp_path, page)
    assert (tmp_path / "_toc.yml").read_text() == (ROOT / "_toc.yml").read_text()
    assert not (tmp_path / "src").exists()


# -- a book of the skeleton alone -----------------------------------------------------


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    """Return a book whose only page is a new one."""
    root = tmp_path_factory.mktemp("book")
    ignored = shutil.ignore_patterns("__pycache__", "foundations", "regression")
    shutil.copytree(ROOT / "src", root / "src", ignore=ignored)
    shutil.copytree(ROOT / "book" / "_static", root / "book" / "_static")
    for file in ("_config.yml", "book/references.bib"):
        shutil.copy(ROOT / file, root / file)
    (root / "notebooks" / "foundations").mkdir(parents=True)
    shutil.copy(
        ROOT / "notebooks/foundations/backpropagation.md", root / "notebooks/old.md"
    )
    (root / "notebooks" / "old.md").rename(root / "notebooks/foundations/old.md")
    contents = "format: jb-book\nroot: index\nchapters:\n  - file: book/foundations\n"
    (root / "_toc.yml").write_text(contents)
    (root / "index.md").write_text("# A book\n")
    (root / "book" / "foundations.md").write_text(
        "# Foundations\n\n```{part-table} foundations\n```\n"
    )
    new.create(root, PAGE)
    (root / "notebooks" / "foundations" / "old.md").unlink()
    sync(root)
    return root


def sync(root):
    path = root / "notebooks" / f"{PAGE}.md"
    jupytext.write(jupytext.read(path), path.with_suffix(".ipynb"))


def command(root, *arguments, **environment):
    """Run the command as `make` does; return what it said."""
    run = subprocess.run(
        [sys.executable, "-m", "builder.build", "--root", str(root), *arguments],
        cwd=ROOT, text=True, capture_output=True,
        env=os.environ | {"PYTHONPATH": str(root / "src")} | environment,
    )  # fmt: skip
    assert run.returncode == 0, run.stdout + run.stderr
    return run.stdout


def test_a_new_page_opens_with_the_set_up(root):
    cells = jupytext.read(root / "notebooks" / f"{PAGE}.md").cells
    first = next(cell for cell in cells if cell.cell_type == "code")
    assert f'page.start("{PAGE}"' in first.source


@pytest.mark.pages
@pytest.mark.timeout(300)
def test_a_new_page_becomes_a_site_with_recorded_claims_and_is_kept(root):
    """The real command on a small book: run, render, record; then nothing runs again.

    Prose that changes is rendered although the file's time stamp is an old one.
    """
    said = command(root, COMPANION_SCALE="book", COMPANION_STRICT="1")
    assert re.search(r"\[1/1\] ran", said)
    page = root / "_build" / "html" / "notebooks" / f"{PAGE}.html"
    assert "Its answer, such as 6." in page.read_text()
    table = root / "_build" / "html" / "book" / "foundations.html"
    assert "Its answer, such as 6." in table.read_text()
    found = json.loads((root / "results" / "book.json").read_text())
    assert found["claims"]["new-topic-slope"]["page"] == PAGE
    assert found["pages"][PAGE]["device"]

    source = root / "notebooks" / f"{PAGE}.md"
    source.write_text(source.read_text().replace("Plain words,", "Plainer words,"))
    part = root / "book" / "foundations.md"
    part.write_text(part.read_text() + "\nMore of it.\n")
    sync(root)
    for path in (source, part):
        os.utime(path, (0, 0))
    said = command(root, COMPANION_SCALE="book", COMPANION_STRICT="1")
    assert re.search(r"\[1/1\] cached", said)
    assert "Plainer words," in page.read_text()
    assert "More of it." in table.read_text()


@pytest.mark.pages
@pytest.mark.timeout(200)
def test_one_page_is_rendered_alone_and_its_address_printed(root):
    said = command(root, "--page", "topic", COMPANION_SCALE="book")
    address = re.search(r"The page: file://(.*\.html)", said)
    assert address
    assert "Its answer, such as 6." in Path(address[1]).read_text()
    assert not (root / "_build/page/_build/html/book/foundations.html").exists()


@pytest.mark.pages
@pytest.mark.timeout(120)
def test_a_new_page_reports_what_it_must_at_smoke_scale(root, monkeypatch):
    environment = {"SCALE": "smoke", "STRICT": "0", "CACHE": ""}
    for name, value in environment.items():
        monkeypatch.setenv(f"COMPANION_{name}", value)
    monkeypatch.setenv("PYTHONPATH", "")
    build.prepare(root, root / "_build" / "cache")
    book = Book(root, root / "_build" / "cache", "smoke")
    (run,) = build.run_pages(book, book.pages, 1, 100)
    assert run.problems == []


def test_a_new_page_has_the_parts_of_a_page(root):
    """But for the length of a core that nobody has written."""
    if not PARTS.is_file():
        pytest.skip("the script that lists the parts of a page is not here")
    run = subprocess.run(
        [sys.executable, PARTS, PAGE], cwd=root, capture_output=True, text=True
    )
    (problem,) = run.stdout.strip().split("; ")
    assert "words before" in problem
