"""What `bench` offers to notebooks, and the page that shows it."""

from __future__ import annotations

import contextlib
import csv
import io
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import bench
from bench import bd_rate, open_clip, read_records
from bench.cli.run import cut_of, open_clips
from bench.dataset import Clip, ClipWindow
from bench.errors import SourceError, UsageError
from bench.registry import open_dataset
from bench.sources.cache import cache_folder

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "python.md"
QUICK = ROOT / "results" / "quick"

in_repository = pytest.mark.skipif(not PAGE.exists(), reason="the repository is not here")


@in_repository
def test_the_page_prints_what_it_says(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every block of Python, one after another, but those that need a download."""
    monkeypatch.chdir(ROOT)
    blocks = re.findall(
        r"(<!-- not run -->\n\n)?^```python\n(.*?)^```$(?:\n\n```text\n(.*?)^```$)?",
        PAGE.read_text(encoding="utf-8"),
        re.DOTALL | re.MULTILINE,
    )
    assert len(blocks) >= 5
    names: dict[str, Any] = {}
    for left_out, code, expected in blocks:
        if not left_out:
            printed = io.StringIO()
            with contextlib.redirect_stdout(printed):
                exec(compile(code, str(PAGE), "exec"), names)
            assert printed.getvalue() == expected


@pytest.mark.process
def test_importing_the_package_loads_nothing_large(tmp_path: Path) -> None:
    """Neither does asking what is in it; a name that does not exist is an error as usual."""
    code = (
        "import sys, bench; before = set(sys.modules); dir(bench); getattr(bench, 'nothing', None); "
        "print({'numba', 'numpy', 'pandas', 'scipy', 'torch'} & set(sys.modules), set(sys.modules) - before); "
        "print(bench.bd_rate.__module__, 'pandas' in sys.modules)"
    )
    environment = os.environ | {"PYTHONPATH": str(Path(bench.__file__).parents[1])}
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, env=environment, check=True, capture_output=True, text=True
    )
    assert done.stdout.splitlines() == ["set() set()", "bench.analysis.bd_rate False"]


def test_the_face_is_what_it_says() -> None:
    assert bench.__all__ == ["bd_rate", "open_clip", "read_records"]
    assert {*bench.__all__, "__version__"} <= set(dir(bench))
    with pytest.raises(AttributeError, match="nothing"):
        _ = bench.nothing  # type: ignore[attr-defined]


@in_repository
def test_records_have_the_columns_of_the_report() -> None:
    """And its rows, which the report has in another order."""
    records = read_records(str(QUICK))
    with (QUICK / "report" / "tables" / "records.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert set(records.columns) == set(rows[0])
    assert sorted(records["key"]) == sorted(row["key"] for row in rows)
    assert sorted(records["stream.size_bytes"]) == sorted(int(row["stream.size_bytes"]) for row in rows)


@in_repository
def test_bd_rate_is_the_reports() -> None:
    """As `results/quick/report/tables/bd_rate.csv` has it of e-nerv against nerv."""
    records = read_records(QUICK)
    curves = {
        label: list(zip(rows["stream.bits_per_pixel"], rows["quality.clip.psnr_rgb"], strict=True))
        for label, rows in records.groupby("codec.label")
    }
    with (QUICK / "report" / "tables" / "bd_rate.csv").open(encoding="utf-8", newline="") as file:
        (expected,) = (
            row
            for row in csv.DictReader(file)
            if (row["codec"], row["anchor"], row["metric"]) == ("e-nerv", "nerv", "psnr_rgb")
        )
    assert bd_rate(curves["nerv"], curves["e-nerv"]).value == pytest.approx(float(expected["bd_rate_percent"]))


def test_a_directory_without_records_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no records"):
        read_records(tmp_path)


def test_clips_are_those_of_a_run(clip: Clip) -> None:
    """Not only alike: the same files of the same cache."""
    assert open_clip("bunny", "bunny", size=(320, 180), frames=4) == clip
    cut = cut_of(ClipWindow(), None, (128, 96), 2)
    (run,) = open_clips(open_dataset("bunny"), [], cut, "bt709")
    opened = open_clip("bunny", crop=(128, 96), frames=2, matrix="bt709")
    assert opened == run
    assert opened.yuv.path.is_relative_to(cache_folder())


def test_clips_that_cannot_be(tmp_path: Path) -> None:
    """Each error names what helps."""
    with pytest.raises(UsageError, match="Did you mean 'bunny'"):
        open_clip("buny")
    with pytest.raises(UsageError, match="Did you mean 'Jockey'"):
        open_clip("uvg", "Jocky", data_root=tmp_path)
    with pytest.raises(UsageError, match=r"several sequences. Name one of Beauty, "):
        open_clip("uvg")
    with pytest.raises(SourceError, match="bench fetch uvg Jockey"):
        open_clip("uvg", "Jockey", data_root=str(tmp_path))
    with pytest.raises(SourceError, match="does not exist"):
        open_clip(tmp_path / "clip.mp4")
    with pytest.raises(UsageError, match="at least 1"):
        open_clip("bunny", frames=0)
    with pytest.raises(UsageError, match="does not fit"):
        open_clip("bunny", crop=(4096, 96))
