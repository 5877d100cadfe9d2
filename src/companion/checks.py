"""Checks of a derivation: each prints one line for the reader and raises on failure."""

from collections.abc import Callable, Mapping, Sequence
from html import escape
from typing import Any

import numpy as np
import sympy as sp
import torch

from companion import page, pages
from companion.errors import PlainError
from companion.exercises import Exercise

MIME = "application/vnd.companion.check+json"
ANSWER = "application/vnd.companion.answer+json"
DRAWS = 200
Sample = Callable[[np.random.Generator], Any]


class CheckFailed(PlainError, AssertionError):
    """A check of a derivation or of an exercise did not hold."""


def identity(
    lhs: Any,
    rhs: Any,
    *,
    tag: str | None = None,
    name: str | None = None,
    domain: Mapping[sp.Symbol, tuple[float, float]] | None = None,
    sample: Sample | None = None,
    tol: float = 1e-10,
) -> None:
    """Check that two expressions are equal, by proof where SymPy finds one.

    Parameters
    ----------
    lhs, rhs
        SymPy expressions or matrices, or two functions of the same arguments.
    tag
        Number of the displayed equation that this checks.
    name
        What is checked, in words; the default prints the two sides.
    domain
        For expressions: interval of each free symbol, (-2, 2) if not given.
    sample
        For functions: draws the tuple of arguments from a generator.
    tol
        Largest accepted difference in float64, relative to 1 + |rhs|.

    Raises
    ------
    CheckFailed
        With the point at which the sides differ most.
    """
    if callable(lhs) and not isinstance(lhs, sp.Basic):
        if sample is None:
            raise TypeError("identity of two functions needs sample=...")
        worst, where = _worst_of_functions(lhs, rhs, sample)
        shown = name or "two functions"
    else:
        left, right = sp.sympify(lhs), sp.sympify(rhs)
        shown = name or f"{left} = {right}"
        if _proved(left - right):
            return _pass(shown, "proved", tag)
        worst, where = _worst_of_expressions(left, right, domain or {})
    if not worst <= tol:
        _fail(shown, f"the sides differ by {worst:.3g} at {where}", tag)
    return _pass(shown, f"{DRAWS} random points, to {worst:.0e}", tag)


def _proved(difference: Any) -> bool:
    parts = list(difference) if isinstance(difference, sp.MatrixBase) else [difference]
    return all(sp.simplify(part) == 0 for part in parts)


def _worst_of_functions(lhs: Any, rhs: Any, sample: Sample) -> tuple[float, str]:
    rng = np.random.default_rng(0)
    draws = [sample(rng) for _ in range(DRAWS)]
    draws = [args if isinstance(args, tuple) else (args,) for args in draws]
    errors = [_relative(lhs(*args), rhs(*args)) for args in draws]
    worst = int(np.argmax(errors))
    return errors[worst], _brief(draws[worst])


def _worst_of_expressions(
    left: Any, right: Any, domain: Mapping[sp.Symbol, tuple[float, float]]
) -> tuple[float, str]:
    symbols = sorted((left - right).free_symbols, key=str)
    f, g = (sp.lambdify(symbols, side, "numpy") for side in (left, right))
    rng = np.random.default_rng(0)
    bounds = [domain.get(symbol, (-2.0, 2.0)) for symbol in symbols]
    draws = [[rng.uniform(*bound) for bound in bounds] for _ in range(DRAWS)]
    errors = [_relative(f(*draw), g(*draw)) for draw in draws]
    worst = int(np.argmax(errors))
    at = ", ".join(f"{s}={v:.4g}" for s, v in zip(symbols, draws[worst], strict=True))
    return errors[worst], at


def gradient(
    f: Callable[[torch.Tensor], torch.Tensor],
    g: Callable[[np.ndarray], Any],
    *,
    at: Any = None,
    sample: Sample | None = None,
    tag: str | None = None,
    name: str = "gradient",
    tol: float = 1e-8,
) -> None:
    """Check a derived gradient against autograd and central differences.

    Parameters
    ----------
    f
        Scalar function of one float64 tensor, written with torch operations.
    g
        The derived gradient: array in, array of the same shape out.
    at, sample
        One point, or a function that draws points (20 are tried).
    tol
        Largest accepted difference to autograd, relative to 1 + its size.
        Central differences, whose own error is larger, must agree to 1e-5.

    Raises
    ------
    CheckFailed
        With the largest difference, and to which of the two.
    """
    rng = np.random.default_rng(0)
    points = [at] if sample is None else [sample(rng) for _ in range(20)]
    worst = 0.0
    for point in points:
        x = np.asarray(point, dtype=float)
        derived, automatic = np.asarray(g(x)), _autograd(f, x)
        worst = max(worst, _relative(derived, automatic))
        numeric = _relative(derived, _central_differences(f, x))
        if not worst <= tol:
            _fail(name, f"autograd differs by {worst:.3g} at {_brief(x)}", tag)
        if not numeric <= 1e-5:
            _fail(name, f"central differences differ by {numeric:.3g}", tag)
    tried = "point" if len(points) == 1 else "random points"
    _pass(name, f"autograd and differences, {len(points)} {tried}, to {worst:.0e}", tag)


def _autograd(f: Callable[[torch.Tensor], torch.Tensor], x: np.ndarray) -> np.ndarray:
    tensor = torch.tensor(x, dtype=torch.float64, requires_grad=True)
    (result,) = torch.autograd.grad(f(tensor), tensor)
    return result.numpy()


