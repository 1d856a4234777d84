"""``bench complexity``: what a network costs to decode, without training it."""

from __future__ import annotations

import argparse
import sys
import tempfile
from fractions import Fraction
from pathlib import Path

from ..codec import LearnedCodec
from ..errors import UsageError
from ..records import environment
from ..runs import preset as presets
from ..runs.decoder import decode
from ..runs.plan import rate_points, select, with_points
from ..video.raw import VideoFormat
from .options import size

COLUMNS = ("codec", "parameters", "GMAC/frame", "kMAC/pixel", "stream (bytes)", "decode (s)", "parts (s)", "start (s)")


def make_parser(prog: str) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog,
        description="Write a stream of each network with untrained weights, decode it as a run does, and print a "
        "table: parameters, multiply-accumulates as fvcore counts them, and decoding time on this machine.",
        epilog="""examples, the second being Table 2 of the Res-NeRV paper and its neighbours:
  python -m bench complexity --codecs nerv --preset quick --size 320x180 --frames 32
  python -m bench complexity --codecs nerv,e-nerv,res-nerv --preset paper --size 1920x1080 --frames 600""",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--codecs", default="all", help="comma-separated, with options in brackets (default: all)")
    parser.add_argument("--preset", default="paper", help=f"{', '.join(presets.names())} (default: %(default)s)")
    parser.add_argument("--size", type=size, default="1920x1080", metavar="WxH", help="default: %(default)s")
    parser.add_argument("--frames", type=int, default=10, help="default: %(default)s")
    return parser


def main(options: argparse.Namespace) -> int:
    if options.frames < 1:
        raise UsageError(f"--frames must be at least 1, not {options.frames}.")
    preset = presets.load_preset(options.preset)
    facts = environment.describe()
    width, height = options.size
    video = VideoFormat(width, height, options.frames, Fraction(25), "rgb24")
    print(f"{video}; {facts.gpu or facts.cpu}, {facts.cores} cores, torch {facts.packages['torch']}\n")
    print(f"| {' | '.join(COLUMNS)} |\n|---|{'---:|' * (len(COLUMNS) - 1)}")
    for selection in select(options.codecs, preset):
        for codec, point in with_points(rate_points(selection, preset)):
            if not isinstance(codec, LearnedCodec):
                print(f"{selection.label} is not a network and stands in no row.", file=sys.stderr)
                break
            row = [f"{selection.label} {point}".rstrip(), *measure(codec, video)]
            print(f"| {' | '.join(row)} |", flush=True)
    return 0


def measure(codec: LearnedCodec, video: VideoFormat) -> list[str]:
    """A row of the table, after its first cell."""
    with tempfile.TemporaryDirectory(prefix="bench-complexity-") as name:
        stream = Path(name) / f"untrained{codec.suffix}"
        codec.encode_untrained(video, stream)
        complexity = codec.complexity(video)
        with decode(stream, Path(name) / "log", lambda *_, **__: None) as decoded:
            cost = decoded.cost
        return [
            f"{complexity.parameters:,}",
            f"{complexity.macs_per_frame / 1e9:.3f}",
            f"{complexity.macs_per_frame * video.frames / video.pixels / 1e3:.1f}",
            f"{stream.stat().st_size:,}",
            f"{cost.seconds:.2f}",
            ", ".join(f"{part} {seconds:.2f}" for part, seconds in cost.parts.items()),
            f"{cost.overhead_seconds:.2f}",
        ]
