"""Ops that are a cycle over a sequential rank (a recurrent layer): one loop over the rank above a split, one task.

Searched are the nests in which the whole loop over the rank stands right below the outermost memory, and all that the
ops have in common is these two: what passes between them lives in that memory. Below, each op is searched by itself
with its loop over the rank outermost. Nests that share further loops or keep what passes further in are legal, too, but
not searched.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from sata.nest.model import BoundLoop, NestLevel, OpNest
from sata.search.engine.group import GroupTask
from sata.search.engine.solve import Answer, FusionCertificate, MappingPoint, ProgressCallback, Task, solve
from sata.search.model.enumerate import as_asked
from sata.search.model.exact_fused import group_figures
from sata.search.model.objective import SLACK, Objective
from sata.search.partial.incumbent import Incumbent, SearchCounters
from sata.search.space.nests import loops_in_order, nest_of
from sata.search.space.storage_templates import Constraints, StorageTemplate, storage_templates
from sata.specs.model import Arch, Memory
from sata.specs.text.faults import Fault, SpecError


@dataclass(frozen=True)
class CycleTask(GroupTask):
    """What to search: the ops of a cycle in the order of a step. rank: what they are a cycle over; text: one way
    round."""

    rank: str = ""
    text: str = ""

    @property
    def home(self) -> str:
        """The outermost memory, below which the loop over the rank stands."""
        return outermost(self.arch)

    def parts(self) -> list[Task]:
        """Each op by itself, the loop over the rank outermost."""
        share = None if self.budget is None else self.budget / len(self.ops)
        return [
            Task(self.arch, op, self.on, self.objective, self.round_asked(own), False, share, self.widths)
            for op, own in zip(self.ops, self.asked, strict=True)
        ]

    def round_asked(self, own: Constraints) -> Constraints:
        """What is asked of an op, and that the whole loop over the rank is the first below the outermost memory."""
        bound = self.op.ranks[self.rank]
        factors = {**own.factors, self.home: {**own.factors.get(self.home, {}), self.rank: (bound, bound)}}
        return replace(own, factors=factors, first={self.home: (self.rank,)})


def outermost(arch: Arch) -> str:
    """The name of the memory that all ways down have first."""
    first = {next(n.name for n in way if isinstance(n, Memory)) for way in arch.ways()}
    return first.pop() if len(first) == 1 else ""


def solve_cycle(task: CycleTask, tick: ProgressCallback | None = None) -> Answer:
    """The ops below one loop over the rank. No points: some op has no nest there, or all together do not fit."""
    start, stopped = time.monotonic(), False

    def told(incumbent: Incumbent, counts: SearchCounters, least: float) -> None:
        nonlocal stopped
        try:
            if tick is not None:
                tick(incumbent, counts, least)
        except KeyboardInterrupt:
            stopped = True
            raise

    alone = [solve(replace(part, widths=()) if stopped else part, told) for part in task.parts()]
    points = [_least(task.objective, a.points) for a in alone if a.points]
    each = _together(task, points) if len(points) == len(alone) else None
    return _answer(task, alone, points, each, stopped, time.monotonic() - start)


def _least(objective: str, points: Sequence[MappingPoint]) -> MappingPoint:
    return min(points, key=lambda p: p.energy_pj * p.cycles) if objective == "pareto" else points[0]


def _together(task: CycleTask, points: Sequence[MappingPoint]) -> tuple[tuple[float, float], ...] | None:
    """(energy, cycles) of each op below the loop that they share; None if they do not fit."""
    nests = [_nest(task, part, point) for part, point in zip(task.parts(), points, strict=True)]
    return group_figures([n for n in nests if n is not None], task.on) if all(nests) else None


def _nest(task: CycleTask, part: Task, point: MappingPoint) -> OpNest | None:
    """The nest of a point, shared down to the loop over the rank; None if it is not one of the space."""
    template = _template(part, point)
    if template is None or not as_asked(template, part.constraints, point.loops):
        return None
    if tuple(loops_in_order(template, point.loops)) != point.loops:
        return None  # it would be put right before it is scored, and printed wrong
    nest = nest_of(template, point.loops)
    first, *rest = nest.items
    if not isinstance(first, NestLevel) or first.memory.name != task.home:
        return None
    turns = rest[0] if rest and isinstance(rest[0], BoundLoop) and rest[0].rank == task.rank else None
    return replace(nest, shared=1 if turns is None else 2)


def _template(part: Task, point: MappingPoint) -> StorageTemplate | None:
    for s in storage_templates(part.arch, part.op, part.on.prices, part.constraints):
        if tuple(i.name for i in s.items) == point.items and dict(s.keeps) == dict(point.keeps):
            return s
    return None


def _answer(task: CycleTask, alone: Sequence[Answer], points: Sequence[MappingPoint],
            each: tuple[tuple[float, float], ...] | None, cut: bool, seconds: float) -> Answer:  # fmt: skip
    names = tuple(op.name for op in task.ops)
    counts = {k: sum(a.counts.get(k, 0) for a in alone) for k in SearchCounters.__dataclass_fields__}
    skeletons_seen = sum(a.skeletons for a in alone)
    cut |= any(a.interrupted for a in alone)
    if each is None:
        return Answer("+".join(names), task.objective, (), False, 0.0, skeletons_seen, seconds, False, cut, counts)
    energy, cycles = sum(e for e, _ in each), sum(c for _, c in each)
    value = Objective(task.objective).of(energy, cycles)
    bound = min(_bound(task, alone), value)
    turns = ((task.rank, task.op.ranks[task.rank]),)
    proven = bound >= value * (1.0 - SLACK) and task.objective != "pareto"
    fusion = FusionCertificate(names, task.home, value, bound, proven, float("inf"), bound, 1, turns)
    members = tuple(
        replace(a, op=name, points=(replace(p, energy_pj=e, cycles=c),), proven=proven, fusion=fusion, interrupted=cut,
                bound=Objective(task.objective).of(e, c) * (bound / value if value else 0.0))
        for a, name, p, (e, c) in zip(alone, names, points, each, strict=True)
    )  # fmt: skip
    total = replace(members[0].points[0], energy_pj=energy, cycles=cycles)
    return Answer("+".join(names), task.objective, (total,), proven, bound, skeletons_seen, seconds, False, cut, counts,
                  members, fusion)  # fmt: skip


def _bound(task: CycleTask, alone: Sequence[Answer]) -> float:
    """What no nests of the space are below. Energies without leakage add up; what else there is of the ops together is
    no less than that of the one that has most of it: the group takes at least as long as any of its ops."""
    leaks = task.on.clock_hz is not None and bool(task.on.leaks)
    bounds = [a.bound for a in alone]
    return sum(bounds) if task.objective == "energy" and not leaks else max(bounds)


def holds_cycle(task: CycleTask, answer: Answer) -> bool:
    """Whether the members of an answer are nests of the space, with exactly their figures."""
    if answer.fusion is None or answer.fusion.split != task.home:
        return False
    if answer.fusion.loops != ((task.rank, task.op.ranks[task.rank]),):
        return False
    points = [m.points[0] for m in answer.members]
    try:
        each = _together(task, points)
    except (ValueError, KeyError, IndexError, SpecError):  # loops or items that are none of these ops
        return False
    return each is not None and each == tuple((p.energy_pj, p.cycles) for p in points)


def why_no_cycle(task: CycleTask, why: Any) -> Fault:
    """Why a cycle has no mapping. why: of a task of one op."""
    names = " and ".join(f"'{op.name}'" for op in task.ops)
    intro = f"{task.text} is a cycle over {task.rank}, so {names} share one loop over it below {task.home}"
    bare = next((part for part in task.parts() if not solve(replace(part, budget=0.0)).points), None)
    if bare is None:
        return Fault(
            task.op.where, f"{intro}; their tiles do not fit there together", f"give {task.home} a larger size"
        )
    fault: Fault = why(bare)
    return Fault(fault.where, f"{intro}; {fault.message}", fault.hint)
