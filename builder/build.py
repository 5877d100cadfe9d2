"""Build the book: run all pages in parallel into the cache, then render the site.

python -m builder.build                   all of it: `make book`
python -m builder.build --execute-only    run the pages, do not render
python -m builder.build --pages activation      run only pages whose name has a word
python -m builder.build --page activation-functions
                                          run one page and render it alone
python -m builder.build --out DIR         render below DIR instead of _build
"""

import argparse
import fcntl
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import jupytext
import nbformat
import yaml
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError

from builder import BookError, Busy
from builder.cache import Book, outputs, short
from builder.keys import sha256
from builder.record import record
from companion import checks, claims, page, provenance, scale

ROOT = Path(__file__).resolve().parents[1]
TWIN_ALONE = re.compile(r"\A# ?(@title )?|\n\n\[This page on the site[^\n]*\Z")
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
        print(f"  running {short(name)}\n", end="", flush=True)
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
            run.problems += self.book.run_problems(name, notebook)
            if not run.problems:
                self.book.store(name, notebook, run.seconds)
        except BookError as error:
            return Run(name, problems=[str(error)])
        except Exception as error:
            return Run(name, problems=[f"{type(error).__name__}: {error}"])
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
    name = short(run.page)
    print(f"  [{done}/{total}] {word:7}{name:40}{run.seconds:7.1f} s", flush=True)


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
        *(strict_problems(notebook) if strict() else []),
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


def strict() -> bool:
    """Say whether the book is built on real data or not at all."""
    return os.environ.get("COMPANION_STRICT") == "1"


def strict_problems(notebook: nbformat.NotebookNode) -> list[str]:
    """Return the data of an executed page that are not the book's own."""
    names = {e["name"] for e in outputs(notebook, provenance.STAND_IN_MIME)}
    reports = outputs(notebook, claims.MIME)
    found = {f"stand-in data: {name}" for name in names}.union(
        *(report.get("foreign_data", ()) for report in reports)
    )
    return [f"{data}, and COMPANION_STRICT is 1" for data in sorted(found)]


# -- rendering -----------------------------------------------------------------------


def render(root: Path, out: Path, *options: str) -> int:
    """Render the site below a folder with Jupyter Book; return the exit status.

    What the last rendering was made with is noted when it is complete. If it differs,
    or none was completed, all documents are rendered anew: Sphinx compares times, and
    would take up half-built pages.
    """
    build, look = out / "_build", _look(root)
    done = build / "rendered"
    if not done.is_file() or done.read_text() != look:
        shutil.rmtree(build / "html", ignore_errors=True)
        shutil.rmtree(build / ".doctrees", ignore_errors=True)
    build.mkdir(parents=True, exist_ok=True)
    done.unlink(missing_ok=True)
    jupyter_book = "from jupyter_book.cli.main import main; main()"
    command = [sys.executable, "-c", jupyter_book, "build", str(root)]
    command += ["--path-output", str(out), *options]
    status = subprocess.run(command, cwd=root).returncode
    if status == 0:
        done.write_text(look)
    return status


def _look(root: Path) -> str:
    """Return a hash of what all documents are rendered with."""
    extensions = Path(__file__).parent / "extensions"
    files = [*root.glob("_*.yml"), *root.glob("book/**/*"), *extensions.glob("*.py")]
    files += root.glob("requirements.lock")
    kept = sorted(file for file in files if file.is_file() and file.suffix != ".md")
    return sha256("".join(f"{f}:{sha256(f.read_text('latin-1'))};" for f in kept))


def render_page(root: Path, out: Path, name: str) -> tuple[int, Path]:
    """Render one page alone; return the exit status and the page's address."""
    out.mkdir(parents=True, exist_ok=True)
    toc = out / "_toc.yml"
    toc.write_text(yaml.safe_dump({"format": "jb-book", "root": name}))
    # Its links to other pages lead nowhere here, and Sphinx warns of each.
    status = render(root, out, "--toc", str(toc), "-q")
    return status, out / "_build" / "html" / f"{name}.html"


def twin_problems(book: Book, compare: bool = True) -> list[str]:
    """Return the pages whose .ipynb, which the site offers, is missing or outdated."""
    problems = []
    for name in book.pages:
        twin = book.root / f"{name}.ipynb"
        if not twin.is_file():
            problems.append(f"{twin} is missing: run `make sync`.")
        elif compare and _sources(twin) != _sources(book.path(name)):
            problems.append(f"{twin} is not what {name}.md says: run `make sync`.")
    return problems


def _sources(path: Path) -> list[str]:
    """Return the cells' texts, without what the twin alone has.

    There a folded cell's comment is a title for Colab, and a line links the site.
    """
    cells = jupytext.read(path).cells
    return [TWIN_ALONE.sub("", cell.source) for cell in cells]


