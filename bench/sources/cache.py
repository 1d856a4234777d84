"""The folder in which prepared clips are kept."""

from __future__ import annotations

import os
from pathlib import Path

import platformdirs


def cache_folder() -> Path:
    """The folder for cut and converted clips: ``BENCH_CACHE``, else the user's cache directory."""
    named = os.environ.get("BENCH_CACHE")
    return Path(named) if named else platformdirs.user_cache_path("implicit-video-bench")
