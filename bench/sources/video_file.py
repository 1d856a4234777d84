"""A video on disk, and what decoding all of it tells."""

from __future__ import annotations

import dataclasses
import tempfile
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import IO, Any, Literal

from ..dataset import Source
from ..errors import SourceError, ToolError
from ..files import Content
from ..video import ffmpeg as tool
from ..video.colour_tags import ColourTags
from ..video.frame_rate import FrameRate, frame_rate
from ..video.paths import printable
from ..video.raw import PixelFormat, VideoFormat
from ..video.showinfo import FrameKind, ShownFrames, read_showinfo, shown
from .contents import cached_content

LOSSLESS = ("rawvideo", "ffv1", "ffvhuff", "huffyuv", "utvideo")
"""ffmpeg's names of the codecs that keep every sample."""

Kind = Literal["yuv", "y4m", "container", "elementary", "png"]
"""An elementary stream is what a codec writes, without a container and so without a time for each frame."""


@dataclass(frozen=True)
class StatedFormat:
    """What a user states about files that do not state it themselves: the ``size`` as (width, height) in pixels, the
    ``frame_rate`` in frames per second, and the ``pixel_format``. None stands for what is not stated."""

    size: tuple[int, int] | None = None
    frame_rate: Fraction | None = None
    pixel_format: PixelFormat | None = None


@dataclass(frozen=True)
class Reading:
    """What decoding all frames of a file gave: the digest and size of the raw frames, the frame rate that their times
    tell, and each kind of frame that came. The last two are not known of raw YUV, YUV4MPEG2 and PNG."""

    content: Content
    rate: FrameRate = field(default_factory=lambda: FrameRate(None))
    kinds: tuple[FrameKind, ...] = ()


@dataclass(frozen=True)
class VideoFile:
    """A video on disk. ``format.frames`` is 0 if the number of frames is not known before all are decoded; nor is the
    frame rate of a container known for certain.

    ``stream`` is an ffmpeg-python pipeline that gives the frames as they are to be shown, in ``format.pixel_format``.
    ``files`` are all files that it is read from. ``codec`` is ffmpeg's name of the codec that the file is coded with,
    and ``selector`` its specifier of the video stream. ``colour`` is what the file says of its colours. ``notes`` say
    in words what must be known of the file to read numbers that are measured on it.
    """

    path: Path
    kind: Kind
    format: VideoFormat
    stream: Any
    files: tuple[Path, ...]
    codec: str = "rawvideo"
    selector: str = "v:0"
    colour: ColourTags = field(default_factory=ColourTags)
    notes: tuple[str, ...] = ()
    seems_to_vary: bool = False
    """Whether the frame rate seems to vary by the file's header. `read` knows it for certain."""

    @property
    def lossless(self) -> bool:
        """Whether the file keeps the samples that were put into it."""
        return self.codec in LOSSLESS or self.kind == "png"

    @property
    def coded_bytes(self) -> int | None:
        """The size in bytes of the file's own lossy bitstream; None if it is lossless. Raises `ToolError`."""
        return None if self.lossless else tool.coded_bytes(self.path, self.selector)

    def read(self, cache: Path) -> tuple[VideoFile, Content]:
        """Decode all frames. Returns the file with what that tells of it, and the digest and size of the raw frames.

        Of frames that come at varying times, the average rate is taken. ``cache`` keeps the result until the file
        changes. Raises `SourceError` if anything in the file cannot be read, and `StoreError` if the cache cannot be
        written.
        """
        # The command names everything that decides the frames, such as the stream that is read and how it is turned.
        command = tool.command_line(self.stream.output("-", pix_fmt=self.format.pixel_format))[1:]
        question = f"frames and their times, decoded by ffmpeg {tool.version()} {command}"
        try:
            reading = cached_content(self.files, question, cache, self._decode, Reading)
        except ToolError as error:
            raise SourceError(f"{printable(self.path)} is damaged. {error}") from error
        self._check_kinds(reading.kinds)
        form = dataclasses.replace(self.format, frame_rate=reading.rate.average or self.format.frame_rate)
        frames, rest = divmod(reading.content.size_bytes, form.frame_bytes)
        if rest or not frames or frames != (form.frames or frames):
            raise SourceError(
                f"{printable(self.path)}: decoding gave {frames} frames of {form.width}x{form.height} "
                f"and {rest} bytes; expected {form.frames or 'at least one'}. It is damaged, or its frames "
                "differ in size."
            )
        notes = self.notes
        if not reading.rate.steady:
            notes += (f"the frame rate varies; it is {float(form.frame_rate):.2f} frames per second on average",)
        return dataclasses.replace(self, format=dataclasses.replace(form, frames=frames), notes=notes), reading.content

    def _decode(self) -> Reading:
        form, task = self.format.pixel_format, f"Reading {printable(self.path.name)}"
        if self.kind not in ("container", "elementary"):
            return Reading(tool.decoded_content(self.stream, form, task))
        with tempfile.TemporaryFile() as log:
            try:
                content = tool.decoded_content(shown(self.stream), form, task, log)
            except ToolError:
                self._check_kinds(tuple(_frames_in(log).kinds))  # a change of size makes ffmpeg fail, too
                raise
            frames = _frames_in(log)
        kinds = tuple(frames.kinds)
        if self.kind == "elementary":  # its times are ffmpeg's own
            return Reading(content, kinds=kinds)
        return Reading(content, frame_rate(frames.pts, frames.last_duration, frames.tick, frames.frame_rate), kinds)

    def _check_kinds(self, kinds: tuple[FrameKind, ...]) -> None:
        if any(not kind.progressive for kind in kinds):
            raise SourceError(f"{printable(self.path)} {INTERLACED}")
        if len(kinds) > 1:
            named = [f"{kind.width}x{kind.height} {kind.pixel_format}" for kind in kinds]
            raise SourceError(
                f"{printable(self.path)}: the frames are not of one kind: {named[0]}, then {named[1]}. Cut it into "
                "videos of one kind each."
            )


def _frames_in(log: IO[bytes]) -> ShownFrames:
    log.seek(0)
    return read_showinfo(line.decode(errors="replace") for line in log)


INTERLACED = (
    "holds interlaced frames; only progressive video can be read. Deinterlace it first, for example with "
    "ffmpeg's filter bwdif."
)


def source_of(file: VideoFile, content: Content, **facts: Any) -> Source:
    """The facts about a sequence that were read from ``file``, which decodes to ``content``, with other ``facts``."""
    return Source(
        sha256=content.sha256,
        frames=file.format.frames,
        size=(file.format.width, file.format.height),
        colour=file.colour,
        notes=file.notes,
        **facts,
    )
