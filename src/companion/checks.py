"""Checks of a derivation, and of a reader's answers: each shows one line.

A check that fails stops the page under the builder and in strict mode (`CheckFailed`).
For a reader, who changed something or found an error, its line turns red and the page
goes on.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from companion import cards, exercises, page, scale
from companion.comparison import as_array, brief, copies, relative_error
from companion.errors import PlainError

if TYPE_CHECKING:  # both are imported where a check needs them: they take long
    import sympy as sp
    import torch

MIME = "application/vnd.companion.check+json"
ANSWER = "application/vnd.companion.answer+json"
DRAWS = 200
CHANGED = "you changed something, or found an error"
Sample = Callable[[np.random.Generator], Any]

failing: tuple[Any, ...] = ()
"""Arguments of the call for which `answer` last found an attempt wrong."""


class CheckFailed(PlainError, AssertionError):
    """A check did not hold, under the builder or in strict mode."""


@dataclass(frozen=True)
class _Line:
    """What a check shows: what was checked, and how or why it failed."""

    what: str
    how: str
    tag: str | None = None
    failed: bool = False

    @property
    def sign(self) -> str:
        return "✗" if self.failed else "✓"

    @property
    def text(self) -> str:
        return f"({self.tag}) {self.what}" if self.tag else self.what

    @property
    def plain(self) -> str:
        return f"{self.sign} {self.text} [{self.how}]"

    @property
    def html(self) -> str:
        return cards.check_line(self.sign, self.text, self.how)

    @property
    def data(self) -> dict[str, Any]:
        failed = {"failed": True} if self.failed else {}
        return {"tag": self.tag, "how": self.how, **failed}


_group: list[_Line] | None = None  # the lines of the open group


@contextmanager
def group(text: str) -> Iterator[None]:
    """Show one line for all checks inside; it opens to their single lines.

    Use it as ``with checks.group("(1) to (3) agree with PyTorch"):``. A group inside
    another one adds its lines to the outer one.

    Parameters
    ----------
    text : str
        What was checked against what.

    Raises
    ------
    CheckFailed
        Under the builder and in strict mode: at the first check that fails, or
        where there is none inside.
    """
    global _group
    outer, _group = _group, []
    try:
        yield
        lines = _group
    finally:
        _group = outer
    if not lines:
        _fail(text, "there is no check inside", None)
    elif outer is not None:
        outer.extend(lines)
    else:
        _show_group(text, lines)


def _show_group(text: str, lines: Sequence[_Line]) -> None:
    failed = sum(line.failed for line in lines)
    count = f"{len(lines)} check{'s' if len(lines) > 1 else ''}"
    how = f"{failed} of {count} failed: {CHANGED}" if failed else count
    whole = _Line(text, how, failed=failed > 0)
    html = cards.check_group(whole.sign, text, how, [line.html for line in lines])
    plain = "\n  ".join([whole.plain, *(line.plain for line in lines)])
    data = {**whole.data, "group": [line.data for line in lines]}
    page.show_html(html, plain, {MIME: data})


def identity(
    lhs: Any,
    rhs: Any,
    *,
    tag: str | None = None,
    name: str | None = None,
    domain: "Mapping[sp.Symbol, tuple[float, float]] | None" = None,
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
        Under the builder and in strict mode, with the point at which the sides differ
        most; also if there is nothing to compare.
    TypeError
        For functions without `sample`.
    """
    import sympy as sp

    if callable(lhs) and not isinstance(lhs, sp.Basic):
        if sample is None:
            raise TypeError("identity of two functions needs sample=...")
        shown = name or "two functions"
        pairs, places = _values_of_functions(lhs, rhs, sample)
    else:
        left, right = sp.sympify(lhs), sp.sympify(rhs)
        shown = name or f"{left} = {right}"
        if _proved(left, right):
            return _pass(shown, "proved", tag)
        pairs, places = _values_of_expressions(left, right, domain or {})
    holds, how = _compared(pairs, places, tol)
    return _pass(shown, how, tag) if holds else _fail(shown, how, tag)


def _proved(left: Any, right: Any) -> bool:
    import sympy as sp

    if not isinstance(left, sp.MatrixBase) and not isinstance(right, sp.MatrixBase):
        return bool(sp.simplify(left - right) == 0)
    if getattr(left, "shape", ()) != getattr(right, "shape", ()) or not len(left):
        return False
    return all(sp.simplify(part) == 0 for part in left - right)


