"""The HTML report in a real browser: its curves draw, answer to mouse and keyboard, and need nothing but the page.

The browser is the Chromium that is there; ``BENCH_BROWSER`` names another. Without one these tests fail.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import pytest
from planted import PAPER, clip, curve, failed, record

from bench.cli import main
from bench.report.write import write_report

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Locator, Page

pytestmark = [pytest.mark.browser, pytest.mark.process]
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
QUICK = Path(__file__).resolve().parents[2] / "results" / "quick"
PHONE, DESKTOP = (390, 844), (1280, 900)
"""Width and height in pixels."""


def planted_report(folder: Path) -> Path:
    """Two sections, one of them with three codecs and the other with two sequences, and a cell that failed."""
    sequences = [
        one
        for sequence, gain in (("beauty", 0.0), ("jockey", 2.0))
        for one in curve("nerv", gain=gain, where=clip("uvg", sequence), preset=PAPER)
    ]
    bunny = [*curve("nerv"), *curve("e-nerv", gain=3), *curve("x265", gain=1.5)]
    return write_report([*bunny, *sequences, failed(record("vvenc", 0.1), "not built in")], folder)


def quick_report(folder: Path) -> Path:
    """Of the committed results of the preset ``quick``."""
    shutil.copytree(QUICK, folder / "quick", ignore=shutil.ignore_patterns("report"))
    assert main(["report", "--results", str(folder / "quick")]) == 0
    return folder / "quick" / "report" / "report.html"


@pytest.fixture(scope="module", params=[planted_report, quick_report], ids=["planted", "quick"])
def report(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Each report under test."""
    path: Path = request.param(tmp_path_factory.mktemp("report"))
    return path


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """The one that is there."""
    from playwright.sync_api import sync_playwright  # here: only `tox run -e browser` has it

    named = os.environ.get("BENCH_BROWSER")
    found = [path for path in map(shutil.which, [named] if named else BROWSERS) if path]
    if not found:
        pytest.fail(f"No browser: none of {named or ', '.join(BROWSERS)} is here. BENCH_BROWSER names another.")
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=found[0])
        yield launched
        launched.close()


class Visit:
    """A page that shows a report, and everything that it asked for or complained of."""

    def __init__(self, page: Page, report: Path) -> None:
        """Open ``report`` from its file."""
        self.page = page
        self.address = report.absolute().as_uri()
        self.requests: list[str] = []
        self.complaints: list[str] = []
        page.on("request", lambda request: self.requests.append(request.url))
        page.on("console", lambda message: self.complaints.append(f"{message.type}: {message.text}"))
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.goto(self.address)

    def chart(self) -> Chart:
        """The one of most curves, drawn."""
        figures = self.page.locator(".curves").all()
        return Chart(max(figures, key=lambda figure: figure.locator("button").count()))

    def style(self, selector: str, name: str) -> str:
        """What the browser makes of the style sheet."""
        found = self.page.locator(selector).first.evaluate("(e, name) => getComputedStyle(e)[name]", name)
        return str(found)


class Chart:
    """Curves to explore, and what they should show according to the data in the page."""

    def __init__(self, figure: Locator) -> None:
        """Scroll to it, and wait until it is drawn."""
        self.figure = figure
        self.box = figure.locator(".chart")
        self.buttons = figure.locator("button[data-curve]")
        self.metric = figure.locator("select[name=metric]")
        self.output = figure.locator("output")
        self.data: dict[str, Any] = json.loads(figure.locator("script").inner_text())
        self.box.scroll_into_view_if_needed()
        self.box.locator("svg").wait_for()

    def markers(self) -> Locator:
        """The points that are drawn, each with the text that says it."""
        return self.box.locator("svg path[aria-roledescription=point][aria-label]")

    def ticks(self) -> list[str]:
        """What stands at the axes."""
        texts: list[str] = self.box.locator("svg .role-axis-label text").all_text_contents()
        return texts

    def expected(self, metric: int = 0, without: int | None = None) -> int:
        """How many points the first sequence has, less those of a curve."""
        return sum(p[1] == 0 and p[0] != without and p[4 + metric] is not None for p in self.data["points"])


@pytest.fixture
def visit(browser: Browser, report: Path) -> Iterator[Visit]:
    """A desktop's visit in the light, which must end without complaint and without having asked for anything."""
    width, height = DESKTOP
    context = browser.new_context(viewport={"width": width, "height": height}, color_scheme="light")
    made = Visit(context.new_page(), report)
    yield made
    context.close()
    assert made.complaints == []
    assert [address for address in made.requests if not address.startswith("data:")] == [made.address]


def test_curves_are_drawn(visit: Visit) -> None:
    """All charts of the page, every point of them, on the picture and with its numbers; the plain pictures give way."""
    from playwright.sync_api import expect

    figures = visit.page.locator(".curves").all()
    assert figures
    for chart in map(Chart, figures):
        expect(chart.markers()).to_have_count(chart.expected())
        assert chart.expected() >= 4
        said = chart.markers().first.get_attribute("aria-label") or ""
        assert said.startswith(chart.data["curves"][0]["label"])
        assert " dB at " in said
        lines = [line.get_attribute("d") or "" for line in chart.box.locator("svg .mark-line path").all()]
        assert len(lines) == len({p[0] for p in chart.data["points"] if p[1] == 0})
        assert all(len(line) > 20 for line in lines)
        frame, svg = chart.box.bounding_box(), chart.box.locator("svg").bounding_box()
        assert frame
        assert svg
        assert svg["width"] > 0.9 * frame["width"] > 300
    assert visit.page.locator(".drawn").count() > 0
    assert not any(picture.is_visible() for picture in visit.page.locator(".drawn").all())


