"""Planted records, of which every number is known."""

from __future__ import annotations

import hashlib
import math
import multiprocessing
import os
from collections.abc import Iterable
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

from matplotlib.backend_bases import RendererBase
from matplotlib.figure import Figure

from bench.analysis.comparable import ComparableSet, comparable_sets
from bench.codec import Complexity, TrainingCurve
from bench.dataset import Clip, Source
from bench.records.environment import Environment
from bench.records.record import SCHEMA, CodecFacts, Cost, PresetFacts, Quality, Record, StreamFacts
from bench.report.tables.table import Table
from bench.video.raw import RawVideo, VideoFormat

QUICK = PresetFacts("quick", "5f0c" * 16, full_scale=False)
PAPER = PresetFacts("paper", "77aa" * 16, full_scale=True)
LAPTOP = Environment(
    cpu="Planted CPU",
    cores=2,
    memory_bytes=8 << 30,
    gpu=None,
    system="Linux",
    python="3.11.2",
    bench="0.1.0",
    packages={"torch": "2.8.0"},
    git_commit="c0ffee+",
    load=0.5,
)
TRAINING = TrainingCurve(
    steps=[10, 100, 200, 400],
    seconds=[1.0, 3.0, 6.0, 12.0],
    loss=[0.5, 0.2, 0.1, 0.05],
    psnr_db=[9.0, 24.0, 28.0, 30.0],
    learning_rate=[1e-4, 5e-4, 3e-4, 1e-5],
)
IMPLICIT = {"nerv", "e-nerv", "res-nerv"}
RATES = (0.01, 0.02, 0.04, 0.08)


def clip(
    dataset: str = "bunny", sequence: str = "bunny", width: int = 320, height: int = 180, frames: int = 32
) -> Clip:
    """A clip. Its source is itself a coded one if, and only if, it is Bunny."""
    coded = 795_933 if dataset == "bunny" else None
    form = VideoFormat(width, height, frames, Fraction(25), "yuv420p")
    return Clip(
        source=Source(dataset, sequence, "CC BY 3.0", "planted", "ab" * 32, 132, coded),
        yuv=RawVideo(Path("clip.yuv"), form),
        rgb=RawVideo(Path("clip.rgb"), replace(form, pixel_format="rgb24")),
        matrix="bt601",
        yuv_sha256="cd" * 32,
        rgb_sha256="ef" * 32,
    )


def record(
    codec: str,
    rate: float,
    *,
    gain: float = 0.0,
    label: str = "",
    point: int = 0,
    where: Clip | None = None,
    preset: PresetFacts = QUICK,
    environment: Environment = LAPTOP,
    seed: int = 1,
) -> Record:
    """A whole record at ``rate`` bits per pixel. Its PSNR is 30 dB at 0.01 bits per pixel, rises by 3 dB with each
    doubling of the rate, and is higher by ``gain`` dB; MS-SSIM in dB is 18 dB below it."""
    where = where or clip()
    form = where.rgb.format
    psnr = 30 + 3 * math.log2(rate / 0.01) + gain
    size = round(rate * form.pixels / 8)
    learned = codec in IMPLICIT
    ledger = {"header": 100, "weights": size - 100} if learned else {"parameter_sets": 60, "slices": size - 60}
    return Record(
        schema=SCHEMA,
        key=hashlib.sha256(f"{codec}{label}{point}{seed}{where.name}{preset.name}".encode()).hexdigest(),
        status="ok",
        codec=CodecFacts(
            name=codec,
            label=label or codec,
            family="implicit" if learned else "standard",
            version=1,
            parameters={"fc_dim": 10 + point, "bits": 8} if learned else {"crf": 40 - point, "speed": "medium"},
            tools={} if learned else {codec: "4.1"},
        ),
        preset=preset,
        clip=where,
        seed=seed,
        environment=environment,
        started="2025-11-22T21:00:00Z",
        stream=StreamFacts(f"{codec}.bin", size, "12" * 32, ledger, rate, rate * form.width * form.height * 25 / 1e6),
        frames_sha256="34" * 32,
        quality=Quality(
            clip={"psnr_rgb": psnr, "ms_ssim_rgb": 1 - 10 ** -((psnr - 18) / 10), "ms_ssim_rgb_db": psnr - 18},
            frames={"psnr_rgb": [psnr] * form.frames},
        ),
        encode=Cost(12.5, {"training" if learned else "encoding": 12.5}, 1.0, 512 << 20, 20.0),
        decode=Cost(0.64, {"entropy_decoding": 0.14, "network": 0.5}, 1.0, 256 << 20, 1.25),
        decode_one_core=None if learned else Cost(0.96, {"decoding": 0.96}, 1.0, 256 << 20, 1.0),
        complexity=Complexity(1_500_000, 57_600_000, {"aten::gelu": 5}) if learned else None,
        training=TRAINING if learned else None,
        notes={"command": f"encode --with {codec}"},
    )


def curve(codec: str, gain: float = 0.0, rates: Iterable[float] = RATES, **more: object) -> list[Record]:
    """A record for each rate."""
    return [record(codec, rate, gain=gain, point=i, **more) for i, rate in enumerate(rates)]  # type: ignore[arg-type]


def failed(whole: Record, reason: str) -> Record:
    """The record of the same cell if it had failed."""
    nothing = dict.fromkeys(
        ("stream", "frames_sha256", "quality", "encode", "decode", "decode_one_core", "complexity", "training")
    )
    return replace(whole, status="failed", reason=reason, **nothing)  # type: ignore[arg-type]


def only(records: list[Record]) -> ComparableSet:
    """The one comparable set of the records."""
    (group,) = comparable_sets(records)
    return group


def rows(table: Table | None) -> list[dict[str, str]]:
    """The rows of a table as printed, by heading."""
    assert table is not None
    return [dict(zip(table.headings(), row, strict=True)) for row in table.rows()]


class Fatal(Figure):
    """A figure that, when it is drawn, makes the file ``sign`` and ends its process, unless that is the first one."""

    def __init__(self, sign: Path) -> None:
        """Make a figure of the usual size."""
        super().__init__()
        self.sign = sign

    def draw(self, renderer: RendererBase) -> None:
        """Draw the figure in the first process; end any other one."""
        if multiprocessing.parent_process():
            self.sign.touch()
            os._exit(1)
        super().draw(renderer)
