"""BD-rates between the curves of a section, as tables."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import product

import pandas as pd

from ..measure.bd_rate import BDRate, bd_rate
from .sections import METRICS, Section
from .tables import BD_PREFIX, Table, as_frame, caption, place

ANCHORS = ("nerv", "x265")


@dataclass(frozen=True)
class Comparison:
    """One curve against an anchor's curve; seeds are None where a curve has no points at all."""

    codec: str
    anchor: str
    sequence: str
    metric: str
    codec_seed: int | None
    anchor_seed: int | None
    result: BDRate


def anchors(section: Section) -> list[str]:
    """The labels that BD-rates are against: for each of `ANCHORS` the curve without options set
    by hand, or the first one."""
    found = []
    for name in ANCHORS:
        labels = [label for label, codec in section.codecs.items() if codec == name]
        if labels:
            found.append(name if name in labels else labels[0])
    return found


def comparisons(section: Section) -> list[Comparison]:
    """Each codec against each anchor, on each sequence and metric, for each pair of seeds."""
    curves = defaultdict(list)
    for curve in section.curves:
        curves[curve.label, curve.sequence].append(curve)
    found = []
    for anchor, label, sequence, metric in product(anchors(section), section.codecs, section.sequences, METRICS):
        if label == anchor:
            continue
        pairs = list(product(curves[anchor, sequence], curves[label, sequence]))
        for a, b in pairs:
            result = bd_rate(a.points(metric), b.points(metric))
            found.append(Comparison(label, anchor, sequence, metric, b.seed, a.seed, result))
        if not pairs:
            missing = anchor if not curves[anchor, sequence] else label
            result = BDRate(reason=f"{missing} has no results")
            found.append(Comparison(label, anchor, sequence, metric, None, None, result))
    return found


def over_seeds(results: Sequence[BDRate]) -> BDRate:
    """The mean over pairs of seeds, with the least overlap and the largest spread among them;
    refused if any pair was."""
    refused = [result.reason for result in results if result.value is None]
    if refused:
        share = f"{len(refused)} of {len(results)} pairs of seeds: " if len(results) > 1 else ""
        return BDRate(reason=f"{share}{refused[0]}")
    return BDRate(
        value=_mean([result.value for result in results]),
        overlap=min(result.overlap or 0 for result in results),
        spread=max(result.spread or 0 for result in results),
        warning=next((result.warning for result in results if result.warning), None),
    )


def _mean(values: Iterable[float | None]) -> float:
    known = [value for value in values if value is not None]
    return math.fsum(known) / len(known)


def bd_table(section: Section) -> Table | None:
    """BD-rates of each codec, on each sequence and over them; None where there is no anchor or
    nothing to compare with it."""
    groups: dict[tuple[str, str, str, str], list[BDRate]] = defaultdict(list)
    for item in comparisons(section):
        groups[item.codec, item.sequence, item.anchor, item.metric].append(item.result)
    if not groups:
        return None
    results = {key: over_seeds(members) for key, members in groups.items()}
    columns = list(product(anchors(section), METRICS))
    rows = []
    for label in section.codecs:
        for sequence in section.sequences:
            cells = [_bd_cell(results.get((label, sequence, *column))) for column in columns]
            rows.append([label, sequence, *cells])
        if len(section.sequences) > 1:
            over = [[results.get((label, sequence, *column)) for sequence in section.sequences] for column in columns]
            rows.append([label, "mean", *[_bd_mean(members) for members in over]])
    headings = [f"{BD_PREFIX}{METRICS[metric]} against {anchor}" for anchor, metric in columns]
    data = pd.DataFrame(rows, columns=["codec", "sequence", *headings], dtype=object)
    if len(section.sequences) == 1:
        data = data.drop(columns="sequence")
    return Table(caption("BD-rate", section), data, BD_NOTES)


BD_NOTES = (
    "Percent of bits for the same quality; negative means that the codec needs fewer bits than the anchor.",
    "pchip over ln(rate), both metrics in dB, over the quality range that the two curves share; nothing is "
    "extrapolated. Overlap: that shared range as a part of the smaller of the two. Spread: percentage points between "
    "pchip, Akima and cubic interpolation. Refused below 4 points, below an overlap of 0.5, and where quality does "
    "not rise with rate. A mean says how many sequences it could take in.",
)


def _bd_cell(result: BDRate | None) -> str:
    """The first line is the value."""
    if result is None:
        return "anchor"
    if result.value is None or result.overlap is None or result.spread is None:
        return f"refused\n{result.reason}"
    overlap = f"overlap {result.overlap:.2f}{' (little)' if result.warning else ''}"
    spread = f"spread {result.spread:.1f}" if result.spread < 1000 else "spread over 1000"
    return f"{result.value:+.1f} %\n{overlap}, {spread}"


def _bd_mean(results: Sequence[BDRate | None]) -> str:
    values = [result.value for result in results if result and result.value is not None]
    if None in results:
        return "anchor"
    if not values:
        return f"refused\non all {len(results)} sequences"
    return f"{_mean(values):+.1f} %\n{len(values)} of {len(results)} sequences"


def bd_rate_csv(found: Sequence[Section]) -> pd.DataFrame:
    """Every comparison of two curves."""
    return as_frame(
        [
            place(section)
            | {
                "sequence": item.sequence,
                "codec": item.codec,
                "anchor": item.anchor,
                "metric": item.metric,
                "codec_seed": item.codec_seed,
                "anchor_seed": item.anchor_seed,
                "bd_rate_percent": item.result.value,
                "overlap": item.result.overlap,
                "spread_points": item.result.spread,
                "warning": item.result.warning,
                "reason": item.result.reason,
            }
            for section in found
            for item in comparisons(section)
        ]
    )
