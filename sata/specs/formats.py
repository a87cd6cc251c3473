"""`format:` of a memory: how it stores a tensor, one entry per rank. Names, parameters and places are checked here.

The formats themselves are rows of `sata.specs.encodings.FORMATS`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sata.specs.encodings import FORMATS, Format
from sata.specs.registry import NotRunError
from sata.specs.text.faults import Fault, Faults, SpecError, Where, did_you_mean
from sata.specs.text.includes import what
from sata.specs.text.source import Doc, Path_

MOST_BITS = 64


SHORTHANDS: Mapping[str, tuple[str, ...]] = {"csr": ("offsets", "coordinate")}
_EXAMPLES = {"bits": "{bits: 4}", "values": "{values: false}"}


@dataclass(frozen=True, slots=True)
class RankFormat:
    """One rank of a format. `bits` None: as many as the rank's bound needs. `values` None: the format's own default;
    False: entries stand for themselves, no value is stored with them."""

    name: str
    bits: int | None = None
    values: bool | None = None
    where: Where = field(default=Where(), compare=False)


@dataclass(frozen=True, slots=True)
class TensorFormat:
    """How a kind (or a tensor) is stored: `ranks`, outermost first; the last covers all dimensions that remain.

    `where`: of the kind.
    """

    ranks: tuple[RankFormat, ...]
    where: Where = field(default=Where(), compare=False)

    def text(self) -> str:
        """As in YAML, without parameters: `offsets, coordinate`."""
        return ", ".join(rank.name for rank in self.ranks)


def parse_formats(doc: Doc, path: Path_, given: Mapping[str, Any], faults: Faults) -> dict[str, TensorFormat]:
    """The formats of a memory by kind; whatever is wrong is added to `faults`."""
    found: dict[str, TensorFormat] = {}
    for kind, entry in given.items():
        here = (*path, kind)
        entries = list(entry) if isinstance(entry, list) else [entry]
        places = [(*here, i) for i in range(len(entries))] if isinstance(entry, list) else [here]
        if not entries:
            faults.add(doc.where(here), "no format is named", _known())
        before = len(faults)
        ranks: list[RankFormat] = []
        for value, place in zip(entries, places, strict=True):
            ranks += _entry(doc, place, value, faults)
        if len(faults) == before and ranks:
            _check_places(ranks, faults)
            found[kind] = TensorFormat(tuple(ranks), doc.where(here, True))
    return found


def _entry(doc: Doc, path: Path_, value: Any, faults: Faults) -> list[RankFormat]:
    """One entry of a list: a name, or a name with its parameters. A shorthand stands for several."""
    if isinstance(value, str):
        return _named(doc, path, value, {}, faults)
    if not isinstance(value, dict) or len(value) != 1:
        found = f"a mapping of {len(value)} keys" if isinstance(value, dict) else what(value)
        faults.add(
            doc.where(path), f"expected the name of a format, or {{name: {{parameters}}}}, found {found}", _known()
        )
        return []
    name, given = next(iter(value.items()))
    if given is not None and not isinstance(given, dict):
        faults.add(doc.where((*path, name)), f"expected a mapping of parameters, found {what(given)}",
                   _takes(name) if name in FORMATS else "")  # fmt: skip
        return []
    return _named(doc, (*path, name), name, given or {}, faults)


def _named(doc: Doc, path: Path_, name: str, given: Mapping[str, Any], faults: Faults) -> list[RankFormat]:
    where = doc.where(path, True) if path[-1] == name else doc.where(path)
    if name in SHORTHANDS and not given:
        return [RankFormat(each, where=where) for each in SHORTHANDS[name]]
    if name not in FORMATS:
        if name in SHORTHANDS:
            message = f"'{name}' is short for [{', '.join(SHORTHANDS[name])}] and takes no parameters"
            faults.add(where, message, "write the list to give them")
        else:
            faults.add(where, f"unknown format '{name}'", did_you_mean(name, (*FORMATS, *SHORTHANDS)) or _known())
        return []
    try:
        form = FORMATS[name]
    except NotRunError:  # of a package: `sata check` cannot know its parameters, and says so
        return [RankFormat(name, where=where)]
    except SpecError as error:
        faults.extend([Fault(where, fault.message, fault.hint) for fault in error.faults])
        return []
    fine = [_parameter(doc, (*path, key), form, key, value, faults) for key, value in given.items()]
    return [RankFormat(name, given.get("bits"), given.get("values"), where)] if all(fine) else []


def _parameter(doc: Doc, path: Path_, form: Format, key: str, value: Any, faults: Faults) -> bool:
    """Whether a parameter is known and sound."""
    if key not in form.parameters:
        faults.add(doc.where(path, True), f"'{form.name}' has no parameter '{key}'", _takes(form.name))
        return False
    if key == "values":
        if not isinstance(value, bool):
            faults.add(doc.where(path), f"expected true or false, found {what(value)}")
        return isinstance(value, bool)
    if isinstance(value, bool) or not isinstance(value, int):
        faults.add(doc.where(path), f"expected a whole number of bits, found {what(value)}")
        return False
    if not 1 <= value <= MOST_BITS:
        faults.add(doc.where(path), f"{value} bits; a field of '{form.name}' has 1 to {MOST_BITS}")
        return False
    return True


def _check_places(ranks: list[RankFormat], faults: Faults) -> None:
    """Some formats need a rank further in, others stand for single elements."""
    for rank in ranks[:-1]:
        if _place(rank.name) == "inner":
            faults.add(rank.where, f"'{rank.name}' stands for single elements, so no rank can follow it", "put it last")
        if rank.values is not None:
            faults.add(rank.where, "'values' is said of elements, which the last rank holds", "leave it out here")
    if _place(ranks[-1].name) == "outer":
        faults.add(ranks[-1].where, f"'{ranks[-1].name}' points at a rank further in, and none follows",
                   f"such as [{ranks[-1].name}, coordinate]")  # fmt: skip


def _place(name: str) -> str:
    try:
        return FORMATS[name].place
    except NotRunError:
        return "any"


def _takes(name: str) -> str:
    try:
        parameters = FORMATS[name].parameters
    except SpecError:
        return ""
    return f"it takes {' and '.join(_EXAMPLES[p] for p in parameters)}" if parameters else "it takes none"


def _known() -> str:
    return f"formats: {', '.join((*FORMATS, *SHORTHANDS))}"
