"""Cross-validate a grid of small networks: 20 trainings, one by one and at once.

    OMP_NUM_THREADS=1 python benchmarks/grid_of_networks.py

The work is that of QML, exercise 3: four settings (two learning rates, two widths),
five folds of 500 rows, 30 epochs in batches of 32. Five ways to do it draw the same
random numbers, and end at the same 20 validation losses:

- the loop as it is printed there, with a `DataLoader`, network by network;
- batches by index instead of the `DataLoader`;
- also Adam's update in one fused call (``fused=True``);
- `companion.methods.stacked.fit_many`, all 20 at once, narrow networks padded with
  zeros to the wide ones' width (exact for ReLU units);
- the same in two groups of one width each, without padding.

The table shows the median seconds of runs taken in turn, how many times faster than
the printed loop that is, and the largest relative difference of a loss.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from statistics import median

import torch
from sklearn.datasets import make_regression
from sklearn.model_selection import KFold
from sklearn.preprocessing import StandardScaler
from torch import Tensor, nn
from torch.nn.functional import mse_loss
from torch.utils.data import DataLoader, Subset, TensorDataset

from companion.methods.optimizers import AdamRule
from companion.methods.stacked import fit_many

SEED, BATCH = 42, 32
SETTINGS = [(0.01, 32), (0.01, 64), (0.001, 32), (0.001, 64)]


def rows() -> tuple[Tensor, Tensor]:
    """Return the exercise's 500 standardised rows and their targets."""
    x, y = make_regression(n_samples=500, n_features=10, noise=20.0, random_state=SEED)
    x = StandardScaler().fit_transform(x)
    return torch.tensor(x).float(), torch.tensor(y[:, None]).float()


X, Y = rows()


def folds() -> Iterator[tuple[Tensor, Tensor]]:
    """Yield the training and the validation rows of the five folds."""
    for train, held in KFold(5, shuffle=True, random_state=SEED).split(X):
        yield torch.tensor(train), torch.tensor(held)


def network(width: int) -> nn.Sequential:
    """Return a 10-width-width/2-1 ReLU network."""
    half = width // 2
    return nn.Sequential(
        nn.Linear(10, width), nn.ReLU(), nn.Linear(width, half), nn.ReLU(),
        nn.Linear(half, 1),
    )  # fmt: skip


def printed(epochs: int) -> list[float]:
    """Return the 20 validation losses of the loop as printed."""
    torch.manual_seed(SEED)
    losses = []
    for lr, width in SETTINGS:
        for train, held in folds():
            data = TensorDataset(X, Y)
            train_rows = Subset(data, train.tolist())
            batches = DataLoader(train_rows, batch_size=BATCH, shuffle=True)
            checks = DataLoader(Subset(data, held.tolist()), batch_size=BATCH)
            model = network(width)
            optimizer = torch.optim.Adam(model.parameters(), lr=lr)
            for _ in range(epochs):
                for x, y in batches:
                    optimizer.zero_grad()
                    mse_loss(model(x), y).backward()
                    optimizer.step()
            with torch.no_grad():
                total = sum(mse_loss(model(x), y).item() * len(x) for x, y in checks)
            losses.append(total / len(held))
    return losses


@dataclass
class Training:
    """One of the 20 trainings, with the random numbers that the printed loop draws.

    Attributes
    ----------
    lr, width, held
        Learning rate, units of the first layer, validation rows.
    model
        The network at its start.
    orders : tensor, shape (epochs, 400)
        The training rows in the order in which each epoch sees them.
    """

    lr: float
    width: int
    held: Tensor
    model: nn.Sequential
    orders: Tensor

    def loss(self) -> float:
        """Return the validation loss."""
        with torch.no_grad():
            return mse_loss(self.model(X[self.held]), Y[self.held]).item()


def trainings(epochs: int) -> list[Training]:
    """Draw what the printed loop draws, in its order, and train nothing."""
    torch.manual_seed(SEED)
    drawn = []
    for lr, width in SETTINGS:
        for train, held in folds():
            model = network(width)
            order = [train[loader_order(len(train))] for _ in range(epochs)]
            random_integer()  # the loader of the validation rows
            drawn.append(Training(lr, width, held, model, torch.stack(order)))
    return drawn


