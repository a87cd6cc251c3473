"""How many of the events on a link survive: expected counts of those under which no leader tile is empty.

A sum over steps of |tile minus what was held| is, as for dense counts, one term for the first step and one for every
temporal loop that moves; each a product over groups of new coordinates minus a product of held ones. Here the terms
stay apart by the leader tiles under them (`clusters`), and each combination is weighed by the chance that all its
leader tiles hold a non-zero. Arrays have one axis for every cluster that has a table, then the batch.

Assumptions: different leaders are independent (a trace counts, so that two traces are joint). Tiles of one leader
that stand under different followers, where neither contains the other, are independent given what they share.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from sata.counts.blocks import Blocks
from sata.counts.clusters import Cluster, Tile, clusters_of
from sata.counts.plan import Link, View, Views
from sata.counts.tables import Tables
from sata.counts.tiles import EVERY_STEP, FIRSTS, Steps
from sata.counts.windows import BY_ELEMENT, BY_TILE
from sata.counts.zeros import Array, Number, Zeros, temporal_slots

LARGE = 1 << 22  # combinations of leader tiles that are weighed one by one; beyond, leaders are summed separately


def survivors(zeros: Zeros, tables: Tables, link: Link, views: Views, tiles: Sequence[Tile], *,
              at_compute: bool = False, backward: bool = False, firsts: bool = False) -> Array:  # fmt: skip
    """Expected events that all tiles let through, float64 [B] (of the tables' piece of the batch; [1] for one mapping).

    at_compute: every step takes the whole tile. backward: departures. firsts: only the first arrival of every element.
    """
    sum_ = _Sum(zeros, tables, link, views, tuple(tiles), at_compute, backward, firsts)
    return sum_.total()


class _Sum:
    """One sum over the steps of a link."""

    def __init__(self, zeros: Zeros, tables: Tables, link: Link, views: Views, tiles: tuple[Tile, ...],
                 at_compute: bool, backward: bool, firsts: bool) -> None:  # fmt: skip
        self.zeros, self.tables, self.link, self.views, self.tiles = zeros, tables, link, views, tiles
        self.at_compute, self.backward, self.firsts = at_compute, backward, firsts
        clusters, self.constant = clusters_of(views, tiles, zeros.leaders)
        self.flat = [c for c in clusters if c.flat and self._exact(c)]
        self.tabled = [c for c in clusters if not (c.flat and self._exact(c))]
        moves = [] if at_compute or firsts else list(link.moves)
        self.kinds = self._kinds(moves)
        masks: list[Number] = [1] * len(moves) if at_compute or firsts else tables.active(link)
        self.masks = [1, *masks]

    def _exact(self, cluster: Cluster) -> bool:
        return not self.zeros.whole.ragged(self.views[cluster.groups[0]])

    def _kinds(self, moves: Sequence[Any]) -> tuple[tuple[Steps, ...], ...]:
        """Per term, the steps of every group: the first step (or all of them, or firsts), then one for each move."""
        only = EVERY_STEP if self.at_compute else FIRSTS if self.firsts else 0
        first = tuple(Steps(only) for _ in self.views)
        return first, *(tuple(Steps(out, g == m.group) for g, out in enumerate(m.outside)) for m in moves)

    def total(self) -> Array:
        """The sum."""
        columns = [self._columns(c) for c in self.tabled]
        features = self._features(columns)
        sizes = [new.shape[1] for _, new, _ in columns]
        entries = max([1, *(new.shape[2] for _, new, _ in columns), *(np.size(f) for f in self._flat_sizes())])
        if entries == 1 and int(np.prod(sizes, dtype=object)) > LARGE:
            return self._apart(columns, features)
        weights = self._weights([(new, held) for _, new, held in columns])
        found = weights * self._passing(features)
        return np.asarray(found.reshape(-1, found.shape[-1]).sum(axis=0), dtype=np.float64)

    def _flat_sizes(self) -> list[Number]:
        return [self.tables.factors[s] for c in self.flat for s in self.views[c.groups[0]].group.slots]

    def _columns(self, cluster: Cluster) -> tuple[Array, Array, Array]:
        """(features, new, held) of a cluster with a table for this piece of the batch: [.., K, B]."""
        features, new, held, inverse = self.zeros.table(cluster, self.views, self.tiles, self.kinds, self.link,
                                                        self.at_compute, self.backward)  # fmt: skip
        if inverse is None:
            return features, new, held
        piece = inverse if self.tables.piece is None else inverse[self.tables.piece]
        return features.take(piece, axis=2), new.take(piece, axis=2), held.take(piece, axis=2)

    # --- counts -----------------------------------------------------------------------------------------------

    def _weights(self, columns: Sequence[tuple[Array, Array]]) -> Array:
        """Events under every combination of rows, [K.., B]."""
        flats = [Blocks(self.tables, self.views[c.groups[0]]) for c in self.flat]
        groups = [c.groups[0] for c in self.flat]
        total: Any = 0
        for n, (kind, mask) in enumerate(zip(self.kinds, self.masks, strict=True)):
            new: Any = 1
            held: Any = 0 if n == 0 else 1
            for flat, g in zip(flats, groups, strict=True):
                a, b = flat.step(kind[g])
                new, held = new * a, held * b
            for axis, (more, kept) in enumerate(columns):
                new = new * _on(more[n], axis, len(columns))
                if n:
                    held = held * _on(kept[n], axis, len(columns))
            total = total + (new - held if np.ndim(mask) == 0 and mask == 1 else (new - held) * mask)
        return np.atleast_1d(np.asarray(total))

    # --- leader tiles -----------------------------------------------------------------------------------------

    def _features(self, columns: Sequence[tuple[Array, Array, Array]]) -> list[list[Any]]:
        """Per tile and dimension of its leader, the features; each an array along the axes of its cluster."""
        found: list[list[Any]] = [[1] * len(self.zeros.leaders[t.leader].axes) for t in self.tiles]
        for axis, (cluster, (features, _, _)) in enumerate(zip(self.tabled, columns, strict=True)):
            for d, row in zip(cluster.dimensions, features, strict=True):
                found[d.tile][d.dim] = _on(row, axis, len(columns))
        for cluster in self.flat:
            for d in cluster.dimensions:
                found[d.tile][d.dim] = self._block(self.views[cluster.groups[0]], self.tiles[d.tile])
        for d in self.constant:
            inside = 0 <= d.axis.offset < d.axis.size
            if not inside:
                found[d.tile][d.dim] = 0
            elif d.model is not None:
                found[d.tile][d.dim] = d.model.feature(d.dim, 1 << d.axis.offset)
        return found

    def _block(self, view: View, tile: Tile) -> Number:
        """How many values of a flat cluster's rank lie under a leader tile."""
        size: Number = 1
        depth, fixed = self.zeros.depth(tile), self._piece(self.zeros.fixed(tile, view.group))
        temporal = 0
        for n, slot in enumerate(view.group.slots):
            factor = self.tables.factors[slot]
            is_temporal = slot in temporal_slots(self.zeros.batch, view.group)
            if is_temporal:
                bound = slot < depth and (temporal < fixed)
                size = size * np.where(bound, 1, factor) if np.ndim(bound) else size * (1 if bound else factor)
                temporal += 1
            else:
                shared = n < len(view.loops) and view.loops[n].role in (BY_TILE, BY_ELEMENT) and view.group.window.free
                size = size * (factor if slot >= depth or shared else 1)
        return size

    def _piece(self, number: Number) -> Number:
        return number if np.ndim(number) == 0 or self.tables.piece is None else number[self.tables.piece]

    def _passing(self, features: Sequence[Sequence[Any]]) -> Array:
        """The chance that every tile holds a non-zero."""
        chance: Any = 1.0
        for leader in dict.fromkeys(t.leader for t in self.tiles):
            chance = chance * self._of_leader(leader, features)
        return np.atleast_1d(np.asarray(chance))

    def _of_leader(self, leader: int, features: Sequence[Sequence[Any]]) -> Any:
        """For several tiles of one leader: they are given in full, with what they share as the last one."""
        model = self.zeros.leaders[leader].model
        empty = [model.p_empty(*(np.atleast_1d(f) for f in features[n]))
                 for n, t in enumerate(self.tiles) if t.leader == leader]  # fmt: skip
        if len(empty) == 1:
            return 1.0 - empty[0]
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

    def _apart(self, columns: Sequence[tuple[Array, Array, Array]], features: Sequence[Sequence[Any]]) -> Array:
        """One mapping with very many combinations: the sum over each leader's own axes before those of the next."""
        count = len(columns)
        flats = [Blocks(self.tables, self.views[c.groups[0]]) for c in self.flat]
        leaders = dict.fromkeys(t.leader for t in self.tiles)
        chances: list[tuple[Array, list[int]]] = []
        for leader in leaders:
            grid = np.atleast_1d(self._of_leader(leader, features))
            grid = grid.reshape((1,) * (count + 1 - grid.ndim) + grid.shape)[..., 0]
            axes = [n for n in range(count) if grid.shape[n] > 1]
            chances.append((grid.reshape([grid.shape[n] for n in axes]), axes))
        total = 0.0
        for n, (kind, mask) in enumerate(zip(self.kinds, self.masks, strict=True)):
            for sign, side in ((1, 0), (-1, 1))[: 1 if n == 0 else 2]:
                factor: Any = sign * mask
                for flat, c in zip(flats, self.flat, strict=True):
                    factor = factor * flat.step(kind[c.groups[0]])[side]
                if not factor:
                    continue
                operands: list[Any] = []
                for axis, (_, new, held) in enumerate(columns):
                    operands += [(new, held)[side][n, :, 0].astype(np.float64), [axis]]
                for grid, axes in chances:
                    operands += [grid, axes]
                total += float(factor) * float(np.einsum(*operands, [], optimize="greedy"))
        return np.array([total])


def _on(column: Array, axis: int, count: int) -> Array:
    """A column [K, B] as an array whose axis `axis` of `count`, and the last, it lies along."""
    shape = [1] * count + [column.shape[-1]]
    shape[axis] = column.shape[0]
    return column.reshape(shape)
