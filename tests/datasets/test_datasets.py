"""The data layer: look-up, checks, downloads, stand-ins and loaders; no network."""

import csv
import dataclasses
import gzip
import hashlib
import http.server
import io
import os
import pickle
import re
import struct
import subprocess
import sys
import tarfile
import threading
import time
import warnings
import zipfile
from pathlib import Path

import numpy as np
import pytest
import requests
from hypothesis import given
from hypothesis import strategies as st

from companion import datasets
from companion.datasets import formats, images, loaders, lookup, serving, standins
from companion.datasets.registry import DataFile, Form

REAL_DATA = os.environ.get("COMPANION_DATA")
SHAPES = {
    "load_mnist": [(60000, 28, 28), (60000,), (10000, 28, 28), (10000,)],
    "load_cifar10": [(50000, 3, 32, 32), (50000,), (10000, 3, 32, 32), (10000,)],
    "load_taiwan_temperature": [(67,), (120,), (120, 67)],
    "load_airline_passengers": [(144,), (144,)],
    "load_ionosphere": [(351, 34), (351,)],
    "load_pima_diabetes": [(768, 8), (768,)],
    "load_california_housing": [(20640, 8), (20640,)],
    "load_brussels_daily": [(7036,), (7036,)],
    "load_rio_daily": [(7036,), (7036,)],
    "load_rio_monthly": [(2181,), (2181,)],
    "load_iris": [(150, 4), (150,)],
    "load_moons": [(1000, 2), (1000,)],
    "load_nonlinear_surface": [(1000, 2), (1000,)],
}
WITH_FILES = [n for n, data_set in datasets.registry().items() if data_set.files]
LOADERS_WITH_FILES = [datasets.registry()[name].loader for name in WITH_FILES]


@pytest.fixture(autouse=True)
def isolated(monkeypatch, tmp_path):
    """Give each test an empty cache, no network and no memory of other tests."""
    monkeypatch.delenv("COMPANION_DATA", raising=False)
    monkeypatch.delenv("COMPANION_STRICT", raising=False)
    monkeypatch.setattr(lookup, "cache_folder", lambda: tmp_path / "cache")
    monkeypatch.setattr(lookup, "_unreachable", set())
    monkeypatch.setattr(serving, "_used", {})
    monkeypatch.setattr(lookup.requests, "get", unreachable)


def unreachable(address, **options):
    raise requests.ConnectionError("no network in tests")


def load(loader):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", datasets.StandInWarning)
        return getattr(datasets, loader)()


def arrays(data):
    return [v for v in vars(data).values() if isinstance(v, np.ndarray)]


def put(folder, loader_or_name, contents):
    """Put bytes where the first file of a data set is looked for."""
    names = datasets.files(loader_or_name) or [loader_or_name]
    path = folder / datasets.registry()[names[0]].files[0].forms[0].path
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(contents)
    return path


def accept(monkeypatch, name, contents, *addresses, path=None):
    """Make the registry accept one file of these contents for a data set."""
    entry = datasets.registry()[name]
    form = Form(
        path=path or entry.files[0].forms[0].path,
        sha256=hashlib.sha256(contents).hexdigest(),
        bytes=len(contents),
        addresses=addresses,
    )
    changed = dataclasses.replace(entry, files=(DataFile((form,)),))
    monkeypatch.setattr(lookup, "registry", lambda: {name: changed})


def taiwan_xml(values, last_longitude="121.98"):
    rows = "\n".join(",".join(f"{v:.4E}" for v in row) for row in values)
    return f"""<?xml version="1.0" encoding="UTF-8"?>
<cwaopendata xmlns="urn:cwa:gov:tw:cwacommon:0.1"><dataset>
<GeoInfo><BottomLeftLongitude>120.0</BottomLeftLongitude>
<BottomLeftLatitude>21.88</BottomLeftLatitude>
<TopRightLongitude>{last_longitude}</TopRightLongitude>
<TopRightLatitude>25.45</TopRightLatitude></GeoInfo>
<DataTime><DateTime>2024-07-01T05:00:00+08:00</DateTime></DataTime>
<Resource><Content>{rows}</Content></Resource></dataset></cwaopendata>""".encode()


def own_values():
    values = np.full((120, 67), -999.0)
    values[40:80, 20:50] = np.arange(1200).reshape(40, 30) % 250 / 10
    return values


# --- registry and docstrings -----------------------------------------------------


def test_every_loader_has_a_registry_entry_and_a_shape():
    public = {n for n in datasets.__all__ if n.startswith("load_")}
    assert {entry.loader for entry in datasets.registry().values()} == public
    assert set(SHAPES) == public
    assert datasets.files("load_rio_daily") == ["rio-daily"]
    assert datasets.files("load_nothing") == []


