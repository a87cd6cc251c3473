"""The search against plain enumeration where loops decide what an event costs; `SATA_SEARCH_PROBLEMS` as elsewhere."""

from __future__ import annotations

import os
import random
from itertools import islice

import numpy as np
import pytest

from sata.search.frame import Frame, frame_of
from sata.search.frontier import Best, Search, Tally
from sata.search.nests import nest_of, shape_of
from sata.search.objective import NAMES, Objective
from sata.search.plain import all_nests, enumerate_scores
from sata.search.score import figures
from sata.search.setting import setting_of
from sata.search.space import Constraints, skeletons

from .sparse_problems import random_sparse_problem
from .test_search import Points, front, optimum

PROBLEMS = int(os.environ.get("SATA_SEARCH_PROBLEMS", "40"))
MOST = 150  # nests of a problem: each is counted by itself


def frames_of(seed: int, ragged: bool = False) -> list[Frame]:
    """The skeletons of a random problem that is small enough to enumerate, not all of them linear."""
    rng = random.Random(f"sparse {seed}")
    while True:
        setting = setting_of(*random_sparse_problem(rng, ragged))
        found = [
            frame_of(s, setting.machine, Constraints(), ragged)
            for s in skeletons(setting.arch, setting.workload.ops[0], setting.machine.prices, Constraints())
        ]
        number = 0
        for frame in found:
            number += sum(1 for _ in islice(all_nests(frame), MOST + 1 - number))
        if 0 < number <= MOST and not all(frame.linear for frame in found):
            return found


def figures_of(frames: list[Frame]) -> Points:
    """(energy, cycles) of every nest that fits, each by itself as `sata run` has it."""
    found = []
    for frame in frames:
        for loops in all_nests(frame):
            nest = nest_of(frame.skeleton, loops)
            energy, cycles, fits = figures(nest, *shape_of(nest), frame.on)
            if fits:
                found.append((energy, cycles))
    return found


def searched(frames: list[Frame], objective: str) -> Points:
    best = Best(Objective(objective))
    for frame in frames:
        assert Search(frame, best, Tally(), {}).run(1 << 40) == float("inf")
    return sorted((f.energy_pj, f.cycles) for f in best.found)


@pytest.mark.parametrize("ragged", [False, True])
@pytest.mark.parametrize("seed", range(PROBLEMS))
def test_equals_plain_enumeration(seed: int, ragged: bool) -> None:
    frames = frames_of(seed, ragged)
    points = figures_of(frames)
    for objective in NAMES:
        found = searched(frames, objective)
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
    frames = frames_of(seed, ragged)
    batch = sorted((e, c) for frame in frames for _, e, c in enumerate_scores(frame))
    single = sorted(figures_of(frames))
    assert len(batch) == len(single)
    if single:
        assert np.sort(np.array(batch), axis=0) == pytest.approx(np.sort(np.array(single), axis=0), rel=1e-9, abs=1e-12)


@pytest.mark.parametrize("seed", range(2 * PROBLEMS, 2 * PROBLEMS + max(PROBLEMS // 2, 1)))
def test_bounds_of_the_root_are_bounds(seed: int) -> None:
    """No mapping of a skeleton is below what is said of the empty nest."""
    for frame in frames_of(seed):
        points = figures_of([frame])
        least = Search(frame, Best(Objective("energy")), Tally(), {}).root_bound()
        if points:
            assert least.energy.min() <= min(e for e, _ in points) * (1 + 1e-12)
            assert least.cycles.min() <= min(c for _, c in points) * (1 + 1e-12)
