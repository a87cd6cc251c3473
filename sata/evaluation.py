"""From sources to a result: load, build nests, count, price. The one function behind `sata run` and `sata.evaluate`.

What does not depend on numbers is kept between calls: specs by their bytes, nests and prices by their specs.
"""

from __future__ import annotations

import os
import sys
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path
from typing import Any

from sata.costs.accounts import component_rows, leakage_spread, uncertainty_rows
from sata.costs.energy import leakage_energy_pj
from sata.costs.evaluate import Price
from sata.costs.explain import explain_op
from sata.costs.nodes import (
    all_nodes,
    area_um2,
    leakage_mw,
    price_nodes,
    price_table,
    prices_of,
    unasked_actions,
)
from sata.costs.tally import Tally, record, tally
from sata.counts.dense.closed_form import FIELDS
from sata.counts.density import check_densities
from sata.counts.op import READS, WRITES, OpCounts, count_op
from sata.counts.sparse.idle import left_idle
from sata.counts.storage.capacity import Occupancy, occupancies
from sata.graph import check_graph
from sata.nest.build import build
from sata.nest.graph import Graph, Shape, graph_of, structure_of
from sata.nest.model import Group, Program
from sata.report.described import tensor_rows
from sata.report.nest_rows import nest_record
from sata.report.result import Record, Result
from sata.specs import Loaded, check_specs, in_order, load
from sata.specs.model import Arch, Compute, Workload
from sata.specs.shipped import how_to_change
from sata.specs.text.access import granted
from sata.specs.text.faults import Fault, Faults, SpecError, Where, did_you_mean
from sata.specs.text.files import State, note, state, watching
from sata.specs.text.find import find, mapping_name
from sata.specs.text.source import Doc
from sata.specs.tree import arch_rows
from sata.version import __version__

KEPT_BETWEEN_CALLS = 32  # prepared runs


@dataclass(frozen=True, slots=True)
class Prepared:
    """All of a run that stands before the first count."""

    loaded: Loaded
    arch: Arch
    workload: Workload
    program: Program
    graphs: tuple[Graph, ...]
    shapes: tuple[tuple[Shape, ...], ...]
    prices: Mapping[str, Price]
    price_records: tuple[Record, ...]
    instances: Mapping[str, int]  # of every node, by name
    area_um2: float | None
    leakage_mw: float | None
    architecture: tuple[Record, ...] = ()  # these three: what a result says of its inputs
    nests: tuple[Record, ...] = ()
    tensors: tuple[Record, ...] = ()
    files: tuple[Record, ...] = ()  # all that were read, libraries and templates too


def idle(_done: int, _of: int) -> None:
    """Tell nobody how far it is."""


_prepared: OrderedDict[Any, tuple[Prepared, State]] = OrderedDict()


def evaluate(
    arch: Any, workload: Any = None, mapping: Any = None, *, ops: str | None = None, **variables: Any
) -> Result:
    """What the workload costs on the architecture under the mapping.

    arch, workload, mapping: each a path, YAML text or a dict; one that holds several of them serves for all. Without a
    mapping the shipped one of the architecture's name is taken. ops: a shell pattern; only ops that match are
    evaluated. variables: override those the files declare.
    Raises: SpecError with all faults of the input.
    """
    return evaluate_prepared(prepare(arch, workload, mapping, ops=ops, variables=variables), variables)


def evaluate_prepared(
    prepared: Prepared, variables: Mapping[str, Any], done: Callable[[int, int], None] = idle
) -> Result:
    """The rest of `evaluate`. done: called after every group with the number of those done and of all.

    Raises: SpecError with all faults.
    """
    faults = Faults()
    tallies: list[tuple[Group, list[OpCounts], list[Tally]]] = []
    held: list[tuple[Group, Occupancy]] = []
    groups = prepared.program.groups
    for number, (group, shapes) in enumerate(zip(groups, prepared.shapes, strict=True), 1):
        counts = [count_op(nest, shape) for nest, shape in zip(group.nests, shapes, strict=True)]
        tallies.append((group, counts, [tally(c, prepared.prices, prepared.workload.bits, faults) for c in counts]))
        for occupancy in occupancies(counts, prepared.workload.bits):
            held.append((group, occupancy))
            if not occupancy.fits:
                change = "" if len(faults) else how_to_change(occupancy.where.file)  # said once
                hint = f"make its tiles smaller, or keep less in it{'; ' if change else ''}{change}"
                faults.add(occupancy.where, occupancy.why(), hint)
        done(number, len(groups))
    _check(faults, prepared.loaded)
    return _result(prepared, tallies, held, variables)


