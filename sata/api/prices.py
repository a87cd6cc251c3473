"""Prices of a spec's architecture, as rows and as tables of Accelergy."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING

from sata.api.arguments import one_of
from sata.costs.evaluate import Price
from sata.costs.nodes import price_nodes, price_table, prices_of
from sata.report.exporters import EXPORTERS
from sata.specs import load
from sata.specs.model import Arch
from sata.specs.text.faults import Faults

if TYPE_CHECKING:
    from sata.api.parts import Source
    from sata.api.spec import Scalar, Spec


def priced(arch: Source, variables: Mapping[str, Scalar]) -> tuple[Arch, dict[str, Price]]:
    """An architecture and the prices of its nodes, by name. Raises: SpecError with all faults."""
    loaded = load(arch, variables=variables)
    assert loaded.arch is not None
    faults = Faults()
    prices = prices_of(loaded.arch, loaded.docs, faults)
    nodes = price_nodes(loaded.arch, prices, faults, loaded.docs[0]) if prices is not None else {}
    faults.check()
    return loaded.arch, nodes


def _priced_spec(spec: Spec) -> tuple[Arch, dict[str, Price]]:
    source = spec.sources[0]
    doc = spec._parts.loaded.taken["arch"][0]
    return priced(source, {name: value for name, value in spec.variables.items() if name in doc.declared})


def price_rows(spec: Spec) -> list[dict[str, object]]:
    """The rows of `Spec.prices`."""
    return [asdict(row) for row in price_table(*_priced_spec(spec))]


def exported(spec: Spec, tool: str) -> dict[str, str]:
    """The files of `Spec.export`."""
    exporter = EXPORTERS[one_of("tool", tool, tuple(EXPORTERS))]
    parsed, nodes = _priced_spec(spec)
    return {name: file.text(parsed, nodes) for name, file in exporter.files.items()}
