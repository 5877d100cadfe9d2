"""Attempts at exercises: what is right, what is said, and every page's solutions."""

import json
import os
import re
import subprocess
import sys
from functools import partial
from types import SimpleNamespace

import jupytext
import numpy as np
import pytest
import sympy as sp
import torch

from companion import exercises, page, pages
from companion.comparison import agree, as_array
from companion.exercises import Exercise, is_not, judge
from tests.places import PAGES, ROOT

SQUARE = Exercise(
    reference=lambda z: z**2,
    sample=lambda rng: (rng.normal(),),
    properties=[("It must be even.", lambda f, z: agree(f(z), f(-z)))],
)
MEAN = Exercise(
    reference=lambda X: (X**2).mean(axis=0),
    sample=lambda rng: (rng.normal(size=(rng.integers(3, 9), 2)),),
)
GRAM = Exercise(
    reference=lambda A, B: A.T @ B,
    sample=lambda rng: (rng.normal(size=(3, 2)), rng.normal(size=(3, 2))),
)
STEP = Exercise(
    reference=lambda x, v: (x - v, 0.9 * v),
    sample=lambda rng: (rng.normal(size=3), rng.normal(size=3)),
)
DRILL = Exercise(reference=17 / 14, tol=1e-3)


def said(exercise, attempt):
    return judge(exercise, attempt).text


# -- what is right ---------------------------------------------------------------------


def test_a_right_attempt():
    assert judge(SQUARE, lambda z: z * z).text == "right, on 200 random inputs"
    assert judge(SQUARE, lambda z: z * z).sign == "✓"


def in_place(X):
    X *= X
    return X.mean(axis=0)


def by_float32(X):
    return (torch.tensor(X, dtype=torch.float32) ** 2).mean(0)


def by_half(X):
    return (torch.tensor(X, dtype=torch.bfloat16) ** 2).mean(0)


@pytest.mark.parametrize(
    "attempt",
    [
        in_place,
        by_float32,
        by_half,
        lambda X: np.mean(X.astype(np.float32) ** 2, axis=0),
        lambda X: [float(np.mean(column**2)) for column in X.T],
        lambda X: torch.tensor(X, requires_grad=True).square().mean(0),
    ],
)
def test_other_right_attempts(attempt):
    assert said(MEAN, attempt).startswith("right")


def test_an_attempt_in_place_does_not_disturb_the_properties():
    exercise = Exercise(
        reference=lambda x: 2 * x,
        sample=lambda rng: (rng.normal(size=3),),
        properties=[
            ("It doubles.", lambda f, x: agree(f(x), 2 * x)),
            ("It is linear.", lambda f, x: agree(f(3 * x), 3 * f(x))),
        ],
    )

    def attempt(x):
        x *= 2
        return x

    assert said(exercise, attempt).startswith("right")


def test_functions_among_the_arguments_are_passed_as_they_are():
    layer = torch.nn.Linear(1, 1)
    exercise = Exercise(lambda f, x: True, lambda rng: (layer, rng.normal()))
    assert said(exercise, lambda f, x: f is layer).startswith("right")


def test_tensors_in_a_graph_are_copied():
    weights = torch.ones(2, requires_grad=True) * 2
    exercise = Exercise(lambda w: w.sum(), lambda rng: (weights,))
    assert said(exercise, lambda w: w[0] + w[1]).startswith("right")
    assert said(exercise, lambda w: w.detach().fill_(2).sum()).startswith("right")


def test_float32_is_no_excuse_in_float64():
    assert said(SQUARE, lambda z: z * z + 1e-5).startswith("not yet")
    assert said(SQUARE, lambda z: np.float32(z * z + 0.1)).startswith("not yet")


def test_another_right_answer_passes_by_its_properties():
    def squares_to(root, x):
        return agree(root(x) ** 2, x)

    root = Exercise(np.sqrt, lambda rng: (rng.uniform(1, 2),), [("No.", squares_to)])
    by_properties = Exercise(root.reference, root.sample, root.properties, 1e-8, True)
    assert said(root, lambda x: -np.sqrt(x)).startswith("not yet")
    assert said(by_properties, lambda x: -np.sqrt(x)).startswith("right")
    assert said(by_properties, lambda x: x) == "not yet. No."
    assert "a number" in said(by_properties, lambda x: [x, x])
    with pytest.raises(ValueError, match="needs properties"):
        Exercise(np.sqrt, root.sample, by_properties=True)


