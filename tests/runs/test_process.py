"""Work in a process of its own: what comes back, and what happens when it does not."""

from __future__ import annotations

import os
import re
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from bench import errors
from bench.errors import BenchError, CellError, CellTimeoutError, StoreError, StreamError
from bench.records.record import Cost
from bench.runs.process import TimeLimit, run_process
from bench.runs.share import CAN_PIN, one_core

pytestmark = pytest.mark.process
WORKER = """
import os, subprocess, sys, time
from bench.errors import StreamError
from bench.runs.process import serve

def work(watch, progress):
{body}

serve(work)
"""


@dataclass(frozen=True)
class Answer:
    """What the workers of these tests return."""

    number: int


class Run:
    """Runs a worker made of the lines of one function, and keeps the progress that it makes."""

    def __init__(self, folder: Path) -> None:
        """In ``folder``, whose modules child processes must find."""
        self.folder = folder
        self.log = folder / "log"
        self.steps: list[tuple[Any, ...]] = []

    def __call__(self, *lines: str, **options: Any) -> tuple[Answer, Cost]:
        """The answer and its cost."""
        (self.folder / "worker_of_test.py").write_text(WORKER.format(body="\n".join(f"    {line}" for line in lines)))
        scratch = self.folder / "scratch"
        scratch.mkdir(exist_ok=True)
        task = {"question": 6}
        options = {"progress": lambda *step: self.steps.append(step)} | options
        return run_process("worker_of_test", scratch, task, Answer, log=self.log, **options)


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Workers in their own folder."""
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    return Run(tmp_path)


def test_answer_and_cost_come_back(run: Run) -> None:
    """Seconds by part, which add up, and the rest of the process's life beside them."""
    start = time.monotonic()
    answer, cost = run(
        "import json",
        "with watch.part('first'): time.sleep(0.2)",
        "with watch.part('second'): time.sleep(0.1)",
        "with watch.part('first'): time.sleep(0.1)",
        "block = b'1' * (200 << 20)",
        "return {'number': json.load(open('task.json'))['question'] * 7}",
    )
    took = time.monotonic() - start
    assert answer == Answer(42)
    assert set(cost.parts) == {"first", "second"}
    assert 0.3 <= cost.parts["first"] < took
    assert 0.1 <= cost.parts["second"] < took
    assert cost.seconds == pytest.approx(sum(cost.parts.values()))
    assert 0 < cost.overhead_seconds < took - cost.seconds + 0.1
    assert 200 << 20 < cost.peak_memory_bytes < 2 << 30


def test_processor_time_is_counted(run: Run) -> None:
    """Of the process and of the programs that it ran, but not what it waited."""
    spin = "import time; end = time.process_time() + 0.4\nwhile time.process_time() < end: pass"
    _, cost = run(
        "import subprocess, sys",
        f"exec({spin!r})",
        f"subprocess.run([sys.executable, '-c', {spin!r}], check=True)",
        "time.sleep(2)",
        "return {'number': 1}",
    )
    assert cost.cpu_seconds is not None
    assert 0.8 < cost.cpu_seconds < 2.7


@pytest.mark.skipif(not CAN_PIN, reason="this system cannot bind a process to a core")
def test_one_core_is_all_that_a_process_sees(run: Run) -> None:
    """And the programs that it starts; the parent keeps its own."""
    before = os.sched_getaffinity(0)
    code = "import os; print(len(os.sched_getaffinity(0)))"
    answer, _ = run(
        "import subprocess, sys",
        f"count = subprocess.run([sys.executable, '-c', {code!r}], check=True, capture_output=True).stdout",
        "return {'number': int(count)}",
        share=one_core(),
    )
    assert answer == Answer(1)
    assert os.sched_getaffinity(0) == before


def test_progress_arrives_in_order_and_chatter_is_passed_over(run: Run) -> None:
    """A library may print what it likes, JSON included."""
    run(
        "progress('training', 1, 2, 30.5)",
        "print('chatter'); print('{\"loss\": 1}'); print('[1]'); print(3, flush=True)",
        "os.write(1, b'\\xff\\xfe\\n')",
        "subprocess.run(['echo', 'from a program'])",
        "progress('training', 2, 2)",
        "progress('writing')",
        "return {'number': 1}",
    )
    assert run.steps == [("training", 1, 2, 30.5), ("training", 2, 2, None), ("writing", 0, 0, None)]


