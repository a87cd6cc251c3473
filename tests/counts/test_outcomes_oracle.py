"""Outcomes against the walk of tests/oracle: traces to the last event, one mapping and a batch alike.

What is left out, and why (docs/sparsity.md names all three):

- old values of outputs whose parents share elements: which of them gets the old value is nobody's rule;
- merge reads where several leaders decide about writes that stay apart: whether any of them happens is not the
  product of what each leader says;
- leaders with two dimensions over ranks that share one dimension of the follower (`A[p,r]` over `I[p+r]`): children
  that share such a window have tiles whose union is not a product of sets.
"""

from __future__ import annotations

import random

import numpy as np
import pytest

from sata.counts.dense.closed_form import count
from sata.counts.density import shared
from sata.counts.density.trace import Trace
from sata.counts.density.uniform import Uniform
from sata.counts.sparse.outcomes import Decided, count_all, split
from sata.counts.sparse.rules import Decision, Leader, Rules
from sata.nest.structure import Axis
from sata.specs.model import Rule as ArchRule
from tests.oracle.averages import time_dimension
from tests.oracle.product import structure_of
from tests.oracle.random_sparse import Case, random_sparse
from tests.oracle.sparse import EVENTS, Walk
from tests.oracle.undecided import correlated, shared_parents

from .test_dense_batch import other_factors


def traces(case: Case, seed: int) -> tuple[dict[str, np.ndarray], dict[str, Trace]]:
    """Return drawn values of every tensor, and the model that has recorded them."""
    rng = np.random.default_rng(seed)
    values = {}
    for name, tensor in case.tensors.items():
        given = case.densities.get(name, 1.0)
        density = float(np.mean(given))
        values[name] = (rng.random([dim.size for dim in tensor.dims]) < density).astype(np.uint8)
    models = {
        n: shared(Trace(v.shape, None, f"{n} {seed} {v.shape} {v.tobytes().hex()}", v != 0)) for n, v in values.items()
    }
    return values, models


def uniforms(case: Case) -> dict[str, Uniform]:
    found = {}
    for name, tensor in case.tensors.items():
        given = case.densities.get(name, 1.0)
        steps = given if isinstance(given, tuple) else (given,)
        time = time_dimension(tensor) if len(steps) > 1 else None
        found[name] = shared(Uniform(tuple(dim.size for dim in tensor.dims), time, steps))
    return found


def rules_of(case: Case, models: dict[str, Trace] | dict[str, Uniform]) -> Rules:
    """Return the rules of a case in the product's integers."""
    number = {rank: i for i, rank in enumerate(case.problem.ranks)}
    names = [t.name for t in case.problem.tensors]
    leaders: dict[str, Leader] = {}

    def numbers(chosen: tuple[str, ...]) -> tuple[int, ...]:
        for name in chosen:
            dims = case.tensors[name].dims
            axes = tuple(Axis(tuple(number[r] for r in d.ranks), tuple(d.ranks.values()), d.offset, d.size)
                         for d in dims)  # fmt: skip
            leaders.setdefault(name, Leader(name, axes, models[name]))
        return tuple(list(leaders).index(name) for name in chosen)

    decisions = []
    for rule in case.sparsity.rules:
        chain = [case.problem.nest[at][1] for at in case.problem.chain(rule.follower)[:-1]]
        if rule.memory in chain:
            said = ArchRule(rule.effect, rule.follower, rule.leaders)
            decisions.append(Decision(names.index(rule.follower), chain.index(rule.memory), numbers(rule.leaders),
                                      rule.effect == "skip", said))  # fmt: skip
    skips, gates = numbers(case.sparsity.skip), numbers(case.sparsity.gate)
    return Rules(tuple(leaders.values()), tuple(decisions), skips, gates)


def differences(case: Case, seed: int) -> tuple[list[object], int]:
    """Return what differs, and how many events were compared."""
    values, models = traces(case, seed)
    structure, factors, memories = structure_of(case.problem)
    rules = rules_of(case, models)
    dense, decided = count_all(structure, factors, rules)
    wanted = Walk(case.problem, case.sparsity).outcomes(values)
    found: list[object] = []
    got = split(dense.computes, decided.computes)
    want = wanted["computes"]
    if (got.actual, got.gated, got.skipped) != tuple(want.values()):
        found.append(("computes", got, want))
    compared = 0
    for o, (tensor, operand, row) in enumerate(
        zip(case.problem.tensors, structure.operands, dense.tensors, strict=True)
    ):
        several = sum(len(d.leaders) for d in rules.decisions if d.operand == o) > 1
        for place, (memory, counts) in enumerate(zip(operand.chain, row, strict=True)):
            for event in EVENTS:
                if operand.output and event == "reads" and shared_parents(structure, factors, o, place):
                    continue
                if operand.output and event == "fills" and place and shared_parents(structure, factors, o, place - 1):
                    continue
                if event == "merge_reads" and several:
                    continue
                got = split(getattr(counts, event), decided.events.get((o, place, event)))
                want = wanted["counts"][memories[memory], tensor.name][event]
                compared += sum(want.values())
                if (got.actual, got.gated, got.skipped) != tuple(want.values()):
                    found.append((seed, memories[memory], tensor.name, event, got, want))
    return found, compared


