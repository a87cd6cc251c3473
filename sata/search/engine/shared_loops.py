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

from sata.counts.op.capacity import within
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

    def __init__(self, a: MemberSearch, b: MemberSearch, kind: FusionKind, incumbent: Incumbent,
                 counters: SearchCounters,
                 offer: Callable[[MemberNest, MemberNest], None], late: Callable[[], bool]) -> None:  # fmt: skip
        self.a, self.b, self.kind, self.incumbent, self.counters = a, b, kind, incumbent, counters
        self.offer, self.late = offer, late
        one, other = a.problem.template, b.problem.template
        self.whole = joint(one, other, kind.prefix), joint(other, one, kind.prefix)
        self.home = number_of(self.whole[0], kind.home)
        self.steps = self._steps()
        self.shared = [r for r in a.problem.ranks if r in kind.ranks]
        self.numbers = [(a.problem.ranks.index(r), b.problem.ranks.index(r)) for r in self.shared]
        self.width, self.least_cut = 0, np.inf
        self.outer = self._outer_unrollings()
        self.merging = a.problem.merging and b.problem.merging

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
        self.width, self.least_cut = width, np.inf
        both = zip(self.whole, (self.a, self.b), strict=True)
        if not all(reachable(whole, search.problem.constraints) for whole, search in both):
            return self.least_cut
        self.a.begin(width)
        self.b.begin(width)
        group = GroupLabels(root_label(self.a.problem), root_label(self.b.problem))
        for n, step in enumerate(self.steps):
            group = self._array(group, step) if isinstance(step.node, Array) else self._memory(group, step)
            group = self._cut(group, step)
            if n < self.home:
                group = self._block(group, n)
            if not len(group):
                return self.least_cut
        self._below(group)
        return self.least_cut

    # --- above the split ----------------------------------------------------------------------------------------------

    def _memory(self, group: GroupLabels, step: SharedStep) -> GroupLabels:
        """Past a memory that holds the tiles of both."""
        memory = step.node
        assert isinstance(memory, Memory)
        if memory.size_bits is not None and all(step.own):
            held = self._held(group, step)
            group = group.take(within(held, memory.size_bits // memory.buffers))
        for which, search in enumerate((self.a, self.b)):
            if step.own[which] and len(group):
                mine, other = (group.a, group.b) if which == 0 else (group.b, group.a)
                mine.tag = np.arange(len(mine))
                mine = search.moves.close_memory(mine, step.items[which])
                other = other.take(mine.tag)
                group = GroupLabels(mine, other) if which == 0 else GroupLabels(other, mine)
        return group

    def _held(self, group: GroupLabels, step: SharedStep) -> Floats:
        """Bits of the tiles of both in a memory; a tensor of both is there once."""
        a = self.a.moves.tiles(group.a, step.items[0])
        b = self.b.moves.tiles(group.b, step.items[1])
        every = [np.maximum(a.get(name, 0.0), b.get(name, 0.0)) for name in {**a, **b}]
        return np.asarray(sum(every) + np.zeros(len(group)))

    def _block(self, group: GroupLabels, n: int) -> GroupLabels:
        """All ways to put shared loops below a node, as `frontier` has it."""
        step, ranks = self.steps[n], self.a.problem.ranks
        asked = [LoopConstraint(s.problem, step.node.name) for s in (self.a, self.b)]
        if any(each.never for each in asked):
            return group.take(np.zeros(0, dtype=np.int64))
        group = GroupLabels(asked[0].begun(group.a), asked[1].begun(group.b))
        waiting: dict[int, list[GroupLabels]] = {}
        self._sort(group, waiting)
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
                    self.counters.generated += len(more)
                    self._sort(more, waiting)
        return joined_groups(done) if done else group.take(np.zeros(0, dtype=np.int64))

    def _sort(self, group: GroupLabels, waiting: dict[int, list[GroupLabels]]) -> None:
        level = np.zeros(len(group), dtype=np.int64)
        for bound, left in zip(self.a.problem.bounds, group.a.left, strict=True):
            level = level + prime_weight(bound, left)
        for value in np.unique(level).tolist():
            waiting.setdefault(value, []).append(group.take(level == value))

    def _looped(self, group: GroupLabels, n: int, step: SharedStep, numbers: tuple[int, int]) -> list[GroupLabels]:
        """The twins with one more loop over a rank of both."""
        free = [self._free(s, labels, step.items[k], numbers[k])
                for k, (s, labels) in enumerate(((self.a, group.a), (self.b, group.b)))]  # fmt: skip
        found = []
        for prime in primes_of(self.a.problem.bounds[numbers[0]]):
            some = np.flatnonzero((free[0] % prime == 0) & (free[1] % prime == 0))
            if len(some):
                both = group.take(some)
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
            left = left // search.problem.unrollings.inner[search.passed(item)][rank][labels.unrolling]
        return np.asarray(left)

    # --- arrays -------------------------------------------------------------------------------------------------------

    def _outer_unrollings(self) -> tuple[Ints, Ints]:
        """Of every plan of each op, a number of what it unrolls above the split: the same for the same lanes."""
        slots: dict[tuple[str, str, str], int] = {}
        tables = []
        for search in (self.a, self.b):
            names = [i.name for i in search.items if isinstance(i, Array)]
            unrollings = search.problem.unrollings
            rows = {}
            for row, (array, axis, rank) in enumerate(unrollings.slots):
                if names[array] in self.kind.prefix:
                    slot = slots.setdefault((names[array], axis, search.problem.ranks[rank]), len(slots))
                    rows[slot] = unrollings.factors[row]
            tables.append((rows, unrollings.factors.shape[1]))
        whole = np.concatenate(
            [np.stack([rows.get(s, np.ones(n, np.int64)) for s in range(len(slots))] or [np.ones(n, np.int64)])
             for rows, n in tables], axis=1)  # fmt: skip
        numbers = np.unique(whole, axis=1, return_inverse=True)[1].reshape(-1)
        return numbers[: tables[0][1]], numbers[tables[0][1] :]

    def _array(self, group: GroupLabels, step: SharedStep) -> GroupLabels:
        """With the lanes of an array, which are those of both."""
        if not has_unrolling(group.a):
            a, b = (
                self._with_unrollings(self.a, group.a, step.items[0]),
                self._with_unrollings(self.b, group.b, step.items[1]),
            )
            group = self._alike(a, b)
        return GroupLabels(self.a.unrolled(group.a, step.items[0]), self.b.unrolled(group.b, step.items[1]))

    @staticmethod
    def _with_unrollings(search: MemberSearch, labels: PartialMappings, item: int) -> PartialMappings:
        labels.tag = np.arange(len(labels))
        found = list(search.with_unrollings(labels, item))
        return joined_labels(found) if found else labels.take(np.zeros(0, dtype=np.int64))

    def _alike(self, a: PartialMappings, b: PartialMappings) -> GroupLabels:
        """Every two of the same row that unroll the same above the split."""
        most = max(int(n.max(initial=0)) for n in self.outer) + 1
        mine, other = a.tag * most + self.outer[0][a.unrolling], b.tag * most + self.outer[1][b.unrolling]
        order = np.argsort(other, kind="stable")
        first = np.searchsorted(other[order], mine, side="left")
        count = np.searchsorted(other[order], mine, side="right") - first
        of = np.repeat(np.arange(len(mine)), count)
        place = np.arange(len(of)) - np.repeat(np.cumsum(count) - count, count) + first[of]
        return GroupLabels(a.take(of), b.take(order[place]))

    # --- leaving out --------------------------------------------------------------------------------------------------

    def _cut(self, group: GroupLabels, step: SharedStep) -> GroupLabels:
        """Leave out what is hopeless, what another is at least as good as in both, and what there is no room for."""
        if self.late():
            raise BudgetSpent
        if self.a.tick is not None:
            self.a.tick()
        group, values = self._unpruned(group, step, True)
        if self.merging and len(group) > 1:
            passed = [s.passed(item) for s, item in zip((self.a, self.b), step.items, strict=True)]
            both = ((self.a.problem, group.a, passed[0]), (self.b.problem, group.b, passed[1]))
            for labels in (group.a, group.b):
                labels.tag = np.zeros(len(group), dtype=np.int64)
            own = np.concatenate([keys(*each) for each in both])
            costs = np.concatenate([columns(problem, labels) for problem, labels, _ in both], axis=1)
            keep = undominated_of(own, costs, values)
            self.counters.dominated += int(len(group) - keep.sum())
            group, values = group.take(keep), values[keep]
        if self.a.windowed or self.b.windowed:
            group, values = self._unpruned(group, step, False)
        if len(group) > self.width:
            order = np.argsort(values, kind="stable")
            self.least_cut = min(self.least_cut, float(values[order[self.width]]))
            group = group.take(np.sort(order[: self.width]))
        return group

    def _unpruned(self, group: GroupLabels, step: SharedStep, rough: bool) -> tuple[GroupLabels, Floats]:
        """The twins that may lead to something better, and the least value of each."""
        if not len(group):
            return group, np.zeros(0)
        values, keep, _ = self._valued(group, step.items, rough)
        self.counters.pruned += int(len(group) - keep.sum())
        return group.take(keep), values[keep]

    def _valued(
        self, group: GroupLabels, items: tuple[int, int], rough: bool
    ) -> tuple[Floats, NDArray[np.bool_], tuple[BoundParts, BoundParts]]:
        one, hope_one, a = self.a.valued(group.a, items[0], rough)
        other, hope_other, b = self.b.valued(group.b, items[1], rough)
        values = group_values(self.incumbent.objective, self.a.problem.on.leak_pj, (a, b), one + other)
        return values, hope_one & hope_other & (values < self._limit()), (a, b)

    def _limit(self) -> float:
        return self.incumbent.value() * (1.0 - SLACK)

    # --- below it -----------------------------------------------------------------------------------------------------

    def _below(self, group: GroupLabels) -> None:
        """Complete the nests of one op, then the other's. First those of which less is known before they are."""
        leak, items = self.a.problem.on.leak_pj, self.steps[-1].items
        labels, searches = (group.a, group.b), (self.a, self.b)
        one = max((0, 1), key=lambda k: (searches[k].windowed, searches[k].computes, searches[k].problem.points))
        other = 1 - one
        values, _, least_other = searches[other].valued(labels[other], items[other], False)
        members = GroupMembers(least_other, values, self.incumbent, leak)
        first, of_first = self._inwards(searches[one], labels[one], items[one], members)
        if not len(first):
            return
        own = searches[one].own(of_first)
        values = self.incumbent.objective.value(own.energy, own.cycles)
        keep = self._wanted(first, of_first, values)
        first, of_first, values = first.take(keep), of_first.take(keep), values[keep]
        members = GroupMembers(of_first, values, self.incumbent, leak)
        second, of_second = self._inwards(searches[other], labels[other].take(first.tag), items[other], members)
        if len(second):
            own = searches[other].own(of_second)
            own_values = self.incumbent.objective.value(own.energy, own.cycles)
            values, improving = members.values_with(second.tag, of_second, own_values)
            first = first.take(second.tag)
            self._complete(*((first, second) if one == 0 else (second, first)), values, improving)

    def _inwards(
        self, search: MemberSearch, labels: PartialMappings, item: int, members: GroupMembers
    ) -> tuple[PartialMappings, BoundParts]:
        """Complete nests of one op, tagged by the rows of its mates."""
        labels = labels.take(np.arange(len(labels)))
        labels.tag = np.arange(len(labels))
        search.least_cut, search.ends, search.members = np.inf, None, members
        try:
            search.inwards(labels, item)
        finally:
            search.members = None
        self.least_cut = min(self.least_cut, search.least_cut)
        return search.ends or (labels.take(np.zeros(0, dtype=np.int64)), members.parts)

    def _wanted(self, labels: PartialMappings, of: BoundParts, values: Floats) -> NDArray[np.bool_]:
        """Which complete nests of one op some nest of the other may want: none of the same trunk is as good in all."""
        if not self.merging:
            return np.ones(len(labels), dtype=bool)
        return undominated_of(labels.tag[None, :], np.stack([of.energy, *of.cycles.values()], axis=1), values)

    def _complete(self, a: PartialMappings, b: PartialMappings, values: Floats, improving: NDArray[np.bool_]) -> None:
        """Pairs of complete nests, by row, the most promising first."""
        for row in np.argsort(values, kind="stable").tolist():
            if not improving[row] or values[row] >= self._limit():
                continue
            if self.late():
                raise BudgetSpent
            self.counters.scored += 1
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