def test_errors_of_the_package_come_back_as_themselves(run: Run) -> None:
    """With their message, and a traceback in the log."""
    with pytest.raises(StreamError, match=r"^planted damage$"):
        run("raise StreamError('planted damage')")
    assert "Traceback" in run.log.read_text()


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("raise ValueError('planted')", r"^ValueError: planted$"),
        ("1 / 0", r"^ZeroDivisionError: division by zero$"),
        ("raise MemoryError", r"^MemoryError: $"),
        ("import no_such_module", r"^ModuleNotFoundError: "),
        ("sys.exit(0)", r"exit status 0 and no result"),
        ("os._exit(3)", r"exit status 3 and no result"),
        ("os.abort()", r"signal SIGABRT and no result"),
        ("os.kill(os.getpid(), 11)", r"signal SIGSEGV and no result"),
        ("return {1, object()}", r"exit status 1 and no result"),
    ],
)
def test_other_ends_are_cell_errors(line: str, said: str, run: Run) -> None:
    """Whether it raised, left or was killed; a death names the log."""
    with pytest.raises(CellError, match=said) as caught:
        run(line)
    assert ("no result" not in said) or str(run.log) in str(caught.value)
    assert not isinstance(caught.value, CellTimeoutError)


@pytest.mark.parametrize("line", ["return {'number': 'six'}", "return None", "return {}"])
def test_answer_of_another_form_is_an_error(line: str, run: Run) -> None:
    """It does not pass for one."""
    with pytest.raises(CellError, match=r"worker_of_test.* Answer\b"):
        run(line)


def test_damaged_result_is_an_error(run: Run) -> None:
    """Such as a codec that writes over the file."""
    with pytest.raises(StoreError, match=r"result\.json"):
        run("open('result.json', 'w').write('{'); os._exit(0)")


def test_hidden_variables_are_kept_from_it(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """And no others."""
    monkeypatch.setenv("PLANTED_HIDDEN", "1")
    monkeypatch.setenv("PLANTED_SHOWN", "2")
    line = "return {'number': int(os.environ.get('PLANTED_HIDDEN', 0)) + int(os.environ['PLANTED_SHOWN'])}"
    assert run(line, hide=frozenset({"PLANTED_HIDDEN"}))[0] == Answer(2)
    assert os.environ["PLANTED_HIDDEN"] == "1"


def test_it_has_no_standard_input(run: Run) -> None:
    """A program that asks a question does not wait for ever."""
    assert run("return {'number': len(sys.stdin.read())}")[0] == Answer(0)


def gone(process: int) -> bool:
    """Whether a process has ended, or does within seconds."""
    for _ in range(100):
        try:
            state = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]
        except OSError:
            return True
        if state in "ZX":
            return True
        time.sleep(0.05)
    return False


ENDLESS = (
    "program = subprocess.Popen(['sleep', '600'])",
    "progress('ids', program.pid, os.getpid())",
    "program.wait()",
)


def test_timeout_stops_it_and_what_it_started(run: Run) -> None:
    """The message says how to allow more."""
    with pytest.raises(CellTimeoutError, match=r" 2 s\b.*--timeout"):
        run(*ENDLESS, limit=TimeLimit(2))
    ((_, program, worker, _),) = run.steps
    assert gone(program)
    assert gone(worker)


@pytest.mark.parametrize("raised", [KeyboardInterrupt, RuntimeError])
def test_exception_in_progress_stops_it(raised: type[BaseException], run: Run) -> None:
    """Ctrl-C leaves no process behind."""
    seen: list[int] = []

    def stop(_: str, step: int = 0, steps: int = 0, psnr_db: float | None = None) -> None:
        seen.extend((step, steps))
        raise raised

    with pytest.raises(raised):
        run(*ENDLESS, progress=stop)
    assert len(seen) == 2
    assert all(map(gone, seen))


def test_every_error_is_in_the_tree() -> None:
    """The tree in the docstring is the tree that there is."""
    classes = {value for value in vars(errors).values() if isinstance(value, type) and issubclass(value, BenchError)}
    assert errors.__doc__ is not None
    assert set(re.findall(r"\b\w+Error\b", errors.__doc__)) == {cls.__name__ for cls in classes}
    assert {cls.exit_status for cls in classes} == {2}


METERED = """
from pathlib import Path
from bench.measure import energy
from bench.runs.process import serve

zone = Path({zone!r})
energy.POWERCAP, energy.NVML = zone.parent, "no such library"

def work(watch, progress):
    (zone / "energy_uj").write_text("5500000")
    return {{"number": 42}}

serve(work)
"""


def test_joules_are_those_of_the_work(run: Run, tmp_path: Path) -> None:
    """From 2 J, where the work begins, to 5.5 J, where it ends."""
    zone = tmp_path / "powercap" / "intel-rapl:0"
    zone.mkdir(parents=True)
    for name, text in {"name": "package-0", "energy_uj": "2000000", "max_energy_range_uj": "9000000"}.items():
        (zone / name).write_text(text)
    (tmp_path / "metered_worker_of_test.py").write_text(METERED.format(zone=str(zone)))
    (tmp_path / "scratch").mkdir()
    _, cost = run_process(
        "metered_worker_of_test", tmp_path / "scratch", {}, Answer, log=run.log, progress=lambda *_: None
    )
    assert cost.cpu_joules == pytest.approx(3.5)
    assert (cost.gpu_joules, cost.no_joules) == (None, {})
