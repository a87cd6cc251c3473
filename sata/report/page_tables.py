"""The tables of the HTML page that sort and filter: layers, ops, prices, densities."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sata.report.result import Record, Result
from sata.report.summary import bounds
from sata.report.sums import grouped, sums
from sata.report.text import percent, quantity, whole_number


@dataclass(frozen=True, slots=True)
class Cell:
    """What is read, and the number by which it sorts; None: it sorts as text."""

    text: str
    value: float | None = None


@dataclass(frozen=True, slots=True)
class Head:
    """A column's name; align: l or r."""

    text: str
    align: str


@dataclass(frozen=True, slots=True)
class Listing:
    """A table; example: a word to look for."""

    head: tuple[Head, ...]
    rows: tuple[tuple[Cell, ...], ...]
    example: str


_NUMBERS = ("energy", "share", "cycles", "of cycles", "computes", "actual", "gated", "skipped", "lanes")


def layer_listing(result: Result) -> Listing:
    """A row a layer."""
    energy = sums(result.records, lambda r: r["layer"])
    rows = [(Cell(name), *_numbers(ops, energy.get(name, 0.0), result)) for name, ops in grouped(result.ops, "layer")]
    return Listing(_heads(("layer",)), tuple(rows), _first(rows))


def op_listing(result: Result) -> Listing:
    """A row an op."""
    energy = sums(result.records, lambda r: r["op"])
    rows = [(Cell(op["op"]), Cell(op["stage"]), Cell(op["compute"]), *_numbers([op], energy.get(op["op"], 0.0), result))
            for op in result.ops]  # fmt: skip
    return Listing(_heads(("op", "stage", "compute")), tuple(rows), _first(rows))


def _heads(names: Sequence[str]) -> tuple[Head, ...]:
    return (*(Head(n, "l") for n in names), *(Head(n, "r") for n in _NUMBERS), Head("bound by", "l"))


def _first(rows: Sequence[tuple[Cell, ...]]) -> str:
    return rows[0][0].text if rows else ""


def _numbers(ops: Sequence[Record], pj: float, result: Result) -> Iterable[Cell]:
    total = result.energy_pj()
    cycles, number = (math.fsum(op[field] for op in ops) for field in ("cycles", "computes"))
    room = sum(op["steps"] * op["instances"] for op in ops)
    yield Cell(quantity(pj, "pj"), pj)
    yield _share(pj, total)
    yield Cell(whole_number(cycles), cycles)
    yield _share(cycles, result.cycles)
    yield Cell(whole_number(number), number)
    for outcome in ("actual", "gated", "skipped"):
        yield _share(math.fsum(op[outcome] for op in ops), number)
    yield _share(number, room)
    yield Cell(bounds(ops))


def _share(part: float, of: float) -> Cell:
    return Cell(percent(part, of), round(part / of, 9) if of else 0.0)


def price_listing(result: Result) -> Listing:
    """A row a price: also those of actions that the run did not need."""
    head = (Head("component", "l"), Head("class", "l"), Head("of", "l"), Head("price", "r"), Head("instances", "r"),
            Head("library", "l"), Head("origin", "l"))  # fmt: skip
    rows = []
    for p in result.prices:
        dimension = {"pJ": "pj", "um2": "um2", "mW": "mw"}.get(p["unit"])
        known = p["value"] is not None and dimension is not None
        text = quantity(p["value"], dimension) if known and dimension else "not priced"
        attributes = f" ({p['attributes']})" if p["attributes"] else ""
        rows.append((Cell(p["node"]), Cell(p["component"] + attributes), Cell(p["quantity"]),
                     Cell(text, p["value"] if known else -1.0), Cell(whole_number(p["instances"]), p["instances"]),
                     Cell(p["library"]), Cell(p["origin"])))  # fmt: skip
    return Listing(head, tuple(rows), _first(rows))


def density_listing(result: Result) -> Listing | None:
    """A row a tensor of an op whose density is known."""
    head = (Head("op", "l"), Head("tensor", "l"), Head("kind", "l"), Head("model", "l"), Head("density", "r"),
            Head("by time step", "l"))  # fmt: skip
    rows = []
    for t in result.tensors:
        if t["density"] is None and not t.get("model"):
            continue
        model = " ".join(str(t[name]) for name in ("model", "parameters") if t.get(name))
        steps = ", ".join(f"{value:.3g}" for value in t.get("steps") or ())
        known = t["density"] is not None
        density = Cell(f"{t['density']:.4g}", t["density"]) if known else Cell("-", -1.0)
        rows.append((Cell(t["op"]), Cell(t["tensor"]), Cell(t["kind"]), Cell(model), density, Cell(steps)))
    return Listing(head, tuple(rows), _first(rows)) if rows else None


def saving_listing(saved: Sequence[Record]) -> Listing | None:
    """A row a rule of an op: what it alone saves by zeros. saved: see `sata.costs.explain.explain_op`."""
    names = (("op", "l"), ("rule", "l"), ("looks at", "l"), ("empty", "r"), ("computes", "r"), ("accesses", "r"),
             ("energy", "r"), ("cycles", "r"))  # fmt: skip
    rows = []
    for r in saved:
        empty = Cell("-", -1.0) if r["empty"] is None else Cell(percent(r["empty"], 1.0), round(float(r["empty"]), 9))
        counts = [Cell(whole_number(r[name]), float(r[name])) for name in ("computes", "accesses")]
        energy, cycles = float(r["energy_pj"]), float(r["cycles"])
        rows.append((Cell(r["op"]), Cell(r["rule"]), Cell(r["tile"]), empty, *counts,
                     Cell(quantity(energy, "pj"), energy), Cell(whole_number(cycles), cycles)))  # fmt: skip
    return Listing(tuple(Head(*name) for name in names), tuple(rows), _first(rows)) if rows else None
