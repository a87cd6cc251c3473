"""A fused nest as text, word by word, and as a picture."""

from __future__ import annotations

import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from sata.evaluation import prepare
from sata.report.pictures.nest import nest_svg
from sata.report.text import block_lines
from tests.cli.test_run import SMALL, ok

FUSED = """\
fc.forward + fc.fire
fc.forward:  X[t,k] += W[k,c] * S[t,c]
  stage    forward
  ranks    t 2, k 6, c 4
  tensors  W weight, S spike 0.25, X current
fc.fire:  U[k], S'[t,k] = lif(X[t,k])
  stage    forward, t ascending
  ranks    t 2, k 6
  tensors  X current, U potential, S' spike

memory DRAM: W 24 B, S 1 B, S' 12 b = 212 b
memory GLB: W 24 B, S 1 B, S' 12 b = 212 b of 64 B (41.4%)
for k in 2 step 4 (imperfect: 6 of 8)
  array PEs: x = k 4 (4 of 4), multicast tile
    memory spad: X 4 B, U 1 B = 5 B of 16 B (31.2%)
    split
    - fc.forward
      for t in 2
        for c in 4
          compute PE: accumulate, gate on spike
    - fc.fire
      for t in 2
        compute PE: fire
"""
RULES = """\
arch:
  name: rules
  libraries: [relative]
  nodes:
  - {memory: DRAM, class: dram}
  - {array: PEs, shape: {x: 4, y: 2}, multicast: element, reduce: true}
  - {memory: spad, class: regfile, size: 64 B, buffers: 2, skip: {weight: [spike]}}
  - {compute: PE, class: mac, skip: [spike]}
workload:
  bits: {weight: 8, spike: 1, current: 16}
  ops:
  - name: fc.forward
    action: accumulate
    ranks: {k: 3, c: 4}
    compute: "X[k] += W[k,c] * S[c]"
    tensors: {W: {kind: weight}, S: {kind: spike, density: 0.25}, X: {kind: current}}
mapping:
- ops: "*"
  nest: [{memory: DRAM}, {array: PEs, x: k 4, y: c 2}, {memory: spad}, {for: c *}, {compute: PE}]
"""


def svg(pattern: str) -> str:
    prepared = prepare(SMALL, ops=pattern)
    return nest_svg(prepared.program.groups[0], prepared.graphs[0])


def test_a_fused_nest() -> None:
    assert ok("show", SMALL, "--ops", "fc.fire") == FUSED


def test_arrays_rules_and_buffers(tmp_path: Path) -> None:
    (tmp_path / "r.yaml").write_text(RULES)
    assert ok("show", str(tmp_path / "r.yaml")).split("\n\n")[1] == (
        "memory DRAM: W 12 B, S 4 b, X 6 B = 148 b\n"
        "array PEs: x = k 3 (3 of 4), y = c 2 (2 of 2), multicast element, reduce\n"
        "  memory spad: W 2 B, S 2 b, X 2 B = 34 b of 32 B (13.3%, 2 buffers); skip\n"
        "    weight on spike\n"
        "  for c in 2\n"
        "    compute PE: accumulate, skip on spike\n"
    )


def test_deep_nests_wrap() -> None:
    from sata.report.text import Lines

    line = "    " * 5 + "memory GLB: W 24 B, S 1 B, S' 12 b = 212 b of 64 B (41.4%)"
    assert all(len(found) <= 60 for found in block_lines(Lines("", (line,)), 60))


def test_the_picture_holds_every_node_and_tensor() -> None:
    text = svg("fc.fire")
    words = [element.text for element in ET.fromstring(text).iter("{http://www.w3.org/2000/svg}text")]
    for word in ("fc.forward + fc.fire", "DRAM", "GLB", "spad", "for k in 2 step 4", "array PEs (x: k 4)", "for t in 2",
                 "for c in 4", "PE: accumulate", "PE: fire", "W (weight)", "S' (spike)", "U (potential)"):  # fmt: skip
        assert word in words
    assert words.count("for t in 2") == 2  # one in each way of the split


@pytest.mark.parametrize("pattern", ["fc.fire", "fc.weight"])
def test_same_picture_same_bytes(pattern: str) -> None:
    code = f"from tests.report.test_nest import svg; print(svg({pattern!r}), end='')"
    root = Path(__file__).resolve().parents[2]
    other = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=root).stdout
    assert svg(pattern) == svg(pattern) == other
    assert "<dc:date>" not in other
