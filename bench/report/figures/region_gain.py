"""Where a codec gains on another: BD-PSNR in transient and in persistent regions."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from matplotlib.figure import Figure

from ...analysis.average import seed_mean
from ...analysis.bd_psnr import bd_psnr
from ...analysis.comparable import ComparableSet
from ...analysis.pairs import ANCHORS
from ...measure.regions import DEFINITION, REGIONS, Region
from .picture import QUIET, TEXT, Picture, dress, more_room, new_figure

COLOURS: dict[Region, str] = {"persistent": "#7fa8c9", "transient": "#3b4f81"}


@dataclass(frozen=True)
class Gain:
    """What a codec gains in a region: ``value`` is the mean BD-PSNR, in dB, over ``count`` of all ``of`` sequences. It
    is None where it was refused on all of them, for the ``reason``."""

    label: str
    region: Region
    value: float | None
    count: int
    of: int
    reason: str | None = None


def gains(group: ComparableSet, anchor: str) -> list[Gain]:
    """The gain of every other codec over ``anchor``, in each region."""
    every = []
    for label in group.codecs:
        for region in REGIONS:
            metric = f"psnr_rgb_{region}"
            results = [
                bd_psnr(seed_mean(group, anchor, sequence, metric), seed_mean(group, label, sequence, metric))
                for sequence in group.sequences
            ]
            values = [result.value for result in results if result.value is not None]
            mean = math.fsum(values) / len(values) if values else None
            if label != anchor:
                every.append(Gain(label, region, mean, len(values), len(results), results[0].reason))
    return every


def region_gain_picture(group: ComparableSet) -> list[Picture]:
    """One picture. There is none if the records have no regions, or no anchor, or no codec to compare with it."""
    anchor = next((label for name in ANCHORS for label, codec in group.codecs.items() if codec == name), None)
    if anchor is None or not has_regions(group):
        return []
    every = gains(group, anchor)
    if not any(gain.value is not None for gain in every):
        return []
    refused = [f"{gain.label} ({gain.reason})" for gain in every if gain.value is None and gain.region == "transient"]
    notes = f" Refused: {'; '.join(refused)}." if refused else ""
    return [
        Picture(
            figure=draw(group, anchor, every),
            name=f"{group.slug}-region-gain",
            caption=f"PSNR against {anchor} at the same rate, by region: {group.dataset}, {group.stamp}. "
            f"{DEFINITION} BD-PSNR, mean over sequences.{notes}",
            alt=" ".join(map(_outcome, every)),
            wide=False,
        )
    ]


def has_regions(group: ComparableSet) -> bool:
    """Whether any record measured quality by region."""
    return any(cell.quality(f"psnr_rgb_{region}") is not None for cell in group.measured for region in REGIONS)


def draw(group: ComparableSet, anchor: str, every: Sequence[Gain]) -> Figure:
    """A pair of bars for each codec. Where the comparison was refused, the picture says so."""
    labels = list(dict.fromkeys(gain.label for gain in every))
    more = more_room(labels, 8, 2.5)
    figure = new_figure(group, f"PSNR against {anchor} at the same rate", 5.4 + more, 0.55 * len(labels) + 1.9)
    axes = figure.subplots()
    dress(axes)
    for gain in every:
        place = labels.index(gain.label) + (-0.19 if gain.region == "persistent" else 0.19)
        value = gain.value or 0.0
        part = f" ({gain.count} of {gain.of})" if 0 < gain.count < gain.of else ""
        text = "refused" if gain.value is None else f"{value:+.2f} dB{part}"
        axes.barh(place, value, 0.36, color=COLOURS[gain.region], label=gain.region)
        axes.annotate(
            text,
            (value, place),
            (3 if value >= 0 else -3, 0),
            textcoords="offset points",
            va="center",
            ha="left" if value >= 0 else "right",
            fontsize=7.5,
            color=TEXT,
        )
    axes.axvline(0, color=QUIET, linewidth=1)
    axes.set_yticks(range(len(labels)), labels)
    axes.invert_yaxis()
    axes.grid(visible=False, axis="y")
    axes.margins(x=0.3)
    axes.set_xlabel("dB", fontsize=9)
    handles, names = axes.get_legend_handles_labels()
    named = dict(zip(names, handles, strict=True))
    order = [region for region in REGIONS if region in named]
    figure.legend(
        [named[region] for region in order],
        order,
        loc="outside lower center",
        ncols=2,
        fontsize=8,
        frameon=False,
        labelcolor=TEXT,
    )
    return figure


def _outcome(gain: Gain) -> str:
    value = "refused" if gain.value is None else f"{gain.value:+.2f} dB"
    return f"{gain.label}, {gain.region}: {value}."
