"""The built site in headless Chromium, with all outside network blocked."""

import functools
import html.parser
import http.server
import os
import shutil
import subprocess
import sys
import threading
from urllib.parse import unquote, urlsplit

import pytest
import yaml
from conftest import PAGES, ROOT

from companion import claims

SITE = ROOT / "_build" / "smoke" / "_build" / "html"
ADDRESS = yaml.safe_load((ROOT / "_config.yml").read_text())["repository"]["url"]
CHROMIUM = next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))),
    None,
)
pytestmark = [pytest.mark.site, pytest.mark.timeout(900)]


@pytest.fixture(scope="module")
def site():
    """Build the site at smoke scale; pages come from the cache where they can."""
    env = {**os.environ, "COMPANION_SCALE": "smoke", "COMPANION_STRICT": "0"}
    command = [sys.executable, "book/build.py", "--out", "_build/smoke"]
    run = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True)
    assert run.returncode == 0, run.stdout[-3000:] + run.stderr[-3000:]
    return SITE


@pytest.fixture(scope="module")
def address(site):
    handler = functools.partial(QuietHandler, directory=str(site))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()


class QuietHandler(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *args):
        pass


@pytest.fixture(scope="module")
def browser():
    if CHROMIUM is None:
        if os.environ.get("CI") == "true":
            pytest.fail("CI needs Chromium: apt-get install chromium")
        pytest.skip("no Chromium is installed: apt-get install chromium")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox"]
        )
        yield chromium
        chromium.close()


@pytest.fixture
def visit(browser, address):
    """Open a page; collect console errors, failed and outside requests."""
    contexts = []

    def open_page(path, **options):
        context = browser.new_context(**options)
        contexts.append(context)
        page = context.new_page()
        page.troubles = []
        page.on("console", lambda m: m.type == "error" and page.troubles.append(m.text))
        page.on("pageerror", lambda error: page.troubles.append(str(error)))
        page.on("requestfailed", lambda request: page.troubles.append(request.url))

        def block_outside(route):
            if route.request.url.startswith((address, "data:", "blob:")):
                route.continue_()
            else:
                page.troubles.append(f"left the site: {route.request.url}")
                route.abort()

        context.route("**/*", block_outside)
        page.goto(f"{address}/{path}")
        page.wait_for_function("!window.MathJax || !!MathJax.startup?.promise")
        page.evaluate("window.MathJax ? MathJax.startup.promise.then(() => 0) : 0")
        return page

    yield open_page
    for context in contexts:
        context.close()


def all_pages():
    toc = (ROOT / "_toc.yml").read_text()
    import re

    return ["index", *re.findall(r"file: (\S+)", toc)]


@pytest.mark.parametrize("name", all_pages())
def test_page_is_whole_without_a_network(visit, name):
    page = visit(f"{name}.html")
    assert page.troubles == []
    assert page.locator("mjx-merror, [data-mjx-error]").count() == 0
    broken = "[...document.images].filter(i => i.complete && !i.naturalWidth).length"
    assert page.evaluate(broken) == 0
    visible = page.locator("article").inner_text()
    assert not any(raw in visible for raw in ("\\tag{", "$$", "{ref}", "```"))


@pytest.mark.parametrize("name", all_pages())
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_page_fits_a_phone(visit, name, scheme):
    viewport = {"width": 390, "height": 844}
    page = visit(f"{name}.html", viewport=viewport, color_scheme=scheme)
    assert page.evaluate("document.documentElement.dataset.theme") == scheme
    width = page.evaluate("document.documentElement.scrollWidth")
    assert width <= 391, f"{width} pixels wide"
    # A formula wider than the screen starts at its beginning and scrolls.
    lefts = "all => all.map(box => box.getBoundingClientRect().left)"
    formulas = page.eval_on_selector_all("mjx-container[display=true]", lefts)
    assert all(left >= 0 for left in formulas), formulas


@pytest.mark.parametrize("name", PAGES)
def test_buttons_lead_to_the_committed_notebook(visit, site, name):
    page = visit(f"{name}.html")
    links = page.eval_on_selector_all("a[href]", "all => all.map(a => a.href)")
    repository = ADDRESS.removeprefix("https://github.com/")
    colab = (
        f"https://colab.research.google.com/github/{repository}/blob/main/{name}.ipynb"
    )
    assert colab in links
    assert any("mybinder.org" in link and f"{name}.ipynb" in link for link in links)
    assert any(link.startswith(f"{ADDRESS}/edit/main/{name}.md") for link in links)
    [download] = [link for link in links if link.endswith(f"_sources/{name}.ipynb")]
    served = (site / urlsplit(download).path.lstrip("/")).read_bytes()
    assert served == (ROOT / f"{name}.ipynb").read_bytes()


@pytest.mark.parametrize("name", PAGES)
def test_search_finds_a_word_of_each_page(visit, name):
    title = (ROOT / f"{name}.md").read_text().split("\n# ", 1)[1].splitlines()[0]
    word = max((w.strip(",.:?'") for w in title.split()), key=len)
    page = visit(f"search.html?q={word}")
    result = page.locator(f"#search-results a[href*='{name}.html']").first
    result.wait_for(timeout=15_000)


def test_every_claim_is_on_the_scoreboard_and_its_card(visit):
    page = visit("book/scoreboard.html")
    links = page.eval_on_selector_all(
        ".dtp-scoreboard a", "all => all.map(a => a.getAttribute('href'))"
    )
    found = sorted(link.partition("#claim-")[2] for link in links)
    assert found == sorted(claims.ledger())


def test_a_solution_opens(visit):
    page = visit(f"{PAGES[0]}.html")
    solution = page.locator("article details:has(> summary:text('Solution'))").first
    assert solution.get_attribute("open") is None
    solution.locator("summary").click()
    assert solution.get_attribute("open") is not None


def test_blockquotes_became_admonitions(visit):
    page = visit(f"{PAGES[0]}.html")
    assert page.locator("div.admonition.dtp-exercise").count() >= 2


class Links(html.parser.HTMLParser):
    """The links and the ids of a file."""

    def __init__(self):
        super().__init__()
        self.links, self.ids = [], set()

    def handle_starttag(self, tag, attrs):
        values = dict(attrs)
        self.ids |= {values[key] for key in ("id", "name") if values.get(key)}
        for key in ("href", "src"):
            if values.get(key):
                self.links.append(values[key])


@functools.cache
def parsed(path):
    parser = Links()
    parser.feed(path.read_text("utf-8"))
    return parser


def test_internal_links_lead_somewhere(site):
    broken = []
    for path in site.rglob("*.html"):
        if "_static" in path.parts:
            continue
        for link in parsed(path).links:
            parts = urlsplit(link)
            if parts.scheme or parts.netloc or link.startswith(("#", "javascript")):
                continue
            target = (path.parent / unquote(parts.path)).resolve()
            good = target.exists() and (
                not parts.fragment
                or target.suffix != ".html"
                or unquote(parts.fragment) in parsed(target).ids
            )
            if not good:
                broken.append(f"{path.relative_to(site)}: {link}")
    assert broken == []


def test_building_again_runs_and_renders_nothing_twice(site):
    env = {**os.environ, "COMPANION_SCALE": "smoke", "COMPANION_STRICT": "0"}
    command = [sys.executable, "book/build.py", "--execute-only"]
    run = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True)
    assert run.returncode == 0
    assert run.stdout.count(" cached ") == len(PAGES)
