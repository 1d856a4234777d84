"""What the options of standard codecs do to their streams: depth, two passes, tuning, and the order of pictures."""

from __future__ import annotations

import dataclasses
import hashlib
import re
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import ffmpeg as commands
import numpy as np
import pytest

from bench.codec import Codec, Job, Stopwatch
from bench.codecs.standard.codec import FFmpegCodec
from bench.codecs.standard.elementary import END, Syntax
from bench.codecs.standard.two_pass import TwoPassCodec
from bench.codecs.svt_av1 import SVTAV1, TUNES
from bench.codecs.vvenc import VVenC
from bench.codecs.x264 import X264
from bench.codecs.x265 import X265
from bench.dataset import Clip, ClipWindow, Source
from bench.errors import UsageError
from bench.runs.encoder import make_codec
from bench.runs.plan import Selection, rate_points
from bench.runs.preset import load_preset
from bench.sources.prepare import prepare_clip
from bench.video import ffmpeg
from bench.video.raw import PixelFormat, RawVideo, VideoFormat

LOW_DELAY: list[FFmpegCodec] = [
    X264(mode="low-delay"),
    X265(mode="low-delay"),
    SVTAV1(mode="low-delay", preset=10),
    VVenC(mode="low-delay", preset="faster", qp=42),
]
each_low_delay = pytest.mark.parametrize("codec", LOW_DELAY, ids=lambda codec: codec.name)


def silent(*_: object, **__: object) -> None:
    """Progress that nobody watches."""


def planted(video: RawVideo) -> Clip:
    """The clip of a raw video."""
    source = Source("planted", "planted", "CC0", "this test", video.sha256(), video.format.frames)
    folder = video.path.with_suffix(".cache")
    return prepare_clip(source, ffmpeg.raw_input(video), video.format, ClipWindow(), folder, "bt601")


@pytest.fixture(scope="module")
def moving(tmp_path_factory: pytest.TempPathFactory) -> Clip:
    """34 frames of ffmpeg's moving test picture, 128x72."""
    return moving_clip(tmp_path_factory.mktemp("moving"), 128, 72, 34)


def moving_clip(folder: Path, width: int, height: int, frames: int) -> Clip:
    video = RawVideo(folder / "source.yuv", VideoFormat(width, height, frames, Fraction(25), "yuv420p"))
    pictures = commands.input(f"testsrc2=size={width}x{height}:rate=25", format="lavfi")["v:0"]
    words = {"format": "rawvideo", "pix_fmt": "yuv420p", "frames:v": frames}
    ffmpeg.run(pictures.output(str(video.path), **words), "Planting")
    return planted(video)


def encoded(codec: Codec, clip: Clip, folder: Path) -> tuple[Path, Job]:
    """The stream of a codec, in a folder that must be new, and the job that made it."""
    folder.mkdir()
    stream, job = folder / f"stream{codec.suffix}", Job(0, folder, folder / "checkpoints", silent)
    codec.encode(clip, stream, job)
    return stream, job


def digest(codec: Codec, clip: Clip, folder: Path) -> str:
    return hashlib.sha256(encoded(codec, clip, folder)[0].read_bytes()).hexdigest()


def decoded(codec: Codec, stream: Path) -> RawVideo:
    frames = stream.with_suffix(".raw")
    return RawVideo(frames, codec.decode(stream, frames, Stopwatch()).video)


# --- Depth


class Lossless(X265):
    """x265 that loses nothing, so that what it was given can be seen."""

    def options(self) -> dict[str, Any]:
        options = super().options()
        return options | {"x265-params": f"{options['x265-params']}:lossless=1"}


@pytest.mark.parametrize("pixel_format", ["yuv420p", "yuv422p", "yuv444p"])
def test_ten_bits_are_four_times_eight(pixel_format: PixelFormat, tmp_path: Path) -> None:
    """Every sample, also above and below the limited range, in every plane."""
    video = RawVideo(tmp_path / "noise.yuv", VideoFormat(64, 48, 2, Fraction(25), pixel_format))
    samples = np.random.default_rng(1).integers(0, 256, video.format.size_bytes, dtype=np.uint8)
    video.path.write_bytes(samples.tobytes())
    codec = Lossless(depth=10)
    stream, _ = encoded(codec, planted(video), tmp_path / "coded")
    coded = decoded(codec, stream)
    assert coded.format.pixel_format == f"{pixel_format}10le"
    np.testing.assert_array_equal(np.fromfile(coded.path, "<u2"), 4 * samples.astype(np.uint16))


