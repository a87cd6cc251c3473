"""Outcomes against a walk over all points with random tensors, and the law that they sum to the dense count."""

from __future__ import annotations

import itertools
import random
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import sata
from sata.counts.sparse.outcomes import Left, split

LIBRARY = """
library:
  name: ones
  source: made up, one of everything
  components:
  - {class: memory, energy: {read: 1 pJ, write: 1 pJ}, area: 0 um2, leakage: 0 mW}
  - {class: pe, energy: {accumulate: 1 pJ, gated_accumulate: 0.25 pJ}, area: 0 um2, leakage: 0 mW}
"""


def arch(compute: str = "", spad: str = "") -> str:
    return f"""{LIBRARY}
arch:
  name: small
  libraries: [ones]
  nodes:
  - {{memory: DRAM, class: memory}}
  - {{array: PEs, shape: {{x: 4}}, multicast: tile, reduce: true}}
  - {{memory: spad, class: memory{spad}}}
  - {{compute: PE, class: pe{compute}}}
"""


def workload(spikes: Any = 0.25, gradients: Any = 0.5) -> str:
    return f"""
workload:
  name: one
  timesteps: 3
  bits: {{weight: 8, spike: 1, current: 8, potential_gradient: 8}}
  ops:
  - name: l.forward
    action: accumulate
    ranks: {{t: 3, k: 2, p: 4, r: 3}}
    compute: "X[t,k,p] += W[k,r] * S[t,p+r-1] * D[t,k]"
    tensors:
      W: {{kind: weight}}
      S: {{kind: spike, shape: [3, 4], density: {spikes}}}
      D: {{kind: potential_gradient, density: {gradients}}}
      X: {{kind: current}}
"""


MAPPING = """
mapping:
- ops: "l.forward"
  nest:
  - memory: DRAM
  - for: t *
  - {array: PEs, x: k 2}
  - memory: spad
  - for: p *, r *
  - compute: PE
"""


def densities(given: Any) -> list[float]:
    return given if isinstance(given, list) else [given] * 3


def expected_points(spikes: Any, gradients: Any, use_spike: bool, use_gradient: bool) -> float:
    """By walking: each point counts with the chance that all its operands are non-zero; padding is a zero."""
    total = 0.0
    for t, _k, p, r in itertools.product(range(3), range(2), range(4), range(3)):
        inside = 0 <= p + r - 1 < 4
        chance = densities(gradients)[t] if use_gradient else 1.0
        if use_spike:
            chance *= densities(spikes)[t] if inside else 0.0
        total += chance
    return total


@pytest.mark.parametrize("spikes", [0.25, 1, 0, [0.1, 0.5, 0.9]])
@pytest.mark.parametrize("gradients", [0.5, [0.9, 0.4, 0.0]])
@pytest.mark.parametrize("rule", ["gate", "skip"])
@pytest.mark.parametrize("kinds", [("spike",), ("potential_gradient",), ("spike", "potential_gradient")])
def test_zeros_at_the_compute(spikes: Any, gradients: Any, rule: str, kinds: tuple[str, ...]) -> None:
    result = sata.evaluate(arch(f", {rule}: [{', '.join(kinds)}]"), workload(spikes, gradients), MAPPING)
    op = result.ops[0]
    expected = expected_points(spikes, gradients, "spike" in kinds, "potential_gradient" in kinds)
    assert op["actual"] == pytest.approx(expected, rel=1e-12, abs=1e-12)
    assert op["actual"] + op["gated"] + op["skipped"] == op["computes"] == 72
    assert op["gated" if rule == "skip" else "skipped"] == 0


def test_skips_shorten_time_and_gates_do_not() -> None:
    dense = sata.evaluate(arch(), workload(), MAPPING).cycles
    assert sata.evaluate(arch(", gate: [spike]"), workload(), MAPPING).cycles == dense == 36
    assert sata.evaluate(arch(", skip: [spike]"), workload(), MAPPING).cycles == pytest.approx(36 * 60 / 72 * 0.25)


def test_a_skip_wins_over_a_gate() -> None:
    op = sata.evaluate(arch(", skip: [spike], gate: [potential_gradient]"), workload(), MAPPING).ops[0]
    assert op["skipped"] == pytest.approx(72 - 60 * 0.25)
    assert op["gated"] == pytest.approx(60 * 0.25 * 0.5)


def test_gated_operations_cost_what_the_class_says() -> None:
    result = sata.evaluate(arch(", gate: [spike]"), workload(), MAPPING)
    energy = result.energy_pj(by=("component", "outcome"))
    assert energy["PE", "actual"] == pytest.approx(15.0)
    assert energy["PE", "gated"] == pytest.approx((72 - 15) * 0.25)


