"""Build the book: run all pages in parallel into the cache, then render the site.

python -m builder.build                   all of it: `make book`
python -m builder.build --execute-only    run the pages, do not render
python -m builder.build --pages sigmoid   only pages whose name contains a word
python -m builder.build --out DIR         render below DIR instead of _build
"""

import argparse
import datetime
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError

from builder.extensions.execution import Book, outputs
from companion import checks, claims, page, provenance, scale

ROOT = Path(__file__).resolve().parents[1]
TAG = re.compile(r"\\tag\{([^}]*)\}")


@dataclass
class Run:
    """How a page fared."""

    page: str
    seconds: float = 0.0
    cached: bool = False
    problems: list[str] = field(default_factory=list)


# -- running the pages -------------------------------------------------------------


class Pool:
    """Runs pages side by side, each in a kernel process of its own."""

    def __init__(self, book: Book, workers: int, timeout: int) -> None:
        self.book, self.workers, self.timeout = book, workers, timeout
        self.clients: list[NotebookClient] = []

    def run(self, names: list[str], done: int) -> list[Run]:
        """Run pages, after `done` that the cache had; a progress line for each."""
        runs: list[Run] = []
        with ThreadPoolExecutor(self.workers) as threads:
            futures = {threads.submit(self.execute, name): name for name in names}
            try:
                for future in as_completed(futures):
                    runs.append(self._keep(futures[future], future))
                    _progress(runs[-1], done + len(runs), done + len(names))
            except KeyboardInterrupt:
                self._stop(futures)
                raise
        return sorted(runs, key=lambda run: names.index(run.page))

    def execute(self, name: str) -> tuple[nbformat.NotebookNode, Run]:
        """Run one page in a kernel of its own."""
        # One string: two threads would mix a text and its line end.
        print(f"  running {_short(name)}\n", end="", flush=True)
        notebook = self.book.notebook(name)
        reached: list[int] = []
        client = NotebookClient(
            notebook,
            timeout=self.timeout,
            kernel_name="python3",
            # Timing would be written into cell metadata, which the cache's key covers.
            record_timing=False,
            extra_arguments=["--log-level=ERROR"],
            resources={"metadata": {"path": str(self.book.path(name).parent)}},
            on_cell_start=lambda cell, cell_index: reached.append(cell_index),
        )
        self.clients.append(client)
        began, problems = time.perf_counter(), []
        try:
            client.execute()
        except (CellExecutionError, CellTimeoutError, DeadKernelError) as error:
            problems.append(_where(notebook, reached, error))
        problems += _noise(notebook)
        return notebook, Run(name, time.perf_counter() - began, False, problems)

    def _keep(self, name: str, future: Future[Any]) -> Run:
        """Store a finished page at once: an interrupted build has it next time."""
        try:
            notebook, run = future.result()
        except Exception as error:
            return Run(name, problems=[f"{type(error).__name__}: {error}"])
        if not run.problems:
            self.book.store(name, notebook, run.seconds)
        return run

    def _stop(self, futures: dict[Future[Any], str]) -> None:
        for future in futures:
            future.cancel()
        for client in self.clients:
            process = getattr(client.km, "provisioner", None)
            if process is not None and process.pid:
                os.kill(process.pid, signal.SIGKILL)


def _where(nb: nbformat.NotebookNode, reached: list[int], error: Exception) -> str:
    """Say in which cell a page failed, with the traceback."""
    if not reached:
        return f"the kernel did not start: {error}"
    first_line = nb.cells[reached[-1]].source.strip().splitlines()[0]
    return f"cell {reached[-1] + 1} of {len(nb.cells)} ({first_line}):\n{error}"


def _noise(notebook: nbformat.NotebookNode) -> list[str]:
    """Return what cells wrote to stderr: a finished page is silent there."""
    return [
        f"a code cell printed on stderr:\n{output.text}"
        for cell in notebook.cells
        for output in cell.get("outputs", [])
        if output.output_type == "stream" and output.name == "stderr"
    ]


def _progress(run: Run, done: int, total: int) -> None:
    word = "FAILED" if run.problems else "cached" if run.cached else "ran"
    name = _short(run.page)
    print(f"  [{done}/{total}] {word:7}{name:40}{run.seconds:7.1f} s", flush=True)


def _short(name: str) -> str:
    return name.removeprefix("notebooks/")


def run_pages(book: Book, names: list[str], workers: int, timeout: int) -> list[Run]:
    """Run the named pages, or take them from the cache, and check what they report."""
    cached = [name for name in names if book.executed(name) is not None]
    runs = [Run(name, book.seconds(name), True) for name in cached]
    for done, run in enumerate(runs, 1):
        _progress(run, done, len(names))
    missing = [name for name in names if name not in cached]
    runs += Pool(book, workers, timeout).run(missing, len(cached))
    for run in runs:
        if not run.problems:
            run.problems += reporting_problems(book, run.page)
    return runs


# -- what a page must report ---------------------------------------------------------


def reporting_problems(book: Book, name: str) -> list[str]:
    """Return what is wrong with a page's claims, and with its equations' checks."""
    notebook = book.executed(name)
    if notebook is None:
        return ["what it depends on changed while it ran: build again"]
    return [
        *_claim_problems(book, name, outputs(notebook, claims.MIME)),
        *tag_problems(notebook),
        *_count_problems(notebook),
    ]


