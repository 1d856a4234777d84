"""``bench doctor``: what this machine can do, and what is missing."""

from __future__ import annotations

import argparse
import functools
import os
import shutil
import time
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

from ..errors import BenchError, ToolError
from ..measure.families import FAMILIES
from ..records import environment
from ..registry import codecs, datasets, open_dataset
from ..sources.cache import cache_folder
from ..video import ffmpeg
from ..video.raw import VideoFormat
from .options import add_data_root


def make_parser(prog: str) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog,
        description="Say what this machine can do. The exit status is 1 if ffmpeg or a codec is not usable.",
    )
    add_data_root(parser)
    return parser


def main(options: argparse.Namespace) -> int:
    facts = environment.describe()
    line(
        "machine", f"{facts.cpu}, {facts.cores} cores, {facts.memory_bytes / 2**30:.0f} GiB, GPU: {facts.gpu or 'none'}"
    )
    line("python", f"{facts.python}, " + ", ".join(f"{name} {version}" for name, version in facts.packages.items()))
    line("speed", "matrix products on {}: {:,.0f} GFLOPS in float32, {:,.0f} in bfloat16".format(*matrix_speeds()))
    line("cache", disk_state(cache_folder(), "BENCH_CACHE"))
    healthy = check("ffmpeg", lambda: f"{ffmpeg.version()} at {ffmpeg.binary()}")
    check("metrics", metrics_state)
    for name in codecs.names():
        healthy &= check(name, functools.partial(codec_state, name))
    for name in datasets.names():
        check(name, functools.partial(dataset_state, name, options.data_root))
    return int(not healthy)


def line(subject: str, state: str) -> None:
    print(f"{subject:9} {state}")


def check(subject: str, state: Callable[[], str]) -> bool:
    """Print the state, or the error that stands in its place; whether there was none."""
    try:
        line(subject, state())
    except BenchError as error:
        line(subject, f"not usable: {error}")
        return False
    return True


def metrics_state() -> str:
    """The families of metrics beside PSNR and MS-SSIM, and why some cannot be computed here."""
    large = VideoFormat(1920, 1080, 1, Fraction(25), "yuv420p")
    reasons = {name: family.missing(large) for name, family in FAMILIES.items()}
    usable = ", ".join(name for name, reason in reasons.items() if reason is None)
    missing = dict.fromkeys(reason for reason in reasons.values() if reason)
    return "; ".join([f"usable: {usable or 'none'}", *missing])


def codec_state(name: str) -> str:
    codec = codecs.load(name)
    if missing := codec.missing():
        raise ToolError(missing)
    versions = ", ".join(f"{name} {version}" for name, version in codec().tools().items())
    return f"usable ({versions})" if versions else "usable"


def dataset_state(name: str, data_root: Path | None) -> str:
    dataset = open_dataset(name, data_root)
    listings = [dataset.listing(sequence) for sequence in dataset.sequences]
    missing = [listing for listing in listings if listing.problem]
    if not missing:
        return "complete"
    needed = sum(listing.missing_bytes for listing in missing) / 2**30
    place = disk_state(dataset.data_root, "--data-root")
    cure = f"{needed:.1f} GiB to fetch into {place}" if needed else missing[0].problem
    return f"{len(listings) - len(missing)} of {len(listings)} sequences are here; {cure}"


def disk_state(folder: Path, setting: str) -> str:
    """A folder, which need not exist, and the space where it is or would be."""
    absolute = folder.absolute()
    existing = next(place for place in (absolute, *absolute.parents) if place.exists())
    free = f"{folder}, {shutil.disk_usage(existing).free / 2**30:.0f} GiB free"
    return free if os.access(existing, os.W_OK) else f"{free}, not writable; name another folder with {setting}"


def matrix_speeds() -> tuple[str, float, float]:
    """The device that networks run on, and its billions of floating-point operations a second."""
    import torch

    device = "cuda" if torch.cuda.is_available() else "cpu"
    side = 8192 if device == "cuda" else 1024
    speeds = []
    for dtype in (torch.float32, torch.bfloat16):
        a = torch.ones(side, side, dtype=dtype, device=device)
        seconds = []
        for _ in range(5):
            start = time.perf_counter()
            (a @ a)[0, 0].item()  # waits for a GPU
            seconds.append(time.perf_counter() - start)
        speeds.append(2 * side**3 / min(seconds) / 1e9)
    return device, speeds[0], speeds[1]
