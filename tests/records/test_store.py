"""Files that are whole or absent, and records that come back as they were."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any, NoReturn

import pytest

import bench
from bench.codec import Complexity
from bench.errors import StoreError
from bench.files import read_json, to_json, write_bytes, write_json
from bench.records.record import Cost, Quality, Record, StreamFacts
from bench.records.store import Store
from bench.runs.cell import start_record
from bench.runs.plan import PlannedCell

MakeCell = Callable[..., PlannedCell]


@pytest.fixture
def record(make_cell: MakeCell) -> Record:
    """One with every part filled."""
    return replace(
        start_record(make_cell("x264")),
        stream=StreamFacts("streams/a.264", 9, "ab" * 32, {"pictures": 9}, 0.1, 0.2),
        frames_sha256="cd" * 32,
        quality=Quality({"psnr_rgb": 31.123456789012345}, {"psnr_rgb": [30.1, 1e-12]}, {"ms_ssim_rgb": "too small"}),
        encode=Cost(0.1, {"encoding": 0.1}, 0.2, 1 << 40),
        decode=Cost(0.1, {"decoding": 0.1}, 0.2, 3),
        complexity=Complexity(3, 1 << 50, {"aten::gelu": 2}),
        notes={"log": "a\nb", "steps": [1, 2.5, None, {"deep": True}]},
    )


def interrupt(*_: object, **__: object) -> NoReturn:
    """What Ctrl-C does."""
    raise KeyboardInterrupt


def full(*_: object, **__: object) -> NoReturn:
    """What a full disk does."""
    raise OSError(28, "No space left on device")


# --- Writing


@pytest.mark.parametrize("moment", ["fsync", "replace"])
@pytest.mark.parametrize(("planted", "raised"), [(interrupt, KeyboardInterrupt), (full, StoreError)])
def test_interrupted_write_leaves_the_old_file(
    moment: str,
    planted: Callable[..., NoReturn],
    raised: type[BaseException],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """And nothing beside it, whenever the interruption comes."""
    path = tmp_path / "record.json"
    write_bytes(path, b"old")
    with monkeypatch.context() as patch:
        patch.setattr({"fsync": os, "replace": Path}[moment], moment, planted)
        with pytest.raises(raised):
            write_bytes(path, b"new" * 1000)
    assert [found.name for found in tmp_path.iterdir()] == ["record.json"]
    assert path.read_bytes() == b"old"


def test_content_is_on_disk_before_it_has_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Else a power cut could leave an empty file under the right name."""
    path = tmp_path / "record.json"
    synced = []
    real = os.fsync

    def fsync(handle: int) -> None:
        assert not path.exists()
        synced.append(os.fstat(handle).st_size)
        real(handle)

    monkeypatch.setattr(os, "fsync", fsync)
    write_bytes(path, b"whole")
    assert synced == [5]
    assert path.read_bytes() == b"whole"


def test_folders_are_made_and_files_are_readable_by_all(tmp_path: Path) -> None:
    """Results are shared."""
    path = tmp_path / "a" / "b" / "c.json"
    write_bytes(path, b"{}")
    assert path.stat().st_mode & 0o777 == 0o644


def test_unwritable_place_is_an_error(tmp_path: Path) -> None:
    """Found before hours are spent, with the cure."""
    (tmp_path / "file").touch()
    with pytest.raises(StoreError, match=r"Choose another directory with --results"):
        Store(tmp_path / "file" / "results").prepare()


def test_preparing_leaves_empty_folders(tmp_path: Path) -> None:
    """And can be done by several at once."""
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: Store(tmp_path).prepare(), range(40)))
    names = sorted(path.name for path in tmp_path.rglob("*"))
    assert names == ["locks", "logs", "records", "scratch", "streams"]


@pytest.mark.process
def test_a_lock_is_held_by_one_process(tmp_path: Path) -> None:
    """A second one is told so at once, and gets it when the first ends, though it is killed."""
    store = Store(tmp_path)
    store.prepare()
    holder = (
        "import sys, time, pathlib; from bench.records.store import Store\n"
        f"with Store(pathlib.Path({str(tmp_path)!r})).try_lock('cell') as held: print(held, flush=True); time.sleep(60)"
    )
    environment = os.environ | {"PYTHONPATH": str(Path(bench.__file__).parents[1])}
    with subprocess.Popen([sys.executable, "-c", holder], stdout=subprocess.PIPE, env=environment) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"True\n"
        with store.try_lock("cell") as held, store.try_lock("another") as free:
            assert (held, free) == (False, True)
        process.kill()
    with store.try_lock("cell", wait_seconds=5) as held:
        assert held


