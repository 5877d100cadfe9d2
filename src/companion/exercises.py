"""What an exercise asks, and whether a reader's attempt is right.

The exercises of a page stand in its `exercises.py`, as a dictionary `EXERCISES`.
"""

import dis
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from companion import page, pages
from companion.comparison import agree, as_array, brief, copies
from companion.tensors import is_tensor

DRAWS = 200
# A slip must explain this many calls; one could be chance.
SLIP_DRAWS = 10
LONGEST_INPUTS = 100


@dataclass(frozen=True)
class Exercise:
    """An exercise that `checks.answer` can test.

    Parameters
    ----------
    reference
        The right function, or a drill's right value; never shown.
    sample
        Draws the tuple of arguments of one call from a NumPy generator. Left out
        where the exercise asks for a value.
    properties
        Pairs of a sentence and a predicate `(attempt, *args) -> bool`. The sentence
        is said where the predicate does not hold or raises an error. Predicates
        compare with `comparison.agree`, so that right float32 answers pass.
    tol
        Largest accepted difference, relative to 1 + |reference|; a number that is
        typed by hand needs about 1e-3. Answers in float32 are given what float32
        can do.
    by_properties
        Accept what has the reference's shape and all properties, whatever its
        values: for exercises with several right answers.

    Raises
    ------
    ValueError
        With `by_properties` but no properties, for anything would be right.
    """

    reference: Any
    sample: Callable[[np.random.Generator], tuple[Any, ...]] | None = None
    properties: Sequence[tuple[str, Callable[..., bool]]] = ()
    tol: float = 1e-8
    by_properties: bool = False

    def __post_init__(self) -> None:
        if self.by_properties and not self.properties:
            raise ValueError("An exercise with by_properties=True needs properties.")

    def draws(self) -> list[tuple[Any, ...]]:
        """Return the arguments of each call; a drill has one call without any."""
        rng = np.random.default_rng(0)
        return [self.sample(rng) for _ in range(DRAWS)] if self.sample else [()]

    def right(self, args: Sequence[Any]) -> Any:
        """Return what the reference gives for one call's arguments."""
        given = callable(self.reference)
        return self.reference(*copies(args)) if given else self.reference


def is_not(slip: Any, tol: float = 1e-3) -> Callable[[Any], bool]:
    """Return a property of a drill: the attempt is not what a usual slip gives.

    Parameters
    ----------
    slip : number or array
        What the slip gives.
    tol : float
        How near it counts as the slip, relative to 1 + |slip|.
    """
    return lambda attempt: not agree(attempt, slip, tol)


@dataclass(frozen=True)
class Verdict:
    """What is said of an attempt.

    Attributes
    ----------
    sign : str
        "✓" for right, "✗" for not yet, "○" for not attempted.
    text : str
        The verdict in words; it never tells the solution.
    failing : tuple
        The arguments of the call that went wrong; empty where they do not matter.
    """

    sign: str
    text: str
    failing: tuple[Any, ...] = ()


UNATTEMPTED = Verdict("○", "not attempted yet")


class _Unattempted(Exception):
    """The attempt still has its placeholder."""


class _Wrong(Exception):
    """The attempt is wrong: a sentence, and the arguments where they matter."""

    def __init__(self, sentence: str, args: tuple[Any, ...] = ()) -> None:
        super().__init__(sentence)
        self.failing = args


def _wrong_with(sentence: str, args: tuple[Any, ...]) -> _Wrong:
    inputs = brief(args)
    shown = f" Tried with {inputs}." if 0 < len(inputs) <= LONGEST_INPUTS else ""
    return _Wrong(f"{sentence}{shown}", args)


def find(id: str) -> Exercise:
    """Return an exercise of the page that has begun.

    Raises
    ------
    KeyError
        If there is none; the message lists those of the page.
    RuntimeError
        If no page has begun.
    """
    known: dict[str, Exercise] = pages.exercises(page.name()).EXERCISES
    if id not in known:
        raise KeyError(f"No exercise '{id}' on {page.name()}: {sorted(known)}")
    return known[id]


