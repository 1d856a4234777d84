"""BD-rates between the curves of a comparable set: of each pair of curves, and over seeds and sequences."""

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
from .comparable import ComparableSet

ANCHORS = ("nerv", "x265")
"""The codecs that BD-rates are against unless others are named."""


@dataclass(frozen=True)
class CurveComparison:
    """One curve against an anchor's curve. The seeds are None where one of the two has no points at all."""

    codec: str
    anchor: str
    sequence: str
    metric: str
    codec_seed: int | None
    anchor_seed: int | None
    result: BDRate


@dataclass(frozen=True)
class Mean:
    """The mean of BD-rates, in percent, over ``used`` of ``count`` sequences: a sequence on which one was refused is
    left out. ``value`` is None if all were left out. ``interval`` is the bootstrap's 95 % interval; ``reason`` is
    the reason of the first refusal."""

    value: float | None
    used: int
    count: int
    interval: tuple[float, float] | None
    reason: str | None


@dataclass(frozen=True)
class Pair:
    """One codec against one anchor in one metric, with the comparisons of each sequence. ``codec`` and ``anchor``
    are labels of curves."""

    codec: str
    anchor: str
    metric: str
    by_sequence: dict[str, list[CurveComparison]]
    mean_curve: BDRate
    """The BD-rate between the two mean curves (`mean_curve`). It is refused unless all curves of a codec have the
    same rate points."""

    def result(self, sequence: str) -> BDRate:
        """The BD-rate on one sequence, over its seeds."""
        return over_seeds([item.result for item in self.by_sequence[sequence]])

    def seed_interval(self, sequence: str) -> tuple[float, float] | None:
        """The bootstrap's 95 % interval over seeds on one sequence; None where each codec has one seed."""
        values = _matrix(self.by_sequence[sequence])
        return None if values is None else mean_interval([values])

    @cached_property
    def mean(self) -> Mean:
        """The mean over the sequences. Its interval is over sequences, and over seeds where several were run."""
        matrices = [_matrix(items) for items in self.by_sequence.values()]
        known = [values for values in matrices if values is not None]
        value = _mean([float(values.mean()) for values in known]) if known else None
        reasons = [item.result.reason for items in self.by_sequence.values() for item in items if item.result.reason]
        interval = mean_interval(known) if known else None
        return Mean(value, len(known), len(matrices), interval, reasons[0] if reasons else None)


Pairs = Mapping[tuple[str, str, str], Pair]
"""(codec, anchor, metric) to the comparison of two codecs of a comparable set, as `pairs` makes it."""


def anchors(group: ComparableSet, chosen: Sequence[str] = ANCHORS) -> list[str]:
    """The labels of the curves that BD-rates are against, one for each name of ``chosen`` that the comparable set
    has."""
    labels = [_anchor(group, name) for name in chosen]
    return list(dict.fromkeys(label for label in labels if label))


def _anchor(group: ComparableSet, name: str) -> str | None:
    """The curve that a name means: the one of that label, or else one of the codec of that name. Of several, it is
    one without options set by hand and by the newest schema and version. None if there is none."""
    records = {cell.label: cell.record for cell in reversed(group.cells)}

    def rank(label: str) -> tuple[bool, bool, int, int]:
        record = records[label]
        return label == name, record.codec.label == name, record.schema, record.codec.version

    return max((label for label, codec in group.codecs.items() if name in (codec, label)), key=rank, default=None)


def comparisons(group: ComparableSet, against: Sequence[str] | None = None) -> list[CurveComparison]:
    """The comparisons of each codec with each anchor on each sequence, in each metric, for each pair of seeds.
    ``against`` has the anchors' labels; if it is None, they are the usual anchors."""
    chosen = anchors(group) if against is None else against
    items = []
    for sequence, metric in product(group.sequences, group.metrics):
        curves: dict[str, list[tuple[int, Points]]] = defaultdict(list)
        for curve in group.curves:
            if curve.sequence == sequence:
                curves[curve.label].append((curve.seed, curve.points(metric)))
        for anchor, label in product(chosen, group.codecs):
            if label == anchor:
                continue
            for (anchor_seed, a), (seed, b) in product(curves[anchor], curves[label]):
                items.append(CurveComparison(label, anchor, sequence, metric, seed, anchor_seed, bd_rate(a, b)))
            if not (curves[anchor] and curves[label]):
                result = BDRate(reason=f"{label if curves[anchor] else anchor} has no results")
                items.append(CurveComparison(label, anchor, sequence, metric, None, None, result))
    return items


def pairs(group: ComparableSet) -> dict[tuple[str, str, str], Pair]:
    """(codec, anchor, metric) to the comparison of the two, for all pairs of codecs of the set, both ways round."""
    by_pair: dict[tuple[str, str, str], dict[str, list[CurveComparison]]] = defaultdict(lambda: defaultdict(list))
    for item in comparisons(group, list(group.codecs)):
        by_pair[item.codec, item.anchor, item.metric][item.sequence].append(item)
    means = {(label, metric): mean_curve(group, label, metric) for label in group.codecs for metric in group.metrics}
    return {
        (codec, anchor, metric): Pair(
            codec, anchor, metric, dict(items), _of_means(means[anchor, metric], means[codec, metric])
        )
        for (codec, anchor, metric), items in by_pair.items()
    }


def mean_curve(group: ComparableSet, label: str, metric: str) -> Points | str:
    """The mean bits per pixel and the mean quality over the sequences at each rate point, where a sequence counts
    with the mean of its seeds; or the reason why there is no such curve."""
    curves = [curve for curve in group.curves if curve.label == label]
    for sequence in group.sequences:
        if all(curve.sequence != sequence for curve in curves):
            return f"{label} has no results on {sequence}"
    points = [{cell.rate_point: cell for cell in curve.cells if cell.quality(metric) is not None} for curve in curves]
    for curve, cells in zip(curves, points, strict=True):
        if cells.keys() != points[0].keys():
            return f"{label} has other rate points on {curve.sequence} than on {curves[0].sequence}"

    def over_sequences(rate_point: str) -> tuple[float, float]:
        seeds: dict[str, list[tuple[float, float]]] = defaultdict(list)
        for cells in points:
            cell = cells[rate_point]
            seeds[cell.sequence].append((cell.bits_per_pixel, cell.quality(metric) or 0.0))
        means = [(_mean(rate for rate, _ in values), _mean(q for _, q in values)) for values in seeds.values()]
        return _mean(rate for rate, _ in means), _mean(quality for _, quality in means)

    return [over_sequences(rate_point) for rate_point in points[0]]


def _of_means(anchor: Points | str, test: Points | str) -> BDRate:
    """The BD-rate between two mean curves; refused where one of them is a reason."""
    if isinstance(anchor, str) or isinstance(test, str):
        return BDRate(reason=anchor if isinstance(anchor, str) else str(test))
    return bd_rate(anchor, test)


def over_seeds(results: Sequence[BDRate]) -> BDRate:
    """The mean BD-rate over pairs of seeds, with the least overlap and the largest spread among them. It is refused
    if any pair is."""
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
    """The BD-rates of one sequence, of shape (anchor's seeds, codec's seeds); None if any was refused."""
    values = [item.result.value for item in items]
    if None in values:
        return None
    rows = len({item.anchor_seed for item in items})
    return np.array(values, np.float64).reshape(rows, len(items) // rows)


def _mean(values: Iterable[float]) -> float:
    known = list(values)
    return math.fsum(known) / len(known)