def test_scratch_sweeps_what_a_killed_process_left(tmp_path: Path) -> None:
    """Of its own cell, not of others."""
    store = Store(tmp_path)
    store.prepare()
    for left in ("cell.abc", "other.def"):
        (tmp_path / "scratch" / left).mkdir()
        (tmp_path / "scratch" / left / "frames.raw").write_bytes(b"gigabytes")
    with store.scratch("cell") as folder:
        assert folder.parent == (tmp_path / "scratch").resolve()
        assert sorted(path.name for path in (tmp_path / "scratch").iterdir()) == [folder.name, "other.def"]
    assert [path.name for path in (tmp_path / "scratch").iterdir()] == ["other.def"]


def test_too_little_space_is_said_before_work_begins(store: Store) -> None:
    """With what is needed, what is there, and the cure."""
    with pytest.raises(StoreError, match=r"bunny x265 needs 1024\.00 GiB .* free\. Free some, or .*--results"):
        store.check_space(1 << 40, "bunny x265")


# --- Reading


def test_record_comes_back_as_it_was(record: Record, store: Store) -> None:
    """Every number to the last bit."""
    store.save("name", record)
    assert store.find("name") == record
    assert list(store.records()) == [record]
    assert json.loads(store.record_path("name").read_bytes())["quality"]["clip"]["psnr_rgb"] == 31.123456789012345


def test_saving_again_replaces(record: Record, store: Store) -> None:
    """One record a cell."""
    store.save("name", record)
    store.save("name", replace(record, seed=5))
    assert [found.seed for found in store.records()] == [5]


def test_records_come_in_the_order_of_their_names(record: Record, store: Store) -> None:
    """Whatever the order in which they were made."""
    for name in ("c", "a", "b"):
        store.save(name, replace(record, reason=name))
    assert [found.reason for found in store.records()] == ["a", "b", "c"]


def test_no_record_no_answer(store: Store) -> None:
    """A cell that was never run."""
    assert store.find("name") is None
    assert list(store.records()) == []
    assert list(Store(store.root / "nowhere").records()) == []


def damage(key: list[str], value: Any) -> Callable[[dict[str, Any]], None]:
    """Put another value into a parsed record."""

    def put(table: dict[str, Any]) -> None:
        for name in key[:-1]:
            table = table[name]
        table[key[-1]] = value

    return put


@pytest.mark.parametrize(
    ("hurt", "said"),
    [
        (damage(["seed"], "three"), r"Expected `int`, got `str` - at `\$\.seed`"),
        (damage(["status"], "fine"), r"Invalid enum value 'fine' - at `\$\.status`"),
        (damage(["stream", "size_bytes"], 1.5), r"`\$\.stream\.size_bytes`"),
        (damage(["quality", "frames", "psnr_rgb"], [1, "high"]), r"\$\.quality\.frames"),
        (damage(["clip", "yuv", "format", "frame_rate"], "fast"), r"fast"),
        (lambda table: table.pop("codec"), r"missing required field `codec`"),
    ],
)
def test_unreadable_record_is_an_error(
    hurt: Callable[[dict[str, Any]], None], said: str, record: Record, store: Store
) -> None:
    """Which names the file, the field and the cure; a run takes the cell as not done."""
    table = json.loads(to_json(record))
    hurt(table)
    path = store.record_path("name")
    path.write_text(json.dumps(table))
    with pytest.raises(StoreError, match=said) as caught:
        list(store.records())
    assert str(path) in str(caught.value)
    assert "Delete it" in str(caught.value)
    assert store.find("name") is None


@pytest.mark.parametrize("content", [b"", b"{", b"\xff\xfe", b"[]", b'"text"', b"null"])
def test_what_is_no_record_is_an_error(content: bytes, store: Store) -> None:
    """Half files and other JSON."""
    store.record_path("name").write_bytes(content)
    with pytest.raises(StoreError, match=r"name\.json is not a readable Record"):
        list(store.records())
    assert store.find("name") is None


def test_object_without_a_form_is_an_error(tmp_path: Path) -> None:
    """Rather than some text that nobody can read back."""
    with pytest.raises(NotImplementedError, match="object has no place in a record"):
        write_json(tmp_path / "a.json", {"thing": object()})
    assert not list(tmp_path.iterdir())


def test_reading_a_missing_file_is_an_error(tmp_path: Path) -> None:
    """Of the package's own kind."""
    with pytest.raises(StoreError, match=r"none\.json"):
        read_json(tmp_path / "none.json", Record)
