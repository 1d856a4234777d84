"""The number of cores that a process may use, by affinity and by control groups."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from bench.records import cores as counting
from bench.records.cores import allowed, cores, quota_cores, suit_threads, threads


def plant(folder: Path, files: dict[str, str]) -> None:
    """Files with this content."""
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(content)


@pytest.mark.parametrize(
    ("own", "files", "expected"),
    [
        ("0::/", {"cpu.max": "200000 100000\n"}, 2),
        ("0::/", {"cpu.max": "max 100000\n"}, None),
        ("0::/", {"cpu.max": "150000 100000"}, 1.5),
        ("0::/", {}, None),
        ("0::/", {"cpu.max": "nonsense"}, None),
        ("0::/pod/box", {"pod/box/cpu.max": "max 100000", "pod/cpu.max": "300000 100000"}, 3),
        ("0::/pod/box", {"pod/box/cpu.max": "100000 100000", "pod/cpu.max": "300000 100000"}, 1),
        ("0::/of/the/host", {"cpu.max": "400000 100000"}, 4),
        ("2:cpuacct:/x\n1:cpu:/x", {"cpu/x/cpu.cfs_quota_us": "50000", "cpu/x/cpu.cfs_period_us": "100000"}, 0.5),
        ("4:cpu,cpuacct:/", {"cpu,cpuacct/cpu.cfs_quota_us": "-1", "cpu,cpuacct/cpu.cfs_period_us": "100000"}, None),
        (
            "3:cpu,cpuacct:/a\n0::/",
            {"cpu,cpuacct/a/cpu.cfs_quota_us": "200000", "cpu,cpuacct/a/cpu.cfs_period_us": "50000"},
            4,
        ),
    ],
)
def test_quota(own: str, files: dict[str, str], expected: float | None, tmp_path: Path) -> None:
    """Of both versions of control groups, the least on the way to the root."""
    plant(tmp_path, {"own": own} | {f"groups/{name}": content for name, content in files.items()})
    assert quota_cores(tmp_path / "own", tmp_path / "groups") == expected


def test_a_system_without_control_groups(tmp_path: Path) -> None:
    """It sets no quota."""
    assert quota_cores(tmp_path / "own", tmp_path) is None


@pytest.mark.parametrize(("quota", "expected"), [("150000 100000", 1), ("50000 100000", 1), ("max 100000", None)])
def test_a_container_does_not_start_threads_for_the_host(
    quota: str, expected: int | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What it may use counts, whatever cores it sees; libraries are told where they would not find out."""
    plant(tmp_path, {"own": "0::/", "cpu.max": quota})
    monkeypatch.setattr(counting, "OWN_GROUPS", tmp_path / "own")
    monkeypatch.setattr(counting, "GROUPS", tmp_path)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(64)))
    assert cores() == (expected or 64)
    environment: dict[str, str] = {}
    suit_threads(environment)
    told = {"OMP_NUM_THREADS": str(expected), "NUMBA_NUM_THREADS": str(expected)} if expected else {}
    assert environment == {"OMP_WAIT_POLICY": "passive", "GOMP_SPINCOUNT": "2000"} | told


def test_what_the_user_has_set_stays() -> None:
    """Both how threads wait and how many there are."""
    environment = {"OMP_WAIT_POLICY": "active", "OMP_NUM_THREADS": "7"}
    suit_threads(environment)
    assert environment.pop("NUMBA_NUM_THREADS", "7") != ""
    assert environment == {"OMP_WAIT_POLICY": "active", "OMP_NUM_THREADS": "7"}


def test_threads_are_no_more_than_the_user_says(monkeypatch: pytest.MonkeyPatch) -> None:
    """And no more than the cores."""
    monkeypatch.delenv("NUMBA_NUM_THREADS", raising=False)
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    assert threads() == 1
    monkeypatch.setenv("OMP_NUM_THREADS", str(allowed() + 5))
    assert threads() == cores()
