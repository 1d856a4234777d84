"""The memory that training takes at full size: a few steps over 600 frames of 1920x1080.

    python benchmarks/memory.py [--steps N]

The frames are a file of zeros without blocks on disk, mapped as a real clip is; each network of the
paper's Table 2 has a process of its own, whose peak resident size is printed.
"""

from __future__ import annotations

import argparse
import multiprocessing
import tempfile
import time
from fractions import Fraction
from pathlib import Path

import torch
from machine import print_machine

from bench.codecs.e_nerv import ENeRV
from bench.codecs.inr.codec import ImplicitCodec
from bench.codecs.inr.network.device import best_device
from bench.codecs.inr.network.source import load_frames
from bench.codecs.inr.training.recipe import RECIPES
from bench.codecs.inr.training.train import Training
from bench.codecs.nerv import NeRV
from bench.codecs.res_nerv import ResNeRV
from bench.measure.memory import peak_memory_bytes
from bench.video.raw import RawVideo, VideoFormat

CASES: dict[str, ImplicitCodec] = {
    "NeRV": NeRV(fc_dim=21),
    "E-NeRV": ENeRV(fc_dim=51, expansion=1),
    "Res-NeRV": ResNeRV(fc_dim=16, norm="bn"),
}
VIDEO = VideoFormat(1920, 1080, 600, Fraction(120), "rgb24")


def train_steps(case: str, steps: int) -> None:
    """Print a row."""
    device = best_device()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "clip.rgb"
        with path.open("wb") as file:
            file.truncate(VIDEO.size_bytes)
        frames = load_frames(RawVideo(path, VIDEO), device)
        network = CASES[case].network(VIDEO).to(device)
        training = Training(network, frames, RECIPES["nerv"], 1, 0)
        start = time.perf_counter()
        for _ in range(steps):
            training.step()
        loss, _ = training.recent()
    seconds = (time.perf_counter() - start) / steps
    gpu = f"{torch.cuda.max_memory_allocated() / 2**30:.2f}" if device.type == "cuda" else "-"
    print(f"| {case} | {peak_memory_bytes() / 2**30:.2f} | {gpu} | {seconds:.2f} | {loss:.3f} |", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=3, help="default: %(default)s")
    steps = parser.parse_args().steps
    print_machine()
    print("| network | peak resident (GiB) | peak on GPU (GiB) | seconds a step | loss |", flush=True)
    print("|---|---:|---:|---:|---:|", flush=True)
    for case in CASES:
        worker = multiprocessing.get_context("spawn").Process(target=train_steps, args=(case, steps))
        worker.start()
        worker.join()


if __name__ == "__main__":
    main()
