"""What single instances do, and which is the busiest: every lane is walked by the oracle, exactly.

`SATA_INSTANCE_PROBLEMS` sets how many random problems (default 60; a long check runs 12000).
"""

from __future__ import annotations

import os
import random
from itertools import product

import numpy as np
import pytest

import sata
from sata.counts.dense.closed_form import count, count_instance
from sata.counts.op.busiest import instances, uniform
from sata.nest.structure import TEMPORAL
from tests.oracle.instances import EVENTS, per_instance
from tests.oracle.problem import Problem
from tests.oracle.product import structure_of
from tests.oracle.random_problems import random_problem

PROBLEMS = int(os.environ.get("SATA_INSTANCE_PROBLEMS", "60"))


def problem_of(seed: int) -> Problem:
    """Every other one with negative coefficients and homes further in."""
    odd = bool(seed % 2)
    return random_problem(random.Random(seed), negative=odd, inner_homes=odd)


@pytest.mark.parametrize("block", range(4))
def test_every_instance(block: int) -> None:
    """Fills, reads, updates, drains and merge reads of each instance of each memory."""
    for seed in range(block, PROBLEMS, 4):
        problem = problem_of(seed)
        expected = per_instance(problem)
        structure, factors, memories = structure_of(problem)
        for memory, name in enumerate(memories):
            slots = [i for i, s in enumerate(structure.slots[: structure.depths[memory]]) if s.array != TEMPORAL]
            for lane in product(*(range(factors[i]) for i in slots)):
                found = count_instance(structure, factors, memory, dict(zip(slots, lane, strict=True)))
                for tensor, counts in zip(problem.tensors, found, strict=True):
                    if counts is not None:
                        events = {e: getattr(counts, e) for e in EVENTS}
                        assert events == expected[name, tensor.name][lane], (seed, name, tensor.name, lane)


@pytest.mark.parametrize("block", range(4))
def test_the_busiest(block: int) -> None:
    """Whatever an element of each event weighs, no lane of the oracle moves more than the candidates, nor do they more
    than the busiest lane."""
    alike = 0
    for seed in range(block, 2 * PROBLEMS, 4):
        problem, rng = problem_of(seed), random.Random(seed)
        expected = per_instance(problem)
        structure, factors, memories = structure_of(problem)
        dense = count(structure, factors)
        for memory, name in enumerate(memories):
            kept = [t.name for t, o in zip(problem.tensors, structure.operands, strict=True) if memory in o.chain]
            if not kept:
                continue
            weights = {(t, e): rng.choice([0, 1, 2, 7]) for t in kept for e in EVENTS}
            found = max(
                sum(w * row[e] for t, row in zip(kept, rows, strict=True) for e in EVENTS if (w := weights[t, e]))
                for rows in instances(structure, tuple(factors), memory, dense)
            )
            every = max(
                sum(w * expected[name, t][lane][e] for (t, e), w in weights.items()) for lane in expected[name, kept[0]]
            )
            assert found == every, (seed, name)
            alike += bool(uniform(structure, np.array(factors).reshape(-1, 1), memory)[0])
    assert alike


SPADS = """
arch:
  clock: 100 MHz
  libraries: [book]
  nodes:
  - {memory: DRAM, class: m}
  - {array: A, shape: {x: %d}, multicast: tile, reduce: true}
  - {memory: spad, class: m, buffers: 2, size: 1 KiB, keep: [current], bandwidth: {write: 8 b/cycle}}
  - {compute: PE, class: pe}
library:
  name: book
  components:
  - {class: m, energy: {read: 1 pJ, write: 1 pJ}, leakage: 0 mW, area: 0 um2}
  - {class: pe, energy: {mac: 1 pJ}, leakage: 0 mW, area: 0 um2}
"""
OP = """
workload:
  bits: {weight: 8, activation: 8, current: 8}
  ops:
  - {name: op, action: mac, ranks: %s, compute: "%s",
     tensors: {W: {kind: weight}, I: {kind: activation%s}, Z: {kind: current}}}
"""
NEST = "mapping:\n- {ops: op, nest: [{memory: DRAM}, {for: '%s'}, {array: A, x: %s}, {memory: spad}, {compute: PE}]}\n"


@pytest.mark.parametrize(
    ("lanes", "op", "nest", "cycles"),
    [
        # 16 results come to each lane, and are taken from it; the first lane takes the 12 old values, too
        (3, ("{p: 4, c: 4, r: 3}", "Z[p] += W[c,r] * I[c,p+r]", ""), ("c 4, p 4", "r 3"), 28),
        # the same, with windows of an input that passes by cut off at a border
        (3, ("{p: 4, c: 4, r: 3}", "Z[p] += W[c,r] * I[c,p+r-1]", ", shape: [4, 4]"), ("c 4, p 4", "r 3"), 28),
        # 32 results, 24 of them again
        (4, ("{m: 8, k: 16}", "Z[m] += W[m,k] * I[k]", ""), ("k 4, m 8", "k 4"), 56),
    ],
)
def test_the_first_lane_carries_old_values(
    lanes: int, op: tuple[str, str, str], nest: tuple[str, str], cycles: int
) -> None:
    result = sata.evaluate(SPADS % lanes, OP % op, NEST % nest)
    assert result.ops[0]["bound_by"] == "spad"
    assert result.cycles == cycles
