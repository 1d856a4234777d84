"""MS-SSIM against an implementation in plain scipy, on real frames."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import numpy as np
import pytest
import pytorch_msssim
import torch
from numpy.typing import NDArray
from scipy.ndimage import correlate1d

from bench.dataset import Clip
from bench.measure.ms_ssim import SMALLEST_SIDE, _by_rows, _by_torch, in_decibels, missing
from bench.video.raw import Frame

Measure = Callable[[Frame, Frame], float]

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


def noisy(picture: Frame, sigma: float) -> Frame:
    """A copy with noise of this standard deviation."""
    noise = np.random.default_rng(0).normal(0, sigma, picture.shape)
    return np.clip(picture + noise, 0, 255).round().astype(np.uint8)


@pytest.mark.parametrize("measure", [_by_rows, _by_torch])
@pytest.mark.parametrize("sigma", [1, 12, 60])
def test_values_agree_with_the_definition(measure: Measure, sigma: float, clip: Clip) -> None:
    """On real frames and noisy copies of them."""
    for (picture,) in clip.rgb.read_frames():
        other = noisy(picture, sigma)
        a, b = picture / 255, other / 255
        expected = np.mean([reference(a[..., c], b[..., c]) for c in range(3)])
        assert measure(picture, other) == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize(("height", "width"), [(161, 320), (163, 167), (175, 161), (180, 319), (178, 250)])
def test_values_are_pytorch_msssims(height: int, width: int, clip: Clip) -> None:
    """Within 1e-5 at every kind of odd size, where halving pads."""
    picture = np.ascontiguousarray(next(iter(clip.rgb.read_frames()))[0][:height, :width])
    other = noisy(picture, 20)
    pictures = [torch.tensor(frame).permute(2, 0, 1)[None].contiguous() / 255 for frame in (picture, other)]
    expected = float(pytorch_msssim.ms_ssim(*pictures, data_range=1))
    assert _by_rows(picture, other) == pytest.approx(expected, abs=1e-5)


def test_values_at_the_ends(clip: Clip) -> None:
    """Identity is 1; a negative is 0, not a complex number, and black against white next to nothing."""
    picture = next(iter(clip.rgb.read_frames()))[0]
    assert _by_rows(picture, picture) == pytest.approx(1, abs=1e-6)
    for other in (255 - picture, np.roll(picture, 90, 1), np.zeros_like(picture)):
        assert _by_rows(picture, other) == pytest.approx(_by_torch(picture, other), abs=1e-5)
    stripes = np.tile(np.array([0, 255], np.uint8)[:, None, None], (90, 320, 3))
    assert _by_rows(stripes, 255 - stripes) == 0


def test_small_frames_have_a_reason_instead(clip: Clip) -> None:
    """Five scales do not fit into 160 pixels."""
    small = dataclasses.replace(clip.rgb.format, height=SMALLEST_SIDE - 1)
    assert "161" in str(missing(small))
    assert missing(clip.rgb.format) is None


def test_decibels() -> None:
    """0.99 is 20 dB, and identity stays finite."""
    assert in_decibels(0.99) == pytest.approx(20)
    assert in_decibels(1.0) == 100
