"""A server that has one small sequence of UVG."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from bench.datasets import uvg
from bench.sources.fetch import download

sys.path.insert(0, str(Path(__file__).parent))

from fault_server import Served, serve
from small_uvg import ARCHIVE, HEIGHT, WHOLE, WIDTH


@pytest.fixture
def served(monkeypatch: pytest.MonkeyPatch) -> Iterator[Served]:
    """It serves the archive, which UVG's facts are made to describe."""
    monkeypatch.setattr(download, "WAIT_SECONDS", 0.01)
    with serve({ARCHIVE: WHOLE}) as server:
        for name, value in {"width": WIDTH, "height": HEIGHT}.items():
            monkeypatch.setitem(uvg.FACTS, name, value)
        monkeypatch.setitem(uvg.FACTS["sequences"]["Jockey"], "archive_bytes", len(WHOLE))
        monkeypatch.setitem(uvg.FACTS, "archives", server.url + "/{name}_1920x1080_120fps_420_8bit_YUV_RAW.7z")
        yield server
