"""Deliveries and links of every array, and what passes the ports of memories, against the walk of tests/oracle, where
each word walks to each of its lanes. `SATA_WIRE_BLOCKS` sets how many problems."""

from __future__ import annotations

import os
import random

import pytest

from sata.counts.dense.memory_counts import EVENTS
from sata.counts.op.busiest import moved_bits
from sata.counts.op.results import Access
from sata.counts.sparse.outcomes import count_all, split
from sata.counts.sparse.rules import Rules
from sata.counts.wires.count import count_wires
from sata.specs.model import Memory
from sata.specs.model import Tensor as SpecTensor
from tests.oracle.problem import Problem
from tests.oracle.product import structure_of
from tests.oracle.random_problems import random_problem
from tests.oracle.random_sparse import Case, random_sparse
from tests.oracle.sparse import Sparsity, Walk
from tests.oracle.undecided import correlated, shared_parents, undecided
from tests.oracle.wires import Axes, ports, wires

from .test_outcomes_oracle import rules_of, traces

BLOCKS = int(os.environ.get("SATA_WIRE_BLOCKS", "2"))  # of 60 problems each; a long check has 100


def random_axes(problem: Problem, rng: random.Random) -> Axes:
    """Loops of an array on one axis or several, in any order of axes."""
    axes = {}
    for at, node in enumerate(problem.nest):
        if node[0] == "array":
            of = [rng.randrange(3) for _ in node[4]]
            order = list(dict.fromkeys(of))
            rng.shuffle(order)
            axes[at] = tuple(tuple(n for n, a in enumerate(of) if a == axis) for axis in order)
    return axes


def differences(case: Case, seed: int, sparse: bool = True) -> tuple[list[object], int]:
    """Return what differs, and how many words were compared."""
    problem = case.problem
    axes = random_axes(problem, random.Random(seed))
    values, models = traces(case, seed)
    structure, factors, _ = structure_of(problem, axes)
    rules = rules_of(case, models) if sparse else Rules()
    dense, _ = count_all(structure, factors, rules)
    arrays = [node[1] for node in problem.nest if node[0] == "array"]
    got = count_wires(structure, factors, rules, dense, range(len(arrays)))
    walk = Walk(problem, case.sparsity)
    want = wires(walk, values, axes)
    found: list[object] = []
    compared = 0
    for number, tensor in enumerate(problem.tensors):
        for a, name in enumerate(arrays):
            wanted = want[name, tensor.name]
            if (number, a) not in got:
                assert not any(n for row in wanted.values() for n in row.values())
                continue
            for what, flow in (("deliver", got[number, a].received), ("hop", got[number, a].links)):
                mine = split(flow.dense, flow.left)
                compared += flow.dense
                if [mine.actual, mine.gated, mine.skipped] != pytest.approx(list(wanted[what].values()), abs=1e-6):
                    found.append((seed, name, tensor.name, what, mine, wanted[what]))
    return found, compared


def shared(case: Case) -> bool:
    structure, factors, _ = structure_of(case.problem)
    return any(
        shared_parents(structure, factors, o, place)
        for o, operand in enumerate(structure.operands)
        if operand.output
        for place in range(len(operand.chain))
    )


@pytest.mark.parametrize("block", range(BLOCKS))
def test_dense(block: int) -> None:
    compared = 0
    for seed in range(block * 60, block * 60 + 60):
        rng = random.Random(seed)
        problem = random_problem(rng, negative=seed % 3 == 0, inner_homes=seed % 2 == 0)
        case = Case(problem, Sparsity(), {})
        found, words = differences(case, seed, sparse=False)
        assert not found
        compared += words
    assert compared > 5000


@pytest.mark.parametrize("block", range(BLOCKS))
def test_traces(block: int) -> None:
    """Which of the old values zeros leave is not followed where parents share elements (docs/sparsity.md)."""
    for seed in range(block * 60, block * 60 + 60):
        case = random_sparse(random.Random(seed))
        if not correlated(case) and not shared(case):
            assert not differences(case, seed)[0]


@pytest.mark.parametrize("block", range(BLOCKS))
def test_ports(block: int) -> None:
    """What a rule keeps back passes no port of a memory: bits read and written by all instances."""
    passed = saved = 0
    for seed in range(block * 60, block * 60 + 60):
        case = random_sparse(random.Random(seed))
        structure, factors, memories = structure_of(case.problem)
        if correlated(case):
            continue
        unsure = {memory for memory, _, _ in undecided(case, structure, factors, memories)}
        values, models = traces(case, seed)
        dense, decided = count_all(structure, factors, rules_of(case, models))
        bits = {t.name: 3 + 5 * n for n, t in enumerate(case.problem.tensors)}
        want = ports(Walk(case.problem, case.sparsity), values, bits)
        accesses: dict[str, list[Access]] = {name: [] for name in memories}
        for o, (tensor, operand) in enumerate(zip(case.problem.tensors, structure.operands, strict=True)):
            for place, (memory, counts) in enumerate(zip(operand.chain, dense.tensors[o], strict=True)):
                events = {e: split(getattr(counts, e), decided.events.get((o, place, e))) for e in EVENTS}
                own = SpecTensor(tensor.name, tensor.name, (), tensor.role)
                accesses[memories[memory]].append(Access(Memory(memories[memory], "any"), own, counts, events))
        for name, own_accesses in ((n, a) for n, a in accesses.items() if n not in unsure):
            rows = [{e: getattr(a.dense, e) for e in EVENTS} for a in own_accesses]
            assert moved_bits(own_accesses, rows, bits) == pytest.approx(want.get(name, (0, 0)), abs=1e-6)
            passed += sum(want.get(name, ()))
            saved += sum(a.events[e].skipped for a in own_accesses for e in EVENTS)
    assert passed > 5000 and saved > 200
