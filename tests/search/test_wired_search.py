"""Searches on machines whose wires have a price, against plain enumeration; a batch against its members, one by one.

`SATA_SEARCH_PROBLEMS` sets how many, as for the other enumerations.
"""

from __future__ import annotations

import os
import random
from itertools import islice
from typing import Any

import numpy as np
import pytest

from sata.search.engine.beam import BeamSearch
from sata.search.model.enumerate import all_nests, enumerate_scores
from sata.search.model.exact import figures, score
from sata.search.model.objective import Objective
from sata.search.model.problem import SearchProblem, problem_of
from sata.search.partial.incumbent import Incumbent, SearchCounters
from sata.search.run.setup import setup_of
from sata.search.space.nests import slotted_nest
from sata.search.space.storage_templates import Constraints, storage_templates
from sata.specs.model import Array

from .problems import Problem, few_nests, random_problem, window_problem
from .sparse_problems import random_sparse_problem
from .test_search import check

PROBLEMS = max(int(os.environ.get("SATA_SEARCH_PROBLEMS", "24")) // 8, 3)
MOST = 500


def wired(rng: random.Random, problem: Problem) -> Problem:
    """A problem whose arrays have wires with prices, one at least."""
    sources, workload = problem
    nodes = sources["arch"]["nodes"]
    arrays = [node for node in nodes if "array" in node]
    if not arrays:
        arrays = [{"array": "A9", "shape": {"x": rng.choice([2, 3]), "y": 2}, "multicast": "tile", "reduce": True}]
        nodes.insert(rng.randrange(1, len(nodes)), arrays[0])
    for array in rng.sample(arrays, rng.randint(1, len(arrays))):
        array["hop"] = "wire"
        if rng.random() < 0.5:
            array["trunk"] = rng.choice(list(array["shape"]))
    energy = {"deliver": f"{rng.choice([0, 0.5, 3])} pJ", "hop": f"{rng.choice([0.1, 1, 20])} pJ"}
    if rng.random() < 0.3:
        energy["gated_hop"] = "0.05 pJ"
    component: dict[str, Any] = {"class": "wire", "energy": energy, "area": "0 um2", "leakage": "0 mW"}
    if rng.random() < 0.3:
        component |= {"at": {"width": "8 b"}, "scale": {"width": "constant"}}
    sources["library"]["components"].append(component)
    return sources, workload


def frames_of(seed: int, ragged: bool, sparse: bool = False) -> list[SearchProblem]:
    """The storage templates of a random problem that is small enough to enumerate."""
    rng = random.Random(seed)
    while True:
        drawn = random_sparse_problem(rng, ragged) if sparse else random_problem(rng, ragged)
        setting = setup_of(*wired(rng, drawn))
        op = setting.workload.ops[0]
        found = [
            problem_of(s, setting.machine, Constraints(), ragged)
            for s in storage_templates(setting.arch, op, setting.machine.prices, Constraints())
        ]
        if few_nests(found, MOST):
            return found


@pytest.mark.parametrize("seed", range(9000, 9000 + PROBLEMS))
def test_equals_plain_enumeration(seed: int) -> None:
    check(frames_of(seed, ragged=False))


@pytest.mark.parametrize("seed", range(9100, 9100 + PROBLEMS))
def test_bounds_of_the_root_are_bounds(seed: int) -> None:
    """They know that a word takes a link and a lane; no mapping of a storage template is below them."""
    for problem in frames_of(seed, ragged=False, sparse=seed % 2 == 0):
        points = [(energy, cycles) for _, energy, cycles in enumerate_scores(problem)]
        least = BeamSearch(problem, Incumbent(Objective("energy")), SearchCounters(), {}).root_bound()
        if points:
            assert least.energy.min() <= min(e for e, _ in points) * (1 + 1e-12)
            assert least.cycles.min() <= min(c for _, c in points) * (1 + 1e-12)


@pytest.mark.parametrize("seed", range(9500, 9500 + PROBLEMS // 3))
def test_equals_plain_enumeration_ragged(seed: int) -> None:
    check(frames_of(seed, ragged=True))


@pytest.mark.parametrize("seed", range(9700, 9700 + PROBLEMS // 2))
def test_equals_plain_enumeration_of_sparse(seed: int) -> None:
    check(frames_of(seed, ragged=False, sparse=True))


@pytest.mark.parametrize("seed", range(9800, 9800 + PROBLEMS))
def test_a_batch_is_scored_as_its_members_are(seed: int) -> None:
    """Windows, imperfect factors, rules: energies of a batch and of `sata run`, mapping by mapping."""
    rng = random.Random(seed)
    drawn = (window_problem(rng), random_problem(rng, seed % 3 == 0), random_sparse_problem(rng, False))[seed % 3]
    setting = setup_of(*wired(rng, drawn))
    op, compared = setting.workload.ops[0], 0
    for template in storage_templates(setting.arch, op, setting.machine.prices, Constraints()):
        problem = problem_of(template, setting.machine, Constraints(), seed % 3 == 1)
        assert any(isinstance(i, Array) and i.hop for i in problem.template.items)
        for slots, members in by_slots(problem).items():
            nest, (structure, _) = slotted_nest(problem.template, slots)
            factors = np.array([[p.factor for p in loops] for loops in members], dtype=np.int64).T
            energy, cycles, fits = score(nest, structure, factors.reshape(len(slots), len(members)), problem.on)
            for b, loops in enumerate(members):
                alone = figures(nest, structure, tuple(p.factor for p in loops), problem.on)
                assert alone == (pytest.approx(energy[b], rel=1e-9), pytest.approx(cycles[b], rel=1e-9), fits[b])
                compared += 1
            if compared > 40:
                return


def by_slots(problem: SearchProblem) -> dict[Any, list[Any]]:
    """Some nests of a problem, those with the same slots together."""
    found: dict[Any, list[Any]] = {}
    for loops in islice(all_nests(problem), 200):
        found.setdefault(tuple((p.item, p.axis, p.rank) for p in loops), []).append(loops)
    return dict(sorted(found.items(), key=lambda pair: -len(pair[1]))[:8])
