"""The look of every figure: palette, defaults, labelled curves, SVG or PNG."""

import io
from base64 import b64encode
from html import escape
from typing import Any

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
from IPython import get_ipython
from IPython.display import display
from matplotlib import rcsetup
from matplotlib.axes import Axes
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.text import Annotation
from matplotlib_inline.backend_inline import set_matplotlib_formats

from companion import scale
from companion.errors import PlainValueError

BLUE, VERMILION, GREEN, PURPLE = "#0072B2", "#D55E00", "#009E73", "#CC79A7"
GREY = "#6B7280"
# Coloured text needs more contrast than a coloured line.
TEXT = {BLUE: "#0072B2", VERMILION: "#A84A00", GREEN: "#00704F", PURPLE: "#9B4F7D"}
DASHES = ["-", (0, (5, 1.5)), (0, (1.2, 1.2)), (0, (6, 1.5, 1.2, 1.5))]

STYLE: dict[Any, Any] = {
    "figure.figsize": (7, 3.6),
    "figure.facecolor": "white",
    "savefig.facecolor": "white",
    "figure.constrained_layout.use": True,
    "font.family": "DejaVu Sans",
    "font.size": 10,
    "axes.titlelocation": "left",
    "axes.titleweight": "bold",
    "axes.titlesize": 10,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": "#D1D5DA",
    "grid.linewidth": 0.6,
    "lines.linewidth": 1.8,
    "image.cmap": "viridis",
    "legend.frameon": False,
    "svg.hashsalt": "derive-train-plot",
    "svg.fonttype": "path",
    "axes.prop_cycle": rcsetup.cycler(
        color=[BLUE, VERMILION, GREEN, PURPLE], linestyle=DASHES
    ),
}


def use_style() -> None:
    """Set the book's defaults; in Jupyter, show figures as reproducible SVG.

    Outside the site, which has longer texts, a figure's title is its alternative text.
    """
    mpl.rcParams.update(STYLE)
    # Laying out, and drawing to see what must be cut off, take more than half of a
    # figure's time; a smoke run is not looked at.
    looked_at = scale.current() != "smoke"
    mpl.rcParams["figure.constrained_layout.use"] = looked_at
    if (shell := get_ipython()) is not None:
        # No date and a fixed salt: the same page gives the same bytes.
        edges = "tight" if looked_at else None
        set_matplotlib_formats("svg", metadata={"Date": None}, bbox_inches=edges)
        _draw_once()
        if not scale.for_the_site():
            shell.display_formatter.mimebundle_formatter.for_type(Figure, described)


def _draw_once() -> None:
    """Leave out the drawing after each cell that Jupyter's display does again."""
    if "inline" in mpl.get_backend():
        plt.switch_backend(mpl.get_backend())  # or it comes back with the first figure
        plt.uninstall_repl_displayhook()


def described(fig: Figure) -> dict[str, str]:
    """Return a figure's drawing, and the same as an HTML image named by its title.

    Notebooks prefer HTML, and have no other place for the name of a drawing.

    Parameters
    ----------
    fig : matplotlib.figure.Figure
    """
    svg = get_ipython().display_formatter.formatters["image/svg+xml"](fig)
    if svg is None:  # nothing is drawn
        return {}
    image = html_image(svg.encode(), "image/svg+xml", _title(fig))
    return {"image/svg+xml": svg, "text/html": image}


def html_image(data: bytes, kind: str, alt: str) -> str:
    """Return an HTML image that carries its own data.

    Parameters
    ----------
    data : bytes
        The image file.
    kind : str
        Its media type, such as image/png.
    alt : str
        The alternative text.
    """
    source = f"data:{kind};base64,{b64encode(data).decode()}"
    return f'<img src="{source}" alt="{escape(alt)}" style="max-width:100%">'


def _title(fig: Figure) -> str:
    own = [fig.get_suptitle()] if fig.get_suptitle() else []
    titles = own or [ax.get_title(loc) for ax in fig.axes for loc in ("left", "center")]
    return ". ".join(filter(None, titles)).replace("$", "") or "Figure"


def figure(
    title: str, xlabel: str = "", ylabel: str = "", **subplots: Any
) -> tuple[Figure, Axes]:
    """Return a figure whose title states the finding, and its axes.

    Parameters
    ----------
    title : str
        What the figure shows to be so. With several axes it is the figure's.
    xlabel, ylabel : str, optional
        With several axes they stand once, along the figure's edges.
    **subplots
        Further keywords of `matplotlib.pyplot.subplots`.

    Returns
    -------
    fig : matplotlib.figure.Figure
    axes : matplotlib.axes.Axes, or array of them
        As `matplotlib.pyplot.subplots` returns them.
    """
    fig, axes = plt.subplots(**subplots)
    if isinstance(axes, Axes):
        axes.set(title=title, xlabel=xlabel, ylabel=ylabel)
    else:
        fig.suptitle(title, x=0.01, ha="left", weight="bold", size=10)
        fig.supxlabel(xlabel, size=10)
        fig.supylabel(ylabel, size=10)
    return fig, axes


def readable(color: Any) -> str:
    """Return the shade of a line's colour in which text has enough contrast.

    Parameters
    ----------
    color : str or tuple
        Any colour that Matplotlib knows.
    """
    code = to_hex(color).upper()
    return TEXT.get(code, code)


def label(line: Line2D, text: str) -> Annotation:
    """Write a curve's name at its right end, in the readable shade of its colour.

    Parameters
    ----------
    line : matplotlib.lines.Line2D
        A drawn curve, as `ax.plot` returns it; points that are not finite are left out.
    text : str

    Raises
    ------
    PlainValueError
        If the curve has no point with finite coordinates.
    """
    points = np.asarray(line.get_xydata(), float)
    points = points[np.isfinite(points).all(axis=1)]
    axes: Any = line.axes
    if not len(points) or axes is None:
        raise PlainValueError(f"'{text}' labels a curve without a finite point.")
    x, y = points[points[:, 0].argmax()]
    return note(axes, x, y, text, line.get_color())


def note(ax: Axes, x: float, y: float, text: str, color: Any = GREY) -> Annotation:
    """Write beside a point, in the readable shade of a colour.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
    x, y : float
        The point; the text begins a little to its right.
    text : str
    color : str, optional
        The colour of what is named.
    """
    return ax.annotate(
        text, (x, y), xytext=(4, 0), textcoords="offset points",
        color=readable(color), va="center", fontsize=9,
    )  # fmt: skip


def png(fig: Figure) -> None:
    """Show a figure as a 200-dpi PNG and close it: for images and above 1500 points.

    Parameters
    ----------
    fig : matplotlib.figure.Figure
    """
    buffer = io.BytesIO()
    dots = scale.pick(smoke=50, book=200)
    fig.savefig(buffer, format="png", dpi=dots, metadata={"Software": None})
    plt.close(fig)
    title = _title(fig)
    data = {"image/png": b64encode(buffer.getvalue()).decode(), "text/plain": title}
    facts = {"width": int(fig.get_figwidth() * 100), "alt": title}
    display(data, metadata={"image/png": facts}, raw=True)
