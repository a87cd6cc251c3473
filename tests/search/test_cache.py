"""Answers on disk: found by content alone, trusted in nothing that can be checked, safe when searches run at once."""

from __future__ import annotations

import copy
import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from click.testing import CliRunner

from sata.cli import main
from sata.search.answers.cache import Cache, default_folder
from sata.search.answers.codec import data_of, decoded
from sata.search.answers.fingerprint import REVISION, fingerprint_of, fingerprint_text
from sata.search.engine.solve import Answer, Task, solve
from sata.search.run.scheduler import Resources, Watcher, solve_all
from sata.search.run.setup import setup_of
from sata.search.run.workload import map_workload, tasks_of
from tests.search.tiny import ARCH, WORKLOAD

ROOT = Path(__file__).resolve().parents[2]


def task(arch: Any = ARCH, workload: Any = WORKLOAD, op: int = 1, **more: Any) -> Task:
    setting = setup_of(arch, workload)
    tasks, _ = tasks_of(setting, [setting.workload.ops[op]], "energy", (), ragged=False)
    return replace(tasks[0], **more)


def changed(data: Any, change: Callable[[Any], None]) -> Any:
    found = copy.deepcopy(data)
    change(found)
    return found


def _slow_spad(data: Any) -> None:
    data["arch"]["nodes"][3] |= {
        "keep": [], "may_keep": ["weight", "activation", "current"], "bandwidth": {"read": "4 b/cycle", "write": "4 b/cycle"},
    }  # fmt: skip


# a scratch-pad that saves energy and takes time: two points on the front
TRADE_ARCH = changed(ARCH, _slow_spad)
TRADE_WORKLOAD = changed(WORKLOAD, lambda d: d["workload"]["ops"][1]["ranks"].update(n=3, m=2, k=2))


@pytest.fixture(scope="module")
def answer() -> Answer:
    return solve(task())


def never(_task: Task, _say: Any) -> Answer:
    raise AssertionError("it should come from the cache")


def test_a_second_search_finds_the_first(tmp_path: Path) -> None:
    setting = setup_of(ARCH, WORKLOAD)
    tasks, _ = tasks_of(setting, setting.workload.ops, "energy", (), ragged=False)
    first = solve_all(tasks, Resources(1, Cache(tmp_path)))
    kept: list[bool] = []

    class Seen(Watcher):
        def done(self, number: int, answer: Answer, kept_: bool) -> None:
            kept.append(kept_)

    assert solve_all(tasks, Resources(1, Cache(tmp_path), watch=Seen()), work=never) == first
    assert kept == [True, True]


def test_a_pareto_front_comes_back_whole(tmp_path: Path) -> None:
    one = task(TRADE_ARCH, TRADE_WORKLOAD, objective="pareto")
    cache, found = Cache(tmp_path), solve(one)
    assert len(found.points) > 1
    cache.put(one, found)
    assert cache.get(one) == found


def test_names_and_places_do_not_matter() -> None:
    def other(data: Any) -> None:
        data["workload"]["name"] = "x"
        data["workload"]["ops"][1] |= {"name": "other", "stage": "backward"}

    assert fingerprint_text(task()) == fingerprint_text(task(workload=changed(WORKLOAD, other)))
    assert fingerprint_of(task()) == fingerprint_of(task(workload=changed(WORKLOAD, other)))
    assert fingerprint_of(task()) == fingerprint_of(
        task(workload="# moved\n\n" + yaml.safe_dump(WORKLOAD, sort_keys=False))
    )
    assert fingerprint_of(task()) == fingerprint_of(task(budget=3.0))


CHANGES: dict[str, Callable[[], Task]] = {
    "size": lambda: task(changed(ARCH, lambda d: d["arch"]["nodes"][1].update(size="512 B"))),
    "class": lambda: task(changed(ARCH, lambda d: d["arch"]["nodes"][1].update({"class": "regfile"}))),
    "clock": lambda: task(changed(ARCH, lambda d: d["arch"].update(clock="200 MHz"))),
    "bandwidth": lambda: task(changed(ARCH, lambda d: d["arch"]["nodes"][0]["bandwidth"].update(read="8 B/cycle"))),
    "lanes": lambda: task(changed(ARCH, lambda d: d["arch"]["nodes"][2]["shape"].update(x=8))),
    "bits": lambda: task(workload=changed(WORKLOAD, lambda d: d["workload"]["bits"].update(weight=4))),
    "rank": lambda: task(workload=changed(WORKLOAD, lambda d: d["workload"]["ops"][1]["ranks"].update(m=2))),
    "density": lambda: task(
        workload=changed(WORKLOAD, lambda d: d["workload"]["ops"][1]["tensors"]["A"].update(density=0.5))
    ),
    "objective": lambda: task(objective="edp"),
    "ragged": lambda: task(ragged=True),
    "constraints": lambda: replace(task(), constraints=replace(task().constraints, utilization=0.5)),
    "widths": lambda: task(widths=(10,)),
}


