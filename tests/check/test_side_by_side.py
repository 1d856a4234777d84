"""Two codes in turn: which cells, in which order, and what is said of their seconds, of failures and of wrong codes.

A stand-in for the package, of which a test says how long it takes, leaves records as ``bench run`` does; once, the real
one is asked.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import planted
import pytest

from bench.analysis.comparable import RecordedCell
from bench.check.code import Code, this_code
from bench.check.finding import Finding
from bench.check.side_by_side import (
    FIRST_ROUNDS,
    Timing,
    Trial,
    clip_arguments,
    codec_argument,
    effort,
    run_cells,
    time_findings,
    timed_cells,
    trials_of,
)
from bench.check.times import rounds_needed
from bench.cli.run import make_parser
from bench.datasets.bunny import Bunny
from bench.errors import CellError, UsageError
from bench.records.record import Record
from bench.runs import preset as presets
from bench.runs.plan import Selection, rate_points, select

ROUNDS = 6
STAND_IN = """
import json, pathlib, re, sys

here = pathlib.Path(__file__).parents[1]
arguments = dict(zip(sys.argv[2::2], sys.argv[3::2]))
with (here.parent / "diary").open("a") as diary:
    print(here.name, *sys.argv[1:], file=diary)
records = pathlib.Path(arguments["--results"], "records")
records.mkdir(parents=True)
for name, options in re.findall(r"([a-z0-9-]+)\\[([^]]*)\\]", arguments["--codecs"]):
    plan = json.loads((here / "plan.json").read_text())[name]
    if "words" in plan:
        sys.exit(plan["words"])
    times = (here / f"{name}.runs").read_text().count("x") if (here / f"{name}.runs").exists() else 0
    with (here / f"{name}.runs").open("a") as runs:
        runs.write("x")
    parameters = {key: json.loads(value) if value[0].isdigit() else value
                  for key, value in (option.split("=") for option in options.split(","))}
    seconds = {work: {"seconds": plan[work][min(times, len(plan[work]) - 1)], "parts": {}}
               for work in ("encode", "decode")}
    seconds["decode"]["other_load"] = plan.get("other_load")
    record = {"status": "ok", "codec": {"name": name, "parameters": parameters, "more": 1}, "of": "another version"}
    record |= {"status": "failed", "reason": plan["reason"]} if "reason" in plan else seconds
    (records / f"{name}.json").write_text(json.dumps(record))
"""
STEADY = [9.0, *(0.100 + place / 250 for place in range(100))]
"""Of the run that warms up, and of each later one."""


@pytest.fixture
def baseline() -> list[Record]:
    """A cell of x264 and one of x265."""
    return [planted.record("x264", 0.04), planted.record("x265", 0.04)]


class Workshop:
    """A folder with two stand-ins, ``base`` and ``new``."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        for name in ("base", "new"):
            (folder / name / "bench").mkdir(parents=True)
            (folder / name / "bench" / "__init__.py").touch()
            (folder / name / "bench" / "__main__.py").write_text(STAND_IN)
            self.plan(name)
        (folder / "work").mkdir()

    def code(self, name: str) -> Code:
        """The stand-in as a code."""
        return Code(name, Path(sys.executable), self.folder / name)

    def plan(self, name: str, **codecs: Any) -> None:
        """Say what runs of a stand-in leave, by codec."""
        usual = {"encode": STEADY, "decode": STEADY}
        plan = {"x264": usual, "x265": usual} | {codec: usual | facts for codec, facts in codecs.items()}
        (self.folder / name / "plan.json").write_text(json.dumps(plan))

    def findings(self, records: Sequence[Record], **options: Any) -> dict[str, Finding]:
        """By their codec and the first word of their message."""
        found = time_findings(records, self.code("base"), self.code("new"), ROUNDS, self.folder / "work", **options)
        assert all(finding.kind == "time" for finding in found)
        assert not list((self.folder / "work").iterdir())
        return {f"{finding.subject.split()[1]} {finding.message.split()[0].lower()}": finding for finding in found}

    def diary(self) -> list[list[str]]:
        """The words of each run, its code first."""
        return [line.split() for line in (self.folder / "diary").read_text().splitlines()]


@pytest.fixture
def workshop(tmp_path: Path) -> Workshop:
    """Both stand-ins take the same time."""
    return Workshop(tmp_path)


def trial_of(record: Record) -> Trial:
    """A trial of a cell that stands alone."""
    return trials_of([RecordedCell(record, record.clip.source.sequence, record.codec.label, "")])[0]


# --- Which cells


