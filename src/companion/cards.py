"""The HTML of cards, check lines and banners, apart from what they say."""

from html import escape

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
