"""The HTML report parses, needs no other file, and can be used by everybody."""

from __future__ import annotations

import json
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote
from xml.etree import ElementTree

import pytest
from planted import PAPER, clip, curve, failed, record

from bench.analysis.comparable import CODEC_ORDER, comparable_sets
from bench.records.record import Record
from bench.report.figures.picture import DARK, codec_styles
from bench.report.forms.html import MAX_ROWS, OPEN_ROWS
from bench.report.forms.interactive import SHAPES, as_json, chart, curve_data
from bench.report.write import write_report

PLANTED = [*curve("nerv"), *curve("e-nerv", gain=3), *curve("x265", gain=1.5)]
UVG = [
    one
    for sequence, gain in (("beauty", 0.0), ("jockey", 2.0))
    for one in curve("nerv", gain=gain, where=clip("uvg", sequence), preset=PAPER)
]


class Page(HTMLParser):
    """Collects from a page what the tests ask for, and checks that its elements nest."""

    VOID = frozenset({"meta", "img", "br", "hr", "link", "input"})

    def __init__(self, text: str) -> None:
        """Read the page ``text``."""
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.pieces: list[tuple[str, str]] = []
        self.feed(text)
        self.close()
        assert not self.open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note an element."""
        self.tags.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_data(self, data: str) -> None:
        """Note the text of an element."""
        if self.open:
            self.pieces.append((self.open[-1], data))

    def handle_endtag(self, tag: str) -> None:
        """Check that the element that ends is the last one that began."""
        assert self.open.pop() == tag

    def texts(self, tag: str) -> list[str]:
        """The text directly inside each element of this kind."""
        return [text for name, text in self.pieces if name == tag]

    def every(self, *tags: str) -> list[dict[str, str | None]]:
        """The attributes of all elements of these kinds."""
        return [attributes for tag, attributes in self.tags if tag in tags]


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Page:
    """A report with two sections, one of which has two sequences, and with a failed cell."""
    records: list[Record] = [*PLANTED, *UVG, failed(record("vvenc", 0.1), "not built in")]
    return Page(write_report(records, tmp_path_factory.mktemp("report")).read_text(encoding="utf-8"))


def test_it_loads_nothing(page: Page) -> None:
    """Scripts, styles and pictures are in the page, and links stay within it."""
    assert not page.every("link", "iframe", "object", "embed")
    assert not any("src" in script for script in page.every("script"))
    for picture in page.every("img"):
        kind, _, svg = (picture["src"] or "").partition(",")
        assert kind == "data:image/svg+xml"
        assert ElementTree.fromstring(unquote(svg)).tag == "{http://www.w3.org/2000/svg}svg"
    assert all((link["href"] or "").startswith("#") for link in page.every("a"))


def test_pictures_say_what_they_show_and_keep_their_place(page: Page) -> None:
    """Each picture has a text that says what it shows, and a size, so that nothing moves when it appears."""
    assert len(page.every("img")) > 10
    for picture in page.every("img"):
        assert len(picture["alt"] or "") > 20
        assert int(picture["width"] or 0) > 0 < int(picture["height"] or 0)
    alts = " ".join(picture["alt"] or "" for picture in page.every("img"))
    for words in ("nerv: 30.0 to 39.0 dB", "nerv: 12.0 to 21.0 dB", "nerv fc_dim=10: 30.00 dB after 400 steps"):
        assert words in alts


def test_tables_are_tables(page: Page) -> None:
    """Tables have captions and headings of rows and columns, and stand in regions that the keyboard can scroll."""
    assert len(page.every("caption")) == len(page.every("table")) > 0
    assert all(heading.get("scope") in ("row", "col") for heading in page.every("th"))
    regions = [div for div in page.every("div") if div.get("role") == "region"]
    assert len(regions) == len(page.every("table"))
    assert all(region.get("tabindex") == "0" and region.get("aria-label") for region in regions)


def test_curves_can_be_used_without_a_mouse(page: Page) -> None:
    """Each curve has a button with a state; choices have labels; the chart takes the focus and is read out."""
    buttons = page.every("button")
    assert len(buttons) == 4 + 1  # nerv, e-nerv, x265 and vvenc on Bunny, nerv on UVG
    assert all(button["aria-pressed"] == "true" and button["type"] == "button" for button in buttons)
    charts = [div for div in page.every("div") if div.get("class") == "chart"]
    assert [chart.get("tabindex") for chart in charts] == ["0", "0"]
    # Or screen readers keep the arrow keys for themselves.
    assert [chart.get("role") for chart in charts] == ["slider", "slider"]
    assert all(chart.get("aria-valuetext") == "no point" for chart in charts)
    assert all("arrow keys" in (chart["aria-label"] or "") for chart in charts)
    assert [output["aria-live"] for output in page.every("output")] == ["off", "off"]  # the slider says it
    assert len(page.every("select")) == 4 <= len(page.every("label"))


def test_curves_are_pictures_without_a_script(page: Page) -> None:
    """The page also has the script's curves as pictures, which are hidden only once the script runs."""
    drawn = [figure for figure in page.every("figure") if "drawn" in (figure.get("class") or "").split()]
    assert len(drawn) == 4  # two metrics in two sections
    style = " ".join(page.texts("style"))
    assert ".curves, .script .drawn { display: none; }" in style
    assert 'classList.add("script")' in page.texts("script")[0]


