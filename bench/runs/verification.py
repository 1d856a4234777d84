"""Whether what a record states still holds: its stream is decoded again, and measured where the source is here.

Nothing in the results directory is written: what this needs lies in a scratch folder of the caller's.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeVar, get_args

import msgspec
import numpy as np

from ..codec import Codec, Progress
from ..dataset import Clip
from ..errors import BenchError, SourceError, StoreError, ToolError, UsageError
from ..files import file_sha256
from ..measure.families import FAMILIES
from ..measure.proof import tools_in_words, with_families
from ..measure.quality import measure_quality
from ..records import environment
from ..records.environment import Environment
from ..records.kept_frame import frame_in_rgb, read_kept
from ..records.record import Quality, Record, StreamFacts
from ..records.store import Store, read_record
from ..registry import open_dataset
from ..sources.cache import cache_folder
from ..video import colour
from ..video.raw import Frame
from .cell import compared
from .decoder import Decoded, decode
from .encoder import EncodeTask, make_codec
from .stream import describe_stream, encode_to

T = TypeVar("T")

Verdict = Literal["same", "drifted", "missing", "broken"]
"""From the lightest to the gravest. A cell is ``drifted`` if its network decodes to other samples, within the limits.
``missing`` is a stream without its record, or a record without its stream."""
VERDICTS: tuple[Verdict, ...] = get_args(Verdict)

DRIFT_LIMIT_DB = 0.02
"""The most by which the PSNR of a frame, or of the clip, may change from one decode of a network to another. It is
twice what an encoder allows bfloat16 to change on the frames that it tries (`results/benchmarks/drift.md`)."""
DRIFT_LIMIT_MS_SSIM = 0.0005
"""The same of the MS-SSIM of the clip."""
KEPT_FRAME_LIMIT_DB = 48.0
"""The least PSNR between two decodes of a network's kept frame: what it is if every sample differs by one."""
ROUNDING_DB = 1e-9
"""The most by which a PSNR of the same frames may differ. It follows from integers by one logarithm and one mean."""
ROUNDING_MS_SSIM = 1e-5
"""The most by which an MS-SSIM of the same frames may differ. It is computed in float32, on a GPU by other code."""

ROUNDING_OTHERS = 0.01
"""The most by which VMAF, XPSNR, SSIM or SSIMULACRA2 of the same frames may differ, by the same version of their tool
on another processor."""
OTHERS = frozenset(name for family in FAMILIES.values() for name in family.least)

Encoding = Literal["same bytes", "other bytes", "not encoded"]
"""What came of encoding again."""


@dataclass(frozen=True)
class Observation:
    """One thing that was seen of a cell, in ``words``, and the ``verdict`` that it leads to by itself."""

    verdict: Verdict
    words: str


@dataclass(frozen=True)
class Finding:
    """What was found of one cell. ``name`` is that of its files. ``measured`` says whether its metrics were measured
    again; ``encoding`` is None where that was not asked for or not come to."""

    name: str
    observations: tuple[Observation, ...] = ()
    measured: bool = False
    encoding: Encoding | None = None

    @property
    def verdict(self) -> Verdict:
        """The gravest of the observations'."""
        return max((seen.verdict for seen in self.observations), key=VERDICTS.index, default="same")

    @property
    def words(self) -> str:
        """All observations, the gravest first."""
        ordered = sorted(self.observations, key=lambda seen: -VERDICTS.index(seen.verdict))
        return "; ".join(seen.words for seen in ordered)


@dataclass(frozen=True)
class PictureDrift:
    """How far two decodes of one picture lie apart: the ``share`` of its samples that differ, the ``largest``
    difference, and the PSNR between them, which is infinite for the same samples."""

    share: float
    largest: int
    between_db: float

    def __str__(self) -> str:
        if not self.largest:
            return "no sample of the kept frame differs"
        return (
            f"{100 * self.share:.4f} % of the kept frame's samples differ, by {self.largest} at most, "
            f"{self.between_db:.1f} dB between the decodes"
        )


# --- What there is to verify


def read_records(store: Store) -> dict[str, Record | StoreError]:
    """The records of a results directory by the names of their files, in that order; of one that cannot be read, the
    error."""
    return {path.stem: _read(path) for path in sorted((store.root / "records").glob("*.json"))}


def _read(path: Path) -> Record | StoreError:
    try:
        return read_record(path)[0]
    except StoreError as error:
        return error