def test_one_cell_for_each_codec_is_timed() -> None:
    """The highest rate, on the first sequence, with the first seed; again at another size; none that failed."""
    small, large = planted.clip("uvg", "Beauty"), planted.clip("uvg", "Beauty", 1920, 1080)
    other = planted.clip("uvg", "Jockey")
    records = [
        *planted.curve("nerv", where=small, seed=2),
        *planted.curve("nerv", where=small, seed=1),
        *planted.curve("nerv", where=other, seed=1),
        *planted.curve("x265", where=small),
        *planted.curve("x265", where=large),
        planted.failed(planted.record("x265", 0.16, where=large, point=9), "out of memory"),
        planted.failed(planted.record("x264", 0.16, where=large, point=9), "out of memory"),
    ]
    timed = [(cell.record.codec.name, cell.record.clip.yuv.format.width, cell) for cell in timed_cells(records)]
    assert sorted(item[:2] for item in timed) == [("nerv", 320), ("x265", 320), ("x265", 1920)]
    for _, _, cell in timed:
        assert (cell.record.clip.source.sequence, cell.record.seed, cell.bits_per_pixel) == ("Beauty", 1, 0.08)


def test_cells_have_the_names_of_other_findings() -> None:
    """With the seed where it decides the stream, and the size where there are several."""
    learned, standard = planted.curve("nerv", seed=3), planted.curve("x265")
    names = [trial.subject for trial in trials_of(timed_cells([*learned, *standard]))]
    assert sorted(names) == ["bunny/bunny nerv fc_dim=13 seed=3", "bunny/bunny x265 crf=37"]
    large = planted.curve("x265", where=planted.clip(width=1280, height=720))
    names = [trial.subject for trial in trials_of(timed_cells([*standard, *large]))]
    assert len(set(names)) == 2
    assert "1280x720" in " ".join(names)


def test_the_effort_is_stated(baseline: list[Record]) -> None:
    """2 cells x 2 codes x 6 runs; each of them takes 15.14 s by the planted records, starts included: 6.06 minutes."""
    said = effort(timed_cells(baseline), 15)
    assert "Cells to be timed: 2," in said
    assert "24 times in all, which takes over 6 minutes" in said
    assert "15 times more" in said


# --- How they are asked for


@pytest.mark.parametrize("preset", presets.names())
def test_a_cell_is_asked_for_exactly(preset: str) -> None:
    """What the command line makes of the codec with its parameters is the codec of the record, whatever the preset."""
    content = presets.load_preset(preset)
    quick = presets.load_preset("quick")
    for name in content.points:
        for codec in rate_points(Selection(name, {}), content):
            record = planted.record("x264", 0.04)
            facts = replace(record.codec, name=name, parameters=codec.parameters())
            argument = codec_argument(replace(record, codec=facts))
            (selection,) = select(argument, quick)
            assert rate_points(selection, quick) == [codec]


def test_a_clip_is_asked_for_exactly() -> None:
    """Size and length of the record; crop, matrix and seed only where they are not what every version does."""
    usual = planted.record("x264", 0.04, seed=0)
    cut = replace(usual.clip.cut, crop=(640, 360))
    unusual = replace(usual, clip=replace(usual.clip, matrix="bt709", cut=cut), seed=7)
    for record in (usual, unusual):
        asked = clip_arguments(record)
        options = make_parser("").parse_args(asked)
        assert (options.dataset, options.sequences, options.size) == ("bunny", ["bunny"], (320, 180))
        assert (options.frames, options.seeds) == (32, [record.seed])
        assert (options.matrix or Bunny().default_matrix("bunny")) == record.clip.matrix
        assert options.crop == record.clip.cut.crop
        for option in ("--crop", "--matrix", "--seed"):
            assert (option in asked) == (record is unusual)


@pytest.mark.parametrize("value", [[1, 2], {"a": 1}, "a,b", "a]"])
def test_what_cannot_be_asked_for_is_said(value: Any) -> None:
    """Never something else instead."""
    record = planted.record("x264", 0.04)
    with pytest.raises(CellError, match=r"speed=.* cannot be written as an option"):
        codec_argument(replace(record, codec=replace(record.codec, parameters={"speed": value})))


def test_a_users_own_video_has_no_name() -> None:
    """The record does not say where it lies."""
    with pytest.raises(CellError, match="holiday is not one that a code finds by its name"):
        codec_argument(planted.record("x264", 0.04, where=planted.clip("holiday")))


# --- What comes of it


@pytest.mark.process
def test_equal_codes_take_turns_once(workshop: Workshop, baseline: list[Record]) -> None:
    """Each warms up cell by cell; then both have all cells in each round, and each comes first in every second one."""
    said: list[str] = []
    findings = workshop.findings(baseline, say=said.append)
    assert {finding.verdict for finding in findings.values()} == {"fine"}
    assert sorted(findings) == ["x264 decoding", "x264 encoding", "x265 decoding", "x265 encoding"]
    order = [words[0] for words in workshop.diary()]
    assert order == ["base", "new"] * 2 + ["base", "new", "new", "base"] * 2 + ["base", "new"]
    assert FIRST_ROUNDS == 5
    asked = [words[words.index("--codecs") + 1] for words in workshop.diary()]
    assert [("x264" in one, "x265" in one) for one in asked[:4]] == [(True, False)] * 2 + [(False, True)] * 2
    assert all("x264" in one and "x265" in one for one in asked[4:])
    assert len({words[words.index("--results") + 1] for words in workshop.diary()}) == len(asked)
    assert len(said) == 2 + FIRST_ROUNDS


