"""`--memory`: what needs more is refused in a sentence, before it is taken where that can be told; a search gives its best."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from sata.search.engine.solve import BeamSearch
from sata.specs.text import memory
from tests.cli.test_access import DENSITY, TEXT
from tests.cli.test_commands import fails
from tests.cli.test_run import SMALL, invoke, ok

MIB = 1 << 20


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_half_of_what_is_free_is_the_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "free_bytes", lambda: 3 << 30)
    assert memory.default() == 3 << 29
    seen: list[int | None] = []
    monkeypatch.setattr("sata.evaluation.evaluate_prepared", lambda *_: seen.append(memory.allowed_bytes()))
    invoke("run", SMALL)
    invoke("run", SMALL, "--memory", "1 GiB")
    assert seen == [3 << 29, 1 << 30]
    assert memory.allowed_bytes() is None


def test_what_is_free_is_known_on_linux() -> None:
    if not Path("/proc/meminfo").exists():
        pytest.skip("another system")
    free = memory.free_bytes()
    assert free is not None
    assert 0 < free < 1 << 50


@pytest.mark.parametrize(("given", "says"), [
    ("5", "5' has no unit"), ("5 pJ", "is an energy"), ("1 MiB", "too little to do anything; at least 64 MiB"), ("-1 GiB", "-1 GiB"), ("x", "not a quantity"),
])  # fmt: skip
def test_sizes_that_are_none(given: str, says: str) -> None:
    done = invoke("run", SMALL, "--memory", given)
    assert done.exit_code == 2
    assert says in done.stderr


@pytest.mark.parametrize("command", ["run", "map"])
def test_a_recording_is_refused_before_it_is_read(command: str) -> None:
    np.savez_compressed("s.npz", s=np.zeros((4096, 8192)))
    text = TEXT.replace(DENSITY, "S: {kind: spike, density: {model: trace, file: s.npz}}, X")
    Path("s.yaml").write_text(text.replace("c: 4}", "c: 16777216}"))
    (line, *_) = fails(command, "s.yaml", "--memory", "100 MiB")
    assert "needs about" in line
    assert "more than the 100 MiB of --memory" in line
    assert line.startswith("s.yaml:")


def test_indices_that_are_walked_through_are_estimated() -> None:
    Path("s.yaml").write_text(
        "workload:\n  name: w\n  bits: {weight: 8, spike: 1, current: 16}\n  ops:\n  - name: a\n    action: accumulate\n"
        '    ranks: {p: 2000, r: 2000}\n    compute: "X[p] += W[r] * S[p+r]"\n'
        "    tensors: {W: {kind: weight}, S: {kind: spike}, X: {kind: current}}\n"
    )
    (line, *_) = fails("run", SMALL, "s.yaml", "--memory", "100 MiB")
    assert (
        "walking through the indices over p, r needs about 420 MiB of memory, more than the 100 MiB of --memory" in line
    )
    assert line.startswith("s.yaml:8:14:")


def test_what_nobody_estimates_is_a_sentence(tmp_path: Path) -> None:
    """The system stops it, in a process of its own."""
    code = (
        "import numpy as np, sata.evaluation, sys\nfrom sata.cli import main\n"
        "sata.evaluation.evaluate_prepared = lambda *_: np.ones(1 << 28).sum()\nmain(sys.argv[1:])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, "run", SMALL, "--memory", "200 MiB"], capture_output=True, text=True, check=False
    )
    if not Path("/proc/self/status").exists():
        pytest.skip("another system")
    assert (done.returncode, done.stdout) == (2, "")
    assert re.fullmatch(r"there is not enough memory for this; --memory raises the limit[^\n]*\n", done.stderr)


def test_a_search_that_has_no_room_gives_its_best(monkeypatch: pytest.MonkeyPatch) -> None:
    search = ["map", "arch/eyeriss.yaml", "workloads/tiny_matmul.yaml", "--no-cache", "--workers", "1"]
    whole = ok(*search)
    real, calls = BeamSearch.run, []

    def run(self: BeamSearch, *args: object, **more: object) -> float:
        calls.append(1)
        if len(calls) > 2:
            raise MemoryError
        return real(self, *args, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(BeamSearch, "run", run)
    done = invoke(*search, "-o", "m.yaml")
    assert done.exit_code == 0, done.output
    assert len(calls) > 2
    assert "1 search ended early, --memory has no room for more: what is given is the best so far" in done.stderr
    assert "proven optimal" in whole
    assert Path("m.yaml").read_text()


def test_a_search_of_several_processes_shares_the_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[int | None] = []
    monkeypatch.setattr(
        "sata.search.run.scheduler.ProcessPool", lambda work, number: seen.append(work.memory) or _Here(work)
    )
    ok("map", SMALL, "--no-cache", "--no-fuse", "--ops", "fc.[fw]*", "--workers", "2", "--memory", "1 GiB")
    assert seen == [512 * MIB]


def _Here(work: object) -> object:  # noqa: N802 - stands in for a class
    from sata.parallel.executors import InProcess

    return InProcess(work, lambda _event: False)  # type: ignore[arg-type]


def test_the_limit_ends_with_the_command() -> None:
    import resource

    before = resource.getrlimit(resource.RLIMIT_DATA)
    ok("run", SMALL, "--memory", "1 GiB")
    assert resource.getrlimit(resource.RLIMIT_DATA) == before
