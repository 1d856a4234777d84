"""One cell from start to record, with codecs that keep the contract and codecs that break it."""

from __future__ import annotations

import hashlib
import re
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from bench.dataset import Clip
from bench.errors import DecodeError
from bench.files import read_json
from bench.records.environment import Environment
from bench.records.kept_frame import read_kept
from bench.records.record import SCHEMA, Record
from bench.records.store import Store
from bench.runs.cell import check_frames, run_cell
from bench.runs.plan import PlannedCell
from bench.runs.process import TimeLimit

MakeCell = Callable[..., PlannedCell]

pytestmark = pytest.mark.usefixtures("broken")


def silent(*_: object, **__: object) -> None:
    """Progress that nobody watches."""


def saved(store: Store) -> list[Record]:
    """The records on disk."""
    return [read_json(path, Record) for path in sorted((store.root / "records").iterdir())]


# --- What a codec does wrong

FAILURES = {
    "killed": ("CellError", "encoder", "SIGKILL"),
    "exits": ("CellError", "encoder", "status 3"),
    "raises": ("CellError", "ZeroDivisionError: planted in the encoder"),
    "refuses": ("CodecError", "planted refusal"),
    "writes-nothing": ("CodecError", "planted/noise writes-nothing", "no stream"),
    "writes-empty": ("CodecError", "planted/noise writes-empty", "no stream"),
    "drops-frame": ("DecodeError", "planted/noise drops-frame", "2 frames of 48x32", "3 frames of 48x32"),
    "overstates": ("DecodeError", "3 frames of 48x32", "6,912 bytes", "4,608 bytes"),
    "decoder-killed": ("CellError", "decoder", "SIGKILL"),
    "lies": ("CodecError", "planted/noise lies", "ledger"),
    "raises-in-skip": ("ZeroDivisionError", "planted in skip"),
}
"""The class of the error, and what its message must not leave out."""


@pytest.mark.process
@pytest.mark.parametrize("name", FAILURES)
def test_misbehaviour_is_recorded(name: str, make_cell: MakeCell, store: Store) -> None:
    """The record says what went wrong, holds no number, and is the one on disk."""
    record = run_cell(make_cell(name), store, silent)
    assert record.status == "failed"
    error, *words = FAILURES[name]
    kind, _, message = (record.reason or "").partition(": ")
    assert kind == error
    assert [word for word in words if word not in message] == []
    assert (record.stream, record.quality, record.encode, record.decode) == (None, None, None, None)
    assert saved(store) == [record]
    assert not [path for path in (store.root / "streams").iterdir() if path.name.startswith(".")]


@pytest.mark.process
@pytest.mark.parametrize("name", ["raises", "raises-in-skip"])
def test_unexpected_errors_leave_a_traceback_in_the_log(name: str, make_cell: MakeCell, store: Store) -> None:
    """Whoever mends the codec finds the line."""
    run_cell(make_cell(name), store, silent)
    (log,) = (store.root / "logs").iterdir()
    assert "Traceback" in log.read_text()


@pytest.mark.parametrize("other", [{"width": 32, "height": 48}, {"height": 31}, {"frames": 4}, {"frames": 0}])
def test_frames_of_another_form_are_an_error(other: dict[str, int], make_cell: MakeCell, tiny: Clip) -> None:
    """Also where they have as many bytes."""
    check_frames(tiny.rgb.format, make_cell("raw"))
    with pytest.raises(DecodeError, match="planted/noise raw: the decoder gave"):
        check_frames(replace(tiny.rgb.format, **other), make_cell("raw"))  # type: ignore[arg-type]


@pytest.mark.process
def test_hanging_codec_is_stopped(make_cell: MakeCell, store: Store) -> None:
    """A cell that outlasts its time is a record too."""
    start = time.monotonic()
    record = run_cell(make_cell("hangs"), store, silent, TimeLimit(0.5))
    assert 0.5 <= time.monotonic() - start < 30
    assert record.status == "timed_out"
    assert re.search(r"encoder .* 0\.5 s.*--timeout", record.reason or "")
    assert saved(store) == [record]
    assert not list((store.root / "streams").iterdir())


def test_codec_that_cannot_take_a_clip_is_skipped(make_cell: MakeCell, store: Store) -> None:
    """With the reason that it gave."""
    record = run_cell(make_cell("skips"), store, silent)
    assert (record.status, record.reason) == ("skipped", "planted reason")
    assert saved(store) == [record]


@pytest.mark.process
def test_failed_run_does_not_keep_an_earlier_log(make_cell: MakeCell, store: Store) -> None:
    """A log is of the last run only."""
    cell = make_cell("copy")
    store.log_path(cell.file_name).write_text("of an earlier run")
    run_cell(cell, store, silent)
    assert store.log_path(cell.file_name).read_text() == ""


# --- What is not done twice


