"""What each way of coding weights costs at equal PSNR: bytes of three trained networks.

    pip install brotli constriction
    python benchmarks/weight_coding.py NETWORKS

All 132 frames of Bunny at 320x180, NeRV, E-NeRV and Res-NeRV as preset `study` has them at its third rate
point, trained as published (300 epochs) and kept in the folder NETWORKS. Each is quantised to lose
0.05, 0.2, 0.5 and 1 dB of PSNR against its float weights, on 64 decoded frames. The size is that of
all sections of the stream but its header.
"""

from __future__ import annotations

import argparse
import copy
import math
import tempfile
import time
from pathlib import Path

import numpy as np
from machine import print_machine

from bench.codec import Job
from bench.codecs.inr.codec import ImplicitCodec
from bench.codecs.inr.encode import code_weights, train_network
from bench.codecs.inr.network.representation import Representation
from bench.codecs.inr.weights import deepcabac
from bench.codecs.inr.weights.coder import CodedTensors
from bench.codecs.inr.weights.codings import WEIGHT_CODINGS, WeightCoding
from bench.codecs.inr.weights.target import Target
from bench.dataset import Clip, ClipWindow
from bench.registry import datasets
from bench.runs.encoder import make_codec
from bench.runs.preset import load_preset
from bench.sources.cache import cache_folder

CASES = {"NeRV": "nerv", "E-NeRV": "e-nerv", "Res-NeRV": "res-nerv"}
POINT = 2
LOSSES_DB = (0.05, 0.2, 0.5, 1.0)
METHODS: dict[str, WeightCoding] = {
    "min-max, Huffman (`huffman`)": WEIGHT_CODINGS["huffman"],
    "steps by range, DeepCABAC": WeightCoding("deepcabac", "range", "nearest"),
    "the same with RDOQ (`paper`)": WEIGHT_CODINGS["paper"],
    "steps by sensitivity, DeepCABAC (`sensitivity`)": WEIGHT_CODINGS["sensitivity"],
    "the same with RDOQ (`rdoq`)": WEIGHT_CODINGS["rdoq"],
    "the same with a trellis (`trellis`)": WEIGHT_CODINGS["trellis"],
    "steps by sensitivity and tuning, DeepCABAC (`tuned`)": WEIGHT_CODINGS["tuned"],
}

CONTROLLED = "steps by sensitivity, DeepCABAC (`sensitivity`)"


def trained(name: str, folder: Path) -> tuple[Representation, ImplicitCodec, Clip]:
    """The network, trained now if the folder does not have it."""
    clip = datasets.load("bunny")().open("bunny", ClipWindow(320, 180), cache_folder())
    codec = make_codec(CASES[name], load_preset("study").points[CASES[name]][POINT])
    assert isinstance(codec, ImplicitCodec)
    checkpoints = folder / f"{CASES[name]}-{codec.epochs}"
    network = train_network(codec, clip, Job(0, checkpoints, checkpoints, lambda *_, **__: None))
    return network, codec, clip


def controls(coded: CodedTensors, shapes: list[tuple[int, ...]]) -> dict[str, int]:
    """The levels of a stream by other entropy coders, in bytes of the whole."""
    from entropy_coding import by_brotli, by_constriction

    sizes = [int(np.prod(shape)) for shape in shapes]
    levels = [
        tensor
        for data, kept in ((coded.tensors["weights"], True), (coded.tensors["biases"], False))
        for tensor in deepcabac.decode(
            data, [n for n, s in zip(sizes, shapes, strict=True) if (len(s) > 1) == kept], False
        )
    ]
    steps = len(coded.scales)
    return {
        "those levels by constriction, histograms": steps + by_constriction(levels, "histogram"),
        "those levels by constriction, Laplace": steps + by_constriction(levels, "laplace"),
        "those levels by brotli": steps + by_brotli(levels),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("networks", type=Path)
    folder = parser.parse_args().networks
    print_machine()
    for name in CASES:
        network, codec, clip = trained(name, folder)
        tensors = list(network.sent())
        count = sum(tensor.values.numel() for tensor in tensors)
        rows: dict[str, list[str]] = {}
        first: list[int] = []
        reached: list[float] = []
        for method, coding in METHODS.items():
            start, cells = time.perf_counter(), []
            for i, loss_db in enumerate(LOSSES_DB):
                with tempfile.TemporaryDirectory() as scratch:
                    job = Job(0, Path(scratch), Path(scratch), lambda *_, **__: None)
                    target = Target("loss_db", loss_db)
                    best = code_weights(codec, copy.deepcopy(network), clip, coding, target, math.inf, job)
                    coded = best.coded
                found = job.notes["quantisation"]
                reached.append(found["loss_db"] / loss_db)
                if len(first) == i:
                    first.append(coded.size_bytes)
                cells.append(cell(coded.size_bytes, first[i]))
                if method == CONTROLLED:
                    for control, size in controls(coded, [tuple(t.values.shape) for t in tensors]).items():
                        rows.setdefault(control, []).append(cell(size, first[i]))
            rows[method] = [*cells, f"{(time.perf_counter() - start) / len(LOSSES_DB):.0f}"]
        print(f"**{name}**, {count:,} parameters, {found['float_psnr_db']:.2f} dB with float weights:\n")
        print("| | " + " | ".join(f"-{loss_db:g} dB" for loss_db in LOSSES_DB) + " | seconds |")
        print("|---" + "|---:" * (len(LOSSES_DB) + 1) + "|")
        for row in [*METHODS, *(row for row in rows if row not in METHODS)]:
            print(f"| {row} | {' | '.join(rows[row])} |" + ("" if row in METHODS else " |"))
        print(f"\nLosses are {min(reached):.3f} to {max(reached):.3f} times the target.\n", flush=True)


def cell(size: int, anchor: int) -> str:
    return f"{size:,} ({100 * size / anchor - 100:+.1f} %)"


if __name__ == "__main__":
    main()