def judge(exercise: Exercise, attempt: Any) -> Verdict:
    """Try an attempt on random inputs, each call with copies of its own.

    Parameters
    ----------
    exercise : Exercise
    attempt : callable, number, array or sequence of numbers
        A function, or a value where the exercise asks for one. Whatever it raises
        becomes a sentence of the verdict.

    Returns
    -------
    Verdict
    """
    if _is_blank(attempt):
        return UNATTEMPTED
    draws = exercise.draws()
    if any(draws) and not callable(attempt):
        return Verdict("✗", "not yet. Give the function itself, not what it returns.")
    trial = _Trial(exercise, attempt, draws)
    try:
        for args in draws:
            trial.call(args)
    except (_Unattempted, NotImplementedError):
        return UNATTEMPTED
    except _Wrong as wrong:
        return Verdict("✗", f"not yet. {wrong}", wrong.failing)
    tried = f", on {DRAWS} random inputs" if any(draws) else ""
    return Verdict("✓", f"right{tried}")


@dataclass(frozen=True)
class _Trial:
    exercise: Exercise
    attempt: Any
    draws: list[tuple[Any, ...]]

    def call(self, args: tuple[Any, ...]) -> None:
        """Try one call.

        Raises
        ------
        _Unattempted, _Wrong
        """
        exercise, wanted = self.exercise, self.exercise.right(args)
        found = self.found(args)
        if not _same_form(found, wanted):
            raise _wrong_with(self.form_problem(found, wanted), args)
        right = exercise.by_properties or _all_agree(found, wanted, exercise.tol)
        slip = "" if right else self.slip()
        if slip:
            raise _Wrong(slip, args)
        self.try_properties(args)
        if not right:
            sentence = f"{self.said} {brief(found)}, which is not right."
            raise _wrong_with(sentence, args)

    @property
    def said(self) -> str:
        return "It returned" if callable(self.attempt) else "You gave"

    def on_copies(self, *args: Any) -> Any:
        return self.attempt(*copies(args))

    def found(self, args: tuple[Any, ...]) -> Any:
        if not callable(self.attempt):
            return self.attempt
        try:
            found = self.on_copies(*args)
        except NotImplementedError:
            raise
        except Exception as error:
            raise _wrong_with(f"It raised {_one_line(error)}", args) from None
        if found is Ellipsis or (found is None and _names_nothing(self.attempt)):
            raise _Unattempted
        if found is None:
            raise _Wrong("It returned nothing: did you forget return?")
        return found

    def form_problem(self, found: Any, wanted: Any) -> str:
        got, want = _describe(found), _describe(wanted)
        hint = " Is it transposed?" if _is_transposed(found, wanted) else ""
        return f"{self.said} {got}; wanted: {want}.{hint}"

    def try_properties(self, args: tuple[Any, ...]) -> None:
        attempt = self.on_copies if callable(self.attempt) else self.attempt
        for sentence, holds in self.exercise.properties:
            try:
                kept = bool(holds(attempt, *copies(args)))
            except Exception:
                kept = False
            if not kept:
                raise _Wrong(sentence, args)

    def slip(self) -> str:
        """Return the usual slip that explains the first calls, or nothing."""
        draws = self.draws[:SLIP_DRAWS]
        try:
            pairs = [(self.found(args), self.exercise.right(args)) for args in draws]
            return _slip(pairs, draws)
        except Exception:  # another call fails otherwise: no one slip explains them
            return ""


def _is_blank(attempt: Any) -> bool:
    if isinstance(attempt, list | tuple):
        return bool(attempt) and all(map(_is_blank, attempt))
    return attempt is None or attempt is Ellipsis


