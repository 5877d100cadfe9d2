"""The look of every figure: palette, defaults, labelled curves, SVG or PNG."""

import io
from typing import Any

import matplotlib as mpl
import matplotlib.pyplot as plt
from IPython import get_ipython
from IPython.display import Image, display
from matplotlib import rcsetup
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib_inline.backend_inline import set_matplotlib_formats

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
    """Set the book's defaults; in Jupyter, show figures as reproducible SVG."""
    mpl.rcParams.update(STYLE)
    if get_ipython() is not None:
        # No date and a fixed salt: the same page gives the same bytes.
        set_matplotlib_formats("svg", metadata={"Date": None})


def figure(
    title: str, xlabel: str = "", ylabel: str = "", **subplots: Any
) -> tuple[Figure, Axes]:
    """Return a figure whose title states the finding, and its axes.

    Further keywords go to `matplotlib.pyplot.subplots`. With several axes the
    title is the figure's and the labels are set on the outer axes.
    """
    fig, axes = plt.subplots(**subplots)
    if isinstance(axes, Axes):
        axes.set(title=title, xlabel=xlabel, ylabel=ylabel)
    else:
        fig.suptitle(title, x=0.01, ha="left", weight="bold", size=10)
        fig.supxlabel(xlabel, size=10)
        fig.supylabel(ylabel, size=10)
    return fig, axes


def label(ax: Axes, x: float, y: float, text: str, color: str = GREY) -> None:
    """Write a label beside a curve in the readable shade of the curve's colour."""
    ax.annotate(
        text, (x, y), xytext=(4, 0), textcoords="offset points",
        color=TEXT.get(color, color), va="center", fontsize=9,
    )  # fmt: skip


def png(fig: Figure) -> None:
    """Show a figure as a 200-dpi PNG: for images and above 1500 points."""
    buffer = io.BytesIO()
    fig.savefig(buffer, format="png", dpi=200, metadata={"Software": None})
    plt.close(fig)
    display(Image(buffer.getvalue(), width=int(fig.get_figwidth() * 100)))
