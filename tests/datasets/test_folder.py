"""A user's own videos: which there are, what they are called, and that they become clips unchanged."""

from __future__ import annotations

import hashlib
import subprocess
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from bench.dataset import ClipWindow
from bench.datasets.folder import Folder
from bench.errors import SourceError, UsageError
from bench.measure.quality import measure_quality
from bench.registry import open_dataset
from bench.sources.video_file import StatedFormat
from bench.video import ffmpeg
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
