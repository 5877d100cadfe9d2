"""Look-up, checks, downloads and stand-ins; no network."""

import hashlib
import os
import re
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
import requests

from companion import provenance
from companion.datasets import (
    DataError,
    _fetch,
    brussels_daily,
    fetch_all,
    ionosphere,
    mnist,
    names,
    pima_diabetes,
    rio_daily,
)

CONTENTS = 2 * (b"0.5," * 34 + b"g\n")


# --- look-up ---------------------------------------------------------------------


def test_the_named_folder_comes_before_the_cache(monkeypatch, tmp_path, accept, put):
    accept(ionosphere, CONTENTS)
    put(ionosphere, CONTENTS)
    assert _fetch.fetch(ionosphere.DATA).origin == "cache"
    path = put(ionosphere, CONTENTS, tmp_path / "data")
    monkeypatch.setenv("COMPANION_DATA", str(tmp_path / "data"))
    source = _fetch.fetch(ionosphere.DATA)
    assert (source.origin, source.path) == ("COMPANION_DATA", path)
    assert source.sha256 == hashlib.sha256(CONTENTS).hexdigest()


@pytest.mark.parametrize("below", [".", "notebooks/classification"])
def test_a_relative_folder_is_found_from_a_notebooks_folder(
    monkeypatch, tmp_path, accept, put, below
):
    accept(ionosphere, CONTENTS)
    path = put(ionosphere, CONTENTS, tmp_path / "my data")
    (tmp_path / below).mkdir(parents=True, exist_ok=True)
    monkeypatch.chdir(tmp_path / below)
    monkeypatch.setenv("COMPANION_DATA", "my data")
    assert _fetch.fetch(ionosphere.DATA).path == path


@pytest.mark.parametrize("named", ["/nowhere/at/all", "nowhere", "~nobody-here/data"])
def test_a_named_folder_that_is_none_is_an_error(monkeypatch, named):
    monkeypatch.setenv("COMPANION_DATA", named)
    with pytest.raises(DataError, match=f"{named}, which is no folder"):
        ionosphere.load()


@pytest.mark.parametrize("folder", ["cache", "data"])
@pytest.mark.parametrize(
    ("contents", "sentence"),
    [
        (CONTENTS.replace(b"g", b"b"), r"altered: sha256 \w{64} expected"),
        (CONTENTS[:-1], r"altered: 276 bytes expected, 275 found; move"),
        (b"", r"altered: 276 bytes expected, 0 found"),
        (b"\n<!DOCTYPE html><html></html>", "it is a web page"),
    ],
)
def test_a_wrong_file_is_an_error_and_stays(
    monkeypatch, tmp_path, accept, put, server, noted, folder, contents, sentence
):
    accept(ionosphere, CONTENTS, server.serve("/a", CONTENTS))
    (tmp_path / "data").mkdir()
    monkeypatch.setenv("COMPANION_DATA", str(tmp_path / "data"))
    path = put(ionosphere, contents, tmp_path / folder)
    with pytest.raises(DataError, match=sentence):
        ionosphere.load()
    assert path.read_bytes() == contents
    assert noted == server.requests == []


def test_a_folder_in_place_of_a_file_is_an_error(put):
    path = put(ionosphere, b"")
    path.unlink()
    path.mkdir()
    with pytest.raises(DataError, match="should be a file and is not"):
        ionosphere.load()


def test_a_linked_file_is_followed_and_checked(tmp_path, accept, put):
    accept(ionosphere, CONTENTS)
    path = put(ionosphere, b"")
    path.unlink()
    path.symlink_to(tmp_path / "elsewhere")
    (tmp_path / "elsewhere").write_bytes(CONTENTS)
    assert _fetch.fetch(ionosphere.DATA).origin == "cache"
    (tmp_path / "elsewhere").write_bytes(b"wrong")
    with pytest.raises(DataError, match="truncated or altered"):
        _fetch.fetch(ionosphere.DATA)


