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
from sata.search.model.objective import SLACK
from sata.search.model.problem import SearchProblem
from sata.search.partial.bounds import LowerBound, lower_bound
from sata.search.partial.extend import APART, Extender, SharedTables
from sata.search.partial.incumbent import Incumbent, ScoredMapping, SearchCounters, score_mapping
from sata.search.partial.link_counts import LinkEnds
from sata.search.partial.table import PartialMappings, root_label
from sata.search.space.nests import PlacedLoop

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
LOOKS = 8  # nests that are scored after a look ahead
PIECE = 1 << 18  # labels times plans that are looked at together


class BoundedSearch:
    """What a search knows of the inner parts of its nests. `deadline`: of `time.monotonic`."""

    def __init__(
        self,
        frame: SearchProblem,
        best: Incumbent,
        tally: SearchCounters,
        shared: SharedTables,
        deadline: float | None = None,
        tick: Callable[[], None] | None = None,
    ) -> None:
        self.frame, self.best, self.tally, self.deadline, self.tick = frame, best, tally, deadline, tick
        self.shared = shared
        self.moves = Extender(frame, shared)
        self.items = frame.skeleton.items
        self.ahead: CostToGo | None = None
        self.above = _above(frame)  # of the outermost items, the ranks that loops below them may run over
        self._root: LowerBound | None = None
        self.looked: dict[tuple[bool, int], tuple[tuple[float, float], ...]] = {}  # what was there then

    def bound(self, labels: PartialMappings, item: int, done: bool = False, rough: bool = False) -> LowerBound:
        """See `bounds.bound`."""
        return lower_bound(self.moves, labels, item, done=done, rough=rough)

    def root_bound(self) -> LowerBound:
        """Bounds of the empty nest with each plan: of everything below this skeleton. Empty where nothing fits."""
        if self._root is None:
            self._root = self.bound(self.moves.close_memory(root_label(self.frame), 0), 0)
        return self._root

    def scored(self, loops: tuple[PlacedLoop, ...]) -> ScoredMapping | None:
        """A complete nest with its figures, or None if it does not fit."""
        return score_mapping(self.frame, loops)

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
        limit = Cutoff(self.best.objective, have, float(least.cycles.min()))
        self.looked[fine, rows] = have
        grid = tile_states_of(self.frame, fine, self.above)
        ahead = CostToGo(self.frame, grid, limit, fine, rows, self.deadline, self.above) if grid is not None else None
        if ahead is None or not ahead.usable:
            return True
        try:
            if not ahead.build():
                return False
        except TooManyRows:
            return True
        self.ahead = ahead
        self._try(ahead)
        return not self._settled(ahead)

    def forget(self) -> None:
        """What was looked at ahead: it says nothing of nests above the limit that it was made with."""
        self.ahead = None
        self.looked.clear()

    def least(self) -> float:
        """The least value of anything better than what was there at the last look ahead (0: nothing is known, and never
        anything of a front)."""
        known = self.ahead is not None and self.best.objective.name != "pareto"
        return self.ahead.best[0][0] if self.ahead is not None and known else 0.0

    def _try(self, ahead: CostToGo) -> None:
        """Score the nests that are cheapest as far as they can be told ahead."""
        for loops in ahead.nests(LOOKS):
            if not legal(self.frame, loops):
                continue
            found = self.scored(loops)
            self.tally.scored += 1
            if found is not None:
                self.best.offer(found)

    def _settled(self, ahead: CostToGo) -> bool:
        """Whether the best is no worse than the least that there can be (never said of a front)."""
        if self.best.objective.name == "pareto":
            return False
        have = self.best.found[0]
        value = self.best.objective.value(np.array([have.energy_pj]), np.array([have.cycles]))[0]
        return bool(ahead.best[0][0] >= value * (1.0 - SLACK))

    # --- partial nests ------------------------------------------------------------------------------------------------

    def _hope_of_plans(
        self, labels: PartialMappings, label: Ints, plan: Ints, state: Ints, item: int
    ) -> NDArray[np.bool_]:
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
            asked = PartialColumns(
                state[some], own, labels.lanes[of] * crossing.of_lanes[own], labels.energy[of],
                labels.valueless[:, of], np.stack([apart[t][of] * more[t] for t in range(len(strands))]),
            )  # fmt: skip
            hope[some] = self._looked(asked, item, np.zeros(len(of)))[1]
        return hope

    def _ahead(self, labels: PartialMappings, item: int, cycles: Floats) -> tuple[Floats, NDArray[np.bool_]]:
        """By what the inner part costs at least: the least value of each label, and which may lead to something."""
        assert self.ahead is not None
        apart = np.stack([self._arriving(labels, t, item) for t in range(len(self.frame.strands))])
        return self._looked(self.ahead.completions.partial(labels, apart), item, cycles)

    def _looked(self, asked: PartialColumns, item: int, cycles: Floats) -> tuple[Floats, NDArray[np.bool_]]:
        """The same of what is known of partial nests: a first look leaves few to look at closely."""
        assert self.ahead is not None
        values, hope = np.full(len(cycles), np.inf), self.ahead.completions.known(asked, item)
        for low in (True, False):
            for some in self.ahead.completions.pieces(asked, np.flatnonzero(hope), item, low):
                energy, longest, first = self.ahead.completions.least(asked.take(some), item, cycles[some], low)
                good = ~self.best.hopeless(LowerBound(energy, longest))
                values[some] = np.minimum.reduceat(self.best.objective.value(energy, longest), first)
                hope[some] = np.logical_or.reduceat(good, first)
        return values, hope

    def _arriving(self, labels: PartialMappings, t: int, item: int) -> Floats:
        """At least so many elements of a tensor would arrive at a child that stood here."""
        assert self.ahead is not None
        strand, once = self.frame.strands[t], self.ahead.grid.mean[t][-1]
        at = sum(s.item <= item for s in strand.stops)
        if not at:
            return np.full(len(labels), once)
        if strand.irregular:
            return np.asarray(np.maximum(labels.floor[t, APART], once))
        return np.asarray(self.moves.counts(labels, t, LinkEnds(strand.stops[at - 1].arrays, False))[APART])


def _above(frame: SearchProblem) -> list[set[int]]:
    """By item, the ranks that loops below it may run over where some stand outermost (`Constraints.first`); nothing
    where any may stand anywhere. Those ranks are looped over in whole in their place."""
    ranks = set(range(len(frame.ranks)))
    found: list[set[int]] = []
    for name, first in frame.constraints.first.items():
        items = [item.name for item in frame.skeleton.items]
        whole = {n for n, rank in enumerate(frame.ranks) if rank in first}
        at = items.index(name)
        found = [ranks if n <= at else ranks - whole for n in range(len(items))]
    return found
