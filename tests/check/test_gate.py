"""The gate on planted records, of which each fault is known."""

from __future__ import annotations

import math
import re
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from planted import LAPTOP, PAPER, QUICK, RATES, clip, curve, failed, record

from bench.check.finding import Finding
from bench.check.gate import FINE, INCOMPARABLE, REGRESSION, check, exit_status
from bench.check.tolerance import STANDARD, TRAINED, Spread, Tolerance, prediction_half_width
from bench.records.environment import Environment
from bench.records.record import CodecFacts, Record

KNOWN = replace(LAPTOP, instruction_sets=["avx2"])
OTHER = replace(LAPTOP, instruction_sets=["avx2", "avx512f"])
"""Processors of two kinds, that records state."""

Change = Callable[[Record], Record]


def on(records: list[Record], environment: Environment = KNOWN) -> list[Record]:
    """The records as of this machine."""
    return [replace(one, environment=environment) for one in records]


BASE = [*on(curve("x264")), *on(curve("nerv"))]


def coded(**changes: Any) -> Change:
    """A change of what is said of the codec."""
    return lambda one: replace(one, codec=replace(one.codec, **changes))


def other_stream(one: Record, percent: float = 0.0, decibels: float = 0.0) -> Record:
    """The same cell with another stream, which is larger by so much, and other frames of another quality."""
    assert one.stream
    assert one.quality
    factor = 1 + percent / 100
    stream = replace(
        one.stream,
        sha256="77" * 32,
        size_bytes=round(one.stream.size_bytes * factor),
        bits_per_pixel=one.stream.bits_per_pixel * factor,
    )
    qualities = {name: value + decibels if name != "ms_ssim_rgb" else value for name, value in one.quality.clip.items()}
    return replace(one, stream=stream, frames_sha256="78" * 32, quality=replace(one.quality, clip=qualities))


def changed(records: list[Record], change: Change, *places: int) -> list[Record]:
    """The records with a change in some places."""
    return [change(one) if i in places else one for i, one in enumerate(records)]


def not_fine(findings: list[Finding]) -> list[tuple[str, str, str]]:
    """(subject, kind, verdict) of each finding that is not fine."""
    return [(one.subject, one.kind, one.verdict) for one in findings if one.verdict != "fine"]


def only_message(findings: list[Finding]) -> str:
    """The message of the one finding that is not fine."""
    (found,) = [one for one in findings if one.verdict != "fine"]
    return found.message


def test_equal_records_are_fine() -> None:
    """Each cell exactly, and each of two curves on two metrics."""
    findings = check(BASE, BASE)
    assert not_fine(findings) == []
    assert [one.kind for one in findings] == ["exact"] * 8 + ["curve"] * 4
    assert exit_status(findings) == FINE
    assert findings[0].subject == "bunny/bunny nerv fc_dim=10 seed=1"
    assert findings[-1].subject == "bunny/bunny x264"


# --- Exact


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (lambda one: replace(one, stream=replace(one.stream, sha256="00" * 32)), "Stream should"),
        (lambda one: replace(one, frames_sha256="00" * 32), "Decoded frames should"),
        (lambda one: replace(one, stream=replace(one.stream, ledger={"slices": 1})), "Ledger should"),
        (
            lambda one: replace(one, quality=replace(one.quality, frames={"psnr_rgb": [30.0]})),
            "Number of frames should",
        ),
    ],
)
@pytest.mark.parametrize("place", [1, 5])
def test_any_digest_counts_where_records_must_agree(change: Change, named: str, place: int) -> None:
    """Of a standard codec and of a network: a regression though size and quality are what they were."""
    findings = check(BASE, changed(BASE, change, place))
    subject = "bunny/bunny x264 crf=39" if place == 1 else "bunny/bunny nerv fc_dim=11 seed=1"
    assert not_fine(findings) == [(subject, "exact", "regression")]
    assert only_message(findings).startswith(named)
    assert exit_status(findings) == REGRESSION


