"""Readers of file formats, for files whose checksum has been found right.

Archives are read member by member; nothing is unpacked to a path that an archive names.
"""

import gzip
import io
import pickle
import struct
import tarfile
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from companion.datasets import Images

ARRAY_PARTS = {
    "_reconstruct": np.empty(0).__reduce__()[0],
    "ndarray": np.ndarray,
    "dtype": np.dtype,
}


def lines(path: Path, member: str = "") -> list[str]:
    """Return the lines of a text file, plain, ``.gz``, or `member` of an archive.

    NumPy's and the csv module's readers take them.
    """
    raw = path.read_bytes()
    if path.suffix == ".gz":
        raw = gzip.decompress(raw)
    elif path.suffix == ".zip":
        raw = _from_zip(path, member)
    elif path.suffix == ".tgz":
        raw = dict(tar_members(path))[member]
    return raw.decode().splitlines()


def _from_zip(path: Path, member: str) -> bytes:
    with zipfile.ZipFile(path) as archive:
        names = archive.namelist()
        return archive.read(next(n for n in names if Path(n).name == member))


def tar_members(path: Path) -> Iterator[tuple[str, bytes]]:
    """Yield base name and contents of the files in a tar archive."""
    with tarfile.open(path, "r|*") as archive:
        for info in archive:
            if info.isfile():
                contents: Any = archive.extractfile(info)
                yield Path(info.name).name, contents.read()


def idx(path: Path) -> Images:
    """Return the array of a gzipped idx file of bytes (MNIST's format).

    Four bytes (the last: number of axes), each axis's length in four, the values.
    """
    raw = gzip.decompress(path.read_bytes())
    shape = struct.unpack_from(f">{raw[3]}I", raw, 4)
    values = np.frombuffer(raw, np.uint8, offset=4 + 4 * raw[3])
    return values.reshape(shape).copy()  # a view of bytes could not be written to


class _ArrayUnpickler(pickle.Unpickler):
    """Unpickler that builds NumPy arrays and refuses every other object."""

    def find_class(self, module: str, name: str) -> Any:
        """Return one of the three functions that an array's pickle calls."""
        if name not in ARRAY_PARTS:
            raise pickle.UnpicklingError(f"The pickle asks for {module}.{name}.")
        return ARRAY_PARTS[name]


def unpickle_arrays(raw: bytes) -> Any:
    """Return a pickle's built-in types and NumPy arrays; all else is refused.

    A pickle of Python 2 gives its strings as bytes.
    """
    return _ArrayUnpickler(io.BytesIO(raw), encoding="bytes").load()
