"""BD-rates between the curves of a section: for each pair of curves, and over seeds and sequences."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import product

import numpy as np

from .bd_rate import BDRate, Points, bd_rate
from .bootstrap import Array, mean_interval
from .comparable import METRICS, ComparableSet

ANCHORS = ("nerv", "x265")


@dataclass(frozen=True)
class CurveComparison:
    """One curve against an anchor's curve; seeds are None where a curve has no points at all."""

    codec: str
    anchor: str
    sequence: str
    metric: str
    codec_seed: int | None
    anchor_seed: int | None
    result: BDRate


@dataclass(frozen=True)
class Mean:
    """A mean of BD-rates in percent over ``used`` of ``count`` sequences, those where none was refused;
    ``value`` is None if all were. ``interval`` is the bootstrap's, of 95 %; ``reason`` is the first refusal's."""

    value: float | None
    used: int
    count: int
    interval: tuple[float, float] | None
    reason: str | None


@dataclass(frozen=True)
class Pair:
    """One codec against one anchor in one metric, by sequence. Labels, not names of codecs."""

    codec: str
    anchor: str
    metric: str
    by_sequence: dict[str, list[CurveComparison]]
    mean_curve: BDRate
    """BD-rate of the mean curves: of each rate point, the mean rate and the mean quality over the
    sequences (each the mean of its seeds). Refused unless all curves have the same rate points."""

    def result(self, sequence: str) -> BDRate:
        """On one sequence, over its seeds."""
        return over_seeds([item.result for item in self.by_sequence[sequence]])

    def seed_interval(self, sequence: str) -> tuple[float, float] | None:
        """On one sequence, the bootstrap's 95 % interval over seeds; None with one seed each."""
        values = _matrix(self.by_sequence[sequence])
        return None if values is None else mean_interval([values])

    @cached_property
    def mean(self) -> Mean:
        """Over the sequences. The interval is over sequences, and over seeds where several were run."""
        found = [_matrix(items) for items in self.by_sequence.values()]
        groups = [values for values in found if values is not None]
        value = _mean([float(values.mean()) for values in groups]) if groups else None
        reasons = [item.result.reason for items in self.by_sequence.values() for item in items if item.result.reason]
        interval = mean_interval(groups) if groups else None
        return Mean(value, len(groups), len(found), interval, reasons[0] if reasons else None)


Pairs = Mapping[tuple[str, str, str], Pair]
"""(codec, anchor, metric) to every comparison of two codecs of a section in a metric, as `pairs` finds them."""


def anchors(group: ComparableSet, chosen: Sequence[str] = ANCHORS) -> list[str]:
    """The labels that BD-rates are against: each of ``chosen`` that is a label, or the codec's
    curve without options set by hand, or its first one."""
    found = []
    for name in chosen:
        labels = [label for label, codec in group.codecs.items() if name in (codec, label)]
        if labels:
            found.append(name if name in labels else labels[0])
    return list(dict.fromkeys(found))


def comparisons(group: ComparableSet, against: Sequence[str] | None = None) -> list[CurveComparison]:
    """Each codec against each anchor (labels; the usual ones unless named), on each sequence and
    metric, for each pair of seeds."""
    chosen = anchors(group) if against is None else against
    found = []
    for sequence, metric in product(group.sequences, METRICS):
        curves: dict[str, list[tuple[int, Points]]] = defaultdict(list)
        for curve in group.curves:
            if curve.sequence == sequence:
                curves[curve.label].append((curve.seed, curve.points(metric)))
        for anchor, label in product(chosen, group.codecs):
            if label == anchor:
                continue
            for (anchor_seed, a), (seed, b) in product(curves[anchor], curves[label]):
                found.append(CurveComparison(label, anchor, sequence, metric, seed, anchor_seed, bd_rate(a, b)))
            if not (curves[anchor] and curves[label]):
                result = BDRate(reason=f"{label if curves[anchor] else anchor} has no results")
                found.append(CurveComparison(label, anchor, sequence, metric, None, None, result))
    return found


def pairs(group: ComparableSet) -> dict[tuple[str, str, str], Pair]:
    """(codec, anchor, metric) to every comparison of the section, all pairs of codecs both ways."""
    groups: dict[tuple[str, str, str], dict[str, list[CurveComparison]]] = defaultdict(lambda: defaultdict(list))
    for item in comparisons(group, list(group.codecs)):
        groups[item.codec, item.anchor, item.metric][item.sequence].append(item)
    means = {(label, metric): mean_curve(group, label, metric) for label in group.codecs for metric in METRICS}
    return {
        (codec, anchor, metric): Pair(
            codec, anchor, metric, dict(items), _of_means(means[anchor, metric], means[codec, metric])
        )
        for (codec, anchor, metric), items in groups.items()
    }


def mean_curve(group: ComparableSet, label: str, metric: str) -> Points | str:
    """Mean bits per pixel and mean quality over the sequences at each rate point, each sequence
    being the mean of its seeds; or the reason why there is no such curve."""
    curves = [curve for curve in group.curves if curve.label == label]
    for sequence in group.sequences:
        if all(curve.sequence != sequence for curve in curves):
            return f"{label} has no results on {sequence}"
    found = [{cell.rate_point: cell for cell in curve.cells if cell.quality(metric) is not None} for curve in curves]
    for curve, cells in zip(curves, found, strict=True):
        if cells.keys() != found[0].keys():
            return f"{label} has other rate points on {curve.sequence} than on {curves[0].sequence}"

    def over_sequences(rate_point: str) -> tuple[float, float]:
        seeds: dict[str, list[tuple[float, float]]] = defaultdict(list)
        for cells in found:
            cell = cells[rate_point]
            seeds[cell.sequence].append((cell.bits_per_pixel, cell.quality(metric) or 0.0))
        means = [(_mean(rate for rate, _ in points), _mean(q for _, q in points)) for points in seeds.values()]
        return _mean(rate for rate, _ in means), _mean(quality for _, quality in means)

    return [over_sequences(rate_point) for rate_point in found[0]]


def _of_means(anchor: Points | str, test: Points | str) -> BDRate:
    if isinstance(anchor, str) or isinstance(test, str):
        return BDRate(reason=anchor if isinstance(anchor, str) else str(test))
    return bd_rate(anchor, test)


def over_seeds(results: Sequence[BDRate]) -> BDRate:
    """The mean over pairs of seeds, with the least overlap and the largest spread among them;
    refused if any pair was."""
    if len(results) == 1:
        return results[0]
    refused = [result.reason for result in results if result.value is None]
    if refused:
        return BDRate(reason=f"{len(refused)} of {len(results)} pairs of seeds: {refused[0]}")
    return BDRate(
        value=_mean([result.value for result in results if result.value is not None]),
        overlap=min(result.overlap or 0 for result in results),
        spread=max(result.spread or 0 for result in results),
        warning=next((result.warning for result in results if result.warning), None),
    )


def _matrix(items: Sequence[CurveComparison]) -> Array | None:
    """The values of one sequence, (anchor's seeds, codec's seeds); None if any was refused."""
    values = [item.result.value for item in items]
    if None in values:
        return None
    rows = len({item.anchor_seed for item in items})
    return np.array(values, np.float64).reshape(rows, len(items) // rows)


def _mean(values: Iterable[float]) -> float:
    known = list(values)
    return math.fsum(known) / len(known)
