"""`sata list --extensions`: what is known by name, and who registers it. Nothing of a package is loaded."""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module
from typing import TYPE_CHECKING, Any

from sata.specs.registry import OWN, Registry, RegistryRow, entry_points_of, package_of

if TYPE_CHECKING:
    from sata.report.text import Block

# Every registry of sata. A new one is a row here; tests/registries holds each row to a test, a page and a listing.
REGISTRIES = {
    "density model": "sata.counts.density:MODELS",
    "format": "sata.specs.encodings:FORMATS",
    "rule": "sata.specs.rules:RULES",
    "strategy": "sata.search.engine.propose:STRATEGIES",
    "picture": "sata.report.pictures.kinds:PICTURES",
    "exporter": "sata.report.exporters:EXPORTERS",
    "importer": "sata.interchange.importers:IMPORTERS",
}


def registry_of(kind: str) -> Registry[Any]:
    """The registry of a kind of extension."""
    module, _, name = REGISTRIES[kind].partition(":")
    found = getattr(import_module(module), name)
    assert isinstance(found, Registry)
    return found


def extensions() -> Iterator[tuple[str, str, list[RegistryRow]]]:
    """(kind, entry-point group, rows) of everything that packages may add to."""
    from sata.plugins import GROUP
    from sata.specs.workload.template_file import TEMPLATE_GROUP, template_rows

    for kind in REGISTRIES:
        registry = registry_of(kind)
        yield kind, registry.group, registry.rows()
    yield "template", TEMPLATE_GROUP, template_rows()
    plugins = [RegistryRow(name, package_of(point), point.value) for name, points in entry_points_of(GROUP).items()
               for point in points]  # fmt: skip
    yield "component", GROUP, plugins


def extension_blocks() -> list[Block]:
    """A list for each kind: sata's own names in a line, and a line for each of a package."""
    from sata.report.text import Lines

    blocks: list[Block] = []
    for kind, group, rows in extensions():
        own = [row.name for row in rows if row.owner == OWN]
        lines = [f"  sata  {', '.join(own)}"] if own else []
        for row in rows:
            if row.owner != OWN:
                fault = f"; cannot be used: {row.fault}" if row.fault else ""
                lines.append(f"  {row.owner}  {row.name} ({row.target}){fault}")
        blocks.append(Lines(f"{kind} ({group})", tuple(lines or ["  none but those of libraries"])))
    return blocks


def extension_data() -> list[dict[str, Any]]:
    """The same as data."""
    return [{"kind": kind, "group": group, "name": row.name, "owner": row.owner, "target": row.target,
             "fault": row.fault or None} for kind, group, rows in extensions() for row in rows]  # fmt: skip
