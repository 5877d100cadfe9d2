import ast
import re

import jupytext
import nbformat
import numpy as np
import pytest
import sympy as sp
import torch
from hypothesis import given
from hypothesis import strategies as st

from builder import build
from companion import checks, exercises
from companion.checks import CheckFailed
from companion.exercises import Exercise
from tests.places import PAGES, ROOT

x, y = sp.symbols("x y", real=True)


def how(displayed):
    return displayed[-1][checks.MIME]["how"]


@pytest.fixture
def reader(monkeypatch):
    """Run the page as a reader does: neither the builder's nor strict."""
    monkeypatch.delenv("COMPANION_BOOK", raising=False)
    monkeypatch.delenv("COMPANION_STRICT", raising=False)


def test_identity_proves_a_true_identity(displayed):
    checks.identity(sp.sin(x) ** 2 + sp.cos(x) ** 2, 1, tag="3")
    assert displayed[-1][checks.MIME] == {"tag": "3", "how": "proved"}
    assert "(3)" in displayed[-1]["text/plain"]


def test_identity_proves_matrices(displayed):
    a = sp.Matrix([[x, y], [1, 2]])
    checks.identity((a * a.T).T, a * a.T)
    assert how(displayed) == "proved"


def test_identity_falls_back_to_random_points(displayed, monkeypatch):
    monkeypatch.setattr(sp, "simplify", lambda expression: expression)
    checks.identity(sp.cos(2 * x), 1 - 2 * sp.sin(x) ** 2, domain={x: (0, 1)})
    assert "200 random points" in how(displayed)


def test_identity_names_a_point_where_it_fails():
    with pytest.raises(CheckFailed, match=r"differ by .* at x=\d"):
        checks.identity(sp.sqrt(x**2), x + 0.1, domain={x: (1, 2)})


def test_identity_is_not_fooled_by_a_narrow_domain():
    with pytest.raises(CheckFailed):
        checks.identity(sp.sqrt(x**2), x)


def test_identity_of_functions(displayed):
    checks.identity(np.tanh, lambda z: 1 - 2 / (np.exp(2 * z) + 1),
                    sample=lambda rng: rng.normal(size=3))  # fmt: skip
    with pytest.raises(CheckFailed):
        checks.identity(np.sin, np.cos, sample=lambda rng: rng.normal())
    with pytest.raises(TypeError, match="sample"):
        checks.identity(np.sin, np.sin)


def test_a_check_that_meets_nan_fails():
    with pytest.raises(CheckFailed):
        checks.identity(
            lambda z: z * np.nan, lambda z: z, sample=lambda rng: rng.normal()
        )
    with pytest.raises(CheckFailed):
        checks.close(np.nan, 1.0, 1e-3)


@given(st.integers(1, 4), st.integers(1, 4))
def test_gradient_accepts_the_right_one_and_refuses_a_sign_error(n, m):
    A = np.random.default_rng(n * 10 + m).normal(size=(n, m))

    def f(z):
        return (torch.as_tensor(A) @ z).square().sum()

    sample = lambda rng: rng.normal(size=m)  # noqa: E731
    checks.gradient(f, lambda z: 2 * A.T @ A @ z, sample=sample)
    with pytest.raises(CheckFailed, match="autograd"):
        checks.gradient(f, lambda z: -2 * A.T @ A @ z, sample=sample)


def test_gradient_refuses_a_wrong_shape():
    with pytest.raises(CheckFailed):
        checks.gradient(lambda z: (z**2).sum(), lambda z: 2 * z[:2], at=np.ones(3))


def test_close_compares_shapes_and_values(displayed):
    checks.close([1.0, 2.0], np.array([1.0, 2.0 + 1e-12]), 1e-10, name="sums")
    assert "sums" in displayed[-1]["text/plain"]
    with pytest.raises(CheckFailed, match="shapes"):
        checks.close(np.ones(3), np.ones((3, 1)), 1e-3)
    with pytest.raises(CheckFailed, match="difference 1"):
        checks.close(1.0, 2.0, 0.5)


@pytest.mark.parametrize(("lhs", "rhs"), [(x, x + y), (x, x + 1), (sp.S(1), sp.S(2))])
def test_identity_of_sides_that_differ_by_a_constant_fails(lhs, rhs):
    with pytest.raises(CheckFailed, match="differ by"):
        checks.identity(lhs, rhs)


