"""From a network to frames on disk, in the least precision that the frames allow."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import pytest
import torch
from torch import Tensor

from bench.codec import Job, Stopwatch
from bench.codecs.inr.network import render as rendering
from bench.codecs.inr.network.device import has_fast_bfloat16
from bench.codecs.inr.network.render import Precision, as_frames, choose_precision, compute, render
from bench.codecs.inr.network.representation import Representation
from bench.codecs.inr.network.source import load_frames
from bench.codecs.inr.training.recipe import RECIPES
from bench.codecs.inr.training.train import train
from bench.codecs.nerv import NeRV
from bench.dataset import Clip
from bench.measure.quality import measure_quality
from bench.video.raw import RawVideo, VideoFormat

CPU = torch.device("cpu")
needs_bfloat16 = pytest.mark.skipif(not has_fast_bfloat16(CPU), reason="no fast bfloat16 here")


@pytest.fixture(scope="module")
def trained(clip: Clip, tmp_path_factory: pytest.TempPathFactory) -> Representation:
    """A network that has learnt the clip well enough for small errors to show."""
    codec = NeRV(fc_dim=8, lower_width=16, stem_dim=32, levels=20)
    folder = tmp_path_factory.mktemp("training")

    def fresh() -> Representation:
        torch.manual_seed(0)
        return codec.network(clip.rgb.format)

    return train(fresh, clip.rgb, RECIPES["short"], 100, Job(0, folder, folder / "checkpoints", lambda *_: None))


class Ramp(Representation):
    """Frame i is the constant i/255 plus an error that bfloat16 makes of it."""

    def __init__(self, frames: int, form: VideoFormat, error: float) -> None:
        super().__init__(form)
        self.form, self.error = form, error
        self.unused = torch.nn.Parameter(torch.zeros(1))

    def forward(self, index: Tensor) -> Tensor:
        level = index.float() / 255
        if torch.is_autocast_enabled("cpu"):
            level = level + self.error
        return level[:, None, None, None].repeat(1, 3, self.form.height, self.form.width)


def form_of(frames: int) -> VideoFormat:
    """Small, so that several frames make a batch."""
    return VideoFormat(32, 16, frames, Fraction(25), "rgb24")


@pytest.mark.parametrize("batch_pixels", [1, 3 * 32 * 16, 1 << 30])
def test_frames_are_written_in_order(batch_pixels: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each once, whatever the size of the batches and although writing overlaps with computing."""
    monkeypatch.setattr(rendering, "BATCH_PIXELS", batch_pixels)
    form, watch = form_of(10), Stopwatch()
    render(Ramp(10, form, 0), form, tmp_path / "frames", "float32", watch)
    frames = [picture for (picture,) in RawVideo(tmp_path / "frames", form).read_frames()]
    assert len(frames) == 10
    assert all((picture == number).all() for number, picture in enumerate(frames))
    assert set(watch.seconds) == {"network", "colour_conversion", "writing"}


def test_a_full_disk_is_not_a_short_video(tmp_path: Path) -> None:
    """What the writing thread meets is raised where it is waited for."""
    form = form_of(2000)
    with pytest.raises(OSError, match="No space left"):
        render(Ramp(2000, form, 0), form, Path("/dev/full"), "float32", Stopwatch())


def test_rounding_and_clipping() -> None:
    """To the nearest of 256 levels; beyond [0, 1] to its ends."""
    values = torch.tensor([-0.1, 0.0, 0.4 / 255, 0.6 / 255, 1.0, 1.2])
    frames = as_frames(values.repeat(1, 3, 1, 1))
    assert frames[0, 0, :, 0].tolist() == [0, 0, 0, 1, 255, 255]


@pytest.mark.train
@needs_bfloat16
def test_reduced_precision_costs_less_than_its_tolerance(
    trained: Representation, clip: Clip, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of a trained network, over whole decoded videos, by the benchmark's own PSNR."""
    psnr: dict[str, float] = {}
    precisions: tuple[Precision, ...] = ("float32", "bfloat16")
    for precision in precisions:
        path = tmp_path / precision
        render(trained, clip.rgb.format, path, precision, Stopwatch())
        psnr[precision] = measure_quality(clip, RawVideo(path, clip.rgb.format)).clip["psnr_rgb"]
    assert choose_precision(trained, load_frames(clip.rgb, CPU)) == "bfloat16"
    assert psnr["bfloat16"] == pytest.approx(psnr["float32"], abs=rendering.TOLERANCE_DB)
    assert psnr["float32"] > 24


@needs_bfloat16
def test_precision_is_kept_where_it_shows() -> None:
    """An error of two levels changes the PSNR of a frame that is otherwise exact."""
    form = form_of(4)
    exact = torch.arange(4, dtype=torch.uint8)[:, None, None, None].repeat(1, 16, 32, 3) + 9
    assert choose_precision(Ramp(4, form, error=0.0), exact) == "bfloat16"
    assert choose_precision(Ramp(4, form, error=2 / 255), exact) == "float32"


@pytest.mark.train
def test_without_fast_bfloat16_everything_is_float32(trained: Representation, monkeypatch: pytest.MonkeyPatch) -> None:
    """A stream that allows less decodes there too, and none is marked as if it had been tried."""
    monkeypatch.setattr(rendering, "has_fast_bfloat16", lambda _: False)
    index = torch.arange(2)
    assert torch.equal(compute(trained, index, "bfloat16"), compute(trained, index, "float32"))
    assert choose_precision(trained, torch.zeros(2, 180, 320, 3, dtype=torch.uint8)) == "float32"
