"""From an architecture, a workload and a mapping to the program: the resolved nests of all groups.

Here stand the rules that speak of several ops or of the whole nest: where a tensor may have its home, and what
may pass between fused ops.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from fnmatch import fnmatchcase

from sata.graph import WorkloadGraph, graph_of_workload
from sata.nest.formats import check_formats, check_kept
from sata.nest.fused import Fused, check_order, same_loops
from sata.nest.kinds import check_kinds
from sata.nest.leaders import check_rules
from sata.nest.loops import Known
from sata.nest.match import Share, match
from sata.nest.model import BoundLoop, Group, Item, NestLevel, OpNest, Program
from sata.nest.resolve import path_of, resolve, way_down
from sata.specs.model import Arch, MappingSpec, MapSplit, Memory, Tensor, Workload
from sata.specs.text.faults import Faults, did_you_mean
from sata.specs.workload.kinds import KINDS


def build(arch: Arch, workload: Workload, mapping: MappingSpec, faults: Faults, only: str | None = None) -> Program:
    """The program; whatever does not fit is added to `faults`.

    only: a shell pattern over op names; the others are not built (`Program.unselected` lists them).
    """
    check_kinds(arch, workload, faults)
    check_kept(arch, workload, faults)
    check_rules(arch, workload, faults)
    names = [op.name for op in workload.ops]
    if only is not None and not any(fnmatchcase(name, only) for name in names):
        message = f"--ops '{only}' matches no op of workload '{workload.name}'"
        faults.add(workload.where, message, did_you_mean(only, names))
    before = len(faults)
    graph = graph_of_workload(workload, faults)
    sound, workload = len(faults) == before, graph.workload
    shares, omitted = match(workload, mapping, faults, only)
    if sound:
        check_order(graph, shares, faults, only)
    unselected: list[str] = []
    if only is not None:
        shares = [s for s in shares if any(fnmatchcase(op.name, only) for op in s.ops)]
        evaluated = {op.name for s in shares for op in s.ops}  # fused ops come together
        unselected = [name for name in names if not fnmatchcase(name, only) and name not in evaluated]
    known = known_of(workload)
    groups = [g for s in shares if (g := group_of(arch, s, known, graph if sound else None, faults)) is not None]
    check_formats(groups, workload.bits, faults)
    return Program(tuple(groups), tuple(omitted), tuple(unselected))


def known_of(workload: Workload) -> Known:
    """The names that a mapping may speak of."""
    ranks = frozenset(rank for op in workload.ops for rank in op.ranks)
    tensors: dict[str, set[str]] = {}
    for op in workload.ops:
        for t in op.tensors:
            tensors.setdefault(t.name, set()).add(t.kind)
    kinds = frozenset((*KINDS, *workload.kinds, *workload.bits)) | {
        kind for kinds in tensors.values() for kind in kinds
    }
    return Known(ranks, kinds, {name: frozenset(found) for name, found in tensors.items()}, workload.where)


def group_of(arch: Arch, share: Share, known: Known, graph: WorkloadGraph | None, faults: Faults) -> Group | None:
    """The nests of the ops that share an entry. graph: None if it has faults of its own."""
    before = len(faults)
    nodes = share.entry.nest
    split = nodes[-1] if nodes and isinstance(nodes[-1], MapSplit) else None
    if split is not None and len(split.ways) != len(share.entry.patterns):
        faults.add(
            split.where,
            f"the split has {len(split.ways)} way{'s' if len(split.ways) > 1 else ''} for "
            f"{len(share.entry.patterns)} patterns; each op needs its own",
        )
        return None
    if split is None and len(share.entry.patterns) > 1 and len(share.ops) > 1:
        faults.add(
            share.entry.where,
            f"ops {', '.join(op.name for op in share.ops)} share this nest, which has no `split`; "
            "end it with one way for each",
        )
        return None
    nests = []
    for op, number in zip(share.ops, share.ways, strict=True):
        path, shared = path_of(nodes, number)
        way = way_down(arch, path, faults) if path else None
        nest = resolve(op, path, shared, way, known, faults) if way is not None else None
        if nest is not None:
            nests.append(nest)
    if len(faults) > before or len(nests) < len(share.ops):
        return None
    if len(nests) > 1:
        nests = [_without_idle(n) for n in nests]
    same_loops(nests, faults)
    fused = Fused(graph, nests, share.entry.where) if graph is not None else None
    if fused is not None:
        nests = [replace(n, passed=fused.passed(k)) for k, n in enumerate(nests)]
    nests = [replace(n, chains=_chains(n, arch, fused, k, faults)) for k, n in enumerate(nests)]
    if fused is not None:
        fused.check(faults)
        nests = [replace(n, held=fused.held(k, n)) for k, n in enumerate(nests)]
    name = "+".join(op.name for op in share.ops)
    return Group(name, share.ops[0].layer, tuple(nests), share.entry.where) if len(faults) == before else None


def _without_idle(nest: OpNest) -> OpNest:
    """The nest without shared loops of one, which some of the ops may lack: then all share the same items."""
    head = tuple(i for i in nest.items[: nest.shared] if not (isinstance(i, BoundLoop) and i.factor == 1))
    return replace(nest, items=(*head, *nest.items[nest.shared :]), shared=len(head))


def _chains(nest: OpNest, arch: Arch, fused: Fused | None, number: int, faults: Faults) -> dict[str, tuple[str, ...]]:
    """Per stored tensor, the memories that keep it; every tensor has a home, and it is the right one. number: of the op
    in its group."""
    outermost = next((n.name for n in arch.nodes if isinstance(n, Memory)), "")
    chains: dict[str, tuple[str, ...]] = {}
    for t in nest.op.tensors:
        if t.local:
            continue
        chain = tuple(level.memory.name for level in nest.levels if t.name in level.keeps)
        chains[t.name] = chain
        first = nest.levels[0] if nest.levels else None
        where = first.where if first is not None else nest.op.where
        if not chain:
            faults.add(
                where, f"no memory of the nest keeps {t.kind} '{t.name}' of '{nest.op.name}'", _home_hint(outermost, t)
            )
        elif chain[0] != outermost and fused is not None and not _inner_home(nest, t, chain[0], fused, number):
            loop = _carrying_loop(nest, t, chain[0])
            why = fused.why_not_inside(number, nest, t, chain[0])
            why = why or f"what an op takes and gives lives in the outermost memory, {outermost}"
            if loop is not None:
                why = f"it is carried along {loop.rank}, and the loop {loop.rank} {loop.factor} stands above {chain[0]}"
            message = f"the home of {t.kind} '{t.name}' of '{nest.op.name}' would be {chain[0]}, but {why}"
            faults.add(where if loop is None else loop.where, message, _home_hint(outermost, t))
    return chains


def _home_hint(outermost: str, t: Tensor) -> str:
    return f"add {t.kind} to the `keep` of {outermost}"


def _inner_home(nest: OpNest, t: Tensor, home: str, fused: Fused, number: int) -> bool:
    """Whether a tensor may live further in: it passes between fused ops alone and is kept above their split, or it is
    state and no loop of its carried rank is above its home."""
    if t.name in nest.passed:
        above = any(isinstance(i, NestLevel) and i.memory.name == home for i in nest.items[: nest.shared])
        return above and not fused.why_not_inside(number, nest, t, home)
    return bool(_carried(nest, t)) and _carrying_loop(nest, t, home) is None


def _carried(nest: OpNest, t: Tensor) -> list[str]:
    """The sequential ranks along which a tensor is state: it has no dimension for them."""
    return [r for r in nest.op.sequential if r not in t.ranks()] if t.role == "output" else []


def _carrying_loop(nest: OpNest, t: Tensor, home: str) -> BoundLoop | None:
    """The first loop above the home of a state along which it is carried: each step would need it from further out."""
    carried = _carried(nest, t)
    above = (i for i in _above(nest.items, home) if isinstance(i, BoundLoop) and i.factor > 1)
    return next((loop for loop in above if loop.rank in carried), None)


def _above(items: tuple[Item, ...], memory: str) -> Iterator[Item]:
    for item in items:
        if isinstance(item, NestLevel) and item.memory.name == memory:
            return
        yield item
