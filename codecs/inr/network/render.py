"""Computing the frames of a network, rounded to 8 bits, and writing them to disk."""

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
"""The pixels that are computed at once: enough to keep a processor busy, and few enough for any memory."""
FRAMES_COMPARED = 8
"""The number of frames on which `choose_precision` tries bfloat16."""
TOLERANCE_DB = 0.01
"""The change of PSNR from which on bfloat16 is not allowed."""


def render(network: Representation, video: VideoFormat, path: Path, precision: Precision, watch: Stopwatch) -> None:
    """Write all frames of ``network`` to the raw rgb24 file ``path``. ``video`` is their format.

    A batch is written while the next is computed; the part ``writing`` of ``watch`` is the time spent waiting for it.
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
    """The precision in which a decoder of this network may compute.

    It is bfloat16 if that changes the PSNR against ``frames``, the 8-bit source (N, H, W, 3), by less than
    `TOLERANCE_DB` in each of `FRAMES_COMPARED` evenly spaced frames. Otherwise it is float32, and also if this machine
    has no fast bfloat16 to try it with.
    """
    device = next(network.parameters()).device
    if not has_fast_bfloat16(device):
        return "float32"
    prepare(network)
    count = min(len(frames), FRAMES_COMPARED)
    compared = torch.linspace(0, len(frames) - 1, count).round().long()
    for index in torch.split(compared, 1):
        source = frames[index].to(device)
        exact, fast = (psnr_db(as_frames(compute(network, index.to(device), p)), source) for p in PRECISIONS)
        if abs(exact - fast) >= TOLERANCE_DB:
            return "float32"
    return "bfloat16"


def prepare(network: Representation) -> None:
    """Prepare ``network`` for `compute` and `Representation.decode_run`: inference mode and a fast layout in memory.

    float32 is then float32 on GPUs too, which else multiply with the 10 bits of TF32.
    """
    torch.backends.cudnn.allow_tf32 = torch.backends.cuda.matmul.allow_tf32 = False
    keep_freed_memory()
    network.eval().to(memory_format=torch.channels_last)  # type: ignore[call-overload]


@contextmanager
def computing_in(precision: Precision, device: torch.device) -> Iterator[None]:
    """A context in which networks on ``device`` compute in ``precision``, without gradients. A machine without fast
    bfloat16 computes in float32 even if ``precision`` allows bfloat16."""
    reduced = precision == "bfloat16" and has_fast_bfloat16(device)
    with torch.inference_mode(), torch.autocast(device.type, torch.bfloat16, enabled=reduced):
        yield


def compute(network: Representation, index: Tensor, precision: Precision) -> Tensor:
    """The pictures, (B, 3, H, W) with values in [0, 1], of frame indices, int64 (B,) in any order."""
    with computing_in(precision, index.device):
        pictures: Tensor = network(index)
    return pictures


@torch.inference_mode()
def as_frames(pictures: Tensor) -> Tensor:
    """Pictures, (B, 3, H, W) with values in [0, 1], as 8-bit frames (B, H, W, 3). The pictures are overwritten."""
    return pictures.mul_(255).round_().clamp_(0, 255).to(torch.uint8).permute(0, 2, 3, 1).contiguous()


def psnr_db(frames: Tensor, source: Tensor) -> float:
    """The PSNR in dB of 8-bit ``frames`` against ``source``, over all samples together; both have the same shape."""
    return psnr_from_mse(float((frames.float() - source.float()).square().mean()))


def _write(file: BinaryIO, frames: Tensor) -> int:
    return file.write(frames.numpy().data)
