"""The command line: one file for each subcommand, loaded when it is asked for."""

from __future__ import annotations

import argparse
import importlib
import io
import os
import signal
import sys
from pathlib import Path

from ..errors import BenchError
from ..records.cores import suit_threads
from ..version import __version__

COMMANDS = {
    "run": "encode, decode and measure",
    "report": "make tables and curves of the records",
    "check": "compare results with a baseline, for continuous integration",
    "verify": "decode stored streams again and compare them with their records",
    "ls": "list codecs, datasets and presets",
    "decode": "decode a stream",
    "complexity": "say what networks cost to decode, without training them",
    "fetch": "download a dataset",
    "doctor": "say what this machine can do",
}
INTERRUPTED = 130
HUNG_UP = 129
TERMINATED = 143


def with_dashes(arguments: list[str]) -> list[str]:
    """The arguments, with ``./`` before a file that ``--dataset`` names and that argparse would take for an option."""
    return [
        f"./{word}" if before == "--dataset" and word.startswith("-") and Path(word).exists() else word
        for before, word in zip(["", *arguments], arguments, strict=False)
    ]


def main(arguments: list[str] | None = None) -> int:
    """Run a command and return its exit status: 0 for success, 1 if cells failed, 2 for an error
    that the message on standard error explains."""
    parser = argparse.ArgumentParser(
        prog="python -m bench",
        description="Implicit and standard video codecs under one rule.",
        epilog="commands:\n" + "\n".join(f"  {name:10} {about}" for name, about in COMMANDS.items()),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=__version__)
    parser.add_argument("command", choices=COMMANDS, metavar="COMMAND", help="see below; each has its own --help")
    parser.add_argument("arguments", nargs=argparse.REMAINDER, metavar="...")
    chosen = parser.parse_args(arguments)
    suit_threads(os.environ)  # before a library that starts threads is loaded
    for number, ending in ((signal.SIGTERM, TERMINATED), (signal.SIGHUP, HUNG_UP)):
        signal.signal(number, lambda *_, ending=ending: sys.exit(ending))  # unwinds: the codec's process ends too
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # a terminal that cannot show a character is no reason to stop
            stream.reconfigure(errors="backslashreplace")
    command = importlib.import_module(f"{__name__}.{chosen.command}")
    options = command.make_parser(f"python -m bench {chosen.command}").parse_args(with_dashes(chosen.arguments))
    try:
        status: int = command.main(options)
    except BenchError as error:
        print(f"bench: {error}", file=sys.stderr)
        return error.exit_status
    except KeyboardInterrupt:
        print("bench: interrupted; finished cells are kept, run again to go on.", file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:
        return 0
    return status
