"""Runs that are killed at random moments and run again until they are complete: what is lost, and what is left over.

    python benchmarks/kill.py [--kills 200] [--seed 0] [--codecs NAMES] [--folder DIR]

A run of the preset ``smoke`` is killed again and again: by SIGKILL, by SIGTERM, and by SIGINT to its process group,
which is what a terminal does. The same command then goes on, until it is complete; then the next round begins with an
empty results directory, in every third round with an empty cache too. Half of the moments are drawn evenly from the
time that the rest takes, half from the beginnings of its phases.

After every kill, nothing that the run started may live on, and every file must be whole under its name. What was
finished must not change any more. At the end of a round, records, streams and kept frames must be those of a run
without a break, and nothing may be left over. The exit status is 1 if anything was found to be wrong.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from machine import print_machine

from bench.dataset import Clip
from bench.errors import StoreError
from bench.files import file_sha256, read_json
from bench.records.kept_frame import read_kept
from bench.records.record import Record
from bench.runs.encoder import Encoded

ROOT = Path(__file__).resolve().parents[1]
CODECS = "x264[crf=28],nerv[fc_dim=2,lower_width=8,epochs=6]"
SIGNALS = (signal.SIGKILL, signal.SIGKILL, signal.SIGTERM, signal.SIGINT)
"""Drawn from evenly: nothing can be done about SIGKILL, so that it comes as often as the others together."""
STATUSES = {
    signal.SIGKILL: {-signal.SIGKILL},
    signal.SIGTERM: {143, -signal.SIGTERM},
    signal.SIGINT: {130, -signal.SIGINT, 1},
}
"""What a run ends with; by the signal itself, or in Python's own way, before the program has begun."""
ORPHAN_SECONDS = 10.0
"""How long what a killed run has started may live on."""
STOP_SECONDS = 600.0
PATIENCE = 1.25
"""By how much more time a run has after each kill that left no new record."""
PHASES = ("starting", "preparing the clip", "encoding", "training", "decoding", "measuring", "writing")

Phase = Literal["starting", "preparing the clip", "encoding", "training", "decoding", "measuring", "writing"]


@dataclass(frozen=True)
class Round:
    """The folders of a run that is killed until it is complete. ``folder`` is in the environment of its processes."""

    folder: Path
    cache: Path
    codecs: str

    @property
    def results(self) -> Path:
        return self.folder / "results"

    @property
    def temporary(self) -> Path:
        return self.folder / "temporary"

    def start(self) -> subprocess.Popen[bytes]:
        """The run, with its messages in a file, at the head of a process group of its own."""
        self.temporary.mkdir(parents=True, exist_ok=True)
        places = {"BENCH_CACHE": self.cache, "TMPDIR": self.temporary, "PYTHONPATH": ROOT}
        environment = os.environ | {"OMP_WAIT_POLICY": "passive"} | {name: str(path) for name, path in places.items()}
        command = [sys.executable, "-m", "bench", "run", "--preset", "smoke", "--codecs", self.codecs]
        with (self.folder / "messages").open("ab") as messages:
            return subprocess.Popen(
                [*command, "--results", str(self.results)],
                env=environment,
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=messages,
                stderr=messages,
                start_new_session=True,
            )

    def records(self) -> dict[str, bytes]:
        """The content of every record's file, by name."""
        return {path.name: path.read_bytes() for path in (self.results / "records").glob("*.json")}


@dataclass
class Findings:
    """What is counted, and what is wrong, in sentences."""

    kills: Counter[tuple[Phase, str]] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)
    rounds: int = 0
    resumed: int = 0
    kept_streams: int = 0
    longest_orphan_seconds: float = 0.0
    pace: float = 1.0
    """How much longer the last run that was not killed took than was foreseen: other work on the machine changes it."""

    def fault(self, where: str, what: str) -> None:
        self.faults.append(f"{where}: {what}")
        print(f"{where}: {what}", file=sys.stderr)


# --- Processes, as /proc shows them


def processes_of(folder: Path) -> dict[int, str]:
    """The command line of each living process that has ``folder`` in its environment, its command line or as its own
    folder."""
    found = {}
    for entry in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):  # it has ended, or is not ours
            command = (entry / "cmdline").read_bytes()
            told = [command, (entry / "environ").read_bytes(), os.fsencode((entry / "cwd").readlink())]
            if any(os.fsencode(folder) in text for text in told):
                found[int(entry.name)] = os.fsdecode(command.replace(b"\0", b" "))
    return found


def phase_of(killed: Round, process: int) -> Phase:
    """What the run is at."""
    commands = " ".join(processes_of(killed.folder).values())
    if "bench.runs.encoder" in commands:
        tasks = [path.read_text(errors="replace") for path in (killed.results / "scratch").glob("*/task.json")]
        return "training" if any('"codec": "nerv"' in task for task in tasks) else "encoding"
    if "bench.runs.decoder" in commands:
        return "decoding"
    if any((killed.results / "scratch").glob("*/bench-decode-*")):
        return "measuring"
    if any("/results/locks/" in name for name in open_files(process)):
        return "writing"
    return "preparing the clip" if any(killed.cache.glob(".preparing-*")) else "starting"


