"""Seconds for a training step: this project's, and the plain one that NeRV's published code runs.

    python benchmarks/training_step.py [--steps N]

The plain step runs the plain network (`plain.py`), pytorch-msssim's loss and torch's default Adam on the
same weights and frames. Each kind has a process of its own, because ours also changes how a process
manages its memory. They take turns, so that a drift of the machine's speed meets both.
"""

from __future__ import annotations

import argparse
import multiprocessing
import statistics
import time
from collections.abc import Callable
from multiprocessing.connection import Connection

import pytorch_msssim
import torch
from machine import print_machine
from plain import plain

from bench.codecs.inr.codec import ImplicitCodec
from bench.codecs.inr.network.device import best_device
from bench.codecs.inr.network.representation import Representation
from bench.codecs.inr.network.source import load_frames
from bench.codecs.inr.training.recipe import RECIPES
from bench.codecs.inr.training.train import Training
from bench.codecs.nerv import NeRV
from bench.codecs.res_nerv import ResNeRV
from bench.dataset import ClipWindow
from bench.registry import datasets
from bench.sources.cache import cache_folder

CASES: dict[str, tuple[ImplicitCodec, ClipWindow]] = {
    "NeRV, 320x180": (NeRV(fc_dim=24, lower_width=96, stem_dim=512), ClipWindow(320, 180, 8)),
    "Res-NeRV, 320x180": (ResNeRV(fc_dim=16, lower_width=96, stem_dim=512), ClipWindow(320, 180, 8)),
    "NeRV-S, 1280x720": (NeRV(fc_dim=26), ClipWindow(frames=8)),
}


def plain_step(network: Representation, frames: torch.Tensor) -> Callable[[], None]:
    """A step of the published code."""
    network = plain(network).train()
    optimiser = torch.optim.Adam(network.parameters(), 5e-4, (0.5, 0.999))
    pictures = frames.permute(0, 3, 1, 2).contiguous()

    def step() -> None:
        index = torch.randint(len(frames), (1,))
        target = pictures[index].float() / 255
        picture = network(index.to(frames.device))
        loss = 0.7 * (picture - target).abs().mean()
        loss = loss + 0.3 * (1 - pytorch_msssim.ssim(picture, target, data_range=1, size_average=True))
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()

    return step


def serve(case: str, ours: bool, requests: Connection) -> None:
    """A process that takes a step for each request, and answers with its seconds."""
    codec, cut = CASES[case]
    device = best_device()
    clip = datasets.load("bunny")().open("bunny", cut, cache_folder())
    frames = load_frames(clip.rgb, device)
    torch.manual_seed(0)
    network = codec.network(clip.rgb.format).to(device)
    step = Training(network, frames, RECIPES["nerv"], 300, 0).step if ours else plain_step(network, frames)
    while requests.recv():
        start = time.perf_counter()
        step()
        if device.type == "cuda":
            torch.cuda.synchronize(device)
        requests.send(time.perf_counter() - start)


def measure(case: str, steps: int) -> tuple[float, float]:
    """Median milliseconds of a plain step and of ours."""
    workers = []
    for ours in (False, True):
        end, other = multiprocessing.Pipe()
        worker = multiprocessing.get_context("spawn").Process(target=serve, args=(case, ours, other))
        worker.start()
        workers.append((worker, end))
    times: list[list[float]] = [[], []]
    for _ in range(steps + 2):
        for (_, end), column in zip(workers, times, strict=True):
            end.send(True)
            column.append(end.recv())
    for worker, end in workers:
        end.send(False)
        worker.join()
    plain_ms, ours_ms = (1000 * statistics.median(column[2:]) for column in times)  # the first two warm up
    return plain_ms, ours_ms


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=9, help="of each kind, for each case (default: %(default)s)")
    steps = parser.parse_args().steps
    print_machine()
    print("| case | parameters (M) | plain (ms) | ours (ms) | ratio of medians |")
    print("|---|---:|---:|---:|---:|")
    for case, (codec, cut) in CASES.items():
        clip = datasets.load("bunny")().open("bunny", cut, cache_folder())
        parameters = sum(p.numel() for p in codec.network(clip.rgb.format).parameters()) / 1e6
        a, b = measure(case, steps)
        print(f"| {case} | {parameters:.2f} | {a:.0f} | {b:.0f} | {a / b:.2f} |", flush=True)


if __name__ == "__main__":
    main()
