"""All points of a sweep, in this process or several; what is finished is in the journal at once."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sata.parallel.executors import Executor, InProcess, ProcessPool, listening
from sata.specs.text.access import Granted, granted
from sata.specs.text.files import note
from sata.sweep.journal import Journal
from sata.sweep.rows import Done, Interrupted, Job, done, row_key
from sata.sweep.spec import Sweep

TRIES = 3  # how often a point is given to a new worker when the one that has it is killed
_POLL = 0.25  # seconds between two looks at whether the user wants an end

Tell = Callable[[int, int], None]  # points that are finished, of how many


@dataclass
class PointOutcome:
    """rows: by number of the point, from 1. resumed: points that the journal had. interrupted: by the user."""

    rows: dict[int, Done] = field(default_factory=dict)
    resumed: int = 0
    interrupted: bool = False


def sweep_points(sweep: Sweep, journal: Journal, workers: int | None = None, cache: str | None = None,
                 tell: Tell = lambda _done, _of: None, work: Callable[[Job, Any], Done] = done,
                 check: Callable[[], None] = lambda: None) -> PointOutcome:  # fmt: skip
    """The rows of all points. Equal points are one piece of work.

    check: called after each point, when the files that it was made from are noted as read; what it raises ends all.
    Ctrl-C ends it: what is finished is in the journal. Raises: SpecError if a file cannot be read, or the journal not
    be written.
    """
    jobs = [Job(point, sweep.mapper, sweep.by, cache) for point in sweep.points]
    prints: dict[str, str] = {}
    numbers: dict[str, list[int]] = {}
    for number, job in enumerate(jobs):
        numbers.setdefault(row_key(job, prints), []).append(number)
    run = _Run(jobs, numbers, journal, tell, check)
    known = journal.read()
    for key in [key for key in numbers if key in known]:
        run.take(key, known[key])
    run.outcome.resumed = len(run.outcome.rows)
    todo = [key for key in numbers if key not in known]
    if todo:
        number = min(workers or os.cpu_count() or 1, len(todo))
        here = Granted(work, granted())
        run.work(ProcessPool(here, number) if number > 1 else InProcess(here, lambda _event: False), deque(todo))
    return run.outcome


class _Run:
    def __init__(self, jobs: Sequence[Job], numbers: dict[str, list[int]], journal: Journal, tell: Tell,
                 check: Callable[[], None]) -> None:  # fmt: skip
        self.jobs, self.numbers, self.journal, self.tell = jobs, numbers, journal, tell
        self.outcome = PointOutcome()
        self.check = check
        self.files: set[str] = set()
        self.tries: dict[str, int] = {}

    def take(self, key: str, row: Done) -> None:
        for number in self.numbers[key]:
            self.outcome.rows[number + 1] = row
        if fresh := set(row.files) - self.files:
            self.files |= fresh
            for file in fresh:
                note(Path(file))
            self.check()
        self.tell(len(self.outcome.rows), len(self.jobs))

    def work(self, hands: Executor, todo: deque[str]) -> None:
        busy: dict[int, str] = {}
        with listening() as stop:
            try:
                while (todo or busy) and not stop.asked:
                    while todo and hands.free > 0 and not stop.asked:
                        key = todo.popleft()
                        busy[self.numbers[key][0]] = key
                        hands.give(self.numbers[key][0], self.jobs[self.numbers[key][0]])
                    for event in hands.wait(_POLL):
                        if event.kind == "news":
                            continue
                        key = busy.pop(event.number)
                        if event.kind == "done":
                            self.finish(key, event.value)
                        elif event.kind == "lost":
                            self.again(key, str(event.value), todo)
                        elif isinstance(event.value, Interrupted):
                            stop.asked = True
                        else:
                            raise event.value
                self.outcome.interrupted = stop.asked and len(self.outcome.rows) < len(self.jobs)
            finally:
                hands.close()
                self.journal.close()

    def finish(self, key: str, row: Done) -> None:
        self.journal.add(key, row)
        self.take(key, row)

    def again(self, key: str, why: str, todo: deque[str]) -> None:
        """A point whose worker was killed is tried again; after TRIES it has failed, and is not in the journal."""
        self.tries[key] = self.tries.get(key, 0) + 1
        if self.tries[key] < TRIES:
            todo.appendleft(key)
        else:
            self.take(key, Done({"status": "failed", "why": f"ended its process {TRIES} times: {why}"}, {}))
