"""The dataflow graph of a workload as text: what `sata show WORKLOAD` prints."""

from __future__ import annotations

from sata.graph import Edge, Why, WorkloadGraph
from sata.graph.kept import elements_of, kept_values
from sata.graph.parts import distance
from sata.report.text import Block, Lines, TextTable, plural, whole_number

_WORDS = {Why.MADE: "", Why.ADDED: "adds to ", Why.OLD: "changes "}


def graph_blocks(graph: WorkloadGraph) -> list[Block]:
    """The ops in order and what each waits for; cycles; inputs; what training keeps."""
    ops = graph.flow.ops
    incoming: dict[int, list[Edge]] = {}
    for edge in graph.flow.edges:
        incoming.setdefault(edge.target, []).append(edge)
    rows = tuple(
        (ops[n].name, ops[n].stage, ", ".join(dict.fromkeys(_waits(graph, e) for e in incoming.get(n, ()))) or "-")
        for n in graph.order.ops
    )
    name = graph.workload.name
    blocks: list[Block] = [
        TextTable(f"{name}: {plural(len(ops), 'op')} in order", ("op", "stage", "waits for"), "lll", rows)
    ]
    if graph.order.cycles:
        lines = [f"{c.text}: over {c.rank}, {c.direction}" for c in graph.order.cycles]
        blocks.append(Lines("Cycles: ops that share one loop", tuple(lines)))
    given = [f"{value.name}  {value.readers[0][1].kind}" for value in graph.flow.inputs if value.readers]
    if given:
        blocks.append(Lines("Inputs: made by no op", tuple(given)))
    kept = [
        (value.name, t.kind, elements_of(t) * graph.workload.bits.get(t.kind, 0)) for value, t in kept_values(graph)
    ]
    if kept:
        total = ("total", "", whole_number(sum(bits for *_, bits in kept)))
        rows = (*((v, kind, whole_number(bits)) for v, kind, bits in kept), total)
        blocks.append(TextTable("Kept from the forward stage to another", ("tensor", "kind", "bits"), "llr", rows, 1))
    return blocks


def _waits(graph: WorkloadGraph, edge: Edge) -> str:
    """`X of conv1.forward`; in a cycle with the steps between: `S' of h.fire, 1 t before`."""
    source = graph.flow.ops[edge.source]
    cycle = graph.order.cycle_of(edge.source)
    steps = 0
    if cycle is not None and edge.target in cycle.ops:
        found = distance(source, edge.made, graph.flow.ops[edge.target], edge.taken, cycle.rank)
        steps = abs(found or 0)
    before = f" {steps} {cycle.rank} before" if cycle is not None and steps else ""
    return f"{_WORDS[edge.why]}{edge.tensor} of {source.name}{before}"
