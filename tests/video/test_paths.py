"""Names of files that are no plain text: they are shown in ASCII, and ffmpeg reads and writes under them."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import textwrap
from fractions import Fraction
from pathlib import Path

import pytest

import bench
from bench.dataset import ClipWindow
from bench.datasets.folder import Folder
from bench.errors import DecodeError, SourceError
from bench.files import to_json
from bench.sources.file import open_file
from bench.sources.video_file import StatedFormat
from bench.video import colour, ffmpeg
from bench.video.export import export
from bench.video.paths import as_argument, printable, restored
from bench.video.raw import RawVideo, VideoFormat

ROOT = Path(bench.__file__).parents[1]
NAMES = [b"caf\xe9", b"-a", b"a\nb", b'it\'s "a"', b"a:b", b"50%d", b"\xff:\n-'"]
pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="names that are not UTF-8 are Linux's")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder to work in, so that names can be relative."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def noise(name: bytes) -> RawVideo:
    """Two frames in a file of this name, which states their format."""
    video = RawVideo(Path(os.fsdecode(name + b"_64x48_25fps.yuv")), VideoFormat(64, 48, 2, Fraction(25), "yuv420p"))
    video.path.write_bytes(bytes(range(256)) * (video.format.size_bytes // 256))
    return video


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("relative", [True, False])
def test_videos_of_any_name_are_read(name: bytes, relative: bool, folder: Path) -> None:
    """ffmpeg reads the very file, by a relative and by an absolute path."""
    video = noise(name)
    data = video.path.read_bytes()
    file = open_file(video.path if relative else folder / video.path)
    read, content = file.read(folder / "cache")
    assert read.format == video.format
    assert content.sha256 == hashlib.sha256(data).hexdigest()


@pytest.mark.parametrize("name", NAMES)
def test_containers_and_pictures_of_any_name_are_read(name: bytes, folder: Path) -> None:
    """ffmpeg writes a container and PNG files under such names, and reads them again."""
    video = noise(name)
    container, pictures = Path(os.fsdecode(name + b".mkv")), Path(os.fsdecode(name))
    pictures.mkdir()
    pattern = f"{pictures}/{pictures}".replace("%", "%%") + "%d.png"
    ffmpeg.run(ffmpeg.raw_input(video).output(as_argument(container), vcodec="ffv1"), "Writing")
    ffmpeg.run(ffmpeg.raw_input(video).output(as_argument(pattern), format="image2"), "Writing")
    read, content = open_file(container).read(folder / "cache")
    assert (read.format.frames, content.sha256) == (2, hashlib.sha256(video.path.read_bytes()).hexdigest())
    assert ffmpeg.coded_bytes(container) > 0
    assert open_file(pictures, StatedFormat(frame_rate=Fraction(25))).read(folder / "cache")[0].format.frames == 2


@pytest.mark.parametrize("name", NAMES)
def test_files_of_any_name_are_written(name: bytes, folder: Path) -> None:
    """Conversions and exports go to the file that was named."""
    video = noise(name)
    rgb = colour.convert(video, "rgb24", Path(os.fsdecode(name + b".rgb")), "bt601")
    exported = Path(os.fsdecode(name + b".y4m"))
    export(rgb, "bt601", exported)
    assert exported.stat().st_size > video.format.size_bytes
    assert {path.suffix for path in folder.iterdir()} == {".yuv", ".rgb", ".y4m"}


@pytest.mark.process
def test_messages_can_be_printed_in_ascii(folder: Path) -> None:
    """Errors about such a name are printed where standard output takes ASCII alone, and escape the name."""
    noise(b"caf\xe9\n").path.write_bytes(bytes(3))
    code = """
        from pathlib import Path
        from bench.errors import BenchError
        from bench.sources.file import open_file
        for path in sorted(Path().iterdir()):
            try:
                open_file(path)
            except BenchError as error:
                print(error)
        """
    Path(os.fsdecode(b"\xff.mkv")).write_bytes(b"no video")
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)],
        env={
            **os.environ,
            "LC_ALL": "C",
            "PYTHONIOENCODING": "ascii",
            "PYTHONPATH": str(Path(bench.__file__).parents[1]),
        },
        capture_output=True,
        text=True,
        check=True,
    )
    assert r"caf\xe9\n_64x48_25fps.yuv has 3 bytes, no multiple" in done.stdout
    assert r"\xff.mkv cannot be used: Reading \xff.mkv: ffmpeg exited" in done.stdout
    with pytest.raises(DecodeError, match=r"^caf\\xe9\\n_64x48_25fps\.yuv: expected 2 frames"):
        RawVideo(Path("caf\udce9\n_64x48_25fps.yuv"), VideoFormat(64, 48, 2, Fraction(25), "yuv420p")).check_size()
    with pytest.raises(SourceError, match=r"^a\\nb does not exist"):
        open_file(Path("a\nb"))


def test_plain_names_are_left_alone() -> None:
    """Whatever is UTF-8 and no option and no protocol passes as it is."""
    for name in ("/a/b.yuv", "/a:b/-c.yuv", "café 日本.mp4", "a-b.y4m", "%05d.png"):
        assert as_argument(name) == printable(name) == restored(name) == name
    assert as_argument(Path("-")) == "file:-"
    assert as_argument("caf\udce9").isascii()
    assert restored(as_argument("a:\udce9")) == "file:a:\udce9"


def test_clips_of_any_name_are_prepared(folder: Path) -> None:
    """A dataset of such a file has a plain name, and its clip can be written as JSON."""
    noise(b"caf\xe9\n")
    dataset = Folder(folder)
    assert dataset.sequences == ("caf-_64x48_25fps",)
    clip = dataset.open(dataset.sequences[0], ClipWindow(), Path(os.fsdecode(b"cach\xe9")))
    assert clip.source.origin.startswith(r"caf\xe9\n_64x48_25fps.yuv, 2 frames")
    assert to_json(clip.source)
    assert clip.rgb.path.stat().st_size == clip.rgb.format.size_bytes
    assert (dataset.listing(dataset.sequences[0]).found or "").endswith(r"/caf\xe9\n_64x48_25fps.yuv")
