"""Readers of file formats, which refuse what is not exactly the expected data.

Archives are read member by member, and nothing is unpacked to a path that an archive
names. Every failure is a `DataCorrupt` that names the file.
"""

import csv
import gzip
import io
import lzma
import math
import pickle
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import Element, ParseError

import defusedxml.ElementTree
import numpy as np
from defusedxml.common import DefusedXmlException
from numpy.typing import NDArray

from companion.datasets.errors import DataCorrupt

_DAMAGE = (
    EOFError,
    OSError,
    lzma.LZMAError,
    tarfile.TarError,
    zipfile.BadZipFile,
    zlib.error,
)
_IDX_BYTES = b"\0\0\x08"
_PICKLE_NAMES = {
    "_reconstruct": np.empty(0).__reduce__()[0],
    "ndarray": np.ndarray,
    "dtype": np.dtype,
}
_PICKLE_MODULES = {"numpy", "numpy.core.multiarray", "numpy._core.multiarray"}


@contextmanager
def reading(path: Path) -> Iterator[None]:
    """Turn an error of reading or unpacking `path` into one clear sentence.

    Raises
    ------
    DataCorrupt
        If the file cannot be read or unpacked.
    """
    try:
        yield
    except _DAMAGE as error:
        detail = getattr(error, "strerror", None) or str(error) or "it ends too early"
        raise DataCorrupt(f"{path} cannot be read: {detail}.") from error


def read(path: Path, member: str | None = None) -> bytes:
    """Return the unpacked contents of a file.

    Parameters
    ----------
    path : Path
        A plain file, ``.gz``, ``.zip``, or ``.tgz``.
    member : str, optional
        Base name of the file wanted from an archive.

    Raises
    ------
    DataCorrupt
        If the file cannot be read or unpacked, or lacks the member.
    """
    with reading(path):
        if path.suffix == ".gz":
            return gzip.decompress(path.read_bytes())
        if path.suffix == ".zip":
            return _from_zip(path, member)
        if path.suffix == ".tgz":
            return next(contents for _, contents in tar_members(path, {member}))
        return path.read_bytes()


def _from_zip(path: Path, member: str | None) -> bytes:
    with zipfile.ZipFile(path) as archive:
        for info in archive.infolist():
            if _base_name(info.filename) == member:
                return archive.read(info)
    raise DataCorrupt(f"{path} lacks the file {member}.")


def tar_members(path: Path, wanted: set[Any]) -> Iterator[tuple[str, bytes]]:
    """Yield base name and contents of the wanted members of a tar archive.

    Raises
    ------
    DataCorrupt
        If the archive is damaged or a wanted member is missing.
    """
    missing = set(wanted)
    with reading(path), tarfile.open(path, "r|*") as archive:
        for info in archive:
            name = _base_name(info.name)
            contents = archive.extractfile(info) if name in missing else None
            if contents is not None:
                missing.remove(name)
                yield name, contents.read()
    if missing:
        raise DataCorrupt(f"{path} lacks {', '.join(sorted(missing))}.")


def _base_name(name: str) -> str:
    return name.rsplit("/", 1)[-1]


def idx(path: Path) -> NDArray[np.uint8]:
    """Return the array of a gzipped idx file of bytes (MNIST's format).

    Raises
    ------
    DataCorrupt
        If the header or the length is not that of an idx file.
    """
    raw = read(path)
    start = 4 + 4 * raw[3] if len(raw) > 3 else 4
    if len(raw) < start or raw[:3] != _IDX_BYTES:
        raise DataCorrupt(f"{path} is no idx file: it begins with {raw[:4]!r}.")
    shape = struct.unpack_from(f">{raw[3]}I", raw, 4)
    values = np.frombuffer(raw, np.uint8, offset=start)
    if values.size != math.prod(shape):
        raise DataCorrupt(
            f"{path} announces shape {shape} and holds {values.size} values."
        )
    return values.reshape(shape).copy()  # a view of bytes could not be written to


class _ArrayUnpickler(pickle.Unpickler):
    """Unpickler that builds NumPy arrays and refuses every other object."""

    def find_class(self, module: str, name: str) -> Any:
        """Return one of the three functions that an array's pickle calls."""
        if module in _PICKLE_MODULES and name in _PICKLE_NAMES:
            return _PICKLE_NAMES[name]
        raise pickle.UnpicklingError(f"it asks for {module}.{name}")


def unpickle_arrays(raw: bytes, path: Path) -> Any:
    """Return a pickle's contents: built-in types and NumPy arrays, nothing else.

    Parameters
    ----------
    raw : bytes
        A pickle, of Python 2 (strings come as bytes) or 3.
    path : Path
        The file it comes from, for messages.

    Raises
    ------
    DataCorrupt
        If the pickle is damaged or asks for any other class or function.
    """
    try:
        return _ArrayUnpickler(io.BytesIO(raw), encoding="bytes").load()
    except Exception as error:  # a damaged pickle can raise nearly anything
        raise DataCorrupt(f"{path} holds a pickle that is refused: {error}.") from error


def comma_table(path: Path, columns: int, member: str | None = None) -> list[list[str]]:
    """Return the rows of a comma-separated file, each with the same columns.

    Raises
    ------
    DataCorrupt
        If the file cannot be read, or a row has another number of columns.
    """
    return table(path, csv.reader(io.StringIO(text(path, member))), columns)


def table(path: Path, rows: Iterable[list[str]], columns: int) -> list[list[str]]:
    """Return rows that are not empty, each with the same columns.

    Raises
    ------
    DataCorrupt
        If a row has another number of columns.
    """
    kept = [row for row in rows if row]
    for number, row in enumerate(kept, start=1):
        if len(row) != columns:
            raise DataCorrupt(
                f"{path}, row {number}: {columns} columns expected, {len(row)} found."
            )
    return kept


def numbers(path: Path, rows: list[list[str]]) -> NDArray[np.float64]:
    """Return rows of text as numbers; an empty field becomes NaN.

    Raises
    ------
    DataCorrupt
        If a field is no number.
    """
    try:
        return np.array([[float(field or "nan") for field in row] for row in rows])
    except ValueError as error:
        raise DataCorrupt(f"{path} holds a field that is no number: {error}.") from None


def text(path: Path, member: str | None = None) -> str:
    """Return the unpacked contents of a file as UTF-8 text.

    Raises
    ------
    DataCorrupt
        If the file cannot be read, or is no UTF-8 text.
    """
    try:
        return read(path, member).decode("utf-8")
    except UnicodeDecodeError as error:
        raise DataCorrupt(f"{path} is no UTF-8 text: {error.reason}.") from error


def xml(path: Path) -> Element:
    """Return the root of an XML file; document types and entities are refused.

    Raises
    ------
    DataCorrupt
        If the file is no well-formed XML or declares a document type.
    """
    try:
        root: Element = defusedxml.ElementTree.fromstring(read(path), forbid_dtd=True)
    except (ParseError, DefusedXmlException, LookupError, ValueError) as error:
        raise DataCorrupt(f"{path} is no acceptable XML: {error}.") from error
    return root


def xml_text(path: Path, root: Element, tag: str) -> str:
    """Return the text of the first element of that name, in any namespace.

    Raises
    ------
    DataCorrupt
        If there is no such element or it is empty.
    """
    for element in root.iter():
        if isinstance(element.tag, str) and element.tag.rsplit("}", 1)[-1] == tag:
            return (element.text or "").strip()
    raise DataCorrupt(f"{path} has no element <{tag}>.")
