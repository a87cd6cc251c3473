"""What `--explain-sparsity` says, against runs with one rule at a time."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import sata
from sata.evaluation import explain_sparsity
from sata.report.sparsity_text import sparsity_blocks
from sata.report.text import plain

TEXT = """
library:
  name: ones
  source: made up
  components:
  - {class: memory, energy: {read: 2 pJ, write: 1 pJ}}
  - {class: pe, energy: {accumulate: 5 pJ, gated_accumulate: 1 pJ}}
arch:
  name: two_levels
  libraries: [ones]
  nodes:
  - {memory: DRAM, class: memory}
  - {memory: GLB, class: memory%s}
  - {memory: spad, class: memory, keep: [weight]%s}
  - {compute: PE, class: pe%s}
workload:
  name: one
  bits: {weight: 8, spike: 1, current: 8}
  ops:
  - name: l.forward
    action: accumulate
    ranks: {t: 4, k: 4, c: 8}
    compute: "X[t,k] += W[k,c] * S[t,c]"
    tensors:
      W: {kind: weight, density: 0.5}
      S: {kind: spike, density: 0.25}
      X: {kind: current}
mapping:
- ops: "*"
  nest:
  - memory: DRAM
  - memory: GLB
  - for: t *, k 2
  - for: c 4
  - memory: spad
  - for: k *, c *
  - compute: PE
"""
GLB, SPAD, PE = ", skip: {weight: spike}", ", gate: {weight: [spike, weight]}", ", gate: [spike]"


def spent(*rules: str) -> tuple[float, float]:
    result = sata.evaluate(TEXT % rules)
    return sum(r["energy_pj"] for r in result.records), result.ops[0]["cycles"]


def test_each_rule_alone_and_all_together() -> None:
    rows = explain_sparsity(TEXT % (GLB, SPAD, PE))
    assert [r["rule"] for r in rows] == [
        "GLB: skip W by S", "spad: gate W by W, S", "PE: gate by S", "all rules",
    ]  # fmt: skip
    none, cycles = spent("", "", "")
    for row, rules in zip(rows, [(GLB, "", ""), ("", SPAD, ""), ("", "", PE), (GLB, SPAD, PE)], strict=True):
        energy, taken = spent(*rules)
        assert row["energy_pj"] == pytest.approx(none - energy)
        assert row["cycles"] == pytest.approx(cycles - taken)
    assert rows[0]["tile"] == "S[1,2]" and rows[1]["tile"] == "W[1,1]; S[1,1]" and rows[2]["tile"] == "one S"
    assert [r["empty"] is None for r in rows] == [False, False, True, True]


def test_shares_and_counts_by_hand() -> None:
    """8 of 32 spikes: a tile of 2 is empty with the chance 24*23 / (32*31)."""
    empty = 24 * 23 / (32 * 31)
    glb, spad, pe, _ = explain_sparsity(TEXT % (GLB, SPAD, PE))
    assert glb["empty"] == pytest.approx(empty)
    assert glb["computes"] == pytest.approx(128 * empty)
    # reads at GLB, fills of spad, and spad's reads: each weight of a step once
    assert glb["accesses"] == pytest.approx((128 + 128 + 128) * empty)
    assert spad["empty"] == pytest.approx(1 - 0.5 * 0.25)
    assert pe["computes"] == pytest.approx(128 * 0.75) and pe["accesses"] == 0
    assert pe["energy_pj"] == pytest.approx(128 * 0.75 * 4)
    assert glb["models"] == {"S": "uniform, density 0.25"}


def test_nothing_to_explain() -> None:
    assert explain_sparsity(TEXT % ("", "", "")) == []


def told(text: str) -> str:
    return plain(list(sparsity_blocks(explain_sparsity(text))), 200)


def test_what_it_rests_on_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing where no rule acts; how several leaders are counted, from densities and from recordings."""
    assert "nothing: no rule of the architecture acts in these ops" in told(TEXT % ("", "", ""))
    two = told(TEXT % ("", SPAD, ""))
    assert "several leaders: independent of each other within a time step" in two
    assert "uniform: zeros lie anywhere" in two
    monkeypatch.chdir(tmp_path)
    draw = np.random.default_rng(1)
    np.savez("t.npz", W=draw.random((4, 8)) < 0.5, S=draw.random((4, 8)) < 0.25)
    text = TEXT % ("", SPAD, "")
    for name, density in (("W", "0.5"), ("S", "0.25")):
        text = text.replace(f"density: {density}", f"density: {{model: trace, file: t.npz, array: {name}}}")
    traced = told(text)
    assert "several leaders: counted together, from their traces" in traced
    assert "uniform" not in traced
