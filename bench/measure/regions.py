"""PSNR where a sequence changes and where it does not: in transient and in persistent regions.

The Res-NeRV paper speaks of both regions without defining them. Here a pixel of a frame is *transient* if what is seen
there was not there a quarter of a second before and will not be there a quarter of a second after. Every other pixel is
*persistent*. Only the luma of the source decides, so that every codec is judged on the same pixels. A pixel is
transient if

    the mean over a square around it of min(|Y(t) - Y(t - lag)|, |Y(t) - Y(t + lag)|) > `THRESHOLD`

where the side of the square is a sixtieth of the frame's height. This is three-frame differencing (Collins et al., "A
system for video surveillance and monitoring", CMU-RI-TR-00-12, 2000). The smaller of the two differences is large where
a moving object is now. It is small where the object covers or uncovers the background, and after a cut, since what is
seen there stays. The mean over a square keeps noise below the threshold and leaves out single pixels. A frame within a
lag of the clip's first or last frame lacks one of the two frames to compare with, so it counts in neither region.

From this definition follows: A flash is transient as a whole. Texture under a moving camera is transient, since a
network without motion compensation must draw it anew at each place. A flat surface is persistent however it moves,
since its luma does not change. What repeats within the lag is persistent.
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
"""The threshold of the mean absolute difference, of 8-bit luma. Noise with a standard deviation of 3 gives a
mean of 2.1."""
BOXES_PER_HEIGHT = 60
"""The side of the square is the frame's height divided by this."""
DEFINITION = (
    f"Transient is what was not there {LAG_SECONDS:g} s before and will not be there {LAG_SECONDS:g} s after, by the "
    "luma of the source; all else is persistent."
)
"""The definition in short, for readers of reports."""

Mask = NDArray[np.bool_]
Region = Literal["persistent", "transient"]
REGIONS: tuple[Region, ...] = ("persistent", "transient")


def lag_frames(form: VideoFormat) -> int:
    """`LAG_SECONDS` in frames: at least 1 and at most a third of the clip; 0 for a clip of fewer than three frames."""
    return min(max(1, round(LAG_SECONDS * form.frame_rate)), form.frames // 3)


def transient_mask(now: Frame, others: tuple[Frame, Frame], peak: int = 255) -> Mask:
    """The transient pixels of a frame, of shape (height, width).

    ``now`` is its luma, of the same shape and with values from 0 to ``peak``; ``others`` is the luma a lag before and
    a lag after.
    """
    side = max(3, round(now.shape[0] / BOXES_PER_HEIGHT) | 1)
    mask: Mask = _box_mean_exceeds(now, *others, side, THRESHOLD * peak / 255 * side**2)
    return mask


@njit(nogil=True, cache=True)
def _box_mean_exceeds(now: Frame, before: Frame, after: Frame, side: int, limit: float) -> Mask:  # pragma: no cover
    """Where the sum of the smaller differences over a square of ``side`` pixels exceeds ``limit``. Beyond the frame's
    edges, the pixels at the edge are repeated.

    Running sums are kept, down each column and along each row of these column sums, so that a square of any size takes
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
    whole_limit = np.int64(np.floor(limit))  # It is the same limit, since the sums are whole numbers.
    column_sums = np.zeros(width + side, np.int32)  # The edges are repeated on both sides.
    inner = column_sums[reach : reach + width]
    for row in range(-reach, reach + 1):
        inner += smaller[min(max(row, 0), height - 1)]
    for row in range(height):
        column_sums[:reach], column_sums[reach + width :] = inner[0], inner[width - 1]
        total = np.int64(column_sums[: side - 1].sum())
        for column in range(width):
            total += column_sums[column + side - 1]
            mask[row, column] = total > whole_limit
            total -= column_sums[column]
        entering, leaving = smaller[min(row + reach + 1, height - 1)], smaller[max(row - reach, 0)]
        for column in range(width):
            inner[column] += entering[column] - leaving[column]
    return mask


def transient_pixels(source: RawVideo, index: int) -> Mask | None:
    """The transient pixels, of shape (height, width), of the frame at ``index`` of a YUV video; None within a lag of
    its first or last frame. Three frames are read and none is kept."""
    lag = lag_frames(source.format)
    if not lag or not lag <= index < source.format.frames - lag:
        return None
    before, now, after = (source.read_luma(at) for at in (index - lag, index, index + lag))
    return transient_mask(now, (before, after), source.format.peak)


@dataclass(frozen=True)
class RegionErrors:
    """The errors of one frame by region: ``squares`` is the sum of squared errors, ``samples`` the number of samples
    that are summed over."""

    squares: dict[Region, int]
    samples: dict[Region, int]

    @property
    def total_samples(self) -> int:
        """The number of samples in both regions: 0 for a frame that counts in neither."""
        return sum(self.samples.values())

    @property
    def mean_squared_error(self) -> float:
        """The mean squared error over the samples of both regions. There must be some."""
        return sum(self.squares.values()) / self.total_samples


def region_errors(source: Frame, decoded: Frame, transient: Mask | None) -> RegionErrors:
    """Compare two 8-bit RGB frames, of shape (height, width, 3), inside and outside of the pixels ``transient``. If
    that is None, the frame has no samples in either region."""
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
    """Metrics of regions by name.

    ``frames`` has, for each frame, ``transient_share`` (from 0 to 1), and ``psnr_rgb_persistent`` and
    ``psnr_rgb_transient`` in dB; None where the frame has no such region. ``clip`` has ``transient_share`` over all
    frames that have regions. For each region it has ``psnr_rgb_…``, the mean over the frames with this region, and
    ``apsnr_rgb_…``, the PSNR of the mean squared error over all its pixels. ``missing`` says why a metric is absent.
    """

    clip: dict[str, float]
    frames: dict[str, list[float | None]]
    missing: dict[str, str]


def region_psnr(errors: Sequence[RegionErrors]) -> RegionPSNR:
    """The metrics that follow from the errors of all frames."""
    clip: dict[str, float] = {}
    by_frame: dict[str, list[float | None]] = {}
    missing: dict[str, str] = {}
    by_frame["transient_share"] = [_ratio(each.samples["transient"], each.total_samples) for each in errors]
    total_samples = sum(each.total_samples for each in errors)
    if not total_samples:
        names = ["transient_share", *(f"{kind}_rgb_{region}" for region in REGIONS for kind in ("psnr", "apsnr"))]
        return RegionPSNR({}, {}, dict.fromkeys(names, f"regions need three frames; the clip has {len(errors)}"))
    clip["transient_share"] = sum(each.samples["transient"] for each in errors) / total_samples
    for region in REGIONS:
        psnrs = [_psnr(each.squares[region], each.samples[region]) for each in errors]
        by_frame[f"psnr_rgb_{region}"] = psnrs
        known = [psnr for psnr in psnrs if psnr is not None]
        pooled = _psnr(sum(each.squares[region] for each in errors), sum(each.samples[region] for each in errors))
        if pooled is None:
            reason = f"no pixel of the clip is {region}"
            missing |= {f"{kind}_rgb_{region}": reason for kind in ("psnr", "apsnr")}
        else:
            clip |= {f"psnr_rgb_{region}": float(np.mean(known)), f"apsnr_rgb_{region}": pooled}
    return RegionPSNR(clip, by_frame, missing)


def _ratio(part: int, whole: int) -> float | None:
    return part / whole if whole else None


def _psnr(squares: int, samples: int) -> float | None:
    return psnr_from_mse(squares / samples) if samples else None
