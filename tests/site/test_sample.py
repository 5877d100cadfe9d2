"""What the site makes of a page: folds, doors, boxes; on a page with all parts."""

import shutil
import subprocess
import sys
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from bs4 import BeautifulSoup

from builder import pdf
from builder.extensions.weight import without_measuring
from tests.places import ROOT
from tests.site.built import barriers
from tools import sync

PARTS = ROOT.parent / "shared" / "tools" / "parts"
PAGE = "notebooks/sample/mean.html"
FURTHER = "section#further > details.dtp-door"
AGAINST = "section#against-the-course-work > details.dtp-door"
pytestmark = [pytest.mark.site, pytest.mark.timeout(300)]


def is_open(page, selector):
    return page.locator(selector).evaluate("door => door.open")


def is_shown(page, text):
    """Say whether a text takes up room on the page."""
    return page.get_by_text(text).first.is_visible()


def test_the_sample_has_the_parts_of_the_mould(sample_book):
    if not PARTS.is_file():
        pytest.skip("the script that knows the mould's parts is not beside the book")
    command = [sys.executable, PARTS, "sample/mean"]
    run = subprocess.run(command, cwd=sample_book, capture_output=True, text=True)
    assert (run.returncode, run.stdout) == (0, "1 pages\n")


def test_a_fold_is_one_line_with_the_opening_comment(visit_sample):
    page = visit_sample(PAGE)
    fold = page.locator("details.hide").filter(has_text="Check (1)")
    summary = fold.locator("summary")
    assert summary.inner_text() == "Check (1)"
    assert summary.get_attribute("aria-label") is None
    assert "Show code cell source" not in page.content()
    assert fold.bounding_box()["height"] < 40
    look = "e => [getComputedStyle(e).borderLeftWidth, getComputedStyle(e).boxShadow]"
    assert fold.evaluate(look) == ["0px", "none"]
    assert summary.evaluate(look)[0] == "0px"


def test_a_fold_opens_by_the_keyboard_and_is_left_out_of_print(visit_sample):
    page = visit_sample(PAGE)
    fold = page.locator("details.hide").filter(has_text="Check (1)")
    fold.locator("summary").focus()
    page.keyboard.press("Enter")
    assert fold.evaluate("fold => fold.open")
    page.emulate_media(media="print")
    assert not fold.is_visible()


def test_a_fold_shows_its_output(visit_sample):
    page = visit_sample(PAGE)
    assert page.locator(".dtp-check").first.is_visible()


def test_doors_are_closed_and_say_what_is_inside(visit_sample):
    page = visit_sample(PAGE)
    assert not is_open(page, FURTHER)
    assert not is_open(page, AGAINST)
    further = page.locator(f"{FURTHER} > summary").inner_text()
    assert further == "The median; Higher powers; 1 minute"
    against = page.locator(f"{AGAINST} > summary").inner_text()
    assert against == "1 claim, 1 correction"
    assert page.get_by_role("heading", name="Further").is_visible()
    assert not is_shown(page, "behindthedoor")


def test_provenance_stands_outside_of_the_doors(visit_sample):
    page = visit_sample(PAGE)
    assert page.locator(".dtp-provenance").is_visible()


def test_a_door_opens_by_the_keyboard(visit_sample):
    page = visit_sample(PAGE)
    page.locator(f"{FURTHER} > summary").focus()
    page.keyboard.press("Enter")
    assert is_open(page, FURTHER)
    assert is_shown(page, "behindthedoor")


@pytest.mark.parametrize(
    ("target", "door"),
    [
        ("#claim-mean-of-three", AGAINST),
        ("#against-the-course-work", AGAINST),
        ("#the-median", FURTHER),
    ],
)
def test_a_link_into_a_door_opens_it(visit_sample, target, door):
    page = visit_sample(PAGE + target)
    page.wait_for_function(f"document.querySelector('{door}').open")
    assert page.locator(target).is_visible()
    assert page.locator(target).evaluate(
        "e => e.getBoundingClientRect().top < innerHeight"
    )


def test_the_scoreboard_leads_into_the_door(visit_sample):
    page = visit_sample("book/scoreboard.html")
    page.locator(".dtp-scoreboard a").first.click()
    page.wait_for_url(f"**/{PAGE}#claim-mean-of-three")
    page.wait_for_function(f"document.querySelector('{AGAINST}').open")


