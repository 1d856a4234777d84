"""The rate and the quality of each cell."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import asdict

from ...analysis.comparable import METRICS, MORE_METRICS, NO_QUALITY, ComparableSet
from ...analysis.pooling import pooled
from ...measure.regions import DEFINITION
from .table import Column, Row, Table, group_table, point
from .targets import missed_targets, target_met


def rd_table(group: ComparableSet) -> Table:
    """The rate and the quality of each cell that has a result, one cell a row."""
    metrics = ("psnr_rgb", "ms_ssim_rgb", "ms_ssim_rgb_db", *OTHERS)
    absent = [metric for metric in OTHERS if all(cell.quality(metric) is None for cell in group.measured)]
    rows = [
        point(cell)
        | {"bits_per_pixel": cell.bits_per_pixel}
        | {metric: cell.quality(metric) for metric in metrics}
        | {"target_met": target_met(cell.record), "record": cell.record.key[:10]}
        for cell in group.measured
    ]
    notes = (*_unavailable(group), *_remarks(group), *missed_targets(group))
    hidden = ("target_met", *absent, *(metric for metric in OTHERS if metric not in PRINTED))
    return group_table("Rate and quality", group, rows, "rates", notes=notes, hidden=hidden)


OTHERS = ("vmaf_v1", "vmaf_v0", "vmaf_v0_neg", "xpsnr_y", "xpsnr_u", "xpsnr_v", "ssim_y", "ssim_yuv")
PRINTED = ("vmaf_v1", "xpsnr_y", "ssim_y")
"""Those of the other metrics that are printed; the rest is in the files."""


def pooling_tables(group: ComparableSet) -> list[Table]:
    """What the worst frames of each cell have. There is no table if records have no values of frames."""
    rows: list[Row] = []
    metrics: dict[str, None] = {}
    for cell in group.measured:
        row = point(cell) | {"bits_per_pixel": cell.bits_per_pixel}
        for metric, values in (cell.record.quality.frames if cell.record.quality else {}).items():
            result = None if metric in NO_QUALITY else pooled(values)
            if result:
                metrics[metric] = None
                row |= {f"{metric}: {pool}": value for pool, value in asdict(result).items()}
        rows.append(row)
    if not metrics:
        return []
    names = METRICS | MORE_METRICS
    columns = {
        f"{metric}: {pool}": Column(f"{names.get(metric, metric)}, {heading}", ".4f" if "ssim" in metric else ".2f")
        for metric in metrics
        for pool, heading in POOLS.items()
    }
    shown = [metric for metric in POOLED if metric in metrics]
    hidden = [name for name in columns if name.partition(":")[0] not in shown]
    return [
        group_table(
            "Quality of the worst frames", group, rows, "pooling", notes=POOLING_NOTES, hidden=hidden, columns=columns
        )
    ]


POOLED = ("psnr_rgb", "vmaf_v1")
"""The metrics whose pooled values are printed; those of all are in the files."""
POOLS = {
    "mean": "mean",
    "harmonic_mean": "harmonic",
    "percentile_5": "5 %",
    "percentile_1": "1 %",
    "minimum": "least",
}
POOLING_NOTES = (
    "Over the frames of a clip. Harmonic: the harmonic mean, of values plus one, less one, as libvmaf has it. 5 %, "
    "1 %: the value that so many of the frames fall below.",
)


def region_tables(group: ComparableSet) -> list[Table]:
    """The quality of each cell where the source changes and where it does not, one cell a row. There is no table
    if no record has quality by region."""
    metrics = ("psnr_rgb", "psnr_rgb_persistent", "psnr_rgb_transient", "transient_share")
    rows = [
        point(cell) | {"bits_per_pixel": cell.bits_per_pixel} | {metric: cell.quality(metric) for metric in metrics}
        for cell in group.measured
        if cell.quality("transient_share") is not None
    ]
    if not rows:
        return []
    return [group_table("Quality by region", group, rows, "regions", notes=(DEFINITION, *missed_targets(group)))]


def _remarks(group: ComparableSet) -> tuple[str, ...]:
    """The notes that say what must be known of metrics, each once."""
    remarks: dict[str, list[str]] = defaultdict(list)
    for cell in group.measured:
        for metric, remark in (cell.record.quality.remarks if cell.record.quality else {}).items():
            remarks[remark].append(metric)
    return tuple(f"{', '.join(dict.fromkeys(metrics))}: {remark}." for remark, metrics in remarks.items())


def _unavailable(group: ComparableSet) -> tuple[str, ...]:
    """The notes that say why metrics are missing, each reason once."""
    metrics: dict[tuple[str, str], list[str]] = defaultdict(list)
    for cell in group.measured:
        for metric, reason in (cell.record.quality.unavailable if cell.record.quality else {}).items():
            metrics[cell.label, reason].append(metric)
    reasons: dict[tuple[str, str], list[str]] = defaultdict(list)
    for (label, reason), names in metrics.items():
        reasons[", ".join(dict.fromkeys(names)), reason].append(label)
    return tuple(
        f"{names} {'are' if ',' in names else 'is'} missing for {', '.join(dict.fromkeys(labels))}: {reason}"
        for (names, reason), labels in reasons.items()
    )
