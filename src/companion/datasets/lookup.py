"""Finds the files of a data set: a folder, the user's cache, or a download.

Look-up goes through the folder named by ``COMPANION_DATA``, the user's cache, and the
registry's addresses. A file that is there is used only if its checksum is right, and is
never replaced or deleted.
"""

import hashlib
import os
import stat
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import NoReturn
from urllib.parse import urlsplit

import platformdirs
import requests
from tqdm import tqdm

from companion.datasets import formats
from companion.datasets.errors import DataCorrupt, DataMissing
from companion.datasets.registry import DataFile, DataSet, Form, registry
from companion.provenance import Source

CONNECT_SECONDS = 10
READ_SECONDS = 30
SLOWEST_BYTES_PER_SECOND = 100_000
_CHUNK = 1 << 16
_unreachable: set[str] = set()


class _Absent(Exception):
    """A file can be had nowhere; the message says why."""


def fetch(name: str) -> Source:
    """Make sure of the files of a data set, with a download if needed.

    Parameters
    ----------
    name : str
        Name in the registry.

    Returns
    -------
    Source
        Its origin is ``"stand-in"``, with the reason, where a file can be had nowhere.

    Raises
    ------
    KeyError
        If the registry has no such name.
    DataCorrupt
        If a file is there and is truncated, altered or unreadable.
    DataMissing
        If ``COMPANION_DATA`` names no folder.
    """
    data_set = registry()[name]
    if not data_set.files:
        return Source(name, data_set.origin or "formula")
    try:
        found = [_find(file) for file in data_set.files]
    except _Absent as absence:
        return Source(name, "stand-in", reason=str(absence))
    paths = tuple(path for _, path in found)
    origins = " + ".join(dict.fromkeys(origin for origin, _ in found))
    return Source(name, origins, combined_sha256(paths), paths)


def how_to_get(data_set: DataSet) -> str:
    """Return a sentence that says how to get the real data."""
    wanted = [file.forms[0].path for file in data_set.files]
    forms = [form for file in data_set.files for form in file.forms]
    address = next(a for form in forms for a in form.addresses)
    return (
        f"Run again with a network connection (it comes from {address}), or put"
        f" {', '.join(wanted)} into a folder and name that folder in COMPANION_DATA."
    )


def cache_folder() -> Path:
    """Return the user's cache for this project's data."""
    return Path(platformdirs.user_cache_dir("derive-train-plot"))


def data_folder() -> Path | None:
    """Return the folder named by ``COMPANION_DATA``, or None if none is named.

    Raises
    ------
    DataMissing
        If it names something that is no folder.
    """
    named = os.environ.get("COMPANION_DATA")
    if not named:
        return None
    folder = Path(named).expanduser()
    if not folder.is_dir():
        raise DataMissing(
            f"COMPANION_DATA names {folder}, which is no folder: correct or unset it."
        )
    return folder


def _find(file: DataFile) -> tuple[str, Path]:
    """Return origin and path of a file that has been checked."""
    for origin, folder in _places():
        for form in file.forms:
            path = folder / form.path
            if _exists(path):
                verify(path, form)
                return origin, path
    return "download", _download(file)


def _places() -> Iterator[tuple[str, Path]]:
    folder = data_folder()
    if folder is not None:
        yield "COMPANION_DATA", folder
    yield "cache", cache_folder()


def _exists(path: Path) -> bool:
    try:
        mode = path.stat().st_mode
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError as error:
        raise DataCorrupt(f"{path} cannot be read: {error.strerror}.") from error
    if not stat.S_ISREG(mode):
        raise DataCorrupt(f"{path} should be a file and is not: move it away.")
    return True


# --- checksums -------------------------------------------------------------------


def combined_sha256(paths: tuple[Path, ...]) -> str:
    """Return the checksum of one file, or of the checksums of several."""
    sums = [sha256(path) for path in paths]
    if len(sums) == 1:
        return sums[0]
    return hashlib.sha256("".join(sums).encode()).hexdigest()


def sha256(path: Path) -> str:
    """Return the checksum of a file, remembered while the file stays the same."""
    with formats.reading(path):
        facts = path.stat()
        return _sha256(path, facts.st_size, facts.st_mtime_ns)


@lru_cache(maxsize=64)
def _sha256(path: Path, size: int, mtime_ns: int) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def difference(path: Path, form: Form) -> str | None:
    """Say how a file differs from what it should be; None if it does not.

    Raises
    ------
    DataCorrupt
        If it cannot be read.
    """
    with formats.reading(path):
        size = path.stat().st_size
        page = "; it is a web page" if _is_web_page(path) else ""
    if form.bytes not in (None, size):
        return f"{form.bytes} bytes expected, {size} found{page}"
    if (digest := sha256(path)) != form.sha256:
        return f"sha256 {form.sha256} expected, {digest} found{page}"
    return None