def test_a_link_opens_a_door_that_was_closed_again(visit_sample):
    page = visit_sample(PAGE)
    link = page.locator(".bd-sidebar-secondary a[href='#the-median']")
    link.evaluate("link => link.click()")
    page.wait_for_function(f"document.querySelector('{FURTHER}').open")
    page.locator(f"{FURTHER} > summary").click()
    assert not is_open(page, FURTHER)
    link.evaluate("link => link.click()")
    page.wait_for_function(f"document.querySelector('{FURTHER}').open")


def test_a_search_hit_opens_its_door(visit_sample):
    page = visit_sample("search.html?q=behindthedoor")
    result = page.locator("#search-results a[href*='mean.html']").first
    result.wait_for(timeout=15_000)
    result.click()
    page.wait_for_url(f"**/{PAGE}*")
    page.wait_for_function(f"document.querySelector('{FURTHER}').open")
    assert not is_open(page, AGAINST)


def test_search_knows_a_page_by_its_keywords(visit_sample):
    page = visit_sample("search.html?q=centre+of+gravity")
    result = page.locator("#search-results li a").first
    result.wait_for(timeout=15_000)
    assert "notebooks/sample/mean.html" in result.get_attribute("href")


def test_search_shows_no_tex(visit_sample):
    page = visit_sample("search.html?q=slope")
    lines = page.locator("#search-results p.context")
    lines.first.wait_for(timeout=15_000)
    assert all("slope" in text for text in lines.all_inner_texts())
    assert not any("\\" in text or "$" in text for text in lines.all_inner_texts())


def test_find_in_page_opens_a_door(visit_sample):
    page = visit_sample(PAGE + "#:~:text=behindthedoor")
    page.wait_for_function(f"document.querySelector('{FURTHER}').open")


def test_print_shows_what_is_behind_the_doors(visit_sample):
    page = visit_sample(PAGE)
    page.emulate_media(media="print")
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert is_shown(page, "behindthedoor")
    page.emulate_media(media="screen")
    page.evaluate("dispatchEvent(new Event('afterprint'))")
    assert not is_open(page, FURTHER)


def test_print_shows_it_without_a_script(visit_sample):
    page = visit_sample(PAGE)
    page.emulate_media(media="print")
    assert not is_open(page, FURTHER)
    assert is_shown(page, "behindthedoor")


@pytest.mark.parametrize(
    "kind",
    ["in-short", "guess", "answered", "true-or-false", "summary", "take-away"],
)
def test_boxes(visit_sample, kind):
    page = visit_sample(PAGE)
    box = page.locator(f"div.admonition.dtp-{kind}").first
    assert box.is_visible()
    icon = "e => getComputedStyle(e.firstElementChild, '::after').content"
    assert box.evaluate(icon) == "none"


def test_an_answered_guess_has_its_own_look(visit_sample):
    page = visit_sample(PAGE)
    colour = "e => getComputedStyle(e).borderLeftColor"
    asked = page.locator("div.dtp-guess:not(.dtp-answered)").evaluate(colour)
    assert page.locator("div.dtp-guess.dtp-answered").evaluate(colour) != asked


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_fits_a_phone(visit_sample, scheme):
    page = visit_sample(PAGE, width=390, height=844, scheme=scheme)
    assert page.troubles == []
    assert page.evaluate("document.documentElement.scrollWidth") <= 391
    assert barriers(page) == []


@pytest.mark.parametrize(
    "path",
    [
        "index.html",
        PAGE,
        "book/scoreboard.html",
        "book/errata.html",
        "book/figures.html",
    ],
)
def test_it_has_no_barriers(visit_sample, path):
    assert barriers(visit_sample(path)) == []


def test_mentions_of_equations_and_figures_are_links(visit_sample):
    page = visit_sample(PAGE)
    links = page.locator("div.dtp-answered a")
    assert links.all_inner_texts() == ["(1)", "Figure 1"]
    for link, kind in zip(links.all(), ("div.math", "strong"), strict=True):
        target = link.get_attribute("href")
        assert page.locator(f"{kind}{target}").count() == 1


def test_the_index_shows_each_figure_and_leads_to_it(visit_sample):
    page = visit_sample("book/figures.html")
    assert (
        page.locator(".dtp-figures p").inner_text()
        == "Sums of squares and of fourth powers."
    )
    image = page.locator(".dtp-figures img")
    image.scroll_into_view_if_needed()
    page.wait_for_function(
        "image => image.complete && image.naturalWidth", arg=image.element_handle()
    )
    page.get_by_text("Figure 1").click()
    page.wait_for_url(f"**/{PAGE}#figure-1")


