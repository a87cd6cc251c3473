"""From the counts of an op to tidy records: what each component did, how often, for how much energy, in what time.

Assumptions: computes and memories of an op work side by side; the ops of a fused group too, so that a resource they
share adds up their work. A single-buffered memory (`buffers: 1`) fills its first tile and drains its last one
while nothing else goes on: all children of a parent through its port (what they share once, as often as on average),
each through its own; the slower of the two counts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from sata.costs.energy import (
    EVENT_ACTION,
    Amount,
    access_energy_pj,
    access_width_bits,
    accesses,
    action_energy_pj,
    compute_energy_pj,
    hop_energy_pj,
)
from sata.costs.evaluate import Price
from sata.costs.prices import missing_action
from sata.costs.time import compute_cycles, memory_cycles
from sata.counts.busiest import busiest_bits
from sata.counts.op import READS, WRITES, Access, Delivery, OpCounts
from sata.specs.faults import Faults
from sata.specs.model import Op

Record = dict[str, Any]
_Spread = tuple[Record, Mapping[str, float]]  # a record, and the uncertainty of its energy by class

FILLING = "filling"  # the resource that stands for first fills and last drains


@dataclass(frozen=True, slots=True)
class Tally:
    """An op's records (without leakage), and the cycles it needs of each resource: its compute, each memory, filling.

    `spreads`: for each record, class whose numbers are uncertain -> uncertainty of its energy in pJ.
    """

    op: Op
    records: tuple[Record, ...]
    cycles: Mapping[str, float]
    spreads: tuple[Mapping[str, float], ...] = ()


def tally(counts: OpCounts, prices: Mapping[str, Price], bits: Mapping[str, int], faults: Faults) -> Tally:
    """Records and cycles of one op. prices: by node name; bits: by kind. Unpriced actions are added to `faults`."""
    op = counts.nest.op
    found = [*_memory_records(counts, prices, bits, faults), *_compute_records(counts, prices, faults)]
    found += _hop_records(counts, prices, bits, faults)
    records, spreads = tuple(r for r, _ in found), tuple(s for _, s in found)
    return Tally(op, records, dict(_cycles(counts, prices, bits)), spreads)


def spread(price: Price, energy: Callable[[Price], Amount]) -> dict[str, float]:
    """The uncertainty in pJ, by class, of the energy that `energy` computes from a price."""
    if not price.uncertainty:
        return {}
    found = {component: float(energy(own)) for component, own in price.deviations().items()}
    return {component: pj for component, pj in found.items() if pj}


def record(
    op: Op,
    component: str,
    price: Price,
    tensor: tuple[str, str],
    action: str,
    outcome: str,
    count: float,
    energy: float,
) -> Record:
    """One tidy record; tensor is (name, kind), both empty where none is meant. count: elements, bits of metadata,
    operations, cycles."""
    return {
        "op": op.name, "layer": op.layer, "stage": op.stage, "component": component, "class": price.component,
        "tensor": tensor[0], "kind": tensor[1], "action": action, "outcome": outcome, "count": count,
        "energy_pj": energy,
    }  # fmt: skip


def _memory_records(
    counts: OpCounts, prices: Mapping[str, Price], bits: Mapping[str, int], faults: Faults
) -> Iterator[_Spread]:
    """Reads and writes of every tensor at every memory that keeps it, by outcome."""
    op = counts.nest.op
    for access in counts.accesses:
        memory, price = access.memory, prices[access.memory.name]
        for action, events in (("read", READS), ("write", WRITES)):
            for outcome in ("actual", "gated", "skipped"):
                words = sum(getattr(access.events[e], outcome) for e in events)
                if not words:
                    continue
                cost = partial(_access, words=words, access=access, bits=bits, event=events[0], outcome=outcome)
                try:
                    energy, apart = float(cost(price)), spread(price, cost)
                except KeyError:
                    faults.extend([missing_action(op.name, memory.name, price, action, memory.where)])
                    energy, apart = 0.0, {}
                tensor = (access.tensor.name, access.tensor.kind)
                yield record(op, memory.name, price, tensor, action, outcome, words, energy), apart
        yield from _metadata_records(op, access, price, bits, faults)


def _metadata_records(
    op: Op, access: Access, price: Price, bits: Mapping[str, int], faults: Faults
) -> Iterator[_Spread]:
    """Bits of metadata that a format has moved with a tensor, both ways. Without a width of its own, an access moves
    the bits of one element."""
    for action, events in (("metadata_read", READS), ("metadata_write", WRITES)):
        moved = float(access.metadata_bits(events))
        if not moved:
            continue
        cost = partial(_metadata, moved=moved, access=access, event=f"{action}s", element=bits[access.tensor.kind])
        try:
            energy, apart = float(cost(price)), spread(price, cost)
        except KeyError:
            faults.extend([missing_action(op.name, access.memory.name, price, action, access.memory.where)])
            energy, apart = 0.0, {}
        tensor = (access.tensor.name, access.tensor.kind)
        yield record(op, access.memory.name, price, tensor, action, "metadata", moved, energy), apart


def _compute_records(counts: OpCounts, prices: Mapping[str, Price], faults: Faults) -> Iterator[_Spread]:
    op, compute = counts.nest.op, counts.nest.compute
    price = prices[compute.name]
    for outcome in ("actual", "gated", "skipped"):
        number = getattr(counts.computes, outcome)
        if not number:
            continue
        cost = partial(_compute, number=number, action=op.action, outcome=outcome)
        try:
            energy, apart = float(cost(price)), spread(price, cost)
        except KeyError:
            faults.extend([missing_action(op.name, compute.name, price, op.action, compute.where)])
            energy, apart = 0.0, {}
        yield record(op, compute.name, price, ("", ""), op.action, outcome, number, energy), apart


def _hop_records(
    counts: OpCounts, prices: Mapping[str, Price], bits: Mapping[str, int], faults: Faults
) -> Iterator[_Spread]:
    op = counts.nest.op
    for d in counts.deliveries:
        if not d.words:
            continue
        price = prices[d.array.name]
        cost = partial(_hops, delivery=d, bits=bits)
        try:
            energy, apart = float(cost(price)), spread(price, cost)
        except KeyError:
            faults.extend([missing_action(op.name, d.array.name, price, "deliver", d.array.where)])
            energy, apart = 0.0, {}
        tensor = (d.tensor.name, d.tensor.kind)
        yield record(op, d.array.name, price, tensor, "deliver", "actual", d.words, energy), apart


def _access(price: Price, *, words: float, access: Access, bits: Mapping[str, int], event: str, outcome: str) -> Amount:
    memory, element = access.memory, access.element_bits(bits)
    if not element:  # the metadata says it all
        return 0.0
    return access_energy_pj(words, element, price, event, width_bits=memory.width_bits, packed=memory.packed,
                            outcome=outcome)  # fmt: skip


def _metadata(price: Price, *, moved: float, access: Access, event: str, element: int) -> Amount:
    width = access_width_bits(access.memory.width_bits, price) or element
    return accesses(moved, 1, width) * action_energy_pj(price, EVENT_ACTION[event], "metadata")


def _compute(price: Price, *, number: float, action: str, outcome: str) -> Amount:
    return compute_energy_pj(number, price, action, outcome)


def _hops(price: Price, *, delivery: Delivery, bits: Mapping[str, int]) -> Amount:
    return hop_energy_pj(delivery.words, delivery.hops, bits[delivery.tensor.kind], price)


def _cycles(counts: OpCounts, prices: Mapping[str, Price], bits: Mapping[str, int]) -> Iterator[tuple[str, float]]:
    """(resource, cycles the op needs of it)."""
    nest = counts.nest
    each = prices[nest.compute.name].cycles.get(nest.op.action, 1)
    yield nest.compute.name, float(compute_cycles(counts.busy_steps, each))
    filling = 0.0
    for level in nest.levels:
        memory = level.memory
        unbounded = memory.bandwidth.read_bits is None and memory.bandwidth.write_bits is None
        if unbounded or all(a.memory.name != memory.name for a in counts.accesses):
            continue
        read, write = busiest_bits(counts, memory, bits)
        yield memory.name, float(memory_cycles(read, write, memory.bandwidth))
    for level in nest.levels[1:]:
        filling += _first_and_last(counts, level.memory.name, bits)
    if filling:
        yield FILLING, filling


def _first_and_last(counts: OpCounts, name: str, bits: Mapping[str, int]) -> float:
    """Cycles to fill the first tiles of a single-buffered memory and to drain the last ones: nothing overlaps them."""
    found = [a for a in counts.accesses if a.memory.name == name]
    if not found or found[0].memory.buffers != 1:
        return 0.0
    memory = found[0].memory
    cycles = 0.0
    for access in found:
        chain = counts.nest.chains[access.tensor.name]
        at = chain.index(name)
        if at == 0:
            continue  # at home: nothing is brought or taken away
        parent = next(level.memory for level in counts.nest.levels if level.memory.name == chain[at - 1])
        above = next(a for a in counts.accesses if (a.memory, a.tensor) == (parent, access.tensor))
        if not above.dense.instances:
            continue  # no element of the tensor exists, so nothing is moved
        tile = _tile_bits(access, bits)
        ports = parent.bandwidth
        if access.tensor.role == "input":
            sent, came = above.dense.reads, access.dense.fills
            rates = (ports.read_bits, memory.bandwidth.write_bits)
        else:
            sent, came = above.dense.updates, access.dense.drains
            rates = (ports.read_bits if ports.shared else ports.write_bits, memory.bandwidth.read_bits)
        # all children of one parent at its port, what they share once; each child at its own
        shared = access.dense.instances / max(above.dense.instances, 1) * (sent / came if came else 1.0)
        times = (tile * shared / rates[0] if rates[0] else 0.0, tile / rates[1] if rates[1] else 0.0)
        cycles += max(times)
    return cycles


def _tile_bits(access: Access, bits: Mapping[str, int]) -> float:
    """The largest tile of a tensor at a memory, as it is stored there: data and metadata."""
    if access.held is None:
        return float(access.dense.tile * bits[access.tensor.kind])
    tile = access.held.layout.tile
    return tile.elements * access.element_bits(bits) + tile.metadata_bits
