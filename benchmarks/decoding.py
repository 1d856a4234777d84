"""Seconds to decode: this project's whole decoder, and the plain network's forward passes alone.

    python benchmarks/decoding.py [--frames N] [--runs N]

Ours is all that a decoding process does, from the bytes on disk to the frames on disk; "with start"
adds the start of Python and its imports. The plain network (`plain.py`) has its weights at hand and
throws its pictures away. The weights are untrained, which costs either the same. The two take turns.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from fractions import Fraction
from pathlib import Path

import torch
from machine import print_machine
from plain import plain

from bench.codecs.inr.codec import ImplicitCodec
from bench.codecs.inr.network.device import best_device
from bench.codecs.nerv import NeRV
from bench.codecs.res_nerv import ResNeRV
from bench.runs.decoder import decode
from bench.video.raw import VideoFormat

CASES: list[tuple[str, ImplicitCodec, tuple[int, int]]] = [
    ("NeRV, 320x180", NeRV(fc_dim=24, lower_width=96), (320, 180)),
    ("NeRV-S, 1280x720", NeRV(fc_dim=26), (1280, 720)),
    ("NeRV, Table 2, 1920x1080", NeRV(fc_dim=21), (1920, 1080)),
    ("Res-NeRV, Table 2, 1920x1080", ResNeRV(fc_dim=16), (1920, 1080)),
]


def forward_seconds(codec: ImplicitCodec, video: VideoFormat) -> float:
    """All frames through the plain network, one at a time."""
    device = best_device()
    network = plain(codec.network(video)).to(device).eval()
    with torch.inference_mode():
        network(torch.zeros(1, dtype=torch.int64, device=device))
        start = time.perf_counter()
        for index in range(video.frames):
            network(torch.tensor([index], device=device))
        if device.type == "cuda":
            torch.cuda.synchronize(device)
    return time.perf_counter() - start


def decode_seconds(codec: ImplicitCodec, video: VideoFormat) -> tuple[float, float]:
    """A whole decoder, without and with the start of its process."""
    with tempfile.TemporaryDirectory() as name:
        stream = Path(name) / "untrained.inr"
        codec.encode_untrained(video, stream)
        with decode(stream, Path(name) / "log", lambda *_, **__: None) as decoded:
            return decoded.cost.seconds, decoded.cost.seconds + decoded.cost.overhead_seconds


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--frames", type=int, default=32, help="default: %(default)s")
    parser.add_argument("--runs", type=int, default=3, help="of each kind, for each case (default: %(default)s)")
    options = parser.parse_args()
    print_machine()
    print(f"Milliseconds a frame, over {options.frames} frames.\n")
    print("| case | plain, network alone | ours, whole | ours, with start | plain / whole | plain / with start |")
    print("|---|---:|---:|---:|---:|---:|")
    for name, codec, size in CASES:
        video = VideoFormat(*size, options.frames, Fraction(25), "rgb24")
        runs = [(forward_seconds(codec, video), *decode_seconds(codec, video)) for _ in range(options.runs)]
        a, b, c = (1000 * statistics.median(column) / options.frames for column in zip(*runs, strict=True))
        print(f"| {name} | {a:.0f} | {b:.0f} | {c:.0f} | {a / b:.2f} | {a / c:.2f} |", flush=True)


if __name__ == "__main__":
    main()