def test_the_list_of_corrections_quotes_each_and_leads_to_it(visit_sample):
    page = visit_sample("book/errata.html")
    entry = page.locator(".dtp-erratum")
    assert entry.inner_text().split("\n\n") == [
        "S 1 shown on The mean",
        "By (1) the printed mean is rounded wrongly.",
    ]
    mention = entry.get_by_text("(1)").get_attribute("href")
    assert mention.endswith(f"{PAGE}#equation-1")
    entry.get_by_text("S 1").click()
    page.wait_for_url(f"**/{PAGE}#correction-s-1")
    assert page.locator("#correction-s-1").is_visible()


def test_the_pdf_holds_all_pages_and_is_linked_from_the_cover(sample_site, tmp_path):
    site = shutil.copytree(sample_site, tmp_path / "site")
    toc = Path(__file__).parent / "sample" / "_toc.yml"
    # In a process of its own: this one drives a browser already.
    command = [sys.executable, "-m", "builder.pdf", site, "--toc", toc]
    subprocess.run(command, cwd=ROOT, check=True)
    text = (site / pdf.NAME).read_bytes()
    assert text.startswith(b"%PDF") and len(text) > 50_000
    # In the document: outline, and links that stay inside of it.
    assert b"/Outlines" in text and b"/Dest" in text
    assert f'href="{pdf.NAME}"' in (site / "index.html").read_text("utf-8")
    whole = pdf.together(site, pdf.pages(toc))
    soup = BeautifulSoup(whole, "html.parser")
    ids = {tag["id"] for tag in soup.select("[id]")}
    links = [a["href"] for a in soup.select("article a[href^='#']")]
    assert links and [link for link in links if link[1:] not in ids] == []
    assert soup.select("details.dtp-door:not([open])") == []
    # The cover has no formulas, and yet those of the other pages are typeset.
    assert soup.select("head script[src*='_static/maths.js']")


def test_a_site_that_is_not_whole_is_not_printed(tmp_path, capsys):
    toc = Path(__file__).parent / "sample" / "_toc.yml"
    assert pdf.main([str(tmp_path), "--toc", str(toc)]) == 2
    assert "run make book before make pdf" in capsys.readouterr().out


def test_a_dark_page_is_printed_in_light_colours(visit_sample):
    page = visit_sample(PAGE, scheme="dark")
    theme = "document.documentElement.dataset.theme"
    page.wait_for_function(f"{theme} === 'dark'")
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert page.evaluate(theme) == "light"
    page.evaluate("dispatchEvent(new Event('afterprint'))")
    assert page.evaluate(theme) == "dark"


def fetched(page, path):
    """Return what a browser asks a site for to show a page: file to time in ms."""
    entries = page.evaluate(
        "performance.getEntriesByType('resource').map(e => [e.name, e.startTime])"
    )
    return {path: 0} | {urlsplit(name).path.lstrip("/"): t for name, t in entries}


@pytest.mark.parametrize("path", ["index.html", PAGE, "book/scoreboard.html"])
def test_a_page_is_light(sample_site, visit_sample, path):
    files = fetched(visit_sample(path), path)
    own = [sample_site / name for name in files if not name.startswith("_images/")]
    assert sum(file.stat().st_size for file in own) < 1_300_000  # bytes
    assert any("mathjax/" in name for name in files) == (path == PAGE)
    assert "searchindex.js" not in files


def test_formulas_are_typeset_when_the_page_answers_already(visit_sample):
    page = visit_sample(PAGE)
    ready = page.evaluate(
        "performance.getEntriesByType('navigation')[0].domContentLoadedEventEnd"
    )
    files = fetched(page, PAGE)
    assert ready <= min(t for name, t in files.items() if "mathjax/" in name)
    left = ".math:not(:has(mjx-container))"
    assert page.locator(left).count() == 0 < page.locator(".math").count()


def test_pictures_come_when_near_and_their_room_is_kept(visit_sample):
    page = visit_sample(PAGE)
    pictures = page.locator(".cell_output img[src*='_images/']")
    assert pictures.count() > 0
    for picture in pictures.all():
        assert picture.get_attribute("loading") == "lazy"
        width, height = (float(picture.get_attribute(k)) for k in ("width", "height"))
        box = picture.evaluate("e => [e.clientWidth, e.clientHeight]")
        assert box[1] == pytest.approx(box[0] * height / width, abs=2)