def explain_sparsity(
    arch: Any, workload: Any = None, mapping: Any = None, *, ops: str | None = None, **variables: Any
) -> list[Record]:
    """What zeros save, op by op and rule by rule: records as `sata.costs.explain.explain_op` makes them.

    Arguments and errors are those of `evaluate`.
    """
    prepared = prepare(arch, workload, mapping, ops=ops, variables=variables)
    faults = Faults()
    found: list[Record] = []
    for group, shapes in zip(prepared.program.groups, prepared.shapes, strict=True):
        for nest, shape in zip(group.nests, shapes, strict=True):
            found += explain_op(nest, shape, prepared.prices, prepared.workload.bits, faults)
    _check(faults, prepared.loaded)
    order = {op.name: n for n, op in enumerate(prepared.workload.ops)}
    return sorted(found, key=lambda r: order[r["op"]])


def idle_rules(prepared: Prepared) -> list[tuple[str, str]]:
    """Rules of memories that the mapping leaves idle in all ops of a run: (the rule, why)."""
    return list(left_idle(prepared.arch, (nest for group in prepared.program.groups for nest in group.nests)))


def check(*sources: Any, variables: Mapping[str, Any] | None = None) -> list[Fault]:
    """The faults of each source on its own, for whatever top keys it holds. Nothing is raised for bad input."""
    return check_specs(*sources, variables=variables, further=_further)


def _further(workload: Workload, faults: Faults) -> None:
    """What is checked of workloads that have no fault by themselves."""
    check_densities(workload, faults)
    check_graph(workload, faults)


def prepare(
    arch: Any,
    workload: Any = None,
    mapping: Any = None,
    *,
    ops: str | None = None,
    variables: Mapping[str, Any] | None = None,
) -> Prepared:
    """Everything of a run but its counts. Raises: SpecError with all faults of the input."""
    key = (
        os.getcwd(),
        granted(),
        *(_identity(s) for s in (arch, workload, mapping)),
        ops,
        repr(sorted((variables or {}).items())),
    )
    if key in _prepared and granted().code:
        found, before = _prepared[key]
        if state(path for path, _, _ in before) == before and _same_shipped(found):
            _prepared.move_to_end(key)
            for path, _, _ in before:
                note(path)
            return found
    with watching() as files:
        found = _prepare(arch, workload, mapping, ops, variables or {})
    found = replace(found, files=tuple(_hashed(path) for path in sorted(files)))
    now = state(files)
    if now is not None and granted().code:
        _prepared[key] = found, now
        while len(_prepared) > KEPT_BETWEEN_CALLS:
            _prepared.popitem(last=False)
    return found


def _hashed(path: Path) -> Record:
    """A file that a run has read, and its hash. Shipped files and those of the current folder by their short names."""
    full = path.resolve()
    package = Path(__file__).resolve().parent
    for top in (package / "shipped", package.parent, Path.cwd().resolve()):
        if full.is_relative_to(top):
            full = full.relative_to(top)
            break
    return {"file": full.as_posix(), "sha256": sha256(path.read_bytes()).hexdigest()}


def _same_shipped(found: Prepared) -> bool:
    """Whether the mapping that no one named is still the one its name means: one in the current folder would win."""
    name = mapping_name(found.arch.name)
    for doc in found.loaded.docs:
        if doc.label == name and "mapping" in doc.data and doc.files:
            return find(name, "mappings").resolve() == doc.files[0].resolve()
    return True


def _identity(source: Any) -> str | None:
    """What tells sources apart: paths and texts by themselves, dicts by what they hold."""
    return None if source is None else f"{type(source).__name__} {source!r}"