def test_an_improvement_is_no_excuse_where_records_must_agree() -> None:
    """Half of the bytes by the same code on the same machine is still another result."""
    better = changed(BASE, lambda one: other_stream(one, -50, 1), 0)
    assert ("bunny/bunny x264 crf=40", "exact", "regression") in not_fine(check(BASE, better))


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (lambda one: replace(one, environment=OTHER), "the processors have other instruction sets"),
        (lambda one: replace(one, environment=LAPTOP), "a record does not state its processor's instruction sets"),
        (lambda one: replace(one, environment=replace(KNOWN, cores=4)), "they were encoded on 2 and 4 cores"),
        (lambda one: replace(one, environment=replace(KNOWN, gpu="H200")), "the GPUs differ"),
        (coded(version=2), "the codec's version went from 1 to 2"),
        (coded(tools={"x264": "5.0"}), "x264 went from "),
    ],
)
def test_why_records_need_not_agree(change: Change, why: str) -> None:
    """Each reason is said, another digest within the tolerance is fine, and ``exact`` refuses to compare."""
    new = [change(other_stream(one, 0.5)) if one.codec.name == "x264" else one for one in BASE]
    findings = check(BASE, new)
    assert not_fine(findings) == []
    inexact = [one for one in findings if one.kind == "numeric"]
    assert len(inexact) == 4
    assert all(why in one.message for one in inexact)
    strict = check(BASE, new, exact=True)
    assert {verdict for _, _, verdict in not_fine(strict)} == {"incomparable"}
    assert exit_status(strict) == INCOMPARABLE


@pytest.mark.parametrize(
    "machine",
    [
        replace(KNOWN, packages={"torch": "2.9.0"}),
        replace(KNOWN, packages={"torch": "2.8.0", "numba": "1.0"}),
        replace(KNOWN, cpu="Another maker's"),
    ],
)
def test_networks_depend_on_libraries_and_encoders_do_not(machine: Environment) -> None:
    """Another torch or processor of the same instruction sets excuses another stream of a network alone."""
    new = changed(on(BASE, machine), other_stream, 0, 4)
    assert not_fine(check(BASE, new)) == [("bunny/bunny x264 crf=40", "exact", "regression")]


def test_a_network_on_a_gpu_is_not_held_to_its_bytes() -> None:
    """Its kernels are not deterministic; an encoder beside the same GPU is held."""
    base = on(BASE, replace(KNOWN, gpu="H200"))
    assert not_fine(check(base, changed(base, other_stream, 4))) == []
    assert exit_status(check(base, changed(base, other_stream, 0))) == REGRESSION


def test_the_cores_of_the_encoder_decide() -> None:
    """Where both records state them, the machine's do not matter; where one does not, only the machine's do."""
    assert BASE[4].encode

    def state(one: Record, machine: int, encoder: int | None) -> Record:
        assert one.encode
        return replace(one, environment=replace(KNOWN, cores=machine), encode=replace(one.encode, cores=encoder))

    base = [state(BASE[4], 2, 2)]
    assert exit_status(check(base, [other_stream(state(BASE[4], 8, 2))])) == REGRESSION
    assert exit_status(check(base, [other_stream(state(BASE[4], 2, 1))])) == FINE
    base = [state(BASE[4], 8, 2)]
    assert exit_status(check(base, [other_stream(state(BASE[4], 8, None))])) == REGRESSION
    assert exit_status(check(base, [other_stream(state(BASE[4], 2, None))])) == FINE


def test_portable_codecs_agree_across_processors() -> None:
    """The machines may differ in everything, the versions of tools may not."""
    portable = [coded(portable=True)(one) for one in BASE[:4]]
    elsewhere = on(portable, replace(OTHER, cores=64, gpu="H200"))
    assert [one.kind for one in check(portable, elsewhere)][:4] == ["exact"] * 4
    assert exit_status(check(portable, changed(elsewhere, other_stream, 0))) == REGRESSION
    newer = changed([coded(tools={"x264": "5"})(one) for one in elsewhere], other_stream, 0)
    assert exit_status(check(portable, newer)) == FINE


def test_equal_streams_decode_to_equal_frames() -> None:
    """Of a standard codec on any machine; a network's decoder computes in floating point."""
    new = [replace(one, frames_sha256="00" * 32) for one in on(BASE, OTHER)]
    found = not_fine(check(BASE, new))
    assert len(found) == 4
    assert all(subject.startswith("bunny/bunny x264") and kind == "exact" for subject, kind, _ in found)


@pytest.mark.parametrize("decibels", [-0.02, 0.02])
def test_equal_frames_have_equal_quality(decibels: float) -> None:
    """Less than the tolerance of any codec, and for the better or worse: the measuring changed, not the codec."""

    def measured_otherwise(one: Record) -> Record:
        assert one.stream
        return replace(other_stream(one, 0, decibels), stream=replace(one.stream), frames_sha256=one.frames_sha256)

    findings = check(BASE, changed(BASE, measured_otherwise, 0))
    assert not_fine(findings) == [("bunny/bunny x264 crf=40", "numeric", "regression")] * 2
    assert sum("the measuring changed" in one.message for one in findings) == 2