def open_files(process: int) -> Iterator[str]:
    """The names of the files that a process has open."""
    for entry in Path(f"/proc/{process}/fd").glob("*"):
        with contextlib.suppress(OSError):  # it was closed meanwhile
            yield str(entry.readlink())


def wait_for_orphans(killed: Round, where: str, findings: Findings) -> None:
    """Until nothing of the run lives; what lives too long is a fault, and is ended."""
    began = time.monotonic()
    while left := processes_of(killed.folder):
        seconds = time.monotonic() - began
        if seconds > ORPHAN_SECONDS:
            findings.fault(where, f"still alive after {seconds:.1f} s: {left}")
            for process in left:
                os.kill(process, signal.SIGKILL)
            time.sleep(0.2)
            break
        time.sleep(0.05)
    findings.longest_orphan_seconds = max(findings.longest_orphan_seconds, time.monotonic() - began)


# --- What is on disk


def check_whole(killed: Round) -> Iterator[str]:
    """Whatever is not whole under its name, or in no file's account."""
    results = killed.results
    streams = {path.stem: path for path in (results / "streams").glob("[!.]*")}
    for path in (results / "records").glob("[!.]*"):
        try:
            record = read_json(path, Record)
            kept = record.still
            for file in (kept.decoded, kept.source, kept.transient) if kept else ():
                read_kept(results, file)
        except StoreError as error:
            yield str(error)
            continue
        stream = streams.pop(path.stem, None)
        if record.status != "ok" or record.stream is None or stream is None:
            yield f"{path.name}: {record.status}, {record.reason}; its stream is {stream}"
        elif file_sha256(stream) != record.stream.sha256:
            yield f"{stream} is not the stream that its record names"
    for name, stream in streams.items():
        if name not in (kept := unmeasured(killed)) or file_sha256(stream) != kept[name].sha256:
            yield f"{stream} has neither a record nor what is known of its encoding"
    for path in killed.cache.glob("[!.]*/clip.json"):
        clip = read_json(path, Clip).in_folder(path.parent)
        if (clip.yuv.sha256(), clip.rgb.sha256()) != (clip.yuv_sha256, clip.rgb_sha256):
            yield f"{path.parent} does not hold the clip that it names"


def unmeasured(killed: Round) -> dict[str, Encoded]:
    """What is known of streams that were encoded and not measured yet, by the names of their cells."""
    paths = (killed.results / "checkpoints").glob("*/encoded.json")
    return {path.parent.name: read_json(path, Encoded) for path in paths}


def check_complete(finished: Round, straight: Round) -> Iterator[str]:
    """Whatever is not as in a run without a break, and what is left over."""
    for folder in ("streams", "frames"):
        expected, found = (
            {path.name: file_sha256(path) for path in (one.results / folder).iterdir()} for one in (straight, finished)
        )
        if expected != found:
            yield f"{folder} are {found}, not {expected}"
    records = finished.records()
    for name, content in straight.records().items():
        if name not in records or outcome(records[name]) != outcome(content):
            yield f"the record {name} is not that of a run without a break"
    for folder in (finished.results / "scratch", finished.results / "checkpoints", finished.temporary):
        for left in folder.iterdir():
            yield f"{left} is left over"
    for left in [
        *finished.results.rglob(".*"),
        *finished.cache.glob(".preparing-*"),
        *finished.cache.rglob(".*.json-*"),
    ]:
        yield f"{left} is left over"


def outcome(content: bytes) -> dict[str, object]:
    """What two runs of the same cell must agree in."""
    record = json.loads(content)
    parts = (
        "schema",
        "key",
        "status",
        "codec",
        "preset",
        "clip",
        "seed",
        "stream",
        "frames_sha256",
        "quality",
        "still",
    )
    return {name: record[name] for name in (*parts, "isolation", "complexity", "reason")}


# --- Rounds


def time_straight(straight: Round) -> tuple[float, dict[str, float]]:
    """Run without a break: the seconds until the first cell begins, and those that each cell takes, by the codec."""
    began, ends = time.monotonic(), {}
    child = straight.start()
    while child.poll() is None:
        for name in straight.records() if (straight.results / "records").is_dir() else ():
            ends.setdefault(name, time.monotonic() - began)
        if "first" not in ends and any((straight.results / "locks").glob("*")):
            ends["first"] = time.monotonic() - began
        time.sleep(0.02)
    if child.returncode:
        sys.exit((straight.folder / "messages").read_text())
    first = ends.pop("first")
    starts = [first, *ends.values()]
    return first, {name: end - start for (name, end), start in zip(ends.items(), starts, strict=False)}


