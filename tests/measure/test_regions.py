"""Persistent and transient regions on clips whose motion is known."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.ndimage import uniform_filter
from skimage.metrics import peak_signal_noise_ratio

from bench.measure.psnr import CAP_DB, mean_squared_error, psnr_from_mse
from bench.measure.regions import (
    BOXES_PER_HEIGHT,
    THRESHOLD,
    lag_frames,
    region_errors,
    region_psnr,
    transient_mask,
    transient_pixels,
)
from bench.video.raw import RawVideo, VideoFormat

HEIGHT, WIDTH, FRAMES, LAG = 90, 160, 30, 6  # at 25 frames a second
EDGE = 2  # the square over which differences are averaged is 3 wide


def masks(folder: Path, luma: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """The transient masks of a clip of shape (frames, height, width), without the frames that have none."""
    frames, height, width = luma.shape
    form = VideoFormat(width, height, frames, Fraction(25), "yuv420p")
    chroma = np.full(form.frame_bytes - height * width, 128, np.uint8)
    (folder / "clip.yuv").write_bytes(b"".join(frame.tobytes() + chroma.tobytes() for frame in luma))
    video = RawVideo(folder / "clip.yuv", form)
    found = [transient_pixels(video, index) for index in range(frames)]
    assert [index for index, mask in enumerate(found) if mask is None] == [*range(LAG), *range(frames - LAG, frames)]
    return np.array([mask for mask in found if mask is not None])


def background() -> NDArray[np.uint8]:
    """A still picture with texture, in every frame."""
    picture = np.random.default_rng(1).integers(60, 120, (HEIGHT, WIDTH), np.uint8)
    return np.repeat(picture[None], FRAMES, axis=0)


def test_a_still_picture_persists_even_if_noisy(tmp_path: Path) -> None:
    """Noise of a standard deviation of 3, as of a camera, stays below the threshold in all but a pixel in 10,000."""
    noisy = background() + np.random.default_rng(2).normal(0, 3, (FRAMES, HEIGHT, WIDTH))
    assert not masks(tmp_path, background()).any()
    assert masks(tmp_path, noisy.round().astype(np.uint8)).mean() < 1e-4


def test_a_moving_square_is_transient_where_it_is(tmp_path: Path) -> None:
    """All of the square, and neither what it uncovered nor what it will cover. It is 12 wide and moves
    by 24 within the lag."""
    luma = background()
    for index, frame in enumerate(luma):
        frame[30:42, 4 * index : 4 * index + 12] = 220
    for index, mask in enumerate(masks(tmp_path, luma)):
        left = 4 * (index + LAG)
        assert mask[30:42, left : left + 12].all()
        mask[30 - EDGE : 42 + EDGE, max(0, left - EDGE) : left + 12 + EDGE] = False
        assert not mask.any()


def test_what_stays_as_long_as_the_lag_persists(tmp_path: Path) -> None:
    """A wide, flat square that moves by a quarter of its width within the lag: at each of its pixels
    it was there before or will be there after."""
    luma = background()
    for index, frame in enumerate(luma):
        frame[30:60, index : index + 24] = 220
    assert not masks(tmp_path, luma).any()


def test_a_flash_is_transient_as_a_whole(tmp_path: Path) -> None:
    """And the frames around it are not, though they differ from it."""
    luma = background()
    luma[15] += 100
    found = masks(tmp_path, luma)
    assert found[15 - LAG].all()
    assert not np.delete(found, 15 - LAG, axis=0).any()


def test_a_cut_is_not_transient(tmp_path: Path) -> None:
    """Both shots stay."""
    luma = background()
    luma[15:] = 200 - luma[15:] // 2
    assert not masks(tmp_path, luma).any()


def test_a_pan_is_transient_where_there_is_texture(tmp_path: Path) -> None:
    """Under a moving camera the flat upper half persists: nothing changes there."""
    wide = np.full((HEIGHT, WIDTH + 2 * FRAMES), 90, np.uint8)
    wide[45:] = np.random.default_rng(3).integers(0, 256, (45, wide.shape[1]), np.uint8)
    found = masks(tmp_path, np.array([wide[:, 2 * i : 2 * i + WIDTH] for i in range(FRAMES)]))
    assert not found[:, : 45 - EDGE].any()
    assert found[:, 45 + EDGE :].mean() > 0.999


@pytest.mark.parametrize(
    ("frames", "frame_rate", "lag"), [(132, 25, 6), (600, 120, 30), (32, 25, 6), (4, 25, 1), (3, 3, 1), (2, 25, 0)]
)
def test_lag(frames: int, frame_rate: int, lag: int) -> None:
    """A quarter of a second, less in a short clip, none in one of two frames."""
    assert lag_frames(VideoFormat(16, 16, frames, Fraction(frame_rate), "yuv420p")) == lag


def test_two_frames_have_no_regions(tmp_path: Path) -> None:
    """There is a reason in place of them."""
    form = VideoFormat(16, 16, 2, Fraction(25), "yuv420p")
    (tmp_path / "clip.yuv").write_bytes(bytes(form.size_bytes))
    video = RawVideo(tmp_path / "clip.yuv", form)
    assert [transient_pixels(video, index) for index in range(2)] == [None, None]
    picture = np.zeros((16, 16, 3), np.uint8)
    measured = region_psnr([region_errors(picture, picture, None)] * 2)
    assert (measured.clip, measured.frames) == ({}, {})
    assert measured.missing["psnr_rgb_transient"] == "regions need three frames; the clip has 2"


def test_ten_bits_have_the_regions_of_eight(tmp_path: Path) -> None:
    """The threshold is a part of the range."""
    now, before, after = np.random.default_rng(7).integers(0, 64, (3, 90, 160), np.uint8)
    ten_bits = [np.uint16(4) * picture for picture in (now, before, after)]
    found = transient_mask(ten_bits[0], (ten_bits[1], ten_bits[2]), peak=4 * 255)
    assert 0.1 < found.mean() < 0.9
    assert np.array_equal(found, transient_mask(now, (before, after)))


def test_psnr_agrees_with_scikit_image() -> None:
    """In each region and frame; over the clip, the mean and the PSNR of all pixels together."""
    rng = np.random.default_rng(4)
    sources, decoded = rng.integers(0, 256, (2, 3, 17, 33, 3), np.uint8)
    found = rng.random((3, 17, 33)) < 0.3
    measured = region_psnr([region_errors(*frames) for frames in zip(sources, decoded, found, strict=True)])
    for region, mask in (("transient", found), ("persistent", ~found)):
        each = [
            peak_signal_noise_ratio(s[m], d[m], data_range=255) for s, d, m in zip(sources, decoded, mask, strict=True)
        ]
        assert measured.frames[f"psnr_rgb_{region}"] == pytest.approx(each)
        assert measured.clip[f"psnr_rgb_{region}"] == pytest.approx(np.mean(each))
        together = peak_signal_noise_ratio(sources[mask], decoded[mask], data_range=255)
        assert measured.clip[f"apsnr_rgb_{region}"] == pytest.approx(together)
    assert measured.frames["transient_share"] == pytest.approx(list(found.mean(axis=(1, 2))))
    assert measured.clip["transient_share"] == pytest.approx(found.mean())
    assert measured.missing == {}


def test_a_region_that_is_not_there_has_no_psnr() -> None:
    """In one frame: None, and left out of the mean. In all of them: a reason."""
    source, decoded = np.zeros((4, 4, 3), np.uint8), np.full((4, 4, 3), 5, np.uint8)
    everywhere, nowhere = np.ones((4, 4), np.bool_), np.zeros((4, 4), np.bool_)
    near_an_end = region_errors(source, decoded, None)
    measured = region_psnr(
        [region_errors(source, decoded, everywhere), region_errors(source, source, nowhere), near_an_end]
    )
    whole = psnr_from_mse(mean_squared_error(source, decoded))
    assert measured.frames["psnr_rgb_transient"] == [pytest.approx(whole), None, None]
    assert measured.frames["psnr_rgb_persistent"] == [None, CAP_DB, None]
    assert measured.frames["transient_share"] == [1, 0, None]
    assert measured.clip["transient_share"] == 0.5
    assert measured.clip["psnr_rgb_transient"] == pytest.approx(whole)

    still = region_psnr([region_errors(source, decoded, nowhere)])
    assert "psnr_rgb_transient" not in still.clip
    assert still.missing["psnr_rgb_transient"] == "no pixel of the clip is transient"


@pytest.mark.parametrize(("height", "width"), [(1, 1), (2, 9), (36, 64), (361, 203), (720, 31)])
@pytest.mark.parametrize("peak", [255, 1023])
def test_mask_is_scipys_box_filter(height: int, width: int, peak: int) -> None:
    """On noise at every kind of size, edges repeated outwards; scipy's mean is only exact to its last bits."""
    random = np.random.default_rng(height)
    kind = np.uint8 if peak == 255 else np.uint16
    now, before, after = (random.integers(0, peak // 9, (height, width)).astype(kind) for _ in range(3))
    smaller = np.minimum(np.abs(now.astype(float) - before), np.abs(now.astype(float) - after))
    side = max(3, round(height / BOXES_PER_HEIGHT) | 1)
    mean, limit = uniform_filter(smaller, side, mode="nearest"), THRESHOLD * peak / 255
    agrees = transient_mask(now, (before, after), peak) == (mean > limit)
    assert (agrees | (np.abs(mean - limit) < 1e-9)).all()
