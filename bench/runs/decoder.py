"""The process that decodes one stream: ``python -m bench.runs.decoder`` in a scratch folder.

Its task names the stream and nothing else: no source, no checkpoint, no encoder's configuration.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from ..codec import Progress, Stopwatch
from ..errors import StreamError
from ..files import read_json
from ..records.record import Cost
from ..registry import decoder_of
from ..video.colour import Matrix
from ..video.raw import RawVideo, VideoFormat
from .process import NO_LIMIT, TimeLimit, run_process, serve

HIDDEN = frozenset({"BENCH_CACHE", "BENCH_DATA_ROOT"})
"""What could lead a decoder to the source."""


@dataclass(frozen=True)
class DecodeTask:
    stream: Path


@dataclass(frozen=True)
class DecodeResult:
    """The frames' format as the decoder found it in the stream, and the stream's ledger."""

    video: VideoFormat
    matrix: Matrix
    ledger: dict[str, int]


@dataclass(frozen=True)
class Decoded:
    """Decoded frames on disk, for as long as `decode` holds its scratch folder."""

    video: RawVideo
    matrix: Matrix
    ledger: dict[str, int]
    cost: Cost
    scratch: Path


@contextmanager
def decode(
    stream: Path, log: Path, progress: Progress, limit: TimeLimit = NO_LIMIT, *, one_core: bool = False
) -> Iterator[Decoded]:
    """Decode ``stream`` in a fresh process that sees only it and an empty folder.

    Raises `StreamError` for what is not a whole stream, `DecodeError` if the frames on disk are
    not those that the decoder reported, `CellError` if it crashed.
    """
    if not stream.is_file():
        raise StreamError(f"{stream} does not exist.")
    decoder_of(stream)
    with tempfile.TemporaryDirectory(prefix="bench-decode-") as name:
        scratch = Path(name)
        result, cost = run_process(
            "bench.runs.decoder",
            scratch,
            DecodeTask(stream.resolve()),
            DecodeResult,
            log=log,
            progress=progress,
            limit=limit,
            hide=HIDDEN,
            one_core=one_core,
        )
        video = RawVideo(scratch / "frames.raw", result.video)
        video.check_size()
        yield Decoded(video, result.matrix, result.ledger, cost, scratch)


def work(watch: Stopwatch, progress: Progress) -> DecodeResult:
    stream = read_json(Path("task.json"), DecodeTask).stream
    codec = decoder_of(stream)
    progress("decoding")
    video = codec.decode(stream, Path("frames.raw"), watch)
    return DecodeResult(video, codec.matrix(stream), codec.ledger(stream))


if __name__ == "__main__":
    serve(work)
