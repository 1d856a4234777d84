"""One rule for video codecs that are trained per video and for standard ones."""

from pathlib import Path

__version__ = "0.1.0"

_here = Path(__file__).resolve().parent
if not (_here / "codecs").is_dir():  # a source checkout: the two rooms stand beside this package
    __path__.append(str(_here.parent))
