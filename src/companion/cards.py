"""The HTML of cards, check lines and banners, apart from what they say."""

from collections.abc import Iterable, Mapping, Sequence
from html import escape

from companion.plotting import BLUE, GREEN, GREY, VERMILION

# Sign, and the colour of the card's edge, for each word of a claim.
LOOK = {
    "beaten": ("▲", GREEN),
    "reproduced": ("=", BLUE),
    "corrected": ("✎", BLUE),
    "answered": ("✓", BLUE),
    "missed": ("▼", VERMILION),
    "not comparable": ("–", GREY),
}

_BANNER = f"""\
<div class="dtp-stand-in" role="note"
 style="border: 2px dashed {VERMILION}; padding: .6em .9em; margin: .6em 0;
 overflow-wrap: anywhere">
<strong>Stand-in data for {{title}}:</strong> {{stand_in}}.
Figures on this page are not comparable with the reported ones.<br>
<strong>Why:</strong> {{reason}}<br>
<strong>For the real data:</strong> {{remedy}}
</div>"""

_CLAIM = """\
<div class="dtp-claim" id="claim-{id}" style="border-left:4px solid {colour};\
background:rgba(128,128,128,.10);padding:.6em 1em;margin:.5em 0;overflow-x:auto">\
<div style="display:flex;flex-wrap:wrap;justify-content:space-between;gap:.2em 1em">\
<span><b>{sign} {word}</b>: {quantity}</span>\
<span style="font-size:.9em">{source}</span></div>\
<table class="dtp-stack" style="border:0;margin:.4em 0 0;font-size:.95em;\
font-variant-numeric:tabular-nums"><thead><tr>{head}</tr></thead>\
<tbody>{body}</tbody></table>{notes}</div>"""

_FINDING = f"""\
<div class="dtp-finding" style="border-left:4px solid {BLUE};\
background:rgba(128,128,128,.10);padding:.7em 1em;margin:.5em 0">\
<div><b>{{question}}</b></div><div>{{answer}}</div></div>"""

_PROVENANCE = """\
<hr><details class="dtp-provenance"><summary>Provenance: {summary}</summary>\
<table style="font-size:.85em">{rows}</table></details>"""

NUMBER_CELL = "text-align:right;padding:.1em .7em"
NAME_CELL = "text-align:left;min-width:8em;padding:.1em .7em .1em 0"
Row = tuple[str, str, Mapping[str, str]]


def banner(*, title: str, stand_in: str, reason: str, remedy: str) -> str:
    """Return the banner of a data set that is replaced by a stand-in."""
    texts = {"title": title, "stand_in": stand_in, "reason": reason, "remedy": remedy}
    return _BANNER.format(**{key: escape(text) for key, text in texts.items()})


def claim(
    *,
    id: str,
    word: str,
    quantity: str,
    source: str,
    rows: Sequence[Row],
    notes: Sequence[str],
) -> str:
    """Return a claim's card.

    Parameters
    ----------
    id : str
        The claim's id; the card's anchor is ``claim-`` and the id.
    word : str
        The claim's word, a key of `LOOK`.
    quantity, source : str
        The two sides of the card's first line.
    rows : sequence of (word, name, {head: text})
        The measures; all have the same heads.
    notes : sequence of str
        Small lines below the table.
    """
    sign, colour = LOOK[word]
    columns = _columns(rows)
    return _CLAIM.format(
        id=escape(id),
        colour=colour,
        sign=sign,
        word=word,
        quantity=escape(quantity),
        source=escape(source),
        head="".join(_head(column) for column in columns),
        body="".join(_row(row, columns) for row in rows),
        notes="".join(f'<div style="font-size:.9em">{escape(n)}</div>' for n in notes),
    )


def finding(question: str, answer: str) -> str:
    """Return the box with a page's question and its answer."""
    return _FINDING.format(question=escape(question), answer=escape(answer))


def provenance(summary: str, facts: Mapping[str, str]) -> str:
    """Return the folded table of what a page was run with."""
    rows = "".join(
        f'<tr><th style="text-align:left;font-weight:600">{escape(key)}</th>'
        f'<td style="text-align:left">{escape(value)}</td></tr>'
        for key, value in facts.items()
    )
    return _PROVENANCE.format(summary=escape(summary), rows=rows)


def _columns(rows: Sequence[Row]) -> list[str]:
    """Return the columns that say something: no empty name or ratio."""
    heads = [head for head in rows[0][2] if any(texts[head] for _, _, texts in rows)]
    return ([""] if len(rows) > 1 else []) + heads


def _head(column: str) -> str:
    style = "text-align:right;font-weight:400;padding:.1em .7em"
    return f'<th style="{style}">{escape(column or "measure")}</th>'


def _row(row: Row, columns: Sequence[str]) -> str:
    word, name, texts = row
    cells = {head: _unbroken(text) for head, text in texts.items()}
    cells["here"] = f"<b>{cells['here']}</b>"
    cells[""] = f"{LOOK[word][0]} {escape(name)}"
    return f'<tr style="background:none">{_cells(cells, columns)}</tr>'


def _cells(cells: Mapping[str, str], columns: Sequence[str]) -> str:
    return "".join(
        f'<td{_named(column)} style="{NUMBER_CELL if column else NAME_CELL}">'
        f"{cells[column]}</td>"
        for column in columns
    )


def _named(column: str) -> str:
    """Name a cell after its column: on a phone, rows are blocks without a head."""
    return f' data-head="{escape(column)}"' if column else ""


def _unbroken(text: str) -> str:
    """Let a list of numbers break between, never inside, its numbers."""
    span = '<span style="white-space:nowrap">{}</span>'
    return ", ".join(span.format(escape(part)) for part in text.split(", "))


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