def _central_differences(
    f: Callable[[torch.Tensor], torch.Tensor], x: np.ndarray
) -> np.ndarray:
    step = np.cbrt(np.finfo(float).eps)
    result = np.zeros_like(x)
    for index in np.ndindex(x.shape):
        h = step * max(1.0, abs(float(x[index])))
        up, down = x.copy(), x.copy()
        up[index] += h
        down[index] -= h
        rise = f(torch.as_tensor(up)).item() - f(torch.as_tensor(down)).item()
        result[index] = rise / (up[index] - down[index])
    return result


def close(
    a: Any, b: Any, tol: float, *, tag: str | None = None, name: str = "two values"
) -> None:
    """Check that arrays of one shape differ by at most `tol` everywhere.

    Raises
    ------
    CheckFailed
        If shapes differ, a value is not finite, or a difference exceeds `tol`.
    """
    a, b = _array(a), _array(b)
    if a.shape != b.shape:
        _fail(name, f"shapes differ: {a.shape} and {b.shape}", tag)
    worst = float(np.max(np.abs(a - b), initial=0.0))
    if not worst <= tol:
        _fail(name, f"difference {worst:.3g}, more than {tol:.3g}", tag)
    _pass(name, f"difference {worst:.1e}, at most {tol:.0e} allowed", tag)


def answer(id: str, attempt: Callable[..., Any]) -> None:
    """Test a reader's function on properties and random inputs.

    Says what differs, and never the solution. On an exercise that nobody has
    attempted yet (the function returns None or raises NotImplementedError) it
    says so and the page goes on.

    Parameters
    ----------
    id
        The exercise, as the page's exercises.py names it.
    attempt
        The reader's function.
    """
    exercise = find_exercise(id)
    try:
        problem = _first_problem(exercise, attempt)
    except NotImplementedError:
        return _verdict("○", "#6B7280", id, "not attempted yet")
    if problem:
        return _verdict("✗", "#D55E00", id, f"not yet. {problem}")
    return _verdict("✓", "#009E73", id, f"right, on {DRAWS} random inputs")


def _verdict(sign: str, colour: str, id: str, verdict: str) -> None:
    data = {ANSWER: {"exercise": id, "verdict": verdict}}
    _line(sign, colour, f"Exercise {id}: {verdict}", "", data)


def find_exercise(id: str) -> Exercise:
    """Return an exercise of the page that has begun.

    Raises
    ------
    KeyError
        If there is none; the message lists those of the page.
    """
    known: dict[str, Exercise] = pages.exercises(page.name()).EXERCISES
    if id not in known:
        raise KeyError(f"No exercise '{id}' on {page.name()}: {sorted(known)}")
    return known[id]


def _first_problem(exercise: Exercise, attempt: Callable[..., Any]) -> str:
    rng = np.random.default_rng(0)
    for _ in range(DRAWS):
        args = exercise.sample(rng)
        expected = exercise.reference(*args)
        problem = _problem_at(exercise, attempt, args, expected)
        if problem:
            return f"{problem} Tried with {_brief(args)}."
    return ""


def _problem_at(
    exercise: Exercise, attempt: Callable[..., Any], args: Sequence[Any], expected: Any
) -> str:
    try:
        found = attempt(*args)
    except NotImplementedError:
        raise
    except Exception as error:
        return f"It raised {type(error).__name__}: {error}."
    if found is None or found is Ellipsis:
        raise NotImplementedError
    try:
        got, want = _array(found), _array(expected)
    except (TypeError, ValueError):
        return f"It returned a {type(found).__name__} where numbers are wanted."
    if got.shape != want.shape:
        return f"The shape is {got.shape} where {want.shape} is wanted."
    for sentence, holds in exercise.properties:
        if not holds(attempt, *args):
            return sentence
    if not _relative(got, want) <= exercise.tol:
        return f"It returned {_brief(found)}, which is not right."
    return ""


def _array(value: Any) -> np.ndarray:
    if isinstance(value, torch.Tensor):
        value = value.detach().cpu().numpy()
    array = np.asarray(value)
    return array if np.iscomplexobj(array) else array.astype(float)


def _relative(a: Any, b: Any) -> float:
    a, b = _array(a), _array(b)
    if a.shape != b.shape:
        return float("inf")
    error = np.abs(a - b) / (1 + np.abs(b))
    return float("inf") if np.isnan(error).any() else float(np.max(error, initial=0.0))


def _brief(value: Any) -> str:
    with np.printoptions(precision=4, threshold=8, edgeitems=2):
        if isinstance(value, tuple):
            return ", ".join(_brief(v) for v in value)
        text = repr(value.item() if isinstance(value, np.generic) else value)
    return text if len(text) < 160 else text[:157] + "..."


def _pass(what: str, how: str, tag: str | None) -> None:
    number = f"({tag}) " if tag else ""
    data = {MIME: {"tag": tag, "how": how}}
    _line("✓", "#009E73", f"{number}{what}", how, data)


def _fail(what: str, why: str, tag: str | None) -> None:
    number = f"({tag}) " if tag else ""
    raise CheckFailed(f"Check {number}{what} failed: {why}.")


def _line(sign: str, colour: str, text: str, how: str, data: dict[str, Any]) -> None:
    html = (
        f'<div class="dtp-check" style="border-left:3px solid {colour};'
        'padding:.1em .7em;font-size:.88em">'
        f'<span style="color:{colour}">{sign}</span> {escape(text)}'
        f"{f' <span>[{escape(how)}]</span>' if how else ''}</div>"
    )
    plain = f"{sign} {text}" + (f" [{how}]" if how else "")
    page.show_html(html, plain, data)
