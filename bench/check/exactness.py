"""When two records of one cell must agree to the last bit, and whether they do."""

from __future__ import annotations

from collections.abc import Iterator

from ..records.record import Record
from .finding import Finding
from .numeric import ACCEPT, numeric_findings
from .quantity import QUALITIES, QUANTITIES
from .tolerance import SAME_FRAMES_DECIBELS, Allowance

NUMERICAL_PACKAGES = ("torch", "numba")
"""What networks compute with."""


def why_not_exact(base: Record, new: Record) -> str | None:
    """The reason why two records of one cell, and of one clip, may differ in their bytes; None where they must agree.

    They must where the codec's version and the tools' versions are the same, and besides either the codec is
    portable or the processors are of one kind: with the same instruction sets, the same number of cores and the
    same GPU. Of networks, the processor's name and the versions of the libraries that compute them count too, and
    none is held to its bytes on a GPU. Older records do not state the instruction sets, so nothing can be asked of
    them.
    """
    return _other_code(base, new) or (None if base.codec.portable and new.codec.portable else _other_kind(base, new))


def _other_code(base: Record, new: Record) -> str | None:
    """What differs in the code that made the streams."""
    if base.codec.version != new.codec.version:
        return f"the codec's version went from {base.codec.version} to {new.codec.version}"
    for tool in sorted(base.codec.tools.keys() | new.codec.tools.keys()):
        before, after = (record.codec.tools.get(tool, "none") for record in (base, new))
        if before != after:
            return f"{tool} went from {before} to {after}"
    return None


def _other_kind(base: Record, new: Record) -> str | None:
    """What differs between the machines, as far as it may decide bytes."""
    before, after = base.environment, new.environment
    if not (before.instruction_sets and after.instruction_sets):
        return "a record does not state its processor's instruction sets"
    if before.instruction_sets != after.instruction_sets:
        return "the processors have other instruction sets"
    if _cores(base, new) != _cores(new, base):
        return f"they were encoded on {_cores(base, new)} and {_cores(new, base)} cores"
    if before.gpu != after.gpu:
        return "the GPUs differ"
    if base.codec.family == "standard":
        return None
    if before.gpu:
        return "networks on a GPU are not held to their bytes"
    if before.cpu != after.cpu:  # libraries choose their code by a processor's maker and caches too
        return f"the processors are {before.cpu} and {after.cpu}"
    for package in NUMERICAL_PACKAGES:
        versions = [environment.packages.get(package, "none") for environment in (before, after)]
        if versions[0] != versions[1]:
            return f"{package} went from {versions[0]} to {versions[1]}"
    return None


def _cores(one: Record, other: Record) -> int:
    """The cores on which ``one`` was encoded, or fewer threads: the machine's, unless both records state those of the
    encoder."""
    stated = [record.encode.cores if record.encode else None for record in (one, other)]
    return one.environment.cores if stated[0] is None or stated[1] is None else stated[0]


def exact_finding(subject: str, base: Record, new: Record) -> Finding:
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
        f"{quantity.name} {quantity.change(before, after)}"
        for quantity in QUANTITIES
        if (before := quantity.value(base)) is not None and (after := quantity.value(new)) is not None
    )
    message = (
        f"{', '.join(differing)} should be the baseline's and differ: {changes}. Versions and processors agree, so the "
        f"code changed; if that is meant, raise the codec's version, or {ACCEPT}."
    )
    return Finding(subject, "exact", "regression", message[:1].upper() + message[1:])


def _frame_counts(record: Record) -> set[int]:
    """How many frames were measured, in each metric that has values by frame."""
    return {len(values) for values in record.quality.frames.values()} if record.quality else set()


def digest_findings(subject: str, base: Record, new: Record) -> Iterator[Finding]:
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
        yield from numeric_findings(subject, [base], [new], QUALITIES, lambda _: narrow, why, either_way=True)
