"""Opening a container or an elementary stream: which of its streams is read, and what its first frame shows."""

from __future__ import annotations

import dataclasses
from fractions import Fraction
from pathlib import Path
from typing import Any

import ffmpeg

from ..errors import SourceError
from ..video import ffmpeg as tool
from ..video.orientation import Orientation, orientation
from ..video.paths import as_argument, printable
from ..video.raw import YUV_FORMATS, PixelFormat, VideoFormat
from ..video.showinfo import FrameKind, ShownFrames, read_showinfo, shown
from ..video.streams import VideoStream, moving_pictures, video_streams
from .video_file import INTERLACED, StatedFormat, VideoFile

CONTAINERS = (
    *(".mp4", ".mkv", ".mov", ".webm", ".avi", ".m4v", ".ts", ".m2ts", ".mts", ".mpg", ".mpeg", ".vob", ".mxf"),
    *(".flv", ".wmv", ".asf", ".3gp", ".3g2", ".ogv", ".nut", ".ivf"),
)
ELEMENTARY = (*(".264", ".h264", ".avc", ".265", ".h265", ".hevc", ".266", ".h266", ".vvc", ".obu", ".av1", ".m2v"),)
"""Suffixes of what a codec writes without a container."""

REORDERED: dict[str, PixelFormat] = {
    **dict.fromkeys(("nv12", "nv21"), "yuv420p"),
    **dict.fromkeys(("nv16", "yuyv422", "uyvy422", "yvyu422"), "yuv422p"),
    **dict.fromkeys(("nv24", "nv42", "vyu444"), "yuv444p"),
    **dict.fromkeys(("p010le", "p010be", "yuv420p10be"), "yuv420p10le"),
    **dict.fromkeys(("p210le", "p210be", "nv20le", "nv20be", "y210le", "yuv422p10be"), "yuv422p10le"),
    **dict.fromkeys(("p410le", "p410be", "xv30le", "yuv444p10be"), "yuv444p10le"),
}
"""The pixel format that holds the same samples in another order."""

UNLIKELY_RATE = Fraction(7919, 1000)
"""ffmpeg is told this frame rate for an elementary stream: if it then has it, the stream states none."""


def open_container(path: Path, stated: StatedFormat) -> VideoFile:
    """The moving picture in the file at ``path``. ``stated`` may tell the frame rate of an elementary stream.

    Raises `SourceError` for a file that cannot be read without loss, `StreamError` for a display matrix that is not
    taken, and `ToolError` if ffmpeg cannot read the file.
    """
    elementary = path.suffix.lower() in ELEMENTARY
    rate = {"framerate": str(UNLIKELY_RATE)} if elementary else {}
    source = ffmpeg.input(as_argument(path), noautorotate=None, **rate)
    name = printable(path.name)
    streams = moving_pictures(video_streams(source, name))
    if not streams:
        raise SourceError(f"{printable(path)} cannot be used: it holds no video.")
    chosen, selector = streams[0], str(streams[0].index)
    first = _first_frame(path, selector, rate)
    (kind, *_) = first.kinds
    _check(path, chosen, kind, first)
    turned = orientation(source[selector], name) if _has_matrix(first) else None
    form = _format(path, kind, turned, _frame_rate(path, first, stated, elementary))
    stream = source[selector]
    if form.pixel_format != kind.pixel_format:
        stream = stream.filter("format", form.pixel_format)
    if turned:
        stream = turned.apply(stream)
    return VideoFile(
        path,
        "elementary" if elementary else "container",
        form,
        stream,
        (path,),
        chosen.codec,
        selector,
        first.colour,
        tuple(_notes(streams, first, turned)),
        seems_to_vary=not elementary and _seems_to_vary(chosen, form),
    )


def _seems_to_vary(stream: VideoStream, form: VideoFormat) -> bool:
    average = stream.average_rate
    return average is not None and abs(average / form.frame_rate - 1) > Fraction(1, 100)


def _first_frame(path: Path, selector: str, options: dict[str, str]) -> ShownFrames:
    """What the first frame shows. Film grain is left out here, since ffmpeg names it only then."""
    source = ffmpeg.input(as_argument(path), noautorotate=None, export_side_data="film_grain", **options)
    output = shown(source[selector]).output("-", format="null", **{"frames:v": 1})
    done = tool.run(output, f"Reading the first frame of {printable(path.name)}")
    first = read_showinfo(done.stderr.splitlines())
    if not first.kinds:
        raise SourceError(f"{printable(path)} cannot be used: its video holds no frame that can be decoded.")
    return first


def _has_matrix(first: ShownFrames) -> bool:
    return any("displaymatrix" in data.lower().replace(" ", "") for data in first.side_data)


