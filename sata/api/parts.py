"""The parts of a spec: what was given for each, and what that says once it is read."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import cast

from sata.api.documents import arch_data, mapping_document
from sata.report.ops_text import ops_yaml
from sata.specs import Loaded, load_or_without
from sata.specs.model import Arch, MappingSpec, Workload
from sata.specs.text.expressions import has_expression, names_in
from sata.specs.text.faults import Fault, SpecError, Where
from sata.specs.text.source import Doc, read

Source = str | os.PathLike[str] | dict[str, object]  # a path, YAML text, or what a file holds
KEYS = ("arch", "workload", "mapping")


@dataclass(frozen=True)
class Given:
    """The sources of a spec, as `sata.specs.load` takes them."""

    arch: Source
    workload: Source | None = None
    mapping: Source | None = None

    @property
    def sources(self) -> tuple[Source, Source | None, Source | None]:
        return self.arch, self.workload, self.mapping

    @classmethod
    def of_values(
        cls, arch: Arch | Mapping[str, object], workload: Workload | Mapping[str, object] | None,
        mapping: MappingSpec | Sequence[Mapping[str, object]] | None, library: Mapping[str, object] | None,
    ) -> Given:  # fmt: skip
        """Of objects, or of the values of `arch:`, `workload:`, `mapping:` and `library:`."""
        first: dict[str, object] = {"arch": arch_data(arch) if isinstance(arch, Arch) else _plain(arch)}
        if library is not None:
            first["library"] = _plain(library)
        second = workload if workload is None or isinstance(workload, Workload) else {"workload": _plain(workload)}
        third = mapping if mapping is None or isinstance(mapping, MappingSpec) else {"mapping": _plain(mapping)}
        return cls(first, source_of("workload", second), source_of("mapping", third))

    def changed(self, parts: Parts, new: Mapping[str, object]) -> Given:
        """With other sources for some parts; a source that held several keys still serves for the others."""
        named = {key: source for key, (_, source) in parts.loaded.taken.items()}
        for key, value in new.items():
            if value is not None:
                named[key] = source_of(key, value)
        if "arch" in new and new["arch"] is not None:
            kept = [source for key, source in named.items() if key != "arch"]
            doc = parts.loaded.taken["arch"][0]
            if "library" in doc.data and parts.loaded.taken["arch"][1] not in kept and isinstance(named["arch"], dict):
                named["arch"] = {**extra_of([doc]), **named["arch"]}
        return replace(self, **named)


def source_of(key: str, value: object) -> Source | None:
    """An object as a source; sources as they are."""
    if isinstance(value, Arch):
        return {"arch": arch_data(value)}
    if isinstance(value, MappingSpec):
        return {"mapping": mapping_document(value)}
    if isinstance(value, Workload):
        return {"workload": read(ops_yaml(value)).data["workload"]}
    if value is None or isinstance(value, (str, os.PathLike)):
        return value
    if isinstance(value, Mapping):
        return cast("dict[str, object]", _plain(value))
    kind = type(value).__name__
    message = f"expected an object of this part, a path, YAML text or a dict, not {kind}"
    raise SpecError([Fault(Where(path=key), message)])


def _plain(value: object) -> object:
    """Mappings and sequences as dicts and lists, to the bottom."""
    if isinstance(value, Mapping):
        return {key: _plain(inner) for key, inner in value.items()}
    return [_plain(inner) for inner in value] if isinstance(value, (list, tuple)) else value


@dataclass(frozen=True)
class Parts:
    """What the sources say."""

    loaded: Loaded
    arch: Arch
    workload: Workload | None
    mapping: MappingSpec | None

    def data(self, key: str) -> object:
        """The value of a part as its source has it, variables filled in and includes merged; None without a source."""
        return self.loaded.taken[key][0].data[key] if key in self.loaded.taken else None

    def extra(self) -> dict[str, object]:
        """The library that stands in one of the sources, and the variables that its expressions use."""
        return extra_of([doc for doc, _ in self.loaded.inline_libraries])

    def need_workload(self) -> Workload:
        """Raises: SpecError if there is none."""
        if self.workload is None:
            raise SpecError([Fault(Where(), "no workload given: none of the sources holds one")])
        return self.workload


def extra_of(docs: Sequence[Doc]) -> dict[str, object]:
    """`variables:` and `library:` of documents, of which at most one can go into a single file."""
    if len(docs) > 1:
        labels = " and ".join(doc.label for doc in docs)
        raise SpecError([Fault(Where(docs[1].label), f"{labels} hold a library each: one document takes one")])
    for doc in docs:
        used = _names(doc.data["library"])
        variables = {name: value for name, value in doc.variables.items() if name in used}
        return {**({"variables": variables} if variables else {}), "library": doc.data["library"]}
    return {}


def _names(value: object) -> set[str]:
    """Variables that expressions in a value use."""
    if isinstance(value, dict):
        return {name for inner in value.values() for name in _names(inner)}
    if isinstance(value, list):
        return {name for inner in value for name in _names(inner)}
    return set(names_in(value)) if isinstance(value, str) and has_expression(value) else set()


def read_parts(given: Given, variables: Mapping[str, object]) -> Parts:
    """Read all sources. Raises: SpecError with all faults."""
    loaded = load_or_without(*given.sources, variables)
    if loaded.arch is None:
        raise SpecError([Fault(Where(), "no arch given: none of the sources holds one")])
    return Parts(loaded, loaded.arch, loaded.workload, loaded.mapping if "mapping" in loaded.taken else None)
