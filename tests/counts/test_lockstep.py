"""Lanes that wait: traces against a walk over every operation, other models against draws."""

from __future__ import annotations

import random
import tracemalloc
from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import sata
from sata.counts.lockstep import waiting_share
from sata.counts.outcomes import count_all, split
from tests.oracle.product import structure_of
from tests.oracle.random_sparse import Case, random_sparse
from tests.oracle.sparse import Walk

from .test_outcomes_oracle import rules_of, traces


def walked(case: Case, values: dict[str, np.ndarray], array: int) -> float:
    """Do every operation: the slowest lane of each step, as a share of what it takes where nothing is skipped."""
    walk = Walk(case.problem, case.sparsity)
    nonzero = {name: walk._nonzero(name, values[name]) for name in walk.tensors}
    inputs = [
        c for t in case.problem.tensors if t.role == "input" for c in walk.coverings[t.name] if c.effect == "skip"
    ]
    loops = case.problem.loops
    own = [i for i, loop in enumerate(loops) if loop.array == array]
    before = [i for i in range(own[-1] + 1) if i not in own]
    work: dict[tuple[int, ...], dict[tuple[int, ...], int]] = defaultdict(lambda: defaultdict(int))
    whole: dict[tuple[int, ...], dict[tuple[int, ...], int]] = defaultdict(lambda: defaultdict(int))
    for n, (indices, _) in enumerate(walk.points):
        at = lambda where: tuple(indices[i] for i in where)  # noqa: B023, E731
        whole[at(before)][at(own)] += 1
        if any(walk.elements[name][n] not in nonzero[name] for name in case.sparsity.skip):
            continue
        if any(c.fires(at(c.time), [at(c.space)], nonzero) for c in inputs):
            continue
        work[at(before)][at(own)] += 1
    slowest, all_ = (sum(max(lanes.values()) for lanes in by_step.values()) for by_step in (work, whole))
    return slowest / all_


def test_traces_agree_with_every_operation_done() -> None:
    compared = 0
    for seed in range(500):
        case = random_sparse(random.Random(seed))
        arrays = [at for at, node in enumerate(case.problem.nest) if node[0] == "array"]
        values, models = traces(case, seed)
        structure, factors, _ = structure_of(case.problem)
        rules = rules_of(case, models)
        dense, decided = count_all(structure, factors, rules)
        computes = split(dense.computes, decided.computes)
        for number, at in enumerate(arrays):
            lanes = [f for f, s in zip(factors, structure.slots, strict=True) if s.array == number]
            skipping = case.sparsity.skip or any(r.effect == "skip" for r in case.sparsity.rules)
            if np.prod(lanes) > 1 and skipping and computes.skipped and computes.skipped < dense.computes:
                found = waiting_share(structure, tuple(factors), rules, number, -1.0)
                assert found == pytest.approx(walked(case, values, at), rel=1e-12), seed
                compared += 1
    assert compared > 60


LANES = """
library:
  name: ones
  source: made up
  components:
  - {class: memory, energy: {read: 1 pJ, write: 1 pJ}}
  - {class: pe, energy: {accumulate: 1 pJ}}
arch:
  name: lanes
  libraries: [ones]
  nodes:
  - {memory: DRAM, class: memory%s}
  - {array: PEs, shape: {x: 8}, lockstep: %s}
  - {compute: PE, class: pe%s}
workload:
  name: one
  bits: {weight: 8, spike: 1, current: 8}
  ops:
  - name: l.forward
    action: accumulate
    ranks: {t: 400, k: 2, c: 64}
    compute: "X[t,k] += W[k,c] * S[t,c]"
    tensors:
      W: {kind: weight}
      S: {kind: spike, density: %s}
      X: {kind: current}
mapping:
- ops: "*"
  nest:
  - memory: DRAM
  - for: t *
  - array: PEs
    x: %s
  - for: %s
  - compute: PE
"""
OVER_C = ("c 8", "k *, c *")


def cycles(waits: bool, density: str = "0.2", nest: tuple[str, str] = OVER_C, zeros: str = ", skip: [spike]",
           rule: str = "") -> float:  # fmt: skip
    return float(sata.evaluate(LANES % (rule, str(waits).lower(), zeros, density, *nest)).ops[0]["cycles"])


