"""The training loop: what it returns, repeats, and says when it goes wrong."""

import pytest
import torch
from torch import nn

from companion.methods.mlp import mlp
from companion.training import TrainingDiverged, device, fit, mean_loss


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


def test_device_is_cuda_exactly_when_present():
    assert device().type == ("cuda" if torch.cuda.is_available() else "cpu")
