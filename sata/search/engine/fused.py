"""Two ops fused: where they part, what is above, and what each does below, with a proven bound.

Each op by itself, free to have what passes in its inner home and to choose any loops above it that could be shared,
costs no more than in any pair (`fused_score.alone`): what that costs at least leaves out ways to fuse, and skeletons.
What is left is searched in pairs of skeletons (`joint`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from sata.search.engine.beam import BudgetSpent
from sata.search.engine.member import MemberContext, MemberSearch, best_of, member_problem
from sata.search.engine.shared_loops import SharedLoopSearch
from sata.search.engine.solve import PROVEN, WIDEST, WIDTHS
from sata.search.model.exact_fused import FusedPair, MemberNest, bound_by, group_figures, ordered, shared_nest
from sata.search.model.fusion import FusionKind, FusionProblem, agree, fusion_kinds
from sata.search.model.lagrangian import PricedPort, priced_ports
from sata.search.model.objective import SLACK, Objective
from sata.search.model.problem import SearchProblem
from sata.search.partial.incumbent import EQUAL, Incumbent, ScoredMapping, SearchCounters

OBJECTIVES = ("energy", "cycles")  # those for which the bound of a group is the sum of its ops' bounds
LARGE = 1 << 16  # operations: of an op with more, wide passes take seconds, and there are hundreds
WIDE = 300  # the widest pass of a large op by itself: what is left is for the pairs
HOPED = (1.02, 1.3, np.inf)  # of what both cost at least by themselves: where a first pair is sought; proves nothing
CLOSELY = 30_000  # the width from which on pairs are looked at closely

Open = tuple[float, int, int]  # a least value, and the numbers of a skeleton of each op


@dataclass
class FusedResult:
    """What a search for fused nests came to. pair: better than `limit`, or None. bound: no fused nests are below it
    (inf: nothing fits at all). kinds: in how many ways the ops can be fused."""

    pair: FusedPair | None
    bound: float
    kinds: int
    counts: SearchCounters = field(default_factory=SearchCounters)


@dataclass
class MemberSearches:
    """The searches for both ops of one kind, below each of their skeletons, that count the cycles of one resource.
    least: of any nest of each op; best: which of the searches found the best of its op by itself."""

    searches: tuple[list[MemberSearch], list[MemberSearch]]
    least: list[float]
    incumbent: list[MemberSearch | None] = field(default_factory=lambda: [None, None])

    @property
    def together(self) -> float:
        return sum(self.least)


@dataclass
class FusionState:
    """What is known of one kind: by the cycles of computes, and by those of the memory that bounds the best pair."""

    kind: FusionKind
    members: MemberSearches
    paying: MemberSearches | None = None

    @property
    def least(self) -> float:
        return max(self.members.together, self.paying.together if self.paying is not None else 0.0)


class FusedSearch:
    """All kinds of one pair, the most promising first. limit: what is to be beaten. late: whether to stop.
    deadline: of `time.monotonic`, after which it is late too."""

    def __init__(self, choice: FusionProblem, objective: str, limit: float, late: Callable[[], bool],
                 tick: Callable[[], None] | None = None, widths: tuple[int, ...] = WIDTHS,
                 deadline: float | None = None) -> None:  # fmt: skip
        self.choice, self.objective = choice, Objective(objective)
        self.late, self.tick, self.widths = late, tick, widths
        self.incumbent = Incumbent(self.objective)
        self.counters = SearchCounters()
        self.pair: FusedPair | None = None
        self.problem: SearchProblem | None = None  # of the last search
        maker, taker = (_computes(choice, n) for n in (0, 1))
        same = maker == taker and len(maker) == 1
        self.large = 0 if _points(choice, 0) >= _points(choice, 1) else 1
        # cycles of one compute add up; of two, one may hide the other
        self.contexts = tuple(
            MemberContext(choice.on, choice.constraints[n], same or n == self.large, late, deadline) for n in (0, 1)
        )
        self.value = limit
        self.bound_by: tuple[PricedPort, PricedPort] | None = None  # see `fused_score.bound_by`
        self._leaks = objective == "energy" and choice.on.leak_pj > 0

    def run(self) -> FusedResult:
        kinds = fusion_kinds(self.choice)
        every = [state for state in map(self._state, kinds) if all(state.members.searches)]
        for state in sorted(every, key=lambda w: w.least):
            self._alone(state, state.members, 1 - self.large)
        bound = PROVEN
        for state in sorted(every, key=lambda w: w.least):
            self._alone(state, state.members, self.large)
            self._pay(state)
            least = state.least
            bound = min(bound, max(least, min(self._pairs(state), self.value)) if self._may_improve(least) else least)
        return FusedResult(self.pair, bound if self.pair is None else min(bound, self.value), len(kinds), self.counters)

    def _may_improve(self, bound: float) -> bool:
        return bound < self.value * (1.0 - SLACK)

    def _second(self, pair: FusedPair) -> bool:
        """Whether a pair is as good as the best so far, and better in the second objective."""
        have, name = self.pair, self.objective.name
        if have is None or pair.value(name) > have.value(name) * (1 + EQUAL):
            return False
        return pair.energy_pj < have.energy_pj * (1 - EQUAL) if name == "cycles" else pair.cycles < have.cycles

    # --- each by itself -----------------------------------------------------------------------------------------------

    def _state(self, kind: FusionKind) -> FusionState:
        """All searches of a kind, with bounds of empty nests."""
        return FusionState(kind, _members((self._searches(kind, 0), self._searches(kind, 1))))

    def _searches(self, kind: FusionKind, which: int) -> list[MemberSearch]:
        found, context = [], self.contexts[which]
        for template in (kind.makers, kind.takers)[which]:
            problem = member_problem(template, kind, context)
            if problem is not None:
                self.problem = problem
                found.append(MemberSearch(problem, Incumbent(self.objective), self.counters, kind, context, self.tick))
        return found

    def _pay(self, state: FusionState) -> None:
        """By the cycles of the memory that bounds the best pair (`priced`) instead of those of the computes."""
        if state.paying is not None or self.bound_by is None or not self._may_improve(state.least):
            return
        both: tuple[list[MemberSearch], list[MemberSearch]] = ([], [])
        for which, context in enumerate(self.contexts):
            for search in state.members.searches[which]:
                port = self.bound_by[which]
                problem = priced_ports(search.problem, port)
                if problem is None:
                    return
                both[which].append(
                    MemberSearch(
                        problem, Incumbent(self.objective), self.counters, state.kind, context, self.tick, port
                    )
                )
        state.paying = _members(both)
        for which in (1 - self.large, self.large):
            self._alone(state, state.paying, which)

    def _alone(self, state: FusionState, members: MemberSearches, which: int) -> None:
        """What an op costs at least by itself, as far as that leads to something better."""
        if not self._may_improve(state.least):
            return
        limit = self.value - members.least[1 - which]
        searches, incumbent = members.searches[which], Incumbent(self.objective)
        for search in searches:
            search.by_itself(incumbent)
        known = ScoredMapping(limit, limit, searches[0].problem, (), False)
        if np.isfinite(limit):
            incumbent.mappings = [known]
        wide = WIDE if _points(self.choice, which) > LARGE else WIDEST
        widths = tuple(w for w in self.widths if w <= wide) or self.widths[:1]
        left = best_of(searches, incumbent, widths, self.late)
        least = min(left, limit)
        if incumbent.mappings and incumbent.mappings[0] is not known:
            found = incumbent.mappings[0]
            least = min(left, incumbent.value())
            members.incumbent[which] = next(s for s in searches if s.problem is found.problem)
        members.least[which] = max(members.least[which], least)

    # --- pairs --------------------------------------------------------------------------------------------------------

    def _pairs(self, state: FusionState) -> float:
        """Search the pairs of skeletons of a kind, passes growing wider. Returns: what none of those not found is
        below."""
        self._guess(state, state.paying or state.members)
        self._pay(state)  # the guess may have been the first
        numbers = [range(len(s)) for s in state.members.searches]
        open_ = [(0.0, m, n) for m in numbers[0] for n in numbers[1] if self._agree(state, m, n)]
        for members in (state.paying, state.members):
            if members is not None:
                open_ = self._outlooks(members, open_)
        for width in self.widths[1:] or self.widths:
            if width == CLOSELY:
                open_ = self._outlooks(state.members, open_, closely=True)
            after: list[Open] = []
            for value, m, n in open_:
                if not self._may_improve(value):
                    continue
                left = value if self.late() else self._joint(state, m, n, width)
                if left < PROVEN:
                    after.append((max(value, left), m, n))
            open_ = sorted(after)
            if not open_ or self.late():
                break
        return min((value for value, _, _ in open_ if self._may_improve(value)), default=PROVEN)

    def _guess(self, state: FusionState, members: MemberSearches) -> None:
        """Something good soon: the best skeletons of both, if they go together."""
        one, other = members.incumbent
        if one is None or other is None or self.late():
            return
        m, n = members.searches[0].index(one), members.searches[1].index(other)
        if not self._agree(state, m, n):
            return
        before, least = self.value, state.least
        for hoped in HOPED:  # the less is hoped for, the less there is to look at
            limit = min(before, least * hoped)
            state.members.searches[0][m].outlook(limit - state.members.least[1])
            state.members.searches[1][n].outlook(limit - state.members.least[0])
            self._joint(state, m, n, self.widths[0], limit)
            if self.value < before or limit == before:
                return

    def _outlooks(self, members: MemberSearches, open_: list[Open], closely: bool = False) -> list[Open]:
        """Pairs of skeletons that may lead to something better, by what each op costs at least below its own."""
        wanted = {m for _, m, _ in open_}, {n for _, _, n in open_}
        found: list[dict[int, float]] = [{}, {}]
        for which in (0, 1):
            limit = self.value - members.least[1 - which]
            searches = members.searches[which]
            found[which] = {
                n: 0.0 if self.late() else searches[n].outlook(limit, closely) for n in sorted(wanted[which])
            }
        both = sorted((max(value, found[0][m] + found[1][n]), m, n) for value, m, n in open_)
        return [pair for pair in both if self._may_improve(pair[0])]

    def _agree(self, state: FusionState, m: int, n: int) -> bool:
        one, other = (s[k].problem.template for s, k in zip(state.members.searches, (m, n), strict=True))
        return agree(one, other, state.kind.prefix)

    def _joint(self, state: FusionState, m: int, n: int, width: int, limit: float = np.inf) -> float:
        """One pass below two skeletons. Returns: the least value that may have been missed below a limit."""
        one, other = state.members.searches[0][m], state.members.searches[1][n]
        home, limit = state.kind.home, min(self.value, limit)
        self.incumbent.mappings = [ScoredMapping(limit, limit, one.problem, (), False)]

        def offer(a: MemberNest, b: MemberNest) -> None:
            each = group_figures([shared_nest(a, home), shared_nest(b, home)], self.choice.on)
            if each is None:
                return
            pair = FusedPair((ordered(a), ordered(b)), home, each)
            value = pair.value(self.objective.name)
            if self._may_improve(value) or self._second(pair):
                self.value, self.pair = value, pair
                self.bound_by = bound_by(pair, self.choice.on) if self._leaks else None
                self.incumbent.mappings = [ScoredMapping(value, value, one.problem, (), False)]

        search = SharedLoopSearch(one, other, state.kind, self.incumbent, self.counters, offer, self.late)
        try:
            return search.run(width)
        except BudgetSpent:
            return 0.0


def _root(search: MemberSearch) -> float:
    """What nothing below a skeleton is below, by its empty nest."""
    own = search.root_bound()
    return float(search.incumbent.objective.value(own.energy, own.cycles).min()) if len(own.energy) else PROVEN


def _members(searches: tuple[list[MemberSearch], list[MemberSearch]]) -> MemberSearches:
    """With bounds of empty nests."""
    return MemberSearches(searches, [min(map(_root, each), default=PROVEN) for each in searches])


def _computes(choice: FusionProblem, which: int) -> set[str]:
    """The computes that an op may end in."""
    op, constraints = choice.ops[which], choice.constraints[which]
    names = {way[-1].name for way in choice.arch.ways() if op.action in choice.on.prices[way[-1].name].energy_pj}
    return names & {constraints.compute} if constraints.compute else names


def _points(choice: FusionProblem, which: int) -> int:
    return int(np.prod([float(b) for b in choice.ops[which].ranks.values()]))
