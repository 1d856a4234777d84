"""Every codec on every pixel format and on odd sizes: taken exactly as it is, or skipped with a reason."""

from __future__ import annotations

import dataclasses
import hashlib
import itertools
from fractions import Fraction
from pathlib import Path
from typing import Any

import ffmpeg as commands
import pytest

from bench.codec import Job, Stopwatch
from bench.codecs.standard.codec import FFmpegCodec
from bench.codecs.standard.elementary import Syntax
from bench.codecs.standard.structure import KEY_FRAME_INTERVAL
from bench.dataset import Clip, ClipWindow, Source
from bench.measure.quality import measure_quality
from bench.records.store import Store
from bench.registry import codecs, datasets
from bench.runs.cell import run_cell
from bench.runs.plan import PlannedCell, Selection, rate_points
from bench.runs.preset import load_preset
from bench.sources.cache import cache_folder
from bench.sources.prepare import prepare_clip
from bench.video import colour, ffmpeg
from bench.video.raw import YUV_FORMATS, PixelFormat, RawVideo, VideoFormat

SMOKE = load_preset("smoke")
TAKEN = {
    "raw": YUV_FORMATS,
    "x264": YUV_FORMATS,
    "x265": YUV_FORMATS,
    "svt-av1": ("yuv420p", "yuv420p10le"),
    "vvenc": ("yuv420p", "yuv420p10le"),
}
ODD_SIZES = {"raw": YUV_FORMATS, "x264": ("444",), "x265": ("444",), "svt-av1": ("yuv420p", "yuv420p10le"), "vvenc": ()}
"""The formats, or their samplings, of which a codec takes odd sizes."""


def silent(*_: object, **__: object) -> None:
    """Progress that nobody watches."""


def clip_of(pixel_format: PixelFormat, width: int, height: int, folder: Path, frames: int = 3) -> Clip:
    """Some frames of ffmpeg's moving test picture."""
    form = VideoFormat(width, height, frames, Fraction(30000, 1001), pixel_format)
    video = RawVideo(folder / "source.yuv", form)
    pictures = commands.input("testsrc2=size=256x144:rate=30000/1001", format="lavfi")["v:0"]
    words = {"format": "rawvideo", "pix_fmt": pixel_format, "frames:v": frames}
    ffmpeg.run(pictures.filter("scale", width, height).output(str(video.path), **words), "Planting")
    source = Source("planted", "testsrc2", "CC0", "ffmpeg", video.sha256(), frames)
    return prepare_clip(source, ffmpeg.raw_input(video), form, ClipWindow(), folder / "cache", "bt601")


@pytest.mark.parametrize("pixel_format", YUV_FORMATS)
@pytest.mark.parametrize("name", TAKEN)
@pytest.mark.parametrize(("width", "height"), [(128, 72), (127, 71)])
def test_standard_codecs(name: str, pixel_format: PixelFormat, width: int, height: int, tmp_path: Path) -> None:
    """What comes back has the clip's size, length, rate, sampling and depth (VVC's eight bits are ten), and is
    about the clip in every plane."""
    clip = clip_of(pixel_format, width, height, tmp_path)
    codec = rate_points(Selection(name, {}), SMOKE)[0]
    taken = pixel_format in TAKEN[name] and (width % 2 == 0 or any(word in pixel_format for word in ODD_SIZES[name]))
    reason = codec.skip(clip)
    assert (reason is None) == taken
    if reason is not None:
        assert name in reason
        assert pixel_format in reason
        return
    stream = tmp_path / f"stream{codec.suffix}"
    codec.encode(clip, stream, Job(0, tmp_path, tmp_path / "checkpoints", silent))
    form = codec.decode(stream, tmp_path / "frames.raw", Stopwatch()).video
    expected = dataclasses.replace(clip.yuv.format, pixel_format="yuv420p10le") if name == "vvenc" else clip.yuv.format
    if name == "svt-av1":  # whose units state no rate
        form = dataclasses.replace(form, frame_rate=expected.frame_rate)
    assert form == expected
    shown = colour.rounded(RawVideo(tmp_path / "frames.raw", form), pixel_format, tmp_path / "rounded", "bt601")
    measured = measure_quality(clip, shown).clip
    assert min(measured[f"psnr_{plane}"] for plane in ("y", "u", "v", "rgb")) > (99 if name == "raw" else 25)


def test_every_standard_codec_is_tested() -> None:
    """A new one must say what it takes."""
    assert {name for name in codecs.names() if codecs.load(name).family == "standard"} == set(TAKEN)


