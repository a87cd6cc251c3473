"""Specs: text -> frozen values, and every fault with its place. `load` reads a run, `check_specs` single files."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sata.specs.arch import parse_arch
from sata.specs.mapping import parse_mapping
from sata.specs.model import Arch, MappingSpec, Workload
from sata.specs.text.faults import Fault, Faults, SpecError, Where, did_you_mean, nearest
from sata.specs.text.source import Doc, Path_, read
from sata.specs.workload.workload import parse_workload

__all__ = ["Fault", "Faults", "Loaded", "SpecError", "Where", "check_specs", "load", "load_or_without"]

TOP_KEYS = ("arch", "workload", "mapping", "library")
ARGUMENTS = ("arch", "workload", "mapping", "ops")  # of calls that take variables beside them
FOLDERS = {"arch": "arch", "workload": "workloads", "mapping": "mappings", "library": "components"}


@dataclass(frozen=True, slots=True)
class Loaded:
    """What the sources of a run say. `inline_libraries`: documents that hold a `library`, and its path in them.

    `taken`: top key -> the document that it was taken from, and the source as it was given; a shipped mapping that no
    one named has no source, and is not in it.
    """

    arch: Arch | None
    workload: Workload | None
    mapping: MappingSpec | None
    docs: tuple[Doc, ...]
    inline_libraries: tuple[tuple[Doc, Path_], ...] = ()
    taken: Mapping[str, tuple[Doc, Any]] = field(default_factory=dict)


def load(arch: Any = None, workload: Any = None, mapping: Any = None, *, libraries: Sequence[Any] = (),
         variables: Mapping[str, Any] | None = None, shipped_mapping: bool = False) -> Loaded:  # fmt: skip
    """Read and parse the sources of a run: each a path, YAML text, a dict or None.

    One source may hold several of the top keys. What is named for a key goes first; a key for which nothing is named
    is taken from the first source that holds it. `shipped_mapping`: without a mapping, that of the architecture's
    name (`mappings/NAME.yaml`) is read.
    Raises: SpecError with the faults of all sources, in the order of sources and lines.
    """
    reading = _Reading(variables or {})
    if mapping is None and arch is not None and workload is not None and reading.two(arch, workload):
        workload, mapping = None, workload
    given = [("arch", arch), ("workload", workload), ("mapping", mapping), *(("library", lib) for lib in libraries)]
    named = {}
    for key, source in given:
        doc = reading.read(source, FOLDERS[key]) if source is not None else None
        if doc is not None and key not in doc.data:
            held = ", ".join(k for k in TOP_KEYS if k in doc.data) or "nothing known"
            reading.faults.add(Where(doc.label), f"holds no '{key}'", f"it holds {held}")
        elif doc is not None:
            named[key] = doc
    parsed: dict[str, Any] = {}
    taken: dict[str, tuple[Doc, Any]] = {}
    for key, parse in _PARSERS.items():
        doc = named.get(key) or next((d for d in reading.docs if key in d.data), None)
        if doc is not None and key in doc.data:
            taken[key] = (
                doc,
                next(source for _, source in given if source is not None and reading.doc_of(source) is doc),
            )
        if doc is None and key == "mapping" and shipped_mapping and mapping is None and parsed["arch"] is not None:
            doc = reading.read_if_there(f"mappings/{parsed['arch'].name}.yaml", "mappings")
        parsed[key] = parse(doc, reading.faults) if doc is not None and key in doc.data else None
    reading.finish()
    inline = tuple((doc, ("library",)) for doc in reading.docs if "library" in doc.data)
    return Loaded(parsed["arch"], parsed["workload"], parsed["mapping"], tuple(reading.docs), inline, taken)


def load_or_without(arch: Any, workload: Any, mapping: Any, variables: Mapping[str, Any]) -> Loaded:
    """`load`, the shipped mapping of the architecture's name included; a shipped one with faults is left aside."""
    try:
        return load(arch, workload, mapping, variables=variables, shipped_mapping=True)
    except SpecError:
        if mapping is not None:
            raise
    return load(arch, workload, None, variables=variables, shipped_mapping=False)


def check_specs(*sources: Any, variables: Mapping[str, Any] | None = None,
          further: Callable[[Workload, Faults], None] | None = None) -> list[Fault]:  # fmt: skip
    """The faults of each source on its own, for whatever top keys it holds. Nothing is raised for bad input.

    further: what is to be checked of workloads that have no fault by themselves.
    """
    reading = _Reading(variables or {})
    for source in sources:
        doc = reading.read(source, "")
        for key in doc.data if doc is not None else ():
            if doc is not None and key in TOP_KEYS:
                parsed = (_PARSERS.get(key) or _parse_library)(doc, reading.faults)
                if further is not None and isinstance(parsed, Workload):
                    further(parsed, reading.faults)
    try:
        reading.finish()
    except SpecError as error:
        return error.faults
    return []


