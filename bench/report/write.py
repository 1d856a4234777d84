"""A report on disk: HTML for reading, Markdown for terminals, CSV and pictures for papers."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from ..errors import UsageError
from ..record import Record
from ..store import write_bytes
from . import html, markdown
from .bd_table import bd_rate_csv
from .content import Content, content
from .tables import complexity_csv, records_csv
from .training import training_csv


def write_report(records: Sequence[Record], folder: Path) -> Path:
    """Write the report on ``records`` into ``folder`` and return the path of its HTML file.

    Beside ``report.html``, which needs none of the others: ``report.md``, ``records.csv``,
    ``bd_rate.csv``, ``complexity.csv``, ``training.csv``, and each picture as SVG and PNG.
    """
    if not records:
        raise UsageError("There are no records to report on. To make some, run `python -m bench run` first.")
    made = content(records)
    for name, data in files(made).items():
        write_bytes(folder / name, data)
    return folder / "report.html"


def files(made: Content) -> dict[str, bytes]:
    """The report's files by name."""
    sections = [part.section for part in made.parts]
    pictures = [picture for part in made.parts for picture in part.pictures]
    return {
        **{f"{picture.name}.svg": picture.svg for picture in pictures},
        **{f"{picture.name}.png": picture.png for picture in pictures},
        "records.csv": _csv(records_csv(made.records)),
        "bd_rate.csv": _csv(bd_rate_csv(sections)),
        "complexity.csv": _csv(complexity_csv(sections)),
        "training.csv": _csv(training_csv(sections)),
        "report.md": markdown.render(made).encode(),
        "report.html": html.render(made).encode(),
    }


def _csv(frame: pd.DataFrame) -> bytes:
    return frame.to_csv(index=False).encode()
