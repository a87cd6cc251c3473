"""The search for ops with the same loops above a split: partial nests of all members of a group, side by side.

Down to the split every step is one of all: a loop, the lanes of an array, a memory that some of them have, which must
hold the tiles of all. What is pruned is so by what all cost at least, together. Below the split the nests of one op
after the other are completed, each beside the nests that are complete and the least that the others cost.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import reduce
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sata.counts.op.capacity import within
from sata.search.engine.member import Floats, GroupMembers, MemberSearch, group_values
from sata.search.engine.walk import BeamWalk, BudgetSpent
from sata.search.model.exact_fused import MemberNest
from sata.search.model.fusion import FusionKind, above, joint, number_of
from sata.search.model.objective import SLACK
from sata.search.partial.bounds import BoundParts, has_unrolling
from sata.search.partial.dominance import columns, keys, undominated_of
from sata.search.partial.incumbent import Incumbent, SearchCounters
from sata.search.partial.loop_constraints import LoopConstraint
from sata.search.partial.table import Ints, PartialMappings, root_label
from sata.search.partial.table import concatenated as joined_labels
from sata.search.space.factors import primes_of
from sata.search.space.nests import PlacedLoop
from sata.search.space.storage_templates import reachable
from sata.specs.model import Array, Memory

TRUNK = 1 << 10  # added to the numbers of items of all ops, where a trail tells of loops above the split


@dataclass(frozen=True)
class SharedStep:
    """A node above the split, or the home: for each op the last of its own items so far, and whether that is this one;
    ranks: what loops below it may run over."""

    node: Any
    items: tuple[int, ...]
    own: tuple[bool, ...]
    ranks: frozenset[str]


@dataclass
class GroupLabels:
    """Partial nests of all members of a group, by row."""

    members: tuple[PartialMappings, ...]

    def __len__(self) -> int:
        return len(self.members[0])

    def take(self, chosen: NDArray[np.generic]) -> GroupLabels:
        return GroupLabels(tuple(labels.take(chosen) for labels in self.members))


class SharedLoopSearch(BeamWalk[GroupLabels]):
    """Passes below one storage template of each op. best: the best group so far, by its figures alone; offer: called
    with groups that may be better; late: whether to stop."""

    def __init__(self, members: Sequence[MemberSearch], kind: FusionKind, incumbent: Incumbent,
                 counters: SearchCounters,
                 offer: Callable[[tuple[MemberNest, ...]], None], late: Callable[[], bool]) -> None:  # fmt: skip
        super().__init__(counters)
        self.members, self.kind, self.incumbent = tuple(members), kind, incumbent
        self.offer, self.late = offer, late
        templates = [member.problem.template for member in members]
        self.whole = [joint(template, templates, kind.prefix) for template in templates]
        self.home = number_of(self.whole[0], kind.home)
        self.steps = self._steps()
        ranks = [member.problem.ranks for member in members]
        self.numbers = {r: tuple(own.index(r) for own in ranks) for r in ranks[0] if r in kind.ranks}
        self.outer = self._outer_unrollings()
        self.merging = all(member.problem.merging for member in members)
        self.leak_pj = members[0].problem.on.leak_pj

    def _steps(self) -> list[SharedStep]:
        allowed = [
            frozenset.intersection(*each) for each in zip(*(above(w, self.kind) for w in self.whole), strict=True)
        ]
        found = []
        names = [[i.name for i in member.items] for member in self.members]
        at = [-1] * len(names)
        for n, node in enumerate(self.whole[0].items[: self.home + 1]):
            own = tuple(node.name in every for every in names)
            at = [every.index(node.name) if here else last for every, here, last in zip(names, own, at, strict=True)]
            ranks = allowed[n] if n < self.home else frozenset()
            found.append(SharedStep(node, tuple(at), own, ranks))
        return found

    def run(self, width: int) -> float:
        """One pass. Returns: the least value that was left out (inf: nothing was)."""
        self.width, self.least_cut = width, np.inf
        each = zip(self.whole, self.members, strict=True)
        if not all(reachable(whole, member.problem.constraints) for whole, member in each):
            return self.least_cut
        for member in self.members:
            member.begin(width)
        labels = GroupLabels(tuple(root_label(member.problem) for member in self.members))
        for n, step in enumerate(self.steps):
            labels = self._array(labels, step) if isinstance(step.node, Array) else self._memory(labels, step)
            labels = self.cut(labels, n)
            if n < self.home:
                labels = self._block(labels, n)
            if not len(labels):
                return self.least_cut
        self._below(labels)
        return self.least_cut

    # --- above the split ----------------------------------------------------------------------------------------------

    def _memory(self, labels: GroupLabels, step: SharedStep) -> GroupLabels:
        """Past a memory that holds the tiles of all."""
        memory = step.node
        assert isinstance(memory, Memory)
        if memory.size_bits is not None and sum(step.own) > 1:
            held = self._held(labels, step)
            labels = labels.take(within(held, memory.size_bits // memory.buffers))
        for which, member in enumerate(self.members):
            if step.own[which] and len(labels):
                mine = labels.members[which]
                mine.tag = np.arange(len(mine))
                mine = member.moves.close_memory(mine, step.items[which])
                rest = labels.take(mine.tag).members
                labels = GroupLabels((*rest[:which], mine, *rest[which + 1 :]))
        return labels

    def _held(self, labels: GroupLabels, step: SharedStep) -> Floats:
        """Bits of the tiles of all in a memory; a tensor of several is there once."""
        tiles = [
            member.moves.tiles(own, item)
            for member, own, item, here in zip(self.members, labels.members, step.items, step.own, strict=True) if here
        ]  # fmt: skip
        names = dict.fromkeys(name for each in tiles for name in each)
        every = [reduce(np.maximum, [each[name] for each in tiles if name in each]) for name in names]
        return np.asarray(sum(every) + np.zeros(len(labels)))

    def _block(self, labels: GroupLabels, n: int) -> GroupLabels:
        """All ways to put shared loops below a node."""
        asked = self._loop_constraint(n)
        if any(each.never for each in asked):
            return labels.take(np.zeros(0, dtype=np.int64))

        def leave(here: GroupLabels, _: int) -> GroupLabels:
            ok = np.logical_and.reduce([each.done(own) for each, own in zip(asked, here.members, strict=True)])
            here = here.take(ok)
            return GroupLabels(tuple(each.ended(own) for each, own in zip(asked, here.members, strict=True)))

        begun = GroupLabels(tuple(each.begun(own) for each, own in zip(asked, labels.members, strict=True)))
        return self.block(begun, n, leave)

    def _loop_constraint(self, n: int) -> list[LoopConstraint]:
        return [LoopConstraint(member.problem, self.steps[n].node.name) for member in self.members]

    def looped(self, labels: GroupLabels, place: int) -> Iterator[GroupLabels]:
        asked = self._loop_constraint(place)
        for rank, numbers in self.numbers.items():
            if rank not in self.steps[place].ranks:
                continue
            each = list(zip(asked, numbers, strict=True))
            some = labels.take(_all(a.open(own, r) for (a, r), own in zip(each, labels.members, strict=True)))
            for deeper in self._over(some, place, numbers):
                yield deeper.take(_all(a.within(own, r) for (a, r), own in zip(each, deeper.members, strict=True)))

    def _over(self, labels: GroupLabels, n: int, numbers: tuple[int, ...]) -> Iterator[GroupLabels]:
        """The labels with one more loop over a rank of all."""
        step = self.steps[n]
        free = [self._free(*each) for each in zip(self.members, labels.members, step.items, numbers, strict=True)]
        for prime in primes_of(self.members[0].problem.bounds[numbers[0]]):
            some = np.flatnonzero(_all(own % prime == 0 for own in free))
            if len(some):
                chosen = labels.take(some)
                factors = np.full(len(some), prime)
                for member, own, rank in zip(self.members, chosen.members, numbers, strict=True):
                    member.moves.looped(own, TRUNK + n, "", rank, factors, own.left[rank] // prime)
                yield chosen

    @staticmethod
    def _free(member: MemberSearch, labels: PartialMappings, item: int, rank: int) -> Ints:
        """What loops may still take of a rank: not what arrays further in unroll."""
        left = labels.left[rank]
        if has_unrolling(labels):
            left = left // member.problem.unrollings.inner[member.passed(item)][rank][labels.unrolling]
        return np.asarray(left)

    # --- arrays -------------------------------------------------------------------------------------------------------

    def _outer_unrollings(self) -> list[Ints]:
        """Of every plan of each op, a number of what it unrolls above the split: the same for the same lanes."""
        slots: dict[tuple[str, str, str], int] = {}
        tables = []
        for member in self.members:
            names = [i.name for i in member.items if isinstance(i, Array)]
            unrollings = member.problem.unrollings
            rows = {}
            for row, (array, axis, rank) in enumerate(unrollings.slots):
                if names[array] in self.kind.prefix:
                    slot = slots.setdefault((names[array], axis, member.problem.ranks[rank]), len(slots))
                    rows[slot] = unrollings.factors[row]
            tables.append((rows, unrollings.factors.shape[1]))
        whole = np.concatenate(
            [np.stack([rows.get(s, np.ones(n, np.int64)) for s in range(len(slots))] or [np.ones(n, np.int64)])
             for rows, n in tables], axis=1)  # fmt: skip
        numbers = np.unique(whole, axis=1, return_inverse=True)[1].reshape(-1)
        return np.split(numbers, np.cumsum([n for _, n in tables])[:-1])

    def _array(self, labels: GroupLabels, step: SharedStep) -> GroupLabels:
        """With the lanes of an array, which are those of all."""
        if not has_unrolling(labels.members[0]):
            each = [self._with_unrollings(*of) for of in zip(self.members, labels.members, step.items, strict=True)]
            labels = self._same_lanes(each)
        each_own = zip(self.members, labels.members, step.items, strict=True)
        return GroupLabels(tuple(member.unrolled(own, item) for member, own, item in each_own))

    @staticmethod
    def _with_unrollings(member: MemberSearch, labels: PartialMappings, item: int) -> PartialMappings:
        labels.tag = np.arange(len(labels))
        found = list(member.with_unrollings(labels, item))
        return joined_labels(found) if found else labels.take(np.zeros(0, dtype=np.int64))

    def _same_lanes(self, each: Sequence[PartialMappings]) -> GroupLabels:
        """Every combination of the same row that unrolls the same above the split."""
        most = max(int(n.max(initial=0)) for n in self.outer) + 1
        codes = [labels.tag * most + outer[labels.unrolling] for labels, outer in zip(each, self.outer, strict=True)]
        chosen, code = [np.arange(len(codes[0]))], codes[0]
        for other in codes[1:]:
            order = np.argsort(other, kind="stable")
            first = np.searchsorted(other[order], code, side="left")
            count = np.searchsorted(other[order], code, side="right") - first
            of = np.repeat(np.arange(len(code)), count)
            place = np.arange(len(of)) - np.repeat(np.cumsum(count) - count, count) + first[of]
            chosen, code = [*(rows[of] for rows in chosen), order[place]], code[of]
        return GroupLabels(tuple(labels.take(rows) for labels, rows in zip(each, chosen, strict=True)))

    # --- the cut ------------------------------------------------------------------------------------------------------

    def rows(self, labels: GroupLabels, chosen: NDArray[np.generic]) -> GroupLabels:
        return labels.take(chosen)

    def together(self, parts: list[GroupLabels]) -> GroupLabels:
        return GroupLabels(tuple(map(joined_labels, map(list, zip(*(p.members for p in parts), strict=True)))))

    def levels(self, labels: GroupLabels) -> NDArray[np.int64]:
        return self.members[0].levels(labels.members[0])

    def check_time(self) -> None:
        if self.late():
            raise BudgetSpent
        if self.members[0].tick is not None:
            self.members[0].tick()

    def irregular(self) -> bool:
        return any(member.windowed for member in self.members)

    def dominant(self, labels: GroupLabels, values: Floats, place: int) -> NDArray[np.bool_] | None:
        if not self.merging or len(labels) < 2:
            return None
        each = list(zip(self.members, labels.members, self.steps[place].items, strict=True))
        for own in labels.members:
            own.tag = np.zeros(len(labels), dtype=np.int64)
        alike = np.concatenate([keys(member.problem, own, member.passed(item)) for member, own, item in each])
        costs = np.concatenate([columns(member.problem, own) for member, own, _ in each], axis=1)
        return undominated_of(alike, costs, values)

    def valued(self, labels: GroupLabels, place: int, rough: bool) -> tuple[Floats, NDArray[np.bool_]]:
        each = [
            member.valued_in_parts(own, item, rough)
            for member, own, item in zip(self.members, labels.members, self.steps[place].items, strict=True)
        ]
        least = sum(values for values, _, _ in each)
        values = group_values(self.incumbent.objective, self.leak_pj, _sum(of for _, _, of in each), np.asarray(least))
        return values, _all(improving for _, improving, _ in each) & (values < self._limit())

    def _limit(self) -> float:
        return self.incumbent.value() * (1.0 - SLACK)

    # --- below it -----------------------------------------------------------------------------------------------------

    def _below(self, labels: GroupLabels) -> None:
        """Complete the nests of one op after the other, first those of which less is known before they are. done: by
        op its complete nests, by row; of, values: of all of those together."""
        items = self.steps[-1].items
        order = sorted(range(len(items)), key=self._less_known, reverse=True)
        known = {
            k: self.members[k].valued_in_parts(labels.members[k], items[k], False)[::2] for k in order[1:]
        }  # lower bounds of those that are not complete, by row of `labels`
        done: dict[int, PartialMappings] = {}
        rows = np.arange(len(labels))
        of: BoundParts | None = None
        values = np.zeros(len(labels))
        for k in order:
            rest = [(v[rows], parts.take(rows)) for v, parts in (known[j] for j in order[len(done) + 1 :])]
            beside = [*([(values, of)] if of is not None else []), *rest]
            members = GroupMembers(
                _sum(parts for _, parts in beside), np.asarray(sum(v for v, _ in beside)), self.incumbent, self.leak_pj
            )
            ends = self._inwards(k, labels.members[k].take(rows), items[k], members)
            if ends is None:
                return
            nests, own = ends
            bound = self.members[k].own(own)
            own_values = self.incumbent.objective.value(bound.energy, bound.cycles)
            chosen = nests.tag
            done = {j: complete.take(chosen) for j, complete in done.items()} | {k: nests}
            if len(done) == len(order):
                final, improving = members.values_with(chosen, own, own_values)
                self._complete([done[j] for j in range(len(order))], final, improving)
                return
            of = own if of is None else of.take(chosen).plus(own)
            rows, values = rows[chosen], values[chosen] + own_values
            keep = self._wanted(rows, of, values)
            done = {j: complete.take(keep) for j, complete in done.items()}
            rows, of, values = rows[keep], of.take(keep), values[keep]

    def _less_known(self, k: int) -> tuple[bool, bool, int, int]:
        member = self.members[k]
        return member.windowed, member.computes, member.problem.points, -k

    def _inwards(
        self, k: int, labels: PartialMappings, item: int, members: GroupMembers
    ) -> tuple[PartialMappings, BoundParts] | None:
        """Complete nests of one op, tagged by the rows of what is beside them, and their bounds; None: none."""
        member = self.members[k]
        labels.tag = np.arange(len(labels))
        ends = member.below(labels, item, members)
        self.least_cut = min(self.least_cut, member.least_cut)
        return ends if ends is not None and len(ends[0]) else None

    def _wanted(self, trunk: Ints, of: BoundParts, values: Floats) -> NDArray[np.bool_]:
        """Which complete nests some nests of the other ops may want: none of the same trunk is as good in all."""
        if not self.merging:
            return np.ones(len(values), dtype=bool)
        return undominated_of(trunk[None, :], np.stack([of.energy, *of.cycles.values()], axis=1), values)

    def _complete(self, nests: Sequence[PartialMappings], values: Floats, improving: NDArray[np.bool_]) -> None:
        """Groups of complete nests, by row, the most promising first."""
        for row in np.argsort(values, kind="stable").tolist():
            if not improving[row] or values[row] >= self._limit():
                continue
            if self.late():
                raise BudgetSpent
            self.counters.scored += 1
            placed = [self._placed(k, int(own.node[row])) for k, own in enumerate(nests)]
            trunk = tuple(p for p in placed[0] if p.item < self.home)
            self.offer(tuple(
                MemberNest(whole, (*trunk, *(p for p in loops if p.item >= self.home)))
                for whole, loops in zip(self.whole, placed, strict=True)
            ))  # fmt: skip

    def _placed(self, which: int, node: int) -> tuple[PlacedLoop, ...]:
        """The loops of a nest by the items that it has together with the others'."""
        member = self.members[which]
        further, found = self.home - member.home, []
        for p in member.loops_of(node):
            if p.item >= TRUNK:
                found.append(replace(p, item=p.item - TRUNK))
            elif p.item < member.home or (p.axis and p.item == member.home):
                found.append(replace(p, item=number_of(self.whole[which], member.items[p.item].name)))
            else:
                found.append(replace(p, item=p.item + further))
        return tuple(found)


def _all(masks: Iterator[NDArray[np.bool_]]) -> NDArray[np.bool_]:
    return np.asarray(np.logical_and.reduce(list(masks)))


def _sum(parts: Iterator[BoundParts]) -> BoundParts:
    return reduce(BoundParts.plus, parts)
