"""A report as one HTML file that needs no other file, no network and no script."""

from __future__ import annotations

import base64
from pathlib import Path

import jinja2

from .content import Content
from .curves import Picture
from .markdown import NO_BD_RATES


def render(content: Content) -> str:
    """The report as HTML, with its pictures in it."""
    folder = jinja2.FileSystemLoader(Path(__file__).parent)
    environment = jinja2.Environment(
        loader=folder, autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    template = environment.get_template("report.html")
    return template.render(report=content, data_uri=_data_uri, no_bd_rates=NO_BD_RATES)


def _data_uri(picture: Picture) -> str:
    return f"data:image/svg+xml;base64,{base64.b64encode(picture.svg).decode()}"