@pytest.mark.parametrize("rule", ["gate", "skip"])
def test_a_rule_at_the_memory_next_to_the_compute(rule: str) -> None:
    """`skip: {weight: spike}`: a zero spike saves the read of the weight, and the operation; other tensors move as
    before.
    """
    result = sata.evaluate(arch(spad=f", {rule}: {{weight: spike}}"), workload(), MAPPING)
    saved = "skipped" if rule == "skip" else "gated"
    reads = {
        (r["tensor"], r["outcome"]): r["count"]
        for r in result.records
        if (r["component"], r["action"]) == ("spad", "read")
    }
    assert reads["W", "actual"] == pytest.approx(15.0)
    assert reads["W", "actual"] + reads["W", saved] == 72
    assert ("D", saved) not in reads
    assert result.ops[0][saved] == pytest.approx(72 - 15)


def test_an_either_rule_checks_each_by_the_other() -> None:
    result = sata.evaluate(arch(spad=", gate: {either: [spike, potential_gradient]}"), workload(), MAPPING)
    reads = {
        (r["tensor"], r["outcome"]): r["count"]
        for r in result.records
        if (r["component"], r["action"]) == ("spad", "read")
    }
    assert reads["S", "actual"] == pytest.approx(60 * 0.5)
    assert reads["D", "actual"] == pytest.approx(72 * 60 / 72 * 0.25)
    assert reads["W", "actual"] == 72


def test_random_tensors_agree_with_the_expected_counts() -> None:
    """4,000 drawn tensors: the mean of what really happens lies within 4 standard errors."""
    rng = np.random.default_rng(7)
    happened = []
    for _ in range(4000):
        spikes, gradients = rng.random((3, 4)) < 0.25, rng.random((3, 2)) < 0.5
        count = 0
        for t, k, p, r in itertools.product(range(3), range(2), range(4), range(3)):
            h = p + r - 1
            count += bool(0 <= h < 4 and spikes[t, h] and gradients[t, k])
        happened.append(count)
    op = sata.evaluate(arch(", gate: [spike, potential_gradient]"), workload(), MAPPING).ops[0]
    assert abs(np.mean(happened) - op["actual"]) < 4 * np.std(happened) / len(happened) ** 0.5


@given(
    st.integers(0, 2**50),
    st.floats(0, 1, allow_nan=False),
    st.floats(0, 1, allow_nan=False),
)
def test_outcomes_sum_to_the_dense_count_to_the_last_bit(dense: int, a: float, b: float) -> None:
    unskipped, actual = max(a, b), min(a, b)
    found = split(dense, Left(unskipped * dense, actual * dense))
    assert (found.actual + found.gated) + found.skipped == dense
    assert min(found.actual, found.gated, found.skipped) >= 0
    assert abs(found.actual - actual * dense) <= 1.2e-14 * dense + 1e-12  # a few roundings of the whole


def test_density_one_without_rules_is_the_dense_count() -> None:
    plain = sata.evaluate(arch(), workload(), MAPPING)
    ruled = sata.evaluate(
        arch(", gate: [potential_gradient]", ", skip: {weight: potential_gradient}"), workload(1, 1), MAPPING
    )
    assert plain.records == ruled.records


@pytest.mark.parametrize("seed", range(30))
def test_windows_of_several_leaders(seed: int) -> None:
    """Two leaders with windows over the same ranks: existence is joint, not a product."""
    rng = random.Random(seed)
    p, r, size = rng.randint(1, 6), rng.randint(1, 4), rng.randint(1, 6)
    s1, s2, o1, o2 = rng.randint(1, 3), rng.randint(1, 3), rng.randint(-3, 1), rng.randint(-3, 1)
    text = f"""
workload:
  name: one
  bits: {{weight: 8, spike: 1, current: 8}}
  ops:
  - name: l.forward
    action: accumulate
    ranks: {{p: {p}, r: {r}}}
    compute: "X[p] += A[{s1}*p+r{o1:+d}] * B[p+{s2}*r{o2:+d}]"
    tensors:
      A: {{kind: spike, shape: [{size}], density: 0.5}}
      B: {{kind: spike, shape: [{size}]}}
      X: {{kind: current}}
"""
    nest = """
mapping:
- ops: "*"
  nest:
  - memory: DRAM
  - for: p *, r *
  - compute: PE
"""
    both = sum(0 <= s1 * i + j + o1 < size and 0 <= i + s2 * j + o2 < size for i in range(p) for j in range(r))
    try:
        op = sata.evaluate(arch(", gate: [spike]"), text, nest).ops[0]
    except sata.SpecError as error:  # a shape that no index meets is refused
        assert "shape" in str(error)
        return
    assert op["actual"] == pytest.approx(both * 0.5)
