"""How much of a window's tile is still there when a loop goes on: for inner parts of nests, whose child tile is known.

A *mark* tells of each tensor with windows which tile stands still below: by irregular rank (extent of the child's tile,
lanes of arrays that hold such tiles side by side, their stride); None where nothing does.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from sata.nest.structure import Axis
from sata.search.cost_to_go.states import TileStates, sumset
from sata.search.model.problem import SearchProblem
from sata.search.partial.columns import distinct_columns

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Place = tuple[int, int, int]  # extent, lanes, stride
Child = tuple[int, tuple[Place, ...]]  # elements of the regular ranks, and by irregular rank
Mark = tuple[Child | None, ...]  # by tensor


class WindowMarks:
    """Marks by number; 0: nothing stands still."""

    def __init__(self, problem: SearchProblem, grid: TileStates) -> None:
        self.problem, self.grid = problem, grid
        self.of = {r: g for g, ranks in enumerate(grid.classes) for r in ranks}
        self.marks: list[Mark] = [(None,) * len(problem.operands)]
        self.numbers = {self.marks[0]: 0}

    def with_child(self, numbers: Ints, t: int, state: Ints) -> Ints:
        """Marks after a memory has taken a tile of the tensor: what a state says, [B]."""
        operand = self.problem.operands[t]
        regular = self.grid.regular[t][state].astype(np.int64)
        rows = np.stack([numbers, regular, *(self.grid.extents[self.of[r]][state] for r in operand.irregular)])
        return self._each(rows, lambda mark, own: _set(mark, t, (own[0], tuple((e, 1, 1) for e in own[1:]))))

    def without(self, numbers: Ints, t: int) -> Ints:
        """Marks after a loop that moves the whole tile of the tensor."""
        return self._each(numbers[None, :], lambda mark, _: _set(mark, t, None))

    def with_lanes(self, numbers: Ints, t: int, state: Ints, factors: Ints) -> Ints:
        """Marks after an array. factors: [ranks] of its lanes."""
        operand = self.problem.operands[t]
        rows = np.stack([numbers, *(self.grid.extents[self.of[r]][state] for r in operand.irregular)])
        lanes = [int(factors[r]) for r in operand.irregular]

        def add(mark: Mark, own: list[int]) -> Mark:
            child = mark[t]
            if child is None:
                return mark
            places = tuple(
                place if n == 1 else (place[0], n * place[1], e if place[1] == 1 else 0)
                for place, n, e in zip(child[1], lanes, own, strict=True)
            )
            return _set(mark, t, (child[0], places))

        return self._each(rows, add)

    def _each(self, rows: Ints, change: object) -> Ints:
        distinct, inverse = distinct_columns(rows)
        new = []
        for number, *own in distinct.T.tolist():
            mark = change(self.marks[number], own)  # type: ignore[operator]
            number_of_mark = self.numbers.get(mark)
            if number_of_mark is None:
                number_of_mark = self.numbers[mark] = len(self.marks)
                self.marks.append(mark)
            new.append(number_of_mark)
        return np.array(new, dtype=np.int64)[inverse]

    def sizes(self, numbers: Ints, t: int) -> Floats:
        """[B]: the most elements of the child's tile."""
        distinct, inverse = np.unique(numbers, return_inverse=True)
        tile_sizes = []
        for number in distinct.tolist():
            child = self.marks[number][t]
            size = float(child[0]) if child else 0.0
            for axis in self.problem.operands[t].axes if child else ():
                extents = [child[1][p - 2][0] for p in axis.ranks]
                size *= len(np.unique(sumset(axis.coefs, extents, [1] * len(extents))))
            tile_sizes.append(size)
        return np.array(tile_sizes)[inverse.reshape(-1)]

    def overlap(self, numbers: Ints, t: int, state: Ints, rank: int, factors: Ints) -> Floats:
        """[B]: elements that a child still holds, on average, each time a loop over a rank goes on. factors:
        of the loop; state: what is inside it."""
        operand = self.problem.operands[t]
        at = operand.irregular.index(rank) + 2 if rank in operand.irregular else -1
        marks, mark = np.unique(numbers, return_inverse=True)
        children = [self.marks[number][t] for number in marks.tolist()]
        kept = np.array([float(child[0]) if child else 0.0 for child in children])[mark.reshape(-1)]
        for axis in operand.axes:  # a few different ones of each dimension make up all
            ranks = [operand.irregular[p - 2] for p in axis.ranks]
            bounds = tuple(self.problem.bounds[r] for r in ranks)
            moved = axis.ranks.index(at) if at in axis.ranks else -1
            known: dict[tuple[Place, ...], int] = {(): 0}
            places = [tuple(child[1][p - 2] for p in axis.ranks) if child else () for child in children]
            of_mark = np.array([known.setdefault(place, len(known)) for place in places], dtype=np.int64)
            names = list(known)
            passed = factors if moved >= 0 else np.ones_like(factors)
            extents = [self.grid.extents[self.of[r]][state] for r in ranks]
            distinct, inverse = distinct_columns(np.stack([of_mark[mark.reshape(-1)], passed, *extents]))
            each = [
                _overlap(axis.coefs, axis.offset, axis.size, bounds, names[place], tuple(here), moved, factor)
                if names[place]
                else 0.0
                for place, factor, *here in distinct.T.tolist()
            ]
            kept = kept * np.array(each)[inverse]
        return kept


