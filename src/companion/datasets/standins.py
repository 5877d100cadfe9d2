"""Deterministic stand-ins, each of the shape of the data set that it replaces.

The libraries that they come from take a second to import, so each function imports its
own.
"""

import numpy as np
from numpy.typing import NDArray

from companion.datasets.containers import Floats, Integers

Images = NDArray[np.uint8]


def digits(
    n_train: int = 60_000, n_test: int = 10_000
) -> tuple[Images, Integers, Images, Integers]:
    """Return scikit-learn's digits as MNIST-like images, training and test.

    The 8 x 8 images are enlarged to 20 x 20 and put on 28 x 28 pixels; a fifth of the
    originals is kept for the test images; repetitions are shifted by up to two pixels.

    Returns
    -------
    train_images : uint8 array, (n_train, 28, 28)
    train_labels : int64 array, (n_train,)
    test_images : uint8 array, (n_test, 28, 28)
    test_labels : int64 array, (n_test,)
    """
    from scipy.ndimage import zoom
    from sklearn.datasets import load_digits

    small = load_digits()
    large = zoom(small.images / 16, (1, 2.5, 2.5), order=1)
    pixels = np.round(255 * np.clip(large, 0, 1)).astype(np.uint8)
    held_out = np.arange(len(pixels)) % 5 == 0
    rng = np.random.default_rng(0)
    train = _shifted(pixels[~held_out], small.target[~held_out], n_train, rng)
    return *train, *_shifted(pixels[held_out], small.target[held_out], n_test, rng)


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


def patches(
    n_train: int = 50_000, n_test: int = 10_000
) -> tuple[Images, Integers, Images, Integers]:
    """Return patches of scikit-learn's two photographs as CIFAR-like images.

    The class is the photograph and one of five heights; training patches come from the
    left three quarters, test patches from the right quarter.

    Returns
    -------
    train_images : uint8 array, (n_train, 3, 32, 32)
    train_labels : int64 array, (n_train,)
    test_images : uint8 array, (n_test, 3, 32, 32)
    test_labels : int64 array, (n_test,)
    """
    from sklearn.datasets import load_sample_images

    photographs = np.stack(load_sample_images().images)
    rng = np.random.default_rng(0)
    border = photographs.shape[2] * 3 // 4
    train = _patches(photographs[:, :, :border], n_train, rng)
    return *train, *_patches(photographs[:, :, border:], n_test, rng)


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


def good_or_bad() -> tuple[Floats, Integers]:
    """Return 225 benign and 126 malignant rows of the breast cancer data.

    Returns
    -------
    data : float64 array, (351, 34)
        The 30 features and four products of two, scaled to [-1, 1].
    target : int64 array, (351,)
        1 benign, 0 malignant.
    """
    from sklearn.datasets import load_breast_cancer

    cancer = load_breast_cancer()
    low, high = cancer.data.min(axis=0), cancer.data.max(axis=0)
    features = 2 * (cancer.data - low) / (high - low) - 1
    features = np.hstack([features, features[:, :4] * features[:, 4:8]])
    benign = np.flatnonzero(cancer.target == 1)[:225]
    malignant = np.flatnonzero(cancer.target == 0)[:126]
    rows = np.sort(np.concatenate([benign, malignant]))
    return features[rows], cancer.target[rows].astype(np.int64)


def ill_or_well() -> tuple[Floats, Integers]:
    """Return 500 benign and 268 malignant rows drawn from the breast cancer data.

    Returns
    -------
    data : float64 array, (768, 8)
        The first eight features, each row jittered.
    target : int64 array, (768,)
        0 benign, 1 malignant.
    """
    from sklearn.datasets import load_breast_cancer

    cancer = load_breast_cancer()
    rng = np.random.default_rng(0)
    benign = rng.choice(np.flatnonzero(cancer.target == 1), 500)
    malignant = rng.choice(np.flatnonzero(cancer.target == 0), 268)
    rows = rng.permutation(np.concatenate([benign, malignant]))
    data = cancer.data[rows, :8] * rng.uniform(0.95, 1.05, (768, 8))
    return data, 1 - cancer.target[rows].astype(np.int64)


