"""A nest with its barriers: which loops add work up and over which lanes the slowest counts, and which tiles decide.

With the arrays in lockstep A1 (outermost), A2, ... the time is

    sum over loops outside A1 of max over lanes of A1 of (sum over loops in between of max over lanes of A2 of ...)

of the operations that are left. The slots of a nest fall into segments: 0 outside A1, 1 the lanes of A1, 2 in between,
3 the lanes of A2, and so on; what is further in than the last array is inside a lane.

Existence is a product over ranks, and what decides is a product over leaders. Leaders that share no rank are therefore
factors of sums and maxima alike: a nest falls into parts, and a rank that indexes no leader is a factor of one.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import prod

from sata.counts.dense.batch import Batch
from sata.counts.dense.plan import points_of
from sata.counts.density import Model, shared
from sata.counts.density.uniform import Uniform
from sata.counts.sparse.clusters import LeaderTile
from sata.counts.sparse.outcomes import point_tiles
from sata.counts.sparse.rules import Leader, Rules
from sata.counts.sparse.zeros import Zeros, temporal_slots
from sata.nest.structure import Axis, Structure

INSIDE = -1


@dataclass(frozen=True, slots=True)
class LaneUnit:
    """Tiles that decide: one of a leader for each index of the slots in `bounds`. tile: as outcomes name it."""

    leader: Leader
    bounds: frozenset[int]
    tile: LeaderTile

    @property
    def model(self) -> Model:
        """The density model of the leader."""
        return self.leader.model


@dataclass(frozen=True, slots=True)
class LanePart:
    """Ranks that leaders hold together, and the tiles that decide about them."""

    ranks: tuple[int, ...]
    units: tuple[LaneUnit, ...]


@dataclass(frozen=True)
class Nest:
    """One mapping. barriers: the slots of each array in lockstep that has more than one lane, outermost first."""

    structure: Structure
    factors: tuple[int, ...]
    barriers: tuple[tuple[int, ...], ...]

    def segment(self, slot: int) -> int:
        """The number of a slot's segment; INSIDE for what is further in than every barrier."""
        for number, own in enumerate(self.barriers):
            if slot < own[0]:
                return 2 * number
            if slot <= own[-1]:
                return 2 * number + 1
        return INSIDE

    def slots(self, ranks: Iterable[int]) -> list[int]:
        """The slots of some ranks that are loops of more than one index."""
        return [s for r in ranks for s in self.structure.slots_of[r] if self.factors[s] > 1]

    def size(self, slots: Iterable[int]) -> int:
        """The product of the factors of some slots."""
        return prod(self.factors[s] for s in slots)

    def waiting(self, ranks: Iterable[int]) -> list[tuple[int, ...]]:
        """The barriers at which different indices of some ranks meet."""
        own = set(self.slots(ranks))
        return [barrier for barrier in self.barriers if own & set(barrier)]

    def exact(self, rank: int) -> bool:
        """Whether every index combination of a rank's loops exists."""
        return self.size(self.structure.slots_of[rank]) == self.structure.bounds[rank]

    def strides(self, rank: int) -> dict[int, int]:
        """Slot -> how far one step of it moves the rank."""
        found, running = {}, 1
        for slot in reversed(self.structure.slots_of[rank]):
            found[slot] = running
            running *= self.factors[slot]
        return found


def lane_nest(structure: Structure, factors: tuple[int, ...], arrays: Sequence[int]) -> Nest:
    """The nest with the barriers of some arrays."""
    owned = (tuple(i for i, slot in enumerate(structure.slots) if slot.array == a) for a in sorted(arrays))
    return Nest(structure, factors, tuple(own for own in owned if prod(factors[i] for i in own) > 1))


def lane_units(nest: Nest, rules: Rules) -> list[LaneUnit]:
    """What decides whether an operation is skipped. A dense leader decides dimension by dimension: only a coordinate
    that does not exist is empty there."""
    batch, points = Batch(nest.structure, list(nest.factors)), points_of(nest.structure)
    zeros = Zeros(batch, rules.leaders, batch.plan)
    groups = {rank: view.group for view in points.apart for rank in view.group.ranks}
    found: list[LaneUnit] = []
    for tile in point_tiles(nest.structure, rules, skips_only=True):
        if len(tile.sources) > 1:  # what several tiles of one leader share: each of them decides by itself here
            continue
        leader = rules.leaders[tile.leader]
        bounds = set()
        for rank in {r for axis in leader.axes for r in axis.ranks if r in groups}:
            temporal = temporal_slots(batch, groups[rank])
            fixed, depth = int(zeros.fixed(tile, groups[rank])), zeros.depth(tile)
            bounds |= {s for s in groups[rank].slots if nest.factors[s] > 1
                       and (temporal.index(s) < fixed if s in temporal else s < depth)}  # fmt: skip
        for one in _dimensions(nest, leader) if leader.model.density >= 1 else [leader]:
            ranks = {r for axis in one.axes for r in axis.ranks}
            own = frozenset(s for s in bounds if nest.structure.slots[s].rank in ranks)
            found.append(LaneUnit(one, own, tile))
    return found


def _dimensions(nest: Nest, leader: Leader) -> list[Leader]:
    """The dimensions of a dense leader in which some coordinates do not exist, as leaders of their own."""
    found = []
    for axis in leader.axes:
        reach = [axis.coefs[n] * (nest.structure.bounds[r] - 1) for n, r in enumerate(axis.ranks)]
        low, high = (axis.offset + sum(side(0, far) for far in reach) for side in (min, max))
        if low < 0 or high >= axis.size:
            found.append(Leader(leader.tensor, (axis,), shared(Uniform((axis.size,), None, (1.0,)))))
    return found


def parts_of(nest: Nest, units: Sequence[LaneUnit]) -> list[LanePart]:
    """Ranks that share a leader belong to one part, with all that decides about them."""
    together = [({r for axis in u.leader.axes for r in axis.ranks if nest.slots((r,))}, [u]) for u in units]
    parts: list[tuple[set[int], list[LaneUnit]]] = []
    for ranks, own in together:
        meeting = [p for p in parts if p[0] & ranks or any(u.leader is own[0].leader for u in p[1])]
        rest = [p for p in parts if not any(p is m for m in meeting)]
        joined = (ranks.union(*(p[0] for p in meeting)), [u for p in meeting for u in p[1]] + own)
        parts = [*rest, joined]
    return [LanePart(tuple(sorted(ranks)), tuple(own)) for ranks, own in parts]


def equal_blocks(nest: Nest, unit: LaneUnit, dim: int) -> bool:
    """Whether all tiles have equally many coordinates in a dimension, different ones for different indices."""
    axis = unit.leader.axes[dim]
    ranks = [r for r in axis.ranks if nest.slots((r,))]
    if len(axis.ranks) == 1 and ranks:
        ends = axis.offset, axis.offset + axis.coefs[0] * (nest.structure.bounds[ranks[0]] - 1)
        return bool(axis.coefs[0]) and min(ends) >= 0 and max(ends) < axis.size and nest.exact(ranks[0])
    return not ranks and 0 <= axis.offset < axis.size


def extent(nest: Nest, axis: Axis, bounds: Iterable[int]) -> int:
    """The coordinates of equal blocks that are bounded by some slots."""
    own = [s for s in bounds if nest.structure.slots[s].rank in axis.ranks]
    return prod(nest.structure.bounds[r] for r in axis.ranks) // nest.size(own)
