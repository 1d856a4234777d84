"""Training a representation on its video: the encoder of every implicit codec."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch
from torch import Tensor

from bench.codec import Progress
from bench.video.raw import RawVideo

from .device import training_dtype
from .recipe import Recipe
from .representation import Representation
from .ssim import ssim

REPORT_EVERY = 20


def train(
    network: Representation, video: RawVideo, recipe: Recipe, epochs: int, seed: int, progress: Progress
) -> dict[str, Any]:
    """Fit ``network``, in place and on its device, to the frames of an rgb24 video.

    Each epoch visits every frame once, in an order drawn from ``seed``. Returns what belongs in
    the record: steps, precision, and the last PSNR of a training batch in dB.
    """
    device = next(network.parameters()).device
    dtype = training_dtype(device)
    frames = load_frames(video, device)
    order = torch.Generator().manual_seed(seed)
    steps = epochs * math.ceil(len(frames) / recipe.batch_size)
    network.train().to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    optimiser = torch.optim.Adam(network.parameters(), recipe.learning_rate, recipe.betas, fused=True)

    step, psnr_db = 0, 0.0
    for _ in range(epochs):
        for batch in torch.split(torch.randperm(len(frames), generator=order), recipe.batch_size):
            for group in optimiser.param_groups:
                group["lr"] = recipe.learning_rate * recipe.rate_factor(step / steps)
            index = batch.to(device)
            target = as_pictures(frames[index])
            with torch.autocast(device.type, dtype, enabled=dtype != torch.float32):
                picture = network(index)
            optimiser.zero_grad()
            loss(picture, target, recipe).backward()  # type: ignore[no-untyped-call]
            optimiser.step()
            step += 1
            if step % REPORT_EVERY == 0 or step == steps:
                psnr_db = -10 * math.log10(float((picture.detach() - target).square().mean()))
                progress("training", step, steps, psnr_db)
    return {"steps": steps, "training_dtype": str(dtype).removeprefix("torch."), "training_psnr_db": psnr_db}


def loss(picture: Tensor, target: Tensor, recipe: Recipe) -> Tensor:
    """The recipe's mix of L1 and 1 - SSIM (window 11), over (B, 3, H, W) in [0, 1]."""
    distance = recipe.l1_weight * (picture - target).abs().mean()
    return distance + recipe.ssim_weight * (1 - ssim(picture, target))


def load_frames(video: RawVideo, device: torch.device) -> Tensor:
    """The frames as 8-bit (N, H, W, 3) on ``device``; on the CPU they stay mapped from disk."""
    video.check_size()
    shape = (video.format.frames, video.format.height, video.format.width, 3)
    return torch.from_numpy(np.memmap(video.path, np.uint8, "c", shape=shape)).to(device)


def as_pictures(frames: Tensor) -> Tensor:
    """8-bit (B, H, W, 3) as float pictures (B, 3, H, W) in [0, 1], channels-last in memory."""
    return frames.permute(0, 3, 1, 2).float() / 255
