"""MS-SSIM against an implementation in plain scipy, on real frames."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.ndimage import correlate1d

from bench.dataset import Clip
from bench.measure.ms_ssim import SMALLEST_SIDE, frame_ms_ssim, in_decibels, missing
from bench.video.raw import RawVideo

WEIGHTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)  # Wang et al., 2003, section 3.2


def blur(picture: NDArray[np.float64]) -> NDArray[np.float64]:
    """An 11-tap Gaussian of sigma 1.5, where the window lies inside the picture."""
    taps = np.exp(-(np.arange(-5, 6) ** 2) / (2 * 1.5**2))
    for axis in (0, 1):
        picture = correlate1d(picture, taps / taps.sum(), axis)
    return picture[5:-5, 5:-5]


def halve(picture: NDArray[np.float64]) -> NDArray[np.float64]:
    """The mean of 2x2 pixels; an odd side is padded with zeros first, as pytorch-msssim does."""
    height, width = picture.shape
    padded = np.pad(picture, ((height % 2, height % 2), (width % 2, width % 2)))
    even = padded[: padded.shape[0] // 2 * 2, : padded.shape[1] // 2 * 2]
    return even.reshape(even.shape[0] // 2, 2, even.shape[1] // 2, 2).mean((1, 3))


def reference(x: NDArray[np.float64], y: NDArray[np.float64]) -> float:
    """MS-SSIM of one channel in [0, 1]."""
    result = 1.0
    for scale, weight in enumerate(WEIGHTS):
        mx, my = blur(x), blur(y)
        vx, vy, vxy = blur(x * x) - mx**2, blur(y * y) - my**2, blur(x * y) - mx * my
        contrast = (2 * vxy + 0.03**2) / (vx + vy + 0.03**2)
        luminance = (2 * mx * my + 0.01**2) / (mx**2 + my**2 + 0.01**2)
        last = scale == len(WEIGHTS) - 1
        result *= max(float((contrast * luminance if last else contrast).mean()), 0.0) ** weight
        x, y = halve(x), halve(y)
    return result


def test_values_agree_with_the_definition(clip: Clip, tmp_path: Path) -> None:
    """On real frames and noisy copies of them."""
    frames = clip.rgb.array().astype(np.int16)
    noisy = np.clip(frames + np.random.default_rng(0).normal(0, 12, frames.shape), 0, 255).round().astype(np.uint8)
    (tmp_path / "noisy.rgb").write_bytes(noisy.tobytes())
    measured = frame_ms_ssim(clip.rgb, RawVideo(tmp_path / "noisy.rgb", clip.rgb.format))
    shape = (clip.rgb.format.height, clip.rgb.format.width, 3)
    for value, s, d in zip(measured, clip.rgb.array(), noisy, strict=True):
        a, b = s.reshape(shape) / 255, d.reshape(shape) / 255
        expected = np.mean([reference(a[..., c], b[..., c]) for c in range(3)])
        assert value == pytest.approx(expected, abs=2e-5)


def test_small_frames_have_a_reason_instead(clip: Clip) -> None:
    """Five scales do not fit into 160 pixels."""
    small = dataclasses.replace(clip.rgb.format, height=SMALLEST_SIDE - 1)
    assert "161" in str(missing(RawVideo(clip.rgb.path, small)))
    assert missing(clip.rgb) is None


def test_decibels() -> None:
    """0.99 is 20 dB, and identity stays finite."""
    assert in_decibels(0.99) == pytest.approx(20)
    assert in_decibels(1.0) == 100
