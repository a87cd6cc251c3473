"""Workers: their number changes nothing, a killed one costs what it had in hand, and time is shared out."""

from __future__ import annotations

import math
import multiprocessing
import os
import signal
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from sata.parallel.executors import Report
from sata.search.engine.solve import Answer, Task, solve
from sata.search.run.scheduler import TRIES, Resources, Watcher, solve_all
from sata.search.run.setup import setup_of
from sata.search.run.workload import map_workload, tasks_of
from sata.specs.text.faults import Fault, SpecError, Where
from tests.search.tiny import ARCH, WORKLOAD


@pytest.fixture(scope="module")
def setting() -> Any:
    return setup_of(ARCH, WORKLOAD)


@pytest.fixture(scope="module")
def tasks(setting: Any) -> list[Task]:
    return tasks_of(setting, setting.workload.ops, "energy", (), ragged=False)[0]


class Noted(Watcher):
    def __init__(self) -> None:
        self.losses: list[tuple[int, str]] = []
        self.answers: list[int] = []
        self.begins: list[int] = []

    def begun(self, number: int, task: Task) -> None:
        self.begins.append(number)

    def done(self, number: int, answer: Answer, kept: bool) -> None:
        self.answers.append(number)

    def lost(self, number: int, why: str) -> None:
        self.losses.append((number, why))


def test_workers_change_nothing(setting: Any) -> None:
    def figures(workers: int) -> Any:
        return {op: (a.points, a.proven, a.bound) for op, a in map_workload(setting, workers=workers).items()}

    assert figures(1) == figures(2) == figures(5)


def _slow(task: Task, _say: Report) -> Answer:
    """A task that takes its time, told by a file who does it."""
    Path(os.environ["SATA_TEST_PIDS"], str(os.getpid())).touch()
    time.sleep(0.5)
    return solve(task)


def test_a_killed_worker_loses_nothing(tasks: list[Task], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SATA_TEST_PIDS", str(tmp_path))
    expected = [solve(task).points for task in tasks]
    killed: list[int] = []

    def kill() -> None:
        for _ in range(500):
            found = [int(p.name) for p in tmp_path.iterdir()]
            if found:
                os.kill(found[0], signal.SIGKILL)
                killed.append(found[0])
                return
            time.sleep(0.02)

    threading.Thread(target=kill).start()
    watch = Noted()
    answers = solve_all(tasks, Resources(2, watch=watch), work=_slow)
    assert killed
    assert [why for _, why in watch.losses] == ["killed by SIGKILL"]
    assert len(list(tmp_path.iterdir())) == 3, "a new worker came"
    assert [a.points for a in answers] == expected


def _deadly(task: Task, _say: Report) -> Answer:
    """Kills whoever takes the second op."""
    if "m" in task.op.ranks:
        os.kill(os.getpid(), signal.SIGKILL)
    return solve(task)


def test_a_task_that_kills_its_workers_is_reported(tasks: list[Task]) -> None:
    watch = Noted()
    with pytest.raises(SpecError) as error:
        solve_all(tasks, Resources(2, watch=watch), work=_deadly)
    assert str(error.value) == (
        "<dict>: workload.ops[1].name: the search of 'b' ended its process 3 times: killed by SIGKILL; "
        "too little memory? try fewer --workers, or narrow the space with --constraints"
    )
    assert watch.losses == [(1, "killed by SIGKILL")] * TRIES
    assert watch.answers == [0], "the others are done"


def _faulty(task: Task, _say: Report) -> Answer:
    raise SpecError([Fault(Where("x.yaml", 1, 2), "no good")])


class Odd(Exception):
    """An exception that does not survive a pipe."""

    def __init__(self, one: int, two: int) -> None:
        super().__init__(one)


def _odd(task: Task, _say: Report) -> Answer:
    raise Odd(1, 2)


@pytest.mark.parametrize("workers", [1, 2])
def test_what_goes_wrong_in_a_worker_comes_out(tasks: list[Task], workers: int) -> None:
    with pytest.raises(SpecError, match=r"^x.yaml:1:2: no good$"):
        solve_all(tasks, Resources(workers), work=_faulty)
    with pytest.raises((Odd, RuntimeError), match="1"):
        solve_all(tasks, Resources(workers), work=_odd)


def _endless(task: Task, say: Report) -> Answer:
    """Has nothing to stop with, and so does not."""
    while True:
        say(None)
        time.sleep(0.02)


@pytest.mark.skipif(sys.platform == "win32", reason="needs SIGINT")
@pytest.mark.parametrize("workers", [1, 2])
def test_a_second_ctrl_c_is_the_end(tasks: list[Task], workers: int) -> None:
    before = signal.getsignal(signal.SIGINT)
    levels: list[float] = []

    class Stopping(Watcher):
        def stopping(self) -> None:
            levels.append(time.monotonic())
            threading.Timer(0.1, os.kill, (os.getpid(), signal.SIGINT)).start()

    threading.Timer(0.5, os.kill, (os.getpid(), signal.SIGINT)).start()
    with pytest.raises(KeyboardInterrupt):
        solve_all(tasks, Resources(workers, watch=Stopping()), work=_endless)
    assert len(levels) == 1
    assert signal.getsignal(signal.SIGINT) == before
    assert multiprocessing.active_children() == []


def _sleepy(task: Task, _say: Report) -> Answer:
    """Takes exactly the time it is given."""
    assert task.budget is not None
    time.sleep(task.budget)
    return Answer("x", "energy", (), False, 0.0, 1, task.budget, False)


@pytest.mark.parametrize(("workers", "number"), [(1, 7), (2, 7), (3, 2), (2, 1)])
def test_a_budget_is_what_all_take_together(tasks: list[Task], workers: int, number: int) -> None:
    many = [replace(tasks[0], widths=(n + 1,)) for n in range(number)]
    start = time.monotonic()
    answers = solve_all(many, Resources(workers), budget=1.0, work=_sleepy)
    assert 0.95 <= time.monotonic() - start <= 1.6
    assert min(a.seconds for a in answers) >= 0.8 / math.ceil(number / workers), "each has its share"


def _late(task: Task, _say: Report) -> Answer:
    """The first takes three times its share, as one that has to find its first mapping."""
    assert task.budget is not None
    time.sleep(task.budget * (3 if task.widths == (1,) else 1))
    return Answer("x", "energy", (), False, 0.0, 1, task.budget, False)


def test_who_overruns_takes_it_from_the_others(tasks: list[Task]) -> None:
    many = [replace(tasks[0], widths=(n + 1,)) for n in range(6)]
    start = time.monotonic()
    answers = solve_all(many, Resources(1), budget=1.2, work=_late)
    assert 1.1 <= time.monotonic() - start <= 1.7
    assert answers[5].seconds < answers[0].seconds


def test_long_tasks_begin_first_and_with_a_budget_last(tasks: list[Task]) -> None:
    ops = [replace(tasks[0].op, ranks={**tasks[0].op.ranks, "k": k}) for k in (2, 64, 8)]
    many = [replace(tasks[0], op=op) for op in ops]
    for budget, order in ((None, [1, 2, 0]), (0.01, [0, 2, 1])):
        watch = Noted()
        solve_all(
            many,
            Resources(1, watch=watch),
            budget=budget,
            work=lambda t, s: Answer("x", "energy", (), True, 0, 1, 0, False),
        )
        assert watch.begins == order
