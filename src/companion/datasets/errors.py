"""What can be wrong with data, each said in one sentence."""

from companion.errors import PlainError


class DataError(PlainError, RuntimeError):
    """A data set cannot be used."""


class DataMissing(DataError):
    """A data set can be had nowhere, and no stand-in is wanted."""


class DataCorrupt(DataError):
    """A file is there and cannot be used: truncated, altered or unreadable."""
