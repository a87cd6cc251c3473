"""Lanes that wait for each other: the temporal steps that an array in lockstep takes when zeros are skipped.

In every step of the temporal loops outside the array each lane works through its own operations; the array goes on when
the slowest is done. What is left of the slowest lanes' work is what is left of the steps; instances of arrays further
out count on average. A trace gives the work of every lane exactly. Under other models the lanes that see different
leader tiles are independent, and the expected maximum of L of them is sum over x of 1 - P(work <= x)^L.

Assumptions: arrays further out are not in lockstep with it, arrays further in share a lane's work evenly. Where one
leader decides element by element its non-zeros in a lane's tile have the model's own distribution; otherwise (several
leaders, or tiles) the units of decision in a lane survive independently with their mean chance.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import comb, prod
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from sata.counts.clusters import Tile
from sata.counts.models import Model, Sight
from sata.counts.outcomes import point_tiles
from sata.counts.plan import View, points_of
from sata.counts.rules import Leader, Rules
from sata.counts.survivors import Sum
from sata.counts.tables import Batch, Tables
from sata.counts.zeros import Zeros, temporal_slots
from sata.nest.structure import Axis, Structure

Floats = NDArray[np.float64]
LARGEST = 1 << 25  # steps times lanes, and leader tiles, that are counted exactly
SMALL = 1 << 22  # entries of a matrix that is made of what is mostly zero


class TooLarge(Exception):
    """The work of every lane in every step is more than can be counted. `size`: how many numbers that would be."""

    def __init__(self, size: int) -> None:
        super().__init__(size)
        self.size = size


def waiting_share(structure: Structure, factors: tuple[int, ...], rules: Rules, array: int, share: float) -> float:
    """What zeros leave of the temporal steps of one mapping with array number `array` in lockstep, expected. share:
    what they leave of the operations, so of the steps if lanes shared their work evenly. Raises: TooLarge for traces of
    very many steps."""
    tiles = point_tiles(structure, rules, skips_only=True)
    own = [i for i, slot in enumerate(structure.slots) if slot.array == array]
    lanes = prod(factors[i] for i in own)
    if not tiles or lanes == 1:
        return share
    if all(rules.leaders[t.leader].model.deterministic for t in tiles):
        return _Lanes(structure, factors, rules, tiles, own).share()
    return share * _spread(structure, factors, rules, tiles, own)


# --- traces: every lane in every step ---------------------------------------------------------------------------------


class _Where:
    """Stands in for a density model, so that tables tell apart where a lane and its step are."""

    def __init__(self) -> None:
        self.masks: list[int] = [0]
        self._numbers: dict[int, int] = {0: 0}

    def sight(self, dim: int) -> Sight:
        return Sight.PLACE

    def feature(self, dim: int, coordinates: int) -> int:
        if coordinates not in self._numbers:
            self._numbers[coordinates] = len(self.masks)
            self.masks.append(coordinates)
        return self._numbers[coordinates]


class _Lanes:
    """The work of every lane in every step."""

    def __init__(self, structure: Structure, factors: tuple[int, ...], rules: Rules, tiles: tuple[Tile, ...],
                 own: list[int]) -> None:  # fmt: skip
        self.structure, self.factors, self.own, self.tiles = structure, factors, own, tiles
        self.end = own[-1] + 1
        self.where = _Where()
        axes = tuple(Axis((r,), (1,), 0, bound) for r, bound in enumerate(structure.bounds))
        place = Leader("", axes, cast("Model", self.where))
        batch, points = Batch(structure, list(factors)), points_of(structure)
        zeros = Zeros(batch, (*rules.leaders, place), batch.plan)
        places = Tile(len(rules.leaders), (), self.end)
        self.sum = Sum(zeros, points, points.apart, (*tiles, places), at_compute=True)
        self.tables = Tables(batch)

    def share(self) -> float:
        """What zeros leave of the work of the slowest lanes, added up over steps and instances further out."""
        work, cells = self._work()
        whole = prod(c.slowest() for c in cells)
        return float(work.max(axis=1).sum()) / whole if whole else 1.0

    def _work(self) -> tuple[Floats, list[_Cells]]:
        """(operations that are not skipped [steps of all instances further out, lanes]; all, cluster by cluster)."""
        count = len(self.sum.tabled)
        features = [[np.ones(1, dtype=np.int64)] * len(self.sum.zeros.leaders[t.leader].axes) for t in self.tiles]
        cells: list[_Cells] = []
        for axis, (cluster, table) in enumerate(zip(self.sum.tabled, self.sum.tables, strict=True)):
            real = [n for n, d in enumerate(cluster.dimensions) if d.tile < len(self.tiles)]
            there = table.new[0, :, 0] > 0  # rows of nothing fill up a table
            rows = table.features[:, there, 0].T
            distinct, column = np.unique(rows[:, real], axis=0, return_inverse=True)
            for n, number in enumerate(real):
                d = cluster.dimensions[number]
                shape = [1] * count
                shape[axis] = len(distinct)
                features[d.tile][d.dim] = distinct[:, n].reshape(shape)
            cells.append(self._cells(cluster, rows, column.ravel(), len(distinct), table.new[0, there, 0]))
        for d in self.sum.constant:
            if d.tile < len(self.tiles):
                features[d.tile][d.dim] = np.array(
                    d.model.feature(d.dim, 1 << d.axis.offset) if d.model and 0 <= d.axis.offset < d.axis.size else 0
                )
        _check_size(prod(c.columns for c in cells))
        work = self.sum.passing(features, len(self.tiles)).reshape([c.columns for c in cells])
        for axis in sorted(range(count), key=lambda n: prod(cells[n].shape) / cells[n].columns):
            work = cells[axis].work(work, axis)
        shapes = [c.shape for c in cells]
        work = work.reshape([n for shape in shapes for n in shape])
        work = work.transpose([2 * n + part for part in range(2) for n in range(count)])
        return work.reshape([prod(shape[part] for shape in shapes) for part in range(2)]), cells

    def _cells(self, cluster: Any, rows: Any, column: Any, columns: int, new: Any) -> _Cells:
        """Of one cluster: operations by step (and instance further out), lane, and leader tiles."""
        marks = [n for n, d in enumerate(cluster.dimensions) if d.tile == len(self.tiles)]
        known: tuple[dict[tuple[int, ...], int], ...] = ({}, {})
        places = np.array([[k.setdefault(part, len(k)) for k, part in zip(known, self._digits(cluster, marks, row),
                                                                          strict=True)] for row in rows])  # fmt: skip
        shape = len(known[0]), len(known[1])
        return _Cells(shape, np.ravel_multi_index(places.T, shape), column, columns, np.asarray(new))

    def _digits(self, cluster: Any, marks: list[int], row: Any) -> tuple[tuple[int, ...], ...]:
        """(indices of all loops outside the array, of the array's own)."""
        found: list[list[int]] = [[], []]
        for n in marks:
            rank = cluster.dimensions[n].axis.ranks[0]
            mask = self.where.masks[int(row[n])]
            value = (mask & -mask).bit_length() - 1
            for slot in reversed(self.structure.slots_of[rank]):
                value, digit = (
                    divmod(value, self.factors[slot]) if slot != self.structure.slots_of[rank][0] else (0, value)
                )
                if slot < self.end:
                    found[slot in self.own].append(digit)
        return tuple(tuple(part) for part in found)


@dataclass(frozen=True, slots=True)
class _Cells:
    """Operations of one cluster, an entry for each cell and leader tile that meet. shape: steps of all instances
    further out, lanes; cell: their flat number; column: number of the leader tile, of `columns`; number: operations.
    """

    shape: tuple[int, int]
    cell: Any
    column: Any
    columns: int
    number: Any

    def slowest(self) -> float:
        """The operations of the slowest lane, zeros included, added up over steps."""
        whole = np.bincount(self.cell, weights=self.number, minlength=prod(self.shape))
        return float(whole.reshape(self.shape).max(axis=1).sum())

    def work(self, chance: Floats, axis: int) -> Floats:
        """Sums over the leader tiles, which lie along an axis: the cells take their place there.

        Most cells meet few leader tiles, so a matrix of both is made only where it is small. Raises: TooLarge.
        """
        cells, rest = prod(self.shape), chance.size // self.columns
        _check_size(cells * rest)
        if cells * self.columns <= SMALL:
            matrix = np.bincount(self.cell * self.columns + self.column, weights=self.number,
                                 minlength=cells * self.columns).reshape(cells, self.columns)  # fmt: skip
            return np.moveaxis(np.tensordot(matrix, chance, (1, axis)), 0, axis)
        _check_size(len(self.cell) * rest)
        order = np.argsort(self.cell, kind="stable")
        there, starts = np.unique(self.cell[order], return_index=True)
        along = [-1 if n == axis else 1 for n in range(chance.ndim)]
        found = chance.take(self.column[order], axis=axis) * self.number[order].reshape(along)
        result = np.zeros([cells if n == axis else size for n, size in enumerate(chance.shape)])
        chosen: tuple[Any, ...] = (*[slice(None)] * axis, there)
        result[chosen] = np.add.reduceat(found, starts, axis=axis)
        return result


def _check_size(size: int) -> None:
    """Raises: TooLarge."""
    if size > LARGEST:
        raise TooLarge(size)


# --- other models: independent lanes ----------------------------------------------------------------------------------


def _spread(structure: Structure, factors: tuple[int, ...], rules: Rules, tiles: tuple[Tile, ...],
            own: list[int]) -> float:  # fmt: skip
    """The expected maximum of the lanes' work, over its mean."""
    ranks = {r for t in tiles for axis in rules.leaders[t.leader].axes for r in axis.ranks}
    lanes = prod(factors[i] for i in own if structure.slots[i].rank in ranks)
    if lanes == 1:
        return 1.0
    if len(tiles) == 1 and not tiles[0].sources:
        return _of_elements(structure, factors, rules, tiles[0], own[-1] + 1, lanes)
    batch, points = Batch(structure, list(factors)), points_of(structure)
    zeros = Zeros(batch, rules.leaders, batch.plan)
    left = float(Sum(zeros, points, points.apart, tiles, at_compute=True).total(Tables(batch))[0])
    units = prod(
        factors[slot]
        for view in points.apart
        for slot in view.group.slots
        if slot > own[-1] and any(_bounds(zeros, t, view, slot) for t in tiles)
    )
    share = left / structure.computes
    return _maximum(_binomial(units, share), lanes)


def _bounds(zeros: Zeros, tile: Tile, view: View, slot: int) -> bool:
    """Whether another index of a loop means another leader tile."""
    if not any(view.group.ranks[0] in axis.ranks for axis in zeros.leaders[tile.leader].axes):
        return False
    temporal = temporal_slots(zeros.batch, view.group)
    if slot in temporal:
        return temporal.index(slot) < int(zeros.fixed(tile, view.group))
    return slot < zeros.depth(tile)


def _of_elements(structure: Structure, factors: tuple[int, ...], rules: Rules, tile: Tile, end: int,
                 lanes: int) -> float:  # fmt: skip
    """One leader, element by element: the non-zeros of every lane's tile, weighed by the operations in it."""
    model = rules.leaders[tile.leader].model
    batch, points = Batch(structure, list(factors)), points_of(structure)
    zeros = Zeros(batch, rules.leaders, batch.plan)
    sum_ = Sum(zeros, points, points.apart, (Tile(tile.leader, (), end),), at_compute=True)
    tables = Tables(batch)
    weights, features = sum_.parts(tables)
    slowest = mean = 0.0
    arrays = np.broadcast_arrays(weights, *(np.atleast_1d(f) for f in features[0]))
    rows, inverse = np.unique(np.stack([a.ravel() for a in arrays[1:]], axis=1), axis=0, return_inverse=True)
    totals = np.bincount(inverse.ravel(), weights=arrays[0].ravel(), minlength=len(rows))
    for row, weight in zip(rows, totals, strict=True):
        if not weight or not row.all():
            continue
        chances = model.distribution(*(int(f) for f in row))
        expected = float(np.arange(len(chances)) @ chances)
        elements = len(chances) - 1
        mean += weight * expected / elements
        slowest += weight * expected / elements * _maximum(chances, lanes)
    return slowest / mean if mean else 1.0


def _binomial(n: int, share: float) -> Floats:
    """The distribution of n independent units that survive with the same chance."""
    if n > 1000:
        x = np.arange(n + 1)
        width = max(n * share * (1 - share), 1e-12)
        found = np.exp(-((x - n * share) ** 2) / (2 * width))
    else:
        found = np.array([comb(n, k) * share**k * (1 - share) ** (n - k) for k in range(n + 1)])
    return np.asarray(found / found.sum())


def _maximum(chances: Floats, lanes: int) -> float:
    """The expected maximum of independent draws, over the mean."""
    below = np.minimum(np.cumsum(chances), 1.0)
    mean = float(np.arange(len(chances)) @ chances)
    return float((1.0 - below**lanes).sum()) / mean if mean else 1.0
