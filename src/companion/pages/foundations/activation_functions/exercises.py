"""Exercises of foundations/activation-functions."""

from typing import Any

import numpy as np
from scipy.special import expit

from companion.comparison import agree, as_array, tolerance
from companion.exercises import Exercise

Array = np.ndarray


def _sgd_step(theta: Array, x: Array, y: float, alpha: float) -> Array:
    inputs = np.array([1.0, *x])
    z = inputs @ theta
    # y - sigma(z), without rounding sigma(z) to 1 first
    residual = (y - 1) + expit(-z) if z > 0 else y - expit(z)
    return 2 * alpha * residual * expit(z) * expit(-z) * inputs


def _sgd_sample(rng: np.random.Generator) -> tuple[Any, ...]:
    theta = rng.normal(size=3) * rng.choice([1.0, 10.0])
    return theta, rng.normal(size=2), float(rng.integers(0, 4)), rng.uniform(0.1, 2)


def _stays_accurate(attempt: Any, *args: Any) -> bool:
    """Compare a step from z = 60 with target 1, where 1 - sigma(z) rounds to 0.

    An attempt that is wrong at ordinary points passes, to be told so instead.
    """
    found = attempt(*args)
    if not agree(found, _sgd_step(*args)):
        return True
    far = np.array([30.0, 10.0, 10.0]), np.array([1.0, 2.0]), 1.0, 1.0
    return np.allclose(as_array(attempt(*far)), _sgd_step(*far), rtol=1e-10, atol=0)


def _waiting_time(d: float, eta: float) -> float:
    return (d + 1 - np.exp(-d)) / (5 * eta)


def _grows_linearly(attempt: Any, d: float, eta: float) -> bool:
    """Beyond d = 40 one more unit of d costs 1 / (5 eta) steps."""
    return agree(attempt(50.0, eta) - attempt(49.0, eta), 1 / (5 * eta))


def _leaky_slope(z: Array) -> Array:
    return np.where(z > 0, 1.0, 0.01)


def _away_from_the_corner(rng: np.random.Generator) -> tuple[Array]:
    z = rng.normal(size=8) * rng.choice([1.0, 100.0])
    return (np.where(np.abs(z) < 1e-3, 1.0, z),)


def _as_sigmoid(W1: Array, b1: Array, W2: Array, b2: Array) -> Array:
    parts = (2 * W1, 2 * b1, 2 * W2, b2 - W2.sum(axis=1))
    return np.concatenate([part.ravel() for part in parts])


def _network_sample(rng: np.random.Generator) -> tuple[Array, ...]:
    shapes: list[tuple[int, ...]] = [(4, 3), (4,), (2, 4), (2,)]
    return tuple(rng.normal(size=shape) for shape in shapes)


def _computes_the_same(
    attempt: Any, W1: Array, b1: Array, W2: Array, b2: Array
) -> bool:
    """Run both networks on the same five inputs."""
    found = attempt(W1, b1, W2, b2)
    shapes = [W1.shape, b1.shape, W2.shape, b2.shape]
    ends = np.cumsum([np.prod(shape) for shape in shapes])
    parts = np.split(as_array(found), ends[:-1])
    V1, c1, V2, c2 = (p.reshape(s) for p, s in zip(parts, shapes, strict=True))
    x = np.random.default_rng(0).normal(size=(5, W1.shape[1]))
    sigmoid = expit(x @ V1.T + c1) @ V2.T + c2
    tanh = np.tanh(x @ W1.T + b1) @ W2.T + b2
    return agree(sigmoid, tanh, tolerance(found, 1e-10))


EXERCISES = {
    "slope-at-output": Exercise(reference=0.16, tol=1e-3),
    "one-step": Exercise(reference=-3 + 0.4 * float(expit(6)), tol=2e-4),
    "leaky-slope": Exercise(reference=_leaky_slope, sample=_away_from_the_corner),
    "sgd-step": Exercise(
        reference=_sgd_step,
        sample=_sgd_sample,
        properties=[
            (
                "At z = 60 with target 1 the change is not accurate to ten digits: "
                "do you subtract from 1, or compute in float32?",
                _stays_accurate,
            )
        ],
        tol=1e-10,
    ),
    "waiting-time": Exercise(
        reference=_waiting_time,
        sample=lambda rng: (rng.uniform(0, 25), rng.uniform(0.01, 1)),
        properties=[
            (
                "Give the formula for very small steps. Far out z then rises by "
                "5 eta per step; yours needs another number of steps for one "
                "unit of z.",
                _grows_linearly,
            )
        ],
    ),
    "as-sigmoid": Exercise(
        reference=_as_sigmoid,
        sample=_network_sample,
        properties=[
            (
                "The sigmoid network with your weights does not compute what "
                "the tanh network does.",
                _computes_the_same,
            )
        ],
        by_properties=True,  # tanh z = 1 - 2 sigma(-2z) is right as well
    ),
}
