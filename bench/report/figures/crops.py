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
from ...analysis.matched import Match, Matched, matched
from ...errors import StoreError
from ...measure.psnr import mean_squared_error, psnr_from_mse
from ...measure.regions import DEFINITION, Mask, Region
from ...records.kept_frame import read_kept
from ...video.raw import Frame
from .picture import PAGE, QUIET, TEXT, Picture, new_figure

CROPS_PER_HEIGHT = 4
FEW = 0.05
"""Of a window's pixels may be transient for it to count as persistent."""
ERROR_LIMIT = 48
"""The absolute error, mean over R, G and B, at which the map is brightest."""
FRAMES: dict[Region, str] = {"transient": "#ff9d2e", "persistent": "#39d0ff"}
OVERVIEW_PIXELS = 640

Window = tuple[slice, slice]


@dataclass(frozen=True)
class Still:
    """The pictures of one sequence: ``decoded`` has the frame of each match."""

    pick: Matched
    index: int
    source: Frame
    transient: Mask
    decoded: list[tuple[Match, Frame]]


def crops_pictures(group: ComparableSet, root: Path | None) -> tuple[list[Picture], list[str]]:
    """A picture for each sequence of which frames were kept below ``root``, and the reasons for those that
    have none."""
    pictures, absent = [], []
    for sequence in group.sequences:
        pick = matched(group, sequence)
        if pick is None:
            continue
        try:
            still = _read(pick, root)
        except StoreError as error:
            absent.append(f"No visual comparison on {sequence}: {error}")
            continue
        pictures.append(_picture(group, still))
    return pictures, absent


def _read(pick: Matched, root: Path | None) -> Still:
    kept = [(match, match.cell.record.still) for match in pick.matches]
    stills = [(match, still) for match, still in kept if still]
    if root is None or not stills:
        raise StoreError("its records name no kept frames. To have some, run its cells again.")
    first = stills[0][1]
    same = [(match, still) for match, still in stills if still.source == first.source]
    decoded = [(match, read_kept(root, still.decoded)) for match, still in same]
    return Still(pick, first.index, read_kept(root, first.source), read_kept(root, first.transient), decoded)


def _picture(group: ComparableSet, still: Still) -> Picture:
    chosen = windows(still.source, still.transient)
    shown = [match.cell.label for match, _ in still.decoded]
    without = [match.cell.label for match in still.pick.matches if match.cell.label not in shown]
    missing = f" No such frame was kept of {', '.join(without)}." if without else ""
    return Picture(
        figure=draw(group, still, chosen),
        name=f"{group.slug}-{re.sub(r'[^0-9A-Za-z]+', '-', still.pick.sequence).strip('-')}-crops",
        caption=f"Frame {still.index} at matched rate: {group.dataset}, {group.stamp}. {still.pick.note}{missing} "
        "The frame has the most transient pixels; the crops are the window with the most of them and, of those with "
        f"few, the most detailed one. {DEFINITION} PSNR is of the crop; error maps reach from 0 (black) to "
        f"{ERROR_LIMIT} of 255.",
        alt=_alt(still, chosen),
        wide=True,
    )


