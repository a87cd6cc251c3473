"""The search for one op of a fused pair: its loops above the split are those that the pair may share, or given ones."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import ceil
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sata.search.ahead import MOST
from sata.search.bounds import planned
from sata.search.found import Best, Found, Tally
from sata.search.frame import Frame, frame_of, prime_factors
from sata.search.frontier import OutOfTime, Search
from sata.search.fused_score import Nested, alone
from sata.search.fused_space import Kind, above, number_of, unrolled
from sata.search.labels import Labels, joined
from sata.search.moves import Shared
from sata.search.nests import PlacedLoop, loops_in_order
from sata.search.objective import SLACK
from sata.search.plans import Plans
from sata.search.score import Machine
from sata.search.solve import PROVEN, WIDEST
from sata.search.space import Constraints, Skeleton
from sata.specs.model import Array, Bandwidth, Memory

ENDLESS = 1 << 62  # bits in a cycle: traffic to a memory that is not to bound the search


@dataclass(frozen=True)
class Trunk:
    """Given loops above a split: `steps`, the temporal ones by prime factors, outermost first; `spatial`: (array, axis,
    rank) -> factor; `nodes`: name of a node that the giver has -> how many of the steps are above it."""

    steps: tuple[tuple[str, int], ...]
    spatial: dict[tuple[str, str, str], int]
    nodes: dict[str, int]


def trunk_of(nested: Nested, home: str) -> Trunk:
    """The loops of a nest above its home."""
    items = nested.skeleton.items
    last = number_of(nested.skeleton, home)
    steps: list[tuple[str, int]] = []
    spatial: dict[tuple[str, str, str], int] = {}
    nodes: dict[str, int] = {}
    loops = loops_in_order(nested.skeleton, nested.loops)
    for number, item in enumerate(items[: last + 1]):
        nodes[item.name] = len(steps)
        for p in loops if number < last else ():
            if p.item == number and p.axis:
                spatial[item.name, p.axis, p.rank] = p.factor
            elif p.item == number:
                steps += [(p.rank, prime) for prime in prime_factors(p.factor)]
    return Trunk(tuple(steps), spatial, nodes)


@dataclass
class Context:
    """What the searches for one op have in common. computes: whether the cycles of its compute count (see
    `fused_score.alone`)."""

    on: Machine
    constraints: Constraints
    computes: bool
    known: dict[Any, Any] = field(default_factory=dict)
    shared: Shared = field(default_factory=dict)


def member_frame(skeleton: Skeleton, kind: Kind, context: Context, trunk: Trunk | None) -> Frame | None:
    """The frame of an op below a split; None if no lanes are as they must be. Memories bound no cycles: what bounds a
    group is known only of all its ops together."""
    frame = frame_of(skeleton, context.on, context.constraints, False, context.known)
    rows = _plans_left(frame, kind, trunk)
    if not rows.any():
        return None
    plans = frame.plans
    plans = Plans(plans.slots, plans.factors[:, rows], tuple(a[:, rows] for a in plans.ahead))
    sharing = tuple(tuple(column[rows] for column in columns) for columns in frame.sharing)
    endless = tuple((n, replace(m, bandwidth=Bandwidth(ENDLESS, ENDLESS))) for n, m in frame.bandwidths)
    each = frame.cycles_each if context.computes else 0.0
    return replace(frame, plans=plans, sharing=sharing, bandwidths=endless, cycles_each=each)


def _plans_left(frame: Frame, kind: Kind, trunk: Trunk | None) -> NDArray[np.bool_]:
    """[P]: which plans unroll only shared ranks above the split (with a trunk: exactly its lanes)."""
    plans, skeleton = frame.plans, frame.skeleton
    names = [i.name for i in skeleton.items if isinstance(i, Array)]
    free = unrolled(skeleton, kind)
    found = np.ones(plans.factors.shape[1], dtype=bool)
    wanted = dict(trunk.spatial) if trunk is not None else {}
    for row, (array, axis, rank) in enumerate(plans.slots):
        name = names[array]
        if name not in free:
            continue
        if frame.ranks[rank] not in free[name]:
            found &= plans.factors[row] == 1
        if trunk is not None:
            found &= plans.factors[row] == wanted.pop((name, axis, frame.ranks[rank]), 1)
    return found & (not wanted)


class MemberSearch(Search):
    """See the module. skeleton: with a trunk, its items down to the home are those of both ops."""

    def __init__(self, frame: Frame, best: Best, tally: Tally, kind: Kind, context: Context, trunk: Trunk | None = None,
                 tick: Callable[[], None] | None = None) -> None:  # fmt: skip
        super().__init__(frame, best, tally, context.shared, tick=tick)
        self.computes, self.trunk = context.computes, trunk
        self.home = number_of(frame.skeleton, kind.home)
        self.above = [{frame.ranks.index(r) for r in ranks} for ranks in above(frame.skeleton, kind)]

    def scored(self, loops: tuple[PlacedLoop, ...]) -> Found | None:
        if not self._allowed(loops):
            return None
        found = alone(Nested(self.frame.skeleton, loops), self.frame.on, self.computes)
        return None if found is None else Found(*found, self.frame, loops)

    def _allowed(self, loops: Sequence[PlacedLoop]) -> bool:
        """Whether loops above the home are among those that may stand there; a look ahead does not know."""
        ranks = self.frame.ranks
        outer = [p for p in loops if p.item < self.home]
        if any(ranks.index(p.rank) not in self.above[p.item] for p in outer if not p.axis):
            return False
        if self.trunk is not None:
            own = trunk_of(Nested(self.frame.skeleton, tuple(loops)), self.frame.skeleton.items[self.home].name)
            same = own.steps == self.trunk.steps and own.spatial == self.trunk.spatial
            return same and all(own.nodes[name] == at for name, at in self.trunk.nodes.items())
        return self._lanes_allowed(loops)

    def _lanes_allowed(self, loops: Sequence[PlacedLoop]) -> bool:
        plans = self.frame.plans
        arrays = [n for n, i in enumerate(self.items) if isinstance(i, Array)]
        fits = np.ones(plans.factors.shape[1], dtype=bool)
        for row, (array, axis, rank) in enumerate(plans.slots):
            if arrays[array] < self.home:
                own = [p.factor for p in loops if (p.item, p.axis) == (arrays[array], axis)
                       and p.rank == self.frame.ranks[rank]]  # fmt: skip
                fits &= plans.factors[row] == int(np.prod(own, dtype=np.int64))
        return bool(fits.any())

    def look_ahead(self, closely: bool, rows: int = MOST) -> bool:
        """Not where the loops outside are given, or no cycles count: it does not pay there."""
        if self.trunk is not None or not self.computes:
            return True
        return super().look_ahead(closely, rows)

    def _loops(self, labels: Labels, item: int, rank: int) -> list[Labels]:
        if item < self.home and rank not in self.above[item]:
            return []
        return super()._loops(labels, item, rank)

    def _block(self, labels: Labels, item: int) -> Labels:
        if self.trunk is None or item >= self.home:
            return super()._block(labels, item)
        return self._given(labels, item, self.trunk)

    def _given(self, labels: Labels, item: int, trunk: Trunk) -> Labels:
        """The next of the given loops, in their order; down to a memory that only this op has, as many as one likes."""
        names = [i.name for i in self.items]
        least = trunk.nodes.get(names[item + 1], 0)
        most = next(trunk.nodes[n] for n in names[item + 1 :] if n in trunk.nodes)
        done = self._done(labels, item, trunk)
        found: list[Labels] = []
        now: list[Labels] = []
        for step in range(most + 1):
            here = joined([*now, labels.take(done == step)])
            if step >= least:
                found.append(here)
            if step == most or not len(here):
                now = []
                continue
            rank, prime = self.frame.ranks.index(trunk.steps[step][0]), trunk.steps[step][1]
            left = here.left[rank]
            if planned(here):  # the rest is for arrays further in
                left = left // self.frame.plans.ahead[self._passed(item)][rank][here.plan]
            own = here.take((left % prime == 0) & (rank in self.above[item]))
            self.tally.generated += len(own)
            factors = np.full(len(own), prime)
            now = [self.moves.looped(own, item, "", rank, factors, own.left[rank] // prime)]
        return joined(found)

    def _done(self, labels: Labels, item: int, trunk: Trunk) -> NDArray[np.int64]:
        """How many of the given steps each label has: all its loops are among them or on arrays above."""
        passed = {i.name for i in self.items[: item + 1] if isinstance(i, Array)}
        lanes = int(np.prod([f for (a, _, _), f in trunk.spatial.items() if a in passed], dtype=np.int64))
        looped = self.frame.points // (np.prod(labels.left, axis=0) * lanes)
        products = np.cumprod([1, *(prime for _, prime in trunk.steps)])
        return np.asarray(np.searchsorted(products, looped), dtype=np.int64)


def lessened(skeleton: Skeleton, taken: Mapping[str, float]) -> Skeleton:
    """The skeleton with memories that are smaller by what another op holds in them (bits by name)."""
    items = tuple(
        replace(i, size_bits=max(i.size_bits - ceil(taken[i.name]) * i.buffers, 0))
        if isinstance(i, Memory) and i.size_bits is not None and taken.get(i.name)
        else i
        for i in skeleton.items
    )
    return replace(skeleton, items=items)


def best_of(searches: Sequence[Search], best: Best, widths: Sequence[int], late: Callable[[], bool]) -> float:
    """The best below several skeletons, passes growing wider. late: whether to stop. Returns: the least value that may
    have been missed (inf: nothing was)."""
    open_: list[tuple[float, int]] = []
    for number, search in enumerate(searches):
        least = search.root_bound()
        if len(least.energy):
            open_.append((float(best.objective.value(least.energy, least.cycles).min()), number))
    open_.sort()
    for width in widths:
        after: list[tuple[float, int]] = []
        for value, number in open_:
            if hopeless(best, value):
                continue
            if late() or (width > WIDEST and not searches[number].frame.linear):
                after.append((value, number))
                continue
            try:
                if best.found and not searches[number].look_ahead(closely=False):
                    continue
                left = searches[number].run(width)
            except OutOfTime:
                left = value
            if left < PROVEN:
                after.append((max(value, left), number))
        open_ = sorted(after)
        if not open_ or late():
            break
    return min((value for value, _ in open_ if not hopeless(best, value)), default=PROVEN)


def hopeless(best: Best, value: float) -> bool:
    """Whether a bound leaves nothing to find."""
    if not best.found:
        return False
    have = best.objective.value(np.array([best.found[0].energy_pj]), np.array([best.found[0].cycles]))[0]
    return bool(value >= have * (1.0 - SLACK))