@pytest.mark.parametrize("name", datasets.registry())
def test_a_docstring_states_licence_citation_and_shapes(name):
    entry = datasets.registry()[name]
    words = " ".join((getattr(datasets, entry.loader).__doc__ or "").split())
    assert f"Licence: {entry.licence}." in words
    assert f"Citation: {entry.citation}." in words
    sizes = {size for shape in SHAPES[entry.loader] for size in shape}
    told = set(re.findall(r"\d+", words))
    assert {str(size) for size in sizes} <= told or "(n, 2)" in words


@pytest.mark.parametrize("name", WITH_FILES)
def test_every_file_can_be_recognised_and_downloaded(name):
    entry = datasets.registry()[name]
    assert entry.stand_in
    for file in entry.files:
        assert any(form.addresses for form in file.forms)
        for form in file.forms:
            assert re.fullmatch("[0-9a-f]{64}", form.sha256)
            assert all(a.startswith("https://") for a in form.addresses)


# --- look-up ---------------------------------------------------------------------


def test_the_named_folder_comes_before_the_cache(monkeypatch, tmp_path):
    contents = taiwan_xml(own_values())
    accept(monkeypatch, "taiwan-temperature", contents)
    put(tmp_path / "cache", "taiwan-temperature", contents)
    assert datasets.fetch("taiwan-temperature").origin == "cache"
    path = put(tmp_path / "data", "taiwan-temperature", contents)
    monkeypatch.setenv("COMPANION_DATA", str(tmp_path / "data"))
    source = datasets.fetch("taiwan-temperature")
    assert (source.origin, source.path) == ("COMPANION_DATA", path)
    assert source.sha256 == hashlib.sha256(contents).hexdigest()


@pytest.mark.parametrize("folder", ["cache", "data"])
def test_an_altered_file_is_an_error_and_stays(monkeypatch, tmp_path, folder):
    contents = taiwan_xml(own_values())
    accept(monkeypatch, "taiwan-temperature", contents)
    (tmp_path / "data").mkdir()
    monkeypatch.setenv("COMPANION_DATA", str(tmp_path / "data"))
    altered = contents.replace(b"21.88", b"21.89")
    path = put(tmp_path / folder, "taiwan-temperature", altered)
    with pytest.raises(datasets.DataCorrupt, match=r"altered: sha256 \w{64} expected"):
        datasets.load_taiwan_temperature()
    assert path.read_bytes() == altered
    assert datasets.used() == []


def test_a_truncated_file_is_an_error(monkeypatch, tmp_path):
    put(tmp_path / "cache", "load_mnist", gzip.compress(b"0" * 1000)[:-9])
    with pytest.raises(datasets.DataCorrupt, match="9912422 bytes expected"):
        datasets.load_mnist()


def test_a_web_page_in_place_of_a_file_is_named(tmp_path):
    put(tmp_path / "cache", "load_ionosphere", b"\n<!DOCTYPE html><html></html>")
    with pytest.raises(datasets.DataCorrupt, match="it is a web page"):
        datasets.load_ionosphere()


def test_a_folder_in_place_of_a_file_is_an_error(tmp_path):
    path = put(tmp_path / "cache", "load_ionosphere", b"")
    path.unlink()
    path.mkdir()
    with pytest.raises(datasets.DataCorrupt, match="should be a file and is not"):
        datasets.load_ionosphere()


@pytest.mark.parametrize("method", ["stat", "open"])
def test_an_unreadable_file_is_an_error(monkeypatch, tmp_path, method):
    contents = taiwan_xml(own_values())
    accept(monkeypatch, "taiwan-temperature", contents)
    path = put(tmp_path / "cache", "taiwan-temperature", contents)
    usual = getattr(Path, method)

    def refused(self, *args, **options):
        if self == path:
            raise PermissionError(13, "Permission denied")
        return usual(self, *args, **options)

    monkeypatch.setattr(Path, method, refused)
    with pytest.raises(datasets.DataCorrupt, match="cannot be read: Permission denied"):
        datasets.load_taiwan_temperature()


def test_a_named_folder_that_is_none_is_an_error(monkeypatch, tmp_path):
    monkeypatch.setenv("COMPANION_DATA", str(tmp_path / "nowhere"))
    with pytest.raises(datasets.DataMissing, match="nowhere, which is no folder"):
        datasets.load_ionosphere()


def test_an_unknown_name_is_a_key_error():
    with pytest.raises(KeyError):
        datasets.fetch("nothing")


# --- stand-ins -------------------------------------------------------------------