def test_whatever_the_answer_depends_on_matters(monkeypatch: pytest.MonkeyPatch) -> None:
    keys = [fingerprint_of(task()), *(fingerprint_of(make()) for make in CHANGES.values())]
    monkeypatch.setattr("sata.search.answers.fingerprint.REVISION", REVISION + 1)
    keys.append(fingerprint_of(task()))
    monkeypatch.setattr("sata.search.answers.fingerprint.__version__", "other")
    keys.append(fingerprint_of(task()))
    assert len(set(keys)) == len(CHANGES) + 3


def test_a_recorded_tensor_is_known_by_what_it_holds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    keys = []
    for value in (0, 1):
        np.savez("spikes.npz", a=np.full((4, 3), value, dtype=np.uint8))
        density = {"model": "trace", "file": "spikes.npz"}
        with_trace = changed(WORKLOAD, lambda d, m=density: d["workload"]["ops"][1]["tensors"]["A"].update(density=m))
        keys.append(fingerprint_of(task(workload=with_trace)))
    assert keys[0] != keys[1]


BREAKS: dict[str, Callable[[dict[str, Any]], Any]] = {
    "another energy": lambda d: d["answer"]["points"][0].update(energy_pj=np.nextafter(d["answer"]["points"][0]["energy_pj"], 0)),
    "other cycles": lambda d: d["answer"]["points"][0].update(cycles=1.0),
    "another loop": lambda d: d["answer"]["points"][0]["loops"][0].update(factor=7),
    "no such item": lambda d: d["answer"]["points"][0]["loops"][0].update(item=99),
    "no such rank": lambda d: d["answer"]["points"][0]["loops"][0].update(rank="zz"),
    "no loops": lambda d: d["answer"]["points"][0].update(loops=[]),
    "other keeps": lambda d: d["answer"]["points"][0].update(keeps={}),
    "no points": lambda d: d["answer"].update(points=[]),
    "two points": lambda d: d["answer"].update(points=d["answer"]["points"] * 2),
    "a bound above": lambda d: d["answer"].update(bound=d["answer"]["bound"] * 2),
    "another objective": lambda d: d["answer"].update(objective="cycles"),
    "cut short": lambda d: d["answer"].update(proven=False, interrupted=True),
    "a number as text": lambda d: d["answer"].update(seconds="1"),
    "a missing key": lambda d: d["answer"].pop("bound"),
    "a further key": lambda d: d["answer"].update(more=1),
    "a list": lambda d: d.update(answer=[]),
    "of another task": lambda d: d.update(key="0" * 64),
}  # fmt: skip


def file_of(folder: Path) -> Path:
    (found,) = folder.rglob("*.json")
    return found


@pytest.mark.parametrize("name", BREAKS)
def test_what_does_not_hold_is_not_used(name: str, answer: Answer, tmp_path: Path) -> None:
    cache, one = Cache(tmp_path), task()
    cache.put(one, answer)
    assert cache.get(one) == answer
    data = json.loads(file_of(tmp_path).read_text())
    BREAKS[name](data)
    file_of(tmp_path).write_text(json.dumps(data, default=float))
    assert cache.get(one) is None
    assert [a.points for a in solve_all([one], Resources(1, cache))] == [answer.points]
    assert cache.get(one) is not None, "what is broken is replaced"


@pytest.mark.parametrize("text", [b"", b"{", b"\xff\x00", b"[1]", b"null", b"[" * 100_000, b" " * (5 << 20)])
def test_broken_files_are_nothing(text: bytes, answer: Answer, tmp_path: Path) -> None:
    cache, one = Cache(tmp_path), task()
    cache.put(one, answer)
    file_of(tmp_path).write_bytes(text)
    assert cache.get(one) is None


def test_what_time_has_cut_short_is_not_kept(answer: Answer, tmp_path: Path) -> None:
    cache, one = Cache(tmp_path), task()
    for cut in (
        replace(answer, proven=False, interrupted=True),
        replace(answer, points=()),
    ):
        cache.put(one, cut)
    cache.put(replace(one, budget=1.0), replace(answer, proven=False, bound=0.0))
    assert not list(tmp_path.rglob("*.json"))


def test_the_oldest_go_first(answer: Answer, tmp_path: Path) -> None:
    tasks = [replace(task(), widths=(n,)) for n in range(1, 30)]
    size = len(json.dumps({"key": "0" * 64, "answer": data_of(answer)}))
    for at, one in enumerate(tasks):
        cache = Cache(tmp_path, most=10 * size)
        cache.put(one, answer)
        for path in tmp_path.rglob("*.json"):
            if path.stem == fingerprint_of(one):
                os.utime(path, (1e9 + at, 1e9 + at))
    left = {p.stem for p in tmp_path.rglob("*.json")}
    assert 8 <= len(left) <= 10
    assert left == {fingerprint_of(one) for one in tasks[-len(left) :]}


