"""One rule for video codecs that are trained per video and for standard ones.

In a notebook: ``from bench import bd_rate, open_clip, read_records`` (`docs/python.md`).
"""

import importlib
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .version import __version__ as __version__

if TYPE_CHECKING:
    from .analysis.bd_rate import bd_rate
    from .notebook import open_clip, read_records

if sys.platform == "win32":
    raise ImportError(
        "implicit-video-bench does not run on Windows: it starts, limits and ends codecs as POSIX processes. It is "
        "tested on Linux; use WSL."
    )

__all__ = ["bd_rate", "open_clip", "read_records"]

_here = Path(__file__).resolve().parent
if not (_here / "codecs").is_dir():  # a source checkout: the two rooms stand beside this package
    __path__.append(str(_here.parent))

_MODULES = {"bd_rate": ".analysis.bd_rate", "open_clip": ".notebook", "read_records": ".notebook"}
"""Where each name of `__all__` is. It is imported when it is first asked for (PEP 562), so that a decoder's
process does not load pandas with `bench`."""

if not TYPE_CHECKING:  # a type checker would take any name for one of these

    def __getattr__(name: str) -> Any:
        if name not in _MODULES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        return getattr(importlib.import_module(_MODULES[name], __name__), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