@pytest.mark.parametrize("loader", SHAPES)
def test_every_loader_gives_the_announced_shapes_without_data(loader):
    data = load(loader)
    assert [array.shape for array in arrays(data)] == SHAPES[loader]
    expected = datasets.files(loader) if loader in LOADERS_WITH_FILES else []
    assert datasets.stand_ins() == expected


@pytest.mark.parametrize("loader", SHAPES)
def test_what_a_page_writes_into_its_arrays_stays_there(loader):
    first, second = arrays(load(loader)), arrays(load(loader))
    assert all(array.flags.c_contiguous for array in first)
    for array, other in zip(first, second, strict=True):
        array[...] = array[::-1].copy()
        assert not np.shares_memory(array, other)


@pytest.mark.parametrize("loader", LOADERS_WITH_FILES)
def test_a_stand_in_is_deterministic(loader):
    for first, second in zip(arrays(load(loader)), arrays(load(loader)), strict=True):
        assert np.array_equal(first, second, equal_nan=first.dtype.kind == "f")


@pytest.mark.parametrize("loader", LOADERS_WITH_FILES)
def test_strict_mode_refuses_a_stand_in(monkeypatch, loader):
    monkeypatch.setenv("COMPANION_STRICT", "1")
    with pytest.raises(datasets.DataMissing, match="not in the cache.*COMPANION_DATA"):
        getattr(datasets, loader)()
    assert datasets.stand_ins() == []


def test_outside_a_notebook_a_stand_in_warns_at_the_callers_line():
    with pytest.warns(datasets.StandInWarning, match="could not be reached") as caught:
        datasets.load_ionosphere()
    assert caught[0].filename == __file__


def test_in_a_notebook_a_stand_in_shows_a_banner_and_no_warning():
    nbformat = pytest.importorskip("nbformat")
    nbclient = pytest.importorskip("nbclient")
    cell = nbformat.v4.new_code_cell(
        "import requests\n"
        "from companion import datasets\n"
        "from companion.datasets import lookup\n"
        "def get(*args, **options):\n"
        "    raise requests.ConnectionError\n"
        "lookup.requests.get = get\n"
        "lookup.cache_folder = lambda: lookup.Path('/nowhere')\n"
        "datasets.load_rio_daily();"
    )
    notebook = nbformat.v4.new_notebook(cells=[cell])
    nbclient.NotebookClient(notebook, kernel_name="python3").execute()
    (output,) = cell.outputs
    assert output.output_type == "display_data"
    assert output.data[datasets.STAND_IN_MIME]["name"] == "rio-daily"
    assert "could not be reached" in output.data[datasets.STAND_IN_MIME]["reason"]
    assert "dtp-stand-in" in output.data["text/html"]
    assert "COMPANION_DATA" in output.data["text/plain"]


def test_a_banner_escapes_what_a_reason_holds(monkeypatch):
    shown = []
    monkeypatch.setattr(
        serving, "get_ipython", lambda: type("Shell", (), {"kernel": 1})
    )
    monkeypatch.setattr(serving, "display", lambda bundle, raw: shown.append(bundle))
    serving.announce(datasets.Source("rio-daily", "stand-in", reason="<script>"))
    assert "&lt;script&gt;" in shown[0]["text/html"]
    assert "<script>" not in shown[0]["text/html"]


def test_stand_in_images_keep_training_and_test_apart():
    train, _, test, _ = standins.digits(2000, 500)
    assert not {image.tobytes() for image in train} & {i.tobytes() for i in test}
    train, labels, test, _ = standins.patches(2000, 500)
    assert not {image.tobytes() for image in train} & {i.tobytes() for i in test}
    assert np.array_equal(np.bincount(labels), np.full(10, 200))


def test_stand_ins_resemble_what_they_replace():
    X, label, value = load("load_taiwan_temperature").points()
    assert label.sum() == 3495
    assert -5 < np.nanmin(value) < np.nanmax(value) < 35
    assert np.bincount(load("load_ionosphere").target).tolist() == [126, 225]
    assert np.bincount(load("load_pima_diabetes").target).tolist() == [500, 268]
    assert np.isnan(load("load_brussels_daily").temperature).sum() == 12
    assert np.isnan(load("load_rio_daily").temperature).sum() == 131
    monthly = load("load_rio_monthly")
    assert np.isnan(monthly.temperature).sum() == 85
    assert np.isfinite(monthly.between("1870", "2012").temperature).all()


def test_a_fetch_of_what_is_absent_does_not_raise(monkeypatch):
    monkeypatch.setenv("COMPANION_STRICT", "1")
    source = datasets.fetch("mnist")
    assert source.origin == "stand-in"
    assert source.path is None
    assert "could not be reached" in source.reason
    assert datasets.used() == []


