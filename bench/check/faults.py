"""The gate's own test: faults planted into copies of a baseline's records, each of which must be caught."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

from ..analysis.bd_rate import MIN_POINTS, bd_rate
from ..analysis.identity import cell_identity, newest
from ..records.record import Record
from .exactness import why_not_exact
from .finding import Kind
from .gate import check
from .points import MatchedPoint, matched_points
from .times import slower
from .tolerance import STANDARD

SMALL_LOSS_DECIBELS = 0.05
"""The loss of PSNR that must not pass unseen in a standard codec."""

Planted = list[Record] | None
"""Results with a fault in them; None where the baseline has no place for the fault."""


@dataclass(frozen=True)
class Fault:
    """Something that goes wrong, in words, the kind of check that must catch it, and how to make it of a baseline."""

    name: str
    kind: Kind
    plant: Callable[[Sequence[Record]], Planted]


@dataclass(frozen=True)
class Trial:
    """What came of a fault. ``message`` is the gate's own where it was caught."""

    fault: str
    caught: bool | None
    """None where the fault could not be planted."""
    message: str


def self_test(baseline: Sequence[Record]) -> list[Trial]:
    """A trial for unchanged records, of which nothing may be caught, and one for each of `FAULTS`."""
    records = list(newest(baseline).values())
    false_alarms = [finding for finding in check(records, records) if finding.verdict == "regression"]
    first = false_alarms[0] if false_alarms else None
    quiet = Trial("nothing", first is None, f"{first.subject}: {first.message}" if first else "No regression.")
    return [quiet, *[_trial(fault, records) for fault in FAULTS], _slower_decoder()]


def _trial(fault: Fault, baseline: Sequence[Record]) -> Trial:
    results = fault.plant(baseline)
    if results is None:
        return Trial(fault.name, None, "The baseline has no record into which this can be planted.")
    for finding in check(baseline, results):
        if finding.kind == fault.kind and finding.verdict == "regression":
            return Trial(fault.name, True, f"{finding.subject}: {finding.message}")
    return Trial(fault.name, False, f"No check of the class {fault.kind} saw it.")


def _slower_decoder() -> Trial:
    """A decoder that takes twice as long, in rounds whose times vary by a fifth, as judged by the class time."""
    usual = [0.1 + 0.02 * (number * 7 % 10) / 10 for number in range(10)]
    found = slower(usual, [2 * seconds for seconds in usual])
    unchanged = slower(usual, usual[::-1])
    message = f"{found.ratio:.2f} times as long, p = {found.p:.2g}."
    return Trial("a decoder that takes twice as long", found.slower and not unchanged.slower, message)


# --- The faults -----------------------------------------------------------------------------


def _other_byte(baseline: Sequence[Record]) -> Planted:
    """A stream that is a byte longer, on the same machine with the same versions."""
    victim = _first(baseline, lambda one: why_not_exact(one, one) is None)
    return _with(baseline, _recoded(victim, extra_bytes=1)) if victim else None


def _lower_quality(baseline: Sequence[Record]) -> Planted:
    """A standard codec that lost a little PSNR, seen on another machine."""
    victim = _first(baseline, lambda one: one.codec.family == "standard")
    return _with(baseline, _elsewhere(_recoded(victim, decibels=-SMALL_LOSS_DECIBELS))) if victim else None


def _twice_the_bytes(baseline: Sequence[Record]) -> Planted:
    """A network that needs twice the bytes, seen on another machine."""
    victim = _first(baseline, lambda one: one.codec.family == "implicit")
    return _with(baseline, _elsewhere(_recoded(victim, factor=2))) if victim else None


def _missing_cell(baseline: Sequence[Record]) -> Planted:
    """A rate point of which no seed was run."""
    victim = _first(baseline)
    gone = cell_identity(victim)[:-1] if victim else ()
    return [one for one in baseline if cell_identity(one)[:-1] != gone] if victim else None


def _failing_cell(baseline: Sequence[Record]) -> Planted:
    """A codec that crashes."""
    victim = _first(baseline)
    return _with(baseline, replace(victim, status="failed", reason="a planted crash")) if victim else None


def _shifted_curve(baseline: Sequence[Record]) -> Planted:
    """A standard codec, seen on another machine, of which every point is within its tolerance, and the curve is not."""
    factor, loss = 1 + 0.9 * STANDARD.percent / 100, -0.9 * STANDARD.decibels
    for curve in _standard_curves(baseline):
        return _with(baseline, *[_elsewhere(_recoded(one, factor, decibels=loss)) for one in curve])
    return None


FAULTS = (
    Fault("a stream with another byte in it", "exact", _other_byte),
    Fault(f"{SMALL_LOSS_DECIBELS} dB less PSNR in a standard codec", "numeric", _lower_quality),
    Fault("twice the bytes in a network", "numeric", _twice_the_bytes),
    Fault("a missing cell", "structure", _missing_cell),
    Fault("a cell that fails", "structure", _failing_cell),
    Fault("a shifted curve, each point of which is within the tolerance", "curve", _shifted_curve),
)


# --- Planting -------------------------------------------------------------------------------


def _first(records: Iterable[Record], fits: Callable[[Record], bool] = lambda _: True) -> Record | None:
    """The first record with a result that fits."""
    return next((one for one in records if one.status == "ok" and one.stream and one.quality and fits(one)), None)


def _with(records: Iterable[Record], *changed: Record) -> list[Record]:
    """The records, with those that were changed in the place of the same cells."""
    by_cell = {cell_identity(one): one for one in changed}
    return [by_cell.get(cell_identity(one), one) for one in records]


def _recoded(record: Record, factor: float = 1.0, extra_bytes: int = 0, decibels: float = 0.0) -> Record:
    """The record of another stream, whose size and qualities in dB differ by so much."""
    assert record.stream
    assert record.quality
    size = round(record.stream.size_bytes * factor) + extra_bytes
    scale = size / record.stream.size_bytes
    stream = replace(
        record.stream,
        size_bytes=size,
        bits_per_pixel=record.stream.bits_per_pixel * scale,
        sha256=_flipped(record.stream.sha256),
    )
    clip = {
        name: value + decibels if name.endswith("_db") or "psnr" in name else value
        for name, value in record.quality.clip.items()
    }
    frames = _flipped(record.frames_sha256) if record.frames_sha256 else None
    return replace(record, stream=stream, quality=replace(record.quality, clip=clip), frames_sha256=frames)


def _flipped(digest: str) -> str:
    """Another digest."""
    return digest[:-1] + ("0" if digest[-1] != "0" else "1")


def _elsewhere(record: Record) -> Record:
    """The record as if it came from a processor of another kind, by a codec that is not portable."""
    environment = replace(record.environment, instruction_sets=["planted"])
    return replace(record, environment=environment, codec=replace(record.codec, portable=False))


def _standard_curves(baseline: Sequence[Record]) -> list[list[Record]]:
    """The curves of standard codecs that have a BD-rate against themselves."""
    curves: dict[str, list[MatchedPoint]] = {}
    for point in matched_points(baseline, baseline):
        if point.example.codec.family == "standard":
            curves.setdefault(point.curve, []).append(point)
    found = []
    for points in curves.values():
        records = [one for point in points for one in point.base.values() if one.status == "ok"]
        values = [
            (one.stream.bits_per_pixel, one.quality.clip["psnr_rgb"]) for one in records if one.stream and one.quality
        ]
        if len(points) >= MIN_POINTS and bd_rate(values, values).value is not None:
            found.append(records)
    return found