def test_a_partial_and_an_object_that_is_called_are_functions():
    assert said(SQUARE, partial(np.power, 2)).startswith("not yet")
    assert said(SQUARE, np.square).startswith("right")


# -- what is not attempted -------------------------------------------------------------


def dots(z): ...


def placeholder(z):
    """Return the square."""
    ...  # your attempt


def passed(z):
    pass


def none(z):
    return None


def not_implemented(z):
    w = 2 * z  # given
    raise NotImplementedError(f"your turn {w}")


def ellipsis_returned(z):
    w = z * z
    return ... if w else w


@pytest.mark.parametrize(
    "attempt",
    [dots, placeholder, passed, none, not_implemented, ellipsis_returned, None, ...],
)
def test_an_exercise_that_is_not_attempted(attempt):
    verdict = judge(SQUARE, attempt)
    assert (verdict.sign, verdict.text) == ("○", "not attempted yet")


def test_a_forgotten_return_is_an_attempt():
    def forgotten(z):
        z * z  # noqa: B018

    text = said(SQUARE, forgotten)
    assert text == "not yet. It returned nothing: did you forget return?"


# -- what is said ----------------------------------------------------------------------


def missing_part(x, v):
    return x - v, None


@pytest.mark.parametrize(
    ("exercise", "attempt", "message"),
    [
        (SQUARE, lambda z: z**3, "even"),
        (SQUARE, lambda z: abs(z), "not right. Tried with"),
        (SQUARE, lambda z: (z, "x"), "2 values (a number, a str); wanted: a number."),
        (SQUARE, lambda z: [z * z, z * z], "an array of shape (2,); wanted: a number"),
        (SQUARE, lambda z: "4", "a str; wanted: a number"),
        (SQUARE, lambda z: {"z": z}, "a dict; wanted: a number"),
        (MEAN, lambda X: X[0] * np.nan, "It returned array([nan, nan]), which is not"),
        (SQUARE, lambda z: 1 / 0, "It raised ZeroDivisionError: division by zero."),
        (SQUARE, lambda: 0, "It raised TypeError"),
        (SQUARE, 4.0, "Give the function itself"),
        (STEP, lambda x, v: x - v, "an array of shape (3,); wanted: 2 values (an arr"),
        (STEP, missing_part, "2 values (an array of shape (3,), nothing); wanted: 2"),
        (GRAM, lambda A, B: A @ B.T, "an array of shape (3, 3); wanted: an array of"),
        (DRILL, (1.0, 2.0), "You gave 2 values (a number, a number); wanted: a number"),
        (DRILL, 1.5, "You gave 1.5, which is not right."),
        (DRILL, "1.2143", "You gave a str; wanted: a number."),
    ],
)
def test_what_is_wrong_is_said(exercise, attempt, message):
    text = said(exercise, attempt)
    assert text.startswith("not yet. ")
    assert message in text


def test_a_failed_property_is_said_without_inputs_and_keeps_them():
    verdict = judge(SQUARE, lambda z: z**3)
    assert verdict.text == "not yet. It must be even."
    assert len(verdict.failing) == 1


def test_a_slip_has_a_sentence_of_its_own():
    drill = Exercise(
        reference=0.4, tol=1e-3, properties=[("That is the other end.", is_not(0.3))]
    )
    assert judge(drill, 0.4).sign == "✓"
    assert "the other end" in judge(drill, 0.3).text
    assert "the other end" not in judge(drill, 0.31).text


def test_a_property_of_arrays_is_its_sentence():
    unclear = [("All of them.", lambda f, z: np.array([True, False]))]
    exercise = Exercise(SQUARE.reference, SQUARE.sample, unclear)
    assert said(exercise, lambda z: z * z) == "not yet. All of them."


@pytest.mark.parametrize("error", [ZeroDivisionError, IndexError, RuntimeError])
def test_a_property_that_raises_is_its_sentence(error):
    def raises(f, z):
        raise error

    exercise = Exercise(SQUARE.reference, SQUARE.sample, [("Try z = 0.", raises)])
    assert said(exercise, lambda z: z * z) == "not yet. Try z = 0."


def rows(A, B):
    return (A.T @ B).T


