"""The rate points of a baseline beside those of the results, under names for people to read."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from ..analysis.conditions import Conditions, conditions
from ..analysis.identity import newest
from ..analysis.labels import curve_labels, rate_points
from ..records.record import Record

BySeed = dict[int, Record]


@dataclass(frozen=True)
class MatchedPoint:
    """One codec at one rate point on one sequence: the baseline's records of it and the results', by seed. One of the
    two may be empty. ``curve`` and ``name`` are subjects of findings."""

    curve: str
    name: str
    base: BySeed
    new: BySeed

    @property
    def example(self) -> Record:
        """A record of this point, of the baseline if it has one."""
        return next(iter((self.base or self.new).values()))

    @property
    def measured(self) -> list[Record]:
        """The baseline's records that have a result."""
        return [record for record in self.base.values() if record.status == "ok"]

    def subject(self, seed: int) -> str:
        """The name of the cell: with its seed where that decides the stream."""
        return f"{self.name} seed={seed}" if self.example.codec.family == "implicit" else self.name


def matched_points(baseline: Iterable[Record], results: Iterable[Record]) -> list[MatchedPoint]:
    """Every point that the baseline has, and every other one that the results have under its conditions. What the
    results hold under other conditions is no matter of this baseline."""
    sides: tuple[dict[tuple[object, ...], BySeed], dict[tuple[object, ...], BySeed]] = (
        defaultdict(dict),
        defaultdict(dict),
    )
    for side, records in zip(sides, (baseline, results), strict=True):
        for identity, record in newest(records).items():
            side[identity[:-1]][record.seed] = record
    base, new = sides
    known = {conditions(next(iter(records.values()))) for records in base.values()}
    matched: dict[Conditions, list[tuple[BySeed, BySeed]]] = defaultdict(list)
    for point in dict.fromkeys([*base, *new]):
        pair = base.get(point, {}), new.get(point, {})
        where = conditions(next(iter((pair[0] or pair[1]).values())))
        if where in known:
            matched[where].append(pair)
    return [point for where, pairs in matched.items() for point in _named(pairs, where if len(known) > 1 else None)]


def _named(pairs: list[tuple[BySeed, BySeed]], where: Conditions | None) -> list[MatchedPoint]:
    """The points of one set of conditions, which are part of the names if they are given."""
    examples = [next(iter((base or new).values())) for base, new in pairs]
    labels = curve_labels(examples)
    extent = f" ({where.extent})" if where else ""
    points = []
    for (base, new), example, label, rate in zip(pairs, examples, labels, rate_points(labels, examples), strict=True):
        curve = f"{example.clip.name}{extent} {label}"
        points.append(MatchedPoint(curve, f"{curve} {rate}".rstrip(), base, new))
    return points
