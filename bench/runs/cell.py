"""One cell, from its start to its record."""

from __future__ import annotations

import contextlib
import dataclasses
import datetime
import shutil
import time
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from ..codec import Progress
from ..dataset import Clip
from ..errors import BenchError, CellInterruptedError, CellTimeoutError, CodecError, DecodeError
from ..measure.families import Compared
from ..measure.proof import with_families
from ..measure.quality import measure_quality
from ..measure.regions import transient_pixels
from ..records import environment
from ..records.kept_frame import keep_frame, kept_frame_index
from ..records.record import SCHEMA, CodecFacts, KeptFrame, PresetFacts, Quality, Record
from ..records.store import Store
from ..video import colour
from ..video.raw import RawVideo, VideoFormat
from .decoder import Decoded, decode
from .plan import PlannedCell
from .process import NO_LIMIT, TimeLimit
from .share import CAN_PIN, WHOLE, Share, one_core
from .stream import describe_stream, encode_on_one_core, encoded_stream


@dataclass(frozen=True)
class Extras:
    """What is measured of a cell beside what always is: ``metrics`` are names of `bench.measure.families`; with
    ``encode_on_one_core`` a standard codec encodes a second time, on a single core."""

    metrics: tuple[str, ...] = ()
    encode_on_one_core: bool = False


NOTHING_MORE = Extras()


def run_cell(
    cell: PlannedCell,
    store: Store,
    progress: Progress,
    limit: TimeLimit = NO_LIMIT,
    share: Share = WHOLE,
    extras: Extras = NOTHING_MORE,
) -> Record:
    """Encode, decode and measure ``cell``, whose lock the caller holds, and save its record whatever becomes of it.

    Only a cell that is interrupted has no record: `CellInterruptedError` says so, and an encoder
    that keeps checkpoints goes on from its last one when the cell is run again. What was encoded is not encoded again
    because something after it failed.
    """
    begun = time.monotonic()
    ran_through = not store.checkpoints_path(cell.file_name).exists()

    def work(record: Record) -> Record:
        finished = complete(record, cell, store, progress, limit, share, extras)
        return dataclasses.replace(finished, wall_seconds=time.monotonic() - begun if ran_through else None)

    record = attempt(cell, store, work)
    store.save(cell.file_name, record)
    if record.status == "ok":
        shutil.rmtree(store.checkpoints_path(cell.file_name), ignore_errors=True)
    return record


def encode_ahead(
    cell: PlannedCell, store: Store, progress: Progress, limit: TimeLimit = NO_LIMIT, share: Share = WHOLE
) -> Record | None:
    """The first part of `run_cell`, which then finds the stream: a record is saved, and returned, only if there will
    be no stream."""

    def work(record: Record) -> Record:
        encoded_stream(cell, store, progress, limit, share)
        return record

    record = attempt(cell, store, work)
    if record.status == "ok":
        return None
    store.save(cell.file_name, record)
    return record


def add_metrics(
    cell: PlannedCell, record: Record, store: Store, progress: Progress, limit: TimeLimit, metrics: Sequence[str]
) -> None:
    """Save the record of a finished cell with these metrics too, measured on its stored stream.

    Raises `DecodeError` if the stream decodes to other frames here than those that were measured before.
    """
    assert record.quality is not None
    stream = store.stream_path(cell.file_name, cell.codec.suffix).resolve()
    log = store.log_path(cell.file_name).resolve()
    with store.scratch(cell.file_name) as scratch, decode(stream, log, progress, limit, beside=scratch) as decoded:
        if decoded.video.sha256() != record.frames_sha256:
            raise DecodeError(
                f"{cell}: here its stream decodes to other frames than those that were measured, so that no metric can "
                "be added. To measure all anew, run it again with --rerun always."
            )
        progress("measuring")
        shown = shown_frames(cell, decoded)
        quality = with_families(record.quality, metrics, compared(cell.clip, shown, decoded.scratch))
    store.save(cell.file_name, dataclasses.replace(record, quality=quality))


def shown_frames(cell: PlannedCell, decoded: Decoded) -> RawVideo:
    """The decoded frames as they are measured: in RGB, or in the clip's YUV format."""
    form = cell.clip.yuv.format
    return colour.rounded(decoded.video, form.pixel_format, decoded.scratch / "rounded.yuv", cell.clip.matrix)


def compared(clip: Clip, shown: RawVideo, scratch: Path) -> Compared:
    """A clip and its decoded frames, in its YUV format too."""
    name, yuv = clip.yuv.format.pixel_format, shown
    if shown.format.pixel_format != name:
        yuv = colour.convert(shown, name, scratch / "converted.yuv", clip.matrix)
    return Compared(clip, shown, yuv)


def attempt(cell: PlannedCell, store: Store, work: Callable[[Record], Record]) -> Record:
    """What ``work`` makes of the cell's record, or the record with the reason why nothing came of it."""
    record = start_record(cell)
    try:
        reason = cell.codec.missing() or cell.codec.skip(cell.clip)
        if reason is not None:
            return dataclasses.replace(record, status="skipped", reason=reason)
        return work(record)
    except CellInterruptedError:
        raise
    except CellTimeoutError as error:
        return dataclasses.replace(record, status="timed_out", reason=str(error))
    except Exception as error:  # a third party's codec may raise anything, and the rest must go on
        if not isinstance(error, BenchError):
            with contextlib.suppress(OSError), store.log_path(cell.file_name).open("a", encoding="utf-8") as log:
                traceback.print_exc(file=log)
        return dataclasses.replace(record, status="failed", reason=f"{type(error).__name__}: {error}")