def test_a_folder_that_cannot_be_is_said_and_does_no_harm(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    cache = Cache(tmp_path / "file")
    setting = setup_of(ARCH, WORKLOAD)
    assert (
        map_workload(setting, how=Resources(1, cache)) == map_workload(setting, how=Resources(1, cache))
        or cache.trouble
    )
    assert cache.trouble.endswith("not a directory")


def test_where_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SATA_CACHE", "/x/y")
    assert default_folder() == Path("/x/y")
    monkeypatch.delenv("SATA_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", "/x")
    assert default_folder() == Path("/x/sata")
    monkeypatch.setenv("XDG_CACHE_HOME", "relative")  # to be ignored, says its specification
    assert default_folder() == Path.home() / ".cache" / "sata"


@pytest.mark.skipif(not hasattr(os, "geteuid"), reason="needs owners and modes")
@pytest.mark.parametrize("place", ["root", "answers", "part", "file"])
@pytest.mark.parametrize("mode", [0o020, 0o002])
def test_what_others_may_write_is_not_believed(tmp_path: Path, place: str, mode: int) -> None:
    """A file, or a folder in which one could be put: it is said, with what helps."""
    cache, one = Cache(tmp_path / "root"), task()
    cache.put(one, solve(one))
    assert cache.get(one) is not None
    path = next((tmp_path / "root").rglob("*.json"))
    where = {"root": tmp_path / "root", "answers": cache.folder, "part": path.parent, "file": path}[place]
    os.chmod(where, where.stat().st_mode | mode)
    assert cache.get(one) is None
    assert cache.trouble == f"answers in {where} are not believed: others may write there; chmod go-w would help"
    os.chmod(where, where.stat().st_mode & ~mode)
    assert cache.get(one) is not None


def test_folders_are_made_for_one_user(tmp_path: Path) -> None:
    """Whatever the umask is."""
    before = os.umask(0)
    try:
        Cache(tmp_path / "a").put(task(), solve(task()))
    finally:
        os.umask(before)
    assert Cache(tmp_path / "a").get(task()) is not None


def test_a_proof_from_the_cache_is_called_so_and_done_again_on_demand(tmp_path: Path) -> None:
    """A sound mapping that is not the best, called proven by someone: `--verify` does not ask there."""
    (tmp_path / "arch.yaml").write_text(yaml.safe_dump(TRADE_ARCH))
    (tmp_path / "work.yaml").write_text(yaml.safe_dump(TRADE_WORKLOAD))
    cache, setting = Cache(tmp_path / "cache"), setup_of(str(tmp_path / "arch.yaml"), str(tmp_path / "work.yaml"))
    tasks, _ = tasks_of(setting, setting.workload.ops[1:], "energy", (), ragged=False)
    incumbent = solve(tasks[0])
    poor = solve(replace(tasks[0], objective="pareto"))
    point = max(poor.points, key=lambda p: p.energy_pj)
    assert point.energy_pj > incumbent.points[0].energy_pj
    cache.put(tasks[0], replace(incumbent, points=(point,), bound=point.energy_pj))
    found = []
    for more in ([], ["--verify"], []):
        done = CliRunner().invoke(main, ["map", str(tmp_path / "arch.yaml"), str(tmp_path / "work.yaml"), "--ops", "b",
                                         "--workers", "1", *more], env={"SATA_CACHE": str(tmp_path / "cache")})  # fmt: skip
        found.append(next(line.split(None, 4)[-1] for line in done.output.splitlines() if line.startswith("b ")))
    assert found == ["proven (cache)", "proven (file order)", "proven (cache)"]
    kept = cache.get(tasks[0])
    assert kept is not None
    assert kept.points == incumbent.points


def test_answers_as_data(answer: Answer) -> None:
    assert decoded(Answer, json.loads(json.dumps(data_of(answer)))) == answer
    without = replace(answer, points=(), bound=float("inf"))
    assert decoded(Answer, json.loads(json.dumps(data_of(without), allow_nan=False))) == without


_CROWD = """
import json, sys
from dataclasses import replace
from pathlib import Path
from sata.search.answers.cache import Cache
from sata.search.engine.solve import solve
from tests.search.test_cache import task
one, cache = task(), Cache(sys.argv[1], most=10_000)
answer = solve(one)
tasks = [replace(one, widths=(n,)) for n in range(1, 25)]
seen = whole = 0
for turn in range(2):
    for t in tasks:
        for path in Path(sys.argv[1]).rglob("*.json"):
            try:
                text = path.read_bytes()
            except FileNotFoundError:
                continue
            assert json.loads(text)["answer"]
            whole += 1
        found = cache.get(t)
        assert found is None or found.points == answer.points
        seen += found is not None
        cache._written = 0  # look at how much there is every time
        cache.put(t, answer)
        assert not cache.trouble, cache.trouble
assert whole
print(seen)
"""


def test_searches_at_once(tmp_path: Path) -> None:
    """Three processes that read, write and remove the same files. Whatever is found is whole."""
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    crowd = [
        subprocess.Popen([sys.executable, "-c", _CROWD, str(tmp_path)], cwd=ROOT, env=env, text=True,
                         stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        for _ in range(3)
    ]  # fmt: skip
    said = [one.communicate(timeout=60) for one in crowd]
    assert [one.returncode for one in crowd] == [0, 0, 0], said
    assert sum(int(out) for out, _ in said) > 0
    assert not list(tmp_path.rglob("*.tmp"))
