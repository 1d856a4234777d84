"""Which cells of a plan are run, in which order, and how many at once."""

from __future__ import annotations

import sys
from collections import Counter, deque
from collections.abc import Sequence
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from typing import Literal, TypeAlias

from ..dataset import Clip
from ..errors import BenchError, CellInterruptedError
from ..measure.proof import lacking
from ..records.record import Record, Status
from ..records.store import Store
from .cell import NOTHING_MORE, Extras, add_metrics, encode_ahead, run_cell
from .plan import PlannedCell
from .process import NO_LIMIT, TimeLimit
from .progress import Display, Line, open_display, summarise
from .share import WHOLE, Share

FINISHED: tuple[Status, ...] = ("ok", "skipped")
LOCK_SECONDS = 2.0
"""How long to wait for a cell that another process works on before looking at the next one."""
OUT_OF_TIME = 75
"""EX_TEMPFAIL of sysexits.h: nothing is wrong, try again."""

Rerun: TypeAlias = Literal["never", "missing", "failed", "always"]
"""Which cells that have a record are run again: none; those whose stream or kept frame is gone; also those that failed
or ran out of time; all."""


def is_wanted(record: Record | None, store: Store, rerun: Rerun) -> bool:
    """Whether a cell with this record, or with none, is to be run."""
    if record is None or rerun == "always":
        return True
    if rerun == "never":
        return False
    if record.status in FINISHED:
        return not store.has_files(record)
    return rerun == "failed"


def lacked_metrics(
    record: Record | None, store: Store, rerun: Rerun, metrics: Sequence[str], clip: Clip | None = None
) -> list[str]:
    """The metrics that a cell with this record is to get, unless it is to be run itself. `lacking` says what ``clip``
    is for."""
    if record is None or record.quality is None or rerun == "never" or is_wanted(record, store, rerun):
        return []
    return lacking(record.quality, metrics, clip)


def run_all(
    cells: Sequence[PlannedCell],
    store: Store,
    limit: TimeLimit = NO_LIMIT,
    rerun: Rerun = "failed",
    shares: Sequence[Share] = (WHOLE,),
    extras: Extras = NOTHING_MORE,
) -> int:
    """Run the cells that are wanted, say on standard error what came of it, and return the exit status of the command.

    Finished cells that lack some metrics of ``extras`` are decoded again and get them.
    With several ``shares`` of the machine, as many encoders work at once. Decoding is timed, so that it begins when
    all of them have ended, and runs alone.
    """
    run = Run(cells, store, limit, rerun, extras)
    if len(run.waiting) < len(cells):
        print(f"{len(cells) - len(run.waiting)} of {len(cells)} cells are already done.", file=sys.stderr)
    stopped: CellInterruptedError | None = None
    with open_display() as display:
        try:
            if len(shares) > 1:
                run.encode_all(display, shares)
            run.finish_all(display, shares[0])
        except CellInterruptedError as error:
            stopped = error
    counted = ", ".join(f"{number} {status}" for status, number in run.outcomes.items()) or (
        "nothing done" if stopped else "nothing to do"
    )
    print(f"{counted}. Records: {store.root / 'records'}", file=sys.stderr)
    if stopped:
        print(f"{stopped} {len(run.waiting)} of {len(cells)} cells are left.", file=sys.stderr)
        return OUT_OF_TIME
    return int(any(outcome not in GOOD for outcome in run.outcomes))


DONE_ELSEWHERE, MEASURED, NOT_MEASURED = "done elsewhere", "with more metrics", "without the metrics"
GOOD = (*FINISHED, DONE_ELSEWHERE, MEASURED)


