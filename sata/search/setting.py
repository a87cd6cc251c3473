"""What a search starts from: architecture, workload and prices, loaded as `sata run` loads them, without a mapping."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sata.costs.nodes import all_nodes, price_nodes, prices_of
from sata.nest.kinds import check_kinds, check_modelled
from sata.search.score import Machine, machine
from sata.specs import Loaded, in_order, load
from sata.specs.faults import Faults, SpecError, Where
from sata.specs.model import Arch, Workload


@dataclass(frozen=True)
class Setting:
    """All that stands before the search. `sources`: what was given, for a run with the mapping that is found."""

    loaded: Loaded
    arch: Arch
    workload: Workload
    machine: Machine


def setting_of(arch: Any, workload: Any = None, variables: Mapping[str, Any] | None = None) -> Setting:
    """Load and price. Raises: SpecError with all faults of the input."""
    loaded = load(arch, workload, None, variables=variables or {}, shipped_mapping=False)
    faults = Faults()
    for what, value in (("arch", loaded.arch), ("workload", loaded.workload)):
        if value is None:
            faults.add(Where(), f"no {what} given: none of the sources holds one")
    faults.check()
    assert loaded.arch is not None and loaded.workload is not None
    check_kinds(loaded.arch, loaded.workload, faults)
    check_modelled(loaded.arch, faults)
    library = prices_of(loaded.arch, loaded.docs, faults)
    prices = price_nodes(loaded.arch, library, faults, loaded.docs[0]) if library is not None else {}
    if len(faults):
        raise SpecError(in_order(faults, [doc.label for doc in loaded.docs]))
    instances = {node.name: number for node, number in all_nodes(loaded.arch)}
    on = machine(prices, instances, loaded.workload.bits, loaded.arch.clock_hz)
    return Setting(loaded, loaded.arch, loaded.workload, on)
