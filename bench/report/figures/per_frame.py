"""Quality along a sequence: the PSNR of each frame, codecs at one rate."""

from __future__ import annotations

import math

from matplotlib.figure import Figure

from ...analysis.comparable import ComparableSet
from ...analysis.matched import RateMatch, match_rate
from ...records.record import Record
from .picture import GRID, QUIET, Picture, Styles, dress, legend, line_styles, new_figure

METRIC = "psnr_rgb"
MARKERS = 12
"""About how many markers a line has."""


def per_frame_picture(group: ComparableSet, styles: Styles) -> list[Picture]:
    """One picture with axes for each sequence; none if no codec has values by frame."""
    rate_matches = [rate_match for sequence in group.sequences if (rate_match := _drawable(group, sequence))]
    if not rate_matches:
        return []
    notes = " ".join(rate_match.note for rate_match in rate_matches)
    return [
        Picture(
            figure=draw(group, rate_matches, styles),
            name=f"{group.slug}-per-frame",
            caption=f"PSNR of each frame at matched rate: {group.dataset}, {group.stamp}. {notes}",
            alt="PSNR over frame number. " + " ".join(_outcome(rate_match) for rate_match in rate_matches),
            wide=True,
        )
    ]


def _drawable(group: ComparableSet, sequence: str) -> RateMatch | None:
    """The codecs at one rate on a sequence; None if none of them has values by frame."""
    rate_match = match_rate(group, sequence)
    if rate_match is None or not any(_values(match.cell.record) for match in rate_match.matches):
        return None
    return rate_match


def _transient_share(rate_match: RateMatch) -> list[float]:
    """The share of transient pixels of each frame, in percent; NaN for a frame that has no regions. The list is
    empty if the records have no regions."""
    for match in rate_match.matches:
        quality = match.cell.record.quality
        if quality and "transient_share" in quality.frames:
            return [math.nan if part is None else 100 * part for part in quality.frames["transient_share"]]
    return []


def _values(record: Record) -> list[float]:
    """The PSNR of each frame, in dB. The list is empty if any frame lacks it."""
    values = record.quality.frames.get(METRIC, []) if record.quality else []
    known = [value for value in values if value is not None]
    return known if len(known) == len(values) else []


def draw(group: ComparableSet, rate_matches: list[RateMatch], styles: Styles) -> Figure:
    """A row of axes for each sequence. Behind the lines is the share of transient pixels in the source."""
    figure = new_figure(group, "PSNR of each frame at matched rate", 9.2, 2.6 * len(rate_matches) + 1.3)
    rows = figure.subplots(len(rate_matches), 1, squeeze=False, sharex=True).ravel()
    lines = line_styles(group)
    for axes, rate_match in zip(rows, rate_matches, strict=True):
        dress(axes, labelled=rate_match is rate_matches[-1])
        for match in rate_match.matches:
            values = _values(match.cell.record)
            label = match.cell.label
            if values:
                colour, marker = styles[match.cell.record.codec.name]
                some = max(1, len(values) // MARKERS)
                look = {"color": colour, "marker": marker, "markevery": some, "ms": 4, "lw": 1.3}
                axes.plot(range(len(values)), values, lines[label], label=label, **look)
        share = _transient_share(rate_match)
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
        axes.set_title(f"{rate_match.sequence} at {rate_match.rate:.3g} bits per pixel", fontsize=9, loc="left")
        axes.set_ylabel("PSNR (dB)", fontsize=9)
        axes.margins(x=0.01)
    rows[-1].set_xlabel("frame", fontsize=9)
    legend(figure, group)
    return figure


def _outcome(rate_match: RateMatch) -> str:
    parts = []
    for match in rate_match.matches:
        values = _values(match.cell.record)
        if values:
            parts.append(f"{match.cell.label} ({match.off} of the rate): {min(values):.1f} to {max(values):.1f} dB")
    return f"{rate_match.sequence}: {', '.join(parts)}."
