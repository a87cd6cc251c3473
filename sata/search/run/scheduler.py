"""Many tasks: from the cache, in this process, in processes of this machine or on a cluster.

What is found does not depend on who finds it, unless a budget or the user ends the search.
"""

from __future__ import annotations

import os
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from math import ceil
from typing import Any

from sata.parallel.executors import Executor, InProcess, ProcessPool, Report, StopSignal, WorkerEvent, listening
from sata.search.answers.cache import Cache
from sata.search.answers.fingerprint import name_of, ops_of, size_of
from sata.search.answers.verify import check_answer, flaws
from sata.search.engine.propose import STRATEGIES
from sata.search.engine.solve import Answer, Start, Task
from sata.search.model.objective import Objective
from sata.search.run.starts import no_worse, starts_from
from sata.specs.text.access import Granted, granted
from sata.specs.text.faults import Fault, SpecError
from sata.specs.text.memory import allowed_bytes, ended

OUT_OF_MEMORY = "out_of_memory"  # among the counts of an answer: what memory has ended
TRIES = 3  # how often a task is given to a new worker when the one that has it is killed
_POLL = 0.25  # seconds between two looks at whether the user wants an end


@dataclass(frozen=True)
class Progress:
    """How far a task is. best, bound: of the objective (of the product for a Pareto front); inf and 0 without one."""

    op: str
    looked: int
    best: float
    bound: float


class Watcher:
    """Who wants to know how a search goes; this one does not. Numbers are those of tasks."""

    def begun(self, number: int, task: Task) -> None:
        """A task is given to someone."""

    def news(self, number: int, news: Progress) -> None:
        """How far it is."""

    def done(self, number: int, answer: Answer, kept: bool) -> None:
        """Its answer. kept: from the cache."""

    def stopping(self) -> None:
        """The user has asked for an end."""

    def lost(self, number: int, why: str) -> None:
        """Its worker was killed; it is done again."""

    def waited(self) -> None:
        """A while has passed, whether anything was said or not."""


@dataclass(frozen=True)
class Resources:
    """By what means to search. workers: processes, None one for each core. cache: None keeps nothing. cluster: the
    address of a Dask scheduler, whose workers then do it. verify: search again what the cache holds."""

    workers: int | None = None
    cache: Cache | None = None
    watch: Watcher = Watcher()
    cluster: str | None = None
    verify: bool = False


def run_task(task: Task, say: Report) -> Answer:
    """The answer of its strategy, telling how far it is; asked to stop, it does so as soon as it has a mapping."""
    objective = Objective(task.objective)

    def tick(best: Any, counts: Any, bound: float) -> None:
        def news() -> Progress:
            values = [objective.of(f.energy_pj, f.cycles) for f in best.mappings]
            return Progress(name_of(task), counts.generated, min(values, default=float("inf")), bound)

        if say(news) and best.mappings:
            raise KeyboardInterrupt

    before = ended()
    answer = STRATEGIES[task.strategy].solve(task, tick)
    short = ended() - before
    return replace(answer, counts={**answer.counts, OUT_OF_MEMORY: short}) if short else answer


def solve_all(tasks: Sequence[Task], how: Resources | None = None, *, budget: float | None = None,
              work: Callable[[Task, Report], Answer] = run_task) -> list[Answer]:  # fmt: skip
    """The answers, in the order of the tasks. budget: seconds for all of them together.

    A worker that is killed costs only the work it has in hand. Ctrl-C ends what is worked on; what has not begun
    then still gets its first mapping. Raises: SpecError for tasks that kill whoever takes them.
    """
    how = how or Resources()
    with listening() as stop:
        return _Scheduler(list(tasks), how, budget, stop).run(work)


