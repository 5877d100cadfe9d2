"""Numbers as a page's sentences and tables show them."""

from typing import Any

import numpy as np


def spread(
    values: Any,
    format: str = ".2g",
    *,
    middle: str | None = None,
    quantiles: tuple[float, float] = (0, 1),
) -> str:
    """Return the median with the range in brackets, "1.2 (0.9 to 1.4)".

    Parameters
    ----------
    values : array_like, shape (n,)
        An empty one gives a dash.
    format : str, optional
        Format of the figures.
    middle : str, optional
        Format of the median, if it is another one.
    quantiles : pair of float, optional
        The ends of the range; default the smallest and the largest value.
    """
    if len(values) == 0:
        return "–"
    mid = np.quantile(values, 0.5)
    return f"{mid:{middle or format}} ({extent(values, format, quantiles=quantiles)})"


def extent(
    values: Any, format: str = ".2g", *, quantiles: tuple[float, float] = (0, 1)
) -> str:
    """Return the range of values, "0.9 to 1.4".

    Parameters
    ----------
    values : array_like, shape (n,)
        At least one value.
    format : str, optional
        Format of the two figures.
    quantiles : pair of float, optional
        The ends of the range; default the smallest and the largest value.
    """
    low, high = np.quantile(values, quantiles)
    return f"{low:{format}} to {high:{format}}"


def power_of_ten(x: float, digits: int = 2) -> str:
    r"""Return a number for a sentence or a table, ``$4.00 \cdot 10^{-9}$``.

    Parameters
    ----------
    x : float
    digits : int, optional
        Digits after the point.
    """
    return f"${tex(x, digits)}$"


def tex(x: float, digits: int = 2) -> str:
    r"""Return a number for the inside of a formula, ``4.00 \cdot 10^{-9}``.

    Parameters
    ----------
    x : float
    digits : int, optional
        Digits after the point.
    """
    mantissa, exponent = f"{x:.{digits}e}".split("e")
    return rf"{mantissa} \cdot 10^{{{int(exponent)}}}"
