"""Encoding and decoding by two codes that take turns on this machine, and what their seconds say.

Of each code only the command line is used, since anything else differs between versions: ``python -m bench run`` into
a fresh results directory, and the seconds in the records that it leaves. Each code makes streams of its own. A first
run of each cell fills caches and compiles, and does not count; it also finds what a code cannot run. In the rounds that
count, the codes change places, so that neither always comes second. A few rounds show which cells seem slower; only
those are timed again, at length, and only what is seen again is reported: chance seldom deceives twice.
"""

from __future__ import annotations

import statistics
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path
from typing import Any, Literal, get_args

from ..analysis.comparable import RecordedCell, comparable_sets
from ..analysis.conditions import conditions
from ..errors import CellError, StoreError, UsageError
from ..files import read_json
from ..records.record import Record
from ..registry import datasets
from .code import Code, last_line
from .finding import Finding, Verdict
from .times import Comparison, compare, rounds_needed, slower

FIRST_ROUNDS = 5
"""After which cells that do not seem slower are done with."""
ROUNDS = 20
"""Of those that do, unless another number is asked for."""
Work = Literal["encoding", "decoding"]


@dataclass(frozen=True)
class Seconds:
    """Of a record's `Cost`, what every version has, and the load where it tells."""

    seconds: float
    other_load: float | None = None


@dataclass(frozen=True)
class Stated:
    """The name and the parameters of a record's codec."""

    name: str
    parameters: dict[str, Any]


@dataclass(frozen=True)
class Answer:
    """What is read of another version's record: as little as can be, so that old ones are understood."""

    status: str
    codec: Stated
    reason: str | None = None
    encode: Seconds | None = None
    decode: Seconds | None = None


@dataclass(frozen=True)
class Sample:
    """What one code took for one cell in one round. ``other_load`` is how many of the machine's cores were busy with
    something else while it decoded; None where the record does not tell."""

    encode_seconds: float
    decode_seconds: float
    other_load: float | None = None


@dataclass
class Trial:
    """A cell, as findings name it, what either code took for it in each round that counts, and why it cannot be timed,
    if so."""

    subject: str
    record: Record
    base: list[Sample] = field(default_factory=list)
    new: list[Sample] = field(default_factory=list)
    failure: str | None = None

    def seconds(self, work: Work) -> tuple[list[float], list[float]]:
        """The seconds of each round, of the baseline's code and of the new one."""
        if work == "encoding":
            return [sample.encode_seconds for sample in self.base], [sample.encode_seconds for sample in self.new]
        return [sample.decode_seconds for sample in self.base], [sample.decode_seconds for sample in self.new]

    @property
    def other_load(self) -> float | None:
        """The median over the rounds whose records tell it."""
        loads = [sample.other_load for sample in [*self.base, *self.new] if sample.other_load is not None]
        return statistics.median(loads) if loads else None


@dataclass(frozen=True)
class Timing:
    """All cells in the first rounds, and by their places those that seemed slower, in the rounds after them."""

    first: list[Trial]
    again: dict[int, Trial]

    def last(self, place: int) -> Trial:
        """A cell as it was timed last."""
        return self.again.get(place, self.first[place])

    def comparisons(self) -> dict[tuple[int, Work], Comparison]:
        """What was found of each cell, by its place, and each kind of work. Of work that seemed slower only the rounds
        after the first count: chance chose it by these. All such work is judged as one family."""
        able = [place for place in range(len(self.first)) if self.last(place).failure is None]
        works: list[tuple[int, Work]] = [(place, work) for place in able for work in get_args(Work)]
        found = {(place, work): slower(*self.first[place].seconds(work)) for place, work in works}
        doubtful = [key for key, comparison in found.items() if comparison.seems_slower]
        return found | dict(zip(doubtful, compare([self.again[p].seconds(w) for p, w in doubtful]), strict=True))


def timed_cells(records: Sequence[Record]) -> list[RecordedCell]:
    """The cells that are enough to time each codec of a baseline: of each label in each comparable set the highest
    rate, on the first sequence, with the first seed."""
    cells: dict[tuple[str, str], RecordedCell] = {}
    for group in comparable_sets(records):
        for curve in group.first_seed:
            cells.setdefault((group.slug, curve.label), curve.cells[-1])
    return list(cells.values())


