"""The tanh network and its factored Jacobian against PyTorch."""

from itertools import pairwise

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from companion.methods.tanh_network import TanhNetwork, WeightedLeastSquares

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
    factored = net.linearise(theta, x)
    scale = max(1.0, float(np.abs(J @ J.T).max()))
    np.testing.assert_allclose(net.forward(theta, x), f(theta_t), atol=1e-12)
    np.testing.assert_allclose(factored.dense(), J, atol=1e-12 * scale)
    np.testing.assert_allclose(factored.kernel(), J @ J.T, atol=1e-12 * scale)
    np.testing.assert_allclose(
        factored.transpose_product(alpha), J.T @ alpha, atol=1e-12 * scale
    )
    np.testing.assert_allclose(factored.product(v), J @ v, atol=1e-12 * scale)


@settings(max_examples=20, deadline=None)
@given(SHAPES, st.integers(0, 2**32 - 1))
def test_weights_scale_residual_and_jacobian_alike(shape, seed):
    net, theta, x, rng = draw(shape, seed)
    weights, y = rng.uniform(0, 3, len(x)), rng.normal(size=len(x))
    plain = WeightedLeastSquares(net, x, y)
    weighted = WeightedLeastSquares(net, x, y, weights)
    np.testing.assert_allclose(
        weighted.residual(theta) ** 2, weights * plain.residual(theta) ** 2
    )
    np.testing.assert_allclose(
        weighted.linearise(theta).dense(),
        np.sqrt(weights)[:, None] * plain.linearise(theta).dense(),
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


def test_the_kernel_of_a_single_layer_is_that_of_the_linear_model():
    x = np.array([[1.0, 2.0], [3.0, 4.0]])
    jacobian = TanhNetwork((2, 1)).linearise(np.zeros(3), x)
    np.testing.assert_array_equal(jacobian.kernel(), x @ x.T + 1)


@pytest.mark.parametrize(
    ("y", "weights"), [(np.ones((5, 1)), None), (np.ones(5), np.ones(4))]
)
def test_data_of_other_shapes_are_refused(y, weights):
    with pytest.raises(ValueError, match=r"shapes \(N, 1\), \(N,\) and \(N,\), not"):
        WeightedLeastSquares(TanhNetwork((1, 3, 1)), np.ones((5, 1)), y, weights)