def _names_nothing(attempt: Any) -> bool:
    """Say whether a function's body uses no variable: `...`, `pass`, `return None`."""
    code = getattr(attempt, "__code__", None)
    if code is None:
        return False
    names = {*dis.hasname, *dis.haslocal, *dis.hasfree}
    return not any(step.opcode in names for step in dis.get_instructions(code))


def _one_line(error: Exception) -> str:
    first = str(error).partition("\n")[0].rstrip(".")
    return f"{type(error).__name__}: {first}." if first else f"{type(error).__name__}."


def _parts(value: Any) -> list[Any]:
    return list(value) if isinstance(value, list | tuple) else [value]


def _same_form(found: Any, wanted: Any) -> bool:
    """Say whether a value has the parts and the shapes that are wanted."""
    try:
        if not isinstance(wanted, list | tuple):
            return as_array(found).shape == as_array(wanted).shape
        return len(found) == len(wanted) and all(map(_same_form, found, wanted))
    except (TypeError, ValueError):
        return False


def _all_agree(found: Any, wanted: Any, tol: float) -> bool:
    if isinstance(wanted, list | tuple):
        return all(_all_agree(f, w, tol) for f, w in zip(found, wanted, strict=True))
    return agree(found, wanted, tol)


def _describe(value: Any) -> str:
    if isinstance(value, tuple):
        return f"{len(value)} values ({', '.join(map(_describe, value))})"
    if value is None or value is Ellipsis:
        return "nothing"
    try:
        shape = as_array(value).shape
    except (TypeError, ValueError):
        return f"a {type(value).__name__}"
    return f"an array of shape {shape}" if shape else "a number"


def _is_transposed(found: Any, wanted: Any) -> bool:
    if isinstance(found, list | tuple) or isinstance(wanted, tuple):
        return False
    shape = getattr(found, "shape", ())
    return len(shape) == 2 and tuple(shape) == np.shape(wanted)[::-1]


# -- the usual slips -------------------------------------------------------------------


_FACTORS = {
    2.0: "It is twice what is right: a factor 2 too much?",
    0.5: "It is half of what is right: a factor 2 forgotten?",
    -1.0: "It has the wrong sign.",
}


def _slip(pairs: list[tuple[Any, Any]], draws: list[Any]) -> str:
    if all(_is_transpose(*pair) for pair in pairs):
        return "It is the transpose of what is right."
    ratios = np.array([_ratio(*pair) for pair in pairs])
    for ratio, sentence in _FACTORS.items():
        if np.allclose(ratios, ratio, rtol=1e-3):
            return sentence
    for sizes in _sizes(draws):
        if np.allclose(ratios, sizes, rtol=1e-3):
            return "It is n times what is right: a sum where a mean is wanted?"
        if np.allclose(ratios * sizes, 1, rtol=1e-3):
            return "It is an n-th of what is right: a mean where a sum is wanted?"
    return ""


def _is_transpose(found: Any, wanted: Any) -> bool:
    if isinstance(wanted, list | tuple) or np.ndim(wanted) != 2:
        return False
    return agree(as_array(found).T, wanted, 1e-4)


def _ratio(found: Any, wanted: Any) -> float:
    """Return c if found = c * wanted in all entries, else NaN."""
    f, w = (
        np.concatenate([as_array(part).ravel() for part in _parts(value)])
        for value in (found, wanted)
    )
    ratio = float((f @ w) / (w @ w)) if w.any() else np.nan
    return ratio if agree(f, ratio * w, 1e-4) else np.nan


def _sizes(draws: list[Any]) -> list[np.ndarray]:
    """Return the length of each axis of each argument, one array over the draws."""
    shapes = [[s for arg in args for s in _shape(arg)] for args in draws]
    return [np.array(sizes) for sizes in zip(*shapes, strict=False)]


def _shape(arg: Any) -> tuple[int, ...]:
    if isinstance(arg, np.ndarray) or is_tensor(arg):
        return tuple(arg.shape)
    return (len(arg),) if isinstance(arg, list | tuple) else ()
