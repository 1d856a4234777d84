"""``bench doctor``: what this machine can do, and what is missing."""

from __future__ import annotations

import argparse
import functools
import os
import shutil
from collections.abc import Callable

from .. import environment
from ..errors import BenchError, ToolError
from ..registry import codecs, datasets
from ..video import ffmpeg
from .options import cache_folder


def make_parser(prog: str) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog,
        description="Say what this machine can do. The exit status is 1 if ffmpeg or a codec is not usable.",
    )
    return parser


def main(options: argparse.Namespace) -> int:
    facts = environment.describe()
    line(
        "machine", f"{facts.cpu}, {facts.cores} cores, {facts.memory_bytes / 2**30:.0f} GiB, GPU: {facts.gpu or 'none'}"
    )
    line("python", f"{facts.python}, " + ", ".join(f"{name} {version}" for name, version in facts.packages.items()))
    existing = next(folder for folder in (cache_folder(), *cache_folder().parents) if folder.exists())
    line("cache", f"{cache_folder()}, {shutil.disk_usage(existing).free / 2**30:.0f} GiB free")
    if not os.access(existing, os.W_OK):
        line("cache", "not writable; set BENCH_CACHE to another folder")
    healthy = check("ffmpeg", lambda: f"{ffmpeg.version()} at {ffmpeg.binary()}")
    for name in codecs.names():
        healthy &= check(name, functools.partial(codec_state, name))
    for name in datasets.names():
        check(name, functools.partial(dataset_state, name))
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


def codec_state(name: str) -> str:
    codec = codecs.load(name)
    encoder = getattr(codec, "encoder", None)
    missing = ffmpeg.missing_encoder(encoder) if encoder else None
    if missing:
        raise ToolError(missing)
    return f"usable ({encoder})" if encoder else "usable"


def dataset_state(name: str) -> str:
    dataset = datasets.load(name)()
    dataset.check(list(dataset.sequences))
    return "complete"