@pytest.mark.parametrize(
    ("name", "origin"),
    [
        ("iris", "scikit-learn"),
        ("airline-passengers", "typed"),
        ("nonlinear-surface", "formula"),
    ],
)
def test_a_data_set_without_files_has_its_origin(name, origin):
    load(datasets.registry()[name].loader)
    assert datasets.used() == [datasets.Source(name, origin)]


# --- downloads -------------------------------------------------------------------


class Server:
    """A local web server with settable answers, which counts requests."""

    def __init__(self):
        self.answers, self.requests = {}, []
        server = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):  # noqa: N802
                server.requests.append(self.path)
                status, body, length = server.answers.get(self.path, (404, b"", 0))
                self.send_response(status)
                self.send_header("Content-Length", str(length))
                self.end_headers()
                time.sleep(0.1)  # so that two downloads overlap
                self.wfile.write(body)

            def log_message(self, *args):
                pass

        self.http = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.http.serve_forever, daemon=True).start()

    def serve(self, path, body, status=200, length=None):
        self.answers[path] = (status, body, len(body) if length is None else length)
        return self.address(path)

    def address(self, path):
        return f"http://127.0.0.1:{self.http.server_port}{path}"


@pytest.fixture
def server(monkeypatch):
    monkeypatch.setattr(lookup.requests, "get", requests.api.get)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    local = Server()
    yield local
    local.http.shutdown()
    local.http.server_close()


def kept(tmp_path):
    return [path.name for path in (tmp_path / "cache").rglob("*") if path.is_file()]


def test_a_download_is_checked_kept_and_used_again(monkeypatch, tmp_path, server):
    contents = taiwan_xml(own_values())
    accept(monkeypatch, "taiwan-temperature", contents, server.serve("/a", contents))
    grid = datasets.load_taiwan_temperature()
    assert grid.hour == "2024-07-01T05:00:00+08:00"
    assert datasets.used()[0].origin == "download"
    assert datasets.fetch("taiwan-temperature").origin == "cache"
    assert len(server.requests) == 1
    assert len(kept(tmp_path)) == 1


def test_the_second_address_is_tried(monkeypatch, server):
    good = server.serve("/good", b"right")
    bad = server.serve("/bad", b"wrong")
    gone = server.address("/gone")
    accept(monkeypatch, "ionosphere", b"right", gone, bad, good)
    assert datasets.fetch("ionosphere").origin == "download"


@pytest.mark.parametrize(
    ("body", "status", "length", "reason"),
    [
        (b"", 404, None, r"has gone \(HTTP status 404\)"),
        (b"<html>log in</html>", 200, None, "a web page instead of the file"),
        (b"ri", 200, 5, "broke off"),
    ],
)
def test_a_failed_download_gives_a_reason_and_leaves_nothing(
    monkeypatch, tmp_path, server, body, status, length, reason
):
    address = server.serve("/a", body, status, length)
    accept(monkeypatch, "ionosphere", b"right", address)
    source = datasets.fetch("ionosphere")
    assert source.origin == "stand-in"
    assert re.search(reason, source.reason)
    assert kept(tmp_path) == []


def test_an_altered_download_is_an_error_and_leaves_nothing(
    monkeypatch, tmp_path, server
):
    accept(monkeypatch, "ionosphere", b"right", server.serve("/a", b"wrong"))
    with pytest.raises(datasets.DataCorrupt, match="/a gave a truncated or altered"):
        datasets.fetch("ionosphere")
    assert kept(tmp_path) == []


def test_an_interrupted_download_leaves_nothing(monkeypatch, tmp_path, server):
    def interrupted(self, size):
        yield b"ri"
        raise KeyboardInterrupt

    accept(monkeypatch, "ionosphere", b"right", server.serve("/a", b"right"))
    monkeypatch.setattr(requests.Response, "iter_content", interrupted)
    with pytest.raises(KeyboardInterrupt):
        datasets.fetch("ionosphere")
    assert kept(tmp_path) == []


def test_a_slow_download_is_given_up(monkeypatch, tmp_path, server):
    accept(monkeypatch, "ionosphere", b"right", server.serve("/a", b"right"))
    monkeypatch.setattr(lookup, "READ_SECONDS", 1e-9)
    monkeypatch.setattr(
        lookup.requests, "get", lambda a, **o: requests.api.get(a, stream=True)
    )
    assert "too slow" in datasets.fetch("ionosphere").reason
    assert kept(tmp_path) == []


def test_a_cache_that_cannot_be_written_is_a_reason(monkeypatch, tmp_path, server):
    (tmp_path / "file").write_bytes(b"")
    monkeypatch.setattr(lookup, "cache_folder", lambda: tmp_path / "file")
    accept(monkeypatch, "ionosphere", b"right", server.serve("/a", b"right"))
    assert "cannot be written" in datasets.fetch("ionosphere").reason


