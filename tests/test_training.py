"""The training loop, Levenberg-Marquardt and the networks they train."""

from itertools import pairwise

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from tqdm import tqdm

from companion.methods.tanh_network import Tangent, TanhNetwork, WeightedFit, mlp
from companion.training import (
    FAILURES_IN_A_ROW,
    DenseJacobian,
    TrainingDiverged,
    device,
    fit,
    kernel_solver,
    levenberg_marquardt,
    mean_loss,
    normal_solver,
    progress,
)


@pytest.fixture(autouse=True)
def _book(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COMPANION_BOOK", "1")


# ---- the tanh network against PyTorch ---------------------------------------

SHAPES = st.tuples(
    st.integers(1, 3), st.lists(st.integers(1, 7), max_size=3), st.integers(1, 6)
)


def torch_output(widths, theta, x):
    """The same network in PyTorch, as a function of the flat theta."""
    a, start = x, 0
    layers = list(pairwise(widths))
    for number, (n_in, n_out) in enumerate(layers, start=1):
        W = theta[start : start + n_in * n_out].reshape(n_out, n_in)
        start += (n_in + 1) * n_out
        a = a @ W.T + theta[start - n_out : start]
        a = torch.tanh(a) if number < len(layers) else a
    return a[:, 0]


def draw(shape, seed):
    n_in, hidden, n_points = shape
    net = TanhNetwork((n_in, *hidden, 1))
    rng = np.random.default_rng(seed)
    theta = rng.normal(size=net.size)
    return net, theta, rng.normal(size=(n_points, n_in)), rng


@settings(max_examples=40, deadline=None)
@given(SHAPES, st.integers(0, 2**32 - 1))
def test_every_product_of_the_jacobian_equals_torch(shape, seed):
    net, theta, x, rng = draw(shape, seed)
    f = lambda t: torch_output(net.widths, t, torch.from_numpy(x))  # noqa: E731
    theta_t = torch.from_numpy(theta)
    J = torch.func.jacrev(f)(theta_t).numpy()
    alpha, v = rng.normal(size=len(x)), rng.normal(size=net.size)
    tangent = net.linearise(theta, x)
    scale = max(1.0, float(np.abs(J @ J.T).max()))
    np.testing.assert_allclose(net.forward(theta, x), f(theta_t), atol=1e-12)
    np.testing.assert_allclose(tangent.jacobian(), J, atol=1e-12 * scale)
    np.testing.assert_allclose(tangent.kernel(), J @ J.T, atol=1e-12 * scale)
    np.testing.assert_allclose(
        tangent.transpose_product(alpha), J.T @ alpha, atol=1e-12 * scale
    )
    np.testing.assert_allclose(tangent.product(v), J @ v, atol=1e-12 * scale)


@settings(max_examples=20, deadline=None)
@given(SHAPES, st.integers(0, 2**32 - 1))
def test_weights_scale_residual_and_jacobian_alike(shape, seed):
    net, theta, x, rng = draw(shape, seed)
    weights, y = rng.uniform(0, 3, len(x)), rng.normal(size=len(x))
    plain, weighted = WeightedFit(net, x, y), WeightedFit(net, x, y, weights)
    np.testing.assert_allclose(
        weighted.residual(theta) ** 2, weights * plain.residual(theta) ** 2
    )
    np.testing.assert_allclose(
        weighted.linearise(theta).jacobian(),
        np.sqrt(weights)[:, None] * plain.linearise(theta).jacobian(),
        atol=1e-12,
    )


def test_initial_is_glorot_uniform_with_zero_biases():
    net = TanhNetwork((1, 64, 64, 1))
    theta = net.initial(3)
    assert theta.size == net.size == 4353
    for (W, b), limit in zip(
        net.layers(theta), np.sqrt(6 / np.array([65, 128, 65])), strict=True
    ):
        assert not b.any()
        assert 0.8 * limit < np.abs(W).max() <= limit
    assert np.array_equal(theta, net.initial(3))
    assert not np.array_equal(theta, net.initial(4))


def test_zero_biases_make_the_network_odd():
    net, x = TanhNetwork((1, 8, 8, 1)), np.linspace(-1, 1, 21)[:, None]
    y = net.forward(net.initial(0), x)
    np.testing.assert_allclose(y, -y[::-1], atol=1e-15)


@pytest.mark.parametrize("widths", [(1,), (1, 4, 2), (1, 0, 1), ()])
def test_a_network_without_one_output_is_refused(widths):
    with pytest.raises(ValueError, match="one output"):
        TanhNetwork(widths)


def test_mlp_has_keras_defaults_and_leaves_the_global_generator_alone():
    before = torch.get_rng_state()
    model, again = mlp([1, 64, 1], seed=1), mlp([1, 64, 1], seed=1, gain=2.0)
    assert torch.equal(before, torch.get_rng_state())
    assert float(model[0].weight.detach().abs().max()) <= np.sqrt(6 / 65)
    assert not model[0].bias.any()
    torch.testing.assert_close(again[0].weight, 2 * model[0].weight)
    assert isinstance(model[-1], nn.Linear)


# ---- Levenberg-Marquardt -----------------------------------------------------


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
    return WeightedFit(TanhNetwork(widths), x[:, None], 1 / (1 + 25 * x**2))


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
    assert history.loss[-1] == history.best == np.mean(problem.residual(theta) ** 2)
    assert np.array_equal(start, kept)
    assert len(history.mu) == len(history.seconds) == history.epochs
    assert 0 < history.steps < history.epochs <= 300


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
    problem = WeightedFit(TanhNetwork((1, 6, 1)), x[:, None], np.sin(x))
    tangent = problem.linearise(problem.network.initial(0))
    assert np.linalg.matrix_rank(tangent.kernel()) == 3
    _, history = levenberg_marquardt(problem, problem.network.initial(0), 200)
    assert history.loss[-1] < 1e-20


def test_contradicting_duplicates_stop_at_their_mean():
    x, y = np.zeros((2, 1)), np.array([0.0, 1.0])
    net = TanhNetwork((1, 4, 1))
    theta, history = levenberg_marquardt(WeightedFit(net, x, y), net.initial(0), 400)
    assert net.forward(theta, x) == pytest.approx([0.5, 0.5])
    assert history.epochs < 400
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
    assert history.steps == 0 and not theta.any()
    assert history.mu[-1] == pytest.approx(2.7)


def test_residuals_that_are_not_finite_at_the_start_are_an_error():
    problem = runge_fit()
    with pytest.raises(ValueError, match="1 of 15 residuals are not finite"):
        broken = problem.y.copy()
        broken[3] = np.nan
        levenberg_marquardt(
            WeightedFit(problem.network, problem.x, broken),
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
    assert history.steps < history.epochs


# ---- fit ----------------------------------------------------------------------


def data(n=40):
    x = torch.linspace(-1, 1, n)[:, None]
    return x, torch.sin(3 * x)


def run(seed=0, epochs=30, **options):
    model = mlp([1, 16, 1], seed=7)
    x, y = data()
    history = fit(
        model,
        x,
        y,
        loss=nn.functional.mse_loss,
        optimizer=torch.optim.Adam(model.parameters(), lr=options.pop("lr", 0.02)),
        epochs=epochs,
        seed=seed,
        **options,
    )
    return model, history


def test_fit_lowers_the_loss_and_counts():
    _, history = run(batch_size=16)
    assert history.loss[-1] < history.loss[0]
    assert history.epochs == len(history.seconds) == 30
    assert history.steps == len(history.batch_loss) == 90
    assert history.stopped == "all 30 epochs were run"
    assert history.validation == []


def test_same_seed_same_result_other_seed_other_result():
    (a, first), (b, again) = run(batch_size=8), run(batch_size=8)
    assert first.loss == again.loss
    for p, q in zip(a.parameters(), b.parameters(), strict=True):
        assert torch.equal(p, q)
    assert run(seed=1, batch_size=8)[1].loss != first.loss


def test_full_batch_loss_is_the_loss_before_the_step():
    x, y = data()
    before = mean_loss(mlp([1, 16, 1], seed=7), x, y, loss=nn.functional.mse_loss)
    assert run(epochs=1)[1].loss == pytest.approx([before])


def test_mean_loss_does_not_depend_on_the_batches():
    model, (x, y) = mlp([1, 16, 1], seed=7), data()
    whole = mean_loss(model, x, y, loss=nn.functional.mse_loss)
    parts = mean_loss(model, x, y, loss=nn.functional.mse_loss, batch_size=7)
    assert parts == pytest.approx(whole, rel=1e-6)
    assert not model.training


def test_early_stopping_gives_back_the_best_weights():
    x, y = data()
    held_out = (x, torch.zeros_like(y))
    model, history = run(validation=held_out, patience=3, epochs=200, lr=0.05)
    now = mean_loss(model, *held_out, loss=nn.functional.mse_loss)
    assert history.epochs < 200
    assert history.epochs - 1 - history.best_epoch == 3
    assert history.best == min(history.validation) == pytest.approx(now)
    assert history.stopped == "no better validation loss for 3 epochs"


def test_the_scheduler_advances_every_step():
    model, (x, y) = mlp([1, 4, 1], seed=0), data()
    optimizer = torch.optim.SGD(model.parameters(), lr=1.0)
    schedule = torch.optim.lr_scheduler.StepLR(optimizer, step_size=1, gamma=0.5)
    fit(
        model,
        x,
        y,
        loss=nn.functional.mse_loss,
        optimizer=optimizer,
        epochs=2,
        batch_size=20,
        scheduler=schedule,
    )
    assert optimizer.param_groups[0]["lr"] == 0.5**4


def diverge(x, y, *, loss=nn.functional.mse_loss, lr=0.01):
    model = mlp([1, 1], seed=0)
    optimizer = torch.optim.SGD(model.parameters(), lr=lr)
    fit(model, x, y, loss=loss, optimizer=optimizer, epochs=500)


def test_divergence_names_the_learning_rate():
    with pytest.raises(TrainingDiverged, match=r"rate \(50\) is probably too high"):
        diverge(*data(), lr=50.0)


def test_divergence_names_inputs_that_are_not_finite():
    x, y = data()
    x[4] = torch.inf
    with pytest.raises(TrainingDiverged, match=r"step 0 \(epoch 0\): 1 of the inputs"):
        diverge(x, y)


def test_divergence_names_the_loss_function():
    with pytest.raises(TrainingDiverged, match="log\\(0\\)"):
        diverge(*data(), loss=lambda out, y: torch.log(out * 0).mean())


def test_divergence_names_a_gradient_that_is_not_finite():
    with pytest.raises(TrainingDiverged, match="gradient was not finite"):
        diverge(*data(), loss=lambda out, y: torch.sqrt(out * 0).mean())


def test_integer_targets_are_allowed():
    model = nn.Sequential(nn.Linear(1, 2))
    x, _ = data()
    history = fit(
        model,
        x,
        (x[:, 0] > 0).long(),
        loss=nn.functional.cross_entropy,
        optimizer=torch.optim.Adam(model.parameters(), lr=0.1),
        epochs=40,
    )
    assert history.loss[-1] < history.loss[0]


def test_senseless_arguments_are_refused():
    with pytest.raises(ValueError, match="patience needs validation"):
        run(patience=2)
    model, (x, y) = mlp([1, 1], seed=0), data()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    with pytest.raises(ValueError, match="40 inputs but 3 targets"):
        fit(model, x, y[:3], loss=nn.functional.mse_loss, optimizer=optimizer, epochs=1)


def test_progress_shows_a_bar_to_people_and_none_in_the_book(monkeypatch):
    assert progress([1, 2]) == [1, 2]
    monkeypatch.delenv("COMPANION_BOOK")
    bar = progress([1, 2], "demo")
    assert isinstance(bar, tqdm)
    assert list(bar) == [1, 2]


def test_device_is_cuda_exactly_when_present():
    assert device().type == ("cuda" if torch.cuda.is_available() else "cpu")


def test_tangent_of_a_single_layer_is_the_linear_model():
    x = np.array([[1.0, 2.0], [3.0, 4.0]])
    tangent = TanhNetwork((2, 1)).linearise(np.zeros(3), x)
    assert isinstance(tangent, Tangent)
    np.testing.assert_array_equal(tangent.kernel(), x @ x.T + 1)