def verify(path: Path, form: Form) -> None:
    """Check size and checksum of a file.

    Raises
    ------
    DataCorrupt
        If it is unreadable, truncated or altered.
    """
    if found := difference(path, form):
        source = f" (as at {form.addresses[0]})" if form.addresses else ""
        raise DataCorrupt(
            f"{path} is truncated or altered: {found}; move it away or put the right"
            f" file there{source}, then run again."
        )


def _is_web_page(path: Path) -> bool:
    with path.open("rb") as stream:
        start = stream.read(512).lstrip().lower()
    return start.startswith((b"<!doctype html", b"<html"))


# --- download --------------------------------------------------------------------


def _download(file: DataFile) -> Path:
    """Download the first form that an address gives, into the cache."""
    failures: list[str] = []
    altered: list[str] = []
    for form in file.forms:
        for address in form.addresses:
            try:
                return _download_from(address, form)
            except _Absent as absence:
                failures.append(str(absence))
            except DataCorrupt as corrupt:
                altered.append(str(corrupt))
    if altered:
        raise DataCorrupt(" ".join(altered))
    raise _Absent(_why_absent(file, failures))


def _why_absent(file: DataFile, failures: list[str]) -> str:
    name = file.forms[0].file_name
    named = os.environ.get("COMPANION_DATA")
    if named:
        looked = f"{name} is neither in {named} (COMPANION_DATA) nor in the cache"
    else:
        looked = f"COMPANION_DATA is not set, {name} is not in the cache"
    return f"{looked}, and {'; '.join(failures) or 'no address is known'}."


def _download_from(address: str, form: Form) -> Path:
    """Download to a file beside the target, check it, then move it into place.

    Two processes may do so at once; an interruption leaves no file.
    """
    target = cache_folder() / form.path
    with _open(address) as response, _file_beside(target) as part:
        _transfer(response, form, part)
        if _is_web_page(part):
            raise _Absent(f"{address} gave a web page instead of the file")
        if found := difference(part, form):
            raise DataCorrupt(
                f"{address} gave a truncated or altered file: {found}; nothing is kept."
            )
        part.replace(target)
    return target


@contextmanager
def _file_beside(target: Path) -> Iterator[Path]:
    """Give a new file in the target's folder, which is gone afterwards."""
    part = None
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(".part", f".{target.name}-", target.parent)
        os.close(handle)
        part = Path(name)
        yield part
    except OSError as error:
        what = f"the cache {target.parent} cannot be written ({error.strerror})"
        raise _Absent(what) from error
    finally:
        if part is not None:
            part.unlink(missing_ok=True)


def _transfer(response: requests.Response, form: Form, part: Path) -> None:
    """Write what an address gives to a file."""
    size = form.bytes or int(response.headers.get("Content-Length", 0))
    deadline = time.monotonic() + READ_SECONDS + size / SLOWEST_BYTES_PER_SECOND
    try:
        with part.open("wb") as stream, _progress(form.file_name, size) as bar:
            for chunk in response.iter_content(_CHUNK):
                stream.write(chunk)
                bar.update(len(chunk))
                if time.monotonic() > deadline:
                    raise _Absent(f"the download from {response.url} was too slow")
    except requests.RequestException as error:
        raise _Absent(f"the download from {response.url} broke off") from error


def _open(address: str) -> requests.Response:
    """Open an address; a host that cannot be reached is not tried again."""
    host = urlsplit(address).netloc
    if host in _unreachable:
        raise _Absent(f"{host} could not be reached")
    try:
        response = requests.get(
            address,
            stream=True,
            timeout=(CONNECT_SECONDS, READ_SECONDS),
            headers={"Accept-Encoding": "identity"},
        )
    except requests.RequestException as error:
        _unreachable.add(host)
        raise _Absent(f"{host} could not be reached") from error
    if response.status_code != requests.codes.ok:
        response.close()
        raise _Absent(f"{address} has gone (HTTP status {response.status_code})")
    return response


def _progress(what: str, size: int) -> "tqdm[NoReturn]":
    """Return a progress bar that only a person at a terminal sees."""
    return tqdm(
        desc=what,
        total=size or None,
        unit="B",
        unit_scale=True,
        disable=not sys.stderr.isatty(),
    )
