"""A book of two pages with a library of its own, which counts how often pages ran."""

import textwrap

from builder import build
from builder.cache import Book

FRONT = (
    "---\njupytext:\n  text_representation:\n    extension: .md\n"
    "    format_name: myst\n"
    "kernelspec:\n  display_name: Python 3\n  language: python\n  name: python3\n---\n"
)
PAGE_MODULE = """
import sys
from IPython.display import display

RUN = {"date": "2026-01-02", "device": "CPU", "commit": "c1", "libraries": "numpy 2"}
MIME = "application/vnd.companion.%s+json"

def emit(kind, data):
    display({MIME % kind: data, "text/plain": kind}, raw=True)

def claim(id, here=1.0, foreign=()):
    rows = [{"name": id, "here": here}]
    emit("claim", {"claim": id, "rows": rows, "foreign_data": list(foreign)})

def check(tag):
    emit("check", {"tag": tag})

def stand_in(name):
    emit("standin", {"name": name, "reason": "it is nowhere"})

def end(finding=True, sources={}):
    if finding:
        emit("finding", {})
    loaded = sorted(m for m in sys.modules if m.split(".")[0] == "companion")
    emit("provenance", {**RUN, "modules": loaded, "sources": sources})
"""


class SmallBook:
    """A book below `root`; its library is `library`."""

    def __init__(self, root, monkeypatch):
        self.root = root
        self.runs = root / "runs"
        self.runs.mkdir()
        self.library = root / "src" / "companion"
        self.library.mkdir(parents=True)
        for name in ("__init__", "one", "two", "shared"):
            (self.library / f"{name}.py").write_text("VALUE = 1\n")
        (self.library / "one.py").write_text("from companion import shared\n")
        (self.library / "page.py").write_text(PAGE_MODULE)
        self.page("part/a", "from companion import one")
        self.page("part/b", "from companion import two")
        monkeypatch.setenv("PYTHONPATH", str(root / "src"))
        # The command sets it; the next test finds it as it was.
        monkeypatch.setenv("COMPANION_CACHE", "")

    def page(self, name, code="", text="Some prose.", end="page.end()"):
        path = self.root / "notebooks" / f"{name}.md"
        path.parent.mkdir(parents=True, exist_ok=True)
        log = self.runs / name.replace("/", "-")
        source = (
            f"{textwrap.dedent(code)}\nfrom companion import page\n"
            f"open({str(log)!r}, 'a').write('x')\n{end}"
        )
        cell = f"```{{code-cell}} ipython3\n{source}\n```\n"
        path.write_text(f"{FRONT}\n# Page {name}\n\n{text}\n\n{cell}")
        pages = sorted(self.root.glob("notebooks/*/*.md"))
        names = [p.relative_to(self.root).with_suffix("") for p in pages]
        toc = "".join(f"- file: {name}\n" for name in names)
        (self.root / "_toc.yml").write_text(
            f"format: jb-book\nroot: index\nchapters:\n{toc}"
        )

    def own(self, name, file, text):
        """Write a file of the folder that belongs to one page."""
        path = self.library / "pages" / name / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def book(self, scale="smoke"):
        return Book(self.root, self.root / "cache", scale)

    def keys(self, scale="smoke"):
        book = self.book(scale)
        return [book.key(name) for name in book.pages]

    def build(self, timeout=60):
        """Build; return the pages that ran this time, and all runs' problems."""
        before = self.counts()
        book = self.book()
        runs = build.run_pages(book, book.pages, 2, timeout)
        after = self.counts()
        ran = "".join(n for n in after if after[n] > before.get(n, 0))
        return ran, {run.page[-1]: run.problems for run in runs if run.problems}

    def counts(self):
        """Return how often each page ran, by the last letter of its name."""
        return {p.name[-1]: len(p.read_text()) for p in sorted(self.runs.iterdir())}


def changed(before, after):
    return [old != new for old, new in zip(before, after, strict=True)]
