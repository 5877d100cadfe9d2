"""Finds the files of a data set, or serves its stand-in.

A file is looked for in the folder named by ``COMPANION_DATA``, in the user's cache, and
at its addresses. One that is there is used only if its checksum is right.

The download is our own, for pooch replaces a file whose checksum is wrong, takes one
address per file, and limits neither the size nor the time of a whole download.
"""

import hashlib
import os
import stat
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar
from urllib.parse import urlsplit

import platformdirs
import requests
from IPython import get_ipython
from IPython.display import display
from tqdm import tqdm
from urllib3.exceptions import HTTPError

from companion import cards, provenance
from companion.datasets import DataError
from companion.provenance import STAND_IN_MIME, Source

CONNECT_SECONDS = 10
READ_SECONDS = 30
SLOWEST_BYTES_PER_SECOND = 100_000
CHUNK = 1 << 16
unreachable_hosts: set[str] = set()
T = TypeVar("T")


@dataclass(frozen=True)
class Form:
    """One accepted form of a file."""

    path: str  # below COMPANION_DATA or the cache
    bytes: int
    sha256: str
    address: str = ""  # where it can be downloaded, if anywhere


@dataclass(frozen=True)
class DataSet:
    """What there is to know of a data set."""

    name: str
    title: str
    description: str
    shape: str
    licence: str
    citation: str
    stand_in: str  # what replaces it when it can be had nowhere
    files: tuple[tuple[Form, ...], ...]  # all are needed, each in any one form

    def __str__(self) -> str:
        return (
            f"{self.title}\n\n{self.description}\nShape: {self.shape}."
            f"\nLicence: {self.licence}.\nCitation: {self.citation}."
        )


class StandInWarning(UserWarning):
    """A stand-in is served instead of real data."""


class Absent(Exception):
    """A file can be had nowhere; the message says why."""


# --- serving ---------------------------------------------------------------------


def serve(data_set: DataSet, read: Callable[..., T], stand_in: Callable[[], T]) -> T:
    """Return what `read` makes of the files, or the stand-in where there are none.

    Raises
    ------
    DataError
        If a file is altered or unreadable, or absent with ``COMPANION_STRICT=1``.
    """
    source = fetch(data_set)
    if source.origin != "stand-in":
        data = read(*source.paths)
    elif os.environ.get("COMPANION_STRICT") == "1":
        raise DataError(f"{source.reason} {_remedy(data_set)}")
    else:
        data = stand_in()
        _announce(data_set, source.reason or "")
    provenance.note_data(source)
    return data


def _announce(data_set: DataSet, reason: str) -> None:
    """Show a banner in a notebook; warn elsewhere.

    Nothing goes to the standard error of a notebook, where the book takes any text for
    a failure.
    """
    title, stand_in, remedy = data_set.title, data_set.stand_in, _remedy(data_set)
    plain = f"Stand-in data for {title}: {stand_in}. {reason} {remedy}"
    if getattr(get_ipython(), "kernel", None) is None:
        warnings.warn(plain, StandInWarning, stacklevel=4)
        return
    html = cards.banner(title=title, stand_in=stand_in, reason=reason, remedy=remedy)
    facts = {"name": data_set.name, "reason": reason}
    bundle = {"text/html": html, "text/plain": plain, STAND_IN_MIME: facts}
    display(bundle, raw=True)


def _remedy(data_set: DataSet) -> str:
    """Return a sentence that says how to get the real data."""
    wanted = ", ".join(forms[0].path for forms in data_set.files)
    address = next(form.address for form in data_set.files[0] if form.address)
    return (
        f"Run again with a network connection (it comes from {address}), or put"
        f" {wanted} into a folder and name that folder in COMPANION_DATA."
    )


# --- finding ---------------------------------------------------------------------


def fetch(data_set: DataSet) -> Source:
    """Make sure of the files of a data set, with a download if needed.

    Returns
    -------
    Source
        Its origin is ``"stand-in"``, with the reason, where a file can be had nowhere.

    Raises
    ------
    DataError
        If a file is there and is truncated, altered or unreadable, or if
        ``COMPANION_DATA`` names no folder.
    """
    try:
        found = [_find(forms) for forms in data_set.files]
    except Absent as absence:
        return Source(data_set.name, "stand-in", reason=str(absence))
    origins, paths, sums = zip(*found, strict=True)
    total = hashlib.sha256("".join(sums).encode()).hexdigest()
    digest = total if len(sums) > 1 else sums[0]
    return Source(data_set.name, " + ".join(dict.fromkeys(origins)), digest, paths)


def _find(forms: tuple[Form, ...]) -> tuple[str, Path, str]:
    """Return origin, path and checksum of a file that has been checked."""
    places = {"COMPANION_DATA": data_folder(), "cache": cache_folder()}
    for origin, folder in places.items():
        for form in forms:
            if folder and _is_there(folder / form.path, form):
                return origin, folder / form.path, form.sha256
    return "download", *_download(forms)


def cache_folder() -> Path:
    """Return the user's cache for this project's data."""
    return Path(platformdirs.user_cache_dir("derive-train-plot"))


