"""Progress: on standard error, in a terminal, when it takes longer than a second; and the tree of an architecture."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from sata.cli import progress as module
from sata.cli.progress import progress
from tests.cli.test_process import in_terminal, plain
from tests.cli.test_run import SMALL, invoke, ok


class Terminal(io.StringIO):
    """A stream that says it is a terminal of 80 columns."""

    def isatty(self) -> bool:
        return True

    def fileno(self) -> int:
        return -1


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    now = [0.0]
    monkeypatch.setattr(module.time, "monotonic", lambda: now[0])
    monkeypatch.setenv("TERM", "xterm")
    return now


def test_a_bar_appears_after_a_second_and_leaves_nothing(monkeypatch: pytest.MonkeyPatch, clock: list[float]) -> None:
    stream = Terminal()
    monkeypatch.setattr(module.sys, "stderr", stream)
    with progress("evaluating") as done:
        for step, at in enumerate((0.5, 0.9, 1.5, 1.51, 2.5), 1):
            clock[0] = at
            done(step, 5)
    drawn = stream.getvalue().split("\r")
    assert drawn[:3] == ["", f"evaluating [{'#' * 24}{'.' * 16}] 3 of 5, 2 s", f"evaluating [{'#' * 40}] 5 of 5, 2 s"]
    assert drawn[3:] == [" " * 79, ""]


def test_nothing_where_it_is_quick_or_nobody_looks(monkeypatch: pytest.MonkeyPatch, clock: list[float]) -> None:
    for stream, seconds in ((Terminal(), 0.3), (io.StringIO(), 30.0)):
        monkeypatch.setattr(module.sys, "stderr", stream)
        with progress("evaluating") as done:
            clock[0] += seconds
            done(1, 2)
        assert stream.getvalue() == ""


def test_narrow_terminals(monkeypatch: pytest.MonkeyPatch) -> None:
    for columns in (20, 30, 40, 80, 200):
        assert len(module._line("evaluating", 12, 24, 3.0, columns)) < columns


TREE = """\
small: 5 nodes, 100 MHz, libraries book
memory DRAM:  store, unlimited, 1 B/cycle
memory GLB:  buffer, 64 B, keeps weight, spike
array PEs:  x 4, multicast tile
  memory spad x 4:  spad, 16 B, keeps current, potential
  compute PE x 4:  pe, gate on spike
"""


def test_an_architecture_alone_is_a_tree(tmp_path: Path) -> None:
    text = Path(SMALL).read_text(encoding="utf-8")
    alone = tmp_path / "arch.yaml"
    alone.write_text(
        text[text.index("arch:") : text.index("workload:")] + text[text.index("library:") :], encoding="utf-8"
    )
    assert ok("show", str(alone)) == TREE
    assert ok("show", SMALL).startswith("fc.forward + fc.fire\n")
    assert invoke("show", str(alone), "--ops", "*").exit_code == 2


EVERYTHING = """\
arch:
  name: all
  nodes:
  - {memory: DRAM, class: dram, packed: false, width: 64 b, bandwidth: {read: 8 B/cycle, write: 4 B/cycle}}
  - memory: GLB
    class: sram
    size: 1 KiB
    bandwidth: {read: 8 B/cycle}
    shared_bandwidth: true
    keep: [weight, spike]
    format: {spike: [uncompressed, bitmask]}
    fit: 0.9
    skip: {weight: spike}
    gate: {spike: [weight, current]}
  - {array: PEs, shape: {x: 4}, lockstep: true, reduce: true}
  - {memory: REG, class: sram, size: 8 B, skip: {either: [weight, spike]}}
  - {compute: PE, class: pe, skip: [spike]}
"""


def test_a_tree_says_all_that_changes_costs(tmp_path: Path) -> None:
    """What zeros save, formats, and how they must fit."""
    source = tmp_path / "all.yaml"
    source.write_text(EVERYTHING, encoding="utf-8")
    lines = " ".join(line.strip() for line in ok("show", str(source)).splitlines())
    for words in (
        "dram, unlimited, 64 b wide, one element a word, reads 8 B/cycle, writes 4 B/cycle",
        "sram, 1 KiB, 8 B/cycle for both ways together, keeps weight, spike, stores spike as uncompressed, bitmask, fits 0.9 "
        "of the tiles, gate spike on weight and current, skip weight on spike",
        "x 4, multicast tile, reduces, lockstep",
        "sram, 8 B, skip weight or spike",
        "pe, skip on spike",
    ):
        assert words in lines


def test_ways_of_a_branch() -> None:
    lines = ok("show", "arch/sata.yaml").splitlines()
    assert lines[0] == "sata: 14 nodes, 32 nm, 400 MHz, libraries sata_32nm"
    assert "- array PEs:  x 128, multicast tile" in lines
    assert "- array PGUs:  x 128, multicast tile" in lines
    assert "    compute PGU x 128:  sata_pgu" in lines


@pytest.mark.parametrize("columns", [40, 100])
def test_nothing_is_wider_than_the_terminal(columns: int) -> None:
    out = in_terminal(columns, "show", "arch/sata.yaml")
    assert "\x1b[" in out
    assert max(map(len, plain(out).splitlines())) <= columns
    assert "\x1b[" not in in_terminal(columns, "show", "arch/sata.yaml", NO_COLOR="1")
