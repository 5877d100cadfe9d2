"""Radar returns from the ionosphere, good or bad."""

from pathlib import Path

import numpy as np

from companion.datasets import Table
from companion.datasets._fetch import DataSet, Form, serve
from companion.datasets._readers import lines

FEATURES = tuple(f"pulse {k}" for k in range(34))
CLASSES = ("bad", "good")

CSV = Form(
    "small_csv/ionosphere.csv",
    76_466,
    "fd6dd7864b55d56dac0a1e6e24af9ccc35bf2555ac79af8ab9f3d1daa065ab83",
    "https://raw.githubusercontent.com/jbrownlee/Datasets/d20fcb6402ae34e653d4513b00f39257bb37ed7f/ionosphere.csv",
)
UCI = Form(
    "small_csv/ionosphere.data",
    76_467,
    "46d52186b84e20be52918adb93e8fb9926b34795ff7504c24350ae0616a04bbd",
    "https://archive.ics.uci.edu/ml/machine-learning-databases/ionosphere/ionosphere.data",
)
DATA = DataSet(
    name="ionosphere",
    title="Ionosphere radar returns",
    description=(
        "Radar returns that show structure in the ionosphere (good) or do not (bad);"
        " 17 complex pulses as 34 numbers in [-1, 1]."
    ),
    shape="351 x 34; 225 good, 126 bad",
    licence="CC BY 4.0",
    citation=(
        "Sigillito, Wing, Hutton, Baker (1989), UCI Machine Learning Repository,"
        " https://doi.org/10.24432/C5W01B"
    ),
    stand_in="351 rows of scikit-learn's breast cancer data, scaled to [-1, 1]",
    files=((CSV, UCI),),
)
__doc__ = str(DATA)


def load() -> Table:
    """Load the radar returns.

    Returns
    -------
    Table
        Data (351, 34), 17 complex pulses without unit, in [-1, 1]; target (351,),
        1 good (225) or 0 bad (126).

    Raises
    ------
    DataError
        If the file is altered or unreadable, or absent in strict mode.
    """
    return serve(DATA, _read, stand_in)


def _read(path: Path) -> Table:
    numeric = [line.replace("g", "1").replace("b", "0") for line in lines(path)]
    values = np.loadtxt(numeric, delimiter=",")
    data, target = values[:, :34].copy(), values[:, 34].astype(np.int64)
    return Table(data, target, FEATURES, CLASSES)


def stand_in() -> Table:
    """Return 225 benign (1) and 126 malignant (0) rows of the breast cancer data.

    The 34 columns are its 30 features and four products of two, scaled to [-1, 1].
    """
    from sklearn.datasets import load_breast_cancer

    cancer = load_breast_cancer()
    low, high = cancer.data.min(axis=0), cancer.data.max(axis=0)
    features = 2 * (cancer.data - low) / (high - low) - 1
    features = np.hstack([features, features[:, :4] * features[:, 4:8]])
    benign = np.flatnonzero(cancer.target == 1)[:225]
    malignant = np.flatnonzero(cancer.target == 0)[:126]
    rows = np.sort(np.concatenate([benign, malignant]))
    return Table(
        features[rows], cancer.target[rows].astype(np.int64), FEATURES, CLASSES
    )
