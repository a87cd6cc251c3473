"""The exact search below one skeleton: partial nests from the outermost loop inwards, a frontier at a time.

A pass keeps at most `width` partial nests at each place. If it never had to leave one out that could still lead to
something better, what it has found is the optimum; else the least bound of those left out says how far it may be off.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray

from sata.search.ahead import MOST, Ahead
from sata.search.asked import Asked
from sata.search.bounds import Bound, bound, planned
from sata.search.codes import distinct
from sata.search.completions import Partial
from sata.search.dominance import undominated
from sata.search.found import Best, Found, Tally, scored
from sata.search.frame import Frame, prime_weight, primes_of
from sata.search.grid import grid_of
from sata.search.labels import Labels, joined, root
from sata.search.links import Ends
from sata.search.moves import APART, Moves, Shared
from sata.search.nests import PlacedLoop
from sata.search.objective import SLACK
from sata.search.plain import legal
from sata.search.rows import Limit, TooMany
from sata.specs.model import Array, Memory

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
LOOKS = 8  # nests that are scored after a look ahead
PIECE = 1 << 18  # labels times plans that are looked at together
CROWDED = 2000  # partial nests in the middle of an array from which on a look at their bounds pays


class OutOfTime(Exception):
    """The budget is spent."""


class Search:
    """Passes below one skeleton. `deadline`: of `time.monotonic`."""

    def __init__(self, frame: Frame, best: Best, tally: Tally, shared: Shared, deadline: float | None = None,
                 tick: Callable[[], None] | None = None) -> None:  # fmt: skip
        self.frame, self.best, self.tally, self.deadline, self.tick = frame, best, tally, deadline, tick
        self.shared = shared
        self.moves = Moves(frame, shared)
        self.width = 0
        self.left_out = np.inf  # the least value left out by this pass
        self.weights = [prime_weight(b) for b in frame.bounds] if not frame.ragged else []
        self.items = frame.skeleton.items
        self.ahead: Ahead | None = None
        self.above: list[set[int]] = []  # of the outermost items, the ranks that loops below them may run over
        self.looked: dict[tuple[bool, int], tuple[tuple[float, float], ...]] = {}  # what was there then

    def root_bound(self) -> Bound:
        """Bounds of the empty nest with each plan: of everything below this skeleton. Empty where nothing fits."""
        labels = self.moves.close_memory(root(self.frame), 0)
        return bound(self.moves, labels, 0)

    def look_ahead(self, closely: bool, rows: int = MOST) -> bool:
        """Learn what inner parts cost at least, as far as they may lead to something better than what is there.

        closely: by every loop along the windows of inputs, which takes longer; rows: so many in one place at most.
        Returns: whether there is hope.
        """
        have = tuple((f.energy_pj, f.cycles) for f in self.best.found)
        if self.frame.ragged or not have:
            return True
        fine = closely and any(s.irregular for s in self.frame.strands)
        if self.looked.get((fine, rows)) == have:
            return True
        least = self.root_bound()
        if not len(least.cycles):
            return False
        limit = Limit(self.best.objective, have, float(least.cycles.min()))
        self.looked[fine, rows] = have
        grid = grid_of(self.frame, fine, self.above)
        ahead = Ahead(self.frame, grid, limit, fine, rows, self.deadline, self.above) if grid is not None else None
        if ahead is None or not ahead.usable:
            return True
        try:
            if not ahead.build():
                return False
        except TooMany:
            return True
        self.ahead = ahead
        self._try(ahead)
        return not self._settled(ahead)

    def least(self) -> float:
        """The least value of anything better than what was there at the last look ahead (0: nothing is known, and never
        anything of a front)."""
        known = self.ahead is not None and self.best.objective.name != "pareto"
        return self.ahead.best[0][0] if self.ahead is not None and known else 0.0

    def _try(self, ahead: Ahead) -> None:
        """Score the nests that are cheapest as far as they can be told ahead."""
        for loops in ahead.nests(LOOKS):
            if not legal(self.frame, loops):
                continue
            found = self.scored(loops)
            self.tally.scored += 1
            if found is not None:
                self.best.offer(found)

    def _settled(self, ahead: Ahead) -> bool:
        """Whether the best is no worse than the least that there can be (never said of a front)."""
        if self.best.objective.name == "pareto":
            return False
        have = self.best.found[0]
        value = self.best.objective.value(np.array([have.energy_pj]), np.array([have.cycles]))[0]
        return bool(ahead.best[0][0] >= value * (1.0 - SLACK))

    def run(self, width: int, plans_first: bool = False) -> float:
        """One pass. plans_first: choose what arrays unroll before any loop. Returns: the least objective that was left
        out (inf: nothing was, the result is proven)."""
        self.width, self.left_out = width, np.inf
        self.moves = Moves(self.frame, self.shared) if self.moves.trail.size > 1 else self.moves
        labels = root(self.frame, plans_first)
        for number, item in enumerate(self.items):
            if isinstance(item, Memory):
                before = len(labels)
                labels = self.moves.close_memory(labels, number)
                self.tally.unfit += before - len(labels)
                labels = self._cut(labels, number)
            elif isinstance(item, Array):
                labels = self._array(labels, number, item)
            else:
                self._complete(self.moves.close_compute(labels), number)
                return self.left_out
            labels = self._block(labels, number)
            if not len(labels):
                return self.left_out
        raise AssertionError("a skeleton ends in a compute")

    # --- loops ----------------------------------------------------------------------------------------------------

    def _block(self, labels: Labels, item: int) -> Labels:
        """All ways to put temporal loops below an item, one prime (ragged: one loop) at a time, from the fewest on."""
        waiting: dict[int, list[Labels]] = {}
        asked = Asked(self.frame, self.items[item].name)
        labels = asked.begun(labels)
        self._sort(labels, waiting)
        done: list[Labels] = []
        last = next((n for n in range(item + 1, len(self.items)) if not isinstance(self.items[n], Array)), 0)
        finish = last == len(self.items) - 1 and last == item + 1  # nothing but the compute follows: all must be looped
        while waiting:
            level = max(waiting)
            here = self._cut(joined(waiting.pop(level)), item)
            if not len(here):
                continue
            if not finish or level == 0:
                done.append(asked.ended(here))
            for rank in range(len(self.frame.ranks)):
                for more in self._loops(asked.open(here, rank), item, rank):
                    more = asked.within(more, rank)
                    self.tally.generated += len(more)
                    self._sort(more, waiting)
        return joined(done) if done else labels.take(np.zeros(len(labels), dtype=bool))

    def _sort(self, labels: Labels, waiting: dict[int, list[Labels]]) -> None:
        """Put labels by how much is left to loop over."""
        if self.frame.ragged:
            level = np.prod(labels.left, axis=0) - 1
        else:
            level = np.zeros(len(labels), dtype=np.int64)
            for weight, left in zip(self.weights, labels.left, strict=True):
                level = level + weight[left]
        for value in np.unique(level).tolist():
            waiting.setdefault(value, []).append(labels.take(level == value))

    def _loops(self, labels: Labels, item: int, rank: int) -> list[Labels]:
        """The labels with one more temporal loop over a rank."""
        left, whole = labels.left[rank], self.frame.bounds[rank]
        found = []
        if not self.frame.ragged and planned(labels):  # the rest is for arrays further in
            left = left // self.frame.plans.ahead[self._passed(item)][rank][labels.plan]
        for prime in primes_of(whole) if not self.frame.ragged else range(2, whole + 1):
            some = np.flatnonzero((left % prime == 0) & ((left < whole) | (not self.frame.ragged)))
            if len(some):
                own = labels.take(some)
                found.append(self.moves.looped(own, item, "", rank, np.full(len(own), prime), own.left[rank] // prime))
        if self.frame.ragged:
            some = np.flatnonzero(left == whole)
            for stride in range(1, whole) if len(some) else ():
                own = labels.take(some)
                factors = np.full(len(own), -(-whole // stride))
                found.append(self.moves.looped(own, item, "", rank, factors, np.full(len(own), stride)))
        return found

    def _array(self, labels: Labels, item: int, array: Array) -> Labels:
        """All ways to unroll ranks on the axes of an array."""
        if not self.frame.ragged:
            parts = [self._planned(some, item) for some in self._with_plans(labels, item)]
            return self._cut(joined(parts) if parts else labels, item)
        for axis, size in array.shape.items():
            allowed = self.frame.constraints.ranks.get((array.name, axis))
            used = np.ones(len(labels), dtype=np.int64)
            for rank, name in enumerate(self.frame.ranks):
                if rank in self.frame.temporal_only or (allowed is not None and name not in allowed):
                    continue
                labels, used = self._unrolled(labels, used, item, axis, rank, size)
                if len(labels) > CROWDED:  # as if none of this array's lanes were used yet: lower still, and sound
                    least = bound(self.moves, labels, item - 1, rough=True)
                    keep = ~self.best.hopeless(least)
                    self.tally.hopeless += int(len(labels) - keep.sum())
                    labels, used = labels.take(keep), used[keep]
        return self._cut(labels, item)

    def _with_plans(self, labels: Labels, item: int) -> Iterator[Labels]:
        """The labels with every plan for all arrays, at the first of them; further in as they are. In pieces."""
        if planned(labels):
            yield labels
            return
        lanes = self.frame.plans.ahead[0]
        size = max(PIECE // lanes.shape[1], 1)
        for start in range(0, len(labels), size):
            some = labels.take(np.arange(start, min(start + size, len(labels))))
            left, inverse = distinct(some.left)
            fits = np.all(left[:, :, None] % lanes[:, None, :] == 0, axis=0)
            state = None
            if self.ahead is not None:
                state = self.ahead.completions.crossed(left, 0)
                fits &= state >= 0
            label, plan = np.nonzero(fits[inverse])
            if state is not None:
                hope = self._hope_of_plans(some, label, plan, state[inverse[label], plan], item)
                self.tally.hopeless += int(len(hope) - hope.sum())
                label, plan = label[hope], plan[hope]
            own = some.take(label)
            own.plan = plan.astype(np.int64)
            yield own

    def _hope_of_plans(self, labels: Labels, label: Ints, plan: Ints, state: Ints, item: int) -> NDArray[np.bool_]:
        """Which plans may lead to something, for labels above the first array: before any of it is done."""
        assert self.ahead is not None
        crossing = self.ahead.crossings[0]
        strands = self.frame.strands
        apart = [self._arriving(labels, t, item - 1) for t in range(len(strands))]
        hope = np.zeros(len(label), dtype=bool)
        for start in range(0, len(label), PIECE):
            some = slice(start, start + PIECE)
            of, own = label[some], plan[some]
            # lanes that differ in a rank the tensor lacks each have arrivals of their own
            more = [
                np.where(s.stops[0].item < item and not s.irregular, crossing.copies[t, own], 1.0)
                for t, s in enumerate(strands)
            ]
            asked = Partial(
                state[some], own, labels.lanes[of] * crossing.of_lanes[own], labels.energy[of], labels.filling[of],
                labels.valueless[:, of], np.stack([apart[t][of] * more[t] for t in range(len(strands))]),
            )  # fmt: skip
            hope[some] = self._looked(asked, item, np.zeros(len(of)))[1]
        return hope

    def _planned(self, labels: Labels, item: int) -> Labels:
        """The loops of an array as the plan of each label has them, as far as they may be worth it."""
        number = self._passed(item) - 1
        for row, (array, axis, rank) in enumerate(self.frame.plans.slots):
            if array == number:
                factors = self.frame.plans.factors[row][labels.plan]
                some = labels.take(np.arange(len(labels)))
                labels = self.moves.looped(some, item, axis, rank, factors, some.left[rank] // factors)
        self.tally.generated += len(labels)
        return self._hopeful(labels, item, rough=True)[0]

    def _passed(self, item: int) -> int:
        """How many arrays stand above the block below an item."""
        return sum(isinstance(i, Array) for i in self.items[: item + 1])

    def _unrolled(
        self, labels: Labels, used: NDArray[np.int64], item: int, axis: str, rank: int, size: int
    ) -> tuple[Labels, NDArray[np.int64]]:
        whole = self.frame.bounds[rank]
        parts, lanes = [labels], [used]
        for stride in range(1, whole) if self.frame.ragged else ():
            factor = -(-whole // stride)
            some = np.flatnonzero((labels.left[rank] == whole) & (used * factor <= size))
            if len(some):
                own = labels.take(some)
                parts.append(
                    self.moves.looped(own, item, axis, rank, np.full(len(own), factor), np.full(len(own), stride))
                )
                lanes.append(used[some] * factor)
        for factor in range(2, min(whole, size) + 1):
            if whole % factor and not self.frame.ragged:
                continue
            fits = (labels.left[rank] % factor == 0) & (used * factor <= size)
            some = np.flatnonzero(fits & ((labels.left[rank] < whole) | (not self.frame.ragged)))
            if len(some):
                own = labels.take(some)
                left = own.left[rank] // factor
                parts.append(self.moves.looped(own, item, axis, rank, np.full(len(own), factor), left))
                lanes.append(used[some] * factor)
        self.tally.generated += sum(len(p) for p in parts[1:])
        return joined(parts), np.concatenate(lanes)

    # --- leaving out ----------------------------------------------------------------------------------------------

    def _cut(self, labels: Labels, item: int) -> Labels:
        """Leave out what is hopeless, what another is at least as good as, and what there is no room for."""
        if self.deadline is not None and time.monotonic() > self.deadline:
            raise OutOfTime
        if self.tick is not None:
            self.tick()
        if not len(labels):
            return labels
        labels, values = self._hopeful(labels, item, rough=True)
        if self.frame.merging and len(labels):
            keep = undominated(self.frame, labels, values, self._passed(item))
            self.tally.merged += int(len(labels) - keep.sum())
            labels, values = labels.take(keep), values[keep]
        if any(s.irregular for s in self.frame.strands) and len(labels):
            labels, values = self._hopeful(labels, item, rough=False)
        if len(labels) > self.width:
            order = np.argsort(values, kind="stable")
            self.left_out = min(self.left_out, float(values[order[self.width]]))
            labels = labels.take(np.sort(order[: self.width]))
        return labels

    def _hopeful(self, labels: Labels, item: int, rough: bool) -> tuple[Labels, Floats]:
        """The labels that may lead to something better, and the least value of each."""
        if not len(labels):
            return labels, np.zeros(0)
        least = bound(self.moves, labels, item, rough=rough)
        keep = ~self.best.hopeless(least)
        values = self.best.objective.value(least.energy, least.cycles)
        if self.ahead is not None:
            some = np.flatnonzero(keep)
            more, hope = self._ahead(labels.take(some), item, least.cycles[some])
            values[some] = np.maximum(values[some], more)
            keep[some] &= hope
        self.tally.hopeless += int(len(labels) - keep.sum())
        return labels.take(keep), values[keep]

    def _ahead(self, labels: Labels, item: int, cycles: Floats) -> tuple[Floats, NDArray[np.bool_]]:
        """By what the inner part costs at least: the least value of each label, and which may lead to something."""
        assert self.ahead is not None
        apart = np.stack([self._arriving(labels, t, item) for t in range(len(self.frame.strands))])
        return self._looked(self.ahead.completions.partial(labels, apart), item, cycles)

    def _looked(self, asked: Partial, item: int, cycles: Floats) -> tuple[Floats, NDArray[np.bool_]]:
        """The same of what is known of partial nests: a first look leaves few to look at closely."""
        assert self.ahead is not None
        values, hope = np.full(len(cycles), np.inf), self.ahead.completions.known(asked, item)
        for low in (True, False):
            for some in self.ahead.completions.pieces(asked, np.flatnonzero(hope), item, low):
                energy, longest, first = self.ahead.completions.least(asked.take(some), item, cycles[some], low)
                good = ~self.best.hopeless(Bound(energy, longest))
                values[some] = np.minimum.reduceat(self.best.objective.value(energy, longest), first)
                hope[some] = np.logical_or.reduceat(good, first)
        return values, hope

    def _arriving(self, labels: Labels, t: int, item: int) -> Floats:
        """At least so many elements of a tensor would arrive at a child that stood here."""
        assert self.ahead is not None
        strand, once = self.frame.strands[t], self.ahead.grid.mean[t][-1]
        at = sum(s.item <= item for s in strand.stops)
        if not at:
            return np.full(len(labels), once)
        if strand.irregular:
            return np.asarray(np.maximum(labels.floor[t, APART], once))
        return np.asarray(self.moves.counts(labels, t, Ends(strand.stops[at - 1].arrays, False))[APART])

    # --- complete nests -------------------------------------------------------------------------------------------

    def scored(self, loops: tuple[PlacedLoop, ...]) -> Found | None:
        """A complete nest with its figures, or None if it does not fit."""
        return scored(self.frame, loops)

    def _complete(self, labels: Labels, item: int) -> None:
        """Score complete nests as `sata run` does, the most promising first."""
        self.tally.complete += len(labels)
        least = bound(self.moves, labels, item, done=True)
        values = self.best.objective.value(least.energy, least.cycles)
        for number in np.argsort(values, kind="stable").tolist():
            one = Bound(least.energy[number : number + 1], least.cycles[number : number + 1])
            if self.best.hopeless(one)[0]:
                continue
            if self.deadline is not None and time.monotonic() > self.deadline:
                raise OutOfTime
            found = self.scored(self._loops_of(int(labels.node[number])))
            self.tally.scored += 1
            if found is not None:
                self.best.offer(found)

    def _loops_of(self, node: int) -> tuple[PlacedLoop, ...]:
        return tuple(
            PlacedLoop(i, axis, self.frame.ranks[rank], factor)
            for i, axis, rank, factor in self.moves.trail.loops_of(node)
            if factor > 1
        )
