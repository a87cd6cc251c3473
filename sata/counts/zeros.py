"""Leader tiles over a batch: what bounds them, and the tables of their clusters, one for each chain of factors."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sata.counts.clusters import Cluster, Row, Source, TableKey, Tile, table
from sata.counts.plan import Group, Link, OperandPlan, View, Views
from sata.counts.rules import Leader
from sata.counts.tables import Batch, Tables, distinct_rows
from sata.counts.tiles import GroupAt, Look
from sata.counts.windows import IS_TEMPORAL
from sata.nest.structure import TEMPORAL

Number = Any  # int, or an int64 array [B]
Array = NDArray[Any]


class Zeros:
    """What the tiles of all rules need of a batch, shared by its events. `whole`: the batch in one piece."""

    def __init__(self, batch: Batch, leaders: tuple[Leader, ...], plans: Sequence[OperandPlan]) -> None:
        self.batch, self.leaders, self.plans = batch, leaders, plans
        self.whole = Tables(batch)
        self._fixed: dict[tuple[Source, Group], Number] = {}
        self._tables: dict[Any, tuple[Array, Array, Array, Any]] = {}

    def fixed(self, tile: Tile, group: Group) -> Number:
        """How many of a group's temporal loops are steps of one of the tile's sources: they bound the tile."""
        found: Number = len(temporal_slots(self.batch, group)) if not tile.sources else 0
        for source in tile.sources:
            found = np.maximum(found, self._steps(source, group))
        return found

    def depth(self, tile: Tile) -> int:
        """Spatial loops above it bound the tile."""
        if not tile.sources:
            return len(self.batch.structure.slots)
        return max(self._link(source).depth for source in tile.sources)

    def _link(self, source: Source) -> Link:
        return self.plans[source[0]].links[source[1]]

    def _steps(self, source: Source, group: Group) -> Number:
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

    def table(self, cluster: Cluster, views: Views, tiles: tuple[Tile, ...], kinds: Any, link: Link,
              at_compute: bool, backward: bool) -> tuple[Array, Array, Array, Any]:  # fmt: skip
        """Of all distinct chains of a cluster: features [dimensions, K, chains], new and held [kinds, K, chains], and
        for each entry of the batch the number of its chain (None for one mapping)."""
        key = (cluster, views, tiles, kinds, at_compute, backward)
        if key not in self._tables:
            rows, inverse = self._chains(cluster, views, tiles, link, at_compute)
            found = [table(self._key(cluster, views, tiles, kinds, row, backward)) for row in rows]
            self._tables[key] = *_stacked(found, len(cluster.dimensions), len(kinds)), inverse
        return self._tables[key]

    def _chains(self, cluster: Cluster, views: Views, tiles: tuple[Tile, ...], link: Link,
                at_compute: bool) -> tuple[list[tuple[int, ...]], Any]:  # fmt: skip
        """Distinct rows of: the factors of every group, the steps among its own loops, those of every tile."""
        columns: list[Number] = []
        for n in cluster.groups:
            group = views[n].group
            columns += [self.batch.factors[s] for s in group.slots]
            own = set(temporal_slots(self.batch, group))
            moves = zip(link.moves, [1] * len(link.moves) if at_compute else self.whole.active(link), strict=True)
            columns.append(sum((a for move, a in moves if move.slot in own), start=0))
            columns += [self.fixed(tile, group) for tile in tiles]
        columns = [int(c) if np.ndim(c) == 0 else c for c in columns]
        if all(isinstance(c, int) for c in columns):
            return [tuple(columns)], None
        return distinct_rows(columns)

    def _key(self, cluster: Cluster, views: Views, tiles: tuple[Tile, ...], kinds: Any, row: tuple[int, ...],
             backward: bool) -> TableKey:  # fmt: skip
        groups: list[GroupAt] = []
        looks: list[dict[Look, int]] = []
        insides: list[list[tuple[bool, ...]]] = []
        at = 0
        for n in cluster.groups:
            view = views[n]
            factors = row[at : at + len(view.group.slots)]
            active, fixed = row[at + len(factors)], row[at + len(factors) + 1 :][: len(tiles)]
            at += len(factors) + 1 + len(tiles)
            spans = self.batch.spans(view, factors)
            groups.append(GroupAt(view.group.window, view.loops, factors[: len(view.loops)], spans, active, backward))
            looks.append({})
            insides.append([_inside(view, self.depth(t), f) for t, f in zip(tiles, fixed, strict=True)])
        parts = []
        for d in cluster.dimensions:
            which = []
            for n, group in enumerate(cluster.groups):
                ranks = views[group].group.ranks
                terms = tuple((ranks.index(r), c) for r, c in zip(d.axis.ranks, d.axis.coefs, strict=True)
                              if r in ranks and c)  # fmt: skip
                if terms:
                    look = Look(terms, insides[n][d.tile])
                    which.append((n, looks[n].setdefault(look, len(looks[n]))))
            parts.append(tuple(which))
        borders = tuple((d.axis.offset, d.axis.size, d.dim if d.model else 0, d.model) for d in cluster.dimensions)
        each = tuple(tuple(kind[g] for g in cluster.groups) for kind in kinds)
        return TableKey(tuple(groups), tuple(tuple(some) for some in looks), tuple(parts), borders, each)


def temporal_slots(batch: Batch, group: Group) -> tuple[int, ...]:
    """The slots of a group's temporal loops."""
    return tuple(s for s in group.slots if batch.structure.slots[s].array == TEMPORAL)


def _inside(view: View, depth: int, fixed: int) -> tuple[bool, ...]:
    """Which of a view's loops run inside a leader tile that is bounded by `fixed` temporal loops and by the spatial
    loops above `depth`."""
    found, temporal = [], 0
    for slot, loop in zip(view.slots, view.loops, strict=True):
        if loop.role == IS_TEMPORAL:
            found.append(temporal >= fixed or slot >= depth)
            temporal += 1
        else:
            found.append(slot >= depth)
    return tuple(found)


def _stacked(tables: Sequence[tuple[Row, ...]], dimensions: int, kinds: int) -> tuple[Array, Array, Array]:
    """Rows of many chains as arrays, the shorter ones filled up with rows of nothing."""
    most = max(1, *(len(rows) for rows in tables))
    features = np.zeros((dimensions, most, len(tables)), dtype=np.int64)
    new = np.zeros((kinds, most, len(tables)), dtype=np.int64)
    held = np.zeros((kinds, most, len(tables)), dtype=np.int64)
    for n, rows in enumerate(tables):
        if rows:
            k = len(rows)
            features[:, :k, n] = np.array([r.features for r in rows], dtype=np.int64).reshape(k, dimensions).T
            new[:, :k, n] = np.array([r.new for r in rows], dtype=np.int64).T
            held[:, :k, n] = np.array([r.held for r in rows], dtype=np.int64).T
    return features, new, held
