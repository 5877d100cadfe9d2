"""Values compared at the precision that they were computed in."""

import copy
from collections.abc import Iterable
from typing import Any

import numpy as np

from companion.tensors import is_tensor, loaded


def as_array(value: Any) -> np.ndarray:
    """Return numbers as a float64 or complex array.

    Parameters
    ----------
    value : number, array, tensor or sequence of them

    Raises
    ------
    TypeError
        For text, and where a part is None.
    ValueError
        For rows of different lengths.
    """
    if is_tensor(value):
        value = value.detach().cpu()
        return (value if value.is_complex() else value.double()).numpy()
    if isinstance(value, list | tuple):
        value = [as_array(v) if is_tensor(v) else v for v in value]
    array = np.asarray(value)
    kind = array.dtype.kind
    if kind in "US" or (kind == "O" and None in array.ravel().tolist()):
        raise TypeError("Numbers are wanted, not text or None.")
    return array if np.iscomplexobj(array) else array.astype(float)


def relative_error(a: Any, b: Any) -> float:
    """Return the largest |a - b| / (1 + |b|); inf with NaN or where shapes differ."""
    a, b = as_array(a), as_array(b)
    if a.shape != b.shape:
        return float("inf")
    error = np.abs(a - b) / (1 + np.abs(b))
    return float("inf") if np.isnan(error).any() else float(np.max(error, initial=0.0))


def tolerance(found: Any, tol: float) -> float:
    """Return `tol`, or what can be asked of a value in less than float64.

    That is the root of the type's rounding unit: 3.5e-4 for float32.
    """
    eps = _rounding(found)
    return tol if eps <= np.finfo(float).eps else max(tol, float(np.sqrt(eps)))


def _rounding(value: Any) -> float:
    if is_tensor(value):
        finfo = loaded().finfo
        return finfo(value.dtype).eps if value.dtype.is_floating_point else 0.0
    if isinstance(value, list | tuple):
        return max(map(_rounding, value), default=0.0)
    dtype = getattr(value, "dtype", None)
    inexact = isinstance(dtype, np.dtype) and dtype.kind in "fc"
    return float(np.finfo(dtype).eps) if inexact else 0.0


def agree(found: Any, wanted: Any, tol: float = 1e-8) -> bool:
    """Say whether a reader's value is what is wanted, at the precision it came in.

    Parameters
    ----------
    found, wanted : number, array, tensor or sequence of numbers
        `wanted` is spread over the shape of `found` if it is one number.
    tol : float
        Largest accepted difference, relative to 1 + |wanted|, in float64.
    """
    wanted = as_array(wanted)
    if not wanted.ndim:
        wanted = np.full(as_array(found).shape, wanted)
    return relative_error(found, wanted) <= tolerance(found, tol)


def copies(args: Iterable[Any]) -> tuple[Any, ...]:
    """Return arguments of its own for one call; functions are passed as they are."""
    return tuple(map(_copy, args))


def _copy(arg: Any) -> Any:
    if is_tensor(arg):  # deepcopy refuses those in a graph
        return arg.detach().clone().requires_grad_(arg.requires_grad)
    return arg if callable(arg) else copy.deepcopy(arg)


def brief(value: Any) -> str:
    """Return a value as text of at most 160 characters, four digits a number."""
    with np.printoptions(precision=4, threshold=8, edgeitems=2):
        if isinstance(value, tuple):
            return ", ".join(brief(v) for v in value)
        if isinstance(value, float):  # np.float64 is one
            return f"{value:.6g}"
        text = repr(value.item() if isinstance(value, np.generic) else value)
    return text if len(text) < 160 else text[:157] + "..."