def start_record(cell: PlannedCell) -> Record:
    """What is known of a cell before it runs."""
    codec = cell.codec
    facts = CodecFacts(
        codec.name,
        cell.label,
        codec.family,
        codec.version,
        codec.parameters(),
        codec.tools(),
        codec.threads,
        codec.portable,
        codec.structure(),
    )
    return Record(
        schema=SCHEMA,
        key=cell.key,
        status="ok",
        codec=facts,
        preset=PresetFacts(cell.preset.name, cell.preset.digest, cell.preset.full_scale),
        clip=cell.clip.in_folder(Path()),
        seed=cell.seed,
        environment=environment.describe(),
        started=datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds"),
    )


def complete(
    record: Record,
    cell: PlannedCell,
    store: Store,
    progress: Progress,
    limit: TimeLimit,
    share: Share,
    extras: Extras,
) -> Record:
    """``record`` with everything that running the cell adds. Raises what went wrong."""
    log = store.log_path(cell.file_name).resolve()
    store.check_space(frames_bytes(cell.clip), str(cell))
    stream, encoded = encoded_stream(cell, store, progress, limit, share)
    same_machine = encoded.environment.machine == record.environment.machine
    with store.scratch(cell.file_name) as scratch, decode(stream, log, progress, limit, beside=scratch) as decoded:
        check_frames(decoded.video.format, cell)
        check_ledger(decoded.ledger, stream, cell)
        progress("measuring")
        shown = shown_frames(cell, decoded)
        quality = measure_quality(cell.clip, shown)
        if extras.metrics:
            quality = with_families(quality, extras.metrics, compared(cell.clip, shown, decoded.scratch))
        record = dataclasses.replace(
            record,
            stream=describe_stream(stream, store, decoded.ledger, cell.clip.yuv.format),
            isolation=decoded.isolation,
            frames_sha256=decoded.video.sha256(),
            quality=quality,
            encode=encoded.cost if same_machine else None,
            decode=decoded.cost,
            complexity=encoded.result.complexity,
            training=encoded.result.curve,
            still=keep_changing_frame(cell, store, quality, shown, decoded.scratch),
            notes=encoded.result.notes,
            resumed_at_steps=encoded.result.resumed_at_steps,
        )
    if cell.codec.family == "standard" and CAN_PIN:
        with (
            store.scratch(cell.file_name) as scratch,
            decode(stream, log, progress, limit, share=one_core(), beside=scratch) as decoded,
        ):
            if decoded.video.sha256() != record.frames_sha256:
                raise DecodeError(f"{cell}: decoding on one core gave other frames than on all of them.")
            record = dataclasses.replace(record, decode_one_core=decoded.cost)
        if extras.encode_on_one_core:
            record = dataclasses.replace(
                record, encode_one_core=encode_on_one_core(cell, store, stream, progress, limit)
            )
    return record


def frames_bytes(clip: Clip) -> int:
    """The disk space that decoding takes at most: all frames as a decoder writes them, in RGB or with twice the bytes
    of the source's samples, and once more in the source's own format."""
    return max(clip.rgb.format.size_bytes, 2 * clip.yuv.format.size_bytes) + clip.yuv.format.size_bytes


def keep_changing_frame(
    cell: PlannedCell, store: Store, quality: Quality, shown: RawVideo, scratch: Path
) -> KeptFrame | None:
    """The frame with the most transient pixels, kept as PNG; None if it has no regions."""
    index = kept_frame_index(quality.frames.get("transient_share", []))
    transient = transient_pixels(cell.clip.yuv, index)
    if transient is None:
        return None
    return keep_frame(store, cell.file_name, cell.clip, shown, index, transient, scratch)


def check_frames(decoded: VideoFormat, cell: PlannedCell) -> None:
    """Raise `DecodeError` unless the decoder gave as many frames of that size as were encoded, in RGB or with
    the same chroma planes. Their bit depth may be another."""
    expected = cell.clip.yuv.format
    if (decoded.width, decoded.height, decoded.frames) != (expected.width, expected.height, expected.frames):
        raise DecodeError(f"{cell}: the decoder gave {decoded}; encoded were {expected}.")
    if decoded.pixel_format != "rgb24" and decoded.subsampling != expected.subsampling:
        raise DecodeError(
            f"{cell}: the decoder gave {decoded}, with other chroma planes than were encoded: {expected}."
        )


def check_ledger(ledger: dict[str, int], stream: Path, cell: PlannedCell) -> None:
    """Raise `CodecError` unless the codec accounts for every byte of the file."""
    total, size_bytes = sum(ledger.values()), stream.stat().st_size
    if total != size_bytes:
        raise CodecError(f"{cell}: the ledger sums to {total:,} bytes, the file has {size_bytes:,}.")
