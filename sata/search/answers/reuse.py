"""A mapping from elsewhere (the cache, a shard, another machine), scored again by the functions of `sata run`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sata.search.engine.cyclic import CycleTask, holds_cycle
from sata.search.engine.group import GroupTask, holds_fused
from sata.search.engine.solve import Answer, MappingPoint, Task
from sata.search.model.answer import value_at
from sata.search.model.exact import figures
from sata.search.space.nests import loops_in_order, nest_of, shape_of
from sata.search.space.storage_templates import StorageTemplate, storage_templates
from sata.specs.model import Array, Compute, Memory
from sata.specs.text.faults import SpecError

Choice = tuple[tuple[str, ...], frozenset[tuple[str, tuple[str, ...]]]]


def still_holds(task: Task, answer: Answer) -> bool:
    """Whether an answer is one of this task: of its objective and factors, every point in its space, of exactly its
    figures, and what it says of itself at odds with nothing.

    That nothing is better is the one thing that cannot be seen without a search.
    """
    if isinstance(task, GroupTask):
        return _holds_group(task, answer)
    if answer.objective != task.objective or answer.ragged != task.ragged or not answer.points:
        return False
    if answer.objective != "pareto" and len(answer.points) != 1:
        return False
    if answer.gap < 0 or not all(answer.bound <= value_at(answer.objective, p) * (1 + 1e-9) for p in answer.points):
        return False
    known = {
        _frozen(s.items, s.keeps): s for s in storage_templates(task.arch, task.op, task.on.prices, task.constraints)
    }
    return all(_same(task, known.get(_frozen_names(point)), point) for point in answer.points)


def _holds_group(task: GroupTask, answer: Answer) -> bool:
    """The same of a pair: fused, or each op by itself."""
    if len(answer.members) != len(task.ops) or answer.fusion is None or len(answer.points) != 1:
        return False
    if answer.objective != task.objective or answer.ragged != task.ragged or answer.gap < 0:
        return False
    if not all(len(m.points) == 1 and m.fusion == answer.fusion for m in answer.members):
        return False
    each = [m.points[0] for m in answer.members]
    total = (sum(p.energy_pj for p in each), sum(p.cycles for p in each))
    if total != (answer.points[0].energy_pj, answer.points[0].cycles):
        return False
    if isinstance(task, CycleTask):
        return holds_cycle(task, answer)
    if answer.fusion.split:
        return holds_fused(task, answer)
    return all(still_holds(part, member) for part, member in zip(task.parts(), answer.members, strict=True))


def _frozen(items: Sequence[Memory | Array | Compute], keeps: Mapping[str, tuple[str, ...]]) -> Choice:
    return tuple(i.name for i in items), frozenset((name, kept) for name, kept in keeps.items())


def _frozen_names(point: MappingPoint) -> Choice:
    return point.items, frozenset((name, kept) for name, kept in point.keeps.items())


def _same(task: Task, template: StorageTemplate | None, point: MappingPoint) -> bool:
    """Does a point have its figures, and fit?"""
    if template is None:
        return False
    try:
        if tuple(loops_in_order(template, point.loops)) != point.loops:
            return False  # it would be put right before it is scored, and printed wrong
        nest = nest_of(template, point.loops)
        energy, cycles, fits = figures(nest, *shape_of(nest), task.on)
    except (ValueError, KeyError, IndexError, SpecError):  # loops that are none of this nest
        return False
    return fits and energy == point.energy_pj and cycles == point.cycles
