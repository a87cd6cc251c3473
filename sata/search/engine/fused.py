"""Ops fused: where they part, what is above, and what each does below, with a proven bound.

Each op by itself, free to have what passes in its inner home and to choose any loops above it that could be shared,
costs no more than in any group (`exact_fused.alone`): what that costs at least leaves out ways to fuse, and storage
templates. What is left is searched with one storage template of each op (`shared_loops`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import product

import numpy as np

from sata.search.engine.beam_bounds import WIDEST
from sata.search.engine.member import MemberContext, MemberSearch, best_of, member_problem
from sata.search.engine.shared_loops import SharedLoopSearch
from sata.search.engine.solve import WIDTHS
from sata.search.engine.walk import PROVEN, BudgetSpent, widened
from sata.search.model.exact_fused import FusedGroup, MemberNest, bound_by, group_figures, ordered, shared_nest
from sata.search.model.fusion import FusionKind, FusionProblem, agree, fusion_kinds
from sata.search.model.lagrangian import PricedPort, priced_ports
from sata.search.model.objective import SLACK, Objective
from sata.search.model.problem import SearchProblem
from sata.search.partial.incumbent import EQUAL, Incumbent, SearchCounters

OBJECTIVES = ("energy", "cycles")  # those for which the bound of a group is the sum of its ops' bounds
LARGE = 1 << 16  # operations: of an op with more, wide passes take seconds, and there are hundreds
WIDE = 300  # the widest pass of a large op by itself: what is left is for the groups
HOPED = (1.02, 1.3, np.inf)  # of what all cost at least by themselves: where a first group is sought; proves nothing
CLOSELY = 30_000  # the width from which on groups are looked at closely

Templates = tuple[int, ...]  # the number of a storage template of each op
Open = tuple[float, Templates]  # with a lower bound


@dataclass
class FusedResult:
    """What a search for fused nests came to. group: better than the cutoff, or None. bound: no fused nests are below it
    (inf: nothing fits at all). kinds: in how many ways the ops can be fused."""

    group: FusedGroup | None
    bound: float
    kinds: int
    counts: SearchCounters = field(default_factory=SearchCounters)


@dataclass
class MemberSearches:
    """The searches for all ops of one kind, below each of their storage templates, that count the cycles of one
    resource. least: of any nest of each op; best: which of the searches found the best of its op by itself."""

    searches: tuple[list[MemberSearch], ...]
    least: list[float]
    incumbent: list[MemberSearch | None]

    @property
    def together(self) -> float:
        return sum(self.least)

    def beside(self, which: int, value: float) -> float:
        """What is left of a value for one op, if the others cost as little as they can."""
        for n, least in enumerate(self.least):
            if n != which:
                value -= least
        return value


@dataclass
class FusionState:
    """What is known of one kind: by the cycles of computes, and by those of the memory that bounds the best group."""

    kind: FusionKind
    members: MemberSearches
    paying: MemberSearches | None = None

    @property
    def least(self) -> float:
        return max(self.members.together, self.paying.together if self.paying is not None else 0.0)


class FusedSearch:
    """All kinds of one group, the most promising first. cutoff: what is to be beaten. late: whether to stop.
    deadline: of `time.monotonic`, after which it is late too."""

    def __init__(self, choice: FusionProblem, objective: str, cutoff: float, late: Callable[[], bool],
                 tick: Callable[[], None] | None = None, widths: tuple[int, ...] = WIDTHS,
                 deadline: float | None = None) -> None:  # fmt: skip
        self.choice, self.objective = choice, Objective(objective)
        self.late, self.tick, self.widths = late, tick, widths
        self.counters = SearchCounters()
        self.group: FusedGroup | None = None
        self.problem: SearchProblem | None = None  # of the last search
        numbers = range(len(choice.ops))
        computes = [_computes(choice, n) for n in numbers]
        same = len(set.union(*computes)) == 1 and all(computes)
        self.large = max(numbers, key=lambda n: (_points(choice, n), -n))
        self.order = sorted(numbers, key=lambda n: n == self.large)  # in which ops are searched by themselves
        # cycles of one compute add up; of two, one may hide the other
        self.contexts = tuple(
            MemberContext(choice.on, choice.asked(n), same or n == self.large, late, deadline) for n in numbers
        )
        self.value = cutoff
        self.bound_by: tuple[PricedPort, ...] | None = None  # see `exact_fused.bound_by`
        self._leaks = objective == "energy" and choice.on.leak_pj > 0

    def run(self) -> FusedResult:
        kinds = fusion_kinds(self.choice)
        every = [state for state in map(self._state, kinds) if all(state.members.searches)]
        for state in sorted(every, key=lambda w: w.least):
            for which in self.order[:-1]:
                self._alone(state, state.members, which)
        bound = PROVEN
        for state in sorted(every, key=lambda w: w.least):
            self._alone(state, state.members, self.large)
            self._pay(state)
            least = state.least
            bound = min(bound, max(least, min(self._groups(state), self.value)) if self._may_improve(least) else least)
        return FusedResult(
            self.group, bound if self.group is None else min(bound, self.value), len(kinds), self.counters
        )

    def _may_improve(self, bound: float) -> bool:
        return bound < self.value * (1.0 - SLACK)

    def _pruned(self, bound: float) -> bool:
        return not self._may_improve(bound)

    def _second(self, group: FusedGroup) -> bool:
        """Whether a group is as good as the best so far, and better in the second objective."""
        have, name = self.group, self.objective.name
        if have is None or group.value(name) > have.value(name) * (1 + EQUAL):
            return False
        return group.energy_pj < have.energy_pj * (1 - EQUAL) if name == "cycles" else group.cycles < have.cycles

    # --- each by itself -----------------------------------------------------------------------------------------------

    def _state(self, kind: FusionKind) -> FusionState:
        """All searches of a kind, with bounds of empty nests."""
        return FusionState(kind, _members([self._searches(kind, n) for n in range(len(kind.members))]))

    def _searches(self, kind: FusionKind, which: int) -> list[MemberSearch]:
        found, context = [], self.contexts[which]
        for template in kind.members[which]:
            problem = member_problem(template, kind, context)
            if problem is not None:
                self.problem = problem
                found.append(MemberSearch(problem, Incumbent(self.objective), self.counters, kind, context, self.tick))
        return found

    def _pay(self, state: FusionState) -> None:
        """By the cycles of the memory that bounds the best group (`priced_ports`) instead of those of the computes."""
        if state.paying is not None or self.bound_by is None or not self._may_improve(state.least):
            return
        paying: list[list[MemberSearch]] = [[] for _ in self.contexts]
        for which, (context, port) in enumerate(zip(self.contexts, self.bound_by, strict=True)):
            for search in state.members.searches[which]:
                problem = priced_ports(search.problem, port)
                if problem is None:
                    return
                incumbent = Incumbent(self.objective)
                paying[which].append(
                    MemberSearch(problem, incumbent, self.counters, state.kind, context, self.tick, port)
                )
        state.paying = _members(paying)
        for which in self.order:
            self._alone(state, state.paying, which)

    def _alone(self, state: FusionState, members: MemberSearches, which: int) -> None:
        """What an op costs at least by itself, as far as that leads to something better."""
        if not self._may_improve(state.least):
            return
        cutoff = members.beside(which, self.value)
        searches, incumbent = members.searches[which], Incumbent(self.objective, cutoff=cutoff)
        for search in searches:
            search.by_itself(incumbent)
        wide = WIDE if _points(self.choice, which) > LARGE else WIDEST
        widths = tuple(w for w in self.widths if w <= wide) or self.widths[:1]
        least = min(best_of(searches, incumbent, widths, self.late), incumbent.value())
        if incumbent.mappings:
            members.incumbent[which] = next(s for s in searches if s.problem is incumbent.mappings[0].problem)
        members.least[which] = max(members.least[which], least)

    # --- groups -------------------------------------------------------------------------------------------------------

    def _groups(self, state: FusionState) -> float:
        """Search the combinations of storage templates of a kind, passes growing wider. Returns: what none of those not
        found is below."""
        self._guess(state, state.paying or state.members)
        self._pay(state)  # the guess may have been the first
        numbers = [range(len(s)) for s in state.members.searches]
        open_: list[Open] = [(0.0, chosen) for chosen in product(*numbers) if self._agree(state, chosen)]
        for members in (state.paying, state.members):
            if members is not None:
                open_ = self._outlooks(members, open_)
        widths = self.widths[1:] or self.widths

        def before(step: int, todo: list[Open]) -> list[Open]:
            return self._outlooks(state.members, todo, closely=True) if widths[step] == CLOSELY else todo

        def one_pass(_: int, width: int, value: float, chosen: Templates) -> float:
            return 0.0 if self.late() else self._joint(state, chosen, width)

        left = widened(open_, widths, one_pass, self._pruned, self.late, before)
        return min((value for value, _ in left), default=PROVEN)

    def _guess(self, state: FusionState, members: MemberSearches) -> None:
        """Something good soon: the best storage templates of all, if they go together."""
        if self.late():
            return
        each = zip(members.incumbent, members.searches, strict=True)
        chosen = tuple(searches.index(incumbent) for incumbent, searches in each if incumbent is not None)
        if len(chosen) < len(members.incumbent) or not self._agree(state, chosen):
            return
        before, least = self.value, state.least
        for hoped in HOPED:  # the less is hoped for, the less there is to look at
            cutoff = min(before, least * hoped)
            for which, number in enumerate(chosen):
                state.members.searches[which][number].outlook(state.members.beside(which, cutoff))
            self._joint(state, chosen, self.widths[0], cutoff)
            if self.value < before or cutoff == before:
                return

    def _outlooks(self, members: MemberSearches, open_: list[Open], closely: bool = False) -> list[Open]:
        """Combinations of storage templates that may lead to something better, by what each op costs at least below its
        own."""
        found: list[dict[int, float]] = []
        for which, searches in enumerate(members.searches):
            cutoff = members.beside(which, self.value)
            wanted = sorted({chosen[which] for _, chosen in open_})
            found.append({n: 0.0 if self.late() else searches[n].outlook(cutoff, closely) for n in wanted})
        bounds = (
            (max(value, sum(each[n] for each, n in zip(found, chosen, strict=True))), chosen) for value, chosen in open_
        )
        return [(value, chosen) for value, chosen in sorted(bounds) if self._may_improve(value)]

    def _agree(self, state: FusionState, chosen: Templates) -> bool:
        return agree([m.problem.template for m in _chosen(state, chosen)], state.kind.prefix)

    def _joint(self, state: FusionState, chosen: Templates, width: int, cutoff: float = np.inf) -> float:
        """One pass below a storage template of each op. Returns: the least value that may have been missed below a
        cutoff."""
        home, incumbent = state.kind.home, Incumbent(self.objective, cutoff=min(self.value, cutoff))

        def offer(nests: tuple[MemberNest, ...]) -> None:
            each = group_figures([shared_nest(nest, home) for nest in nests], self.choice.on)
            if each is None:
                return
            group = FusedGroup(tuple(map(ordered, nests)), home, each)
            value = group.value(self.objective.name)
            if self._may_improve(value) or self._second(group):
                self.value, self.group, incumbent.cutoff = value, group, value
                self.bound_by = bound_by(group, self.choice.on) if self._leaks else None

        members = list(_chosen(state, chosen))
        search = SharedLoopSearch(members, state.kind, incumbent, self.counters, offer, self.late)
        try:
            return search.run(width)
        except BudgetSpent:
            return 0.0


def _chosen(state: FusionState, chosen: Templates) -> Iterator[MemberSearch]:
    return (searches[n] for searches, n in zip(state.members.searches, chosen, strict=True))


def _members(searches: Sequence[list[MemberSearch]]) -> MemberSearches:
    """With bounds of empty nests."""
    least = [min((search.root_value() for search in each), default=PROVEN) for each in searches]
    return MemberSearches(tuple(searches), least, [None] * len(searches))


def _computes(choice: FusionProblem, which: int) -> set[str]:
    """The computes that an op may end in."""
    op, constraints = choice.ops[which], choice.asked(which)
    names = {way[-1].name for way in choice.arch.ways() if op.action in choice.on.prices[way[-1].name].energy_pj}
    return names & {constraints.compute} if constraints.compute else names


def _points(choice: FusionProblem, which: int) -> int:
    return int(np.prod([float(b) for b in choice.ops[which].ranks.values()]))
