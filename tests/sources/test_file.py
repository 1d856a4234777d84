"""Any video that a user has: what is read is what was written, and what cannot be read is stated."""

from __future__ import annotations

import hashlib
import struct
import zlib
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import pytest
from made import make, noise, raw_words

from bench.errors import SourceError
from bench.sources.file import format_in_name, open_file
from bench.sources.video_file import StatedFormat, VideoFile
from bench.video import ffmpeg
from bench.video.raw import YUV_FORMATS, PixelFormat, VideoFormat
from bench.video.y4m import write_y4m


def whole(file: VideoFile, tmp_path: Path) -> tuple[VideoFormat, str]:
    """The format and the digest of all frames."""
    read, content = file.read(tmp_path / "cache")
    assert content.size_bytes == read.format.size_bytes
    return read.format, content.sha256


# --- What can be read


@pytest.mark.parametrize(("width", "height"), [(64, 36), (63, 35)])
@pytest.mark.parametrize("pixel_format", YUV_FORMATS)
def test_raw_y4m_and_lossless_containers_keep_every_sample(
    width: int, height: int, pixel_format: PixelFormat, tmp_path: Path
) -> None:
    """Eight and ten bits, every sampling, odd sizes, a broken rate."""
    video = noise(tmp_path, width, height, pixel_format)
    expected = video.format, hashlib.sha256(video.path.read_bytes()).hexdigest()
    yuv = tmp_path / f"a_{width}x{height}_29.97fps_{pixel_format}.yuv"
    yuv.write_bytes(video.path.read_bytes())
    write_y4m(video, tmp_path / "a.y4m")
    make(*raw_words(video), "-c:v", "ffv1", tmp_path / "a.mkv")
    for path in (yuv, tmp_path / "a.y4m", tmp_path / "a.mkv"):
        file = open_file(path)
        assert file.lossless
        assert whole(file, tmp_path) == expected


def test_mp4_is_what_decoding_it_gives(tmp_path: Path) -> None:
    """Lossy, the sound beside it left alone."""
    video = noise(tmp_path)
    make("-f", "lavfi", "-i", "sine=duration=0.1", *raw_words(video), "-c:v", "libx264", tmp_path / "a.mp4")
    make("-i", tmp_path / "a.mp4", "-f", "rawvideo", tmp_path / "decoded.yuv")
    file = open_file(tmp_path / "a.mp4")
    assert (file.kind, file.codec, file.lossless) == ("container", "h264", False)
    form, digest = whole(file, tmp_path)
    assert form == video.format
    assert digest == hashlib.sha256((tmp_path / "decoded.yuv").read_bytes()).hexdigest()
    assert 500 < ffmpeg.coded_bytes(tmp_path / "a.mp4") < (tmp_path / "a.mp4").stat().st_size - 500


@pytest.mark.parametrize("name", ["%d", "f%05d", "100%% %03d", "im_%d", "2x2_%04d"])
@pytest.mark.parametrize("first", [0, 1, 8, 99])
def test_numbered_pngs_are_rgb_frames(name: str, first: int, tmp_path: Path) -> None:
    """From any first number, filled up with zeros or not, in the order of numbers rather than of names."""
    video = noise(tmp_path, pixel_format="rgb24")
    folder = tmp_path / "50% of it"
    folder.mkdir()
    for number in range(4):
        frame = replace(video, format=replace(video.format, frames=1), path=tmp_path / "one.raw")
        frame.path.write_bytes(video.path.read_bytes()[number * video.format.frame_bytes :][: video.format.frame_bytes])
        make(*raw_words(frame), "-y", tmp_path / "one.png")
        (tmp_path / "one.png").rename(folder / f"{name % (first + number)}.png")
    (folder / "notes.txt").touch()
    file = open_file(folder, StatedFormat(frame_rate=Fraction(30000, 1001)))
    assert whole(file, tmp_path) == (video.format, hashlib.sha256(video.path.read_bytes()).hexdigest())


