"""Recorded runs: kept at full scale only, read back as written, refused if broken."""

import math

import numpy as np
import pytest

from companion import page, recorded
from companion.errors import PlainValueError
from tests.places import PAGES, ROOT


@pytest.fixture
def results(tmp_path, monkeypatch):
    folder = tmp_path / "results"
    folder.mkdir()
    monkeypatch.setattr(recorded, "FOLDERS", (tmp_path / "absent", folder))
    monkeypatch.setattr(page, "name", lambda: "part/some-page")
    return folder


def test_a_full_run_is_read_back_with_its_circumstances(results, monkeypatch):
    monkeypatch.setenv("COMPANION_SCALE", "full")
    figures = {"loss": {50: np.array([[1.23456, np.inf]])}, "names": ["a"], "n": 3}
    assert recorded.keep(figures) == results / "part" / "some-page.json"
    run = recorded.load()
    assert run.figures["loss"]["50"][0][0] == 1.235
    assert math.isnan(run.figures["loss"]["50"][0][1])
    assert (run.figures["names"], run.figures["n"]) == (["a"], 3)
    assert run.date in run.label
    assert "recorded" in run.label
    assert "torch" in run.libraries
    assert [file.name for file in results.rglob("*.*")] == ["some-page.json"]


def test_two_pages_of_one_name_keep_their_own_runs(results, monkeypatch):
    monkeypatch.setenv("COMPANION_SCALE", "full")
    for part in ("one", "two"):
        monkeypatch.setattr(page, "name", lambda part=part: f"{part}/same")
        recorded.keep({"part": part})
    assert recorded.load().figures == {"part": "two"}
    monkeypatch.setattr(page, "name", lambda: "one/same")
    assert recorded.load().figures == {"part": "one"}


@pytest.mark.parametrize("scale", ["smoke", "book"])
def test_shorter_runs_keep_nothing(results, monkeypatch, scale):
    monkeypatch.setenv("COMPANION_SCALE", scale)
    assert recorded.keep({"n": 1}) is None
    assert recorded.load() is None


def test_an_installed_copy_without_a_checkout_keeps_nothing(tmp_path, monkeypatch):
    monkeypatch.setenv("COMPANION_SCALE", "full")
    monkeypatch.setattr(recorded, "FOLDERS", (tmp_path / "a", tmp_path / "b"))
    assert recorded.keep({"n": 1}) is None


def test_an_installed_copy_finds_its_results_first(results, monkeypatch):
    installed = recorded.FOLDERS[0] / "part"
    installed.mkdir(parents=True)
    (installed / "some-page.json").write_text("{}")
    assert recorded.find("part/some-page") == installed / "some-page.json"


def test_every_page_finds_the_recorded_run_that_it_shows(monkeypatch):
    texts = {name: (ROOT / f"{name}.md").read_text() for name in PAGES}
    shown = [name for name, text in texts.items() if "recorded.load()" in text]
    assert "notebooks/foundations/optimizers" in shown
    for name in shown:
        monkeypatch.setattr(page, "name", lambda n=name: n.removeprefix("notebooks/"))
        assert recorded.load() is not None


@pytest.mark.parametrize("text", ["", "{", "[]", '{"figures": {}}', '{"x": 1}'])
def test_a_broken_file_is_named_with_what_to_do(results, text):
    (results / "part").mkdir()
    (results / "part" / "some-page.json").write_text(text)
    with pytest.raises(PlainValueError, match=r"some-page\.json is not a recorded run"):
        recorded.load()
