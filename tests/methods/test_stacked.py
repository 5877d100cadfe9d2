"""Stacked networks and fit_many against autograd and one network at a time."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.nn.functional import mse_loss
from torch.nn.utils import parameters_to_vector

from companion.methods.optimizers import LBFGS, SGD, Adam
from companion.methods.stacked import StackedNetworks
from companion.methods.tanh_network import TanhNetwork, mlp
from companion.training import fit, fit_many


@pytest.fixture(autouse=True)
def _book(monkeypatch):
    monkeypatch.setenv("COMPANION_BOOK", "1")


def make(widths, activation, S):
    return [mlp(widths, seed=s, activation=activation).double() for s in range(S)]


def data(S, n_in, n_out, N, seed=0):
    generator = torch.Generator().manual_seed(seed)
    draw = lambda *shape: torch.randn(  # noqa: E731
        *shape, dtype=torch.float64, generator=generator
    )
    return draw(S, N, n_in), draw(S, N, n_out)


@settings(max_examples=30, deadline=None)
@given(
    st.lists(st.integers(1, 6), min_size=2, max_size=5),
    st.sampled_from([nn.Tanh, nn.ReLU]),
    st.integers(1, 4),
    st.integers(1, 9),
)
def test_losses_and_gradients_equal_autograd(widths, activation, S, N):
    models = make(widths, activation, S)
    x, y = data(S, widths[0], widths[-1], N)
    stack = StackedNetworks(models)
    losses = stack.backward(x.transpose(1, 2), y.transpose(1, 2))
    for s, model in enumerate(models):
        expected = mse_loss(model(x[s]), y[s])
        expected.backward()
        gradient = torch.cat([p.grad.ravel() for p in model.parameters()])
        torch.testing.assert_close(losses[s], expected.detach())
        torch.testing.assert_close(stack.gradient[s], gradient)


def test_theta_has_the_layout_of_tanh_network():
    (model,) = make([2, 5, 3, 1], nn.Tanh, 1)
    x = np.random.default_rng(0).normal(size=(7, 2))
    theta = StackedNetworks([model]).theta[0].numpy()
    expected = model(torch.from_numpy(x)).detach().numpy()[:, 0]
    np.testing.assert_allclose(
        TanhNetwork((2, 5, 3, 1)).forward(theta, x), expected, atol=1e-14
    )


def test_write_back_returns_what_was_stacked():
    models = make([1, 4, 2], nn.Tanh, 3)
    stack = StackedNetworks(models)
    stack.theta.add_(1.0)
    before = [parameters_to_vector(m.parameters()).detach() for m in models]
    stack.write_back(models)
    for model, old in zip(models, before, strict=True):
        new = parameters_to_vector(model.parameters()).detach()
        torch.testing.assert_close(new, old + 1.0)


@pytest.mark.parametrize(
    ("models", "message"),
    [
        ([], "no models"),
        ([mlp([1, 3, 1], seed=0), mlp([1, 4, 1], seed=0)], "model 1 has the shape 1-4"),
        (
            [
                mlp([1, 3, 1], seed=0),
                nn.Sequential(nn.Linear(1, 3), nn.Dropout(), nn.Linear(3, 1)),
            ],
            "model 1 is Linear - Dropout - Linear",
        ),
        (
            [nn.Sequential(nn.Linear(1, 3, bias=False), nn.Tanh(), nn.Linear(3, 1))],
            "with bias",
        ),
        ([nn.Sequential(nn.Linear(1, 3), nn.Tanh())], "model 0 is Linear - Tanh"),
    ],
)
def test_models_that_cannot_be_stacked_are_named(models, message):
    with pytest.raises(ValueError, match=message):
        StackedNetworks(models)


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
        models, x, y, optimizer=Adam(0.01), epochs=15, batch_size=batch_size,
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


def test_the_history_is_the_loss_on_all_points_at_the_recorded_epochs():
    x, y = curve()
    models = make(WIDTHS, nn.Tanh, 2)
    start = [mse_loss(m(x), y).item() for m in models]
    history = fit_many(
        models, x, y, optimizer=SGD(0.05), epochs=9, batch_size=8, record=[0, 4, 9]
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
    levels = torch.tensor([0.0, 2.0], dtype=torch.float64)[:, None, None]
    models = make(WIDTHS, nn.Tanh, 2)
    history = fit_many(models, x, y + levels, optimizer=LBFGS(), epochs=200)
    assert (history.loss[-1] < 1e-3).all()
    ratios = history.loss[1:] / history.loss[:-1]
    assert (ratios <= 1 + 2e-8).all()  # trial steps do not show
    for model, level, loss in zip(models, levels, history.loss[-1], strict=True):
        assert mse_loss(model(x), y + level).item() == pytest.approx(loss)


def test_one_that_diverges_leaves_the_others_alone():
    x, y = curve()
    rates = torch.tensor([[0.05], [1e6], [0.05]], dtype=torch.float64)
    models = [mlp(WIDTHS, seed=1, activation=nn.ReLU).double() for _ in range(3)]
    history = fit_many(models, x, y, optimizer=SGD(rates), epochs=30)
    assert history.diverged.tolist() == [False, True, False]
    assert np.isinf(history.loss[-1, 1])
    np.testing.assert_array_equal(history.loss[:, 0], history.loss[:, 2])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"inputs": torch.zeros(5, 2)}, r"inputs must have the shape \(N, 1\)"),
        ({"targets": torch.zeros(3, 5, 1)}, r"or \(2, N, 1\) .* not \(3, 5, 1\)"),
        ({"targets": torch.zeros(4, 1)}, "5 inputs but 4 targets"),
        ({"targets": torch.full((5, 1), torch.nan)}, "5 of the targets are not finite"),
        ({"seeds": [1]}, "2 models but 1 seeds"),
        ({"inputs": torch.zeros(5, 1).double()}, "are torch.float64 on cpu, but"),
        ({"record": [7]}, "no epoch to record between 0 and 1"),
        ({"batch_size": 0}, "batch_size must be at least 1, not 0"),
    ],
)
def test_what_does_not_fit_is_said(change, message):
    arguments = {
        "inputs": torch.zeros(5, 1),
        "targets": torch.zeros(5, 1),
        "optimizer": SGD(0.1),
        "epochs": 1,
    } | change
    with pytest.raises(ValueError, match=message):
        fit_many([mlp(WIDTHS, seed=s) for s in range(2)], **arguments)
