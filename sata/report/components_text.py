"""What `sata components` prints: the classes of libraries, what they take, do and reach, and their sources."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sata.report.text import Block, Lines, plural
from sata.specs.library.components import (
    Attribute,
    Component,
    Compound,
    Estimator,
    Library,
    Primitive,
    Scalar,
    Table,
    Uncertainty,
    quantity_text,
)

_UNITS = {"bits": "b", "hz": "Hz", "nm": "nm", "seconds": "s", "pj": "pJ", "mw": "mW", "um2": "um2"}


def library_blocks(library: Library) -> list[Block]:
    """A block for the library, then one for each class."""
    node = f", {library.technology_nm:g} nm" if library.technology_nm is not None else ", any technology"
    about = (f"  source  {library.source}",) if library.source else ()
    number = len(library.components)
    head = Lines(f"{library.name}: {number} class{'es' if number != 1 else ''}{node}", about)
    return [head, *(_class(component) for component in library.components.values())]


def _class(component: Component) -> Lines:
    entry = class_data(component)
    lines = [f"  attribute  {text}" for text in entry["attributes"].values()]
    if isinstance(component, Estimator):
        lines.append("  what else it takes, and its actions, its code says (sata price --explain)")
    else:
        lines.append(f"  actions    {', '.join(component.actions) or 'none'}")
    if entry["range"]:
        lines.append(f"  table      {entry['range']}")
    if entry["parts"]:
        lines.append(f"  parts      {', '.join(entry['parts'])}")
    uncertain = [f"{n} {u:.4g} %" for n, u in entry["uncertainty"].items()]
    uncertain += [f"leakage {u:.4g} %"] if (u := entry["leakage_uncertainty"]) else []
    if uncertain:
        lines.append(f"  uncertain  {', '.join(uncertain)}")
    if entry["source"]:
        lines.append(f"  source     {entry['source']}")
    return Lines(f"{component.name} ({entry['is']})", tuple(lines))


def class_data(component: Component) -> dict[str, Any]:
    """A class as data: what it is, attributes (name -> text), actions, range, parts, source;
    uncertainty (action -> percent) and leakage_uncertainty (percent)."""
    parts = [f"{p.name} ({p.component})" for p in component.parts.values()] if isinstance(component, Compound) else []
    apart = component.uncertainty if isinstance(component, (Primitive, Table)) else Uncertainty()
    return {
        "class": component.name,
        "is": _is(component),
        "attributes": _attributes(component),
        "actions": list(component.actions),
        "range": _range(component) if isinstance(component, Table) else "",
        "parts": parts,
        "uncertainty": {name: share * 100 for name, share in apart.energy.items()},
        "leakage_uncertainty": apart.leakage * 100,
        "technology_nm": component.technology_nm if isinstance(component, (Primitive, Table)) else None,
        "source": component.source,
    }


def _is(component: Component) -> str:
    if isinstance(component, Estimator):
        return f"estimator {component.target}" if component.target else f"plug-in of {component.package}"
    return {Primitive: "primitive", Table: "table", Compound: "compound"}[type(component)]


def _attributes(component: Component) -> dict[str, str]:
    if isinstance(component, Estimator):
        return {name: f"{name} = {value}" for name, value in component.defaults.items()}
    return {name: _attribute(attribute, component) for name, attribute in component.attributes.items()}


def _attribute(attribute: Attribute, component: Component) -> str:
    unit = _UNITS.get(attribute.kind, attribute.kind)
    default = "needed" if attribute.default is None else f"default {quantity_text(attribute.default, attribute.kind)}"
    return f"{attribute.name} in {unit}, {default}{_reach(attribute, component)}"


def _reach(attribute: Attribute, component: Component) -> str:
    """How far the class reaches along an attribute."""
    name, kind = attribute.name, attribute.kind
    if isinstance(component, Table) and component.rows and name in component.rows[0].keys:
        values = list(dict.fromkeys(row.keys[name] for row in component.rows))
        if name in component.interpolate:
            numbers = sorted(float(v) for v in values)
            beyond = ", extrapolated beyond" if component.extrapolate else ""
            how = component.interpolate[name]
            return f", {quantity_text(numbers[0], kind)} to {quantity_text(numbers[-1], kind)} ({how} between{beyond})"
        return f", one of {_some(values, kind)}"
    if isinstance(component, (Primitive, Table)) and name in component.reference.at:
        rules = component.reference.scales.get(name)
        if rules is None:
            return ", at this value only"
        said = {quantity: scale.rule for quantity, scale in rules.items()}
        if len(set(said.values())) == 1:
            return f", scales {next(iter(said.values()))}"
        return ", scales " + ", ".join(f"{quantity} {rule}" for quantity, rule in said.items())
    return ""


def _some(values: Sequence[Scalar], kind: str) -> str:
    texts = [quantity_text(v, kind) for v in values]
    return ", ".join(texts if len(texts) <= 8 else [*texts[:7], f"... {texts[-1]}"])


def _range(table: Table) -> str:
    return f"{table.file}, {plural(len(table.rows), 'row')}"