def _values_of_functions(lhs: Any, rhs: Any, sample: Sample) -> tuple[list, list]:
    rng = np.random.default_rng(0)
    draws = [sample(rng) for _ in range(DRAWS)]
    draws = [args if isinstance(args, tuple) else (args,) for args in draws]
    # Each side has arguments of its own: one that changes them cannot fool the other.
    pairs = [(lhs(*copies(args)), rhs(*copies(args))) for args in draws]
    return pairs, [brief(args) for args in draws]


def _values_of_expressions(
    left: Any, right: Any, domain: "Mapping[sp.Symbol, tuple[float, float]]"
) -> tuple[list, list]:
    import sympy as sp

    symbols = sorted(left.free_symbols | right.free_symbols, key=str)
    f, g = (sp.lambdify(symbols, side, "numpy") for side in (left, right))
    rng = np.random.default_rng(0)
    bounds = [domain.get(symbol, (-2.0, 2.0)) for symbol in symbols]
    draws = [[rng.uniform(*bound) for bound in bounds] for _ in range(DRAWS)]
    places = [
        ", ".join(f"{s}={v:.4g}" for s, v in zip(symbols, draw, strict=True))
        for draw in draws
    ]
    return [(f(*draw), g(*draw)) for draw in draws], places


def _compared(pairs: list, places: list[str], tol: float) -> tuple[bool, str]:
    """Return whether all pairs agree, and the words for it."""
    if not any(as_array(left).size for left, _ in pairs):
        return False, "there is nothing to compare"
    errors = [relative_error(*pair) for pair in pairs]
    worst = int(np.argmax(errors))
    if not errors[worst] <= tol:
        at = f" at {places[worst]}" if places[worst] else ""
        return False, f"{_difference(*pairs[worst])}{at}"
    return True, f"{DRAWS} random points, to {errors[worst]:.0e}"


def _difference(a: Any, b: Any) -> str:
    shapes = as_array(a).shape, as_array(b).shape
    if shapes[0] != shapes[1]:
        return f"shapes differ: {shapes[0]} and {shapes[1]}"
    return f"the sides differ by {relative_error(a, b):.3g}"


