"""Begin a page: python -m builder.new PART/NAME, which `make new PAGE=PART/NAME` calls.

Writes the page, its claims and its exercises from builder/skeleton, and its line in
the table of contents. The skeleton runs; what it says is to be replaced.
"""

import re
import sys
from pathlib import Path

from builder import BookError
from builder.build import ROOT
from companion import pages

SKELETON = Path(__file__).parent / "skeleton"
CELL = re.compile(r"```\{code-cell\}.*?```", re.DOTALL)


def create(root: Path, page: str) -> list[Path]:
    """Write a skeleton of a page; return its files.

    Parameters
    ----------
    root : Path
        The book's folder.
    page : str
        "part/name", in small letters, digits and hyphens.

    Raises
    ------
    BookError
        If that is no such name, or the page exists, or the book has no such part.
    """
    if not re.fullmatch(r"[a-z][a-z0-9-]*/[a-z][a-z0-9-]*", page):
        raise BookError(f"'{page}' is not part/name in small letters and hyphens.")
    own = Path("src", *pages.module_name(page).split(".")[:-1])
    files = {
        root / "notebooks" / f"{page}.md": "page.md",
        root / own / "claims.toml": "claims.toml",
        root / own / "exercises.py": "exercises.py",
    }
    for path in files:
        if path.exists():
            raise BookError(f"{path} exists: choose another name, or remove it.")
    contents = with_entry((root / "_toc.yml").read_text("utf-8"), page)
    setup = setup_cell(root, page)
    for path, source in files.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(_filled(source, page, setup), "utf-8")
    (root / "_toc.yml").write_text(contents, "utf-8")
    return list(files)


def with_entry(contents: str, page: str) -> str:
    """Return the table of contents with a page at the end of its part.

    Raises
    ------
    BookError
        If it has no such part.
    """
    part = page.split("/")[0]
    lines = contents.splitlines()
    heads = [n for n, line in enumerate(lines) if line.endswith(f"- file: book/{part}")]
    if not heads:
        raise BookError(
            f"The book has no part {part}: write book/{part}.md and add it to _toc.yml."
        )
    indent = " " * (lines[heads[0]].index("-") + 2)
    end = heads[0] + 1
    while end < len(lines) and lines[end].startswith(indent):
        end += 1
    entry = [f"{indent}  - file: notebooks/{page}", f"{indent}    title: {title(page)}"]
    if f"{indent}sections:" not in lines[heads[0] : end]:
        entry.insert(0, f"{indent}sections:")
    return "\n".join([*lines[:end], *entry, *lines[end:]]) + "\n"


def title(page: str) -> str:
    """Return a first title from the name of a page."""
    return page.split("/")[1].replace("-", " ").capitalize()


def setup_cell(root: Path, page: str) -> str:
    """Return the cell that sets up a page, as the book's other pages have it."""
    for path in sorted(root.glob("notebooks/*/*.md")):
        for cell in CELL.findall(path.read_text("utf-8")):
            if "page.start(" in cell:
                return re.sub(r"page\.start\(\"[^\"]*\"", f'page.start("{page}"', cell)
    raise BookError(f"No page below {root / 'notebooks'} has a cell with page.start.")


def _filled(source: str, page: str, setup: str) -> str:
    words = {
        "SETUP": setup,
        "TITLE": title(page),
        "PART/NAME": page,
        "CLAIM": f"{page.split('/')[1]}-slope",
    }
    text = (SKELETON / source).read_text("utf-8")
    for word, replacement in words.items():
        text = text.replace(word, replacement)
    return text


def main() -> int:
    """Run the command line; return the exit status."""
    try:
        for path in create(ROOT, " ".join(sys.argv[1:])):
            print(f"wrote {path.relative_to(ROOT)}")
    except BookError as error:
        print(error)
        return error.status
    return 0


if __name__ == "__main__":
    sys.exit(main())
