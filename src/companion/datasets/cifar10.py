"""CIFAR-10: colour images of ten kinds of things."""

import contextlib
from pathlib import Path

import numpy as np

from companion.datasets import Images, ImageSet, Integers, _fetch
from companion.datasets._fetch import DataSet, Form, serve
from companion.datasets._readers import tar_members, unpickle_arrays

CLASSES = (
    "airplane", "automobile", "bird", "cat", "deer",
    "dog", "frog", "horse", "ship", "truck",
)  # fmt: skip
TRAIN = [f"data_batch_{k}" for k in range(1, 6)]
TEST = ["test_batch"]

XZ = Form(
    "cifar10/cifar-10-batches-py.tar.xz",
    139_648_520,
    "faadb4fe55663782aa45de0b7e6743dee7a61d574c42375e9f97f51810922b7e",
)
GZ = Form(
    "cifar10/cifar-10-python.tar.gz",
    170_498_071,
    "6d958be074577803d12ecdefd02955f39262c83c16fe9348329d7fe0b5c001ce",
    "https://www.cs.toronto.edu/~kriz/cifar-10-python.tar.gz",
)
DATA = DataSet(
    name="cifar10",
    title="CIFAR-10 colour images",
    description="Colour images of ten kinds of things, 32 x 32 pixels, 0 to 255.",
    shape="50000 and 10000 images of 3 x 32 x 32, uint8; labels 0-9",
    licence="none stated; cite the technical report",
    citation=(
        "Krizhevsky (2009),"
        " https://www.cs.toronto.edu/~kriz/learning-features-2009-TR.pdf"
    ),
    stand_in=(
        "patches of scikit-learn's two photographs; the class is photograph and height"
    ),
    files=((XZ, GZ),),
)
__doc__ = str(DATA)


def load() -> ImageSet:
    """Load CIFAR-10.

    Returns
    -------
    ImageSet
        Images (50000, 3, 32, 32) and (10000, 3, 32, 32), uint8, 0 to 255, channels red,
        green, blue; labels 0 to 9. ``images.transpose(0, 2, 3, 1)`` suits plotting.

    Raises
    ------
    DataError
        If a file is altered or unreadable, or absent in strict mode.
    """
    return serve(DATA, _read, stand_in)


def _read(archive: Path) -> ImageSet:
    """Read the copy that was unpacked into the cache, or unpack the archive there."""
    unpacked = _fetch.cache_folder() / "cifar10" / f"{archive.name}.npz"
    # Whatever is wrong with the copy, the archive is right; a full disk is no loss.
    with contextlib.suppress(Exception), np.load(unpacked) as copy:
        return ImageSet(**copy, classes=CLASSES)
    images = _unpack(archive)
    with contextlib.suppress(OSError), _fetch.new_file(unpacked) as part:
        np.savez(part, **{k: v for k, v in vars(images).items() if k != "classes"})
    return images


def _unpack(archive: Path) -> ImageSet:
    raw = {name: file for name, file in tar_members(archive) if name in TRAIN + TEST}
    return ImageSet(*_batches(raw, TRAIN), *_batches(raw, TEST), CLASSES)


def _batches(raw: dict[str, bytes], names: list[str]) -> tuple[Images, Integers]:
    batches = [unpickle_arrays(raw[name]) for name in names]
    images = np.concatenate([batch[b"data"] for batch in batches])
    labels = np.concatenate([batch[b"labels"] for batch in batches])
    return images.reshape(-1, 3, 32, 32), labels.astype(np.int64)


def stand_in(n_train: int = 50_000, n_test: int = 10_000) -> ImageSet:
    """Return patches of scikit-learn's two photographs as CIFAR-like images.

    The class is the photograph and one of five heights; training patches come from the
    left three quarters, test patches from the right quarter.

    Returns
    -------
    ImageSet
        Images (n_train, 3, 32, 32) and (n_test, 3, 32, 32).
    """
    from sklearn.datasets import load_sample_images

    photographs = np.stack(load_sample_images().images)
    rng = np.random.default_rng(0)
    border = photographs.shape[2] * 3 // 4
    train = _patches(photographs[:, :, :border], n_train, rng)
    test = _patches(photographs[:, :, border:], n_test, rng)
    return ImageSet(*train, *test, CLASSES)


def _patches(
    photographs: Images, n: int, rng: np.random.Generator
) -> tuple[Images, Integers]:
    windows = np.lib.stride_tricks.sliding_window_view(
        photographs, (32, 32), axis=(1, 2)
    )
    label = rng.permutation(np.arange(n, dtype=np.int64) % 10)
    band = windows.shape[1] // 5
    row = label % 5 * band + rng.integers(0, band, n)
    column = rng.integers(0, windows.shape[2], n)
    return np.ascontiguousarray(windows[label // 5, row, column]), label
