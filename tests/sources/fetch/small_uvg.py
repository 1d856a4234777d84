"""One sequence of UVG at a small size, in a real archive."""

from __future__ import annotations

import io
from unittest import mock

import numpy as np
import py7zr

WIDTH, HEIGHT, FRAMES = 64, 36, 600
DATA = np.random.default_rng(4).bytes(WIDTH * HEIGHT * 3 // 2 * FRAMES)
YUV = "Jockey_1920x1080_120fps_420_8bit_YUV.yuv"
ARCHIVE = "Jockey_1920x1080_120fps_420_8bit_YUV_RAW.7z"


def archive_of(files: dict[str, bytes]) -> bytes:
    """A 7z archive that stores these files, also under names that py7zr would refuse to write."""
    buffer = io.BytesIO()
    with (
        mock.patch("py7zr.py7zr.check_archive_path", return_value=True),
        py7zr.SevenZipFile(buffer, "w", filters=[{"id": py7zr.FILTER_COPY}]) as archive,
    ):
        for name, data in files.items():
            archive.writestr(data, name)
    return buffer.getvalue()


WHOLE = archive_of({"copyright.txt": b"CC BY-NC", YUV: DATA})
