"""The video that a network is trained on, as tensors."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from bench.video.raw import RawVideo


@dataclass(frozen=True)
class SourceFrames:
    """All frames of the ground truth, 8-bit (N, H, W, 3), on the device of the network that is trained on them."""

    frames: Tensor

    def pictures(self, index: Tensor) -> Tensor:
        """The frames of the indices (B,) as pictures: (B, 3, H, W) with values in [0, 1], channels-last in memory."""
        return as_pictures(self.frames[index])


def load_frames(video: RawVideo, device: torch.device) -> Tensor:
    """The frames of an rgb24 video, 8-bit (N, H, W, 3), on ``device``. On the CPU they are mapped from disk.

    Raises `DecodeError` if the file holds more or less than its format says.
    """
    video.check_size()
    shape = (video.format.frames, video.format.height, video.format.width, 3)
    return torch.from_numpy(np.memmap(video.path, np.uint8, "c", shape=shape)).to(device)


def as_pictures(frames: Tensor) -> Tensor:
    """8-bit frames (B, H, W, 3) as float32 pictures (B, 3, H, W) with values in [0, 1], channels-last in memory."""
    return frames.permute(0, 3, 1, 2).float() / 255
