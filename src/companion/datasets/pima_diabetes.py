"""Medical measurements of women of Pima heritage, and who fell ill."""

from pathlib import Path

import numpy as np

from companion.datasets import Table
from companion.datasets._fetch import DataSet, Form, serve
from companion.datasets._readers import lines

FEATURES = (
    "pregnancies", "glucose", "blood pressure", "skin thickness",
    "insulin", "body mass index", "pedigree", "age",
)  # fmt: skip
CLASSES = ("no diabetes", "diabetes")

CSV = Form(
    "small_csv/pima-indians-diabetes.csv",
    23_278,
    "6bfe5d0f379d17a0e0819b996407e3c09bf80febd4287f2ed212190dfff154af",
    "https://raw.githubusercontent.com/jbrownlee/Datasets/d20fcb6402ae34e653d4513b00f39257bb37ed7f/pima-indians-diabetes.csv",
)
DATA = DataSet(
    name="pima-diabetes",
    title="Pima Indians diabetes",
    description=(
        "Eight medical measurements of women of Pima heritage, and whether diabetes"
        " appeared within five years; zeros stand for missing measurements."
    ),
    shape="768 x 8; 500 without, 268 with diabetes",
    licence=("none stated by the institute that collected it; listed as CC0 by Kaggle"),
    citation=(
        "Smith, Everhart, Dickson, Knowler, Johannes (1988),"
        " https://www.ncbi.nlm.nih.gov/pmc/articles/PMC2245318/"
    ),
    stand_in=(
        "rows of scikit-learn's breast cancer data, drawn with replacement and jittered"
    ),
    files=((CSV,),),
)
__doc__ = str(DATA)


def load() -> Table:
    """Load the measurements.

    Returns
    -------
    Table
        Data (768, 8): pregnancies (number), glucose (mg/dl), blood pressure (mm Hg),
        skin thickness (mm), insulin (mu U/ml), body mass index (kg/m^2), pedigree (no
        unit), age (years); zeros stand for missing measurements. Target (768,), 1 for
        diabetes within five years (268), 0 without (500).

    Raises
    ------
    DataError
        If the file is altered or unreadable, or absent in strict mode.
    """
    return serve(DATA, _read, stand_in)


def _read(path: Path) -> Table:
    values = np.loadtxt(lines(path), delimiter=",")
    data, target = values[:, :8].copy(), values[:, 8].astype(np.int64)
    return Table(data, target, FEATURES, CLASSES)


def stand_in() -> Table:
    """Return 500 benign (0) and 268 malignant (1) rows drawn from breast cancer data.

    The columns are its first eight features, each row jittered.
    """
    from sklearn.datasets import load_breast_cancer

    cancer = load_breast_cancer()
    rng = np.random.default_rng(0)
    benign = rng.choice(np.flatnonzero(cancer.target == 1), 500)
    malignant = rng.choice(np.flatnonzero(cancer.target == 0), 268)
    rows = rng.permutation(np.concatenate([benign, malignant]))
    data = cancer.data[rows, :8] * rng.uniform(0.95, 1.05, (768, 8))
    return Table(data, 1 - cancer.target[rows].astype(np.int64), FEATURES, CLASSES)