def test_what_was_read_is_remembered_until_the_file_changes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By size and time of change; an answer for one file is never given for another."""
    video = noise(tmp_path)
    for name in ("a", "b"):
        write_y4m(video, tmp_path / f"{name}.y4m")
    decoded, calls = ffmpeg.decoded_content, []
    monkeypatch.setattr(ffmpeg, "decoded_content", lambda *how: calls.append(how) or decoded(*how))  # type: ignore[func-returns-value]
    first = whole(open_file(tmp_path / "a.y4m"), tmp_path)
    assert whole(open_file(tmp_path / "a.y4m"), tmp_path) == first
    assert len(calls) == 1
    whole(open_file(tmp_path / "b.y4m"), tmp_path)
    assert len(calls) == 2
    video.path.write_bytes(video.path.read_bytes()[::-1])
    write_y4m(video, tmp_path / "a.y4m")
    assert whole(open_file(tmp_path / "a.y4m"), tmp_path) != first


@pytest.mark.parametrize(
    ("name", "size", "rate", "pixel_format"),
    [
        ("ReadySteadyGo_1920x1080_120fps_420_8bit_YUV", (1920, 1080), 120, "yuv420p"),
        ("Beauty_3840x2160_120fps_420_10bit_YUV", (3840, 2160), 120, "yuv420p10le"),
        ("BQTerrace_1920x1080_60", (1920, 1080), 60, None),
        ("BasketballPass_416x240_50", (416, 240), 50, None),
        ("foreman_cif", (352, 288), None, None),
        ("tractor_1080p_25fps", (1920, 1080), 25, None),
        ("a-640x360-23.976fps-yuv444p10le", (640, 360), Fraction(24000, 1001), "yuv444p10le"),
        ("b_1280x720p50_422_10b", (1280, 720), 50, "yuv422p10le"),
        ("c_640x480_420_30fps", (640, 480), 30, "yuv420p"),
        ("holiday 2024", None, None, None),
    ],
)
def test_names_tell_formats(
    name: str, size: tuple[int, int] | None, rate: int | None, pixel_format: PixelFormat | None
) -> None:
    """As the usual test sequences are called; nothing is guessed from other numbers."""
    assert format_in_name(name) == StatedFormat(size, None if rate is None else Fraction(rate), pixel_format)


def test_what_is_told_wins_over_the_name(tmp_path: Path) -> None:
    """A user knows better."""
    path = tmp_path / "a_64x36_25fps.yuv"
    path.write_bytes(bytes(32 * 18 * 2 * 3))
    form = open_file(path, StatedFormat((32, 18), Fraction(50), "yuv444p10le")).format
    assert form == VideoFormat(32, 18, 1, Fraction(50), "yuv444p10le")


@pytest.mark.parametrize("name", ["a.y4m", "it's a:b, c.Y4M"])
def test_legal_yuv4mpeg2_is_read(name: str, tmp_path: Path) -> None:
    """Parameters of single frames, and a header that is longer than ffmpeg reads; pixels that are not square."""
    video = noise(tmp_path)
    write_y4m(video, tmp_path / "plain.y4m")
    header, body = (tmp_path / "plain.y4m").read_bytes().split(b"\n", 1)
    frames = b"".join(b"FRAME Ip\n" + frame for frame in video.read_frame_bytes())
    for data in (header + b"\n" + frames, header + b" X" + b"z" * 300 + b"\n" + body):
        (tmp_path / name).write_bytes(data.replace(b"A1:1", b"A16:11"))
        file = open_file(tmp_path / name)
        assert file.notes == ("pixels of 16:11, not square, measured as they are stored",)
        assert whole(file, tmp_path) == (video.format, hashlib.sha256(video.path.read_bytes()).hexdigest())


@pytest.mark.parametrize("suffix", [".png", ".PNG", ".Png"])
def test_pngs_beside_what_systems_leave(suffix: str, tmp_path: Path) -> None:
    """Hidden files are nobody's frames, and suffixes may be in upper case."""
    folder = folder_of(tmp_path / "a_25fps", {f"{n}{suffix}": png(4, 4) for n in range(1, 4)})
    for name in ("._1.png", "._2.PNG", ".DS_Store", "Thumbs.db", "desktop.ini"):
        (folder / name).write_bytes(b"AppleDouble")
    form, digest = whole(open_file(folder), tmp_path)
    assert str(form) == "3 frames of 4x4 rgb24"
    assert digest == hashlib.sha256(bytes(3 * 4 * 4 * 3)).hexdigest()


