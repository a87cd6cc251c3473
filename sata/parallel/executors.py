"""Who does the work: this process, processes of this machine, or a cluster (cluster.py). All are used
alike.

`give` a job to free hands, `wait` for what they say. A job is lost when the process that had it in hand is killed; who
gave it gives it again.
"""

from __future__ import annotations

import os
import pickle
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from multiprocessing import get_context
from multiprocessing.connection import Connection
from multiprocessing.connection import wait as wait_for
from typing import Any, Protocol

from sata.parallel.threads import one_blas_thread

EVERY = 0.25  # seconds between two words of one job about how far it is
_PATIENCE = 5.0  # seconds that a process gets to end by itself

Report = Callable[[Any], bool]  # tells how far a job is; returns whether it is to stop with what it has
Work = Callable[[Any, Report], Any]


@dataclass(frozen=True)
class WorkerEvent:
    """What became of job `number`. kind: "news", "done", "failed" (value: the exception), "lost"
    (value: why), "dead": lost as often as it was tried."""

    number: int
    kind: str
    value: Any = None


class Executor(Protocol):
    """Processes that work, some free."""

    @property
    def free(self) -> int:
        """How many more jobs can be given now."""

    def give(self, number: int, job: Any) -> None:
        """Begin a job."""

    def wait(self, seconds: float) -> list[WorkerEvent]:
        """What was said since, at the latest after so long."""

    def stop(self) -> None:
        """All that work are to end with what they have."""

    def close(self) -> None:
        """End them, whatever they do."""


ENDING = (signal.SIGINT, signal.SIGTERM)  # Ctrl-C, and what batch systems send before the time is up


class StopSignal:
    """Whether the user wants an end: the first Ctrl-C or SIGTERM is noted, the second is the usual exception."""

    def __init__(self) -> None:
        self.asked = False

    def _heard(self, _number: int, _frame: Any) -> None:
        if self.asked:
            raise KeyboardInterrupt
        self.asked = True


@contextmanager
def listening() -> Iterator[StopSignal]:
    """Ctrl-C and SIGTERM ask for an end while this lasts, where signals can be heard: in the main thread, and where
    they are not ignored. Inside another such context there is one request for both."""
    before = {number: signal.getsignal(number) for number in ENDING}
    outer = next(
        (own for heard in before.values() if isinstance(own := getattr(heard, "__self__", None), StopSignal)), None
    )
    stop = outer or StopSignal()
    if outer is not None or threading.current_thread() is not threading.main_thread():
        yield stop
        return
    mine = {number: heard for number, heard in before.items() if heard not in (signal.SIG_IGN, None)}
    for number in mine:
        signal.signal(number, stop._heard)
    try:
        yield stop
    finally:
        for number, heard in mine.items():
            signal.signal(number, heard)


class InProcess:
    """This process: a job is done when it is given. heard: asked at every word of a job with what it says."""

    def __init__(self, work: Work, heard: Callable[[WorkerEvent], bool]) -> None:
        self.work, self.heard = work, heard
        self._events: list[WorkerEvent] = []

    @property
    def free(self) -> int:
        return 0 if self._events else 1

    def give(self, number: int, job: Any) -> None:
        said = Throttle(lambda value: self.heard(WorkerEvent(number, "news", value)))
        try:
            self._events.append(WorkerEvent(number, "done", self.work(job, said)))
        except Exception as error:  # noqa: BLE001 - whoever gave the job decides
            self._events.append(WorkerEvent(number, "failed", error))

    def wait(self, seconds: float) -> list[WorkerEvent]:
        events, self._events = self._events, []
        return events

    def stop(self) -> None:
        """Nothing to do: `heard` says it."""

    def close(self) -> None:
        """Nothing to do."""


class Throttle:
    """Says something now and then, and remembers between whether it is to stop."""

    def __init__(self, tell: Callable[[Any], bool]) -> None:
        self.tell, self.last, self.stopped = tell, 0.0, False

    def __call__(self, value: Any) -> bool:
        now = time.monotonic()
        if now - self.last >= EVERY:
            self.last = now
            self.stopped = self.stopped or self.tell(value() if callable(value) else value)
        return self.stopped


# --- processes ----------------------------------------------------------------------------------------------------


@dataclass
class _Process:
    process: Any
    pipe: Connection
    job: int | None = None


