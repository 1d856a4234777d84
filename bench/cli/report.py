"""``bench report``: tables and curves from the records of a results directory."""

from __future__ import annotations

import argparse

from ..report.content import content
from ..report.markdown import render
from ..report.write import write_report
from ..store import Store
from .options import add_results


def make_parser(prog: str) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog,
        description="Print the tables, and write them with the curves as HTML, Markdown, CSV and pictures.",
        epilog="examples:\n  python -m bench report\n  python -m bench report --results results/reference",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add_results(parser)
    return parser


def main(options: argparse.Namespace) -> int:
    store = Store(options.results)
    records = list(store.records())
    path = write_report(records, store.root / "report")
    print(render(content(records)))
    print(f"Report: {path}")
    return 0
