"""Lanes that wait: traces against a walk over every operation, other models against draws."""

from __future__ import annotations

import os
import random
import tracemalloc
from dataclasses import replace
from fractions import Fraction
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import sata
from sata.counts.density import build_model, shared
from sata.counts.density.interface import Subject
from sata.counts.lockstep import waiting_share
from sata.counts.sparse.outcomes import count_all, split
from sata.specs.model import Density
from tests.oracle.lanes import walk_lanes
from tests.oracle.product import structure_of
from tests.oracle.random_models import Law, law
from tests.oracle.random_sparse import Case, random_sparse

from .test_outcomes_oracle import rules_of, traces

MORE = int(os.environ.get("SATA_LANES", "1"))  # so many times more random problems
TRACES, MODELS_COMPARED, DRAWS = 250 * MORE, 10 * MORE, 2000


def arrays_of(case: Case) -> list[int]:
    """Positions in the nest of the arrays."""
    return [at for at, node in enumerate(case.problem.nest) if node[0] == "array"]


def looking(case: Case, rng: random.Random) -> Case:
    """The case, whose compute more often looks at its operands."""
    names = [t.name for t in (*case.problem.tensors, *case.sparsity.local) if t.role == "input"]
    skip = tuple(n for n in names if n in case.sparsity.skip or rng.random() < 0.3)
    gate = tuple(n for n in case.sparsity.gate if n not in skip)
    return replace(case, sparsity=replace(case.sparsity, skip=skip, gate=gate))


def test_traces_agree_with_every_operation_done() -> None:
    """To the last digit: several arrays that wait or not, ragged lanes, several leaders, rules at any memories."""
    compared = nested = 0
    for seed in range(TRACES):
        rng = random.Random(seed)
        case = looking(random_sparse(rng), rng)
        arrays = arrays_of(case)
        waiting = [at for at in arrays if rng.random() < 0.8]
        values, models = traces(case, seed)
        structure, factors, _ = structure_of(case.problem)
        rules = rules_of(case, models)
        dense, decided = count_all(structure, factors, rules)
        share = 1 - split(dense.computes, decided.computes).skipped / dense.computes
        found = waiting_share(structure, tuple(factors), rules, [arrays.index(at) for at in waiting], share)
        drawn = {name: v[..., None] for name, v in values.items()}
        (time,), whole = walk_lanes(case.problem, case.sparsity, drawn, waiting)
        if isinstance(found, Fraction):
            assert found == Fraction(int(time), whole), seed
            compared += 0 < found < 1
            nested += 0 < found < 1 and len(waiting) > 1
        elif lanes_of(case, waiting) == 1:
            assert found == share
    assert compared > 0.2 * TRACES and nested > 0.02 * TRACES


def lanes_of(case: Case, waiting: list[int]) -> int:
    return prod(loop.factor for loop in case.problem.loops if loop.array in waiting)


@pytest.mark.parametrize("name", ["uniform", "temporal", "structured", "runs", "banded"])
def test_models_agree_with_draws(name: str) -> None:
    """Lanes walked for many tensors that are drawn literally: within 4 standard errors of their mean."""
    compared = seed = 0
    while compared < MODELS_COMPARED:
        seed += 1
        rng = random.Random(seed)
        case = looking(random_sparse(rng, points=100, per_step=False), rng)
        leading = {*case.sparsity.skip, *(n for r in case.sparsity.rules if r.effect == "skip" for n in r.leaders)}
        laws = {n: law(name, case.tensors[n], rng) for n in sorted({*leading, *case.sparsity.gate,
                *(n for r in case.sparsity.rules for n in r.leaders)})}  # fmt: skip
        waiting = [at for at in arrays_of(case) if rng.random() < 0.8]
        if lanes_of(case, waiting) == 1 or not any(laws[n].model == name for n in leading):
            continue
        models: dict[str, Any] = {n: built(one) for n, one in laws.items()}
        draws = np.random.default_rng([seed, 1])
        times, whole = walk_lanes(case.problem, case.sparsity, {n: laws[n].values(DRAWS, draws) for n in laws}, waiting)
        structure, factors, _ = structure_of(case.problem)
        rules = rules_of(case, models)
        dense, decided = count_all(structure, factors, rules)
        share = 1 - split(dense.computes, decided.computes).skipped / dense.computes
        arrays = arrays_of(case)
        found = waiting_share(structure, tuple(factors), rules, [arrays.index(at) for at in waiting], share)
        error = max(times.std(), (times.mean() / 4) ** 0.5 * whole**0.5 / 100) / DRAWS**0.5
        assert abs(float(found) * whole - times.mean()) < 4.5 * error + 1e-9, (name, seed)
        compared += times.std() > 0 or name == "banded"


def built(law: Law) -> Any:
    """The product's model of a law."""
    names = tuple(tuple(d.ranks) for d in law.tensor.dims)
    return shared(build_model(Density(law.model, tuple(law.given.items())), Subject(law.shape, law.time, names)))


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