# --- What cannot


def png(width: int, height: int, bits: int = 8, colour: int = 2) -> bytes:
    """A black picture, written by hand."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    samples = {0: 1, 2: 3, 6: 4}[colour] * bits // 8
    header = struct.pack(">IIBBBBB", width, height, bits, colour, 0, 0, 0)
    rows = zlib.compress((b"\0" + bytes(width * samples)) * height)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


def folder_of(path: Path, pictures: dict[str, bytes]) -> Path:
    """A folder of files."""
    path.mkdir()
    for name, data in pictures.items():
        (path / name).write_bytes(data)
    return path


@pytest.mark.parametrize(
    ("pictures", "said"),
    [
        ({"1.png": png(4, 4), "2.png": png(4, 4), "4.png": png(4, 4)}, r"1 of the frames 1 to 4 are missing: 3"),
        ({f"{n:03}.png": png(4, 4) for n in range(1, 20, 2)}, r"9 of the frames 1 to 19 .*: 2, 4, 6, 8, 10, …"),
        ({"1.png": png(4, 4), "2.png": png(4, 6)}, r"differ in size: 1\.png has 4x4, 2\.png 4x6"),
        ({"a1.png": png(4, 4), "b2.png": png(4, 4)}, "several sequences: 'a'… and 'b'…"),
        ({"1.png": png(4, 4), "cover.png": png(4, 4)}, r"cover\.png has no number"),
        ({"1.png": png(4, 4), "2.PNG": png(4, 4)}, r"end in \.PNG and of others in \.png\. Rename"),
        ({"01.png": png(4, 4), "1.png": png(4, 4)}, "filled up with zeros and others are not"),
        ({"1.png": png(4, 4, bits=16)}, "has 16 bits a sample"),
        ({"1.png": png(4, 4, colour=6)}, "colour type 6; only 8-bit RGB"),
        ({"1.png": png(4, 4, colour=0)}, "colour type 0"),
        ({"1.png": b"GIF89a" + bytes(40)}, r"1\.png is not a PNG file"),
        ({"1.png": b""}, r"1\.png is not a PNG file"),
        ({"readme.txt": b""}, "holds no PNG files"),
    ],
)
def test_folders_that_are_no_sequence(pictures: dict[str, bytes], said: str, tmp_path: Path) -> None:
    """With the file that is wrong."""
    with pytest.raises(SourceError, match=said):
        open_file(folder_of(tmp_path / "a", pictures), StatedFormat(frame_rate=Fraction(25)))


def test_pngs_without_a_rate(tmp_path: Path) -> None:
    """A rate in the folder's name will do."""
    with pytest.raises(SourceError, match=r"do not state a frame rate\. Say it as --source-format @25"):
        open_file(folder_of(tmp_path / "a", {"1.png": png(4, 4)}))
    assert open_file(folder_of(tmp_path / "a_50fps", {"1.png": png(4, 4)})).format.frame_rate == 50


def test_damaged_png_in_the_middle(tmp_path: Path) -> None:
    """A whole header is not a whole picture."""
    cut = png(64, 64)[:60]
    folder = folder_of(tmp_path / "a", {"1.png": png(64, 64), "2.png": cut, "3.png": png(64, 64)})
    with pytest.raises(SourceError, match=r"is damaged|decoding gave"):
        open_file(folder, StatedFormat(frame_rate=Fraction(25))).read(tmp_path / "cache")