@pytest.mark.parametrize("cls", [X265, SVTAV1])
def test_depth_is_the_fewest_bits(cls: type[Any], moving: Clip, tmp_path: Path) -> None:
    """Ten bits are coded and decoded of a source of eight. A source of ten is coded as it is, whatever is asked."""
    ten = dataclasses.replace(moving.yuv.format, pixel_format="yuv420p10le")
    wide = RawVideo(tmp_path / "wide.yuv", ten)
    (4 * np.fromfile(moving.yuv.path, np.uint8).astype("<u2")).tofile(wide.path)
    clips = {"eight": moving, "ten": planted(wide)}
    digests = {
        (name, depth): digest(cls(depth=depth), clip, tmp_path / f"{name}{depth}")
        for name, clip in clips.items()
        for depth in (8, 10)
    }
    assert len(set(digests.values())) == 2
    assert digests["ten", 8] == digests["ten", 10] == digests["eight", 10]
    codec = cls(depth=10)
    assert decoded(codec, tmp_path / "eight10" / f"stream{codec.suffix}").format.pixel_format == "yuv420p10le"


def test_vvenc_always_codes_ten_bits(moving: Clip, tmp_path: Path) -> None:
    """So it has no option for it: eight bits give the very stream that the same samples in ten bits give."""
    wide = RawVideo(tmp_path / "wide.yuv", dataclasses.replace(moving.yuv.format, pixel_format="yuv420p10le"))
    (4 * np.fromfile(moving.yuv.path, np.uint8).astype("<u2")).tofile(wide.path)
    codec = VVenC(preset="faster", qp=42)
    assert digest(codec, moving, tmp_path / "eight") == digest(codec, planted(wide), tmp_path / "ten")


# --- Two passes


