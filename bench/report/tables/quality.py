"""The rate and the quality of each cell."""

from __future__ import annotations

from collections import defaultdict

from ...analysis.comparable import ComparableSet
from ...measure.regions import DEFINITION
from .table import Table, group_table, point
from .targets import missed_targets, target_met


def rd_table(group: ComparableSet) -> Table:
    """The rate and the quality of each cell that has a result, one cell a row."""
    metrics = ("psnr_rgb", "ms_ssim_rgb", "ms_ssim_rgb_db")
    rows = [
        point(cell)
        | {"bits_per_pixel": cell.bits_per_pixel}
        | {metric: cell.quality(metric) for metric in metrics}
        | {"target_met": target_met(cell.record), "record": cell.record.key[:10]}
        for cell in group.measured
    ]
    notes = (*_unavailable(group), *missed_targets(group))
    return group_table("Rate and quality", group, rows, "rates", notes=notes, hidden=("target_met",))


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


def _unavailable(group: ComparableSet) -> tuple[str, ...]:
    """The notes that say why metrics are missing, each reason once."""
    reasons: dict[tuple[str, str], list[str]] = defaultdict(list)
    for cell in group.measured:
        if cell.record.quality:
            for item in cell.record.quality.unavailable.items():
                reasons[item].append(cell.label)
    return tuple(
        f"{metric} is missing for {', '.join(dict.fromkeys(labels))}: {reason}"
        for (metric, reason), labels in reasons.items()
    )