# --- Numeric


@pytest.mark.parametrize("place", [0, 4])
@pytest.mark.parametrize("part", [0.98, 1.02])
def test_tolerances_begin_where_they_are_stated(place: int, part: float) -> None:
    """Of bytes and of decibels, just inside and just outside, for a standard codec and for a network."""
    tolerance = TRAINED if place else STANDARD
    base, new = on(BASE), on(BASE, OTHER)
    larger = changed(new, lambda one: other_stream(one, tolerance.percent * part), place)
    worse = changed(new, lambda one: other_stream(one, 0, -tolerance.decibels * part), place)
    for records, count in ((larger, 1), (worse, 2)):
        found = [one for one in check(base, records) if one.kind == "numeric" and one.verdict == "regression"]
        assert len(found) == (count if part > 1 else 0)


def test_better_is_a_note() -> None:
    """It does not fail a build, and says how to accept it."""
    new = changed(on(BASE, OTHER), lambda one: other_stream(one, -20, 1), 0)
    findings = [one for one in check(BASE, new) if one.subject == "bunny/bunny x264 crf=40"]
    assert [(one.kind, one.verdict) for one in findings] == [("numeric", "note")] * 3
    assert findings[0].message == (
        "An improvement (accept it with --update): Size is 1,843 bytes against the baseline's 2,304 (-20.01 %); "
        "1.00 % is allowed (the processors have other instruction sets)."
    )


def seeds(percents: list[float], decibels: list[float], places: tuple[int, ...] = (0, 1, 2, 3)) -> list[Record]:
    """A NeRV trained with as many seeds, whose sizes and qualities lie so far from the planted ones."""
    return [
        replace(other_stream(one, percent, loss), seed=seed)
        for seed, (percent, loss) in enumerate(zip(percents, decibels, strict=True))
        for one in (BASE[4 + place] for place in places)
    ]


def test_seeds_decide_what_a_network_may_differ_by() -> None:
    """Close seeds allow little more than the floor, distant ones far more than what is stated without seeds."""
    close = seeds([-0.1, 0.0, 0.1], [-0.01, 0.0, 0.01])
    distant = seeds([-20, 0, 20], [-1, 0, 1])
    new = [replace(other_stream(one, 5, -0.2), seed=9) for one in BASE[4:]]
    found = [one for one in check(close, new) if one.verdict == "regression" and one.kind == "numeric"]
    assert len(found) == 4 * 3
    assert "2.00 % is allowed by the spread of its seeds" in found[0].message
    assert "the mean of the baseline's 3 seeds" in found[0].message
    assert exit_status(check(distant, new)) == FINE
    assert exit_status(check([BASE[4]], [other_stream(on(BASE, OTHER)[4], 5, -0.2)])) == FINE


def test_all_comparisons_of_a_check_share_its_coverage() -> None:
    """Twelve of cells, three quantities at four points, and two of curves: the spread of sizes of -1, 0 and 1 % has
    eight degrees of freedom in cells, and two in the curve."""
    base = seeds([-1, 0, 1], [0.0, 0.0, 0.0])
    findings = check(base, [replace(other_stream(one, 200), seed=9) for one in BASE[4:]])
    sizes = [one.message for one in findings if one.message.startswith("Size is")]
    cells = prediction_half_width(Spread(1.0, 8), 3, comparisons=12)
    assert len(sizes) == 4
    allowed = [float(re.findall(r"([\d.]+) % is allowed", message)[0]) for message in sizes]
    assert allowed == [pytest.approx(cells, rel=0.01)] * 4
    (message,) = [one.message for one in findings if one.kind == "curve" and "on PSNR" in one.message]
    curves = 100 * math.expm1(prediction_half_width(Spread(0.01, 2), 3, comparisons=2))
    (whole,) = re.findall(r"([\d.]+) % is allowed by the spread", message)
    assert float(whole) == pytest.approx(curves, rel=1e-3)


def test_a_floor_keeps_seeds_that_agree_by_chance_from_deciding() -> None:
    """Three seeds without any difference would allow none."""
    same = seeds([0.0, 0.0, 0.0], [0.0, 0.0, 0.0], places=(0, 1))
    assert exit_status(check(same, [replace(other_stream(one, 1.9, -0.04), seed=9) for one in BASE[4:6]])) == FINE
    assert exit_status(check(same, [replace(other_stream(one, 2.1, 0.0), seed=9) for one in BASE[4:6]])) == REGRESSION


