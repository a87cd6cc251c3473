"""What pictures and pages take from a result: intensity of ops, memory that BPTT keeps, use of nodes, densities."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from sata.report.result import Record, Result
from sata.report.sums import grouped, sums

FORWARD = "forward"


@dataclass(frozen=True, slots=True)
class Dot:
    """An op, or a group of fused ops, in a roofline. bytes: to and from the outermost memory; computes: not skipped."""

    op: str
    stage: str
    computes: float
    bytes: float
    cycles: float
    bound_by: str

    @property
    def intensity(self) -> float:
        """Computes per byte."""
        return self.computes / self.bytes

    @property
    def rate(self) -> float:
        """Computes per cycle."""
        return self.computes / self.cycles


def outermost_memory(result: Result) -> str | None:
    """The name of the outermost memory: of the architecture, or, without one, of the traffic."""
    memories = [row["node"] for row in result.architecture if row["is"] == "memory"]
    memories += [row["memory"] for row in result.traffic]
    return memories[0] if memories else None


def dots(result: Result) -> list[Dot]:
    """What runs and moves something to or from the outermost memory: ops, and groups of fused ops, which overlap in
    time, as one. Accesses that are skipped move nothing.

    Records of metadata count bits; all others elements, whose bits the tensors of the result say.
    """
    memory = outermost_memory(result)
    bits = {(t["op"], t["tensor"]): t["bits"] or 0 for t in result.tensors}
    moved: dict[str, float] = {}
    for r in result.records:
        if r["component"] == memory and r["tensor"] and r["outcome"] != "skipped":
            each = 1 if r["outcome"] == "metadata" else bits.get((r["op"], r["tensor"]), 0)
            moved[r["op"]] = moved.get(r["op"], 0.0) + r["count"] * each / 8
    found = []
    for name, ops in grouped(result.ops, "group"):
        computes = math.fsum(op["computes"] - op["skipped"] for op in ops)
        size = math.fsum(moved.get(op["op"], 0.0) for op in ops)
        cycles = math.fsum(op["cycles"] for op in ops)
        if computes > 0 and size > 0 and cycles > 0:
            found.append(Dot(name, ops[0]["stage"], computes, size, cycles, ops[0]["bound_by"]))
    return found


def peaks(result: Result) -> dict[str, float]:
    """Computes per cycle of each compute: its instances over the cycles of its quickest action that takes any."""
    quickest: dict[str, float] = {}
    for price in result.prices:
        if price["cycles"]:
            quickest[price["node"]] = min(price["cycles"], quickest.get(price["node"], price["cycles"]))
    return {op["compute"]: op["instances"] / quickest.get(op["compute"], 1) for op in result.ops}


def bandwidth(result: Result) -> float | None:
    """Bytes per cycle of the outermost memory, both ways together; None: unlimited, or not known."""
    for row in result.architecture:
        if row["is"] == "memory":
            ways = [row["read_bits_per_cycle"], row["write_bits_per_cycle"]]
            if None in ways:
                return None
            return (ways[0] if row.get("shared") else sum(ways)) / 8
    return None


# --- what back-propagation keeps ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Curve:
    """Bits kept after each op. cycles: at the ends of ops, from 0; kinds: kind -> bits at each; turn: the cycles at
    which the forward pass has ended."""

    cycles: tuple[float, ...]
    kinds: Mapping[str, tuple[float, ...]]
    turn: float

    @property
    def peak(self) -> float:
        return max(map(sum, zip(*self.kinds.values(), strict=True)), default=0.0)


def kept_curve(result: Result) -> Curve:
    """What the backward pass needs, over the step.

    A tensor is kept from the end of the first op of its layer, in the forward stage, that writes it (or, for what comes
    from outside, reads it) to the end of the last op of its layer behind that stage that reads it. What only other
    layers read again goes with the first op of its layer's backward pass: in reverse order, they came before.
    Bits come and go evenly over the time of these ops.
    """
    place = {op["op"]: number for number, op in enumerate(result.ops)}
    ends, total = [0.0], 0.0
    for op in result.ops:
        total += op["cycles"]
        ends.append(total)
    forward = [number for number, op in enumerate(result.ops) if op["stage"] == FORWARD]
    kinds = {k["kind"]: [0.0] * len(ends) for k in result.kept}
    for k in result.kept:
        first, last = _life(k, result, place)
        for number in range(first + 1, last + 1):
            kinds[k["kind"]][number] += k["bits"]
    turn = ends[forward[-1] + 1] if forward else 0.0
    return Curve(tuple(ends), {kind: tuple(bits) for kind, bits in kinds.items()}, turn)


def _life(k: Record, result: Result, place: Mapping[str, int]) -> tuple[int, int]:
    """(number of the op that makes it, number of the op at whose end it goes)."""
    own = [t for t in result.tensors if (t["layer"], t["tensor"]) == (k["layer"], k["tensor"]) and t["op"] in place]
    before = [place[t["op"]] for t in own if t["stage"] == FORWARD]
    behind = [place[t["op"]] for t in own if t["stage"] != FORWARD]
    layer = [(number, op["stage"]) for number, op in enumerate(result.ops) if op["layer"] == k["layer"]]
    first = min(before, default=min((n for n, _ in layer), default=0))
    later = [n for n, stage in layer if stage != FORWARD]
    last = max(behind) if behind else min(later, default=len(result.ops))
    return first, last


# --- nodes and densities --------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class NodeUse:
    """A node in a run: its energy, and how much of a memory's size, or of a compute's lanes, is used."""

    energy_pj: float
    share: float
    used: float | None


def uses(result: Result) -> dict[str, NodeUse]:
    """By node. A memory: its fullest group; a compute: existing points over steps times lanes, of all its ops."""
    energy = sums(result.records, lambda r: r["component"])
    total = sum(energy.values())
    used: dict[str, float] = {}
    for row in result.occupancy:
        if row["limit_bits"]:
            used[row["memory"]] = max(used.get(row["memory"], 0.0), row["bits"] / row["limit_bits"])
    for node in {op["compute"] for op in result.ops}:
        own = [op for op in result.ops if op["compute"] == node]
        room = sum(op["steps"] * op["instances"] for op in own)
        if room:
            used[node] = sum(op["computes"] for op in own) / room
    names = dict.fromkeys((*(row["node"] for row in result.architecture), *energy, *used))
    return {n: NodeUse(energy.get(n, 0.0), energy.get(n, 0.0) / total if total else 0.0, used.get(n)) for n in names}


def densities(result: Result) -> dict[str, list[Record]]:
    """kind -> a row of `tensors` for each layer that reads such a tensor whose density is known, in order of layers.

    Of a kind that is read in the forward stage, that is what counts: a gradient reads the layer's own output again.
    """
    found: dict[str, dict[str, Record]] = {}
    read = [t for t in result.tensors if t["density"] is not None and t["role"] == "input"]
    ahead = {t["kind"] for t in read if t["stage"] == "forward"}
    for t in read:
        if t["kind"] not in ahead or t["stage"] == "forward":
            found.setdefault(t["kind"], {}).setdefault(t["layer"], t)
    order = {name: number for number, name in enumerate(dict.fromkeys(op["layer"] for op in result.ops))}
    return {kind: sorted(rows.values(), key=lambda t: order.get(t["layer"], 0)) for kind, rows in found.items()}
