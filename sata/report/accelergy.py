"""Prices as Accelergy's energy and area reference tables: what `sata export accelergy` writes.

One table a node, named by where it stands: `sata.PEs[0..127].filter_spad`. Energies are pJ an action, areas um2 an
instance; the leakage of an instance is the action `leak`, its energy in one cycle of the architecture's clock. Numbers
are written in full, so `sata.interchange.accelergy` reads the same prices back. The format has no place for cycles of
an action, for widths, nor for origins.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from sata.costs.evaluate import Price
from sata.report.exporters import Exporter, ExportFile
from sata.specs.model import Arch, Array, Branch, Node
from sata.specs.text.faults import Faults

VERSION = "0.4"
LEAK = "leak"
_NO_NAME = re.compile(r"[.\[\]]")  # what would change the meaning of a table's name


def ert_text(arch: Arch, prices: Mapping[str, Price]) -> str:
    """The energies as YAML. prices: by node name.

    Raises: SpecError for a leakage without a clock, a class with an action `leak`, a name with dots or brackets.
    """
    faults = Faults()
    tables = []
    for name, node in _tables(arch, faults):
        if node not in prices:
            continue
        price = prices[node]
        energies = dict(price.energy_pj)
        if price.leakage_mw is not None:
            if LEAK in energies:
                faults.add(arch.where, f"{node} has an action '{LEAK}', which is the name of leakage in an ERT")
            if arch.clock_hz is None and price.leakage_mw:
                faults.add(arch.where, f"the leakage of {node} is written as the energy of a cycle",
                           "say 'clock' in the architecture")  # fmt: skip
            energies[LEAK] = price.leakage_mw / arch.clock_hz * 1e9 if arch.clock_hz else 0.0
        tables.append({"name": name, "actions": [_action(a, e) for a, e in energies.items()]})
    faults.check()
    return _text("ERT", tables)


def art_text(arch: Arch, prices: Mapping[str, Price]) -> str:
    """The areas as YAML; a node whose class does not price its area has no table. prices: by node name.

    Raises: SpecError for a name with dots or brackets.
    """
    faults = Faults()
    rows = [(name, prices[node].area_um2) for name, node in _tables(arch, faults) if node in prices]
    faults.check()
    return _text("ART", [{"name": name, "area": area} for name, area in rows if area is not None])


def _action(name: str, energy_pj: float) -> dict[str, Any]:
    return {"name": name, "arguments": {}, "energy": energy_pj}


def _text(key: str, tables: list[dict[str, Any]]) -> str:
    import yaml

    text = yaml.safe_dump({key: {"version": VERSION, "tables": tables}}, sort_keys=False, width=1000)
    return str(text)


def _tables(arch: Arch, faults: Faults) -> Iterator[tuple[str, str]]:
    """(name of its table, name of the node) of every node, in the order of the file."""
    yield from _below(arch, arch.nodes, _NO_NAME.sub("_", arch.name), faults)


def _below(arch: Arch, nodes: Sequence[Node], above: str, faults: Faults) -> Iterator[tuple[str, str]]:
    for node in nodes:
        if isinstance(node, Branch):
            for way in node.ways:
                yield from _below(arch, way, above, faults)
            continue
        if _NO_NAME.search(node.name):
            faults.add(node.where, f"'{node.name}' cannot be a name in an ERT, where dots and brackets have a meaning")
        name = f"{above}.{node.name}"
        if isinstance(node, Array):
            name = above = f"{name}[0..{math.prod(node.shape.values()) - 1}]"
        yield name, node.name


ACCELERGY = Exporter(
    "accelergy",
    "Energy and area reference tables of Accelergy.",
    {
        "ert": ExportFile("Write the energies to FILE; - is standard output.", ert_text),
        "art": ExportFile("Write the areas to FILE; - is standard output.", art_text),
    },
    help="""Write the prices of all components of ARCH as Accelergy's ERT and ART, version 0.4.

    \b
    Example:
      sata export accelergy arch/sata.yaml --ert ERT.yaml --art ART.yaml
    """,
)