@pytest.mark.parametrize(
    ("exercise", "attempt", "slip"),
    [
        (SQUARE, lambda z: 2 * z**2, "twice what is right: a factor 2 too much?"),
        (SQUARE, lambda z: z**2 / 2, "half of what is right: a factor 2 forgotten?"),
        (SQUARE, lambda z: -(z**2), "the wrong sign"),
        (STEP, lambda x, v: (2 * (x - v), 1.8 * v), "a factor 2 too much?"),
        (GRAM, rows, "the transpose of what is right"),
        (MEAN, lambda X: (X**2).sum(axis=0), "a sum where a mean is wanted?"),
        (DRILL, 2.43, "a factor 2 too much?"),
        (DRILL, -1.2143, "the wrong sign"),
    ],
)
def test_usual_slips_are_named(exercise, attempt, slip):
    assert slip in said(exercise, attempt)


def test_a_mean_for_a_sum_is_named():
    total = Exercise(
        lambda x: x.sum(), lambda rng: (rng.normal(size=rng.integers(3, 9)),)
    )
    assert "a mean where a sum is wanted?" in said(total, np.mean)


def test_a_transposed_shape_is_named():
    wide = Exercise(lambda A: A @ A.T @ A, lambda rng: (rng.normal(size=(2, 3)),))
    assert "Is it transposed?" in said(wide, lambda A: (A @ A.T @ A).T)


def test_one_part_of_a_ragged_pair_is_refused():
    """The parts have different shapes, so the pair as a whole has none."""
    pair = Exercise(lambda A: (A, A[0]), lambda rng: (rng.normal(size=(2, 3)),))
    assert "wanted: 2 values" in said(pair, lambda A: A)


def test_a_chance_factor_is_no_slip():
    """One call that is off by 2, or a call that fails, is not called a slip."""
    assert "factor" not in said(SQUARE, lambda z: 2 * z**2 if z < 0 else z**2)
    assert "factor" not in said(SQUARE, lambda z: 2 * z**2 if z < 0.6 else None)


# -- drills ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "value",
    [17 / 14, 1.2143, np.float32(17 / 14), np.array(17 / 14), sp.Rational(17, 14)],
)
def test_a_drill_takes_a_number(value):
    assert judge(DRILL, value).text == "right"


def test_a_drill_takes_a_function_and_several_numbers():
    pair = Exercise(reference=(1.0, 2.5))
    for value in ((1, 2.5), [1, 2.5], np.array([1, 2.5]), torch.tensor([1, 2.5])):
        assert judge(pair, value).text == "right"
    assert judge(pair, (None, None)).text == "not attempted yet"
    assert "nothing" in judge(pair, (1.0, None)).text
    three = Exercise(reference=lambda: 3, sample=lambda rng: ())
    assert judge(three, lambda: 3).text == judge(three, 3).text == "right"


# -- the pages' exercises --------------------------------------------------------------


@pytest.fixture
def begun(monkeypatch):
    """Begin a page without setting generators and styles."""
    return lambda name: monkeypatch.setattr(page, "name", lambda: name)


def test_find_names_the_page_s_exercises(begun):
    begun("foundations/activation-functions")
    assert exercises.find("waiting-time").sample
    with pytest.raises(KeyError, match="as-sigmoid"):
        exercises.find("no-such-exercise")
    begun("foundations/no-such-page")
    with pytest.raises(KeyError, match="no exercises"):
        exercises.find("x")


NAMES = [name.removeprefix("notebooks/") for name in PAGES]
ALL = [(name, id) for name in NAMES for id in pages.exercises(name).EXERCISES]


def to_float32(value):
    if isinstance(value, tuple):
        return tuple(map(to_float32, value))
    return torch.tensor(as_array(value), dtype=torch.float32)


@pytest.mark.parametrize(("name", "id"), ALL)
def test_a_tolerance_is_small_beside_the_right_values(name, id):
    exercise = pages.exercises(name).EXERCISES[id]
    if callable(exercise.reference) or exercise.by_properties:
        pytest.skip("not a value")
    sizes = np.abs(as_array(exercise.reference)).ravel()
    assert all(exercise.tol <= 0.1 * size for size in sizes[sizes > 0])


@pytest.mark.parametrize(("name", "id"), ALL)
def test_a_right_answer_that_spoils_its_arguments_passes(name, id):
    exercise = pages.exercises(name).EXERCISES[id]

    def attempt(*args):
        result = exercise.right(args)
        for arg in args:
            if isinstance(arg, np.ndarray):
                arg[...] = 0
        return result

    verdict = judge(exercise, attempt if exercise.sample else attempt())
    assert verdict.sign == "✓", verdict.text


