"""What a run used: data, library modules, versions, device, threads and seconds.

Data sets note here where they came from; the page shows it, claims and the builder
read it. This module imports no data set.
"""

import contextlib
import datetime
import platform
import subprocess
import sys
import time
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

from companion import scale, tensors

MIME = "application/vnd.companion.provenance+json"
STAND_IN_MIME = "application/vnd.companion.standin+json"
VERSIONED = ("numpy", "scipy", "scikit-learn", "torch", "matplotlib", "sympy")
_sources: dict[str, "Source"] = {}
_started = time.perf_counter()


@dataclass(frozen=True)
class Source:
    """Where a data set came from.

    Attributes
    ----------
    name : str
        The data set's name, such as ``"mnist"``.
    origin : str
        ``"COMPANION_DATA"``, ``"cache"``, ``"download"``, several of them joined by
        ``" + "``, ``"own file"``, ``"stand-in"``, ``"typed"`` or ``"formula"``.
    sha256 : str or None
        Checksum of the file, or of the checksums of several files; None without files.
    paths : tuple of Path
        The files.
    reason : str or None
        With a stand-in: the sentence that says why the real data could not be had.
    """

    name: str
    origin: str
    sha256: str | None = None
    paths: tuple[Path, ...] = ()
    reason: str | None = None

    @property
    def path(self) -> Path | None:
        """The file, the first of several, or None."""
        return self.paths[0] if self.paths else None


def start_clock() -> None:
    """Start the clock of a page."""
    global _started
    _started = time.perf_counter()


def note_data(source: Source) -> None:
    """Remember where a data set came from; the latest source of a name counts."""
    _sources[source.name] = source


def data() -> list[Source]:
    """Return the sources of all data sets that this process has loaded."""
    return list(_sources.values())


def stand_ins() -> list[str]:
    """Return the names of the data sets that this process got as stand-ins."""
    return [source.name for source in data() if source.origin == "stand-in"]


def foreign_data() -> list[str]:
    """Return the data that is not the book's: stand-ins, and a reader's own files."""
    own = [source.name for source in data() if source.origin == "own file"]
    return [f"stand-in data: {name}" for name in stand_ins()] + [
        f"own file: {name}" for name in own
    ]


def modules() -> list[str]:
    """Return the modules of this library that the process has loaded."""
    return sorted(name for name in sys.modules if name.split(".")[0] == "companion")


def facts() -> dict[str, str]:
    """Return with what this page is being run, each fact as text."""
    versions = ", ".join(f"{name} {metadata.version(name)}" for name in VERSIONED)
    return {
        "date": datetime.date.today().isoformat(),
        "device": device_name(),
        "seconds": f"{time.perf_counter() - _started:.1f}",
        "commit": commit(),
        "scale": scale.current(),
        "Python": f"{sys.version.split()[0]} on {platform.system()}",
        "libraries": versions,
        "threads": str(scale.threads()),
        "data": "; ".join(_describe(source) for source in data()) or "none",
    }


def emitted() -> dict[str, Any]:
    """Return what a page hands to the builder, as plain JSON.

    Returns
    -------
    dict
        `facts`, with "modules" (list of str, see `modules`) and "sources"
        ({data set: sha256, or origin where there is no file}), which the builder
        compares with what the page's key was made of.
    """
    sources = {s.name: s.sha256 or s.origin for s in data()}
    return {**facts(), "modules": modules(), "sources": sources}


def _describe(source: Source) -> str:
    digest = f" (sha256 {source.sha256[:12]})" if source.sha256 else ""
    return f"{source.name}: {source.origin}{digest}"


def device_name() -> str:
    """Return the name of the device that PyTorch computes on, CPU without PyTorch."""
    torch = tensors.loaded()
    return (
        torch.cuda.get_device_name(0) if torch and torch.cuda.is_available() else "CPU"
    )


def commit() -> str:
    """Return the commit of the checkout, or the library's version outside of one."""
    root = Path(__file__).parents[2]
    describe = ["git", "describe", "--always", "--dirty", "--abbrev=10"]
    # An installed copy may lie in the environment of somebody else's repository.
    if (root / "src" / "companion").is_dir():
        with contextlib.suppress(OSError):
            run = subprocess.run(describe, cwd=root, capture_output=True, text=True)
            if run.returncode == 0:
                return f"commit {run.stdout.strip()}"
    return f"version {metadata.version('derive-train-plot')}"