class _Scheduler:
    def __init__(self, tasks: list[Task], how: Resources, budget: float | None, stop: StopSignal) -> None:
        self.tasks, self.how, self.stop = tasks, how, stop
        self.deadline = None if budget is None else time.monotonic() + budget
        self.found: dict[int, Answer] = {}
        self.tries = [0] * len(tasks)
        self.faults: list[Fault] = []
        self.told = False

    def run(self, work: Callable[[Task, Report], Answer]) -> list[Answer]:
        cache = self.how.cache
        for number, task in enumerate(self.tasks):
            answer = cache.get(task) if cache is not None and not self.how.verify else None
            if answer is not None and not flaws(task, answer):
                self._take(number, answer, True)
        todo = self._order()
        if todo:
            hands = self._hands(work, len(todo))
            try:
                self._loop(hands, todo)
            finally:
                hands.close()
        if self.faults:
            raise SpecError(self.faults)
        for number in [n for n, answer in self.found.items() if answer.points and not answer.proven]:
            task = self.tasks[number]
            self.found[number] = no_worse(replace(task, starts=self._starts(task)), self.found[number])
        return [self.found[n] for n in range(len(self.tasks))]

    def _order(self) -> deque[int]:
        """Long tasks first, so that no core waits for the last. With a budget short ones first: what they leave of
        their shares is then the long ones'."""
        open_ = [n for n in range(len(self.tasks)) if n not in self.found]
        sign = 1 if self.deadline is not None else -1
        return deque(sorted(open_, key=lambda n: (sign * size_of(self.tasks[n]), n)))

    def _hands(self, asked: Callable[[Task, Report], Answer], jobs: int) -> Executor:
        work = Granted(asked, granted())
        if self.how.cluster is not None:
            from sata.parallel.dask import DaskCluster

            return DaskCluster(work, self.how.cluster)
        number = min(self.how.workers or os.cpu_count() or 1, jobs)
        if number > 1 and (most := allowed_bytes()) is not None:
            work = replace(work, memory=most // number)
        return ProcessPool(work, number) if number > 1 else InProcess(work, self._heard_here)

    def _loop(self, hands: Executor, todo: deque[int]) -> None:
        busy: set[int] = set()
        while todo or busy:
            while todo and hands.free > 0:
                number = todo.popleft()
                busy.add(number)
                self.how.watch.begun(number, self.tasks[number])
                hands.give(number, self._task(number, len(todo) + len(busy), hands.free + len(busy) - 1))
                self._stop(hands)
            self.how.watch.waited()
            for event in hands.wait(_POLL):
                if event.kind == "news":
                    self.how.watch.news(event.number, event.value)
                    continue
                busy.discard(event.number)
                if event.kind == "done":
                    self._take(event.number, event.value, False)
                elif event.kind == "failed":
                    raise event.value
                elif self._again(event):
                    todo.appendleft(event.number)
            self._stop(hands)

    def _stop(self, hands: Executor) -> None:
        if self.stop.asked and not self.told:
            self.told = True
            self.how.watch.stopping()
            hands.stop()

    def _heard_here(self, event: WorkerEvent) -> bool:
        """What a task in this process says. It blocks everything else, so the end is told from here."""
        if self.stop.asked and not self.told:
            self.told = True
            self.how.watch.stopping()
        self.how.watch.news(event.number, event.value)
        return self.stop.asked

    def _task(self, number: int, left: int, hands: int) -> Task:
        """The task with its share of the time that is left. left: tasks that are not done, this one included; they
        take as many rounds as all hands need for them."""
        task = self.tasks[number]
        if self.stop.asked:
            return replace(task, budget=0.0, starts=self._starts(task))
        if self.deadline is None:
            return task
        share = max(0.0, self.deadline - time.monotonic()) / ceil(left / hands)
        return replace(task, budget=share, starts=self._starts(task))

    def _starts(self, task: Task) -> tuple[Start, ...]:
        """What is there to begin with, answers so far included: only where time ends the search anyway, for else what
        is found would depend on who is done first."""
        return (*task.starts, *starts_from(task, [(self.tasks[n], a) for n, a in self.found.items()]))

    def _take(self, number: int, answer: Answer, kept: bool) -> None:
        """Check what was found, keep it, and give nothing worse than was there. Raises: SpecError (`check_answer`)."""
        task = self.tasks[number]
        if not kept:
            check_answer(task, answer)
        if self.how.cache is not None and not kept:
            hurried = self.deadline is not None or self.stop.asked
            self.how.cache.put(replace(task, budget=0.0) if hurried else task, answer)
        if self.deadline is not None or self.stop.asked:
            task = replace(task, starts=self._starts(task))
        self.found[number] = no_worse(task, replace(answer, op=name_of(task), cached=kept))
        self.how.watch.done(number, self.found[number], kept)

    def _again(self, event: WorkerEvent) -> bool:
        """Whether a task whose worker was killed is to be tried again."""
        self.tries[event.number] = TRIES if event.kind == "dead" else self.tries[event.number] + 1
        self.how.watch.lost(event.number, str(event.value))
        if self.tries[event.number] < TRIES:
            return True
        task = self.tasks[event.number]
        message = f"the search of '{name_of(task)}' ended its process {TRIES} times: {event.value}"
        hint = "too little memory? try fewer --workers, or narrow the space with --constraints"
        self.faults.append(Fault(ops_of(task)[0].where, message, hint))
        return False