def streams_without_records(store: Store) -> list[Finding]:
    """The streams beside which there is no record, readable or not."""
    return [
        Finding(path.stem, (Observation("missing", f"the stream streams/{path.name} has no record"),))
        for path in sorted((store.root / "streams").glob("*"))
        if path.is_file() and not store.record_path(path.stem).exists()
    ]


def sample(items: Sequence[T], count: int) -> list[T]:
    """``count`` of the items, evenly spread over their order: the middle one of each of so many equal parts. All of
    them if there are no more."""
    count = min(count, len(items))
    return [items[(2 * part + 1) * len(items) // (2 * count)] for part in range(count)]


def open_source(stated: Clip) -> Clip | str:
    """The clip that a record names, from the dataset that it names; or why that clip is not here."""
    source = stated.source
    try:
        dataset = open_dataset(source.dataset)
        if source.sequence not in dataset.sequences:
            return f"the dataset {source.dataset} has no sequence {source.sequence} here"
        dataset.check([source.sequence])
        clip = dataset.open(source.sequence, stated.cut, cache_folder(), stated.matrix)
    except (UsageError, SourceError, ToolError) as error:
        return str(error)
    if (clip.yuv_sha256, clip.rgb_sha256) != (stated.yuv_sha256, stated.rgb_sha256):
        return f"the samples of {stated.name} here are not those that the record names"
    return clip


# --- One cell


def verify(
    name: str, record: Record, store: Store, source: Clip | str, scratch: Path, progress: Progress, *, reencode: bool
) -> Finding:
    """What has become of the cell ``name``, whose record says that it is done.

    ``source`` is its clip, or why that is not here. With ``reencode`` its stream is also made again. ``scratch`` is an
    empty folder.
    """
    try:
        return examine(name, record, store, source, scratch, progress, reencode=reencode)
    except Exception as error:  # a record from elsewhere may state anything, and the rest must go on
        return Finding(name, (Observation("broken", f"{type(error).__name__}: {error}"),))


def examine(
    name: str, record: Record, store: Store, source: Clip | str, scratch: Path, progress: Progress, *, reencode: bool
) -> Finding:
    """What `verify` finds. Raises whatever a record leads to that states what cannot be."""
    facts, recorded = record.stream, record.quality
    if facts is None or recorded is None:
        return Finding(name, (Observation("broken", "the record is of a finished cell, without stream or quality"),))
    stream = store.root.resolve() / facts.path
    if not stream.is_file():
        return Finding(name, (Observation("missing", f"the stream {facts.path} is not there"),))
    seen = [*altered_facts(facts, describe_stream(stream, store, facts.ledger, record.clip.yuv.format))]
    if seen:
        return Finding(name, tuple(seen))
    measured, encoding = False, None
    try:
        with decode(stream, scratch / "log", progress, beside=scratch) as decoded:
            seen += compare_decode(record, facts, recorded, store, source, decoded, progress)
        measured = isinstance(source, Clip)
        if reencode:
            encoding, words = encode_again(record, facts, source, scratch, progress)
            seen.append(words)
    except BenchError as error:
        seen.append(Observation("broken", f"{type(error).__name__}: {error}"))
    return Finding(name, tuple(seen), measured, encoding)


def altered_facts(recorded: StreamFacts, found: StreamFacts) -> Iterator[Observation]:
    """In what a stream on disk is not what its record states."""
    if found.size_bytes != recorded.size_bytes:
        yield Observation(
            "broken", f"the stream has {found.size_bytes:,} bytes, the record states {recorded.size_bytes:,}"
        )
    elif found.sha256 != recorded.sha256:
        yield Observation(
            "broken", "the stream is damaged or another one: it has not the SHA-256 that the record states"
        )
    elif not math.isclose(found.bits_per_pixel, recorded.bits_per_pixel, rel_tol=1e-12):
        yield Observation(
            "broken", f"the rate is {found.bits_per_pixel:.6f} bpp, the record states {recorded.bits_per_pixel:.6f}"
        )
    elif not math.isclose(found.bitrate_mbps, recorded.bitrate_mbps, rel_tol=1e-12):
        yield Observation(
            "broken", f"the rate is {found.bitrate_mbps:.6f} Mbit/s, the record states {recorded.bitrate_mbps:.6f}"
        )


def compare_decode(
    record: Record,
    facts: StreamFacts,
    recorded: Quality,
    store: Store,
    source: Clip | str,
    decoded: Decoded,
    progress: Progress,
) -> Iterator[Observation]:
    """In what ``decoded`` is not what the record states. Raises what measuring raises."""
    form, expected = decoded.video.format, record.clip.yuv.format
    if (form.width, form.height, form.frames) != (expected.width, expected.height, expected.frames):
        yield Observation("broken", f"the decoder gives {form}, the record states {expected}")
        return
    if decoded.ledger != facts.ledger:
        yield Observation("broken", f"the ledger is {decoded.ledger}, the record states {facts.ledger}")
    shown = colour.rounded(decoded.video, expected.pixel_format, decoded.scratch / "rounded.yuv", record.clip.matrix)
    picture: PictureDrift | None = None
    if record.still is not None:
        try:
            kept = read_kept(store.root, record.still.decoded)
            picture = picture_drift(kept, frame_in_rgb(shown, record.still.index, record.clip.matrix, decoded.scratch))
        except StoreError as error:
            yield Observation("broken" if (store.root / record.still.decoded.path).exists() else "same", str(error))
    measured: Quality | None = None
    if isinstance(source, Clip):
        progress("measuring")
        measured = measure_quality(source, shown)
        if names := measured_alike(recorded):
            measured = with_families(measured, names, compared(source, shown, decoded.scratch))
    if decoded.video.sha256() == record.frames_sha256:
        if picture is not None and picture.share:
            yield Observation("broken", f"the frames are the record's, but the kept frame is another: {picture}")
        if measured is not None:
            yield from changed_metrics(recorded, measured)
    elif record.codec.family == "standard":
        words = f": {picture}" if picture else ""
        yield Observation("broken", f"it decodes to other samples, which is no drift for a standard codec{words}")
    else:
        yield from judge_drift(record, recorded, picture, measured)


def measured_alike(recorded: Quality) -> list[str]:
    """The families of metrics that a record has from the very tools that are here."""
    return [
        family.name
        for family in FAMILIES.values()
        if all(name in recorded.clip and recorded.tools.get(name) == tools_in_words(family) for name in family.least)
    ]


def picture_drift(kept: Frame, here: Frame) -> PictureDrift:
    """How far two decodes of a frame lie apart, arrays of 8 bits and of shape (height, width, 3). Raises `StoreError`
    if the kept one has another shape."""
    if kept.shape != here.shape:
        raise StoreError(f"The kept frame has the shape {kept.shape}, a decoded one {here.shape}.")
    distance = np.abs(kept.astype(np.int16) - here)
    error = float(np.square(distance.astype(np.float64)).mean())
    between_db = 10 * math.log10(255**2 / error) if error else math.inf
    return PictureDrift(np.count_nonzero(distance) / distance.size, int(distance.max()), between_db)


def judge_drift(
    record: Record, recorded: Quality, picture: PictureDrift | None, measured: Quality | None
) -> Iterator[Observation]:
    """How far the decode of a network lies from the one that its record is of, and whether that is too far."""
    if picture is None and measured is None:
        yield Observation("broken", "it decodes to other samples; neither source nor kept frame is here to say how far")
    if environment.describe().machine == record.environment.machine:
        yield Observation("drifted", "it decodes to other samples on a machine like the record's")
    if picture is not None:
        yield Observation("broken" if picture.between_db < KEPT_FRAME_LIMIT_DB else "drifted", str(picture))
    if measured is not None:
        pairs = zip(recorded.frames["psnr_rgb"], measured.frames["psnr_rgb"], strict=True)
        frame_db = max(abs((a or 0.0) - (b or 0.0)) for a, b in pairs)
        clip_db = measured.clip["psnr_rgb"] - recorded.clip["psnr_rgb"]
        yield Observation(
            "broken" if frame_db > DRIFT_LIMIT_DB else "drifted",
            f"the PSNR of single frames changes by {frame_db:.5f} dB at most, that of the clip by {clip_db:+.5f} dB",
        )
        yield from changed_values(recorded.clip, measured.clip, DRIFT_LIMIT_DB, DRIFT_LIMIT_MS_SSIM)


def changed_metrics(recorded: Quality, measured: Quality) -> Iterator[Observation]:
    """The metrics that a record states of the same frames and that are not so, over the clip and in single frames."""
    yield from changed_values(recorded.clip, measured.clip, ROUNDING_DB, ROUNDING_MS_SSIM)
    for name in recorded.frames.keys() & measured.frames.keys():
        stated, here = recorded.frames[name], measured.frames[name]
        if len(stated) != len(here):
            yield Observation("broken", f"there are {len(here)} values of {name}, the record states {len(stated)}")
            continue
        tolerance = (
            ROUNDING_OTHERS if name in OTHERS else ROUNDING_MS_SSIM if name.startswith("ms_ssim") else ROUNDING_DB
        )
        wrong = [i for i, (a, b) in enumerate(zip(stated, here, strict=True)) if not _close(a, b, tolerance)]
        if wrong:
            first = wrong[0]
            yield Observation("broken", f"{name} of frame {first} is {here[first]}, the record states {stated[first]}")


def _close(a: float | None, b: float | None, tolerance: float) -> bool:
    """Whether two values of a metric are the same, where None is that there is none."""
    return a is b if a is None or b is None else abs(a - b) <= tolerance


def changed_values(
    recorded: Mapping[str, float], measured: Mapping[str, float], tolerance_db: float, tolerance_ms_ssim: float
) -> Iterator[Observation]:
    """The metrics that both have, and that differ by more than the tolerance for their unit."""
    for name in sorted(recorded.keys() & measured.keys()):
        a, b = recorded[name], measured[name]
        if name == "ms_ssim_rgb_db":  # near 1, the smallest change of an MS-SSIM is many dB
            close = _close(10 ** (-a / 10), 10 ** (-b / 10), tolerance_ms_ssim)
        else:
            others = max(tolerance_db, ROUNDING_OTHERS) if name in OTHERS else tolerance_db
            close = _close(a, b, tolerance_ms_ssim if name == "ms_ssim_rgb" else others)
        if not close:
            yield Observation("broken", f"{name} is {b:.6f}, the record states {a:.6f}")


# --- Encoding again


def encode_again(
    record: Record, facts: StreamFacts, source: Clip | str, scratch: Path, progress: Progress
) -> tuple[Encoding, Observation]:
    """Make the stream of a record again in ``scratch``, and say how its bytes differ. Raises what encoding raises."""
    if isinstance(source, str):
        return "not encoded", Observation("same", "it cannot be encoded again without its source")
    try:
        codec = make_codec(record.codec.name, record.codec.parameters)
        reason = codec.missing() or codec.skip(source)
    except (UsageError, msgspec.ValidationError) as error:
        reason = str(error)
    if reason is not None:
        return "not encoded", Observation("same", f"it cannot be encoded again: {reason}")
    made = scratch / f"again{codec.suffix}"
    task = EncodeTask(codec.name, codec.parameters(), source, record.seed, made, scratch / "checkpoints")
    encode_to(task, scratch, scratch / "log", progress)
    if file_sha256(made) == facts.sha256:
        return "same bytes", Observation("same", "it is encoded to the same bytes")
    words = f"it is encoded to other bytes, {made.stat().st_size:,} instead of {facts.size_bytes:,}"
    reasons = reasons_for_other_bytes(record, codec, environment.describe())
    if reasons:
        return "other bytes", Observation("same", f"{words}, as it may be: {', '.join(reasons)}")
    return "other bytes", Observation("broken", f"{words}, and nothing that decides them is known to differ")


def reasons_for_other_bytes(record: Record, codec: Codec, here: Environment) -> list[str]:
    """Why ``codec``, with the parameters of the record, may write other bytes in the environment ``here``."""
    stated, then = record.codec, record.environment
    reasons = []
    if codec.version != stated.version:
        reasons.append(f"the codec has version {codec.version}, not {stated.version}")
    tools = codec.tools()
    reasons += [
        f"{tool} has version {tools.get(tool, 'none')}, not {stated.tools.get(tool, 'none')}"
        for tool in dict.fromkeys([*stated.tools, *tools])
        if tools.get(tool) != stated.tools.get(tool)
    ]
    if stated.portable:
        return reasons
    if record.encode is None:
        reasons.append("the record does not say on which machine it was encoded")
    if here.instruction_sets != then.instruction_sets:
        reasons.append("this processor has other instructions")
    if stated.family == "implicit":
        if here.cores != then.cores:
            reasons.append(f"there are {here.cores} cores, not {then.cores}")
        if (here.cpu, here.gpu) != (then.cpu, then.gpu):
            reasons.append(f"this is {here.gpu or here.cpu}, not {then.gpu or then.cpu}")
    return reasons
