"""BD-rates as tables: against chosen anchors by sequence, and of all pairs as a matrix."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from itertools import product

import pandas as pd

from ...analysis.bd_rate import BDRate
from ...analysis.comparable import ComparableSet
from ...analysis.pairs import ANCHORS, Mean, Pair, Pairs, anchors
from .table import Column, Row, Table, as_data, caption, place
from .targets import missed_targets

MEAN, MEAN_CURVE = "mean", "mean curve"
"""What stands in place of a sequence in rows over all sequences."""


def bd_table(group: ComparableSet, compared: Pairs, chosen: Sequence[str] = ANCHORS) -> Table | None:
    """The BD-rates of each codec against the ``chosen`` anchors, on each sequence and over the sequences. The result
    is None where there is no anchor, or no codec to compare with it."""
    columns = list(product(anchors(group, chosen), group.metrics))
    if not columns or len(group.codecs) < 2:
        return None
    rows = []
    for label in group.codecs:
        pairs = [compared.get((label, *column)) for column in columns]
        rows += [[label, sequence, *[_on_sequence(pair, sequence) for pair in pairs]] for sequence in group.sequences]
        if len(group.sequences) > 1:
            rows.append([label, MEAN, *[_bd_mean(pair.mean) if pair else "anchor" for pair in pairs]])
            rows.append([label, MEAN_CURVE, *[_bd_cell(pair.mean_curve) if pair else "anchor" for pair in pairs]])
    headings = {f"bd_rate: {name}": Column(name) for name in [f"{group.metrics[m]} against {a}" for a, m in columns]}
    data = pd.DataFrame(rows, columns=["codec", "sequence", *headings], dtype=object)
    hidden = frozenset({"sequence"}) if len(group.sequences) == 1 else frozenset[str]()
    notes = (*BD_NOTES, *_structures(group), *missed_targets(group), *group.source_notes)
    whole = Table(caption("BD-rate", group), data, notes, "bd_rate", text=True, hidden=hidden, columns=headings)
    over = data[data["sequence"].isin([MEAN, MEAN_CURVE])]
    if over.empty:
        return whole
    return replace(whole, summary=replace(whole, caption=caption("BD-rate over sequences", group), data=over))


BD_NOTES = (
    "Percent of bits for the same quality; negative means that the codec needs fewer bits than the anchor.",
    "pchip over ln(rate), both metrics in dB, over the quality range that the two curves share; nothing is "
    "extrapolated. Overlap: that shared range as a part of the smaller of the two. Spread: percentage points between "
    "pchip, Akima and cubic interpolation. Refused below 4 points, below an overlap of 0.5, and where quality does "
    "not rise with rate.",
    "Mean: of the sequences' BD-rates, and of how many; a refused one is left out of it and counted. Mean curve: the "
    "BD-rate of the mean rates and mean qualities over all sequences at each rate point. In brackets: 95 % bootstrap "
    "interval (2,000 resamples, percentiles) over sequences, and over seeds where several were run; it says little of "
    "few values.",
)


def _structures(group: ComparableSet) -> tuple[str, ...]:
    """The note on how the pictures of codecs refer to each other, each structure once."""
    labels: dict[str, list[str]] = defaultdict(list)
    for cell in group.measured:
        if cell.record.codec.family == "standard":
            labels[cell.record.codec.structure or "not stated"].append(cell.label)
    order = list(group.codecs)
    parts = [
        f"{structure} ({', '.join(sorted(set(names), key=order.index))})" for structure, names in sorted(labels.items())
    ]
    return (f"How pictures refer to each other: {'; '.join(parts)}.",) if parts else ()


def bd_matrices(group: ComparableSet, compared: Pairs) -> list[Table]:
    """The BD-rates of all pairs, one table for each metric. Rows are codecs and columns are anchors."""
    if len(group.codecs) < 2:
        return []
    return [_matrix(group, compared, metric) for metric in group.metrics]


def _matrix(group: ComparableSet, compared: Pairs, metric: str) -> Table:
    reasons: dict[str, str] = {}
    rows: list[Row] = []
    for label in group.codecs:
        row: Row = {"codec": label}
        for anchor in group.codecs:
            pair = compared.get((label, anchor, metric))
            row[f"bd_rate: {anchor}"] = _short(pair, group.sequences, reasons) if pair else "anchor"
        rows.append(row)
    many = len(group.sequences) > 1
    note = (
        "Row against column, percent of bits. "
        + (
            "Mean over sequences, and of how many; bd_rate_means has the intervals."
            if many
            else "In brackets: overlap, spread."
        )
        + " Refused ones have letters: "
    )
    refused = "; ".join(f"({letter}) {reason}" for reason, letter in reasons.items()) or "none"
    title = f"BD-rate of all pairs, {group.metrics[metric]}"
    return Table(
        caption(title, group),
        as_data(rows),
        (f"{note}{refused}.", *missed_targets(group), *group.source_notes),
        f"bd_matrix_{metric}",
        text=True,
        columns={f"bd_rate: {anchor}": Column(anchor) for anchor in group.codecs},
    )


def _short(pair: Pair, sequences: Sequence[str], reasons: dict[str, str]) -> str:
    """A pair's BD-rate on one line. Where it was refused, that is a letter, under which ``reasons`` gets the
    reason."""
    if len(sequences) > 1:
        mean = pair.mean
        if mean.value is not None:
            return f"{mean.value:+.1f} [{mean.used} of {mean.count}]"
        reason = f"on all {mean.count} sequences, as {mean.reason}"
    else:
        result = pair.result(sequences[0])
        if result.value is not None:
            return f"{result.value:+.1f} [{result.overlap:.2f}, {_spread(result)}]"
        reason = str(result.reason)
    letter = reasons.setdefault(reason, _letter(len(reasons)))
    return f"({letter})"


def _letter(number: int) -> str:
    """The name of the reason of this number: a to z, then aa, ab and so on.

    >>> _letter(0), _letter(25), _letter(26)
    ('a', 'z', 'aa')
    """
    rest, last = divmod(number, 26)
    return (_letter(rest - 1) if rest else "") + chr(ord("a") + last)


def _spread(result: BDRate) -> str:
    return f"{result.spread:.1f}" if result.spread is not None and result.spread < 1000 else "over 1000"


def _on_sequence(pair: Pair | None, sequence: str) -> str:
    if pair is None:
        return "anchor"
    return _bd_cell(pair.result(sequence), pair.seed_interval(sequence))


def _bd_cell(result: BDRate, interval: tuple[float, float] | None = None) -> str:
    """A BD-rate as text. The first line is the value, the second says how far it can be trusted."""
    if result.value is None or result.overlap is None or result.spread is None:
        return f"refused\n{result.reason}"
    overlap = f"overlap {result.overlap:.2f}{' (little)' if result.warning else ''}"
    return f"{result.value:+.1f} %\n{overlap}, spread {_spread(result)}{_bracketed(interval)}"


def _bd_mean(mean: Mean) -> str:
    """A mean of BD-rates as text of two lines: the value, and over how many sequences it goes."""
    if mean.value is None:
        return f"refused\non all {mean.count} sequences, as {mean.reason}"
    return f"{mean.value:+.1f} %\n{mean.used} of {mean.count} sequences{_bracketed(mean.interval)}"


def _bracketed(interval: tuple[float, float] | None) -> str:
    return f", [{interval[0]:+.1f}, {interval[1]:+.1f}]" if interval else ""


# --- For other programs ---------------------------------------------------------------------


def bd_rate_data(compared: Sequence[tuple[ComparableSet, Pairs]]) -> pd.DataFrame:
    """Every comparison of two curves, one a row."""
    return as_data(
        [
            place(group)
            | {
                "sequence": item.sequence,
                "codec": item.codec,
                "anchor": item.anchor,
                "metric": item.metric,
                "codec_seed": item.codec_seed,
                "anchor_seed": item.anchor_seed,
                "bd_rate_percent": item.result.value,
                "overlap": item.result.overlap,
                "spread_points": item.result.spread,
                "warning": item.result.warning,
                "reason": item.result.reason,
            }
            for group, pairs in compared
            for pair in pairs.values()
            for items in pair.by_sequence.values()
            for item in items
        ]
    )


def bd_mean_data(compared: Sequence[tuple[ComparableSet, Pairs]]) -> pd.DataFrame:
    """Each pair of codecs over all sequences, one pair a row, in both orders of averaging."""
    rows = []
    for group, pairs in compared:
        for pair in pairs.values():
            low, high = pair.mean.interval or (None, None)
            rows.append(
                place(group)
                | {
                    "codec": pair.codec,
                    "anchor": pair.anchor,
                    "metric": pair.metric,
                    "mean_bd_rate_percent": pair.mean.value,
                    "sequences_used": pair.mean.used,
                    "sequences": pair.mean.count,
                    "interval_low_percent": low,
                    "interval_high_percent": high,
                    "mean_curve_bd_rate_percent": pair.mean_curve.value,
                    "mean_curve_overlap": pair.mean_curve.overlap,
                    "mean_curve_spread_points": pair.mean_curve.spread,
                    "mean_curve_reason": pair.mean_curve.reason,
                }
            )
    return as_data(rows)