def run_round(
    killed: Round, first: float, costs: dict[str, float], draw: random.Random, kills: int, findings: Findings
) -> None:
    """Kill the run up to ``kills`` times, until it is complete in spite of it."""
    finished: dict[str, bytes] = {}
    encoded: dict[str, Encoded] = {}
    in_vain = 0
    for number in range(kills + 1):
        rest = first + sum(seconds for name, seconds in costs.items() if name not in finished)
        patience = findings.pace * PATIENCE**in_vain
        where = f"round {findings.rounds + 1}, start {number + 1}"
        child, began = killed.start(), time.monotonic()
        if number < kills and wait_for_moment(child, killed, draw, rest * patience):
            sent = draw.choice(SIGNALS)
            phase = phase_of(killed, child.pid)
            where += f", {sent.name} while {phase}"
            os.killpg(child.pid, sent) if sent == signal.SIGINT else child.send_signal(sent)
            findings.kills[phase, sent.name] += 1
            status = end_of(child)
            if status not in STATUSES[sent] | {0}:
                findings.fault(where, f"exit status {status}")
        else:
            child.wait()
            findings.pace = (time.monotonic() - began) / rest
        status = end_of(child)
        wait_for_orphans(killed, where, findings)
        for what in check_whole(killed):
            findings.fault(where, what)
        records = killed.records()
        for name, content in finished.items():
            if records.get(name) != content:
                findings.fault(where, f"the finished record {name} has changed")
        for name, content in records.items():
            known = encoded.get(Path(name).stem)
            if name not in finished and known and json.loads(content)["encode"]["seconds"] != known.cost.seconds:
                findings.fault(where, f"{name} was encoded twice")
        in_vain = 0 if len(records) > len(finished) else in_vain + 1
        finished, encoded = records, unmeasured(killed)
        findings.kept_streams += len(encoded)
        if status == 0:
            break
    else:
        findings.fault(where, f"exit status {status}")
    findings.resumed += sum(bool(json.loads(content)["resumed_at_steps"]) for content in finished.values())


def wait_for_moment(child: subprocess.Popen[bytes], killed: Round, draw: random.Random, seconds: float) -> bool:
    """Wait until the moment to kill: half of them are drawn evenly from the ``seconds``, half within a tenth of a
    second from the beginning of a phase, since some phases are short. False if the run is over before."""
    until = time.monotonic() + draw.uniform(0, seconds)
    phase = draw.choice(PHASES) if draw.random() < 0.5 else None
    while child.poll() is None:
        if phase is None and time.monotonic() > until:
            return True
        if phase is not None and phase_of(killed, child.pid) == phase:
            time.sleep(draw.uniform(0, 0.1))
            return child.poll() is None
        time.sleep(0.01)
    return False


def end_of(child: subprocess.Popen[bytes]) -> int | None:
    """The exit status; None of a run that does not end."""
    try:
        return child.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()
        return None


def survey(kills: int, seed: int, codecs: str, folder: Path, findings: Findings) -> None:
    """Kill ``kills`` times, in as many rounds as that takes."""
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell lets what works in the background ignore it
    draw = random.Random(seed)
    straight = Round(folder / "straight", folder / "cache", codecs)
    time_straight(straight)  # what is compiled once, is compiled
    first, costs = time_straight(Round(folder / "again", folder / "cache", codecs))
    print(
        f"Without a break the run takes {first + sum(costs.values()):.1f} s, {first:.1f} of them to start.\n",
        flush=True,
    )
    while findings.kills.total() < kills:
        name = f"round-{findings.rounds + 1:03d}"
        fresh = findings.rounds % 3 == 0
        killed = Round(folder / name, folder / name / "cache" if fresh else folder / "cache", codecs)
        run_round(killed, first, costs, draw, kills - findings.kills.total(), findings)
        for what in check_complete(killed, straight):
            findings.fault(f"round {findings.rounds + 1}, complete", what)
        findings.rounds += 1
        print(f"{findings.rounds} rounds, {findings.kills.total()} kills", file=sys.stderr, flush=True)


def print_findings(findings: Findings) -> None:
    """A table of the kills, and what came of them."""
    names = [sent.name for sent in dict.fromkeys(SIGNALS)]
    print(f"| killed while | {' | '.join(names)} |\n|---|{'---:|' * len(names)}")
    for phase in PHASES:
        print(f"| {phase} | {' | '.join(str(findings.kills[phase, name]) for name in names)} |")
    total = [sum(count for (_, sent), count in findings.kills.items() if sent == name) for name in names]
    print(f"| all {sum(total)} | {' | '.join(map(str, total))} |\n")
    print(
        f"{findings.rounds} runs were completed. {findings.resumed} trainings went on from a checkpoint. "
        f"{findings.kept_streams} times a kill left a stream that was still to be measured. The last process of a "
        f"killed run ended within {findings.longest_orphan_seconds:.1f} s.\n"
    )
    print(f"{len(findings.faults)} faults were found.")
    for fault in findings.faults:
        print(f"- {fault}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--codecs", default=CODECS, help="(default: %(default)s)")
    parser.add_argument("--folder", type=Path, help="(default: a temporary one)")
    chosen = parser.parse_args()
    print_machine()
    found = Findings()
    with (
        tempfile.TemporaryDirectory(dir=chosen.folder, prefix="kill-") as name,
        contextlib.suppress(KeyboardInterrupt),  # whoever has waited long enough gets what there is
    ):
        survey(chosen.kills, chosen.seed, chosen.codecs, Path(name).resolve(), found)
    print_findings(found)
    sys.exit(bool(found.faults))
