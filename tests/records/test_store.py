"""Files that are whole or absent, and records that come back as they were."""

from __future__ import annotations

import errno
import fcntl
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any, NoReturn

import pytest

import bench
from bench.codec import Complexity
from bench.errors import StoreError
from bench.files import read_json, remove_unfinished, to_json, write_bytes, write_json
from bench.records.record import SCHEMA, Cost, Quality, Record, StreamFacts
from bench.records.store import Store
from bench.runs.cell import start_record
from bench.runs.plan import PlannedCell

MakeCell = Callable[..., PlannedCell]
RESULTS = Path(__file__).resolve().parents[2] / "results"


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


FOREVER = (
    "import pathlib, sys, time\n"
    "from bench.files import _open_unfinished\n"
    "from bench.records.store import Store\n"
    "store = Store(pathlib.Path(sys.argv[1]))\n"
    "with store.try_lock('cell') as held, store.scratch('cell') as folder:\n"
    "    (folder / 'frames.raw').write_bytes(b'gigabytes')\n"
    "    _open_unfinished(store.record_path('cell'))\n"
    "    print(held, flush=True)\n"
    "    time.sleep(60)\n"
)


@pytest.mark.process
def test_a_run_sweeps_what_no_living_process_works_on(tmp_path: Path, record: Record) -> None:
    """Of all cells, also of those that are not run again; records, streams and locks stay."""
    store = Store(tmp_path)
    store.prepare()
    store.save("cell", record)
    environment = os.environ | {"PYTHONPATH": str(Path(bench.__file__).parents[1])}
    command = [sys.executable, "-c", FOREVER, str(tmp_path)]

    def unfinished() -> list[str]:
        return [path.name.partition(".")[0] for path in (tmp_path / "scratch").iterdir()] + [
            path.name.split("-")[0] for path in (tmp_path / "records").glob(".*")
        ]

    with subprocess.Popen(command, stdout=subprocess.PIPE, env=environment) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"True\n"
        Store(tmp_path).prepare()
        assert unfinished() == ["cell", ".cell.json"]
        process.kill()
    Store(tmp_path).prepare()
    assert unfinished() == []
    assert store.records() == [record]
    assert (tmp_path / "locks" / "cell.lock").exists()


