"""UVG: which files are wanted, and what is said when they are not there."""

from __future__ import annotations

import hashlib
import os
import subprocess
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from bench.dataset import ClipWindow
from bench.datasets import uvg
from bench.errors import SourceError
from bench.video import ffmpeg
from bench.video.raw import RawVideo

FRAMES = {
    "Beauty": 600,
    "Bosphorus": 600,
    "HoneyBee": 600,
    "Jockey": 600,
    "ReadySetGo": 600,
    "ShakeNDry": 300,
    "YachtRide": 600,
}
"""From the dataset's page: the seven that papers use."""
SIZE = 1920 * 1080 * 3 // 2


def file_name(sequence: str) -> str:
    """As in the archives, one of which names its file otherwise."""
    stem = "ReadySteadyGo" if sequence == "ReadySetGo" else sequence
    return f"{stem}_1920x1080_120fps_420_8bit_YUV.yuv"


@pytest.fixture(autouse=True)
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder for the files."""
    monkeypatch.setenv("BENCH_DATA_ROOT", str(tmp_path / "uvg"))
    (tmp_path / "uvg").mkdir()
    return tmp_path / "uvg"


def plant(root: Path, sequence: str, size: int) -> Path:
    """A file of a size that takes no room on disk."""
    path = root / file_name(sequence)
    path.touch()
    os.truncate(path, size)
    return path


def test_all_sequences_are_known() -> None:
    """Their names are those of the dataset's page."""
    assert uvg.UVG.sequences == tuple(FRAMES)


def test_complete_files_pass(root: Path) -> None:
    """All seven, by size."""
    for sequence, frames in FRAMES.items():
        plant(root, sequence, SIZE * frames)
    uvg.UVG().check(list(FRAMES))


def test_missing_files_are_named_with_their_source(root: Path) -> None:
    """Each one's path and address, the licence, and what to do."""
    with pytest.raises(SourceError, match="7 of 7 sequences cannot be used") as caught:
        uvg.UVG().check(list(FRAMES))
    said = str(caught.value)
    for sequence in FRAMES:
        assert f"{root / file_name(sequence)}: missing" in said
        assert f"https://ultravideo.fi/video/{sequence}_1920x1080_120fps_420_8bit_YUV_RAW.7z (" in said
    assert f"python -m bench fetch uvg {' '.join(FRAMES)}\n" in said
    assert "--data-root or in BENCH_DATA_ROOT" in said
    assert "CC BY-NC" in said


def test_only_what_was_asked_for_is_missed(root: Path) -> None:
    """A sequence that is there is no problem, nor one that nobody wants."""
    plant(root, "Jockey", SIZE * 600)
    uvg.UVG().check(["Jockey"])
    with pytest.raises(SourceError, match="1 of 2 sequences") as caught:
        uvg.UVG().check(["Jockey", "Beauty"])
    assert "Jockey" not in str(caught.value)
    assert "Bosphorus" not in str(caught.value)


@pytest.mark.parametrize("size", [0, SIZE * 600 - 1, SIZE * 600 + SIZE, SIZE * 300])
def test_wrong_size_is_told_with_both_numbers(size: int, root: Path) -> None:
    """A download that broke off, or the 4K version."""
    plant(root, "Beauty", size)
    with pytest.raises(SourceError) as caught:
        uvg.UVG().check(["Beauty"])
    assert f"has {size:,} bytes, expected 1,866,240,000 (600 frames of 1920x1080 yuv420p)" in str(caught.value)


def test_opening_a_missing_sequence_is_the_same_error(tmp_path: Path) -> None:
    """Nothing is left in the cache."""
    with pytest.raises(SourceError, match="1 of 1 sequences"):
        uvg.UVG().open("Beauty", ClipWindow(frames=1), tmp_path / "cache")
    assert not (tmp_path / "cache").exists()


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> RawVideo:
    """UVG's facts at 64x36, and the form of a sequence then."""
    monkeypatch.setitem(uvg.FACTS, "width", 64)
    monkeypatch.setitem(uvg.FACTS, "height", 36)
    for facts in uvg.FACTS["sequences"].values():
        monkeypatch.setitem(facts, "frames", 6)
    return RawVideo(Path(), uvg.format_of("Jockey"))


def sequence(folder: Path, small: RawVideo) -> RawVideo:
    """Six frames of it."""
    video = RawVideo(folder / "sequence.raw", small.format)
    video.path.write_bytes(np.random.default_rng(9).integers(16, 236, small.format.size_bytes, np.uint8).tobytes())
    return video


def ffmpeg_makes(video: RawVideo, output: Path, *words: str) -> None:
    """Convert a sequence as a user would, tagged with another rate than it has."""
    output.parent.mkdir(parents=True, exist_ok=True)
    source = ["-f", "rawvideo", "-pix_fmt", "yuv420p", "-video_size", "64x36", "-framerate", "24", "-i", video.path]
    subprocess.run([ffmpeg.binary(), "-v", "error", *source, *words, output], check=True)