def _set(mark: Mark, t: int, child: Child | None) -> Mark:
    return (*mark[:t], child, *mark[t + 1 :])


@lru_cache(maxsize=1 << 17)
def _overlap(coefs: tuple[int, ...], offset: int, size: int, bounds: tuple[int, ...], child: tuple[Place, ...],
             extents: tuple[int, ...], rank: int, factor: int) -> float:  # fmt: skip
    """Of one dimension, see `WindowMarks.overlap`. rank: its rank that the loop is over, or -1."""
    inner = sumset(coefs, [p[0] for p in child], [1] * len(child))
    # in time the child has come as far as extents go, but for what other lanes have done
    came = sum(
        c * (e - own - (lanes - 1) * stride) for c, e, (own, lanes, stride) in zip(coefs, extents, child, strict=True)
    )
    shift = (coefs[rank] * extents[rank] if rank >= 0 else 0) - came
    low = int(inner.min())
    mask = np.zeros(int(inner.max()) - low + 1, dtype=bool)
    mask[inner - low] = True
    if abs(shift) >= len(mask):
        return 0.0
    # the place v of this tile was v + shift in the one before
    held = np.zeros_like(mask)
    if shift >= 0:
        held[: len(mask) - shift] = mask[shift:]
    else:
        held[-shift:] = mask[: len(mask) + shift]
    both = mask & held
    if not both.any():
        return 0.0
    total = np.concatenate([[0], np.cumsum(both)])
    starts = np.array([offset + low], dtype=np.int64)
    for n, (c, b, e, (_, lanes, stride)) in enumerate(zip(coefs, bounds, extents, child, strict=True)):
        index = np.arange(b // e)
        if n == rank:
            index = index[index % factor != 0]
        starts = (starts[:, None] + c * e * index).ravel()
        starts = (starts[:, None] + c * stride * np.arange(lanes)).ravel()
    first = np.clip(-starts, 0, len(both))
    last = np.clip(size - starts, 0, len(both))
    return float(np.mean(total[np.maximum(last, first)] - total[first]))


@lru_cache(maxsize=1 << 16)
def lanes_sharing(axis: Axis, extents: tuple[int, ...], lanes: tuple[int, ...], clipped: bool, windows: bool) -> float:
    """How many lanes of one dimension share. windows: those whose windows coincide, else those that hold an element.
    extents: of the tile of each lane. On average, or at most where a border may leave less in places that few share.

    Windows of different lanes only coincide where borders leave the same of both: the first place they keep has one
    before it that is cut off and the last one has one behind it, each as far away as the lanes are, which is no further
    than windows reach; so they reach over more than half of the dimension.
    """
    places, number = np.unique(sumset(axis.coefs, lanes, extents), return_counts=True)
    tile = np.unique(sumset(axis.coefs, extents, (1,) * len(extents)))
    if windows and not (clipped and 2 * (tile[-1] - tile[0]) > axis.size):
        return float(number.max() if clipped else number.mean())
    first, last = places[0] + tile[0], places[-1] + tile[-1]
    holders = np.zeros(last - first + 1, dtype=np.int64)
    for place, count in zip(places.tolist(), number.tolist(), strict=True):
        holders[tile + place - first] += count
    return float(holders.max())
