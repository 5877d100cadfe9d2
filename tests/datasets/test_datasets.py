"""Every data set: its description, its stand-in, its file formats, its real data."""

import csv
import gzip
import io
import os
import pickle
import re
import struct
import subprocess
import sys
import tarfile
import warnings
import zipfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import companion.datasets
from companion.datasets import (
    DataError,
    TemperatureSeries,
    _fetch,
    _readers,
    airline_passengers,
    brussels_daily,
    california_housing,
    cifar10,
    ionosphere,
    mnist,
    nonlinear_surface,
    pima_diabetes,
    rio_daily,
    rio_monthly,
    taiwan_temperature,
)

REAL_DATA = os.environ.get("COMPANION_DATA")
SHAPES = {
    mnist: [(60000, 28, 28), (60000,), (10000, 28, 28), (10000,)],
    cifar10: [(50000, 3, 32, 32), (50000,), (10000, 3, 32, 32), (10000,)],
    taiwan_temperature: [(67,), (120,), (120, 67)],
    airline_passengers: [(144,), (144,)],
    ionosphere: [(351, 34), (351,)],
    pima_diabetes: [(768, 8), (768,)],
    california_housing: [(20640, 8), (20640,)],
    brussels_daily: [(7036,), (7036,)],
    rio_daily: [(7036,), (7036,)],
    rio_monthly: [(2181,), (2181,)],
    nonlinear_surface: [(1000, 2), (1000,)],
}
WITHOUT_FILES = {airline_passengers: "typed", nonlinear_surface: "formula"}
WITH_FILES = [module for module in SHAPES if module not in WITHOUT_FILES]


def short(module):
    return module.__name__.rpartition(".")[2]


def load(module):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", _fetch.StandInWarning)
        return module.load()


def arrays(data):
    return [v for v in vars(data).values() if isinstance(v, np.ndarray)]


# --- descriptions ----------------------------------------------------------------


def test_every_module_is_named_and_tested_here():
    assert companion.datasets.names() == sorted(map(short, SHAPES))


def test_the_package_imports_no_data_set():
    code = "import sys, companion.datasets; print(list(sys.modules))"
    loaded = subprocess.check_output([sys.executable, "-c", code], text=True)
    assert "'companion.datasets'" in loaded
    assert "'companion.datasets." not in loaded


@pytest.mark.parametrize("module", SHAPES, ids=short)
def test_help_states_licence_citation_and_shapes(module):
    about, words = module.__doc__, " ".join(module.load.__doc__.split())
    assert re.search(r"\nLicence: \S.*\.\nCitation: \S(.|\n)*http", about)
    sizes = {size for shape in SHAPES[module] for size in shape}
    told = set(re.findall(r"\d+", words))
    assert {str(size) for size in sizes} <= told or "(n, 2)" in words


@pytest.mark.parametrize("module", WITH_FILES, ids=short)
def test_every_file_can_be_recognised_and_downloaded(module):
    assert module.DATA.name == short(module).replace("_", "-")
    assert module.DATA.stand_in
    for forms in module.DATA.files:
        assert any(form.address for form in forms)
        for form in forms:
            assert re.fullmatch("[0-9a-f]{64}", form.sha256)
            assert form.bytes > 0
            assert form.address.startswith("https://") or not form.address


# --- stand-ins -------------------------------------------------------------------


@pytest.mark.parametrize("module", SHAPES, ids=short)
def test_without_data_the_shapes_are_those_announced(module, noted):
    first, second = arrays(load(module)), arrays(load(module))
    assert [array.shape for array in first] == SHAPES[module]
    for array, other in zip(first, second, strict=True):
        assert np.array_equal(array, other, equal_nan=array.dtype.kind == "f")
        assert not np.shares_memory(array, other)
        assert array.flags.c_contiguous and array.flags.writeable
    for source in noted:
        assert source.origin == WITHOUT_FILES.get(module, "stand-in")
        assert source.name == short(module).replace("_", "-")
    assert len(noted) == 2


