"""Fault injection: each operation on files fails once, in every command that writes; what was there is whole, what is new is
whole, nothing is left behind, and what is said is a sentence. And SIGKILL at each of these operations once."""

from __future__ import annotations

import errno
import os
import re
import resource
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sata.sweep.journal import Journal
from sata.sweep.rows import Done, Job, done
from sata.sweep.run import sweep_points
from sata.sweep.spec import read_sweep
from tests.cli.test_run import SMALL, invoke
from tests.faults.inject import Points, failing
from tests.sweep.made import write

STUDY = Path(SMALL).read_text(encoding="utf-8")
FAST = ["--no-cache", "--workers", "1"]
COMMANDS: dict[str, tuple[list[str], list[str]]] = {
    "run": (["run", "s.yaml", "--json", "r.json", "--csv", "r.csv"], ["r.json", "r.csv"]),
    "html": (["run", "s.yaml", "--html", "r.html"], ["r.html"]),
    "plot": (["plot", "energy", "old.json", "-o", "r.svg"], ["r.svg"]),
    "map": (["map", "s.yaml", "--ops", "fc.weight", "--workers", "1", "-o", "m.yaml", "--json", "m.json"], ["m.yaml", "m.json"]),
    "shard": (["map", "s.yaml", "--ops", "fc.weight", *FAST, "--shard", "1/1", "-o", "p.json"], ["p.json"]),
    "merge": (["merge", "part.json", "-o", "m.yaml", "--json", "m.json"], ["m.yaml", "m.json"]),
    "sweep": (["sweep", "sweep.yaml", *FAST, "-o", "t.csv", "--pareto", "front.csv"], ["t.csv", "front.csv"]),
    "compare": (["compare", "old.json", "old.json", "--json", "c.json"], ["c.json"]),
    "price": (["price", "s.yaml", "--json", "x.json"], ["x.json"]),
    "export": (["export", "accelergy", "s.yaml", "--ert", "ert.yaml", "--art", "art.yaml"], ["ert.yaml", "art.yaml"]),
    "copy": (["list", "arch/eyeriss.yaml", "--copy", "new"], []),
}  # fmt: skip


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """The files that commands read."""
    folder = tmp_path_factory.mktemp("made")
    before = Path.cwd()
    os.chdir(folder)
    Path("s.yaml").write_text(STUDY)
    Path("sweep.yaml").write_text("sweep: {arch: s.yaml, grid: {steps: [1, 2]}}")
    assert invoke("run", "s.yaml", "--json", "old.json").exit_code == 0
    assert invoke("map", "s.yaml", "--ops", "fc.weight", *FAST, "--shard", "1/1", "-o", "part.json").exit_code == 0
    os.chdir(before)
    return {p.name: p.read_bytes() for p in folder.iterdir()}


def fill(folder: Path, made: dict[str, bytes], targets: list[str]) -> None:
    folder.mkdir()
    (folder / "new").mkdir()
    for name, content in made.items():
        (folder / name).write_bytes(content)
    for name in targets:
        (folder / name).write_text("old")


def contents(folder: Path) -> dict[str, bytes]:
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


