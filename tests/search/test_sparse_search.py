"""The search against plain enumeration where loops decide what an event costs; `SATA_SEARCH_PROBLEMS` as elsewhere."""

from __future__ import annotations

import json
import os
import random
from dataclasses import replace
from itertools import islice
from math import prod
from typing import Any

import numpy as np
import pytest
import yaml

import sata
from sata.costs.tally import access_costs
from sata.counts.dense.memory_counts import EVENTS
from sata.counts.op.capacity import tile_of
from sata.search.answers.mapping_file import mapping_text
from sata.search.engine.beam import BeamSearch
from sata.search.engine.solve import Answer, Task, solve
from sata.search.model.enumerate import all_nests, enumerate_scores
from sata.search.model.exact import figures, single_counts
from sata.search.model.objective import NAMES, Objective
from sata.search.model.problem import SearchProblem, problem_of
from sata.search.partial.incumbent import Incumbent, SearchCounters
from sata.search.run.setup import setup_of
from sata.search.run.workload import map_workload
from sata.search.space.nests import nest_of, shape_of
from sata.search.space.storage_templates import Constraints, storage_templates

from .sparse_problems import random_sparse_problem
from .test_search import Points, front, optimum

PROBLEMS = int(os.environ.get("SATA_SEARCH_PROBLEMS", "16"))
MOST = 150  # nests of a problem: each is counted by itself


def frames_of(seed: int, ragged: bool = False) -> list[SearchProblem]:
    """The storage templates of a random problem that is small enough to enumerate, not all of them linear."""
    rng = random.Random(f"sparse {seed}")
    while True:
        setting = setup_of(*random_sparse_problem(rng, ragged))
        found = [
            problem_of(s, setting.machine, Constraints(), ragged)
            for s in storage_templates(setting.arch, setting.workload.ops[0], setting.machine.prices, Constraints())
        ]
        number = 0
        for problem in found:
            number += sum(1 for _ in islice(all_nests(problem), MOST + 1 - number))
        if 0 < number <= MOST and not all(problem.linear for problem in found):
            return found


def figures_of(problems: list[SearchProblem]) -> Points:
    """(energy, cycles) of every nest that fits, each by itself as `sata run` has it."""
    found = []
    for problem in problems:
        for loops in all_nests(problem):
            nest = nest_of(problem.template, loops)
            energy, cycles, fits = figures(nest, *shape_of(nest), problem.on)
            if fits:
                found.append((energy, cycles))
    return found


def searched(problems: list[SearchProblem], objective: str) -> Points:
    incumbent = Incumbent(Objective(objective))
    for problem in problems:
        assert BeamSearch(problem, incumbent, SearchCounters(), {}).run(1 << 40) == float("inf")
    return sorted((f.energy_pj, f.cycles) for f in incumbent.mappings)


@pytest.mark.parametrize("ragged", [False, True])
@pytest.mark.parametrize("seed", range(PROBLEMS))
def test_equals_plain_enumeration(seed: int, ragged: bool) -> None:
    problems = frames_of(seed, ragged)
    points = figures_of(problems)
    for objective in NAMES:
        found = searched(problems, objective)
        if objective == "pareto":
            assert [c for _, c in found] == pytest.approx([c for _, c in front(points)], rel=1e-9)
            assert [e for e, _ in found] == pytest.approx([e for e, _ in front(points)], rel=1e-9)
        elif not points:
            assert not found
        else:
            assert optimum(found, objective) == pytest.approx(optimum(points, objective), rel=1e-9)


