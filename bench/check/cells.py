"""What there is to say of each cell: whether it is there, agrees to the last bit, or lies within the tolerance."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import partial

from ..records.record import Record
from .exactness import digest_findings, exact_finding, why_not_exact
from .finding import Finding
from .numeric import ACCEPT, Limits, numeric_findings, seed_spreads
from .points import MatchedPoint
from .quantity import QUANTITIES
from .tolerance import Tolerance


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


def _vanished(point: MatchedPoint) -> Finding:
    if not point.measured:
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
    bases = point.measured
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
            yield from digest_findings(subject, base, new)
            if why is None:
                yield exact_finding(subject, base, new)
        if why and exact:
            message = f"Exactness was asked for, and these records need not agree to the last bit: {why}."
            yield Finding(subject, "exact", "incomparable", message)
        elif why:
            others.setdefault(why, []).append(new)
    if others:
        news = [new for records in others.values() for new in records]
        allowed = partial(limits.allowed, point, len(bases), len(news))
        reasons = "; ".join(others)
        found = list(numeric_findings(point.name, bases, news, QUANTITIES, allowed, reasons))
        fine = Finding(point.name, "numeric", "fine", f"Within the tolerance; not exact, since {reasons}.")
        yield from found or [fine]


def _without_result(point: MatchedPoint, subject: str, new: Record) -> Finding:
    """What there is to say of a cell that has no result on one of the sides."""
    reason = f": {new.reason}" if new.reason else "."
    if new.status == "ok":
        before = _status(next(iter(point.base.values())))
        message = f"An improvement ({ACCEPT}): the cell has a result; in the baseline it {before}."
        return Finding(subject, "structure", "note", message)
    if point.measured:
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