@pytest.mark.process
def test_a_failure_after_encoding_does_not_cost_the_encoding(
    make_cell: MakeCell, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A decode that fails, as on a full disk; the next run takes the stream that is there, once only."""
    cell = make_cell("counts")
    count = store.root / "count"
    monkeypatch.setenv("COUNTS_AT", str(count))
    with monkeypatch.context() as patch:
        patch.setattr("bench.runs.cell.measure_quality", lambda *_: 1 / 0)
        failed = run_cell(cell, store, silent)
    assert (failed.status, count.read_text()) == ("failed", "1")
    record = run_cell(cell, store, silent)
    assert (record.status, count.read_text()) == ("ok", "1")
    assert record.encode is not None
    assert not store.checkpoints_path(cell.file_name).exists()
    run_cell(cell, store, silent)
    assert count.read_text() == "11"


@pytest.mark.process
def test_a_stream_that_is_not_what_was_encoded_is_made_anew(
    make_cell: MakeCell, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Altered since, or of another machine, whose times are not this one's."""
    cell = make_cell("counts")
    count = store.root / "count"
    monkeypatch.setenv("COUNTS_AT", str(count))
    for altered in (True, False):
        with monkeypatch.context() as patch:
            patch.setattr("bench.runs.cell.measure_quality", lambda *_: 1 / 0)
            run_cell(cell, store, silent)
        if altered:
            store.stream_path(cell.file_name, ".y4m").write_bytes(b"altered")
        else:
            monkeypatch.setattr(Environment, "machine", property(lambda env: f"of {env.load} {time.monotonic()}"))
        record = run_cell(cell, store, silent)
        assert record.status == "ok"
        assert (record.encode is None) == (not altered)
    assert count.read_text() == "111"


@pytest.mark.process
def test_notes_that_no_record_can_hold_are_kept_as_text(make_cell: MakeCell, store: Store) -> None:
    """The stream is not lost for them; numbers of numpy's are numbers."""
    record = run_cell(make_cell("notes-an-object"), store, silent)
    assert record.status == "ok"
    assert record.notes["number"] == 1.5
    assert record.notes["thing"].startswith("<object object")


# --- What a record says


@pytest.mark.process
def test_record_of_a_lossless_copy(make_cell: MakeCell, store: Store, tiny: Clip) -> None:
    """Every number follows from the clip: the size of its YUV4MPEG2 file, and no error at all."""
    record = run_cell(make_cell("raw"), store, silent)
    assert (record.status, record.reason, record.schema) == ("ok", None, SCHEMA)
    assert (record.codec.name, record.codec.label, record.codec.family) == ("raw", "raw", "standard")
    assert record.preset.name == "smoke"
    assert not record.preset.full_scale
    assert record.seed == 0
    assert record.clip.yuv.path == Path("clip.yuv")
    assert record.clip.yuv_sha256 == hashlib.sha256(tiny.yuv.path.read_bytes()).hexdigest()

    assert record.stream is not None
    written = (store.root / record.stream.path).read_bytes()
    size = len(b"YUV4MPEG2 W48 H32 F25:1 Ip A1:1 C420jpeg\n") + 3 * (len(b"FRAME\n") + 48 * 32 * 3 // 2)
    assert record.stream.size_bytes == len(written) == size
    assert record.stream.sha256 == hashlib.sha256(written).hexdigest()
    assert sum(record.stream.ledger.values()) == size
    assert record.stream.bits_per_pixel == pytest.approx(8 * size / (48 * 32 * 3))
    assert record.stream.bitrate_mbps == pytest.approx(8 * size / (3 / 25) / 1e6)

    assert record.frames_sha256 == record.clip.yuv_sha256
    assert record.quality is not None
    assert record.quality.clip["psnr_rgb"] == record.quality.clip["psnr_y"] == 100
    assert record.quality.frames["psnr_rgb"] == [100, 100, 100]
    assert "161 pixels" in record.quality.unavailable["ms_ssim_rgb"]

    assert record.quality.clip["transient_share"] == pytest.approx(1, abs=0.01)  # it is noise
    assert record.quality.frames["psnr_rgb_transient"] == [None, 100, None]

    still = record.still
    assert still is not None
    assert still.index == 1
    decoded, source, transient = (
        read_kept(store.root, kept) for kept in (still.decoded, still.source, still.transient)
    )
    middle = tiny.rgb.read_frame(1)[0]
    assert np.array_equal(decoded, middle)
    assert np.array_equal(source, middle)
    assert transient.mean() == pytest.approx(1, abs=0.01)

    for cost in (record.encode, record.decode, record.decode_one_core):
        assert cost is not None
        assert cost.cpu_seconds is not None
        assert 0 < cost.cpu_seconds < 300
        assert set(cost.parts) == {"copying"}
        assert cost.seconds == sum(cost.parts.values()) > 0
        assert 0 < cost.overhead_seconds < 300
        assert cost.peak_memory_bytes > 1 << 20
    assert record.complexity is None
    assert record.environment.cores >= 1
    assert record.environment.packages["numpy"]
    assert saved(store) == [record]


@pytest.mark.process
def test_interrupted_rerun_keeps_the_old_record(make_cell: MakeCell, store: Store) -> None:
    """A cell that is interrupted on its second try still has the record of its first."""
    cell = make_cell("hangs")
    first = run_cell(cell, store, silent, TimeLimit(0.1))

    def interrupt(stage: str, step: int = 0, steps: int = 0, psnr_db: float | None = None) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_cell(cell, store, interrupt)
    assert saved(store) == [first]


def test_seed_and_preset_stand_in_the_record(make_cell: MakeCell, store: Store) -> None:
    """What was asked for is what is recorded."""
    cell = make_cell("skips", seed=7)
    record = run_cell(replace(cell, label="skips[fast=1]"), store, silent)
    assert (record.seed, record.codec.label, record.key) == (7, "skips[fast=1]", cell.key)
