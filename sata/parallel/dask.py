"""Hands of a Dask cluster that the user has: its scheduler hands jobs to its workers, and again if one of them dies.

One job at a time runs in a worker process, however many threads it has. The optional dependency is `distributed`.
"""

from __future__ import annotations

import pickle
import queue
import re
import threading
import time
import uuid
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from sata.parallel.executors import Throttle, Work, WorkerEvent
from sata.specs.text.faults import Fault, SpecError, Where
from sata.version import __version__

PATIENCE = 10.0  # seconds for the scheduler to answer
FIRST_WORKER = 30.0  # seconds for a first worker to be there
_ASKED = 1.0  # seconds between two questions of a worker whether it is to stop
_ADDRESS = re.compile(r"(tcp|tls|ucx|ws|wss)://(\[[0-9a-fA-F:.]+\]|[\w.-]+):([0-9]{1,5})")
_one = threading.Lock()


def check_address(address: str) -> None:
    """Raises: SpecError for what is not an address of a scheduler."""
    match = _ADDRESS.fullmatch(address)
    if match is None or not 0 < int(match[3]) < 65536:
        hint = "such as tcp://10.0.0.1:8786, which dask-scheduler prints when it starts"
        raise SpecError([Fault(Where(), f"--scheduler: '{address[:80]}' is not an address", hint)])


class DaskCluster:
    """The workers of the scheduler at an address. Raises: SpecError if it cannot be used."""

    def __init__(self, work: Work, address: str) -> None:
        check_address(address)
        self.work, self.address = work, address
        self._events: queue.Queue[WorkerEvent] = queue.Queue()
        self._busy: dict[int, Any] = {}
        self._workers, self._counted = 1, 0.0
        self._topic = f"sata-{uuid.uuid4().hex}"
        self._client = _client(address)
        try:
            self._ready()
        except BaseException:
            self._client.close(timeout=2)
            raise

    def _ready(self) -> None:
        from distributed import Event as Flag

        try:
            self._client.wait_for_workers(1, timeout=FIRST_WORKER)
        except TimeoutError:
            raise _fault(f"the scheduler at {self.address} has no workers", "start some: dask worker ADDRESS") from None
        try:
            versions = self._client.run(version)
        except Exception as error:  # noqa: BLE001 - whatever a worker that lacks sata says
            reason = str(error).splitlines()[0] if str(error) else type(error).__name__
            raise _fault(f"a worker of {self.address} cannot run sata: {reason}", "install sata there too") from None
        for worker, there in versions.items():
            if there != __version__:
                raise _fault(
                    f"worker {worker} has sata {there}, here it is {__version__}", "install the same everywhere"
                )
        self._flag = Flag(f"{self._topic}-stop", client=self._client)
        self._client.subscribe_topic(self._topic, self._said)

    def _said(self, event: tuple[float, Any]) -> None:
        said = event[1]  # (time, message); from our own workers, as results are, which Dask pickles as well
        self._events.put(WorkerEvent(said["number"], "news", pickle.loads(said["value"])))

    @property
    def free(self) -> int:
        now = time.monotonic()
        if now - self._counted >= _ASKED:
            try:
                self._workers, self._counted = max(len(self._client.nthreads()), 1), now
            except Exception:  # noqa: BLE001 - whatever a client without a connection says
                raise self._gone() from None
        return self._workers - len(self._busy)

    def _gone(self) -> SpecError:
        return _fault(f"the scheduler at {self.address} is gone", "what has been found is in the cache")

    def give(self, number: int, job: Any) -> None:
        future = self._client.submit(
            _job, self.work, number, job, self._topic, key=f"{self._topic}-{number}-{time.monotonic_ns()}", pure=False
        )
        self._busy[number] = future
        future.add_done_callback(lambda done: self._events.put(_outcome(number, done)))

    def wait(self, seconds: float) -> list[WorkerEvent]:
        events = []
        with suppress(queue.Empty):
            events.append(self._events.get(timeout=seconds))
            while True:
                events.append(self._events.get_nowait())
        if self._client.status not in ("running", "connecting"):
            raise self._gone()
        for event in events:
            if event.kind != "news":
                self._busy.pop(event.number, None)
        return events

    def stop(self) -> None:
        self._flag.set()

    def close(self) -> None:
        with suppress(Exception):
            for future in self._busy.values():
                future.cancel()
            self._client.close(timeout=2)


def _client(address: str) -> Any:
    try:
        from distributed import Client
    except ImportError:
        raise _fault(
            "it needs the package 'distributed', which is not installed", "pip install 'sata[cluster]'"
        ) from None
    try:
        return Client(address, timeout=PATIENCE, set_as_default=False)
    except (OSError, TimeoutError):
        message = f"no scheduler answers at {address} within {PATIENCE:g} s"
        raise _fault(message, "is it running, and is the port open?") from None
    except Exception as error:  # noqa: BLE001 - of another version, behind TLS, no scheduler at all
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise _fault(f"the scheduler at {address} cannot be used: {reason}", "") from None


def _fault(message: str, hint: str) -> SpecError:
    return SpecError([Fault(Where(), f"--scheduler: {message}", hint)])


def _outcome(number: int, future: Any) -> WorkerEvent:
    """What became of a job, in a thread of the client."""
    from distributed import KilledWorker

    try:
        return WorkerEvent(number, "done", future.result())
    except KilledWorker:
        return WorkerEvent(number, "dead", "its workers were killed")
    except Exception as error:  # noqa: BLE001 - who gave the job decides
        return WorkerEvent(number, "lost" if future.cancelled() else "failed", error)


def version() -> str:
    """Of the sata that a worker has."""
    return __version__


def _job(work: Work, number: int, job: Any, topic: str) -> Any:
    """A job, in a worker."""
    from distributed import Event as Flag
    from distributed import get_worker

    worker = get_worker()
    flag = Flag(f"{topic}-stop", client=worker.client)
    asked = time.monotonic()
    stopped = False

    def tell(value: Any) -> bool:
        nonlocal asked, stopped
        worker.log_event(topic, {"number": number, "value": pickle.dumps(value)})
        if not stopped and time.monotonic() - asked >= _ASKED:
            asked = time.monotonic()
            stopped = bool(flag.is_set())
        return stopped

    say: Callable[[Any], bool] = Throttle(tell)
    with _one:
        return work(job, say)
