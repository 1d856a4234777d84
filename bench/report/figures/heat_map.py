"""BD-rates of every codec against every other, as a heat map for each metric."""

from __future__ import annotations

import math

from matplotlib.colors import Colormap, LinearSegmentedColormap, TwoSlopeNorm
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from ...analysis.comparable import ComparableSet
from ...analysis.pairs import Mean, Pairs
from .picture import PAGE, QUIET, Picture, dress, more_room, new_figure

LIMIT = math.log(4)
"""Colours reach their ends at a quarter and at four times the bits."""
COLOURS: Colormap = LinearSegmentedColormap.from_list("bits", ["#1b7fbd", "#f4f4f4", "#d9600a"])


def heat_map_pictures(group: ComparableSet, compared: Pairs) -> list[Picture]:
    """One picture for each metric, of the pairs in ``compared``; none where fewer than two codecs have results."""
    labels = [label for label in group.codecs if any(curve.label == label for curve in group.curves)]
    if len(labels) < 2:
        return []
    return [_picture(group, labels, metric, compared) for metric in group.metrics]


def _picture(group: ComparableSet, labels: list[str], metric: str, compared: Pairs) -> Picture:
    pairs = [pair for key, pair in compared.items() if key[2] == metric and {*key[:2]} <= {*labels}]
    return Picture(
        figure=draw(group, labels, metric, compared),
        name=f"{group.slug}-bd-rate-{metric.replace('_', '-')}",
        caption=f"BD-rate on {group.metrics[metric]} of each codec (row) against each other (column): {group.dataset}, "
        f"{group.stamp}. Percent of bits, mean over sequences; blue needs fewer. Hatched: refused.",
        alt=f"BD-rates on {group.metrics[metric]}. " + " ".join(_outcome(p.codec, p.anchor, p.mean) for p in pairs),
        wide=False,
    )


def draw(group: ComparableSet, labels: list[str], metric: str, compared: Pairs) -> Figure:
    """A square for each pair, coloured by the logarithm of the bits that the codec needs. It is hatched if the
    BD-rate was refused on all sequences."""
    side, more = 0.62 * len(labels), more_room(labels, 10, 1.5)
    figure = new_figure(group, f"BD-rate on {group.metrics[metric]}", side + 1.9 + more, side + 1.7 + more)
    axes = figure.subplots()
    dress(axes)
    norm = TwoSlopeNorm(0, -LIMIT, LIMIT)
    for row, codec in enumerate(labels):
        for column, anchor in enumerate(labels):
            pair = compared.get((codec, anchor, metric))
            if pair is None:
                continue
            mean = pair.mean
            corner = (column - 0.47, row - 0.47)
            if mean.value is None:
                axes.add_patch(Rectangle(corner, 0.94, 0.94, facecolor=PAGE, edgecolor=QUIET, hatch="////", lw=0))
                continue
            bits = math.log1p(mean.value / 100)
            shade = COLOURS(norm(max(-LIMIT, min(LIMIT, bits))))
            axes.add_patch(Rectangle(corner, 0.94, 0.94, facecolor=shade, lw=0))
            part = f"\n{mean.used} of {mean.count}" if mean.used < mean.count else ""
            text = f"{mean.value:+.0f}{part}"
            axes.text(column, row, text, ha="center", va="center", fontsize=8, color="#101010")
    axes.set_xlim(-0.5, len(labels) - 0.5)
    axes.set_ylim(len(labels) - 0.5, -0.5)
    axes.set_aspect("equal")
    axes.set_xticks(range(len(labels)), labels, rotation=40, ha="right", rotation_mode="anchor")
    axes.set_yticks(range(len(labels)), labels)
    axes.set_xlabel("anchor", fontsize=9)
    axes.grid(visible=False)
    axes.spines[:].set_visible(False)
    axes.tick_params(length=0)
    return figure


def _outcome(codec: str, anchor: str, mean: Mean) -> str:
    return f"{codec} against {anchor}: {'refused' if mean.value is None else f'{mean.value:+.1f} %'}."
