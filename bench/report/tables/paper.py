"""Our figures beside the paper's, each with a verdict.

A printed value stands beside ours only where the two may be compared: at full scale, on the same
sequence, and for times on the same kind of GPU.
"""

from __future__ import annotations

from collections.abc import Iterator

from ...analysis.bd_rate import BDRate
from ...analysis.comparable import METRICS, ComparableSet, RecordedCell
from ...analysis.machines import by_machine
from ...analysis.pairs import Pairs, anchors
from ...analysis.paper import Paper, PrintedDecoding
from .bd_rate import MEAN, MEAN_CURVE
from .table import Row, Table, group_table

UNAVAILABLE = "not available here"


def paper_bd_table(group: ComparableSet, compared: Pairs, paper: Paper) -> Table | None:
    """Our BD-rates beside the paper's Table 1; None where the comparable set lacks one of its two codecs."""
    printed = paper.bd_rate
    labels = [label for label, codec in group.codecs.items() if codec == printed.codec]
    chosen = anchors(group, [printed.anchor])
    rows = [row for label in labels for anchor in chosen for row in _bd_rows(group, compared, label, anchor, paper)]
    if not rows:
        return None
    title = f"BD-rate of {printed.codec} against {printed.anchor}, beside {printed.source} of the paper"
    notes = (
        "Percent of bits; difference in percentage points. Overlap, spread, mean and mean curve as under BD-rate; the "
        "interval is the bootstrap's.",
        f"Verdict: agrees within {printed.tolerance_points:g} percentage points of the printed value.",
        *_unprinted(group),
        *(printed.remarks if group.full_scale else []),
    )
    return group_table(title, group, rows, "paper_table_1", notes=notes)


def _unprinted(group: ComparableSet) -> tuple[str, ...]:
    if group.full_scale:
        return ()
    return ("The paper's values are for full scale, so that none stands beside these.",)


def _bd_rows(group: ComparableSet, compared: Pairs, label: str, anchor: str, paper: Paper) -> Iterator[Row]:
    for metric in METRICS:
        pair = compared[label, anchor, metric]
        begin = {"codec": label, "anchor": anchor}
        for sequence in group.sequences:
            percent = paper.bd_rate.percent(group.dataset, sequence, metric)
            why = group.not_published(sequence)
            row = _beside(pair.result(sequence), percent, paper.bd_rate.tolerance_points, why)
            interval = pair.seed_interval(sequence)
            yield begin | {"sequence": sequence, "metric": METRICS[metric]} | row | _interval(interval)
        if len(group.sequences) > 1:
            mean = pair.mean
            reason = f"on all {mean.count} sequences, as {mean.reason}" if mean.value is None else None
            over = _beside(BDRate(mean.value, reason), None, 0, None) | {
                "printed": paper.bd_rate.averages[metric] if group.full_scale else None,
                "verdict": _average_verdict(group, reason, f"over {mean.used} of {mean.count} sequences"),
            }
            yield begin | {"sequence": MEAN, "metric": METRICS[metric]} | over | _interval(mean.interval)
            curve = _beside(pair.mean_curve, None, 0, None) | {
                "verdict": _average_verdict(group, pair.mean_curve.reason, "")
            }
            yield begin | {"sequence": MEAN_CURVE, "metric": METRICS[metric]} | curve


def _beside(ours: BDRate, printed: float | None, tolerance: float, not_comparable: str | None) -> Row:
    shown = None if not_comparable else printed
    difference = ours.value - shown if ours.value is not None and shown is not None else None
    if ours.value is None:
        verdict = f"refused: {ours.reason}"
    elif not_comparable:
        verdict = f"not comparable: {not_comparable}"
    elif difference is None:
        verdict = UNAVAILABLE
    else:
        verdict = _agreement(difference, tolerance)
    return {
        "ours": ours.value,
        "overlap": ours.overlap,
        "spread_points": ours.spread,
        "interval": None,
        "printed": shown,
        "difference": difference,
        "verdict": verdict,
    }


def _agreement(difference: float, tolerance: float) -> str:
    return "agrees" if abs(difference) <= tolerance else "differs"


def _average_verdict(group: ComparableSet, reason: str | None, over: str) -> str:
    if reason:
        return f"refused: {reason}"
    why = "the paper's sequences are not available here" if group.full_scale else "scaled down"
    return "; ".join(filter(None, [over, f"not comparable: {why}"]))


