"""Ctrl-C, SIGTERM and SIGKILL, sent to a real `sata map`."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

import sata

ROOT = Path(__file__).resolve().parents[2]
INPUTS = ("arch/sata.yaml", "workloads/one_conv.yaml")  # conv2.forward takes far longer than any test


def start(*arguments: str, cache: Path, **more: Any) -> subprocess.Popen[str]:
    env = {**os.environ, "PYTHONPATH": str(ROOT), "SATA_CACHE": str(cache)}
    return subprocess.Popen([sys.executable, "-m", "sata", "map", *INPUTS, "--no-fuse", *arguments], cwd=ROOT, env=env, text=True,
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True, **more)  # fmt: skip


def children(pid: int) -> list[int]:
    return [int(p) for p in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def busy(process: subprocess.Popen[str], seconds: float, child: bool = True) -> list[int]:
    """Wait until a worker (or the process) has computed for so long; its workers."""
    for _ in range(1200):
        found = children(process.pid) if child else [process.pid]
        for pid in found:
            ticks = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[11]
            if int(ticks) / os.sysconf("SC_CLK_TCK") >= seconds:
                return found
        assert process.poll() is None, process.communicate()
        time.sleep(0.05)
    raise AssertionError("it does not begin to work")


needs_proc = pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="looks into /proc")


@needs_proc
@pytest.mark.parametrize(
    ("workers", "whole_group", "ending"),
    [("1", True, signal.SIGINT), ("2", True, signal.SIGINT), ("2", False, signal.SIGINT), ("1", False, signal.SIGTERM),
     ("2", True, signal.SIGTERM)],
)  # fmt: skip
def test_ctrl_c_and_sigterm_give_the_best_so_far(
    tmp_path: Path, workers: str, whole_group: bool, ending: signal.Signals
) -> None:
    """Printed and written, exit code 130; what is written runs and costs what it says. What is done is told."""
    out, told = tmp_path / "best.yaml", tmp_path / "best.json"
    process = start("--workers", workers, "-o", str(out), "--json", str(told), cache=tmp_path / "cache")
    busy(process, 2.0, child=workers == "2")
    (os.killpg if whole_group else os.kill)(process.pid, ending)
    said, error = process.communicate(timeout=30)
    assert process.returncode == 130, error
    assert "Best mappings" in said
    assert error.endswith(
        "stopping: every op still gets a first mapping; press Ctrl-C again to end without\n"
        "interrupted: what is given is the best so far\n"
    )
    ops = {op["op"]: op for op in json.loads(told.read_text())["ops"]}
    assert not ops["conv2.forward"]["proven"]
    energy = sata.evaluate(*(str(ROOT / name) for name in INPUTS), str(out)).energy_pj(by=("op",))
    told_pj = {op: found["points"][0]["energy_pj"] for op, found in ops.items()}
    assert {op: energy[op,] for op in ops} == pytest.approx(told_pj, rel=1e-14)


@needs_proc
def test_nobody_works_on_when_the_first_is_killed(tmp_path: Path) -> None:
    process = start("--workers", "2", cache=tmp_path)
    workers = busy(process, 1.0)
    assert workers
    process.kill()
    process.communicate(timeout=10)
    for _ in range(200):
        if not any(_alive(pid) for pid in workers):
            return
        time.sleep(0.05)
    raise AssertionError("workers are still there")


def _alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False
