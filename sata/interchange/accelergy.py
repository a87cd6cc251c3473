"""Accelergy's energy and area reference tables (`ERT`, `ART`, versions 0.3 and 0.4) as a component library.

A table's class is the last element of its name without the range of indices: `system.chip.PE[0..127].mac` is `mac`;
where two tables end alike and differ in price, as much of the path is kept as tells them apart (`PE.mac`, `SIMD.mac`).
Units of the format: pJ an action, um2 an instance. The format: https://accelergy.mit.edu, as written by Accelergy into
timeloop-accelergy-exercises.

An action with arguments (`address_delta`, `data_delta`) has one energy for each combination. Each is an action of its
own here, `read(address_delta=0, data_delta=1)`; `read` itself is the dearest of them, as timeloop takes it.
`leak` is the energy of a cycle (`idle` before 0.4). With a clock it is the leakage, energy times clock;
without one it stays an action and leakage is not priced.
Cells have no widths here: a memory that says `width` moves that many bits with one action.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sata.specs.library.components import Component, Library, Primitive, Reference
from sata.specs.text.faults import Faults, Where, did_you_mean
from sata.specs.text.source import Doc, Path_

VERSIONS = ("0.3", "0.4")
LEAKS = ("leak", "idle")  # the first that a component has is its leakage
_INDICES = re.compile(r"\[[^\]]*\]")
_KEYS = {
    "file": ("version", "tables"), "ERT": ("name", "actions"), "ART": ("name", "area"),
    "action": ("name", "arguments", "energy"),
}  # fmt: skip


@dataclass(slots=True)
class _Table:
    """What the files say of one component. `energy_pj`: by action, combinations of arguments among them."""

    path: tuple[str, ...]
    where: Where
    energy_pj: dict[str, float] = field(default_factory=dict)
    area_um2: float | None = None
    source: str = ""


def holds_tables(doc: Doc) -> bool:
    """Is this an ERT, an ART, or both?"""
    return "ERT" in doc.data or "ART" in doc.data


def join_tables(doc: Doc, groups: list[list[Doc]], where: Where, faults: Faults) -> list[Doc] | None:
    """A new group for a file with an ERT; an ART alone joins the last group without one, and None is returned."""
    if "ERT" in doc.data:
        groups.append([doc])
        return groups[-1]
    open_group = next((g for g in reversed(groups) if not any("ART" in d.data for d in g)), None)
    if open_group is None:
        faults.add(where, f"'{doc.label}' holds areas (ART) for no energies", "name the file with the ERT before it")
    else:
        open_group.append(doc)
    return None


def parse_accelergy(docs: Sequence[Doc], clock_hz: float | None, faults: Faults) -> Library | None:
    """The library of one or two files of tables; None with faults. `clock_hz` turns energy a cycle into leakage."""
    before = len(faults)
    reader = _ErtReader(faults)
    for doc in docs:
        for key in doc.data:
            if key in ("ERT", "ART"):
                reader.tables(doc, key)
            else:
                faults.add(doc.where((key,), key=True), f"unknown key '{key}', expected one of: ERT, ART")
    if len(faults) > before:
        return None
    classes = _named(list(reader.found.values()), faults)
    name = Path(docs[0].label).stem
    components: dict[str, Component] = {n: _component(n, table, clock_hz) for n, table in classes.items()}
    files = " and ".join(doc.label for doc in docs)
    digest = "".join(doc.text_hash for doc in docs)
    return Library(name, components, None, f"Accelergy tables {files}", digest, docs[0].where(()))


class _ErtReader:
    """Collects the tables of several files by their names."""

    def __init__(self, faults: Faults) -> None:
        self.faults = faults
        self.found: dict[str, _Table] = {}

    def tables(self, doc: Doc, key: str) -> None:
        body, path = doc.data[key], (key,)
        if not self.mapping(doc, body, path, "file", ("tables",)):
            return
        if "version" in body and str(body["version"]) not in VERSIONS:
            self.faults.add(doc.where((key, "version")), f"version {body['version']} is not read",
                            f"expected one of: {', '.join(VERSIONS)}")  # fmt: skip
        if isinstance(body["tables"], dict):
            self.faults.add(doc.where((key, "tables")), "expected a list of tables",
                            "a mapping is the form before version 0.3; let a newer Accelergy write it")  # fmt: skip
        elif not isinstance(body["tables"], list):
            self.faults.add(doc.where((key, "tables")), "expected a list of tables")
        else:
            seen: dict[str, int] = {}
            for i, item in enumerate(body["tables"]):
                self.table(doc, key, item, (key, "tables", i), seen)

    def mapping(self, doc: Doc, value: Any, path: Path_, kind: str, needed: tuple[str, ...]) -> bool:
        """Is it a mapping with all of `needed` and nothing unknown?"""
        before = len(self.faults)
        known = _KEYS[kind]
        if not isinstance(value, dict):
            self.faults.add(doc.where(path), f"expected a mapping with {', '.join(needed)}")
            return False
        for name in value:
            if name not in known:
                self.faults.add(doc.where((*path, name), key=True),
                                f"unknown key '{name}', expected one of: {', '.join(known)}",
                                did_you_mean(str(name), known))  # fmt: skip
        for name in needed:
            if name not in value:
                self.faults.add(doc.where(path), f"the key '{name}' is missing")
        return len(self.faults) == before

    def table(self, doc: Doc, key: str, item: Any, path: Path_, seen: dict[str, int]) -> None:
        if not self.mapping(doc, item, path, key, _KEYS[key]):
            return
        name = item["name"]
        at = doc.where((*path, "name"))
        parts = tuple(_INDICES.sub("", name).split(".")) if isinstance(name, str) else ()
        if not parts or not all(parts):
            self.faults.add(at, f"{name!r} is not a name of a component, such as system.chip.PE[0..127].mac")
            return
        if name in seen:
            self.faults.add(at, f"the table '{name}' is defined twice", f"the first is in line {seen[name]}")
            return
        seen[name] = at.line
        table = self.found.setdefault(name, _Table(parts, at))
        table.source = f"{table.source}, {key} {name} of {doc.label}".removeprefix(", ")
        if key == "ART":
            table.area_um2 = self.number(doc, item["area"], (*path, "area"))
        elif isinstance(item["actions"], list):
            self.actions(doc, item["actions"], (*path, "actions"), table)
        else:
            self.faults.add(doc.where((*path, "actions")), "expected a list of actions")

    def actions(self, doc: Doc, items: list[Any], path: Path_, table: _Table) -> None:
        for i, item in enumerate(items):
            here = (*path, i)
            if not self.mapping(doc, item, here, "action", ("name", "energy")):
                continue
            energy = self.number(doc, item["energy"], (*here, "energy"))
            arguments = item.get("arguments")
            if not isinstance(item["name"], str) or not item["name"]:
                self.faults.add(doc.where((*here, "name")), f"{item['name']!r} is not a name of an action")
            elif arguments is not None and not isinstance(arguments, dict):
                self.faults.add(doc.where((*here, "arguments")), "expected a mapping of arguments to values")
            else:
                self.action(doc.where((*here, "name")), item["name"], arguments or {}, energy, table)

    def action(self, at: Where, name: str, arguments: Mapping[Any, Any], energy: float, table: _Table) -> None:
        told = ", ".join(f"{k}={v}" for k, v in arguments.items())
        full = f"{name}({told})" if told else name
        if full in table.energy_pj:
            both = not told and any(other.startswith(f"{name}(") for other in table.energy_pj)
            self.faults.add(at, f"the action '{full}' is defined twice", "with and without arguments" if both else "")
            return
        if told:
            table.energy_pj[name] = max(energy, table.energy_pj.get(name, 0.0))
        table.energy_pj[full] = energy

    def number(self, doc: Doc, value: Any, path: Path_) -> float:
        good = isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value) and value >= 0
        if not good:
            unit = "pJ" if path[-1] == "energy" else "um2"
            self.faults.add(doc.where(path), f"expected a number of at least 0 in {unit}, found {value!r}")
        return float(value) if good else 0.0


def _named(tables: list[_Table], faults: Faults) -> dict[str, _Table]:
    """Class -> table: the shortest ends of their paths that tell different tables apart."""
    groups: dict[str, list[_Table]] = {}
    for table in tables:
        groups.setdefault(table.path[-1], []).append(table)
    found: dict[str, _Table] = {}
    for name, alike in groups.items():
        if all((t.energy_pj, t.area_um2) == (alike[0].energy_pj, alike[0].area_um2) for t in alike):
            found[name] = alike[0]
            continue
        for length in range(2, max(len(t.path) for t in alike) + 1):
            ends = {".".join(t.path[-length:]): t for t in alike}
            if len(ends) == len(alike):
                found.update(ends)
                break
        else:
            faults.add(alike[-1].where, f"two tables of '{'.'.join(alike[-1].path)}' have different prices",
                       f"the first is in line {alike[0].where.line}")  # fmt: skip
    return found


def _component(name: str, table: _Table, clock_hz: float | None) -> Primitive:
    """A primitive without attributes. 1 pJ a cycle at 1 Hz is 1e-9 mW."""
    energy, power = dict(table.energy_pj), None
    leak = next((action for action in LEAKS if action in energy), None)
    if leak is not None and clock_hz is not None:
        power = energy.pop(leak) * clock_hz * 1e-9
    return Primitive(name, {}, Reference(), energy, table.area_um2, power, source=table.source, where=table.where)
