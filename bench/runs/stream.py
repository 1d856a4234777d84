"""The stream of a cell: made now or by an earlier run, and made once more on a single core."""

from __future__ import annotations

import dataclasses
from pathlib import Path

from ..codec import Progress
from ..errors import CodecError, StoreError
from ..files import file_sha256, read_json, write_json
from ..records import environment
from ..records.record import Cost, StreamFacts
from ..records.store import Store
from ..video.raw import VideoFormat
from .encoder import Encoded, EncodeResult, EncodeTask
from .plan import PlannedCell
from .process import NO_LIMIT, TimeLimit, run_process
from .share import WHOLE, Share, one_core


def encoded_stream(
    cell: PlannedCell, store: Store, progress: Progress, limit: TimeLimit, share: Share
) -> tuple[Path, Encoded]:
    """The stream of a cell and what is known of its making; an earlier run may have made it. Raises what went wrong."""
    stream = store.stream_path(cell.file_name, cell.codec.suffix).resolve()
    if encoded := earlier_stream(cell, store, stream):
        return stream, encoded
    log = store.log_path(cell.file_name).resolve()
    log.unlink(missing_ok=True)
    return stream, encode_cell(cell, store, stream, log, progress, limit, share)


def encode_cell(
    cell: PlannedCell,
    store: Store,
    stream: Path,
    log: Path,
    progress: Progress,
    limit: TimeLimit = NO_LIMIT,
    share: Share = WHOLE,
) -> Encoded:
    """Write the stream of a cell, and beside its checkpoints what is known of it. Raises what went wrong."""
    described = environment.describe()
    with store.scratch(cell.file_name) as scratch:
        made = scratch / f"stream{cell.codec.suffix}"
        result, cost = encode_to(task_of(cell, store, made), scratch, log, progress, limit, share)
        if result.resumed_at_steps:  # what came before a resumption is in no clock of this process
            cost = dataclasses.replace(cost, cpu_seconds=None, cpu_joules=None, gpu_joules=None)
        cost = dataclasses.replace(cost, beside=share.beside)
        encoded = Encoded(cell.key, file_sha256(made), result, cost, described)
        write_json(store.checkpoints_path(cell.file_name) / ENCODED, encoded)
        made.replace(stream)
    return encoded


def encode_to(
    task: EncodeTask, scratch: Path, log: Path, progress: Progress, limit: TimeLimit = NO_LIMIT, share: Share = WHOLE
) -> tuple[EncodeResult, Cost]:
    """Do ``task`` in a process that works in ``scratch``. Raises what went wrong."""
    result, cost = run_process(
        "bench.runs.encoder", scratch, task, EncodeResult, log=log, progress=progress, limit=limit, share=share
    )
    if not task.stream.is_file() or task.stream.stat().st_size == 0:
        raise CodecError(f"{task.clip.name} {task.codec}: the codec reported success but wrote no stream.")
    return result, cost


def task_of(cell: PlannedCell, store: Store, stream: Path) -> EncodeTask:
    """The task of writing the stream of a cell to the file ``stream``."""
    checkpoints = store.checkpoints_path(cell.file_name).resolve()
    return EncodeTask(cell.codec.name, cell.codec.parameters(), cell.clip, cell.seed, stream, checkpoints)


ENCODED = "encoded.json"


def earlier_stream(cell: PlannedCell, store: Store, stream: Path) -> Encoded | None:
    """What an earlier run encoded but did not come to measure; None if there is nothing, or the stream is not it."""
    try:
        encoded = read_json(store.checkpoints_path(cell.file_name) / ENCODED, Encoded)
    except StoreError:
        return None
    intact = encoded.key == cell.key and stream.is_file() and file_sha256(stream) == encoded.sha256
    return encoded if intact else None


def encode_on_one_core(cell: PlannedCell, store: Store, stream: Path, progress: Progress, limit: TimeLimit) -> Cost:
    """What it takes to make ``stream`` on a single core. Raises `CodecError` if that gives other bytes."""
    log = store.log_path(cell.file_name).resolve()
    with store.scratch(cell.file_name) as scratch:
        made = scratch / f"again{cell.codec.suffix}"
        _, cost = encode_to(task_of(cell, store, made), scratch, log, progress, limit, one_core())
        if file_sha256(made) != file_sha256(stream):
            raise CodecError(f"{cell}: encoding on one core gave other bytes than on all of them.")
    return cost


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
