"""What a run used: data, modules, versions."""

import json
import subprocess
from pathlib import Path

import pytest

from companion import provenance
from companion.provenance import Source


@pytest.fixture(autouse=True)
def no_data(monkeypatch):
    monkeypatch.setattr(provenance, "_sources", {})


def test_the_latest_source_of_a_data_set_counts():
    provenance.note_data(Source("mnist", "stand-in"))
    provenance.note_data(Source("mnist", "cache", "ab" * 32, (Path("mnist.gz"),)))
    assert [source.origin for source in provenance.data()] == ["cache"]
    assert provenance.stand_ins() == []
    assert provenance.data()[0].path == Path("mnist.gz")


def test_stand_ins_and_own_files_are_foreign():
    provenance.note_data(Source("mnist", "stand-in"))
    provenance.note_data(Source("iris", "own file"))
    provenance.note_data(Source("runge", "formula"))
    assert provenance.foreign_data() == ["stand-in data: mnist", "own file: iris"]


def test_what_is_emitted_is_plain_json_with_modules_and_sources():
    provenance.note_data(Source("mnist", "cache", "ab" * 32))
    provenance.note_data(Source("runge", "formula"))
    emitted = json.loads(json.dumps(provenance.emitted(), allow_nan=False))
    assert emitted["sources"] == {"mnist": "ab" * 32, "runge": "formula"}
    assert "companion.provenance" in emitted["modules"]
    assert {"date", "device", "seconds", "commit", "libraries", "threads"} <= set(
        emitted
    )
    assert "mnist: cache (sha256 abababababab)" in emitted["data"]


def test_the_clock_starts_with_the_page():
    provenance.start_clock()
    assert float(provenance.facts()["seconds"]) < 60


def test_commit_falls_back_to_the_version(monkeypatch):
    def no_git(*args, **kwargs):
        raise FileNotFoundError("git")

    monkeypatch.setattr(subprocess, "run", no_git)
    assert provenance.commit().startswith("version ")
