"""Counts before any price: what moves, what is computed, and what zeros make of both."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from sata.counts.density import check_densities
from sata.counts.op import count_op
from sata.counts.op.results import OpCounts
from sata.counts.sparse.outcomes import Outcome
from sata.evaluation.prepared import check_faults, load_whole
from sata.nest.build import build
from sata.nest.graph import structure_of
from sata.report.result import Record
from sata.specs.text.faults import Faults


def count_rows(
    arch: Any, workload: Any = None, mapping: Any = None, *, ops: str | None = None,
    variables: Mapping[str, Any] | None = None,
) -> list[Record]:  # fmt: skip
    """A record for every event of every op, in the order of ops; `sata.api.spec.Spec.counts` says what is in them.

    Arguments and errors are those of `sata.evaluation.prepare`; libraries are not read.
    """
    loaded, architecture, work, nests = load_whole(arch, workload, mapping, variables or {})
    faults = Faults()
    check_densities(work, faults)
    program = build(architecture, work, nests, faults, ops)
    check_faults(faults, loaded)
    order = {op.name: n for n, op in enumerate(work.ops)}
    rows = []
    for group in program.groups:
        for nest in group.nests:
            rows += list(_rows(count_op(nest, structure_of(nest))))
    return sorted(rows, key=lambda row: order[row["op"]])


def _rows(found: OpCounts) -> Iterator[Record]:
    op = found.nest.op
    start = {"op": op.name, "layer": op.layer, "stage": op.stage}
    for access in found.accesses:
        place = {"node": access.memory.name, "tensor": access.tensor.name, "kind": access.tensor.kind}
        for event, outcome in access.events.items():
            yield {**start, **place, "event": event, **_split(outcome)}
    for delivery in found.deliveries:
        place = {"node": delivery.array.name, "tensor": delivery.tensor.name, "kind": delivery.tensor.kind}
        for event, outcome in (("words", delivery.words), ("hops", delivery.hops)):
            yield {**start, **place, "event": event, **_split(outcome)}
    place = {"node": found.nest.compute.name, "tensor": "", "kind": ""}
    yield {**start, **place, "event": "computes", **_split(found.computes)}


def _split(outcome: Outcome) -> Record:
    return {"dense": outcome.actual + outcome.gated + outcome.skipped, "actual": outcome.actual,
            "gated": outcome.gated, "skipped": outcome.skipped}  # fmt: skip