def _prepare(arch: Any, workload: Any, mapping: Any, ops: str | None, variables: Mapping[str, Any]) -> Prepared:
    loaded = load(arch, workload, mapping, variables=variables, shipped_mapping=True)
    faults = Faults()
    for what, value in (("arch", loaded.arch), ("workload", loaded.workload)):
        if value is None:
            faults.add(Where(), f"no {what} given: none of the sources holds one")
    if loaded.mapping is None and loaded.arch is not None:
        faults.extend([_no_mapping(loaded.arch, loaded.docs)])
    faults.check()
    assert loaded.arch is not None and loaded.workload is not None and loaded.mapping is not None
    check_densities(loaded.workload, faults)
    program = build(loaded.arch, loaded.workload, loaded.mapping, faults, ops)
    library_prices = prices_of(loaded.arch, loaded.docs, faults)
    prices = price_nodes(loaded.arch, library_prices, faults, loaded.docs[0]) if library_prices is not None else {}
    check_gated_actions(loaded.arch, prices, faults)
    _check(faults, loaded)
    graphs = tuple(graph_of(group) for group in program.groups)
    pairs = zip(program.groups, graphs, strict=True)
    return Prepared(
        loaded,
        loaded.arch,
        loaded.workload,
        program,
        graphs,
        tuple(tuple(structure_of(graph, nest) for nest in group.nests) for group, graph in pairs),
        prices,
        tuple(_price_record(row) for row in price_table(loaded.arch, prices)),
        {node.name: instances for node, instances in all_nodes(loaded.arch)},
        area_um2(loaded.arch, prices),
        leakage_mw(loaded.arch, prices),
        tuple(arch_rows(loaded.arch)),
        tuple(nest_record(group, graph) for group, graph in zip(program.groups, graphs, strict=True)),
        tuple(tensor_rows((nest.op for group in program.groups for nest in group.nests), loaded.workload.bits)),
    )


def check_gated_actions(arch: Arch, prices: Mapping[str, Price], faults: Faults) -> None:
    """Actions that a compute gates or skips are actions of its class."""
    for node, _ in all_nodes(arch):
        if not isinstance(node, Compute) or node.name not in prices:
            continue
        known = prices[node.name].energy_pj
        for action in dict.fromkeys((*node.gate, *node.skip)):
            if action and action not in known:
                message = f"'{action}' is no action of {node.name} (class {node.component}); it has: {', '.join(known)}"
                faults.add(node.where, message, did_you_mean(action, known))


def _check(faults: Faults, loaded: Loaded) -> None:
    """Raises: SpecError with all faults, in the order of the sources and of their lines."""
    if len(faults):
        raise SpecError(in_order(faults, [doc.label for doc in loaded.docs]))


def _no_mapping(arch: Arch, docs: Sequence[Doc]) -> Fault:
    name = mapping_name(arch.name) or "mapping of its name"
    folders = [doc.files[0].parent for doc in docs if doc.files]
    near = [path for folder in folders for path in (folder / name, folder.parent / name) if path.is_file()]
    hint = f"did you mean '{near[0].as_posix()}'? " if near else ""
    message = f"no mapping given, and for architecture '{arch.name}' there is no {name}, here or shipped"
    how = "give one as third argument, write `mapping:` into one of the files, or let `sata map` find one"
    return Fault(Where(), message, hint + how)


# --- the result ---------------------------------------------------------------------------------------------------


def _result(
    prepared: Prepared,
    groups: Sequence[tuple[Group, Sequence[OpCounts], Sequence[Tally]]],
    held: Sequence[tuple[Group, Occupancy]],
    variables: Mapping[str, Any],
) -> Result:
    records: list[Record] = []
    ops: list[Record] = []
    traffic: list[Record] = []
    spreads: list[tuple[Record, Mapping[str, float]]] = []
    for group, counts, tallies in groups:
        bound_by, each = group_cycles(tallies)
        for found, t, cycles in zip(counts, tallies, each, strict=True):
            leaking = _leakage(prepared, t, cycles)
            records += [*t.records, *(r for r, _ in leaking)]
            spreads += [pair for pair in (*zip(t.records, t.spreads, strict=True), *leaking) if pair[1]]
            ops.append(_op_record(prepared, group, found, cycles, bound_by))
            traffic += _traffic_records(found)
    order = {op.name: n for n, op in enumerate(prepared.workload.ops)}
    by_order = lambda r: order[r["op"]]  # noqa: E731
    return Result(
        records=sorted(records, key=by_order),
        ops=sorted(ops, key=by_order),
        traffic=sorted(traffic, key=by_order),
        occupancy=[_occupancy_record(group, o) for group, o in held],
        kept=[{"layer": k.layer, "tensor": k.tensor, "kind": k.kind, "bits": k.bits} for k in prepared.workload.kept],
        omitted=[{"op": o.op, "why": o.why} for o in prepared.program.omitted],
        prices=[dict(row) for row in prepared.price_records],
        area_um2=prepared.area_um2,
        leakage_mw=prepared.leakage_mw,
        meta=_meta(prepared, variables),
        components=component_rows(prepared.arch, prepared.prices, records),
        uncertainty=sorted(uncertainty_rows(spreads), key=by_order),
        architecture=[dict(row) for row in prepared.architecture],
        nests=[dict(nest) for nest in prepared.nests],
        tensors=sorted((dict(row) for row in prepared.tensors), key=by_order),
    )


