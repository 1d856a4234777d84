"""Our figures beside the paper's, each with a verdict.

A printed value stands beside ours only where the two may be compared: at full scale, on the very samples of
the same sequence, and for times on the same kind of GPU.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ...analysis.bd_rate import BDRate
from ...analysis.comparable import METRICS, ComparableSet, RecordedCell
from ...analysis.machines import by_machine
from ...analysis.pairs import CurveComparison, Pair, Pairs, anchors
from ...analysis.paper import Paper, PrintedBDRate, PrintedBDRates, PrintedDecoding
from .table import Row, Table, as_data, group_table
from .targets import missed_targets

UNAVAILABLE = "not available here"
AVERAGE = "average"
"""What stands in place of a sequence in the rows of the averages."""

Compared = Sequence[tuple[ComparableSet, Pairs]]
"""The comparable sets of a report, each with all pairs of its codecs."""


# --- Table 1 --------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Place:
    """Where a sequence of the paper stands among our results: ``sequence`` is its name in the comparable set."""

    group: ComparableSet
    pairs: Pairs
    sequence: str

    @property
    def reason(self) -> str | None:
        """The reason why nothing here may stand beside the paper; None if it may."""
        return self.group.not_published(self.sequence)


def paper_bd_table(compared: Compared, paper: Paper) -> Table | None:
    """Our BD-rates beside the paper's Table 1, with its rows in its order, out of all comparable sets. Where there
    are several curves of its codec, each has all rows. The result is None where no comparable set has both of its
    codecs on one of its sequences."""
    printed = paper.bd_rate
    codecs = {printed.codec, printed.anchor}
    places = {
        value.sequence: _places([(g, pairs) for g, pairs in compared if codecs & {*g.codecs.values()}], value)
        for value in printed.values
    }
    groups = [place.group for several in places.values() for place in several]
    if not any(codecs <= {*group.codecs.values()} for group in groups):
        return None
    labels = dict.fromkeys(label for group in groups if group.full_scale for label in _labels(group, printed))
    rows = [row for label in labels or [printed.codec] for row in _curve_rows(label, places, printed)]
    notes = (
        "Percent of bits; difference in percentage points. Overlap and spread as under BD-rate; the interval is the "
        "bootstrap's. The average is the mean over all eight sequences.",
        f"Verdict: agrees within {printed.tolerance_points:g} percentage points of the printed value.",
        *_repeated(places),
        *dict.fromkeys(note for group in groups if group.full_scale for note in missed_targets(group)),
        *dict.fromkeys(note for group in groups if group.full_scale for note in group.source_notes),
        *(f"{metric}: {_recomputed(printed, name)}" for name, metric in METRICS.items()),
        *printed.remarks,
        *(
            f"The paper writes {value.printed_as} for {value.sequence}."
            for value in printed.values
            if value.sequence not in (value.printed_as, value.printed_as.lower())
        ),
    )
    title = f"BD-rate of {printed.codec} against {printed.anchor}, beside {printed.source} of the paper"
    return Table(title, as_data(rows), notes, "paper_table_1")


def _places(compared: Compared, value: PrintedBDRate) -> list[_Place]:
    """Where the sequence of a printed value stands: what may be compared first, then what is at full scale."""
    places = [
        _Place(group, pairs, name)
        for group, pairs in compared
        if group.dataset == value.dataset
        for name in dict.fromkeys(c.sequence for c in group.cells if c.record.clip.source.sequence == value.sequence)
    ]
    return sorted(places, key=lambda place: (place.reason is not None, not place.group.full_scale))


def _labels(group: ComparableSet, printed: PrintedBDRates) -> list[str]:
    """The curves of the paper's codec."""
    return [label for label, codec in group.codecs.items() if codec == printed.codec]


def _curve_rows(label: str, places: dict[str, list[_Place]], printed: PrintedBDRates) -> Iterator[Row]:
    """The rows of one of our curves: each sequence in each metric, then the averages."""
    for metric in METRICS:
        measured: dict[str, list[CurveComparison]] = {}
        for value in printed.values:
            place, pair = _best(places[value.sequence], label, metric, printed)
            if place and pair and place.reason is None:
                result, interval = pair.result(place.sequence), pair.seed_interval(place.sequence)
                row = _beside(result, value.percent(metric), printed.tolerance_points) | _interval(interval)
                if result.value is not None:
                    measured[value.sequence] = pair.by_sequence[place.sequence]
            else:
                row = _nothing(value.percent(metric), _why_nothing(place, label, printed))
            begin = {"codec": label, "anchor": pair.anchor if pair else printed.anchor}
            where = {"dataset": value.dataset, "sequence": value.sequence, "metric": METRICS[metric]}
            yield begin | where | row
        begin = {"codec": label, "anchor": printed.anchor}
        yield (
            begin
            | {"dataset": None, "sequence": AVERAGE, "metric": METRICS[metric]}
            | _average(Pair(label, printed.anchor, metric, measured, BDRate()), printed)
        )


def _best(
    places: Sequence[_Place], label: str, metric: str, printed: PrintedBDRates
) -> tuple[_Place | None, Pair | None]:
    """The first place that has the curve and its anchor, with the two; else the first place, alone; else nothing."""
    for place in places:
        for anchor in anchors(place.group, [printed.anchor]):
            if pair := place.pairs.get((label, anchor, metric)):
                return place, pair
    return next(iter(places), None), None