@pytest.fixture
def cheap(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pictures and pages cost time; here only their files matter."""
    monkeypatch.setattr("sata.report.html.result_page", lambda *_: "a page")
    monkeypatch.setattr("sata.report.pictures.style.render", lambda *_: b"a picture")


def same(name: str, content: bytes, reference: bytes) -> bool:
    """But for the time of a search, and whether its proof was in the cache already."""

    def still(text: bytes) -> bytes:
        text = re.sub(rb'("seconds": |in )[\d.e+-]+', b"", text)
        return re.sub(rb"proven optimal \([\w ]+\)|\"cached\": (?:true|false)", b"", text)

    return still(content) == still(reference)


@pytest.mark.usefixtures("cheap")
@pytest.mark.parametrize("name", COMMANDS)
def test_each_operation_fails_once(
    name: str, made: dict[str, bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    args, targets = COMMANDS[name]

    def run(folder: Path, points: Points | None = None) -> tuple[Any, dict[str, bytes]]:
        fill(folder, made, targets)
        monkeypatch.chdir(folder)
        monkeypatch.setenv("SATA_CACHE", str(folder / "cache"))
        with failing(points or Points(folder)) as counted:
            result = invoke(*args)
        counted.at = None
        return result, contents(folder)

    counted = Points(tmp_path / "whole")
    result, whole = run(tmp_path / "whole", counted)
    assert result.exit_code == 0, result.output
    number = len(counted.seen)
    assert {"replace", "fsync", "write"} <= set(counted.seen), counted.seen
    for at in range(1, number + 1):
        folder = tmp_path / str(at)
        points = Points(folder, at, (errno.ENOSPC, errno.EIO, errno.EACCES)[at % 3])
        result, found = run(folder, points)
        where = f"{name}, operation {at}: {points.seen[-1]}"
        assert result.exit_code in (0, 2), (where, result.output)
        assert "Traceback" not in result.output
        assert result.exit_code == 0 or result.stderr.strip(), where
        for target in targets:
            fresh = same(target, found[target], whole[target])
            assert fresh or (found[target] == b"old" and result.exit_code == 2), where
        for file, content in made.items():
            assert found[file] == content, (where, file)
        others = set(found) - set(whole)
        assert {f for f in others if not f.startswith("cache/")} <= {"t.csv.journal"}, (where, others)
        assert all(same(f, found[f], whole[f]) for f in found if f.startswith("new/")), where
        if name == "sweep":  # what was finished is known, and the same command goes on
            again = invoke(*args)
            assert again.exit_code == 0, (where, again.output)
            assert {t: Path(t).read_bytes() for t in targets} == {t: whole[t] for t in targets}, where


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.parametrize("name", ["sweep", "map", "run"])
def test_killed_at_each_operation_once(
    name: str, made: dict[str, bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    args, targets = COMMANDS[name]
    counted = Points(tmp_path / "whole")
    fill(tmp_path / "whole", made, targets)
    monkeypatch.chdir(tmp_path / "whole")
    monkeypatch.setenv("SATA_CACHE", str(tmp_path / "whole" / "cache"))
    with failing(counted):
        assert invoke(*args).exit_code == 0
    whole = contents(tmp_path / "whole")
    for at in range(1, len(counted.seen) + 1):
        folder = tmp_path / str(at)
        fill(folder, made, targets)
        monkeypatch.chdir(folder)
        monkeypatch.setenv("SATA_CACHE", str(folder / "cache"))
        child = os.fork()
        if not child:
            with failing(Points(folder, at, kill=True)):
                invoke(*args)
            os._exit(0)
        _, status = os.waitpid(child, 0)
        where = f"{name}, killed at operation {at}: {counted.seen[at - 1]}"
        assert os.WIFSIGNALED(status), where
        assert os.WTERMSIG(status) == signal.SIGKILL, where
        found = contents(folder)
        for target in targets:
            assert found[target] == b"old" or same(target, found[target], whole[target]), where
        again = invoke(*args)
        assert again.exit_code == 0, (where, again.output)
        assert all(same(t, Path(t).read_bytes(), whole[t]) for t in targets), where


def test_a_worker_is_killed_at_each_point_once(tmp_path: Path) -> None:
    path = write(tmp_path, mapping="mapping.yaml", grid={"glb": [64, 128], "lanes": [4, 8]})
    whole = sweep_points(read_sweep(str(path)), Journal(None), 1)
    for point in range(1, 5):
        flag = tmp_path / f"killed{point}"
        found = sweep_points(read_sweep(str(path)), Journal(tmp_path / f"j{point}"), 2, work=_Killed(point, flag))
        assert flag.exists()
        assert found.rows == whole.rows
        assert len(Journal(tmp_path / f"j{point}").read()) == 4


class _Killed:
    """Kills its process at one point, once."""

    def __init__(self, point: int, flag: Path) -> None:
        self.point, self.flag = point, flag

    def __call__(self, job: Job, say: Callable[[Any], bool]) -> Done:
        if job.point.number == self.point and not self.flag.exists():
            self.flag.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return done(job, say)


@pytest.mark.parametrize("size", [0, 100, 5000])
def test_a_disk_that_is_full(size: int, made: dict[str, bytes], tmp_path: Path) -> None:
    """Real writes fail behind so many bytes of a file."""
    folder = tmp_path / "f"
    fill(folder, made, ["r.json", "t.csv"])
    code = (
        "import resource, signal, sys\nsignal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        f"resource.setrlimit(resource.RLIMIT_FSIZE, ({size}, resource.RLIM_INFINITY))\n"
        "from sata.cli import main\nmain(sys.argv[1:])"
    )
    for args, target in (
        (["run", "s.yaml", "--json", "r.json"], "r.json"),
        (["sweep", "sweep.yaml", *FAST, "-o", "t.csv"], "t.csv"),
    ):
        done = subprocess.run(
            [sys.executable, "-c", code, *args], capture_output=True, text=True, cwd=folder, check=False
        )
        assert done.returncode in (0, 2), done.stderr
        if done.returncode == 2:
            assert "file too large" in done.stderr
            assert (folder / target).read_bytes() == b"old"
        else:
            assert (folder / target).read_bytes() != b"old"
    assert not [p for p in folder.iterdir() if p.name.endswith(".tmp")]
    assert resource.getrlimit(resource.RLIMIT_FSIZE)[0] == resource.RLIM_INFINITY
