"""Our optimisers against torch.optim, and L-BFGS against its own definition."""

import copy

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from companion.methods.optimizers import (
    AdadeltaRule,
    AdaGradRule,
    AdamRule,
    LBFGSRule,
    RMSpropRule,
    ScheduledRule,
    SGDRule,
)

PAIRS = {
    "gradient descent": (lambda: SGDRule(0.1), lambda p: torch.optim.SGD(p, lr=0.1)),
    "momentum": (
        lambda: SGDRule(0.02, momentum=0.9),
        lambda p: torch.optim.SGD(p, lr=0.02, momentum=0.9),
    ),
    "Nesterov": (
        lambda: SGDRule(0.02, momentum=0.9, nesterov=True),
        lambda p: torch.optim.SGD(p, lr=0.02, momentum=0.9, nesterov=True),
    ),
    "AdaGrad": (lambda: AdaGradRule(0.1), lambda p: torch.optim.Adagrad(p, lr=0.1)),
    "AdamW": (
        lambda: AdamRule(0.05, weight_decay=0.1),
        lambda p: torch.optim.AdamW(p, lr=0.05, weight_decay=0.1),
    ),
    "RMSprop": (lambda: RMSpropRule(0.03), lambda p: torch.optim.RMSprop(p, lr=0.03)),
    "Adadelta": (lambda: AdadeltaRule(), lambda p: torch.optim.Adadelta(p)),
    "Adam": (lambda: AdamRule(0.05), lambda p: torch.optim.Adam(p, lr=0.05)),
}


def valley(theta):
    """A winding valley with two coordinates, one loss for each row."""
    a, b = theta[..., 0], theta[..., 1]
    return (1 - a.cos()) / 2 + (b - 2 * a.sin()) ** 2


def evaluate(f, theta):
    """Return the gradients and losses of the rows of theta."""
    leaf = theta.detach().requires_grad_()
    loss = f(leaf)
    return torch.autograd.grad(loss.sum(), leaf)[0], loss.detach()


def run(rule, f, theta, steps):
    theta = theta.clone()
    for _ in range(steps):
        rule.step(theta, *evaluate(f, theta))
    return theta


def run_torch(make, f, theta, steps):
    leaf = theta.clone().requires_grad_()
    optimizer = make([leaf])
    for _ in range(steps):
        optimizer.zero_grad()
        f(leaf).backward()
        optimizer.step()
    return leaf.detach()


@pytest.mark.parametrize("name", PAIRS)
@settings(max_examples=15, deadline=None)
@given(st.integers(0, 2**31), st.integers(1, 60))
def test_every_row_moves_as_torch_moves_it_alone(name, seed, steps):
    ours, theirs = PAIRS[name]
    start = torch.randn(
        3, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(seed)
    )
    together = run(ours(), valley, start, steps)
    for row, alone in zip(together, start, strict=True):
        expected = run_torch(theirs, valley, alone, steps)
        torch.testing.assert_close(row, expected, rtol=1e-10, atol=1e-12)


MAKERS = [SGDRule, AdaGradRule, RMSpropRule, AdadeltaRule, AdamRule]


@pytest.mark.parametrize("make", MAKERS)
def test_a_schedule_changes_the_rate_of_each_step(make):
    gradient = torch.full((1, 2), 2.0, dtype=torch.float64)
    theta = [torch.zeros_like(gradient) for _ in range(2)]
    scheduled, changed = ScheduledRule(make(0.4), lambda t: 1 / (t + 1)), make(0.4)
    for t in range(3):
        changed.lr = 0.4 / (t + 1)
        for rule, moved in zip((scheduled, changed), theta, strict=True):
            rule.step(moved, gradient, torch.zeros(1))
    torch.testing.assert_close(*theta)
    assert scheduled.lr == 0.4


@pytest.mark.parametrize("make", MAKERS)
def test_a_tensor_of_rates_gives_each_row_its_own(make):
    start = torch.tensor([[0.3, -0.8], [0.3, -0.8]], dtype=torch.float64)
    rates = torch.tensor([[0.01], [0.1]], dtype=torch.float64)
    both = run(make(rates), valley, start, 20)
    for row, rate in enumerate((0.01, 0.1)):
        alone = run(make(rate), valley, start[:1], 20)
        torch.testing.assert_close(both[row], alone[0], rtol=1e-12, atol=0)


def test_a_zero_gradient_moves_nothing():
    for make in (SGDRule, RMSpropRule, AdadeltaRule, AdamRule):
        theta = torch.ones(2, 3)
        make(0.1).step(theta, torch.zeros(2, 3), torch.zeros(2))
        assert torch.equal(theta, torch.ones(2, 3))