def windows(source: Frame, transient: Mask) -> dict[Region, Window]:
    """The crops, squares of a quarter of the frame's height, by the source alone: the most transient pixels,
    and the most detail, by the gradient of luma, where they are `FEW`. A region that the frame lacks has none."""
    side = max(16, source.shape[0] // CROPS_PER_HEIGHT)
    luma = source.astype(np.float64).mean(axis=2)
    counts = _sums(transient.astype(np.float64), side).round()
    down, across = np.gradient(luma)
    detail = _sums(np.abs(down) + np.abs(across), side)
    found: dict[Region, Window] = {}
    if counts.max() > 0:
        found["transient"] = _window(counts, side)
    if counts.min() < side**2:
        found["persistent"] = _window(np.where(counts <= max(FEW * side**2, counts.min()), detail, -np.inf), side)
    return found


def _sums(values: NDArray[np.float64], side: int) -> NDArray[np.float64]:
    """The sum over each square of ``side``, by its upper left corner."""
    total: NDArray[np.float64] = np.pad(values, ((1, 0), (1, 0))).cumsum(axis=0).cumsum(axis=1)
    sums: NDArray[np.float64] = (
        total[side:, side:] - total[:-side, side:] - total[side:, :-side] + total[:-side, :-side]
    )
    return sums


def _window(score: NDArray[np.float64], side: int) -> Window:
    top, left = np.unravel_index(int(score.argmax()), score.shape)
    return slice(int(top), int(top) + side), slice(int(left), int(left) + side)


def draw(group: ComparableSet, still: Still, chosen: dict[Region, Window]) -> Figure:
    """Above, the frame and its transient pixels with the crops marked; below, for each crop a row of pictures
    and a row of error maps."""
    columns = 1 + len(still.decoded)
    width = max(7.0, 1.25 * columns + 0.5)
    overview = width / 2 * group.height / group.width
    figure = new_figure(group, f"frame {still.index} of {still.pick.sequence}", width, 0)
    cell = (width - 0.4) / columns
    rows = 2 * len(chosen)
    figure.set_size_inches(width, 0.75 + overview + rows * (cell + 0.12) + len(chosen) * 0.45)
    parts = figure.subfigures(2, 1, height_ratios=[overview, rows * (cell + 0.12) + len(chosen) * 0.45], squeeze=False)
    upper, lower = parts[:, 0]
    for part in (upper, lower):
        part.set_facecolor(PAGE)
    frame, mask = upper.subplots(1, 2)
    _show(frame, _small(still.source), "source")
    _show(mask, _small(still.transient), f"transient: {100 * still.transient.mean():.0f} % of pixels")
    step = _step(still.source)
    for axes in (frame, mask):
        for region, window in chosen.items():
            axes.add_patch(_outline(window, step, FRAMES[region]))
    grid = lower.subplots(rows, columns, squeeze=False) if rows else np.empty((0, 0), object)
    for number, (region, window) in enumerate(chosen.items()):
        pictures, errors = grid[2 * number], grid[2 * number + 1]
        _show(pictures[0], still.source[window], "source" if number == 0 else "", f"{region}")
        _show(errors[0], still.transient[window], "", "transient pixels")
        for axes in (pictures[0], errors[0]):
            axes.spines[:].set(visible=True, color=FRAMES[region], linewidth=2)
        for (match, decoded), picture, error in zip(still.decoded, pictures[1:], errors[1:], strict=True):
            name = f"{match.cell.label}\n{match.cell.bits_per_pixel:.3g} bpp, {match.off}" if number == 0 else ""
            _show(picture, decoded[window], name, f"{_local_psnr(still, decoded, window):.2f} dB")
            _show(error, _error(still.source[window], decoded[window]))
    return figure


def _show(axes: Axes, picture: NDArray[Any], title: str = "", below: str = "") -> None:
    limits = {np.dtype(np.float64): (0, ERROR_LIMIT), np.dtype(np.bool_): (0, 1)}.get(picture.dtype, (0, 255))
    colours = "inferno" if picture.dtype == np.float64 else "gray"
    axes.imshow(picture, cmap=colours, vmin=limits[0], vmax=limits[1], interpolation="none")
    axes.set_xticks([])
    axes.set_yticks([])
    axes.spines[:].set_visible(False)
    axes.set_title(title, fontsize=7.5, color=TEXT)
    axes.set_xlabel(below, fontsize=7.5, labelpad=2, color=TEXT if "dB" in below else QUIET)


def _step(picture: NDArray[Any]) -> int:
    return max(1, int(picture.shape[1]) // OVERVIEW_PIXELS)


def _small(picture: NDArray[Any]) -> NDArray[Any]:
    """Every pixel of a small picture, every second or third one of a large one."""
    step = _step(picture)
    return picture[::step, ::step]


def _outline(window: Window, step: int, colour: str) -> Rectangle:
    rows, columns = window
    size = (columns.stop - columns.start) / step, (rows.stop - rows.start) / step
    return Rectangle((columns.start / step - 0.5, rows.start / step - 0.5), *size, fill=False, edgecolor=colour, lw=1.8)


def _error(source: Frame, decoded: Frame) -> NDArray[np.float64]:
    return np.asarray(np.abs(source.astype(np.float64) - decoded).mean(axis=2))


def _local_psnr(still: Still, decoded: Frame, window: Window) -> float:
    return psnr_from_mse(mean_squared_error(still.source[window], decoded[window]))


def _alt(still: Still, chosen: dict[Region, Window]) -> str:
    parts = [f"Frame {still.index} of {still.pick.sequence}. PSNR of the crops:"]
    for match, decoded in still.decoded:
        values = [f"{_local_psnr(still, decoded, window):.2f} dB {region}" for region, window in chosen.items()]
        parts.append(f"{match.cell.label} ({match.off} of the rate): {', '.join(values)}.")
    return " ".join(parts)
