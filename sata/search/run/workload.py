"""Mapping a whole workload: each different op once, the answers spread over those like it, and why nothing fits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from fnmatch import fnmatchcase
from typing import Any

from sata.counts.op.capacity import occupancies
from sata.graph import Cycle
from sata.search.answers.fingerprint import ops_of
from sata.search.engine.cyclic import CycleTask, outermost, why_no_cycle
from sata.search.engine.group import GroupTask, may_fuse
from sata.search.engine.propose import strategy_named
from sata.search.engine.solve import Answer, Start, Task, solve
from sata.search.model.exact import single_counts
from sata.search.model.fusion import fusible_groups
from sata.search.run.check_whole import check_whole
from sata.search.run.lawful import by_law
from sata.search.run.partition import best_partition
from sata.search.run.reachable_lanes import too_few_lanes
from sata.search.run.scheduler import Resources, solve_all
from sata.search.run.setup import SearchSetup
from sata.search.run.starts import for_unit, settled, starts_of
from sata.search.space.constraints import ConstraintRule, constraints_of
from sata.search.space.nests import PlacedLoop, nest_of, shape_of
from sata.search.space.storage_templates import Constraints, allowed, paths_of, storage_templates
from sata.specs.model import Arch, Branch, Memory, Node, Op
from sata.specs.text.faults import Fault, SpecError, Where, did_you_mean


def selected(setting: SearchSetup, pattern: str | None) -> list[Op]:
    """The ops whose names match a shell pattern; all without one. Raises: SpecError if there is none."""
    ops = [op for op in setting.workload.ops if pattern is None or fnmatchcase(op.name, pattern)]
    if not ops:
        names = [op.name for op in setting.workload.ops]
        message = f"--ops '{pattern}' matches no op of workload '{setting.workload.name}'"
        raise SpecError([Fault(setting.workload.where, message, did_you_mean(str(pattern), names))])
    return ops


Unit = tuple[Op, ...]  # one op, or several that may be fused


def search_units(setting: SearchSetup, ops: Sequence[Op], *, fuse: int) -> list[Unit]:
    """The ops, and the groups of up to `fuse` of them that may be fused (`fusion.groups_of`), in the order of the first
    of each. An op of several groups is a unit by itself, too (`partition`). Ops of a cycle come together, whether all
    of them are asked for or not."""
    chosen = {op.name for op in ops}
    groups = [g for g in (fusible_groups(setting.graph, fuse) if fuse > 1 else ()) if {op.name for op in g} <= chosen]
    cycles = [tuple(setting.workload.ops[n] for n in cycle.ops) for cycle in setting.graph.order.cycles]
    units_of: dict[str, list[Unit]] = {}
    for unit in (*groups, *cycles):
        for op in unit:
            units_of.setdefault(op.name, []).append(unit)
    alone = {name for name, units in units_of.items() if len(units) > 1}
    alone = {op.name for name in alone for unit in units_of[name] for op in unit}
    units: dict[tuple[str, ...], Unit] = {}
    for op in ops:
        own = units_of.get(op.name, [])
        for unit in ([(op,)] if op.name in alone or not own else []) + own:
            units.setdefault(tuple(each.name for each in unit), unit)
    return list(units.values())


def tasks_of(setting: SearchSetup, ops: Sequence[Op | Unit], objective: str, rules: Sequence[ConstraintRule], *,
             ragged: bool, starts: Sequence[Start] = (),
             strategy: str = "exact") -> tuple[list[Task], list[int]]:  # fmt: skip
    """(a task for every different op or pair, for each of them the number of its task). starts: what is there.
    strategy: of single ops; groups and cycles are searched exactly."""
    tasks: list[Task] = []
    known: dict[Any, int] = {}
    number = []
    for unit in ops:
        members = unit if isinstance(unit, tuple) else (unit,)
        asked = [constraints_of(rules, op) for op in members]
        loops = [constraints for constraints in asked if constraints.factors or constraints.order]
        cycle = cycle_of(setting, members)
        if ragged and loops and cycle is None:
            where = next(rule.where for rule in rules if rule.constraints is loops[0])
            hint = "leave out --imperfect, or these keys"
            raise SpecError([Fault(where, "'factors' and 'order' are for exact factors, not with --imperfect", hint)])
        key = tuple(same(op, constraints) for op, constraints in zip(members, asked, strict=True))
        if key not in known:
            known[key] = len(tasks)
            task = _task(setting, members, asked, objective, ragged, cycle)
            how = strategy if len(members) == 1 and cycle is None else "exact"
            tasks.append(replace(task, starts=for_unit(starts, members), strategy=how))
        number.append(known[key])
    return tasks, number


def cycle_of(setting: SearchSetup, ops: Unit) -> Cycle | None:
    """The cycle that ops are; None: they are none. Raises: SpecError if no nest can hold it."""
    names = {op.name for op in ops}
    for cycle in setting.graph.order.cycles:
        if {setting.workload.ops[n].name for n in cycle.ops} & names:
            what = f"{cycle.text} is a cycle over {cycle.rank}: these ops have to share a nest, "
            if len({op.layer for op in ops}) > 1:
                hint = "give them one `layer`"
                raise SpecError([Fault(ops[0].where, f"{what}but they are of different layers", hint)])
            if not outermost(setting.arch):
                message = f"{what}but the ways of '{setting.arch.name}' have no outermost memory in common"
                raise SpecError([Fault(ops[0].where, message)])
            return cycle
    return None


def _task(setting: SearchSetup, ops: Unit, asked: Sequence[Constraints], objective: str, ragged: bool,
          cycle: Cycle | None) -> Task:  # fmt: skip
    if cycle is not None:
        return CycleTask(setting.arch, ops[0], setting.machine, objective, asked[0], False, ops=ops,
                         rest=tuple(asked[1:]), rank=cycle.rank, text=cycle.text)  # fmt: skip
    if len(ops) == 1:
        return Task(setting.arch, ops[0], setting.machine, objective, asked[0], ragged)
    return GroupTask(setting.arch, ops[0], setting.machine, objective, asked[0], ragged, ops=ops, rest=tuple(asked[1:]))


def same(op: Op, constraints: Any = None) -> str:
    """A text that two ops share when the same nests serve both at the same cost."""
    tensors = [(t.name, t.kind, t.dims, t.role, t.initialised, t.local, t.density) for t in op.tensors]
    return repr((op.action, tuple(op.ranks.items()), tensors, sorted(op.sequential.items()), constraints))


def map_workload(
    setting: SearchSetup,
    objective: str = "energy",
    *,
    ops: str | None = None,
    rules: Sequence[ConstraintRule] = (),
    ragged: bool = False,
    budget: float | None = None,
    workers: int | None = None,
    how: Resources | None = None,
    fuse: int = 2,
    strategy: str = "exact",
) -> dict[str, Answer]:
    """The answer of every op, by name. budget: seconds for all. how: by what means; without it `workers` processes.
    fuse: how many ops may be fused at most (energy and cycles, exact factors); 1: every op by itself.
    strategy: a row of `sata.search.engine.propose.STRATEGIES`; all but `exact` map every op by itself.

    Raises: SpecError for each op that no mapping of the space fits, and why.
    """
    fuse = fuse if strategy_named(strategy, ragged).groups else 1
    chosen = search_units(setting, selected(setting, ops), fuse=fuse if may_fuse(objective, ragged) else 1)
    starts = [s for s in starts_of(setting, rules) if fuse > 1 or not s.split]
    tasks, number = tasks_of(setting, chosen, objective, rules, ragged=ragged, starts=starts, strategy=strategy)
    answers = solve_all(tasks, how or Resources(workers), budget=budget)
    found = by_law(setting, settled(answers_by_op(chosen, number, tasks, answers), starts))
    check_whole(setting, found, ops)
    return found


def answers_by_op(
    ops: Sequence[Op | Unit], number: Sequence[int], tasks: Sequence[Task], answers: Sequence[Answer]
) -> dict[str, Answer]:
    """The answers of tasks as answers of ops. Raises: SpecError for each task without a mapping."""
    check_found(tasks, answers)
    names = [tuple(op.name for op in (unit if isinstance(unit, tuple) else (unit,))) for unit in ops]
    return renamed(names, [answers[n] for n in number])


def renamed(names: Sequence[Sequence[str]], answers: Sequence[Answer]) -> dict[str, Answer]:
    """The answers of units by op: a group's are those of its members, told whom they are fused with; where an op is in
    several, those of the best partition."""
    found: dict[str, Answer] = {}
    for unit, answer in best_partition([tuple(unit) for unit in names], answers):
        fusion = None if answer.fusion is None else replace(answer.fusion, ops=tuple(unit))
        for name, own in zip(unit, answer.members or (answer,), strict=True):
            cached, origin = answer.cached or own.cached, own.origin or answer.origin
            found[name] = replace(own, op=name, fusion=fusion, cached=cached, origin=origin)
    return found


def part_by_law(setting: SearchSetup, task: Task, answer: Answer) -> Answer:
    """The answer of a task scored by the buffers of the architecture (`lawful`), to be kept as part of a search."""
    names = tuple(op.name for op in ops_of(task))
    found = by_law(setting, renamed([names], [answer]))
    own = [found[name] for name in names]
    if not answer.members:
        return replace(own[0], op=answer.op)
    members = tuple(replace(a, op=m.op, fusion=m.fusion) for a, m in zip(own, answer.members, strict=True))
    points = [a.points[0] for a in own]
    whole = replace(points[0], energy_pj=sum(p.energy_pj for p in points), cycles=sum(p.cycles for p in points))
    told = own[0].fusion
    fusion = None if told is None or answer.fusion is None else replace(told, ops=answer.fusion.ops)
    proven = answer.proven and (fusion is None or fusion.proven)
    return replace(answer, points=(whole,), members=members, fusion=fusion, proven=proven)


def check_found(tasks: Sequence[Task], answers: Sequence[Answer]) -> None:
    """Raises: SpecError with the reason for each task that no mapping of its space fits."""
    both = list(zip(tasks, answers, strict=True))
    mapped = {op.name for task, answer in both if answer.points for op in ops_of(task)}
    faults = [why_not(t) for t, answer in both if not answer.points and not {op.name for op in ops_of(t)} <= mapped]
    if faults:
        raise SpecError(faults)


def why_not(task: Task) -> Fault:
    """Why an op has no mapping: no way down, nothing that keeps a tensor, or a memory too small (the first that helps
    when it is larger)."""
    if isinstance(task, CycleTask):
        return why_no_cycle(task, why_not)
    if isinstance(task, GroupTask):
        parts = task.parts()
        return why_not(next((part for part in parts if not solve(replace(part, budget=0.0)).points), parts[0]))
    op, arch = task.op, task.arch
    where = op.where
    if not paths_of(arch, op, task.on.prices, task.constraints):
        computes = ", ".join(w[-1].name for w in arch.ways())
        return Fault(
            where, f"no mapping of '{op.name}': no compute has the action '{op.action}'", f"computes: {computes}"
        )
    if not any(True for _ in storage_templates(arch, op, task.on.prices, task.constraints)):
        homeless = [t for t in op.tensors if not t.local and not _kept_somewhere(task, t.name)]
        names = ", ".join(f"{t.kind} '{t.name}'" for t in homeless) or "a tensor"
        hint = f"let the outermost memory keep {names}"
        return Fault(where, f"no mapping of '{op.name}': {names} has no home in the outermost memory", hint)
    idle = too_few_lanes(task)
    if idle is not None:
        return idle
    if task.constraints.utilization and solve(replace(task, constraints=replace(task.constraints, utilization=0.0),
                                                      objective="energy", budget=0.0)).points:  # fmt: skip
        message = f"no mapping of '{op.name}' uses as many lanes as 'utilization' of its constraints asks, and fits"
        return Fault(where, message, "without it there is one; ask for less")
    if task.constraints.factors or task.constraints.order:
        bare = replace(task.constraints, factors={}, order={})
        if solve(replace(task, constraints=bare, objective="energy", budget=0.0)).points:
            message = f"no mapping of '{op.name}': 'factors' and 'order' of its constraints leave no nest that fits"
            return Fault(where, message, "without them there is one; take away or widen one of them")
    uncounted = _uncounted(task)
    if uncounted is not None:
        return uncounted
    ways = paths_of(arch, op, task.on.prices, task.constraints)
    for memory in {n.name: n for w in ways for n in w if isinstance(n, Memory)}.values():
        must = [t for t in op.tensors if not t.local and allowed(t, memory, task.constraints)[0]]
        must = [t for t in must if memory.format_of(t) is None]  # what a format stores may be next to nothing
        need = sum(task.on.bits[t.kind] for t in must)
        limit = None if memory.size_bits is None else memory.size_bits // memory.buffers
        if limit is not None and need > limit:
            return _too_small(op, memory, limit, need, f"one element of each of {', '.join(t.name for t in must)}", "")
    helps = []
    for name in dict.fromkeys(
        n.name for w in arch.ways() for n in w if isinstance(n, Memory) and n.size_bits is not None
    ):
        answer = solve(replace(task, arch=_unlimited(arch, (name,)), objective="energy", budget=0.0))
        if answer.points:
            helps.append((name, _held(task, arch, answer, name)))
    if helps:
        name, bits = helps[0]
        small_one = next(n for w in arch.ways() for n in w if n.name == name)
        assert isinstance(small_one, Memory) and small_one.size_bits is not None
        limit = small_one.size_bits // small_one.buffers
        others = "".join(f"; so would a larger {n}" for n, _ in helps[1:])
        return _too_small(op, small_one, limit, bits, "the tiles of a mapping that fits everywhere else", others)
    sized = ", ".join(m.name for w in arch.ways() for m in w if isinstance(m, Memory) and m.size_bits is not None)
    message = f"no mapping of '{op.name}' fits, and no single memory is at fault"
    return Fault(
        where, message, f"several of {sized} are too small for what they must keep, or the rules of sparsity forbid it"
    )


def _uncounted(task: Task) -> Fault | None:
    """Why not even a nest of the simplest loops can be counted, if so: a model may have no answer for a tile."""
    for template in storage_templates(task.arch, task.op, task.on.prices, task.constraints):
        last = len(template.items) - 2
        loops = [PlacedLoop(last, "", rank, bound) for rank, bound in task.op.ranks.items() if bound > 1]
        nest = nest_of(template, loops)
        try:
            single_counts(nest, *shape_of(nest))
        except SpecError as error:
            return error.faults[0]
        return None
    return None


def _too_small(op: Op, memory: Memory, limit: int, need: int, what: str, others: str) -> Fault:
    name = memory.name
    message = f"no mapping of '{op.name}' fits: {name} holds {limit} b, {what} take {need} b, {need - limit} b more"
    return Fault(memory.where, message, f"give {name} {need * memory.buffers} b, or let it keep less{others}")


def _kept_somewhere(task: Task, tensor: str) -> bool:
    for way in paths_of(task.arch, task.op, task.on.prices, task.constraints):
        first = next(n for n in way if isinstance(n, Memory))
        t = task.op.tensor(tensor)
        if (first.keep is None and first.may_keep is None) or {t.kind, t.name} & {
            *(first.keep or ()),
            *(first.may_keep or ()),
        }:
            return True
    return False


def _held(task: Task, arch: Arch, answer: Answer, name: str) -> int:
    """Bits that the found mapping's tiles take in a memory at least: one element of each tensor that must be there."""
    point = answer.points[0]
    for template in storage_templates(_unlimited(arch, (name,)), task.op, task.on.prices, task.constraints):
        if dict(template.keeps) == dict(point.keeps) and tuple(i.name for i in template.items) == point.items:
            nest = nest_of(template, point.loops)
            structure, factors = shape_of(nest)
            held = occupancies([single_counts(nest, structure, factors)], task.on.bits)
            return next(o.bits for o in held if o.memory.name == name)
    raise AssertionError("a point has its skeleton")


def _unlimited(arch: Arch, names: Sequence[str]) -> Arch:
    """The architecture with some memories of unlimited size."""

    def below(nodes: Sequence[Node]) -> tuple[Node, ...]:
        return tuple(
            Branch(tuple(below(w) for w in n.ways), n.where) if isinstance(n, Branch)
            else replace(n, size_bits=None) if isinstance(n, Memory) and n.name in names
            else n
            for n in nodes
        )  # fmt: skip

    return replace(arch, nodes=below(arch.nodes))


def totals(answers: Mapping[str, Answer]) -> tuple[float, float]:
    """(energy in pJ, cycles) of the chosen mappings together."""
    from sata.search.answers.mapping_file import chosen

    points = [chosen(a) for a in answers.values()]
    return sum(p.energy_pj for p in points), sum(p.cycles for p in points)


__all__ = [
    "Resources",
    "Where",
    "answers_by_op",
    "check_found",
    "map_workload",
    "renamed",
    "same",
    "search_units",
    "selected",
    "tasks_of",
    "totals",
    "why_not",
]  # fmt: skip