@pytest.mark.parametrize("module", WITH_FILES, ids=short)
def test_strict_mode_refuses_a_stand_in(monkeypatch, module, noted):
    monkeypatch.setenv("COMPANION_STRICT", "1")
    with pytest.raises(DataError, match="not in the cache.*COMPANION_DATA"):
        module.load()
    assert noted == []


def test_stand_in_images_divide_training_from_test():
    for images in (mnist.stand_in(2000, 500), cifar10.stand_in(2000, 500)):
        train, test = (
            {image.tobytes() for image in part}
            for part in (images.train_images, images.test_images)
        )
        assert not train & test
    assert np.array_equal(np.bincount(images.train_labels), np.full(10, 200))


def test_stand_ins_resemble_what_they_replace():
    X, label, value = taiwan_temperature.stand_in().points()
    assert label.sum() == 3495
    assert -5 < np.nanmin(value) < np.nanmax(value) < 35
    assert np.bincount(ionosphere.stand_in().target).tolist() == [126, 225]
    assert np.bincount(pima_diabetes.stand_in().target).tolist() == [500, 268]
    assert np.isnan(load(brussels_daily).temperature).sum() == 12
    assert np.isnan(load(rio_daily).temperature).sum() == 131
    monthly = rio_monthly.stand_in()
    assert np.isnan(monthly.temperature).sum() == 85
    assert np.isfinite(monthly.between("1870", "2012").temperature).all()


# --- formats ---------------------------------------------------------------------


def tar(path, members):
    with tarfile.open(path, "w:gz") as archive:
        for name, raw in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(raw)
            archive.addfile(info, io.BytesIO(raw))
    return path.read_bytes()


