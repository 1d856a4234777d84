"""``bench run``: encode, decode and measure every cell that has no record yet."""

from __future__ import annotations

import argparse
import sys
import time
from collections import Counter, deque

from ..codec import Codec
from ..dataset import Clip, ClipWindow, Dataset
from ..errors import CellInterruptedError, UsageError
from ..records import environment
from ..records.record import SCHEMA, Record
from ..records.store import Store
from ..registry import check_suffix, codecs, datasets, open_dataset
from ..runs import preset as presets
from ..runs.cell import run_cell
from ..runs.plan import PlannedCell, Selection, labelled_points, plan, rate_points, select
from ..runs.preset import Preset
from ..runs.process import TimeLimit
from ..runs.progress import open_display
from ..sources.cache import cache_folder
from ..video.colour import MATRICES, Matrix
from .options import add_data_root, add_results, chosen_sequences, duration, seed, size, source_format

FINISHED = ("ok", "skipped")
LOCK_SECONDS = 2.0
"""How long to wait for a cell that another process works on before looking at the next one."""
OUT_OF_TIME = 75
"""EX_TEMPFAIL of sysexits.h: nothing is wrong, try again."""


def make_parser(prog: str) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog,
        description="Encode, decode and measure every cell that has no record yet.",
        epilog="""examples:
  python -m bench run --codecs all --dataset bunny
  python -m bench run --codecs 'nerv,x265[preset=veryslow]' --dataset uvg --sequences Jockey
  python -m bench run --codecs x265 --dataset my/clip.mp4 --preset paper
  python -m bench run --codecs nerv,x265 --dataset my/clip.yuv --source-format 832x480@50:yuv420p
  python -m bench run --codecs x265 --dataset bunny --dry-run""",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--codecs", default="all", help="comma-separated, with options in brackets (default: all)")
    parser.add_argument(
        "--dataset",
        default="bunny",
        help=f"{', '.join(datasets.names())}, or a path: a video, a folder of videos or of numbered PNGs "
        "(default: %(default)s)",
    )
    parser.add_argument("--sequences", help="comma-separated (default: the whole dataset)")
    parser.add_argument(
        "--preset",
        default="quick",
        help=f"{', '.join(presets.names())}, or a path to a .toml file (default: %(default)s)",
    )
    parser.add_argument("--size", type=size, metavar="WxH", help="scale to this size (default: the preset's)")
    parser.add_argument("--crop", type=size, metavar="WxH", help="take this window in the middle, before scaling")
    parser.add_argument("--frames", type=int, metavar="N", help="take the first N frames (default: the preset's)")
    parser.add_argument(
        "--matrix",
        choices=MATRICES,
        default="bt601",
        help="between YUV and RGB; the papers' is %(default)s, whatever the size (default: %(default)s)",
    )
    parser.add_argument(
        "--source-format",
        type=source_format,
        metavar="WxH@RATE:FORMAT",
        help="of .yuv files and PNG folders whose name does not say it; parts may be left out, as in @25",
    )
    add_data_root(parser)
    parser.add_argument("--seed", type=seed, default=0, help="of training (default: %(default)s)")
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
        check_suffix(codecs.load(selection.name))
    dataset = open_dataset(options.dataset, options.data_root, options.source_format)
    window = cut_of(preset.cut, options.size, options.crop, options.frames)
    sequences = [name.strip() for name in options.sequences.split(",")] if options.sequences else []
    store = Store(options.results)
    if options.dry_run:
        chosen = chosen_sequences(dataset, sequences)
        print("\n".join(list_cells(selections, dataset, chosen, window, options.matrix, preset, options.seed, store)))
        return 0
    environment.git_commit()  # now, while the files are those that this process imported
    cells = plan(selections, open_clips(dataset, sequences, window, options.matrix), preset, options.seed)
    store.prepare()
    return run_all(cells, store, TimeLimit(options.timeout, deadline))


