"""Paths that are not plain text: how messages show them, and how they pass through ffmpeg-python."""

from __future__ import annotations

import os
import re
from pathlib import Path


def printable(path: Path | str) -> str:
    """``path`` as messages show it: line ends, bytes that are not UTF-8 and other characters that cannot be printed are
    escaped.

    >>> print(printable("caf\\udce9\\n.yuv"))
    caf\\xe9\\n.yuv
    """
    return "".join(character if character.isprintable() else _escaped(character) for character in str(path))


def as_argument(path: Path | str) -> str:
    """``path`` as the name of an input or an output of ffmpeg-python.

    ffmpeg-python raises `UnicodeEncodeError` on a name that is not UTF-8. A placeholder in ASCII stands for such a
    name, until `restored` puts the name itself into the finished command. A relative name that ffmpeg would take for
    an option or a protocol begins with ``file:``.

    >>> as_argument("a b.yuv"), as_argument("-a.yuv"), as_argument("a:b.yuv")
    ('a b.yuv', 'file:-a.yuv', 'file:a:b.yuv')
    """
    text = str(path)
    if text.startswith("-") or (":" in text and not Path(text).is_absolute()):
        text = f"file:{text}"
    try:
        text.encode()
    except UnicodeEncodeError:
        return f"\0{os.fsencode(text).hex()}\0"
    return text


def restored(argument: str) -> str:
    """An argument of a finished command, with the name for which `as_argument` put a placeholder."""
    return re.sub("\0([0-9a-f]+)\0", lambda match: os.fsdecode(bytes.fromhex(match[1])), argument)


def _escaped(character: str) -> str:
    code = ord(character)
    if 0xDC80 <= code <= 0xDCFF:  # Python's stand-in for a byte that is not UTF-8 (PEP 383)
        return f"\\x{code - 0xDC00:02x}"
    return character.encode("unicode_escape").decode("ascii")
