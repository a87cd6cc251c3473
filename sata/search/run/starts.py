"""What is there before a search: the nests of a mapping that was given or is shipped, and answers to ops of the same
form. They are the first incumbents, and nothing worse is given than the best of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from sata.nest.build import build
from sata.nest.model import BoundLoop, NestLevel, OpNest
from sata.search.answers.asked import unmet
from sata.search.answers.fingerprint import ops_of
from sata.search.answers.verify import asked_of, recounted, with_figures
from sata.search.engine.cyclic import CycleTask
from sata.search.engine.group import GroupTask
from sata.search.engine.solve import Task
from sata.search.model.answer import Answer, FusionCertificate, MappingPoint, Start, value_at
from sata.search.model.objective import SLACK
from sata.search.run.setup import SearchSetup
from sata.search.space.constraints import ConstraintRule, constraints_of
from sata.search.space.nests import PlacedLoop
from sata.search.space.storage_templates import Constraints
from sata.specs.model import Arch, Array, Op
from sata.specs.text.faults import Faults, SpecError

UNUSABLE = (SpecError, StopIteration, KeyError, ValueError)  # what a nest raises that is none of these ops


def starts_of(setting: SearchSetup, rules: Sequence[ConstraintRule]) -> list[Start]:
    """The nests of the mapping that was there, of those ops that it counts and that hold what is asked of them."""
    mapping = setting.loaded.mapping
    if mapping is None:
        return []
    turning = {setting.workload.ops[n].name for cycle in setting.graph.order.cycles for n in cycle.ops}
    starts, faults = [], Faults()
    for group in build(setting.arch, setting.workload, mapping, faults).groups:
        ops = [nest.op for nest in group.nests]
        if turning & {op.name for op in ops}:
            continue  # what the ops of a cycle share is not that of a pair
        if len(ops) > 1 and len(faults):
            continue  # of a mapping that does not run the order of its groups may be at fault
        shared = [i.memory.name for i in group.nests[0].items[: group.nests[0].shared] if isinstance(i, NestLevel)]
        split = shared[-1] if len(ops) > 1 else ""
        points = [start_of_nest(nest, setting.arch, split) for nest in group.nests]
        start = start_at(setting.arch, ops, setting.machine, [constraints_of(rules, op) for op in ops], points, split,
                         mapping.where.file or "the mapping given")  # fmt: skip
        if start is not None:
            starts.append(start)
    return starts


def start_at(arch: Arch, ops: Sequence[Op], on: Any, asked: Sequence[Constraints], points: Sequence[MappingPoint],
             split: str, origin: str) -> Start | None:  # fmt: skip
    """Points as a start, with the figures that `sata run` gives them; None if they do not fit or are not as asked."""
    names = tuple(op.name for op in ops)
    if len(points) > 1 and not split:
        each = [start_at(arch, [op], on, [own], [point], "", origin)
                for op, own, point in zip(ops, asked, points, strict=True)]  # fmt: skip
        whole = tuple(s.points[0] for s in each if s is not None)
        return Start(names, whole, "", origin) if len(whole) == len(ops) else None
    try:
        counted = recounted(arch, ops, on, points, split)
    except UNUSABLE:
        return None
    if any(unmet(nest, arch, own) for nest, own in zip(counted.nests, asked, strict=True)):
        return None
    return Start(names, with_figures(points, counted), split, origin)


def start_of_nest(nest: OpNest, arch: Arch, split: str = "") -> MappingPoint:
    """A resolved nest as a point without figures: all arrays of its way; without memories that keep nothing, but those
    above a split."""
    way = next(way for way in arch.ways() if way[-1].name == nest.compute.name)
    place = {node.name: n for n, node in enumerate(way)}
    last = place.get(split, -1)
    names: list[str] = []
    loops: list[PlacedLoop] = []
    keeps: dict[str, tuple[str, ...]] = {}

    def idle_before(name: str) -> Iterator[str]:
        """Arrays between the last item and this one, on which nothing is unrolled."""
        start = place[names[-1]] + 1 if names else 0
        return (node.name for node in way[start : place[name]] if isinstance(node, Array))

    for item in nest.items:
        if isinstance(item, BoundLoop):
            steps = min(
                item.factor, -(-nest.op.ranks[item.rank] // item.stride)
            )  # what is beyond the rank is not there
            if steps > 1:
                loops.append(PlacedLoop(len(names) - 1, item.axis or "", item.rank, steps))
            continue
        name = item.memory.name if isinstance(item, NestLevel) else item.name
        if isinstance(item, NestLevel):
            if not item.keeps and place[name] > last:
                continue
            keeps[name] = item.keeps
        names += [*idle_before(name), name]
    return MappingPoint(0.0, 0.0, tuple(names), keeps, tuple(loops))


# --- answers to ops of the same form ------------------------------------------------------------------------------


def ranks_and_tensors(ops: Sequence[Op]) -> tuple[list[str], list[str]]:
    """(ranks, tensors) of ops in the order of their first mention."""
    ranks = dict.fromkeys(rank for op in ops for rank in op.ranks)
    return list(ranks), list(dict.fromkeys(t.name for op in ops for t in op.tensors))


def form_of(ops: Sequence[Op]) -> str:
    """A text that ops share which differ in names, densities and kinds only: a nest of one is a nest of the other."""
    ranks, tensors = ({name: n for n, name in enumerate(names)} for names in ranks_and_tensors(ops))
    parts = []
    for op in ops:
        dims = [
            (tensors[t.name], t.role, t.local, [([(ranks[r], c) for r, c in d.terms], d.offset) for d in t.dims])
            for t in op.tensors
        ]
        parts.append((op.action, [(ranks[r], b) for r, b in op.ranks.items()], dims,
                      sorted(ranks[r] for r in op.sequential)))  # fmt: skip
    return repr(parts)


def renamed_point(point: MappingPoint, of: Sequence[Op], to: Sequence[Op]) -> MappingPoint:
    """A point of ops as one of others of the same form."""
    (ranks, tensors), (own_ranks, own_tensors) = ranks_and_tensors(of), ranks_and_tensors(to)
    rank, tensor = dict(zip(ranks, own_ranks, strict=True)), dict(zip(tensors, own_tensors, strict=True))
    return replace(
        point, loops=tuple(replace(loop, rank=rank[loop.rank]) for loop in point.loops),
        keeps={name: tuple(tensor[t] for t in kept) for name, kept in point.keeps.items()},
    )  # fmt: skip


def start_from(task: Task, other: Task, answer: Answer) -> Start | None:
    """The answer to another task of the same form as a start of this one."""
    of, to = ops_of(other), ops_of(task)
    members = answer.members or (answer,)
    if not all(m.points for m in members):
        return None
    points = [renamed_point(min(m.points, key=lambda p: value_at(task.objective, p)), of, to) for m in members]
    split = answer.fusion.split if answer.fusion is not None else ""
    return start_at(task.arch, to, task.on, asked_of(task), points, split, f"the answer of {answer.op}")


def starts_from(task: Task, known: Sequence[tuple[Task, Answer]]) -> tuple[Start, ...]:
    """Of all answers to tasks of the same form, and to ops of the same form as those of a group."""
    if isinstance(task, CycleTask):
        return ()
    pieces = [(form_of(ops_of(t)), t, a) for other, answer in known for t, a in _pieces(other, answer)]
    starts = []
    for target in (task, *(task.parts() if isinstance(task, GroupTask) else ())):
        form = form_of(ops_of(target))
        starts += [start_from(target, other, answer) for own, other, answer in pieces if own == form]
    return tuple(start for start in starts if start is not None)


def _pieces(task: Task, answer: Answer) -> Iterator[tuple[Task, Answer]]:
    """A task, and each op of a group that stands by itself."""
    if isinstance(task, CycleTask):
        return  # its ops share loops
    yield task, answer
    if isinstance(task, GroupTask) and answer.fusion is not None and not answer.fusion.split:
        yield from zip(task.parts(), answer.members, strict=True)


# --- never worse ----------------------------------------------------------------------------------------------------


def no_worse(task: Task, answer: Answer) -> Answer:
    """The answer, or the best start where that is better; it may stand outside of what is searched, as a nest of uneven
    factors does. Of fronts nothing: their starts are in the search."""
    names = tuple(op.name for op in ops_of(task))
    starts = [s for s in task.starts if len(s.points) == len(names)]
    if not starts or task.objective == "pareto":
        return answer
    best = min(starts, key=lambda s: s.value(task.objective))
    answers_of_ops = answer.members or (answer,)
    value = (
        sum(value_at(task.objective, m.points[0]) for m in answers_of_ops)
        if all(m.points for m in answers_of_ops)
        else float("inf")
    )
    return with_start(answer, best) if best.value(task.objective) < value * (1.0 - SLACK) else answer


def with_start(answer: Answer, start: Start) -> Answer:
    """An answer whose nests are those of a start that is better. What is proven is proven of the space."""
    value = start.value(answer.objective)
    bound = min(answer.bound, value)
    proven = answer.proven or bound >= value * (1.0 - SLACK)
    if not answer.members:
        return replace(answer, points=start.points, bound=bound, proven=proven, origin=start.origin)
    fusion = answer.fusion
    assert fusion is not None
    apart = min(fusion.apart, value) if not start.split else fusion.apart
    fusion = replace(fusion, split=start.split, value=value, bound=bound, proven=proven, apart=apart)
    share = bound / value if value else 1.0
    members = tuple(
        replace(m, points=(p,), proven=proven, bound=value_at(m.objective, p) * share,
                fusion=fusion, origin=start.origin)
        for m, p in zip(answer.members, start.points, strict=True)
    )  # fmt: skip
    first = start.points[0]
    points = (replace(first, energy_pj=sum(p.energy_pj for p in start.points),
                      cycles=sum(p.cycles for p in start.points)),)  # fmt: skip
    return replace(answer, points=points, proven=proven, bound=bound, members=members, fusion=fusion,
                   origin=start.origin)  # fmt: skip


def for_unit(starts: Sequence[Start], ops: Sequence[Op]) -> tuple[Start, ...]:
    """The starts of just these ops: of their group, of each by itself, and those put together."""
    names = tuple(op.name for op in ops)
    starts_of_unit = [s for s in starts if s.ops == names or (len(s.ops) == 1 and s.ops[0] in names)]
    single = {s.ops[0]: s for s in starts_of_unit if len(s.ops) == 1}
    if len(names) > 1 and all(name in single for name in names):
        each = [single[name] for name in names]
        starts_of_unit.append(Start(names, tuple(s.points[0] for s in each), "", each[0].origin))
    return tuple(starts_of_unit)


def settled(answers: Mapping[str, Answer], starts: Sequence[Start]) -> dict[str, Answer]:
    """Answers by op, and where starts fuse other ops than the search did, whichever is better of the ops that both
    make one by one."""
    settled_answers = dict(answers)
    units = {(a.fusion.ops if a.fusion is not None else (op,)) for op, a in answers.items()}
    for cluster in _clusters([*units, *(s.ops for s in starts if set(s.ops) <= set(answers))]):
        own = [s for s in starts if set(s.ops) <= cluster]
        if {op for s in own for op in s.ops} != cluster or answers[min(cluster)].objective == "pareto":
            continue
        objective = answers[min(cluster)].objective
        have = sum(value_at(objective, p) for op in cluster for p in answers[op].points)
        if sum(s.value(objective) for s in own) < have * (1.0 - SLACK):
            for start in own:
                settled_answers |= _replaced(answers, start)
    return settled_answers


def _clusters(groups: Sequence[tuple[str, ...]]) -> list[set[str]]:
    """The smallest sets of ops that hold each group whole."""
    clusters: list[set[str]] = []
    for group in groups:
        touched = [c for c in clusters if c & set(group)]
        clusters = [c for c in clusters if c not in touched] + [set(group).union(*touched)]
    return clusters


def _replaced(answers: Mapping[str, Answer], start: Start) -> dict[str, Answer]:
    """The answers of a start's ops, with its nests."""
    bound = sum(answers[op].bound for op in start.ops)
    value = start.value(answers[start.ops[0]].objective)
    proven = bound >= value * (1.0 - SLACK)
    fusion = None
    if start.split:
        one = next((f for op in start.ops if (f := answers[op].fusion) is not None), None)
        kinds = one.kinds if one is not None else 0
        fusion = FusionCertificate(start.ops, start.split, value, min(bound, value), proven, value, value, kinds)
    share = min(bound, value) / value if value else 1.0
    return {
        op: replace(answers[op], points=(point,), proven=proven, fusion=fusion, origin=start.origin,
                    bound=value_at(answers[op].objective, point) * share)
        for op, point in zip(start.ops, start.points, strict=True)
    }  # fmt: skip
