"""Quality along a sequence: the PSNR of each frame, codecs at one rate."""

from __future__ import annotations

import math

from matplotlib.figure import Figure

from ...analysis.comparable import ComparableSet
from ...analysis.matched import Matched, matched
from ...records.record import Record
from .picture import GRID, QUIET, Picture, Styles, dress, legend, line_styles, new_figure

METRIC = "psnr_rgb"
MARKERS = 12
"""On a line, about."""


def per_frame_picture(group: ComparableSet, styles: Styles) -> list[Picture]:
    """One picture with axes for each sequence, if any codec has values by frame."""
    found = [pick for sequence in group.sequences if (pick := _drawable(group, sequence))]
    if not found:
        return []
    return [
        Picture(
            figure=draw(group, found, styles),
            name=f"{group.slug}-per-frame",
            caption=f"PSNR of each frame at matched rate: {group.dataset}, {group.stamp}. {' '.join(notes(found))}",
            alt="PSNR over frame number. " + " ".join(_outcome(pick) for pick in found),
            wide=True,
        )
    ]


def notes(found: list[Matched]) -> list[str]:
    """What must be said about the rates."""
    return [pick.note for pick in found]


def _drawable(group: ComparableSet, sequence: str) -> Matched | None:
    pick = matched(group, sequence)
    if pick is None or not any(_values(match.cell.record) for match in pick.matches):
        return None
    return pick


def _transient_share(pick: Matched) -> list[float]:
    """In percent, NaN in a frame without regions; empty if the records have none."""
    for match in pick.matches:
        quality = match.cell.record.quality
        if quality and "transient_share" in quality.frames:
            return [math.nan if part is None else 100 * part for part in quality.frames["transient_share"]]
    return []


def _values(record: Record) -> list[float]:
    """Of each frame; none if some frame has none."""
    values = record.quality.frames.get(METRIC, []) if record.quality else []
    known = [value for value in values if value is not None]
    return known if len(known) == len(values) else []


def draw(group: ComparableSet, found: list[Matched], styles: Styles) -> Figure:
    """A row for each sequence; behind the lines, the share of transient pixels in the source."""
    figure = new_figure(group, "PSNR of each frame at matched rate", 9.2, 2.6 * len(found) + 1.3)
    rows = figure.subplots(len(found), 1, squeeze=False, sharex=True).ravel()
    lines = line_styles(group)
    for axes, pick in zip(rows, found, strict=True):
        dress(axes, labelled=pick is found[-1])
        for match in pick.matches:
            values = _values(match.cell.record)
            label = match.cell.label
            if values:
                colour, marker = styles[match.cell.record.codec.name]
                some = max(1, len(values) // MARKERS)
                look = {"color": colour, "marker": marker, "markevery": some, "ms": 4, "lw": 1.3}
                axes.plot(range(len(values)), values, lines[label], label=label, **look)
        share = _transient_share(pick)
        if share:
            behind = axes.twinx()
            behind.fill_between(range(len(share)), share, color=GRID, lw=0, step="mid")
            behind.set_ylim(0, 300)
            behind.set_yticks([0, 50, 100])
            behind.tick_params(labelsize=7, colors=QUIET)
            behind.set_ylabel("transient pixels (%)", fontsize=7, color=QUIET, loc="bottom")
            behind.spines[["top", "left", "right"]].set_visible(False)
            axes.set_zorder(behind.get_zorder() + 1)
            axes.patch.set_visible(False)
        axes.set_title(f"{pick.sequence} at {pick.rate:.3g} bits per pixel", fontsize=9, loc="left")
        axes.set_ylabel("PSNR (dB)", fontsize=9)
        axes.margins(x=0.01)
    rows[-1].set_xlabel("frame", fontsize=9)
    legend(figure, group)
    return figure


def _outcome(pick: Matched) -> str:
    parts = []
    for match in pick.matches:
        values = _values(match.cell.record)
        if values:
            parts.append(f"{match.cell.label} ({match.off} of the rate): {min(values):.1f} to {max(values):.1f} dB")
    return f"{pick.sequence}: {', '.join(parts)}."
