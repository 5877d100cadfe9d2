"""Errors that say in one sentence what is wrong, where, and what to do."""


class PlainError(Exception):
    """An error whose sentence says all: a notebook shows it without coloured frames.

    Outside of IPython, and for `raise ... from`, it is an error like any other.
    """

    def _render_traceback_(self) -> list[str]:
        """Return what IPython prints in place of the traceback."""
        return [f"{type(self).__name__}: {self}"]


class PlainValueError(PlainError, ValueError):
    """A setting, file or argument that cannot be used."""


class PageNotStarted(PlainError, RuntimeError):
    """A function that goes by the page's name was called before `page.start`."""