@pytest.mark.parametrize("method", ["stat", "open"])
def test_an_unreadable_file_is_an_error(monkeypatch, accept, put, method):
    accept(ionosphere, CONTENTS)
    path = put(ionosphere, CONTENTS)
    usual = getattr(Path, method)

    def refused(self, *args, **options):
        if self == path:
            raise PermissionError(13, "Permission denied")
        return usual(self, *args, **options)

    monkeypatch.setattr(Path, method, refused)
    with pytest.raises(DataError, match="cannot be read: Permission denied"):
        ionosphere.load()


# --- stand-ins -------------------------------------------------------------------


def test_all_are_fetched_and_those_absent_say_why(monkeypatch, accept, put, noted):
    monkeypatch.setenv("COMPANION_STRICT", "1")
    accept(ionosphere, CONTENTS)
    put(ionosphere, CONTENTS)
    found = fetch_all()
    assert len(found) == len(names()) - 2  # two need no file
    assert found.pop("ionosphere") == "cache"
    assert all("could not be reached" in reason for reason in found.values())
    assert _fetch.fetch(mnist.DATA).origin == "stand-in"
    assert noted == []


def test_outside_a_notebook_a_stand_in_warns_at_the_callers_line(noted):
    with pytest.warns(_fetch.StandInWarning, match="could not be reached") as caught:
        ionosphere.load()
    assert caught[0].filename == __file__
    assert [source.origin for source in noted] == ["stand-in"]


def test_in_a_notebook_a_stand_in_shows_a_banner_and_no_warning(monkeypatch, tmp_path):
    import nbformat
    from nbclient import NotebookClient

    (tmp_path / "<b>").mkdir()
    monkeypatch.setenv("COMPANION_DATA", str(tmp_path / "<b>"))
    cell = nbformat.v4.new_code_cell(
        "import requests\n"
        "from companion.datasets import _fetch, rio_daily\n"
        "def get(*args, **options):\n"
        "    raise requests.ConnectionError\n"
        "requests.get = get\n"
        "_fetch.cache_folder = lambda: _fetch.Path('/nowhere')\n"
        "rio_daily.load();"
    )
    notebook = nbformat.v4.new_notebook(cells=[cell])
    NotebookClient(notebook, kernel_name="python3").execute()
    (output,) = cell.outputs
    assert output.output_type == "display_data"
    facts, html = output.data[provenance.STAND_IN_MIME], output.data["text/html"]
    assert facts["name"] == "rio-daily"
    assert "could not be reached" in facts["reason"]
    assert "dtp-stand-in" in html and "&lt;b&gt;" in html and "<b>" not in html
    assert "COMPANION_DATA" in output.data["text/plain"]


# --- downloads -------------------------------------------------------------------


def test_a_download_is_checked_stored_and_used_again(
    accept, server, files_in_cache, noted
):
    accept(ionosphere, CONTENTS, server.serve("/a", CONTENTS))
    assert ionosphere.load().target.tolist() == [1, 1]
    assert noted[0].origin == "download"
    assert _fetch.fetch(ionosphere.DATA).origin == "cache"
    assert len(server.requests) == 1
    assert files_in_cache() == ["ionosphere.csv"]


def test_the_next_address_is_tried(accept, server):
    good = server.serve("/good", b"right")
    bad = server.serve("/bad", b"wrong")
    accept(ionosphere, b"right", server.address("/gone"), bad, good)
    assert _fetch.fetch(ionosphere.DATA).origin == "download"


@pytest.mark.parametrize(
    ("body", "status", "length", "reason"),
    [
        (b"", 404, None, r"has gone \(HTTP status 404\)"),
        (b"<html>log in</html>", 200, None, "a web page instead of the file"),
        (b"ri", 200, 5, "broke off"),
    ],
)
def test_a_failed_download_gives_a_reason_and_leaves_nothing(
    accept, server, files_in_cache, body, status, length, reason
):
    accept(ionosphere, b"right", server.serve("/a", body, status, length))
    source = _fetch.fetch(ionosphere.DATA)
    assert source.origin == "stand-in"
    assert re.search(reason, source.reason)
    assert files_in_cache() == []