@pytest.mark.parametrize(
    ("name", "words", "fidelity"),
    [
        ("Jockey.yuv", ["-f", "rawvideo"], "unverified"),
        ("jockey_64x36_120fps.yuv", ["-f", "rawvideo"], "unverified"),
        ("UVG_Jockey.y4m", [], "unverified"),
        ("Jockey/anything.y4m", [], "unverified"),
        ("Jockey-64x36.mkv", ["-c:v", "ffv1"], "unverified"),
        ("Jockey.mp4", ["-c:v", "libx264"], "lossy"),
        ("Jockey/f%05d.png", [], "converted"),
        ("Jockey_png/%d.png", [], "converted"),
    ],
)
def test_a_sequence_is_found_in_any_form(
    name: str, words: list[str], fidelity: str, small: RawVideo, root: Path, tmp_path: Path
) -> None:
    """By its usual names, in a folder of its own or not; what is not the very sequence is stamped so, and the
    rate is the sequence's, whatever a file is tagged with."""
    video = sequence(tmp_path, small)
    ffmpeg_makes(video, root / name, *words)
    clip = uvg.UVG().open("Jockey", ClipWindow(), tmp_path / "cache")
    assert clip.source.fidelity == fidelity
    assert clip.yuv.format == small.format
    assert (clip.yuv_sha256 == hashlib.sha256(video.path.read_bytes()).hexdigest()) == (fidelity == "unverified")
    assert (clip.source.coded_bytes is None) == (fidelity != "lossy")
    assert Path(name).name.partition("%")[0] in clip.source.origin or fidelity == "converted"


def test_forms_that_keep_every_sample_are_preferred(small: RawVideo, root: Path, tmp_path: Path) -> None:
    """Raw YUV before YUV4MPEG2 before PNGs before the rest."""
    video = sequence(tmp_path, small)
    for name in ("Jockey.mp4", "Jockey/%d.png", "Jockey.y4m", "Jockey.yuv", file_name("Jockey")):
        ffmpeg_makes(video, root / name, *(["-f", "rawvideo"] if name.endswith("yuv") else []))
        assert uvg.UVG().find("Jockey") == (root / name if "%" not in name else root / "Jockey")


def test_other_sizes_and_other_sequences_are_not_taken(small: RawVideo, root: Path, tmp_path: Path) -> None:
    """Nor one whose name only begins like it."""
    for name in ("Beauty_3840x2160_120fps_420_10bit_YUV.yuv", "Beautyful.yuv", "Bosphorus.yuv"):
        ffmpeg_makes(sequence(tmp_path, small), root / name, "-f", "rawvideo")
    with pytest.raises(SourceError, match="missing"):
        uvg.UVG().find("Beauty")
    assert uvg.UVG().find("Bosphorus") == root / "Bosphorus.yuv"


def test_two_files_of_one_form_are_ambiguous(small: RawVideo, root: Path, tmp_path: Path) -> None:
    """Both are named."""
    for name in ("ReadySetGo.y4m", "ReadySteadyGo.y4m"):
        ffmpeg_makes(sequence(tmp_path, small), root / name)
    with pytest.raises(SourceError, match=r"ReadySetGo\.y4m and .*ReadySteadyGo\.y4m both seem to be it"):
        uvg.UVG().check(["ReadySetGo"])


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["-frames:v", "5"], "has 5 frames of 64x36 yuv420p, expected 6 frames of 64x36 yuv420p"),
        (["-s", "32x18"], "expected 6 frames of 64x36 yuv420p"),
        (["-pix_fmt", "yuv444p"], "expected 6 frames of 64x36 yuv420p"),
    ],
)
@pytest.mark.parametrize("suffix", [".y4m", ".mp4"])
def test_what_is_not_the_whole_sequence_is_refused(
    suffix: str, words: list[str], said: str, small: RawVideo, root: Path, tmp_path: Path
) -> None:
    """ClipWindow, scaled, or of other samples: found out before encoding, for containers by decoding them."""
    ffmpeg_makes(sequence(tmp_path, small), root / f"Jockey{suffix}", *words)
    with pytest.raises(SourceError, match=said):
        uvg.UVG().open("Jockey", ClipWindow(), tmp_path / "cache")


def test_open_sequence_is_the_file(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Frame by frame, at 120 a second, without a lossy source behind it (here at a small size)."""
    monkeypatch.setitem(uvg.FACTS, "width", 64)
    monkeypatch.setitem(uvg.FACTS, "height", 36)
    data = np.random.default_rng(1).bytes(600 * 64 * 36 * 3 // 2)
    (root / file_name("ReadySetGo")).write_bytes(data)
    clip = uvg.UVG().open("ReadySetGo", ClipWindow(frames=3), tmp_path / "cache")
    assert clip.yuv.path.read_bytes() == data[: 3 * 64 * 36 * 3 // 2]
    assert clip.yuv.format.frame_rate == Fraction(120)
    assert clip.name == "uvg/ReadySetGo"
    assert clip.source.frames == 600
    assert clip.source_bits_per_pixel is None
