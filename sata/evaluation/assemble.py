"""Counts and tallies of all groups -> the records of a result."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from sata.costs.accounts import component_rows, leakage_spread, uncertainty_rows
from sata.costs.energy import leakage_energy_pj
from sata.costs.exposed.alone import streaming_memories
from sata.costs.group import group_time
from sata.costs.nodes import unasked_actions
from sata.costs.tally import Tally, record
from sata.counts.dense.memory_counts import FIELDS
from sata.counts.op.capacity import Occupancy
from sata.counts.op.results import READS, WRITES, OpCounts
from sata.evaluation.prepared import Prepared
from sata.nest.model import Group
from sata.report.result import Record, Result
from sata.version import __version__


def result_of(
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
        time = group_time([t.time for t in tallies])
        for found, t, cycles in zip(counts, tallies, time.each, strict=True):
            leaking = _leakage(prepared, t, cycles)
            records += [*t.records, *(r for r, _ in leaking)]
            spreads += [pair for pair in (*zip(t.records, t.spreads, strict=True), *leaking) if pair[1]]
            ops.append(_op_record(prepared, group, found, cycles, time.bound_by))
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
        "streams": ", ".join(streaming_memories(found.nest)),
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