def bowl(curvatures):
    H = torch.diag(torch.tensor(curvatures, dtype=torch.float64))
    return lambda theta: (theta @ H * theta).sum(-1) / 2


def test_lbfgs_equals_torch_while_no_step_is_taken_back():
    start = torch.tensor([[1.0, 2.0, -1.0]], dtype=torch.float64)
    f = bowl([1.0, 3.0, 9.0])
    expected = start[0].clone().requires_grad_()
    theirs = torch.optim.LBFGS([expected], lr=0.5, max_iter=1, history_size=10)

    def closure():
        theirs.zero_grad()
        loss = f(expected)
        loss.backward()
        return loss

    ours, theta = LBFGSRule(lr=0.5), start.clone()
    for _ in range(12):
        theirs.step(closure)
        ours.step(theta, *evaluate(f, theta))
        torch.testing.assert_close(theta[0], expected.detach(), rtol=1e-9, atol=1e-12)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**31), st.integers(1, 6))
def test_the_two_loops_equal_the_matrix_they_stand_for(seed, n_pairs):
    generator = torch.Generator().manual_seed(seed)
    draw = lambda *shape: torch.randn(  # noqa: E731
        *shape, dtype=torch.float64, generator=generator
    )
    root = draw(4, 4)
    A = root @ root.T + torch.eye(4, dtype=torch.float64)
    rule = LBFGSRule(history_size=6)
    theta, g = draw(1, 4), draw(1, 4)
    rule.step(theta, g, torch.zeros(1, dtype=torch.float64))
    pairs = [draw(1, 4) for _ in range(n_pairs)]
    for s in pairs:
        rule.remember(torch.tensor([True]), s, s @ A)
    s, y = pairs[-1], pairs[-1] @ A
    H = (s * y).sum() / (y * y).sum() * torch.eye(4, dtype=torch.float64)
    for s in pairs:
        # H <- (I - rho s y^T) H (I - rho y s^T) + rho s s^T
        y = s @ A
        rho = 1 / (s * y).sum()
        V = torch.eye(4, dtype=torch.float64) - rho * y.T @ s
        H = V.T @ H @ V + rho * s.T @ s
    torch.testing.assert_close(
        rule.direction(g), -(g @ H), rtol=1e-7, atol=1e-9 * float(H.abs().max())
    )


def test_lbfgs_never_keeps_a_step_that_raises_the_loss_by_more_than_rounding():
    torch.manual_seed(0)
    theta = torch.randn(20, 2, dtype=torch.float64) * 3
    rule, kept = LBFGSRule(), []
    for _ in range(200):
        rule.step(theta, *evaluate(valley, theta))
        kept.append(rule.loss.clone())
    losses = torch.stack(kept)
    assert (losses[1:] <= losses[:-1] * (1 + 2e-8)).all()
    assert losses[-1].max() < 1e-20


def test_lbfgs_goes_on_where_the_loss_is_all_rounding():
    """The gradient still knows the way when Armijo's condition sees only noise."""
    f = bowl(np.geomspace(1, 100, 30).tolist())
    theta, rule = torch.ones(1, 30, dtype=torch.float64), LBFGSRule()
    for _ in range(200):
        g, loss = evaluate(f, theta)
        noise = 1e-9 * (1e9 * theta[:, 0]).sin()  # the loss itself is about 1
        rule.step(theta, g, 1 + loss + noise)
    assert f(rule.theta).item() < 1e-12


def test_lbfgs_steps_back_from_a_loss_that_is_not_finite():
    f = lambda theta: -theta.log().sum(-1) + theta.sum(-1)  # noqa: E731
    theta = torch.full((1, 2), 0.01, dtype=torch.float64)
    rule = LBFGSRule(lr=3.0)
    for _ in range(60):
        rule.step(theta, *evaluate(f, theta))
    np.testing.assert_allclose(rule.theta, 1.0, atol=1e-6)


def test_lbfgs_rows_do_not_mix():
    start = torch.tensor([[-1.5, 2.0], [0.2, 0.1], [1.0, 1.0]], dtype=torch.float64)
    together = run(LBFGSRule(), valley, start, 25)
    for row, alone in zip(together, start, strict=True):
        torch.testing.assert_close(row, run(LBFGSRule(), valley, alone[None], 25)[0])


def test_a_rule_can_be_copied_between_steps():
    theta = torch.tensor([[0.3, -0.8]], dtype=torch.float64)
    rule = AdamRule(0.1)
    theta = run(rule, valley, theta, 5)
    twin = copy.deepcopy(rule)
    torch.testing.assert_close(run(rule, valley, theta, 5), run(twin, valley, theta, 5))
