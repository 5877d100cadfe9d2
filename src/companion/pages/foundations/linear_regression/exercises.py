"""Exercises of foundations/linear-regression."""

from typing import Any

import numpy as np
from scipy import stats

from companion.comparison import agree
from companion.exercises import Exercise

Array = np.ndarray


def _r_squared(labels: Array, predictions: Array) -> float:
    squares = np.sum((predictions - labels) ** 2)
    return float(1 - squares / np.sum((labels - labels.mean()) ** 2))


def _labels_and_predictions(rng: np.random.Generator) -> tuple[Array, Array]:
    labels = rng.normal(rng.uniform(-5, 5), 1, size=rng.integers(5, 30))
    return labels, labels + rng.normal(size=labels.size) * rng.uniform(0, 2)


def _best_rate(smallest: float, largest: float) -> float:
    return 2 / (smallest + largest)


def _balances(attempt: Any, smallest: float, largest: float) -> bool:
    """At the best rate both directions shrink by the same factor."""
    eta = attempt(smallest, largest)
    return agree(abs(1 - eta * smallest), abs(1 - eta * largest))


def _with_bias(inputs: Array) -> Array:
    return np.column_stack([inputs, np.ones(len(inputs))])


def _critical_rate(inputs: Array) -> float:
    return float(len(inputs) / np.linalg.norm(_with_bias(inputs), 2) ** 2)


def _inputs(rng: np.random.Generator) -> tuple[Array]:
    n, d = rng.integers(10, 40), rng.integers(1, 5)
    return (rng.normal(rng.uniform(-2, 2), 1, size=(n, d)),)


def _separates(attempt: Any, inputs: Array) -> bool:
    """Descend with labels 0, 2 % above the rate and 2 % below it."""
    X = _with_bias(inputs)
    eigenvalues = np.linalg.eigvalsh(2 / len(X) * X.T @ X)
    below, above = (
        np.abs(1 - factor * float(attempt(inputs)) * eigenvalues).max()
        for factor in (0.98, 1.02)
    )
    return bool(below <= 1 < above)


def _minus_log_likelihood(labels: Array, predictions: Array, sigma: float) -> float:
    return float(-stats.norm.logpdf(labels, predictions, sigma).sum())


def _sigma_and_data(rng: np.random.Generator) -> tuple[Array, Array, float]:
    return (*_labels_and_predictions(rng), rng.uniform(0.2, 3))


def _compares_losses(
    attempt: Any, labels: Array, predictions: Array, sigma: float
) -> bool:
    """Two lines differ by the difference of their squared losses."""
    squares = np.sum((predictions - labels) ** 2)
    above_perfect = attempt(labels, predictions, sigma) - attempt(labels, labels, sigma)
    return agree(above_perfect, squares / (2 * sigma**2))


EXERCISES = {
    "three-points-limit": Exercise(reference=3 / 14, tol=1e-3),
    "three-points": Exercise(reference=17 / 14, tol=1e-3),
    "r-squared": Exercise(reference=_r_squared, sample=_labels_and_predictions),
    "best-rate": Exercise(
        reference=_best_rate,
        sample=lambda rng: (rng.uniform(0.01, 1), rng.uniform(1, 100)),
        properties=[
            (
                "At the best rate the flat and the steep direction must shrink by "
                "the same factor.",
                _balances,
            )
        ],
    ),
    "critical-rate": Exercise(
        reference=_critical_rate,
        sample=_inputs,
        properties=[
            (
                "Your rate does not separate decay from explosion: descent 2 % "
                "below it must shrink the error, and 2 % above it must not.",
                _separates,
            )
        ],
    ),
    "gaussian-likelihood": Exercise(
        reference=_minus_log_likelihood,
        sample=_sigma_and_data,
        properties=[
            (
                "Above that of a perfect line it must lie by the sum of the squared "
                "residuals over 2 sigma^2.",
                _compares_losses,
            )
        ],
    ),
}
