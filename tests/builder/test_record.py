"""results/book.json: complete, of real data, with the date of each page's own run."""

import json

import nbformat
import pytest
from small_book import SmallBook

from builder import BookError, build, record
from companion import claims, page, provenance

RUN = {"date": "2026-01-02", "device": "CPU", "commit": "c1", "libraries": "numpy 2"}


@pytest.fixture
def small(tmp_path, monkeypatch):
    small = SmallBook(tmp_path, monkeypatch)
    for letter in "ab":
        small.own(f"part/{letter}", "claims.toml", f'[{letter}1]\nsource = "S"\n')
    return small


def keep(book, name, *reports, **run):
    """Keep a page as if it had reported claims in a run."""
    shown = [(claims.MIME, report) for report in reports]
    facts = {**RUN, "modules": [], "sources": {}, **run}
    shown += [(page.FINDING, {}), (provenance.MIME, facts)]
    notebook = book.notebook(f"notebooks/part/{name}")
    notebook.cells[-1].outputs = [
        nbformat.v4.new_output("display_data", {mime: data}) for mime, data in shown
    ]
    book.store(f"notebooks/part/{name}", notebook, 1.0)


def claim(id, here=1.0, foreign=()):
    return {"claim": id, "rows": [{"here": here}], "foreign_data": list(foreign)}


def recorded(small):
    return json.loads((small.root / "results" / "book.json").read_text())


def test_every_claim_has_the_date_and_device_of_its_own_run(small):
    keep(small.book(), "a", claim("a1"))
    keep(small.book(), "b", claim("b1", 2.0), date="2026-03-04", device="H100")
    record.record(small.book())
    found = recorded(small)
    assert found["claims"]["a1"] == {
        **claim("a1"), "date": "2026-01-02", "device": "CPU",
    }  # fmt: skip
    assert found["claims"]["b1"]["date"] == "2026-03-04"
    assert found["pages"]["part/a"] == RUN
    assert found["pages"]["part/b"]["device"] == "H100"


def test_claims_on_other_data_are_left_out(small):
    keep(small.book(), "a", claim("a1", foreign=["stand-in data: rain"]))
    keep(small.book(), "b", claim("b1"))
    record.record(small.book())
    assert set(recorded(small)["claims"]) == {"b1"}


def test_what_cannot_be_written_leaves_the_file_as_it_was(small):
    keep(small.book(), "a", claim("a1"))
    keep(small.book(), "b", claim("b1"))
    record.record(small.book())
    before = recorded(small)
    keep(small.book(), "b", claim("b1", float("nan")))
    with pytest.raises(BookError, match="is not written: a claim holds"):
        record.record(small.book())
    assert recorded(small) == before
    assert len(list((small.root / "results").iterdir())) == 1


@pytest.mark.parametrize(
    ("environment", "arguments", "rendered", "written"),
    [
        ({"COMPANION_STRICT": "1"}, [], 0, True),
        ({"COMPANION_STRICT": "1"}, [], 1, False),
        ({"COMPANION_STRICT": "1"}, ["--pages", "part/a"], 0, False),
        ({"COMPANION_STRICT": "1"}, ["--execute-only"], 0, False),
        ({"COMPANION_STRICT": "1"}, ["--page", "part/a"], 0, False),
        ({"COMPANION_STRICT": "1", "COMPANION_SCALE": "smoke"}, [], 0, False),
        ({"COMPANION_STRICT": "0"}, [], 0, False),
    ],
)
def test_only_a_whole_strict_rendered_build_is_recorded(
    small, monkeypatch, environment, arguments, rendered, written
):
    for name, value in {"COMPANION_SCALE": "book", **environment}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(build, "render", lambda *arguments: rendered)
    monkeypatch.setattr(build, "twin_problems", lambda *_, **__: [])
    book = small.book(environment.get("COMPANION_SCALE", "book"))
    keep(book, "a", claim("a1"))
    keep(book, "b", claim("b1"))
    options = ["--root", str(small.root), "--cache", str(small.root / "cache")]
    assert build.main([*options, *arguments]) == rendered
    assert (small.root / "results" / "book.json").exists() == written


def test_a_strict_build_after_one_on_stand_ins_records_nothing(
    small, monkeypatch, capsys
):
    """Also where every page comes from the cache."""
    monkeypatch.setenv("COMPANION_STRICT", "1")
    monkeypatch.setattr(build, "twin_problems", lambda *_, **__: [])
    keep(small.book("book"), "a", claim("a1", foreign=["stand-in data: rain"]))
    keep(small.book("book"), "b", claim("b1"))
    options = ["--root", str(small.root), "--cache", str(small.root / "cache")]
    assert build.main(options) == 1
    assert "stand-in data: rain, and COMPANION_STRICT is 1" in capsys.readouterr().out
    assert not (small.root / "results").exists()
