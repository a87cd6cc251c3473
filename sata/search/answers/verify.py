"""A final answer, checked before it is printed or kept: its nests are written as a mapping, read, resolved and counted
as `sata run` does it, and held against what was asked. Nothing of how the search came to it is used."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import isclose
from typing import Any

from sata.costs.energy import leakage_energy_pj
from sata.costs.group import group_time
from sata.costs.tally import Tally, tally
from sata.counts.op import count_op
from sata.counts.op.capacity import occupancies
from sata.graph import graph_of_workload
from sata.nest.build import group_of, known_of
from sata.nest.formats import check_formats
from sata.nest.graph import structure_of
from sata.nest.match import Share
from sata.nest.model import Group, OpNest
from sata.search.answers.asked import unmet
from sata.search.answers.fingerprint import ops_of
from sata.search.answers.mapping_file import fused_nest, nest_of_point
from sata.search.engine.group import GroupTask
from sata.search.engine.solve import Task
from sata.search.model.answer import Answer, FusionCertificate, MappingPoint
from sata.search.model.exact import Machine
from sata.search.space.storage_templates import Constraints
from sata.specs.mapping import parse_mapping
from sata.specs.model import Arch, Op, Workload
from sata.specs.text.faults import Fault, Faults, SpecError
from sata.specs.text.source import read

EXACT = 1e-12  # share by which figures may differ: the same sums


@dataclass(frozen=True)
class Recount:
    """Nests as `sata run` resolves them, and (energy in pJ with leakage, cycles) of each op."""

    nests: tuple[OpNest, ...]
    figures: tuple[tuple[float, float], ...]


def recount(arch: Arch, ops: Sequence[Op], on: Machine, nest: list[dict[str, Any]]) -> Recount:
    """Of one entry of a mapping: the nest of an op, or one that ends in a split with a way for each of several.

    Raises: SpecError with all that makes it no nest of these ops on this architecture, tiles that do not fit included.
    """
    faults = Faults()
    names = [op.name for op in ops]
    spec = parse_mapping(read({"mapping": [{"ops": names if len(names) > 1 else names[0], "nest": nest}]}), faults)
    faults.check()
    assert spec is not None
    share = Share(spec.entries[0], tuple(ops), tuple(range(len(ops))))
    workload = Workload("", tuple(ops), on.bits)
    group = group_of(arch, share, known_of(workload), graph_of_workload(workload, Faults()), faults)
    faults.check()
    assert group is not None
    check_formats([group], on.bits, faults)
    found = recount_group(group, on, faults)
    faults.check()
    return found


def recount_group(group: Group, on: Machine, faults: Faults) -> Recount:
    """The same of a resolved group. Tiles that do not fit and actions without a price are added to `faults`."""
    counts = [count_op(nest, structure_of(nest)) for nest in group.nests]
    for occupancy in occupancies(counts, on.bits):
        if not occupancy.fits:
            faults.add(occupancy.where, occupancy.why())
    tallies = [tally(c, on.prices, on.bits, faults) for c in counts]
    cycles = group_time([t.time for t in tallies]).each
    return Recount(group.nests, tuple((_energy(t, c, on), c) for t, c in zip(tallies, cycles, strict=True)))


def _energy(found: Tally, cycles: float, on: Machine) -> float:
    energies = [r["energy_pj"] for r in found.records]
    if on.clock_hz is not None and cycles:
        energies += [float(leakage_energy_pj(mw, cycles / on.clock_hz, n)) for mw, n in on.leaks]
    return float(sum(energies))


def recounted(arch: Arch, ops: Sequence[Op], on: Machine, points: Sequence[MappingPoint], split: str,
              loops: Sequence[tuple[str, int]] = ()) -> Recount:  # fmt: skip
    """Of points: of one op, or of several that part below a memory and loops right below it. Raises: SpecError as
    `recount`."""
    if len(points) > 1:
        return recount(arch, ops, on, fused_nest(points, split, arch, loops, arrays=True))
    return recount(arch, ops, on, nest_of_point(points[0], arch, points[0].items[-1], arrays=True))


def flaws(task: Task, answer: Answer) -> list[str]:
    """Why an answer is none of its task, in sentences; none if its nests are legal, fit, hold all that was asked and
    cost what it says."""
    ops, asked = ops_of(task), asked_of(task)
    if not answer.points:
        return []
    if answer.fusion is not None and answer.fusion.split and answer.members:
        return _flaws(task, ops, asked, [m.points[0] for m in answer.members if m.points], answer.fusion)
    members = answer.members or (answer,)
    alone = zip(ops, asked, members, strict=True)
    return [flaw for op, own, member in alone for point in member.points for flaw in _flaws(task, [op], [own], [point])]


def asked_of(task: Task) -> tuple[Constraints, ...]:
    """What is asked of each op of a task."""
    return task.asked if isinstance(task, GroupTask) else (task.constraints,)


def _flaws(
    task: Task,
    ops: Sequence[Op],
    asked: Sequence[Constraints],
    points: Sequence[MappingPoint],
    fusion: FusionCertificate | None = None,
) -> list[str]:
    if len(points) < len(ops):
        return ["an op of the group has no nest"]
    try:
        shared = ("", ()) if fusion is None else (fusion.split, fusion.loops)
        found = recounted(task.arch, ops, task.on, points, *shared)
    except (SpecError, StopIteration, KeyError, ValueError) as error:
        first = error.faults[0].message if isinstance(error, SpecError) else str(error)
        return [f"{ops[0].name}: {first or 'it is not a nest'}"]
    flawed = [f"{n.op.name}: {said}" for n, own in zip(found.nests, asked, strict=True)
              for said in unmet(n, task.arch, own)]  # fmt: skip
    for op, point, figures in zip(ops, points, found.figures, strict=True):
        said = point.energy_pj, point.cycles
        flawed += [] if same_figures(said, figures) else [f"{op.name}: {figures_differ(said, figures)}"]
    return flawed


def check_answer(task: Task, answer: Answer) -> None:
    """Raises: SpecError if a search has found what it was not asked for."""
    found = flaws(task, answer)
    if found:
        raise SpecError([mistake(ops_of(task)[0], found)])


def mistake(op: Op, found: Sequence[str]) -> Fault:
    """What is said when a final check fails."""
    hint = "this is a mistake in sata's search, not in your files: please report it with them"
    return Fault(op.where, f"the mapping found for '{op.name}' is not what was asked for: {'; '.join(found[:3])}", hint)


def same_figures(said: tuple[float, float], found: tuple[float, float]) -> bool:
    """Whether two pairs (energy, cycles) are equal but for rounding."""
    return all(isclose(a, b, rel_tol=EXACT) for a, b in zip(said, found, strict=True))


def figures_differ(said: tuple[float, float], found: tuple[float, float]) -> str:
    """What is said of a figure that is not the one found before."""
    return f"it costs {found[0]!r} pJ, {found[1]!r} cycles, not {said[0]!r} pJ, {said[1]!r} cycles"


def with_figures(points: Sequence[MappingPoint], found: Recount) -> tuple[MappingPoint, ...]:
    """Points with the figures that a recount gives them."""
    pairs = zip(points, found.figures, strict=True)
    return tuple(replace(point, energy_pj=energy, cycles=cycles) for point, (energy, cycles) in pairs)
