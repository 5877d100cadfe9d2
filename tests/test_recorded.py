"""Recorded runs: kept at full scale only, read back as written, refused if broken."""

import math
import re

import numpy as np
import pytest
from conftest import PAGES, ROOT

from companion import recorded


@pytest.fixture
def results(tmp_path, monkeypatch):
    folder = tmp_path / "results"
    folder.mkdir()
    monkeypatch.setattr(recorded, "FOLDERS", (tmp_path / "absent", folder))
    return folder


def test_a_full_run_is_read_back_with_its_circumstances(results, monkeypatch):
    monkeypatch.setenv("COMPANION_SCALE", "full")
    figures = {"loss": {50: np.array([[1.23456, np.inf]])}, "names": ["a"], "n": 3}
    assert recorded.keep("some-page", figures) == results / "some-page.json"
    run = recorded.load("some-page")
    assert run.figures["loss"]["50"][0][0] == 1.235
    assert math.isnan(run.figures["loss"]["50"][0][1])
    assert (run.figures["names"], run.figures["n"]) == (["a"], 3)
    assert run.date in run.label
    assert "recorded" in run.label
    assert "torch" in run.libraries
    assert [file.name for file in results.iterdir()] == ["some-page.json"]


@pytest.mark.parametrize("scale", ["smoke", "book"])
def test_shorter_runs_keep_nothing(results, monkeypatch, scale):
    monkeypatch.setenv("COMPANION_SCALE", scale)
    assert recorded.keep("some-page", {"n": 1}) is None
    assert recorded.load("some-page") is None


def test_an_installed_copy_without_a_checkout_keeps_nothing(tmp_path, monkeypatch):
    monkeypatch.setenv("COMPANION_SCALE", "full")
    monkeypatch.setattr(recorded, "FOLDERS", (tmp_path / "a", tmp_path / "b"))
    assert recorded.keep("some-page", {"n": 1}) is None


def test_every_page_finds_the_recorded_run_that_it_shows():
    load = re.compile(r'recorded\.load\("([^"]+)"\)')
    shown = {}
    for page in PAGES:
        shown |= dict.fromkeys(load.findall((ROOT / f"{page}.md").read_text()), page)
    assert "optimizers" in shown
    for name, page in shown.items():
        assert name == page.rpartition("/")[2]  # the page's key depends on it
        assert recorded.load(name) is not None


@pytest.mark.parametrize("text", ["", "{", "[]", '{"figures": {}}', '{"x": 1}'])
def test_a_broken_file_is_named_with_what_to_do(results, text):
    (results / "some-page.json").write_text(text)
    with pytest.raises(ValueError, match=r"some-page\.json is not a recorded run"):
        recorded.load("some-page")
