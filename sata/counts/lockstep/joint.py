"""Closed forms of the expected work of the slowest lane, by the joint law of the lanes' tiles.

- A lane that one tile decides about has all of its work in a step or none: the largest is that work times the chance
  that the union of the lanes' tiles holds a non-zero, 1 - p_empty(union). Several leaders multiply where they are
  bounded by different axes of the lanes: some lane has all of them if each of them is somewhere.
- Several units a lane, all alike: the model's own expected largest count (`Model.largest`). Of several leaders, or of
  tiles: binomial counts, where tensors are large and no two units of a step share a tile.
- Where neither holds: the chance of any work from the union, and given that there is some, lanes as if they were
  independent (`by_union`), with the model's own distribution in a lane where it has one.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np

from sata.counts.density import Sight
from sata.counts.density.largest import _above, _some, of_binomials
from sata.counts.density.structured import Structured
from sata.counts.density.temporal import Temporal
from sata.counts.density.uniform import Uniform
from sata.counts.lockstep.cells import Ints, TooLarge, cells_of, lockstep_clusters
from sata.counts.lockstep.nest import INSIDE, LanePart, LaneUnit, Nest, equal_blocks, extent
from sata.counts.lockstep.walk import fixed_place

MANY = 1 << 12  # elements of a tensor whose parts are as good as independent
MOST = 1 << 20  # elements of a lane's tile whose distribution is laid out


def closed_form(nest: Nest, part: LanePart) -> float | None:
    """What zeros leave of the slowest lanes' work, expected, of a part with lanes at one barrier. None where no closed
    form is known."""
    (own,) = nest.barriers
    inside = {s for s in nest.slots(part.ranks) if s > own[-1]}
    if any(u.bounds & inside for u in part.units):
        return _of_units(nest, part, set(own), inside)
    if any(nest.structure.bounds[r] % nest.size(inside & set(nest.slots((r,)))) for r in part.ranks):
        return None  # some lanes have less to do
    if len(part.units) > 1 and not _separate(nest, part, set(own)):
        return None
    return any_work(nest, part, set(own))


def _separate(nest: Nest, part: LanePart, own: set[int]) -> bool:
    """Whether each leader is bounded by lanes along axes of its own, all of which exist in every step."""
    lanes = [u.bounds & own for u in part.units]
    alone = sum(len(s) for s in lanes) == len(set().union(*lanes))
    leaders = {id(u.leader) for u in part.units}
    full = all(nest.structure.bounds[r] % _below(nest, r) == 0 for r in part.ranks)
    return alone and full and len(leaders) == len(part.units)


def _below(nest: Nest, rank: int) -> int:
    """How many values of a rank one step of the loops outside the barrier covers."""
    return nest.size(s for s in nest.slots((rank,)) if s >= nest.barriers[0][0])


# --- the union of the lanes' tiles ------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _UnionSteps:
    """Steps of one cluster by the unions under them: how many have each, and per (unit, dimension) its feature."""

    often: Ints
    features: dict[tuple[int, int], Ints]


def any_work(nest: Nest, part: LanePart, joined: set[int]) -> float:
    """The share of steps in which, for every leader, the union of its tiles over some loops holds a non-zero, expected.

    Raises: TooLarge.
    """
    units = [LaneUnit(u.leader, u.bounds - joined, u.tile) for u in part.units]
    steps = [_steps(nest, ranks, units) for ranks in lockstep_clusters(nest, part.ranks, units)]
    chance: Any = 1.0
    for n, unit in enumerate(units):
        features = []
        for dim, axis in enumerate(unit.leader.axes):
            at = next((i for i, s in enumerate(steps) if (n, dim) in s.features), None)
            if at is None:
                found = fixed_place(axis.offset, axis.size).features(unit, dim)
                features.append(found.reshape([1] * len(steps)))
            else:
                features.append(steps[at].features[n, dim].reshape([-1 if i == at else 1 for i in range(len(steps))]))
        chance = chance * unit.model.p_occupied(*features)
    for i, one in enumerate(steps):
        chance = chance * one.often.reshape([-1 if n == i else 1 for n in range(len(steps))])
    return float(np.sum(chance)) / prod(int(s.often.sum()) for s in steps)


def _steps(nest: Nest, ranks: tuple[int, ...], units: list[LaneUnit]) -> _UnionSteps:
    """Equal blocks by their number, all else one by one. Raises: TooLarge."""
    blocks = _block_steps(nest, ranks[0], units) if len(ranks) == 1 else None
    if blocks is not None:
        return blocks
    cells = cells_of(nest, ranks, units, 0)
    often = np.bincount(cells.column, minlength=cells.columns)
    if int(often.sum()) != prod(cells.shape):
        raise AssertionError("a step under several unions")
    features = {key: sets.features(units[key[0]], key[1])[cells.which[key]] for key, sets in cells.sets.items()}
    return _UnionSteps(often, features)


def _block_steps(nest: Nest, rank: int, units: list[LaneUnit]) -> _UnionSteps | None:
    """A rank of its own, whose tiles only their size matters of: all are alike but for a last one that is cut off."""
    dims = [(n, dim) for n, unit in enumerate(units) for dim, axis in enumerate(unit.leader.axes) if rank in axis.ranks]
    bound, below = nest.structure.bounds[rank], _below(nest, rank)
    outside = {s for s in nest.slots((rank,)) if s < nest.barriers[0][0]}
    exact = nest.exact(rank)
    for n, dim in dims:
        axis, model = units[n].leader.axes[dim], units[n].model
        ends = axis.offset, axis.offset + axis.coefs[axis.ranks.index(rank)] * (bound - 1)
        alone = len([r for r in axis.ranks if nest.slots((r,))]) == 1 and len(axis.ranks) == 1
        if not (alone and ends[0] != ends[1] and min(ends) >= 0 and max(ends) < axis.size):
            return None
        if model.sight(dim) is not Sight.SIZE or not (exact or outside <= units[n].bounds):
            return None
    if exact:
        features = {(n, dim): np.array([extent(nest, units[n].leader.axes[dim], units[n].bounds)]) for n, dim in dims}
        return _UnionSteps(np.array([nest.size(outside)]), features)
    sizes = np.array([below, bound % below], dtype=np.int64)
    often = np.array([bound // below, int(bound % below > 0)], dtype=np.int64)
    return _UnionSteps(often, dict.fromkeys(dims, sizes))


# --- several units a lane ---------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Grid:
    """Lanes of one leader in which all is alike: per dimension its lanes, units a lane, and coordinates a unit."""

    lanes: tuple[int, ...]
    units: tuple[int, ...]
    extents: tuple[int, ...]


def _grid(nest: Nest, unit: LaneUnit, own: set[int], inside: set[int]) -> _Grid | None:
    if not all(equal_blocks(nest, unit, dim) for dim in range(len(unit.leader.axes))):
        return None
    rows = []
    for axis in unit.leader.axes:
        mine = {s for s in unit.bounds if nest.structure.slots[s].rank in axis.ranks}
        rows.append((nest.size(mine & own), nest.size(mine & inside), extent(nest, axis, unit.bounds)))
    lanes, units, extents = zip(*rows, strict=True)
    return _Grid(lanes, units, extents)


def _of_units(nest: Nest, part: LanePart, own: set[int], inside: set[int]) -> float | None:
    if len(part.units) > 1:
        return _independent(nest, part, own, inside)
    (unit,) = part.units
    places = [d for d in range(len(unit.leader.axes)) if unit.model.sight(d) is not Sight.SIZE]
    if places and not (isinstance(unit.model, Structured) and places == [unit.model.along]):
        return None
    grid = _grid(nest, unit, own, inside)
    if grid is None:
        return None
    largest = unit.model.largest(grid.lanes, grid.units, grid.extents)
    return _independent(nest, part, own, inside) if largest is None else largest / prod(grid.units)


def _independent(nest: Nest, part: LanePart, own: set[int], inside: set[int]) -> float | None:
    """Units of a step that look at tiles of their own of every leader, of so many elements that these are independent:
    binomial counts. None where they do not."""
    deciding = set().union(*(u.bounds for u in part.units)) & (own | inside)
    chance, leaders = 1.0, {id(u.leader) for u in part.units}
    for unit in part.units:
        model, grid = unit.model, _grid(nest, unit, own, inside)
        if grid is None or not deciding <= unit.bounds or not isinstance(model, (Uniform, Temporal)):
            return None
        one_step = isinstance(model, Uniform) or grid.lanes[model.time or 0] * grid.units[model.time or 0] == 1
        if len(model.steps) > 1 or prod(model.shape) < MANY or not one_step:
            return None
        chance *= float(model.p_occupied(*(np.array(n) for n in grid.extents)))
    if len(leaders) < len(part.units):
        return None
    units, lanes = nest.size(deciding & inside), nest.size(deciding & own)
    return of_binomials(units, chance, lanes) / units


def by_union(nest: Nest, part: LanePart, mean: float) -> float:
    """The chance of any work from the union, and lanes as if independent given that there is some. mean: what zeros
    leave of the operations of the part."""
    own = {s for barrier in nest.barriers for s in barrier}
    outer = nest.barriers[0][0]
    bounding = set().union(*(u.bounds for u in part.units))
    lanes, units = nest.size(bounding & own), nest.size(s for s in bounding if s > outer and s not in own)
    some, largest = -np.expm1(units * lanes * np.log1p(-min(mean, 1 - 1e-16))), of_binomials(units, mean, lanes) / units
    chances = _lane(nest, part, own)
    if chances is not None:
        above = _some(_above(chances), lanes)
        some, largest = above[0], float(above.sum()) / (len(chances) - 1)
    try:
        inside = {s for s in nest.slots(part.ranks) if s >= outer}
        union = any_work(nest, part, inside) if len(part.units) == 1 else some
    except TooLarge:
        union = some
    return float(min(1.0, largest * union / some)) if some > 0 else mean


def _lane(nest: Nest, part: LanePart, own: set[int]) -> Any:
    """The distribution of one lane's units, where these are single elements and lanes are alike."""
    if len(part.units) > 1 or len(nest.barriers) > 1:
        return None
    (unit,) = part.units
    inside = {s for s in nest.slots(part.ranks) if nest.segment(s) == INSIDE}
    grid = _grid(nest, unit, own, inside)
    if grid is None or max(grid.extents) > 1 or not 1 <= prod(grid.units) <= MOST:
        return None
    if any(unit.model.sight(d) is not Sight.SIZE for d in range(len(grid.units))):
        masks = [(1 << n) - 1 for n in grid.units]
        return unit.model.distribution(*(unit.model.feature(d, mask) for d, mask in enumerate(masks)))
    return unit.model.distribution(*grid.units)