def _claim_problems(book: Book, name: str, reports: list[Any]) -> list[str]:
    wanted, found = set(book.claims(name)), Counter(r["claim"] for r in reports)
    problems = [f"claim '{id}' is not reported" for id in sorted(wanted - set(found))]
    problems += [
        f"claim '{id}' is reported {n} times" for id, n in found.items() if n > 1
    ]
    foreign = sorted(set(found) - wanted)
    return problems + [f"claim '{id}' belongs to another page" for id in foreign]


def tag_problems(notebook: nbformat.NotebookNode) -> list[str]:
    """Return the tagged equations without a check, and the checks without one."""
    tags = Counter(
        tag
        for cell in notebook.cells
        if cell.cell_type == "markdown"
        for tag in TAG.findall(cell.source)
    )
    shown = outputs(notebook, checks.MIME)
    single = [one for data in shown for one in data.get("group", [data])]
    checked = {data["tag"] for data in single} - {None}
    problems = [f"equation ({tag}) has no check" for tag in tags if tag not in checked]
    problems += [
        f"equation tag ({tag}) stands {n} times" for tag, n in tags.items() if n > 1
    ]
    return problems + [f"a check names equation ({tag}), which does not exist"
                       for tag in sorted(checked - set(tags))]  # fmt: skip


def _count_problems(notebook: nbformat.NotebookNode) -> list[str]:
    found = len(outputs(notebook, page.FINDING))
    return [] if found == 1 else [f"the page shows {found} findings, not one"]


# -- rendering -----------------------------------------------------------------------


def render(out: Path) -> int:
    """Render the site with warnings as errors; return the exit status."""
    marker = out / "_build" / "unfinished"
    if marker.exists():
        # After a failed or interrupted rendering Sphinx would call stale pages good.
        shutil.rmtree(out / "_build" / "html", ignore_errors=True)
        shutil.rmtree(out / "_build" / ".doctrees", ignore_errors=True)
    marker.parent.mkdir(parents=True, exist_ok=True)
    marker.touch()
    jupyter_book = "from jupyter_book.cli.main import main; main()"
    command = [sys.executable, "-c", jupyter_book, "build", str(ROOT)]
    command += ["--path-output", str(out), "-W", "--keep-going", "-q"]
    status = subprocess.run(command, cwd=ROOT).returncode
    if status == 0:
        marker.unlink()
    return status


# -- the recorded claims ---------------------------------------------------------------


def record(book: Book, names: list[str]) -> Path:
    """Write the claims of a strict build on real data to results/book.json."""
    today = datetime.date.today().isoformat()
    device = provenance.device_name()
    reports = [r for name in names for r in book.outputs(name, claims.MIME)]
    entries = {r["claim"]: {"date": today, "device": device, **r} for r in reports}
    versions = {k: v for n in names for k, v in _libraries(book, n).items()}
    path = ROOT / "results" / "book.json"
    text = json.dumps(
        {"versions": versions, "claims": entries}, indent=1, sort_keys=True
    )
    path.write_text(text + "\n", "utf-8")
    return path


def _libraries(book: Book, name: str) -> dict[str, str]:
    libraries: dict[str, str] = book.dependencies(name)["libraries"]
    return libraries


# -- the command -----------------------------------------------------------------------


def main() -> int:
    """Run the command line; return the exit status."""
    options = _options()
    try:
        scale.current()
    except ValueError as error:
        print(error)
        return 2
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    os.environ["COMPANION_BOOK"] = "1"
    os.environ["PYTHONPATH"] = os.pathsep.join(
        [str(ROOT / "src"), str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
    )
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    book = Book(ROOT, ROOT / "_build" / "cache", scale.current())
    names = [name for name in book.pages if any(w in name for w in options.pages)]
    print(f"Running {len(names)} pages at {book.scale} scale, {options.jobs} at a time")
    try:
        runs = run_pages(book, names, options.jobs, options.timeout)
    except KeyboardInterrupt:
        print("Interrupted. Finished pages are kept: build again to go on.")
        return 130
    if report_failures(runs):
        return 1
    _tell_stand_ins(book, runs)
    if os.environ.get("COMPANION_STRICT") == "1" and book.scale == "book":
        print(f"Recorded the claims in {record(book, names)}")
    return 0 if options.execute_only else _finish(options.out, runs)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--execute-only", action="store_true", help="do not render")
    parser.add_argument("--pages", nargs="*", default=[""], help="words in page names")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--timeout", type=int, default=600, help="seconds for a cell")
    parser.add_argument("--out", type=Path, default=ROOT, help="render below this")
    return parser.parse_args()


def report_failures(runs: list[Run]) -> bool:
    """Print every failing page with its problems; say whether there is any."""
    failed = [run for run in runs if run.problems]
    for run in failed:
        print(f"\n=== {run.page} failed ===")
        print("\n".join(run.problems))
    if failed:
        print(f"\nBuild failed: {len(failed)} of {len(runs)} pages:")
        print("\n".join(f"  {run.page}" for run in failed))
    return bool(failed)


def _tell_stand_ins(book: Book, runs: list[Run]) -> None:
    for run in runs:
        for entry in book.outputs(run.page, provenance.STAND_IN_MIME):
            print(f"Stand-in data on {run.page}: {entry['name']}. {entry['reason']}")


def _finish(out: Path, runs: list[Run]) -> int:
    print("Rendering the site, warnings as errors", flush=True)
    status = render(out.resolve())
    if status:
        print("Build failed: rendering gave warnings or errors, listed above.")
        return status
    slowest = sorted(runs, key=lambda run: -run.seconds)[:5]
    print("Slowest pages: " + ", ".join(f"{r.page} {r.seconds:.0f} s" for r in slowest))
    print(f"The site: {out.resolve() / '_build' / 'html' / 'index.html'}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