def test_a_button_hides_its_curve(visit: Visit) -> None:
    """And shows it again."""
    from playwright.sync_api import expect

    chart = visit.chart()
    button = chart.buttons.nth(1)
    for state, without in (("false", 1), ("true", None)):
        button.click()
        expect(button).to_have_attribute("aria-pressed", state)
        expect(chart.markers()).to_have_count(chart.expected(without=without))
    assert chart.expected(without=1) < chart.expected()


def test_another_metric_has_its_own_values(visit: Visit) -> None:
    """At the points and at the axis."""
    from playwright.sync_api import expect

    chart = visit.chart()
    first, ticks = chart.markers().first, chart.ticks()
    said = first.get_attribute("aria-label") or ""
    chart.metric.select_option(index=1)
    expect(first).not_to_have_attribute("aria-label", said)
    expect(chart.markers()).to_have_count(chart.expected(metric=1))
    assert ticks
    assert chart.ticks() != ticks
    point = min((p for p in chart.data["points"] if p[:2] == [0, 0] and p[5] is not None), key=lambda p: float(p[3]))
    assert f"{point[5]:.2f} dB" in (first.get_attribute("aria-label") or "")


def test_arrow_keys_go_from_point_to_point(visit: Visit) -> None:
    """A slider whose value is what the point says, in the picture's own order, round and round."""
    from playwright.sync_api import expect

    chart = visit.chart()
    markers = chart.markers().all()
    said, places = ([one.get_attribute(name) or "" for one in markers] for name in ("aria-label", "transform"))
    last = len(said)
    ring = chart.box.locator("svg .mark-symbol path:not([aria-label])")
    chart.box.focus()
    steps = [("ArrowRight", 1), ("ArrowRight", 2), ("ArrowLeft", 1), ("ArrowLeft", last), ("ArrowRight", 1)]
    for key, position in [*steps, ("End", last), ("Home", 1), ("ArrowUp", 2), ("ArrowDown", 1)]:
        visit.page.keyboard.press(key)
        expect(chart.box).to_have_attribute("aria-valuenow", str(position))
        expect(chart.box).to_have_attribute("aria-valuetext", said[position - 1])
        expect(chart.output).to_have_text(said[position - 1])
        expect(ring).to_have_attribute("transform", places[position - 1])
    expect(chart.box).to_have_attribute("aria-valuemax", str(last))
    visit.page.keyboard.press("Tab")
    expect(chart.box).to_have_attribute("aria-valuetext", "no point")
    expect(ring).to_have_count(0)


@pytest.mark.parametrize(("width", "height"), [PHONE, DESKTOP], ids=["phone", "desktop"])
def test_a_page_is_as_wide_as_its_window(width: int, height: int, visit: Visit) -> None:
    """With every table open: what is wider scrolls by itself. The chart follows the window."""
    from playwright.sync_api import expect

    visit.page.set_viewport_size({"width": width, "height": height})
    visit.page.reload()
    visit.requests.pop()
    chart = visit.chart()
    visit.page.evaluate("document.querySelectorAll('details').forEach((part) => { part.open = true; })")
    inner, scrolled = visit.page.evaluate(
        "[document.documentElement.clientWidth, document.documentElement.scrollWidth]"
    )
    assert scrolled <= inner <= width
    expect(chart.markers()).to_have_count(chart.expected())
    svg = chart.box.locator("svg").bounding_box()
    assert svg
    assert 0 <= svg["x"] < svg["x"] + svg["width"] <= width


def test_it_is_light_or_dark_as_the_reader_prefers(visit: Visit) -> None:
    """Page, text and curves, at once when the preference changes."""

    def luminance(colour: str) -> float:
        red, green, blue = (float(part) for part in colour.removeprefix("rgb(").rstrip(")").split(",")[:3])
        return 0.2126 * red + 0.7152 * green + 0.0722 * blue

    chart = visit.chart()
    colours: dict[str, str | None] = {}
    schemes: tuple[Literal["light", "dark"], ...] = ("light", "dark")
    for scheme in schemes:
        visit.page.emulate_media(color_scheme=scheme)
        look = chart.data["curves"][0]["colour" if scheme == "light" else "dark"]
        chart.box.locator(f"svg path[aria-roledescription=point][fill='{look}' i]").first.wait_for()
        page, text = (luminance(visit.style("body", name)) for name in ("backgroundColor", "color"))
        assert (page > 200 > 80 > text) if scheme == "light" else (page < 50 < 180 < text)
        colours[scheme] = chart.markers().first.get_attribute("fill")
    assert colours["light"] != colours["dark"]


def test_without_a_script_there_are_pictures(browser: Browser, report: Path) -> None:
    """The same curves, plain."""
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(report.absolute().as_uri())
    assert not any(figure.is_visible() for figure in page.locator(".curves").all())
    assert all(picture.is_visible() for picture in page.locator(".drawn").all())
    context.close()