@pytest.mark.parametrize("rhs", [sp.Matrix([[1], [2]]), sp.S(1)])
def test_identity_of_different_shapes_fails(rhs):
    with pytest.raises(CheckFailed, match="shapes differ"):
        checks.identity(sp.Matrix([[1, 2]]), rhs)


def test_a_function_that_changes_its_arguments_does_not_pass():
    def erased(z):
        z[:] = 0
        return z

    with pytest.raises(CheckFailed):
        checks.identity(erased, lambda z: z, sample=lambda rng: rng.normal(size=3))
    with pytest.raises(CheckFailed):
        checks.gradient(lambda z: (z * 0).sum() + z[0], erased, at=np.ones(3))


def test_gradient_wants_points():
    with pytest.raises(TypeError, match="at=... or sample=..."):
        checks.gradient(lambda z: z.sum(), np.ones_like)


@pytest.mark.parametrize(
    "empty",
    [
        lambda: checks.close([], [], 1e-3),
        lambda: checks.at_most([], 1),
        lambda: checks.at_least([], 1),
        lambda: checks.holds([], name="all"),
        lambda: checks.identity(sp.Matrix([]), sp.Matrix([])),
        lambda: checks.identity(np.sort, np.sort, sample=lambda rng: np.ones(0)),
        lambda: checks.gradient(lambda z: z.sum(), lambda z: z, at=np.ones(0)),
    ],
)
def test_nothing_to_compare_does_not_pass(empty):
    with pytest.raises(CheckFailed, match="nothing to compare"):
        empty()


def test_bounds_show_the_tightest_value(displayed):
    checks.at_most([1, 2.5, 2], 3, tag="2", name="bound")
    assert displayed[-1][checks.MIME] == {"tag": "2", "how": "2.5, at most 3 allowed"}
    checks.at_least(torch.tensor([4.0, 5.0]), [1, 4.5])
    assert how(displayed) == "5, at least 4.5 wanted"


@pytest.mark.parametrize(
    ("bound", "a", "b", "message"),
    [
        (checks.at_most, [1, 3], 2, "3, at most 2 allowed"),
        (checks.at_least, 1, [0, 2], "1, at least 2 wanted"),
        (checks.at_most, [0, np.nan], 1, "nan, at most 1"),
        (checks.at_least, 1, np.nan, "1, at least nan"),
        (checks.at_most, [1, 2], [1, 2, 3], "shapes do not fit"),
    ],
)
def test_a_broken_bound_fails(bound, a, b, message):
    with pytest.raises(CheckFailed, match=message):
        bound(a, b)


def test_holds_wants_every_condition_true(displayed):
    checks.holds(np.ones(3, bool), name="rises", tag="4")
    assert displayed[-1][checks.MIME] == {"tag": "4", "how": "holds, all 3"}
    with pytest.raises(CheckFailed, match="1 of 2 do not hold"):
        checks.holds([True, False], name="rises")
    with pytest.raises(TypeError, match="True or False"):
        checks.holds(0.3, name="rises")


def disguised(tree):
    """Return the calls of close that compare a bound or a condition with 0 or 1."""
    for call in ast.walk(tree):
        if isinstance(call, ast.Call) and ast.unparse(call.func) == "checks.close":
            inside = [node for arg in call.args[:2] for node in ast.walk(arg)]
            calls = [ast.unparse(n.func) for n in inside if isinstance(n, ast.Call)]
            compares = any(isinstance(node, ast.Compare) for node in inside)
            if compares or {"max", "np.maximum", "np.zeros_like"} & set(calls):
                yield ast.unparse(call)


@pytest.mark.parametrize("name", PAGES)
def test_pages_write_inequalities_as_such(name):
    cells = jupytext.read(ROOT / f"{name}.md").cells
    code = "\n".join(c.source for c in cells if c.cell_type == "code")
    code = re.sub(r"^(\s*)[%!].*", r"\1pass", code, flags=re.MULTILINE)
    assert list(disguised(ast.parse(code))) == []


# -- a reader who changed something ----------------------------------------------------


@pytest.mark.parametrize(
    "check",
    [
        lambda: checks.close(1, 2, 0.5, tag="7"),
        lambda: checks.at_most(2, 1, tag="7"),
        lambda: checks.at_least(1, 2, tag="7"),
        lambda: checks.holds(False, name="false", tag="7"),
        lambda: checks.identity(x, x + y, tag="7"),
        lambda: checks.gradient(lambda z: z.sum(), np.zeros_like, at=[1.0], tag="7"),
    ],
)
def test_a_failed_check_turns_red_and_the_page_goes_on(reader, displayed, check):
    check()
    (line,) = displayed
    assert line["text/plain"].startswith("✗ (7) ")
    assert "you changed something, or found an error: " in line["text/plain"]
    assert line[checks.MIME]["failed"] is True
    assert "#D55E00" in line["text/html"]


