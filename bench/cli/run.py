"""``bench run``: encode, decode and measure every cell that has no record yet."""

from __future__ import annotations

import argparse
import sys
import time
from collections import Counter

from .. import preset as presets
from ..dataset import Clip
from ..errors import CellInterruptedError
from ..plan import Cell, plan, rate_points, select
from ..preset import Preset
from ..process import TimeLimit
from ..progress import open_display
from ..record import Record
from ..registry import datasets, unknown
from ..run import run_cell
from ..store import Store
from .options import add_results, cache_folder, duration

FINISHED = ("ok", "skipped")
OUT_OF_TIME = 75
"""EX_TEMPFAIL of sysexits.h: nothing is wrong, try again."""


def make_parser(prog: str) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog,
        description="Encode, decode and measure every cell that has no record yet.",
        epilog="""examples:
  python -m bench run --codecs all --dataset bunny
  python -m bench run --codecs 'nerv,x265[preset=veryslow]' --dataset uvg --sequences Jockey
  python -m bench run --codecs x265 --dataset bunny --dry-run""",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--codecs", default="all", help="comma-separated, with options in brackets (default: all)")
    parser.add_argument("--dataset", default="bunny", help="default: %(default)s")
    parser.add_argument("--sequences", help="comma-separated (default: the whole dataset)")
    parser.add_argument("--preset", default="quick", help=f"{', '.join(presets.names())} (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=0, help="of training (default: %(default)s)")
    parser.add_argument(
        "--timeout", type=duration, metavar="TIME", help="give an encoder or decoder up after 90s, 5m, 2h"
    )
    parser.add_argument(
        "--time-budget",
        type=duration,
        metavar="TIME",
        help=f"stop everything after 540s, 9m, 8h, with exit status {OUT_OF_TIME}; run again to go on",
    )
    parser.add_argument("--dry-run", action="store_true", help="list the cells and do nothing")
    add_results(parser)
    return parser


def main(options: argparse.Namespace) -> int:
    deadline = None if options.time_budget is None else time.monotonic() + options.time_budget
    preset = presets.load_preset(options.preset)
    selections = select(options.codecs, preset)
    for selection in selections:
        rate_points(selection, preset)  # a misspelt name is found before anything is decoded
    cells = plan(selections, open_clips(options.dataset, options.sequences, preset), preset, options.seed)
    store = Store(options.results)
    if options.dry_run:
        for cell in cells:
            print(f"{'done' if is_done(store.find(cell.file_name), cell) else 'to do':6} {cell}")
        return 0
    store.prepare()
    return run_all(cells, store, TimeLimit(options.timeout, deadline))


def open_clips(dataset_name: str, sequences: str | None, preset: Preset) -> list[Clip]:
    """The clips to encode, cut as the preset says."""
    dataset = datasets.load(dataset_name)()
    chosen = [name.strip() for name in sequences.split(",")] if sequences else list(dataset.sequences)
    for name in chosen:
        if name not in dataset.sequences:
            raise unknown(f"sequence of {dataset_name}", name, list(dataset.sequences))
    dataset.check(chosen)
    return [dataset.open(name, preset.cut, cache_folder()) for name in chosen]


def is_done(record: Record | None, cell: Cell) -> bool:
    """Whether a record answers for ``cell``; failed and timed-out ones are tried again."""
    return record is not None and record.key == cell.key and record.status in FINISHED


def run_all(cells: list[Cell], store: Store, limit: TimeLimit) -> int:
    """Run what is not done, and say what came of it."""
    waiting = [cell for cell in cells if not is_done(store.find(cell.file_name), cell)]
    if len(waiting) < len(cells):
        print(f"{len(cells) - len(waiting)} of {len(cells)} cells are already done.", file=sys.stderr)
    outcomes: Counter[str] = Counter()
    stopped: CellInterruptedError | None = None
    with open_display() as display:
        for number, cell in enumerate(waiting, 1):
            display.begin(number, len(waiting), str(cell))
            try:
                record = run_cell(cell, store, display.step, limit)
            except CellInterruptedError as error:
                stopped = error
                break
            display.end(record)
            outcomes[record.status] += 1
    counted = ", ".join(f"{count} {status}" for status, count in outcomes.items()) or (
        "nothing done" if stopped else "nothing to do"
    )
    print(f"{counted}. Records: {store.root / 'records'}", file=sys.stderr)
    if stopped:
        print(f"{stopped} {len(waiting) - outcomes.total()} of {len(cells)} cells are left.", file=sys.stderr)
        return OUT_OF_TIME
    return int(any(status not in FINISHED for status in outcomes))
