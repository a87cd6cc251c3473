"""Prices of an architecture: its libraries, a price for every node, sums over instances, the table of prices."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from sata.costs.energy import EVENT_ACTIONS
from sata.costs.evaluate import Price
from sata.costs.kept import check_named, inline_library, library_of, prices_for
from sata.costs.prices import At, Prices
from sata.interchange.accelergy import holds_tables, join_tables, parse_accelergy
from sata.specs.library.components import Library, Scalar
from sata.specs.model import Arch, Array, Compute, Memory
from sata.specs.text.faults import Fault, Faults, SpecError, Where
from sata.specs.text.find import FOLDERS, shipped
from sata.specs.text.source import Doc, Path_
from sata.specs.tree import placed

_STEP = re.compile(r"\[(\d+)\]|\.?([^.\[\]]+)")


@dataclass(frozen=True, slots=True)
class PriceRow:
    """One line of `sata price`: a quantity of a node. `unit`: pJ, um2 or mW; `value` None is not priced.

    `cycles` of an action, else 0; `instances` of the node in the whole architecture.
    """

    node: str
    component: str
    attributes: str
    quantity: str
    value: float | None
    unit: str
    cycles: float
    instances: int
    library: str
    origin: str


def load_libraries(names: Sequence[tuple[str, Where]], inline: Sequence[Doc], faults: Faults,
                   clock_hz: float | None = None) -> list[Library]:  # fmt: skip
    """Libraries in the order they are searched: those standing in the given documents, then those named.

    A name may mean an inline library; else it is a file, in the current folder, beside the first document or among the
    shipped ones: a library, or tables of Accelergy (`sata.interchange.accelergy`), to which `clock_hz` matters.
    """
    base = inline[0].files[0].parent if inline and inline[0].files else None
    if base is not None and any(base.is_relative_to(shipped(folder)) for folder in FOLDERS):
        base = None
    libraries = [lib for doc in inline if "library" in doc.data and (lib := inline_library(doc, faults))]
    known = {library.name for library in libraries}
    failed = any("library" in doc.data for doc in inline) and not libraries
    tables: list[list[Doc]] = []  # groups of files of Accelergy
    places: list[tuple[int, list[Doc]]] = []
    for name, where in names:
        if name in known or failed:
            continue
        try:
            if where.file:  # a file names it, not the user
                check_named(name, base, where)
            found = library_of(name, faults, base)
        except SpecError as error:
            # Faults inside the file keep their place; a file that is not there is a fault of the line that names it.
            faults.extend(f if f.line else _named(f, name, where) for f in error.faults)
            continue
        if isinstance(found, Library):
            libraries.append(found)
        elif found is not None and holds_tables(found):
            if group := join_tables(found, tables, where, faults):
                places.append((len(libraries), group))
        elif found is not None:
            faults.add(where, f"'{name}' holds no library", f"its keys are {', '.join(found.data)}")
    for at, group in reversed(places):  # later ones first, so that the places of earlier ones hold
        if library := parse_accelergy(group, clock_hz, faults):
            libraries.insert(at, library)
    return libraries


def _named(fault: Fault, name: str, where: Where) -> Fault:
    return Fault(where, f"library '{name}': {fault.message}", fault.hint, fault.passing)


def prices_of(arch: Arch, docs: Sequence[Doc], faults: Faults) -> Prices | None:
    """The prices an architecture sees. `docs`: what the user gave, the architecture's first; None with faults."""
    before = len(faults)
    doc = docs[0] if docs else None
    names = [(n, doc.where(("arch", "libraries", i)) if doc else arch.where) for i, n in enumerate(arch.libraries)]
    libraries = load_libraries(names, docs, faults, arch.clock_hz)
    if len(faults) > before:
        return None
    try:
        return prices_for(libraries, arch.technology_nm, arch.scaling)
    except SpecError as error:
        faults.extend(error.faults)
        return None


def all_nodes(arch: Arch) -> Iterator[tuple[Memory | Array | Compute, int]]:
    """Every node of the architecture once, in the order of the file, with its number of instances.

    Instances: the product of the array shapes above it. An array's are its lanes: each has a link of its own.
    """
    for node, instances, _, _ in placed(arch):
        yield node, instances


def price_nodes(arch: Arch, prices: Prices, faults: Faults, doc: Doc | None = None) -> dict[str, Price]:
    """The price of every memory, compute and array with a `hop`, by name. `doc` is the architecture's, for places."""
    found: dict[str, Price] = {}
    for node, _ in all_nodes(arch):
        component = node.hop if isinstance(node, Array) else node.component
        if component is None:
            if node.attributes:
                faults.add(
                    _places(node, doc)("attributes"),
                    f"array '{node.name}' has attributes and no 'hop' class to take them",
                )
            continue
        offered: dict[str, Scalar] = {}
        if isinstance(node, Memory):
            sizes = {"size": node.size_bits, "width": node.width_bits}
            offered = {name: bits for name, bits in sizes.items() if bits is not None}
        try:
            found[node.name] = prices.price(component, node.attributes, offered=offered, at=_places(node, doc))
        except SpecError as error:
            faults.extend(error.faults)
    return found