def test_a_writer_whose_file_is_swept_makes_another(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Between the making of the file and its locking."""
    real, swept = fcntl.flock, []

    def flock(handle: int, how: int) -> None:
        if not swept:
            swept.append(how)
            real(handle, how)
            real(handle, fcntl.LOCK_UN)
            remove_unfinished(tmp_path)
        real(handle, how)

    monkeypatch.setattr(fcntl, "flock", flock)
    write_bytes(tmp_path / "a.json", b"whole")
    assert [path.name for path in tmp_path.iterdir()] == ["a.json"]
    assert (tmp_path / "a.json").read_bytes() == b"whole"


# --- Where nothing can be written


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EACCES])
def test_work_that_cannot_write_says_where_and_what_to_do(number: int, store: Store) -> None:
    """Whatever writes: this is a full disk, or one that became read-only."""
    said = r"Cannot write .*results: .*Free space there .* run again"
    with pytest.raises(StoreError, match=said), store.scratch("cell"):
        raise OSError(number, os.strerror(number))
    with pytest.raises(ConnectionResetError), store.scratch("cell"):
        raise ConnectionResetError


def test_lock_that_cannot_be_made_is_an_error(store: Store) -> None:
    """A results directory that became read-only ends the run with a sentence."""
    shutil.rmtree(store.root / "locks")
    (store.root / "locks").touch()
    with pytest.raises(StoreError, match=r"Cannot write .*results: "), store.try_lock("cell"):
        pass


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


def plant(store: Store, record: Record, hurt: Callable[[dict[str, Any]], object]) -> Path:
    """A record that was changed by hand; returns its path."""
    table = json.loads(to_json(record))
    hurt(table)
    path = store.record_path("name")
    path.write_text(json.dumps(table))
    return path


@pytest.mark.parametrize(
    ("hurt", "said"),
    [
        (damage(["seed"], "three"), "Expected `int`, got `str` - at `$.seed`"),
        (damage(["status"], "fine"), "Invalid enum value 'fine' - at `$.status`"),
        (damage(["stream", "size_bytes"], 1.5), "`$.stream.size_bytes`"),
        (damage(["quality", "frames", "psnr_rgb"], [1, "high"]), "$.quality.frames"),
        (damage(["clip", "yuv", "format", "frame_rate"], "fast"), "'fast' is not a fraction"),
        (damage(["clip", "yuv", "format", "frame_rate"], "25/0"), "'25/0' is not a fraction"),
        (damage(["clip", "yuv", "format", "frame_rate"], "1e999999999"), "'1e999999999' is not a fraction"),
        (damage(["clip", "yuv", "path"], {"elsewhere": 1}), "$.clip.yuv.path"),
        (lambda table: table.pop("codec"), "missing required field `codec`"),
        (lambda table: table.pop("schema"), "missing required field `schema`"),
        (lambda table: table.pop("quality"), "its status is ok, but it has no result"),
        (
            damage(["schema"], SCHEMA + 1),
            f"it has schema {SCHEMA + 1}; this version of the program reads 1 to {SCHEMA}",
        ),
        (lambda table: (table.clear(), table.update(schema=SCHEMA + 1, cells=[])), f"it has schema {SCHEMA + 1}"),
        (damage(["schema"], 0), "it has schema 0"),
    ],
)
def test_unreadable_record_is_set_aside(
    hurt: Callable[[dict[str, Any]], object],
    said: str,
    record: Record,
    store: Store,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """It counts as none, and is named once, with the field or the reason."""
    path = plant(store, record, hurt)
    store.save("other", record)
    found = store.read()
    assert [item.record for item in found.readable] == [record]
    (one,) = found.set_aside
    assert one.file == "name.json"
    assert said in one.reason
    assert store.find("name") is None
    assert list(store.records()) == [record]
    (line,) = capsys.readouterr().err.splitlines()
    assert str(path) in line
    assert said in line


DEEP = b'{"schema": 2, "notes": ' + b"[" * 100_000


@pytest.mark.parametrize(
    "content", [b"", b"{", b"\xff\xfe", b"[]", b'"text"', b"null", b"3", b"{}", DEEP, bytes(range(256))]
)
def test_what_is_no_record_is_set_aside(content: bytes, record: Record, store: Store) -> None:
    """Half files, binary ones and JSON of other programs."""
    store.record_path("name").write_bytes(content)
    store.save("other", record)
    assert store.records() == [record]
    assert store.find("name") is None
    assert [one.file for one in store.read().set_aside] == ["name.json"]


def test_other_things_among_the_records_are_set_aside(record: Record, store: Store) -> None:
    """A folder, and a link to nothing."""
    store.record_path("folder").mkdir()
    store.record_path("link").symlink_to("nowhere")
    store.save("other", record)
    assert store.records() == [record]
    assert [one.file for one in store.read().set_aside] == ["folder.json", "link.json"]
    for name in ("folder", "link"):
        assert store.find(name) is None
        store.save(name, record)
        assert store.find(name) == record


def leaves(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The way to every value in parsed JSON."""
    for key, held in value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ():
        yield (*path, key)
        yield from leaves(held, (*path, key))


def test_whatever_is_wrong_in_a_record_is_said(record: Record, store: Store) -> None:
    """Each value in turn is taken out or replaced by one of every other kind: it reads, or it is set aside."""
    whole = json.loads(to_json(record))
    for way in leaves(whole):
        for value in (None, -1, 1 << 70, 0.5, "1/0", "\0", [], {"path_in_hex": "zz"}):
            table = json.loads(to_json(record))
            damage(list(way), value)(table)
            store.record_path("name").write_text(json.dumps(table))
            found = store.read()
            assert len(found.readable) + len(found.set_aside) == 1


def test_older_records_read_as_before(store: Store) -> None:
    """Those of the first schema, which were committed."""
    (old, *_) = sorted(path for path in RESULTS.glob("*/records/*.json") if b'"schema": 1,' in path.read_bytes()[:40])
    store.record_path(old.stem).write_bytes(old.read_bytes())
    assert [one.schema for one in store.records()] == [1]


def test_fields_that_are_not_known_yet_are_passed_over(record: Record, store: Store) -> None:
    """A newer version of the program may add some without raising the schema."""
    plant(store, record, damage(["invented_later"], {"a": [1]}))
    assert store.records() == [record]


@pytest.mark.parametrize("content", [b"{", b'{"schema": 99}', b""])
def test_what_is_in_the_way_of_a_record_is_kept(
    content: bytes, record: Record, store: Store, capsys: pytest.CaptureFixture[str]
) -> None:
    """Under a number where its name is taken, and it is said where it is."""
    for _ in range(2):
        store.record_path("name").write_bytes(content)
        store.save("name", record)
        assert store.find("name") == record
    kept = sorted((store.root / "records" / "set_aside").iterdir())
    assert [path.name for path in kept] == ["name.1.json", "name.json"]
    assert [path.read_bytes() for path in kept] == [content, content]
    said = capsys.readouterr().err
    assert all(str(path) in said for path in kept)
    assert len(store.records()) == 1


def test_record_of_another_cell_is_not_written_over(record: Record, store: Store) -> None:
    """Though it can be read; the same cell's own is."""
    store.save("name", replace(record, key="ab" * 32))
    store.save("name", record)
    assert store.find("name") == record
    assert not store.read().set_aside
    assert read_json(store.root / "records" / "set_aside" / "name.json", Record).key == "ab" * 32


def test_object_without_a_form_is_an_error(tmp_path: Path) -> None:
    """Rather than some text that nobody can read back."""
    with pytest.raises(NotImplementedError, match="object has no place in a record"):
        write_json(tmp_path / "a.json", {"thing": object()})
    assert not list(tmp_path.iterdir())


def test_reading_a_missing_file_is_an_error(tmp_path: Path) -> None:
    """Of the package's own kind."""
    with pytest.raises(StoreError, match=r"none\.json"):
        read_json(tmp_path / "none.json", Record)
