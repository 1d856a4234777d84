"""Pictures of rate-distortion curves: one picture for each section and metric."""

from __future__ import annotations

import io
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import cycle
from typing import Literal

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from .sections import CODEC_ORDER, METRICS, Curve, Section

# After Okabe and Ito, with a darker orange and sky blue, then Paul Tol: colour-blind readers tell
# them apart, and markers differ too.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#882255", "#B87F00", "#000000", "#CC79A7", "#3A9BDC")
MARKERS = ("o", "s", "^", "*", "D", "v", "P", "X")
MORE_STYLES = (("#888820", "<"), ("#44AA99", ">"), ("#666666", "h"), ("#4477AA", "p"))
LINES: tuple[Literal["-", "--", ":", "-."], ...] = ("-", "--", ":", "-.")

Styles = dict[str, tuple[str, str]]
"""Codec name to colour and marker."""


@dataclass(frozen=True)
class Picture:
    """A picture in both forms. ``name`` is its file's, without a suffix."""

    name: str
    caption: str
    alt: str
    wide: bool
    svg: bytes
    png: bytes


def codec_styles(names: Iterable[str]) -> Styles:
    """The same look for a codec in every picture; the last four are used in turn for codecs that
    have none of their own."""
    fixed = dict(zip(CODEC_ORDER, zip(COLOURS, MARKERS, strict=True), strict=True))
    others = sorted(set(names) - set(fixed))
    return fixed | dict(zip(others, cycle(MORE_STYLES), strict=False))


def pictures(section: Section, styles: Styles) -> list[Picture]:
    """One picture for each metric that any curve has."""
    drawable = [metric for metric in METRICS if any(_drawable(curve, metric) for curve in section.curves)]
    return [_picture(section, metric, styles) for metric in drawable]


def _picture(section: Section, metric: str, styles: Styles) -> Picture:
    figure = draw(section, metric, styles)
    return Picture(
        name=f"{section.slug}-{metric.replace('_', '-')}",
        caption=f"{METRICS[metric]} over bits per pixel: {section.dataset}, {section.stamp}",
        alt=_alt(section, metric),
        wide=len(section.sequences) > 1,
        svg=to_file(figure, "svg"),
        png=to_file(figure, "png"),
    )


def draw(section: Section, metric: str, styles: Styles) -> Figure:
    """The curves of a section: one set of axes for each sequence."""
    sequences = section.sequences
    columns = min(3, len(sequences))
    rows = math.ceil(len(sequences) / columns)
    size = (5.4, 4.4) if len(sequences) == 1 else (3.3 * columns, 2.6 * rows + 1.1)
    figure = Figure(figsize=size, layout=ConstrainedLayoutEngine(h_pad=0.07, w_pad=0.07), facecolor="white")
    figure.suptitle(_title(section, metric), x=0.01, ha="left", fontsize=9)
    figure.supylabel(METRICS[metric] if "dB" in METRICS[metric] else f"{METRICS[metric]} (dB)", fontsize=9)
    grid = figure.subplots(rows, columns, squeeze=False, sharex=True).ravel()
    lines = line_styles(section)
    for place, (axes, sequence) in enumerate(zip(grid, sequences, strict=False)):
        for curve in section.curves:
            if curve.sequence == sequence and (points := _drawable(curve, metric)):
                colour, marker = styles[curve.codec]
                rates, qualities = zip(*points, strict=True)
                axes.plot(
                    rates, qualities, lines[curve.label], color=colour, marker=marker, label=curve.label, ms=5, lw=1.5
                )
        _dress(axes)
        marked = _mark_source(axes, section.source_rates().get(sequence))
        if place + columns >= len(sequences):
            axes.set_xlabel("bits per pixel", fontsize=9)
        if len(sequences) > 1:
            axes.set_title(sequence, fontsize=9, pad=14 if marked else 5)
    for axes in grid[len(sequences) :]:
        axes.remove()
    named = {label: handle for axes in grid for handle, label in zip(*axes.get_legend_handles_labels(), strict=True)}
    order = [label for label in section.codecs if label in named]
    handles = [named[label] for label in order]
    figure.legend(handles, order, loc="outside lower center", ncols=min(4, len(order)), fontsize=8, frameon=False)
    return figure


def _title(section: Section, metric: str) -> str:
    scale, _, warning = section.stamp.partition("; ")
    lines = [f"{section.dataset}: {METRICS[metric]} over rate", scale, warning]
    return "\n".join(line for line in lines if line)


def _drawable(curve: Curve, metric: str) -> list[tuple[float, float]]:
    """The curve's points without lossless ones, whose quality is infinite."""
    return [(rate, quality) for rate, quality in curve.points(metric) if math.isfinite(quality) and rate > 0]


def line_styles(section: Section) -> dict[str, Literal["-", "--", ":", "-."]]:
    """Label to line style, which tells curves of one codec apart."""
    styles: dict[str, Literal["-", "--", ":", "-."]] = {}
    for codec in dict.fromkeys(section.codecs.values()):
        labels = [label for label, name in section.codecs.items() if name == codec]
        styles |= dict(zip(labels, cycle(LINES), strict=False))
    return styles


def _dress(axes: Axes) -> None:
    axes.set_xscale("log")
    axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda rate, _: f"{rate:g}"))
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.tick_params(labelsize=8, labelbottom=True)
    axes.grid(color="#dddddd", linewidth=0.6)
    axes.spines[["top", "right"]].set_visible(False)


def _mark_source(axes: Axes, rate: float | None) -> bool:
    """Draw a line at the rate of the source's own bitstream, if it falls near the curves."""
    low, high = axes.get_xlim()
    if rate is None or not low / 2 <= rate <= high * 2:
        return False
    axes.axvline(rate, color="#666666", linestyle=(0, (4, 3)), linewidth=1)
    axes.annotate(
        "the source's own bitstream",
        (rate, 1),
        xycoords=("data", "axes fraction"),
        xytext=(0, 2),
        textcoords="offset points",
        ha="right" if rate > math.sqrt(low * high) else "left",
        va="bottom",
        fontsize=7.5,
        color="#444444",
    )
    return True


def _alt(section: Section, metric: str) -> str:
    """What the picture shows, for those who do not see it."""
    parts = [_reach(label, section.curves, metric) for label in section.codecs]
    return f"{METRICS[metric]} over bits per pixel on {', '.join(section.sequences)}. " + " ".join(filter(None, parts))


def _reach(label: str, curves: Sequence[Curve], metric: str) -> str:
    points = [point for curve in curves if curve.label == label for point in _drawable(curve, metric)]
    if not points:
        return ""
    rates, qualities = zip(*points, strict=True)
    return (
        f"{label}: {min(qualities):.1f} to {max(qualities):.1f} dB at {min(rates):.3g} to {max(rates):.3g} "
        "bits per pixel."
    )


def to_file(figure: Figure, form: Literal["svg", "png"]) -> bytes:
    """The picture's file, the same bytes for the same picture."""
    buffer = io.BytesIO()
    with mpl.rc_context({"svg.hashsalt": "bench"}):
        figure.savefig(buffer, format=form, dpi=160, metadata={"Date": None} if form == "svg" else None)
    return buffer.getvalue()
