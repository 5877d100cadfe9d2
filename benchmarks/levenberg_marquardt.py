"""Levenberg-Marquardt on Runge's function: three ways in equal time.

    OMP_NUM_THREADS=1 python benchmarks/levenberg_marquardt.py

Each of five seeds trains the 1-64-64-1 tanh network on 70 equispaced points
(100, less 15 for validation and 15 for testing), float64, with

- the kernel form of `companion.methods.levenberg_marquardt`, J never formed;
- the same function with the Jacobian of `torch.func`;
- Adam at rate 0.01 and batches of 32, the recipe of the report.

The first sets the time; the others get as many iterations as fit into it, from
a rate measured just before. The table shows medians and ranges over the seeds.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Callable
from itertools import pairwise
from statistics import median

import numpy as np
import torch
from sklearn.model_selection import train_test_split
from torch import Tensor, nn

from companion.methods.levenberg_marquardt import DenseJacobian, levenberg_marquardt
from companion.methods.mlp import mlp
from companion.methods.tanh_network import Array, TanhNetwork, WeightedLeastSquares
from companion.training import fit

WIDTHS = (1, 64, 64, 1)
NETWORK = TanhNetwork(WIDTHS)
DENSE = np.linspace(-1, 1, 2001)

Trained = Callable[[Array], Array]
Run = Callable[[int, int], Trained]


def runge(x: Array) -> Array:
    """Return 1 / (1 + 25 x^2)."""
    return 1 / (1 + 25 * x**2)


def training_points() -> Array:
    """Return the report's 70 training points."""
    x, _ = train_test_split(np.linspace(-1, 1, 100), test_size=0.3, random_state=4)
    return np.asarray(x)


X = training_points()


def torch_output(theta: Tensor, x: Tensor) -> Tensor:
    """Return the network's output at one point, from the flat theta."""
    a, start = x, 0
    for n_in, n_out in pairwise(WIDTHS):
        W = theta[start : start + n_in * n_out].reshape(n_out, n_in)
        start += (n_in + 1) * n_out
        z = W @ a + theta[start - n_out : start]
        a = torch.tanh(z)
    return z[0]


class TorchFit:
    """The same least-squares problem, its Jacobian by `torch.func`."""

    def __init__(self) -> None:
        self.x, self.y = torch.from_numpy(X[:, None]), runge(X)
        per_point = torch.func.grad(torch_output)
        self.jacobian = torch.func.vmap(per_point, in_dims=(None, 0))
        self.output = torch.func.vmap(torch_output, in_dims=(None, 0))

    def residual(self, theta: Array) -> Array:
        """Return f(x; theta) - y."""
        return self.output(torch.from_numpy(theta), self.x).numpy() - self.y

    def linearise(self, theta: Array) -> DenseJacobian:
        """Return the Jacobian."""
        return DenseJacobian(self.jacobian(torch.from_numpy(theta), self.x).numpy())


def kernel_form(seed: int, iterations: int) -> Trained:
    """Train by Levenberg-Marquardt in the kernel form."""
    problem = WeightedLeastSquares(NETWORK, X[:, None], runge(X))
    theta, _ = levenberg_marquardt(problem, NETWORK.initial(seed), iterations)
    return lambda x: NETWORK.forward(theta, x[:, None])


def torch_func(seed: int, iterations: int) -> Trained:
    """Train by Levenberg-Marquardt with the Jacobian of `torch.func`."""
    theta, _ = levenberg_marquardt(TorchFit(), NETWORK.initial(seed), iterations)
    return lambda x: NETWORK.forward(theta, x[:, None])


def adam(seed: int, epochs: int) -> Trained:
    """Train by the report's recipe, in float64."""
    model = mlp(WIDTHS, seed=seed).double()
    x = torch.from_numpy(X[:, None])
    fit(
        model,
        x,
        torch.from_numpy(runge(X[:, None])),
        loss=nn.functional.mse_loss,
        optimizer=torch.optim.Adam(model.parameters(), lr=0.01),
        epochs=epochs,
        batch_size=32,
        seed=seed,
    )
    return lambda x: model(torch.from_numpy(x[:, None])).detach().numpy()[:, 0]


def timed(run: Run, seed: int, iterations: int) -> tuple[float, float, float]:
    """Return seconds, training MSE and greatest error on 2001 points."""
    started = time.perf_counter()
    trained = run(seed, iterations)
    seconds = time.perf_counter() - started
    mse = float(np.mean((trained(X) - runge(X)) ** 2))
    return seconds, mse, float(np.max(np.abs(trained(DENSE) - runge(DENSE))))


def iterations_within(run: Run, seconds: float, sample: int = 100) -> int:
    """Return how many iterations fit into a time, from a measured rate."""
    run(0, sample)  # the first call also pays for set-up
    return max(1, int(seconds / timed(run, 0, sample)[0] * sample))


def row(name: str, iterations: int, results: list[tuple[float, ...]]) -> str:
    """Return one line of the table: medians and ranges over the seeds."""
    seconds, mse, worst = zip(*results, strict=True)
    return (
        f"{name:24s} {iterations:6d} {median(seconds):6.2f} s"
        f" [{min(seconds):.2f}, {max(seconds):.2f}]  {median(mse):8.1e}"
        f"  {median(worst):8.1e} [{min(worst):.1e}, {max(worst):.1e}]"
    )


def main() -> None:
    """Run all three side by side and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--iterations", type=int, default=2000)
    parser.add_argument("--seeds", type=int, default=5)
    arguments = parser.parse_args()
    os.environ["COMPANION_BOOK"] = "1"  # no progress bars
    iterations_within(kernel_form, 1.0)  # warm up
    budget = timed(kernel_form, 0, arguments.iterations)[0]
    runs: list[tuple[str, Run, int]] = [
        ("LM, kernel form", kernel_form, arguments.iterations),
        ("LM, torch.func Jacobian", torch_func, iterations_within(torch_func, budget)),
        ("Adam, batches of 32", adam, iterations_within(adam, budget)),
    ]
    results: dict[str, list[tuple[float, ...]]] = {name: [] for name, _, _ in runs}
    for seed in range(arguments.seeds):
        for name, run, iterations in runs:
            results[name].append(timed(run, seed, iterations))
    print(
        f"{torch.get_num_threads()} thread(s), {arguments.seeds} seeds: median [range]"
    )
    print("method                    steps    time               train MSE  max error")
    for name, _, iterations in runs:
        print(row(name, iterations, results[name]))


if __name__ == "__main__":
    main()
