"""Jobs that wait for jobs and ask ports for work, in discrete events: the engine of the execution. Times are whole."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable

Urgency = tuple[int, int]  # the step that needs it; 0 drain, 1 fill, 2 compute


class Clock:
    """What happens when. Of things at one moment the first asked for comes first."""

    def __init__(self) -> None:
        self.now = 0
        self._events: list[tuple[int, int, Callable[[], None]]] = []
        self._asked = 0

    def number(self) -> int:
        """The next number of the order of asking."""
        self._asked += 1
        return self._asked

    def at(self, time: int, do: Callable[[], None]) -> None:
        """Do something at a time."""
        heapq.heappush(self._events, (time, self.number(), do))

    def run(self) -> None:
        """Until nothing is left to happen."""
        while self._events:
            self.now, _, do = heapq.heappop(self._events)
            do()


class Port:
    """Serves the most urgent job, pre-emptively."""

    def __init__(self, clock: Clock) -> None:
        self.clock, self.total = clock, 0
        self._waiting: list[tuple[Urgency, int, int, Job]] = []  # urgency, order of asking, work left, job
        self._served: tuple[Urgency, int, int, Job] | None = None
        self._since = self._turn = 0

    def ask(self, job: Job, work: int) -> None:
        """A job asks for some time of the port."""
        self.total += work
        if self._served is not None:
            urgency, order, left, other = self._served
            heapq.heappush(self._waiting, (urgency, order, left - (self.clock.now - self._since), other))
        heapq.heappush(self._waiting, (job.urgency, self.clock.number(), work, job))
        self._serve()

    def _serve(self) -> None:
        self._turn += 1
        turn = self._turn
        self._served = heapq.heappop(self._waiting) if self._waiting else None
        self._since = self.clock.now
        if self._served is not None:
            self.clock.at(self.clock.now + self._served[2], lambda: self._finish(turn))

    def _finish(self, turn: int) -> None:
        if turn == self._turn and self._served is not None:
            job = self._served[3]
            self._serve()
            job.part_done()


class Job:
    """Starts when all it waits for is done; done when its own time has passed and every port has served it."""

    def __init__(self, clock: Clock, urgency: Urgency, own: int = 0) -> None:
        self.clock, self.urgency, self.own = clock, urgency, own
        self.works: list[tuple[Port, int]] = []
        self.end: int | None = None
        self._waits = self._parts = 0
        self._then: list[Job] = []

    def after(self, *jobs: Job) -> None:
        """Wait for jobs."""
        for job in jobs:
            if job is not self:
                job._then.append(self)
                self._waits += 1

    def begin(self) -> None:
        """Start at time 0 if it waits for nothing."""
        if not self._waits:
            self.clock.at(0, self._start)

    def _start(self) -> None:
        works = [(port, work) for port, work in self.works if work]
        self._parts = len(works) + 1
        self.clock.at(self.clock.now + self.own, self.part_done)
        for port, work in works:
            port.ask(self, work)

    def part_done(self) -> None:
        """One of its ports, or its own time, is done."""
        self._parts -= 1
        if not self._parts:
            self.end = self.clock.now
            for job in self._then:
                job._waits -= 1
                if not job._waits:
                    job._start()


def run(clock: Clock, jobs: Iterable[Job]) -> int:
    """Run all jobs; the end of the last. Raises: AssertionError where some wait for each other."""
    jobs = list(jobs)
    for job in jobs:
        job.begin()
    clock.run()
    left = [job for job in jobs if job.end is None]
    assert not left, f"{len(left)} jobs are left"
    return max((job.end for job in jobs if job.end is not None), default=0)
