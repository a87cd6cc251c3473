"""Two ops fused: where they part, what is above, and what each does below, with a proven bound.

Each op by itself, free to have what passes in its inner home and to choose any loops above it that could be shared,
costs no more than in any pair (`fused_score.alone`): what that costs at least leaves out ways to fuse, and skeletons.
What is left is searched in pairs of skeletons (`joint`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from sata.search.found import Best, Found, Tally
from sata.search.frame import Frame
from sata.search.frontier import OutOfTime
from sata.search.fused_member import Context, MemberSearch, best_of, member_frame
from sata.search.fused_score import Nested, Pair, bound_by, ordered, shared_nest, together
from sata.search.fused_space import Choice, Kind, agree, kinds_of
from sata.search.joint import JointSearch
from sata.search.objective import SLACK, Objective
from sata.search.priced import ports, priced
from sata.search.solve import PROVEN, WIDEST, WIDTHS
from sata.specs.model import Memory

OBJECTIVES = ("energy", "cycles")  # those for which the bound of a group is the sum of its ops' bounds
LARGE = 1 << 16  # operations: of an op with more, wide passes take seconds, and there are hundreds
WIDE = 300  # the widest pass of a large op by itself: what is left is for the pairs
HOPED = (1.02, 1.3, np.inf)  # of what both cost at least by themselves: how far a first pair may be above it
CLOSELY = 3000  # the width from which on pairs are looked at closely

Open = tuple[float, int, int]  # a least value, and the numbers of a skeleton of each op


@dataclass
class Outcome:
    """What a search for fused nests came to. pair: better than `limit`, or None. bound: no fused nests are below it
    (inf: nothing fits at all). kinds: in how many ways the ops can be fused."""

    pair: Pair | None
    bound: float
    kinds: int
    counts: Tally = field(default_factory=Tally)


@dataclass
class Members:
    """The searches for both ops of one kind, below each of their skeletons; least: of any nest of each op."""

    kind: Kind
    searches: tuple[list[MemberSearch], list[MemberSearch]]
    least: list[float]
    best: list[MemberSearch | None]


class FusedSearch:
    """All kinds of one pair, the most promising first. limit: what is to be beaten. late: whether to stop."""

    def __init__(self, choice: Choice, objective: str, limit: float, late: Callable[[], bool],
                 tick: Callable[[], None] | None = None, widths: tuple[int, ...] = WIDTHS) -> None:  # fmt: skip
        self.choice, self.objective = choice, Objective(objective)
        self.late, self.tick, self.widths = late, tick, widths
        self.best = Best(self.objective)
        self.tally = Tally()
        self.pair: Pair | None = None
        self.frame: Frame | None = None  # of the last search
        maker, taker = (_computes(choice, n) for n in (0, 1))
        same = maker == taker and len(maker) == 1
        self.large = 0 if _points(choice, 0) >= _points(choice, 1) else 1
        # cycles of one compute add up; of two, one may hide the other
        self.contexts = tuple(Context(choice.on, choice.constraints[n], same or n == self.large) for n in (0, 1))
        self.value = limit

    def run(self) -> Outcome:
        kinds = kinds_of(self.choice)
        every = [m for m in map(self._members, kinds) if all(m.searches)]
        small = 1 - self.large
        bound = PROVEN
        for members in sorted(every, key=lambda m: sum(m.least)):
            if self._hope(sum(members.least)):
                self._alone(members, small)
        for members in sorted(every, key=lambda m: sum(m.least)):
            if self._hope(sum(members.least)):
                self._alone(members, self.large)
            least = sum(members.least)
            bound = min(bound, max(least, min(self._pairs(members), self.value)) if self._hope(least) else least)
        return Outcome(self.pair, bound if self.pair is None else min(bound, self.value), len(kinds), self.tally)

    def _hope(self, bound: float) -> bool:
        return bound < self.value * (1.0 - SLACK)

    # --- each by itself -----------------------------------------------------------------------------------------------

    def _members(self, kind: Kind) -> Members:
        """All searches of a kind, with bounds of empty nests."""
        both = self._searches(kind, 0), self._searches(kind, 1)
        least = [min(map(_root, searches), default=PROVEN) for searches in both]
        return Members(kind, both, least, [None, None])

    def _searches(self, kind: Kind, which: int) -> list[MemberSearch]:
        found, context = [], self.contexts[which]
        for skeleton in (kind.makers, kind.takers)[which]:
            frame = member_frame(skeleton, kind, context)
            if frame is not None:
                self.frame = frame
                found.append(MemberSearch(frame, Best(self.objective), self.tally, kind, context, self.tick))
        return found

    def _alone(self, members: Members, which: int) -> None:
        """What an op costs at least by itself, as far as that leads to something better."""
        limit = self.value - members.least[1 - which]
        searches, best = members.searches[which], Best(self.objective)
        for search in searches:
            search.best, search.alone = best, True
        known = Found(limit, limit, searches[0].frame, ())
        if np.isfinite(limit):
            best.found = [known]
        wide = WIDE if _points(self.choice, which) > LARGE else WIDEST
        widths = tuple(w for w in self.widths if w <= wide) or self.widths[:1]
        left = best_of(searches, best, widths, self.late)
        least = min(left, limit)
        if best.found and best.found[0] is not known:
            found = best.found[0]
            least = min(left, best.value())
            members.best[which] = next(s for s in searches if s.frame is found.frame)
        members.least[which] = max(members.least[which], least)

    # --- pairs --------------------------------------------------------------------------------------------------------

    def _pairs(self, members: Members) -> float:
        """Search the pairs of skeletons of a kind, passes growing wider. Returns: what none of those not found is
        below."""
        self._guess(members)
        least = self._outlooks(members, closely=False)
        open_ = sorted(
            (one + other, m, n)
            for m, one in enumerate(least[0]) for n, other in enumerate(least[1])
            if self._hope(one + other) and self._agree(members, m, n)
        )  # fmt: skip
        open_ = self._by_memory(members, open_)
        for width in self.widths[1:] or self.widths:
            if width == CLOSELY and open_:
                least = self._outlooks(members, closely=True, of=open_)
                open_ = sorted((max(value, least[0][m] + least[1][n]), m, n) for value, m, n in open_)
            after: list[Open] = []
            for value, m, n in open_:
                if not self._hope(value):
                    continue
                left = value if self.late() else self._joint(members, m, n, width)
                if left < PROVEN:
                    after.append((max(value, left), m, n))
            open_ = sorted(after)
            if not open_ or self.late():
                break
        return min((value for value, _, _ in open_ if self._hope(value)), default=PROVEN)

    def _guess(self, members: Members) -> None:
        """Something good soon: the best skeletons of both, if they go together."""
        one, other = members.best
        if one is None or other is None:
            return
        m, n = members.searches[0].index(one), members.searches[1].index(other)
        if not self._agree(members, m, n):
            return
        before, least = self.value, sum(members.least)
        for hoped in HOPED:  # the less is hoped for, the less there is to look at
            limit = min(before, least * hoped)
            one.outlook(limit - members.least[1])
            other.outlook(limit - members.least[0])
            self._joint(members, m, n, self.widths[0], limit)
            if self.value < before or limit == before:
                return

    def _outlooks(self, members: Members, closely: bool, of: list[Open] | None = None
                  ) -> tuple[list[float], list[float]]:  # fmt: skip
        """By skeleton of each op, what none of its nests is below that may be in a better pair."""
        found = []
        for which in (0, 1):
            wanted = None if of is None else _skeletons(of)[which]
            limit = self.value - members.least[1 - which]
            found.append([
                s.outlook(limit, closely) if wanted is None or n in wanted else PROVEN
                for n, s in enumerate(members.searches[which])
            ])  # fmt: skip
        return found[0], found[1]

    def _by_memory(self, members: Members, open_: list[Open]) -> list[Open]:
        """Pairs of skeletons that may still be better where a memory bounds the best pair: by its cycles (`priced`)
        instead of the compute's."""
        on = self.choice.on
        if self.pair is None or self.objective.name != "energy" or not on.leak_pj:
            return open_
        name = bound_by(self.pair, on)
        memory = next((m for m in self.pair.nests[0].skeleton.memories if m.name == name), None)
        wanted = _skeletons(open_)
        searches: list[dict[int, list[MemberSearch]]] = [
            {n: self._paying(members, which, n, memory) for n in wanted[which]} for which in (0, 1) if memory
        ]
        if not searches:
            return open_
        least = [min((max(map(_root, s)) for s in every.values()), default=PROVEN) for every in searches]
        found: list[dict[int, float]] = [{}, {}]
        for which in sorted((0, 1), key=lambda n: len(wanted[n])):
            limit = self.value - least[1 - which]
            found[which] = {n: max(s.outlook(limit) for s in both) for n, both in searches[which].items()}
            least[which] = min(found[which].values(), default=PROVEN)
        both = sorted((max(value, found[0][m] + found[1][n]), m, n) for value, m, n in open_)
        return [pair for pair in both if self._hope(pair[0])]

    def _paying(self, members: Members, which: int, number: int, memory: Memory) -> list[MemberSearch]:
        """Searches below a skeleton, each paying for a port of a memory."""
        context = replace(self.contexts[which], computes=False)
        frame = members.searches[which][number].frame
        return [
            MemberSearch(priced(frame, memory.name, port), Best(self.objective), self.tally, members.kind, context)
            for port in ports(memory)
        ]

    def _agree(self, members: Members, m: int, n: int) -> bool:
        one, other = members.searches[0][m].frame, members.searches[1][n].frame
        return agree(one.skeleton, other.skeleton, members.kind.prefix)

    def _joint(self, members: Members, m: int, n: int, width: int, limit: float = np.inf) -> float:
        """One pass below two skeletons. Returns: the least value that may have been missed below a limit."""
        one, other = members.searches[0][m], members.searches[1][n]
        home, limit = members.kind.home, min(self.value, limit)
        self.best.found = [Found(limit, limit, one.frame, ())]

        def offer(a: Nested, b: Nested) -> None:
            each = together([shared_nest(a, home), shared_nest(b, home)], self.choice.on)
            if each is None:
                return
            pair = Pair((ordered(a), ordered(b)), home, each)
            value = pair.value(self.objective.name)
            if self._hope(value):
                self.value, self.pair = value, pair
                self.best.found = [Found(value, value, one.frame, ())]

        search = JointSearch(one, other, members.kind, self.best, self.tally, offer, self.late)
        try:
            return search.run(width)
        except OutOfTime:
            return 0.0


def _root(search: MemberSearch) -> float:
    """What nothing below a skeleton is below, by its empty nest."""
    own = search.root_bound()
    return float(search.best.objective.value(own.energy, own.cycles).min()) if len(own.energy) else PROVEN


def _skeletons(of: Sequence[Open]) -> tuple[set[int], set[int]]:
    """The numbers of those of each op."""
    return {m for _, m, _ in of}, {n for _, _, n in of}


def _computes(choice: Choice, which: int) -> set[str]:
    """The computes that an op may end in."""
    op, constraints = choice.ops[which], choice.constraints[which]
    names = {way[-1].name for way in choice.arch.ways() if op.action in choice.on.prices[way[-1].name].energy_pj}
    return names & {constraints.compute} if constraints.compute else names


def _points(choice: Choice, which: int) -> int:
    return int(np.prod([float(b) for b in choice.ops[which].ranks.values()]))