def test_it_is_dark_where_the_reader_prefers_that(page: Page) -> None:
    """The page and its pictures have dark colours, one for each colour of a codec."""
    assert "prefers-color-scheme: dark" in " ".join(page.texts("style"))
    styles = codec_styles([*CODEC_ORDER, "a", "b", "c", "d"])
    assert all(colour.lower() in DARK for colour, _ in styles.values())
    assert all(marker in SHAPES for _, marker in styles.values())


def test_chart_has_every_point() -> None:
    """The chart has the planted points of both sequences and of their average."""
    (group,) = comparable_sets(UVG)
    data = curve_data(group, codec_styles([]))
    assert data is not None
    assert data["sequences"] == ["beauty", "jockey", "average of 2"]
    assert data["metrics"] == ["PSNR (dB)", "MS-SSIM (dB)"]
    assert data["curves"][0]["label"] == "nerv"
    first = [point for point in data["points"] if point[3] == 0.01]
    assert first[0] == [0, 0, 1, 0.01, pytest.approx(30), pytest.approx(12), "fc_dim=10"]
    assert first[1] == [0, 1, 1, 0.01, pytest.approx(32), pytest.approx(14), "fc_dim=10"]
    assert [point[4] for point in first[2:] if point[4]] == [pytest.approx(31)]
    assert [point[5] for point in first[2:] if point[5]] == [pytest.approx(13)]
    assert curve_data(comparable_sets([failed(record("nerv", 0.1), "no")])[0], {}) is None


def test_chart_takes_its_data_from_the_page() -> None:
    """The data sets that the script fills exist, and nothing is fetched."""
    linear = json.loads(chart("linear"))
    assert {scale["type"] for scale in linear["scales"] if scale["name"] == "x"} == {"linear"}
    spec = json.loads(chart())
    assert {scale["type"] for scale in spec["scales"] if scale["name"] == "x"} == {"log"}
    assert {"points", "source", "picked"} <= {data["name"] for data in spec["data"]}
    assert not any("url" in data for data in spec["data"])


def test_data_cannot_end_its_script() -> None:
    """Data cannot end the script element that it stands in, whatever a codec is called."""
    assert "<" not in as_json({"label": "</script><b>"})
    assert json.loads(as_json({"label": "</script><b>"})) == {"label": "</script><b>"}


def test_long_tables_begin_closed_and_end_early(tmp_path: Path) -> None:
    """A table of many rows is closed at first, and names the CSV file that has the rows left out."""
    many = [record("x264", 0.01 + 0.001 * i, point=i) for i in range(MAX_ROWS + 10)]
    text = write_report(many, tmp_path).read_text(encoding="utf-8")
    page = Page(text)
    assert OPEN_ROWS < MAX_ROWS
    assert page.every("details")
    assert f"The first {MAX_ROWS} of {MAX_ROWS + 10} rows; all of them are in tables/rates.csv" in text
    assert page.every("details")[0] == {}
