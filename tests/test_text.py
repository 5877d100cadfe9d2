"""Numbers in sentences and tables."""

import numpy as np
import pytest

from companion import text


def test_spread_is_the_median_and_the_range():
    assert text.spread([1.4, 0.9, 1.2]) == "1.2 (0.9 to 1.4)"
    assert text.spread(np.array([3e-5, 1e-5, 2e-5]), ".1e") == (
        "2.0e-05 (1.0e-05 to 3.0e-05)"
    )
    assert text.spread([1.4, 0.9, 1.234], ".1f", middle=".3f") == "1.234 (0.9 to 1.4)"


def test_spread_between_quantiles():
    values = np.arange(101)
    assert text.spread(values, ".0f", quantiles=(0.05, 0.95)) == "50 (5 to 95)"


def test_spread_of_nothing_is_a_dash():
    assert text.spread(np.array([])) == "–"


def test_extent():
    assert text.extent([0.991, 0.98], ".3g") == "0.98 to 0.991"


@pytest.mark.parametrize(
    ("x", "digits", "shown"),
    [
        (4e-9, 0, r"$4 \cdot 10^{-9}$"),
        (-3.0330e-9, 2, r"$-3.03 \cdot 10^{-9}$"),
        (9.996e5, 2, r"$1.00 \cdot 10^{6}$"),
    ],
)
def test_power_of_ten(x, digits, shown):
    assert text.power_of_ten(x, digits) == shown
    assert f"${text.tex(x, digits)}$" == shown
