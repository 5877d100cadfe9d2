"""MNIST: grey images of handwritten digits."""

from pathlib import Path

import numpy as np

from companion.datasets import Images, ImageSet, Integers
from companion.datasets._fetch import DataSet, Form, serve
from companion.datasets._readers import idx

HOSTS = (
    "https://ossci-datasets.s3.amazonaws.com/mnist",
    "https://storage.googleapis.com/cvdf-datasets/mnist",
)
CLASSES = tuple("0123456789")


def _file(name: str, size: int, sha256: str) -> tuple[Form, ...]:
    return tuple(
        Form(f"mnist/{name}", size, sha256, f"{host}/{name}") for host in HOSTS
    )


DATA = DataSet(
    name="mnist",
    title="MNIST handwritten digits",
    description="Grey images of handwritten digits, 28 x 28 pixels, 0 to 255.",
    shape="60000 and 10000 images of 28 x 28, uint8; labels 0-9",
    licence="none stated by the authors, usually described as CC BY-SA 3.0",
    citation="LeCun, Bottou, Bengio, Haffner (1998), https://doi.org/10.1109/5.726791",
    stand_in=(
        "scikit-learn's 1797 digits of 8 x 8 pixels, enlarged, shifted and repeated"
    ),
    files=(
        _file(
            "train-images-idx3-ubyte.gz",
            9_912_422,
            "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
        ),
        _file(
            "train-labels-idx1-ubyte.gz",
            28_881,
            "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
        ),
        _file(
            "t10k-images-idx3-ubyte.gz",
            1_648_877,
            "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
        ),
        _file(
            "t10k-labels-idx1-ubyte.gz",
            4_542,
            "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6",
        ),
    ),
)
__doc__ = str(DATA)


def load() -> ImageSet:
    """Load MNIST.

    Returns
    -------
    ImageSet
        Images (60000, 28, 28) and (10000, 28, 28), uint8, 0 to 255; labels 0 to 9.

    Raises
    ------
    DataError
        If a file is altered or unreadable, or absent in strict mode.
    """
    return serve(DATA, _read, stand_in)


def _read(*paths: Path) -> ImageSet:
    train, train_labels, test, test_labels = (idx(path) for path in paths)
    return ImageSet(
        train,
        train_labels.astype(np.int64),
        test,
        test_labels.astype(np.int64),
        CLASSES,
    )


def stand_in(n_train: int = 60_000, n_test: int = 10_000) -> ImageSet:
    """Return scikit-learn's digits as MNIST-like images.

    The 8 x 8 images are enlarged to 20 x 20 and put on 28 x 28 pixels; a fifth of the
    originals is for the test images alone; repetitions are shifted by up to two pixels.

    Returns
    -------
    ImageSet
        Images (n_train, 28, 28) and (n_test, 28, 28).
    """
    from scipy.ndimage import zoom
    from sklearn.datasets import load_digits

    small = load_digits()
    large = zoom(small.images / 16, (1, 2.5, 2.5), order=1)
    pixels = np.round(255 * np.clip(large, 0, 1)).astype(np.uint8)
    held_out = np.arange(len(pixels)) % 5 == 0
    rng = np.random.default_rng(0)
    train = _shifted(pixels[~held_out], small.target[~held_out], n_train, rng)
    test = _shifted(pixels[held_out], small.target[held_out], n_test, rng)
    return ImageSet(*train, *test, CLASSES)


def _shifted(
    images: Images, labels: Integers, n: int, rng: np.random.Generator
) -> tuple[Images, Integers]:
    canvas = np.zeros((n, 28, 28), np.uint8)
    row, column = rng.integers(2, 7, (2, n))
    chosen = np.arange(n) % len(images)
    for r in range(2, 7):
        for c in range(2, 7):
            here = (row == r) & (column == c)
            canvas[here, r : r + 20, c : c + 20] = images[chosen[here]]
    return canvas, labels[chosen].astype(np.int64)
