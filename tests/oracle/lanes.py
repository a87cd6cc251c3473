"""Lanes that wait for each other, walked: every point of the nest, every loop, for many tensors at once.

A point takes one cycle of its lane unless an element that the compute looks at is zero or does not exist, or a rule on an
input fires for the tile that the point lies under. From the innermost loop outwards times are added up over the indices of
a loop; over the lanes of an array that waits the largest counts. Shares no code with the product.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping
from itertools import product
from typing import Any

import numpy as np

from .problem import Problem, Tensor
from .sparse import Sparsity


def walk_lanes(
    problem: Problem, sparsity: Sparsity, values: Mapping[str, Any], waiting: Collection[int]
) -> tuple[Any, int]:
    """Return (times of all draws, the time without zeros). values: per tensor 0/1 [its dimensions, draws]; what it lacks
    is dense. waiting: positions in the nest of the arrays whose lanes wait."""
    loops = problem.loops
    points = [indices for indices in product(*(range(loop.factor) for loop in loops)) if _exists(problem, indices)]
    draws = max((np.shape(v)[-1] for v in values.values()), default=1)
    tensors = {t.name: t for t in (*problem.tensors, *sparsity.local)}
    left = np.ones((len(points), draws), dtype=bool)
    for name in sparsity.skip:
        everything = range(len(loops))
        left &= _tiles_hold(problem, tensors[name], values.get(name), points, everything, draws)
    for rule in sparsity.rules:
        follower = tensors[rule.follower]
        chain = problem.chain(rule.follower)
        keepers = [problem.nest[at][1] for at in chain[:-1]]
        if rule.effect != "skip" or follower.role != "input" or rule.memory not in keepers:
            continue
        bounds = _step(problem, follower, chain[keepers.index(rule.memory) + 1])
        for leader in rule.leaders:
            left &= _tiles_hold(problem, tensors[leader], values.get(leader), points, bounds, draws)
    whole = _time(problem, points, np.ones((len(points), 1)), waiting)
    return _time(problem, points, left.astype(float), waiting), int(whole[0])


def _exists(problem: Problem, indices: tuple[int, ...]) -> bool:
    return all(value < problem.ranks[rank] for rank, value in _ranks(problem, indices).items())


def _ranks(problem: Problem, indices: tuple[int, ...]) -> dict[str, int]:
    found = dict.fromkeys(problem.ranks, 0)
    for loop, index in zip(problem.loops, indices, strict=True):
        found[loop.rank] += loop.stride * index
    return found


def _step(problem: Problem, follower: Tensor, at: int) -> list[int]:
    """The loops whose indices tell the follower's steps and instances at the memory or compute at a position apart."""
    above = [i for i, loop in enumerate(problem.loops) if loop.node < at]
    spatial = [i for i in above if problem.loops[i].array is not None]
    temporal = [i for i in above if problem.loops[i].array is None]
    if problem.nest[at][0] == "memory":
        while temporal and not (
            problem.loops[temporal[-1]].rank in follower.ranks and problem.loops[temporal[-1]].factor > 1
        ):
            temporal.pop()
    return spatial + temporal


def _tiles_hold(problem: Problem, leader: Tensor, values: Any, points: Any, bounds: Any, draws: int) -> Any:
    """Whether the leader's tile that each point lies under holds a non-zero: [points, draws]."""
    holds: dict[tuple[int, ...], Any] = defaultdict(lambda: np.zeros(draws, dtype=bool))
    keys = [tuple([indices[i] for i in bounds]) for indices in points]
    for key, indices in zip(keys, points, strict=True):
        ranks = _ranks(problem, indices)
        element = tuple([d.offset + sum(c * ranks[r] for r, c in d.ranks.items()) for d in leader.dims])
        if all(0 <= e < d.size for e, d in zip(element, leader.dims, strict=True)):
            holds[key] = holds[key] | (True if values is None else values[element] != 0)
    return np.array([holds[key] for key in keys])


def _time(problem: Problem, points: Any, work: Any, waiting: Collection[int]) -> Any:
    """Fold the loops, the innermost first."""
    now = {indices: work[n] for n, indices in enumerate(points)}
    for loop in reversed(problem.loops):
        further: dict[tuple[int, ...], Any] = {}
        for indices, time in now.items():
            before = further.get(indices[:-1])
            together = np.maximum if loop.array in waiting else np.add
            further[indices[:-1]] = time if before is None else together(before, time)
        now = further
    return now.get((), np.zeros(work.shape[1]))
