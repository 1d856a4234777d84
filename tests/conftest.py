"""Fixtures that tests of several folders share."""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Protocol

import numpy as np
import pytest

from bench.codec import Codec
from bench.dataset import Clip, ClipWindow, Source
from bench.records.store import Store
from bench.registry import codecs, datasets
from bench.runs.plan import PlannedCell
from bench.runs.preset import load_preset
from bench.video import colour, ffmpeg
from bench.video.raw import RawVideo, VideoFormat

TESTS = Path(__file__).resolve().parent
sys.path.insert(0, str(TESTS))  # so that tests in every folder find `planted`


@pytest.fixture(scope="session", autouse=True)
def cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Where clips are kept, here and in child processes: never the user's own cache."""
    folder = tmp_path_factory.mktemp("cache")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("BENCH_CACHE", str(folder))
        patch.setenv("OMP_WAIT_POLICY", "passive")  # several processes share few cores; no result depends on it
        yield folder


@pytest.fixture(scope="session")
def clip(cache: Path) -> Clip:
    """Four frames of Big Buck Bunny at 320x180, what the preset ``smoke`` encodes."""
    return datasets.load("bunny")().open("bunny", ClipWindow(320, 180, 4), cache)


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Clip:
    """Three noisy frames of 48x32, for what does not depend on the picture."""
    folder = tmp_path_factory.mktemp("tiny")
    form = VideoFormat(48, 32, 3, Fraction(25), "yuv420p")
    yuv = RawVideo(folder / "clip.yuv", form)
    yuv.path.write_bytes(np.random.default_rng(1).integers(16, 236, form.size_bytes, np.uint8).tobytes())
    rgb = colour.convert(yuv, "rgb24", folder / "clip.rgb", "bt601")
    source = Source("planted", "noise", "CC0", "numpy", yuv.sha256(), form.frames)
    return Clip(source, yuv, rgb, "bt601", yuv.sha256(), rgb.sha256())


@pytest.fixture
def fresh_registry() -> Iterator[None]:
    """The registries read the environment anew, in the test and after it."""
    for registry in (codecs, datasets):
        vars(registry).pop("targets", None)
    yield
    for registry in (codecs, datasets):
        vars(registry).pop("targets", None)


@pytest.fixture
def broken(monkeypatch: pytest.MonkeyPatch, fresh_registry: None) -> None:
    """Registers the codecs of broken.py, here and in child processes."""
    monkeypatch.syspath_prepend(TESTS)
    paths = [str(TESTS), *filter(None, [os.environ.get("PYTHONPATH")])]
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(paths))
    module = importlib.import_module("broken")  # by the name under which child processes find it
    targets = [f"{codec.name}=broken:{codec.__name__}" for codec in module.CODECS]
    monkeypatch.setenv("BENCH_CODECS", ",".join(targets))


@pytest.fixture
def fresh_ffmpeg() -> Iterator[None]:
    """What is remembered of ffmpeg is found out anew, in the test and after it."""
    remembered = (ffmpeg.binary, ffmpeg.version, ffmpeg.encoders)
    for function in remembered:
        function.cache_clear()
    yield
    for function in remembered:
        function.cache_clear()


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """An empty results directory."""
    made = Store(tmp_path / "results")
    made.prepare()
    return made


class MakeCell(Protocol):
    """Plans one cell."""

    def __call__(self, codec: str | Codec, clip: Clip | None = None, seed: int = 0) -> PlannedCell:
        """Of a codec or of its name, on the tiny clip unless another is given."""


@pytest.fixture
def make_cell(tiny: Clip) -> MakeCell:
    """Plans cells of the preset ``smoke``."""
    preset = load_preset("smoke")

    def make(codec: str | Codec, clip: Clip | None = None, seed: int = 0) -> PlannedCell:
        made = codecs.load(codec)() if isinstance(codec, str) else codec
        return PlannedCell(made, made.name, clip or tiny, preset, seed, "")

    return make
