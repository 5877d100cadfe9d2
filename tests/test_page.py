import numpy as np
import pytest
import torch

from companion import page, scale


def test_start_makes_runs_repeatable():
    page.start(seed=3)
    first = np.random.rand(), torch.rand(1).item()
    page.start(seed=3)
    assert (np.random.rand(), torch.rand(1).item()) == first


def test_show_displays_the_source_of_what_is_used(displayed):
    page.show(scale.pick, scale.current)
    text = displayed[-1]["text/markdown"]
    assert text.startswith("```python\ndef pick(")
    assert "def current(" in text


def test_a_table_is_markdown_under_its_title(displayed):
    page.table(["size", "$p$"], [[10, "0.5"], [25, "**1**"]], "Title")
    assert displayed[-1]["text/markdown"] == (
        "**Title**\n\n| size | $p$ |\n| --- | --- |\n| 10 | 0.5 |\n| 25 | **1** |"
    )


def test_a_ragged_table_is_refused():
    with pytest.raises(ValueError, match="2 columns, but a row of 1"):
        page.table(["a", "b"], [[1]])


def test_finding_escapes_and_carries_its_data(displayed):
    page.finding("Is a < b?", "Yes & no.")
    assert "a &lt; b" in displayed[-1]["text/html"]
    assert displayed[-1][page.FINDING] == {
        "question": "Is a < b?",
        "answer": "Yes & no.",
    }


def test_provenance_names_device_versions_and_scale(displayed, at_scale):
    at_scale("smoke")
    page.provenance()
    html = displayed[-1]["text/html"]
    assert all(word in html for word in ("smoke", "torch", "commit", "<details"))


def test_commit_falls_back_to_the_version(monkeypatch):
    def no_git(*args, **kwargs):
        raise FileNotFoundError("git")

    monkeypatch.setattr(page.subprocess, "run", no_git)
    assert page.commit().startswith("version ")


@pytest.mark.parametrize(("name", "value"), [("smoke", 1), ("book", 2), ("full", 2)])
def test_pick_chooses_by_scale(at_scale, name, value):
    at_scale(name)
    assert scale.pick(smoke=1, book=2) == value


def test_an_unknown_scale_is_refused(at_scale):
    at_scale("huge")
    with pytest.raises(ValueError, match="COMPANION_SCALE is 'huge'"):
        scale.current()
