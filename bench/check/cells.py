"""What changed in single cells: whether they are there, agree to the last bit, or lie within the tolerance."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from ..analysis.comparable import METRICS
from ..records.record import Record
from .exactness import why_not_exact
from .finding import Finding, Verdict
from .points import MatchedPoint
from .tolerance import (
    FLOOR,
    SAME_FRAMES_DECIBELS,
    STANDARD,
    Allowance,
    Spread,
    Tolerance,
    allowance,
    pooled_spread,
)

ACCEPT = "accept it with --update"


@dataclass(frozen=True)
class Quantity:
    """A number that is held to a tolerance. ``value`` is None where a record lacks it. Differences of a
    ``relative`` one are in percent of the baseline; ``rises`` says that more is better."""

    name: str
    value: Callable[[Record], float | None]
    relative: bool
    rises: bool
    form: str
    unit: str

    def difference(self, base: float, new: float) -> float:
        """From the baseline's value to the new one, in percent or in the quantity's own unit."""
        if base == new:
            return 0.0  # also of two infinite qualities
        return 100 * (new / base - 1) if self.relative else new - base

    def part(self, tolerance: Tolerance) -> float:
        """The part of a tolerance that is about this quantity."""
        return tolerance.percent if self.relative else tolerance.decibels


def _size(record: Record) -> float | None:
    return record.stream.size_bytes if record.stream else None


def _quality(metric: str, record: Record) -> float | None:
    return record.quality.clip.get(metric) if record.quality else None


SIZE = Quantity("Size", _size, relative=True, rises=False, form=",.0f", unit="bytes")
QUALITIES = tuple(
    Quantity(name.removesuffix(" (dB)"), partial(_quality, metric), relative=False, rises=True, form=".3f", unit="dB")
    for metric, name in METRICS.items()
)
QUANTITIES = (SIZE, *QUALITIES)

Spreads = Mapping[tuple[str, str], Spread | None]
"""(curve, name of a quantity) to how far the baseline's seeds lie apart on that curve."""


@dataclass(frozen=True)
class Limits:
    """What differences are allowed. ``trained`` is for networks of which the baseline has one seed; ``comparisons`` is
    how many differences of networks are looked at."""

    trained: Tolerance
    spreads: Spreads
    comparisons: int

    def allowed(self, point: MatchedPoint, seen: int, new: int, quantity: Quantity) -> Allowance:
        """The largest difference of a quantity between the means of ``seen`` seeds and of ``new`` ones."""
        if point.example.codec.family == "standard":
            return Allowance(quantity.part(STANDARD), "stated")
        spread = self.spreads[point.curve, quantity.name]
        return allowance(quantity.part(self.trained), quantity.part(FLOOR), spread, seen, new, self.comparisons)


def cell_findings(points: Sequence[MatchedPoint], trained: Tolerance, exact: bool = False) -> Iterator[Finding]:
    """What there is to say of each cell. ``trained`` is the tolerance of networks of which the baseline has one seed.
    With ``exact``, a cell that need not agree to the last bit cannot be compared."""
    spreads = seed_spreads(points)
    learned = [point for point in points if point.example.codec.family == "implicit" and point.base and point.new]
    limits = Limits(trained, spreads, len(QUANTITIES) * len(learned))
    for point in points:
        if not point.new:
            yield _vanished(point)
        elif not point.base:
            yield _appeared(point)
        else:
            yield from _present(point, limits, exact)
    yield from _missing_seeds(points)


def seed_spreads(points: Iterable[MatchedPoint]) -> dict[tuple[str, str], Spread | None]:
    """How far seeds of the baseline lie apart, pooled over the rate points of each curve of an implicit codec:
    relative to their mean for what is held to percents."""
    groups: dict[tuple[str, str], list[list[float]]] = {}
    for point in points:
        if point.example.codec.family == "implicit":
            for quantity in QUANTITIES:
                values = _known(quantity, measured(point))
                scale = 100 / _mean(values) if values and quantity.relative else 1.0
                group = [value * scale for value in values]
                groups.setdefault((point.curve, quantity.name), []).append(group)
    return {key: pooled_spread(values) for key, values in groups.items()}


def measured(point: MatchedPoint) -> list[Record]:
    """The baseline's records of a point that have a result."""
    return [record for record in point.base.values() if record.status == "ok"]


# --- Structure ------------------------------------------------------------------------------