class ProcessPool:
    """Processes of this machine, begun when first needed. One that dies loses the job it has, and is replaced."""

    def __init__(self, work: Work, number: int) -> None:
        self.work, self.number = work, number
        self._context = get_context()
        self._all: list[_Process] = []

    @property
    def free(self) -> int:
        return self.number - sum(p.job is not None for p in self._all)

    def give(self, number: int, job: Any) -> None:
        while True:
            process = next((p for p in self._all if p.job is None), None) or self._begin()
            try:
                process.pipe.send((number, job))
            except (BrokenPipeError, ConnectionResetError):  # it died while it had nothing to do
                self._remove(process)
                continue
            process.job = number
            return

    def wait(self, seconds: float) -> list[WorkerEvent]:
        busy = {p.pipe: p for p in self._all if p.job is not None}
        events: list[WorkerEvent] = []
        for ready in wait_for(list(busy), seconds):
            events += self._heard(busy[ready])  # type: ignore[index]
        return events

    def _heard(self, worker: _Process) -> list[WorkerEvent]:
        """All that one process has said. The end of its pipe is its own end."""
        events: list[WorkerEvent] = []
        number = worker.job
        assert number is not None
        try:
            while worker.job is not None and worker.pipe.poll():
                kind, value = worker.pipe.recv()
                events.append(WorkerEvent(number, kind, value))
                if kind != "news":
                    worker.job = None
        except (EOFError, OSError):
            self._remove(worker)
            events.append(WorkerEvent(number, "lost", _why(worker.process.exitcode)))
        return events

    def stop(self) -> None:
        for worker in self._all:
            if worker.job is not None:
                with suppress(OSError):
                    worker.pipe.send("stop")

    def close(self) -> None:
        for worker in self._all:
            if worker.job is not None:
                worker.process.kill()
            worker.pipe.close()
        until = time.monotonic() + _PATIENCE
        for worker in self._all:
            worker.process.join(max(0.0, until - time.monotonic()))
            if worker.process.is_alive():
                worker.process.kill()
                worker.process.join()
        self._all = []

    def _begin(self) -> _Process:
        ours, theirs = self._context.Pipe()
        inherited = ours if self._context.get_start_method() == "fork" else None
        process = self._context.Process(target=_serve, args=(theirs, self.work, inherited), daemon=True)
        process.start()
        theirs.close()  # now theirs alone: its end is seen here
        one = _Process(process, ours)
        self._all.append(one)
        return one

    def _remove(self, worker: _Process) -> None:
        self._all.remove(worker)
        worker.pipe.close()
        worker.process.join(_PATIENCE)
        if worker.process.is_alive():
            worker.process.kill()
            worker.process.join()


def _why(code: int | None) -> str:
    """What is known of an end: `killed by SIGKILL`, `exit code 1`."""
    if code is not None and code < 0:
        try:
            return f"killed by {signal.Signals(-code).name}"
        except ValueError:
            return f"killed by signal {-code}"
    return f"exit code {code}"


def _serve(pipe: Connection, work: Work, inherited: Connection | None) -> None:
    """What a process does: a job after the other, until nobody wants more. inherited: the other end of the pipe, which
    a forked process has too; while it is open here, its end elsewhere would not be noticed."""
    if inherited is not None:
        inherited.close()
    one_blas_thread()
    with suppress(ValueError):
        for number in ENDING:
            signal.signal(number, signal.SIG_IGN)  # who gives the jobs hears it, and says so
    while True:
        try:
            message = pipe.recv()
        except (EOFError, OSError):
            return
        if message == "stop":  # it came when the job was done already
            continue
        said = Throttle(lambda value: _tell(pipe, value))
        try:
            answer = ("done", work(message[1], said))
        except Exception as error:  # noqa: BLE001 - it is sent to who gave the job
            answer = ("failed", error)
        try:
            pipe.send(_sendable(answer))
        except (BrokenPipeError, ConnectionResetError):
            return


def _sendable(answer: tuple[str, Any]) -> tuple[str, Any]:
    """An exception that cannot be sent is told as text."""
    if answer[0] == "failed":
        try:
            pickle.loads(pickle.dumps(answer[1]))
        except Exception:  # noqa: BLE001 - exceptions of others may do anything
            return "failed", RuntimeError(f"{type(answer[1]).__name__}: {answer[1]}")
    return answer


def _tell(pipe: Connection, value: Any) -> bool:
    """Say how far a job is; whether it is to stop. Ends the process if nobody listens any more: who was begun last
    holds no other's pipe, so it notices first, then the one before."""
    try:
        pipe.send(("news", value))
        return pipe.poll() and pipe.recv() == "stop"
    except (OSError, EOFError):
        os._exit(1)
