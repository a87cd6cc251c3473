"""What `sata run` prints: a result in a few tables that fit 80 columns.

Every number is a sum over the records of the result (formats.md, "Result"): energies in pJ, memory in bits, cycles.
What is compute, memories, wires and leakage: `sata.report.parts`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from sata.report.parts import PARTS, WIRES, leaks, part_of
from sata.report.record import Record
from sata.report.sums import grouped, kept_apart, sums
from sata.report.text import Block, Lines, TextTable, listed, percent, plural, quantity, sum_of, whole_number

if TYPE_CHECKING:
    from sata.report.result import Result

LARGEST = 10  # rows of the table of layers


def summary(result: Result) -> list[Block]:
    """The report of a run, in the order in which it is read."""
    blocks: list[Block | None] = [
        overview(result),
        stages(result),
        component_table(result),
        uncertainties(result),
        kinds(result),
        metadata(result),
        times(result),
        computes(result),
        layers(result),
        kept_lines(result),
        lower_bounds(result),
        left_out(result),
    ]
    return [block for block in blocks if block is not None]


def overview(result: Result) -> Lines:
    """What ran on what, and the totals."""
    meta, energy, seconds = result.meta, result.energy_pj(), result.seconds
    ops = plural(len(result.ops), "op")
    of = len(result.ops) + len(meta.get("unselected", ())) + len(result.omitted)
    about = [
        f"{ops} of {of}" if of > len(result.ops) else ops,
        f"batch {meta.get('batch', 1)}",
        plural(meta.get("timesteps", 1), "time step"),
    ]
    if meta.get("technology_nm"):
        about.append(f"{meta['technology_nm']:g} nm")
    if meta.get("clock_hz"):
        about.append(quantity(meta["clock_hz"], "hz"))
    about += [f"{name} = {value}" for name, value in meta.get("variables", {}).items()]
    cycles = f"{whole_number(result.cycles)} cycles"
    time = f"{cycles} = {quantity(seconds, 'seconds')}" if seconds is not None else f"{cycles} (no clock: no time)"
    time += " (lower bound)" if any(op.get("streams") for op in result.ops) else ""
    spread = result.uncertainty_pj() if result.uncertainty else 0.0
    apart = f" +- {quantity(spread, 'pj')} ({percent(spread, energy)})" if spread else ""
    lines = [f"energy    {quantity(energy, 'pj')}{apart}", f"time      {time}"]
    if seconds:
        lines.append(f"power     {quantity(energy * 1e-9 / seconds, 'mw')} on average")
    lines.append(f"area      {_or_unpriced(result, 'area', quantity(result.area_um2, 'um2'))}")
    lines.append(f"leakage   {_or_unpriced(result, 'leakage', quantity(result.leakage_mw, 'mw'))}")
    if result.kept:
        bits = sum(k["bits"] for k in result.kept)
        lines.append(f"BPTT      keeps {quantity(bits, 'bits')} from the forward to the backward pass")
    title = f"{meta.get('workload', 'workload')} on {meta.get('arch', 'architecture')}: {', '.join(about)}"
    return Lines(title, tuple(lines))


def _or_unpriced(result: Result, what: str, total: str) -> str:
    """The total, or the classes that leave it open."""
    without = [f"{c['class']} ({c['node']})" for c in result.unpriced(what)]
    return f"not priced by {listed(without)}" if without else total


# --- energy -------------------------------------------------------------------------------------------------------


def stages(result: Result) -> TextTable:
    """Energy by stage, split into compute, memories, wires and leakage."""
    computes = frozenset(op["compute"] for op in result.ops)
    energy = sums(result.records, lambda r: (r["stage"], part_of(r, computes)))
    used = [p for p in PARTS if p != WIRES or any(key[1] == p for key in energy)]
    names = list(dict.fromkeys(op["stage"] for op in result.ops))
    total = result.energy_pj()
    rows = []
    for stage in names:
        each = [energy.get((stage, p), 0.0) for p in used]
        rows.append((stage, _pj(sum_of(each)), percent(sum_of(each), total), *map(_pj, each)))
    totals = [sum_of([energy.get((s, p), 0.0) for s in names]) for p in used]
    if len(names) > 1:
        rows.append(("total", _pj(total), percent(total, total), *map(_pj, totals)))
    rows.append(("share", "", "", *(percent(s, total) for s in totals)))
    closing = min(len(names), 2)
    return TextTable(
        "Energy by stage", ("stage", "energy", "share", *used), "l" + "r" * (2 + len(used)), tuple(rows), closing
    )


def component_table(result: Result) -> TextTable | None:
    """Energy by component: what its actions cost, and its leakage."""
    active = sums((r for r in result.records if not leaks(r)), lambda r: r["component"])
    leaking = sums((r for r in result.records if leaks(r)), lambda r: r["component"])
    classes = {r["component"]: r["class"] for r in result.records}
    total = result.energy_pj()
    rows = []
    for name in sorted(classes, key=lambda n: -active.get(n, 0.0) - leaking.get(n, 0.0)):
        a, b = active.get(name, 0.0), leaking.get(name, 0.0)
        rows.append((name, classes[name], _pj(a + b), percent(a + b, total), _pj(a), _pj(b)))
    head = ("component", "class", "energy", "share", "actions", "leakage")
    return TextTable("Energy by component", head, "llrrrr", tuple(rows)) if rows else None


def uncertainties(result: Result) -> TextTable | None:
    """The classes whose uncertain numbers make most of the uncertainty of the energy."""
    by = result.uncertainty_pj(by=("class",))
    total = result.uncertainty_pj()
    rows = []
    for (name,), pj in sorted(by.items(), key=lambda item: -item[1])[:LARGEST]:
        nodes = dict.fromkeys(u["component"] for u in result.uncertainty if u["class"] == name)
        rows.append((name, f"+- {_pj(pj)}", percent(pj * pj, total * total), listed(list(nodes))))
    title = f"Uncertainty of the energy: +- {_pj(total)}, by class of component"
    return TextTable(title, ("class", "uncertainty", "of variance", "in"), "lrrl", tuple(rows)) if rows else None


def kinds(result: Result) -> TextTable | None:
    """Energy of moving tensors, by their kind, and the component that takes most of it."""
    records = [r for r in result.records if r["kind"]]
    energy = sums(records, lambda r: r["kind"])
    where = sums(records, lambda r: (r["kind"], r["component"]))
    total = result.energy_pj()
    rows = []
    for kind, pj in sorted(energy.items(), key=lambda item: -item[1]):
        most = sorted(((c, e) for (k, c), e in where.items() if k == kind), key=lambda item: -item[1])[:2]
        mostly = ", ".join(f"{c} {percent(e, pj)}" for c, e in most if e > 0)
        rows.append((kind, _pj(pj), percent(pj, total), mostly))
    head = ("kind", "energy", "share", "mostly in")
    return TextTable("Energy of moving tensors, by kind", head, "lrrl", tuple(rows)) if rows else None


def metadata(result: Result) -> TextTable | None:
    """Bits of metadata that formats have moved, by memory and kind, and what they cost."""
    rows, total = [], result.energy_pj()
    found = [r for r in result.records if r["outcome"] == "metadata"]
    for (memory, kind), entries in kept_apart(found, lambda r: (r["component"], r["kind"])):
        pj = sum_of([r["energy_pj"] for r in entries])
        each = (sum_of([r["count"] for r in entries if r["action"] == f"metadata_{way}"]) for way in ("read", "write"))
        rows.append((memory, kind, *(quantity(bits, "bits") for bits in each), _pj(pj), percent(pj, total)))
    head = ("memory", "kind", "read", "written", "energy", "share")
    return TextTable("Metadata of formats", head, "llrrrr", tuple(rows)) if rows else None


# --- time and computes --------------------------------------------------------------------------------------------


def times(result: Result) -> TextTable | None:
    """Cycles by stage, what bounds them, and how much of the compute is in use."""
    rows = []
    for stage, ops in grouped(result.ops, "stage"):
        rows.append((stage, *_time(ops, result)))
    if len(rows) > 1:
        rows.append(("total", *_time(result.ops, result)))
    head = ("stage", "cycles", "share", "time", "lanes", "bound by")
    return TextTable("Time by stage", head, "lrrrrl", tuple(rows), closing=len(rows) > 1) if rows else None


def _time(ops: Sequence[Record], result: Result) -> tuple[str, ...]:
    cycles = sum_of([op["cycles"] for op in ops])
    clock = result.meta.get("clock_hz")
    time = quantity(cycles / clock, "seconds") if clock else "-"
    points, room = sum(op["computes"] for op in ops), sum(op["steps"] * op["instances"] for op in ops)
    return whole_number(cycles), percent(cycles, result.cycles), time, percent(points, room), bounds(ops)


def bounds(ops: Sequence[Record], most: int = 2) -> str:
    """`PEs 80%, DRAM 20%`: the share of cycles that each resource bounds."""
    by = sums(ops, lambda op: op["bound_by"], "cycles")
    total = sum_of(list(by.values()))
    found = sorted(by.items(), key=lambda item: -item[1])[:most]
    return ", ".join(name if len(by) == 1 else f"{name} {percent(c, total, 0)}" for name, c in found)


def computes(result: Result) -> TextTable | None:
    """How many computes there are by stage, and the share that was done, gated and skipped."""
    rows = []
    for stage, ops in grouped(result.ops, "stage"):
        rows.append((stage, *_outcomes(ops)))
    if len(rows) > 1:
        rows.append(("total", *_outcomes(result.ops)))
    head = ("stage", "computes", "actual", "gated", "skipped")
    return TextTable("Computes and sparsity", head, "lrrrr", tuple(rows), closing=len(rows) > 1) if rows else None


def _outcomes(ops: Sequence[Record]) -> tuple[str, ...]:
    total = sum_of([op["computes"] for op in ops])
    return whole_number(total), *(percent(sum_of([op[o] for op in ops]), total) for o in ("actual", "gated", "skipped"))


# --- layers, memory that is kept, what is missing -----------------------------------------------------------------


def layers(result: Result) -> TextTable | None:
    """The layers (of a single layer: the ops) that take most energy."""
    names = list(dict.fromkeys(op["layer"] for op in result.ops))
    field = "layer" if len(names) > 1 else "op"
    energy = sums(result.records, lambda r: r[field])
    groups = sorted(grouped(result.ops, field), key=lambda item: -energy.get(item[0], 0.0))
    if len(groups) < 2:
        return None
    total = result.energy_pj()
    rows = []
    for name, ops in groups[:LARGEST]:
        rows.append(_layer(name, energy.get(name, 0.0), total, ops, result))
    rest = groups[LARGEST:]
    if rest:
        pj = sum_of([energy.get(name, 0.0) for name, _ in rest])
        rows.append(_layer(f"{len(rest)} more", pj, total, [op for _, ops in rest for op in ops], result))
    title = f"Largest of {len(groups)} {field}s" if rest else f"By {field}"
    head = (field, "energy", "share", "cycles", "share", "bound by")
    return TextTable(title, head, "lrrrrl", tuple(rows))


def _layer(name: str, pj: float, total: float, ops: Sequence[Record], result: Result) -> tuple[str, ...]:
    cycles = sum_of([op["cycles"] for op in ops])
    return name, _pj(pj), percent(pj, total), whole_number(cycles), percent(cycles, result.cycles), bounds(ops)


def kept_lines(result: Result) -> TextTable | None:
    """What back-propagation keeps, by kind, and the layers that keep most."""
    total = sum(k["bits"] for k in result.kept)
    if not result.kept:
        return None
    rows = []
    for kind, entries in grouped(result.kept, "kind"):
        bits = sum(k["bits"] for k in entries)
        by = sorted(sums(entries, lambda k: k["layer"], "bits").items(), key=lambda item: -item[1])
        mostly = ", ".join(f"{layer} {quantity(b, 'bits')}" for layer, b in by[:3])
        rows.append((kind, quantity(bits, "bits"), percent(bits, total), mostly))
    head = ("kind", "memory", "share", "largest layers")
    return TextTable("Kept from the forward to the backward pass", head, "lrrl", tuple(rows))


def lower_bounds(result: Result) -> Lines | None:
    """Ops whose time is a lower bound, since elements stream through memories instead of tile by tile."""
    lines = []
    for at, ops in grouped([op for op in result.ops if op.get("streams")], "streams"):
        lines.append(f"{plural(len(ops), 'op')}: elements stream at {at}; transfers hide as far as ports let them")
    return Lines("Times that are lower bounds (buffers: stream)", tuple(lines)) if lines else None


def left_out(result: Result) -> Lines | None:
    """Ops that the mapping omits, with its reasons; ops that were not asked for."""
    lines = []
    for why, entries in grouped(result.omitted, "why"):
        lines.append(f"{plural(len(entries), 'op')}: {why} ({listed([o['op'] for o in entries])})")
    others = result.meta.get("unselected", [])
    if others:
        lines.append(f"{plural(len(others), 'op')}: not selected by --ops ({listed(others)})")
    unasked = result.meta.get("unasked", [])
    if unasked:
        lines.append(f"{plural(len(unasked), 'price')}: no event asks for such an action ({listed(unasked)})")
    return Lines("Not in these numbers", tuple(lines)) if lines else None


# --- sums ---------------------------------------------------------------------------------------------------------


def _pj(value: float) -> str:
    return quantity(value, "pj")
