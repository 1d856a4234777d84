"""What a test without the marks `process` and `train`, such as these, cannot do."""

from __future__ import annotations

import multiprocessing
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from bench.codecs.inr.training.recipe import RECIPES
from bench.codecs.inr.training.train import Training, load_frames
from bench.codecs.nerv import NeRV
from bench.dataset import Clip
from bench.runs.decoder import decode
from bench.video import ffmpeg
from bench.video.y4m import write_y4m


@pytest.mark.parametrize("command", [[sys.executable, "-c", ""], f"{sys.executable} -c ''", [Path(sys.executable)]])
def test_python_is_not_started(command: list[str]) -> None:
    """However its command line is written."""
    with pytest.raises(pytest.fail.Exception, match=r"@pytest\.mark\.process"):
        subprocess.run(command, check=False)


def test_no_decoder_is_started(tiny: Clip, tmp_path: Path) -> None:
    """By way of the package neither, whose own errors do not hide it."""
    write_y4m(tiny.yuv, tmp_path / "a.y4m")
    with (
        pytest.raises(pytest.fail.Exception, match=r"@pytest\.mark\.process"),
        decode(tmp_path / "a.y4m", tmp_path / "log", lambda *_, **__: None),
    ):
        pass


def test_no_pool_is_started() -> None:
    """`multiprocessing` starts Python by itself."""
    with pytest.raises(pytest.fail.Exception, match=r"@pytest\.mark\.process"):
        multiprocessing.get_context("spawn").Process(target=print).start()


def test_ffmpeg_may_run() -> None:
    """Without it nothing here could be tested."""
    assert subprocess.run([ffmpeg.binary(), "-version"], check=False, capture_output=True).returncode == 0


def test_nothing_is_trained(clip: Clip) -> None:
    """Not a single step."""
    network = NeRV(fc_dim=1, lower_width=2, stem_dim=2, levels=4).network(clip.rgb.format)
    training = Training(network, load_frames(clip.rgb, torch.device("cpu")), RECIPES["short"], 1, 0)
    with pytest.raises(pytest.fail.Exception, match=r"@pytest\.mark\.train"):
        training.step()
    assert training.step_number == 0
