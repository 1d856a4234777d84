"""Pictures of rate-distortion curves: one picture for each comparable set and metric."""

from __future__ import annotations

import math
from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ...analysis.average import seed_mean, seed_range, sequence_mean
from ...analysis.bd_rate import Points
from ...analysis.comparable import ComparableSet, Curve
from .picture import (
    QUIET,
    Picture,
    RateAxis,
    Styles,
    dress,
    grid_of_axes,
    grid_size,
    is_lowest,
    legend,
    line_styles,
    new_figure,
    scale_rate,
)

AVERAGE_NOTE = "Average: mean rate and mean quality at each rate point that every sequence and seed has."


def rd_pictures(group: ComparableSet, styles: Styles, rate_axis: RateAxis = "log") -> list[Picture]:
    """One picture for each metric in which any curve has a point to draw."""
    drawable = [metric for metric in group.metrics if any(_drawable(curve, metric) for curve in group.curves)]
    return [_picture(group, metric, styles, rate_axis) for metric in drawable]


def _picture(group: ComparableSet, metric: str, styles: Styles, rate_axis: RateAxis) -> Picture:
    several = len(group.sequences) > 1
    caption = f"{group.metrics[metric]} over bits per pixel: {group.dataset}, {group.stamp}"
    if len({curve.seed for curve in group.curves}) > 1:
        caption += ". Several seeds: their mean at each rate point, from the lowest to the highest shaded"
    return Picture(
        figure=draw(group, metric, styles, rate_axis),
        name=f"{group.slug}-{metric.replace('_', '-')}",
        caption=f"{caption}. {AVERAGE_NOTE}" if several else caption,
        alt=_alt(group, metric),
        wide=several,
        curves=True,
    )


def draw(group: ComparableSet, metric: str, styles: Styles, rate_axis: RateAxis = "log") -> Figure:
    """The curves of a comparable set, with axes for each sequence and, where there are several, for their average."""
    several = len(group.sequences) > 1
    count = len(group.sequences) + several
    figure = new_figure(group, f"{group.metrics[metric]} over rate", *grid_size(count))
    figure.supylabel(f"{group.metrics[metric]} (dB)" if metric == "psnr_rgb" else group.metrics[metric], fontsize=9)
    grid = grid_of_axes(figure, count)
    lines = line_styles(group)

    def plot(axes: Axes, label: str, points: Points) -> None:
        if points:
            colour, marker = styles[group.codecs[label]]
            rates, qualities = zip(*points, strict=True)
            axes.plot(rates, qualities, lines[label], color=colour, marker=marker, label=label, ms=5, lw=1.5)

    for axes, sequence in zip(grid, group.sequences, strict=False):
        for label in group.codecs:
            plot(axes, label, seed_mean(group, label, sequence, metric))
            if band := seed_range(group, label, sequence, metric):
                colour, _ = styles[group.codecs[label]]
                rates, lowest, highest = zip(*band, strict=True)
                axes.fill_between(rates, lowest, highest, color=colour, alpha=0.25, lw=0)
    if several:
        for label in group.codecs:
            plot(grid[-1], label, sequence_mean(group, label, metric))
    for place, axes in enumerate(grid):
        dress(axes, labelled=is_lowest(place, count))
        scale_rate(axes, rate_axis)
        if is_lowest(place, count):
            axes.set_xlabel("bits per pixel", fontsize=9)
    for axes, sequence in zip(grid, group.sequences, strict=False):
        marked = _mark_source(axes, group.source_rates().get(sequence))
        if several:
            axes.set_title(sequence, fontsize=9, pad=14 if marked else 5)
    if several:
        grid[-1].set_title(f"average of {len(group.sequences)}", fontsize=9, fontweight="bold")
    legend(figure, group)
    return figure


def _drawable(curve: Curve, metric: str) -> list[tuple[float, float]]:
    """The curve's points without the lossless ones, whose quality is infinite."""
    return [(rate, quality) for rate, quality in curve.points(metric) if math.isfinite(quality) and rate > 0]


def _mark_source(axes: Axes, rate: float | None) -> bool:
    """Draw a line at the rate of the source's own bitstream if that is near the curves; say whether it was drawn."""
    low, high = axes.get_xlim()
    if rate is None or not low / 2 <= rate <= high * 2:
        return False
    axes.axvline(rate, color=QUIET, linestyle=(0, (4, 3)), linewidth=1)
    axes.annotate(
        "the source's own bitstream",
        (rate, 1),
        xycoords=("data", "axes fraction"),
        xytext=(0, 2),
        textcoords="offset points",
        ha="right" if rate > math.sqrt(low * high) else "left",
        va="bottom",
        fontsize=7.5,
        color=QUIET,
    )
    return True


def _alt(group: ComparableSet, metric: str) -> str:
    """What the picture shows, in words for those who do not see it."""
    reaches = [_reach(label, group.curves, metric) for label in group.codecs]
    return f"{group.metrics[metric]} over bits per pixel on {', '.join(group.sequences)}. " + " ".join(
        filter(None, reaches)
    )


def _reach(label: str, curves: Sequence[Curve], metric: str) -> str:
    """From where to where the codec's points reach, in words."""
    points = [point for curve in curves if curve.label == label for point in _drawable(curve, metric)]
    if not points:
        return ""
    rates, qualities = zip(*points, strict=True)
    return (
        f"{label}: {min(qualities):.1f} to {max(qualities):.1f} dB at {min(rates):.3g} to {max(rates):.3g} "
        "bits per pixel."
    )
