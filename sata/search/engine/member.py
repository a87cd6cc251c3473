"""The search for one op of a fused pair: by itself, its loops above the split those that the pair may share; or the
part below the split, beside the other op's nests (`joint`)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from math import inf
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sata.search.cost_to_go.tables import CostToGo
from sata.search.engine.beam import BeamSearch
from sata.search.engine.walk import PROVEN, BudgetSpent, widened
from sata.search.model.exact import Machine
from sata.search.model.exact_fused import MemberNest, alone
from sata.search.model.fusion import FusionKind, above, last_above, unrolled
from sata.search.model.lagrangian import PricedPort
from sata.search.model.objective import SLACK, Objective
from sata.search.model.problem import SearchProblem, problem_of
from sata.search.partial.bounds import BoundParts, LowerBound, bound_parts
from sata.search.partial.extend import SharedTables
from sata.search.partial.incumbent import Incumbent, ScoredMapping, SearchCounters
from sata.search.partial.loop_constraints import LoopConstraint
from sata.search.partial.table import Ints, PartialMappings
from sata.search.space.nests import PlacedLoop
from sata.search.space.storage_templates import Constraints, StorageTemplate
from sata.search.space.unrolling import Unrollings
from sata.specs.model import Array

Floats = NDArray[np.float64]


@dataclass
class MemberContext:
    """What the searches for one op have in common. computes: whether the cycles of its compute count (see
    `fused_score.alone`); late: whether to stop; deadline: of `time.monotonic`."""

    on: Machine
    constraints: Constraints
    computes: bool
    late: Callable[[], bool] = lambda: False
    deadline: float | None = None
    known: dict[Any, Any] = field(default_factory=dict)
    shared: SharedTables = field(default_factory=dict)


def member_problem(template: StorageTemplate, kind: FusionKind, context: MemberContext) -> SearchProblem | None:
    """The frame of an op above and below a split; None if no lanes are as they must be."""
    problem = problem_of(template, context.on, context.constraints, False, context.known)
    rows = _allowed_unrollings(problem, kind)
    if not rows.any():
        return None
    unrollings = problem.unrollings
    unrollings = Unrollings(unrollings.slots, unrollings.factors[:, rows], tuple(a[:, rows] for a in unrollings.inner))
    sharing = tuple(tuple(column[rows] for column in columns) for columns in problem.sharing)
    return replace(problem, unrollings=unrollings, sharing=sharing)


def _allowed_unrollings(problem: SearchProblem, kind: FusionKind) -> NDArray[np.bool_]:
    """[P]: which plans unroll only shared ranks above the split."""
    unrollings, template = problem.unrollings, problem.template
    names = [i.name for i in template.items if isinstance(i, Array)]
    free = unrolled(template, kind)
    found = np.ones(unrollings.factors.shape[1], dtype=bool)
    for row, (array, _, rank) in enumerate(unrollings.slots):
        if names[array] in free and problem.ranks[rank] not in free[names[array]]:
            found &= unrollings.factors[row] == 1
    return found


@dataclass
class GroupMembers:
    """By tag, the least that nests of all other ops of the group cost, and what is to be beaten together."""

    parts: BoundParts
    values: Floats
    incumbent: Incumbent
    leak_pj: float

    def values_with(self, tag: Ints, own: BoundParts, values: Floats) -> tuple[Floats, NDArray[np.bool_]]:
        """Least values of nests with the other members, and which of them may be better than what there is."""
        found = group_values(
            self.incumbent.objective, self.leak_pj, own.plus(self.parts.take(tag)), values + self.values[tag]
        )
        return found, found < self.incumbent.value() * (1.0 - SLACK)


def group_values(objective: Objective, leak_pj: float, parts: BoundParts, least: Floats) -> Floats:
    """Lower bounds of groups: resources that several ops use add up, the longest counts
    (`sata.costs.group.group_time`). parts: of all ops together; least: the sums of what each costs by itself."""
    of = parts.bound(leak_pj)
    return np.asarray(np.maximum(objective.value(of.energy, of.cycles), least))


class MemberSearch(BeamSearch):
    """See the module. By itself memories bound no cycles: what bounds a group is known only of all its ops together.
    port: pays for that (`priced`) instead of the cycles of the compute."""

    def __init__(
        self,
        problem: SearchProblem,
        incumbent: Incumbent,
        counters: SearchCounters,
        kind: FusionKind,
        context: MemberContext,
        tick: Callable[[], None] | None = None,
        port: PricedPort | None = None,
    ) -> None:
        self.cycles_each = problem.cycles_each  # those of the pair
        self.computes, self.port, self.late = context.computes and port is None, port, context.late
        problem = problem if self.computes else replace(problem, cycles_each=0.0)
        super().__init__(problem, incumbent, counters, context.shared, context.deadline, tick)
        self.node, self.home = kind.home, last_above(problem.template, kind)
        self.above = [{problem.ranks.index(r) for r in ranks} for ranks in above(problem.template, kind)]
        self.windowed = any(s.irregular for s in problem.operands)
        self.alone, self.limit = True, -inf  # by itself, or beside another below what limit looks ahead were made
        self.members: GroupMembers | None = None
        self.ends: tuple[PartialMappings, BoundParts] | None = None  # complete nests, beside mates

    # --- figures ------------------------------------------------------------------------------------------------------

    def parts(self, labels: PartialMappings, item: int, done: bool = False, rough: bool = False) -> BoundParts:
        """See `bounds.parts`; the compute and all memories count."""
        return bound_parts(self.moves, labels, item, done, rough, self.cycles_each)

    def bound(self, labels: PartialMappings, item: int, done: bool = False, rough: bool = False) -> LowerBound:
        return self.own(self.parts(labels, item, done, rough))

    def own(self, of: BoundParts) -> LowerBound:
        """Of the bounds of a pair's nest (`parts`), what is sure of it by itself."""
        cycles = of.cycles[self.problem.template.compute.name] if self.computes else np.zeros(len(of.energy))
        return LowerBound(of.energy + self.problem.on.leak_pj * cycles, cycles)

    def valued_in_parts(
        self, labels: PartialMappings, item: int, rough: bool
    ) -> tuple[Floats, NDArray[np.bool_], BoundParts]:
        """The least value of each label by itself, which may lead to something better, and their bounds in parts."""
        of = self.parts(labels, item, rough=rough)
        return (*self.looked_up(labels, item, self.own(of)), of)

    def valued(self, labels: PartialMappings, place: int, rough: bool) -> tuple[Floats, NDArray[np.bool_]]:
        values, keep, of = self.valued_in_parts(labels, place, rough)
        if self.members is None:
            return values, keep
        values, improving = self.members.values_with(labels.tag, of, values)
        return values, keep & improving

    def scored(self, loops: tuple[PlacedLoop, ...]) -> ScoredMapping | None:
        if not self._allowed(loops):
            return None
        found = alone(MemberNest(self.problem.template, loops), self.problem.on, self.computes, self.port)
        return None if found is None else ScoredMapping(*found, self.problem, loops)

    def complete(self, labels: PartialMappings, item: int) -> None:
        if self.members is None:
            super().complete(labels, item)
            return
        self.counters.complete += len(labels)
        self.ends = labels, self.parts(labels, item, done=True)

    def below(
        self, labels: PartialMappings, item: int, members: GroupMembers
    ) -> tuple[PartialMappings, BoundParts] | None:
        """Complete nests below the split, beside the other members; None: there are none."""
        self.least_cut, self.ends, self.members = np.inf, None, members
        try:
            self.inwards(labels, item)
        finally:
            self.members = None
        return self.ends

    def check_time(self) -> None:
        if self.late():
            raise BudgetSpent
        super().check_time()

    # --- what may stand above the split -------------------------------------------------------------------------------

    def _allowed(self, loops: Sequence[PlacedLoop]) -> bool:
        """Whether loops above the home are among those that may stand there; a look ahead does not know."""
        ranks = self.problem.ranks
        outer = [p for p in loops if p.item < self.home]
        if any(ranks.index(p.rank) not in self.above[p.item] for p in outer if not p.axis):
            return False
        unrollings = self.problem.unrollings
        arrays = [n for n, i in enumerate(self.items) if isinstance(i, Array)]
        fits = np.ones(unrollings.factors.shape[1], dtype=bool)
        for row, (array, axis, rank) in enumerate(unrollings.slots):
            if arrays[array] <= self.home:
                own = [p.factor for p in loops if (p.item, p.axis) == (arrays[array], axis)
                       and p.rank == self.problem.ranks[rank]]  # fmt: skip
                fits &= unrollings.factors[row] == int(np.prod(own, dtype=np.int64))
        return bool(fits.any())

    def asked(self, item: int) -> LoopConstraint:
        """Nothing above the split, where memories of other ops may part the loops of a block. An op that keeps nothing
        in the home itself has its loops above and below the home in one block, until it is searched below the split."""
        if item == self.home and self.members is not None:
            return LoopConstraint(self.problem, self.node)
        own = item > self.home or self.items[item].name == self.node
        return LoopConstraint(self.problem, self.items[item].name if own else "")

    def loops(self, labels: PartialMappings, item: int, rank: int) -> list[PartialMappings]:
        if item < self.home and rank not in self.above[item]:
            return []
        return super().loops(labels, item, rank)

    # --- looks ahead --------------------------------------------------------------------------------------------------

    def by_itself(self, incumbent: Incumbent) -> None:
        """From now on, search for nests of this op alone."""
        self.incumbent, self.alone, self.limit = incumbent, True, -inf
        self.forget()

    def outlook(self, limit: float, closely: bool = False) -> float:
        """From now on, search beside another op, for nests below a limit of the objective: what there is ahead of those
        is looked at. Returns: what none of them is below (inf: there are none)."""
        if self.alone or limit > self.limit:  # what was looked at below a lower limit says nothing of nests above it
            self.forget()
        self.incumbent, self.alone, self.limit = Incumbent(self.incumbent.objective, cutoff=limit), False, limit
        if not np.isfinite(limit):
            return 0.0
        if self.incumbent.prunable(self.root_bound()).all():
            return PROVEN
        return self.least() if self.build_cost_to_go(closely) else PROVEN

    def try_nests(self, cost_to_go: CostToGo) -> None:
        """Nests are scored by themselves only: beside another op it is the pair that counts."""
        if self.alone:
            super().try_nests(cost_to_go)


def best_of(
    searches: Sequence[BeamSearch], incumbent: Incumbent, widths: Sequence[int], late: Callable[[], bool]
) -> float:
    """The best below several storage templates, passes growing wider. late: whether to stop. Returns: the least value
    that may have been missed (inf: nothing was)."""
    roots = ((search.root_value(), number) for number, search in enumerate(searches))

    def one_pass(step: int, width: int, least: float, number: int) -> float:
        search = searches[number]
        if late() or search.too_wide(width):
            return 0.0
        try:
            if incumbent.bounds and not search.build_cost_to_go(closely=False):
                return PROVEN
            return max(search.least(), search.run(width))
        except BudgetSpent:
            return max(0.0, search.least())

    todo = sorted((value, number) for value, number in roots if value < PROVEN)
    open_ = widened(todo, widths, one_pass, incumbent.pruned, late)
    return min((value for value, _ in open_), default=PROVEN)
