"""How a machine is divided among encoders."""

from __future__ import annotations

import os

import pytest

from bench.errors import UsageError
from bench.runs import share as sharing
from bench.runs.share import Share, shares, visible_gpus


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """One of eight cores, of which this process may use six."""
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 1, 2, 5, 6, 7})
    monkeypatch.setattr(sharing, "CAN_PIN", True)
    for variable in sharing.THREAD_COUNTS:
        monkeypatch.delenv(variable, raising=False)


@pytest.mark.usefixtures("machine")
@pytest.mark.parametrize("jobs", [2, 3, 4, 6])
def test_every_core_has_one_encoder(jobs: int) -> None:
    """Each as many as any other, within one; and as many threads as cores."""
    parts = shares(jobs)
    cpus = [cpu for part in parts for cpu in part.cpus or ()]
    assert sorted(cpus) == [0, 1, 2, 5, 6, 7]
    counts = [len(part.cpus or ()) for part in parts]
    assert max(counts) - min(counts) <= 1
    assert [part.threads for part in parts] == counts
    assert {part.beside for part in parts} == {jobs - 1}


@pytest.mark.usefixtures("machine")
def test_more_encoders_than_cores_share_them() -> None:
    """One core each, in turn."""
    assert [part.cpus for part in shares(8)] == [(0,), (1,), (2,), (5,), (6,), (7,), (0,), (1,)]


@pytest.mark.usefixtures("machine")
def test_a_quota_divides_threads_and_pins_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """The cores are other users' too."""
    monkeypatch.setattr(sharing, "cores", lambda: 4)
    assert shares(2) == [Share(threads=2, beside=1)] * 2


@pytest.mark.usefixtures("machine")
def test_a_share_is_told_by_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the user allows fewer threads, the user is right."""
    share = Share((0, 5), 2, "3")
    told = {"BENCH_CPUS": "0,5", "CUDA_VISIBLE_DEVICES": "3", "OMP_NUM_THREADS": "2", "NUMBA_NUM_THREADS": "2"}
    assert share.environment() == told
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    assert share.environment() == told | {"OMP_NUM_THREADS": "1"}
    assert Share().environment() == {}


def test_devices_are_those_that_this_process_sees(monkeypatch: pytest.MonkeyPatch) -> None:
    """A scheduler may have given it the fifth and the eighth of a machine."""
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    assert visible_gpus(["cuda:1", "cpu", "cuda:0"], 2) == ["1", "", "0"]
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "4,7")
    assert visible_gpus(["cuda:1"], 2) == ["7"]


@pytest.mark.parametrize("device", ["cuda:2", "cuda", "gpu", "cuda:-1", ""])
def test_a_device_that_there_is_not(device: str) -> None:
    """The message names those that there are."""
    with pytest.raises(UsageError, match="This machine has cpu, cuda:0, cuda:1"):
        visible_gpus([device], 2)


def test_devices_are_given_in_turn() -> None:
    """To more encoders than there are devices."""
    assert [part.gpus for part in shares(3, ["0", "1"])] == ["0", "1", "0"]
    assert shares(1, ["1"]) == [Share(gpus="1")]