class Run:
    """The cells that wait to be run, and what became of the others."""

    def __init__(
        self, cells: Sequence[PlannedCell], store: Store, limit: TimeLimit, rerun: Rerun, extras: Extras
    ) -> None:
        self.store, self.limit, self.rerun, self.extras = store, limit, rerun, extras
        wanted = [cell for cell in cells if self._is_due(cell, self._record(cell))]
        self.waiting = deque(wanted)
        self.titles = {cell.key: f"[{place}/{len(wanted)}] {cell}" for place, cell in enumerate(wanted, 1)}
        self.files = {cell.key: self._file(cell) for cell in wanted}
        self.outcomes: Counter[str] = Counter()

    def encode_all(self, display: Display, shares: Sequence[Share]) -> None:
        """Encode what waits, as many cells at once as there are ``shares``. Cells that will have no stream are done;
        the others wait to be decoded. Raises what ends a run; all encoders have then been stopped."""
        queue = deque(self.waiting)
        done: list[PlannedCell] = []

        def encode_some(share: Share) -> None:
            while queue:
                cell = queue.popleft()
                if error := self.limit.interruption():
                    raise error
                with self.store.try_lock(cell.file_name) as locked:
                    record = self._record(cell)
                    if not locked or self._is_done(cell, record) or self._lacked(cell, record):
                        continue  # `finish_all` will see
                    line = display.begin(self.titles[cell.key])
                    unfit = encode_ahead(cell, self.store, line.step, self.limit, share)
                    if unfit is None:
                        line.end("encoded, to be decoded when no encoder works", "ok")
                    else:
                        self._end(line, unfit)
                        done.append(cell)

        with ThreadPoolExecutor(len(shares)) as pool:
            workers = [pool.submit(encode_some, share) for share in shares]
            try:
                wait(workers, return_when=FIRST_EXCEPTION)
            finally:  # whether one of them or Ctrl-C ended it, the others stop too
                if not all(worker.done() for worker in workers):
                    self.limit.stop.set()
        for cell in done:
            self.waiting.remove(cell)
        for worker in workers:
            worker.result()

    def finish_all(self, display: Display, share: Share) -> None:
        """Run what waits, cell by cell. Cells that another process works on come last. Raises what ends a run."""
        postponed: set[str] = set()
        while self.waiting:
            if error := self.limit.interruption():
                raise error
            cell = self.waiting[0]
            wait_seconds = LOCK_SECONDS if cell.key in postponed else 0
            with self.store.try_lock(cell.file_name, wait_seconds) as locked:
                if not locked:
                    if cell.key not in postponed:
                        print(f"{cell} is being worked on by another process.", file=sys.stderr)
                    postponed.add(cell.key)
                    self.waiting.rotate(-1)
                    continue
                record = self._record(cell)
                if record and (lacked := self._lacked(cell, record)):
                    self._measure(display, cell, record, lacked)
                elif self._is_done(cell, record):
                    self.outcomes[DONE_ELSEWHERE] += 1
                else:
                    line = display.begin(self.titles[cell.key])
                    self._end(line, run_cell(cell, self.store, line.step, self.limit, share, self.extras))
                self.waiting.popleft()

    def _measure(self, display: Display, cell: PlannedCell, record: Record, lacked: Sequence[str]) -> None:
        line = display.begin(self.titles[cell.key])
        try:
            add_metrics(cell, record, self.store, line.step, self.limit, lacked)
        except CellInterruptedError:
            raise
        except BenchError as error:
            line.end(str(error), "failed")
            self.outcomes[NOT_MEASURED] += 1
        else:
            line.end(f"{', '.join(lacked)} measured", "ok")
            self.outcomes[MEASURED] += 1

    def _is_due(self, cell: PlannedCell, record: Record | None) -> bool:
        return is_wanted(record, self.store, self.rerun) or bool(self._lacked(cell, record))

    def _lacked(self, cell: PlannedCell, record: Record | None) -> list[str]:
        return lacked_metrics(record, self.store, self.rerun, self.extras.metrics, cell.clip)

    def _end(self, line: Line, record: Record) -> None:
        line.end(summarise(record), record.status)
        self.outcomes[record.status] += 1

    def _is_done(self, cell: PlannedCell, record: Record | None) -> bool:
        """Whether another process has made a record since this run began that answers."""
        if self._file(cell) == self.files[cell.key]:
            return False
        return not is_wanted(record, self.store, "failed" if self.rerun == "always" else self.rerun)

    def _record(self, cell: PlannedCell) -> Record | None:
        record = self.store.find(cell.file_name)
        return record if record is not None and record.key == cell.key else None

    def _file(self, cell: PlannedCell) -> tuple[int, int] | None:
        """What tells one state of a record's file from another."""
        path = self.store.record_path(cell.file_name)
        return (path.stat().st_ino, path.stat().st_mtime_ns) if path.exists() else None
