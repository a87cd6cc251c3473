"""Cost does not grow with bounds: ragged ranks of 10^9, and ranks that run far beyond what exists of a tensor."""

from __future__ import annotations

import time
from typing import Any

import pytest

import sata
from sata.counts.dense.batch import Batch
from sata.counts.dense.tables import Tables
from sata.counts.sparse.outcomes import Work
from sata.counts.sparse.rules import rules_of
from sata.evaluation import prepare

TEXT = """
arch:
  name: a
  libraries: [lib]
  nodes:
  - {memory: mem, class: free, skip: {weight: spike}}
  - {array: lanes, shape: {x: 12, y: 14}, reduce: true}
  - {memory: reg, class: free, keep: [weight]}
  - {compute: add, class: add, skip: [spike]}
mapping:
- {ops: "*", nest: [{memory: mem}, {for: "k *, z *"}, {array: lanes, x: "k 12", y: "z 14"}, {memory: reg}, {for: "z 5"}, {compute: add}]}
workload:
  name: big
  bits: {weight: 8, spike: 1, current: 8}
  ops:
  - name: l.forward
    action: accumulate
    ranks: {k: 64, z: BOUND}
    compute: "X[k] += W[k,z] * S[z]"
    tensors: {W: {kind: weight}, S: {kind: spike, SHAPE density: 0.001}, X: {kind: current}}
library:
  name: lib
  components:
  - {class: free, energy: {read: 1 pJ, write: 1 pJ}}
  - {class: add, energy: {accumulate: 1 pJ}}
"""


def left(bound: int) -> tuple[float, float, float]:
    """(operations, weights that fill the registers, seconds) of what zeros leave."""
    prepared = prepare(TEXT.replace("BOUND", str(bound)).replace("SHAPE", ""))
    ((group,),), (((structure, factors),),) = [prepared.program.groups], prepared.shapes
    start = time.process_time()
    batch = Batch(structure, list(factors))
    work, tables = Work(batch, rules_of(group.nests[0])), Tables(batch)
    computes = work._computes(tables)
    weights = next(n for n, operand in enumerate(structure.operands) if not operand.output and len(operand.chain) == 2)
    link = batch.plan[weights].links[0]
    tiles = work.tiles(weights, 0)[1]
    filled = float(work.left(tables, link, link.apart, tiles)[0])
    assert computes is not None
    return float(computes.actual[0]), filled, time.process_time() - start


def expected(bound: int) -> float:
    """Weights under registers of 5 inputs of which any fires; so many tensors are drawn from that inputs are independent."""
    whole, rest = divmod(bound, 5)
    return 64 * (5 * whole * (1 - 0.999**5) + rest * (1 - 0.999**rest))


@pytest.mark.parametrize("bound", [1_000_000_007, 10_000_019])
def test_ragged_ranks_are_not_enumerated(bound: int) -> None:
    computes, filled, seconds = left(bound)
    assert computes == pytest.approx(64 * bound * 0.001, rel=1e-9)
    assert filled == pytest.approx(expected(bound), rel=1e-6)
    assert seconds < 1


def test_what_does_not_exist_is_not_enumerated() -> None:
    """Only 64 of 999,983 inputs exist: the others save nothing and cost nothing."""

    def run(bound: int) -> Any:
        return sata.evaluate(TEXT.replace("BOUND", str(bound)).replace("SHAPE", "shape: [64],")).ops[0]

    start = time.process_time()
    wide = run(999_983)
    assert time.process_time() - start < 20
    assert wide["actual"] == pytest.approx(64 * 64 * 0.001)
    assert wide["actual"] == pytest.approx(run(64)["actual"]) and wide["computes"] == 64 * 999_983
