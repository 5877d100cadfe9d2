"""Print the rendered site as one PDF: all pages in the order of the contents.

python -m builder.pdf                 the site below _build/html: `make pdf`
python -m builder.pdf SITE            another one

The pages' articles are put into one document, whose links stay inside of it; Chromium
typesets and prints it. The cover then links the PDF.
"""

import argparse
import posixpath
import shutil
import sys
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import yaml
from bs4 import BeautifulSoup

from builder import BookError

ROOT = Path(__file__).resolve().parents[1]
NAME = "derive-train-plot.pdf"
TOGETHER = "print.html"
BROWSER = next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))),
    None,
)
LEFT_OUT = "script, a.headerlink, button, .dtp-buttons"
FOOT = (
    '<div style="width:100%;text-align:center;font-size:8px">'
    '<span class="pageNumber"></span></div>'
)


def pages(toc: Path) -> list[str]:
    """Return the documents of a table of contents, in its order."""
    contents = yaml.safe_load(toc.read_text("utf-8"))

    def below(entry: dict[str, Any]) -> list[str]:
        own = [entry[key] for key in ("root", "file") if key in entry]
        inner = [
            e for key in ("parts", "chapters", "sections") for e in entry.get(key, [])
        ]
        return own + [name for one in inner for name in below(one)]

    return below(contents)


def together(site: Path, names: list[str]) -> str:
    """Return one HTML document with the articles of a site's pages.

    Parameters
    ----------
    site : Path
        The folder of the rendered site.
    names : list of str
        Its documents, without ".html"; the first gives the head.

    Raises
    ------
    BookError
        If one of them is not there.
    """
    missing = [name for name in names if not (site / f"{name}.html").is_file()]
    if missing:
        raise BookError(
            f"{site} holds no page {', '.join(missing)}: run make book before make pdf."
        )
    articles = [_article(site, name, names) for name in names]
    formulas = next((name for name in names if _has_formulas(site, name)), names[0])
    frame = _soup(site, formulas)
    for tag in frame.head.find_all(["link", "script"]):
        _from_root(tag, formulas)
    frame.title.string = articles[0].find("h1").get_text()
    frame.body.clear()
    articles[0].append(_contents(frame, articles[1:]))
    for article in articles:
        frame.body.append(article)
    return str(frame)


def _soup(site: Path, name: str) -> Any:
    return BeautifulSoup((site / f"{name}.html").read_text("utf-8"), "html.parser")


def _has_formulas(site: Path, name: str) -> bool:
    return "window.MathJax" in (site / f"{name}.html").read_text("utf-8")


def _article(site: Path, name: str, names: list[str]) -> Any:
    """Return a page's article; its ids and links are good in the whole document."""
    article = _soup(site, name).select_one("article")
    for tag in article.select(LEFT_OUT):
        tag.decompose()
    for picture in article.find_all("img"):
        picture.attrs.pop("loading", None)  # nobody comes near
    for tag in [article, *article.find_all(True)]:
        if tag.get("id"):
            tag["id"] = _id(name, tag["id"])
        if tag.name == "a" and tag.get("href"):
            tag["href"] = _inside(tag["href"], name, names)
        else:
            _from_root(tag, name)
    for door in article.select("details:not(.dtp-check, .dtp-provenance)"):
        door["open"] = ""
    article["id"] = _id(name)
    return article


def _id(name: str, fragment: str = "") -> str:
    return f"{name}--{fragment}" if fragment else name


def _inside(link: str, name: str, names: list[str]) -> str:
    """Return where a page's link leads in the whole document."""
    parts = urlsplit(link)
    if parts.scheme or parts.netloc:
        return link
    path = posixpath.normpath(
        posixpath.join(posixpath.dirname(name), unquote(parts.path))
    )
    target = path.removesuffix(".html") if parts.path else name
    return f"#{_id(target, parts.fragment)}" if target in names else path


def _from_root(tag: Any, name: str) -> None:
    """Let a picture, a style sheet or a script be found from the site's root."""
    for key in ("src", "href"):
        link = tag.get(key)
        if link and not urlsplit(link).scheme:
            tag[key] = posixpath.normpath(posixpath.join(posixpath.dirname(name), link))


def _contents(frame: Any, articles: list[Any]) -> Any:
    """Return a list of the pages' titles, each a link."""
    listed = frame.new_tag("ul", attrs={"class": "dtp-contents"})
    for article in articles:
        if title := article.find("h1"):
            link = frame.new_tag("a", href=f"#{article['id']}")
            link.string = title.get_text()
            item = frame.new_tag("li")
            item.append(link)
            listed.append(item)
    return listed


def write(site: Path, names: list[str]) -> Path:
    """Print a site's pages into one PDF; return its path.

    Raises
    ------
    BookError
        If a page is missing, or no Chromium is installed.
    """
    from playwright.sync_api import sync_playwright

    if BROWSER is None:
        raise BookError("make pdf needs Chromium: apt-get install chromium")
    source, target = site / TOGETHER, site / NAME
    source.write_text(together(site, names), "utf-8")
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(
            executable_path=BROWSER, args=["--no-sandbox"]
        )
        page = chromium.new_page(color_scheme="light")
        page.set_default_timeout(600_000)
        page.goto(source.as_uri())
        page.wait_for_function("!window.MathJax || !!MathJax.startup?.promise")
        page.evaluate("window.MathJax ? MathJax.startup.promise.then(() => 0) : 0")
        page.pdf(
            path=target, format="A4", scale=0.8, outline=True, tagged=True,
            print_background=True, display_header_footer=True,
            header_template="<span></span>", footer_template=FOOT,
            margin={"top": "16mm", "bottom": "18mm", "left": "16mm", "right": "16mm"},
        )  # fmt: skip
        chromium.close()
    source.unlink()
    return target


def link_from_cover(site: Path) -> None:
    """Put a button for the PDF beside those of the cover."""
    cover = site / "index.html"
    soup = BeautifulSoup(cover.read_text("utf-8"), "html.parser")
    buttons = soup.select_one(".dtp-buttons")
    if buttons is not None and not soup.select_one(f'a[href="{NAME}"]'):
        link = soup.new_tag("a", href=NAME, attrs={"class": "dtp-button"})
        link.string = "The book as PDF"
        buttons.append(link)
        cover.write_text(str(soup), "utf-8")


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("site", nargs="?", type=Path, default=ROOT / "_build" / "html")
    parser.add_argument("--toc", type=Path, default=ROOT / "_toc.yml")
    options = parser.parse_args(arguments)
    try:
        target = write(options.site.resolve(), pages(options.toc))
    except BookError as error:
        print(error)
        return 2
    link_from_cover(options.site)
    print(f"The book: {target}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
