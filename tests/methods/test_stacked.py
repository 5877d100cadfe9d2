"""Stacks and fit_many against autograd and one network at a time."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.nn.functional import cross_entropy, l1_loss, mse_loss
from torch.nn.utils import parameters_to_vector

from companion.methods.mlp import mlp
from companion.methods.optimizers import AdamRule, LBFGSRule, SGDRule
from companion.methods.stacked import StackedMLPs, StackedModules, fit_many, stack
from companion.methods.tanh_network import TanhNetwork
from companion.training import fit


def make(widths, activation, S):
    return [mlp(widths, seed=s, activation=activation).double() for s in range(S)]


def draw(S, n_in, n_out, N, seed=0):
    generator = torch.Generator().manual_seed(seed)
    normal = lambda *shape: torch.randn(  # noqa: E731
        *shape, dtype=torch.float64, generator=generator
    )
    return normal(S, N, n_in), normal(S, N, n_out)


def assert_like_autograd(stacked, models, x, y, loss=mse_loss):
    losses = stacked.backward(x, y)
    for s, model in enumerate(models):
        expected = loss(model(x[s]), y[s])
        expected.backward()
        gradient = torch.cat([p.grad.ravel() for p in model.parameters()])
        torch.testing.assert_close(losses[s], expected.detach())
        torch.testing.assert_close(stacked.loss(x, y)[s], expected.detach())
        torch.testing.assert_close(stacked.gradient[s], gradient)


@settings(max_examples=30, deadline=None)
@given(
    st.lists(st.integers(1, 6), min_size=2, max_size=5),
    st.sampled_from([nn.Tanh, nn.Sigmoid, nn.ReLU]),
    st.integers(1, 4),
    st.integers(1, 9),
    st.sampled_from([StackedMLPs, StackedModules]),
)
def test_losses_and_gradients_equal_autograd(widths, activation, S, N, kind):
    models = make(widths, activation, S)
    assert_like_autograd(kind(models), models, *draw(S, widths[0], widths[-1], N))


class Attention(nn.Module):
    """Softmax weights, a bare parameter of no dimension, and a skip."""

    def __init__(self):
        super().__init__()
        self.query = nn.Linear(2, 3, bias=False)
        self.temperature = nn.Parameter(torch.tensor(0.7))

    def forward(self, x):
        q = self.query(x)
        return x + torch.softmax(self.temperature * q @ q.T, dim=1) @ x


@pytest.mark.parametrize(
    "build",
    [
        Attention,
        lambda: nn.Sequential(
            nn.Linear(2, 4),
            nn.BatchNorm1d(4, track_running_stats=False),
            nn.ReLU(),
            nn.Linear(4, 2),
        ),
        lambda: nn.Sequential(
            nn.Unflatten(1, (1, 2)), nn.Conv1d(1, 2, 1), nn.Flatten(), nn.Linear(4, 2)
        ),
    ],
)
@pytest.mark.parametrize("loss", [mse_loss, l1_loss])
def test_the_general_path_takes_any_module_and_loss(build, loss):
    torch.manual_seed(0)
    models = [build().double() for _ in range(3)]
    stacked = stack(models, loss)
    assert isinstance(stacked, StackedModules)
    assert_like_autograd(stacked, models, *draw(3, 2, 2, 5), loss)


def test_the_fast_path_is_taken_where_it_can_be():
    models = make([2, 3, 1], nn.Sigmoid, 2)
    assert isinstance(stack(models), StackedMLPs)
    assert isinstance(stack(models, l1_loss), StackedModules)
    assert isinstance(stack(make([2, 3, 1], nn.GELU, 2)), StackedModules)
    with pytest.raises(ValueError, match="StackedMLPs takes Linear layers"):
        StackedMLPs(make([2, 3, 1], nn.GELU, 2))


def test_theta_has_the_layout_of_tanh_network():
    (model,) = make([2, 5, 3, 1], nn.Tanh, 1)
    x = np.random.default_rng(0).normal(size=(7, 2))
    theta = stack([model]).theta[0].numpy()
    expected = model(torch.from_numpy(x)).detach().numpy()[:, 0]
    np.testing.assert_allclose(
        TanhNetwork((2, 5, 3, 1)).forward(theta, x), expected, atol=1e-14
    )


def test_views_are_the_parameters_by_name():
    models = make([2, 4, 1], nn.Tanh, 3)
    stacked = stack(models)
    views = stacked.views(stacked.theta)
    for s, model in enumerate(models):
        for name, parameter in model.named_parameters():
            assert torch.equal(views[name][s], parameter)
    views["0.weight"].zero_()
    assert not stacked.theta[:, :8].any() and stacked.theta[:, 8:].any()


def test_write_back_returns_what_was_stacked():
    models = make([1, 4, 2], nn.Tanh, 3)
    stacked = stack(models)
    stacked.theta.add_(1.0)
    before = [parameters_to_vector(m.parameters()).detach() for m in models]
    stacked.write_back(models)
    for model, old in zip(models, before, strict=True):
        new = parameters_to_vector(model.parameters()).detach()
        torch.testing.assert_close(new, old + 1.0)


def frozen():
    model = mlp([1, 3, 1], seed=0)
    model[0].weight.requires_grad_(False)
    return model


@pytest.mark.parametrize(
    ("models", "message"),
    [
        ([], "no models"),
        ([mlp([1, 3, 1], seed=0), mlp([1, 4, 1], seed=0)], "model 1 is not built like"),
        (
            [mlp([1, 3, 1], seed=0), mlp([1, 3, 1], seed=0, activation=nn.ReLU)],
            "model 1 is not built like",
        ),
        (
            [nn.Sequential(nn.Linear(1, 3), nn.BatchNorm1d(3))],
            r"model 0 has buffers \(1.running_mean, .* train it with fit",
        ),
        ([frozen()], r"model 0 has frozen parameters \(0.weight\)"),
    ],
)
def test_models_that_cannot_be_stacked_are_named(models, message):
    with pytest.raises(ValueError, match=message):
        stack(models)


class Choosy(nn.Module):
    """Its way through depends on a value."""

    def __init__(self):
        super().__init__()
        self.linear = nn.Linear(1, 1)

    def forward(self, x):
        y = self.linear(x)
        return y if y.sum() > 0 else -y


@pytest.mark.parametrize(
    "model", [nn.Sequential(nn.Linear(1, 1), nn.Dropout()).eval(), Choosy()]
)
def test_what_is_random_or_depends_on_values_is_refused(model):
    with pytest.raises(ValueError, match=r"random or depends on values: .* with fit"):
        stack([model]).backward(torch.ones(1, 4, 1), torch.ones(1, 4, 1))


# ---- fit_many ----------------------------------------------------------------

WIDTHS = [1, 6, 6, 1]


def curve(N=37):
    x = torch.linspace(0, 3, N, dtype=torch.float64)[:, None]
    return x, torch.sin(2 * x)


@pytest.mark.parametrize("batch_size", [None, 10, 37, 100])
def test_every_network_ends_where_fit_takes_it(batch_size):
    x, y = curve()
    models, alone = make(WIDTHS, nn.Tanh, 3), make(WIDTHS, nn.Tanh, 3)
    seeds = [5, 2, 5]
    fit_many(
        models, x, y, rule=AdamRule(0.01), epochs=15, batch_size=batch_size,
        seeds=seeds,
    )  # fmt: skip
    for model, single, seed in zip(models, alone, seeds, strict=True):
        fit(
            single, x, y, loss=mse_loss, epochs=15, batch_size=batch_size, seed=seed,
            optimizer=torch.optim.Adam(single.parameters(), lr=0.01),
        )  # fmt: skip
        torch.testing.assert_close(
            parameters_to_vector(model.parameters()),
            parameters_to_vector(single.parameters()),
            rtol=1e-9,
            atol=1e-11,
        )


def test_given_orders_take_the_place_of_seeds():
    x, y = draw(1, 2, 1, 7)
    by_seed, by_order = (make([2, 3, 1], nn.Tanh, 2) for _ in range(2))
    how = {"epochs": 3, "batch_size": 3, "evaluate_at": [3]}
    fit_many(by_seed, x[0], y[0], rule=AdamRule(0.1), seeds=[4, 9], **how)
    orders = []
    for seed in (4, 9):
        generator = torch.Generator().manual_seed(seed)
        orders.append([torch.randperm(7, generator=generator) for _ in range(3)])
    given_orders = torch.stack([torch.stack(each) for each in orders], dim=1)
    fit_many(by_order, x[0], y[0], rule=AdamRule(0.1), orders=given_orders, **how)
    for a, b in zip(by_seed, by_order, strict=True):
        torch.testing.assert_close(
            parameters_to_vector(a.parameters()), parameters_to_vector(b.parameters())
        )
    with pytest.raises(ValueError, match=r"orders must have the shape \(3, 2, rows\)"):
        fit_many(by_order, x[0], y[0], rule=AdamRule(), orders=orders[0][0], **how)


@pytest.mark.parametrize("shape", [(3, 2), (3, 2, 0), (2, 3, 7), (3, 2, 7, 1)])
def test_orders_of_another_shape_are_refused(shape):
    x, y = draw(1, 2, 1, 7)
    orders = torch.zeros(shape, dtype=torch.int64)
    with pytest.raises(ValueError, match=r"orders must have the shape \(3, 2, rows\)"):
        fit_many(
            make([2, 3, 1], nn.Tanh, 2), x[0], y[0], rule=AdamRule(), epochs=3,
            batch_size=3, orders=orders,
        )  # fmt: skip


def test_the_history_is_the_loss_on_all_points_at_the_evaluated_epochs():
    x, y = curve()
    models = make(WIDTHS, nn.Tanh, 2)
    start = [mse_loss(m(x), y).item() for m in models]
    history = fit_many(
        models, x, y, rule=SGDRule(0.05), epochs=9, batch_size=8, evaluate_at=[0, 4, 9]
    )
    assert history.epochs.tolist() == [0, 4, 9]
    np.testing.assert_allclose(history.loss[0], start)
    end = [mse_loss(m(x), y).item() for m in models]
    np.testing.assert_allclose(history.loss[-1], end)
    assert history.seconds[0] == 0
    assert (np.diff(history.seconds) > 0).all()
    assert not history.diverged.any()


def test_each_network_may_have_its_own_targets():
    x, y = curve()
    levels = [0.0, 2.0]
    models, own = make(WIDTHS, nn.Tanh, 2), [y + level for level in levels]
    history = fit_many(models, x, own, rule=LBFGSRule(), epochs=200)
    assert (history.loss[-1] < 1e-3).all()
    ratios = history.loss[1:] / history.loss[:-1]
    assert (ratios <= 1 + 2e-8).all()  # trial steps do not show
    for model, level, loss in zip(models, levels, history.loss[-1], strict=True):
        assert mse_loss(model(x), y + level).item() == pytest.approx(loss)


def test_one_that_diverges_leaves_the_others_alone():
    x, y = curve()
    rates = torch.tensor([[0.05], [1e6], [0.05]], dtype=torch.float64)
    models = [mlp(WIDTHS, seed=1, activation=nn.ReLU).double() for _ in range(3)]
    history = fit_many(models, x, y, rule=SGDRule(rates), epochs=30)
    assert history.diverged.tolist() == [False, True, False]
    assert np.isinf(history.loss[-1, 1])
    np.testing.assert_array_equal(history.loss[:, 0], history.loss[:, 2])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"inputs": torch.zeros(5, 2)}, r"must have the shape \(N, 1\), not \(5, 2\)"),
        ({"targets": torch.zeros(5)}, r"must have the shape \(N, 1\), not \(5,\)"),
        ({"targets": [torch.zeros(5, 1)] * 3}, "or 2 tensors of one shape"),
        ({"inputs": [torch.zeros(5, 1), torch.zeros(4, 1)]}, "or 2 tensors of one"),
        ({"targets": torch.zeros(4, 1)}, "5 inputs but 4 targets"),
        ({"targets": torch.full((5, 1), torch.nan)}, "5 of the targets are not finite"),
        ({"seeds": [1]}, "2 models but 1 seeds"),
        ({"inputs": torch.zeros(5, 1).double()}, "are torch.float64 on cpu, but"),
        ({"evaluate_at": [7]}, "no epoch to evaluate between 0 and 1"),
        ({"batch_size": 0}, "batch_size must be at least 1, not 0"),
    ],
)
def test_what_does_not_fit_is_said(change, message):
    arguments = {
        "inputs": torch.zeros(5, 1),
        "targets": torch.zeros(5, 1),
        "rule": SGDRule(0.1),
        "epochs": 1,
    } | change
    with pytest.raises(ValueError, match=message):
        fit_many([mlp(WIDTHS, seed=s) for s in range(2)], **arguments)


def test_classification_with_own_rows_ends_where_fit_takes_it():
    """Cross-validation of a classifier: each network has other rows and classes."""
    X, _ = draw(1, 4, 1, 30)
    labels = X[0].abs().argmax(dim=1)
    rows = [torch.arange(30)[torch.arange(30) % 3 != fold] for fold in range(3)]
    models, alone = make([4, 5, 4], nn.ReLU, 3), make([4, 5, 4], nn.ReLU, 3)
    history = fit_many(
        models, [X[0][r] for r in rows], [labels[r] for r in rows], loss=cross_entropy,
        rule=AdamRule(0.02), epochs=20, batch_size=8,
    )  # fmt: skip
    for s, single in enumerate(alone):
        fit(
            single, X[0][rows[s]], labels[rows[s]], loss=cross_entropy, epochs=20,
            batch_size=8, seed=s,
            optimizer=torch.optim.Adam(single.parameters(), lr=0.02),
        )  # fmt: skip
        torch.testing.assert_close(
            parameters_to_vector(models[s].parameters()),
            parameters_to_vector(single.parameters()),
            rtol=1e-9,
            atol=1e-11,
        )
    assert (history.loss[-1] < history.loss[0]).all()
