"""The compiled kernels on several threads, also where a worker's share of the cores is one."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

import bench

HERE = Path(__file__).parent
TESTS = [HERE / "test_loss.py", HERE / "test_shuffle.py", HERE / "test_networks.py"]


@pytest.mark.process
def test_kernels_on_four_threads(request: pytest.FixtureRequest) -> None:
    """Their own tests, in a process that has as many."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    environment |= {"NUMBA_NUM_THREADS": "4", "PYTHONPATH": str(Path(bench.__file__).resolve().parents[1])}
    command = [sys.executable, "-m", "pytest", "-q", "-c", str(request.config.inipath), "-o", "pythonpath="]
    command += ["--rootdir", str(request.config.rootpath), "-k", "loss or shuffle or normalisation", *map(str, TESTS)]
    done = subprocess.run(command, check=False, capture_output=True, text=True, env=environment)
    assert done.returncode == 0, done.stdout
    assert " passed" in done.stdout
    assert "skipped" not in done.stdout
