"""The search for two ops with the same loops above a split: partial nests of both, side by side.

Down to the split every step is one of both: a loop, the lanes of an array, a memory that either has, which must hold
the tiles of both. What is left out is so by what both cost at least, together. Below the split first one op's nests are
completed, then the other's, each beside the least that its mate costs.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sata.counts.storage.capacity import within
from sata.search.engine.beam import BudgetSpent
from sata.search.engine.member import Floats, GroupMembers, MemberSearch, group_values
from sata.search.model.exact_fused import MemberNest
from sata.search.model.fusion import FusionKind, above, joint, number_of
from sata.search.model.objective import SLACK
from sata.search.partial.bounds import BoundParts, has_unrolling
from sata.search.partial.dominance import columns, keys, undominated_of
from sata.search.partial.incumbent import Incumbent, SearchCounters
from sata.search.partial.loop_constraints import LoopConstraint
from sata.search.partial.table import Ints, PartialMappings, root_label
from sata.search.partial.table import concatenated as joined_labels
from sata.search.space.factors import prime_weight, primes_of
from sata.search.space.nests import PlacedLoop
from sata.search.space.storage_templates import reachable
from sata.specs.model import Array, Memory

TRUNK = 1 << 10  # added to the numbers of items of both ops, where a trail tells of loops above the split


@dataclass(frozen=True)
class SharedStep:
    """A node above the split, or the home: for each op the last of its own items so far, and whether that is this one;
    ranks: what loops below it may run over."""

    node: Any
    items: tuple[int, int]
    own: tuple[bool, bool]
    ranks: frozenset[str]


@dataclass
class GroupLabels:
    """Partial nests of both ops, by row."""

    a: PartialMappings
    b: PartialMappings

    def __len__(self) -> int:
        return len(self.a)

    def take(self, chosen: NDArray[np.generic]) -> GroupLabels:
        return GroupLabels(self.a.take(chosen), self.b.take(chosen))


def joined_groups(parts: list[GroupLabels]) -> GroupLabels:
    """All rows of several lists."""
    return GroupLabels(joined_labels([p.a for p in parts]), joined_labels([p.b for p in parts]))


class SharedLoopSearch:
    """Passes below one skeleton of each op. best: the best pair so far, by its figures alone; offer: called with pairs
    that may be better; late: whether to stop."""

    def __init__(self, a: MemberSearch, b: MemberSearch, kind: FusionKind, best: Incumbent, tally: SearchCounters,
                 offer: Callable[[MemberNest, MemberNest], None], late: Callable[[], bool]) -> None:  # fmt: skip
        self.a, self.b, self.kind, self.best, self.tally = a, b, kind, best, tally
        self.offer, self.late = offer, late
        one, other = a.frame.skeleton, b.frame.skeleton
        self.whole = joint(one, other, kind.prefix), joint(other, one, kind.prefix)
        self.home = number_of(self.whole[0], kind.home)
        self.steps = self._steps()
        self.shared = [r for r in a.frame.ranks if r in kind.ranks]
        self.numbers = [(a.frame.ranks.index(r), b.frame.ranks.index(r)) for r in self.shared]
        self.width, self.left_out = 0, np.inf
        self.outer = self._outer_plans()
        self.merging = a.frame.merging and b.frame.merging

    def _steps(self) -> list[SharedStep]:
        allowed = [one & other for one, other in zip(*(above(w, self.kind) for w in self.whole), strict=True)]
        found = []
        names = [[i.name for i in s.items] for s in (self.a, self.b)]
        at = [-1, -1]
        for n, node in enumerate(self.whole[0].items[: self.home + 1]):
            own = tuple(node.name in every for every in names)
            at = [names[k].index(node.name) if own[k] else at[k] for k in (0, 1)]
            ranks = allowed[n] if n < self.home else frozenset()
            found.append(SharedStep(node, (at[0], at[1]), (own[0], own[1]), ranks))
        return found

    def run(self, width: int) -> float:
        """One pass. Returns: the least value that was left out (inf: nothing was)."""
        self.width, self.left_out = width, np.inf
        both = zip(self.whole, (self.a, self.b), strict=True)
        if not all(reachable(whole, search.frame.constraints) for whole, search in both):
            return self.left_out
        self.a.begin(width)
        self.b.begin(width)
        twins = GroupLabels(root_label(self.a.frame), root_label(self.b.frame))
        for n, step in enumerate(self.steps):
            twins = self._array(twins, step) if isinstance(step.node, Array) else self._memory(twins, step)
            twins = self._cut(twins, step)
            if n < self.home:
                twins = self._block(twins, n)
            if not len(twins):
                return self.left_out
        self._below(twins)
        return self.left_out

    # --- above the split ----------------------------------------------------------------------------------------------

    def _memory(self, twins: GroupLabels, step: SharedStep) -> GroupLabels:
        """Past a memory that holds the tiles of both."""
        memory = step.node
        assert isinstance(memory, Memory)
        if memory.size_bits is not None and all(step.own):
            held = self._held(twins, step)
            twins = twins.take(within(held, memory.size_bits // memory.buffers))
        for which, search in enumerate((self.a, self.b)):
            if step.own[which] and len(twins):
                mine, other = (twins.a, twins.b) if which == 0 else (twins.b, twins.a)
                mine.tag = np.arange(len(mine))
                mine = search.moves.close_memory(mine, step.items[which])
                other = other.take(mine.tag)
                twins = GroupLabels(mine, other) if which == 0 else GroupLabels(other, mine)
        return twins

    def _held(self, twins: GroupLabels, step: SharedStep) -> Floats:
        """Bits of the tiles of both in a memory; a tensor of both is there once."""
        a = self.a.moves.tiles(twins.a, step.items[0])
        b = self.b.moves.tiles(twins.b, step.items[1])
        every = [np.maximum(a.get(name, 0.0), b.get(name, 0.0)) for name in {**a, **b}]
        return np.asarray(sum(every) + np.zeros(len(twins)))

    def _block(self, twins: GroupLabels, n: int) -> GroupLabels:
        """All ways to put shared loops below a node, as `frontier` has it."""
        step, ranks = self.steps[n], self.a.frame.ranks
        asked = [LoopConstraint(s.frame, step.node.name) for s in (self.a, self.b)]
        if any(each.never for each in asked):
            return twins.take(np.zeros(0, dtype=np.int64))
        twins = GroupLabels(asked[0].begun(twins.a), asked[1].begun(twins.b))
        waiting: dict[int, list[GroupLabels]] = {}
        self._sort(twins, waiting)
        done: list[GroupLabels] = []
        while waiting:
            here = self._cut(joined_groups(waiting.pop(max(waiting))), step)
            if not len(here):
                continue
            ok = asked[0].done(here.a) & asked[1].done(here.b)
            done.append(GroupLabels(asked[0].ended(here.a.take(ok)), asked[1].ended(here.b.take(ok))))
            for one, other in self.numbers:
                if ranks[one] not in step.ranks:
                    continue
                some = here.take(asked[0].open(here.a, one) & asked[1].open(here.b, other))
                for more in self._looped(some, n, step, (one, other)):
                    more = more.take(asked[0].within(more.a, one) & asked[1].within(more.b, other))
                    self.tally.generated += len(more)
                    self._sort(more, waiting)
        return joined_groups(done) if done else twins.take(np.zeros(0, dtype=np.int64))

    def _sort(self, twins: GroupLabels, waiting: dict[int, list[GroupLabels]]) -> None:
        level = np.zeros(len(twins), dtype=np.int64)
        for bound, left in zip(self.a.frame.bounds, twins.a.left, strict=True):
            level = level + prime_weight(bound, left)
        for value in np.unique(level).tolist():
            waiting.setdefault(value, []).append(twins.take(level == value))

    def _looped(self, twins: GroupLabels, n: int, step: SharedStep, numbers: tuple[int, int]) -> list[GroupLabels]:
        """The twins with one more loop over a rank of both."""
        free = [self._free(s, labels, step.items[k], numbers[k])
                for k, (s, labels) in enumerate(((self.a, twins.a), (self.b, twins.b)))]  # fmt: skip
        found = []
        for prime in primes_of(self.a.frame.bounds[numbers[0]]):
            some = np.flatnonzero((free[0] % prime == 0) & (free[1] % prime == 0))
            if len(some):
                both = twins.take(some)
                factors = np.full(len(some), prime)
                for search, labels, rank in ((self.a, both.a, numbers[0]), (self.b, both.b, numbers[1])):
                    search.moves.looped(labels, TRUNK + n, "", rank, factors, labels.left[rank] // prime)
                found.append(both)
        return found

    @staticmethod
    def _free(search: MemberSearch, labels: PartialMappings, item: int, rank: int) -> Ints:
        """What loops may still take of a rank: not what arrays further in unroll."""
        left = labels.left[rank]
        if has_unrolling(labels):
            left = left // search.frame.plans.ahead[search.passed(item)][rank][labels.plan]
        return np.asarray(left)

    # --- arrays -------------------------------------------------------------------------------------------------------

    def _outer_plans(self) -> tuple[Ints, Ints]:
        """Of every plan of each op, a number of what it unrolls above the split: the same for the same lanes."""
        slots: dict[tuple[str, str, str], int] = {}
        tables = []
        for search in (self.a, self.b):
            names = [i.name for i in search.items if isinstance(i, Array)]
            plans = search.frame.plans
            rows = {}
            for row, (array, axis, rank) in enumerate(plans.slots):
                if names[array] in self.kind.prefix:
                    slot = slots.setdefault((names[array], axis, search.frame.ranks[rank]), len(slots))
                    rows[slot] = plans.factors[row]
            tables.append((rows, plans.factors.shape[1]))
        whole = np.concatenate(
            [np.stack([rows.get(s, np.ones(n, np.int64)) for s in range(len(slots))] or [np.ones(n, np.int64)])
             for rows, n in tables], axis=1)  # fmt: skip
        numbers = np.unique(whole, axis=1, return_inverse=True)[1].reshape(-1)
        return numbers[: tables[0][1]], numbers[tables[0][1] :]

    def _array(self, twins: GroupLabels, step: SharedStep) -> GroupLabels:
        """With the lanes of an array, which are those of both."""
        if not has_unrolling(twins.a):
            a, b = self._with_plans(self.a, twins.a, step.items[0]), self._with_plans(self.b, twins.b, step.items[1])
            twins = self._alike(a, b)
        return GroupLabels(self.a.unrolled(twins.a, step.items[0]), self.b.unrolled(twins.b, step.items[1]))

    @staticmethod
    def _with_plans(search: MemberSearch, labels: PartialMappings, item: int) -> PartialMappings:
        labels.tag = np.arange(len(labels))
        found = list(search.with_plans(labels, item))
        return joined_labels(found) if found else labels.take(np.zeros(0, dtype=np.int64))

    def _alike(self, a: PartialMappings, b: PartialMappings) -> GroupLabels:
        """Every two of the same row that unroll the same above the split."""
        most = max(int(n.max(initial=0)) for n in self.outer) + 1
        mine, other = a.tag * most + self.outer[0][a.plan], b.tag * most + self.outer[1][b.plan]
        order = np.argsort(other, kind="stable")
        first = np.searchsorted(other[order], mine, side="left")
        count = np.searchsorted(other[order], mine, side="right") - first
        of = np.repeat(np.arange(len(mine)), count)
        place = np.arange(len(of)) - np.repeat(np.cumsum(count) - count, count) + first[of]
        return GroupLabels(a.take(of), b.take(order[place]))

    # --- leaving out --------------------------------------------------------------------------------------------------

    def _cut(self, twins: GroupLabels, step: SharedStep) -> GroupLabels:
        """Leave out what is hopeless, what another is at least as good as in both, and what there is no room for."""
        if self.late():
            raise BudgetSpent
        if self.a.tick is not None:
            self.a.tick()
        twins, values = self._hopeful(twins, step, True)
        if self.merging and len(twins) > 1:
            passed = [s.passed(item) for s, item in zip((self.a, self.b), step.items, strict=True)]
            both = ((self.a.frame, twins.a, passed[0]), (self.b.frame, twins.b, passed[1]))
            for labels in (twins.a, twins.b):
                labels.tag = np.zeros(len(twins), dtype=np.int64)
            own = np.concatenate([keys(*each) for each in both])
            costs = np.concatenate([columns(frame, labels) for frame, labels, _ in both], axis=1)
            keep = undominated_of(own, costs, values)
            self.tally.merged += int(len(twins) - keep.sum())
            twins, values = twins.take(keep), values[keep]
        if self.a.windowed or self.b.windowed:
            twins, values = self._hopeful(twins, step, False)
        if len(twins) > self.width:
            order = np.argsort(values, kind="stable")
            self.left_out = min(self.left_out, float(values[order[self.width]]))
            twins = twins.take(np.sort(order[: self.width]))
        return twins

    def _hopeful(self, twins: GroupLabels, step: SharedStep, rough: bool) -> tuple[GroupLabels, Floats]:
        """The twins that may lead to something better, and the least value of each."""
        if not len(twins):
            return twins, np.zeros(0)
        values, keep, _ = self._valued(twins, step.items, rough)
        self.tally.hopeless += int(len(twins) - keep.sum())
        return twins.take(keep), values[keep]

    def _valued(
        self, twins: GroupLabels, items: tuple[int, int], rough: bool
    ) -> tuple[Floats, NDArray[np.bool_], tuple[BoundParts, BoundParts]]:
        one, hope_one, a = self.a.valued(twins.a, items[0], rough)
        other, hope_other, b = self.b.valued(twins.b, items[1], rough)
        values = group_values(self.best.objective, self.a.frame.on.leak_pj, (a, b), one + other)
        return values, hope_one & hope_other & (values < self._limit()), (a, b)

    def _limit(self) -> float:
        return self.best.value() * (1.0 - SLACK)

    # --- below it -----------------------------------------------------------------------------------------------------

    def _below(self, twins: GroupLabels) -> None:
        """Complete the nests of one op, then the other's. First those of which less is known before they are."""
        leak, items = self.a.frame.on.leak_pj, self.steps[-1].items
        labels, searches = (twins.a, twins.b), (self.a, self.b)
        one = max((0, 1), key=lambda k: (searches[k].windowed, searches[k].computes, searches[k].frame.points))
        other = 1 - one
        values, _, least_other = searches[other].valued(labels[other], items[other], False)
        mates = GroupMembers(least_other, values, self.best, leak)
        first, of_first = self._inwards(searches[one], labels[one], items[one], mates)
        if not len(first):
            return
        own = searches[one].own(of_first)
        values = self.best.objective.value(own.energy, own.cycles)
        keep = self._wanted(first, of_first, values)
        first, of_first, values = first.take(keep), of_first.take(keep), values[keep]
        mates = GroupMembers(of_first, values, self.best, leak)
        second, of_second = self._inwards(searches[other], labels[other].take(first.tag), items[other], mates)
        if len(second):
            own = searches[other].own(of_second)
            own_values = self.best.objective.value(own.energy, own.cycles)
            values, hope = mates.values_with(second.tag, of_second, own_values)
            first = first.take(second.tag)
            self._complete(*((first, second) if one == 0 else (second, first)), values, hope)

    def _inwards(
        self, search: MemberSearch, labels: PartialMappings, item: int, mates: GroupMembers
    ) -> tuple[PartialMappings, BoundParts]:
        """Complete nests of one op, tagged by the rows of its mates."""
        labels = labels.take(np.arange(len(labels)))
        labels.tag = np.arange(len(labels))
        search.left_out, search.ends, search.mates = np.inf, None, mates
        try:
            search.inwards(labels, item)
        finally:
            search.mates = None
        self.left_out = min(self.left_out, search.left_out)
        return search.ends or (labels.take(np.zeros(0, dtype=np.int64)), mates.parts)

    def _wanted(self, labels: PartialMappings, of: BoundParts, values: Floats) -> NDArray[np.bool_]:
        """Which complete nests of one op some nest of the other may want: none of the same trunk is as good in all."""
        if not self.merging:
            return np.ones(len(labels), dtype=bool)
        return undominated_of(labels.tag[None, :], np.stack([of.energy, *of.cycles.values()], axis=1), values)

    def _complete(self, a: PartialMappings, b: PartialMappings, values: Floats, hope: NDArray[np.bool_]) -> None:
        """Pairs of complete nests, by row, the most promising first."""
        for row in np.argsort(values, kind="stable").tolist():
            if not hope[row] or values[row] >= self._limit():
                continue
            if self.late():
                raise BudgetSpent
            self.tally.scored += 1
            both = self._placed(self.a, int(a.node[row]), 0), self._placed(self.b, int(b.node[row]), 1)
            trunk = tuple(p for p in both[0] if p.item < self.home)
            below = tuple(p for p in both[1] if p.item >= self.home)
            self.offer(MemberNest(self.whole[0], both[0]), MemberNest(self.whole[1], (*trunk, *below)))

    def _placed(self, search: MemberSearch, node: int, which: int) -> tuple[PlacedLoop, ...]:
        """The loops of a nest by the items that it has together with the other's."""
        further, found = self.home - search.home, []
        for p in search.loops_of(node):
            if p.item >= TRUNK:
                found.append(replace(p, item=p.item - TRUNK))
            elif p.item < search.home:
                found.append(replace(p, item=number_of(self.whole[which], search.items[p.item].name)))
            else:
                found.append(replace(p, item=p.item + further))
        return tuple(found)
