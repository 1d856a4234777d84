"""Fig. 3: source and codecs side by side at matched rate, where the source changes and where it does not."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from numpy.typing import NDArray

from ...analysis.comparable import ComparableSet
from ...analysis.matched import MatchedCell, RateMatch, match_rate
from ...errors import StoreError
from ...measure.psnr import mean_squared_error, psnr_from_mse
from ...measure.regions import DEFINITION, Mask, Region
from ...records.kept_frame import read_kept
from ...video.raw import Frame
from .picture import PAGE, QUIET, TEXT, Picture, new_figure

CROPS_PER_HEIGHT = 4
FEW_TRANSIENT = 0.05
"""The part of a window's pixels that may be transient if the window is to count as persistent."""
ERROR_LIMIT = 48
"""The absolute error, mean over R, G and B, at which the map is brightest."""
OUTLINE_COLOURS: dict[Region, str] = {"transient": "#ff9d2e", "persistent": "#39d0ff"}
OVERVIEW_PIXELS = 640
"""About how many pixels wide the whole frame is shown."""

Window = tuple[slice, slice]
"""The rows and the columns of a crop."""


@dataclass(frozen=True)
class MatchedFrames:
    """Frame ``index`` of one sequence, as its source has it and as the codecs decoded it at one rate.
    ``transient`` marks the source's transient pixels; ``decoded`` has a frame for each codec that kept one."""

    rate_match: RateMatch
    index: int
    source: Frame
    transient: Mask
    decoded: list[tuple[MatchedCell, Frame]]


def crops_pictures(group: ComparableSet, root: Path | None) -> tuple[list[Picture], list[str]]:
    """One picture for each sequence of which frames were kept below ``root``, and for each other sequence the
    reason why it has none."""
    pictures, absent = [], []
    for sequence in group.sequences:
        rate_match = match_rate(group, sequence)
        if rate_match is None:
            continue
        try:
            frames = _read(rate_match, root)
        except StoreError as error:
            absent.append(f"No visual comparison on {sequence}: {error}")
            continue
        pictures.append(_picture(group, frames))
    return pictures, absent


def _read(rate_match: RateMatch, root: Path | None) -> MatchedFrames:
    """The frames of the matched cells below ``root``. Raises `StoreError` where there are none."""
    kept = [(match, still) for match in rate_match.matches if (still := match.cell.record.still)]
    if root is None or not kept:
        raise StoreError("its records name no kept frames. To have some, run its cells again.")
    first = kept[0][1]
    same = [(match, still) for match, still in kept if still.source == first.source]
    decoded = [(match, read_kept(root, still.decoded)) for match, still in same]
    return MatchedFrames(
        rate_match, first.index, read_kept(root, first.source), read_kept(root, first.transient), decoded
    )


def _picture(group: ComparableSet, frames: MatchedFrames) -> Picture:
    chosen = windows(frames.source, frames.transient)
    shown = [match.cell.label for match, _ in frames.decoded]
    without = [match.cell.label for match in frames.rate_match.matches if match.cell.label not in shown]
    missing = f" No such frame was kept of {', '.join(without)}." if without else ""
    note = frames.rate_match.note
    return Picture(
        figure=draw(group, frames, chosen),
        name=f"{group.slug}-{re.sub(r'[^0-9A-Za-z]+', '-', frames.rate_match.sequence).strip('-')}-crops",
        caption=f"Frame {frames.index} at matched rate: {group.dataset}, {group.stamp}. {note}{missing} "
        "The frame has the most transient pixels; the crops are the window with the most of them and, of those with "
        f"few, the most detailed one. {DEFINITION} PSNR is of the crop; error maps reach from 0 (black) to "
        f"{ERROR_LIMIT} of 255.",
        alt=_alt(frames, chosen),
        wide=True,
    )


