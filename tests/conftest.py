"""Fixtures that tests of several folders share."""

from __future__ import annotations

import importlib
import multiprocessing.process
import os
import shutil
import subprocess
import sys
from collections.abc import Generator, Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any, NoReturn, Protocol, TypeVar

import numpy as np
import pytest
from filelock import FileLock

from bench.cli import main
from bench.codec import Codec, Progress, Stopwatch
from bench.dataset import Clip, ClipWindow, Source
from bench.errors import BenchError, CellError
from bench.files import from_builtins, to_builtins, write_json
from bench.measure.memory import peak_memory_bytes
from bench.records.record import Cost
from bench.records.store import Store
from bench.registry import codecs, datasets
from bench.runs.plan import PlannedCell
from bench.runs.preset import load_preset
from bench.runs.process import NO_LIMIT, TimeLimit
from bench.runs.share import WHOLE, Share
from bench.video import colour, ffmpeg
from bench.video.raw import RawVideo, VideoFormat

R = TypeVar("R")
TESTS = Path(__file__).resolve().parent
sys.path.insert(0, str(TESTS))  # so that tests in every folder find `planted`


# --- The marks `process` and `train`, and what a test without them must not do


def pytest_configure() -> None:
    """Processes side by side share few cores: their threads sleep while they wait, and a worker has no more of them
    than its share of the cores, or two workers of two threads each take several times as long. What reads these
    variables is not loaded yet."""
    os.environ["OMP_WAIT_POLICY"] = "passive"
    if "PYTEST_XDIST_WORKER" in os.environ:
        share = str(max(1, (os.cpu_count() or 1) // int(os.environ["PYTEST_XDIST_WORKER_COUNT"])))
        os.environ |= {"OMP_NUM_THREADS": share, "NUMBA_NUM_THREADS": share}


def unmarked(mark: str, deed: str) -> NoReturn:
    """Fail the test that runs, past every `except Exception` on the way."""
    pytest.fail(f"This test {deed} and has no mark for it: @pytest.mark.{mark}, or pytestmark for a whole file.")


def is_python(command: Any) -> bool:
    """Whether a command line starts a Python interpreter."""
    first = command if isinstance(command, str | bytes | os.PathLike) else next(iter(command))
    return Path(os.fsdecode(first)).name.startswith("python")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, Any, Any]:
    """Without the marks, no test or fixture of it starts Python or takes a step of training; ffmpeg it may run."""
    popen = subprocess.Popen.__init__

    def start(child: Any, args: Any, *others: Any, **options: Any) -> None:
        if is_python(args):
            unmarked("process", "starts a process")
        popen(child, args, *others, **options)

    with pytest.MonkeyPatch.context() as patch:
        if not item.get_closest_marker("process"):
            patch.setattr(subprocess.Popen, "__init__", start)
            patch.setattr(
                multiprocessing.process.BaseProcess, "start", lambda _: unmarked("process", "starts a process")
            )
        training = sys.modules.get("bench.codecs.inr.training.train")
        if training and not item.get_closest_marker("train"):
            patch.setattr(training.Training, "step", lambda _: unmarked("train", "trains a network"))
        return (yield)


def pytest_runtest_setup(item: pytest.Item) -> None:
    """The shared run needs both marks, whichever test and whichever worker comes to make it."""
    if "smoke_results" in getattr(item, "fixturenames", ()):
        for mark, deed in (("process", "starts processes"), ("train", "trains networks")):
            if not item.get_closest_marker(mark):
                unmarked(mark, f"{deed} by way of smoke_results")


# --- Clips


@pytest.fixture(scope="session", autouse=True)
def cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Where clips are kept, here and in child processes: never the user's own cache."""
    folder = tmp_path_factory.mktemp("cache")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("BENCH_CACHE", str(folder))
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


# --- Runs


def work_here(
    module: str,
    folder: Path,
    task: Any,
    result: type[R],
    *,
    log: Path,
    progress: Progress,
    limit: TimeLimit = NO_LIMIT,
    hide: frozenset[str] = frozenset(),
    share: Share = WHOLE,
) -> tuple[R, Cost]:
    """`bench.runs.process.run_process` without the process: the same folder, task, answer and errors, but no limit of
    time, no log, and no protection from a crash."""
    write_json(folder / "task.json", task)
    watch = Stopwatch()
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        for name in hide:
            patch.delenv(name, raising=False)
        try:
            answer = importlib.import_module(module).work(watch, progress)
        except BenchError:
            raise
        except Exception as error:
            raise CellError(f"{type(error).__name__}: {error}") from error
    cost = Cost(sum(watch.seconds.values()), watch.seconds, 0.0, peak_memory_bytes(), None)
    return from_builtins(to_builtins(answer), result), cost


@pytest.fixture
def in_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """Encoders, decoders and printers of pictures work in the test's process: for tests of something else than that
    they have their own."""
    monkeypatch.setattr("bench.runs.stream.run_process", work_here)
    monkeypatch.setattr("bench.runs.decoder.run_process", work_here)
    monkeypatch.setattr("bench.cli.report.cores", lambda: 1)


SMOKE_NERV = "nerv[fc_dim=2,lower_width=8]"
SMOKE_PRUNED = "nerv[fc_dim=2,lower_width=8,pruned=0.6,weights=huffman]"


@pytest.fixture(scope="session")
def smoke_results(tmp_path_factory: pytest.TempPathFactory, cache: Path) -> Path:
    """The results of one run of the preset ``smoke``: four rate points of x264, a NeRV, and a NeRV by its own
    pipeline, each trained just enough to take the whole path. All tests share them, in every worker: who changes
    something copies them first."""
    folder = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        folder = folder.parent
    results, partial = folder / "smoke_results", folder / "smoke_results.partial"
    with FileLock(folder / "smoke_results.lock"):
        if not results.exists():
            codecs = f"x264,{SMOKE_NERV},{SMOKE_PRUNED}"
            assert main(["run", "--preset", "smoke", "--codecs", codecs, "--results", str(partial)]) == 0
            shutil.move(partial, results)
    return results


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
