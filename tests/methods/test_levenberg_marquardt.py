"""Levenberg-Marquardt: both forms of the step, its end, and what goes wrong."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from companion.methods.levenberg_marquardt import (
    FAILURES_IN_A_ROW,
    DenseJacobian,
    kernel_solver,
    levenberg_marquardt,
    normal_solver,
)
from companion.methods.tanh_network import TanhNetwork, WeightedLeastSquares


class Linear:
    """r = A theta - y."""

    def __init__(self, A, y):
        self.A, self.y = A, y

    def residual(self, theta):
        return self.A @ theta - self.y

    def linearise(self, theta):
        return DenseJacobian(self.A)


def runge_fit(widths=(1, 8, 8, 1), n=15):
    x = np.linspace(-1, 1, n)
    return WeightedLeastSquares(TanhNetwork(widths), x[:, None], 1 / (1 + 25 * x**2))


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 8), st.integers(1, 8), st.floats(1e-3, 10), st.integers(0, 999))
def test_push_through_both_forms_give_the_same_step(N, P, mu, seed):
    rng = np.random.default_rng(seed)
    J, r = rng.normal(size=(N, P)), rng.normal(size=N)
    v, Jv = kernel_solver(J @ J.T, DenseJacobian(J), mu)(r)
    w, Jw = normal_solver(J.T @ J, J, mu)(r)
    np.testing.assert_allclose(v, w, atol=1e-9)
    np.testing.assert_allclose(Jv, J @ v, atol=1e-9)
    np.testing.assert_allclose(Jw, J @ w, atol=1e-9)


@pytest.mark.parametrize("shape", [(20, 4), (4, 20), (6, 6)])
def test_a_linear_problem_is_solved_in_a_few_steps(shape):
    rng = np.random.default_rng(0)
    A, y = rng.normal(size=shape), rng.normal(size=shape[0])
    theta, history = levenberg_marquardt(Linear(A, y), np.zeros(shape[1]), 60, mu=1e-6)
    best = np.linalg.lstsq(A, y, rcond=None)[0]
    assert history.loss[5] - np.mean((A @ best - y) ** 2) < 1e-10
    np.testing.assert_allclose(theta, best, atol=1e-6)


def test_the_loss_never_rises_and_the_start_is_kept():
    problem = runge_fit()
    start = problem.network.initial(0)
    kept = start.copy()
    theta, history = levenberg_marquardt(problem, start, 300)
    assert np.all(np.diff(history.loss) <= 0)
    assert history.loss[-1] < 1e-8
    assert history.loss[-1] == np.mean(problem.residual(theta) ** 2)
    assert np.array_equal(start, kept)
    assert len(history.mu) == len(history.seconds) == history.attempts
    assert 0 < history.accepted < history.attempts <= 300


def test_same_start_same_result_and_a_run_can_be_continued():
    problem = runge_fit()
    start = problem.network.initial(1)
    whole, _ = levenberg_marquardt(problem, start, 80)
    half, first = levenberg_marquardt(problem, start, 40)
    rest, _ = levenberg_marquardt(problem, half, 40, mu=first.mu[-1])
    assert np.array_equal(whole, rest)


def test_more_points_than_parameters_uses_the_normal_form():
    problem = runge_fit(widths=(1, 3, 1), n=40)
    _, history = levenberg_marquardt(problem, problem.network.initial(0), 200)
    assert history.loss[-1] < 1e-3


def test_duplicate_points_make_the_kernel_singular_and_do_no_harm():
    x = np.array([0.0, 0.0, 0.5, 0.5, 1.0])
    problem = WeightedLeastSquares(TanhNetwork((1, 6, 1)), x[:, None], np.sin(x))
    jacobian = problem.linearise(problem.network.initial(0))
    assert np.linalg.matrix_rank(jacobian.kernel()) == 3
    _, history = levenberg_marquardt(problem, problem.network.initial(0), 200)
    assert history.loss[-1] < 1e-20


def test_contradicting_duplicates_stop_at_their_mean():
    x, y = np.zeros((2, 1)), np.array([0.0, 1.0])
    net = TanhNetwork((1, 4, 1))
    theta, history = levenberg_marquardt(
        WeightedLeastSquares(net, x, y), net.initial(0), 400
    )
    assert net.forward(theta, x) == pytest.approx([0.5, 0.5])
    assert history.attempts < 400
    assert history.stopped == (
        f"{FAILURES_IN_A_ROW} steps in a row did not lower the loss"
    )


def test_a_singular_matrix_counts_as_a_failed_step():
    # K + mu I is indefinite in float64: K has an eigenvalue of -1
    class Broken(DenseJacobian):
        def kernel(self):
            return -np.eye(len(self.J))

    class Problem(Linear):
        def linearise(self, theta):
            return Broken(self.A)

    theta, history = levenberg_marquardt(
        Problem(np.eye(2), np.ones(2)), np.zeros(2), 3, mu=0.1
    )
    assert history.accepted == 0 and not theta.any()
    assert history.mu[-1] == pytest.approx(2.7)


def test_residuals_that_are_not_finite_at_the_start_are_an_error():
    problem = runge_fit()
    with pytest.raises(ValueError, match="1 of 15 residuals are not finite"):
        broken = problem.y.copy()
        broken[3] = np.nan
        levenberg_marquardt(
            WeightedLeastSquares(problem.network, problem.x, broken),
            problem.network.initial(0),
            5,
        )
    with pytest.raises(ValueError, match="mu must be positive"):
        levenberg_marquardt(problem, problem.network.initial(0), 5, mu=0.0)


def test_steps_out_of_the_domain_are_refused():
    # r = log(theta) - 2: a full step from 0.1 lands at a negative theta
    class Log:
        def residual(self, theta):
            with np.errstate(invalid="ignore"):
                return np.log(theta) - 2

        def linearise(self, theta):
            return DenseJacobian(np.diag(1 / theta))

    theta, history = levenberg_marquardt(Log(), np.array([20.0]), 100, mu=1e-6)
    assert theta[0] == pytest.approx(np.exp(2))
    assert history.accepted < history.attempts
