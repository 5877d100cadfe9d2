"""Levenberg-Marquardt: damped Gauss-Newton steps for small least-squares problems.

It is taught in the page on Runge's function: second-order training that reaches
round-off where gradient descent stops at 1e-3.

References
----------
.. [1] D. W. Marquardt (1963), An algorithm for least-squares estimation of
   nonlinear parameters, https://doi.org/10.1137/0111030.
.. [2] M. K. Transtrum and J. P. Sethna (2012), Improvements to the
   Levenberg-Marquardt algorithm, https://arxiv.org/abs/1201.5885.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
import numpy.typing as npt
import scipy.linalg

from companion.progress import progress

Array = npt.NDArray[np.float64]

__all__ = [
    "DenseJacobian",
    "Jacobian",
    "LMHistory",
    "LeastSquares",
    "geodesic_step",
    "kernel_solver",
    "levenberg_marquardt",
    "normal_solver",
]

FAILURES_IN_A_ROW = 40
"""Rejected steps after which Levenberg-Marquardt gives up (mu grows by 3^40)."""


class Jacobian(Protocol):
    """What `levenberg_marquardt` asks of the Jacobian J of a residual."""

    def kernel(self) -> Array:
        """Return K = J J^T, shape (N, N)."""

    def transpose_product(self, alpha: Array) -> Array:
        """Return J^T alpha, shape (P,)."""

    def dense(self) -> Array:
        """Return J itself, shape (N, P); asked for only when P < N."""


class LeastSquares(Protocol):
    """A problem min |r(theta)|^2 for `levenberg_marquardt`."""

    def residual(self, theta: Array) -> Array:
        """Return r, shape (N,)."""

    def linearise(self, theta: Array) -> Jacobian:
        """Return J = dr/dtheta."""


@dataclass(frozen=True)
class DenseJacobian:
    """A `Jacobian` that is simply at hand as an array.

    Parameters
    ----------
    J : array, shape (N, P)
    """

    J: Array

    def kernel(self) -> Array:
        """Return J J^T."""
        return self.J @ self.J.T

    def transpose_product(self, alpha: Array) -> Array:
        """Return J^T alpha."""
        return self.J.T @ alpha

    def dense(self) -> Array:
        """Return J."""
        return self.J


@dataclass
class LMHistory:
    """What `levenberg_marquardt` leaves behind; lists have one entry per attempt.

    Attributes
    ----------
    loss : list of float
        Mean of r^2 after the attempted step; it never rises.
    mu : list of float
        Damping after it.
    seconds : list of float
        Seconds since the start.
    accepted : int
        Steps that lowered the loss and were taken.
    stopped : str
        Why the run ended, as a sentence.
    """

    loss: list[float] = field(default_factory=list)
    mu: list[float] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    accepted: int = 0
    stopped: str = ""

    @property
    def attempts(self) -> int:
        """Number of attempted steps."""
        return len(self.loss)


Solve = Callable[[Array], tuple[Array, Array]]


def kernel_solver(K: Array, jacobian: Jacobian, mu: float) -> Solve:
    """Return r -> (v, J v) with v = -J^T (J J^T + mu I)^{-1} r, K = J J^T.

    One Cholesky factorisation of an (N, N) matrix; J is never formed.

    Raises
    ------
    numpy.linalg.LinAlgError
        When K + mu I is singular to working precision.
    """
    factor = scipy.linalg.cho_factor(K + mu * np.eye(len(K)), check_finite=False)

    def solve(r: Array) -> tuple[Array, Array]:
        # (K + mu I) alpha = r,  v = -J^T alpha,  J v = -K alpha
        alpha = scipy.linalg.cho_solve(factor, r, check_finite=False)
        return -jacobian.transpose_product(alpha), -(K @ alpha)

    return solve


def normal_solver(A: Array, J: Array, mu: float) -> Solve:
    """Return r -> (v, J v) with v = -(J^T J + mu I)^{-1} J^T r, A = J^T J.

    One Cholesky factorisation of a (P, P) matrix; raises as `kernel_solver`.
    """
    factor = scipy.linalg.cho_factor(A + mu * np.eye(len(A)), check_finite=False)

    def solve(r: Array) -> tuple[Array, Array]:
        # (J^T J + mu I) v = -J^T r
        v = -scipy.linalg.cho_solve(factor, J.T @ r, check_finite=False)
        return v, J @ v

    return solve


def _solver_family(jacobian: Jacobian, N: int, P: int) -> Callable[[float], Solve]:
    """Return mu -> solver, in the form whose matrix is the smaller one."""
    if P < N:
        J = jacobian.dense()
        A = J.T @ J
        return lambda mu: normal_solver(A, J, mu)
    K = jacobian.kernel()
    return lambda mu: kernel_solver(K, jacobian, mu)


def geodesic_step(
    problem: LeastSquares, theta: Array, r: Array, solve: Solve, h: float = 0.1
) -> Array:
    """Return the damped step, bent along the geodesic where that bends little."""
    v, Jv = solve(r)
    # r_vv = (2 / h) ((r(theta + h v) - r(theta)) / h - J v)
    r_vv = 2 / h * ((problem.residual(theta + h * v) - r) / h - Jv)
    if not np.all(np.isfinite(r_vv)):
        return v
    # a = -J^T (J J^T + mu I)^{-1} r_vv, used when 2 |a| <= 0.75 |v|
    a, _ = solve(r_vv)
    if 2 * np.linalg.norm(a) > 0.75 * np.linalg.norm(v):
        return v
    return v + a / 2


def levenberg_marquardt(
    problem: LeastSquares,
    theta: Array,
    iterations: int,
    *,
    mu: float = 0.1,
    geodesic: bool = True,
) -> tuple[Array, LMHistory]:
    """Minimise |r(theta)|^2 by damped Gauss-Newton steps, in float64.

    With N residuals and P parameters the step v = -(J^T J + mu I)^{-1} J^T r is
    computed from whichever matrix is smaller: J J^T (N, N) when P >= N, which
    needs no J, else J^T J (P, P). Geodesic acceleration [2]_ adds half of the
    second-order correction a when 2 |a| <= 0.75 |v|. A step that lowers the loss
    is taken and mu is divided by 1.5; else mu is multiplied by 3 [1]_.

    Parameters
    ----------
    problem : object with `residual` and `linearise`
        See `LeastSquares`; `tanh_network.WeightedLeastSquares` is one.
    theta : array, shape (P,)
        Where to start; it is not changed.
    iterations : int
        Attempted steps, at most: never a time limit, so that a run can be
        repeated to the bit.
    mu : float, optional
        Damping to start from; ``history.mu[-1]`` continues an earlier run.
    geodesic : bool, optional
        Whether to use the second-order correction.

    Returns
    -------
    theta : array, shape (P,)
        The best parameters, which are the last ones accepted.
    history : LMHistory
        Loss, mu and seconds of every attempted step.

    Raises
    ------
    ValueError
        When r is not finite at the start, or mu is not positive.
    """
    if not mu > 0:
        raise ValueError(f"the damping mu must be positive, not {mu}")
    history, started = LMHistory(), time.perf_counter()
    r, solver, failures = problem.residual(theta), None, 0
    if not np.all(np.isfinite(r)):
        raise ValueError(
            f"{np.sum(~np.isfinite(r))} of {r.size} residuals are not finite at the "
            "start: look for NaN in the data, or start from smaller parameters"
        )
    history.stopped = f"all {iterations} iterations were run"
    for _ in progress(range(iterations), "iterations"):
        if solver is None:
            solver = _solver_family(problem.linearise(theta), r.size, theta.size)
        lower = _lower(problem, theta, r, solver, mu, geodesic)
        if lower is not None:
            (theta, r), solver, failures = lower, None, 0
            mu, history.accepted = mu / 1.5, history.accepted + 1
        else:
            mu, failures = 3 * mu, failures + 1
        history.loss.append(float(r @ r) / r.size)
        history.mu.append(mu)
        history.seconds.append(time.perf_counter() - started)
        if failures == FAILURES_IN_A_ROW:
            history.stopped = f"{failures} steps in a row did not lower the loss"
            break
    return theta, history


def _lower(
    problem: LeastSquares,
    theta: Array,
    r: Array,
    solver: Callable[[float], Solve],
    mu: float,
    geodesic: bool,
) -> tuple[Array, Array] | None:
    """Return the next theta and its residual, or None when the step fails."""
    try:
        solve = solver(mu)
    except np.linalg.LinAlgError:
        return None
    step = geodesic_step(problem, theta, r, solve) if geodesic else solve(r)[0]
    new = theta + step
    r_new = problem.residual(new)
    # NaN compares as False: a step out of the domain is a failed step
    return (new, r_new) if r_new @ r_new < r @ r else None