def gradient(
    f: "Callable[[torch.Tensor], torch.Tensor]",
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
        Under the builder and in strict mode, with the largest difference, and to
        which of the two.
    TypeError
        Unless exactly one of `at` and `sample` is given.
    """
    if (at is None) == (sample is None):
        raise TypeError("gradient needs either at=... or sample=...")
    rng = np.random.default_rng(0)
    points = [at] if sample is None else [sample(rng) for _ in range(20)]
    worst = 0.0
    for point in points:
        x = np.asarray(point, dtype=float)
        derived, automatic = as_array(g(x.copy())), _autograd(f, x)
        worst = max(worst, relative_error(derived, automatic))
        numeric = relative_error(derived, _central_differences(f, x))
        if not x.size:
            return _fail(name, "there is nothing to compare", tag)
        if not worst <= tol:
            return _fail(name, f"autograd differs by {worst:.3g} at {brief(x)}", tag)
        if not numeric <= 1e-5:
            return _fail(name, f"central differences differ by {numeric:.3g}", tag)
    tried = "point" if len(points) == 1 else "random points"
    how = f"autograd and differences, {len(points)} {tried}, to {worst:.0e}"
    return _pass(name, how, tag)


def _autograd(f: "Callable[[torch.Tensor], torch.Tensor]", x: np.ndarray) -> np.ndarray:
    import torch

    tensor = torch.tensor(x, dtype=torch.float64, requires_grad=True)
    (result,) = torch.autograd.grad(f(tensor), tensor)
    return result.numpy()


def _central_differences(
    f: "Callable[[torch.Tensor], torch.Tensor]", x: np.ndarray
) -> np.ndarray:
    import torch

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

    Parameters
    ----------
    a, b : array_like
    tol : float
        Largest accepted |a - b|, not relative.
    tag : str, optional
        Number of the displayed equation that this checks.
    name : str, optional
        What is compared, in words.

    Raises
    ------
    CheckFailed
        Under the builder and in strict mode: if shapes differ, a value is not finite,
        a difference exceeds `tol`, or there is nothing to compare.
    """
    a, b = as_array(a), as_array(b)
    if a.shape != b.shape:
        return _fail(name, f"shapes differ: {a.shape} and {b.shape}", tag)
    if not a.size:
        return _fail(name, "there is nothing to compare", tag)
    worst = float(np.max(np.abs(a - b)))
    if not worst <= tol:
        return _fail(name, f"difference {worst:.3g}, more than {tol:.3g}", tag)
    return _pass(name, f"difference {worst:.1e}, at most {tol:.0e} allowed", tag)


def at_most(a: Any, b: Any, *, tag: str | None = None, name: str = "a bound") -> None:
    """Check that a <= b everywhere.

    Parameters
    ----------
    a, b : array_like
        Real numbers; one is spread over the shape of the other as in NumPy.
    tag : str, optional
        Number of the displayed equation that this checks.
    name : str, optional
        What is bounded, in words.

    Raises
    ------
    CheckFailed
        Under the builder and in strict mode: if some a is larger than its b, a value
        is NaN, shapes do not fit, or there is nothing to compare.
    """
    _bounded(a, b, 1, "at most {} allowed", tag, name)


def at_least(a: Any, b: Any, *, tag: str | None = None, name: str = "a bound") -> None:
    """Check that a >= b everywhere; otherwise as `at_most`."""
    _bounded(a, b, -1, "at least {} wanted", tag, name)


def _bounded(a: Any, b: Any, sign: int, words: str, tag: str | None, name: str) -> None:
    a, b = as_array(a), as_array(b)
    try:
        room = sign * (b - a)
    except ValueError:
        return _fail(name, f"shapes do not fit: {a.shape} and {b.shape}", tag)
    if not room.size:
        return _fail(name, "there is nothing to compare", tag)
    tightest = np.argmin(room)  # the first NaN, if there is one
    value, bound = (np.broadcast_to(v, room.shape).flat[tightest] for v in (a, b))
    if not room.flat[tightest] >= 0:
        return _fail(name, f"{value:.6g}, {words.format(f'{bound:.6g}')}", tag)
    return _pass(name, f"{value:.4g}, {words.format(f'{bound:.4g}')}", tag)


def holds(condition: Any, *, name: str, tag: str | None = None) -> None:
    """Check that a condition, or every entry of an array of conditions, is true.

    Parameters
    ----------
    condition : bool or array of bool
        For an inequality `at_most` and `at_least` say more.
    name : str
        What holds, in words.
    tag : str, optional
        Number of the displayed equation that this checks.

    Raises
    ------
    CheckFailed
        Under the builder and in strict mode: if an entry is false, or there is none.
    TypeError
        If the condition is anything but True and False.
    """
    found = np.asarray(condition)
    if found.size and found.dtype != bool:
        raise TypeError(f"holds wants True or False, not {brief(condition)}")
    if not found.size:
        return _fail(name, "there is nothing to compare", tag)
    if not found.all():
        wrong = f"{np.sum(~found)} of {found.size} do not hold"
        return _fail(name, wrong if found.ndim else "it does not hold", tag)
    return _pass(name, f"holds, all {found.size}" if found.ndim else "holds", tag)


def answer(id: str, attempt: Any) -> None:
    """Test a reader's function on properties and random inputs, or a reader's number.

    Says what differs, and never the solution; the page goes on in any case. Where
    nobody has attempted the exercise yet (None, ``...``, an empty function, or
    NotImplementedError) it says so.

    Parameters
    ----------
    id : str
        The exercise, as the page's exercises.py names it.
    attempt : callable, number, array or sequence of numbers
        The reader's function; a value where the exercise asks for one. A function
        gets copies of its arguments, and may work in float32.

    Raises
    ------
    KeyError
        If the page has no such exercise.

    Notes
    -----
    The arguments of a call that went wrong are kept in ``checks.failing``:
    ``my_function(*checks.failing)`` repeats it.
    """
    global failing
    verdict = exercises.judge(exercises.find(id), attempt)
    failing = verdict.failing
    text = f"Exercise {id}: {verdict.text}"
    if failing:
        text += " The arguments are kept in checks.failing."
    html = cards.check_line(verdict.sign, text)
    data = {ANSWER: {"exercise": id, "verdict": verdict.text}}
    page.show_html(html, f"{verdict.sign} {text}", data)


def _pass(what: str, how: str, tag: str | None) -> None:
    _show(_Line(what, how, tag))


def _fail(what: str, why: str, tag: str | None) -> None:
    line = _Line(what, why, tag, failed=True)
    if scale.failures_raise():
        raise CheckFailed(f"Check {line.text} failed: {why}.")
    _show(line)


def _show(line: _Line) -> None:
    if _group is not None:
        _group.append(line)
        return
    if line.failed:
        line = _Line(line.what, f"{CHANGED}: {line.how}", line.tag, failed=True)
    page.show_html(line.html, line.plain, {MIME: line.data})
