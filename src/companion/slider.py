"""A figure with a slider: frames drawn beforehand, one of them shown at a time.

Works offline, from the keyboard, on the site and in a notebook; where a front end
shows no HTML, one frame stands as a still image.
"""

import io
from base64 import b64encode
from collections.abc import Sequence
from html import escape

import matplotlib.pyplot as plt
from matplotlib.figure import Figure
from PIL import Image

from companion import page
from companion.errors import PlainValueError
from companion.plotting import html_image

# The slider's own position chooses the frame; arrow keys move it in any browser.
CHOOSE = (
    "this.closest('.dtp-slider').querySelectorAll('figure').forEach((frame, i) => {"
    "frame.style.display = i == this.value ? '' : 'none';"
    "if (i == this.value) this.setAttribute('aria-valuetext', frame.innerText);});"
)

# A theme's captions are pale; this one is read while the slider moves.
CAPTION = "color:inherit;opacity:1;font-weight:inherit;text-align:left"


def png(fig: Figure, dpi: int = 150, colours: int = 24) -> bytes:
    """Return a figure as a small PNG with few colours, and close it."""
    buffer, small = io.BytesIO(), io.BytesIO()
    fig.savefig(buffer, format="png", dpi=dpi)
    plt.close(fig)
    Image.open(buffer).convert("RGB").quantize(colours).save(small, "png")
    return small.getvalue()


def show(
    frames: Sequence[bytes], captions: Sequence[str], label: str, first: int = 0
) -> None:
    """Display frames with a slider that chooses one.

    Parameters
    ----------
    frames : sequence of bytes
        The frames as PNG or SVG files, e.g. from `png`.
    captions : sequence of str
        A sentence for each frame; it is the frame's alternative text too.
    label : str
        What the slider changes, e.g. "learning rate".
    first : int, optional
        The frame shown first, and as a still image.

    Raises
    ------
    PlainValueError
        When frames and captions are not equally many.
    """
    if len(frames) != len(captions) or not frames:
        raise PlainValueError(
            f"{len(frames)} frames and {len(captions)} captions: a slider needs "
            "a caption for each of its frames, and at least one frame."
        )
    figures = "".join(
        _figure(*pair, shown=i == first)
        for i, pair in enumerate(zip(frames, captions, strict=True))
    )
    html = (
        f'<div class="dtp-slider"><label style="display:block">{escape(label)} '
        f'<input type="range" min="0" max="{len(frames) - 1}" value="{first}" '
        f'step="1" style="width:60%;max-width:none;vertical-align:middle" '
        f'aria-valuetext="{escape(captions[first])}" oninput="{escape(CHOOSE)}">'
        f"</label>{figures}</div>"
    )
    page.show_html(html, captions[first], _still(frames[first]))


def _figure(frame: bytes, caption: str, shown: bool) -> str:
    return (
        f'<figure style="margin:0{"" if shown else ";display:none"}">'
        f"{html_image(frame, _kind(frame), caption)}"
        f'<figcaption style="{CAPTION}">{escape(caption)}</figcaption></figure>'
    )


def _kind(frame: bytes) -> str:
    return "image/png" if frame.startswith(b"\x89PNG") else "image/svg+xml"


def _still(frame: bytes) -> dict[str, str]:
    kind = _kind(frame)
    data = b64encode(frame) if kind == "image/png" else frame
    return {kind: data.decode()}