# -- the command -----------------------------------------------------------------------


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; return the exit status."""
    options = _options(arguments)
    try:
        prepare(options.root, options.cache)
        with ExitStack() as locks:
            for folder in (options.cache, options.out / "_build"):
                locks.enter_context(locked(folder))
            return build(options)
    except (BookError, OSError) as error:
        print(error)
        return getattr(error, "status", 2)
    except KeyboardInterrupt:
        print("Interrupted. Finished pages are kept: build again to go on.")
        return 130


def _options(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--execute-only", action="store_true", help="do not render")
    parser.add_argument("--pages", nargs="*", default=[], help="words in page names")
    parser.add_argument("--page", help="run one page and render it alone")
    parser.add_argument("--jobs", type=_at_least_one, default=os.cpu_count() or 1)
    parser.add_argument("--timeout", type=int, default=600, help="seconds for a cell")
    parser.add_argument("--root", type=Path, default=ROOT, help="the book's folder")
    parser.add_argument("--out", type=Path, help="render below this folder")
    parser.add_argument("--cache", type=Path, help="keep executed pages here")
    options = parser.parse_args(arguments)
    options.root = options.root.resolve()
    alone = options.page is not None
    place = options.root / "_build" / "page" if alone else options.root
    options.out = (options.out or place).resolve()
    options.cache = (options.cache or options.root / "_build" / "cache").resolve()
    return options


def _at_least_one(text: str) -> int:
    if not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text} is not a number of pages at a time")
    return int(text)


def prepare(root: Path, cache: Path) -> None:
    """Set the environment in which pages run and Sphinx renders.

    Raises
    ------
    BookError
        If COMPANION_SCALE, COMPANION_STRICT or the number of threads cannot be used.
    """
    try:
        scale.current()
        scale.threads()
    except ValueError as error:
        raise BookError(str(error)) from error
    strict = os.environ.get("COMPANION_STRICT", "")
    if strict not in ("", "0", "1"):
        raise BookError(f"COMPANION_STRICT is '{strict}': set it to 1, or to 0.")
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    os.environ["COMPANION_BOOK"] = "1"
    os.environ["COMPANION_CACHE"] = str(cache)
    if data := os.environ.get("COMPANION_DATA"):
        # Pages run in their own folders.
        os.environ["COMPANION_DATA"] = str(Path(data).expanduser().resolve())
    paths = [str(root / "src"), str(ROOT), os.environ.get("PYTHONPATH")]
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, paths))
    signal.signal(signal.SIGTERM, signal.default_int_handler)


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Keep other builds out of a folder; the lock ends with this process.

    Raises
    ------
    Busy
        If another build is at work there.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Busy(
                f"Another build is at work in {folder}: wait until it is done, or "
                "build with --cache and --out elsewhere."
            ) from None
        yield


def build(options: argparse.Namespace) -> int:
    """Run pages and render as the options say; return the exit status."""
    book = Book(options.root, options.cache, scale.current())
    names = chosen(book, options)
    alone = options.page is not None
    if not options.execute_only:
        _can_render(book, names, alone)
    print(f"Running {len(names)} pages at {book.scale} scale, {options.jobs} at a time")
    runs = run_pages(book, names, options.jobs, options.timeout)
    if report_failures(runs):
        return 1
    _tell_stand_ins(book, runs)
    if alone and not options.execute_only:
        return _finish_page(options, names[0])
    return 0 if options.execute_only else _finish(book, options, runs)


def _can_render(book: Book, names: list[str], alone: bool) -> None:
    """Refuse before pages run what could not be rendered after it."""
    problems = twin_problems(book, compare=not alone)
    others = [name for name in book.pages if name not in names and not alone]
    problems += [
        f"The site needs all pages, and {short(name)} has not been run: leave out "
        "--pages, or add --execute-only."
        for name in others
        if book.executed(name) is None
    ]
    if problems:
        raise BookError("\n".join(problems))


def chosen(book: Book, options: argparse.Namespace) -> list[str]:
    """Return the pages to run.

    Raises
    ------
    BookError
        If a page is asked for that the book does not have.
    """
    alone = options.page is not None
    words = [options.page] if alone else options.pages or [""]
    names = [name for name in book.pages if any(w in short(name) for w in words)]
    exact = [name for name in names if options.page in (short(name), Path(name).name)]
    if not names or alone and len(exact or names) != 1:
        have = ", ".join(map(short, names or book.pages))
        raise BookError(f"'{' '.join(words)}' names no page of these: {have}.")
    return exact or names


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


def _finish_page(options: argparse.Namespace, name: str) -> int:
    status, path = render_page(options.root, options.out, name)
    print(f"The page: {path.as_uri()}")
    return status


def _finish(book: Book, options: argparse.Namespace, runs: list[Run]) -> int:
    print("Rendering the site, warnings as errors", flush=True)
    status = render(book.root, options.out, "-W", "--keep-going", "-q")
    if status:
        print("Build failed: rendering gave warnings or errors, listed above.")
        return status
    if strict() and book.scale == "book" and not options.pages:
        print(f"Recorded the claims in {record(book)}")
    slowest = sorted(runs, key=lambda run: -run.seconds)[:5]
    print("Slowest pages: " + ", ".join(f"{r.page} {r.seconds:.0f} s" for r in slowest))
    print(f"The site: {options.out / '_build' / 'html' / 'index.html'}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
