"""How many of the events on a link survive: expected counts of those under which no leader tile is empty.

A sum over steps of |tile minus what was held| is, as for dense counts, one term for the first step and one for every
temporal loop that moves; each a product over groups of new coordinates minus a product of held ones. Here the terms
stay apart by the leader tiles under them (`clusters`), and each combination is weighed by the chance that all its
leader tiles hold a non-zero. Arrays have one axis for every cluster that has a table, then the batch.

Assumptions: different leaders are independent within a time step (a trace counts, so that two traces are joint).
Measured on small trained networks, products of per-step densities of spikes and gradients stay within about 7 % of the
joint count, products of layer means are up to 40 % off. Tiles of one leader
that stand under different followers, where neither contains the other, are independent given what they share.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from sata.counts.dense.plan import Link, View, Views
from sata.counts.dense.tables import Tables
from sata.counts.dense.window_rows import BY_ELEMENT, BY_TILE
from sata.counts.sparse.blocks import BlockGroups, of_blocks
from sata.counts.sparse.clusters import LeaderCluster, LeaderTile, clusters_of
from sata.counts.sparse.layout import Measures
from sata.counts.sparse.tiles import EVERY_STEP, FIRST_STEP, FIRSTS, Steps
from sata.counts.sparse.zeros import Array, Number, Zeros, temporal_slots

LARGE = 1 << 22  # combinations of leader tiles that are weighed one by one; beyond, leaders are summed separately


class Sum:
    """Expected events of one kind on a link that all tiles let through; for one batch, whose pieces it is asked for.

    at_compute: every step takes the whole tile. backward: departures. firsts: only the first arrival of every element.
    measures: per view, what the lanes that share a coordinate count as; held_only: instead of new minus held, the held.
    """

    def __init__(
        self,
        zeros: Zeros,
        link: Link,
        views: Views,
        tiles: tuple[LeaderTile, ...],
        *,
        at_compute: bool = False,
        backward: bool = False,
        firsts: bool = False,
        measures: Measures = (),
        held_only: bool = False,
    ) -> None:
        self.measures, self.held_only = measures or (None,) * len(views), held_only
        self.zeros, self.link, self.views, self.tiles = zeros, link, views, tiles
        self.at_compute, self.firsts = at_compute, firsts
        clusters, self.constant = clusters_of(views, tiles, zeros.leaders)
        self.flat = [c for c in clusters if c.flat and self._exact(c)]
        self.tabled = [c for c in clusters if not (c.flat and self._exact(c))]
        self.kinds = self._kinds([] if at_compute or firsts else link.moves)
        self.tables = [zeros.table(c, views, tiles, self.kinds, link, at_compute, backward, self.measures)
                       for c in self.tabled]  # fmt: skip
        keeps = [table.keeps() for table in self.tables]
        self.holds = [
            all(keep[table.numbers[n]] for keep, table in zip(keeps, self.tables, strict=True))
            for n in range(len(self.kinds))
        ]  # per term, whether anything is held in every table

    def _exact(self, cluster: LeaderCluster) -> bool:
        return not self.zeros.whole.ragged(self.views[cluster.groups[0]])

    def _kinds(self, moves: Sequence[Any]) -> tuple[tuple[Steps, ...], ...]:
        """Per term, the steps of every group: the first step (or all of them, or firsts), then one for each move."""
        only = EVERY_STEP if self.at_compute else FIRSTS if self.firsts else FIRST_STEP
        first = tuple(Steps(only) for _ in self.views)
        return first, *(tuple(Steps(out, g == m.group) for g, out in enumerate(m.outside)) for m in moves)

    def total(self, tables: Tables) -> Array:
        """The sum for the tables' piece of the batch: float64 [B], or [1] for one mapping (or where all are alike)."""
        columns = [table.columns(tables.piece) for table in self.tables]
        features = self._features(tables, columns)
        sizes = [new.shape[1] for _, new, _ in columns]
        if int(np.prod(sizes, dtype=object)) > LARGE and all(np.ndim(f) == 0 for f in tables.factors):
            return self._apart(tables, columns, features)
        weights = self._weights(tables, [(new, held) for _, new, held in columns])
        found = weights * self.passing(features, len(self.tiles))
        return np.asarray(found.reshape(-1, found.shape[-1]).sum(axis=0), dtype=np.float64)

    def parts(self, tables: Tables) -> tuple[Array, list[list[Any]]]:
        """(events under every combination of leader tiles, per tile and dimension of its leader the features)."""
        columns = [table.columns(tables.piece) for table in self.tables]
        weights = self._weights(tables, [(new, held) for _, new, held in columns])
        return weights, self._features(tables, columns)

    def _masks(self, tables: Tables) -> list[Number]:
        """Per term 1, or 0 where the loop that moves is not a step of the tensor."""
        return [1] if self.at_compute or self.firsts else [1, *tables.active(self.link)]

    # --- counts -----------------------------------------------------------------------------------------------

    def _weights(self, tables: Tables, columns: Sequence[tuple[Array, Array]]) -> Array:
        """Events under every combination of rows, [K.., B]."""
        news: dict[tuple[int, ...], Any] = {}  # by kinds of the tables: what the blocks contribute, added up
        helds: dict[tuple[int, ...], Any] = {}
        for kinds, new, held in self._terms(tables):
            news[kinds] = news.get(kinds, 0) + new
            if not _is_zero(held):
                helds[kinds] = helds.get(kinds, 0) + held
        if self.held_only:
            found = np.atleast_1d(np.asarray(_folded(helds, [kept for _, kept in columns])))
            return found.reshape((1,) * (len(columns) + 1 - found.ndim) + found.shape)
        total = _folded(news, [more for more, _ in columns]) - _folded(helds, [kept for _, kept in columns])
        return np.atleast_1d(np.asarray(total))

    def _terms(self, tables: Tables) -> Iterator[tuple[tuple[int, ...], Number, Number]]:
        """Per term of the sum: the kinds of steps of the tables, and what all blocks together cover and hold.

        As in `dense`: what is covered grows by the factor of every block loop that is passed, since it runs from then
        on; blocks are held only where none of them moves.
        """
        kinds = list(zip(*(table.numbers for table in self.tables), strict=True)) or [()] * len(self.kinds)
        flats = [BlockGroups(tables, self.views[c.groups[0]]) for c in self.flat]
        reach: Number = 1
        for flat, c in zip(flats, self.flat, strict=True):
            reach = reach * flat.step(self.kinds[0][c.groups[0]])[0] * self._ratio(tables, c)
        yield kinds[0], reach, 0
        if len(kinds) == 1:
            return
        free = {c.groups[0]: self.views[c.groups[0]].group.window.free for c in self.flat}
        masks, still = tables.active(self.link), tables.still(self.link)
        for n, move in enumerate(self.link.moves):
            new: Number = reach
            if move.group in free:
                more = reach * tables.factors[move.slot]
                new, reach = more - reach, more
            new = new * masks[n]
            held = new * still[n] if free.get(move.group, True) and self.holds[n + 1] else 0
            yield kinds[n + 1], new, held

    def _ratio(self, tables: Tables, cluster: LeaderCluster) -> Number:
        """What a coordinate of a flat cluster counts as by its measure, on average."""
        measure = self.measures[cluster.groups[0]]
        return 1 if measure is None else of_blocks(measure, self.views[cluster.groups[0]], tables.factors)

    # --- leader tiles -----------------------------------------------------------------------------------------

    def _features(self, tables: Tables, columns: Sequence[tuple[Array, Array, Array]]) -> list[list[Any]]:
        """Per tile and dimension of its leader, the features; each an array along the axes of its cluster."""
        found: list[list[Any]] = [[1] * len(self.zeros.leaders[t.leader].axes) for t in self.tiles]
        for axis, (cluster, (features, _, _)) in enumerate(zip(self.tabled, columns, strict=True)):
            for d, row in zip(cluster.dimensions, features, strict=True):
                found[d.tile][d.dim] = _on(row, axis, len(columns))
        for cluster in self.flat:
            for d in cluster.dimensions:
                found[d.tile][d.dim] = self._block(tables, self.views[cluster.groups[0]], self.tiles[d.tile])
        for d in self.constant:
            inside = 0 <= d.axis.offset < d.axis.size
            if not inside:
                found[d.tile][d.dim] = 0
            elif d.model is not None:
                found[d.tile][d.dim] = d.model.feature(d.dim, 1 << d.axis.offset)
        return found

    def _block(self, tables: Tables, view: View, tile: LeaderTile) -> Number:
        """How many values of a flat cluster's rank lie under a leader tile."""
        size: Number = 1
        depth, fixed = self.zeros.depth(tile), _of_piece(self.zeros.fixed(tile, view.group), tables)
        temporal = 0
        for n, slot in enumerate(view.group.slots):
            factor = tables.factors[slot]
            is_temporal = slot in temporal_slots(self.zeros.batch, view.group)
            if is_temporal:
                bound = slot < depth and (temporal < fixed)
                size = size * np.where(bound, 1, factor) if np.ndim(bound) else size * (1 if bound else factor)
                temporal += 1
            else:
                shared = n < len(view.loops) and view.loops[n].role in (BY_TILE, BY_ELEMENT) and view.group.window.free
                size = size * (factor if slot >= depth or shared else 1)
        return size

    def passing(self, features: Sequence[Sequence[Any]], tiles: int) -> Array:
        """The chance that each of the first `tiles` tiles holds a non-zero."""
        chance: Any = 1.0
        for leader in dict.fromkeys(t.leader for t in self.tiles[:tiles]):
            chance = chance * self._of_leader(leader, features)
        return np.atleast_1d(np.asarray(chance))

    def _of_leader(self, leader: int, features: Sequence[Sequence[Any]]) -> Any:
        """For several tiles of one leader: they are given in full, with what they share as the last one."""
        model = self.zeros.leaders[leader].model
        own = [[np.atleast_1d(f) for f in features[n]] for n, t in enumerate(self.tiles) if t.leader == leader]
        if len(own) == 1:
            return model.p_occupied(*own[0])
        empty = [model.p_empty(*one) for one in own]
        common = empty[-1]
        rest: Any = 1.0
        for one in empty[:-1]:
            rest = rest * (
                1.0
                - np.divide(
                    one,
                    common,
                    out=np.ones(np.broadcast(one, common).shape),
                    where=np.broadcast_to(common > 0, np.broadcast(one, common).shape),
                )
            )
        return 1.0 - common + common * rest

    def _apart(
        self, tables: Tables, columns: Sequence[tuple[Array, Array, Array]], features: Sequence[Sequence[Any]]
    ) -> Array:
        """One mapping with very many combinations: the sum over each leader's own axes before those of the next."""
        count = len(columns)
        flats = [BlockGroups(tables, self.views[c.groups[0]]) for c in self.flat]
        leaders = dict.fromkeys(t.leader for t in self.tiles)
        chances: list[tuple[Array, list[int]]] = []
        for leader in leaders:
            grid = np.atleast_1d(self._of_leader(leader, features))
            grid = grid.reshape((1,) * (count + 1 - grid.ndim) + grid.shape)[..., 0]
            axes = [n for n in range(count) if grid.shape[n] > 1]
            chances.append((grid.reshape([grid.shape[n] for n in axes]), axes))
        total = 0.0
        for n, (kind, mask) in enumerate(zip(self.kinds, self._masks(tables), strict=True)):
            for sign, side in ((1, 0), (-1, 1))[: 1 if n == 0 else 2]:
                if self.held_only and side == 0:
                    continue
                factor: Any = abs(sign) * mask if self.held_only else sign * mask
                for flat, c in zip(flats, self.flat, strict=True):
                    factor = factor * flat.step(kind[c.groups[0]])[side] * self._ratio(tables, c)
                if not factor:
                    continue
                operands: list[Any] = []
                for axis, (_, new, held) in enumerate(columns):
                    operands += [(new, held)[side][self.tables[axis].numbers[n], :, 0].astype(np.float64), [axis]]
                for grid, axes in chances:
                    operands += [grid, axes]
                total += float(factor) * float(np.einsum(*operands, [], optimize="greedy"))
        return np.array([total])


def _on(column: Array, axis: int, count: int) -> Array:
    """A column [K, B] as an array whose axis `axis` of `count`, and the last, it lies along."""
    shape = [1] * count + [column.shape[-1]]
    shape[axis] = column.shape[0]
    return column.reshape(shape)


def _of_piece(number: Number, tables: Tables) -> Number:
    return number if np.ndim(number) == 0 or tables.piece is None else number[tables.piece]


def _folded(terms: dict[tuple[int, ...], Any], columns: Sequence[Array]) -> Any:
    """Sum over terms of term times, for each table, its column of that kind; one table after the other, so that terms
    that agree in what is left are added up early."""
    for axis, column in enumerate(columns):
        rest: dict[tuple[int, ...], Any] = {}
        for kinds, term in terms.items():
            product = term * _on(column[kinds[0]], axis, len(columns))
            known = rest.get(kinds[1:])
            if known is None:
                rest[kinds[1:]] = product
            else:
                known += product
        terms = rest
    return terms.get((), 0)


def _is_zero(number: Number) -> bool:
    return isinstance(number, int) and number == 0
