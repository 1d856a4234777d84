"""A report as one HTML file that needs no other file and no network, and reads well without its script."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import quote

import jinja2

from ..content import Content
from ..figures.curves import AVERAGE_NOTE
from ..figures.picture import codec_styles, for_both_schemes
from ..figures.printing import Prints
from . import interactive
from .markdown import NO_BD_RATES

MAX_ROWS = 200
"""The most rows of a table in the page; the CSV files have the rest."""
OPEN_ROWS = 40
"""The most rows of a table that is open from the start. Longer tables are closed until the reader opens them."""
SAFE = " !$'()*+,-./:;<=>?@[]^_`{|}~"
"""The characters that may stand unchanged in a data URI between double quotes."""


def render(content: Content, prints: Mapping[str, Prints]) -> str:
    """The report as HTML that holds its pictures, its style and its script. ``prints`` has the pictures by name."""
    folder = Path(__file__).parent
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(folder),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    styles = codec_styles(record.codec.name for record in content.records)
    data = {section.group.slug: interactive.curve_data(section.group, styles) for section in content.sections}
    return environment.get_template("report.html").render(
        report=content,
        css=(folder / "report.css").read_text(encoding="utf-8"),
        js=(folder / "report.js").read_text(encoding="utf-8"),
        vega=interactive.script,
        chart=interactive.chart,
        charts=any(data.values()),
        curve_data=lambda section: data[section.group.slug],
        as_json=interactive.as_json,
        average_note=AVERAGE_NOTE,
        max_rows=MAX_ROWS,
        open_rows=OPEN_ROWS,
        data_uri=lambda picture: _data_uri(prints[picture.name]["svg"]),
        no_bd_rates=NO_BD_RATES,
    )


def _data_uri(svg: bytes) -> str:
    """The picture as the text of an attribute. Text takes three quarters of the space that base64 would take, and a
    web server can compress it. Coordinates, which are in points, keep two decimals."""
    text = re.sub(r"([1-9]\d*\.\d\d)\d+", r"\1", for_both_schemes(svg).decode())
    return "data:image/svg+xml," + quote(text.replace("\n", " ").replace('"', "'"), SAFE)