def trials_of(cells: Sequence[RecordedCell]) -> list[Trial]:
    """A trial of each cell, its subject as other findings of a baseline have it."""
    several = len({conditions(cell.record) for cell in cells}) > 1
    trials = []
    for cell in cells:
        record = cell.record
        extent = f" ({conditions(record).extent})" if several else ""
        seed = f" seed={record.seed}" if record.codec.family == "implicit" else ""
        point = f" {cell.rate_point}" if cell.rate_point else ""
        trials.append(Trial(f"{record.clip.name}{extent} {cell.label}{point}{seed}", record))
    return trials


def effort(cells: Sequence[RecordedCell], rounds: int) -> str:
    """What timing these cells takes, to be said before it begins."""
    costs = [cost for cell in cells for cost in (cell.record.encode, cell.record.decode) if cost]
    minutes = 2 * (FIRST_ROUNDS + 1) * sum(cost.seconds + cost.overhead_seconds for cost in costs) / 60
    return (
        f"Cells to be timed: {len(cells)}, one for each codec of the baseline (its highest rate, on the first "
        f"sequence, with the first seed). Both codes encode and decode each cell once to warm up and {FIRST_ROUNDS} "
        f"times in turn, {2 * (FIRST_ROUNDS + 1) * len(cells)} times in all, which takes over {minutes:.0f} minutes by "
        f"the baseline's own times; and {rounds} times more what then seems slower."
    )


def time_findings(
    records: Sequence[Record],
    base: Code,
    new: Code,
    rounds: int,
    folder: Path,
    *,
    fail: bool = False,
    say: Callable[[str], None] = lambda _: None,
) -> list[Finding]:
    """For each of the `timed_cells` a finding on encoding and one on decoding, or one that says why there are none.

    Code that is slower is a warning, with ``fail`` a regression. ``folder`` is for what the codes write meanwhile;
    ``say`` is told of each round. Raises `UsageError` for a code that cannot be started, for one code in both places,
    and for fewer rounds than could ever show anything.
    """
    cells = timed_cells(records)
    needed = rounds_needed(max(1, 2 * len(cells)))
    if rounds < needed:
        raise UsageError(f"{rounds} rounds cannot show that any of {len(cells)} cells is slower; {needed} can.")
    with tempfile.TemporaryDirectory(dir=folder, prefix="times-") as name:
        where = Path(name).resolve()
        _check_apart(base, new, where)
        timing = time_cells(cells, base, new, rounds, where, say)
    return judge(timing, base, "regression" if fail else "warning")


def _check_apart(base: Code, new: Code, where: Path) -> None:
    """Raise `UsageError` unless each code is what it is called, and another one than the other."""
    folders = [code.locate(where) for code in (base, new)]
    for code, folder in zip((base, new), folders, strict=True):
        if code.folder is not None and folder != code.folder.resolve():
            raise UsageError(f"{code.name} would be imported from {folder}, not from {code.folder}.")
    if folders[0] == folders[1]:
        raise UsageError(f"{base.name} is the same code as {new.name}: both are imported from {folders[0]}.")


def time_cells(
    cells: Sequence[RecordedCell], base: Code, new: Code, rounds: int, where: Path, say: Callable[[str], None]
) -> Timing:
    """Warm up, take turns, and look again at what seems slower."""
    trials = trials_of(cells)
    for trial in trials:
        say(f"warming up: {trial.subject}")
        for code in (base, new):
            run_cells(code, [trial], where)
    take_turns(trials, base, new, FIRST_ROUNDS, where, say)
    again = {place: Trial(trial.subject, trial.record) for place, trial in enumerate(trials) if seems_slower(trial)}
    take_turns(list(again.values()), base, new, rounds, where, say)
    return Timing(trials, again)


def take_turns(
    trials: Sequence[Trial], base: Code, new: Code, rounds: int, where: Path, say: Callable[[str], None]
) -> None:
    """Add so many rounds to each trial: in each, the two codes run all cells, one code after the other."""

    def clip_of(trial: Trial) -> list[str]:
        return clip_arguments(trial.record)

    for number in range(rounds if trials else 0):
        say(f"round {number + 1} of {rounds}: {', '.join(trial.subject for trial in trials)}")
        for code in (base, new) if number % 2 == 0 else (new, base):
            for _, alike in groupby(sorted(trials, key=clip_of), clip_of):
                for trial, sample in run_cells(code, list(alike), where):
                    (trial.base if code is base else trial.new).append(sample)


