"""Exercises of regression/cross-validation."""

from typing import Any

import numpy as np

from companion.comparison import agree
from companion.exercises import Exercise

Array = np.ndarray


def _ridge_loo(X: Array, y: Array, alpha: float) -> float:
    A = X.T @ X + alpha * np.eye(X.shape[1])
    H = X @ np.linalg.solve(A, X.T)
    return float(np.mean(((y - H @ y) / (1 - np.diag(H))) ** 2))


def _ridge_sample(rng: np.random.Generator) -> tuple[Any, ...]:
    n, d = int(rng.integers(4, 15)), int(rng.integers(1, 4))
    return rng.normal(size=(n, d)), rng.normal(size=n), float(rng.uniform(0.1, 5))


def _residuals(X: Array, y: Array, alpha: float) -> tuple[Array, Array]:
    """Return the residuals, and the leverages without penalty."""
    w = np.linalg.solve(X.T @ X + alpha * np.eye(X.shape[1]), X.T @ y)
    return y - X @ w, np.diag(X @ np.linalg.pinv(X))


def _not_training_error(attempt: Any, X: Array, y: Array, alpha: float) -> bool:
    residual, _ = _residuals(X, y, alpha)
    return not agree(attempt(X, y, alpha), np.mean(residual**2), 1e-6)


def _not_least_squares_leverage(attempt: Any, X: Array, y: Array, alpha: float) -> bool:
    residual, h = _residuals(X, y, alpha)
    return not agree(attempt(X, y, alpha), np.mean((residual / (1 - h)) ** 2), 1e-6)


EXERCISES = {
    "standard-error": Exercise(
        reference=1.0,
        tol=1e-3,
        properties=[
            (
                "That divides the squares by k; (4) divides by k - 1.",
                lambda attempt: not agree(attempt, (2 / 3) ** 0.5, 2e-3),
            ),
            (
                "That is s, the spread of one fold; the mean of k folds has less.",
                lambda attempt: not agree(attempt, 3**0.5, 2e-3),
            ),
        ],
    ),
    "left-out-error": Exercise(
        reference=8.0,
        tol=1e-3,
        properties=[
            (
                "Divide: a row that is left out is farther off, not nearer.",
                lambda attempt: not agree(attempt, 4.5, 1e-3),
            ),
            (
                "Divide by one minus the leverage, not by the leverage.",
                lambda attempt: not agree(attempt, 24.0, 1e-3),
            ),
        ],
    ),
    "trainings": Exercise(
        reference=125.0,
        tol=1e-3,
        properties=[
            (
                "The chosen setting is trained once more in each outer fold.",
                lambda attempt: not agree(attempt, 120.0, 1e-3),
            ),
            (
                "Every outer fold has an inner cross-validation of its own.",
                lambda attempt: (
                    not agree(attempt, 24.0, 1e-3) and not agree(attempt, 25.0, 1e-3)
                ),
            ),
        ],
    ),
    "ridge-loo": Exercise(
        reference=_ridge_loo,
        sample=_ridge_sample,
        properties=[
            ("That is the training error: no row is left out.", _not_training_error),
            (
                "Those leverages lack the penalty: those of ridge are smaller.",
                _not_least_squares_leverage,
            ),
        ],
    ),
    "mean-of-lowest": Exercise(
        reference=lambda m: 90 + 20 / (m + 1),
        sample=lambda rng: (int(rng.integers(1, 30)),),
        properties=[
            (
                "One model alone has the mean 100.",
                lambda attempt, m: agree(attempt(1), 100.0, 1e-6),
            ),
            (
                "That is (3), for estimates that are 90 or 110 and nothing between.",
                lambda attempt, m: (
                    m == 1 or not agree(attempt(m), 90 + 20 * 0.5**m, 1e-6)
                ),
            ),
        ],
    ),
}
