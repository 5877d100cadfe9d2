"""What a page weighs: of the theme's style rules and icons, those that are used.

Left out are also the marks of highlighted code that no style tells from plain text, and
what keeps the theme's script from answering. Pictures are loaded when they come near.
"""

import re
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import imagesize
import tinycss2
from fontTools import subset
from pygments.formatters import HtmlFormatter
from pygments.token import Token
from sphinx.highlighting import PygmentsBridge

PLAIN = {Token.Name, Token.Punctuation, Token.Text.Whitespace}
# A class that Bootstrap puts together from parts.
MADE = {"bs-tooltip-auto"}
ICON_FONT = re.compile(r'url\([^)]*\.woff2\) format\("woff2"\),(url\(([^)]*\.ttf)\))')
# At load and after each change, the theme measures all boxes of a page that may scroll;
# reach.js measures them a few at a time.
MEASURING = re.compile(
    r'"complete"===document\.readyState\?(\w+)\(\):'
    r'window\.addEventListener\("load",\1\)'
)
PICTURE = re.compile(r'<img (?=[^>]*src="[^"]*_images/([^"/]+)")(?![^>]*loading=)')
# In quotes: a character, or its number; as content, or in a variable for it.
ICON = re.compile(r'"(?:\\([0-9a-f]{2,5})|([^\\]))"')


class SparingFormatter(HtmlFormatter):
    """Marks no token that has the colour of plain text."""

    def format(self, tokensource: Any, outfile: Any) -> None:
        """Write tokens as HTML."""
        tokens = ((Token.Text if t in PLAIN else t, v) for t, v in tokensource)
        super().format(tokens, outfile)


# -- style sheets --------------------------------------------------------------------


def used_rules(css: str, words: set[str]) -> str:
    """Return a style sheet without the rules for classes that appear nowhere.

    Parameters
    ----------
    css : str
        The style sheet.
    words : set of str
        Every word of the pages and of their scripts.
    """
    rules = tinycss2.parse_stylesheet(css, skip_comments=True, skip_whitespace=True)
    return _kept(rules, words)


def _kept(rules: list[Any], words: set[str]) -> str:
    return "".join(_used_part(rule, words) for rule in rules)


def _used_part(rule: Any, words: set[str]) -> str:
    if rule.type == "at-rule" and rule.lower_at_keyword in ("media", "supports"):
        inner = tinycss2.parse_rule_list(rule.content, skip_comments=True)
        kept = _kept(inner, words).strip()
        head = f"@{rule.at_keyword}{tinycss2.serialize(rule.prelude)}"
        return f"{head}{{{kept}}}" if kept else ""
    if rule.type != "qualified-rule":
        return rule.serialize()
    selectors = [s for s in _selectors(rule.prelude) if _classes(s) <= words]
    head = ",".join(tinycss2.serialize(s).strip() for s in selectors)
    return f"{head}{{{tinycss2.serialize(rule.content)}}}" if head else ""


def _selectors(prelude: list[Any]) -> list[list[Any]]:
    selectors: list[list[Any]] = [[]]
    for token in prelude:
        if token == ",":
            selectors.append([])
        else:
            selectors[-1].append(token)
    return selectors


def _classes(selector: list[Any]) -> set[str]:
    """Return the classes that an element needs; those in `:not()` it may lack."""
    pairs = zip(selector, selector[1:], strict=False)
    return {name.value for dot, name in pairs if dot == "." and name.type == "ident"}


# -- icons ---------------------------------------------------------------------------


def keep_icons(font: Path, icons: set[int]) -> None:
    """Leave out of a font all characters but some, in place."""
    options = subset.Options(layout_features=[], notdef_outline=True)
    loaded = subset.load_font(str(font), options)
    subsetter = subset.Subsetter(options)
    subsetter.populate(unicodes=icons)
    subsetter.subset(loaded)
    subset.save_font(loaded, str(font), options)


def _icons(css: str) -> set[int]:
    return {int(code, 16) if code else ord(sign) for code, sign in ICON.findall(css)}


# -- pictures ------------------------------------------------------------------------


def load_when_near(
    app: Any, page: str, template: str, context: dict[str, Any], doctree: Any
) -> None:
    """Let a page's pictures wait until they come near, with their room kept free."""
    sources = {name: source for source, name in app.builder.images.items()}

    def waiting(picture: re.Match[str]) -> str:
        size = imagesize.get(Path(app.srcdir, sources[unquote(picture[1])]))
        width, height = map(round, size)
        return f'<img loading="lazy" width="{width}" height="{height}" '

    context["body"] = PICTURE.sub(waiting, context.get("body", ""))


# -- the theme's script --------------------------------------------------------------


def without_measuring(script: str) -> str:
    """Return the theme's script without its search for boxes that scroll.

    Raises
    ------
    ValueError
        If the script has no such search.
    """
    script, found = MEASURING.subn("0", script)
    if found != 1:
        raise ValueError(
            "The script of pydata-sphinx-theme no longer looks for boxes that scroll "
            "when a page is loaded: mend MEASURING in builder/extensions/weight.py."
        )
    return script


# -- the site ------------------------------------------------------------------------


def words_of(site: Path) -> set[str]:
    """Return every word of a site's pages and scripts."""
    scripts = [p for p in site.glob("_static/**/*.js") if "mathjax" not in p.parts]
    words = set(MADE)
    for file in [*site.rglob("*.html"), *scripts]:
        words.update(re.findall(r"[\w-]+", file.read_text("utf-8")))
    return words


def lighten(site: Path) -> None:
    """Cut a site's style sheets and icons down to what its pages use."""
    static, words = site / "_static", words_of(site)
    # A script of 2000 icons, which the style sheet draws as well.
    static.joinpath("scripts", "fontawesome.js").write_text("")
    theme = static / "scripts" / "pydata-sphinx-theme.js"
    theme.write_text(without_measuring(theme.read_text("utf-8")), "utf-8")
    for sheet in static.rglob("*.css"):
        css = used_rules(sheet.read_text("utf-8"), words)
        for font in {match[2] for match in ICON_FONT.finditer(css)}:
            keep_icons(sheet.parent / font, _icons(css))
        sheet.write_text(ICON_FONT.sub(r"\1", css), "utf-8")


def _finish(app: Any, error: Exception | None) -> None:
    if error is None and app.builder.format == "html":
        lighten(Path(app.outdir))


def setup(app: Any) -> dict[str, Any]:
    """Register the hooks (Sphinx extension)."""
    PygmentsBridge.html_formatter = SparingFormatter
    app.connect("html-page-context", load_when_near)
    # After all others: its words are those of the finished pages.
    app.connect("build-finished", _finish, priority=900)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
