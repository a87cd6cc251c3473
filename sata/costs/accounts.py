"""Rows of a result that are about components: their area, leakage and energy, and how uncertain the energy is."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sata.costs.energy import leakage_energy_pj
from sata.costs.evaluate import Price
from sata.costs.nodes import all_nodes
from sata.costs.tally import spread_over
from sata.specs.model import Arch

Record = dict[str, Any]


def component_rows(arch: Arch, prices: Mapping[str, Price], records: Iterable[Record]) -> list[Record]:
    """A row for every node that has a price, in the order of the architecture.

    node, class, library, instances; area_um2 and leakage_mw of all of them together, None where the class does not
    price it; energy_pj: all that the node took in the run, its leakage included.
    """
    energy: dict[str, list[float]] = {}
    for r in records:
        energy.setdefault(r["component"], []).append(r["energy_pj"])
    rows = []
    for node, instances in all_nodes(arch):
        price = prices.get(node.name)
        if price is None:
            continue
        area, leakage = price.area_um2, price.leakage_mw
        rows.append({
            "node": node.name, "class": price.component, "library": price.library, "instances": instances,
            "area_um2": None if area is None else area * instances,
            "leakage_mw": None if leakage is None else leakage * instances,
            "energy_pj": math.fsum(energy.get(node.name, ())),
        })  # fmt: skip
    return rows


def leakage_spread(price: Price, seconds: float, instances: int) -> dict[str, float]:
    """The uncertainty, by class, of what all instances of a node leak in `seconds`, in pJ."""
    return spread_over(price, lambda own: leakage_energy_pj(own.leakage_mw or 0.0, seconds, instances))


def uncertainty_rows(pairs: Sequence[tuple[Record, Mapping[str, float]]]) -> list[Record]:
    """(record of energy, its uncertainty by class) as tidy rows: one for each (op, component, class that is uncertain).

    op, layer, stage, component, class (whose numbers are uncertain: of a compound, that of the part), pj. Rows of one
    class add up, sums of different classes add in quadrature.
    """
    sums: dict[tuple[str, str, str], list[float]] = {}
    first: dict[str, Record] = {}
    for record, spread_pj in pairs:
        for component, pj in spread_pj.items():
            first.setdefault(record["op"], record)
            sums.setdefault((record["op"], record["component"], component), []).append(pj)
    return [
        {"op": op, "layer": first[op]["layer"], "stage": first[op]["stage"], "component": node, "class": component,
         "pj": math.fsum(values)}
        for (op, node, component), values in sums.items()
    ]  # fmt: skip
