"""A group of ops as one task: each by itself, fused, and whichever is better."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from math import prod
from typing import Any

from sata.search.engine.fused import OBJECTIVES, FusedResult, FusedSearch
from sata.search.engine.solve import Answer, FusionCertificate, MappingPoint, ProgressCallback, Task, solve
from sata.search.model.answer import value_at
from sata.search.model.enumerate import as_asked
from sata.search.model.exact_fused import FusedGroup, MemberNest, group_figures, shared_nest
from sata.search.model.fusion import FusionKind, FusionProblem, agree, fusion_kinds, number_of
from sata.search.model.objective import SLACK, Objective
from sata.search.partial.incumbent import Incumbent, ScoredMapping, SearchCounters
from sata.search.space.storage_templates import Constraints, reachable
from sata.specs.model import Op
from sata.specs.text.faults import SpecError
from sata.specs.text.memory import note_end

SHARE = 1 / 3  # of a budget, that the ops have for themselves


@dataclass(frozen=True)
class GroupTask(Task):
    """What to search: ops that may be fused (`fusion.pairs_of`), the first of them in `op`. rest: what constrains the
    ops behind the first; none: nothing does."""

    ops: tuple[Op, ...] = ()
    rest: tuple[Constraints, ...] = ()

    @property
    def asked(self) -> tuple[Constraints, ...]:
        """What constrains each op."""
        return (self.constraints, *(self.rest or (Constraints(),) * (len(self.ops) - 1)))

    def parts(self) -> list[Task]:
        """Each op by itself."""
        share = None if self.budget is None else self.budget * SHARE / len(self.ops)
        return [
            Task(self.arch, op, self.on, self.objective, constraints, self.ragged, share, self.widths,
                 tuple(s for s in self.starts if s.ops == (op.name,)))
            for op, constraints in zip(self.ops, self.asked, strict=True)
        ]  # fmt: skip

    def choice(self) -> FusionProblem:
        return FusionProblem(self.ops, self.arch, self.on, self.asked)


def may_fuse(objective: str, ragged: bool) -> bool:
    """Whether fused nests are searched at all."""
    return objective in OBJECTIVES and not ragged


def solve_group(task: GroupTask, tick: ProgressCallback | None = None) -> Answer:
    """The better of fused and apart, with a bound on both. Without an answer of its ops a group may still have one.

    Of the largest op first a guess is made; what it needs by itself is searched last, as far as that may still be
    better than what was found fused.
    """
    return _Group(task, tick).run()


class _Group:
    """The search of one group. alone: an answer of each op by itself, so far."""

    def __init__(self, task: GroupTask, tick: ProgressCallback | None) -> None:
        self.task, self.tick = task, tick
        self.start, self.stopped = time.monotonic(), False  # by the user
        self.large = max(range(len(task.ops)), key=lambda n: (prod(task.ops[n].ranks.values()), -n))
        self.alone: list[Answer] = []
        self.search: FusedSearch | None = None

    def run(self) -> Answer:
        task, parts = self.task, self.task.parts()
        guess = replace(parts[self.large], widths=())
        order = sorted(range(len(parts)), key=lambda n: n == self.large)
        found = {n: solve(parts[n] if n != self.large else guess, self._told_of_op) for n in order}
        self.alone = [found[n] for n in range(len(parts))]
        self.stopped |= task.budget is None and any(a.interrupted for a in self.alone)
        deadline = None if task.budget is None else self.start + task.budget
        self.search = FusedSearch(
            task.choice(), task.objective, self._apart(), self._late, self._told, task.widths, deadline
        )
        try:
            outcome = self.search.run()
        except (KeyboardInterrupt, MemoryError) as error:
            if isinstance(error, MemoryError):
                note_end()
            self.stopped, outcome = True, FusedResult(self.search.group, 0.0, 0, self.search.counters)
        if not self._late():
            self._finish(parts[self.large], outcome)
        cut = any(a.interrupted for a in self.alone) or self._late()
        return _answer(task, tuple(self.alone), outcome, cut, time.monotonic() - self.start)

    def _finish(self, part: Task, outcome: FusedResult) -> None:
        """The largest op by itself, as far as it would be better than the guess, and than fused nests."""
        task = self.task
        if task.budget is not None:
            part = replace(part, budget=max(self.start + task.budget - time.monotonic(), 0.0))
        guess, rest = self.alone[self.large], [a for n, a in enumerate(self.alone) if n != self.large]
        guessed = value_at(task.objective, guess.points[0]) if guess.points else None
        cutoff = guessed
        if outcome.group is not None and guessed is not None and all(a.points for a in rest):
            others = sum(value_at(task.objective, a.points[0]) for a in rest)
            cutoff = min(guessed, outcome.group.value(task.objective) - others)
            if cutoff <= guess.bound:
                return  # bounds of empty nests say enough
        answer = solve(part, self._told_or_stopped, cutoff)
        counts = {k: n + guess.counts[k] for k, n in answer.counts.items()}
        if not answer.points:  # nothing is below the cutoff
            answer = replace(answer, points=guess.points, proven=answer.proven and cutoff == guessed)
        self.alone[self.large] = replace(
            answer, counts=counts, seconds=answer.seconds + guess.seconds, bound=max(answer.bound, guess.bound)
        )

    def _apart(self) -> float:
        """The best that is known unfused."""
        if not all(a.points for a in self.alone):
            return float("inf")
        return sum(value_at(self.task.objective, a.points[0]) for a in self.alone)

    def _late(self) -> bool:
        budget = self.task.budget
        return self.stopped or (budget is not None and time.monotonic() > self.start + budget)

    def _told_of_op(self, incumbent: Incumbent, counts: SearchCounters, least: float) -> None:
        """On the way to the first pair, of one op."""
        if self.tick is not None:
            try:
                self.tick(incumbent, counts, least)
            except KeyboardInterrupt:
                self.stopped = True
                raise

    def _told(self) -> None:
        if self.tick is None or self.stopped or self.search is None:
            return
        try:
            self.tick(_best_so_far(self.task, self.search, self.alone), self.search.counters, 0.0)
        except KeyboardInterrupt:
            self.stopped = True

    def _told_or_stopped(self, *_: object) -> None:
        self._told()
        if self.stopped:
            raise KeyboardInterrupt


def _best_so_far(task: GroupTask, search: FusedSearch, alone: Sequence[Answer]) -> Incumbent:
    """The whole group's, as the search of one op would have it."""
    incumbent = Incumbent(Objective(task.objective))
    points = [a.points[0] for a in alone if a.points]
    if search.problem is not None and (search.group is not None or len(points) == len(alone)):
        figures = search.group.each if search.group is not None else [(p.energy_pj, p.cycles) for p in points]
        incumbent.mappings = [ScoredMapping(sum(e for e, _ in figures), sum(c for _, c in figures), search.problem, ())]
    return incumbent


