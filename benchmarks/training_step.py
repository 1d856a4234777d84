"""Seconds for a training step: this project's, and the plain one that NeRV's published code runs.

    python benchmarks/training_step.py [--steps N]

The plain step is float32, channels-first, unfused: pytorch-msssim's loss and torch's default Adam, on
the same network and frames. The two take turns, so that a drift of the machine's speed meets both.
"""

from __future__ import annotations

import argparse
import copy
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import pytorch_msssim
import torch

from bench import environment
from bench.cli.options import cache_folder
from bench.codecs.inr.codec import ImplicitCodec
from bench.codecs.inr.device import best_device
from bench.codecs.inr.recipe import RECIPES
from bench.codecs.inr.representation import Representation
from bench.codecs.inr.train import Training, load_frames
from bench.codecs.nerv import NeRV
from bench.codecs.res_nerv import ResNeRV
from bench.dataset import Cut
from bench.registry import datasets

CASES: list[tuple[str, ImplicitCodec, Cut]] = [
    ("NeRV, 320x180", NeRV(fc_dim=24, lower_width=96, stem_dim=512), Cut(320, 180, 8)),
    ("Res-NeRV, 320x180", ResNeRV(fc_dim=16, lower_width=96, stem_dim=512), Cut(320, 180, 8)),
    ("NeRV-S, 1280x720", NeRV(fc_dim=26), Cut(frames=8)),
]


def plain_step(network: Representation, frames: torch.Tensor) -> Callable[[], None]:
    """A step of the published code."""
    network = network.train()
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


def measure(step: Callable[[], None], device: torch.device) -> float:
    start = time.perf_counter()
    step()
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return time.perf_counter() - start


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=9, help="of each kind, for each case (default: %(default)s)")
    steps = parser.parse_args().steps
    device = best_device()
    facts = environment.describe()
    print(f"{facts.cpu}, {facts.cores} cores, GPU: {facts.gpu or 'none'}, torch {facts.packages['torch']}\n")
    print("| case | parameters (M) | plain (ms) | ours (ms) | ratio of medians |")
    print("|---|---:|---:|---:|---:|")
    for name, codec, cut in CASES:
        clip = datasets.load("bunny")().open("bunny", cut, Path(cache_folder()))
        frames = load_frames(clip.rgb, device)
        torch.manual_seed(0)
        network = codec.network(clip.rgb.format).to(device)
        plain = plain_step(copy.deepcopy(network), frames)
        ours = Training(network, frames, RECIPES["nerv"], 300, 0).step
        for step in (plain, ours):
            measure(step, device)
            measure(step, device)
        times = [(measure(plain, device), measure(ours, device)) for _ in range(steps)]
        a, b = (1000 * statistics.median(column) for column in zip(*times, strict=True))
        parameters = sum(p.numel() for p in network.parameters()) / 1e6
        print(f"| {name} | {parameters:.2f} | {a:.0f} | {b:.0f} | {a / b:.2f} |", flush=True)


if __name__ == "__main__":
    main()