def test_the_slowest_of_independent_lanes() -> None:
    """400 steps of 8 lanes that each look at 8 spikes, for 2 outputs: drawn 300 times over."""
    rng = np.random.default_rng(3)
    drawn = rng.permuted(np.repeat([[True] * 5120 + [False] * 20480], 300, axis=0), axis=1).reshape(300, 400, 8, 8)
    slowest = 2 * drawn.sum(axis=3).max(axis=2).sum(axis=1)
    error = slowest.std() / len(slowest) ** 0.5
    assert abs(cycles(True) - slowest.mean()) < 4 * error
    assert cycles(False) == pytest.approx(2 * drawn.sum(axis=(1, 2, 3)).mean() / 8)


def test_lanes_with_the_same_spikes_do_not_wait() -> None:
    over_k = ("k 2", "k *, c *")
    assert cycles(True, nest=over_k) == pytest.approx(cycles(False, nest=over_k))


def test_without_skips_lanes_do_not_wait() -> None:
    assert cycles(True, zeros=", gate: [spike]") == cycles(False, zeros="") == 400 * 16
    assert cycles(True, density="1.0") == 400 * 16


def test_units_of_tiles() -> None:
    """A rule at a memory: the one spike under each step of a weight decides, as at the compute."""
    rule = ", skip: {weight: spike}"
    assert cycles(False) < cycles(True, zeros="", rule=rule) < 400 * 16
    assert cycles(True, zeros="", rule=rule) == pytest.approx(cycles(True), rel=0.02)


def test_more_zeros_never_take_longer() -> None:
    found = [cycles(True, density=str(d / 10)) for d in range(11)]
    assert found == sorted(found) and found[0] == 0


OUTER = LANES.replace("{array: PEs,", "{array: cores, shape: {x: 2}}\n  - {array: PEs,").replace("c: 64", "c: 63")
OUTER = OUTER.replace("  - array: PEs\n", "  - array: cores\n    x: c 2\n  - array: PEs\n")


@pytest.mark.parametrize("density", ["0.999999", "{model: trace, file: s.npz}"])
def test_waiting_never_saves_time_on_ragged_arrays(density: str, tmp_path: Path, monkeypatch: Any) -> None:
    """63 inputs over 2 cores: one has less to do, but no step is saved. With next to no zeros it takes as long as
    without any."""
    monkeypatch.chdir(tmp_path)
    spikes = np.ones((400, 63), dtype=bool)
    spikes[7, 5] = False
    np.savez("s.npz", s=spikes)
    found = []
    for waits, zeros in (("false", density), ("true", density), ("true", "1.0")):
        text = OUTER % ("", waits, ", skip: [spike]", zeros, "k 2", "c *")
        found.append(float(sata.evaluate(text).ops[0]["cycles"]))
    even, waiting, full = found
    assert full * 0.999 < even <= waiting <= full


def test_many_inputs_of_a_trace_are_counted(tmp_path: Path, monkeypatch: Any) -> None:
    """8192 inputs that are looked at one by one: no matrix of all steps and all of them is laid out."""
    monkeypatch.chdir(tmp_path)
    spikes = np.random.default_rng(1).random((1, 8192)) < 0.1
    np.savez("s.npz", s=spikes)
    text = LANES.replace("c: 64", "c: 8192").replace("t: 400", "t: 1")
    text %= ("", "true", ", skip: [spike]", "{model: trace, file: s.npz}", "c 8", "c *, k *")
    slowest = 2 * spikes.reshape(-1, 8, 1024).sum(axis=2).max(axis=1).sum()
    assert float(sata.evaluate(text).ops[0]["cycles"]) == pytest.approx(slowest)
    outside = text.replace("- for: t *", "- for: t *, c *").replace("- for: c *, k *", "- for: k *")
    slowest = 2 * spikes.reshape(-1, 8).any(axis=1).sum()
    tracemalloc.start()
    assert float(sata.evaluate(outside).ops[0]["cycles"]) == pytest.approx(slowest)
    assert tracemalloc.get_traced_memory()[1] < 1 << 27  # such a matrix takes four times as much
    tracemalloc.stop()


def test_per_step_densities() -> None:
    """Steps wait each for themselves: half of the steps are silent, the others full."""
    density = str([0.0, 1.0] * 200)
    assert cycles(True, density=density) == pytest.approx(200 * 16)