@pytest.mark.process
@pytest.mark.parametrize("fail", [False, True])
def test_a_slow_decoder_is_seen(workshop: Workshop, baseline: list[Record], fail: bool) -> None:
    """One and a half times as slow. It is looked at twice, and nothing else is; the warm-up run counts nowhere."""
    workshop.plan("new", x265={"decode": [0.0, *(1.5 * one for one in STEADY[1:])], "other_load": 0.75})
    findings = workshop.findings(baseline, fail=fail)
    slow = findings.pop("x265 decoding")
    assert slow.verdict == ("regression" if fail else "warning")
    assert slow.subject == "bunny/bunny x265"
    # The rounds after the first five are the runs 6 to 11, which take 120 to 140 ms.
    assert slow.message == (
        "Decoding takes 1.50 times as long as with base (medians 0.195 s and 0.130 s of 6 rounds each, p = 0.0011; "
        "other work kept 0.8 cores busy meanwhile)."
    )
    assert {finding.verdict for finding in findings.values()} == {"fine"}
    again = workshop.diary()[4 + 2 * FIRST_ROUNDS :]
    assert len(again) == 2 * ROUNDS
    assert not any("x264" in " ".join(words) for words in again)


@pytest.mark.process
def test_a_burst_of_other_work_is_no_slow_code(workshop: Workshop, baseline: list[Record]) -> None:
    """The first rounds alone would be certain."""
    burst = [9.0, *[0.9] * FIRST_ROUNDS, *STEADY[FIRST_ROUNDS + 1 :]]
    workshop.plan("new", x264={"encode": burst})
    found = workshop.findings(baseline)["x264 encoding"]
    assert found.verdict == "fine"
    assert f"1.00 times as long as with base (medians 0.130 s and 0.130 s of {ROUNDS} rounds" in found.message


@pytest.mark.process
def test_a_code_that_cannot_run_a_cell_is_no_end(workshop: Workshop, baseline: list[Record]) -> None:
    """Its own words are handed on, of the process or of its record; the other cell is timed."""
    workshop.plan("base", x264={"words": "bench: there is no option tune of x264"})
    findings = workshop.findings(baseline)
    assert findings["x264 there"].verdict == "incomparable"
    assert findings["x264 there"].message.endswith(
        "base cannot run it, exit status 1: bench: there is no option tune of x264."
    )
    assert findings["x265 decoding"].verdict == "fine"
    workshop.plan("base", x264={"reason": "CellError: out of memory"})
    findings = workshop.findings(baseline)
    assert findings["x264 there"].message.endswith("its status is failed: CellError: out of memory.")
    assert findings["x265 decoding"].verdict == "fine"


@pytest.mark.process
def test_codes_must_be_two(workshop: Workshop, baseline: list[Record], tmp_path: Path) -> None:
    """Code that is compared with itself would always be fine."""
    arguments = (ROUNDS, workshop.folder / "work")
    with pytest.raises(UsageError, match="base is the same code as base: both are imported from"):
        time_findings(baseline, workshop.code("base"), workshop.code("base"), *arguments)
    elsewhere = replace(workshop.code("base"), folder=tmp_path / "nothing")
    with pytest.raises(UsageError, match=r"base (would be imported from|has no benchmark)"):
        time_findings(baseline, elsewhere, workshop.code("new"), *arguments)
    assert not (workshop.folder / "diary").exists()


def test_too_few_rounds_are_refused(workshop: Workshop, baseline: list[Record]) -> None:
    """They would say that all is fine, always."""
    needed = rounds_needed(4)
    with pytest.raises(UsageError, match=f"{needed - 1} rounds cannot show.*2 cells is slower; {needed} can"):
        time_findings(baseline, workshop.code("base"), workshop.code("new"), needed - 1, workshop.folder)


@pytest.mark.process
def test_the_real_command_line_is_used_right(tmp_path: Path) -> None:
    """Two cells of one frame in one run of this code."""
    clip = planted.clip(width=48, height=32, frames=1)
    x264 = planted.record("x264", 0.04, where=clip, seed=0)
    x264 = replace(x264, codec=replace(x264.codec, parameters={"crf": 30.0, "preset": "ultrafast", "tune": "none"}))
    raw = replace(x264, codec=replace(x264.codec, name="raw", parameters={}))
    trials = [trial_of(x264), trial_of(raw)]
    samples = run_cells(this_code(), trials, tmp_path)
    assert [trial.failure for trial in trials] == [None, None]
    assert [trial for trial, _ in samples] == trials
    for _, sample in samples:
        assert 0 < sample.decode_seconds < 60
        assert 0 < sample.encode_seconds < 60


def test_nothing_to_time_is_no_fault() -> None:
    """A baseline without a result has no cells."""
    assert timed_cells([planted.failed(planted.record("x264", 0.04), "out of memory")]) == []
    assert Timing([], {}).comparisons() == {}