@pytest.mark.parametrize("ragged", [False, True])
@pytest.mark.parametrize("seed", range(PROBLEMS, PROBLEMS + max(PROBLEMS // 2, 1)))
def test_a_batch_scores_as_one_by_one(seed: int, ragged: bool) -> None:
    problems = frames_of(seed, ragged)
    batch = sorted((e, c) for problem in problems for _, e, c in enumerate_scores(problem))
    single = sorted(figures_of(problems))
    assert len(batch) == len(single)
    if single:
        assert np.sort(np.array(batch), axis=0) == pytest.approx(np.sort(np.array(single), axis=0), rel=1e-9, abs=1e-12)


@pytest.mark.parametrize("seed", range(2 * PROBLEMS, 2 * PROBLEMS + max(PROBLEMS // 2, 1)))
def test_bounds_of_the_root_are_bounds(seed: int) -> None:
    """No mapping of a storage template is below what is said of the empty nest."""
    for problem in frames_of(seed):
        points = figures_of([problem])
        least = BeamSearch(problem, Incumbent(Objective("energy")), SearchCounters(), {}).root_bound()
        if points:
            assert least.energy.min() <= min(e for e, _ in points) * (1 + 1e-12)
            assert least.cycles.min() <= min(c for _, c in points) * (1 + 1e-12)


@pytest.mark.parametrize("ragged", [False, True])
@pytest.mark.parametrize("seed", range(3 * PROBLEMS, 5 * PROBLEMS))
def test_no_event_costs_less_than_the_least(seed: int, ragged: bool) -> None:
    """Bits and energy of every tensor at every memory, and its largest tile, under every nest."""
    for problem in frames_of(seed, ragged):
        levels = {(s.tensor.name, stop.memory.name): stop for s in problem.operands for stop in s.levels}
        bits, less = problem.on.bits, 1 - 1e-9
        for loops in all_nests(problem):
            nest = nest_of(problem.template, loops)
            for access in single_counts(nest, *shape_of(nest)).accesses:
                least = levels[access.tensor.name, access.memory.name]
                for event in EVENTS:
                    dense = getattr(access.dense, event)
                    assert access.moved_bits(event, bits) >= dense * least.bits[event] * less
                price = problem.on.prices[access.memory.name]
                spent = sum(float(cost(price)) for _, _, amount, cost in access_costs(access, bits, price) if amount)
                words = sum(getattr(access.dense, event) * least.energy[event] for event in EVENTS)
                assert spent >= words * less
                assert tile_of(access, bits).bits >= access.dense.tile * least.fitting_bits * less


ARCH: dict[str, Any] = yaml.safe_load("""
arch:
  name: small
  clock: 100 MHz
  libraries: [relative]
  nodes:
  - {memory: DRAM, class: dram, bandwidth: {read: 4 B/cycle, write: 4 B/cycle}}
  - {memory: GLB, class: sram, size: 60 b, keep: [activation], format: {activation: bitmask}, skip: {activation: [weight]}}
  - {memory: acc, class: regfile, size: 16 b, keep: [current]}
  - {array: PEs, shape: {x: 2}, multicast: tile, reduce: true, lockstep: true}
  - {compute: PE, class: mac, skip: [activation]}
""")
WORKLOAD: dict[str, Any] = yaml.safe_load("""
workload:
  name: one
  bits: {weight: 8, activation: 16, current: 16}
  ops:
  - {name: a, stage: forward, action: multiply_accumulate, ranks: {m: 4, k: 8}, compute: "Z[m] += A[m,k] * B[k]",
     tensors: {Z: {kind: current}, A: {kind: weight, density: 0.5}, B: {kind: activation, density: 0.25}}}
""")


@pytest.mark.parametrize("objective", NAMES)
def test_figures_are_those_of_a_run(objective: str) -> None:
    """To the last bit, under a rule, a format and lanes in lockstep."""
    answer = map_workload(setup_of(ARCH, WORKLOAD), objective, workers=1)["a"]
    assert answer.proven
    for point in answer.points:
        text = mapping_text({"a": replace(answer, points=(point,))}, setup_of(ARCH, WORKLOAD).arch, [])
        result = sata.evaluate(ARCH, WORKLOAD, text)
        assert result.energy_pj() == point.energy_pj
        assert result.cycles == point.cycles


def test_a_tile_that_only_fits_compressed_is_found() -> None:
    """All of B, 128 b, stays in 60 b: 8 b of mask and a quarter of the values. Without the format, tiles of 2."""
    whole = map_workload(setup_of(ARCH, WORKLOAD), workers=1)["a"]
    plain = json.loads(json.dumps(ARCH))
    del plain["arch"]["nodes"][1]["format"]
    parts = map_workload(setup_of(plain, WORKLOAD), workers=1)["a"]
    assert whole.proven and parts.proven
    assert _inside(whole) == 8
    assert _inside(parts) <= 3


def _inside(answer: Answer) -> int:
    """How much of k is looped over below the buffer."""
    at = answer.points[0].items.index("GLB")
    return prod(loop.factor for loop in answer.points[0].loops if loop.rank == "k" and loop.item >= at)


def test_a_tile_that_fits_half_of_the_time_is_found() -> None:
    """Half of the tiles of one element hold nothing but a bit of mask; the expected one would need 5 b."""
    arch = json.loads(json.dumps(ARCH))
    arch["arch"]["nodes"][1] |= {"size": "1 b", "fit": 0.5}
    answer = map_workload(setup_of(arch, WORKLOAD), workers=1)["a"]
    assert answer.proven
    assert _inside(answer) == 1


def test_a_large_space_ends_with_an_honest_gap() -> None:
    """What a budget cuts off is never called proven, and the bound is below what is found."""
    large = json.loads(json.dumps(WORKLOAD))
    large["workload"]["ops"][0]["ranks"] = {"m": 720, "k": 960}
    setting = setup_of(ARCH, large)
    task = Task(setting.arch, setting.workload.ops[0], setting.machine, "edp", Constraints(), budget=1.0)
    answer = solve(task)
    assert not answer.proven
    assert 0 < answer.bound <= answer.points[0].energy_pj * answer.points[0].cycles
    assert answer.gap > 0
