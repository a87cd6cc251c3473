"""Bounds of partial mappings against what they become: of random nests of random problems, windows and borders under
arrays above all, no part from the outside inwards may be said to cost more than the whole nest does. (Against the
optimum alone most bounds could be wrong without being seen.) `SATA_SEARCH_PROBLEMS` sets how many."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pytest

from sata.search.cost_to_go.rows import Cutoff
from sata.search.cost_to_go.states import tile_states_of
from sata.search.cost_to_go.tables import CostToGo
from sata.search.engine.beam import BeamSearch
from sata.search.engine.strategies import mutated, random_nest
from sata.search.model.enumerate import legal
from sata.search.model.objective import Objective
from sata.search.model.problem import SearchProblem, problem_of
from sata.search.partial.bounds import lower_bound
from sata.search.partial.incumbent import Incumbent, SearchCounters, score_mapping
from sata.search.partial.table import PartialMappings, root_label
from sata.search.run.setup import setup_of
from sata.search.space.nests import PlacedLoop, loops_in_order
from sata.search.space.storage_templates import Constraints, storage_templates
from sata.specs.model import Array, Memory

from .problems import window_problem
from .test_search import PROBLEMS

Scored = tuple[tuple[PlacedLoop, ...], float, float]

DRAWN = 100  # random nests of a storage template, and as many small changes to the best of them
TRIED = 24  # of these, a third of them the best


def frames_of(seed: int) -> list[SearchProblem]:
    rng = random.Random(seed)
    while True:
        setting = setup_of(*window_problem(rng))
        op = setting.workload.ops[0]
        found = [
            problem_of(s, setting.machine, Constraints(), False)
            for s in storage_templates(setting.arch, op, setting.machine.prices, Constraints())
        ]
        if found:
            return rng.sample(found, min(len(found), 2))


def parts(search: BeamSearch, loops: Sequence[PlacedLoop]) -> Iterator[tuple[PartialMappings, int]]:
    """The partial mappings of a nest with its places, from nothing but the outermost memory to all loops."""
    problem, moves = search.problem, search.moves
    labels = root_label(problem)

    def looped(labels: PartialMappings, loop: PlacedLoop) -> PartialMappings:
        own = labels.take(np.zeros(1, dtype=np.int64))
        rank = problem.ranks.index(loop.rank)
        left = own.left[rank] // loop.factor
        return moves.looped(own, loop.item, loop.axis, rank, np.array([loop.factor]), left)

    for number, item in enumerate(problem.template.items):
        own = [loop for loop in loops if loop.item == number]
        if isinstance(item, Memory):
            labels = moves.close_memory(labels, number)
            assert len(labels)  # the nest fits
        elif isinstance(item, Array):
            if labels.unrolling[0] < 0:
                labels.unrolling[:] = plan_of(problem, loops)
            for loop in own:
                labels = looped(labels, loop) if loop.axis else labels
        else:
            return
        yield labels, number
        for loop in own:
            if not loop.axis:
                labels = looped(labels, loop)
                yield labels, number


def nests(problem: SearchProblem, rng: random.Random) -> list[Scored]:
    """(loops, energy, cycles) of nests that fit."""
    found: dict[tuple[PlacedLoop, ...], Scored] = {}
    for n in range(2 * DRAWN):
        incumbent = min(found.values(), key=lambda f: f[1], default=None)
        loops = (
            random_nest(problem, rng)
            if n < DRAWN or incumbent is None
            else mutated((problem, incumbent[0]), [problem], rng)[1]
        )
        loops = tuple(loops_in_order(problem.template, loops))
        figures = score_mapping(problem, loops) if legal(problem, loops) and loops not in found else None
        if figures is not None:
            found[loops] = (loops, figures.energy_pj, figures.cycles)
    order = sorted(found.values(), key=lambda f: f[1])
    rest = order[TRIED // 3 :]
    return order[: TRIED // 3] + rng.sample(rest, min(len(rest), TRIED - TRIED // 3))


def plan_of(problem: SearchProblem, loops: Sequence[PlacedLoop]) -> int:
    """The number of the unrolling of a nest's spatial loops."""
    want = np.ones(len(problem.unrollings.slots), dtype=np.int64)
    for row, (array, axis, rank) in enumerate(problem.unrollings.slots):
        for loop in loops:
            if (problem.array_items[array], axis, problem.ranks[rank]) == (loop.item, loop.axis, loop.rank):
                want[row] *= loop.factor
    return int(np.flatnonzero(np.all(problem.unrollings.factors == want[:, None], axis=0))[0])


def looked_ahead(problem: SearchProblem, objective: str, points: list[tuple[float, float]], fine: bool) -> Any:
    """A search that has looked ahead with all these nests below its limit."""
    search = BeamSearch(problem, Incumbent(Objective(objective)), SearchCounters(), {})
    grid = tile_states_of(problem, fine)
    assert grid is not None
    worst = tuple(max(p[n] for p in points) * (1 + 1e-6) for n in range(2))
    cost_to_go = CostToGo(problem, grid, Cutoff(Objective(objective), (worst,), 0.0), fine)  # type: ignore[arg-type]
    if cost_to_go.usable:
        assert cost_to_go.build()
        search.cost_to_go = cost_to_go
    return search


FOUND = (4046, 4461)  # a lane that a border leaves empty; a cut-off tile that keeps more of itself than its holder


@pytest.mark.parametrize("seed", sorted({*range(4000, 4000 + PROBLEMS), *FOUND}))
def test_no_part_of_a_nest_is_said_to_cost_more_than_the_nest(seed: int) -> None:
    for problem in frames_of(seed):
        tried = nests(problem, random.Random(seed))
        if not tried:
            continue
        for fine in (False, True):
            search = looked_ahead(problem, "energy", [f[1:] for f in tried], fine)
            for loops, energy, cycles in tried:
                for labels, item in parts(search, loops):
                    for rough in (True, False):
                        least = lower_bound(search.moves, labels, item, rough=rough)
                        assert least.energy[0] <= energy * (1 + 1e-9), (loops, item)
                        assert least.cycles[0] <= cycles * (1 + 1e-9), (loops, item)
                    if search.cost_to_go is not None:
                        value, _ = search._completed(labels, item, least.cycles)
                        assert value[0] <= energy * (1 + 1e-9), (loops, item, fine)