def seems_slower(trial: Trial) -> bool:
    """Whether more rounds are due."""
    return trial.failure is None and any(slower(*trial.seconds(work)).seems_slower for work in get_args(Work))


def run_cells(code: Code, trials: Sequence[Trial], where: Path) -> list[tuple[Trial, Sample]]:
    """Have a code encode and decode cells of one clip in one run. What cannot be timed is left out, now and later."""
    able = [trial for trial in trials if trial.failure is None]
    if not able:
        return []
    samples = []
    try:
        codecs = ",".join(codec_argument(trial.record) for trial in able)
        with tempfile.TemporaryDirectory(dir=where, prefix="results-") as results:
            arguments = ["--codecs", codecs, *clip_arguments(able[0].record), "--results", results]
            ended = code.run(["-m", "bench", "run", *arguments], where)
            answers = [read_json(path, Answer) for path in sorted(Path(results, "records").glob("*.json"))]
        for trial in able:
            answer = next((answer for answer in answers if _is_of(answer, trial.record)), None)
            if answer and answer.status == "ok" and answer.encode and answer.decode:
                sample = Sample(answer.encode.seconds, answer.decode.seconds, answer.decode.other_load)
                samples.append((trial, sample))
            elif answer:
                trial.failure = f"{code.name} gives no seconds, its status is {answer.status}: {answer.reason}".rstrip(
                    "."
                )
            else:
                end = f"exit status {ended.returncode}: {last_line(ended.stderr)}"
                trial.failure = f"{code.name} cannot run it, {end}".rstrip(".")
    except (CellError, StoreError) as error:
        for trial in able:
            trial.failure = f"{code.name} cannot run it: {error}".rstrip(".")
    return samples


def _is_of(answer: Answer, record: Record) -> bool:
    """Whether an answer is of a record's codec and parameters; another version may have more of these."""
    asked = record.codec.parameters.items()
    return answer.codec.name == record.codec.name and asked <= answer.codec.parameters.items()


def clip_arguments(record: Record) -> list[str]:
    """The clip and the seed as options of ``bench run``. What is its default is left out: an old version may not have
    the option. ``--seed`` is what old versions call ``--seeds``, and short for that in new ones."""
    source, form, crop = record.clip.source, record.clip.yuv.format, record.clip.cut.crop
    arguments = ["--dataset", source.dataset, "--sequences", source.sequence]
    arguments += ["--size", f"{form.width}x{form.height}", "--frames", str(form.frames)]
    arguments += ["--crop", f"{crop[0]}x{crop[1]}"] if crop else []
    arguments += ["--matrix", record.clip.matrix] if record.clip.matrix != "bt601" else []
    return arguments + (["--seed", str(record.seed)] if record.seed else [])


def codec_argument(record: Record) -> str:
    """The codec with all its parameters, as ``bench run --codecs`` takes it: no preset decides any. Raises `CellError`
    for what that cannot say."""
    if record.clip.source.dataset not in datasets.names():
        raise CellError(f"the dataset {record.clip.source.dataset} is not one that a code finds by its name")
    options = []
    for name, value in record.codec.parameters.items():
        text = "null" if value is None else str(value)
        if isinstance(value, (list, dict)) or set(text) & set(",[]"):
            raise CellError(f"{name}={value!r} cannot be written as an option")
        options.append(f"{name}={text}")
    return f"{record.codec.name}[{','.join(options)}]" if options else record.codec.name


def judge(timing: Timing, base: Code, when_slower: Verdict) -> list[Finding]:
    """The findings on cells whose rounds are over."""
    trials = [timing.last(place) for place in range(len(timing.first))]
    findings = [
        Finding(trial.subject, "time", "incomparable", f"There are no seconds to compare: {trial.failure}.")
        for trial in trials
        if trial.failure is not None
    ]
    for (place, work), found in timing.comparisons().items():
        load = trials[place].other_load
        busy = "" if load is None else f"; other work kept {load:.1f} cores busy meanwhile"
        message = (
            f"{work.capitalize()} takes {found.ratio:.2f} times as long as with {base.name} (medians "
            f"{found.new_seconds:.3f} s and {found.base_seconds:.3f} s of {found.rounds} rounds each, "
            f"p = {found.p:.2g}{busy})."
        )
        findings.append(Finding(trials[place].subject, "time", when_slower if found.slower else "fine", message))
    return findings
