"""Plain enumeration: every nest of a storage template, one after the other, with no argument to leave any out.

The oracle of the search, and the answer for spaces small enough. Loops of one rank that follow each other in a block
are one loop, which is the only thing taken together here.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fractions import Fraction
from itertools import islice
from math import prod

import numpy as np

from sata.search.model.exact import Floats, score
from sata.search.model.problem import SearchProblem
from sata.search.space.busy_lanes import busy_lanes
from sata.search.space.nests import PlacedLoop, slotted_nest
from sata.search.space.storage_templates import Constraints, StorageTemplate
from sata.specs.model import Array, Compute

Left = tuple[int, ...]


def all_nests(problem: SearchProblem) -> Iterator[tuple[PlacedLoop, ...]]:
    """The loops of every nest that covers all ranks, whether its tiles fit or not."""
    for loops in _below(problem, 0, problem.bounds, ()):
        if legal(problem, loops):
            yield loops


def homes_hold(problem: SearchProblem, loops: Sequence[PlacedLoop]) -> bool:
    """Whether no state has a loop along which it is carried above a home further in than the outermost memory."""
    for operand in problem.operands:
        home = operand.levels[0].item
        carried = {problem.ranks[r] for r in operand.carried}
        if home and any(loop.item < home and loop.rank in carried for loop in loops):
            return False
    return True


def as_asked(template: StorageTemplate, asked: Constraints, loops: Sequence[PlacedLoop]) -> bool:
    """Whether temporal loops have the factors and orders that the user asks for."""
    op = template.op
    blocks: dict[str, list[PlacedLoop]] = {item.name: [] for item in template.items}
    for loop in loops:
        if not loop.axis:
            blocks[template.items[loop.item].name].append(loop)
    for name, ranks in asked.factors.items():
        for rank, (least, most) in ranks.items():
            product = prod(loop.factor for loop in blocks.get(name, ()) if loop.rank == rank)
            if rank in op.ranks and not least <= product <= most:
                return False
    for name, order in asked.order.items():
        places = [order.index(loop.rank) for loop in blocks.get(name, ()) if loop.rank in order]
        if places != sorted(places):
            return False
    for name, first in asked.first.items():
        behind = [loop.rank not in first for loop in blocks.get(name, ())]
        if behind != sorted(behind):
            return False
    return True


def legal(problem: SearchProblem, loops: Sequence[PlacedLoop]) -> bool:
    """Whether loops that cover every rank make a nest of the space: lanes, ranks of arrays, time, homes of states."""
    lanes: dict[tuple[int, str], int] = {}
    for loop in loops:
        node = problem.template.items[loop.item]
        if not loop.axis:
            continue
        if not isinstance(node, Array) or problem.ranks.index(loop.rank) in problem.temporal_only:
            return False
        names = problem.constraints.ranks.get((node.name, loop.axis))
        if names is not None and loop.rank not in names:
            return False
        key = loop.item, loop.axis
        lanes[key] = lanes.get(key, 1) * loop.factor
    for number, node in enumerate(problem.template.items):
        if isinstance(node, Array):
            for axis, size in node.shape.items():
                used = lanes.get((number, axis), 1)
                if used > size or used < problem.constraints.least_lanes(size):
                    return False
    return (
        lanes_work(problem, loops)
        and homes_hold(problem, loops)
        and as_asked(problem.template, problem.constraints, loops)
    )


def lanes_work(problem: SearchProblem, loops: Sequence[PlacedLoop]) -> bool:
    """Whether enough lanes of every axis work on average, where loops leave some idle."""
    least = problem.constraints.utilization
    if not problem.ragged or not least:
        return True
    for number, node in enumerate(problem.template.items):
        for axis, size in node.shape.items() if isinstance(node, Array) else ():
            name, lanes = f"{number}.{axis}", Fraction(1)
            for rank in {loop.rank for loop in loops if (loop.item, loop.axis) == (number, axis)}:
                factors = [(f"{p.item}.{p.axis}" if p.axis else "", p.factor) for p in loops if p.rank == rank]
                lanes *= busy_lanes(problem.template.op.ranks[rank], factors, name)
            if lanes < Fraction(repr(least)) * size:
                return False
    return True


def _below(
    problem: SearchProblem, item: int, left: Left, loops: tuple[PlacedLoop, ...]
) -> Iterator[tuple[PlacedLoop, ...]]:
    node = problem.template.items[item]
    if isinstance(node, Compute):
        if all(n == 1 for n in left):
            yield loops
        return
    starts = (
        _unrolled(problem, item, list(node.shape), 0, 0, left, loops) if isinstance(node, Array) else [(left, loops)]
    )
    for after, more in starts:
        yield from _block(problem, item, after, more)


def _block(
    problem: SearchProblem, item: int, left: Left, loops: tuple[PlacedLoop, ...]
) -> Iterator[tuple[PlacedLoop, ...]]:
    yield from _below(problem, item + 1, left, loops)
    for rank in range(len(left)):
        name = problem.ranks[rank]
        if loops and (loops[-1].item, loops[-1].axis, loops[-1].rank) == (item, "", name):
            continue
        for factor, rest in _splits(problem, rank, left[rank]):
            after = (*left[:rank], rest, *left[rank + 1 :])
            yield from _block(problem, item, after, (*loops, PlacedLoop(item, "", name, factor)))


def _unrolled(problem: SearchProblem, item: int, axes: list[str], axis: int, rank: int, left: Left,
              loops: tuple[PlacedLoop, ...]) -> Iterator[tuple[Left, tuple[PlacedLoop, ...]]]:  # fmt: skip
    node = problem.template.items[item]
    assert isinstance(node, Array)
    if axis == len(axes):
        yield left, loops
        return
    if rank == len(left):
        yield from _unrolled(problem, item, axes, axis + 1, 0, left, loops)
        return
    yield from _unrolled(problem, item, axes, axis, rank + 1, left, loops)
    if rank in problem.temporal_only:
        return
    used = 1
    for loop in loops:
        used *= loop.factor if (loop.item, loop.axis) == (item, axes[axis]) else 1
    for factor, rest in _splits(problem, rank, left[rank]):
        if used * factor <= node.shape[axes[axis]]:
            after = (*left[:rank], rest, *left[rank + 1 :])
            placed = PlacedLoop(item, axes[axis], problem.ranks[rank], factor)
            yield from _unrolled(problem, item, axes, axis, rank + 1, after, (*loops, placed))


def _splits(problem: SearchProblem, rank: int, left: int) -> Iterator[tuple[int, int]]:
    """(factor, what is left below it) of a further loop of a rank."""
    if problem.ragged and left == problem.bounds[rank]:
        for stride in range(1, left):
            yield -(-left // stride), stride
        return
    for factor in range(2, left + 1):
        if left % factor == 0:
            yield factor, left // factor


def enumerate_scores(
    problem: SearchProblem, most: int | None = None
) -> Iterator[tuple[tuple[PlacedLoop, ...], float, float]]:
    """(loops, energy in pJ, cycles) of all nests whose tiles fit; of the first `most` nests only, where given."""
    batches: dict[tuple[tuple[int, str, str], ...], list[tuple[PlacedLoop, ...]]] = {}
    for loops in islice(all_nests(problem), most):
        key = tuple((p.item, p.axis, p.rank) for p in loops)
        batches.setdefault(key, []).append(loops)
    for slots, members in batches.items():
        energy, cycles, fits = score_batch(problem, slots, members)
        for n in np.flatnonzero(fits).tolist():
            yield members[n], float(energy[n]), float(cycles[n])


def score_batch(
    problem: SearchProblem, slots: tuple[tuple[int, str, str], ...], members: list[tuple[PlacedLoop, ...]]
) -> tuple[Floats, Floats, np.ndarray]:
    """(energy, cycles, fits) of nests with the same slots."""
    nest, (structure, _) = slotted_nest(problem.template, slots)
    factors = np.array([[p.factor for p in loops] for loops in members], dtype=np.int64).T
    return score(nest, structure, factors.reshape(len(slots), len(members)), problem.on)
