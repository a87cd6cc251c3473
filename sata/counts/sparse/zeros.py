"""Leader tiles over a batch: what bounds them, and the tables of their clusters, one for each chain of factors."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sata.counts.dense.batch import Batch, distinct_rows
from sata.counts.dense.plan import DimensionGroup, Link, OperandPlan, Views
from sata.counts.dense.tables import Tables
from sata.counts.sparse.clusters import LeaderCluster, LeaderTile, Source
from sata.counts.sparse.layout import Kinds, Measures, Solved, layout_of
from sata.counts.sparse.rules import Leader
from sata.nest.structure import TEMPORAL

Number = Any  # int, or an int64 array [B]
Array = NDArray[Any]


class Zeros:
    """What the tiles of all rules need of a batch, shared by its events. `whole`: the batch in one piece."""

    def __init__(self, batch: Batch, leaders: tuple[Leader, ...], plans: Sequence[OperandPlan]) -> None:
        self.batch, self.leaders, self.plans = batch, leaders, plans
        self.whole = Tables(batch)
        self._fixed: dict[tuple[Source, DimensionGroup], Number] = {}
        self._rows: dict[Any, Any] = {}

    def fixed(self, tile: LeaderTile, group: DimensionGroup) -> Number:
        """How many of a group's temporal loops are steps of one of the tile's sources: they bound the tile."""
        if not tile.sources:
            depth = self.depth(tile)
            return sum(slot < depth for slot in temporal_slots(self.batch, group))
        found: Number = 0
        for source in tile.sources:
            found = np.maximum(found, self._steps(source, group))
        return found

    def depth(self, tile: LeaderTile) -> int:
        """Spatial loops above it bound the tile."""
        if not tile.sources:
            return len(self.batch.structure.slots) if tile.above is None else tile.above
        return max(self._link(source).depth for source in tile.sources)

    def _link(self, source: Source) -> Link:
        return self.plans[source[0]].links[source[1]]

    def _steps(self, source: Source, group: DimensionGroup) -> Number:
        key = source, group
        if key not in self._fixed:
            link, plan = self._link(source), self.plans[source[0]]
            own = set(temporal_slots(self.batch, group))
            if source[1] + 1 == len(plan.links):  # the compute takes every loop as a step
                self._fixed[key] = len([m for m in link.moves if m.slot in own])
            else:
                pairs = zip(link.moves, self.whole.active(link), strict=True)
                self._fixed[key] = sum((active for move, active in pairs if move.slot in own), start=0)
        return self._fixed[key]

    def table(self, cluster: LeaderCluster, views: Views, tiles: tuple[LeaderTile, ...], kinds: Kinds, link: Link,
              at_compute: bool, backward: bool, measures: Measures) -> LeaderTable:  # fmt: skip
        """The tables of all distinct chains of a cluster."""
        layout = layout_of(cluster, views, kinds, tuple(self.depth(t) for t in tiles), backward, measures,
                           tuple(len(t.sources) < 2 for t in tiles))  # fmt: skip
        rows, inverse = self._chains(tuple(views[n].group for n in cluster.groups), tiles, link, at_compute)
        return LeaderTable(layout.numbers, *_stacked([layout.solve(row) for row in rows]), inverse)

    def _chains(
        self, groups: tuple[DimensionGroup, ...], tiles: tuple[LeaderTile, ...], link: Link, at_compute: bool
    ) -> Any:
        """(distinct rows, as a layout wants them; for each entry of the batch the number of its row, None for one
        mapping)."""
        key = groups, tiles, None if at_compute else (link.depth, link.relevant)
        if key not in self._rows:
            columns: list[Number] = []
            for group in groups:
                own = set(temporal_slots(self.batch, group))
                moves = zip(link.moves, [1] * len(link.moves) if at_compute else self.whole.active(link), strict=True)
                columns.append(sum((a for move, a in moves if move.slot in own), start=0))
                columns += [self.fixed(tile, group) for tile in tiles]
            self._rows[key] = self._rows_of(groups, [int(c) if np.ndim(c) == 0 else c for c in columns])
        return self._rows[key]

    def _rows_of(self, groups: tuple[DimensionGroup, ...], columns: list[Number]) -> Any:
        """Distinct combinations of a chain of factors and of the columns. The chains of all slots together serve every
        cluster and every tensor with the same ranks."""
        slots = tuple(sorted(s for group in groups for s in group.slots))
        chains, inverse = self.batch.chains_of(slots)
        order = [slots.index(s) for group in groups for s in group.slots]
        factors = [tuple(chain[i] for i in order) for chain in chains]
        if inverse is None:
            return [(*factors[0], *columns)], None
        rows, numbers = distinct_rows([inverse, *columns])
        return [(*factors[row[0]], *row[1:]) for row in rows], numbers


@dataclass(frozen=True, slots=True)
class LeaderTable:
    """features [dimensions, K, chains], new and held [kinds, K, chains]; numbers: per term of a sum, its kind; inverse:
    for each entry of the batch the number of its chain, None for one mapping."""

    numbers: list[int]
    features: Array
    new: Array
    held: Array
    inverse: Any

    def keeps(self) -> list[bool]:
        """Per kind, whether anything is held under any chain."""
        return [bool(k) for k in self.held.sum(axis=(1, 2))]

    def columns(self, piece: slice | None) -> tuple[Array, Array, Array]:
        """(features, new, held) of a piece of the batch: [.., K, B]."""
        if self.inverse is None:
            return self.features, self.new, self.held
        chosen = self.inverse if piece is None else self.inverse[piece]
        return self.features.take(chosen, axis=2), self.new.take(chosen, axis=2), self.held.take(chosen, axis=2)


def temporal_slots(batch: Batch, group: DimensionGroup) -> tuple[int, ...]:
    """The slots of a group's temporal loops."""
    return tuple(s for s in group.slots if batch.structure.slots[s].array == TEMPORAL)


def _stacked(tables: Sequence[Solved]) -> tuple[Array, Array, Array]:
    """The tables of many chains as arrays, the shorter ones filled up with rows of nothing.

    Counts become floats, which multiply faster than whole numbers and are exact up to 2^53.
    """
    most = max(t.new.shape[1] for t in tables)
    found = []
    for side in range(3):
        each = [t[side] for t in tables]
        alike = [a if a.shape[1] == most else np.pad(a, ((0, 0), (0, most - a.shape[1]))) for a in each]
        whole = np.stack(alike, axis=-1)
        found.append(whole.astype(np.float64) if side else whole)
    return found[0], found[1], found[2]
