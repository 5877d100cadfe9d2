"""The palette in one place, readable labels, reproducible pictures."""

import os
import re
from base64 import b64decode

import matplotlib.pyplot as plt
import nbformat
import numpy as np
import pytest
from IPython.core.interactiveshell import InteractiveShell
from nbclient import NotebookClient

from companion import plotting
from companion.errors import PlainValueError
from tests.places import ROOT

COLOUR = re.compile(r"#[0-9a-fA-F]{6}\b")


@pytest.fixture
def shell(monkeypatch):
    """A shell whose displayed bundles are figures, as in a notebook."""
    InteractiveShell.clear_instance()
    shell = InteractiveShell.instance()
    monkeypatch.setattr(plotting, "get_ipython", lambda: shell)
    with plt.rc_context():
        yield shell
    InteractiveShell.clear_instance()


def displayed(shell, fig):
    data, _ = shell.display_formatter.format(fig)
    plt.close(fig)
    return data


@pytest.fixture
def ax():
    fig, ax = plt.subplots()
    yield ax
    plt.close(fig)


def luminance(color):
    channels = (int(color[i : i + 2], 16) / 255 for i in (1, 3, 5))
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4
              for c in channels]  # fmt: skip
    return np.dot([0.2126, 0.7152, 0.0722], linear)


@pytest.mark.parametrize("name", ["cards", "claims", "page", "recorded", "text"])
def test_the_palette_stands_in_plotting_alone(name):
    assert not COLOUR.findall((ROOT / f"src/companion/{name}.py").read_text())


def test_only_a_smoke_run_leaves_figures_uncut(monkeypatch, at_scale):
    asked = {}
    monkeypatch.setattr(plotting, "get_ipython", object)
    monkeypatch.setattr(
        plotting, "set_matplotlib_formats", lambda _, **k: asked.update(k)
    )
    for name, edges in (("smoke", None), ("book", "tight")):
        at_scale(name)
        with plt.rc_context():
            plotting.use_style()
        assert asked["bbox_inches"] == edges


def test_a_notebook_s_figure_is_named_by_its_title(monkeypatch, shell):
    monkeypatch.delenv("COMPANION_BOOK", raising=False)
    plotting.use_style()
    data = displayed(shell, plotting.figure("Loss < 1 at $x = 0$")[0])
    assert 'alt="Loss &lt; 1 at x = 0"' in data["text/html"]
    drawing = data["text/html"].split("base64,")[1].split('"')[0]
    assert b64decode(drawing).decode() == data["image/svg+xml"]


def test_several_axes_are_named_together(shell, monkeypatch):
    monkeypatch.delenv("COMPANION_BOOK", raising=False)
    plotting.use_style()
    fig, axes = plt.subplots(ncols=2)
    axes[0].set_title("Before")
    axes[1].set_title("After", loc="left")
    assert 'alt="Before. After"' in displayed(shell, fig)["text/html"]
    assert 'alt="Figure"' in displayed(shell, plt.subplots()[0])["text/html"]
    assert "text/html" not in displayed(shell, plt.figure())


def test_the_site_gets_the_drawing_alone(monkeypatch, shell):
    monkeypatch.setenv("COMPANION_BOOK", "1")
    plotting.use_style()
    data = displayed(shell, plotting.figure("It falls")[0])
    assert {"image/svg+xml", "text/plain"} == set(data)


@pytest.mark.parametrize("color", [*plotting.TEXT, plotting.GREY])
def test_coloured_text_has_enough_contrast_on_white(color):
    assert 1.05 / (luminance(plotting.readable(color)) + 0.05) >= 4.5


def test_a_label_stands_at_the_right_end_of_its_curve(ax):
    (line,) = ax.plot([3.0, 1.0, 2.0], [30.0, 10.0, 20.0], color=plotting.VERMILION)
    label = plotting.label(line, "Adam")
    assert (label.xy, label.get_text()) == ((3.0, 30.0), "Adam")
    assert label.get_color() == "#A84A00"
    assert label.axes is ax


def test_a_label_leaves_out_what_is_not_finite(ax):
    (line,) = ax.plot([1.0, 2.0, 3.0], [1.0, 5.0, np.nan])
    assert plotting.label(line, "loss").xy == (2.0, 5.0)
    (empty,) = ax.plot([1.0], [np.inf])
    with pytest.raises(PlainValueError, match="'loss' labels a curve without"):
        plotting.label(empty, "loss")


@pytest.mark.parametrize("color", ["#0072b2", (0, 114 / 255, 178 / 255), "C0"])
def test_any_way_to_write_a_colour_is_read(color):
    with plt.rc_context(plotting.STYLE):
        assert plotting.readable(color) == plotting.TEXT[plotting.BLUE]


def test_a_note_stands_beside_its_point(ax):
    note = plotting.note(ax, 1, 2, "floor")
    assert (note.xy, note.get_color()) == ((1, 2), plotting.GREY)


def test_the_title_of_several_axes_is_the_figure_s():
    fig, axes = plotting.figure("It falls", "step", "loss", ncols=2)
    assert fig.get_suptitle() == "It falls"
    assert [ax.get_title("left") for ax in axes] == ["", ""]
    plt.close(fig)


def test_the_title_of_one_axes_stands_at_its_left():
    with plt.rc_context(plotting.STYLE):
        fig, ax = plotting.figure("It falls", "step", "loss")
    shown = ax.get_title("left"), ax.get_xlabel(), ax.get_ylabel()
    assert shown == ("It falls", "step", "loss")
    plt.close(fig)


def test_the_same_picture_gives_the_same_png(monkeypatch):
    shown = []
    monkeypatch.setattr(plotting, "display", lambda *a, **k: shown.append((*a, k)))
    for _ in range(2):
        fig, ax = plotting.figure("A title")
        ax.plot([1, 2])
        plotting.png(fig)
    assert shown[0] == shown[1]
    data, options = shown[0]
    assert b64decode(data["image/png"]).startswith(b"\x89PNG")
    assert options["metadata"]["image/png"] == {"width": 640, "alt": "A title"}


def test_a_notebook_draws_each_figure_once():
    count = """from matplotlib.figure import Figure
drawn, draw = [], Figure.draw
def counted(fig, renderer):
    drawn.append(renderer)
    draw(fig, renderer)
Figure.draw = counted"""
    cells = [
        "from companion import page, plotting; page.start('part/page')",
        count,
        "plotting.figure('It falls')[1].plot([1, 0]);",
        "print(len(drawn))",
    ]
    new = nbformat.v4.new_code_cell
    notebook = nbformat.v4.new_notebook(cells=[new(cell) for cell in cells])
    env = {**os.environ, "COMPANION_SCALE": "smoke"}
    NotebookClient(notebook, kernel_name="python3").execute(env=env)
    assert "image/svg+xml" in notebook.cells[2].outputs[0].data
    assert notebook.cells[3].outputs[0].text == "1\n"