def test_stated_tolerances_are_an_option() -> None:
    """Of networks only."""
    new = changed(on(BASE, OTHER), lambda one: other_stream(one, 5), 4)
    assert exit_status(check(BASE, new)) == FINE
    assert exit_status(check(BASE, new, Tolerance(4, 0.5))) == REGRESSION


def test_a_quality_that_is_gone() -> None:
    """A metric that could not be computed any more is no pass."""

    def without(one: Record) -> Record:
        assert one.quality
        return replace(other_stream(one), quality=replace(one.quality, clip={"psnr_rgb": one.quality.clip["psnr_rgb"]}))

    findings = check(BASE[:3], changed(on(BASE[:3], OTHER), without, 0))
    assert only_message(findings) == "MS-SSIM is known in the baseline and not any more."


def test_infinite_quality() -> None:
    """Lossless stays lossless; a loss of it is infinitely large."""
    lossless = other_stream(BASE[0], 0, float("inf"))
    elsewhere = replace(lossless, environment=OTHER)
    assert exit_status(check([lossless], [elsewhere])) == FINE
    assert exit_status(check([lossless], [replace(other_stream(BASE[0]), environment=OTHER)])) == REGRESSION


# --- Curves


def test_a_curve_adds_up_what_points_hide() -> None:
    """Each point is within its tolerance of both, and the BD-rate is not. At 3 dB for twice the bits, 0.8 % more bytes
    and 0.03 dB less are 1.008 * 2^(0.03 / 3) - 1 = 1.50 %."""
    new = [other_stream(one, 0.8, -0.03) for one in on(BASE[:4], OTHER)]
    findings = check(BASE[:4], new)
    assert not_fine(findings) == [("bunny/bunny x264", "curve", "regression")] * 2
    assert "BD-rate on PSNR against the baseline is +1.50 %; 1.00 % is allowed" in findings[-2].message
    assert {one.kind for one in check(BASE[:3], new[:3])} == {"numeric"}


def test_a_better_curve_is_a_note() -> None:
    new = [other_stream(one, -0.8, 0.03) for one in on(BASE[:4], OTHER)]
    findings = check(BASE[:4], new)
    assert not_fine(findings) == [("bunny/bunny x264", "curve", "note")] * 2
    assert findings[-1].message.startswith("An improvement (accept it with --update): BD-rate on MS-SSIM (dB)")


def test_a_refused_bd_rate_is_a_note() -> None:
    """With the reason."""
    shift = [0.0, 0.0, -5.0, -5.0]
    new = [other_stream(one, 0, by) for one, by in zip(on(BASE[4:], OTHER), shift, strict=True)]
    found = [one for one in check(BASE[4:], new) if one.kind == "curve"]
    assert [one.verdict for one in found] == ["note"] * 2
    assert "quality on the test curve does not rise" in found[0].message


def test_seeds_span_curves_too() -> None:
    """A shift of a whole curve within what seeds do is fine; one far outside of it is not."""
    base = seeds([-3, 0, 3], [0.0, 0.0, 0.0])
    for percent, verdict in ((6, "fine"), (300, "regression")):
        new = [replace(other_stream(one, percent), seed=9) for one in BASE[4:]]
        found = [one for one in check(base, new) if one.kind == "curve"]
        assert [one.verdict for one in found] == [verdict] * 2
        assert "by the spread of its 3 seeds" in found[0].message


def test_a_curve_is_over_the_points_that_have_all_seeds() -> None:
    """One that a seed failed at is left out on both sides."""
    base = [
        replace(other_stream(one, 0.1 * seed), seed=seed)
        for one in on(curve("nerv", rates=[*RATES, 0.16]))
        for seed in (0, 1, 2)
    ]
    new = [replace(other_stream(one, 0.05), environment=OTHER) for one in base]
    fewer = [replace(new[0], status="failed"), *new[1:]]
    assert [one.verdict for one in check(base, fewer) if one.kind == "curve"] == ["fine"] * 2
    ragged = [replace(one, status="failed") if i % 3 == 0 and i else one for i, one in enumerate(new)]
    found = [one for one in check(base, ragged) if one.kind == "curve"]
    assert [one.verdict for one in found] == ["note"] * 2


# --- Structure


def test_a_cell_that_vanished() -> None:
    findings = check(BASE, BASE[1:])
    assert not_fine(findings)[0] == ("bunny/bunny x264 crf=40", "structure", "regression")
    assert exit_status(findings) == REGRESSION


