"""A Dask cluster of real processes: the same answers, killed workers' work done again, plain words for what is wrong."""

from __future__ import annotations

import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner

from sata.cli import main
from sata.parallel import dask as module
from sata.parallel.executors import Report
from sata.search.engine.solve import Answer, Task, solve
from sata.search.run.scheduler import Progress, Resources, Watcher, solve_all
from sata.search.run.setup import setup_of
from sata.search.run.workload import tasks_of
from sata.specs.text.faults import SpecError
from tests.search.tiny import ARCH, WORKLOAD

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    distributed = pytest.importorskip("distributed")
    before = {name: os.environ.get(name) for name in ("PYTHONPATH", "SATA_TEST_PIDS")}
    os.environ["PYTHONPATH"] = str(ROOT)  # of the workers
    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=2, processes=True, dashboard_address=None, host="127.0.0.1", silence_logs=50
    ) as found:
        yield found
    for name, value in before.items():
        os.environ.pop(name, None)
        os.environ.update({} if value is None else {name: value})


@pytest.fixture(scope="module")
def tasks() -> list[Task]:
    setting = setup_of(ARCH, WORKLOAD)
    return tasks_of(setting, setting.workload.ops, "energy", (), ragged=False)[0]


def test_the_same_answers_as_here(cluster: Any, tasks: list[Task]) -> None:
    heard: list[Progress] = []

    class Heard(Watcher):
        def news(self, number: int, news: Progress) -> None:
            heard.append(news)

    there = solve_all(tasks, Resources(cluster=cluster.scheduler_address, watch=Heard()))
    here = solve_all(tasks, Resources(1))
    assert [(a.points, a.proven, a.bound, a.counts) for a in there] == [
        (a.points, a.proven, a.bound, a.counts) for a in here
    ]
    assert {news.op for news in heard} <= {"a", "b"}
    assert heard


def _slow(task: Task, _say: Report, folder: str) -> Answer:
    Path(folder, str(os.getpid())).touch()
    time.sleep(0.5)
    return solve(task)


def _deadly(task: Task, _say: Report) -> Answer:
    if "m" in task.op.ranks:
        os.kill(os.getpid(), signal.SIGKILL)
    return solve(task)


def test_a_killed_worker_loses_nothing(cluster: Any, tasks: list[Task], tmp_path: Path) -> None:
    from functools import partial

    killed: list[int] = []

    def kill() -> None:
        for _ in range(500):
            found = [int(p.name) for p in tmp_path.iterdir()]
            if found:
                os.kill(found[0], signal.SIGKILL)
                killed.append(found[0])
                return
            time.sleep(0.02)

    thread = threading.Thread(target=kill)
    thread.start()
    answers = solve_all(tasks, Resources(cluster=cluster.scheduler_address), work=partial(_slow, folder=str(tmp_path)))
    thread.join()
    assert killed
    assert len(list(tmp_path.iterdir())) >= 2, "another worker did it"
    assert [a.points for a in answers] == [solve(task).points for task in tasks]


def test_a_task_that_kills_its_workers_is_reported(cluster: Any, tasks: list[Task]) -> None:
    with pytest.raises(SpecError, match=r"the search of 'b' ended its process 3 times: its workers were killed"):
        solve_all(tasks, Resources(cluster=cluster.scheduler_address), work=_deadly)


def _until_told(task: Task, say: Report) -> Answer:
    """Works until it is asked to stop."""
    until = time.monotonic() + 20
    while time.monotonic() < until:
        if say(Progress("x", 1, 1.0, 1.0)):
            return solve(task)
        time.sleep(0.1)
    raise AssertionError("nobody said stop")


@pytest.mark.skipif(sys.platform == "win32", reason="needs SIGINT")
def test_ctrl_c_reaches_the_workers(cluster: Any, tasks: list[Task]) -> None:
    timer = threading.Timer(1.5, os.kill, (os.getpid(), signal.SIGINT))
    timer.start()
    try:
        answers = solve_all(tasks, Resources(cluster=cluster.scheduler_address), work=_until_told)
    finally:
        timer.cancel()
    assert all(a.points for a in answers)


def test_the_command(cluster: Any, tmp_path: Path) -> None:
    for name, data in (("arch.yaml", ARCH), ("work.yaml", WORKLOAD)):
        (tmp_path / name).write_text(yaml.safe_dump(data))
    files = [str(tmp_path / n) for n in ("arch.yaml", "work.yaml")]
    outs = []
    for number, more in enumerate((["--scheduler", cluster.scheduler_address], ["--workers", "1"])):
        out = str(tmp_path / f"{number}.yaml")
        ran = CliRunner().invoke(main, ["map", *files, "--no-cache", "-o", out, *more])
        assert ran.exit_code == 0, ran.output
        outs.append(Path(out).read_bytes())
    assert outs[0] == outs[1]


# --- what is wrong --------------------------------------------------------------------------------------------------


def said(*arguments: str) -> str:
    ran = CliRunner().invoke(main, ["map", "arch/sata.yaml", "workloads/tiny_matmul.yaml", "--no-cache", *arguments])
    assert ran.exit_code == 2
    return ran.output


@pytest.mark.parametrize(
    "address", ["localhost:8786", "tcp://host", "tcp://:1", "tcp://a:99999", "http://a:1", "tcp://a:0", "x" * 200]
)
def test_no_address(address: str) -> None:
    assert said("--scheduler", address) == (
        f"--scheduler: '{address[:80]}' is not an address; such as tcp://10.0.0.1:8786, which dask-scheduler prints when it starts\n"
    )


def test_without_the_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "distributed", None)
    assert said("--scheduler", "tcp://127.0.0.1:1") == (
        "--scheduler: it needs the package 'distributed', which is not installed; pip install 'sata[cluster]'\n"
    )


def test_nobody_there(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("distributed")
    monkeypatch.setattr(module, "PATIENCE", 1.0)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # nobody listens
        address = f"tcp://127.0.0.1:{taken.getsockname()[1]}"
        start = time.monotonic()
        assert said("--scheduler", address) == (
            f"--scheduler: no scheduler answers at {address} within 1 s; is it running, and is the port open?\n"
        )
        assert time.monotonic() - start < 8


def test_no_workers(monkeypatch: pytest.MonkeyPatch) -> None:
    distributed = pytest.importorskip("distributed")
    monkeypatch.setattr(module, "FIRST_WORKER", 0.5)
    with distributed.LocalCluster(
        n_workers=0, processes=True, dashboard_address=None, host="127.0.0.1", silence_logs=50
    ) as empty:
        address = empty.scheduler_address
        assert said("--scheduler", address) == (
            f"--scheduler: the scheduler at {address} has no workers; start some: dask worker ADDRESS\n"
        )


def test_another_version(cluster: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "__version__", "9.9")
    assert "has sata" in said("--scheduler", cluster.scheduler_address)


def test_workers_are_the_clusters() -> None:
    assert "--scheduler has workers of its own" in " ".join(said("--scheduler", "tcp://a:1", "--workers", "2").split())


def test_a_scheduler_that_goes(tasks: list[Task], monkeypatch: pytest.MonkeyPatch) -> None:
    distributed = pytest.importorskip("distributed")
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    with distributed.LocalCluster(
        n_workers=1, processes=True, dashboard_address=None, host="127.0.0.1", silence_logs=50
    ) as short:
        timer = threading.Timer(1.5, short.close)
        timer.start()
        with pytest.raises(SpecError, match=r"^--scheduler: the scheduler at tcp://.* is gone; what has been found is"):
            solve_all(tasks, Resources(cluster=short.scheduler_address), work=_until_told)
        timer.join()
