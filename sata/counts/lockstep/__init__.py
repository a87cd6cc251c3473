"""Lanes that wait for each other: the temporal steps that arrays in lockstep take when zeros are skipped.

In every step of the temporal loops outside an array in lockstep each lane works through its own operations; the array
goes on when the slowest is done. What is left of the slowest lanes' work is what is left of the steps. Arrays that do
not wait share their work evenly: instances further out count on average. With several arrays in lockstep on the way to
a compute the lanes of the outer one wait for sums of what the inner one waits for.

Leaders that share no rank decide independently, so a nest falls into parts that multiply; ranks that index no leader
are none of them. A part under traces is walked, lane by lane, exactly. Under other models the lanes' tiles have a
joint law: `joint` where a closed form is known, `drawn` where it is not.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

import numpy as np

from sata.counts.dense.batch import Batch
from sata.counts.dense.plan import points_of
from sata.counts.dense.tables import Tables
from sata.counts.density import Sight
from sata.counts.density.runs import Runs
from sata.counts.lockstep.cells import LARGEST, TooLarge
from sata.counts.lockstep.drawn import from_draws
from sata.counts.lockstep.joint import by_union, closed_form
from sata.counts.lockstep.nest import LanePart, LaneUnit, Nest, equal_blocks, extent, lane_nest, lane_units, parts_of
from sata.counts.lockstep.walk import Lanes, certain_values
from sata.counts.sparse.clusters import LeaderTile
from sata.counts.sparse.rules import Rules
from sata.counts.sparse.survivors import Sum
from sata.counts.sparse.zeros import Zeros
from sata.nest.structure import Structure

__all__ = ["LARGEST", "Share", "TooLarge", "waiting_share"]

Share = float | Fraction


def waiting_share(structure: Structure, factors: tuple[int, ...], rules: Rules, arrays: Sequence[int],
                  share: float) -> Share:  # fmt: skip
    """What zeros leave of the temporal steps of one mapping with some arrays in lockstep, expected; a fraction where it
    is known exactly.

    arrays: their numbers; share: what zeros leave of the operations, so of the steps if lanes shared their work evenly.
    Raises: TooLarge for traces of very many steps.
    """
    nest = lane_nest(structure, factors, arrays)
    units = lane_units(nest, rules) if nest.barriers else []
    if not units or any(u.model.density == 0 for u in units):
        return share
    constant, rest = _same_for_all_lanes(nest, units)
    parts = parts_of(nest, rest)
    if not any(nest.waiting(part.ranks) for part in parts):
        return share
    found: Share = Fraction(1) if constant == 1 else constant
    for part in parts:
        found = found * _of_part(nest, part)
    full = all(nest.exact(r) for part in parts for r in part.ranks)  # else lanes that wait may be those with less to do
    return max(found, share) if full and not isinstance(found, Fraction) else found


def _same_for_all_lanes(nest: Nest, units: Sequence[LaneUnit]) -> tuple[float, list[LaneUnit]]:
    """(the chance that those leaders hold a non-zero which decide for all lanes of a step at once, and in every step
    with the same chance; the other units)."""
    chance, rest, outer = 1.0, [], nest.barriers[0][0]
    for unit in units:
        dims = range(len(unit.leader.axes))
        alone = sum(u.leader is unit.leader for u in units) == 1 and not unit.model.deterministic
        alike = all(equal_blocks(nest, unit, d) and unit.model.sight(d) is Sight.SIZE for d in dims)
        if alone and alike and all(s < outer for s in unit.bounds):
            chance *= float(unit.model.p_occupied(*(np.array(_size(nest, unit, d)) for d in dims)))
        else:
            rest.append(unit)
    return chance, rest


def _size(nest: Nest, unit: LaneUnit, dim: int) -> int:
    return extent(nest, unit.leader.axes[dim], unit.bounds)


def _of_part(nest: Nest, part: LanePart) -> Share:
    """What zeros leave of the slowest lanes' work in one part. Raises: TooLarge."""
    waiting = tuple(nest.waiting(part.ranks))
    if not waiting:
        return _mean(nest, part)
    own = Nest(nest.structure, nest.factors, waiting)
    certain = [certain_values(u.model) for u in part.units]
    values = [v for v in certain if v is not None]
    if len(values) == len(certain):
        lanes = Lanes(own, part)
        return Fraction(int(lanes.time(lanes.work(values))[0]), int(lanes.whole))
    mean = float(_mean(nest, part))
    found = _closed(own, part) if len(waiting) == 1 else None
    if found is None:
        found = from_draws(own, part, mean if _exact(part) else None)
    if found is None:
        found = by_union(own, part, mean)
    full = all(nest.exact(r) for r in part.ranks)
    return min(1.0, max(found, mean if full else 0.0))


def _closed(nest: Nest, part: LanePart) -> float | None:
    try:
        return closed_form(nest, part)
    except TooLarge:
        return None


def _exact(part: LanePart) -> bool:
    """Whether the mean is that of the drawn law: not of several tiles of a leader, or of fields with gaps."""
    return len({id(u.leader) for u in part.units}) == len(part.units) and not any(
        isinstance(u.model, Runs) and u.tile.sources for u in part.units
    )


def _mean(nest: Nest, part: LanePart) -> Share:
    """What zeros leave of the operations, as far as the leaders of one part decide about them."""
    leaders = tuple({id(u.leader): u.leader for u in part.units}.values())
    tiles: tuple[LeaderTile, ...] = ()
    for n, leader in enumerate(leaders):  # several tiles of one leader: what they share comes last
        own = tuple(u.tile._replace(leader=n) for u in part.units if u.leader is leader)
        tiles += own if len(own) == 1 else (*own, LeaderTile(n, tuple(s for tile in own for s in tile.sources)))
    batch, points = Batch(nest.structure, list(nest.factors)), points_of(nest.structure)
    zeros = Zeros(batch, leaders, batch.plan)
    left = float(Sum(zeros, points, points.apart, tiles, at_compute=True).total(Tables(batch))[0])
    if all(certain_values(u.model) is not None for u in part.units):
        return Fraction(round(left), nest.structure.computes)
    return left / nest.structure.computes
