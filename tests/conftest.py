"""What several test modules share."""

import os

import pytest
from hypothesis import settings

os.environ["COMPANION_BOOK"] = "1"
os.environ.setdefault("OMP_NUM_THREADS", "1")

pytest_plugins = ["tests.site.built"]

# A busy machine is slow, and not wrong.
settings.register_profile("book", deadline=None)
settings.load_profile("book")


@pytest.fixture
def displayed(monkeypatch):
    """Collect what is displayed: a list of MIME bundles."""
    from companion import page

    bundles: list[dict] = []

    def collect(data, raw=False):
        bundles.append(data if raw else {"text/markdown": data.data})

    monkeypatch.setattr(page, "display", collect)
    return bundles


@pytest.fixture
def at_scale(monkeypatch):
    """Set the scale for one test."""
    return lambda scale: monkeypatch.setenv("COMPANION_SCALE", scale)