def test_the_theme_without_its_search_for_boxes_that_scroll():
    theme = 'a();"complete"===document.readyState?I():window.addEventListener("load",I)'
    assert without_measuring(theme) == "a();0"
    with pytest.raises(ValueError, match="mend MEASURING"):
        without_measuring("another script")


def test_icons_and_styles_are_those_in_use(sample_site):
    styles = (sample_site / "_static/styles/pydata-sphinx-theme.css").read_text("utf-8")
    assert ".fa-chevron-down" in styles and ".fa-horse" not in styles
    assert "woff2" not in styles
    fonts = (sample_site / "_static/vendor/fontawesome/webfonts").glob("*.ttf")
    assert all(font.stat().st_size < 20_000 for font in fonts)


def test_the_arrows_of_the_sidebar_have_names(visit_sample):
    page = visit_sample(PAGE)
    arrows = page.locator(".bd-sidebar-primary summary")
    names = arrows.evaluate_all("all => all.map(e => e.ariaLabel)")
    assert names == ["Pages of Sample part"]
    icon = arrows.locator("i").evaluate("e => getComputedStyle(e, '::before').content")
    assert icon not in ("none", "normal")


def test_the_keyboard_is_seen_and_steps_over_copy_buttons(visit_sample):
    page = visit_sample(PAGE)
    page.locator("button.copybtn").first.wait_for(state="attached")
    outline = "e => getComputedStyle(e).outlineStyle"
    for _ in range(40):
        page.keyboard.press("Tab")
        at = page.locator(":focus")
        assert "copybtn" not in (at.get_attribute("class") or "")
        assert at.evaluate(outline) != "none", at.evaluate("e => e.outerHTML")


def edges(page, selector):
    """Return the left and right edges of what is shown of a selector."""
    boxes = "all => all.map(e => e.getBoundingClientRect()).filter(b => b.width)"
    return page.eval_on_selector_all(
        selector, f"all => ({boxes})(all).map(b => [b.left, b.right])"
    )


def test_on_a_phone_a_long_formula_keeps_its_number_in_sight(visit_sample):
    page = visit_sample(PAGE, width=390, height=844)
    too_wide = "all => all.some(box => box.scrollWidth > box.clientWidth)"
    assert page.eval_on_selector_all("div.math", too_wide)
    numbers = edges(page, "mjx-labels mjx-mtext")
    assert numbers
    assert all(0 <= left < right <= 390 for left, right in numbers)


def test_on_a_phone_figures_are_large_and_scroll_by_the_keyboard(visit_sample):
    page = visit_sample(PAGE, width=390, height=844)
    image = page.locator(".cell_output > img").first
    assert image.bounding_box()["width"] >= 480
    scroller = image.locator("xpath=..")
    scroller.focus()
    page.keyboard.press("ArrowRight")
    page.wait_for_function("document.activeElement.scrollLeft > 0")


def test_on_a_phone_no_figure_of_a_card_is_out_of_sight(visit_sample):
    page = visit_sample(PAGE + "#claim-mean-of-three", width=390, height=844)
    page.wait_for_function(f"document.querySelector('{AGAINST}').open")
    cells = page.locator(".dtp-claim td")
    assert cells.count() > 0
    assert all(right <= 390 for _, right in edges(page, ".dtp-claim td"))
    before = "e => getComputedStyle(e, '::before').content"
    named = page.locator(".dtp-claim td[data-head='goal']").first
    assert named.evaluate(before) == '"goal: "'


def test_a_card_has_a_picture_without_words(sample_site, visit_sample):
    page = visit_sample("index.html")
    card, later = page.locator(".dtp-card").all()
    source = card.locator("img").get_attribute("src")
    drawing = (sample_site / source).read_text("utf-8")
    assert 'id="axes_1"' in drawing and 'id="text_' not in drawing
    assert "to come" in later.inner_text() and not later.locator("img").count()


def test_the_sidebar_has_the_short_title_and_the_page_its_own(visit_sample):
    page = visit_sample(PAGE)
    assert page.locator("article h1").inner_text().startswith("The mean")
    sidebar = page.locator(".bd-sidebar-primary a.current").last
    assert sidebar.inner_text().strip() == "The mean"


def test_the_twin_is_folded_in_jupyter_and_in_colab(sample_book):
    twin = sync.twin(sample_book / "notebooks" / "sample" / "mean.md")
    assert '"source_hidden": true' in twin
    assert '"cellView": "form"' in twin
    assert '"#@title Check (1)\\n"' in twin