@pytest.mark.parametrize("block", range(10))
def test_traces_agree_to_the_last_event(block: int) -> None:
    compared = 0
    for seed in range(block * 60, block * 60 + 60):
        case = random_sparse(random.Random(seed))
        if not correlated(case):
            found, events = differences(case, seed)
            assert not found
            compared += events
    assert compared > 5000


def numbers(decided: Decided) -> list[float]:
    lefts = [decided.computes, *(decided.events[key] for key in sorted(decided.events))]
    return [n for left in lefts if left is not None for n in (left.unskipped, left.actual)]


@pytest.mark.parametrize("block", range(8))
def test_a_batch_equals_its_members(block: int) -> None:
    """Blocks by products, tables by chains of factors, and pieces of a batch: the same numbers as alone."""
    rng = random.Random(block)
    for seed in range(block * 20, block * 20 + 20):
        case = random_sparse(random.Random(seed))
        structure, factors, _ = structure_of(case.problem)
        if not structure.slots:
            continue
        rules = rules_of(case, uniforms(case))
        members = [factors, *(other_factors(structure, rng) for _ in range(5))]
        together = numbers(count_all(structure, np.array(members).T, rules)[1])
        for b, member in enumerate(members):
            alone = numbers(count_all(structure, member, rules)[1])
            assert [float(np.asarray(n)[b]) for n in together] == pytest.approx(alone, rel=1e-12, abs=1e-9)


class Placed:
    """The uniform model, asked for every coordinate: no short cut by sizes applies."""

    def __init__(self, model: Uniform) -> None:
        self.model, self.shape, self.time = model, model.shape, model.time
        self.sizes: list[list[int]] = [[0] for _ in model.shape]
        self.known: list[dict[int, int]] = [{0: 0} for _ in model.shape]

    def sight(self, dim: int) -> object:
        return None

    def feature(self, dim: int, coordinates: int) -> int:
        if coordinates not in self.known[dim]:
            self.known[dim][coordinates] = len(self.sizes[dim])
            self.sizes[dim].append(self.model.feature(dim, coordinates))
        return self.known[dim][coordinates]

    def p_occupied(self, *features: np.ndarray) -> np.ndarray:
        return 1 - self.p_empty(*features)

    def p_empty(self, *features: np.ndarray) -> np.ndarray:
        return self.model.p_empty(*(np.array(self.sizes[d])[f] for d, f in enumerate(features)))


@pytest.mark.parametrize("block", range(6))
def test_blocks_of_equal_size_need_no_table(block: int) -> None:
    for seed in range(block * 20, block * 20 + 20):
        case = random_sparse(random.Random(seed))
        structure, factors, _ = structure_of(case.problem)
        models = uniforms(case)
        if not structure.slots:
            continue
        short = count_all(structure, factors, rules_of(case, models))[1]
        full = count_all(structure, factors, rules_of(case, {n: Placed(m) for n, m in models.items()}))[1]  # type: ignore[misc]
        assert numbers(short) == pytest.approx(numbers(full), rel=1e-9, abs=1e-9)


@pytest.mark.parametrize("seed", range(60))
def test_dense_tensors_or_no_rules_leave_the_dense_counts(seed: int) -> None:
    """Bit for bit; without padding, where every operand exists."""
    case = random_sparse(random.Random(seed))
    structure, factors, _ = structure_of(case.problem)
    dense = count(structure, factors)
    nothing, decided = count_all(structure, factors, Rules())
    assert nothing == dense and not decided.events and decided.computes is None
    full = Case(case.problem, case.sparsity, {})
    rules = rules_of(full, uniforms(full))
    padded = any(
        axis.offset + sum(min(0, c * (structure.bounds[r] - 1)) for r, c in zip(axis.ranks, axis.coefs, strict=True))
        < 0
        or axis.offset + sum(max(0, c * (structure.bounds[r] - 1)) for r, c in zip(axis.ranks, axis.coefs, strict=True))
        >= axis.size
        for leader in rules.leaders
        for axis in leader.axes
    )
    if padded:
        return
    decided = count_all(structure, factors, rules)[1]
    for (operand, place, event), left in decided.events.items():
        whole = getattr(dense.tensors[operand][place], event)
        assert split(whole, left) == split(whole, None)
