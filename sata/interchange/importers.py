"""Importers by name: files of other tools as a table or library of prices, for `sata import NAME`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from sata.specs.registry import Registry, instance_of


class ImportOptionError(ValueError):
    """An option of an importer with a value that does not do."""

    def __init__(self, option: str, message: str) -> None:
        super().__init__(message)
        self.option = option


@dataclass(frozen=True, slots=True)
class ImportOption:
    """An option `--NAME METAVAR` of an importer, and what it says; its value is text."""

    metavar: str
    about: str


@dataclass(frozen=True, slots=True)
class Importer:
    """How to read files of another tool.

    name: what `sata import` calls it.
    about: what it reads and makes, in a few words.
    read: names of files and the options that are given -> the text to write: a CSV table (docs/costs.md) or YAML of a
        library. Raises SpecError for what is wrong with a file, ImportOptionError for an option.
    help: the help of its command, Markdown-free text; `about` without it.
    options: name -> option.
    """

    name: str
    about: str
    read: Callable[[Sequence[str], Mapping[str, str]], str]
    help: str = ""
    options: Mapping[str, ImportOption] = field(default_factory=dict)


IMPORTERS: Registry[Importer] = Registry(
    "importer", "sata.importers", {"cacti": "sata.interchange.cacti:CACTI"}, instance_of(Importer)
)
