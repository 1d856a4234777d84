"""PSNR where a sequence changes and where it does not: in transient and in persistent regions.

The Res-NeRV paper speaks of both without defining them. Here a pixel of a frame is *transient* if
what is seen there was not there a quarter of a second before and will not be there a quarter of a
second after; all else is *persistent*. Both are decided by the luma of the source alone, so every
codec is judged on the same pixels:

    mean over a square of min(|Y(t) - Y(t - lag)|, |Y(t) - Y(t + lag)|) > `THRESHOLD`

where the side of the square is a sixtieth of the frame's height. This is three-frame differencing
(Collins et al., "A system for video surveillance and monitoring", CMU-RI-TR-00-12, 2000). The
smaller of two differences marks a moving object where it is, and neither the background that it
covers or uncovers, nor what follows a cut, since that stays. The mean over a square keeps noise
below the threshold and single pixels out. The frames within a lag of the clip's ends lack one of
the two others: there is no telling, and they count in neither region.

What follows from it: a flash is transient as a whole; so is whatever has texture under a moving
camera, since a network without motion compensation must draw it anew at each place; what is flat
stays persistent however it moves, since nothing changes there; what repeats within the lag is
persistent.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numba import njit
from numpy.typing import NDArray

from ..video.raw import Frame, RawVideo, VideoFormat
from .psnr import psnr_from_mse

LAG_SECONDS = 0.25
THRESHOLD = 10.0
"""A mean absolute difference of 8-bit luma. Noise of a standard deviation of 3 gives 2.1."""
BOXES_PER_HEIGHT = 60
DEFINITION = (
    f"Transient is what was not there {LAG_SECONDS:g} s before and will not be there {LAG_SECONDS:g} s after, by the "
    "luma of the source; all else is persistent."
)
"""For readers of reports."""

Mask = NDArray[np.bool_]
Region = Literal["persistent", "transient"]
REGIONS: tuple[Region, ...] = ("persistent", "transient")


def lag_frames(form: VideoFormat) -> int:
    """`LAG_SECONDS` in frames: at least one, and at most a third of the clip; 0 if it has fewer than three frames."""
    return min(max(1, round(LAG_SECONDS * form.frame_rate)), form.frames // 3)


def transient_mask(now: Frame, others: tuple[Frame, Frame], peak: int = 255) -> Mask:
    """Where the luma ``now`` (height, width), from 0 to ``peak``, differs from both ``others``; true where it
    is transient."""
    side = max(3, round(now.shape[0] / BOXES_PER_HEIGHT) | 1)
    mask: Mask = _box_mean_exceeds(now, *others, side, THRESHOLD * peak / 255 * side**2)
    return mask


@njit(nogil=True, cache=True)
def _box_mean_exceeds(now: Frame, before: Frame, after: Frame, side: int, limit: float) -> Mask:  # pragma: no cover
    """Where the sum over a square of the smaller difference exceeds ``limit``; edges are repeated outwards.

    Sums run along: first down each column, then along each row of those, so that a square of any size costs
    four additions.
    """
    height, width = now.shape
    reach = side // 2
    smaller = np.empty((height, width), np.int32)
    for row in range(height):
        for column in range(width):
            here = np.int32(now[row, column])
            to_before, to_after = abs(here - np.int32(before[row, column])), abs(here - np.int32(after[row, column]))
            smaller[row, column] = min(to_before, to_after)
    mask = np.empty((height, width), np.bool_)
    whole = np.int64(np.floor(limit))  # sums are whole numbers too
    down = np.zeros(width + side, np.int32)  # with the edges repeated on both sides
    inner = down[reach : reach + width]
    for row in range(-reach, reach + 1):
        inner += smaller[min(max(row, 0), height - 1)]
    for row in range(height):
        down[:reach], down[reach + width :] = inner[0], inner[width - 1]
        total = np.int64(down[: side - 1].sum())
        for column in range(width):
            total += down[column + side - 1]
            mask[row, column] = total > whole
            total -= down[column]
        entering, leaving = smaller[min(row + reach + 1, height - 1)], smaller[max(row - reach, 0)]
        for column in range(width):
            inner[column] += entering[column] - leaving[column]
    return mask


def transient_pixels(source: RawVideo, index: int) -> Mask | None:
    """The transient pixels of a frame of a YUV source, of shape (height, width); None near its ends. It reads
    three frames and keeps none."""
    lag = lag_frames(source.format)
    if not lag or not lag <= index < source.format.frames - lag:
        return None
    before, now, after = (source.read_luma(at) for at in (index - lag, index, index + lag))
    return transient_mask(now, (before, after), source.format.peak)


@dataclass(frozen=True)
class RegionErrors:
    """Of one frame, by region: the sum of squared errors, and the number of samples that it is over."""

    squares: dict[Region, int]
    samples: dict[Region, int]

    @property
    def total_samples(self) -> int:
        return sum(self.samples.values())

    @property
    def mean_squared_error(self) -> float:
        """Over both regions."""
        return sum(self.squares.values()) / self.total_samples


def region_errors(source: Frame, decoded: Frame, transient: Mask | None) -> RegionErrors:
    """Compare 8-bit RGB frames of shape (height, width, 3) within and without ``transient``. Where that is
    None, there are no samples in either region."""
    if transient is None:
        return RegionErrors(dict.fromkeys(REGIONS, 0), dict.fromkeys(REGIONS, 0))
    outside, inside = (int(total) for total in _squared_errors(source, decoded, transient))
    pixels = int(np.count_nonzero(transient))
    samples: dict[Region, int] = {"persistent": 3 * (transient.size - pixels), "transient": 3 * pixels}
    return RegionErrors({"persistent": outside, "transient": inside}, samples)


@njit(nogil=True, cache=True)
def _squared_errors(a: Frame, b: Frame, mask: Mask) -> NDArray[np.int64]:  # pragma: no cover
    everywhere, inside = np.int64(0), np.int64(0)
    for row in range(a.shape[0]):
        for column in range(a.shape[1]):
            squares = np.int64(0)
            for channel in range(3):
                difference = np.int64(a[row, column, channel]) - np.int64(b[row, column, channel])
                squares += difference * difference
            everywhere += squares
            inside += squares * np.int64(mask[row, column])
    return np.array([everywhere - inside, inside])


@dataclass(frozen=True)
class RegionPSNR:
    """Metrics by name.

    ``frames`` has ``transient_share`` (0 to 1), and ``psnr_rgb_persistent`` and ``psnr_rgb_transient`` in
    dB, None in a frame without such a region. ``clip`` has the share over all frames with regions, and
    for each region that it has ``psnr_rgb_…``, the mean over the frames that have it, and
    ``apsnr_rgb_…``, the PSNR of the mean over all its pixels. ``missing`` says why a metric is not there.
    """

    clip: dict[str, float]
    frames: dict[str, list[float | None]]
    missing: dict[str, str]


def region_psnr(errors: Sequence[RegionErrors]) -> RegionPSNR:
    """From the errors of each frame."""
    clip: dict[str, float] = {}
    frames: dict[str, list[float | None]] = {}
    missing: dict[str, str] = {}
    frames["transient_share"] = [_ratio(each.samples["transient"], each.total_samples) for each in errors]
    every = sum(each.total_samples for each in errors)
    if not every:
        names = ["transient_share", *(f"{kind}_rgb_{region}" for region in REGIONS for kind in ("psnr", "apsnr"))]
        return RegionPSNR({}, {}, dict.fromkeys(names, f"regions need three frames; the clip has {len(errors)}"))
    clip["transient_share"] = sum(each.samples["transient"] for each in errors) / every
    for region in REGIONS:
        frames[f"psnr_rgb_{region}"] = [_psnr(each.squares[region], each.samples[region]) for each in errors]
        known = [psnr for psnr in frames[f"psnr_rgb_{region}"] if psnr is not None]
        pooled = _psnr(sum(each.squares[region] for each in errors), sum(each.samples[region] for each in errors))
        if pooled is None:
            reason = f"no pixel of the clip is {region}"
            missing |= {f"{kind}_rgb_{region}": reason for kind in ("psnr", "apsnr")}
        else:
            clip |= {f"psnr_rgb_{region}": float(np.mean(known)), f"apsnr_rgb_{region}": pooled}
    return RegionPSNR(clip, frames, missing)


def _ratio(part: int, whole: int) -> float | None:
    return part / whole if whole else None


def _psnr(squares: int, samples: int) -> float | None:
    return psnr_from_mse(squares / samples) if samples else None
