"""The figures that the paper prints; `paper.toml` has them, with their source."""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass
from pathlib import Path

import msgspec

from ..files import load_toml


@dataclass(frozen=True)
class PrintedBDRate:
    """A row of Table 1: BD-rates in percent, one field for each metric of BD-rates. ``sequence`` is the dataset's
    name of the sequence, ``printed_as`` the paper's."""

    dataset: str
    sequence: str
    printed_as: str
    psnr_rgb: float
    ms_ssim_rgb_db: float

    def percent(self, metric: str) -> float:
        """The printed BD-rate in a metric of BD-rates."""
        return {"psnr_rgb": self.psnr_rgb, "ms_ssim_rgb_db": self.ms_ssim_rgb_db}[metric]


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

    def recomputed_average(self, metric: str) -> float:
        """The mean of the printed values, in percent, which the printed average should be."""
        return math.fsum(value.percent(metric) for value in self.values) / len(self.values)


@dataclass(frozen=True)
class PrintedDecoding:
    """A row of Table 2."""

    codec: str
    parameters_millions: float
    bitrate_mbps: float
    gmacs_per_frame: float
    decode_seconds: float


@dataclass(frozen=True)
class PrintedDecodings:
    """Table 2. ``frames_if_whole`` is the number of frames of the whole sequence: the paper does not say for how
    many frames its times are. ``tolerance_seconds`` is the allowed difference, as a part of the printed time."""

    source: str
    dataset: str
    sequence: str
    frames_if_whole: int
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
