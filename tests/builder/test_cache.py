"""The cache of executed pages: what is damaged counts as not there."""

import nbformat
import pytest
from small_book import FRONT, SmallBook

from builder import BookError, cache, keys


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


def keep(book):
    """Keep every page as if it had run."""
    for name in book.pages:
        book.store(name, book.notebook(name), 1.0)


def kept(book):
    return [name for name in book.pages if book.executed(name) is not None]


@pytest.mark.parametrize("damage", [delete, truncate, empty, overwrite, other_notebook])
def test_a_page_whose_executed_copy_is_damaged_counts_as_not_run(small, damage):
    keep(small.book())
    assert kept(small.book()) == small.book().pages
    for file in (small.root / "cache").rglob("base.ipynb"):
        damage(file)
    assert kept(small.book()) == []
    keep(small.book())
    assert kept(small.book()) == small.book().pages


@pytest.mark.parametrize("damage", [delete, truncate, empty, overwrite])
def test_a_damaged_database_is_made_anew(small, damage):
    keep(small.book())
    damage(small.root / "cache" / "global.db")
    assert kept(small.book()) == []
    keep(small.book())
    assert kept(small.book()) == small.book().pages


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


def test_a_copy_gets_its_name_only_when_it_is_written(small, monkeypatch):
    def full_disk(notebook, path, version):
        path.write_text("{")
        raise OSError("No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(cache.nbformat, "write", full_disk)
        with pytest.raises(BookError, match="No space left on device"):
            keep(small.book())
    assert kept(small.book()) == []
    keep(small.book())
    assert kept(small.book()) == small.book().pages


def test_the_key_goes_under_kernelspec():
    text = cache.with_key(FRONT + "\n# T\n", "k1")
    assert "kernelspec:\n  companion_key: k1\n" in text
    with pytest.raises(ValueError, match="kernelspec"):
        cache.with_key("# T\n", "k1")


def test_magics_are_left_out_of_the_code():
    text = FRONT + "\n```{code-cell} ipython3\nif x:\n    %pip install y\n```\n"
    assert cache.code_cells(text) == ("if x:\n    pass",)


def test_outputs_are_collected_in_order():
    def cell(*words):
        shown = [nbformat.v4.new_output("display_data", {"m": w}) for w in words]
        return nbformat.v4.new_code_cell("x", outputs=shown)

    text = nbformat.v4.new_markdown_cell("words")
    notebook = nbformat.v4.new_notebook(cells=[cell(*"ab"), text, cell(), cell("c")])
    assert cache.outputs(notebook, "m") == ["a", "b", "c"]
    assert cache.outputs(notebook, "n") == []


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
