"""Quality at equal encoding time: what each encoder had reached after a second, a minute, an hour."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd

from ...analysis.comparable import ComparableSet, RecordedCell
from ...analysis.machines import by_machine
from .cost import thread_notes
from .table import Column, Row, Table, as_data, group_table, place, point

UNITS = {"s": 1, "min": 60, "h": 3600}
TIMES = {f"{count} {unit}": count * seconds for unit, seconds in UNITS.items() for count in (1, 3, 10, 30)}
"""The times that may be shown, by name, in seconds."""

Kind = Literal["stream", "training"]


@dataclass(frozen=True)
class AtTime:
    """The quality after some time: ``psnr_db`` is that of the finished stream or of the network in training, as
    ``kind`` says. It is None where nothing was measured at that time, for the ``reason``."""

    psnr_db: float | None = None
    kind: Kind | None = None
    reason: str | None = None


def quality_at(cell: RecordedCell, seconds: float) -> AtTime:
    """The cell's quality after ``seconds`` of encoding.

    Once the encoder has ended, it is the quality of the decoded stream. Before that, for an encoder that trains,
    it is interpolated linearly between the points of the training curve; outside of them it is refused.
    """
    encode, curve = cell.record.encode, cell.record.training
    if encode is None:
        return AtTime(reason="the encoding time is not known")
    if seconds >= encode.seconds:
        return AtTime(cell.quality("psnr_rgb"), "stream")
    if curve is None:
        return AtTime(reason=f"takes {encode.seconds:.3g} s")
    if not curve.seconds[0] <= seconds <= curve.seconds[-1]:
        return AtTime(reason=f"training was measured from {curve.seconds[0]:.3g} to {curve.seconds[-1]:.3g} s")
    return AtTime(float(np.interp(seconds, curve.seconds, curve.psnr_db)), "training")


def chosen_times(cells: list[RecordedCell]) -> dict[str, float]:
    """The times, with their seconds, at which at least one encoder had something to show and at least one had not
    ended yet."""
    ends = [cell.record.encode.seconds for cell in cells if cell.record.encode]
    begins = [cell.record.training.seconds[0] for cell in cells if cell.record.training]
    if not ends:
        return {}
    first, last = min([*begins, *ends]), max(ends)
    return {name: seconds for name, seconds in TIMES.items() if first <= seconds < last}


def equal_time_tables(group: ComparableSet) -> list[Table]:
    """The PSNR after some times, one table for each machine on which there is something to compare."""
    tables = []
    for machine, cells in by_machine(group).items():
        times = chosen_times(cells)
        if times:
            title = f"PSNR at equal encoding time on {machine}"
            rows = [_row(cell, times) for cell in cells]
            columns = {_after(name): Column(f"PSNR after {name} (dB)") for name in times}
            notes = (*NOTES, *thread_notes(cells))
            tables.append(group_table(title, group, rows, "equal_time", notes=notes, text=True, columns=columns))
    return tables


NOTES = (
    "Plain numbers: the decoded stream, whose encoder had finished by then. With a t: the network in training, "
    "interpolated linearly in its training curve; its weights are not coded yet, and each frame is as it was when it "
    "was trained on. A schedule made to end then would have come further. Dash: nothing was measured at that time.",
    "Rates differ from line to line: compare lines of similar bits per pixel.",
)


def _row(cell: RecordedCell, times: dict[str, float]) -> Row:
    encode = cell.record.encode
    return (
        point(cell)
        | {"bits_per_pixel": cell.bits_per_pixel, "encode_seconds": encode.seconds if encode else None}
        | {_after(name): _text(quality_at(cell, seconds)) for name, seconds in times.items()}
    )


def _after(name: str) -> str:
    """The name of the column that holds the quality after a time of this name."""
    return f"psnr_rgb after: {name}"


def _text(at_time: AtTime) -> str | None:
    """The quality as it is printed: with a t where it is that of a network in training."""
    if at_time.psnr_db is None or math.isnan(at_time.psnr_db):
        return None
    return f"{at_time.psnr_db:.2f}{' t' if at_time.kind == 'training' else ''}"


def equal_time_data(groups: Sequence[ComparableSet]) -> pd.DataFrame:
    """The quality of each cell at each of the times, or the reason why nothing was measured then."""
    return as_data(
        [
            place(group)
            | {"machine": machine}
            | point(cell)
            | {
                "bits_per_pixel": cell.bits_per_pixel,
                "seconds": seconds,
                "psnr_rgb": at_time.psnr_db,
                "measured_on": at_time.kind,
                "reason": at_time.reason,
            }
            for group in groups
            for machine, cells in by_machine(group).items()
            for seconds in chosen_times(cells).values()
            for cell in cells
            for at_time in [quality_at(cell, seconds)]
        ]
    )
