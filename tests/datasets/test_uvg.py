"""UVG: which files are wanted, and what is said when they are not there."""

from __future__ import annotations

import os
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from bench.dataset import Cut
from bench.datasets import uvg
from bench.errors import SourceError

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
    assert "7z x ARCHIVE" in said
    assert "BENCH_DATA_ROOT" in said
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
        uvg.UVG().open("Beauty", Cut(frames=1), tmp_path / "cache")
    assert not (tmp_path / "cache").exists()


def test_open_sequence_is_the_file(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Frame by frame, at 120 a second, without a lossy source behind it (here at a small size)."""
    monkeypatch.setitem(uvg.FACTS, "width", 64)
    monkeypatch.setitem(uvg.FACTS, "height", 36)
    data = np.random.default_rng(1).bytes(600 * 64 * 36 * 3 // 2)
    (root / file_name("ReadySetGo")).write_bytes(data)
    clip = uvg.UVG().open("ReadySetGo", Cut(frames=3), tmp_path / "cache")
    assert clip.yuv.path.read_bytes() == data[: 3 * 64 * 36 * 3 // 2]
    assert clip.yuv.format.frame_rate == Fraction(120)
    assert clip.name == "uvg/ReadySetGo"
    assert clip.source.frames == 600
    assert clip.source_bits_per_pixel is None
