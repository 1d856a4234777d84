"""What every codec that runs through ffmpeg shares; each is a declaration over it."""

from __future__ import annotations

import dataclasses
import shlex
import sys
from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any, ClassVar

import ffmpeg

from bench.codec import Codec, DecodedFormat, Family, Job, Stopwatch
from bench.dataset import Clip
from bench.errors import StreamError, ToolError
from bench.video import ffmpeg as tool
from bench.video.paths import as_argument
from bench.video.raw import YUV_FORMATS, PixelFormat

from .elementary import END, Syntax, split_bytes
from .structure import KEY_FRAME_INTERVAL


@dataclass(frozen=True)
class FFmpegCodec(Codec):
    """A standard codec: fed the source's own YUV, written as an elementary stream.

    The stream holds its parameter sets and the unit that ends it, and nothing that advertises the
    encoder, so that its size is the rate. Where an encoder's bytes depend on the number of its threads, that is
    fixed; where they depend on the processor's instruction sets, the ones used are those that nearly all have.
    """

    family: ClassVar[Family] = "standard"
    encoder: ClassVar[str]
    """ffmpeg's name of the encoder."""
    muxer: ClassVar[str]
    """ffmpeg's name of the elementary stream's format, for writing and reading."""
    syntax: ClassVar[Syntax]
    takes: ClassVar[tuple[PixelFormat, ...]] = YUV_FORMATS
    takes_odd_sizes: ClassVar[bool] = False
    """Also where the chroma planes are subsampled."""

    @abstractmethod
    def options(self) -> dict[str, Any]:
        """ffmpeg's output options for these parameters."""

    def tools(self) -> dict[str, str]:
        encoder = {} if self.missing() else {self.encoder: tool.encoder_version(self.encoder)}
        return {"ffmpeg": tool.version()} | encoder

    @classmethod
    def missing(cls) -> str | None:
        return tool.missing_encoder(cls.encoder)

    def skip(self, clip: Clip) -> str | None:
        form = clip.yuv.format
        if form.pixel_format not in self.takes:
            return f"{self.name} takes {', '.join(self.takes)}; this clip is {form.pixel_format}"
        columns, rows = form.subsampling
        if not self.takes_odd_sizes and (form.width % columns or form.height % rows):
            size = f"{form.width}x{form.height} {form.pixel_format}"
            return f"{self.name} takes sizes that chroma divides; this clip is {size}"
        return None

    def coded_format(self, source: PixelFormat) -> PixelFormat:
        """The pixel format in which the encoder gets a clip."""
        return source

    def encode(self, clip: Clip, stream: Path, job: Job) -> None:
        job.progress("encoding")
        commands = self.run_encoder(clip, stream, job)
        job.notes["command"] = commands[0] if len(commands) == 1 else commands
        if not stream.exists() or stream.stat().st_size == 0:
            raise ToolError(f"{self.name}: ffmpeg reported success but wrote nothing for {clip.name}.")
        with stream.open("ab") as file:
            file.write(END[self.syntax])

    def run_encoder(self, clip: Clip, stream: Path, job: Job) -> list[str]:
        """Write ``stream``, without the unit that ends it, and return the commands that did it."""
        return [self.run_pass(clip, stream, job, "encoding")]

    def run_pass(
        self, clip: Clip, output: Path, job: Job, part: str, more: Mapping[str, Any] = MappingProxyType({})
    ) -> str:
        """Run ffmpeg once over the clip, with ``more`` options, as a part of the time. Returns the command."""
        source, coded = clip.yuv.format.pixel_format, self.coded_format(clip.yuv.format.pixel_format)
        options = {"format": self.muxer, "vcodec": self.encoder, "g": KEY_FRAME_INTERVAL, **self.options(), **more}
        if coded != source:
            options["pix_fmt"] = coded
        with job.watch.part(part):
            outcome = tool.run(
                tool.raw_input(clip.yuv).output(as_argument(output), **options), f"{self.name}: encoding {clip.name}"
            )
        print(outcome.stderr, file=sys.stderr)
        return shlex.join(Path(word).name if word.startswith("/") else word for word in outcome.command)

    @classmethod
    def decode(cls, stream: Path, frames: Path, watch: Stopwatch) -> DecodedFormat:
        if stream.stat().st_size == 0:
            raise StreamError(f"{stream.name} is empty.")
        if not stream.read_bytes().endswith(END[cls.syntax]):
            raise StreamError(f"{stream.name} is truncated or not a {cls.name} stream: its last unit is missing.")
        try:
            source = ffmpeg.input(as_argument(stream), format=cls.muxer)
            one = tool.probe(source, stream.name).format
            output = source.output(
                as_argument(frames), format="rawvideo", pix_fmt=one.pixel_format, fps_mode="passthrough"
            )
            with watch.part("decoding"):
                tool.run(output, f"{cls.name}: decoding {stream.name}", strict=True)
        except ToolError as error:
            raise StreamError(f"{stream.name} is truncated, damaged or not a {cls.name} stream. {error}") from error
        count, rest = divmod(frames.stat().st_size, one.frame_bytes)
        if rest or not count:
            raise StreamError(
                f"{stream.name}: decoding gave {count} frames and {rest} bytes of {one.width}x{one.height}."
            )
        return DecodedFormat(dataclasses.replace(one, frames=count))

    @classmethod
    def ledger(cls, stream: Path) -> dict[str, int]:
        return split_bytes(stream.read_bytes(), cls.syntax)
