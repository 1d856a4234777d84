"""What training in bfloat16 costs in quality: the same trainings in both precisions, over several seeds.

    python benchmarks/precision.py [--epochs N] [--seeds N]

All 132 frames of Bunny at 320x180, the published recipe, the same steps. Both are judged in float32
with float weights: the mean PSNR of the frames before they are rounded to 8 bits.
"""

from __future__ import annotations

import argparse
import statistics

import torch
from machine import print_machine

from bench.codecs.inr.codec import ImplicitCodec
from bench.codecs.inr.network.device import best_device
from bench.codecs.inr.network.render import compute, prepare
from bench.codecs.inr.network.source import as_pictures, load_frames
from bench.codecs.inr.training.recipe import RECIPES
from bench.codecs.inr.training.train import Training
from bench.codecs.nerv import NeRV
from bench.codecs.res_nerv import ResNeRV
from bench.dataset import ClipWindow
from bench.registry import datasets
from bench.sources.cache import cache_folder

CASES: dict[str, ImplicitCodec] = {
    "NeRV": NeRV(fc_dim=16, lower_width=24, stem_dim=64),
    "Res-NeRV": ResNeRV(fc_dim=15, lower_width=22, stem_dim=64),
}


def trained_psnr_db(codec: ImplicitCodec, dtype: torch.dtype, epochs: int, seed: int) -> float:
    """Of a network trained in ``dtype``."""
    clip = datasets.load("bunny")().open("bunny", ClipWindow(320, 180), cache_folder())
    frames = load_frames(clip.rgb, best_device())
    torch.manual_seed(seed)
    training = Training(codec.network(clip.rgb.format).to(frames.device), frames, RECIPES["nerv"], epochs, seed)
    training.dtype = dtype
    while training.step_number < training.steps:
        training.step()
    prepare(training.network)
    errors = [
        (compute(training.network, index, "float32") - as_pictures(frames[index])).square().mean()
        for index in torch.arange(len(frames), device=frames.device).split(1)
    ]
    return float((-10 * torch.stack(errors).log10()).mean())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--epochs", type=int, default=15, help="default: %(default)s")
    parser.add_argument("--seeds", type=int, default=3, help="default: %(default)s")
    options = parser.parse_args()
    print_machine()
    print(f"{options.epochs} epochs of 132 steps.\n")
    print("| network | seed | float32 (dB) | bfloat16 (dB) | difference (dB) |")
    print("|---|---:|---:|---:|---:|")
    for name, codec in CASES.items():
        differences = []
        for seed in range(options.seeds):
            exact, fast = (trained_psnr_db(codec, t, options.epochs, seed) for t in (torch.float32, torch.bfloat16))
            differences.append(fast - exact)
            print(f"| {name} | {seed} | {exact:.3f} | {fast:.3f} | {fast - exact:+.3f} |", flush=True)
        print(f"| {name} | mean | | | {statistics.mean(differences):+.3f} |", flush=True)


if __name__ == "__main__":
    main()