def loader_order(N: int) -> Tensor:
    """Return the order of one pass of a shuffling `DataLoader` without workers."""
    random_integer()  # a seed for its workers, drawn in any case
    seed = random_integer()
    return torch.randperm(N, generator=torch.Generator().manual_seed(seed))


def random_integer() -> int:
    """Draw as `DataLoader` and `RandomSampler` do."""
    return int(torch.empty((), dtype=torch.int64).random_().item())


def by_index(epochs: int, fused: bool = False) -> list[float]:
    """Return the losses of the plain loop without a `DataLoader`."""
    drawn = trainings(epochs)
    for run in drawn:
        optimizer = torch.optim.Adam(run.model.parameters(), lr=run.lr, fused=fused)
        for order in run.orders:
            for x, y in zip(X[order].split(BATCH), Y[order].split(BATCH), strict=True):
                optimizer.zero_grad()
                mse_loss(run.model(x), y).backward()
                optimizer.step()
    return [run.loss() for run in drawn]


def padded(model: nn.Sequential, width: int) -> nn.Sequential:
    """Return the network with units added whose weights are all zero."""
    wide = network(width)
    with torch.no_grad():
        for new, old in zip(wide.parameters(), model.parameters(), strict=True):
            new.zero_()[tuple(slice(n) for n in old.shape)] = old
    return wide


def stacked(epochs: int, groups: bool = True) -> list[float]:
    """Return the losses of all networks trained at once, by width or padded."""
    drawn = trainings(epochs)
    if not groups:
        widest = max(width for _, width in SETTINGS)
        for run in drawn:
            run.model, run.width = padded(run.model, widest), widest
    for width in sorted({run.width for run in drawn}):
        group = [run for run in drawn if run.width == width]
        fit_many(
            [run.model for run in group],
            X,
            Y,
            rule=AdamRule(lr=torch.tensor([[run.lr] for run in group])),
            epochs=epochs,
            batch_size=BATCH,
            orders=torch.stack([run.orders for run in group], dim=1),
            evaluate_at=[epochs],
        )
    return [run.loss() for run in drawn]


WAYS: dict[str, Callable[[int], list[float]]] = {
    "printed loop": printed,
    "batches by index": by_index,
    "and fused Adam": lambda epochs: by_index(epochs, fused=True),
    "stack, padded": lambda epochs: stacked(epochs, groups=False),
    "stack, two widths": stacked,
}


def measure(epochs: int, repeats: int) -> dict[str, dict[str, float]]:
    """Return each way's seconds and its largest relative difference of a loss."""
    seconds: dict[str, list[float]] = {name: [] for name in WAYS}
    losses = {}
    for _ in range(repeats):
        for name, way in WAYS.items():
            started = time.perf_counter()
            losses[name] = torch.tensor(way(epochs))
            seconds[name].append(time.perf_counter() - started)
    expected = losses["printed loop"]
    return {
        name: {
            "seconds": median(seconds[name]),
            "difference": float((losses[name] / expected - 1).abs().max()),
        }
        for name in WAYS
    }


def main() -> None:
    """Time everything in turn and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--epochs", type=int, default=30)
    parser.add_argument("--json", action="store_true", help="for a recorded run")
    arguments = parser.parse_args()
    os.environ["COMPANION_BOOK"] = "1"  # no progress bars
    found = measure(arguments.epochs, arguments.repeats)
    if arguments.json:
        print(json.dumps(found))
        return
    print(f"{torch.get_num_threads()} thread(s), {arguments.repeats} repeats")
    print("way                 seconds   times   difference")
    slowest = found["printed loop"]["seconds"]
    for name, row in found.items():
        print(
            f"{name:18s} {row['seconds']:8.2f} {slowest / row['seconds']:7.1f}"
            f"     {row['difference']:.0e}"
        )


if __name__ == "__main__":
    main()