def _interval(interval: tuple[float, float] | None) -> Row:
    return {"interval": f"{interval[0]:+.2f} to {interval[1]:+.2f}" if interval else None}


# --- Table 2 --------------------------------------------------------------------------------


def paper_decoding_tables(group: ComparableSet, paper: Paper) -> list[Table]:
    """Our decoding beside the paper's Table 2, one table for each machine. Each codec stands there with the rate
    point whose network's number of parameters is nearest to the printed one."""
    printed = paper.decoding
    tables = []
    for name, cells in by_machine(group).items():
        rows: list[Row] = []
        for value in printed.values:
            networks = [cell for cell in cells if cell.record.codec.name == value.codec and cell.record.complexity]
            if (group.dataset, group.full_scale) == (printed.dataset, True):
                networks = [cell for cell in networks if cell.sequence == printed.sequence]
            if networks:
                rows += _decoding_rows(group, min(networks, key=lambda cell: _distance(cell, value)), value, paper)
        if rows:
            title = f"{printed.source} of the paper, beside decoding on {name}"
            notes = (
                f"Printed: {printed.sequence} at {printed.bitrate_mbps:g} Mbps, {printed.frames} frames, on an "
                f"{printed.gpu}. Ours: warm seconds, of the rate point nearest in parameters.",
                "Verdict: parameters and GMACs agree if ours round to the printed figure; times within "
                f"{printed.tolerance_seconds:.0%}, and on that GPU only.",
                *_unprinted(group),
                *(printed.remarks if group.full_scale else []),
            )
            tables.append(
                group_table(
                    title, group, [{"machine": name} | row for row in rows], "paper_table_2",
                    notes=notes, hidden=("machine",),
                )
            )  # fmt: skip
    return tables


def _distance(cell: RecordedCell, value: PrintedDecoding) -> float:
    assert cell.record.complexity
    return abs(cell.record.complexity.parameters / 1e6 - value.parameters_millions)


def _decoding_rows(group: ComparableSet, cell: RecordedCell, value: PrintedDecoding, paper: Paper) -> Iterator[Row]:
    printed, record = paper.decoding, cell.record
    assert record.complexity
    assert record.stream
    other = _not_comparable(group, cell, paper)
    gpu = other or (None if printed.gpu in (record.environment.gpu or "") else "not comparable: another machine")
    begin = {"codec": cell.label, "sequence": cell.sequence, "rate_point": cell.rate_point}

    def beside(quantity: str, ours: float | None, theirs: float, refused: str | None, tolerance: float) -> Row:
        shown = theirs if other is None else None
        difference = None if refused or ours is None else ours - theirs
        verdict = refused or (UNAVAILABLE if difference is None else _agreement(difference, tolerance))
        values = {"ours": ours, "printed": shown, "difference": difference, "verdict": verdict}
        return begin | {"quantity": quantity} | values

    seconds = record.decode.seconds if record.decode else None
    fps = group.frames / seconds if seconds else None
    printed_fps = printed.frames / value.decode_seconds
    allowed = printed.tolerance_seconds
    yield beside("parameters (M)", record.complexity.parameters / 1e6, value.parameters_millions, other, HALF_A_DIGIT)
    yield beside("GMACs per frame", record.complexity.macs_per_frame / 1e9, value.gmacs_per_frame, other, HALF_A_DIGIT)
    yield beside("bitrate (Mbps)", record.stream.bitrate_mbps, printed.bitrate_mbps, other, HALF_A_DIGIT * 10)
    yield beside("decoding (s)", seconds, value.decode_seconds, gpu, allowed * value.decode_seconds)
    yield beside("decoding (frames/s)", fps, printed_fps, gpu, allowed * printed_fps)


HALF_A_DIGIT = 0.005
"""Half a unit of the last digit: parameters and GMACs are printed with two decimals."""


def _not_comparable(group: ComparableSet, cell: RecordedCell, paper: Paper) -> str | None:
    printed = paper.decoding
    if why := group.not_published(cell.sequence):
        return f"not comparable: {why}"
    if (group.dataset, cell.sequence, group.frames) != (printed.dataset, printed.sequence, printed.frames):
        return f"not comparable: printed for {printed.frames} frames of {printed.sequence}"
    return None
