"""Curves averaged over sequences or seeds, point by point."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence

from .bd_rate import Points
from .comparable import ComparableSet, Curve, RecordedCell


def mean_points(cells: Sequence[RecordedCell], metric: str, over: int) -> Points:
    """(mean bits per pixel, mean quality) at each rate point that has the metric, finite, in ``over`` cells."""
    groups: dict[str, list[tuple[float, float]]] = defaultdict(list)
    for cell in cells:
        quality = cell.quality(metric)
        if quality is not None and math.isfinite(quality) and 0 < cell.bits_per_pixel < math.inf:
            groups[cell.rate_point].append((cell.bits_per_pixel, quality))
    whole = [points for points in groups.values() if len(points) == over]
    return sorted((math.fsum(r for r, _ in points) / over, math.fsum(q for _, q in points) / over) for points in whole)


def seed_mean(group: ComparableSet, label: str, sequence: str, metric: str) -> Points:
    """The curve of a codec on a sequence, averaged over its seeds at each rate point that all of them have."""
    curves = _seeds(group, label, sequence)
    return mean_points([cell for curve in curves for cell in curve.cells], metric, len(curves))


def seed_range(group: ComparableSet, label: str, sequence: str, metric: str) -> list[tuple[float, float, float]]:
    """(mean bits per pixel, lowest, highest quality) at the points of `seed_mean`; empty with one seed."""
    curves = _seeds(group, label, sequence)
    if len(curves) < 2:
        return []
    ends = [{cell.rate_point: cell.quality(metric) for cell in curve.cells} for curve in curves]
    cells = [cell for curve in curves for cell in curve.cells]
    found = []
    for rate_point in ends[0]:
        points = mean_points([cell for cell in cells if cell.rate_point == rate_point], metric, len(curves))
        found += [(rate, *_ends([end[rate_point] for end in ends])) for rate, _ in points]
    return sorted(found)


def _ends(values: Sequence[float | None]) -> tuple[float, float]:
    known = [value for value in values if value is not None]
    return min(known), max(known)


def _seeds(group: ComparableSet, label: str, sequence: str) -> list[Curve]:
    return [curve for curve in group.curves if (curve.label, curve.sequence) == (label, sequence)]


def sequence_mean(group: ComparableSet, label: str, metric: str) -> Points:
    """The curve of a codec averaged over all sequences of the section, and over its seeds, at each rate
    point that all of them have."""
    cells = [cell for cell in group.measured if cell.label == label]
    seeds = len({cell.record.seed for cell in cells}) or 1
    return mean_points(cells, metric, seeds * len(group.sequences))
