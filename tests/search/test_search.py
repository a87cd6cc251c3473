"""The search against plain enumeration of everything in scope, on random tiny problems; `SATA_SEARCH_PROBLEMS` sets how
many (default 24 exact and 7 imperfect; a long check runs 2000)."""

from __future__ import annotations

import os
import random
from typing import Any

import pytest

from sata.search.engine.beam import BeamSearch
from sata.search.model.enumerate import enumerate_scores
from sata.search.model.objective import NAMES, Objective
from sata.search.model.problem import SearchProblem, problem_of
from sata.search.partial.incumbent import Incumbent, SearchCounters
from sata.search.run.setup import setup_of
from sata.search.space.storage_templates import Constraints, storage_templates

from .problems import few_nests, random_problem

PROBLEMS = int(os.environ.get("SATA_SEARCH_PROBLEMS", "24"))
RAGGED = max(PROBLEMS * 3 // 10, 1)
MOST = int(os.environ.get("SATA_SEARCH_NESTS", "500"))  # nests of a problem: larger ones are drawn again
Points = list[tuple[float, float]]


def frames_of(seed: int, ragged: bool, asking: bool = False) -> list[SearchProblem]:
    """The storage templates of a random problem that is small enough to enumerate. asking: with random factors and
    orders."""
    rng = random.Random(seed)
    while True:
        setting = setup_of(*random_problem(rng, ragged))
        op = setting.workload.ops[0]
        asked = random_asked(rng, setting) if asking else Constraints()
        found = [
            problem_of(s, setting.machine, asked, ragged)
            for s in storage_templates(setting.arch, op, setting.machine.prices, asked)
        ]
        if few_nests(found, MOST):
            return found


def random_asked(rng: random.Random, setting: Any) -> Constraints:
    """Factors and orders that may or may not leave something."""
    nodes = [n.name for way in setting.arch.ways() for n in way[:-1]]
    ranks = list(setting.workload.ops[0].ranks)
    factors = {
        rng.choice(nodes): {rng.choice(ranks): rng.choice([(1, 1), (2, 2), (1, 2), (2, 1 << 62)])}
        for _ in range(rng.randint(0, 2))
    }
    order = {rng.choice(nodes): tuple(rng.sample(ranks, min(2, len(ranks)))) for _ in range(rng.randint(0, 2))}
    return Constraints(factors=factors, order=order)


def searched(problems: list[SearchProblem], objective: str, merging: bool = True) -> tuple[Points, SearchCounters]:
    """The points that the search finds, all passes wide enough to leave nothing out."""
    incumbent, counters, shared = Incumbent(Objective(objective)), SearchCounters(), {}
    for problem in problems:
        problem.merging = problem.merging and merging
        assert BeamSearch(problem, incumbent, counters, shared).run(1 << 40) == float("inf")
    return sorted((f.energy_pj, f.cycles) for f in incumbent.mappings), counters


def optimum(points: Points, objective: str) -> Any:
    values = {"energy": [e for e, _ in points], "cycles": [c for _, c in points], "edp": [e * c for e, c in points]}
    return min(values[objective], default=None)


def front(points: Points) -> Points:
    """Points that no other is at least as good as in both, what differs by a rounding being the same."""
    found: Points = []
    for energy, cycles in sorted(points):
        if not found or cycles < found[-1][1] * (1 - 1e-9):
            found.append((energy, cycles))
    return found


def check(problems: list[SearchProblem]) -> None:
    points = [(energy, cycles) for problem in problems for _, energy, cycles in enumerate_scores(problem)]
    for objective in NAMES:
        found, _ = searched(problems, objective)
        if objective == "pareto":
            assert [c for _, c in found] == pytest.approx([c for _, c in front(points)], rel=1e-9)
            assert [e for e, _ in found] == pytest.approx([e for e, _ in front(points)], rel=1e-9)
        elif not points:
            assert not found
        else:
            assert optimum(found, objective) == pytest.approx(optimum(points, objective), rel=1e-9)


@pytest.mark.parametrize("seed", range(PROBLEMS))
def test_equals_plain_enumeration(seed: int) -> None:
    check(frames_of(seed, ragged=False))


@pytest.mark.parametrize("seed", range(RAGGED))
def test_equals_plain_enumeration_ragged(seed: int) -> None:
    check(frames_of(seed, ragged=True))


@pytest.mark.parametrize("seed", range(3000, 3000 + PROBLEMS))
def test_equals_plain_enumeration_of_what_is_asked(seed: int) -> None:
    """Factors and orders that the user asks for."""
    check(frames_of(seed, ragged=False, asking=True))


@pytest.mark.parametrize("seed", range(500, 508))
def test_merging_changes_nothing_but_the_work(seed: int) -> None:
    """The argument of equal futures, by itself."""
    for objective in ("energy", "cycles"):
        with_it, less = searched(frames_of(seed, False), objective)
        without, more = searched(frames_of(seed, False), objective, merging=False)
        assert (
            optimum(with_it, objective) == pytest.approx(optimum(without, objective), rel=1e-9)
            if without
            else not with_it
        )
        assert less.generated <= more.generated


@pytest.mark.parametrize("seed", range(600, 620))
def test_bounds_of_the_root_are_bounds(seed: int) -> None:
    """No mapping of a storage template is below what is said of the empty nest."""
    for problem in frames_of(seed, False):
        points = [(energy, cycles) for _, energy, cycles in enumerate_scores(problem)]
        least = BeamSearch(problem, Incumbent(Objective("energy")), SearchCounters(), {}).root_bound()
        if points:
            assert least.energy.min() <= min(e for e, _ in points) * (1 + 1e-12)
            assert least.cycles.min() <= min(c for _, c in points) * (1 + 1e-12)


@pytest.mark.parametrize("seed", range(700, 706))
def test_a_narrow_pass_never_claims_too_much(seed: int) -> None:
    """What a pass leaves out bounds what it may have missed."""
    problems = frames_of(seed, False)
    points = [(energy, cycles) for problem in problems for _, energy, cycles in enumerate_scores(problem)]
    for width in (1, 2, 5):
        incumbent = Incumbent(Objective("energy"))
        left = min(BeamSearch(problem, incumbent, SearchCounters(), {}).run(width) for problem in problems)
        if points:
            have = min((f.energy_pj for f in incumbent.mappings), default=float("inf"))
            assert min(left, have) <= min(e for e, _ in points) * (1 + 1e-9)