@pytest.mark.parametrize("variable", ["COMPANION_BOOK", "COMPANION_STRICT"])
def test_the_builder_and_strict_mode_stop(reader, monkeypatch, variable):
    monkeypatch.setenv(variable, "1")
    with pytest.raises(CheckFailed):
        checks.close(1, 2, 0.5)


# -- groups ----------------------------------------------------------------------------


def test_a_group_shows_one_line_that_opens_to_its_checks(displayed):
    with checks.group("(1) and (2) agree"):
        checks.close(1, 1, 0, tag="1")
        checks.at_most([1, 2], 2, tag="2", name="a < b")
    (only,) = displayed
    data = only[checks.MIME]
    assert (data["tag"], data["how"]) == (None, "2 checks")
    assert [one["tag"] for one in data["group"]] == ["1", "2"]
    assert "failed" not in data
    first, *lines = only["text/plain"].splitlines()
    assert first == "✓ (1) and (2) agree [2 checks]"
    assert [line.split()[1] for line in lines] == ["(1)", "(2)"]
    assert only["text/html"].startswith("<details")
    assert "a &lt; b" in only["text/html"]


def test_a_red_group_says_how_many_failed(reader, displayed):
    with checks.group("bounds"):
        checks.at_most([1, 3], 2, tag="1")
        checks.at_most(1, 2, tag="2")
    (only,) = displayed
    assert only["text/plain"].startswith("✗ bounds [1 of 2 checks failed: you changed")
    assert only[checks.MIME]["failed"] is True
    assert [one.get("failed") for one in only[checks.MIME]["group"]] == [True, None]


def test_under_the_builder_a_group_stops_at_the_check_that_fails(displayed):
    with pytest.raises(CheckFailed, match="3, at most 2"), checks.group("bounds"):
        checks.at_most([1, 3], 2)
    checks.close(1, 1, 0)
    assert displayed[-1]["text/plain"].startswith("✓ two values")


def test_a_group_without_a_check_does_not_pass():
    with pytest.raises(CheckFailed, match="no check inside"), checks.group("nothing"):
        pass


def test_a_group_in_a_group_adds_its_lines(displayed):
    with checks.group("all"):
        checks.close(1, 1, 0)
        with checks.group("some"):
            checks.close(2, 2, 0)
    assert [one[checks.MIME]["how"] for one in displayed] == ["2 checks"]


def test_the_builder_finds_the_tags_in_a_group(displayed):
    with checks.group("both"):
        checks.close(1, 1, 0, tag="1")
        checks.close(1, 1, 0, tag="3")
    cell = nbformat.v4.new_code_cell(
        outputs=[nbformat.v4.new_output("display_data", data=displayed[0])]
    )
    text = nbformat.v4.new_markdown_cell(r"$$a \tag{1}$$ and $$b \tag{2}$$")
    problems = build.tag_problems(nbformat.v4.new_notebook(cells=[text, cell]))
    assert problems == [
        "equation (2) has no check",
        "a check names equation (3), which does not exist",
    ]


# -- answers ---------------------------------------------------------------------------


@pytest.fixture
def square(monkeypatch):
    exercise = Exercise(reference=lambda z: z**2, sample=lambda rng: (rng.normal(),))
    monkeypatch.setattr(exercises, "find", lambda id: exercise)


def test_answer_shows_the_verdict(square, displayed):
    checks.answer("square", lambda z: z * z)
    assert displayed[-1][checks.ANSWER] == {
        "exercise": "square",
        "verdict": "right, on 200 random inputs",
    }
    assert displayed[-1]["text/plain"].startswith("✓ Exercise square: right, on 200")
    checks.answer("square", None)
    assert displayed[-1]["text/plain"] == "○ Exercise square: not attempted yet"


def test_answer_keeps_the_arguments_that_failed(square, displayed):
    checks.answer("square", lambda z: z * z if z < 1 else 0.0)
    assert "kept in checks.failing" in displayed[-1]["text/plain"]
    (z,) = checks.failing
    assert z >= 1
    checks.answer("square", lambda z: z * z)
    assert checks.failing == ()
