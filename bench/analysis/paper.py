"""The figures that the paper prints; `paper.toml` has them, with their source."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from pathlib import Path

import msgspec

from ..files import load_toml


@dataclass(frozen=True)
class PrintedBDRate:
    """A row of Table 1: BD-rates in percent, one field for each metric of BD-rates."""

    dataset: str
    sequence: str
    psnr_rgb: float
    ms_ssim_rgb_db: float


@dataclass(frozen=True)
class PrintedBDRates:
    """Table 1. ``averages`` has the printed average of each metric, in percent."""

    source: str
    codec: str
    anchor: str
    tolerance_points: float
    averages: dict[str, float]
    remarks: list[str]
    values: list[PrintedBDRate]

    def percent(self, dataset: str, sequence: str, metric: str) -> float | None:
        """The printed BD-rate; None where it is not available here."""
        for value in self.values:
            if (value.dataset, value.sequence) == (dataset, sequence):
                return {"psnr_rgb": value.psnr_rgb, "ms_ssim_rgb_db": value.ms_ssim_rgb_db}.get(metric)
        return None


@dataclass(frozen=True)
class PrintedDecoding:
    """A row of Table 2. The time is that of the whole sequence."""

    codec: str
    parameters_millions: float
    gmacs_per_frame: float
    decode_seconds: float


@dataclass(frozen=True)
class PrintedDecodings:
    """Table 2. ``tolerance_seconds`` is the allowed difference, as a part of the printed time."""

    source: str
    dataset: str
    sequence: str
    frames: int
    bitrate_mbps: float
    gpu: str
    tolerance_seconds: float
    remarks: list[str]
    values: list[PrintedDecoding]


@dataclass(frozen=True)
class Paper:
    """All figures of the paper that ours are set beside."""

    title: str
    authors: str
    venue: str
    document: str
    bd_rate: PrintedBDRates
    decoding: PrintedDecodings


@functools.cache
def load_paper() -> Paper:
    """The paper's figures."""
    return msgspec.convert(load_toml(Path(__file__).with_name("paper.toml")), Paper)