def test_an_unreachable_host_is_tried_once(monkeypatch):
    tried = []

    def get(address, **options):
        tried.append(address)
        assert options["timeout"] == (lookup.CONNECT_SECONDS, lookup.READ_SECONDS)
        raise requests.ConnectTimeout

    monkeypatch.setattr(lookup.requests, "get", get)
    for name in ("brussels-daily", "pima-diabetes", "rio-daily"):
        assert "raw.githubusercontent.com could not" in datasets.fetch(name).reason
    assert len(tried) == 1


TWO_AT_ONCE = """
import sys
from pathlib import Path
from companion.datasets import lookup
from companion.datasets.registry import DataFile, Form
name, address, digest, cache = sys.argv[1:]
import dataclasses
entry = lookup.registry()[name]
form = Form(path="climate/one", sha256=digest, addresses=(address,))
changed = dataclasses.replace(entry, files=(DataFile((form,)),))
lookup.registry = lambda: {name: changed}
lookup.cache_folder = lambda: Path(cache)
print(lookup.fetch(name).sha256)
"""


def test_two_processes_may_download_at_once(tmp_path, server):
    contents = os.urandom(1 << 20)
    digest = hashlib.sha256(contents).hexdigest()
    address = server.serve("/a", contents)
    cache = str(tmp_path / "cache")
    command = [sys.executable, "-c", TWO_AT_ONCE, "rio-daily", address, digest, cache]
    both = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in "12"]
    assert [process.communicate()[0].strip() for process in both] == [digest, digest]
    assert kept(tmp_path) == ["one"]


# --- formats ---------------------------------------------------------------------


