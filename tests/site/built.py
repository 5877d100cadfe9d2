"""Two built sites, the book's and a sample's, and a browser without a network."""

import contextlib
import functools
import http.server
import json
import os
import shutil
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe

from builder.pdf import BROWSER
from tests.places import BUILDING, ROOT, TEST_BUILD
from tools import sync

HERE = Path(__file__).parent
# Outside of this machine no name is found: a page that asks for one is in trouble.
ALONE = "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1"


def build(root, scale, *options):
    """Build the book whose root is a folder; return its site."""
    path = os.pathsep.join([str(root / "src"), str(root)])
    env = {**os.environ, "COMPANION_SCALE": scale, "PYTHONPATH": path}
    env |= {"COMPANION_STRICT": "0"}
    command = [sys.executable, "-m", "builder.build", *map(str, options)]
    with BUILDING:
        run = subprocess.run(command, cwd=root, env=env, capture_output=True, text=True)
    assert run.returncode == 0, run.stdout[-3000:] + run.stderr[-3000:]
    return run.stdout


@pytest.fixture(scope="session")
def site():
    """Build the book at smoke scale, with the cache and the lock of the tests."""
    build(ROOT, "smoke", "--cache", TEST_BUILD / "cache", "--out", TEST_BUILD)
    return TEST_BUILD / "_build" / "html"


@pytest.fixture(scope="session")
def sample_book(tmp_path_factory):
    """Make a book of one page that has all parts of the mould; return its root."""
    root = tmp_path_factory.mktemp("sample") / "book"
    shutil.copytree(HERE / "sample", root, ignore=shutil.ignore_patterns("pages"))
    for part in ("builder", "src", "results", "book/_static", "book/_templates"):
        shutil.copytree(ROOT / part, root / part)
    for file in ("_config.yml", "book/references.bib"):
        shutil.copy2(ROOT / file, root / file)
    own = root / "src" / "companion" / "pages" / "sample" / "mean"
    shutil.copytree(HERE / "sample" / "pages", own)
    page = root / "notebooks" / "sample" / "mean.md"
    words = "The mean of some numbers is the one that stands for all. " * 90
    page.write_text(page.read_text("utf-8").replace("PLENTY OF WORDS", words), "utf-8")
    page.with_suffix(".ipynb").write_text(sync.twin(page), "utf-8")
    return root


@pytest.fixture(scope="session")
def sample_site(sample_book):
    """Build the sample book; return its site."""
    build(sample_book, "book")
    return sample_book / "_build" / "html"


class QuietHandler(http.server.SimpleHTTPRequestHandler):
    """Serves a folder, silently, also to a page that is left before it is whole."""

    def log_message(self, *args):
        pass

    def copyfile(self, source, outputfile):
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            super().copyfile(source, outputfile)


@contextlib.contextmanager
def served(folder):
    handler = functools.partial(QuietHandler, directory=str(folder))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()


@pytest.fixture(scope="session")
def browser():
    if BROWSER is None:
        if os.environ.get("CI") == "true":
            pytest.fail("CI needs Chromium: apt-get install chromium")
        pytest.skip("no Chromium is installed: apt-get install chromium")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(
            executable_path=BROWSER, args=["--no-sandbox", ALONE]
        )
        yield chromium
        chromium.close()


@pytest.fixture(scope="session")
def contexts(browser):
    """Return a browser context for each kind of screen, made once."""

    @functools.cache
    def context(width, height, scheme):
        size = {"width": width, "height": height}
        return browser.new_context(viewport=size, color_scheme=scheme)

    return context


@pytest.fixture(scope="session")
def open_page(contexts):
    """Open an address; collect console errors and failed requests as `troubles`."""

    def open_one(url, width=1280, height=720, scheme="light", whole=True):
        page = contexts(width, height, scheme).new_page()
        page.troubles = []
        page.on("console", lambda m: m.type == "error" and page.troubles.append(m.text))
        page.on("pageerror", lambda error: page.troubles.append(str(error)))
        page.on("requestfailed", lambda request: page.troubles.append(request.url))
        page.goto(url)
        if whole:  # also what is far from the reader, and not laid out
            page.add_style_tag(content="* { content-visibility: visible !important }")
        page.wait_for_function("!window.MathJax || !!MathJax.startup?.promise")
        page.evaluate("window.MathJax ? MathJax.startup.promise.then(() => 0) : 0")
        return page

    return open_one


def barriers(page, *without):
    """Return what axe-core finds serious or critical on a page, with its doors open.

    Formulas are MathJax's, and three quarters of a page's elements: only that they are
    there matters. `without` are selectors of what is left out.
    """
    page.evaluate(
        "document.querySelectorAll('details.dtp-door').forEach(d => d.open = true);"
        "document.querySelectorAll('mjx-container').forEach(m => m.textContent = 'x');"
    )
    page.evaluate("reachScrollers()")  # else it is under way
    ours = {"exclude": [["mjx-container"], *([one] for one in without)]}
    found = Axe().run(page, ours, {"resultTypes": ["violations"]}).response
    return [
        f"{rule['id']}: {node['html'][:200]}"
        for rule in found["violations"]
        if rule["impact"] in ("serious", "critical")
        for node in rule["nodes"]
    ]


READY = "addEventListener('load', () => setTimeout(() => performance.mark('ready')))"


def busy_until_ready(browser, address):
    """Return the seconds of work of the main thread until a page is loaded.

    They are processor time, so that a busy machine changes them little.
    """
    page = browser.new_page()
    page.add_init_script(READY)
    kinds = ["toplevel", "blink.user_timing"]
    browser.start_tracing(page=page, categories=kinds)
    page.goto(address)
    page.wait_for_function("performance.getEntriesByName('ready').length")
    events = json.loads(browser.stop_tracing())["traceEvents"]
    page.close()
    ready = next(e for e in events if e["name"] == "ready")
    began = next(e for e in events if _begins(e, address))
    tasks = [e for e in events if _is_task(e, ready) and began["ts"] <= e["ts"]]
    return sum(e["tdur"] for e in tasks if e["ts"] < ready["ts"]) / 1e6


def _begins(event, address):
    return event["name"] == "navigationStart" and address in json.dumps(event["args"])


def _is_task(event, ready):
    same = (event["pid"], event["tid"]) == (ready["pid"], ready["tid"])
    return same and event["name"].endswith("::RunTask") and "tdur" in event


def _visits(folder, open_page):
    pages = []

    def visit(path, **screen):
        pages.append(open_page(f"{address}/{path}", **screen))
        return pages[-1]

    with served(folder) as address:
        yield visit
        for page in pages:
            page.close()


@pytest.fixture
def visit(site, open_page):
    """Open pages of the book."""
    yield from _visits(site, open_page)


@pytest.fixture
def visit_sample(sample_site, open_page):
    """Open pages of the sample book."""
    yield from _visits(sample_site, open_page)
