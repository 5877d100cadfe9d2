"""Many small networks at once: `fit_many` against two plain PyTorch loops.

    OMP_NUM_THREADS=1 python benchmarks/fit_many.py

For each of four sizes 1-H-H-1 and each of the seven settings of ANN 1.3, table 1:
seconds of one network's epoch on 1600 points, median of five runs taken in turn,

- in a loop as tutorials write it, with a `DataLoader` that shuffles;
- in `companion.training.fit`, which slices batches from tensors;
- in `companion.methods.stacked.fit_many`, five networks at once, their time shared.

Below each size stand the totals of its row and how many times faster the stack is.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Callable
from statistics import median

import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

from companion.methods.optimizers import AdamRule, LBFGSRule, SGDRule, UpdateRule
from companion.methods.stacked import fit_many
from companion.training import fit

POINTS, STACKED = 1600, 5
Maker = Callable[[list[nn.Parameter]], torch.optim.Optimizer]
Setting = tuple[int | None, Maker, Callable[[], UpdateRule]]


def descent(size: int | None, lr: float, momentum: float = 0.0) -> Setting:
    """Return a setting of gradient descent; no size means all points."""
    return (
        size,
        lambda p: torch.optim.SGD(p, lr=lr, momentum=momentum),
        lambda: SGDRule(lr, momentum=momentum),
    )


SETTINGS: dict[str, Setting] = {
    "SGD .05, 1600": descent(None, 0.05),
    "SGD .05, 400": descent(400, 0.05),
    "SGD .05, 40": descent(40, 0.05),
    "SGD .01, 40": descent(40, 0.01),
    "momentum .9, 40": descent(40, 0.01, momentum=0.9),
    "Adam, 1600": (None, torch.optim.Adam, AdamRule),
    "L-BFGS, 1600": (
        None,
        lambda p: torch.optim.LBFGS(p, max_iter=1, history_size=10),
        LBFGSRule,
    ),
}


def network(H: int) -> nn.Sequential:
    """Return a 1-H-H-1 tanh network."""
    return nn.Sequential(
        nn.Linear(1, H), nn.Tanh(), nn.Linear(H, H), nn.Tanh(), nn.Linear(H, 1)
    )


def with_loader(H: int, x: Tensor, y: Tensor, size: int | None, make: Maker) -> float:
    """Return the seconds of one epoch of a tutorial's loop."""
    model = network(H)
    optimizer = make(list(model.parameters()))
    batches = DataLoader(TensorDataset(x, y), batch_size=size or POINTS, shuffle=True)
    started = time.perf_counter()
    for x_batch, y_batch in batches:

        def closure(x: Tensor = x_batch, y: Tensor = y_batch) -> float:
            optimizer.zero_grad()
            loss = nn.functional.mse_loss(model(x), y)
            loss.backward()
            return loss.item()

        optimizer.step(closure)
    return time.perf_counter() - started


def sliced(H: int, x: Tensor, y: Tensor, size: int | None, make: Maker) -> float:
    """Return the seconds of one epoch of `fit`."""
    model = network(H)
    optimizer = make(list(model.parameters()))
    if isinstance(optimizer, torch.optim.LBFGS):  # fit has no closures
        return float("nan")
    history = fit(
        model,
        x,
        y,
        loss=nn.functional.mse_loss,
        optimizer=optimizer,
        epochs=2,
        batch_size=size,
    )
    return history.seconds[-1] / 2


def stacked(
    H: int,
    x: Tensor,
    y: Tensor,
    size: int | None,
    make: Callable[[], UpdateRule],
) -> float:
    """Return one network's share of the seconds of an epoch of `fit_many`."""
    history = fit_many(
        [network(H) for _ in range(STACKED)],
        x,
        y,
        rule=make(),
        epochs=3,
        batch_size=size,
        evaluate_at=[1, 3],
    )
    return float(history.seconds[1] - history.seconds[0]) / 2 / STACKED


def main() -> None:
    """Time everything in turn and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=5)
    repeats = parser.parse_args().repeats
    os.environ["COMPANION_BOOK"] = "1"  # no progress bars
    x = torch.linspace(0, 3, POINTS)[:, None]
    y = -torch.sin(0.8 * torch.pi * x)
    print(f"{torch.get_num_threads()} thread(s), milliseconds of one network's epoch")
    print("size     setting            DataLoader    fit  fit_many")
    for H in (10, 25, 50, 100):
        total = [0.0, 0.0, 0.0]
        for name, (size, theirs, ours) in SETTINGS.items():
            runs = [
                (
                    with_loader(H, x, y, size, theirs),
                    sliced(H, x, y, size, theirs),
                    stacked(H, x, y, size, ours),
                )
                for _ in range(repeats)
            ]
            row = [1e3 * median(times) for times in zip(*runs, strict=True)]
            # L-BFGS needs closures, which fit lacks: leave it out of that ratio
            total = [t + (r if r == r else 0) for t, r in zip(total, row, strict=True)]
            print(f"{H:3d}x{H:<3d}  {name:18s}" + "".join(f"{r:9.2f}" for r in row))
            last = row[2]
        print(
            f"{H:3d}x{H:<3d}  all seven         "
            + "".join(f"{t:9.2f}" for t in total)
            + f"   {total[0] / total[2]:.1f} times; without L-BFGS"
            f" {total[1] / (total[2] - last):.1f} times faster than fit"
        )


if __name__ == "__main__":
    main()