def _variable_hint(name: str, docs: Sequence[Doc]) -> str:
    """The nearest variable, or how to make one of the key that the user may mean; then what is declared, and where."""
    each = [(doc.label, list(doc.declared)) for doc in docs if doc.declared]
    if len(each) == 1:
        known = f"(declared: {', '.join(each[0][1])})"
    else:
        listed = "; ".join(f"{label} declares {', '.join(names)}" for label, names in each)
        known = f"({listed or 'none is declared'})"
    parts = [(doc, part) for doc in docs for part in TOP_KEYS if isinstance(doc.data.get(part), dict)]
    keys = {key: (part, doc) for doc, part in parts for key, value in doc.data[part].items()
            if isinstance(value, (int, float, str)) and key != "name"}  # fmt: skip
    variables = {variable for _, names in each for variable in names}
    near = nearest(name, [*variables, *keys])
    if near in keys and near not in variables:
        part, doc = keys[near]
        written = f'write `{near}: "{{{{ {near} }}}}"` and `variables: {{{near}: {doc.data[part][near]}}}`'
        return f"'{near}' is a key of {part}, no variable: {written} in {doc.label} to make it one {known}"
    argument = "" if near else nearest(name, ARGUMENTS)
    hint = f"did you mean '{near}'? " if near else f"did you mean the argument '{argument}'? " if argument else ""
    return f"{hint}{known}"


_PARSERS: dict[str, Callable[[Doc, Faults], Any]] = {
    "arch": parse_arch,
    "workload": parse_workload,
    "mapping": parse_mapping,
}


def _parse_library(doc: Doc, faults: Faults) -> Any:
    from sata.specs.library.library import parse_library

    return parse_library(doc, faults)


def _key_of(source: Any) -> Any:
    """What tells sources apart while they are read."""
    return os.fspath(source) if isinstance(source, (str, os.PathLike)) else id(source)


class _Reading:
    """Reads sources once each, and collects faults over all of them."""

    def __init__(self, variables: Mapping[str, Any]) -> None:
        self.variables, self.faults = variables, Faults()
        self.docs: list[Doc] = []
        self._read: dict[Any, Doc | None] = {}
        self._failed = False

    def doc_of(self, source: Any) -> Doc | None:
        """The document that a source has become, if it has been read."""
        return self._read.get(_key_of(source))

    def read(self, source: Any, folder: str) -> Doc | None:
        key = _key_of(source)
        if key in self._read:
            return self._read[key]
        doc = None
        try:
            doc = read(source, variables=self.variables, folder=folder, raw=_raw)
        except SpecError as error:
            self.faults.extend(error.faults)
            self._failed = True
        self._read[key] = doc
        if doc is not None:
            self.docs.append(doc)
            self.check_keys(doc)
        return doc

    def two(self, first: Any, second: Any) -> bool:
        """Whether two sources are one with architecture and workload, and a mapping."""
        doc = self.read(first, FOLDERS["arch"])
        if doc is None or not {"arch", "workload"} <= doc.data.keys():
            return False
        other = self.read(second, FOLDERS["workload"])
        return other is not None and "workload" not in other.data and "mapping" in other.data

    def read_if_there(self, name: str, folder: str) -> Doc | None:
        from sata.specs.text.find import find, mapping_name

        try:
            if not mapping_name(name.removeprefix("mappings/").removesuffix(".yaml")):
                return None  # a name that leads elsewhere
            find(name, folder)
        except SpecError:
            return None
        return self.read(name, folder)

    def check_keys(self, doc: Doc) -> None:
        known = (*TOP_KEYS, "variables", "include")
        for key in doc.data:
            if key not in TOP_KEYS:
                message = f"unknown top key '{key[:60]}', expected one of: {', '.join(known)}"
                self.faults.add(doc.where((key,), True), message, did_you_mean(key, known))
        if not doc.data:
            self.faults.add(Where(doc.label), f"holds nothing, expected one of: {', '.join(TOP_KEYS)}")

    def finish(self) -> None:
        """Raises: SpecError with all faults, in the order of the sources and of their lines."""
        declared = {name for doc in self.docs for name in doc.declared}
        for name in self.variables if not self._failed else ():
            if name not in declared:
                self.faults.add(Where(), f"no file declares the variable '{name}'", _variable_hint(name, self.docs))
        if len(self.faults):
            raise SpecError(in_order(self.faults, [doc.label for doc in self.docs]))


def in_order(faults: Iterable[Fault], labels: Sequence[str]) -> list[Fault]:
    """By source (files they include come last), then by line and column; faults without a line keep their order."""
    place = {label: i for i, label in enumerate(labels)}

    def key(fault: Fault) -> tuple[int, str, int, int]:
        known = fault.file in place or not fault.file
        number = place.get(fault.file, len(place) if fault.file else -1)
        return number, "" if known else fault.file, fault.line, fault.column

    return sorted(faults, key=key)


def _raw(path: Path_) -> bool:
    """Expressions in the parts and actions of a library belong to the attributes of their class, not to the file."""
    if path[:2] != ("library", "components"):
        return False
    from sata.specs.library.library import is_raw

    return is_raw(path)
