"""A user's own videos: which there are, what they are called, and that they become clips unchanged."""

from __future__ import annotations

import hashlib
import subprocess
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from made import make

from bench.dataset import ClipWindow
from bench.datasets.folder import Folder
from bench.errors import SourceError, UsageError
from bench.measure.quality import measure_quality
from bench.registry import open_dataset
from bench.sources.video_file import StatedFormat
from bench.video import ffmpeg
from bench.video.colour_tags import ColourTags
from bench.video.raw import RawVideo, VideoFormat
from bench.video.y4m import write_y4m

FORM = VideoFormat(66, 38, 3, Fraction(50), "yuv422p10le")


def plant(path: Path) -> RawVideo:
    """A YUV4MPEG2 file of ten bits."""
    video = RawVideo(path.with_suffix(".raw"), FORM)
    video.path.write_bytes(np.random.default_rng(2).integers(64, 940, FORM.size_bytes // 2).astype("<u2").tobytes())
    write_y4m(video, path)
    return video


def plant_pngs(folder: Path, frames: int = 3) -> None:
    """A test picture."""
    folder.mkdir(parents=True)
    source = ["-f", "lavfi", "-i", f"testsrc=size=66x38:rate=25:duration={frames / 25}"]
    subprocess.run([ffmpeg.binary(), "-v", "error", *source, "-pix_fmt", "rgb24", folder / "%04d.png"], check=True)


def test_a_file_is_a_dataset_of_one_sequence(tmp_path: Path) -> None:
    """Called after the file; the clip is what is in it, in its own format."""
    video = plant(tmp_path / "My clip (1).y4m")
    folder = Folder(tmp_path / "My clip (1).y4m")
    assert (folder.name, folder.sequences) == ("My-clip-1", ("My-clip-1",))
    clip = folder.open("My-clip-1", ClipWindow(), tmp_path / "cache")
    assert clip.yuv.format == FORM
    assert clip.yuv_sha256 == clip.source.sha256 == hashlib.sha256(video.path.read_bytes()).hexdigest()
    assert (clip.source.fidelity, clip.source.coded_bytes) == ("exact", None)
    assert clip.rgb_ceiling_db is None


def test_a_folder_is_a_dataset_of_its_videos(tmp_path: Path) -> None:
    """Files and folders of PNGs, by name; what is no video is left alone."""
    root = tmp_path / "clips"
    plant_pngs(root / "frames_25fps")
    for name in ("b.y4m", "a.y4m"):
        plant(root / name).path.unlink()
    (root / "notes.txt").touch()
    (root / "empty").mkdir()
    folder = Folder(root)
    assert (folder.name, folder.sequences) == ("clips", ("a", "b", "frames_25fps"))
    folder.check(list(folder.sequences))
    assert str(folder.listing("a").format) == "3 frames of 66x38 yuv422p10le"
    assert folder.listing("a").found == str(root / "a.y4m")


def test_png_frames_are_the_ground_truth_itself(tmp_path: Path) -> None:
    """RGB is taken as it is; what 4:2:0 made of it can reach at most is measured and stated."""
    plant_pngs(tmp_path / "frames")
    clip = Folder(tmp_path / "frames", StatedFormat(frame_rate=Fraction(25))).open(
        "frames", ClipWindow(), tmp_path / "cache"
    )
    words = ["-v", "error", "-i", str(tmp_path / "frames" / "%04d.png"), "-f", "rawvideo", "-pix_fmt", "rgb24", "-"]
    decoded = subprocess.run([ffmpeg.binary(), *words], check=True, capture_output=True).stdout
    assert clip.rgb.path.read_bytes() == decoded
    assert str(clip.yuv.format) == "3 frames of 66x38 yuv420p"
    assert clip.source.fidelity == "converted"
    assert clip.rgb_ceiling_db == pytest.approx(measure_quality(clip, clip.yuv).clip["psnr_rgb"])
    assert 15 < clip.rgb_ceiling_db < 50


def test_a_lossy_file_states_its_own_rate(tmp_path: Path) -> None:
    """Above it, sending the file wins."""
    source = ["-f", "lavfi", "-i", "testsrc=size=66x38:rate=25:duration=0.4"]
    words = ["-pix_fmt", "yuv420p", "-c:v", "libx264", str(tmp_path / "a.mp4")]
    subprocess.run([ffmpeg.binary(), "-v", "error", *source, *words], check=True)
    clip = Folder(tmp_path / "a.mp4").open("a", ClipWindow(), tmp_path / "cache")
    assert clip.source.coded_bytes == ffmpeg.coded_bytes(tmp_path / "a.mp4") > 100
    assert clip.source_bits_per_pixel == pytest.approx(8 * clip.source.coded_bytes / (10 * 66 * 38))


def test_paths_and_names_are_told_apart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A registered name is the dataset, also beside a folder called so; a misspelt one is no path."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "uvg").mkdir()
    plant(tmp_path / "uvg" / "a.y4m").path.unlink()
    assert open_dataset("uvg").sequences[0] == "Beauty"
    assert open_dataset("./uvg").sequences == ("a",)
    assert open_dataset(str(tmp_path / "uvg" / "a.y4m")).name == "a"
    with pytest.raises(UsageError, match=r"There is no dataset 'bunni'\. Did you mean 'bunny'"):
        open_dataset("bunni")
    with pytest.raises(SourceError, match=r"nowhere/a\.mp4 does not exist"):
        open_dataset("nowhere/a.mp4")


def test_folders_that_are_no_dataset(tmp_path: Path) -> None:
    """Empty, ambiguous, and two files of one name."""
    with pytest.raises(SourceError, match=r"holds no video: expected \.yuv"):
        Folder(tmp_path)
    for name in ("a.y4m", "a.mkv"):
        (tmp_path / name).touch()
    with pytest.raises(SourceError, match=r"a\.mkv and a\.y4m in .* would both be called a"):
        Folder(tmp_path)
    plant_pngs(tmp_path / "both")
    (tmp_path / "both" / "a.y4m").touch()
    with pytest.raises(SourceError, match=r"both PNG frames and videos \(a\.y4m\)"):
        Folder(tmp_path / "both")


def test_what_is_broken_is_found_before_anything_runs(tmp_path: Path) -> None:
    """And listed with its reason."""
    (tmp_path / "a.y4m").write_bytes(b"YUV4MPEG2 W2 H2 F25:1\nFRAME\n")
    folder = Folder(tmp_path)
    with pytest.raises(SourceError, match=r"a\.y4m is truncated or damaged: 6 bytes follow"):
        folder.check(["a"])
    assert "truncated" in str(folder.listing("a").problem)


@pytest.mark.parametrize("name", ["bunny", "uvg"])
def test_no_file_can_pose_as_a_published_sequence(name: str, tmp_path: Path) -> None:
    """A black video called bunny.y4m would stand beside the paper's figures."""
    plant(tmp_path / f"{name}.y4m")
    (tmp_path / "videos" / name).mkdir(parents=True)
    plant(tmp_path / "videos" / name / "Jockey.y4m")
    assert Folder(tmp_path / f"{name}.y4m").name == f"own-{name}"
    assert Folder(tmp_path / "videos" / name).name == f"own-{name}"


def test_what_systems_leave_is_no_sequence(tmp_path: Path) -> None:
    """Hidden files beside videos, as macOS leaves them on other systems' disks. A hidden folder that is named is
    read."""
    plant(tmp_path / "a.Y4M")
    for name in ("._a.y4m", "._b.mp4", ".DS_Store", "Thumbs.db", "desktop.ini"):
        (tmp_path / name).write_bytes(b"AppleDouble")
    plant_pngs(tmp_path / ".frames_25fps")
    assert Folder(tmp_path).sequences == ("a",)
    assert Folder(tmp_path / ".frames_25fps").sequences == ("frames_25fps",)


# --- Colours


def tagged(path: Path, matrix: str, primaries: str, transfer: str) -> Folder:
    """A file of H.264 with these tags."""
    params = f"colormatrix={matrix}:colorprim={primaries}:transfer={transfer}"
    words = ["-f", "lavfi", "-i", "testsrc2=size=64x48:rate=25:duration=0.2,format=yuv420p", "-x264-params", params]
    make(*words, "-c:v", "libx264", path)
    return Folder(path)


def rgb_of(path: Path, matrix: str) -> bytes:
    """The frames of a file in RGB, by a matrix that ffmpeg is told."""
    rgb = path.with_suffix(".rgb")
    make("-i", path, "-vf", f"scale=in_color_matrix={matrix}", "-pix_fmt", "rgb24", "-f", "rawvideo", "-y", rgb)
    return rgb.read_bytes()


@pytest.mark.parametrize(
    ("tags", "matrix"),
    [
        (("bt709", "bt709", "bt709"), "bt709"),
        (("smpte170m", "smpte170m", "smpte170m"), "bt601"),
        (("bt2020nc", "bt2020", "bt709"), "bt2020"),
    ],
)
def test_the_files_own_tag_decides(tags: tuple[str, str, str], matrix: str, tmp_path: Path) -> None:
    """Unless the user says otherwise; the record names both."""
    folder = tagged(tmp_path / "a.mp4", *tags)
    clip = folder.open("a", ClipWindow(), tmp_path / "cache")
    assert folder.default_matrix("a") == clip.matrix == matrix
    assert clip.source.colour == ColourTags(*tags)
    assert clip.rgb.path.read_bytes() == rgb_of(tmp_path / "a.mp4", matrix)
    other = folder.open("a", ClipWindow(), tmp_path / "cache", "bt601" if matrix != "bt601" else "bt709")
    assert other.yuv_sha256 == clip.yuv_sha256
    assert other.rgb_sha256 != clip.rgb_sha256
    assert any("but RGB is made by" in note for note in other.notes)


def test_without_a_tag_it_is_the_papers_conversion(tmp_path: Path) -> None:
    """Of a file of any kind."""
    plant(tmp_path / "a.y4m")
    folder = Folder(tmp_path / "a.y4m")
    assert folder.default_matrix("a") == folder.open("a", ClipWindow(), tmp_path / "cache").matrix == "bt601"


@pytest.mark.parametrize("transfer", ["smpte2084", "arib-std-b67"])
def test_hdr_is_refused_unless_a_conversion_is_named(transfer: str, tmp_path: Path) -> None:
    """It has no RGB that the metrics are defined for; by hand, the samples are taken as they are, and that is said."""
    folder = tagged(tmp_path / "a.mp4", "bt2020nc", "bt2020", transfer)
    with pytest.raises(SourceError, match=rf"transfer {transfer}, for which RGB metrics are not defined.*--matrix"):
        folder.open("a", ClipWindow(), tmp_path / "cache")
    assert folder.listing("a").notes == (f"tagged bt2020nc and {transfer}: it is run only with --matrix",)
    clip = folder.open("a", ClipWindow(), tmp_path / "cache", "bt2020")
    assert clip.notes[0].endswith("so that RGB values are not those of an SDR picture")


# --- Frame rates


def test_bits_per_second_are_over_the_whole_time(tmp_path: Path) -> None:
    """Thirteen frames in 0.38 to 0.4 seconds, of which a player would take the rate for 50."""
    chosen = r"testsrc2=size=64x48:rate=50:duration=0.4,select=not(mod(n\,2))+lt(n\,6),format=yuv420p"
    make("-f", "lavfi", "-i", chosen, "-fps_mode", "vfr", "-c:v", "libx264", tmp_path / "a.mp4")
    clip = Folder(tmp_path / "a.mp4").open("a", ClipWindow(), tmp_path / "cache")
    assert 0.379 < clip.yuv.format.duration_seconds < 0.401
    assert clip.notes == clip.source.notes
    assert "the frame rate varies" in clip.notes[0]
