"""``bench decode``: from any stream to frames, by the path that a run takes."""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from ..errors import UsageError
from ..runs.decoder import decode
from ..video.export import WRITERS, export


def make_parser(prog: str) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog,
        description="Decode a stream in a process that sees nothing else, as a run does.",
        epilog="examples:\n  python -m bench decode video.inr -o video.y4m",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("stream", type=Path, help="a file that a codec of this benchmark wrote")
    parser.add_argument(
        "-o",
        "--output",
        type=Path,
        required=True,
        metavar="FILE",
        help=".y4m (as decoded, or 4:4:4 where the codec decodes RGB) or .raw (frames as decoded)",
    )
    return parser


def main(options: argparse.Namespace) -> int:
    output: Path = options.output
    if output.suffix not in WRITERS:
        raise UsageError(f"Cannot write {output.name}: the suffix must be one of {', '.join(WRITERS)}.")
    with (
        tempfile.TemporaryDirectory(prefix="bench-log-") as name,
        decode(options.stream, Path(name) / "log", lambda *_, **__: None) as decoded,
    ):
        export(decoded.video, decoded.matrix, output)
    print(f"{output}: {decoded.video.format}, decoded in {decoded.cost.seconds:.3f} s", file=sys.stderr)
    for part, seconds in decoded.cost.parts.items():
        print(f"  {part}: {seconds:.3f} s", file=sys.stderr)
    return 0