def _answer(task: GroupTask, alone: tuple[Answer, ...], outcome: FusedResult, cut: bool, seconds: float) -> Answer:
    name = "+".join(op.name for op in task.ops)
    fits = all(a.points for a in alone)
    limit = sum(value_at(task.objective, a.points[0]) for a in alone) if fits else float("inf")
    group = outcome.group if outcome.group is not None and outcome.group.value(task.objective) < limit else None
    apart = sum(a.bound for a in alone)
    value = limit if group is None else group.value(task.objective)
    bound = min(apart, outcome.bound, value)
    proven = min(outcome.bound, apart if not all(a.proven for a in alone) else value) >= value * (1.0 - SLACK)
    fusion = FusionCertificate(
        tuple(op.name for op in task.ops), "" if group is None else group.home, value, bound, proven, limit,
        outcome.bound, outcome.kinds,
    )  # fmt: skip
    if group is None:
        members = tuple(replace(a, fusion=fusion) for a in alone)
    else:
        members = tuple(_member(task, n, group, fusion, alone[n], cut) for n in range(len(task.ops)))
    counts = {
        k: sum(a.counts[k] for a in alone) + getattr(outcome.counts, k) for k in SearchCounters.__dataclass_fields__
    }
    points: tuple[MappingPoint, ...] = ()
    if all(m.points for m in members):
        each = [m.points[0] for m in members]
        points = (replace(each[0], energy_pj=sum(p.energy_pj for p in each), cycles=sum(p.cycles for p in each)),)
    return Answer(
        name, task.objective, points, proven, bound, sum(a.skeletons for a in alone), seconds, task.ragged, cut,
        counts, members, fusion,
    )  # fmt: skip