# Their texts ask for more digits than float32 has.
TEN_DIGITS = {("foundations/activation-functions", "sgd-step")}


@pytest.mark.parametrize(("name", "id"), sorted({*ALL} - TEN_DIGITS))
def test_a_right_answer_in_float32_passes(name, id):
    exercise = pages.exercises(name).EXERCISES[id]

    def attempt(*args):
        return to_float32(exercise.right(args))

    verdict = judge(exercise, attempt if exercise.sample else attempt())
    assert verdict.sign == "✓", verdict.text


@pytest.mark.parametrize(("name", "id"), ALL)
def test_any_number_is_refused(name, id):
    exercise = pages.exercises(name).EXERCISES[id]
    verdict = judge(exercise, (lambda *args: 0.12345) if exercise.sample else 0.12345)
    assert verdict.sign == "✗"


def test_tanh_as_another_sigmoid_network():
    """tanh z = 1 - 2 sigma(-2z) is as right as tanh z = 2 sigma(2z) - 1."""

    def attempt(W1, b1, W2, b2):
        parts = (-2 * W1, -2 * b1, -2 * W2, b2 + W2.sum(axis=1))
        return np.concatenate([part.ravel() for part in parts])

    exercise = pages.exercises("foundations/activation-functions").EXERCISES[
        "as-sigmoid"
    ]
    assert said(exercise, attempt).startswith("right")
    assert said(exercise, lambda *args: attempt(*args) * 2).startswith("not yet")


# -- the pages' solutions --------------------------------------------------------------

ANSWER = re.compile(r"^checks\.answer\(\s*\"([^\"]+)\"")
DETAILS = re.compile(r"<details>.*?</details>", re.DOTALL)
PYTHON = re.compile(r"```python\n(.*?)```", re.DOTALL)
RUN = """
import json, sys
from companion import checks, page
lines = []
page.show_html = lambda html, plain, data=None: lines.append(plain)
page.start(sys.argv[1])
for code in json.load(sys.stdin):
    space = {}
    exec(code["solution"], space)
    space["checks"] = checks
    exec(code["answer"], space)
    exec(code["cell"], {"checks": checks})
print(json.dumps(lines))
"""


def solved(name):
    """Return each exercise's cell, its answer line and its pasted solution."""
    found, open_cell = [], None
    for cell in jupytext.read(ROOT / "notebooks" / f"{name}.md").cells:
        line = re.search(r"^checks\.answer.*", cell.source, re.M | re.S)
        if cell.cell_type == "code" and line:
            assert open_cell is None, f"no solution in Python: {open_cell}"
            open_cell = SimpleNamespace(cell=cell.source, answer=line[0])
        for details in DETAILS.findall(cell.source):
            blocks = PYTHON.findall(details)
            if blocks and open_cell:
                found.append({**vars(open_cell), "solution": "\n".join(blocks)})
                open_cell = None
    assert open_cell is None, f"no solution in Python: {open_cell}"
    return found


@pytest.mark.timeout(120)
@pytest.mark.parametrize("name", NAMES)
def test_every_solution_passes_when_pasted_alone(name):
    codes = solved(name)
    asked = {ANSWER.match(code["answer"])[1] for code in codes}
    assert asked == set(pages.exercises(name).EXERCISES)
    run = subprocess.run(
        [sys.executable, "-W", "error", "-c", RUN, name],
        input=json.dumps(codes), capture_output=True, text=True,
        env={**os.environ, "PYTHONPATH": f"{ROOT / 'src'}"},
    )  # fmt: skip
    assert run.returncode == 0, run.stderr[-2000:]
    lines = json.loads(run.stdout.splitlines()[-1])
    assert [line[:1] for line in lines] == ["✓", "○"] * len(codes), lines


@pytest.mark.parametrize("name", NAMES)
def test_solutions_name_only_what_there_is(name):
    """A name that a solution quotes, such as `fit_many`, is the page's or NumPy's."""
    notebook = jupytext.read(ROOT / "notebooks" / f"{name}.md")
    code = "\n".join(c.source for c in notebook.cells if c.cell_type == "code")
    text = "\n".join(c.source for c in notebook.cells if c.cell_type == "markdown")
    for details in DETAILS.findall(text):
        for quoted in re.findall(r"`([a-zA-Z_]\w*)(?:\([^`]*\))?`", details):
            known = re.search(rf"\b{quoted}\b", code) or hasattr(np, quoted)
            assert known or hasattr(torch, quoted), quoted
