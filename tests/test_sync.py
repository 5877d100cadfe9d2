"""The notebooks are written from the pages' text, with folded cells folded."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.places import ROOT
from tools import sync

PAGE = """\
---
jupytext:
  formats: md:myst,ipynb
  text_representation:
    extension: .md
    format_name: myst
kernelspec:
  display_name: Python 3
  language: python
  name: python3
---

# Title

```{code-cell} ipython3
---
tags: [hide-input]
mystnb:
  image:
    alt: A curve.
---
# Draw
x = 1
```

```{code-cell} ipython3
# Not folded
x = 1
```

```{code-cell} ipython3
# Not folded
x = 1
```
"""


@pytest.fixture
def page(tmp_path):
    path = tmp_path / "page.md"
    path.write_text(PAGE)
    return path


def cells(page):
    return json.loads(sync.twin(page))["cells"]


def test_a_folded_cell_is_folded_in_jupyter_and_a_form_in_colab(page):
    folded = cells(page)[1]
    assert folded["metadata"]["jupyter"] == {"source_hidden": True}
    assert folded["metadata"]["cellView"] == "form"
    assert folded["metadata"]["tags"] == ["hide-input"]
    assert folded["source"] == ["#@title Draw\n", "x = 1"]


def test_the_first_cell_links_the_page_on_the_site(page):
    [*_, line] = cells(page)[0]["source"]
    address = yaml.safe_load((ROOT / "_config.yml").read_text())["html"]["baseurl"]
    assert line.endswith(f"({address}notebooks/{page.parent.name}/page.html)")
    assert "on the site" not in page.read_text()


def test_an_open_cell_stays_as_it_is(page):
    plain = cells(page)[2]
    assert plain["metadata"] == {}
    assert plain["source"] == ["# Not folded\n", "x = 1"]


def test_ids_are_unique_and_follow_from_the_contents(page):
    ids = [cell["id"] for cell in cells(page)]
    assert len(set(ids)) == 4
    assert ids == [cell["id"] for cell in cells(page)]


def test_synced_back_the_text_has_no_trace_of_the_folds(page):
    shutil.copy2(ROOT / "pyproject.toml", page.parent)  # it holds jupytext's filters
    page.with_suffix(".ipynb").write_text(sync.twin(page))
    jupytext = Path(sys.executable).with_name("jupytext")
    notebook, back = page.with_suffix(".ipynb"), page.with_name("back.md")
    command = [jupytext, "--quiet", "--to", "md:myst", "--output", back, notebook]
    subprocess.run(command, check=True)
    text = back.read_text()
    assert "cellView" not in text
    assert "source_hidden" not in text
    assert "hide-input" in text


def run(*arguments):
    command = [sys.executable, ROOT / "tools" / "sync.py", *arguments]
    return subprocess.run(command, capture_output=True, text=True)


def test_check_writes_nothing_and_says_what_to_do(page):
    told = run("--check", page)
    assert told.returncode == 1
    assert "page.ipynb is not up to date: run make sync" in told.stdout
    assert not page.with_suffix(".ipynb").exists()


def test_sync_writes_the_notebook_once(page):
    assert run(page).returncode == 0
    assert run("--check", page).returncode == 0
    page.write_text(PAGE.replace("x = 1", "x = 2"))
    assert run("--check", page).returncode == 1