def _member(
    task: GroupTask, which: int, group: FusedGroup, fusion: FusionCertificate, alone: Answer, cut: bool
) -> Answer:
    """The part of one op of fused nests; what is proven of it is what is proven of the group."""
    nested, (energy, cycles) = group.nests[which], group.each[which]
    point = MappingPoint(
        energy, cycles, tuple(i.name for i in nested.template.items), dict(nested.template.keeps), nested.loops
    )
    own = value_at(task.objective, point)
    bound = own * (fusion.bound / fusion.value) if fusion.value else 0.0
    return Answer(
        task.ops[which].name, task.objective, (point,), fusion.proven, bound, alone.skeletons, alone.seconds,
        task.ragged, cut, alone.counts, (), fusion,
    )  # fmt: skip


# --- answers from elsewhere -------------------------------------------------------------------------------------------


def holds_fused(task: GroupTask, answer: Answer) -> bool:
    """Whether the fused members of an answer are nests of the space, with exactly their figures."""
    fusion = answer.fusion
    if fusion is None or len(answer.members) != len(task.ops) or not fusion.split:
        return False
    try:
        return _same(task, answer, fusion.split)
    except (ValueError, KeyError, IndexError, StopIteration, SpecError):  # loops or items that are none of this group
        return False


def _same(task: GroupTask, answer: Answer, home: str) -> bool:
    points = [m.points[0] for m in answer.members]
    for kind in fusion_kinds(task.choice()):
        if kind.home != home:
            continue
        placed = [_nested(kind, which, point) for which, point in enumerate(points)]
        nests = [n for n in placed if n is not None]
        asked = zip(nests, task.asked, strict=False)
        if not all(reachable(n.template, own) and as_asked(n.template, own, n.loops) for n, own in asked):
            continue
        if len(nests) == len(points) and agree([n.template for n in nests], kind.prefix) and _one_trunk(nests, home):
            each = group_figures([shared_nest(n, home) for n in nests], task.on)
            return each is not None and each == tuple((p.energy_pj, p.cycles) for p in points)
    return False


def _one_trunk(nests: Sequence[MemberNest], home: str) -> bool:
    """Whether items and loops above the split are the same."""
    found = []
    for nested in nests:
        last = number_of(nested.template, home)
        names = [i.name for i in nested.template.items[: last + 1]]
        found.append((names, [p for p in nested.loops if p.item < last]))
    return all(each == found[0] for each in found)


def _nested(kind: FusionKind, which: int, point: MappingPoint) -> MemberNest | None:
    """A point as a nest of a kind, or None if no skeleton of it keeps what the point does, or its loops may not be."""
    kept: Mapping[str, Any] = {name: keeps for name, keeps in point.keeps.items() if keeps}
    for s in kind.members[which]:
        if {name: keeps for name, keeps in s.keeps.items() if keeps} != kept:
            continue
        items = tuple(n for n in s.way if n.name in point.items)
        empty = {n: () for n in point.keeps if n not in kept}
        whole = replace(s, items=items, keeps={**s.keeps, **empty})
        if tuple(i.name for i in items) != point.items or set(empty) - set(kind.prefix):
            continue
        outer = [p for p in point.loops if p.item < number_of(whole, kind.home)]
        if all(p.rank in kind.ranks for p in outer):
            return MemberNest(whole, point.loops)
    return None
