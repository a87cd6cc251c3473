"""Two ops fused: where they part, what is above, and what each does below, with a proven bound.

Each op by itself, free to have what passes in its inner home and to choose any loops above it that could be shared,
costs no more than in any pair (`fused_score.alone`): the sum of both is a bound. Then one of them gives the loops above
the split, and the other is searched below them, in what is left of the shared memories. If the pair found costs what
the bound says, it is the best of its kind.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np

from sata.search.found import Best, Found, Tally
from sata.search.frame import Frame
from sata.search.fused_member import Context, MemberSearch, best_of, lessened, member_frame, trunk_of
from sata.search.fused_score import Nested, Pair, alone, held, ordered, paired
from sata.search.fused_space import Choice, Kind, agree, joint, kinds_of
from sata.search.objective import SLACK, Objective
from sata.search.solve import PROVEN, WIDTHS
from sata.search.space import Skeleton

OBJECTIVES = ("energy", "cycles")  # those for which the bound of a group is the sum of its ops' bounds
FOLLOWING = (30, 300, 3000)  # widths of passes below given loops: what they miss is found in no proof
LARGE = 1 << 16  # operations: of an op with more, wide passes take seconds, and there are hundreds
WIDE = 300  # the widest pass of a large op by itself, which is searched in every way to fuse it
SHARES = (1.0, 0.5, 0.25)  # of the shared memories, that the first op may fill when the second has too little


@dataclass
class Outcome:
    """What a search for fused nests came to. pair: better than `limit`, or None. bound: no fused nests are below it
    (inf: nothing fits at all). kinds: in how many ways the ops can be fused."""

    pair: Pair | None
    bound: float
    kinds: int
    counts: Tally = field(default_factory=Tally)


class FusedSearch:
    """All kinds of one pair, the most promising first. limit: what is to be beaten. late: whether to stop."""

    def __init__(self, choice: Choice, objective: str, limit: float, late: Callable[[], bool],
                 tick: Callable[[], None] | None = None, widths: tuple[int, ...] = WIDTHS) -> None:  # fmt: skip
        self.choice, self.objective = choice, Objective(objective)
        self.late, self.tick = late, tick
        large = max(_points(choice, n) for n in (0, 1)) > LARGE
        self.widths = tuple(w for w in widths if w <= WIDE or not large) or widths[:1]
        self.value = limit
        self.tally = Tally()
        self.pair: Pair | None = None
        self.frame: Frame | None = None  # of the last search
        maker, taker = (_computes(choice, n) for n in (0, 1))
        same = maker == taker and len(maker) == 1
        larger = 0 if _points(choice, 0) >= _points(choice, 1) else 1
        self.contexts = tuple(
            Context(choice.on, choice.constraints[n], same or n == larger) for n in (0, 1)
        )  # cycles of one compute add up; of two, one may hide the other

    def run(self) -> Outcome:
        kinds = kinds_of(self.choice)
        roots = [(self._root(kind), n) for n, kind in enumerate(kinds)]
        for least, number in sorted(roots):
            if self._hope(least) and not self.late():
                self._guess(kinds[number])
        bound = PROVEN
        for least, number in sorted(roots):
            if not self._hope(least):
                bound = min(bound, least)
                continue
            bound = min(bound, least if self.late() else max(least, self._kind(kinds[number])))
        return Outcome(self.pair, bound, len(kinds), self.tally)

    def _hope(self, bound: float) -> bool:
        return bound < self.value * (1.0 - SLACK)

    # --- bounds -----------------------------------------------------------------------------------------------------

    def _root(self, kind: Kind) -> float:
        """A quick bound of a kind: that of empty nests."""
        return self._root_of(kind, 0) + self._root_of(kind, 1)

    def _root_of(self, kind: Kind, which: int) -> float:
        found = PROVEN
        for search in self._searches(kind, which, Best(self.objective)):
            least = search.root_bound()
            if len(least.energy):
                found = min(found, float(self.objective.value(least.energy, least.cycles).min()))
        return found

    def _kind(self, kind: Kind) -> float:
        """Search one kind. Returns: a bound of its pairs."""
        small, large = sorted((0, 1), key=lambda n: _points(self.choice, n))
        first, least_small = self._alone(kind, small, self.value - self._root_of(kind, large))
        if first is None or not self._hope(least_small + self._root_of(kind, large)):
            return least_small + self._root_of(kind, large)
        second, least_large = self._alone(kind, large, self.value - least_small)
        if second is None or not self._hope(least_small + least_large):
            return least_small + least_large
        for leader, nested in ((large, second), (small, first)):
            for share in SHARES:
                if not self._hope(least_small + least_large) or self.late():
                    break
                led = nested if share == 1.0 else self._lesser(kind, leader, nested, share)
                if led is not None:
                    self._follow(kind, leader, led)
        return least_small + least_large

    def _alone(self, kind: Kind, which: int, limit: float) -> tuple[Nested | None, float]:
        """(the best nest of one op by itself, a bound of all of them); None where nothing is below the limit."""
        best = Best(self.objective)
        searches = list(self._searches(kind, which, best))
        if not searches:
            return None, PROVEN
        found, left = self._best_of(searches, best, self.widths, limit)
        return (None, min(left, limit)) if found is None else (
            _nested(found), min(left, self._value(found.energy_pj, found.cycles)))  # fmt: skip

    def _searches(self, kind: Kind, which: int, best: Best) -> Iterator[MemberSearch]:
        """Those of one op by itself, below each of its skeletons."""
        context = self.contexts[which]
        for skeleton in (kind.makers, kind.takers)[which]:
            frame = member_frame(skeleton, kind, context, None)
            if frame is not None:
                self.frame = frame
                yield MemberSearch(frame, best, self.tally, kind, context, tick=self.tick)

    def _guess(self, kind: Kind) -> None:
        """Something good soon: narrow passes below every skeleton of the larger op, the other below what they give."""
        large = max((0, 1), key=lambda n: _points(self.choice, n))
        best = Best(self.objective)
        for search in self._searches(kind, large, best):
            if self.late():
                break
            search.run(FOLLOWING[0])
        if best.found:
            self._follow(kind, large, _nested(best.found[0]), _never)

    # --- pairs ------------------------------------------------------------------------------------------------------

    def _lesser(self, kind: Kind, which: int, nested: Nested, share: float) -> Nested | None:
        """The best nest of one op that fills only a share of each shared memory."""
        best, context = Best(self.objective), self.contexts[which]
        searches = []
        for skeleton in (kind.makers, kind.takers)[which]:
            sizes = {m.name: (m.size_bits or 0) // m.buffers * (1 - share) for m in skeleton.memories}
            own = lessened(skeleton, {name: bits for name, bits in sizes.items() if name in kind.prefix})
            frame = member_frame(own, kind, context, None)
            if frame is not None:
                searches.append(MemberSearch(frame, best, self.tally, kind, context, tick=self.tick))
        limit = self.value - self._root_of(kind, 1 - which)
        lesser, _ = self._best_of(searches, best, self._narrow(which), limit)
        if lesser is None:
            return None
        own = lesser.frame.skeleton
        whole = next(s for s in (kind.makers, kind.takers)[which] if s.keeps == own.keeps and s.way == own.way)
        found = Nested(whole, lesser.loops)
        return None if found == nested else found

    def _narrow(self, which: int) -> tuple[int, ...]:
        return FOLLOWING if _points(self.choice, which) <= LARGE else FOLLOWING[:1]

    def _follow(self, kind: Kind, leader: int, led: Nested, late: Callable[[], bool] | None = None) -> None:
        """The best that the other op can do below given loops. late: instead of that of the search."""
        follower = 1 - leader
        trunk = trunk_of(led, kind.home)
        taken = held(led, self.choice.ops[follower], kind.prefix, self.choice.on)
        context = self.contexts[follower]
        best, searches = Best(self.objective), []
        whole: dict[int, Skeleton] = {}
        for skeleton in (kind.makers, kind.takers)[follower]:
            if not agree(skeleton, led.skeleton, kind.prefix):
                continue
            own = joint(skeleton, led.skeleton, kind.prefix)
            frame = member_frame(lessened(own, taken), kind, context, trunk)
            if frame is not None:
                whole[id(frame.skeleton)] = own
                searches.append(MemberSearch(frame, best, self.tally, kind, context, trunk, self.tick))
        figures = alone(led, self.choice.on, self.contexts[leader].computes)
        limit = self.value - (self._value(*figures) if figures else 0.0)
        found, _ = self._best_of(searches, best, self._narrow(follower)[: 1 if late else None], limit, late)
        if found is not None:
            self._offer(kind, leader, led, Nested(whole[id(found.frame.skeleton)], found.loops))

    def _best_of(self, searches: Sequence[MemberSearch], best: Best, widths: Sequence[int], limit: float,
                 late: Callable[[], bool] | None = None) -> tuple[Found | None, float]:  # fmt: skip
        """(what is found below a limit, the least value that may have been missed). late: as `_follow` has it."""
        known = Found(limit, limit, searches[0].frame, ()) if searches and np.isfinite(limit) else None
        if known is not None:
            best.found = [known]
        left = best_of(searches, best, widths, late or self.late)
        return (best.found[0] if best.found and best.found[0] is not known else None), left

    def _value(self, energy_pj: float, cycles: float) -> float:
        return energy_pj if self.objective.name == "energy" else cycles

    def _offer(self, kind: Kind, leader: int, led: Nested, follower: Nested) -> None:
        found = paired(led, follower, kind.prefix, self.choice.on)
        if found is None or not self._hope(found.value(self.objective.name)):
            return
        self.value = found.value(self.objective.name)
        nests = tuple(ordered(n) for n in found.nests)
        both = (nests[0], nests[1]) if leader == 0 else (nests[1], nests[0])
        each = found.each if leader == 0 else found.each[::-1]
        self.pair = Pair(both, found.home, each)


def _nested(found: Found) -> Nested:
    return Nested(found.frame.skeleton, found.loops)


def _never() -> bool:
    return False


def _computes(choice: Choice, which: int) -> set[str]:
    """The computes that an op may end in."""
    op, constraints = choice.ops[which], choice.constraints[which]
    names = {way[-1].name for way in choice.arch.ways() if op.action in choice.on.prices[way[-1].name].energy_pj}
    return names & {constraints.compute} if constraints.compute else names


def _points(choice: Choice, which: int) -> int:
    return int(np.prod([float(b) for b in choice.ops[which].ranks.values()]))
