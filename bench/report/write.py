"""A report on disk: HTML to read, Markdown for terminals, LaTeX and pictures for papers, and CSV, Parquet and JSON
for other programs."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

import pandas as pd

from ..analysis.pairs import ANCHORS
from ..errors import UsageError
from ..files import remove_unfinished, write_bytes
from ..records.record import Record
from ..records.store import StoredRecord
from .content import Content, content
from .figures.printing import Prints, print_all
from .forms import html, markdown
from .forms.data import data_tables, to_csv, to_json, to_parquet
from .forms.latex import latex_files
from .manifest import manifest


def write_report(
    records: Sequence[Record],
    folder: Path,
    root: Path | None = None,
    *,
    against: Sequence[str] = ANCHORS,
    stored: Sequence[StoredRecord] = (),
    command: str | None = None,
) -> Path:
    """Write the report on ``records`` into ``folder`` and return the path of its HTML file. ``root`` is the
    results directory, where frames were kept.

    ``report.html`` needs none of the other files. Those are ``report.md``; each picture as PNG, SVG and PDF;
    ``report.tex`` with its tables in ``tex/``; the values of every table as CSV, Parquet and JSON in ``tables/``;
    and ``manifest.json``, which says what made them: the records' files that ``stored`` names, and the ``command``.
    """
    if not records:
        raise UsageError("There are no records to report on. To make some, run `python -m bench run` first.")
    write_content(content(records, root, against=against), folder, stored, command)
    return folder / "report.html"


def write_content(
    made: Content, folder: Path, stored: Sequence[StoredRecord], command: str | None, workers: int = 1
) -> None:
    """Write the files that `write_report` names, drawn by up to ``workers`` processes. Files that an earlier report
    left in ``folder`` stay, unless it was killed while it wrote them."""
    remove_unfinished(folder)
    contents = files(made, workers)
    contents["manifest.json"] = manifest(made, stored, contents, command)
    for name, data in contents.items():
        write_bytes(folder / name, data)


def files(made: Content, workers: int = 1) -> dict[str, bytes]:
    """The content of each of the report's files, by the file's name."""
    prints = print_all(made.pictures, workers)
    return {
        **picture_files(prints),
        **table_files(data_tables(made)),
        **latex_files(made),
        "report.md": markdown.render(made).encode(),
        "report.html": html.render(made, prints).encode(),
    }


def picture_files(prints: Mapping[str, Prints]) -> dict[str, bytes]:
    """The files of each picture in each form, by name."""
    return {f"{name}.{form}": data for name, forms in prints.items() for form, data in forms.items()}


FORMS: dict[str, Callable[[pd.DataFrame], bytes]] = {
    "csv": to_csv,
    "parquet": to_parquet,
    "json": to_json,
}


def table_files(tables: Mapping[str, pd.DataFrame], forms: Iterable[str] = FORMS) -> dict[str, bytes]:
    """The files of all ``tables``, by name, in each of the ``forms``. Those must be among `FORMS`."""
    return {f"tables/{name}.{form}": FORMS[form](data) for form in forms for name, data in tables.items()}