@settings(deadline=None)
@given(shape=st.lists(st.integers(0, 5), min_size=1, max_size=3))
def test_idx_gives_back_the_array(tmp_path_factory, shape):
    path = tmp_path_factory.mktemp("idx") / "a.gz"
    array = np.arange(np.prod(shape), dtype=np.uint8).reshape(shape)
    head = bytes([0, 0, 8, array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape)
    path.write_bytes(gzip.compress(head + array.tobytes()))
    assert np.array_equal(_readers.idx(path), array)


@pytest.fixture
def archive(tmp_path, accept, put):
    """Return a function that puts an archive of small batches in CIFAR-10's place."""

    def write(batch):
        raw = pickle.dumps(batch, protocol=3)
        members = [*(f"data_batch_{k}" for k in range(1, 6)), "test_batch"]
        folder = "../../cifar-10-batches-py"
        contents = tar(tmp_path / "a", {f"{folder}/{name}": raw for name in members})
        accept(cifar10, contents, path="cifar10/small.tar.gz")
        return put(cifar10, contents)

    return write


@pytest.fixture
def batch():
    data = np.arange(4 * 3072).reshape(4, 3072).astype(np.uint8)
    return {b"data": data, b"labels": [3, 1, 4, 1]}


def test_cifar_is_unpacked_once_into_the_cache(
    monkeypatch, archive, batch, files_in_cache
):
    archive(batch)
    first = cifar10.load()
    assert first.train_images.shape == (20, 3, 32, 32)
    assert first.train_labels.tolist() == [3, 1, 4, 1] * 5
    assert np.array_equal(first.test_images.reshape(4, 3072), batch[b"data"])
    assert len(files_in_cache()) == 2  # the archive and the copy, nothing else
    monkeypatch.setattr(cifar10, "tar_members", None)
    for again, before in zip(arrays(cifar10.load()), arrays(first), strict=True):
        assert np.array_equal(again, before)


def test_a_damaged_unpacked_copy_is_made_anew(cache, archive, batch):
    archive(batch)
    first = cifar10.load()
    (unpacked,) = cache.rglob("*.npz")
    unpacked.write_bytes(unpacked.read_bytes()[:5000])
    for again, before in zip(arrays(cifar10.load()), arrays(first), strict=True):
        assert np.array_equal(again, before)


class Malicious:
    """An object whose pickle runs a command when it is read."""

    def __init__(self, marker):
        self.marker = marker

    def __reduce__(self):
        return os.mkdir, (str(self.marker),)


def test_a_malicious_pickle_is_refused(tmp_path, archive):
    archive(Malicious(tmp_path / "marker"))
    with pytest.raises(pickle.UnpicklingError, match=r"asks for \w+\.mkdir"):
        cifar10.load()
    assert not (tmp_path / "marker").exists()


@pytest.mark.parametrize("name", ["cal_housing.data", "a.data.gz", "a.tgz"])
def test_the_same_rows_come_from_each_form_of_a_file(tmp_path, accept, put, name):
    row = 2 * b"-122.23,37.88,41.0,880.0,129.0,322.0,126.0,8.3252,452600.0\n"
    forms = {
        "cal_housing.data": row,
        "a.data.gz": gzip.compress(row),
        "a.tgz": tar(
            tmp_path / "a",
            {"Housing/cal_housing.domain": b"", "Housing/cal_housing.data": row},
        ),
    }
    accept(california_housing, forms[name], path=name)
    put(california_housing, forms[name])
    table = california_housing.load()
    first = dict(zip(table.feature_names, table.data[0], strict=True))
    assert first["AveRooms"] == 880 / 126
    assert first["Longitude"] == -122.23
    assert table.target.tolist() == [4.526] * 2


def test_rio_is_picked_from_the_archive_of_cities(tmp_path, accept, put):
    lines = ["dt,AverageTemperature,AverageTemperatureUncertainty,City,Country,La,Lo"]
    for month in rio_monthly.MONTHS:
        lines += [f"{month}-01,1.5,1,Oslo,Norway,59N,10E"]
        lines += [f"{month}-01,24.5,1,Rio De Janeiro,Brazil,22S,43W"]
    with zipfile.ZipFile(tmp_path / "a", "w", zipfile.ZIP_DEFLATED) as cities:
        name = "GlobalLandTemperaturesByMajorCity.csv"
        cities.writestr(name, "\n".join(lines))
    contents = (tmp_path / "a").read_bytes()
    accept(rio_monthly, contents, path="cities.zip")
    put(rio_monthly, contents)
    assert np.array_equal(rio_monthly.load().temperature, np.full(2181, 24.5))


# --- what is returned ------------------------------------------------------------


@settings(deadline=None)
@given(st.integers(0, 2180), st.integers(0, 2180))
def test_between_includes_both_ends(first, last):
    months = rio_monthly.MONTHS
    series = TemperatureSeries(months, np.arange(2181.0))
    part = series.between(str(months[first]), str(months[last]))
    assert part.temperature.tolist() == list(range(first, last + 1))


def test_between_takes_whole_years():
    days = np.arange("1995-06-01", "1998-06-01", dtype="datetime64[D]")
    part = TemperatureSeries(days, np.zeros(len(days))).between("1996", "1997")
    assert part.time[[0, -1]].astype(str).tolist() == ["1996-01-01", "1997-12-31"]


def test_the_surface_is_a_weighted_mean():
    X = np.random.default_rng(0).uniform(size=(50, 2))
    parts = [nonlinear_surface.surface(X, row) for row in np.eye(5)]
    mean = np.average(parts, axis=0, weights=(9, 9, 7, 6, 5))
    assert nonlinear_surface.surface(X) == pytest.approx(mean)


def test_the_surface_has_its_known_values():
    X = np.array([[0.5, 0.5], [0.4, 0.5]])
    third, fourth = (nonlinear_surface.surface(X, np.eye(5)[k]) for k in (2, 3))
    assert third == pytest.approx([0, 24.234 * 0.01 * 0.74])
    assert fourth == pytest.approx([10.391 * 0.35, 10.391 * 0.36])


def test_the_surface_follows_its_seed():
    first = nonlinear_surface.load(50).data
    assert np.array_equal(first, nonlinear_surface.load(50, random_state=0).data)
    assert not np.array_equal(first, nonlinear_surface.load(50, random_state=1).data)


# --- the real data ---------------------------------------------------------------


def counts_and_pixel_means(images):
    counts = [np.bincount(images.train_labels), np.bincount(images.test_labels)]
    return [*np.ravel(counts), *images.train_images.mean(axis=(0, 2, 3)) / 255]


def labels_and_mean(images):
    counts = np.bincount(images.test_labels)
    return [*images.train_labels[:5], *counts[:2], images.train_images.mean()]


def of_table(table):
    return [*table.data[0, -3:], table.data.min(), table.target.mean()]


def of_temperature(data):
    values = data.temperature
    return [np.isnan(values).sum(), np.nanmin(values), np.nanmean(values)]


def of_years(series):
    part = series.between("1870", "2012").temperature
    return [*of_temperature(series), len(part), part.mean()]


KNOWN = {
    mnist: (labels_and_mean, [5, 0, 4, 1, 9, 980, 1135, 33.31842]),
    cifar10: (
        counts_and_pixel_means,
        [5000] * 10 + [1000] * 10 + [0.49139968, 0.48215841, 0.44653091],
    ),
    taiwan_temperature: (of_temperature, [8040 - 3495, -1.9, 21.591614]),
    ionosphere: (of_table, [-0.54487, 0.18641, -0.45300, -1, 225 / 351]),
    pima_diabetes: (of_table, [33.6, 0.627, 50, 0, 268 / 768]),
    california_housing: (of_table, [322 / 126, 37.88, -122.23, -124.35, 2.068558]),
    brussels_daily: (of_temperature, [12, -12.888889, 10.694081]),
    rio_daily: (of_temperature, [131, 15.555556, 24.322045]),
    rio_monthly: (of_years, [85, 18.483, 23.788916, 1716, 23.896569]),
}


@pytest.fixture
def real(monkeypatch, noted):
    """Return a function that loads a data set from COMPANION_DATA."""

    def load_real(module):
        monkeypatch.setenv("COMPANION_DATA", REAL_DATA)
        source = _fetch.fetch(module.DATA)
        if source.origin == "stand-in":
            pytest.skip(source.reason)
        data = module.load()
        assert noted == [source]
        assert all(a.flags.writeable and a.flags.c_contiguous for a in arrays(data))
        assert [a.shape for a in arrays(data)] == SHAPES[module]
        return data, source.path

    return load_real


needs_data = pytest.mark.skipif(not REAL_DATA, reason="COMPANION_DATA is not set")


@needs_data
@pytest.mark.parametrize("module", WITH_FILES, ids=short)
def test_the_real_data_have_their_known_values(real, module):
    data, _ = real(module)
    facts, expected = KNOWN[module]
    assert facts(data) == pytest.approx(expected, rel=1e-6)


@needs_data
def test_the_typed_passengers_are_those_of_the_file():
    typed = airline_passengers.load()
    path = Path(REAL_DATA) / "small_csv" / "airline-passengers.csv"
    if not path.exists():
        pytest.skip(f"{path} is absent")
    rows = list(csv.reader(path.read_text().splitlines()))[1:]
    assert [month for month, _ in rows] == [str(month) for month in typed.time]
    assert [float(number) for _, number in rows] == typed.passengers.tolist()


@needs_data
@pytest.mark.parametrize("module", [brussels_daily, rio_daily], ids=short)
def test_the_days_are_those_of_the_file(real, module):
    series, path = real(module)
    month, day, year = np.loadtxt(path, usecols=(0, 1, 2), dtype=int, unpack=True)
    days = zip(year, month, day, strict=True)
    assert [f"{y}-{m:02}-{d:02}" for y, m, d in days] == series.time.astype(
        str
    ).tolist()


@needs_data
def test_the_months_are_those_of_the_file(real):
    series, path = real(rio_monthly)
    rows = path.read_text().splitlines()[1:]
    assert [row[:7] for row in rows] == series.time.astype(str).tolist()
