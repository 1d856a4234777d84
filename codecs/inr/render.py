"""Decoding pictures: a representation's frames, rounded to 8 bits, on disk."""

from __future__ import annotations

from pathlib import Path

import torch

from bench.codec import Stopwatch
from bench.video.raw import VideoFormat

from .representation import Representation

BATCH_PIXELS = 4 * 1280 * 720
"""How much is computed at once: enough to keep a processor busy, little enough for any memory."""


def render(network: Representation, video: VideoFormat, path: Path, watch: Stopwatch) -> None:
    """Write every frame of ``video`` to the raw rgb24 file ``path``."""
    device = next(network.parameters()).device
    network.eval().to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    batch = max(1, BATCH_PIXELS // (video.width * video.height))
    with path.open("wb") as file, torch.inference_mode():
        for index in torch.split(torch.arange(video.frames, device=device), batch):
            with watch.part("network"):
                pictures = network(index)
                _synchronise(device)
            with watch.part("colour_conversion"):
                frames = (pictures.clamp(0, 1) * 255).round().byte().permute(0, 2, 3, 1).contiguous().cpu()
            with watch.part("writing"):
                file.write(frames.numpy().tobytes())


def _synchronise(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)
