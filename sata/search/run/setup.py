"""What a search starts from: architecture, workload and prices, loaded as `sata run` loads them, without a mapping."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from sata.costs.nodes import all_nodes, price_nodes, prices_of
from sata.counts.density import check_densities
from sata.evaluation import check_gated_actions
from sata.graph import WorkloadGraph, graph_of_workload
from sata.nest.formats import check_formats, check_kept
from sata.nest.kinds import check_kinds
from sata.nest.leaders import check_rules
from sata.nest.model import Group, NestLevel, OpNest
from sata.search.model.exact import Machine, machine
from sata.search.space.law import streaming
from sata.search.space.storage_templates import Constraints, allowed
from sata.specs import Loaded, in_order, load_or_without
from sata.specs.model import Arch, Memory, Workload
from sata.specs.text.faults import Faults, SpecError, Where


@dataclass(frozen=True)
class SearchSetup:
    """All that stands before the search. loaded: what was given; its mapping is what was there before the search, if
    anything. arch: the architecture as it is searched, its memories streaming (`space.law`). workload: that of `graph`,
    whose cycles are sequential. sources, variables: what was given of architecture and workload, for a run with the
    mapping that is found."""

    loaded: Loaded
    arch: Arch
    workload: Workload
    machine: Machine
    graph: WorkloadGraph
    sources: tuple[Any, Any] = (None, None)
    variables: Mapping[str, Any] = field(default_factory=dict)


def setup_of(
    arch: Any, workload: Any = None, variables: Mapping[str, Any] | None = None, mapping: Any = None
) -> SearchSetup:
    """Load and price. mapping: where the search starts; without one, from that which the sources hold, else from the
    shipped one of the architecture's name.

    Raises: SpecError with all faults of the input, but for those of a shipped mapping, which then is left aside.
    """
    loaded = load_or_without(arch, workload, mapping, variables or {})
    faults = Faults()
    for what, value in (("arch", loaded.arch), ("workload", loaded.workload)):
        if value is None:
            faults.add(Where(), f"no {what} given: none of the sources holds one")
    faults.check()
    assert loaded.arch is not None and loaded.workload is not None
    check_kinds(loaded.arch, loaded.workload, faults)
    check_kept(loaded.arch, loaded.workload, faults)
    check_rules(loaded.arch, loaded.workload, faults)
    check_densities(loaded.workload, faults)
    graph = graph_of_workload(loaded.workload, faults)
    check_formats(_all_kept(loaded.arch, loaded.workload), loaded.workload.bits, faults)
    library = prices_of(loaded.arch, loaded.docs, faults)
    prices = price_nodes(loaded.arch, library, faults, loaded.docs[0]) if library is not None else {}
    check_gated_actions(loaded.arch, prices, faults)
    if len(faults):
        raise SpecError(in_order(faults, [doc.label for doc in loaded.docs]))
    instances = {node.name: number for node, number in all_nodes(loaded.arch)}
    on = machine(prices, instances, loaded.workload.bits, loaded.arch.clock_hz)
    known = {name for doc in loaded.docs if set(doc.data) & {"arch", "workload"} for name in doc.declared}
    given = {name: value for name, value in (variables or {}).items() if name in known}
    return SearchSetup(loaded, streaming(loaded.arch), graph.workload, on, graph, (arch, workload), given)


def _all_kept(arch: Arch, workload: Workload) -> Iterator[Group]:
    """Every op with memories that keep all they may: a format has to do for whatever a search may choose."""
    memories = {n.name: n for way in arch.ways() for n in way if isinstance(n, Memory)}
    for op in workload.ops:
        levels = tuple(
            NestLevel(m, tuple(t.name for t in op.tensors if not t.local and allowed(t, m, Constraints())[1]))
            for m in memories.values()
        )
        yield Group(op.name, op.layer, (OpNest(op, levels, {}, len(levels)),))
