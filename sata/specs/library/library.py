"""`library:` -> `Library`. Units end here; tables are read here. Prices are computed in `sata.costs`.

What only all searched libraries together can tell (classes of parts, cycles of compounds) is checked there too.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sata.specs.library.components import (
    QUANTITIES,
    Attribute,
    Component,
    Compound,
    Library,
    Part,
    Primitive,
    Reference,
    Scalar,
    Scale,
    Table,
    TableRow,
    Uncertainty,
    Use,
    convert,
    kind_of,
)
from sata.specs.library.estimators import read_estimator, read_uncertainty
from sata.specs.library.scaling import read_rule
from sata.specs.library.tables import LARGEST_TABLE, Column, read_table
from sata.specs.text import schema
from sata.specs.text.expressions import has_expression
from sata.specs.text.faults import Fault, Faults, SpecError, Where, did_you_mean
from sata.specs.text.files import note
from sata.specs.text.find import is_within, outside, relative_name, roots_of, shipped
from sata.specs.text.source import Doc, Path_
from sata.specs.text.units import parse_quantity

_OWN = ("class", "count")  # keys of a part that are no attributes


def is_raw(path: Path_) -> bool:
    """Is this a place whose expressions belong to a compound's attributes? For `source.read(..., raw=is_raw)`."""
    return len(path) == 4 and path[:2] == ("library", "components") and path[3] in ("parts", "actions")


def parse_library(doc: Doc, faults: Faults) -> Library | None:
    """The library of a document that has the key `library`, or None with faults.

    The document must have been read with `raw=is_raw`.
    """
    before = len(faults)
    if not schema.validate(doc, "library", faults):
        return None
    reader = _LibraryReader(doc, faults)
    library = reader.library(doc.data["library"])
    return library if len(faults) == before else None