def test_an_altered_download_is_an_error_and_leaves_nothing(
    accept, server, files_in_cache
):
    accept(ionosphere, b"right", server.serve("/a", b"wrong"))
    with pytest.raises(DataError, match="/a gave a truncated or altered"):
        _fetch.fetch(ionosphere.DATA)
    assert files_in_cache() == []


def test_an_interrupted_download_leaves_nothing(
    monkeypatch, accept, server, files_in_cache
):
    def interrupted(path):
        assert path.read_bytes() == b"right"
        raise KeyboardInterrupt

    accept(ionosphere, b"right", server.serve("/a", b"right"))
    monkeypatch.setattr(_fetch, "sha256", interrupted)
    with pytest.raises(KeyboardInterrupt):
        _fetch.fetch(ionosphere.DATA)
    assert files_in_cache() == []


@pytest.mark.timeout(60)
def test_a_trickling_download_is_given_up(monkeypatch, accept, server, files_in_cache):
    def drops():
        for _ in range(600):
            time.sleep(0.05)
            yield b"."

    accept(ionosphere, b"." * 1000, server.stream("/a", drops))
    monkeypatch.setattr(_fetch, "READ_SECONDS", 0.5)
    began = time.monotonic()
    assert "too slow" in _fetch.fetch(ionosphere.DATA).reason
    assert time.monotonic() - began < 5
    assert files_in_cache() == []


@pytest.mark.timeout(60)
def test_an_endless_download_is_cut_off(accept, server, files_in_cache):
    hundred_megabytes = [b"." * 65536] * 1600
    endless = server.stream("/a", lambda: hundred_megabytes)
    accept(ionosphere, b"right", endless)
    with pytest.raises(DataError, match="5 bytes expected"):
        _fetch.fetch(ionosphere.DATA)
    assert server.sent < 20e6  # what the sockets took before they were closed
    assert files_in_cache() == []


def test_a_cache_that_cannot_be_written_is_a_reason(
    monkeypatch, tmp_path, accept, server
):
    (tmp_path / "file").write_bytes(b"")
    monkeypatch.setattr(_fetch, "cache_folder", lambda: tmp_path / "file")
    accept(ionosphere, b"right", server.serve("/a", b"right"))
    assert "cannot be written" in _fetch.fetch(ionosphere.DATA).reason


def test_an_unreachable_host_is_tried_once(monkeypatch):
    tried = []

    def get(address, **options):
        tried.append(address)
        assert options["timeout"] == (_fetch.CONNECT_SECONDS, _fetch.READ_SECONDS)
        raise requests.ConnectTimeout

    monkeypatch.setattr(requests, "get", get)
    for module in (brussels_daily, pima_diabetes, rio_daily):
        reason = _fetch.fetch(module.DATA).reason
        assert "raw.githubusercontent.com could not" in reason
    assert len(tried) == 1


TWO_AT_ONCE = """
import sys
from dataclasses import replace
from pathlib import Path
from companion.datasets import _fetch, cifar10
address, digest, size, cache = sys.argv[1:]
form = _fetch.Form("climate/one", int(size), digest, address)
_fetch.cache_folder = lambda: Path(cache)
print(_fetch.fetch(replace(cifar10.DATA, files=((form,),))).sha256)
"""


def test_two_processes_may_download_at_once(cache, server, files_in_cache):
    contents, both_began = os.urandom(1 << 20), threading.Barrier(2, timeout=60)

    def pieces():
        yield contents[:1000]
        both_began.wait()
        yield contents[1000:]

    digest = hashlib.sha256(contents).hexdigest()
    address = server.stream("/a", pieces)
    size, where = str(len(contents)), str(cache)
    command = [sys.executable, "-c", TWO_AT_ONCE, address, digest, size, where]
    both = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in "12"]
    assert [process.communicate()[0].strip() for process in both] == [digest, digest]
    assert files_in_cache() == ["one"]
