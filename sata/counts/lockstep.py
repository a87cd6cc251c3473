"""Lanes that wait for each other: the temporal steps that an array in lockstep takes when zeros are skipped.

In every step of the temporal loops outside the array each lane works through its own operations; the array goes on when
the slowest is done. A trace gives the work of every lane exactly. Under other models the lanes that see different
leader tiles are independent, and the expected maximum of L of them is sum over x of 1 - P(work <= x)^L.

Assumptions: arrays further out are not in lockstep with it, arrays further in share a lane's work evenly. Where one
leader decides element by element its non-zeros in a lane's tile have the model's own distribution; otherwise (several
leaders, or tiles) the units of decision in a lane survive independently with their mean chance.
"""

from __future__ import annotations

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
from sata.nest.structure import TEMPORAL, Axis, Structure

Floats = NDArray[np.float64]
LARGEST = 1 << 25  # steps times lanes times leader tiles that are counted exactly


class TooLarge(Exception):
    """The work of every lane in every step is more than can be counted. `size`: how many numbers that would be."""

    def __init__(self, size: int) -> None:
        super().__init__(size)
        self.size = size


def waiting_steps(structure: Structure, factors: tuple[int, ...], rules: Rules, array: int, mean_steps: float) -> float:
    """Expected temporal steps of one mapping with array number `array` in lockstep. mean_steps: those that lanes take
    which share their work evenly. Raises: TooLarge for traces of very many steps."""
    tiles = point_tiles(structure, rules, skips_only=True)
    own = [i for i, slot in enumerate(structure.slots) if slot.array == array]
    lanes = prod(factors[i] for i in own)
    if not tiles or lanes == 1:
        return mean_steps
    if all(rules.leaders[t.leader].model.deterministic for t in tiles):
        return _Lanes(structure, factors, rules, tiles, own).steps()
    return mean_steps * _spread(structure, factors, rules, tiles, own)


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

    def steps(self) -> float:
        """Sum over steps of the work of the slowest lane; the mean over instances further out."""
        work = self._work()
        used = work.any(axis=(0, 2)).sum()
        further_in = prod(
            f for i, (f, s) in enumerate(zip(self.factors, self.structure.slots, strict=True))
            if i >= self.end and s.array != TEMPORAL
        )  # fmt: skip
        return float(work.max(axis=2).sum() / max(int(used), 1) / further_in)

    def _work(self) -> Floats:
        """Operations that are not skipped: [steps, instances further out, lanes]."""
        count = len(self.sum.tabled)
        features = [[np.ones(1, dtype=np.int64)] * len(self.sum.zeros.leaders[t.leader].axes) for t in self.tiles]
        matrices: list[Floats] = []
        for axis, (cluster, table) in enumerate(zip(self.sum.tabled, self.sum.tables, strict=True)):
            real = [n for n, d in enumerate(cluster.dimensions) if d.tile < len(self.tiles)]
            rows = table.features[:, :, 0].T
            distinct, column = np.unique(rows[:, real], axis=0, return_inverse=True)
            for n, number in enumerate(real):
                d = cluster.dimensions[number]
                shape = [1] * count
                shape[axis] = len(distinct)
                features[d.tile][d.dim] = distinct[:, n].reshape(shape)
            matrices.append(self._matrix(cluster, rows, column.ravel(), len(distinct), table.new[0, :, 0]))
        for d in self.sum.constant:
            if d.tile < len(self.tiles):
                features[d.tile][d.dim] = np.array(
                    d.model.feature(d.dim, 1 << d.axis.offset) if d.model and 0 <= d.axis.offset < d.axis.size else 0
                )
        sizes = [m.shape for m in matrices]
        size = max(prod(s[0] * s[1] * s[2] for s in sizes), prod(s[3] for s in sizes))
        if size > LARGEST:
            raise TooLarge(size)
        chance = self.sum.passing(features, len(self.tiles)).reshape([s[3] for s in sizes])
        operands: list[Any] = [chance, list(range(count))]
        out: list[list[int]] = [[], [], []]
        for n, matrix in enumerate(matrices):
            axes = [count + 3 * n + i for i in range(3)]
            operands += [matrix, [*axes, n]]
            for kind, axis in zip(out, axes, strict=True):
                kind.append(axis)
        work = np.einsum(*operands, [*out[0], *out[1], *out[2]], optimize="greedy")
        return np.asarray(work).reshape([prod(s[i] for s in sizes) for i in range(3)])

    def _matrix(self, cluster: Any, rows: Any, column: Any, columns: int, new: Any) -> Floats:
        """Of one cluster: operations by step, instance further out, lane, and leader tiles."""
        marks = [n for n, d in enumerate(cluster.dimensions) if d.tile == len(self.tiles)]
        digits = [self._digits(cluster, marks, row) for row in rows]
        known: list[dict[tuple[int, ...], int]] = [{}, {}, {}]
        places = [[k.setdefault(part, len(k)) for k, part in zip(known, d, strict=True)] for d in digits]
        shape = (len(known[0]), len(known[1]), len(known[2]), columns)
        if prod(shape) > LARGEST:
            raise TooLarge(prod(shape))
        matrix = np.zeros(shape)
        for (step, outer, lane), to, number in zip(places, column.tolist(), new.tolist(), strict=True):
            matrix[step, outer, lane, to] += number
        return matrix

    def _digits(self, cluster: Any, marks: list[int], row: Any) -> tuple[tuple[int, ...], ...]:
        """(indices of temporal loops outside the array, of spatial ones further out, of the array's own)."""
        found: list[list[int]] = [[], [], []]
        for n in marks:
            rank = cluster.dimensions[n].axis.ranks[0]
            mask = self.where.masks[int(row[n])]
            value = (mask & -mask).bit_length() - 1
            for slot in reversed(self.structure.slots_of[rank]):
                value, digit = (
                    divmod(value, self.factors[slot]) if slot != self.structure.slots_of[rank][0] else (0, value)
                )
                if slot < self.end:
                    temporal = self.structure.slots[slot].array == TEMPORAL
                    found[2 if slot in self.own else 0 if temporal else 1].append(digit)
        return tuple(tuple(part) for part in found)


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