class _LibraryReader:
    """Reads data that has passed the schema."""

    def __init__(self, doc: Doc, faults: Faults) -> None:
        self.doc, self.faults = doc, faults
        self.digest = hashlib.sha256(doc.text_hash.encode())
        self.technology: float | None = None

    def library(self, data: Mapping[str, Any]) -> Library:
        root: Path_ = ("library",)
        self.technology = self.quantity(data, "technology", "nm", root)
        components: dict[str, Component] = {}
        for i, item in enumerate(data["components"]):
            path: Path_ = (*root, "components", i)
            component = self.component(item, path)
            if component.name in components:
                line = components[component.name].where.line
                self.faults.add(self.doc.where((*path, "class")), f"the class '{component.name}' is defined twice",
                                f"the first is in line {line}" if line else "")  # fmt: skip
            components.setdefault(component.name, component)
        return Library(data["name"], components, self.technology, data.get("source", ""), self.digest.hexdigest(),
                       self.doc.where(root))  # fmt: skip

    def component(self, data: Mapping[str, Any], path: Path_) -> Component:
        if "table" in data:
            return self.table(data, path)
        if "estimator" in data or "plugin" in data:
            return read_estimator(data, path, self.doc, self.faults)
        return self.compound(data, path) if "actions" in data else self.primitive(data, path)

    # --- single values -------------------------------------------------------------------------------------------

    def fault(self, path: Path_, message: str, hint: str = "", key: bool = False) -> None:
        self.faults.add(self.doc.where(path, key), message, hint)

    def quantity(self, data: Mapping[str, Any], key: str, dimension: str, path: Path_) -> Any:
        if key not in data:
            return None
        try:
            return parse_quantity(data[key], dimension)
        except ValueError as error:
            self.fault((*path, key), str(error))
            return None

    def node(self, data: Mapping[str, Any], path: Path_) -> float | None:
        """The technology of one component: its own `at.technology`, else the library's."""
        own = self.quantity(data.get("at", {}), "technology", "nm", (*path, "at"))
        return self.technology if own is None else float(own)

    def attributes(self, data: Mapping[str, Any], path: Path_, known: Mapping[str, str]) -> dict[str, Attribute]:
        """Of `at` and `attributes`, after those that a table's columns declare (`known`: name -> kind).

        A reference point is its attribute's default, unless `attributes` gives another.
        """
        found = {name: Attribute(name, kind) for name, kind in known.items()}
        for block in ("at", "attributes"):
            for name, value in data.get(block, {}).items():
                if (block, name) == ("at", "technology"):
                    continue
                here = (*path, block, name)
                if block == "at" and name in known:
                    self.fault(
                        here, f"'{name}' is a column of the table", "give a default in 'attributes' instead", key=True
                    )
                kind = found[name].kind if name in found else kind_of(value)
                try:
                    found[name] = Attribute(name, kind, convert(value, kind), self.doc.where(here))
                except ValueError as error:
                    self.fault(here, str(error))
        return found

    # --- scaling -------------------------------------------------------------------------------------------------

    def reference(self, data: Mapping[str, Any], path: Path_, priced: list[str]) -> Reference:
        """`at` and `scale`; `priced`: the quantities that the component has."""
        at = {n: convert(v, kind_of(v)) for n, v in data.get("at", {}).items() if n != "technology"}
        scales: dict[str, dict[str, Scale]] = {}
        for name, rule in data.get("scale", {}).items():
            here = (*path, "scale", name)
            if name not in at:
                self.fault(here, f"'{name}' has no reference point in 'at'", did_you_mean(name, at), key=True)
            elif kind_of(data["at"][name]) in ("text", "boolean"):
                self.fault(here, f"'{name}' is not a number and cannot scale", key=True)
            else:
                scales[name] = self.scale(rule, here, at[name], kind_of(data["at"][name]), priced)
        return Reference(at, scales)

    def scale(self, rule: Any, path: Path_, at: Scalar, kind: str, priced: list[str]) -> dict[str, Scale]:
        if isinstance(rule, dict) and "table" not in rule and "power" not in rule:
            for quantity in priced:
                if quantity not in rule:
                    self.fault(
                        path, f"does not say how {quantity} scales", f"add '{quantity}: constant' if it does not"
                    )
            return {q: self.rule(r, (*path, q), at, kind) for q, r in rule.items()}
        return dict.fromkeys(QUANTITIES, self.rule(rule, path, at, kind))

    def rule(self, rule: Any, path: Path_, at: Scalar, kind: str) -> Scale:
        def fault(below: Path_, message: str, key: bool = False) -> None:
            self.fault((*path, *below), message, key=key)

        return read_rule(rule, at, kind, fault)

    # --- the three kinds -----------------------------------------------------------------------------------------

    def primitive(self, data: Mapping[str, Any], path: Path_) -> Primitive:
        energy = {a: self.quantity(data["energy"], a, "pj", (*path, "energy")) for a in data["energy"]}
        area = self.quantity(data, "area", "um2", path)
        leakage = self.quantity(data, "leakage", "mw", path)
        priced = [q for q in QUANTITIES if q in data]
        return Primitive(
            data["class"], self.attributes(data, path, {}), self.reference(data, path, priced), energy, area, leakage,
            self.cycles(data, path, list(energy)), self.node(data, path), data.get("source", ""),
            self.doc.where((*path, "class")), self.uncertainty(data, path, list(energy), leakage is not None),
        )  # fmt: skip

    def cycles(self, data: Mapping[str, Any], path: Path_, actions: list[str]) -> dict[str, float]:
        for action in data.get("cycles", {}):
            if action not in actions:
                self.fault((*path, "cycles", action), f"'{action}' is not an action of '{data['class']}'",
                           did_you_mean(action, actions) or f"it has: {', '.join(actions)}", key=True)  # fmt: skip
        return {action: int(n) if n == int(n) else float(n) for action, n in data.get("cycles", {}).items()}

    def uncertainty(self, data: Mapping[str, Any], path: Path_, actions: list[str], leaks: bool) -> Uncertainty:
        return read_uncertainty(data, path, actions, leaks, self.doc, self.faults)

    def table(self, data: Mapping[str, Any], path: Path_) -> Table:
        label, columns, rows = self.rows(data["table"], (*path, "table"))
        known = {c.name: c.kind for c in columns if c.role == "attribute"}
        priced = sorted({c.name.split(".")[0] for c in columns if c.role == "value"})
        for name in data.get("interpolate", {}) if columns else ():
            here = (*path, "interpolate", name)
            if name not in known:
                self.fault(here, f"'{name}' is not a column of {label}",
                           did_you_mean(name, known) or f"it has: {', '.join(known)}", key=True)  # fmt: skip
            elif known[name] == "text":
                self.fault(here, f"the column '{name}' of {label} holds words and cannot be interpolated", key=True)
        interpolate = {n: how for n, how in data.get("interpolate", {}).items() if known.get(n, "text") != "text"}
        self.check_positive(interpolate, rows, path, label)
        actions = [c.name.removeprefix("energy.") for c in columns if c.name.startswith("energy.")]
        return Table(
            data["class"], self.attributes(data, path, known), label, tuple(rows), interpolate,
            self.reference(data, path, priced), data.get("extrapolate", False),
            self.cycles(data, path, actions) if columns else {}, self.node(data, path), data.get("source", ""),
            self.doc.where((*path, "class")),
            self.uncertainty(data, path, actions, "leakage" in priced) if columns else Uncertainty(),
        )  # fmt: skip

    def check_positive(self, interpolate: Mapping[str, str], rows: list[TableRow], path: Path_, label: str) -> None:
        """A logarithm needs positive numbers: of the attribute for `log`, of attribute and values for `power`."""
        for name, how in interpolate.items():
            for row in rows:
                key, values = row.keys[name], row.values.values() if how == "power" else ()
                if how != "linear" and (float(key) <= 0 or any(v <= 0 for v in values)):
                    below = [n for n, v in {name: key, **row.values}.items() if float(v) <= 0]
                    self.faults.add(Where(label, row.line, 1, below[0]),
                                    f"'{how}', which the library asks for, needs numbers above zero")  # fmt: skip

    def rows(self, name: str, path: Path_) -> tuple[str, list[Column], list[TableRow]]:
        """Read a table: beside the file that names it, else among the shipped components."""
        where = self.doc.where(path)
        file = self.locate(name, where)
        if isinstance(file, str):
            self.faults.add(where, file)
            return name, [], []
        if file is None:
            self.faults.add(where, f"there is no table '{name}'", f"looked in {self.folders(where)[0].as_posix()}")
            return name, [], []
        note(file)
        try:
            with file.open("rb") as stream:
                content = stream.read(LARGEST_TABLE + 1)
        except OSError as error:
            reason = (error.strerror or str(error)).lower()
            self.faults.extend([Fault(where, f"the table '{name}' cannot be read: {reason}", passing=True)])
            return name, [], []
        self.digest.update(len(content).to_bytes(8, "little") + content)
        label = (Path(where.file).parent / name).as_posix() if not where.file.startswith("<") else name
        columns, rows = read_table(content, label, self.faults)
        return label, columns, rows

    def locate(self, name: str, where: Where) -> Path | str | None:
        """The table's file; None where there is none, a sentence where it may not be read."""
        try:
            relative_name(name, where)
            for folder in self.folders(where):
                if not is_within(folder / name, roots_of(folder)):
                    return outside(name)
                if (folder / name).is_file():
                    return folder / name
        except SpecError as error:
            return error.faults[0].message
        except (OSError, ValueError):  # a name that the system refuses
            return None
        return None

    def folders(self, where: Where) -> list[Path]:
        """Folders of the files read, that of the file which names the table first; then the shipped one."""
        files = sorted(self.doc.files, key=lambda f: f.name != Path(where.file).name)
        return [*dict.fromkeys(f.parent for f in files), *([] if files else [Path()]), shipped("components")]

    def compound(self, data: Mapping[str, Any], path: Path_) -> Compound:
        attributes = self.attributes(data, path, {})
        parts = {name: self.part(name, part, (*path, "parts", name)) for name, part in data["parts"].items()}
        bags = {action: tuple(u for key in bag if (u := self.use(key, bag[key], parts, (*path, "actions", action))))
                for action, bag in data["actions"].items()}  # fmt: skip
        return Compound(
            data["class"], attributes, parts, bags, self.cycles(data, path, list(bags)), data.get("source", ""),
            self.doc.where((*path, "class")),
        )  # fmt: skip

    def part(self, name: str, data: Mapping[str, Any], path: Path_) -> Part:
        if isinstance(data.get("count"), str) and not has_expression(data["count"]):
            self.fault((*path, "count"), f"expected a number or an expression, found '{data['count']}'")
        attributes = {key: value for key, value in data.items() if key not in _OWN}
        places = {key: self.doc.where((*path, key)) for key in data}
        return Part(name, data["class"], attributes, data.get("count", 1), self.doc.where(path), places)

    def use(self, key: str, count: Any, parts: Mapping[str, Part], path: Path_) -> Use | None:
        """`part.action: count`."""
        here = (*path, key)
        part, dot, action = key.partition(".")
        if not dot or not action:
            self.fault(here, f"'{key}' is not an action of a part", "expected 'part.action: count'", key=True)
            return None
        if part not in parts:
            self.fault(
                here, f"there is no part '{part}'", did_you_mean(part, parts) or f"parts: {', '.join(parts)}", key=True
            )
            return None
        if isinstance(count, str) and not has_expression(count):
            self.fault(here, f"expected a number or an expression, found '{count}'")
            return None
        return Use(part, action, count, self.doc.where(here, key=True))
