"""PSNR against scikit-image and by hand."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from skimage.metrics import peak_signal_noise_ratio

from bench.measure.psnr import CAP_DB, PSNR, mean_squared_error, psnr, psnr_from_mse
from bench.video.raw import PixelFormat, RawVideo, VideoFormat


def noise(folder: Path, name: str, pixel_format: PixelFormat, seed: int) -> RawVideo:
    """Three random frames of an odd size."""
    form = VideoFormat(33, 17, 3, Fraction(25), pixel_format)
    path = folder / f"{name}.raw"
    count = form.size_bytes // form.sample_type.itemsize
    path.write_bytes(np.random.default_rng(seed).integers(0, form.peak + 1, count, form.sample_type).tobytes())
    return RawVideo(path, form)


def measure_psnr(source: RawVideo, decoded: RawVideo) -> PSNR:
    """Of two videos, plane by plane."""
    pairs = zip(source.read_frames(), decoded.read_frames(), strict=True)
    errors = [[mean_squared_error(a, b) for a, b in zip(s, d, strict=True)] for s, d in pairs]
    return psnr(np.array(errors), source.format)


@pytest.mark.parametrize(
    ("pixel_format", "planes"),
    [("rgb24", ["rgb"]), ("yuv420p", ["y", "u", "v"]), ("yuv422p10le", ["y", "u", "v"]), ("yuv444p", ["y", "u", "v"])],
)
def test_frames_agree_with_scikit_image(tmp_path: Path, pixel_format: PixelFormat, planes: list[str]) -> None:
    """Plane by plane and frame by frame; the clip's value is their mean."""
    source, decoded = noise(tmp_path, "a", pixel_format, 1), noise(tmp_path, "b", pixel_format, 2)
    measured = measure_psnr(source, decoded)
    for number, plane in enumerate(planes):
        expected = [
            peak_signal_noise_ratio(s[number], d[number], data_range=source.format.peak)
            for s, d in zip(source.read_frames(), decoded.read_frames(), strict=True)
        ]
        assert measured.frames[f"psnr_{plane}"] == pytest.approx(expected, abs=1e-9)
        assert measured.clip[f"psnr_{plane}"] == pytest.approx(np.mean(expected), abs=1e-9)


def test_apsnr_is_the_psnr_of_the_whole_clip(tmp_path: Path) -> None:
    """As if all frames were one picture."""
    source, decoded = noise(tmp_path, "a", "rgb24", 1), noise(tmp_path, "b", "rgb24", 2)
    expected = peak_signal_noise_ratio(
        *(np.frombuffer(video.path.read_bytes(), np.uint8) for video in (source, decoded)), data_range=255
    )
    assert measure_psnr(source, decoded).clip["apsnr_rgb"] == pytest.approx(expected, abs=1e-9)


def test_yuv_weights_are_six_one_one(tmp_path: Path) -> None:
    """(6 Y + U + V) / 8 of the planes' values."""
    clip = measure_psnr(noise(tmp_path, "a", "yuv420p", 1), noise(tmp_path, "b", "yuv420p", 2)).clip
    assert clip["psnr_yuv_611"] == pytest.approx((6 * clip["psnr_y"] + clip["psnr_u"] + clip["psnr_v"]) / 8)


def test_identical_frames_count_as_the_cap(tmp_path: Path) -> None:
    """So that means stay finite."""
    video = noise(tmp_path, "a", "rgb24", 1)
    assert measure_psnr(video, video).clip == {"psnr_rgb": CAP_DB, "apsnr_rgb": CAP_DB}


def test_ten_bits_count_from_their_own_peak() -> None:
    """The same picture with two more bits has the same PSNR but for what 1023 is not 4 * 255."""
    a, b = (np.random.default_rng(seed).integers(0, 256, (9, 9), np.uint8) for seed in (1, 2))
    eight, ten = mean_squared_error(a, b), mean_squared_error(a.astype(np.uint16) * 4, b.astype(np.uint16) * 4)
    assert ten == 16 * eight
    assert psnr_from_mse(ten, 1023) - psnr_from_mse(eight) == pytest.approx(20 * np.log10(1023 / 1020))


def test_extreme_differences_do_not_overflow() -> None:
    """0 against 255 everywhere is 0 dB."""
    black, white = np.zeros((720, 1280, 3), np.uint8), np.full((720, 1280, 3), 255, np.uint8)
    assert mean_squared_error(black, white) == 255**2
    assert psnr_from_mse(mean_squared_error(white, black)) == 0
