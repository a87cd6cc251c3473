"""Leader tiles under the deliveries of a link: which groups decide together, and their tables.

A leader dimension belongs to the groups whose ranks index it; groups joined by a dimension form a cluster. The table of
a cluster says, for every kind of step, how many coordinates arrive (and were held) under which leader tiles. It depends
only on the factors of the cluster's own loops, so one table serves many mappings of a batch.

Most clusters need no table: in a dimension of one rank with exact factors all tiles are equal blocks, and if the model
looks only at their size, it is a product of factors. These are called flat.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import product
from typing import NamedTuple

from sata.counts.dense.equal_steps import COUNT
from sata.counts.dense.plan import View, Views
from sata.counts.density import Model, Sight
from sata.counts.sparse.integer_sets import NOTHING, Part, summed_tiles
from sata.counts.sparse.regions import deliveries
from sata.counts.sparse.rules import Leader
from sata.counts.sparse.tiles import DeliveryTiles, GroupAt, Look, Steps
from sata.nest.structure import Axis

Source = tuple[int, int]  # operand and link whose steps and instances bound a leader's tile


class LeaderTile(NamedTuple):
    """A tile of a leader: what lies under one step and instance of every source at once; a single element if none.

    above: instead of sources, what lies under one index of each loop above this slot.
    """

    leader: int
    sources: tuple[Source, ...]
    above: int | None = None


class ClusterDimension(NamedTuple):
    """A dimension of a leader tile. tile: number of the tile; dim: of the leader's dimension; model: where the model
    looks at more than the number of coordinates, else None."""

    tile: int
    dim: int
    axis: Axis
    model: Model | None


@dataclass(frozen=True, slots=True)
class LeaderCluster:
    """Groups (views, by number) that decide together, and the leader dimensions they index. flat: one group, equal
    blocks where its factors are exact."""

    groups: tuple[int, ...]
    dimensions: tuple[ClusterDimension, ...]
    flat: bool


class ClusterRow(NamedTuple):
    """Under one combination of leader tiles: features per dimension; new, held per kind of steps."""

    features: tuple[int, ...]
    new: tuple[int, ...]
    held: tuple[int, ...]


@lru_cache(maxsize=1 << 12)
def clusters_of(
    views: Views, tiles: tuple[LeaderTile, ...], leaders: tuple[Leader, ...]
) -> tuple[tuple[LeaderCluster, ...], tuple[ClusterDimension, ...]]:
    """(the clusters of a link, leader dimensions that no group indexes: they are one coordinate)."""
    owner = {rank: n for n, view in enumerate(views) for rank in view.group.ranks}
    root = list(range(len(views)))

    def find(n: int) -> int:
        while root[n] != n:
            n = root[n]
        return n

    placed: list[tuple[ClusterDimension, list[int]]] = []
    constant: list[ClusterDimension] = []
    for number, tile in enumerate(tiles):
        leader = leaders[tile.leader]
        for dim, axis in enumerate(leader.axes):
            model = None if leader.model.sight(dim) is Sight.SIZE else leader.model
            one = ClusterDimension(number, dim, axis, model)
            groups = sorted({owner[r] for r in axis.ranks if r in owner})
            if groups:
                placed.append((one, groups))
                for other in groups[1:]:
                    root[find(other)] = find(groups[0])
            else:
                constant.append(one)
    members: dict[int, list[int]] = {}
    for n in range(len(views)):
        members.setdefault(find(n), []).append(n)
    found = []
    for groups_ in members.values():
        dimensions = tuple(one for one, groups in placed if groups[0] in groups_)
        flat = len(groups_) == 1 and views[groups_[0]].group.plain and all(_blocks(d, views[groups_[0]])
                                                                            for d in dimensions)  # fmt: skip
        found.append(LeaderCluster(tuple(groups_), dimensions, flat))
    return tuple(found), tuple(constant)


def _blocks(dimension: ClusterDimension, view: View) -> bool:
    """Whether every value of the view's rank is another coordinate of the dimension, and the model only counts them."""
    axis = dimension.axis
    if dimension.model is not None or len(axis.ranks) != 1 or axis.coefs[0] == 0:
        return False
    ends = axis.offset, axis.offset + axis.coefs[0] * (view.group.window.bounds[0] - 1)
    return min(ends) >= 0 and max(ends) < axis.size


class TableKey(NamedTuple):
    """All that a table depends on. looks: per group; parts: per dimension (group, look) of each of its terms;
    borders: its offset, size, number and model; kinds: per kind of steps, those of each group. No loop of factor 1."""

    groups: tuple[GroupAt, ...]
    looks: tuple[tuple[Look, ...], ...]
    parts: tuple[tuple[tuple[int, int], ...], ...]
    borders: tuple[tuple[int, int, int, Model | None], ...]
    kinds: tuple[tuple[Steps, ...], ...]


@lru_cache(maxsize=1 << 16)
def cluster_table(key: TableKey) -> tuple[ClusterRow, ...]:
    """The rows of a cluster for one chain of factors."""
    rows: dict[tuple[int, ...], list[list[int]]] = {}
    seen: dict[tuple[Part, ...], tuple[int, ...]] = {}
    for n, steps in enumerate(key.kinds):
        each = [deliveries(g, looks, s) for g, looks, s in zip(key.groups, key.looks, steps, strict=True)]
        for chosen in product(*each):
            parts = tuple(_joint(chosen, which) for which in key.parts)
            features = seen.get(parts)
            if features is None:
                features = seen[parts] = tuple(_feature(p, b) for p, b in zip(parts, key.borders, strict=True))
            new = held = 1
            for delivery in chosen:
                new, held = new * delivery.new, held * delivery.held
            row = rows.setdefault(features, [[0] * len(key.kinds), [0] * len(key.kinds)])
            row[0][n] += new
            row[1][n] += held
    return tuple(ClusterRow(features, tuple(new), tuple(held)) for features, (new, held) in rows.items())


def _joint(chosen: Sequence[DeliveryTiles], which: tuple[tuple[int, int], ...]) -> Part:
    """The coordinates, before the offset, of a dimension that several groups index."""
    found: Part | None = None
    for group, look in which:
        part = chosen[group].parts[look]
        found = part if found is None else summed_tiles(found, part)
    return NOTHING if found is None else found


def _feature(part: Part, border: tuple[int, int, int, Model | None]) -> int:
    """What the model must know of a dimension's coordinates, without those beyond its border."""
    offset, size, dim, model = border
    if part[1] == COUNT:
        return part[0]
    mask, low = part[0], part[1] + offset
    mask = mask >> -low if low < 0 else mask << low
    mask &= (1 << size) - 1
    return mask.bit_count() if model is None else model.feature(dim, mask)
