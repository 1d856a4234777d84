"""``bench run``: encode, decode and measure every cell that has no record yet."""

from __future__ import annotations

import argparse
import os
import sys
import time
from dataclasses import replace
from typing import get_args

from ..dataset import Clip, ClipWindow, Dataset
from ..errors import UsageError
from ..measure.families import BY_FFMPEG, FAMILIES
from ..records import environment
from ..records.store import Store
from ..registry import check_suffix, codecs, datasets, open_dataset, unknown
from ..runs import preset as presets
from ..runs.cell import Extras
from ..runs.listing import asked_clip, described, listing
from ..runs.plan import labelled_points, plan, rate_points, select
from ..runs.process import TimeLimit
from ..runs.schedule import OUT_OF_TIME, Rerun, run_all
from ..runs.share import GPUS, Share, shares, visible_gpus
from ..sources.cache import cache_folder
from ..video.colour import MATRICES, Matrix
from .options import (
    add_data_root,
    add_results,
    add_source_format,
    chosen_sequences,
    count,
    duration,
    list_of,
    seed,
    size,
)


def make_parser(prog: str) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog,
        description="Encode, decode and measure every cell that has no record yet.",
        epilog="""examples:
  python -m bench run --codecs all --dataset bunny
  python -m bench run --codecs 'nerv,x265[preset=veryslow]' --dataset uvg --sequences Jockey
  python -m bench run --codecs x265 --dataset my/clip.mp4 --preset paper
  python -m bench run --codecs nerv,x265 --dataset my/clip.yuv --source-format 832x480@50:yuv420p
  python -m bench run --codecs nerv,res-nerv --seeds 0,1,2 --points fc_dim=16 --jobs 2
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
    parser.add_argument(
        "--sequences", type=list_of(str), metavar="NAMES", help="comma-separated (default: the whole dataset)"
    )
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
        help="between YUV and RGB (default: of your own video what the file says, or else bt601; of bunny and uvg "
        "bt601, as in the papers)",
    )
    add_source_format(parser)
    add_data_root(parser)
    parser.add_argument(
        "--points",
        type=list_of(str),
        metavar="TERMS",
        help="only the rate points for which one of these is true, such as crf=28,crf=33 (default: all)",
    )
    parser.add_argument(
        "--seeds", type=list_of(seed), default=[0], metavar="N,N", help="of training, comma-separated (default: 0)"
    )
    parser.add_argument(
        "--timeout", type=duration, metavar="TIME", help="give an encoder or decoder up after 90s, 5m, 2h"
    )
    parser.add_argument(
        "--time-budget",
        type=duration,
        metavar="TIME",
        help=f"stop everything after 540s, 9m, 8h, with exit status {OUT_OF_TIME}; run again to go on",
    )
    parser.add_argument(
        "--rerun",
        choices=get_args(Rerun),
        default="failed",
        help="which cells that have a record to run again: never any; those whose stream or kept frame is missing; "
        "also those that failed or ran out of time; always all (default: %(default)s)",
    )
    parser.add_argument(
        "--jobs",
        type=count,
        metavar="N",
        help="encode N cells at once, each with its part of the cores; decoding follows, and is timed alone "
        "(default: one for each device)",
    )
    parser.add_argument(
        "--devices",
        type=list_of(str),
        metavar="NAMES",
        help="comma-separated, as cuda:0,cuda:1 or cpu: what encoders run on in turn; the first one decodes",
    )
    parser.add_argument(
        "--one-core",
        action="store_true",
        help="encode standard codecs a second time on a single core, which must give the same bytes: their times then "
        "compare, whatever threads they use",
    )
    parser.add_argument(
        "--metrics",
        type=metric_names,
        default=list(BY_FFMPEG),
        metavar="NAMES",
        help=f"beside PSNR and MS-SSIM, comma-separated: {', '.join(FAMILIES)}; none for none. Finished cells that "
        "lack one are decoded again for it (default: all but ssimulacra2, which is slow)",
    )
    parser.add_argument("--dry-run", action="store_true", help="list the cells with what each will cost; do nothing")
    add_results(parser)
    return parser


def main(options: argparse.Namespace) -> int:
    deadline = None if options.time_budget is None else time.monotonic() + options.time_budget
    preset = presets.load_preset(options.preset)
    selections = select(options.codecs, preset)
    for selection in selections:
        rate_points(selection, preset)  # a misspelt name is found before anything is decoded
        check_suffix(codecs.load(selection.name))
    points = labelled_points(selections, preset, options.points)
    dataset = open_dataset(options.dataset, options.data_root, options.source_format)
    window = cut_of(preset.cut, options.size, options.crop, options.frames)
    sequences = options.sequences or []
    store = Store(options.results)
    if options.dry_run:
        asked = [asked_clip(dataset, name, window, options.matrix) for name in chosen_sequences(dataset, sequences)]
        print("\n".join(described(listing(points, asked, options.seeds, options.rerun, options.metrics, store))))
        return 0
    environment.git_commit()  # now, while the files are those that this process imported
    shares = chosen_shares(options.jobs, options.devices)
    clips = open_clips(dataset, sequences, window, options.matrix)
    for line in notes_of(clips):
        print(line, file=sys.stderr)
    store.prepare()
    cells = plan(points, clips, preset, options.seeds)
    extras = Extras(tuple(options.metrics), options.one_core)
    return run_all(cells, store, TimeLimit(options.timeout, deadline), options.rerun, shares, extras)


def metric_names(text: str) -> list[str]:
    """Names of families of metrics; for argparse."""
    if text.strip() == "none":
        return []
    names = list_of(str)(text)
    for name in names:
        if name not in FAMILIES:
            raise argparse.ArgumentTypeError(str(unknown("metric", name, [*FAMILIES, "none"])))
    return names


def chosen_shares(jobs: int | None, devices: list[str] | None) -> list[Share]:
    """What each encoder gets of the machine: as many as there are ``devices``, unless said otherwise. Of the GPUs that
    are chosen, this process sees the first one, on which streams are decoded."""
    if not devices:
        return shares(jobs or 1)
    import torch

    names = [torch.cuda.get_device_name(number) for number in range(torch.cuda.device_count())]
    values = visible_gpus(devices, len(names))
    kinds = {"cpu" if device == "cpu" else names[int(device.partition(":")[2])] for device in devices}
    if len(kinds) > 1:
        raise UsageError(f"--devices {','.join(devices)}: these are {' and '.join(sorted(kinds))}. Choose one kind.")
    os.environ[GPUS] = values[0]
    return shares(jobs or len(devices), values)


def cut_of(
    preset: ClipWindow, size: tuple[int, int] | None, crop: tuple[int, int] | None, frames: int | None
) -> ClipWindow:
    """The preset's cut with what was said by hand in its place. A window that is cropped is not scaled
    unless a size is given too. A preset scales down only; a size that was said by hand is taken as it is."""
    if frames is not None and frames < 1:
        raise UsageError(f"--frames must be at least 1, not {frames}.")
    if size or crop:
        width, height = size or (None, None)
        return ClipWindow(width, height, frames or preset.frames, crop or preset.crop)
    return replace(preset, frames=frames or preset.frames)


def open_clips(dataset: Dataset, sequences: list[str], cut: ClipWindow, matrix: Matrix | None = None) -> list[Clip]:
    """The clips to encode; all sequences if none are named."""
    chosen = chosen_sequences(dataset, sequences)
    dataset.check(chosen)
    matrices = {name: matrix or dataset.default_matrix(name) for name in chosen}
    return [dataset.open(name, cut, cache_folder(), matrices[name]) for name in chosen]


def notes_of(clips: list[Clip]) -> list[str]:
    """What must be known of the clips to read their numbers, a line for each clip that has any."""
    return [f"note: {clip.name}: {'; '.join(clip.notes)}" for clip in clips if clip.notes]
