"""How far decodes of one stream lie apart: threads, instructions, precision and device.

    python benchmarks/drift.py DIR [DIR ...]

The streams are those of networks in these results directories, decoded by the path that every run takes, in both
precisions, whichever their headers state: a copy of each stream states the other one. Each decode is compared with
one on all cores with all of the processor's instructions. A row has the farthest of a network's streams.
"""

from __future__ import annotations

import argparse
import dataclasses
import math
import os
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from machine import print_machine
from numpy.typing import NDArray

from bench.codecs.inr.network.device import has_fast_bfloat16
from bench.codecs.inr.network.render import PRECISIONS, Precision
from bench.codecs.inr.stream import read_stream, write_stream
from bench.measure.psnr import psnr_from_mse
from bench.records.record import Record
from bench.records.store import Store
from bench.registry import open_dataset
from bench.runs.decoder import decode
from bench.sources.cache import cache_folder

ONE_THREAD = {"OMP_NUM_THREADS": "1", "NUMBA_NUM_THREADS": "1"}
AVX2 = {"ONEDNN_MAX_CPU_ISA": "AVX2", "ATEN_CPU_CAPABILITY": "avx2", "NUMBA_CPU_NAME": "haswell"}
NO_GPU = {"CUDA_VISIBLE_DEVICES": ""}

Frames = NDArray[np.uint8]
"""All samples of a clip, of shape (frames, height, width, 3)."""


@dataclass(frozen=True)
class Condition:
    """How a decode differs from the reference: the precision in the header (None for the reference's) and variables of
    the environment."""

    name: str
    precision: Precision | None
    variables: Mapping[str, str]


def conditions(stated: Precision) -> list[Condition]:
    """All that are compared with a reference in the precision ``stated``."""
    (other,) = (precision for precision in PRECISIONS if precision != stated)
    chosen = [
        Condition("once more", None, NO_GPU),
        Condition("1 thread", None, NO_GPU | ONE_THREAD),
        Condition("AVX2", None, NO_GPU | AVX2),
        Condition(f"in {other}", other, NO_GPU),
    ]
    return [*chosen, Condition("CUDA", None, {})] if torch.cuda.is_available() else chosen


@contextmanager
def variables_set(variables: Mapping[str, str]) -> Iterator[None]:
    """Within this, processes that are started see ``variables``."""
    before = dict(os.environ)
    os.environ.update(variables)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


def decoded_frames(stream: Path, precision: Precision, variables: Mapping[str, str]) -> Frames:
    """The frames of a copy of ``stream`` whose header says ``precision``, from a process with these variables."""
    content = read_stream(stream)
    with tempfile.TemporaryDirectory(prefix="bench-drift-") as name:
        copy = Path(name) / stream.name
        write_stream(
            copy, dataclasses.replace(content, header=dataclasses.replace(content.header, precision=precision))
        )
        with variables_set(variables), decode(copy, Path(name) / "log", lambda *_, **__: None) as decoded:
            form = decoded.video.format
            return np.fromfile(decoded.video.path, np.uint8).reshape(form.frames, form.height, form.width, 3)


@dataclass(frozen=True)
class Drift:
    """How far two decodes lie apart. ``between_db`` is infinite for identical frames; ``change_db`` is the change of
    the PSNR to the source, and ``frame_change_db`` the largest, either way, of a single frame."""

    share: float
    largest: int
    between_db: float
    change_db: float
    frame_change_db: float


def psnr_db(a: Frames, b: Frames) -> NDArray[np.float64]:
    """The PSNR of each frame in dB."""
    return np.array([psnr_from_mse(float(error)) for error in np.square(a.astype(np.float64) - b).mean(axis=(1, 2, 3))])


def drift(reference: Frames, other: Frames, source: Frames) -> Drift:
    distance = np.abs(reference.astype(np.int16) - other)
    error = float(np.square(distance.astype(np.float64)).mean())
    change = psnr_db(other, source) - psnr_db(reference, source)
    between_db = 10 * math.log10(255**2 / error) if error else math.inf
    share = np.count_nonzero(distance) / distance.size
    return Drift(share, int(distance.max()), between_db, float(change.mean()), float(np.abs(change).max()))


def drifts(record: Record, root: Path) -> Iterator[tuple[str, str, Drift]]:
    """For each precision and condition the drift of the stream of ``record``."""
    assert record.stream is not None
    stream, clip = root / record.stream.path, record.clip
    opened = open_dataset(clip.source.dataset).open(clip.source.sequence, clip.cut, cache_folder(), clip.matrix)
    form = opened.rgb.format
    source = np.fromfile(opened.rgb.path, np.uint8).reshape(form.frames, form.height, form.width, 3)
    for precision in PRECISIONS if has_fast_bfloat16(torch.device("cpu")) else PRECISIONS[:1]:
        reference = decoded_frames(stream, precision, NO_GPU)
        for condition in conditions(precision):
            other = decoded_frames(stream, condition.precision or precision, condition.variables)
            yield precision, condition.name, drift(reference, other, source)


def worst(found: list[Drift]) -> str:
    """The cells of a row: the farthest of each kind."""
    between_db = min(each.between_db for each in found)
    cells = [
        f"{100 * max(each.share for each in found):.4f} %",
        f"{max(each.largest for each in found)}",
        "identical" if math.isinf(between_db) else f"{between_db:.1f}",
        f"{max((each.change_db for each in found), key=abs):+.5f}",
        f"{max(each.frame_change_db for each in found):.5f}",
    ]
    return " | ".join(cells)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("results", type=Path, nargs="+", metavar="DIR", help="results directories with streams")
    options = parser.parse_args()
    print_machine()
    if not torch.cuda.is_available():
        print("There is no GPU here: CUDA was not measured.\n")
    if not has_fast_bfloat16(torch.device("cpu")):
        print("This processor is not fast in bfloat16: bfloat16 was not measured.\n")
    for root in options.results:
        records = [record for record in Store(root).records() if record.codec.family == "implicit" and record.stream]
        form = records[0].clip.rgb.format
        print(f"{len(records)} streams of {form.frames} frames of {form.width}x{form.height}; they state:")
        stated = Counter((record.codec.name, record.notes["decoding_precision"]) for record in records)
        print(f"{', '.join(f'{name} {precision} ({count})' for (name, precision), count in stated.items())}.\n")
        print("| network | decoded in | against it | samples that differ | largest difference ", end="")
        print("| PSNR between (dB) | change of PSNR to the source (dB) | largest change of a frame (dB) |")
        print("|---|---|---|---:|---:|---:|---:|---:|")
        for name in dict.fromkeys(record.codec.name for record in records):
            found: dict[tuple[str, str], list[Drift]] = {}
            for record in records:
                if record.codec.name == name:
                    for precision, condition, each in drifts(record, root):
                        found.setdefault((precision, condition), []).append(each)
            for (precision, condition), several in found.items():
                print(f"| {name} | {precision} | {condition} | {worst(several)} |", flush=True)
        print()


if __name__ == "__main__":
    main()
