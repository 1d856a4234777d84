"""Curves averaged over sequences or seeds, point by point."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence

from .bd_rate import Points
from .comparable import ComparableSet, Curve, RecordedCell


def mean_points(cells: Sequence[RecordedCell], metric: str, over: int) -> Points:
    """The points (mean bits per pixel, mean quality) of all rate points at which exactly ``over`` cells have a
    finite value of the metric."""
    by_rate_point: dict[str, list[tuple[float, float]]] = defaultdict(list)
    for cell in cells:
        quality = cell.quality(metric)
        if quality is not None and math.isfinite(quality) and 0 < cell.bits_per_pixel < math.inf:
            by_rate_point[cell.rate_point].append((cell.bits_per_pixel, quality))
    whole = [points for points in by_rate_point.values() if len(points) == over]
    return sorted((math.fsum(r for r, _ in points) / over, math.fsum(q for _, q in points) / over) for points in whole)


def seed_mean(group: ComparableSet, label: str, sequence: str, metric: str) -> Points:
    """The curve of a codec on a sequence, averaged over its seeds at each rate point that all of them have."""
    curves = _seeds(group, label, sequence)
    return mean_points([cell for curve in curves for cell in curve.cells], metric, len(curves))


def seed_range(group: ComparableSet, label: str, sequence: str, metric: str) -> list[tuple[float, float, float]]:
    """(mean bits per pixel, lowest quality, highest quality) at each point of `seed_mean`. The list is empty where
    there is only one seed."""
    curves = _seeds(group, label, sequence)
    if len(curves) < 2:
        return []
    ends = [{cell.rate_point: cell.quality(metric) for cell in curve.cells} for curve in curves]
    cells = [cell for curve in curves for cell in curve.cells]
    ranges = []
    for rate_point in ends[0]:
        points = mean_points([cell for cell in cells if cell.rate_point == rate_point], metric, len(curves))
        ranges += [(rate, *_ends([end[rate_point] for end in ends])) for rate, _ in points]
    return sorted(ranges)


def _ends(values: Sequence[float | None]) -> tuple[float, float]:
    """The lowest and the highest of the values that are not None."""
    known = [value for value in values if value is not None]
    return min(known), max(known)


def _seeds(group: ComparableSet, label: str, sequence: str) -> list[Curve]:
    """The curves of a codec on a sequence, one for each seed."""
    return [curve for curve in group.curves if (curve.label, curve.sequence) == (label, sequence)]


def sequence_mean(group: ComparableSet, label: str, metric: str) -> Points:
    """The curve of a codec averaged over its seeds and over all sequences of the comparable set, at each rate
    point that all of them have."""
    cells = [cell for cell in group.measured if cell.label == label]
    seeds = len({cell.record.seed for cell in cells}) or 1
    return mean_points(cells, metric, seeds * len(group.sequences))
