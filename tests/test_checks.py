import numpy as np
import pytest
import sympy as sp
import torch
from hypothesis import given
from hypothesis import strategies as st

from companion import checks
from companion.checks import CheckFailed
from companion.exercises import Exercise

x, y = sp.symbols("x y", real=True)


def how(displayed):
    return displayed[-1][checks.MIME]["how"]


def test_identity_proves_a_true_identity(displayed):
    checks.identity(sp.sin(x) ** 2 + sp.cos(x) ** 2, 1, tag="3")
    assert displayed[-1][checks.MIME] == {"tag": "3", "how": "proved"}
    assert "(3)" in displayed[-1]["text/plain"]


def test_identity_proves_matrices(displayed):
    a = sp.Matrix([[x, y], [1, 2]])
    checks.identity((a * a.T).T, a * a.T)
    assert how(displayed) == "proved"


def test_identity_falls_back_to_random_points(displayed, monkeypatch):
    monkeypatch.setattr(checks, "_proved", lambda difference: False)
    checks.identity(sp.exp(x + y), sp.exp(x) * sp.exp(y), domain={x: (0, 1)})
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


@pytest.fixture
def square(monkeypatch):
    exercise = Exercise(
        reference=lambda z: z**2,
        sample=lambda rng: (rng.normal(),),
        properties=[("It must be even.", lambda f, z: f(z) == f(-z))],
    )
    monkeypatch.setattr(checks, "find_exercise", lambda id: exercise)


def test_answer_accepts_a_right_attempt(square, displayed):
    checks.answer("p/square", lambda z: z * z)
    assert displayed[-1][checks.ANSWER]["exercise"] == "p/square"
    assert "right, on 200" in displayed[-1]["text/plain"]


def test_answer_leaves_an_unattempted_exercise_alone(square, displayed):
    def attempt(z):
        raise NotImplementedError

    for unattempted in (attempt, lambda z: None, lambda z: ...):
        checks.answer("p/square", unattempted)
        assert "not attempted" in displayed[-1]["text/plain"]


@pytest.mark.parametrize(
    ("attempt", "message"),
    [
        (lambda z: z**3, "even"),
        (lambda z: abs(z), "not right"),
        (lambda z: (z, "x"), "tuple where numbers"),
        (lambda z: [z * z, z * z], "shape"),
        (lambda z: "four", "str where numbers"),
        (lambda z: 1 / 0, "ZeroDivisionError"),
    ],
)
def test_answer_says_what_is_wrong(square, displayed, attempt, message):
    checks.answer("p/square", attempt)
    assert message in displayed[-1]["text/plain"]


def test_find_exercise_names_the_page_s_exercises():
    with pytest.raises(ModuleNotFoundError):
        checks.find_exercise("no-such-page/x")