@pytest.mark.parametrize("size", [0, 1, 64 * 36 * 3 // 2 - 1, 64 * 36 * 3 // 2 + 6])
def test_yuv_that_is_no_multiple_of_a_frame(size: int, tmp_path: Path) -> None:
    """Both sizes and the way out are named."""
    path = tmp_path / "a_64x36_25fps.yuv"
    path.write_bytes(bytes(size))
    with pytest.raises(SourceError, match=rf"has {size:,} bytes, no multiple of the 3,456 .*--source-format"):
        open_file(path)


@pytest.mark.parametrize(
    ("name", "missing"), [("a.yuv", "size and frame rate"), ("a_64x36.yuv", "frame rate"), ("a_25fps.yuv", "size")]
)
def test_yuv_whose_name_does_not_say(name: str, missing: str, tmp_path: Path) -> None:
    """What is missing, and both ways to say it."""
    (tmp_path / name).write_bytes(bytes(3456))
    with pytest.raises(SourceError, match=rf"does not state the {missing}\. Say it as --source-format .*in the name"):
        open_file(tmp_path / name)


@pytest.mark.parametrize("rate", ["0fps", "0.0hz", "00"])
def test_a_rate_of_0_in_a_name(rate: str, tmp_path: Path) -> None:
    """It is an error that names the option that states the rate; with that option the file is read."""
    path = tmp_path / f"a_64x36_{rate}.yuv"
    path.write_bytes(bytes(3456))
    with pytest.raises(SourceError, match=r"a_64x36.*: the frame rate is 0\. Say the right one as --source-format @25"):
        open_file(path)
    assert open_file(path, StatedFormat(frame_rate=Fraction(25))).format.frame_rate == 25
    pictures = folder_of(tmp_path / f"a_64x36_{rate}", {"1.png": png(4, 4)})
    with pytest.raises(SourceError, match="the frame rate is 0"):
        open_file(pictures)


Hurt = Callable[[bytes], bytes]


@pytest.mark.parametrize("suffix", [".y4m", ".mp4", ".mkv"])
@pytest.mark.parametrize(
    "hurt",
    [lambda _: b"", lambda data: data[:20], lambda data: data[: len(data) * 2 // 3], lambda data: b"x" * len(data)],
    ids=["empty", "header", "truncated", "other"],
)
def test_damaged_files_are_told(suffix: str, hurt: Hurt, tmp_path: Path) -> None:
    """By name, whether it shows at once or only while decoding."""
    video = noise(tmp_path)
    path = tmp_path / f"a{suffix}"
    if suffix == ".y4m":
        write_y4m(video, path)
    else:
        make(*raw_words(video), "-c:v", "libx264", path)
    path.write_bytes(hurt(path.read_bytes()))
    with pytest.raises(SourceError, match=f"a{suffix}"):
        open_file(path).read(tmp_path / "cache")


def test_mp4_without_frames(tmp_path: Path) -> None:
    """Sound alone, and a video track that holds nothing."""
    make("-f", "lavfi", "-i", "sine=duration=0.1", tmp_path / "sound.mp4")
    make("-f", "lavfi", "-i", "testsrc=size=64x36:duration=1", "-t", "0", "-c:v", "libx264", tmp_path / "empty.mp4")
    for name in ("sound.mp4", "empty.mp4"):
        with pytest.raises(SourceError, match=f"{name} cannot be used"):
            open_file(tmp_path / name)


@pytest.mark.parametrize(
    ("pixel_format", "codec", "said"),
    [
        ("yuv420p12le", "ffv1", "holds 420p12|holds yuv420p12le"),
        ("gray", "ffv1", "holds (mono|gray)"),
        ("yuvj420p", "mjpeg", "full range"),
        ("bgr0", "ffv1", "holds bgr0|holds bgra|can only handle"),
    ],
)
def test_pixel_formats_that_would_be_converted(pixel_format: str, codec: str, said: str, tmp_path: Path) -> None:
    """Never silently: RGB, grey, twelve bits and full range are refused with what can be read."""
    source = f"testsrc=size=64x36:duration=0.2,format={pixel_format}"
    make("-f", "lavfi", "-i", source, "-c:v", codec, "-strict", "-1", tmp_path / "a.mkv")
    with pytest.raises(SourceError, match=said):
        open_file(tmp_path / "a.mkv")


def test_what_is_no_video(tmp_path: Path) -> None:
    """Another suffix, and nothing at all."""
    (tmp_path / "a.txt").touch()
    with pytest.raises(SourceError, match=r"a\.txt is no video that can be read: expected \.yuv, \.y4m, \.mp4"):
        open_file(tmp_path / "a.txt")
    with pytest.raises(SourceError, match=r"b\.mp4 does not exist"):
        open_file(tmp_path / "b.mp4")