ONE = """
library:
  name: ones
  components:
  - {class: memory, energy: {read: 0 pJ, write: 0 pJ}}
  - {class: pe, energy: {accumulate: 0 pJ}}
arch:
  name: lanes
  libraries: [ones]
  nodes:
  - {memory: DRAM, class: memory}
  - {array: lanes, shape: {x: 64}, lockstep: true}
  - {compute: PE, class: pe, skip: [spike, weight]}
mapping:
- {ops: "*", nest: [{memory: DRAM}, {for: "%(outside)s"}, {array: lanes, x: "%(lanes)s"}, {for: "%(inside)s"}, {compute: PE}]}
workload:
  name: one
  bits: {weight: 8, spike: 1, current: 16}
  ops:
  - name: l.forward
    action: accumulate
    ranks: {%(ranks)s}
    compute: "%(compute)s"
    tensors:
      S: {kind: spike, density: %(spikes)s}
      W: {kind: weight, density: %(weights)s}
      X: {kind: current}
"""


def one(**parts: str) -> float:
    """Cycles of one op; the compute looks at spikes and weights."""
    usual = {"spikes": "1", "weights": "1", "inside": "", "compute": "X[t,k] += W[k] * S[t,k]"}
    text = ONE % (usual | parts)
    return float(sata.evaluate(text.replace('{for: ""}, ', "")).ops[0]["cycles"])


TEMPORAL = "{model: temporal, density: 0.242, silent: 0.632}"
RUNS = "{model: runs, density: 0.2, q_row: 0.05, q_col: 0.05, q_in: 0.02}"
PATTERN = "{model: structured, nonzeros: 2, block: 4, along: k}"


def test_lanes_of_one_unit_have_the_joint_chance() -> None:
    """Steps of one neuron, channels of one block, neighbours in a row: by hand, 1 - p_empty of all four."""
    over_t = {"ranks": "t: 4, k: 1000", "outside": "k *", "lanes": "t 4"}
    fires = 1 - (0.632 + 0.368 * (1 - 0.242 / 0.368) ** 4)
    assert one(**over_t, spikes=TEMPORAL) == pytest.approx(1000 * fires)
    assert one(**over_t, spikes=TEMPORAL, weights="0.1") == pytest.approx(
        100 * fires
    )  # the weight is that of all lanes
    assert one(ranks="t: 1, k: 4, c: 1000", outside="t *, c *", lanes="k 4", weights=PATTERN,
               compute="X[t,k] += W[k,c] * S[t,c]") == 1000  # fmt: skip
    row = 1 - 0.8 * 0.95**3
    assert one(ranks="t: 1, p: 100, q: 100", outside="t *, p *, q *", lanes="q 4", spikes=RUNS,
               compute="X[t,p,q] = f(S[t,p,q], W[p])") == pytest.approx(2500 * row)  # fmt: skip


def test_a_dense_second_leader_changes_nothing(tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.chdir(tmp_path)
    spikes = np.random.default_rng(5).random((4, 1000)) < 0.2
    np.savez("s.npz", s=spikes)
    found = one(ranks="t: 4, k: 1000", outside="k *", lanes="t 4", spikes="{model: trace, file: s.npz}")
    assert found == spikes.any(axis=0).sum()
    sparse = one(ranks="t: 4, k: 1000", outside="k *", lanes="t 4", spikes="{model: trace, file: s.npz}", weights="0.5")
    assert sparse == pytest.approx(found / 2)


def test_what_indexes_no_leader_is_not_enumerated(tmp_path: Path, monkeypatch: Any) -> None:
    """5 million rows of lanes and steps that see the same spikes; ragged, too."""
    monkeypatch.chdir(tmp_path)
    spikes = np.random.default_rng(6).random((400, 64)) < 0.2
    np.savez("s.npz", s=spikes)
    trace = "{model: trace, file: s.npz}"
    for k, steps in ((5_000_000, 312_500), (5_000_001, 312_501)):
        found = one(ranks=f"t: 400, k: {k}, c: 64", outside="t *, k *", lanes="k 16, c 4", inside="c *", spikes=trace,
                    compute="X[t,k] += W[t] * S[t,c]")  # fmt: skip
        whole = one(ranks=f"t: 400, k: {k}, c: 64", outside="t *, k *", lanes="k 16, c 4", inside="c *",
                    compute="X[t,k] += W[t] * S[t,c]")  # fmt: skip
        assert whole == steps * 400 * 16
        # of lane c the inputs c, c + 16, ...: the outer loop of a rank has the larger stride
        lanes = int(spikes.reshape(400, 4, 16).sum(axis=2).max(axis=1).sum())
        assert found == steps * lanes


def test_nested_barriers() -> None:
    """2 outer lanes of 2 steps of 2 inner lanes, one element each, all independent: by enumeration."""
    text = ONE.replace("  - {compute", "  - {array: inner, shape: {y: 2}, lockstep: true}\n  - {compute")
    text = text.replace("x: 64", "x: 2").replace("{compute: PE}]", "{array: inner, y: n 2}, {compute: PE}]")
    text %= {"ranks": "t: 3000, k: 2, m: 2, n: 2", "outside": "t *", "lanes": "k 2", "inside": "m *", "weights": "1",
             "spikes": "{model: temporal, density: 0.3, silent: 0}", "compute": "X[t,k] += W[k] * S[t,k,m,n]"}  # fmt: skip
    found = float(sata.evaluate(text).ops[0]["cycles"])
    busy = 1 - 0.7**2  # of an inner step of one lane
    most = {0: (1 - busy) ** 4, 2: 1 - (1 - busy**2) ** 2}
    exact = 3000 * (2 * most[2] + (1 - most[0] - most[2]))
    assert found == pytest.approx(exact, rel=0.005)
