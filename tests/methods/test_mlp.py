"""Fully connected networks with Keras's default start."""

import numpy as np
import pytest
import torch
from torch import nn

from companion.methods.mlp import mlp


def test_mlp_has_keras_defaults_and_leaves_the_global_generator_alone():
    before = torch.get_rng_state()
    model, again = mlp([1, 64, 1], seed=1), mlp([1, 64, 1], seed=1, gain=2.0)
    assert torch.equal(before, torch.get_rng_state())
    assert float(model[0].weight.detach().abs().max()) <= np.sqrt(6 / 65)
    assert not model[0].bias.any()
    torch.testing.assert_close(again[0].weight, 2 * model[0].weight)
    assert isinstance(model[-1], nn.Linear)


@pytest.mark.parametrize("widths", [[], [3], [2, 0, 1]])
def test_widths_that_make_no_network_are_refused(widths):
    with pytest.raises(ValueError, match="two or more positive"):
        mlp(widths, seed=0)
