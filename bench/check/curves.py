"""What changed in whole curves: BD-rates of the results against the baseline's own curves."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence

from ..analysis.bd_rate import MIN_POINTS, Points, bd_rate
from ..analysis.comparable import METRICS
from ..records.record import Record
from .finding import Finding
from .numeric import ACCEPT
from .points import BySeed, MatchedPoint
from .quantity import mean
from .tolerance import FLOOR, STANDARD, Allowance, Tolerance, allowance, pooled_spread

SeededPoints = dict[int, Points]
"""A curve for each seed."""


def curve_findings(points: Iterable[MatchedPoint], trained: Tolerance) -> Iterator[Finding]:
    """The verdict on each curve of which the baseline has four rate points, on each metric. ``trained`` is the
    tolerance of networks of which the baseline has one seed."""
    curves: dict[str, list[MatchedPoint]] = defaultdict(list)
    for point in points:
        if point.base:
            curves[point.curve].append(point)
    long = {name: members for name, members in curves.items() if len(members) >= MIN_POINTS}
    learned = [name for name, members in long.items() if members[0].example.codec.family == "implicit"]
    for name, members in long.items():
        shared = [point for point in members if point.new and _of_one_clip(point)]
        for metric in METRICS if shared else ():
            yield _curve(name, shared, metric, trained, len(METRICS) * len(learned))


def _of_one_clip(point: MatchedPoint) -> bool:
    """Whether all records of a point are of the same frames."""
    records = [*point.base.values(), *point.new.values()]
    return len({(record.clip.yuv_sha256, record.clip.rgb_sha256) for record in records}) == 1


def _curve(name: str, members: Sequence[MatchedPoint], metric: str, trained: Tolerance, comparisons: int) -> Finding:
    """The verdict on a curve, over the rate points that all seeds of both sides have."""
    base, new = _curves(members, metric)
    if not base or not new:
        return Finding(name, "curve", "note", f"There is no BD-rate on {METRICS[metric]}: no point has all seeds.")
    if all(points == other for points in base.values() for other in new.values()):
        return Finding(name, "curve", "fine", f"The curve on {METRICS[metric]} is the baseline's.")
    within, reason = _gaps(base, base)
    between, other_reason = _gaps(base, new)
    if refused := reason or other_reason:
        return Finding(name, "curve", "note", f"There is no BD-rate on {METRICS[metric]}: {refused}.")
    gap = mean([mean(row) for row in between])
    if members[0].example.codec.family == "standard":
        allowed = Allowance(STANDARD.percent, "stated")
    else:
        spread = pooled_spread([[mean(row) for row in within]])
        allowed = allowance(_nats(trained.percent), _nats(FLOOR.percent), spread, len(base), len(new), comparisons)
        allowed = Allowance(_percent(allowed.largest), allowed.source)
    value = _percent(gap)
    basis = f"by the spread of its {len(base)} seeds" if allowed.source == "seeds" else "at most"
    facts = f"BD-rate on {METRICS[metric]} against the baseline is {value:+.2f} %; {allowed.largest:.2f} % is allowed"
    if abs(value) <= allowed.largest:
        return Finding(name, "curve", "fine", f"{facts} {basis}.")
    if value < 0:
        return Finding(name, "curve", "note", f"An improvement ({ACCEPT}): {facts} {basis}.")
    return Finding(name, "curve", "regression", f"{facts} {basis}.")


def _curves(members: Sequence[MatchedPoint], metric: str) -> tuple[SeededPoints, SeededPoints]:
    """The baseline's and the results' curves, of the seeds that have a result at some point of both, over the points
    where all of these have one."""
    usable = [
        (base, new)
        for member in members
        if (base := _values(member.base, metric)) and (new := _values(member.new, metric))
    ]
    base_seeds, new_seeds = (sorted({seed for pair in usable for seed in pair[side]}) for side in (0, 1))
    whole = [(base, new) for base, new in usable if {*base} == {*base_seeds} and {*new} == {*new_seeds}]
    return (
        {seed: [base[seed] for base, _ in whole] for seed in base_seeds if whole},
        {seed: [new[seed] for _, new in whole] for seed in new_seeds if whole},
    )


def _values(records: BySeed, metric: str) -> dict[int, tuple[float, float]]:
    """(bits per pixel, quality) of each seed that has the metric."""
    return {seed: point for seed, record in records.items() if (point := _point(record, metric))}


def _point(record: Record, metric: str) -> tuple[float, float] | None:
    if record.status != "ok" or record.stream is None or record.quality is None:
        return None
    quality = record.quality.clip.get(metric)
    return None if quality is None else (record.stream.bits_per_pixel, quality)


def _gaps(anchors: SeededPoints, tests: SeededPoints) -> tuple[list[list[float]], str | None]:
    """For each test curve, ln(1 + BD-rate / 100) against each anchor; or the reason of the first refusal."""
    rows = []
    for test in tests.values():
        row = []
        for anchor in anchors.values():
            result = bd_rate(anchor, test)
            if result.value is None:
                return [], result.reason
            row.append(_nats(result.value))
        rows.append(row)
    return rows, None


def _nats(percent: float) -> float:
    return math.log1p(percent / 100)


def _percent(nats: float) -> float:
    return 100 * math.expm1(nats)
