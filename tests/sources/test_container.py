"""Files as phones, cameras and editors write them: read as they are meant, or refused with a reason and a cure."""

from __future__ import annotations

import hashlib
import re
import shlex
import struct
import subprocess
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import ffmpeg as commands
import numpy as np
import pytest
from made import make, noise, raw_words

from bench.errors import SourceError
from bench.sources.container import CONTAINERS, ELEMENTARY, REORDERED
from bench.sources.file import open_file
from bench.sources.video_file import StatedFormat, VideoFile
from bench.video import ffmpeg
from bench.video.colour_tags import ColourTags
from bench.video.raw import RawVideo, VideoFormat

PICTURE = ("-f", "lavfi", "-i", "testsrc2=size=64x48:rate=25:duration=0.2,format=yuv420p")
FORM = VideoFormat(64, 48, 5, Fraction(25), "yuv420p")


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Five frames of H.264."""
    path = tmp_path_factory.mktemp("plain") / "plain.mp4"
    make(*PICTURE, "-c:v", "libx264", path)
    return path


def decoded(path: Path, *words: str) -> bytes:
    """What ffmpeg makes of a file by itself."""
    command = [ffmpeg.binary(), "-v", "error", "-i", str(path), *words, "-fps_mode", "passthrough", "-f", "rawvideo"]
    return subprocess.run([*command, "-"], check=True, capture_output=True).stdout


def read(path: Path, stated: StatedFormat = StatedFormat()) -> tuple[VideoFile, str]:  # noqa: B008
    """A file with all that is known of it, and the digest of its frames."""
    file, content = open_file(path, stated).read(path.parent / "cache")
    return file, content.sha256


def refusal(path: Path) -> str:
    """Why a file is not read."""
    with pytest.raises(SourceError) as caught:
        read(path)
    return str(caught.value)


def follow(cure: str, folder: Path) -> None:
    """Run the ffmpeg command that a message ends with."""
    command = re.search(r"(ffmpeg -.*)\.$", cure)
    assert command, cure
    _, *words = shlex.split(command[1])
    subprocess.run([ffmpeg.binary(), "-v", "error", *words], check=True, cwd=folder, stdin=subprocess.DEVNULL)


# --- Frame rates


@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
def test_the_average_of_a_varying_rate_is_taken(suffix: str, tmp_path: Path) -> None:
    """Six frames in 0.12 seconds and seven in 0.28, the last of which a file may shorten: all of them are read."""
    chosen = r"testsrc2=size=64x48:rate=50:duration=0.4,format=yuv420p,select=not(mod(n\,2))+lt(n\,6)"
    make("-f", "lavfi", "-i", chosen, "-fps_mode", "vfr", "-c:v", "libx264", "-qp", "0", tmp_path / f"a{suffix}")
    file, digest = read(tmp_path / f"a{suffix}")
    assert file.format.frames == 13
    assert 13 / 0.40 - 0.01 <= file.format.frame_rate <= 13 / 0.38 + 0.01
    average = f"{float(file.format.frame_rate):.2f}"
    assert file.notes == (f"the frame rate varies; it is {average} frames per second on average",)
    make("-f", "lavfi", "-i", chosen, "-fps_mode", "passthrough", "-f", "rawvideo", tmp_path / "chosen.yuv")
    assert digest == hashlib.sha256((tmp_path / "chosen.yuv").read_bytes()).hexdigest()


def test_a_varying_rate_is_remembered(tmp_path: Path) -> None:
    """What the cache answers is what decoding told."""
    chosen = r"testsrc2=size=64x48:rate=50:duration=0.4,select=not(mod(n\,2))+lt(n\,6)"
    make("-f", "lavfi", "-i", chosen, "-fps_mode", "vfr", "-c:v", "ffv1", "-pix_fmt", "yuv420p", tmp_path / "a.mkv")
    first, second = (read(tmp_path / "a.mkv")[0] for _ in range(2))
    assert first.notes == second.notes != ()
    assert first.format == second.format


# --- Orientation

ONE = 1 << 16


def shown_as(source: Path, target: Path, a: float, b: float, c: float, d: float) -> Path:
    """A copy of an MP4 file with another display matrix in the header of its track (ISO/IEC 14496-12, 8.3.2)."""
    data = bytearray(source.read_bytes())
    start = data.index(b"tkhd") + 4 + 40
    numbers = [round(value * ONE) for value in (a, b, 0, c, d, 0, 0, 0)]
    data[start : start + 36] = struct.pack(">9i", *numbers, 1 << 30)
    target.write_bytes(data)
    return target


@pytest.mark.parametrize(
    ("matrix", "said"),
    [
        ((0, 1, -1, 0), "turned clockwise by 90 degrees"),
        ((-1, 0, 0, -1), "turned by 180 degrees"),
        ((0, -1, 1, 0), "turned counterclockwise by 90 degrees"),
        ((-1, 0, 0, 1), "mirrored left to right"),
        ((1, 0, 0, -1), "mirrored top to bottom"),
        ((0, 1, 1, 0), "mirrored along its diagonal"),
        ((0, -1, -1, 0), "mirrored along its other diagonal"),
    ],
)
def test_frames_are_turned_as_they_are_shown(
    matrix: tuple[int, int, int, int], said: str, plain: Path, tmp_path: Path
) -> None:
    """As the matrix moves a step to the right and a step down; and as ffmpeg itself shows the file."""
    path = shown_as(plain, tmp_path / "a.mp4", *matrix)
    file, digest = read(path)
    assert file.notes == (f"{said}, as the file says that it is to be shown",)
    assert digest == hashlib.sha256(decoded(path)).hexdigest()
    a, b, c, d = matrix
    luma = np.frombuffer(decoded(plain), np.uint8)[: 64 * 48].reshape(48, 64)
    row, column = 5, 40
    at = a * column + c * row, b * column + d * row  # where the matrix puts this sample, but for a shift into the frame
    width, height = file.format.width, file.format.height
    assert (width, height) == ((48, 64) if a == 0 else (64, 48))
    right, down = at[0] % width if at[0] >= 0 else width - 1 + at[0], at[1] if at[1] >= 0 else height - 1 + at[1]
    shown = np.frombuffer(decoded(path), np.uint8)[: 64 * 48].reshape(height, width)
    assert shown[down, right] == luma[row, column]


def test_an_upright_file_has_no_note(plain: Path) -> None:
    """Nothing is said where nothing is done."""
    file, digest = read(plain)
    assert (file.notes, file.format) == ((), FORM)
    assert digest == hashlib.sha256(decoded(plain)).hexdigest()


@pytest.mark.parametrize("matrix", [(0.985, -0.174, 0.174, 0.985), (1, 0.5, 0, 1), (2, 0, 0, 1)])
def test_other_display_matrices_are_refused(
    matrix: tuple[float, float, float, float], plain: Path, tmp_path: Path
) -> None:
    """Turned by ten degrees, slanted, stretched; without the matrix the stored frames are read."""
    message = refusal(shown_as(plain, tmp_path / "a.mp4", *matrix))
    assert "a.mp4 is to be shown turned, stretched or slanted by a display matrix" in message
    follow(message, tmp_path)
    assert read(tmp_path / "new.mp4") == replace_path(read(plain), tmp_path / "new.mp4")


def replace_path(answer: tuple[VideoFile, str], path: Path) -> tuple[VideoFile, str]:
    """The answer for the same video at another path."""
    file, digest = answer
    return replace(file, path=path, files=(path,), stream=open_file(path).stream), digest


def test_an_orientation_within_the_stream_counts_too(plain: Path, tmp_path: Path) -> None:
    """A message in H.264 says it where the container does not."""
    words = ("-c", "copy", "-bsf:v", "h264_metadata=display_orientation=insert:rotate=90")
    make("-i", plain, *words, tmp_path / "a.mp4")
    file, digest = read(tmp_path / "a.mp4")
    assert (file.format.width, file.format.height) == (48, 64)
    assert file.notes == ("turned counterclockwise by 90 degrees, as the file says that it is to be shown",)
    assert digest == hashlib.sha256(decoded(plain, "-vf", "transpose=cclock")).hexdigest()


def test_a_turn_that_would_change_samples_is_refused(tmp_path: Path) -> None:
    """4:2:2 has no place for its chroma when it lies on its side."""
    make(*PICTURE, "-pix_fmt", "yuv422p", "-c:v", "libx264", tmp_path / "plain.mp4")
    path = shown_as(tmp_path / "plain.mp4", tmp_path / "a.mp4", 0, 1, -1, 0)
    message = refusal(path)
    assert "64x48 yuv422p cannot be turned so without changing samples" in message
    follow(message, tmp_path)
    assert read(tmp_path / "new.mp4")[0].format == replace(FORM, pixel_format="yuv422p")


# --- Pixels


def test_pixels_that_are_not_square_are_noted(tmp_path: Path) -> None:
    """The stored samples are measured."""
    make(*PICTURE, "-vf", "setsar=16/11", "-c:v", "libx264", tmp_path / "a.mp4")
    file, _ = read(tmp_path / "a.mp4")
    assert (file.format, file.notes) == (FORM, ("pixels of 16:11, not square, measured as they are stored",))


ORDERS = ("nv12", "nv21", "nv16", "nv24", "nv42", "yuyv422", "uyvy422", "p010le", "p210le", "p410le", "yuv420p10be")
EVEN_ONLY = ("p010le", "yuyv422", "uyvy422")
"""ffmpeg is not exact in the first, and pads the others at odd widths."""


def stored(video: RawVideo, order: str) -> bytes:
    """The samples of a planar video in another order, as its name defines it."""
    frames = []
    for y, u, v in video.read_frames():
        if order in ("yuyv422", "uyvy422"):
            parts = (y[:, ::2], u, y[:, 1::2], v) if order == "yuyv422" else (u, y[:, ::2], v, y[:, 1::2])
            frames.append(np.stack(parts, axis=-1).tobytes())
        elif order.endswith("be"):
            frames.append(b"".join(plane.astype(">u2").tobytes() for plane in (y, u, v)))
        else:
            shift = 6 if order.startswith("p") else 0
            pair = (v, u) if order in ("nv21", "nv42") else (u, v)
            frames.append((y << shift).tobytes() + (np.stack(pair, axis=-1) << shift).tobytes())
    return b"".join(frames)


@pytest.mark.parametrize(
    ("order", "width", "height"),
    [(order, 64, 48) for order in ORDERS] + [(order, 63, 47) for order in ORDERS if order not in EVEN_ONLY],
)
def test_other_orders_of_samples_are_read_exactly(order: str, width: int, height: int, tmp_path: Path) -> None:
    """Put in that order by hand."""
    video = noise(tmp_path, width, height, REORDERED[order])
    words = {"pix_fmt": order, "video_size": (width, height), "framerate": "25"}
    (tmp_path / "other.raw").write_bytes(stored(video, order))
    source = commands.input(str(tmp_path / "other.raw"), format="rawvideo", **words)
    found = ffmpeg.decoded_content(source.filter("format", REORDERED[order]), REORDERED[order], "Reading")
    assert found.sha256 == hashlib.sha256(video.path.read_bytes()).hexdigest()


@pytest.mark.parametrize("order", ["nv12", "nv21", "yuyv422", "uyvy422", "yuv420p10be"])
def test_files_of_other_orders_are_read(order: str, tmp_path: Path) -> None:
    """In a container that keeps them, without a note, since nothing is changed."""
    video = noise(tmp_path, 64, 48, REORDERED[order])
    (tmp_path / "other.raw").write_bytes(stored(video, order))
    words = raw_words(replace(video, path=tmp_path / "other.raw"))
    words[words.index("-pix_fmt") + 1] = order
    make(*words, "-c:v", "rawvideo", tmp_path / "a.nut")
    file, digest = read(tmp_path / "a.nut")
    assert (file.format, file.notes, file.lossless) == (video.format, (), True)
    assert digest == hashlib.sha256(video.path.read_bytes()).hexdigest()


@pytest.mark.parametrize(
    ("pixel_format", "codec", "said"),
    [
        ("yuva420p", "ffv1", "holds yuva420p, which has transparency"),
        ("gray", "ffv1", "holds gray, which has no colour"),
        ("bgr0", "ffv1", "holds bgr0, which is RGB"),
        ("pal8", "png", "holds pal8, which is RGB"),
        ("yuv420p12le", "ffv1", "holds yuv420p12le, and what can be read is"),
        ("yuvj420p", "mjpeg", "full range"),
    ],
)
def test_what_a_pixel_format_needs_is_said(pixel_format: str, codec: str, said: str, tmp_path: Path) -> None:
    """In one sentence with a command, after which the video is read."""
    make(*PICTURE, "-pix_fmt", pixel_format, "-c:v", codec, "-strict", "-1", tmp_path / "a.mkv")
    message = refusal(tmp_path / "a.mkv")
    assert said in message
    assert "\n" not in message
    (tmp_path / "frames").mkdir()
    follow(message, tmp_path)
    cured = tmp_path / ("new.mkv" if (tmp_path / "new.mkv").exists() else "frames")
    assert read(cured, StatedFormat(frame_rate=Fraction(25)))[0].format.frames == 5


def test_transparency_that_is_coded_apart_is_left_out(tmp_path: Path) -> None:
    """As WebM has it, and said."""
    make(*PICTURE, "-pix_fmt", "yuva420p", "-c:v", "libvpx-vp9", tmp_path / "a.webm")
    file, digest = read(tmp_path / "a.webm")
    assert (file.format, file.notes) == (FORM, ("its transparency is left out",))
    assert digest == hashlib.sha256(decoded(tmp_path / "a.webm")).hexdigest()


def test_interlaced_video_is_refused(tmp_path: Path) -> None:
    """With what to do."""
    make(*PICTURE, "-c:v", "libx264", "-flags", "+ilme+ildct", "-x264-params", "tff=1", tmp_path / "a.mp4")
    with pytest.raises(SourceError, match=r"a\.mp4 cannot be used: it holds interlaced frames.*bwdif"):
        open_file(tmp_path / "a.mp4")


def test_a_change_on_the_way_is_refused(tmp_path: Path) -> None:
    """Two videos of different size, one after the other in one stream."""
    for name, size in (("a", "64x48"), ("b", "48x64")):
        picture = f"testsrc2=size={size}:rate=25:duration=0.2,format=yuv420p"
        make("-f", "lavfi", "-i", picture, "-c:v", "libx264", tmp_path / f"{name}.h264")
    both = (tmp_path / "a.h264").read_bytes() + (tmp_path / "b.h264").read_bytes()
    (tmp_path / "both.h264").write_bytes(both)
    assert "the frames are not of one kind: 64x48 yuv420p, then 48x64 yuv420p" in refusal(tmp_path / "both.h264")


# --- Colours and grain


@pytest.mark.parametrize(
    ("matrix", "primaries", "transfer"),
    [("bt709", "bt709", "bt709"), ("smpte170m", "smpte170m", "smpte170m"), ("bt2020nc", "bt2020", "smpte2084")],
)
def test_tags_are_read(matrix: str, primaries: str, transfer: str, tmp_path: Path) -> None:
    """From the stream."""
    params = f"colormatrix={matrix}:colorprim={primaries}:transfer={transfer}"
    make(*PICTURE, "-c:v", "libx264", "-x264-params", params, tmp_path / "a.mp4")
    assert read(tmp_path / "a.mp4")[0].colour == ColourTags(matrix, primaries, transfer)


def test_film_grain_is_part_of_the_frames_and_noted(tmp_path: Path) -> None:
    """AV1 with grain; without it nothing is said, and the frames differ."""
    for name, words in (("grain", ["-svtav1-params", "film-grain=20"]), ("clean", [])):
        make(*PICTURE, "-c:v", "libsvtav1", "-crf", "30", *words, tmp_path / f"{name}.mkv")
    file, digest = read(tmp_path / "grain.mkv")
    assert file.notes == ("the file's film grain is in the frames, which lowers the PSNR of every codec",)
    assert digest == hashlib.sha256(decoded(tmp_path / "grain.mkv")).hexdigest()
    without = decoded_without_grain(tmp_path / "grain.mkv")
    assert digest != hashlib.sha256(without).hexdigest()
    assert read(tmp_path / "clean.mkv")[0].notes == ()


def decoded_without_grain(path: Path) -> bytes:
    """The frames as they are before grain is laid over them."""
    bare = path.with_suffix(".yuv")
    make("-export_side_data", "film_grain", "-i", path, "-f", "rawvideo", bare)
    return bare.read_bytes()


# --- Streams


def test_the_moving_picture_is_taken_and_not_the_cover(plain: Path, tmp_path: Path) -> None:
    """Whether the file marks its cover as such, as MP4 does, or only leaves it out of what is played."""
    make("-f", "lavfi", "-i", "color=red:size=32x32", "-frames:v", "1", tmp_path / "cover.png")
    words = ("-i", tmp_path / "cover.png", "-i", plain, "-map", "0:v", "-map", "1:v", "-c", "copy")
    for name in ("a.mp4", "a.mkv"):
        make(*words, "-disposition:v:0", "attached_pic", tmp_path / name)
        file, digest = read(tmp_path / name)
        assert (file.format, file.codec, file.notes) == (FORM, "h264", ())
        assert digest == hashlib.sha256(decoded(plain)).hexdigest()
        assert file.coded_bytes == open_file(plain).coded_bytes


def test_of_several_videos_the_default_is_taken(plain: Path, tmp_path: Path) -> None:
    """And said; without one, the first."""
    make("-f", "lavfi", "-i", "testsrc2=size=32x32:rate=25:duration=0.2", "-c:v", "libx264", tmp_path / "other.mp4")
    words = ("-i", plain, "-i", tmp_path / "other.mp4", "-map", "0:v", "-map", "1:v", "-c", "copy")
    make(*words, "-disposition:v:0", "0", "-disposition:v:1", "default", tmp_path / "second.mkv")
    make(*words, "-disposition:v:0", "0", "-disposition:v:1", "0", tmp_path / "first.mkv")
    second, first = read(tmp_path / "second.mkv")[0], read(tmp_path / "first.mkv")[0]
    assert (second.format.width, second.notes) == (32, ("video stream 2 of 2 in the file",))
    assert (first.format.width, first.notes) == (64, ("video stream 1 of 2 in the file",))
    assert second.coded_bytes == open_file(tmp_path / "other.mp4").coded_bytes != first.coded_bytes


def test_what_was_read_of_one_stream_is_no_answer_for_another(plain: Path, tmp_path: Path) -> None:
    """Nor for the same one turned: the cache knows how the frames were made, not only of which file."""
    make("-i", plain, "-vf", "negate", "-c:v", "libx264", tmp_path / "other.mp4")
    make("-i", plain, "-i", tmp_path / "other.mp4", "-map", "0:v", "-map", "1:v", "-c", "copy", tmp_path / "a.mkv")
    file = open_file(tmp_path / "a.mkv")
    other = replace(file, stream=commands.input(str(tmp_path / "a.mkv"))["1"])
    turned = replace(file, stream=file.stream.filter("hflip"))
    digests = [each.read(tmp_path / "cache")[1].sha256 for each in (file, other, turned, file)]
    assert len(set(digests)) == 3
    assert digests[0] == digests[3]


# --- Containers and elementary streams

CODECS = {
    **dict.fromkeys((".webm", ".ivf"), ("libvpx-vp9", "-lossless", "1")),
    **dict.fromkeys((".mpg", ".mpeg", ".vob", ".mxf", ".m2v"), ("mpeg2video", "-q:v", "2")),
    **dict.fromkeys((".wmv", ".asf"), ("wmv2",)),
    **dict.fromkeys((".ogv",), ("libtheora", "-vf", "noise=alls=60:allf=t")),
    **dict.fromkeys((".265", ".h265", ".hevc"), ("libx265", "-x265-params", "log-level=error")),
    **dict.fromkeys((".266", ".h266", ".vvc"), ("libvvenc", "-preset", "faster")),
    **dict.fromkeys((".obu", ".av1"), ("libsvtav1",)),
}
MUXERS = {".avc": "h264", ".h265": "hevc", ".266": "vvc", ".h266": "vvc", ".vvc": "vvc", ".av1": "obu"}


@pytest.mark.parametrize("suffix", [*CONTAINERS, *ELEMENTARY])
def test_every_suffix_is_read(suffix: str, tmp_path: Path) -> None:
    """All frames, in upper case too, with the rate that the file states, or else that is said of it."""
    path = tmp_path / f"A{suffix.upper()}"
    muxer = ("-f", MUXERS[suffix]) if suffix in MUXERS else ()
    make(*PICTURE, "-c:v", *CODECS.get(suffix, ("libx264",)), *muxer, path)
    rate = Fraction(25) if suffix in (".obu", ".av1") else None
    file, digest = read(path, StatedFormat(frame_rate=rate))
    assert replace(file.format, pixel_format="yuv420p") == FORM
    assert digest == hashlib.sha256(decoded(path)).hexdigest()
    assert file.notes == ()


def test_elementary_streams_state_their_rate_or_are_told_it(tmp_path: Path) -> None:
    """ffmpeg would take 25 for what it does not know; what the user states wins."""
    source = ("-f", "lavfi", "-i", "testsrc2=size=64x48:rate=50:duration=0.1,format=yuv420p")
    make(*source, "-c:v", "libx264", tmp_path / "a.264")
    make(*source, "-c:v", "libsvtav1", tmp_path / "a.obu")
    assert read(tmp_path / "a.264")[0].format.frame_rate == 50
    assert read(tmp_path / "a.264", StatedFormat(frame_rate=Fraction(24)))[0].format.frame_rate == 24
    assert refusal(tmp_path / "a.obu").endswith("a.obu states no frame rate. Say it as --source-format @25.")
    assert read(tmp_path / "a.obu", StatedFormat(frame_rate=Fraction(50)))[0].format.frame_rate == 50


def test_gif_is_refused_with_a_reason_of_its_own(tmp_path: Path) -> None:
    """After the command that it names, the frames are read."""
    make(*PICTURE, tmp_path / "a.gif")
    message = refusal(tmp_path / "a.gif")
    assert "is a GIF, which holds at most 256 colours" in message
    (tmp_path / "frames").mkdir()
    follow(message, tmp_path)
    assert read(tmp_path / "frames", StatedFormat(frame_rate=Fraction(25)))[0].format.frames == 5
