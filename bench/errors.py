"""Every error that this package raises on purpose.

    BenchError
    ├── UsageError          a name or an option that does not exist or does not fit
    ├── SourceError         a video is missing, altered or cannot be read
    ├── ToolError           ffmpeg or py7zr is missing, or ffmpeg lacks an encoder or failed
    ├── CodecError          a codec cannot do what was asked
    ├── StreamError         a stream is empty, truncated, damaged or another codec's
    ├── DecodeError         a decoder wrote the wrong frames
    ├── CellError           a codec's own process crashed or broke its contract
    │   ├── CellTimeoutError     …or outlasted its time
    │   └── CellInterruptedError …or was stopped, to be gone on with
    └── StoreError          the results directory cannot be written or holds something unreadable

A message says what failed, what was expected and found, and what cures it.
"""

from __future__ import annotations


class BenchError(Exception):
    """Base class; ``exit_status`` is what the command line returns for it."""

    exit_status = 2


class UsageError(BenchError): ...


class SourceError(BenchError): ...


class ToolError(BenchError): ...


class CodecError(BenchError): ...


class StreamError(BenchError): ...


class DecodeError(BenchError): ...


class CellError(BenchError): ...


class CellTimeoutError(CellError): ...


class CellInterruptedError(CellError): ...


class StoreError(BenchError): ...