def data_folder() -> Path | None:
    """Return the folder that ``COMPANION_DATA`` names, if it is set."""
    named, here = os.environ.get("COMPANION_DATA"), Path.cwd()
    if not named:
        return None
    # A kernel starts in its notebook's folder: a relative name may count from above it.
    for above in (here, *here.parents):
        if (folder := above / os.path.expanduser(named)).is_dir():
            return folder
    raise DataError(
        f"COMPANION_DATA names {named}, which is no folder (seen from {here} and"
        " above): correct or unset it."
    )


def _is_there(path: Path, form: Form) -> bool:
    """Tell whether a file is there; what is there must be the right file."""
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            raise DataError(f"{path} should be a file and is not: move it away.")
        wrong = _difference(path, form)
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror}.") from error
    if wrong:
        source = f" (as at {form.address})" if form.address else ""
        raise DataError(
            f"{path} is truncated or altered: {wrong}; move it away or put the right"
            f" file there{source}, then run again."
        )
    return True


def _difference(path: Path, form: Form) -> str | None:
    """Say how a file differs from what it should be; None if it does not."""
    page = "; it is a web page" if _is_web_page(path) else ""
    if (size := path.stat().st_size) != form.bytes:
        return f"{form.bytes} bytes expected, {size} found{page}"
    if (digest := sha256(path)) != form.sha256:
        return f"sha256 {form.sha256} expected, {digest} found{page}"
    return None


def sha256(path: Path) -> str:
    """Return the checksum of a file."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _is_web_page(path: Path) -> bool:
    with path.open("rb") as stream:
        start = stream.read(512).lstrip().lower()
    return start.startswith((b"<!doctype html", b"<html"))


# --- download --------------------------------------------------------------------


def _download(forms: tuple[Form, ...]) -> tuple[Path, str]:
    """Download the first form that an address gives, into the cache."""
    failures, altered = [], []
    for form in forms:
        try:
            return _download_form(form), form.sha256
        except Absent as absence:
            failures.append(str(absence))
        except DataError as error:
            altered.append(str(error))
    if altered:
        raise DataError(" ".join(altered))
    name, named = Path(forms[0].path).name, os.environ.get("COMPANION_DATA")
    looked = f"COMPANION_DATA is not set, {name} is not in the cache"
    if named:
        looked = f"{name} is neither in {named} (COMPANION_DATA) nor in the cache"
    raise Absent(f"{looked}, and {'; '.join(filter(None, failures))}.")


def _download_form(form: Form) -> Path:
    if not form.address:
        raise Absent
    target = cache_folder() / form.path
    seconds = READ_SECONDS + form.bytes / SLOWEST_BYTES_PER_SECOND
    deadline = time.monotonic() + seconds
    try:
        with _open(form.address) as response, new_file(target) as part:
            _transfer(response, form, part, deadline)
            _check(form, part)
    except OSError as error:
        what = f"the cache {target.parent} cannot be written ({error.strerror})"
        raise Absent(what) from error
    return target


@contextmanager
def new_file(target: Path) -> Iterator[Path]:
    """Give a path whose file takes the place of `target` when it is finished.

    Two processes may do so at once; an interruption leaves no file.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".part-", dir=target.parent) as folder:
        part = Path(folder) / target.name
        yield part
        part.replace(target)


def _open(address: str) -> requests.Response:
    """Open an address; a host that cannot be reached is not tried again."""
    host, timeout = urlsplit(address).netloc, (CONNECT_SECONDS, READ_SECONDS)
    if host in unreachable_hosts:
        raise Absent(f"{host} could not be reached")
    plain = {"Accept-Encoding": "identity"}
    try:
        response = requests.get(address, stream=True, timeout=timeout, headers=plain)
    except requests.RequestException as error:
        unreachable_hosts.add(host)
        raise Absent(f"{host} could not be reached") from error
    if response.status_code != requests.codes.ok:
        response.close()
        raise Absent(f"{address} has gone (HTTP status {response.status_code})")
    return response


def _transfer(
    response: requests.Response, form: Form, part: Path, deadline: float
) -> None:
    """Write what an address gives to a file, within the size and time that it may take.

    read1 returns what has come; read would wait for a whole chunk, however slow.
    """
    # With disable=None, only a person at a terminal sees the bar.
    bar = tqdm(
        desc=part.name, total=form.bytes, unit="B", unit_scale=True, disable=None
    )
    try:
        with part.open("wb") as stream, bar:
            while stream.tell() <= form.bytes and (chunk := response.raw.read1(CHUNK)):
                bar.update(stream.write(chunk))
                if time.monotonic() > deadline:
                    raise Absent(f"the download from {form.address} was too slow")
    except HTTPError as error:
        raise Absent(f"the download from {form.address} broke off") from error


def _check(form: Form, part: Path) -> None:
    """Refuse what an address gave instead of the file."""
    if _is_web_page(part):
        raise Absent(f"{form.address} gave a web page instead of the file")
    if wrong := _difference(part, form):
        raise DataError(
            f"{form.address} gave a truncated or altered file: {wrong}; nothing is"
            " stored."
        )
