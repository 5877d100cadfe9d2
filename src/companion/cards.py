"""The HTML of cards, check lines and banners, apart from what they say."""

from collections.abc import Iterable
from html import escape

from companion.plotting import GREEN, GREY, VERMILION

_BANNER = """\
<div class="dtp-stand-in" role="note"
 style="border: 2px dashed #D55E00; padding: .6em .9em; margin: .6em 0;
 overflow-wrap: anywhere">
<strong>Stand-in data for {title}:</strong> {stand_in}.
Figures on this page are not comparable with the reported ones.<br>
<strong>Why:</strong> {reason}<br>
<strong>For the real data:</strong> {remedy}
</div>"""


def banner(*, title: str, stand_in: str, reason: str, remedy: str) -> str:
    """Return the banner of a data set that is replaced by a stand-in."""
    texts = {"title": title, "stand_in": stand_in, "reason": reason, "remedy": remedy}
    return _BANNER.format(**{key: escape(text) for key, text in texts.items()})


_SIGNS = {"✓": GREEN, "✗": VERMILION, "○": GREY}
_CHECK = "border-left:3px solid {};padding:.1em .7em;font-size:.88em"


def check_line(sign: str, text: str, how: str = "") -> str:
    """Return the line of a check or of an exercise's verdict.

    Parameters
    ----------
    sign : {"✓", "✗", "○"}
        Holds or right, failed or wrong, not attempted.
    text : str
        What was checked.
    how : str, optional
        How it was checked, or why it failed; in brackets.
    """
    style = _CHECK.format(_SIGNS[sign])
    return f'<div class="dtp-check" style="{style}">{_signed(sign, text, how)}</div>'


def check_group(sign: str, text: str, how: str, lines: Iterable[str]) -> str:
    """Return the line of a group of checks, which opens to `lines` of `check_line`."""
    return (
        f'<details class="dtp-check" style="{_CHECK.format(_SIGNS[sign])}">'
        f"<summary>{_signed(sign, text, how)}</summary>{''.join(lines)}</details>"
    )


def _signed(sign: str, text: str, how: str) -> str:
    bracket = f" <span>[{escape(how)}]</span>" if how else ""
    return f'<span style="color:{_SIGNS[sign]}">{sign}</span> {escape(text)}{bracket}'