def list_cells(
    selections: list[Selection],
    dataset: Dataset,
    sequences: list[str],
    window: ClipWindow,
    matrix: Matrix,
    preset: Preset,
    seed: int,
    store: Store,
) -> list[str]:
    """Each cell once, and whether it has a result, by what records say: no video is opened, nothing is written."""
    lines: dict[tuple[str, Codec], str] = {}
    points = labelled_points(selections, preset)
    finished = [record for record in store.readable() if record.status in FINISHED and store.has_files(record)]
    for sequence in sequences:
        records = [
            record
            for record in finished
            if (record.clip.source.dataset, record.clip.source.sequence) == (dataset.name, sequence)
            and record.clip.cut.equals(window, record.clip.yuv.format, record.clip.source.frames)
            and record.clip.matrix == matrix
        ]
        for label, codec, point in points:
            done = has_answer(records, codec, seed)
            line = f"{'done' if done else 'to do':6} {dataset.name}/{sequence} {label} {point}"
            lines.setdefault((sequence, codec), line.rstrip())
    return list(lines.values())


def has_answer(records: list[Record], codec: Codec, seed: int) -> bool:
    """Whether one of the records, which are of the same clip, is of this codec at this rate point with this seed."""
    asked = (SCHEMA, codec.name, codec.version, codec.parameters(), codec.tools())
    return any(
        asked == (record.schema, record.codec.name, record.codec.version, record.codec.parameters, record.codec.tools)
        and (record.seed == seed or not codec.seeded)
        for record in records
    )


def cut_of(
    preset: ClipWindow, size: tuple[int, int] | None, crop: tuple[int, int] | None, frames: int | None
) -> ClipWindow:
    """The preset's cut with what was said by hand in its place. A window that is cropped is not scaled
    unless a size is given too."""
    if frames is not None and frames < 1:
        raise UsageError(f"--frames must be at least 1, not {frames}.")
    width, height = size or ((None, None) if crop else (preset.width, preset.height))
    return ClipWindow(width, height, frames or preset.frames, crop or preset.crop)


def open_clips(dataset: Dataset, sequences: list[str], cut: ClipWindow, matrix: Matrix = "bt601") -> list[Clip]:
    """The clips to encode; all sequences if none are named."""
    chosen = chosen_sequences(dataset, sequences)
    dataset.check(chosen)
    return [dataset.open(name, cut, cache_folder(), matrix) for name in chosen]


def is_done(cell: PlannedCell, store: Store) -> bool:
    """Whether there is a record of ``cell``, with its files; failed and timed-out ones are tried again."""
    record = store.find(cell.file_name)
    return record is not None and record.key == cell.key and record.status in FINISHED and store.has_files(record)


def run_all(cells: list[PlannedCell], store: Store, limit: TimeLimit) -> int:
    """Run what is not done, and say what came of it. Cells that another process works on come last."""
    waiting = deque(cell for cell in cells if not is_done(cell, store))
    count = len(waiting)
    if count < len(cells):
        print(f"{len(cells) - count} of {len(cells)} cells are already done.", file=sys.stderr)
    outcomes: Counter[str] = Counter()
    stopped: CellInterruptedError | None = None
    postponed: set[str] = set()
    with open_display() as display:
        while waiting and not stopped:
            cell = waiting.popleft()
            with store.try_lock(cell.file_name, wait_seconds=LOCK_SECONDS if cell.key in postponed else 0) as locked:
                if not locked:
                    if cell.key not in postponed:
                        print(f"{cell} is being worked on by another process.", file=sys.stderr)
                    postponed.add(cell.key)
                    waiting.append(cell)
                    stopped = limit.interruption()
                    continue
                if is_done(cell, store):  # by another process, meanwhile
                    outcomes["done elsewhere"] += 1
                    continue
                display.begin(outcomes.total() + 1, count, str(cell))
                try:
                    record = run_cell(cell, store, display.step, limit)
                except CellInterruptedError as error:
                    stopped = error
                    waiting.append(cell)
                    continue
                display.end(record)
                outcomes[record.status] += 1
    counted = ", ".join(f"{number} {status}" for status, number in outcomes.items()) or (
        "nothing done" if stopped else "nothing to do"
    )
    print(f"{counted}. Records: {store.root / 'records'}", file=sys.stderr)
    if stopped:
        print(f"{stopped} {len(waiting)} of {len(cells)} cells are left.", file=sys.stderr)
        return OUT_OF_TIME
    return int(any(status not in (*FINISHED, "done elsewhere") for status in outcomes))
