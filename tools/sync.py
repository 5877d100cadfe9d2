"""Write each page's .ipynb from its .md, the text that is edited.

python tools/sync.py [--check] [PAGE.md ...]      all pages unless some are named

Cells that are folded on the site are folded in the notebook too: in Jupyter by
`source_hidden`, in Colab as a form, whose title is the cell's opening comment. The .md
has neither. The notebook's first cell links its page on the site, whose figures GitHub
does not show. Cell ids follow from the contents, so that a twin is the same each time.
"""

import argparse
import hashlib
import re
import sys
from collections import Counter
from pathlib import Path

import jupytext
import nbformat
import yaml

ROOT = Path(__file__).resolve().parents[1]
SITE = yaml.safe_load((ROOT / "_config.yml").read_text("utf-8"))["html"]["baseurl"]
FOLD = {"jupyter": {"source_hidden": True}, "cellView": "form"}


def twin(path: Path) -> str:
    """Return the text of the notebook that belongs to a page's .md."""
    notebook = jupytext.read(path)
    notebook.cells[0].source += f"\n\n{_link(path)}"
    seen: Counter[str] = Counter()
    for cell in notebook.cells:
        if "hide-input" in cell.metadata.get("tags", []):
            _fold(cell)
        cell["id"] = _identity(cell, seen)
    # As in what jupytext writes: the format is that of the text.
    notebook.metadata.get("jupytext", {}).pop("text_representation", None)
    return nbformat.writes(notebook, version=4) + "\n"


def _link(path: Path) -> str:
    """Return a line that leads to a page, PART/NAME.md in notebooks, on the site."""
    page = "/".join(path.with_suffix(".html").parts[-2:])
    return f"[This page on the site, with its figures]({SITE}notebooks/{page})"


def _fold(cell: nbformat.NotebookNode) -> None:
    cell.metadata.update(FOLD)
    cell.source = re.sub(r"^# ", "#@title ", cell.source)


def _identity(cell: nbformat.NotebookNode, seen: Counter[str]) -> str:
    digest = hashlib.sha256(cell.source.encode()).hexdigest()[:8]
    seen[digest] += 1
    return digest if seen[digest] == 1 else f"{digest}-{seen[digest]}"


def is_current(path: Path) -> bool:
    """Say whether a page's notebook is the one that its .md gives."""
    notebook = path.with_suffix(".ipynb")
    return notebook.is_file() and notebook.read_text("utf-8") == twin(path)


def main() -> int:
    """Run the command line; return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--check", action="store_true", help="write nothing")
    parser.add_argument("pages", nargs="*", type=Path, default=[])
    options = parser.parse_args()
    pages = options.pages or sorted(ROOT.glob("notebooks/*/*.md"))
    outdated = [path for path in pages if not is_current(path)]
    for path in outdated:
        if options.check:
            print(f"{path.with_suffix('.ipynb')} is not up to date: run make sync")
        else:
            path.with_suffix(".ipynb").write_text(twin(path), "utf-8")
            print(f"wrote {path.with_suffix('.ipynb')}")
    return int(options.check and bool(outdated))


if __name__ == "__main__":
    sys.exit(main())
