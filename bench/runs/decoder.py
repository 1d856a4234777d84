"""The process that decodes one stream: ``python -m bench.runs.decoder`` in a scratch folder.

Its task names the stream and its decoder, and nothing else: no source, no checkpoint, no encoder's configuration.
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
from ..registry import codecs, decoder_of
from ..video.colour import Matrix
from ..video.raw import RawVideo, VideoFormat
from .process import NO_LIMIT, TimeLimit, run_process, serve

HIDDEN = frozenset({"BENCH_CACHE", "BENCH_DATA_ROOT"})
"""What could lead a decoder to the source."""


@dataclass(frozen=True)
class DecodeTask:
    """``decoder`` is the name of the codec that decodes ``stream``, found by the stream alone (`decoder_of`)."""

    stream: Path
    decoder: str


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
    decoder = decoder_of(stream)
    with tempfile.TemporaryDirectory(prefix="bench-decode-") as name:
        scratch = Path(name)
        result, cost = run_process(
            "bench.runs.decoder",
            scratch,
            DecodeTask(stream.resolve(), decoder.name),
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
    task = read_json(Path("task.json"), DecodeTask)
    codec = codecs.load(task.decoder)
    progress("decoding")
    found = codec.decode(task.stream, Path("frames.raw"), watch)
    return DecodeResult(found.video, found.matrix, codec.ledger(task.stream))


if __name__ == "__main__":
    serve(work)