def windows(source: Frame, transient: Mask) -> dict[Region, Window]:
    """The windows of the crops, which are squares of a quarter of the frame's height. The source alone decides:
    one is where the most pixels are transient; the other is where the gradient of luma is largest among the
    windows with few transient pixels. A region that the frame lacks has no window."""
    side = max(16, source.shape[0] // CROPS_PER_HEIGHT)
    luma = source.astype(np.float64).mean(axis=2)
    counts = _sums(transient.astype(np.float64), side).round()
    down, across = np.gradient(luma)
    detail = _sums(np.abs(down) + np.abs(across), side)
    chosen: dict[Region, Window] = {}
    if counts.max() > 0:
        chosen["transient"] = _window(counts, side)
    if counts.min() < side**2:
        few = counts <= max(FEW_TRANSIENT * side**2, counts.min())
        chosen["persistent"] = _window(np.where(few, detail, -np.inf), side)
    return chosen


def _sums(values: NDArray[np.float64], side: int) -> NDArray[np.float64]:
    """The sum over each square with sides of ``side`` pixels, at the place of its upper left corner."""
    total: NDArray[np.float64] = np.pad(values, ((1, 0), (1, 0))).cumsum(axis=0).cumsum(axis=1)
    sums: NDArray[np.float64] = (
        total[side:, side:] - total[:-side, side:] - total[side:, :-side] + total[:-side, :-side]
    )
    return sums


def _window(score: NDArray[np.float64], side: int) -> Window:
    """The square with the highest score; scores stand at the places of upper left corners."""
    top, left = np.unravel_index(int(score.argmax()), score.shape)
    return slice(int(top), int(top) + side), slice(int(left), int(left) + side)


def draw(group: ComparableSet, frames: MatchedFrames, chosen: dict[Region, Window]) -> Figure:
    """A figure with the frame and its transient pixels above, where the crops are marked, and below for each crop
    a row of pictures and a row of error maps."""
    columns = 1 + len(frames.decoded)
    width = max(7.0, 1.25 * columns + 0.5)
    overview = width / 2 * group.height / group.width
    figure = new_figure(group, f"frame {frames.index} of {frames.rate_match.sequence}", width, 0)
    cell = (width - 0.4) / columns
    rows = 2 * len(chosen)
    figure.set_size_inches(width, 0.75 + overview + rows * (cell + 0.12) + len(chosen) * 0.45)
    heights = [overview, rows * (cell + 0.12) + len(chosen) * 0.45]
    upper, lower = figure.subfigures(2, 1, height_ratios=heights, squeeze=False)[:, 0]
    for half in (upper, lower):
        half.set_facecolor(PAGE)
    frame, mask = upper.subplots(1, 2)
    _show(frame, _small(frames.source), "source")
    _show(mask, _small(frames.transient), f"transient: {100 * frames.transient.mean():.0f} % of pixels")
    step = _step(frames.source)
    for axes in (frame, mask):
        for region, window in chosen.items():
            axes.add_patch(_outline(window, step, OUTLINE_COLOURS[region]))
    grid = lower.subplots(rows, columns, squeeze=False) if rows else np.empty((0, 0), object)
    for number, (region, window) in enumerate(chosen.items()):
        pictures, errors = grid[2 * number], grid[2 * number + 1]
        _show(pictures[0], frames.source[window], "source" if number == 0 else "", f"{region}")
        _show(errors[0], frames.transient[window], "", "transient pixels")
        for axes in (pictures[0], errors[0]):
            axes.spines[:].set(visible=True, color=OUTLINE_COLOURS[region], linewidth=2)
        for (match, decoded), picture, error in zip(frames.decoded, pictures[1:], errors[1:], strict=True):
            name = f"{match.cell.label}\n{match.cell.bits_per_pixel:.3g} bpp, {match.off}" if number == 0 else ""
            _show(picture, decoded[window], name, f"{_local_psnr(frames, decoded, window):.2f} dB")
            _show(error, _error(frames.source[window], decoded[window]))
    return figure


def _show(axes: Axes, picture: NDArray[Any], title: str = "", below: str = "") -> None:
    """Draw a picture with words above and below it. Floating-point numbers are errors, which get colours."""
    limits = {np.dtype(np.float64): (0, ERROR_LIMIT), np.dtype(np.bool_): (0, 1)}.get(picture.dtype, (0, 255))
    colours = "inferno" if picture.dtype == np.float64 else "gray"
    axes.imshow(picture, cmap=colours, vmin=limits[0], vmax=limits[1], interpolation="none")
    axes.set_xticks([])
    axes.set_yticks([])
    axes.spines[:].set_visible(False)
    axes.set_title(title, fontsize=7.5, color=TEXT)
    axes.set_xlabel(below, fontsize=7.5, labelpad=2, color=TEXT if "dB" in below else QUIET)


def _step(picture: NDArray[Any]) -> int:
    """Every how many-th pixel of a picture is shown where all of it is."""
    return max(1, int(picture.shape[1]) // OVERVIEW_PIXELS)


def _small(picture: NDArray[Any]) -> NDArray[Any]:
    """The picture with every pixel if it is small, or else with every second pixel, every third one and so on."""
    step = _step(picture)
    return picture[::step, ::step]


def _outline(window: Window, step: int, colour: str) -> Rectangle:
    rows, columns = window
    size = (columns.stop - columns.start) / step, (rows.stop - rows.start) / step
    return Rectangle((columns.start / step - 0.5, rows.start / step - 0.5), *size, fill=False, edgecolor=colour, lw=1.8)


def _error(source: Frame, decoded: Frame) -> NDArray[np.float64]:
    return np.asarray(np.abs(source.astype(np.float64) - decoded).mean(axis=2))


def _local_psnr(frames: MatchedFrames, decoded: Frame, window: Window) -> float:
    return psnr_from_mse(mean_squared_error(frames.source[window], decoded[window]))


def _alt(frames: MatchedFrames, chosen: dict[Region, Window]) -> str:
    parts = [f"Frame {frames.index} of {frames.rate_match.sequence}. PSNR of the crops:"]
    for match, decoded in frames.decoded:
        values = [f"{_local_psnr(frames, decoded, window):.2f} dB {region}" for region, window in chosen.items()]
        parts.append(f"{match.cell.label} ({match.off} of the rate): {', '.join(values)}.")
    return " ".join(parts)
