"""The price of a component at given attributes: a primitive, between the rows of a table, a compound's parts."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from sata.costs.check import no_action
from sata.costs.interpolate import interpolated, scaled_price
from sata.specs.library.components import (
    Component,
    Compound,
    Library,
    Primitive,
    Scalar,
    Table,
    Uncertainty,
    quantity_text,
)
from sata.specs.text.expressions import render_value
from sata.specs.text.faults import Faults, Where


@dataclass(frozen=True, slots=True)
class Price:
    """What one instance of a class costs. `area_um2`, `leakage_mw` None: not priced, `origin` says by whom.

    `origin`: for every action, where the number comes from; `area_origin`, `leakage_origin` in the same way. `parts` of
    a compound have prices and origins of their own. `uncertainty`: action -> class whose numbers are uncertain ->
    standard uncertainty of one action in pJ; `leakage_uncertainty`: class -> that of leakage in mW. Classes are
    independent, what one class adds is correlated.
    """

    component: str
    library: str
    attributes: Mapping[str, Scalar]
    energy_pj: Mapping[str, float]
    cycles: Mapping[str, float]
    area_um2: float | None
    leakage_mw: float | None
    origin: Mapping[str, str]
    area_origin: str = ""
    leakage_origin: str = ""
    kinds: Mapping[str, str] = field(default_factory=dict)
    parts: Mapping[str, Price] = field(default_factory=dict)
    uncertainty: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    leakage_uncertainty: Mapping[str, float] = field(default_factory=dict)

    def deviations(self) -> Mapping[str, Price]:
        """For each class whose numbers are uncertain: this price with uncertainties in place of energies and leakage.

        What these cost for some counts is the uncertainty of what the price itself costs for them: all is linear.
        """
        classes = dict.fromkeys(c for each in (*self.uncertainty.values(), self.leakage_uncertainty) for c in each)
        return {c: self._deviation(c) for c in classes}

    def _deviation(self, component: str) -> Price:
        energy = {action: self.uncertainty.get(action, {}).get(component, 0.0) for action in self.energy_pj}
        leakage = self.leakage_uncertainty.get(component, 0.0)
        return replace(self, energy_pj=energy, leakage_mw=leakage, uncertainty={}, leakage_uncertainty={})

    def attributes_text(self) -> str:
        """`size 144 KiB, width 64 b`."""
        return ", ".join(f"{name} {quantity_text(value, self.kinds[name])}" for name, value in self.attributes.items())


def _kinds(component: Component) -> dict[str, str]:
    return {name: attribute.kind for name, attribute in component.attributes.items()}


def _node(technology_nm: float | None) -> str:
    return f" {technology_nm:g} nm" if technology_nm is not None else ""


def primitive_price(component: Primitive, library: Library, values: Mapping[str, Scalar]) -> Price:
    """The reference point, scaled. Raises: ValueError where no scaling reaches."""
    kinds = _kinds(component)
    factors = {q: scaled_price(component.reference, kinds, values, q) for q in ("energy", "area", "leakage")}

    def priced(quantity: str, value: float | None, unit: str) -> tuple[float | None, str]:
        """(the scaled value, its origin)."""
        if value is None:
            return None, f"not priced by {library.name}: {component.name}"
        by, said = factors[quantity]
        where = f"{library.name}: {component.name}{_node(component.technology_nm)}"
        return value * by, f"{where}, {value:.6g} {unit}{said}"

    each = {action: priced("energy", pj, "pJ") for action, pj in component.energy_pj.items()}
    energy = {action: value or 0.0 for action, (value, _) in each.items()}
    area, area_origin = priced("area", component.area_um2, "um2")
    leakage, leakage_origin = priced("leakage", component.leakage_mw, "mW")
    spread = own_uncertainty(component.name, component.uncertainty, energy)
    return Price(component.name, library.name, values, energy, _cycles(component), area, leakage,
                 {action: said for action, (_, said) in each.items()}, area_origin, leakage_origin, kinds,
                 uncertainty=spread,
                 leakage_uncertainty=leakage_uncertainty(component.name, component.uncertainty, leakage))  # fmt: skip


def _cycles(component: Primitive | Table) -> dict[str, float]:
    return {action: component.cycles.get(action, 1) for action in component.actions}


def table_price(component: Table, library: Library, values: Mapping[str, Scalar]) -> Price:
    """Between the rows, then scaled in attributes that are no columns. Raises: ValueError outside the rows."""
    kinds = _kinds(component)
    found, rows = interpolated(component, values)
    amounts: dict[str, float] = {}
    origin: dict[str, str] = {}  # by quantity: `energy.read`, `area`
    for quantity, value in found.items():
        by, said = scaled_price(component.reference, kinds, values, quantity.split(".")[0])
        amounts[quantity] = value * by
        origin[quantity] = f"{library.name}: {component.name}{_node(component.technology_nm)}, {rows}{said}"
    missing = f"not priced by {library.name}: {component.name} ({component.file} has no such column)"
    energy = {q.removeprefix("energy."): v for q, v in amounts.items() if q.startswith("energy.")}
    leakage = amounts.get("leakage")
    spread = own_uncertainty(component.name, component.uncertainty, energy)
    return Price(component.name, library.name, values, energy, _cycles(component), amounts.get("area"), leakage,
                 {action: origin[f"energy.{action}"] for action in energy}, origin.get("area", missing),
                 origin.get("leakage", missing), kinds, uncertainty=spread,
                 leakage_uncertainty=leakage_uncertainty(component.name, component.uncertainty, leakage))  # fmt: skip


def own_uncertainty(
    component: str, relative: Uncertainty, energy_pj: Mapping[str, float]
) -> dict[str, dict[str, float]]:
    """Relative uncertainties of a class as the absolute ones of `Price.uncertainty`."""
    each = relative.energy.items()
    return {action: {component: share * energy_pj[action]} for action, share in each if share and energy_pj.get(action)}


def leakage_uncertainty(component: str, relative: Uncertainty, leakage_mw: float | None) -> dict[str, float]:
    """The same of its leakage, as `Price.leakage_uncertainty`."""
    return {component: relative.leakage * leakage_mw} if relative.leakage and leakage_mw else {}


def compound_price(
    component: Compound, library: Library, values: Mapping[str, Scalar], parts: Mapping[str, Price]
) -> Price:
    """Sums over parts. Area and leakage: count times the part's; not priced if one part's is not.

    Raises: SpecError for an expression that makes no count.
    """
    faults = Faults()
    origin: dict[str, str] = {}
    energy: dict[str, float] = {}
    cycles: dict[str, float] = {}
    spread: dict[str, dict[str, float]] = {}
    head = f"{library.name}: {component.name} = "
    for use in (use for bag in component.bags.values() for use in bag):
        if use.action not in parts[use.part].energy_pj:  # of a plug-in, which told its actions only now
            no_action(use.part, parts[use.part].component, use, parts[use.part].energy_pj, faults)
    faults.check()
    for action, bag in component.bags.items():
        counts = [_count(use.count, values, use.where, faults, whole=False) for use in bag]
        each = [parts[use.part].energy_pj[use.action] for use in bag]
        energy[action] = math.fsum(n * e for n, e in zip(counts, each, strict=True))
        terms = ((n, parts[use.part].uncertainty.get(use.action, {})) for n, use in zip(counts, bag, strict=True))
        spread[action] = combined(terms)
        told = (f"{n:g} {u.part}.{u.action} {e:.6g} pJ" for n, u, e in zip(counts, bag, each, strict=True))
        origin[action] = head + (" + ".join(told) or "nothing")
        slowest = max((parts[use.part].cycles[use.action] for use in bag), default=1)
        cycles[action] = component.cycles.get(action, slowest)
    numbers = {
        name: _count(part.count, values, part.places.get("count", part.where), faults, whole=True)
        for name, part in component.parts.items()
    }
    faults.check()

    def total(amounts: Mapping[str, float | None]) -> tuple[float | None, str]:
        """(area or leakage of all parts, its origin)."""
        without = [f"{n} ({parts[n].component})" for n, value in amounts.items() if value is None]
        if without:
            return None, f"not priced by the parts {', '.join(without)}"
        priced = {n: value for n, value in amounts.items() if value is not None}
        told = (f"{numbers[n]:g} {n} {v:.6g}" for n, v in priced.items())
        return math.fsum(numbers[n] * v for n, v in priced.items()), head + " + ".join(told)

    area, area_origin = total({n: p.area_um2 for n, p in parts.items()})
    leakage, leakage_origin = total({n: p.leakage_mw for n, p in parts.items()})
    leaking = ((numbers[n], p.leakage_uncertainty) for n, p in parts.items())
    return Price(component.name, library.name, values, energy, cycles, area, leakage, origin, area_origin,
                 leakage_origin, _kinds(component), parts, {name: each for name, each in spread.items() if each},
                 combined(leaking) if leakage is not None else {})  # fmt: skip


def combined(terms: Iterable[tuple[float, Mapping[str, float]]]) -> dict[str, float]:
    """Uncertainties of a sum of (number, uncertainties by class): linear within a class, classes apart."""
    found: dict[str, list[float]] = {}
    for number, each in terms:
        for component, value in each.items():
            found.setdefault(component, []).append(number * value)
    return {component: math.fsum(values) for component, values in found.items() if any(values)}


def _count(text: object, values: Mapping[str, Scalar], where: Where, faults: Faults, *, whole: bool) -> float:
    """A number of times: as written, or an expression in the attributes."""
    try:
        value = render_value(text, values) if isinstance(text, str) else text
    except ValueError as error:
        faults.add(where, str(error))
        return 0.0
    if isinstance(value, bool) or not isinstance(value, (int, float)) or value < 0 or (whole and value != int(value)):
        kind = "a whole number of parts" if whole else "a number of times"
        faults.add(where, f"expected {kind}, found {value!r}")
        return 0.0
    return float(value)
