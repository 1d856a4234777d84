"""The training curves of networks, for other programs."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from ...analysis.comparable import ComparableSet


def training_data(groups: Sequence[ComparableSet]) -> pd.DataFrame:
    """Every point of every training curve, one point a row."""
    rows = [
        {
            "dataset": group.dataset,
            "preset": cell.record.preset.name,
            "sequence": cell.sequence,
            "codec": cell.label,
            "rate_point": cell.rate_point,
            "seed": cell.record.seed,
            "parameters": cell.record.complexity.parameters if cell.record.complexity else None,
            "step": step,
            "seconds": seconds,
            "loss": loss,
            "psnr_db": psnr_db,
            "learning_rate": rate,
        }
        for group in groups
        for cell in group.measured
        if (curve := cell.record.training)
        for step, seconds, loss, psnr_db, rate in zip(
            curve.steps, curve.seconds, curve.loss, curve.psnr_db, curve.learning_rate, strict=True
        )
    ]
    return pd.DataFrame(rows)