def _places(node: Memory | Array | Compute, doc: Doc | None) -> At:
    """Places of a node's class and attributes. `node.where` is that of its name: `arch.nodes[1].memory`."""
    path: Path_ = tuple(int(m[1]) if m[1] else m[2] for m in _STEP.finditer(node.where.path))[:-1]

    def at(key: str) -> Where:
        if doc is None or not path:
            return node.where
        if key in ("class", "technology"):
            return doc.where((*path, "hop" if isinstance(node, Array) else "class"))
        if key in node.attributes:
            return doc.where((*path, "attributes", key))
        return doc.where((*path, key))

    return at


def area_um2(arch: Arch, prices: Mapping[str, Price]) -> float | None:
    """Sum over all instances; None if a class does not price its area."""
    return _sum(arch, {name: price.area_um2 for name, price in prices.items()})


def leakage_mw(arch: Arch, prices: Mapping[str, Price]) -> float | None:
    """Power of all instances, used or not; None if a class does not price its leakage."""
    return _sum(arch, {name: price.leakage_mw for name, price in prices.items()})


def _sum(arch: Arch, each: Mapping[str, float | None]) -> float | None:
    terms = []
    for node, instances in all_nodes(arch):
        value = each.get(node.name, 0.0)  # an array without a hop class is wires that nobody prices
        if value is None:
            return None
        terms.append(value * instances)
    return math.fsum(terms)


def check_priced(
    arch: Arch, prices: Mapping[str, Price], quantity: str, faults: Faults, doc: Doc | None = None
) -> None:
    """A fault for every node whose class does not price `quantity` ("area" | "leakage"): zero is only an explicit 0."""
    unit = {"area": "um2", "leakage": "mW"}[quantity]
    for node, _ in all_nodes(arch):
        price = prices.get(node.name)
        if price is None:
            continue
        area = (price.area_um2, price.area_origin)
        value, origin = area if quantity == "area" else (price.leakage_mw, price.leakage_origin)
        if value is None:
            faults.add(_places(node, doc)("class"), f"{quantity} of {node.name} is {origin}",
                       f"say '{quantity}: 0 {unit}' in the library to leave it out")  # fmt: skip


def unasked_actions(arch: Arch, prices: Mapping[str, Price]) -> list[tuple[str, str]]:
    """(node, action) of every price of a memory or an array that nothing asks for, such as a table's `idle`.

    What a combination of arguments costs is left out, since its action stands for it; so is what computes can do.
    """
    found = []
    for node, _ in all_nodes(arch):
        if isinstance(node, Compute) or node.name not in prices:
            continue
        events = (a for actions in EVENT_ACTIONS.values() for a in actions)
        asked = {"deliver", "hop"} if isinstance(node, Array) else set(events)
        known = asked | {f"gated_{action}" for action in asked}
        found += [(node.name, a) for a in prices[node.name].energy_pj if a not in known and "(" not in a]
    return found


class Amount(NamedTuple):
    """One quantity of a price. `unit`: pJ of an action, um2, mW; `value` None: not priced. `cycles`: of an action."""

    name: str
    value: float | None
    unit: str
    cycles: float
    origin: str
    uncertainty: Mapping[str, float]


def amounts(price: Price) -> list[Amount]:
    """Every action, then area and leakage. An action may be called as these are: the unit tells them apart."""
    actions = [Amount(a, pj, "pJ", price.cycles.get(a, 1), price.origin[a], price.uncertainty.get(a, {}))
               for a, pj in price.energy_pj.items()]  # fmt: skip
    return [
        *actions,
        Amount("area", price.area_um2, "um2", 0, price.area_origin, {}),
        Amount("leakage", price.leakage_mw, "mW", 0, price.leakage_origin, price.leakage_uncertainty),
    ]


def price_table(arch: Arch, prices: Mapping[str, Price]) -> list[PriceRow]:
    """The rows of `sata price ARCH`: every action, area and leakage of every node, with origins."""
    rows: list[PriceRow] = []
    for node, instances in all_nodes(arch):
        price = prices.get(node.name)
        if price is None:
            continue
        rows += [
            PriceRow(node.name, price.component, price.attributes_text(), a.name, a.value, a.unit, a.cycles, instances,
                     price.library, a.origin)
            for a in amounts(price)
        ]  # fmt: skip
    return rows
