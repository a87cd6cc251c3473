"""How a search goes: what the lines say, that they move in a terminal, and that one every ten seconds is said elsewhere."""

from __future__ import annotations

import math
import re
from typing import Any

import pytest

from sata.cli.watch import MOST_LINES, ProgressDisplay
from sata.search.engine.solve import Answer
from sata.search.run.scheduler import Progress
from tests.cli.test_process import in_terminal, plain, run


def answer(proven: bool, generated: int = 1000) -> Answer:
    return Answer("x", "energy", (), proven, 0.0, 1, 1.0, False, counts={"generated": generated})


class Task:
    """As much of a task as is shown."""

    def __init__(self, name: str) -> None:
        self.op = type("Op", (), {"name": name})()


@pytest.fixture
def shown(monkeypatch: pytest.MonkeyPatch) -> ProgressDisplay:
    monkeypatch.setattr("sata.cli.watch.time.monotonic", lambda: 100.0)
    return ProgressDisplay(10)


def begin(shown: ProgressDisplay, number: int, name: str) -> None:
    task: Any = Task(name)
    shown.begun(number, task)


def test_what_is_known_of_each(shown: ProgressDisplay) -> None:
    begin(shown, 3, "a")
    begin(shown, 4, "b")
    begin(shown, 5, "c")
    shown.news(4, Progress("b", 2_000_000, math.inf, 0.0))
    shown.news(5, Progress("c", 500_000, 1.05e9, 1e9))
    shown.done(0, answer(True), False)
    shown.done(1, answer(False), False)
    shown.done(2, answer(True), True)
    assert shown.lines(105.0) == [
        "3 of 10 searches done, 2 proven, 1 from the cache, 2,502,000 labels, 500,400/s, 5 s",
        "  a: 5 s",
        "  b: 2,000,000 labels, 5 s, nothing found yet",
        "  c: 500,000 labels, 5 s, best 1.05e+09, bound 1e+09, gap 5.00%",
    ]


def test_time_that_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sata.cli.watch.time.monotonic", lambda: 100.0)
    assert ProgressDisplay(4, 60.0).lines(112.0)[0].endswith("48 s left of 60 s")
    assert ProgressDisplay(4, 60.0).lines(170.0)[0].endswith("0 s left of 60 s")
    guessed = ProgressDisplay(8)
    guessed.done(0, answer(True), False)
    assert guessed.lines(110.0)[0].endswith(", 10 s"), "too early to tell"
    guessed.done(1, answer(True), False)
    assert guessed.lines(110.0)[0].endswith(", 10 s, about 30 s left")


def test_many_are_cut(shown: ProgressDisplay) -> None:
    for n in range(20):
        begin(shown, n, f"op{n}")
    lines = shown.lines(101.0)
    assert len(lines) == MOST_LINES + 2
    assert lines[-1] == "  and 12 more"


def test_a_killed_worker_and_an_end(shown: ProgressDisplay) -> None:
    begin(shown, 0, "a")
    shown.lost(0, "killed by SIGKILL")
    shown.stopping()
    assert shown.killed == 1
    assert shown.lines(101.0) == ["0 of 10 searches done, 0 proven, 0 labels, 0/s, 1 s, stopping"]


@pytest.mark.parametrize("workers", ["1", "2"])
def test_in_a_terminal(workers: str) -> None:
    """Best, bound and gap come out of the workers too, and nothing is left on the screen."""
    out = in_terminal(
        100,
        "map",
        "arch/sata.yaml",
        "workloads/one_conv.yaml",
        "--budget",
        "10s",
        "--no-cache",
        "--no-fuse",
        "--workers",
        workers,
    )
    text = plain(re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", out))
    assert re.search(r"\d of 2 searches done, \d proven, [\d,]+ labels, [\d,]+/s, \d s left of 10 s", text)
    rows = re.findall(r"conv2\.(\w+): ([\d,]+) labels, \d+ s, best ([\d.e+]+), bound ([\d.e+]+), gap", text)
    assert rows
    assert all(float(bound) < float(best) for _, _, best, bound in rows)
    for op in ("fire", "forward"):
        looked = [int(row[1].replace(",", "")) for row in rows if row[0] == op]
        assert looked == sorted(looked)
    assert max(map(len, text.splitlines())) <= 100
    assert "\x1b[2K" in out, "lines are taken away again"


def test_no_drawing_elsewhere() -> None:
    done = run("map", "arch/sata.yaml", "workloads/one_conv.yaml", "--budget", "2s", "--no-cache")
    assert done.returncode == 0
    assert all(re.match(r"\d of 1 searches done, .* left of 2 s", line) for line in done.stderr.splitlines())


def test_a_line_now_and_then_elsewhere(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Where there is no terminal: one line every ten seconds, of all and of the task with the largest gap."""
    clock = [100.0]
    monkeypatch.setattr("sata.cli.watch.time.monotonic", lambda: clock[0])
    shown = ProgressDisplay(2, 60.0)
    begin(shown, 0, "a")
    begin(shown, 1, "b")
    shown.news(0, Progress("a", 1000, 110.0, 100.0))
    shown.news(1, Progress("b", 500, 300.0, 200.0))
    for clock[0] in (105.0, 109.9, 110.0, 111.0, 119.0, 120.5):
        shown.waited()
    assert capsys.readouterr().err.splitlines() == [
        "0 of 2 searches done, 0 proven, 1,500 labels, 150/s, 50 s left of 60 s; "
        "b: 500 labels, 10 s, best 300, bound 200, gap 50.00%",
        "0 of 2 searches done, 0 proven, 1,500 labels, 73/s, 40 s left of 60 s; "
        "b: 500 labels, 20 s, best 300, bound 200, gap 50.00%",
    ]
    shown.stopping()
    assert capsys.readouterr().err == (
        "stopping: every op still gets a first mapping; press Ctrl-C again to end without\n"
    )