def group_cycles(tallies: Sequence[Tally]) -> tuple[str, list[float]]:
    """(what bounds the group, cycles of each of its ops). The ops overlap: what they share adds up, the largest sum
    bounds, and each op takes its part of that. Filling comes on top."""
    sums: dict[str, float] = {}
    for t in tallies:
        for resource, cycles in t.cycles.items():
            sums[resource] = sums.get(resource, 0.0) + cycles
    bound_by = max(sums, key=lambda r: sums[r])
    return bound_by, [t.cycles.get(bound_by, 0.0) + t.filling for t in tallies]


def _leakage(prepared: Prepared, t: Tally, cycles: float) -> list[tuple[Record, Mapping[str, float]]]:
    """Leakage of all instances of the architecture while the op runs, used or not, and its uncertainty by class.

    Without a clock there is no time, and no leakage.
    """
    arch = prepared.arch
    if arch.clock_hz is None or not cycles:
        return []
    found: list[tuple[Record, Mapping[str, float]]] = []
    for name, price in prepared.prices.items():
        if price.leakage_mw:
            time, instances = cycles / arch.clock_hz, prepared.instances[name]
            each = float(leakage_energy_pj(price.leakage_mw, 1.0 / arch.clock_hz, instances))
            entry = record(t.op, name, price, ("", ""), "leak", "actual", cycles, each, "leakage")
            found.append((entry, leakage_spread(price, time, instances)))
    return found


def _op_record(prepared: Prepared, group: Group, found: OpCounts, cycles: float, bound_by: str) -> Record:
    op, compute, arch = found.nest.op, found.nest.compute, prepared.arch
    there = prepared.instances[compute.name]
    return {
        "op": op.name, "layer": op.layer, "stage": op.stage, "action": op.action, "group": group.name,
        "compute": compute.name, "cycles": cycles, "bound_by": bound_by,
        "seconds": cycles / arch.clock_hz if arch.clock_hz else None,
        "computes": found.dense.computes, "actual": found.computes.actual, "gated": found.computes.gated,
        "skipped": found.computes.skipped, "steps": found.dense.steps, "instances": there,
        "utilization": found.dense.computes / (found.dense.steps * there),
    }  # fmt: skip


def _traffic_records(found: OpCounts) -> list[Record]:
    op = found.nest.op
    return [
        {"op": op.name, "layer": op.layer, "stage": op.stage, "memory": a.memory.name, "tensor": a.tensor.name,
         "kind": a.tensor.kind, **{f: getattr(a.dense, f) for f in FIELDS},
         "format": a.held.layout.format.text() if a.held is not None else "",
         "metadata_read_bits": a.metadata_bits(READS), "metadata_write_bits": a.metadata_bits(WRITES)}
        for a in found.accesses
    ]  # fmt: skip


def _occupancy_record(group: Group, o: Occupancy) -> Record:
    return {
        "group": group.name,
        "memory": o.memory.name,
        "ops": "+".join(o.ops),
        "bits": o.bits,
        "metadata_bits": o.metadata_bits,
        "limit_bits": o.limit_bits,
    }


def _price_record(row: Any) -> Record:
    return {name: getattr(row, name) for name in row.__dataclass_fields__}


def _program(name: str) -> str:
    """The name of a program without the folder it was installed in; `sata` where Python runs the package."""
    path = Path(name)
    return "sata" if path.name == "__main__.py" and path.parent.name in ("sata", "cli") else path.name


def _meta(prepared: Prepared, variables: Mapping[str, Any]) -> Record:
    return {
        "sata": __version__,
        "command": " ".join([_program(sys.argv[0]), *sys.argv[1:]]),
        "arch": prepared.arch.name,
        "workload": prepared.workload.name,
        "timesteps": prepared.workload.timesteps,
        "batch": prepared.workload.batch,
        "technology_nm": prepared.arch.technology_nm,
        "clock_hz": prepared.arch.clock_hz,
        "variables": dict(variables),
        "inputs": [{"source": doc.label, "sha256": doc.text_hash} for doc in prepared.loaded.docs],
        "files": [dict(file) for file in prepared.files],
        "unselected": list(prepared.program.unselected),
        "unasked": [f"{node} {action}" for node, action in unasked_actions(prepared.arch, prepared.prices)],
    }


__all__ = ["Fault", "SpecError", "check", "evaluate", "prepare"]
