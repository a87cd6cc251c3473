"""Whole searches of one op against plain enumeration, every objective; the Pareto front at once and point by point."""

from __future__ import annotations

import os
import random

import pytest

from sata.search.engine import solve as solving
from sata.search.engine.solve import Task, solve
from sata.search.model.enumerate import enumerate_scores
from sata.search.model.objective import NAMES
from sata.search.model.problem import problem_of
from sata.search.run.setup import SearchSetup, setup_of
from sata.search.space.storage_templates import Constraints, storage_templates

from .problems import few_nests, random_problem
from .test_search import Points, front, optimum

PROBLEMS = int(os.environ.get("SATA_SEARCH_PROBLEMS", "24"))
MOST = 500  # nests of a problem


def small_problem(seed: int, ragged: bool) -> tuple[SearchSetup, Points]:
    """A random problem that is small enough to enumerate, and (energy, cycles) of all that fits: something does."""
    rng = random.Random(f"whole {seed}")
    while True:
        setting = setup_of(*random_problem(rng, ragged))
        prices = setting.machine.prices
        every = storage_templates(setting.arch, setting.workload.ops[0], prices, Constraints())
        problems = [problem_of(s, setting.machine, Constraints(), ragged) for s in every]
        if few_nests(problems, MOST):
            points = [(e, c) for problem in problems for _, e, c in enumerate_scores(problem)]
            if points:
                return setting, points


def task(setting: SearchSetup, objective: str, ragged: bool) -> Task:
    return Task(setting.arch, setting.workload.ops[0], setting.machine, objective, Constraints(), ragged)


@pytest.mark.parametrize("seed", range(PROBLEMS))
def test_whole_searches_equal_plain_enumeration(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    ragged = seed % 4 == 3
    setting, points = small_problem(seed, ragged)
    for objective in NAMES[:3]:
        answer = solve(task(setting, objective, ragged))
        assert answer.proven
        found = [(p.energy_pj, p.cycles) for p in answer.points]
        assert optimum(found, objective) == pytest.approx(optimum(points, objective), rel=1e-9)
    for stepwise in (1 << 60, 0):
        monkeypatch.setattr(solving, "STEPWISE", stepwise)
        answer = solve(task(setting, "pareto", ragged))
        assert answer.proven
        found = [(p.energy_pj, p.cycles) for p in answer.points]
        assert [c for _, c in found[::-1]] == pytest.approx([c for _, c in front(points)][::-1], rel=1e-9)
        assert [e for e, _ in found] == pytest.approx([e for e, _ in front(points)], rel=1e-9)