def _frame_rate(path: Path, first: ShownFrames, stated: StatedFormat, elementary: bool) -> Fraction:
    rate = first.frame_rate
    if not elementary:
        if rate is None:
            raise SourceError(
                f"{printable(path)} states no frame rate. Give it one, for example with "
                f"ffmpeg -i {printable(path.name)} -c copy new.mkv."
            )
        return rate
    if stated.frame_rate:
        return stated.frame_rate
    if rate is None or abs(rate - UNLIKELY_RATE) < Fraction(1, 100):
        raise SourceError(f"{printable(path)} states no frame rate. Say it as --source-format @25.")
    return rate


def _check(path: Path, stream: VideoStream, kind: FrameKind, first: ShownFrames) -> None:
    """Raise `SourceError` for a video whose samples are not taken."""
    name = printable(path.name)
    if not kind.progressive or stream.interlaced:
        raise SourceError(f"{printable(path)} cannot be used: it {INTERLACED}")
    if kind.pixel_format not in (*YUV_FORMATS, *REORDERED):
        raise SourceError(
            f"{printable(path)} cannot be used: it holds {kind.pixel_format}, {_refusal(kind.pixel_format, name)}"
        )
    if first.full_range:
        raise SourceError(
            f"{printable(path)} cannot be used: its samples are of full range; only limited range can be read. Convert "
            f"it first, which rounds samples: ffmpeg -i {name} -vf scale=out_range=limited -c:v ffv1 new.mkv."
        )
    if kind.pixel_format == "p010le" and (kind.width % 2 or kind.height % 2):
        raise SourceError(
            f"{printable(path)} cannot be used: ffmpeg does not reorder p010le of the odd size "
            f"{kind.width}x{kind.height} exactly. Crop it to an even size first."
        )


def _refusal(pixel_format: str, name: str) -> str:
    """Why a pixel format is not read, and what helps."""
    if pixel_format.startswith("yuvj"):
        return (
            "which is of full range; only limited range can be read. Convert it first, which rounds samples: "
            f"ffmpeg -i {name} -vf scale=out_range=limited -c:v ffv1 new.mkv."
        )
    if pixel_format.startswith(("yuva", "gbrap", "rgba", "bgra", "argb", "abgr", "ya8", "ya16", "ayuv", "vuya")):
        return (
            "which has transparency, and no codec here codes that. Leave it out: "
            f"ffmpeg -i {name} -pix_fmt yuv420p -c:v ffv1 new.mkv."
        )
    if pixel_format.startswith(("rgb", "bgr", "gbr", "0rgb", "0bgr", "x2rgb", "x2bgr", "pal8")):
        return (
            "which is RGB. RGB is read from PNG files, with --source-format @RATE: "
            f"ffmpeg -i {name} -pix_fmt rgb24 frames/%05d.png."
        )
    if pixel_format.startswith(("gray", "mono")):
        return f"which has no colour. Give it neutral chroma: ffmpeg -i {name} -pix_fmt yuv420p -c:v ffv1 new.mkv."
    return (
        f"and what can be read is {', '.join(YUV_FORMATS)} in any order of samples. Convert it first, which changes "
        f"samples: ffmpeg -i {name} -pix_fmt yuv420p10le -c:v ffv1 new.mkv."
    )


def _format(path: Path, kind: FrameKind, turned: Orientation | None, rate: Fraction) -> VideoFormat:
    """The format of the frames as they are shown. Raises `SourceError` if turning them would change samples."""
    pixel_format = next((known for known in YUV_FORMATS if known == kind.pixel_format), None)
    form = VideoFormat(kind.width, kind.height, 0, rate, pixel_format or REORDERED[kind.pixel_format])
    if turned is None:
        return form
    columns, rows = form.subsampling
    if form.width % columns or form.height % rows or (turned.turns and columns != rows):
        raise SourceError(
            f"{printable(path)} cannot be used: it is to be shown {turned.words}, and {form.width}x{form.height} "
            f"{form.pixel_format} cannot be turned so without changing samples. Take the display matrix out, to have "
            f"the stored frames: ffmpeg -display_rotation 0 -i {printable(path.name)} -c copy new.mp4."
        )
    return dataclasses.replace(form, width=form.height, height=form.width) if turned.turns else form


def _notes(streams: list[VideoStream], first: ShownFrames, turned: Orientation | None) -> list[str]:
    notes = []
    if len(streams) > 1:
        place = sorted(stream.index for stream in streams).index(streams[0].index) + 1
        notes.append(f"video stream {place} of {len(streams)} in the file")
    if turned:
        notes.append(f"{turned.words}, as the file says that it is to be shown")
    notes += aspect_notes(first.pixel_aspect)
    if streams[0].transparent:
        notes.append("its transparency is left out")
    if any(data.lower().startswith("film grain") for data in first.side_data):
        notes.append("the file's film grain is in the frames, which lowers the PSNR of every codec")
    return notes


def aspect_notes(pixel_aspect: Fraction | None) -> list[str]:
    """What is to be said of pixels whose width over height is ``pixel_aspect``, None if that is unknown."""
    if pixel_aspect in (None, 1):
        return []
    ratio: Any = pixel_aspect
    return [f"pixels of {ratio.numerator}:{ratio.denominator}, not square, measured as they are stored"]
