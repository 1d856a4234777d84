"""One cell, from its start to its record."""

from __future__ import annotations

import dataclasses
import datetime
import shutil
import tempfile
import traceback
from pathlib import Path

from ..codec import Progress
from ..errors import BenchError, CellInterruptedError, CellTimeoutError, CodecError, DecodeError
from ..files import file_sha256
from ..measure.quality import measure_quality
from ..measure.regions import transient_pixels
from ..records import environment
from ..records.kept_frame import keep_frame, kept_frame_index
from ..records.record import SCHEMA, CodecFacts, PresetFacts, Record, StreamFacts
from ..records.store import Store
from ..video import colour
from ..video.raw import VideoFormat
from .decoder import decode
from .encoder import EncodeResult, EncodeTask
from .plan import PlannedCell
from .process import CAN_PIN, NO_LIMIT, TimeLimit, run_process


def run_cell(cell: PlannedCell, store: Store, progress: Progress, limit: TimeLimit = NO_LIMIT) -> Record:
    """Encode, decode and measure ``cell``, and save its record whatever becomes of it.

    Only a cell that is interrupted has no record: `CellInterruptedError` says so, and an encoder
    that keeps checkpoints goes on from its last one when the cell is run again.
    """
    record = start_record(cell)
    try:
        reason = cell.codec.missing() or cell.codec.skip(cell.clip)
        if reason is not None:
            record = dataclasses.replace(record, status="skipped", reason=reason)
        else:
            record = complete(record, cell, store, progress, limit)
    except CellInterruptedError:
        raise
    except CellTimeoutError as error:
        record = dataclasses.replace(record, status="timed_out", reason=str(error))
    except Exception as error:  # a third party's codec may raise anything, and the rest must go on
        if not isinstance(error, BenchError):
            with store.log_path(cell.file_name).open("a") as log:
                traceback.print_exc(file=log)
        record = dataclasses.replace(record, status="failed", reason=f"{type(error).__name__}: {error}")
    store.save(cell.file_name, record)
    if record.status != "timed_out":
        shutil.rmtree(store.checkpoints_path(cell.file_name), ignore_errors=True)
    return record


def start_record(cell: PlannedCell) -> Record:
    """What is known of a cell before it runs."""
    codec = cell.codec
    return Record(
        schema=SCHEMA,
        key=cell.key,
        status="ok",
        codec=CodecFacts(codec.name, cell.label, codec.family, codec.version, codec.parameters(), codec.tools()),
        preset=PresetFacts(cell.preset.name, cell.preset.digest, cell.preset.full_scale),
        clip=cell.clip.in_folder(Path()),
        seed=cell.seed,
        environment=environment.describe(),
        started=datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds"),
    )


def complete(record: Record, cell: PlannedCell, store: Store, progress: Progress, limit: TimeLimit) -> Record:
    """``record`` with everything that running the cell adds. Raises what went wrong."""
    log = store.log_path(cell.file_name).resolve()
    log.unlink(missing_ok=True)
    stream = store.stream_path(cell.file_name, cell.codec.suffix).resolve()
    checkpoints = store.checkpoints_path(cell.file_name).resolve()
    with tempfile.TemporaryDirectory(dir=stream.parent, prefix=".encoding-") as name:
        scratch = Path(name)
        made = scratch / f"stream{cell.codec.suffix}"
        task = EncodeTask(cell.codec.name, cell.codec.parameters(), cell.clip, cell.seed, made, checkpoints)
        encoded, encode_cost = run_process(
            "bench.runs.encoder",
            scratch,
            task,
            EncodeResult,
            log=log,
            progress=progress,
            limit=limit,
        )
        if not made.is_file() or made.stat().st_size == 0:
            raise CodecError(f"{cell}: the codec reported success but wrote no stream.")
        made.replace(stream)
    with decode(stream, log, progress, limit) as decoded:
        check_frames(decoded.video.format, cell)
        check_ledger(decoded.ledger, stream, cell)
        progress("measuring")
        form, matrix = cell.clip.yuv.format, cell.clip.matrix
        shown = colour.rounded(decoded.video, form.pixel_format, decoded.scratch / "rounded.yuv", matrix)
        quality = measure_quality(cell.clip, shown)
        index = kept_frame_index(quality.frames.get("transient_share", []))
        transient = transient_pixels(cell.clip.yuv, index)
        record = dataclasses.replace(
            record,
            stream=describe_stream(stream, store, decoded.ledger, cell.clip.yuv.format),
            frames_sha256=decoded.video.sha256(),
            quality=quality,
            # What came before a resumption is in no clock of this process.
            encode=dataclasses.replace(encode_cost, cpu_seconds=None) if encoded.resumed_at_steps else encode_cost,
            decode=decoded.cost,
            complexity=encoded.complexity,
            training=encoded.curve,
            still=None
            if transient is None
            else keep_frame(store, cell.file_name, cell.clip, shown, index, transient, decoded.scratch),
            notes=encoded.notes,
            resumed_at_steps=encoded.resumed_at_steps,
        )
    if cell.codec.family == "standard" and CAN_PIN:
        with decode(stream, log, progress, limit, one_core=True) as decoded:
            if decoded.video.sha256() != record.frames_sha256:
                raise DecodeError(f"{cell}: decoding on one core gave other frames than on all of them.")
            record = dataclasses.replace(record, decode_one_core=decoded.cost)
    return record


def check_frames(found: VideoFormat, cell: PlannedCell) -> None:
    """Raise `DecodeError` unless the decoder gave as many frames of that size as were encoded, in RGB or with
    the same chroma planes. Their bit depth may be another."""
    expected = cell.clip.yuv.format
    if (found.width, found.height, found.frames) != (expected.width, expected.height, expected.frames):
        raise DecodeError(f"{cell}: the decoder gave {found}; encoded were {expected}.")
    if found.pixel_format != "rgb24" and found.subsampling != expected.subsampling:
        raise DecodeError(f"{cell}: the decoder gave {found}, with other chroma planes than were encoded: {expected}.")


def check_ledger(ledger: dict[str, int], stream: Path, cell: PlannedCell) -> None:
    """Raise `CodecError` unless the codec accounts for every byte of the file."""
    total, size_bytes = sum(ledger.values()), stream.stat().st_size
    if total != size_bytes:
        raise CodecError(f"{cell}: the ledger sums to {total:,} bytes, the file has {size_bytes:,}.")


def describe_stream(stream: Path, store: Store, ledger: dict[str, int], video: VideoFormat) -> StreamFacts:
    """Size and rate of a stream on disk."""
    size_bytes = stream.stat().st_size
    return StreamFacts(
        path=str(stream.relative_to(store.root.resolve())),
        size_bytes=size_bytes,
        sha256=file_sha256(stream),
        ledger=ledger,
        bits_per_pixel=8 * size_bytes / video.pixels,
        bitrate_mbps=8 * size_bytes / video.duration_seconds / 1e6,
    )