@pytest.mark.process  # encoders that work for seconds
@pytest.mark.parametrize("name", sorted({*TAKEN} - {"raw"}))
def test_key_frames_are_as_rare_in_every_codec(name: str, tmp_path: Path) -> None:
    """One in 250 frames, though encoders' own defaults are from one second to several."""
    clip = clip_of("yuv420p", 128, 72, tmp_path, frames=9 * KEY_FRAME_INTERVAL // 4)
    codec = rate_points(Selection(name, {}), SMOKE)[-1]
    assert isinstance(codec, FFmpegCodec)
    stream = tmp_path / f"stream{codec.suffix}"
    codec.encode(clip, stream, Job(0, tmp_path, tmp_path / "checkpoints", silent))
    assert key_frames(stream, codec.syntax) == 3


def key_frames(stream: Path, syntax: Syntax) -> int:
    """How many pictures need no other: by the types of units (table 7-1 of H.264 and HEVC, table 5 of VVC), or in
    AV1, whose units do not tell, by ffmpeg."""
    if syntax == "av1":
        frames = stream.with_suffix(".yuv")
        output = commands.input(str(stream), format="obu", skip_frame="nokey").output(
            str(frames), format="rawvideo", pix_fmt="gray", fps_mode="passthrough"
        )
        ffmpeg.run(output, "Counting")
        return frames.stat().st_size // (128 * 72)
    units = stream.read_bytes().split(b"\0\0\1")[1:]
    if syntax == "h264":
        return sum(unit[0] & 31 == 5 for unit in units)
    if syntax == "hevc":
        return sum(16 <= unit[0] >> 1 & 63 <= 21 for unit in units)
    return sum(7 <= unit[1] >> 3 <= 10 for unit in units)


@pytest.mark.train
@pytest.mark.usefixtures("in_process")
@pytest.mark.parametrize("pixel_format", ["yuv420p", "yuv444p10le"])
def test_networks_pad_and_say_so(pixel_format: PixelFormat, tmp_path: Path) -> None:
    """A size that strides do not reach, and ten bits: the whole way to a record."""
    clip = clip_of(pixel_format, 157, 89, tmp_path)
    codec = dataclasses.replace(rate_points(Selection("nerv", {}), SMOKE)[0], epochs=1)  # type: ignore[call-arg]
    store = Store(tmp_path / "results")
    store.prepare()
    record = run_cell(PlannedCell(codec, "nerv", clip, SMOKE, 0, ""), store, silent)
    assert record.status == "ok", record.reason
    assert record.notes["padded_to"] == "160x90"
    assert record.quality is not None
    assert record.stream is not None
    assert record.stream.bits_per_pixel == pytest.approx(8 * record.stream.size_bytes / (157 * 89 * 3))
    planes = itertools.product(("psnr", "apsnr"), ("rgb", "y", "u", "v", "yuv_611"))
    assert {"_".join(pair) for pair in planes} <= set(record.quality.clip)


def test_networks_skip_what_is_too_small(tmp_path: Path) -> None:
    """Structural similarity has windows of 11 pixels."""
    codec = rate_points(Selection("nerv", {}), SMOKE)[0]
    assert "a side of 10" in str(codec.skip(clip_of("yuv420p", 64, 10, tmp_path)))


@pytest.mark.process
@pytest.mark.parametrize(
    ("name", "option", "same", "other"),
    [
        ("x265", "x265-params", ("info=0:frame-threads=1:pools=8", "info=0:frame-threads=1:pools=16"), "pools=2"),
        ("vvenc", "threads", ("1", "2"), "16"),
        ("svt-av1", "svtav1-params", ("lp=1", "lp=2", "lp=6"), None),
        ("x264", "x264-params", ("asm=sse4.2", "asm=avx2"), "asm=0"),
    ],
)
def test_bytes_do_not_depend_on_the_machine(
    name: str, option: str, same: tuple[str, ...], other: str | None, tmp_path: Path
) -> None:
    """Asked outright for other numbers of threads, or another processor's instructions, an encoder gives the bytes that
    its codec fixes; and where there is something to fix, there are others that do not."""
    window = ClipWindow(320, 180, 33 if name == "vvenc" else None)
    clip = datasets.load("bunny")().open("bunny", window, cache_folder())
    cls: Any = codecs.load(name)
    codec = cls(**{"qp": 37, "preset": "faster"} if name == "vvenc" else {"crf": 28})

    def digest(**changed: str) -> str:
        stream = tmp_path / f"stream{codec.suffix}"
        plain = {"format": codec.muxer, "vcodec": codec.encoder, "g": KEY_FRAME_INTERVAL}
        options = plain | codec.options() | changed
        ffmpeg.run(ffmpeg.raw_input(clip.yuv).output(str(stream), **options), name)
        return hashlib.sha256(stream.read_bytes()).hexdigest()

    fixed = digest()
    assert {digest(**{option: value}) for value in same} == {fixed}
    if other is not None:
        assert digest(**{option: f"info=0:frame-threads=1:{other}" if name == "x265" else other}) != fixed
