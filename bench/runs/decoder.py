"""The process that decodes one stream: ``python -m bench.runs.decoder`` in a scratch folder.

The stream lies alone in that folder, under a neutral name, and `bench.runs.isolation` keeps the process from all other
places. Its task names the stream and its decoder: no source, no checkpoint, no encoder's configuration.
"""

from __future__ import annotations

import dataclasses
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from ..codec import Progress, Stopwatch
from ..errors import StreamError
from ..files import read_json
from ..records.record import Cost, Isolation
from ..registry import codecs, decoder_of
from ..video.colour import Matrix
from ..video.raw import RawVideo, VideoFormat
from .isolation import carriers, code_of, confine
from .process import NO_LIMIT, TimeLimit, run_process, serve
from .share import WHOLE, Share

HIDDEN = frozenset({"BENCH_CACHE", "BENCH_DATA_ROOT", "OLDPWD", "PWD"})
"""What could lead a decoder to the source."""
FRAMES = Path("frames.raw")


@dataclass(frozen=True)
class DecodeTask:
    """``stream`` is the name of a file in the process's own folder. ``decoder`` is the name of the codec that decodes
    it, found by the stream alone (`decoder_of`). ``hidden`` are folders of packages that carry videos (`confine`)."""

    stream: str
    decoder: str
    hidden: list[Path]


@dataclass(frozen=True)
class DecodeResult:
    """The frames' format as the decoder found it in the stream, the ledger, and what kept the decoder to the stream."""

    video: VideoFormat
    matrix: Matrix
    ledger: dict[str, int]
    isolation: Isolation = "folder"


@dataclass(frozen=True)
class Decoded:
    """Decoded frames on disk, for as long as `decode` holds its scratch folder."""

    video: RawVideo
    matrix: Matrix
    ledger: dict[str, int]
    isolation: Isolation
    cost: Cost
    scratch: Path


@contextmanager
def decode(
    stream: Path,
    log: Path,
    progress: Progress,
    limit: TimeLimit = NO_LIMIT,
    *,
    share: Share = WHOLE,
    beside: Path | None = None,
) -> Iterator[Decoded]:
    """Decode ``stream`` in a fresh process that sees only it, under another name, in a folder of its own.

    That folder is made in ``beside``, else among the system's temporary ones. Raises `StreamError` for what is not a
    whole stream, `DecodeError` if the frames on disk are not those that the decoder reported, `CellError` if it
    crashed.
    """
    if not stream.is_file():
        raise StreamError(f"{stream} does not exist.")
    decoder = decoder_of(stream)
    with tempfile.TemporaryDirectory(dir=beside, prefix="bench-decode-") as name:
        scratch = Path(name).resolve()
        alone = scratch / f"stream{stream.suffix}"
        shutil.copyfile(stream, alone)  # not linked: what a decoder does to it stays here
        try:
            result, cost = run_process(
                "bench.runs.decoder",
                scratch,
                DecodeTask(alone.name, decoder.name, carriers()),
                DecodeResult,
                log=log,
                progress=progress,
                limit=limit,
                hide=HIDDEN,
                share=share,
            )
        except StreamError as error:  # a reader knows the stream by its own name
            raise StreamError(str(error).replace(alone.name, stream.name)) from error
        video = RawVideo(scratch / FRAMES, result.video)
        video.check_size()
        yield Decoded(video, result.matrix, result.ledger, result.isolation, cost, scratch)


def work(watch: Stopwatch, progress: Progress) -> DecodeResult:
    """Decode the stream of the task in the current folder."""
    task = read_json(Path("task.json"), DecodeTask)
    stream, codec = Path(task.stream), codecs.load(task.decoder)
    progress("decoding")
    decoded = codec.decode(stream, FRAMES, watch)
    return DecodeResult(decoded.video, decoded.matrix, codec.ledger(stream))


def main() -> None:
    """What ``python -m bench.runs.decoder`` does: confine itself, then decode."""
    isolation: list[Isolation] = []

    def confined_work(watch: Stopwatch, progress: Progress) -> DecodeResult:
        return dataclasses.replace(work(watch, progress), isolation=isolation[0])

    def confine_here() -> None:
        task = read_json(Path("task.json"), DecodeTask)
        isolation.append(confine(Path.cwd(), task.hidden, code_of(task.decoder)))

    serve(confined_work, confine_here)


if __name__ == "__main__":
    main()