def _vanished(point: MatchedPoint) -> Finding:
    if not measured(point):
        words = _status(next(iter(point.base.values())))
        return Finding(point.name, "structure", "note", f"The results lack this cell, which {words} in the baseline.")
    message = "The cell vanished: the baseline has a result of it and the results have none. Run it."
    return Finding(point.name, "structure", "regression", message)


def _appeared(point: MatchedPoint) -> Finding:
    message = f"The cell appeared: the baseline does not have it. To have it checked, {ACCEPT}."
    return Finding(point.name, "structure", "note", message)


def _missing_seeds(points: Iterable[MatchedPoint]) -> Iterator[Finding]:
    """One note for each curve of which the results have fewer seeds than the baseline."""
    lacking: dict[str, set[int]] = {}
    for point in points:
        if point.new and (missing := point.base.keys() - point.new.keys()):
            lacking.setdefault(point.curve, set()).update(missing)
    for curve, seeds in lacking.items():
        listed = ", ".join(map(str, sorted(seeds)))
        message = f"Not all points were run with all seeds of the baseline (missing: {listed}); the others are checked."
        yield Finding(curve, "structure", "note", message)


def _status(record: Record) -> str:
    words = {"ok": "had a result", "failed": "failed", "skipped": "was skipped", "timed_out": "timed out"}
    return words[record.status]


def _present(point: MatchedPoint, limits: Limits, exact: bool) -> Iterator[Finding]:
    """What there is to say of a point that both sides have: of each seed whether it has a result and, where it must,
    the baseline's bytes; and of the other seeds together whether their mean is within the tolerance."""
    bases = measured(point)
    others: dict[str, list[Record]] = {}
    for seed, new in point.new.items():
        subject = point.subject(seed)
        if new.status != "ok" or not bases:
            yield _without_result(point, subject, new)
            continue
        if other := _other_clip(bases[0], new):
            yield Finding(subject, "structure", "incomparable", other)
            continue
        base = point.base.get(seed)
        if base is None or base.status != "ok":
            why: str | None = f"the baseline has no result with seed {seed}"
        else:
            why = why_not_exact(base, new)
            yield from _of_equal_digests(subject, base, new)
            if why is None:
                yield _exact(subject, base, new)
        if why and exact:
            message = f"Exactness was asked for, and these records need not agree to the last bit: {why}."
            yield Finding(subject, "exact", "incomparable", message)
        elif why:
            others.setdefault(why, []).append(new)
    if others:
        news = [new for records in others.values() for new in records]
        allowed = partial(limits.allowed, point, len(bases), len(news))
        reasons = "; ".join(others)
        found = list(_numeric(point.name, bases, news, QUANTITIES, allowed, reasons))
        fine = Finding(point.name, "numeric", "fine", f"Within the tolerance; not exact, since {reasons}.")
        yield from found or [fine]


def _without_result(point: MatchedPoint, subject: str, new: Record) -> Finding:
    """What there is to say of a cell that has no result on one of the sides."""
    reason = f": {new.reason}" if new.reason else "."
    if new.status == "ok":
        before = _status(next(iter(point.base.values())))
        message = f"An improvement ({ACCEPT}): the cell has a result; in the baseline it {before}."
        return Finding(subject, "structure", "note", message)
    if measured(point):
        message = f"The cell had a result in the baseline; now it {_status(new)}{reason}"
        return Finding(subject, "structure", "regression", message)
    message = f"As in the baseline, there is no result: the cell {_status(new)}{reason}"
    return Finding(subject, "structure", "note", message)


def _other_clip(base: Record, new: Record) -> str | None:
    """Why the two are not of one source, in a sentence."""
    if (base.clip.yuv_sha256, base.clip.rgb_sha256) == (new.clip.yuv_sha256, new.clip.rgb_sha256):
        return None
    before, after = base.clip.rgb_sha256[:12], new.clip.rgb_sha256[:12]
    return (
        f"The source's frames differ (RGB {before} in the baseline, {after} now), so that quality and size cannot be "
        "compared. Prepare the clip as the baseline's was, or make a new baseline with --update."
    )


# --- Exact ----------------------------------------------------------------------------------


