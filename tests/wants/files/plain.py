"""`plain`: the energies of an architecture as comma-separated text."""

from __future__ import annotations

from collections.abc import Mapping

from sata.costs.evaluate import Price
from sata.report.exporters import Exporter, ExportFile
from sata.specs.model import Arch


def text(arch: Arch, prices: Mapping[str, Price]) -> str:
    rows = [f"{node},{action},{pj:g}" for node, price in prices.items() for action, pj in price.energy_pj.items()]
    return "\n".join(["node,action,energy_pj", *rows, ""])


PLAIN = Exporter("plain", "Energies as comma-separated text.", {"csv": ExportFile("Write the energies to FILE.", text)})
