"""Cells whose streams are not as large or as good as was aimed at, which a reader of their numbers must know."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ...analysis.comparable import ComparableSet, RecordedCell
from ...records.record import Record
from .table import listed

NAMED = 12
"""The most cells that a note names."""


def target_met(record: Record) -> bool | None:
    """Whether the stream meets the target of its quantisation; None where there was no target."""
    met = _quantisation(record).get("target_met")
    return met if isinstance(met, bool) else None


def missed_targets(group: ComparableSet, cells: Sequence[RecordedCell] | None = None) -> tuple[str, ...]:
    """The notes on the cells, of ``cells`` or of the whole comparable set, that missed their targets: what was aimed
    at and what was reached. There is none if all met theirs."""
    chosen = group.measured if cells is None else cells
    missed = {
        "Targets of quantisation that were missed": [
            _words(group, cell) for cell in chosen if target_met(cell.record) is False
        ],
        "Bit rates that two passes missed": [
            f"{_name(group, cell)} ({cell.record.notes['missed_bitrate']})"
            for cell in chosen
            if "missed_bitrate" in cell.record.notes
        ],
    }
    return tuple(f"{what}: {listed(words, NAMED)}." for what, words in missed.items() if words)


def _words(group: ComparableSet, cell: RecordedCell) -> str:
    """A cell, its target and what came of it."""
    target = cell.record.codec.parameters.get("target", "not stated")
    return f"{_name(group, cell)} (aimed at {target}, reached {_reached(cell.record, str(target))})"


def _name(group: ComparableSet, cell: RecordedCell) -> str:
    seed = f" seed {cell.record.seed}" if len({other.record.seed for other in group.cells}) > 1 else ""
    name = " ".join(filter(None, [cell.label, cell.rate_point]))
    return f"{name} on {cell.sequence}{seed}"


def _reached(record: Record, target: str) -> str:
    """What was reached, in the unit of the target: a rate is that of the stream, a PSNR or a loss is that which the
    encoder saw on the frames that it looked at."""
    if record.stream and target.endswith("bpp"):
        return f"{record.stream.bits_per_pixel:.4g}bpp"
    if record.stream and target.endswith("Mbps"):
        return f"{record.stream.bitrate_mbps:.4g}Mbps"
    notes = _quantisation(record)
    loss_db, float_psnr_db = notes.get("loss_db"), notes.get("float_psnr_db")
    if loss_db is None:
        return "not stated"
    if float_psnr_db is None or target.startswith("-"):
        return f"{-loss_db:.3g}dB"
    return f"{float_psnr_db - loss_db:.2f}dB"


def _quantisation(record: Record) -> dict[str, Any]:
    """What the encoder noted of its quantisation; empty for an encoder that has none."""
    notes = record.notes.get("quantisation")
    return notes if isinstance(notes, dict) else {}
