"""Decoding pictures: a representation's frames, rounded to 8 bits, on disk."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO, Literal, get_args

import torch
from torch import Tensor

from bench.codec import Stopwatch
from bench.measure.psnr import psnr_from_mse
from bench.video.raw import VideoFormat

from .device import has_fast_bfloat16, keep_freed_memory
from .representation import Representation

Precision = Literal["float32", "bfloat16"]
PRECISIONS: tuple[Precision, ...] = get_args(Precision)

BATCH_PIXELS = 2 * 1280 * 720
"""How much is computed at once: enough to keep a processor busy, little enough for any memory."""
FRAMES_COMPARED = 8
TOLERANCE_DB = 0.01


def render(network: Representation, video: VideoFormat, path: Path, precision: Precision, watch: Stopwatch) -> None:
    """Write every frame of ``video`` to the raw rgb24 file ``path``.

    One batch is written while the next is computed; ``writing`` is the time spent waiting for that.
    """
    device = next(network.parameters()).device
    batch = max(1, BATCH_PIXELS // (video.width * video.height))
    prepare(network)
    with path.open("wb") as file, ThreadPoolExecutor(1) as writer:
        written: Future[int] | None = None
        state: Any = None
        for index in torch.split(torch.arange(video.frames, device=device), batch):
            with watch.part("network"):
                with computing_in(precision, device):
                    pictures, state = network.decode_run(index, state)
                if device.type == "cuda":
                    torch.cuda.synchronize(device)
            with watch.part("colour_conversion"):
                frames = as_frames(pictures).cpu()
            with watch.part("writing"):
                if written is not None:
                    written.result()
                written = writer.submit(_write, file, frames)
        with watch.part("writing"):
            if written is not None:
                written.result()


def choose_precision(network: Representation, frames: Tensor) -> Precision:
    """What a decoder of this network may compute in.

    bfloat16 if that changes the PSNR of decoded frames against ``frames``, 8-bit (N, H, W, 3), by less
    than `TOLERANCE_DB` in each of a few, evenly spaced; float32 otherwise, or if this machine has no
    fast bfloat16 to try it with.
    """
    device = next(network.parameters()).device
    if not has_fast_bfloat16(device):
        return "float32"
    prepare(network)
    count = min(len(frames), FRAMES_COMPARED)
    looked_at = torch.linspace(0, len(frames) - 1, count).round().long()
    for index in torch.split(looked_at, 1):
        source = frames[index].to(device)
        exact, fast = (psnr_db(as_frames(compute(network, index.to(device), p)), source) for p in PRECISIONS)
        if abs(exact - fast) >= TOLERANCE_DB:
            return "float32"
    return "bfloat16"


def prepare(network: Representation) -> None:
    """Set ``network`` up for `compute`."""
    keep_freed_memory()
    network.eval().to(memory_format=torch.channels_last)  # type: ignore[call-overload]


@contextmanager
def computing_in(precision: Precision, device: torch.device) -> Iterator[None]:
    """Within this, networks compute without gradients, in ``precision``. A machine without fast bfloat16 computes in
    float32 whatever ``precision`` allows."""
    reduced = precision == "bfloat16" and has_fast_bfloat16(device)
    with torch.inference_mode(), torch.autocast(device.type, torch.bfloat16, enabled=reduced):
        yield


def compute(network: Representation, index: Tensor, precision: Precision) -> Tensor:
    """The pictures (B, 3, H, W) in [0, 1] of frame indices (B,), in any order."""
    with computing_in(precision, index.device):
        pictures: Tensor = network(index)
    return pictures


@torch.inference_mode()
def as_frames(pictures: Tensor) -> Tensor:
    """Pictures (B, 3, H, W) in [0, 1], overwritten, as 8-bit frames (B, H, W, 3)."""
    return pictures.mul_(255).round_().clamp_(0, 255).to(torch.uint8).permute(0, 2, 3, 1).contiguous()


def psnr_db(frames: Tensor, source: Tensor) -> float:
    """Of 8-bit frames of any shape, all together."""
    return psnr_from_mse(float((frames.float() - source.float()).square().mean()))


def _write(file: BinaryIO, frames: Tensor) -> int:
    return file.write(frames.numpy().data)
