"""A report as one HTML file that needs no other file and no network, and reads well without its script."""

from __future__ import annotations

import base64
from pathlib import Path

import jinja2

from . import interactive
from .content import Content
from .curves import AVERAGE_NOTE
from .markdown import NO_BD_RATES
from .picture import Picture, codec_styles, for_both_schemes

MAX_ROWS = 200
"""Of a table; the CSV files have the rest."""
OPEN_ROWS = 40
"""Longer tables begin closed."""


def render(content: Content) -> str:
    """The report as HTML, with its pictures, its style and its script in it."""
    folder = Path(__file__).parent
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(folder),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    styles = codec_styles(record.codec.name for record in content.records)
    data = {part.section.slug: interactive.curve_data(part.section, styles) for part in content.parts}
    return environment.get_template("report.html").render(
        report=content,
        css=(folder / "report.css").read_text(encoding="utf-8"),
        js=(folder / "report.js").read_text(encoding="utf-8"),
        vega=interactive.script,
        chart=interactive.chart,
        charts=any(data.values()),
        curve_data=lambda part: data[part.section.slug],
        as_json=interactive.as_json,
        average_note=AVERAGE_NOTE,
        max_rows=MAX_ROWS,
        open_rows=OPEN_ROWS,
        data_uri=_data_uri,
        no_bd_rates=NO_BD_RATES,
    )


def _data_uri(picture: Picture) -> str:
    return f"data:image/svg+xml;base64,{base64.b64encode(for_both_schemes(picture.svg)).decode()}"
