"""Exporters by name: prices of an architecture in the form of other tools, for `sata export NAME`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from sata.costs.evaluate import Price
from sata.specs.model import Arch
from sata.specs.registry import Registry, instance_of


@dataclass(frozen=True, slots=True)
class ExportFile:
    """A file that an exporter writes, of the option `--NAME FILE`.

    about: what is in it, for the help of the option.
    text: its text, of an architecture and the prices of its nodes by name. Raises SpecError for what has no form there.
    """

    about: str
    text: Callable[[Arch, Mapping[str, Price]], str]


@dataclass(frozen=True, slots=True)
class Exporter:
    """How to write prices for another tool.

    name: what `sata export` calls it.
    about: what it writes, in a few words.
    files: option -> what it writes.
    help: the help of its command; `about` without it.
    """

    name: str
    about: str
    files: Mapping[str, ExportFile]
    help: str = ""


EXPORTERS: Registry[Exporter] = Registry(
    "exporter", "sata.exporters", {"accelergy": "sata.report.accelergy:ACCELERGY"}, instance_of(Exporter)
)
