"""The tables of a cluster for any chain of factors: what is fixed about them, and the table of each chain once.

A loop of factor 1 never moves: it is left out before a table is made, so that many chains share one.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sata.counts.dense.lane_sharing import Measure
from sata.counts.dense.plan import View, Views
from sata.counts.dense.window_rows import IS_TEMPORAL
from sata.counts.sparse.clusters import ClusterRow, LeaderCluster, TableKey, cluster_table
from sata.counts.sparse.tiles import GroupAt, Look, Steps

Array = NDArray[Any]
Measures = tuple[Measure | None, ...]
Kinds = tuple[tuple[Steps, ...], ...]  # per term of the sum, the steps of every view


class Solved(NamedTuple):
    """The table of one chain: features [dimensions, K], new and held [distinct kinds, K]."""

    features: Array
    new: Array
    held: Array


class _Piece(NamedTuple):
    """A group of a cluster with the factors of one chain, its loops of factor 1 left out. looks: per dimension that
    sees it; before: per own temporal loop (and after the last) how many real ones are outside it, and if it is one."""

    group: GroupAt
    looks: dict[Look, int]
    insides: list[tuple[bool, ...]]
    before: list[tuple[int, bool]]


class ClusterLayout:
    """A cluster under one kind of event. depths: per tile, the slot above which spatial loops bound it. measures: per
    view what the lanes that share a coordinate count as (None: one for all of them).

    A row holds the factors of the slots, group by group; then, group by group, how many of its temporal loops are
    steps, and per tile how many of them bound it.
    """

    def __init__(self, cluster: LeaderCluster, views: Views, kinds: Kinds, depths: tuple[int, ...], backward: bool,
                 measures: Measures, deciding: tuple[bool, ...]) -> None:  # fmt: skip
        self.cluster, self.backward, self.depths = cluster, backward, depths
        self.views = [views[n] for n in cluster.groups]
        self.measures = [measures[n] for n in cluster.groups]
        own = [tuple(kind[n] for n in cluster.groups) for kind in kinds]
        self.kinds = list(dict.fromkeys(own))
        self.numbers = [self.kinds.index(kind) for kind in own]  # per term of the sum, its kind
        self.borders = tuple((d.axis.offset, d.axis.size, d.dim if d.model else 0, d.model) for d in cluster.dimensions)
        self.terms = [[self._terms(n, view) for n in range(len(cluster.dimensions))] for view in self.views]
        self.values = [self._values(n) for n in range(len(cluster.dimensions))]
        self.deciding = deciding
        self.solved: dict[tuple[int, ...], Solved] = {}

    def _terms(self, dimension: int, view: View) -> tuple[tuple[int, int], ...]:
        axis, ranks = self.cluster.dimensions[dimension].axis, view.group.ranks
        pairs = zip(axis.ranks, axis.coefs, strict=True)
        return tuple((ranks.index(r), c) for r, c in pairs if r in ranks and c)

    def _values(self, dimension: int) -> tuple[int, int] | None:
        """Of the one rank of a dimension, the values that exist in it; None where several ranks index it."""
        axis = self.cluster.dimensions[dimension].axis
        own = [(view, term) for view, terms in zip(self.views, self.terms, strict=True) for term in terms[dimension]]
        if len(own) != 1:
            return None
        view, (rank, coef) = own[0]
        low, high = -axis.offset, axis.size - 1 - axis.offset
        if coef < 0:
            low, high = -high, -low
        step = abs(coef)
        return max(0, -(-low // step)), min(high // step, view.group.window.bounds[rank] - 1)

    def look(self, dimension: int, view: View, terms: tuple[tuple[int, int], ...], inside: tuple[bool, ...]) -> Look:
        """What a dimension sees of a group."""
        values, one = self.values[dimension], self.cluster.dimensions[dimension]
        if values is None:
            return Look(terms, inside)
        if values == (0, view.group.window.bounds[terms[0][0]] - 1):
            return Look(terms, inside, None, one.model is None)
        return Look(terms, inside, values if self.deciding[one.tile] else None)

    def solve(self, row: tuple[int, ...]) -> Solved:
        """The table of a chain."""
        if row not in self.solved:
            self.solved[row] = self._solve(row)
        return self.solved[row]

    def _solve(self, row: tuple[int, ...]) -> Solved:
        pieces = list(self._pieces(row))
        kinds: dict[tuple[Steps, ...], int] = {}
        places = [self._kind(kind, pieces, kinds) for kind in self.kinds]
        parts = tuple(self._looks(d, pieces) for d in range(len(self.cluster.dimensions)))
        key = TableKey(tuple(p.group for p in pieces), tuple(tuple(p.looks) for p in pieces), parts, self.borders,
                       tuple(kinds))  # fmt: skip
        return _solved(cluster_table(key), places, len(self.cluster.dimensions))

    def _looks(self, d: int, pieces: list[_Piece]) -> tuple[tuple[int, int], ...]:
        """(group, number of its look) of every term of a dimension."""
        tile = self.cluster.dimensions[d].tile
        rows = enumerate(zip(pieces, self.views, self.terms, strict=True))
        return tuple((n, piece.looks[self.look(d, view, terms[d], piece.insides[tile])])
                     for n, (piece, view, terms) in rows if terms[d])  # fmt: skip

    def _pieces(self, row: tuple[int, ...]) -> Any:
        start, at = 0, sum(len(view.group.slots) for view in self.views)
        for view, terms, measure in zip(self.views, self.terms, self.measures, strict=True):
            factors = row[start : start + len(view.group.slots)]
            steps, fixed = row[at], row[at + 1 : at + 1 + len(self.depths)]
            start, at = start + len(factors), at + 1 + len(self.depths)
            yield self._piece(view, terms, factors, steps, fixed, measure)

    def _piece(self, view: View, terms: Any, factors: tuple[int, ...], steps: int, fixed: tuple[int, ...],
               measure: Measure | None) -> _Piece:  # fmt: skip
        real = [i for i in range(len(view.loops)) if factors[i] > 1]
        before: list[tuple[int, bool]] = []
        outside = active = 0
        for i, loop in enumerate(view.loops):
            if loop.role == IS_TEMPORAL:
                before.append((outside, factors[i] > 1))
                active += factors[i] > 1 and len(before) <= steps
                outside += factors[i] > 1
        before.append((outside, False))
        spans = dict.fromkeys(view.group.ranks, 1)
        for i in range(len(view.loops), len(factors)):
            spans[_rank(view, i)] *= factors[i]
        group = GroupAt(view.group.window, tuple(view.loops[i] for i in real), tuple(factors[i] for i in real),
                        tuple(spans.values()), active, self.backward,
                        None if measure is None else measure.among(real))  # fmt: skip
        insides = [_inside(view, real, depth, bound) for depth, bound in zip(self.depths, fixed, strict=True)]
        looks: dict[Look, int] = {}
        for d, (term, dimension) in enumerate(zip(terms, self.cluster.dimensions, strict=True)):
            if term:
                looks.setdefault(self.look(d, view, term, insides[dimension.tile]), len(looks))
        return _Piece(group, looks, insides, before)

    def _kind(self, kind: tuple[Steps, ...], pieces: list[_Piece], kinds: dict[tuple[Steps, ...], int]) -> int:
        """The number of a kind of steps among the distinct ones of a chain; -1 where its loop has a factor of 1."""
        found = []
        for steps, piece in zip(kind, pieces, strict=True):
            if steps.outside < 0:
                found.append(steps)
                continue
            outside, moves = piece.before[steps.outside]
            if steps.own and not moves:
                return -1
            found.append(Steps(outside, steps.own))
        return kinds.setdefault(tuple(found), len(kinds))


def _rank(view: View, i: int) -> int:
    return view.group.slot_ranks[i]


def _inside(view: View, real: list[int], depth: int, fixed: int) -> tuple[bool, ...]:
    """Which of the real loops run inside a leader tile that is bounded by `fixed` temporal loops and by the spatial
    loops above `depth`."""
    found, temporal = [], 0
    for i, (slot, loop) in enumerate(zip(view.slots, view.loops, strict=True)):
        if loop.role == IS_TEMPORAL:
            inside = temporal >= fixed or slot >= depth
            temporal += 1
        else:
            inside = slot >= depth
        if i in real:
            found.append(inside)
    return tuple(found)


def _solved(rows: tuple[ClusterRow, ...], places: list[int], dimensions: int) -> Solved:
    """Rows as arrays. A row of nothing is put beside an odd one, so that most chains have the same number of rows."""
    count = max(2, len(rows) + len(rows) % 2)
    features = np.zeros((dimensions, count), dtype=np.int64)
    counts = np.zeros((2, max(places, default=0) + 2, count), dtype=np.int64)
    for k, row in enumerate(rows):
        features[:, k] = row.features
        counts[0, : len(row.new), k] = row.new
        counts[1, : len(row.held), k] = row.held
    return Solved(features, counts[0][places], counts[1][places])  # place -1, the last: a kind that never is


@lru_cache(maxsize=1 << 12)
def layout_of(cluster: LeaderCluster, views: Views, kinds: Kinds, depths: tuple[int, ...], backward: bool,
              measures: Measures, deciding: tuple[bool, ...]) -> ClusterLayout:  # fmt: skip
    """The layout of a cluster: one object for equal ones, which keeps the tables of all chains met. deciding: per tile,
    whether nothing survives where it is empty."""
    return ClusterLayout(cluster, views, kinds, depths, backward, measures, deciding)
