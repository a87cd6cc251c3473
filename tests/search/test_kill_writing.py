"""SIGKILL while files are written, at many random moments: each is the old or the new one, whole."""

from __future__ import annotations

import multiprocessing
import os
import random
import signal
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from sata.api.search import MapResult
from sata.cli.output import write, write_bytes
from sata.report.files import json_text
from sata.search.run.setup import setup_of
from sata.search.run.workload import map_workload
from sata.sweep.rows import Done
from sata.sweep.spec import Sweep, SweepPoint
from sata.sweep.table import sweep_table, table_bytes
from tests.search.tiny import ARCH, WORKLOAD

KILLS = 80
NAMES = ("best.yaml", "best.json", "table.csv")
Files = tuple[Mapping[str | None, str], bytes]  # what `sata map` writes, the table of `sata sweep`


def put(files: Files) -> None:
    texts, sweep = files
    write({name: lambda text=text: text for name, text in texts.items()})  # type: ignore[misc]
    write_bytes({"table.csv": sweep})


def _writes(folder: Path, both: list[Files]) -> None:
    """Writes one set of files, then the other, until it is killed."""
    os.chdir(folder)
    while True:
        put(both[0])
        put(both[1])


@pytest.fixture(scope="module")
def both() -> list[Files]:
    """Two sets of files of some 100 kB each, as a search and a sweep make them."""
    setting = setup_of(ARCH, WORKLOAD)
    found = map_workload(setting, ops="b", workers=1)["b"]
    sweep = Sweep("s", tuple(SweepPoint(n, {"v": n}, {}, {}) for n in range(1, 2000)), ("v",))
    made = []
    for name, value in (("x", 1), ("y", 2)):
        answers = {f"{name}{n}": replace(found, op=f"{name}{n}") for n in range(300)}
        result = MapResult(answers, setting.arch, "w")
        texts: dict[str | None, str] = {"best.yaml": result.to_yaml(), "best.json": json_text(result.to_dict())}
        done = {p.number: Done({"status": "ok", "energy_pj": value, "cycles": value}, {}) for p in sweep.points}
        made.append((texts, table_bytes(sweep_table(sweep, done), "csv")))
    return made


@pytest.mark.skipif("fork" not in multiprocessing.get_all_start_methods(), reason="needs fork")
def test_old_or_new(both: list[Files], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    whole: dict[str, set[bytes]] = {name: set() for name in NAMES}
    for files in both:
        put(files)
        for name in NAMES:
            whole[name].add(Path(name).read_bytes())
    assert all(len(contents) == 2 and min(map(len, contents)) > 40_000 for contents in whole.values())
    context, generator = multiprocessing.get_context("fork"), random.Random(5)
    caught = 0
    for _ in range(KILLS):
        process = context.Process(target=_writes, args=(tmp_path, both), daemon=True)
        process.start()
        time.sleep(0.005 + generator.random() * 0.02)
        assert process.pid is not None
        os.kill(process.pid, signal.SIGKILL)
        process.join()
        for name in NAMES:
            assert Path(name).read_bytes() in whole[name], name
        left = [p for p in tmp_path.iterdir() if p.name not in NAMES]
        assert all(p.name.startswith(".") and p.name.endswith(".tmp") for p in left)
        caught += bool(left)
        for path in left:
            path.unlink()
    assert caught > KILLS / 8, "too few were caught in the middle"
