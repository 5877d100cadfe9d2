"""What the site needs beside its pages.

MathJax from the package index, so that the site asks the network for nothing; the
committed notebooks as downloads; the stand-in banner under a page's title.
"""

import shutil
from importlib import metadata
from pathlib import Path
from typing import Any

from docutils import nodes

from builder.extensions import execution
from companion.provenance import STAND_IN_MIME

# What the pages use of MathJax 3's 24 MB: TeX input, CommonHTML output, fonts, and the
# hidden MathML that a screen reader speaks. The first file loads the others, as
# mathjax3_config tells it.
MATHJAX = (
    "startup.js",
    "core.js",
    "input/tex.js",
    "input/tex/extensions",
    "output/chtml.js",
    "output/chtml/fonts",
    "a11y/assistive-mml.js",
)


def copy_mathjax(app: Any) -> None:
    """Copy the parts of MathJax that the pages load into the site."""
    source = Path(
        str(metadata.distribution("sphinx-mathjax-offline").locate_file(""))
    ).joinpath("sphinx-mathjax-offline", "static", "mathjax")
    target = Path(app.outdir) / "_static" / "mathjax"
    for part in MATHJAX:
        target.joinpath(part).parent.mkdir(parents=True, exist_ok=True)
        if (source / part).is_dir():
            shutil.copytree(source / part, target / part, dirs_exist_ok=True)
        else:
            shutil.copy2(source / part, target / part)


def mathjax_where_needed(
    app: Any, page: str, template: str, context: dict[str, Any], doctree: Any
) -> None:
    """Leave MathJax to maths.js, and both out of a page that shows no formula.

    Sphinx gives it to each page whose subpages show one, the cover above all.
    """
    formulas = app.env.get_domain("math").data["has_equations"].get(page)
    if formulas:
        app.add_js_file("maths.js", loading_method="defer")
    context["script_files"] = [
        script
        for script in context["script_files"]
        if not _loads_mathjax(script) and (formulas or not _sets_mathjax(script))
    ]


def _loads_mathjax(script: Any) -> bool:
    return "mathjax/" in (script.filename or "")


def _sets_mathjax(script: Any) -> bool:
    return script.attributes.get("body", "").startswith("window.MathJax")


def serve_committed_notebooks(app: Any) -> None:
    """Let the download button give the committed .ipynb, not a regenerated one."""
    for page in execution.of(app).pages:
        target = Path(app.outdir) / "_sources" / f"{page}.ipynb"
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(Path(app.srcdir) / f"{page}.ipynb", target)


def show_stand_ins(app: Any, doctree: nodes.document, docname: str) -> None:
    """Repeat the banner of a page that ran on stand-in data under its title."""
    book = execution.of(app)
    if docname not in book.pages:
        return
    names = {entry["name"] for entry in book.outputs(docname, STAND_IN_MIME)}
    title = next(iter(doctree.findall(nodes.title)), None)
    if names and title is not None:
        text = (
            f"This page ran on stand-in data for {', '.join(sorted(names))}: its "
            "figures cannot be compared with the reported ones."
        )
        banner = nodes.container(classes=["dtp-stand-in"])
        banner += nodes.paragraph("", text)
        title.parent.insert(title.parent.index(title) + 1, banner)


def _one_search_bar(app: Any, config: Any) -> None:
    """Leave out the search bar of the header: the sidebar has one."""
    config.html_theme_options["navbar_persistent"] = []


def _finish(app: Any, error: Exception | None) -> None:
    if error is None and app.builder.format == "html":
        copy_mathjax(app)
        serve_committed_notebooks(app)


def setup(app: Any) -> dict[str, Any]:
    """Register the hooks (Sphinx extension)."""
    app.add_js_file("reach.js", loading_method="defer")
    app.add_js_file("print.js", loading_method="defer")
    app.connect("config-inited", _one_search_bar)
    app.connect("doctree-resolved", show_stand_ins)
    app.connect("html-page-context", mathjax_where_needed, priority=900)
    app.connect("build-finished", _finish)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
