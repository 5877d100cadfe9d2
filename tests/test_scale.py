"""How a page is run, as the environment says."""

import pytest

from companion import scale
from companion.errors import PlainValueError


@pytest.mark.parametrize(("name", "value"), [("smoke", 1), ("book", 2), ("full", 2)])
def test_pick_chooses_by_scale(at_scale, name, value):
    at_scale(name)
    assert scale.pick(smoke=1, book=2) == value


def test_full_is_picked_at_full_scale(at_scale):
    at_scale("full")
    assert scale.pick(smoke=1, book=2, full=3) == 3


def test_an_unknown_scale_is_refused(at_scale):
    at_scale("huge")
    with pytest.raises(PlainValueError, match="COMPANION_SCALE is 'huge'"):
        scale.current()


@pytest.mark.parametrize(
    ("book", "strict", "raises"),
    [(None, None, False), ("0", "0", False), ("1", None, True), (None, "1", True)],
)
def test_only_the_builder_and_strict_mode_stop_a_page(
    monkeypatch, book, strict, raises
):
    for name, value in (("COMPANION_BOOK", book), ("COMPANION_STRICT", strict)):
        monkeypatch.delenv(name, raising=False)
        if value is not None:
            monkeypatch.setenv(name, value)
    assert scale.failures_raise() is raises


@pytest.mark.parametrize(
    ("own", "openmp", "count"),
    [("", "", 1), ("", "3", 3), ("2", "3", 2), ("", "4,2", 4)],
)
def test_one_thread_unless_told_otherwise(monkeypatch, own, openmp, count):
    monkeypatch.setenv("COMPANION_THREADS", own)
    monkeypatch.setenv("OMP_NUM_THREADS", openmp)
    assert scale.threads() == count


@pytest.mark.parametrize("text", ["0", "-1", "two", "1.5"])
def test_other_thread_counts_are_refused(monkeypatch, text):
    monkeypatch.setenv("COMPANION_THREADS", text)
    with pytest.raises(PlainValueError, match=f"COMPANION_THREADS is '{text}'"):
        scale.threads()