@pytest.mark.parametrize(
    ("codec", "width", "height"), [(X264(bitrate_kbps=300), 320, 176), (X265(bitrate_kbps=150), 192, 112)]
)
def test_two_passes_reach_their_rate(
    codec: TwoPassCodec, width: int, height: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Twice to the same bytes, within the tolerance, with both passes timed and both commands noted."""
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    clip = moving_clip(tmp_path, width, height, 100)
    stream, job = encoded(codec, clip, tmp_path / "first")
    assert 8 * stream.stat().st_size / 4 / 1000 == pytest.approx(codec.bitrate_kbps, rel=0.05)
    assert "missed_bitrate" not in job.notes
    assert list(job.watch.seconds) == ["first_pass", "second_pass"]
    assert ["-pass 1" in command for command in job.notes["command"]] == [True, False]
    assert hashlib.sha256(stream.read_bytes()).hexdigest() == digest(codec, clip, tmp_path / "second")
    assert not list(Path.cwd().iterdir())  # what one pass tells the other lies in the scratch folder
    assert any(path.name.startswith("statistics") for path in stream.parent.iterdir())


def test_a_missed_rate_is_noted(moving: Clip, tmp_path: Path) -> None:
    """Even at its best quality, x264 does not spend so much on so small a clip."""
    stream, job = encoded(X264(bitrate_kbps=50_000), moving, tmp_path / "coded")
    kbps = 8 * stream.stat().st_size * 25 / 34 / 1000
    assert job.notes["missed_bitrate"] == f"aimed at 50000 kbps, reached {kbps:.4g}, {kbps / 50_000 - 1:+.1%}"


def test_a_rate_takes_the_place_of_a_quality() -> None:
    """Cells that differ in a quality that nobody looks at are one cell, also after their way through a record."""
    codec = X265(crf=20, bitrate_kbps=500)
    assert codec == X265(crf=40, bitrate_kbps=500) == make_codec("x265", codec.parameters())
    assert (codec.crf, codec.passes(), X265().passes()) == (0, 2, 1)
    assert "crf" not in codec.options()


# --- Tuning


def test_svt_av1_calls_its_tunes_so(moving: Clip, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """By what the encoder itself prints."""
    names = {"visual": "VQ", "psnr": "PSNR", "ssim": "SSIM", "ms-ssim": "MS_SSIM", "vmaf": "VMAF"}
    assert names.keys() == TUNES.keys()
    for tune, name in names.items():
        encoded(SVTAV1(tune=tune, preset=12), moving, tmp_path / tune)  # type: ignore[arg-type]
        assert f"/ {name} / random access" in capsys.readouterr().err


@pytest.mark.parametrize("tune", ["ssim", "ms-ssim", "vmaf"])
def test_svt_av1_says_what_low_delay_lacks(tune: str) -> None:
    """Before anything is encoded, also where the options come from the command line."""
    with pytest.raises(UsageError, match=f"no tune={tune} with mode=low-delay; there are psnr and visual"):
        rate_points(Selection("svt-av1", {"tune": tune, "mode": "low-delay"}), load_preset("smoke"))


def test_vvenc_tuned_for_the_eye_adapts_its_quantiser(moving: Clip, tmp_path: Path) -> None:
    """Where it does, it changes the QP within pictures, so that the stream differs."""
    plain, visual = (VVenC(preset="faster", qp=42, tune=tune) for tune in ("psnr", "visual"))  # type: ignore[arg-type]
    assert digest(plain, moving, tmp_path / "plain") != digest(visual, moving, tmp_path / "visual")
    assert (plain.options()["qpa"], visual.options()["qpa"]) == (0, 1)


# --- The order of pictures


@each_low_delay
def test_low_delay_needs_no_later_picture(codec: FFmpegCodec, moving: Clip, tmp_path: Path) -> None:
    """The pictures that come first in a stream are the first frames: the first two, and the first half. With random
    access they are not."""
    other: FFmpegCodec = dataclasses.replace(codec, mode="random-access")  # type: ignore[call-arg]
    assert in_order_of_display(codec, moving, tmp_path / "low-delay")
    assert not in_order_of_display(other, moving, tmp_path / "random-access")


def in_order_of_display(codec: FFmpegCodec, clip: Clip, folder: Path) -> bool:
    """Whether the pictures of a codec's stream are coded in the order in which they are shown."""
    stream, _ = encoded(codec, clip, folder)
    if codec.syntax == "av1":  # of which each temporal unit shows one picture, and may hold others for later
        return all(pictures == 1 for pictures in pictures_in_units(stream.read_bytes()))
    whole = decoded(codec, stream).path.read_bytes()
    for count in (2, clip.yuv.format.frames // 2):
        part = folder / f"part{codec.suffix}"
        part.write_bytes(first_pictures(stream.read_bytes(), codec.syntax, count))
        first = decoded(codec, part)
        if first.format.frames != count or not whole.startswith(first.path.read_bytes()):
            return False
    return True


def first_pictures(data: bytes, syntax: Syntax, count: int) -> bytes:
    """A stream of annex B up to its picture number ``count``, each picture being one unit, and its end."""
    ends = [match.start() for match in re.finditer(b"\x00?\x00\x00\x01", data)]
    pictures = [start for start in ends if is_picture(data[data.index(b"\x01", start) + 1 :][:2], syntax)]
    return data[: next(end for end in ends if end > pictures[count - 1])] + END[syntax]


def is_picture(header: bytes, syntax: Syntax) -> bool:
    """By tables 7-1 of H.264 and of HEVC, and 5 of VVC."""
    if syntax == "h264":
        return header[0] & 31 in (1, 5)
    return header[0] >> 1 & 63 < 32 if syntax == "hevc" else header[1] >> 3 < 12


def pictures_in_units(data: bytes) -> Iterator[int]:
    """How many pictures each temporal unit of an AV1 stream holds (section 5.3 of its specification)."""
    position, pictures = 0, 0
    while position < len(data):
        kind, body = data[position] >> 3 & 15, position + 1 + (data[position] >> 2 & 1)
        size = shift = 0
        while True:
            byte, body = data[body], body + 1
            size, shift = size | (byte & 127) << shift, shift + 7
            if byte < 128:
                break
        if kind == 2 and pictures:  # a temporal delimiter
            yield pictures
            pictures = 0
        pictures += kind in (3, 6)
        position = body + size
    yield pictures


@each_low_delay
def test_key_frames_in_low_delay(
    codec: FFmpegCodec, moving: Clip, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They are as far apart as they are told, though VVenC is also told that none of them refreshes its decoder."""
    for module in ("standard.codec", "vvenc"):
        monkeypatch.setattr(f"bench.codecs.{module}.KEY_FRAME_INTERVAL", 20)
    stream, _ = encoded(codec, moving, tmp_path / "coded")
    if codec.syntax == "vvc":  # of which ffmpeg marks no frame; by table 5 of VVC
        units = stream.read_bytes().split(b"\0\0\1")[1:]
        pictures = [unit[1] >> 3 for unit in units if unit[1] >> 3 < 12]
        keys = [place for place, kind in enumerate(pictures) if 7 <= kind <= 10]
    else:
        keys = [int(place) for place in re.findall(r"n: *(\d+) .*iskey:1", shown(stream, codec))]
    assert keys == [0, 20]


def shown(stream: Path, codec: FFmpegCodec) -> str:
    """What ffmpeg says of each frame of a stream."""
    output = commands.input(str(stream), format=codec.muxer)["v:0"].filter("showinfo").output("-", format="null")
    return ffmpeg.run(output, "Looking").stderr


@pytest.mark.parametrize(
    ("codec", "kinds"),
    [
        (X264(), "IPB"),
        (X264(mode="low-delay"), "IP"),
        (X264(tune="zerolatency"), "IP"),
        (X264(preset="ultrafast"), "IP"),
        (X265(), "IPB"),
        (X265(mode="low-delay"), "IP"),
        (X265(tune="zerolatency"), "IP"),
        (X265(preset="ultrafast"), "IPB"),
        (VVenC(mode="low-delay", preset="faster", qp=42), "IB"),
    ],
    ids=str,
)
def test_structure_is_what_the_stream_has(codec: FFmpegCodec, kinds: str, moving: Clip, tmp_path: Path) -> None:
    """A codec whose structure is "low delay P" has no B pictures, and other ones do."""
    stream, _ = encoded(codec, moving, tmp_path / "coded")
    found = set(re.findall(r" type:(\w)", shown(stream, codec)))
    assert found == set(kinds)
    order = {"IP": "low delay P", "IB": "low delay B"}.get(kinds, "random access")
    assert codec.structure() == f"{order}, a key frame at most every 250 frames"
