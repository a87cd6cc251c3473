"""Given counts: a file says how often each action happens, as formulas over layer shapes, and libraries price them.

The prices are those of `sata.costs.prices`, so published accountings and our own evaluations share every number. A
formula sees the file's variables, the numbers of its layer, what `define` computed so far, and `layer` (the name),
`index` (from 0), `layers` (how many there are) and `last` (is it the last?).

Units: counts are actions; energies are pJ. The action `leak` of any class that prices its leakage is one instance for
one ns (1 mW for 1 ns is 1 pJ). Assumptions: none; what the file says is what is counted.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

from sata.costs.check import hint_with
from sata.costs.evaluate import Price
from sata.costs.nodes import load_libraries
from sata.costs.prices import Prices
from sata.specs.library.library import is_raw
from sata.specs.text import schema
from sata.specs.text.expressions import has_expression, names_in, render_value
from sata.specs.text.faults import Fault, Faults, SpecError, Where, did_you_mean
from sata.specs.text.source import Doc, Path_, read
from sata.specs.text.units import parse_quantity

LEAK = "leak"
_BUILT_IN = ("layer", "index", "layers", "last")
_LATER = ("layers", "define", "actions")


@dataclass(frozen=True, slots=True)
class GivenRecord:
    """One action of one layer in one run. `layer` is empty for actions counted once; energy_pj = count * price_pj."""

    run: str
    layer: str
    stage: str
    group: str
    component: str
    action: str
    count: float
    price_pj: float
    energy_pj: float
    origin: str


@dataclass(frozen=True, slots=True)
class GivenResult:
    """Records in the order of runs, actions, layers. `text_hash`: of the counts file and what it includes."""

    name: str
    source: str
    records: tuple[GivenRecord, ...]
    text_hash: str

    def energy_pj(self, by: Sequence[str] = ("run", "stage", "group")) -> dict[tuple[str, ...], float]:
        """Sums of energy over records that agree in the fields `by`. Raises: ValueError for a field that is none."""
        return self._sums(by, "energy_pj")

    def counts(self, by: Sequence[str] = ("run", "stage", "component", "action")) -> dict[tuple[str, ...], float]:
        """Sums of counts over records that agree in the fields `by`. Raises: ValueError for a field that is none."""
        return self._sums(by, "count")

    def _sums(self, by: Sequence[str], what: str) -> dict[tuple[str, ...], float]:
        known = [f.name for f in fields(GivenRecord) if f.type == "str"]
        for name in by:
            if name not in known:
                raise ValueError(f"'{name}' is not a field to sum over; expected some of {', '.join(known)}")
        terms: dict[tuple[str, ...], list[float]] = {}
        for record in self.records:
            terms.setdefault(tuple(getattr(record, name) for name in by), []).append(getattr(record, what))
        return {key: math.fsum(values) for key, values in terms.items()}


def price_given(source: Any, variables: Mapping[str, Any] | None = None) -> GivenResult:
    """Price the counts of a path, YAML text or dict; `variables` override those that the file declares.

    Raises: SpecError with every fault found.
    """
    doc = read(source, variables=variables, raw=lambda path: is_raw(path) or _is_later(path))
    faults = Faults()
    for name in variables or {}:
        if name not in doc.declared:
            faults.add(Where(doc.label), f"there is no variable '{name}'",
                       did_you_mean(name, doc.declared) or _variables(doc))  # fmt: skip
    if "counts" not in doc.data:
        faults.add(doc.where(()), "there is no key 'counts'", did_you_mean("counts", doc.data))
    for key in doc.data:
        if key not in ("counts", "library"):
            faults.add(doc.where((key,), key=True), f"unknown key '{key}', expected one of: counts, library, variables",
                       did_you_mean(key, ("counts", "library", "variables")))  # fmt: skip
    faults.check()
    schema.validate(doc, "counts", faults)
    faults.check()
    return _DocumentWalk(doc, faults).result()


def _variables(doc: Doc) -> str:
    return f"variables: {', '.join(doc.declared) or 'none'}"


def _is_later(path: Path_) -> bool:
    return len(path) == 2 and path[0] == "counts" and path[1] in _LATER


class _DocumentWalk:
    """Walks runs, actions and layers of a document that has passed the schema."""

    def __init__(self, doc: Doc, faults: Faults) -> None:
        self.doc, self.faults = doc, faults
        self.data: Mapping[str, Any] = doc.data["counts"]
        self.used: set[str] = set()

    def result(self) -> GivenResult:
        prices = self.prices()
        self.check_names()
        self.faults.check()
        assert prices is not None
        records: list[GivenRecord] = []
        runs: Mapping[str, Mapping[str, Any]] = self.data.get("runs") or {self.data.get("name", "counts"): {}}
        for run, changed in runs.items():
            scopes = self.scopes({**self.doc.variables, **changed})
            self.faults.check()
            for i in range(len(self.data["actions"])):
                records += self.action(run, i, scopes, prices)
            self.faults.check()
        return GivenResult(
            self.data.get("name", "counts"), self.data.get("source", ""), tuple(records), self.doc.text_hash
        )

    def prices(self) -> Prices | None:
        path: Path_ = ("counts", "libraries")
        named = [(name, self.doc.where((*path, i))) for i, name in enumerate(self.data["libraries"])]
        libraries = load_libraries(named, [self.doc], self.faults)
        technology = None
        try:
            if "technology" in self.data:
                technology = float(parse_quantity(self.data["technology"], "nm"))
        except ValueError as error:
            self.fault(("counts", "technology"), str(error))
        try:
            return Prices(libraries, technology) if not len(self.faults) else None
        except SpecError as error:
            self.faults.extend(error.faults)
            return None

    def fault(self, path: Path_, message: str, hint: str = "", key: bool = False) -> None:
        self.faults.add(self.doc.where(path, key), message, hint)

    def check_names(self) -> None:
        """Runs set declared variables; no name means two things; all numbers of layers and definitions are used."""
        variables = self.doc.declared
        for run, changed in self.data.get("runs", {}).items():
            for name in changed:
                if name not in variables:
                    self.fault(("counts", "runs", run, name), f"there is no variable '{name}'",
                               did_you_mean(name, variables) or _variables(self.doc), key=True)  # fmt: skip
        used = self._names(self.data)
        sites: list[tuple[Path_, str]] = [(("counts", "define", name), name) for name in self.data.get("define", {})]
        for i, layer in enumerate(self.data.get("layers", [])):
            sites += [(("counts", "layers", i, name), name) for name in layer if name != "name"]
        for path, name in sites:
            if name in variables or name in _BUILT_IN or (path[1] == "layers" and name in self.data.get("define", {})):
                self.fault(path, f"'{name}' already means something else", "choose another name", key=True)
            elif name not in used:
                self.fault(path, f"'{name}' is never used", key=True)

    def _names(self, data: Any) -> frozenset[str]:
        if isinstance(data, str) and has_expression(data):
            return names_in(data)
        items = data.values() if isinstance(data, dict) else data if isinstance(data, list) else ()
        return frozenset().union(*(self._names(item) for item in items))

    def scopes(self, variables: Mapping[str, Any]) -> list[tuple[str, dict[str, Any]]]:
        """The names that formulas see: for actions counted once (layer ""), then for each layer."""
        layers = self.data.get("layers", [])
        found: list[tuple[str, dict[str, Any]]] = [("", {**variables, "layers": len(layers)})]
        for i, layer in enumerate(layers):
            names = {
                **variables,
                "layers": len(layers),
                "layer": layer["name"],
                "index": i,
                "last": i == len(layers) - 1,
            }
            for name, value in layer.items():
                if name != "name":
                    names[name] = self.render(value, names, ("counts", "layers", i, name), layer["name"])
            for name, value in self.data.get("define", {}).items():
                names[name] = self.render(value, names, ("counts", "define", name), layer["name"])
            found.append((layer["name"], names))
        return found

    def render(self, value: Any, names: Mapping[str, Any], path: Path_, layer: str) -> Any:
        if not isinstance(value, str):
            return value
        try:
            return render_value(value, names)
        except ValueError as error:
            self.fault(path, f"{error}" + (f" in layer {layer}" if layer else ""))
            return 0

    def action(self, run: str, i: int, scopes: list[tuple[str, dict[str, Any]]], prices: Prices) -> list[GivenRecord]:
        """The records of one action: one for each layer where its condition holds; without layers, one."""
        item, path = self.data["actions"][i], ("counts", "actions", i)
        records = []
        for layer, names in scopes[:1] if item.get("per") == "once" or not self.data.get("layers") else scopes[1:]:
            before = len(self.faults)
            when = self.render(item.get("when", True), names, (*path, "when"), layer)
            if len(self.faults) == before and not isinstance(when, bool):
                self.fault((*path, "when"), f"expected true or false, found {when!r}")
            if not when or len(self.faults) > before:
                continue
            count = self.render(item["count"], names, (*path, "count"), layer)
            price = self.price(item, names, path, layer, prices)
            if len(self.faults) > before or price is None:
                continue
            if isinstance(count, bool) or not isinstance(count, (int, float)) or count < 0:
                self.fault(
                    (*path, "count"),
                    f"expected a number of at least 0, found {count!r}" + (f" in layer {layer}" if layer else ""),
                )
                continue
            each, origin = _energy(price, item["action"])
            key = (run, layer, item["stage"], item["group"], item["class"], item["action"])
            records.append(GivenRecord(*key, float(count), each, count * each, origin))
        return records

    def price(
        self, item: Mapping[str, Any], names: Mapping[str, Any], path: Path_, layer: str, prices: Prices
    ) -> Price | None:
        given = item.get("attributes", {})
        attributes = {n: self.render(v, names, (*path, "attributes", n), layer) for n, v in given.items()}

        def at(key: str) -> Where:
            return self.doc.where((*path, "attributes", key) if key in attributes else (*path, "class"))

        try:
            price = prices.price(item["class"], attributes, at=at)
        except SpecError as error:
            self.faults.extend(error.faults)
            return None
        if item["action"] not in price.energy_pj and (item["action"] != LEAK or price.leakage_mw is None):
            hint = hint_with(did_you_mean(item["action"], price.energy_pj), f"it has: {', '.join(price.energy_pj)}")
            self.faults.extend([Fault(self.doc.where((*path, "action")),
                                      f"no library prices '{item['action']}' of {item['class']}", hint)])  # fmt: skip
            return None
        return price


def _energy(price: Price, action: str) -> tuple[float, str]:
    """(pJ of one action, its origin); of `leak`, unless the class has an action of that name, an instance for a ns."""
    if action == LEAK and LEAK not in price.energy_pj and price.leakage_mw is not None:
        return price.leakage_mw, f"{price.leakage_origin}, for 1 ns"
    return price.energy_pj[action], price.origin[action]
