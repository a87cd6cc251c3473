"""What `sata price --explain` and `sata price --diff` print: the derivation of prices, and where two sets differ."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sata.costs.evaluate import Price
from sata.costs.nodes import Amount, PriceRow, amounts
from sata.report.text import Block, Lines, TextTable, plural, quantity

_DIMENSION = {"pJ": "pj", "um2": "um2", "mW": "mw"}
Key = tuple[str, str, str]  # node, quantity, unit: an action may be called `area`


def explain_blocks(node: str, instances: int, price: Price) -> list[Block]:
    """A block for the node and for each part below it, outermost first: every price and where it comes from."""
    return [_block(f"{node}: {plural(instances, 'instance')} of ", price), *_parts(node, price)]


def _parts(above: str, price: Price) -> list[Block]:
    blocks: list[Block] = []
    for name, part in price.parts.items():
        blocks += [_block(f"{above}.{name}: a part, ", part), *_parts(f"{above}.{name}", part)]
    return blocks


def _block(head: str, price: Price) -> Lines:
    attributes = f" ({price.attributes_text()})" if price.attributes else ""
    lines = [f"  library  {price.library}"]
    for a in amounts(price):
        shown = "not priced" if a.value is None else quantity(a.value, _DIMENSION[a.unit], 6)
        cycles = f", {a.cycles} cycles" if a.unit == "pJ" and a.cycles != 1 else ""
        lines.append(f"  {a.name}  {shown}{_apart(a)}{cycles}")
        lines.append(f"    {a.origin.removeprefix('not priced ') if a.value is None else a.origin}")
    return Lines(f"{head}{price.component}{attributes}", tuple(lines))


def _apart(a: Amount) -> str:
    if not a.uncertainty or not a.value:
        return ""
    each = (f"{component} {quantity(amount, _DIMENSION[a.unit])}" for component, amount in a.uncertainty.items())
    return f" +- {', '.join(each)}"


def explain_data(price: Price) -> dict[str, Any]:
    """The same as data, for JSON; parts below it have the same form."""
    return {
        "class": price.component,
        "library": price.library,
        "attributes": dict(price.attributes),
        "energy_pj": dict(price.energy_pj),
        "area_um2": price.area_um2,
        "leakage_mw": price.leakage_mw,
        "cycles": dict(price.cycles),
        "uncertainty": {name: dict(each) for name, each in price.uncertainty.items()},
        "leakage_uncertainty": dict(price.leakage_uncertainty),
        "origin": dict(price.origin),
        "area_origin": price.area_origin,
        "leakage_origin": price.leakage_origin,
        "parts": {name: explain_data(part) for name, part in price.parts.items()},
    }


# --- differences ----------------------------------------------------------------------------------------------------


def differences(old: Sequence[PriceRow], new: Sequence[PriceRow]) -> list[dict[str, Any]]:
    """What differs, in the order of the first, then of the second: value, class, instances or origin of a price.

    node, quantity, unit, a, b (None: not priced, or not there), ratio b / a, origin_a, origin_b, instances_a,
    instances_b (0: not there).
    """
    sides: tuple[Mapping[Key, PriceRow], ...] = tuple(
        {(r.node, r.quantity, r.unit): r for r in rows} for rows in (old, new)
    )
    found = []
    for key in dict.fromkeys((*sides[0], *sides[1])):
        a, b = (side.get(key) for side in sides)
        if a is not None and b is not None and _said(a) == _said(b):
            continue
        first, second = (row.value if row is not None else None for row in (a, b))
        found.append({
            "node": key[0], "quantity": key[1], "unit": key[2],
            "a": first, "b": second, "ratio": second / first if first and second is not None else None,
            "origin_a": a.origin if a else "", "origin_b": b.origin if b else "",
            "instances_a": a.instances if a else 0, "instances_b": b.instances if b else 0,
        })  # fmt: skip
    return found


def _said(row: PriceRow) -> tuple[object, ...]:
    return row.value, row.cycles, row.instances, row.component, row.origin


def diff_blocks(names: tuple[str, str], found: Sequence[Mapping[str, Any]], equal: int) -> list[Block]:
    """A table of the prices that differ, then their origins."""
    if not found:
        return [Lines("", (f"no differences in {plural(equal, 'price')}",))]
    rows, origins = [], []
    for d in found:
        ratio = f"{d['ratio']:.3f}" if d["ratio"] is not None else "-"
        rows.append((d["node"], d["quantity"], _value(d, "a"), _value(d, "b"), ratio))
        origins.append(f"{d['node']} {d['quantity']}")
        origins += [f"  {letter}  {d[f'origin_{letter}'] or 'not there'}" for letter in "ab"]
        if d["instances_a"] != d["instances_b"]:
            origins.append(f"  instances  {d['instances_a']}, {d['instances_b']}")
    head = ("node", "price", "a", "b", "b / a")
    title = f"{plural(len(found), 'price')} of {len(found) + equal} differ: a is {names[0]}, b is {names[1]}"
    return [TextTable(title, head, "llrrr", tuple(rows)), Lines("Where they come from", tuple(origins))]


def _value(d: Mapping[str, Any], letter: str) -> str:
    if not d[f"instances_{letter}"]:
        return "-"
    value = d[letter]
    return "not priced" if value is None else quantity(value, _DIMENSION[d["unit"]])
