"""The exact search below one skeleton: partial nests from the outermost loop inwards, a frontier at a time.

A pass keeps at most `width` partial nests at each place. If it never had to leave one out that could still lead to
something better, what it has found is the optimum; else the least bound of those left out says how far it may be off.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray

from sata.search.engine.beam_bounds import PIECE, BoundedSearch
from sata.search.engine.walk import BeamWalk, BudgetSpent
from sata.search.model.enumerate import lanes_work
from sata.search.model.problem import SearchProblem
from sata.search.partial.bounds import LowerBound, has_unrolling
from sata.search.partial.columns import distinct_columns
from sata.search.partial.dominance import undominated
from sata.search.partial.extend import Extender, SharedTables
from sata.search.partial.incumbent import Incumbent, SearchCounters
from sata.search.partial.loop_constraints import LoopConstraint
from sata.search.partial.table import PartialMappings, concatenated, root_label
from sata.search.space.factors import prime_weight, primes_of
from sata.search.space.nests import PlacedLoop
from sata.specs.model import Array

Floats = NDArray[np.float64]
CROWDED = 2000  # partial nests in the middle of an array from which on a look at their bounds pays


class BeamSearch(BoundedSearch, BeamWalk[PartialMappings]):
    """Passes below one skeleton."""

    def __init__(
        self,
        problem: SearchProblem,
        incumbent: Incumbent,
        counters: SearchCounters,
        shared: SharedTables,
        deadline: float | None = None,
        tick: Callable[[], None] | None = None,
    ) -> None:
        BeamWalk.__init__(self, counters)
        BoundedSearch.__init__(self, problem, incumbent, counters, shared, deadline, tick)

    def run(self, width: int, unrollings_first: bool = False) -> float:
        """One pass. plans_first: choose what arrays unroll before any loop. Returns: the least objective that was left
        out (inf: nothing was, the result is proven)."""
        self.begin(width)
        self.inwards(self._passed_by(root_label(self.problem, unrollings_first), 0), 0)
        return self.least_cut

    def begin(self, width: int) -> None:
        """Forget the last pass."""
        self.width, self.least_cut = width, np.inf
        self.moves = Extender(self.problem, self.shared) if self.moves.trail.size > 1 else self.moves

    def inwards(self, labels: PartialMappings, item: int) -> None:
        """All that partial nests can become which have passed an item."""
        while len(labels):
            labels, item = self._block(labels, item), item + 1
            if not len(labels):
                return
            if item == len(self.items) - 1:
                self.complete(self.moves.close_compute(labels), item)
                return
            labels = self._passed_by(labels, item)

    def _passed_by(self, labels: PartialMappings, item: int) -> PartialMappings:
        """What is left of partial nests after a memory or an array."""
        node = self.items[item]
        if isinstance(node, Array):
            return self._array(labels, item, node)
        before = len(labels)
        labels = self.moves.close_memory(labels, item)
        self.counters.too_large += before - len(labels)
        return self.cut(labels, item)

    # --- loops ----------------------------------------------------------------------------------------------------

    def _block(self, labels: PartialMappings, item: int) -> PartialMappings:
        """All ways to put temporal loops below an item."""
        asked = self.asked(item)
        last = next((n for n in range(item + 1, len(self.items)) if not isinstance(self.items[n], Array)), 0)
        finish = last == len(self.items) - 1 and last == item + 1  # nothing but the compute follows: all must be looped

        def leave(here: PartialMappings, level: int) -> PartialMappings | None:
            return None if finish and level else asked.ended(here)

        return self.block(asked.begun(labels), item, leave)

    def asked(self, item: int) -> LoopConstraint:
        """What is asked of the loops below an item."""
        return LoopConstraint(self.problem, self.items[item].name)

    def levels(self, labels: PartialMappings) -> NDArray[np.int64]:
        if self.problem.ragged:
            return np.asarray(np.prod(labels.left, axis=0) - 1)
        level = np.zeros(len(labels), dtype=np.int64)
        for bound, left in zip(self.problem.bounds, labels.left, strict=True):
            level = level + prime_weight(bound, left)
        return level

    def looped(self, labels: PartialMappings, place: int) -> Iterator[PartialMappings]:
        asked = self.asked(place)
        for rank in range(len(self.problem.ranks)):
            some = labels.take(asked.open(labels, rank)) if asked.anything else labels
            for deeper in self.loops(some, place, rank):
                yield deeper.take(asked.within(deeper, rank)) if asked.anything else deeper

    def loops(self, labels: PartialMappings, item: int, rank: int) -> list[PartialMappings]:
        """The labels with one more temporal loop over a rank."""
        left, whole = labels.left[rank], self.problem.bounds[rank]
        found = []
        if not self.problem.ragged and has_unrolling(labels):  # the rest is for arrays further in
            left = left // self.problem.unrollings.inner[self.passed(item)][rank][labels.unrolling]
        for prime in primes_of(whole) if not self.problem.ragged else range(2, whole + 1):
            some = np.flatnonzero((left % prime == 0) & ((left < whole) | (not self.problem.ragged)))
            if len(some):
                own = labels.take(some)
                found.append(self.moves.looped(own, item, "", rank, np.full(len(own), prime), own.left[rank] // prime))
        if self.problem.ragged:
            some = np.flatnonzero(left == whole)
            for stride in range(1, whole) if len(some) else ():
                own = labels.take(some)
                factors = np.full(len(own), -(-whole // stride))
                found.append(self.moves.looped(own, item, "", rank, factors, np.full(len(own), stride)))
        return found

    def _array(self, labels: PartialMappings, item: int, array: Array) -> PartialMappings:
        """All ways to unroll ranks on the axes of an array."""
        if not self.problem.ragged:
            parts = [
                self.hopeful(self.unrolled(some, item), item, rough=True)[0]
                for some in self.with_unrollings(labels, item)
            ]
            return self.cut(concatenated(parts) if parts else labels, item)
        for axis, size in array.shape.items():
            allowed = self.problem.constraints.ranks.get((array.name, axis))
            used = np.ones(len(labels), dtype=np.int64)
            for rank, name in enumerate(self.problem.ranks):
                if rank in self.problem.temporal_only or (allowed is not None and name not in allowed):
                    continue
                labels, used = self._unrolled(labels, used, item, axis, rank, size)
                if len(labels) > CROWDED:  # as if none of this array's lanes were used yet: lower still, and sound
                    least = self.bound(labels, item - 1, rough=True)
                    keep = ~self.incumbent.prunable(least)
                    self.counters.pruned += int(len(labels) - keep.sum())
                    labels, used = labels.take(keep), used[keep]
            labels = labels.take(used >= self.problem.constraints.least_lanes(size))
        return self.cut(labels, item)

    def with_unrollings(self, labels: PartialMappings, item: int) -> Iterator[PartialMappings]:
        """The labels with every plan for all arrays, at the first of them; further in as they are. In pieces."""
        if has_unrolling(labels):
            yield labels
            return
        lanes = self.problem.unrollings.inner[0]
        size = max(PIECE // lanes.shape[1], 1)
        for start in range(0, len(labels), size):
            some = labels.take(np.arange(start, min(start + size, len(labels))))
            left, inverse = distinct_columns(some.left)
            fits = np.all(left[:, :, None] % lanes[:, None, :] == 0, axis=0)
            state = None
            if self.cost_to_go is not None:
                state = self.cost_to_go.completions.crossed(left, 0)
                fits &= state >= 0
            label, unrolling = np.nonzero(fits[inverse])
            if state is not None:
                improving = self._improving_unrollings(some, label, unrolling, state[inverse[label], unrolling], item)
                self.counters.pruned += int(len(improving) - improving.sum())
                label, unrolling = label[improving], unrolling[improving]
            own = some.take(label)
            own.unrolling = unrolling.astype(np.int64)
            yield own

    def unrolled(self, labels: PartialMappings, item: int) -> PartialMappings:
        """The loops of an array as the plan of each label has them."""
        number = self.passed(item) - 1
        for row, (array, axis, rank) in enumerate(self.problem.unrollings.slots):
            if array == number:
                factors = self.problem.unrollings.factors[row][labels.unrolling]
                some = labels.take(np.arange(len(labels)))
                labels = self.moves.looped(some, item, axis, rank, factors, some.left[rank] // factors)
        self.counters.generated += len(labels)
        return labels

    def passed(self, item: int) -> int:
        """How many arrays stand above the block below an item."""
        return sum(isinstance(i, Array) for i in self.items[: item + 1])

    def _unrolled(
        self, labels: PartialMappings, used: NDArray[np.int64], item: int, axis: str, rank: int, size: int
    ) -> tuple[PartialMappings, NDArray[np.int64]]:
        whole = self.problem.bounds[rank]
        parts, lanes = [labels], [used]
        for stride in range(1, whole) if self.problem.ragged else ():
            factor = -(-whole // stride)
            some = np.flatnonzero((labels.left[rank] == whole) & (used * factor <= size))
            if len(some):
                own = labels.take(some)
                parts.append(
                    self.moves.looped(own, item, axis, rank, np.full(len(own), factor), np.full(len(own), stride))
                )
                lanes.append(used[some] * factor)
        for factor in range(2, min(whole, size) + 1):
            if whole % factor and not self.problem.ragged:
                continue
            fits = (labels.left[rank] % factor == 0) & (used * factor <= size)
            some = np.flatnonzero(fits & ((labels.left[rank] < whole) | (not self.problem.ragged)))
            if len(some):
                own = labels.take(some)
                left = own.left[rank] // factor
                parts.append(self.moves.looped(own, item, axis, rank, np.full(len(own), factor), left))
                lanes.append(used[some] * factor)
        self.counters.generated += sum(len(p) for p in parts[1:])
        return concatenated(parts), np.concatenate(lanes)

    # --- the cut ------------------------------------------------------------------------------------------------

    def rows(self, labels: PartialMappings, chosen: NDArray[np.generic]) -> PartialMappings:
        return labels.take(chosen)

    def together(self, parts: list[PartialMappings]) -> PartialMappings:
        return concatenated(parts)

    def check_time(self) -> None:
        if self.deadline is not None and time.monotonic() > self.deadline:
            raise BudgetSpent
        if self.tick is not None:
            self.tick()

    def dominant(self, labels: PartialMappings, values: Floats, place: int) -> NDArray[np.bool_] | None:
        return undominated(self.problem, labels, values, self.passed(place)) if self.problem.merging else None

    def irregular(self) -> bool:
        return any(s.irregular for s in self.problem.operands)

    def valued(self, labels: PartialMappings, place: int, rough: bool) -> tuple[Floats, NDArray[np.bool_]]:
        return self.looked_up(labels, place, self.bound(labels, place, rough=rough))

    def looked_up(self, labels: PartialMappings, item: int, least: LowerBound) -> tuple[Floats, NDArray[np.bool_]]:
        """The lower bound of each label, of that of its energy and cycles and of the cost-to-go table; which may lead
        to something better."""
        keep = ~self.incumbent.prunable(least)
        values = self.incumbent.objective.value(least.energy, least.cycles)
        if self.cost_to_go is not None:
            some = np.flatnonzero(keep)
            more, improving = self._completed(labels.take(some), item, least.cycles[some])
            values[some] = np.maximum(values[some], more)
            keep[some] &= improving
        return values, keep

    # --- complete nests -------------------------------------------------------------------------------------------

    def complete(self, labels: PartialMappings, item: int) -> None:
        """Score complete nests as `sata run` does, the most promising first."""
        self.counters.complete += len(labels)
        least = self.bound(labels, item, done=True)
        values = self.incumbent.objective.value(least.energy, least.cycles)
        for number in np.argsort(values, kind="stable").tolist():
            one = LowerBound(least.energy[number : number + 1], least.cycles[number : number + 1])
            if self.incumbent.prunable(one)[0]:
                continue
            if self.deadline is not None and time.monotonic() > self.deadline:
                raise BudgetSpent
            loops = self.loops_of(int(labels.node[number]))
            if not lanes_work(self.problem, loops):
                continue
            found = self.scored(loops)
            self.counters.scored += 1
            if found is not None:
                self.incumbent.offer(found)

    def loops_of(self, node: int) -> tuple[PlacedLoop, ...]:
        """The loops that led to a node of the trail."""
        return tuple(
            PlacedLoop(i, axis, self.problem.ranks[rank], factor)
            for i, axis, rank, factor in self.moves.trail.loops_of(node)
            if factor > 1
        )