def _exact(subject: str, base: Record, new: Record) -> Finding:
    """Whether all agrees that must, of two records that must agree."""
    differing = [
        name
        for name, before, after in (
            ("stream", base.stream and base.stream.sha256, new.stream and new.stream.sha256),
            ("ledger", base.stream and base.stream.ledger, new.stream and new.stream.ledger),
            ("decoded frames", base.frames_sha256, new.frames_sha256),
            ("number of frames", _frame_counts(base), _frame_counts(new)),
        )
        if before != after
    ]
    if not differing:
        return Finding(subject, "exact", "fine", "Stream, ledger and frames are those of the baseline.")
    changes = "; ".join(
        f"{quantity.name} {_change(quantity, before, after)}"
        for quantity in QUANTITIES
        if (before := quantity.value(base)) is not None and (after := quantity.value(new)) is not None
    )
    threads = ", or how many threads it was left" if base.codec.family == "implicit" else ""
    message = (
        f"{', '.join(differing)} should be the baseline's and differ: {changes}. Versions and processors agree, so the "
        f"code changed{threads}; if that is meant, raise the codec's version, or {ACCEPT}."
    )
    return Finding(subject, "exact", "regression", message[:1].upper() + message[1:])


def _frame_counts(record: Record) -> set[int]:
    """How many frames were measured, in each metric that has values by frame."""
    return {len(values) for values in record.quality.frames.values()} if record.quality else set()


def _of_equal_digests(subject: str, base: Record, new: Record) -> Iterator[Finding]:
    """What follows from equal digests, whatever the machines: equal streams of a standard codec decode to equal
    frames, and equal frames have equal quality."""
    same_stream = base.stream and new.stream and base.stream.sha256 == new.stream.sha256
    same_frames = base.frames_sha256 == new.frames_sha256
    if same_stream and not same_frames and base.codec.family == "standard" and why_not_exact(base, new):
        message = "The stream is the baseline's, and its decoded frames are not: the decoding changed."
        yield Finding(subject, "exact", "regression", message)
    if same_frames:
        narrow = Allowance(SAME_FRAMES_DECIBELS, "stated")
        why = "the frames are the baseline's, so the measuring changed"
        yield from _numeric(subject, [base], [new], QUALITIES, lambda _: narrow, why, either_way=True)


# --- Numeric --------------------------------------------------------------------------------


def _numeric(
    subject: str,
    bases: Sequence[Record],
    news: Sequence[Record],
    quantities: Iterable[Quantity],
    allowed: Callable[[Quantity], Allowance],
    why: str,
    either_way: bool = False,
) -> Iterator[Finding]:
    """A finding for each quantity whose mean is further from the baseline's than allowed: a regression for the worse,
    and a note for the better unless neither way is allowed."""
    for quantity in quantities:
        before, after = (_known(quantity, records) for records in (bases, news))
        if not before:
            continue
        if not after:
            message = f"{quantity.name} is known in the baseline and not any more."
            yield Finding(subject, "numeric", "regression", message)
            continue
        old, now, limit = _mean(before), _mean(after), allowed(quantity)
        difference = quantity.difference(old, now)
        if abs(difference) <= limit.largest:
            continue
        better = (difference > 0) == quantity.rises and not math.isnan(difference)
        verdict: Verdict = "note" if better and not either_way else "regression"
        whose = "the baseline's" if len(before) == 1 else f"the mean of the baseline's {len(before)} seeds,"
        mean = f" (mean of {len(after)} seeds)" if len(after) > 1 else ""
        tolerance = _signed(quantity, limit.largest).lstrip("+")
        basis = " by the spread of its seeds" if limit.source == "seeds" else ""
        word = f"An improvement ({ACCEPT}): " if verdict == "note" else ""
        change = _change(quantity, old, now, whose)
        message = f"{word}{quantity.name}{mean} is {change}; {tolerance} is allowed{basis} ({why})."
        yield Finding(subject, "numeric", verdict, message)


def _known(quantity: Quantity, records: Iterable[Record]) -> list[float]:
    """The quantity's values, of the records that have it."""
    return [value for record in records if (value := quantity.value(record)) is not None]


def _change(quantity: Quantity, before: float, after: float, whose: str = "") -> str:
    """The new value, the baseline's, and the difference, in words."""
    old, now = (f"{value:{quantity.form}}" for value in (before, after))
    difference = _signed(quantity, quantity.difference(before, after))
    return " ".join(filter(None, [now, quantity.unit, "against", whose, old, f"({difference})"]))


def _signed(quantity: Quantity, difference: float) -> str:
    return f"{difference:+.2f} %" if quantity.relative else f"{difference:+.3f} dB"


def _mean(values: Sequence[float]) -> float:
    return math.fsum(values) / len(values)