def housing() -> tuple[Floats, Floats]:
    """Return houses behind a straight coast, dearer near it and with income.

    Returns
    -------
    data : float64 array, (20640, 8)
        Columns as those of the California housing data.
    target : float64 array, (20640,)
        100 000 dollars, between 0.15 and 5.
    """
    rng = np.random.default_rng(0)
    n = 20_640
    latitude = rng.uniform(32.5, 42, n)
    inland = rng.exponential(1.2, n)
    longitude = -124.3 + (42 - latitude) * 0.75 + inland
    income = np.clip(rng.lognormal(1.25, 0.45, n), 0.5, 15)
    age = rng.integers(1, 53, n).astype(float)
    rooms = np.clip(3.2 + 0.6 * income + rng.normal(0, 1, n), 1, None)
    bedrooms = np.clip(rng.normal(1.08, 0.08, n), 0.5, None)
    population = np.round(rng.lognormal(7, 0.7, n))
    occupancy = np.clip(rng.normal(2.9, 0.7, n), 1, None)
    columns = income, age, rooms, bedrooms, population, occupancy, latitude, longitude
    price = 0.3 + 0.38 * income + 1.1 * np.exp(-2 * inland) + 0.004 * age
    noise = rng.lognormal(0, 0.2, n)
    return np.column_stack(columns), np.clip(price * noise, 0.15, 5)


def sea_temperature_daily(n: int, missing: int) -> Floats:
    """Return monthly sea-surface temperatures, interpolated to days.

    Parameters
    ----------
    n : int
        Number of days.
    missing : int
        Number of days to leave out, at equal distances.

    Returns
    -------
    float64 array, (n,)
        Degrees Celsius.
    """
    monthly = _sea_temperature()
    days = np.arange(n) / 30.4375
    return _with_gaps(np.interp(days, np.arange(len(monthly)), monthly), n, missing)


def sea_temperature_monthly(n: int, missing: int, before: int) -> Floats:
    """Return monthly sea-surface temperatures, repeated to `n` months.

    Parameters
    ----------
    n : int
        Number of months.
    missing, before : int
        Number of months to leave out, all of them among the first `before`.

    Returns
    -------
    float64 array, (n,)
        Degrees Celsius.
    """
    return _with_gaps(np.resize(_sea_temperature(), n), before, missing)


def _sea_temperature() -> Floats:
    from statsmodels.datasets import elnino

    years = elnino.load_pandas().data.to_numpy(dtype=float)
    months: Floats = years[:, 1:].ravel()
    return months


def _with_gaps(values: Floats, before: int, missing: int) -> Floats:
    gaps = np.linspace(0, before - 1, missing + 2).astype(int)[1:-1]
    values[gaps] = np.nan
    return values


def island(longitude: Floats, latitude: Floats, cells: int = 3495) -> Floats:
    """Return the temperature of an island with a mountain ridge.

    Parameters
    ----------
    longitude, latitude : float64 arrays, (columns,) and (rows,)
        Degrees.
    cells : int
        Number of land cells.

    Returns
    -------
    float64 array, (rows, columns)
        Degrees Celsius, NaN at sea.
    """
    east, north = np.meshgrid(longitude - 120.97, latitude - 23.7)
    along, across = north + 0.35 * east, east - 0.35 * north
    coast = (along / 1.8) ** 2 + (across / 0.65) ** 2 + 0.1 * np.sin(5 * along)
    height = 3.4 * np.exp(-(((across - 0.1) / 0.25) ** 2) - (along / 1.3) ** 4)
    noise = np.random.default_rng(0).normal(0, 0.4, coast.shape)
    temperature = np.round(28.5 - 5.5 * height - 0.8 * along + noise, 1)
    land = coast <= np.partition(coast.ravel(), cells - 1)[cells - 1]
    return np.where(land, temperature, np.nan)
