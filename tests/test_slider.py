"""The slider: one frame shown at a time, offline, with a still image beside it."""

import base64
from html.parser import HTMLParser

import matplotlib.pyplot as plt
import pytest

from companion import slider

CAPTIONS = ["rate 0.1: slow", "rate 0.2: <fast>", "rate 0.5: explodes"]


class Tags(HTMLParser):
    def __init__(self, html):
        super().__init__()
        self.seen = []
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        self.seen.append((tag, dict(attrs)))

    def all(self, tag):
        return [attrs for name, attrs in self.seen if name == tag]


@pytest.fixture(scope="module")
def frames():
    return [slider.png(plt.figure(figsize=(1 + i, 1))) for i in range(3)]


@pytest.fixture
def bundle(frames, displayed):
    slider.show(frames, CAPTIONS, "learning rate", first=1)
    return displayed[-1]


def test_a_range_input_has_a_position_for_each_frame(bundle):
    (control,) = Tags(bundle["text/html"]).all("input")
    assert (control["type"], control["min"], control["max"]) == ("range", "0", "2")
    assert control["value"] == "1"
    assert control["aria-valuetext"] == CAPTIONS[1]


def test_one_frame_shows_and_each_has_its_caption_as_alternative_text(bundle):
    tags = Tags(bundle["text/html"])
    hidden = ["display:none" in figure["style"] for figure in tags.all("figure")]
    assert hidden == [True, False, True]
    assert [image["alt"] for image in tags.all("img")] == CAPTIONS


def test_nothing_is_asked_of_the_network(bundle):
    assert all(
        i["src"].startswith("data:") for i in Tags(bundle["text/html"]).all("img")
    )
    assert "http" not in bundle["text/html"]


def test_the_chosen_frame_is_the_still_image(bundle, frames):
    assert base64.b64decode(bundle["image/png"]) == frames[1]
    assert bundle["text/plain"] == CAPTIONS[1]


def test_svg_frames_stay_svg(displayed):
    slider.show([b"<svg xmlns='a'/>"], ["one frame"], "rate")
    assert displayed[-1]["image/svg+xml"] == "<svg xmlns='a'/>"


@pytest.mark.parametrize(("n", "m"), [(0, 0), (1, 2)])
def test_each_frame_needs_a_caption(n, m):
    with pytest.raises(ValueError, match="a caption for each"):
        slider.show([b""] * n, ["caption"] * m, "rate")
