"""Operations by where they happen and which tiles decide about them, cluster by cluster.

Dimensions of leaders that share a rank are enumerated together: such a cluster of ranks has *cells*, the combinations
of what its loops outside, its lanes, and so on stand at, and *columns*, the combinations of tiles that occur. Inside a
lane only the number of operations matters.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sata.counts.density import Sight
from sata.counts.lockstep.nest import INSIDE, LaneUnit, Nest

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
LARGEST = 1 << 25  # steps times lanes, and leader tiles, that are counted
SMALL = 1 << 22  # entries of a matrix that is made of what is mostly zero


class TooLarge(Exception):
    """The work of every lane in every step is more than can be counted. `size`: how many numbers that would be."""

    def __init__(self, size: int) -> None:
        super().__init__(size)
        self.size = size


def check_size(size: int) -> None:
    """Raises: TooLarge."""
    if size > LARGEST:
        raise TooLarge(size)


@dataclass(frozen=True)
class Sets:
    """Sets of coordinates of one dimension: set n has coordinates[starts[n]:starts[n + 1]], ascending."""

    starts: Ints
    coordinates: Ints

    @property
    def sizes(self) -> Ints:
        """How many coordinates each has."""
        return np.diff(self.starts)

    def features(self, unit: LaneUnit, dim: int) -> Ints:
        """What the model of a unit's leader must know of each."""
        if unit.model.sight(dim) is Sight.SIZE:
            return self.sizes
        spans = zip(self.starts[:-1], self.starts[1:], strict=True)
        masks = (sum(1 << int(c) for c in self.coordinates[a:b]) for a, b in spans)
        return np.array([unit.model.feature(dim, mask) for mask in masks], dtype=np.int64)

    def any(self, values: NDArray[np.bool_], axis: int) -> NDArray[np.bool_]:
        """Whether any of the values along an axis is true, for each set."""
        sizes = self.sizes
        if (sizes == 1).all():
            return values.take(self.coordinates, axis=axis)
        shape = list(values.shape)
        shape[axis] = len(sizes)
        found = np.zeros(shape, dtype=bool)
        there = np.flatnonzero(sizes)
        if len(there):
            check_size(len(self.coordinates) * values.size // max(1, values.shape[axis]))
            gathered = values.take(self.coordinates, axis=axis)
            place: tuple[Any, ...] = (*[slice(None)] * axis, there)
            found[place] = np.logical_or.reduceat(gathered, self.starts[there], axis=axis)
        return found


@dataclass(frozen=True)
class Cells:
    """One cluster: an entry for each cell and column that meet.

    shape: [segments] how many combinations of loop indices each segment has; cell: flat number of the cell; column:
    number of the column; number: operations. sets: per unit and dimension of this cluster, its sets; which: the set of
    each column.
    """

    shape: tuple[int, ...]
    cell: Ints
    column: Ints
    columns: int
    number: Floats
    sets: dict[tuple[int, int], Sets]
    which: dict[tuple[int, int], Ints]

    def all_work(self) -> Floats:
        """Operations of every cell, zeros included: [segments]."""
        found: Floats = np.bincount(self.cell, weights=self.number, minlength=prod(self.shape)).astype(np.float64)
        return found.reshape(self.shape)

    def work(self, chance: NDArray[Any], axis: int) -> Floats:
        """Sums over the columns, which lie along an axis: the cells take their place there.

        Most cells meet few columns, so a matrix of both is made only where it is small. Raises: TooLarge.
        """
        cells, rest = prod(self.shape), chance.size // max(1, self.columns)
        check_size(cells * rest)
        if cells * self.columns <= SMALL:
            matrix: Any = np.bincount(self.cell * self.columns + self.column, weights=self.number,
                                 minlength=cells * self.columns).reshape(cells, self.columns)  # fmt: skip
            summed: Floats = np.tensordot(matrix, chance.astype(np.float64, copy=False), (1, axis))
            return np.moveaxis(summed, 0, axis)
        check_size(len(self.cell) * rest)
        order = np.argsort(self.cell, kind="stable")
        there, starts = np.unique(self.cell[order], return_index=True)
        along = [-1 if n == axis else 1 for n in range(chance.ndim)]
        found = chance.take(self.column[order], axis=axis) * self.number[order].reshape(along)
        result = np.zeros([cells if n == axis else size for n, size in enumerate(chance.shape)])
        chosen: tuple[Any, ...] = (*[slice(None)] * axis, there)
        result[chosen] = np.add.reduceat(found, starts, axis=axis)
        return result


def lockstep_clusters(nest: Nest, ranks: Iterable[int], units: Sequence[LaneUnit]) -> list[tuple[int, ...]]:
    """Ranks that one dimension of a leader indexes belong together."""
    found: list[set[int]] = [{r} for r in ranks]
    for unit in units:
        for axis in unit.leader.axes:
            own = {r for r in axis.ranks if nest.slots((r,))}
            meeting = [c for c in found if c & own]
            if len(meeting) > 1:
                found = [*(c for c in found if c not in meeting), set().union(*meeting)]
    return sorted(tuple(sorted(c)) for c in found)


def cells_of(nest: Nest, ranks: tuple[int, ...], units: Sequence[LaneUnit], last: int) -> Cells:
    """The cells of a cluster in the segments 0 to `last`. Raises: TooLarge."""
    values = _values(nest, ranks)
    digits = _digits(nest, ranks, values)
    keys = [[] for _ in range(last + 1)]  # type: list[list[int]]
    for slot in sorted(digits):
        segment = nest.segment(slot)
        if segment != INSIDE and segment <= last:
            keys[segment].append(slot)
    count = len(next(iter(values.values()))) if values else 1
    places = [_numbered(_mixed(nest, digits, own, count)) for own in keys]
    shape = tuple(size for _, size in places)
    cell = np.zeros(count, dtype=np.int64)
    for place, size in places:
        cell = cell * size + place
    sets: dict[tuple[int, int], Sets] = {}
    each: dict[tuple[int, int], Ints] = {}
    for n, unit in enumerate(units):
        for dim, axis in enumerate(unit.leader.axes):
            if any(r in ranks for r in axis.ranks):
                coordinate = np.full(count, axis.offset, dtype=np.int64)
                for r, coef in zip(axis.ranks, axis.coefs, strict=True):
                    coordinate = coordinate + coef * values.get(r, 0)
                own = [s for s in sorted(unit.bounds) if nest.structure.slots[s].rank in axis.ranks]
                each[n, dim], sets[n, dim] = _sets(_mixed(nest, digits, own, count), coordinate, axis.size)
    column = np.zeros(count, dtype=np.int64)
    for key, numbers in each.items():
        column, _ = _numbered(column * len(sets[key].sizes) + numbers)
    columns = int(column.max(initial=0)) + 1
    pairs, often = np.unique(cell * columns + column, return_counts=True)
    first = np.zeros(columns, dtype=np.int64)
    first[column[::-1]] = np.arange(count - 1, -1, -1)
    which = {key: numbers[first] for key, numbers in each.items()}
    return Cells(shape, pairs // columns, pairs % columns, columns, often.astype(np.float64), sets, which)


def _values(nest: Nest, ranks: tuple[int, ...]) -> dict[int, Ints]:
    """Per rank its value at every existing combination. Raises: TooLarge."""
    bounds = [nest.structure.bounds[r] for r in ranks]
    check_size(prod(bounds))
    grid = np.indices(bounds, dtype=np.int64).reshape(len(ranks), -1)
    return dict(zip(ranks, grid, strict=True))


def _digits(nest: Nest, ranks: tuple[int, ...], values: dict[int, Ints]) -> dict[int, Ints]:
    """Per slot of more than one index, its index at every combination."""
    found = {}
    for rank in ranks:
        for slot, stride in nest.strides(rank).items():
            if nest.factors[slot] > 1:
                found[slot] = values[rank] // stride % nest.factors[slot]
    return found


def _mixed(nest: Nest, digits: dict[int, Ints], slots: Iterable[int], count: int) -> Ints:
    """The indices of some slots as one number."""
    number = np.zeros(count, dtype=np.int64)
    for slot in slots:
        if slot in digits:
            number = number * nest.factors[slot] + digits[slot]
    return number


def _numbered(keys: Ints) -> tuple[Ints, int]:
    """(for each key its number among those that occur, how many these are)."""
    found, numbers = np.unique(keys, return_inverse=True)
    return numbers.reshape(-1).astype(np.int64), len(found)


def _sets(tiles: Ints, coordinate: Ints, size: int) -> tuple[Ints, Sets]:
    """(for each entry the number of its tile's set, the distinct sets). Coordinates beyond the border do not exist."""
    tiles, count = _numbered(tiles)
    inside = (coordinate >= 0) & (coordinate < size)
    pairs = np.unique(tiles[inside] * size + coordinate[inside])
    rows, coordinates = pairs // size, pairs % size
    starts = np.searchsorted(rows, np.arange(count + 1))
    sizes = np.diff(starts)
    known: dict[bytes, int] = {}
    if (sizes <= 1).all():
        key = np.full(count, -1, dtype=np.int64)
        key[rows] = coordinates
        found, number = np.unique(key, return_inverse=True)
        number = number.reshape(-1)
        chosen = np.zeros(len(found), dtype=np.int64)
        chosen[number[::-1]] = np.arange(count - 1, -1, -1)
    else:
        spans = zip(starts[:-1], starts[1:], strict=True)
        number = np.array([known.setdefault(coordinates[a:b].tobytes(), len(known)) for a, b in spans], dtype=np.int64)
        chosen = np.zeros(len(known), dtype=np.int64)
        chosen[number[::-1]] = np.arange(count - 1, -1, -1)
    parts = [coordinates[starts[n] : starts[n + 1]] for n in chosen]
    joined = np.concatenate(parts) if parts else coordinates
    return number[tiles], Sets(np.concatenate([[0], np.cumsum([len(p) for p in parts])]).astype(np.int64), joined)
