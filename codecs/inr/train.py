"""Training a representation on its video: the encoder of every implicit codec."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch
from torch import Tensor

from bench.codec import Progress
from bench.video.raw import RawVideo

from .device import keep_freed_memory, training_dtype
from .recipe import Recipe
from .representation import Representation
from .ssim import ssim

REPORT_EVERY = 20


class Training:
    """A training in progress: ``network`` is fitted, in place and on its device, to ``frames``.

    ``frames`` are 8-bit, (N, H, W, 3), on the same device. Each epoch visits every frame once, in an
    order drawn from ``seed``.
    """

    def __init__(self, network: Representation, frames: Tensor, recipe: Recipe, epochs: int, seed: int) -> None:
        keep_freed_memory()
        self.network = network.train().to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.frames = frames
        self.recipe = recipe
        self.steps = epochs * math.ceil(len(frames) / recipe.batch_size)
        self.step_number = 0
        self.dtype = training_dtype(frames.device)
        self.order = torch.Generator().manual_seed(seed)
        self.epoch: list[Tensor] = []
        self.optimiser = torch.optim.Adam(network.parameters(), recipe.learning_rate, recipe.betas, fused=True)
        self.squared_error = torch.zeros(())

    def step(self) -> None:
        """Fit one batch."""
        if not self.epoch:
            shuffled = torch.randperm(len(self.frames), generator=self.order)
            self.epoch = list(torch.split(shuffled, self.recipe.batch_size))[::-1]
        index = self.epoch.pop().to(self.frames.device)
        target = as_pictures(self.frames[index])
        rate = self.recipe.learning_rate * self.recipe.rate_factor(self.step_number / self.steps)
        for group in self.optimiser.param_groups:
            group["lr"] = rate
        with torch.autocast(self.frames.device.type, self.dtype, enabled=self.dtype != torch.float32):
            picture = self.network(index)
        self.optimiser.zero_grad()
        loss(picture, target, self.recipe).backward()  # type: ignore[no-untyped-call]
        self.optimiser.step()
        self.step_number += 1
        if self.at_report:
            self.squared_error = (picture.detach() - target).square().mean()

    @property
    def at_report(self) -> bool:
        """Whether the last step is one whose quality is looked at: some are, and the very last."""
        return self.step_number % REPORT_EVERY == 0 or self.step_number == self.steps

    @property
    def psnr_db(self) -> float:
        """Of the batch at the last report."""
        error = float(self.squared_error)
        return -10 * math.log10(error) if error > 0 else math.nan


def train(
    network: Representation, video: RawVideo, recipe: Recipe, epochs: int, seed: int, progress: Progress
) -> dict[str, Any]:
    """Fit ``network`` to an rgb24 video, from first to last step.

    Returns what belongs in the record: steps, precision, and the last PSNR of a training batch in dB.
    """
    training = Training(network, load_frames(video, next(network.parameters()).device), recipe, epochs, seed)
    while training.step_number < training.steps:
        training.step()
        if training.at_report:
            progress("training", training.step_number, training.steps, training.psnr_db)
    return {
        "steps": training.steps,
        "training_dtype": str(training.dtype).removeprefix("torch."),
        "training_psnr_db": training.psnr_db,
    }


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
