"""Looks ahead in the search below one skeleton: when they are made, and what they say of partial nests (`ahead` makes
the tables, `completions` reads them)."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from sata.search.cost_to_go.completions import PartialColumns
from sata.search.cost_to_go.rows import Cutoff, TooManyRows
from sata.search.cost_to_go.states import tile_states_of
from sata.search.cost_to_go.tables import MOST, CostToGo
from sata.search.model.enumerate import legal
from sata.search.model.problem import SearchProblem
from sata.search.partial.bounds import LowerBound, lower_bound
from sata.search.partial.extend import APART, Extender, SharedTables
from sata.search.partial.incumbent import Incumbent, ScoredMapping, SearchCounters, score_mapping
from sata.search.partial.link_counts import LinkEnds
from sata.search.partial.table import PartialMappings, root_label
from sata.search.space.nests import PlacedLoop

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
WIDEST = 3000  # see `too_wide`
LOOKS = 8  # nests that are scored after a look ahead
PIECE = 1 << 18  # labels times plans that are looked at together


class BoundedSearch:
    """What a search knows of the inner parts of its nests. `deadline`: of `time.monotonic`."""

    def __init__(
        self,
        problem: SearchProblem,
        incumbent: Incumbent,
        counters: SearchCounters,
        shared: SharedTables,
        deadline: float | None = None,
        tick: Callable[[], None] | None = None,
    ) -> None:
        self.problem, self.incumbent, self.counters, self.deadline, self.tick = (
            problem,
            incumbent,
            counters,
            deadline,
            tick,
        )
        self.shared = shared
        self.moves = Extender(problem, shared)
        self.items = problem.template.items
        self.cost_to_go: CostToGo | None = None
        self.above = _above(problem)  # of the outermost items, the ranks that loops below them may run over
        self._root: LowerBound | None = None
        self.tabled: dict[tuple[bool, int], tuple[object, float]] = {}  # what was to be beaten then

    def bound(self, labels: PartialMappings, item: int, done: bool = False, rough: bool = False) -> LowerBound:
        """See `bounds.bound`."""
        return lower_bound(self.moves, labels, item, done=done, rough=rough)

    def root_bound(self) -> LowerBound:
        """Bounds of the empty nest with each plan: of everything below this skeleton. Empty where nothing fits."""
        if self._root is None:
            self._root = self.bound(self.moves.close_memory(root_label(self.problem), 0), 0)
        return self._root

    def root_value(self) -> float:
        """The lower bound of everything below this storage template, by its empty nest (inf: nothing fits)."""
        least = self.root_bound()
        if not len(least.energy):
            return float("inf")
        return float(self.incumbent.objective.value(least.energy, least.cycles).min())

    def too_wide(self, width: int) -> bool:
        """Whether so many labels take too long: where a nest has its costs only when it is complete, each is counted by
        itself."""
        return width > WIDEST and not self.problem.linear

    def scored(self, loops: tuple[PlacedLoop, ...]) -> ScoredMapping | None:
        """A complete nest with its figures, or None if it does not fit."""
        return score_mapping(self.problem, loops)

    def build_cost_to_go(self, closely: bool, rows: int = MOST) -> bool:
        """Learn what inner parts cost at least, as far as they may lead to something better than what is there.

        closely: by every loop along the windows of inputs, which takes longer; rows: so many in one place at most.
        Returns: whether there is hope.
        """
        have = self.incumbent.figures(), self.incumbent.cutoff
        if self.problem.ragged or not self.incumbent.bounds:
            return True
        fine = closely and any(s.irregular for s in self.problem.operands)
        if self.tabled.get((fine, rows)) == have:
            return True
        least = self.root_bound()
        if not len(least.cycles):
            return False
        limit = Cutoff(self.incumbent.objective, have[0], float(least.cycles.min()), have[1])
        self.tabled[fine, rows] = have
        grid = tile_states_of(self.problem, fine, self.above)
        cost_to_go = (
            CostToGo(self.problem, grid, limit, fine, rows, self.deadline, self.above) if grid is not None else None
        )
        if cost_to_go is None or not cost_to_go.usable:
            return True
        try:
            if not cost_to_go.build():
                return False
        except TooManyRows:
            return True
        self.cost_to_go = cost_to_go
        self.try_nests(cost_to_go)
        return not self._settled(cost_to_go)

    def forget(self) -> None:
        """What was looked at ahead: it says nothing of nests above the limit that it was made with."""
        self.cost_to_go = None
        self.tabled.clear()

    def least(self) -> float:
        """The least value of anything better than what was there at the last look ahead (0: nothing is known, and never
        anything of a front)."""
        known = self.cost_to_go is not None and self.incumbent.objective.name != "pareto"
        return self.cost_to_go.cheapest[0][0] if self.cost_to_go is not None and known else 0.0

    def try_nests(self, cost_to_go: CostToGo) -> None:
        """Score the nests that are cheapest as far as they can be told ahead."""
        for loops in cost_to_go.nests(LOOKS):
            if not legal(self.problem, loops):
                continue
            found = self.scored(loops)
            self.counters.scored += 1
            if found is not None:
                self.incumbent.offer(found)

    def _settled(self, cost_to_go: CostToGo) -> bool:
        """Whether the best is no worse than the least that there can be (never said of a front)."""
        return self.incumbent.pruned(cost_to_go.cheapest[0][0])

    # --- partial nests ------------------------------------------------------------------------------------------------

    def _improving_unrollings(
        self, labels: PartialMappings, label: Ints, unrolling: Ints, state: Ints, item: int
    ) -> NDArray[np.bool_]:
        """Which plans may lead to something, for labels above the first array: before any of it is done."""
        assert self.cost_to_go is not None
        crossing = self.cost_to_go.crossings[0]
        operands = self.problem.operands
        apart = [self._arriving(labels, t, item - 1) for t in range(len(operands))]
        improving = np.zeros(len(label), dtype=bool)
        for start in range(0, len(label), PIECE):
            some = slice(start, start + PIECE)
            of, own = label[some], unrolling[some]
            # lanes that differ in a rank the tensor lacks each have arrivals of their own
            more = [
                np.where(s.levels[0].item < item and not s.irregular, crossing.copies[t, own], 1.0)
                for t, s in enumerate(operands)
            ]
            asked = PartialColumns(
                state[some], own, labels.lanes[of] * crossing.of_lanes[own], labels.energy[of],
                labels.valueless[:, of], np.stack([apart[t][of] * more[t] for t in range(len(operands))]),
            )  # fmt: skip
            improving[some] = self._completion_bounds(asked, item, np.zeros(len(of)))[1]
        return improving

    def _completed(self, labels: PartialMappings, item: int, cycles: Floats) -> tuple[Floats, NDArray[np.bool_]]:
        """By what the inner part costs at least: the least value of each label, and which may lead to something."""
        assert self.cost_to_go is not None
        apart = np.stack([self._arriving(labels, t, item) for t in range(len(self.problem.operands))])
        return self._completion_bounds(self.cost_to_go.completions.partial(labels, apart), item, cycles)

    def _completion_bounds(self, asked: PartialColumns, item: int, cycles: Floats) -> tuple[Floats, NDArray[np.bool_]]:
        """The same of what is known of partial nests: a first look leaves few to look at closely."""
        assert self.cost_to_go is not None
        values, improving = np.full(len(cycles), np.inf), self.cost_to_go.completions.known(asked, item)
        for low in (True, False):
            for some in self.cost_to_go.completions.pieces(asked, np.flatnonzero(improving), item, low):
                energy, longest, first = self.cost_to_go.completions.least(asked.take(some), item, cycles[some], low)
                good = ~self.incumbent.prunable(LowerBound(energy, longest))
                values[some] = np.minimum.reduceat(self.incumbent.objective.value(energy, longest), first)
                improving[some] = np.logical_or.reduceat(good, first)
        return values, improving

    def _arriving(self, labels: PartialMappings, t: int, item: int) -> Floats:
        """At least so many elements of a tensor would arrive at a child that stood here."""
        assert self.cost_to_go is not None
        operand, once = self.problem.operands[t], self.cost_to_go.grid.mean[t][-1]
        at = sum(s.item <= item for s in operand.levels)
        if not at:
            return np.full(len(labels), once)
        if operand.irregular:
            return np.asarray(np.maximum(labels.floor[t, APART], once))
        return np.asarray(self.moves.counts(labels, t, LinkEnds(operand.levels[at - 1].arrays, False))[APART])


def _above(problem: SearchProblem) -> list[set[int]]:
    """By item, the ranks that loops below it may run over where some stand outermost (`Constraints.first`); nothing
    where any may stand anywhere. Those ranks are looped over in whole in their place."""
    ranks = set(range(len(problem.ranks)))
    found: list[set[int]] = []
    for name, first in problem.constraints.first.items():
        items = [item.name for item in problem.template.items]
        whole = {n for n, rank in enumerate(problem.ranks) if rank in first}
        at = items.index(name)
        found = [ranks if n <= at else ranks - whole for n in range(len(items))]
    return found