def test_a_cell_that_appeared() -> None:
    findings = check(BASE[1:], BASE)
    assert not_fine(findings) == [("bunny/bunny x264 crf=40", "structure", "note")]


@pytest.mark.parametrize("status", ["failed", "skipped", "timed_out"])
def test_a_cell_without_a_result(status: Any) -> None:
    """It is a regression, unless the baseline has none either; and a result where there was none is an improvement."""
    bad = changed(BASE, lambda one: replace(failed(one, "no reason"), status=status), 0)
    assert not_fine(check(BASE, bad))[0] == ("bunny/bunny x264 crf=40", "structure", "regression")
    assert any("no reason" in one.message for one in check(BASE, bad))
    assert exit_status(check(bad, bad)) == FINE
    assert not_fine(check(bad, BASE))[0] == ("bunny/bunny x264 crf=40", "structure", "note")
    assert exit_status(check(bad, BASE[1:])) == FINE


def test_fewer_seeds_are_a_note_for_each_curve() -> None:
    """Those that were run are checked; a point of which no seed was run has vanished."""
    base = [replace(one, seed=seed) for one in BASE[4:] for seed in (0, 1, 2)]
    findings = check(base, [one for one in base if one.seed == 1])
    assert not_fine(findings) == [("bunny/bunny nerv", "structure", "note")]
    assert "(missing: 0, 2)" in only_message(findings)
    assert exit_status(check(base, [one for one in base if one.codec.parameters["fc_dim"] != 10])) == REGRESSION


def test_another_source_cannot_be_compared() -> None:
    new = [replace(other_stream(one, 50), clip=replace(one.clip, rgb_sha256="99" * 32)) for one in BASE]
    findings = check(BASE, new)
    assert {(one.kind, one.verdict) for one in findings} == {("structure", "incomparable")}
    assert exit_status(findings) == INCOMPARABLE


def test_a_regression_counts_more_than_what_cannot_be_compared() -> None:
    strange = changed(BASE, lambda one: replace(one, clip=replace(one.clip, rgb_sha256="99" * 32)), 1)
    assert exit_status(check(BASE, strange)) == INCOMPARABLE
    assert exit_status(check(BASE, strange[1:])) == REGRESSION


def test_another_preset_cannot_be_compared() -> None:
    """Its cells did not vanish: they were never asked for. One that gives the same cells can be."""
    longer = curve("x264", where=clip(frames=132), preset=PAPER)
    findings = check(BASE, longer)
    assert not_fine(findings) == [("preset quick, 32 frames of 320x180 of bunny", "structure", "incomparable")]
    assert "they hold preset paper, 132 frames of 320x180 of bunny" in findings[0].message
    other = [replace(one, preset=replace(QUICK, name="mine")) for one in BASE]
    assert exit_status(check(BASE, other)) == FINE
    assert exit_status(check(BASE, [*BASE, *longer])) == FINE, "the results may hold more than the baseline is about"


def test_conditions_are_told_apart() -> None:
    """Two sizes in one baseline have subjects of their own."""
    small = on(curve("x264", where=clip(width=160)))
    subjects = {one.subject for one in check([*BASE, *small], [*BASE, *small])}
    assert "bunny/bunny (32 frames of 160x180) x264 crf=40" in subjects
    assert len(subjects) == 8 + 4 + 3


def test_thousands_of_records_take_seconds() -> None:
    """Twelve sequences of networks and encoders: all curves changed a little, so that every BD-rate is computed."""
    base = [
        replace(one, clip=clip("set", f"s{sequence}"), seed=seed)
        for sequence in range(12)
        for codec in ("x264", "x265", "nerv", "e-nerv", "res-nerv")
        for seed in (range(3) if codec in ("nerv", "e-nerv", "res-nerv") else [0])
        for one in on(curve(codec, rates=[rate * (1 + 0.01 * seed) for rate in (*RATES, 0.16, 0.32)]))
    ]
    new = [replace(other_stream(one, 0.1), environment=OTHER) for one in base]
    start = time.perf_counter()
    findings = check(base, new)
    assert time.perf_counter() - start < 10
    assert len(base) == 12 * 6 * 11
    assert sum(one.kind == "curve" for one in findings) == 12 * 5 * 2


def test_codec_facts_decide_exactness() -> None:
    """A record from before portability was stated is not taken to be portable."""
    assert CodecFacts("x265", "x265", "standard", 1, {}, {}).portable is False
    assert record("x265", 0.01).codec.portable is False
