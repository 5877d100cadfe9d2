"""The index of the course work: nothing of it is forgotten."""

import re

import pytest

from tests.places import PAGES, ROOT

SOURCES = ROOT.parent / "shared" / "sources"
ROWS = re.findall(
    r"^\| (?!Course work|---)(.+?) \| (.+?) \| (.+?) \|$",
    (ROOT / "book" / "assignments.md").read_text("utf-8"),
    re.MULTILINE,
)


def listed(label):
    """Return the numbers that a source's rows name: "ANN 1.3.5 and 1.3.6" names two."""
    codes = " ".join(code for code, _, _ in ROWS if code.startswith(label))
    return set(re.findall(r"\d+(?:\.\d+)*", codes))


def numbers(file, pattern):
    if not SOURCES.is_dir():
        pytest.skip("the course work is not beside the book")
    text = (SOURCES / file).read_text("utf-8")
    return set(re.findall(pattern, text, re.MULTILINE))


def test_each_row_leads_to_a_page_or_says_that_it_is_to_come():
    assert len(ROWS) > 50
    for code, topic, where in ROWS:
        assert topic, code
        for place in where.split("; "):
            page = re.fullmatch(r"\[.+\]\(\.\./(notebooks/.+)\.md\)", place)
            assert page[1] in PAGES if page else place.startswith("to come"), code


@pytest.mark.parametrize("page", PAGES)
def test_each_page_treats_some_course_work(page):
    assert any(f"(../{page}.md)" in where for _, _, where in ROWS)


def test_every_assignment_has_its_rows():
    heads = numbers("ml-assignments-1-8.txt", r"^\[author\] Assignment (\d)")
    assert heads
    assert heads <= {code.split()[1][1] for code, _, _ in ROWS if code[:4] == "ML A"}


def test_every_exercise_of_the_networks_course_has_a_row():
    heads = numbers("ann-assignments-1-4.txt", r"^#+ Exercise (\d\.\d)")
    assert len(heads) > 10
    for head in heads:
        assert any(number.startswith(head) for number in listed("ANN")), head


def test_every_section_and_exercise_of_the_notes_has_a_row():
    sections = numbers("qml-lecture-notes.txt", r"^([1-5]\.\d)\t?\s+[A-Z]")
    exercises = numbers("qml-lecture-notes.txt", r"^Exercise (\d)$")
    assert len(sections) > 15
    assert len(exercises) > 6
    assert exercises <= listed("QML exercise")
    assert sections <= listed("QML")