def write_idx(path, array):
    head = bytes([0, 0, 8, array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape)
    path.write_bytes(gzip.compress(head + array.tobytes()))


@given(shape=st.lists(st.integers(0, 5), min_size=1, max_size=3), cut=st.integers(1, 9))
def test_idx_gives_back_the_array_and_notices_a_cut(tmp_path_factory, shape, cut):
    path = tmp_path_factory.mktemp("idx") / "a.gz"
    array = np.arange(np.prod(shape), dtype=np.uint8).reshape(shape)
    write_idx(path, array)
    assert np.array_equal(formats.idx(path), array)
    whole = gzip.decompress(path.read_bytes())
    path.write_bytes(gzip.compress(whole[: max(len(whole) - cut, 0)]))
    with pytest.raises(datasets.DataCorrupt, match=r"announces shape|no idx file"):
        formats.idx(path)


def test_a_truncated_gzip_is_refused(tmp_path):
    path = tmp_path / "a.gz"
    write_idx(path, np.zeros((9, 9), np.uint8))
    path.write_bytes(path.read_bytes()[:-10])
    with pytest.raises(datasets.DataCorrupt, match=r"a\.gz cannot be read"):
        formats.idx(path)


def test_mnist_of_a_wrong_shape_is_refused(tmp_path):
    paths = tuple(tmp_path / f"{k}.gz" for k in range(4))
    for path in paths:
        write_idx(path, np.zeros((2, 28, 28), np.uint8))
    with pytest.raises(datasets.DataCorrupt, match=r"shape \(60000, 28, 28\) expected"):
        images.mnist(paths)


@given(st.binary(max_size=200))
def test_any_bytes_as_a_pickle_are_refused_or_harmless(raw):
    try:
        formats.unpickle_arrays(raw, Path("batch"))
    except datasets.DataCorrupt as error:
        assert "batch holds a pickle that is refused" in str(error)


class Malicious:
    """An object whose pickle runs a command when it is read."""

    def __init__(self, marker):
        self.marker = marker

    def __reduce__(self):
        return os.mkdir, (str(self.marker),)


def cifar_archive(path, batch):
    with tarfile.open(path, "w:gz") as archive:
        for name in images._BATCHES:
            raw = pickle.dumps(batch, protocol=3)
            info = tarfile.TarInfo(f"cifar-10-batches-py/{name}")
            info.size = len(raw)
            archive.addfile(info, io.BytesIO(raw))
    return path


@pytest.fixture
def small_batch(monkeypatch):
    monkeypatch.setattr(images, "_BATCH_ROWS", 4)
    data = np.arange(4 * 3072).reshape(4, 3072).astype(np.uint8)
    return {b"data": data, b"labels": [3, 1, 4, 1]}


def test_cifar_is_read_from_its_archive_and_kept(tmp_path, small_batch):
    path = cifar_archive(tmp_path / "cifar.tar.gz", small_batch)
    source = datasets.Source("cifar10", "cache", "abc", (path,))
    train, train_labels, test, _ = images.cifar10(source)
    assert train.shape == (20, 3, 32, 32)
    assert train_labels.tolist() == [3, 1, 4, 1] * 5
    assert np.array_equal(test.reshape(4, 3072), small_batch[b"data"])
    path.unlink()
    assert np.array_equal(images.cifar10(source)[0], train)


def test_a_damaged_unpacked_copy_is_made_anew(tmp_path, small_batch):
    path = cifar_archive(tmp_path / "cifar.tar.gz", small_batch)
    source = datasets.Source("cifar10", "cache", "abc", (path,))
    first = images.cifar10(source)
    (unpacked,) = (tmp_path / "cache").rglob("*.npz")
    unpacked.write_bytes(unpacked.read_bytes()[:5000])
    for again, before in zip(images.cifar10(source), first, strict=True):
        assert np.array_equal(again, before)


def test_a_malicious_pickle_is_refused(tmp_path):
    marker = tmp_path / "marker"
    path = cifar_archive(tmp_path / "cifar.tar.gz", Malicious(marker))
    with pytest.raises(datasets.DataCorrupt, match=r"refused: it asks for \w+\.mkdir"):
        images.cifar10_batches(path)
    assert not marker.exists()


@pytest.mark.parametrize(
    "change",
    [
        {b"data": np.zeros((4, 3071), np.uint8)},
        {b"data": np.zeros((4, 3072))},
        {b"data": 5},
        {b"labels": [0, 1, 2, 10]},
        {b"labels": ["x"] * 4},
    ],
)
def test_a_wrong_cifar_batch_is_refused(tmp_path, small_batch, change):
    path = cifar_archive(tmp_path / "cifar.tar.gz", small_batch | change)
    with pytest.raises(datasets.DataCorrupt, match="holds no batch of CIFAR-10"):
        images.cifar10_batches(path)


def test_an_archive_that_lacks_a_member_is_refused(tmp_path):
    with tarfile.open(tmp_path / "a.tgz", "w:gz"):
        pass
    with pytest.raises(datasets.DataCorrupt, match=r"a\.tgz lacks cal_housing\.data"):
        formats.read(tmp_path / "a.tgz", "cal_housing.data")
    with zipfile.ZipFile(tmp_path / "a.zip", "w"):
        pass
    with pytest.raises(datasets.DataCorrupt, match=r"a\.zip lacks the file b"):
        formats.read(tmp_path / "a.zip", "b")


def test_the_same_rows_come_from_each_form_of_a_file(tmp_path):
    rows = "".join(f"{','.join(['2.0'] * 9)}\n" for _ in range(20640)).encode()
    plain, packed = tmp_path / "cal_housing.data", tmp_path / "cal_housing.data.gz"
    plain.write_bytes(rows)
    packed.write_bytes(gzip.compress(rows))
    with tarfile.open(tmp_path / "cal_housing.tgz", "w:gz") as archive:
        archive.add(plain, "CaliforniaHousing/cal_housing.data")
    for path in (plain, packed, tmp_path / "cal_housing.tgz"):
        data, target = loaders._california(path)
        assert data[0].tolist() == [2, 2, 1, 1, 2, 1, 2, 2]
        assert target[-1] == 2e-5


def test_rio_is_picked_from_the_archive_of_cities(tmp_path):
    lines = ["dt,AverageTemperature,AverageTemperatureUncertainty,City,Country,La,Lo"]
    for month in loaders._MONTHS:
        lines += [f"{month}-01,1.5,1,Oslo,Norway,59N,10E"]
        lines += [f"{month}-01,24.5,1,Rio De Janeiro,Brazil,22S,43W"]
    path = tmp_path / "cities.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        name = "GlobalLandTemperaturesByMajorCity.csv"
        archive.writestr(name, "\n".join(lines))
    source = datasets.Source("rio-monthly", "cache", "abc", (path,))
    assert np.array_equal(loaders._monthly(source).temperature, np.full(2181, 24.5))


@pytest.mark.parametrize(
    ("contents", "sentence"),
    [
        (b"1,2\n1,2,3\n", "row 2: 2 columns expected, 3 found"),
        (b"1,x\n", "no number"),
        (b"1,\xff\n", "no UTF-8 text"),
    ],
)
def test_a_malformed_table_is_refused(tmp_path, contents, sentence):
    path = tmp_path / "a.csv"
    path.write_bytes(contents)
    with pytest.raises(datasets.DataCorrupt, match=sentence):
        formats.numbers(path, formats.comma_table(path, 2))


def test_a_table_with_too_few_rows_is_refused(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("1," * 34 + "g\n")
    with pytest.raises(datasets.DataCorrupt, match=r"shape \(351, 34\) expected"):
        loaders._ionosphere(path)


# --- a reader's own Taiwan file --------------------------------------------------


def test_an_own_taiwan_file_is_read_in_the_files_order(tmp_path):
    path = tmp_path / "own.xml"
    path.write_bytes(taiwan_xml(own_values()))
    grid = datasets.load_taiwan_temperature(path)
    X, label, value = grid.points()
    assert X.shape == (8040, 2)
    assert X[1].tolist() == [120.03, 21.88]
    assert X[67].tolist() == [120.0, 21.91]
    assert label.sum() == 1200
    assert np.array_equal(np.isfinite(value), label == 1)
    assert value[40 * 67 + 21] == grid.temperature[40, 21] == pytest.approx(0.1)
    assert datasets.used()[0].origin == "own file"
    assert datasets.stand_ins() == []


@pytest.mark.parametrize(
    ("contents", "sentence"),
    [
        (taiwan_xml(own_values()[:100]), "120 x 67 values expected, 6700 found"),
        (taiwan_xml(own_values(), "122.5"), "corners .* expected"),
        (taiwan_xml(np.full((120, 67), 300.0)), "300 degrees Celsius"),
        (taiwan_xml(own_values())[:3000], "no acceptable XML"),
        (taiwan_xml(own_values()).replace(b"Content", b"Else"), "no element <Content>"),
        (taiwan_xml(own_values()).replace(b"-9.9900E+02", b"warm", 1), "no number"),
        (b"<html><body>log in</body></html>", "no element"),
        (b"", "no acceptable XML"),
    ],
)
def test_a_malformed_own_taiwan_file_is_refused(tmp_path, contents, sentence):
    path = tmp_path / "own.xml"
    path.write_bytes(contents)
    with pytest.raises(datasets.DataCorrupt, match=sentence):
        datasets.load_taiwan_temperature(path)
    assert datasets.used() == []


def test_an_own_taiwan_file_that_is_absent_is_an_error(tmp_path):
    with pytest.raises(datasets.DataCorrupt, match="cannot be read: No such file"):
        datasets.load_taiwan_temperature(tmp_path / "absent.xml")


def test_an_xml_bomb_is_refused(tmp_path):
    path = tmp_path / "bomb.xml"
    path.write_text(
        '<!DOCTYPE a [<!ENTITY b "x"><!ENTITY c "&b;&b;&b;&b;">]><a>&c;</a>'
    )
    with pytest.raises(datasets.DataCorrupt, match="no acceptable XML"):
        datasets.load_taiwan_temperature(path)


@given(st.data())
def test_any_change_of_an_own_file_is_read_or_refused(tmp_path_factory, data):
    contents = bytearray(taiwan_xml(own_values()))
    for _ in range(data.draw(st.integers(1, 5))):
        place = data.draw(st.integers(0, 600) | st.integers(0, len(contents) - 1))
        contents[place] = data.draw(st.integers(0, 255))
    path = tmp_path_factory.mktemp("own") / "own.xml"
    path.write_bytes(contents)
    try:
        grid = datasets.load_taiwan_temperature(path)
    except datasets.DataCorrupt as error:
        assert str(path) in str(error)
    else:
        assert grid.temperature.shape == (120, 67)


# --- what is returned ------------------------------------------------------------


@given(st.integers(0, 2180), st.integers(0, 2180))
def test_between_keeps_both_ends(first, last):
    months = loaders._MONTHS
    series = datasets.TemperatureSeries(months, np.arange(2181.0))
    part = series.between(str(months[first]), str(months[last]))
    assert part.temperature.tolist() == list(range(first, last + 1))


def test_between_takes_whole_years():
    part = load("load_rio_daily").between("1996", "1997")
    assert str(part.time[0]) == "1996-01-01"
    assert str(part.time[-1]) == "1997-12-31"


def test_the_surface_is_a_weighted_mean():
    X = np.random.default_rng(0).uniform(size=(50, 2))
    parts = [datasets.nonlinear_surface(X, row) for row in np.eye(5)]
    mean = np.average(parts, axis=0, weights=(9, 9, 7, 6, 5))
    assert datasets.nonlinear_surface(X) == pytest.approx(mean)


def test_the_surface_has_its_known_values():
    X = np.array([[0.5, 0.5], [0.4, 0.5]])
    third, fourth = (datasets.nonlinear_surface(X, np.eye(5)[k]) for k in (2, 3))
    assert third == pytest.approx([0, 24.234 * 0.01 * 0.74])
    assert fourth == pytest.approx([10.391 * 0.35, 10.391 * 0.36])


def test_generated_data_follow_their_seed():
    for loader in (datasets.load_moons, datasets.load_nonlinear_surface):
        assert np.array_equal(loader(50).data, loader(50, random_state=0).data)
        assert not np.array_equal(loader(50).data, loader(50, random_state=1).data)


# --- the real data ---------------------------------------------------------------


@pytest.mark.skipif(not REAL_DATA, reason="COMPANION_DATA names no folder")
class TestRealData:
    """Shapes, counts and means of the real data, where COMPANION_DATA has them."""

    @pytest.fixture(autouse=True)
    def real_data(self, isolated, monkeypatch):
        monkeypatch.setenv("COMPANION_DATA", REAL_DATA)

    def load(self, name):
        source = datasets.fetch(name)
        if source.origin == "stand-in":
            pytest.skip(source.reason)
        data = getattr(datasets, datasets.registry()[name].loader)()
        assert datasets.used()[-1].origin == "COMPANION_DATA"
        assert all(a.flags.writeable and a.flags.c_contiguous for a in arrays(data))
        assert [a.shape for a in arrays(data)] == SHAPES[
            datasets.registry()[name].loader
        ]
        return data

    def test_mnist(self):
        digits = self.load("mnist")
        assert digits.train_labels[:5].tolist() == [5, 0, 4, 1, 9]
        assert np.bincount(digits.test_labels)[:2].tolist() == [980, 1135]
        assert digits.train_images.mean() == pytest.approx(33.3184, abs=1e-4)

    def test_cifar10(self):
        things = self.load("cifar10")
        assert np.bincount(things.train_labels).tolist() == [5000] * 10
        assert np.bincount(things.test_labels).tolist() == [1000] * 10
        mean = things.train_images.mean(axis=(0, 2, 3)) / 255
        assert mean == pytest.approx([0.49139968, 0.48215841, 0.44653091], abs=1e-7)

    def test_taiwan_temperature(self):
        grid = self.load("taiwan-temperature")
        assert np.isfinite(grid.temperature).sum() == 3495
        assert np.nanmean(grid.temperature) == pytest.approx(21.5916, abs=1e-4)
        assert np.nanmin(grid.temperature) == -1.9
        assert np.nanmax(grid.temperature) == 30
        assert grid.hour == "2025-09-23T19:00:00+08:00"

    def test_airline_passengers(self):
        typed = datasets.load_airline_passengers()
        assert typed.passengers.mean() == pytest.approx(280.2986, abs=1e-4)
        path = Path(REAL_DATA) / "small_csv" / "airline-passengers.csv"
        if not path.exists():
            pytest.skip(f"{path} is absent")
        rows = list(csv.reader(path.read_text().splitlines()))[1:]
        assert [month for month, _ in rows] == [str(month) for month in typed.time]
        assert [float(number) for _, number in rows] == typed.passengers.tolist()

    def test_ionosphere(self):
        table = self.load("ionosphere")
        assert np.bincount(table.target).tolist() == [126, 225]
        assert np.abs(table.data).max() == 1

    def test_pima_diabetes(self):
        table = self.load("pima-diabetes")
        assert np.bincount(table.target).tolist() == [500, 268]
        assert table.data[0].tolist() == [6, 148, 72, 35, 0, 33.6, 0.627, 50]

    def test_california_housing(self):
        table = self.load("california-housing")
        first = dict(zip(table.feature_names, table.data[0], strict=True))
        assert first["MedInc"] == 8.3252
        assert first["AveRooms"] == pytest.approx(880 / 126)
        assert first["Longitude"] == -122.23
        assert table.target.mean() == pytest.approx(2.0686, abs=1e-4)

    @pytest.mark.parametrize(
        ("name", "missing", "mean"),
        [("brussels-daily", 12, 10.69), ("rio-daily", 131, 24.32)],
    )
    def test_daily(self, name, missing, mean):
        series = self.load(name)
        month, day, year, _ = np.loadtxt(datasets.used()[-1].path).T
        dates = [
            f"{y:.0f}-{m:02.0f}-{d:02.0f}"
            for y, m, d in zip(year, month, day, strict=True)
        ]
        assert dates == [str(date) for date in series.time]
        assert np.isnan(series.temperature).sum() == missing
        assert np.nanmean(series.temperature) == pytest.approx(mean, abs=5e-3)

    def test_rio_monthly(self):
        series = self.load("rio-monthly")
        rows = datasets.used()[-1].path.read_text().splitlines()[1:]
        assert [row[:7] for row in rows] == [str(month) for month in series.time]
        assert np.isnan(series.temperature).sum() == 85
        part = series.between("1870", "2012")
        assert len(part.time) == 1716
        assert part.temperature.mean() == pytest.approx(23.897, abs=5e-4)