def _why_nothing(place: _Place | None, label: str, printed: PrintedBDRates) -> str:
    """The reason why a sequence has no result that may be compared."""
    if place is None:
        return "no records"
    if place.reason:
        return f"not comparable: {place.reason}"
    return f"no records of {printed.anchor if label in place.group.codecs else label}"


def _average(pair: Pair, printed: PrintedBDRates) -> Row:
    """The row of the average, which is ours only over all of the paper's sequences."""
    count, average = len(printed.values), printed.averages[pair.metric]
    if len(pair.by_sequence) < count:
        return _nothing(average, f"{len(pair.by_sequence)} of {count} sequences have a result that may be compared")
    mean = pair.mean
    return _beside(BDRate(mean.value), average, printed.tolerance_points) | _interval(mean.interval)


def _recomputed(printed: PrintedBDRates, metric: str) -> str:
    """What is to be said about a printed average, which should be the mean of the printed values."""
    mean, average = printed.recomputed_average(metric), printed.averages[metric]
    agrees = abs(mean - average) <= HALF_A_DIGIT
    verdict = "agrees" if agrees else f"differs, since that rounds to {mean:.2f} %"
    return (
        f"the printed average, {average:.2f} %, beside the mean of the eight printed values, {mean:.7g} %: {verdict}."
    )


def _repeated(places: dict[str, list[_Place]]) -> list[str]:
    """The notes on sequences that could be compared in several forms, of which the first one counts."""
    whole = {name: [place for place in several if place.reason is None] for name, several in places.items()}
    return [
        f"{name} could be compared {len(several)} times; this is {several[0].sequence} of {several[0].group.title}."
        for name, several in whole.items()
        if len(several) > 1
    ]


def _beside(ours: BDRate, printed: float, tolerance: float) -> Row:
    """The columns of a BD-rate that may be compared with a printed one."""
    difference = ours.value - printed if ours.value is not None else None
    return {
        "ours": ours.value,
        "overlap": ours.overlap,
        "spread_points": ours.spread,
        "interval": None,
        "printed": printed,
        "difference": difference,
        "verdict": f"refused: {ours.reason}" if difference is None else _agreement(difference, tolerance),
    }


def _nothing(printed: float, reason: str) -> Row:
    """The columns of a printed value with nothing of ours beside it."""
    return _beside(BDRate(), printed, 0) | {"verdict": reason}


def _agreement(difference: float, tolerance: float) -> str:
    return "agrees" if abs(difference) <= tolerance else "differs"


def _interval(interval: tuple[float, float] | None) -> Row:
    return {"interval": f"{interval[0]:+.2f} to {interval[1]:+.2f}" if interval else None}


# --- Table 2 --------------------------------------------------------------------------------


def paper_decoding_tables(group: ComparableSet, paper: Paper) -> list[Table]:
    """Our decoding beside the paper's Table 2, one table for each machine. Each codec stands there with the rate
    point whose network's number of parameters is nearest to the printed one."""
    printed = paper.decoding
    tables = []
    unprinted = () if group.full_scale else ("The paper's values are for full scale: none stands beside these.",)
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
                f"Printed: {printed.sequence} on an {printed.gpu}. The paper does not say how many frames its times "
                f"are for; they stand here as those of all {printed.frames_if_whole}. Ours: warm seconds, of the rate "
                "point nearest in parameters.",
                "Verdict: parameters, GMACs and bitrates agree if ours round to the printed figure; times within "
                f"{printed.tolerance_seconds:.0%}, and on that GPU only.",
                *unprinted,
                *missed_targets(group, cells),
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
        if difference is not None and quantity.startswith("decoding"):
            verdict += f", if printed for {printed.frames_if_whole} frames"
        values = {"ours": ours, "printed": shown, "difference": difference, "verdict": verdict}
        return begin | {"quantity": quantity} | values

    seconds = record.decode.seconds if record.decode else None
    fps = group.frames / seconds if seconds else None
    printed_fps = printed.frames_if_whole / value.decode_seconds
    allowed = printed.tolerance_seconds
    yield beside("parameters (M)", record.complexity.parameters / 1e6, value.parameters_millions, other, HALF_A_DIGIT)
    yield beside("GMACs per frame", record.complexity.macs_per_frame / 1e9, value.gmacs_per_frame, other, HALF_A_DIGIT)
    yield beside("bitrate (Mbps)", record.stream.bitrate_mbps, value.bitrate_mbps, other, HALF_A_DIGIT * 10)
    yield beside("decoding (s)", seconds, value.decode_seconds, gpu, allowed * value.decode_seconds)
    yield beside("decoding (frames/s)", fps, printed_fps, gpu, allowed * printed_fps)


HALF_A_DIGIT = 0.005
"""Half a unit of the last digit of what is printed with two decimals. Bitrates are printed with one."""


def _not_comparable(group: ComparableSet, cell: RecordedCell, paper: Paper) -> str | None:
    printed = paper.decoding
    if not group.full_scale:
        return "not comparable: scaled down"
    if reason := group.not_published(cell.sequence):
        return f"not comparable: {reason}"
    if (group.dataset, cell.record.clip.source.sequence) != (printed.dataset, printed.sequence):
        return f"not comparable: printed for {printed.sequence}"
    return None
