"""What runs the pages and makes the site."""


class BookError(Exception):
    """What keeps a book from being built, in one sentence."""

    status = 2


class Busy(BookError):
    """Another build is at work in the same folder."""

    status = 1
