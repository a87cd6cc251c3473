"""What is said of inner parts ahead of the search, against plain enumeration on random tiny problems: no mapping is
below it, and the search with cost-to-go tables finds the same. `SATA_SEARCH_PROBLEMS` sets how many."""

from __future__ import annotations

import random

import numpy as np
import pytest

from sata.search.cost_to_go.rows import Cutoff
from sata.search.cost_to_go.states import tile_states_of
from sata.search.cost_to_go.tables import CostToGo
from sata.search.engine.beam import BeamSearch
from sata.search.model.enumerate import enumerate_scores
from sata.search.model.objective import NAMES, Objective
from sata.search.model.problem import SearchProblem
from sata.search.partial.incumbent import Incumbent, SearchCounters, score_mapping

from .test_search import PROBLEMS, frames_of, front, optimum

Scored = list[tuple[tuple, float, float]]


def enumerated(problems: list[SearchProblem]) -> list[Scored]:
    return [list(enumerate_scores(problem)) for problem in problems]


@pytest.mark.parametrize("seed", range(1000, 1000 + PROBLEMS))
@pytest.mark.parametrize("fine", [False, True])
def test_no_mapping_is_below_what_is_said_ahead(seed: int, fine: bool) -> None:
    """With the worst mapping as the limit nearly nothing is left out, with the best one nearly everything."""
    problems = frames_of(seed, False)
    for problem, found in zip(problems, enumerated(problems), strict=True):
        if not found:
            continue
        for name in ("energy", "cycles", "edp"):
            objective = Objective(name)
            values = objective.value(*(np.array([f[n] for f in found]) for n in (1, 2)))
            for limit in (np.argmax(values), np.argmin(values)):
                grid = tile_states_of(problem, fine)
                assert grid is not None
                have = ((found[limit][1] * (1 + 1e-6), found[limit][2] * (1 + 1e-6)),)
                cost_to_go = CostToGo(problem, grid, Cutoff(objective, have, 0.0), fine)
                if not cost_to_go.usable:
                    continue
                assert cost_to_go.build()  # the limit is above a mapping that there is
                assert cost_to_go.cheapest[0][0] <= values.min() * (1 + 1e-9)


@pytest.mark.parametrize("seed", range(2000, 2000 + PROBLEMS))
def test_looking_ahead_changes_nothing_but_the_work(seed: int) -> None:
    """From some mapping that is there already the search with its cost-to-go tables finds the optimum, and the
    front."""
    problems = frames_of(seed, False)
    found = enumerated(problems)
    points = [(energy, cycles) for each in found for _, energy, cycles in each]
    if not points:
        return
    rng = random.Random(seed)
    number = rng.choice([n for n, each in enumerate(found) if each])
    for name in NAMES:
        incumbent, counters, shared = Incumbent(Objective(name)), SearchCounters(), {}
        start = score_mapping(problems[number], rng.choice(found[number])[0])
        assert start is not None
        incumbent.offer(start)
        for problem in problems:
            search = BeamSearch(problem, incumbent, counters, shared)
            if search.build_cost_to_go(closely=False) and search.build_cost_to_go(closely=True):
                assert search.run(1 << 40) == float("inf")
        have = sorted((f.energy_pj, f.cycles) for f in incumbent.mappings)
        if name == "pareto":
            assert np.array(have) == pytest.approx(np.array(front(points)), rel=1e-9)
        else:
            assert optimum(have, name) == pytest.approx(optimum(points, name), rel=1e-9)
