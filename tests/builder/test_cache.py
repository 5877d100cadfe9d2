"""The cache of executed pages: what is damaged counts as not there."""

import pytest
from small_book import FRONT, SmallBook

from builder import cache, keys


@pytest.fixture
def small(tmp_path, monkeypatch):
    return SmallBook(tmp_path, monkeypatch)


def delete(path):
    path.unlink()


def truncate(path):
    path.write_bytes(path.read_bytes()[:200])


def empty(path):
    path.write_bytes(b"")


def overwrite(path):
    path.write_bytes(b"no such thing " * 1000)


def other_notebook(path):
    path.write_text('{"cells": [], "metadata": {}, "nbformat": 4, "nbformat_minor": 4}')


@pytest.mark.parametrize("damage", [delete, truncate, empty, overwrite, other_notebook])
def test_a_page_whose_executed_copy_is_damaged_runs_again(small, damage):
    small.build()
    for file in (small.root / "cache").rglob("base.ipynb"):
        damage(file)
    assert small.build() == ("ab", {})
    assert small.build() == ("", {})


@pytest.mark.parametrize("damage", [delete, truncate, empty, overwrite])
def test_a_damaged_database_is_made_anew(small, damage):
    small.build()
    damage(small.root / "cache" / "global.db")
    assert small.build() == ("ab", {})
    assert small.build() == ("", {})


def test_a_cache_that_cannot_be_written_is_one_sentence(small):
    """What a full disk does too: OSError while a page is being kept."""
    (small.root / "cache").mkdir()
    (small.root / "cache" / "executed").write_text("a file where a folder should be")
    _, problems = small.build()
    (sentence,) = problems["a"]
    assert sentence.startswith("notebooks/part/a ran, but ")
    assert "cannot keep it" in sentence
    (small.root / "cache" / "executed").unlink()
    assert small.build() == ("ab", {})


def test_a_page_is_kept_under_its_final_name_only_when_it_is_written(
    small, monkeypatch
):
    def full_disk(notebook, path, version):
        path.write_text("{")
        raise OSError("No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(cache.nbformat, "write", full_disk)
        assert "No space left on device" in small.build()[1]["a"][0]
    assert list((small.root / "cache" / "executed").glob("*[!.part]/base.ipynb")) == []
    assert small.build() == ("ab", {})


def test_the_key_goes_under_kernelspec():
    text = cache.with_key(FRONT + "\n# T\n", "k1")
    assert "kernelspec:\n  companion_key: k1\n" in text
    with pytest.raises(ValueError, match="kernelspec"):
        cache.with_key("# T\n", "k1")


def test_magics_are_left_out_of_the_code():
    text = FRONT + "\n```{code-cell} ipython3\nif x:\n    %pip install y\n```\n"
    assert cache.code_cells(text) == ("if x:\n    pass",)


def test_outputs_are_collected_in_order(small):
    for number in (1, 2):
        small.page(
            "part/a", f"from companion import page\npage.check('{number}')\n"
            "page.check('9')", "$$x \\tag{1}\\tag{2}\\tag{9}$$",
        )  # fmt: skip
        small.build()
        found = small.book().outputs("notebooks/part/a", cache_mime())
        assert [data["tag"] for data in found] == [str(number), "9"]


def cache_mime():
    return "application/vnd.companion.check+json"


def test_data_are_looked_for_once(small, monkeypatch):
    """Looking may mean a download."""
    asked = []
    (small.library / "datasets").mkdir()
    (small.library / "datasets" / "rain.py").write_text("DATA = 1")
    small.page("part/a", "from companion.datasets import rain")

    def source(module):
        asked.append(module)
        return "rain", "stand-in"

    monkeypatch.setattr(keys, "source", source)
    book = small.book()
    assert book.key(book.pages[0]) == book.key(book.pages[0])
    assert asked == ["companion.datasets.rain"]
