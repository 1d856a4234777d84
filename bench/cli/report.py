"""``bench report``: tables and curves from the records of a results directory."""

from __future__ import annotations

import argparse
import gc
import shlex
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ..analysis.pairs import ANCHORS
from ..errors import UsageError
from ..records.cores import cores
from ..records.store import Store
from ..report.compare import compare, render_comparison, write_comparison
from ..report.content import content
from ..report.forms.markdown import brief
from ..report.write import write_content
from ..video.paths import printable
from .options import add_results


def make_parser(prog: str) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog,
        description="Print the main tables, and write all of them, with the curves, as HTML, Markdown, LaTeX, CSV, "
        "Parquet, JSON and pictures.",
        epilog="""examples:
  python -m bench report
  python -m bench report --results results/reference --anchor x264 --anchor nerv
  python -m bench report --compare results/before results/after""",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add_results(parser)
    parser.add_argument(
        "--anchor",
        action="append",
        metavar="NAME",
        help="a codec, or a curve by its label, that BD-rates are against; may be repeated "
        f"(default: {' and '.join(ANCHORS)})",
    )
    parser.add_argument(
        "--metric",
        action="append",
        default=[],
        metavar="NAME",
        help="a metric that has curves and BD-rates too, such as vmaf_v1; may be repeated",
    )
    parser.add_argument(
        "--rate-axis", choices=("log", "linear"), default="log", help="of the curves (default: %(default)s)"
    )
    parser.add_argument(
        "--compare",
        nargs=2,
        type=Path,
        metavar=("A", "B"),
        help="say instead what changed from the results directory A to B, and write it to B/compare",
    )
    return parser


def main(options: argparse.Namespace) -> int:
    with collector_off():
        return set_side_by_side(*options.compare) if options.compare else report(options)


@contextmanager
def collector_off() -> Iterator[None]:
    """Records hold millions of numbers and no cycles, and figures live until they are printed: a collector that
    goes through them again and again finds nothing."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def report(options: argparse.Namespace) -> int:
    """Print and write the tables and curves of a results directory."""
    store = Store(options.results)
    found = store.read()
    if not found.readable:
        unreadable = f" that can be read, only {len(found.set_aside)} files that cannot," if found.set_aside else ""
        raise UsageError(
            f"There are no records{unreadable} in {store.root} to report on. To make some, run `python -m bench run` "
            "first."
        )
    made = content(
        [item.record for item in found.readable],
        store.root,
        against=options.anchor or ANCHORS,
        rate_axis=options.rate_axis,
        metrics=options.metric,
        set_aside=found.set_aside,
    )
    chosen = [part for name in options.anchor or [] for part in ("--anchor", name)]
    chosen += [part for name in options.metric for part in ("--metric", name)]
    chosen += ["--rate-axis", options.rate_axis] if options.rate_axis != "log" else []
    command = shlex.join(["python", "-m", "bench", "report", "--results", printable(options.results), *chosen])
    write_content(made, store.root / "report", found.readable, command, workers=cores())
    print(brief(made))
    print(f"Report: {store.root / 'report' / 'report.html'}")
    return 0


def set_side_by_side(a: Path, b: Path) -> int:
    """Print and write what changed from one results directory to another."""
    comparison = compare(Store(a).records(), Store(b).records(), (str(a), str(b)))
    print(render_comparison(comparison))
    print(f"Tables: {write_comparison(comparison, b / 'compare')}")
    return 0
