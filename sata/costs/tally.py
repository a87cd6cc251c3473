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

import numpy as np

from sata.costs.energy import (
    Amount,
    access_energy_pj,
    access_width_bits,
    accesses,
    action_energy_pj,
    compute_energy_pj,
    event_action,
    wire_energy_pj,
)
from sata.costs.evaluate import Price
from sata.costs.prices import missing_action
from sata.costs.time import compute_cycles, filling_cycles, memory_cycles, tile_copies
from sata.counts.dense.busiest import busiest_bits
from sata.counts.dense.closed_form import MemoryCounts
from sata.counts.op import READS, WRITES, Access, Delivery, OpCounts
from sata.counts.sparse.outcomes import Outcome
from sata.specs.model import Memory, Op
from sata.specs.text.faults import Faults

Record = dict[str, Any]
_Spread = tuple[Record, Mapping[str, float]]  # a record, and the uncertainty of its energy by class


@dataclass(frozen=True, slots=True)
class Tally:
    """An op's records (without leakage), and its time.

    `cycles`: name of its compute, or of a memory -> cycles that the op needs of it. `filling`: cycles of first fills
    and last drains, which nothing overlaps; a field of its own, since a node may have any name. `spreads`: for each
    record, class whose numbers are uncertain -> uncertainty of its energy in pJ.
    """

    op: Op
    records: tuple[Record, ...]
    cycles: Mapping[str, float]
    filling: float = 0.0
    spreads: tuple[Mapping[str, float], ...] = ()

    @property
    def alone(self) -> float:
        """Cycles of the op where no other one runs beside it."""
        return max(self.cycles.values()) + self.filling


def tally(counts: OpCounts, prices: Mapping[str, Price], bits: Mapping[str, int], faults: Faults) -> Tally:
    """Records and cycles of one op. prices: by node name; bits: by kind. Unpriced actions are added to `faults`."""
    op = counts.nest.op
    found = [*_memory_records(counts, prices, bits, faults), *_compute_records(counts, prices, faults)]
    found += _hop_records(counts, prices, bits, faults)
    records, spreads = tuple(r for r, _ in found), tuple(s for _, s in found)
    return Tally(op, records, dict(_cycles(counts, prices, bits)), _filling(counts, bits), spreads)


def spread_over(price: Price, energy: Callable[[Price], Amount]) -> dict[str, float]:
    """The uncertainty in pJ, by class, of the energy that `energy` computes from a price."""
    if not (price.uncertainty or price.leakage_uncertainty):
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
    price_pj: float,
    part: str,
) -> Record:
    """One tidy record; tensor is (name, kind), both empty where none is meant. count: elements, bits of metadata,
    operations, links, cycles; price_pj: what one of these costs, so that the energy is their product.
    part: compute, memories, wires or leakage."""
    return {
        "op": op.name, "layer": op.layer, "stage": op.stage, "component": component, "class": price.component,
        "tensor": tensor[0], "kind": tensor[1], "action": action, "outcome": outcome, "count": count,
        "price_pj": price_pj, "energy_pj": count * price_pj, "part": part,
    }  # fmt: skip


def _memory_records(
    counts: OpCounts, prices: Mapping[str, Price], bits: Mapping[str, int], faults: Faults
) -> Iterator[_Spread]:
    """Reads and writes of every tensor at every memory that keeps it, by outcome."""
    op = counts.nest.op
    for access in counts.accesses:
        memory, price = access.memory, prices[access.memory.name]
        for action, outcome, amount, cost in access_costs(access, bits, price):
            if not amount:
                continue
            try:
                each, apart = float(cost.each(price)), spread_over(price, cost)
            except KeyError:
                faults.extend([missing_action(op.name, memory.name, price, action, memory.where)])
                each, apart = 0.0, {}
            tensor = (access.tensor.name, access.tensor.kind)
            yield record(op, memory.name, price, tensor, action, outcome, amount, each, "memories"), apart


@dataclass(frozen=True, slots=True)
class Cost:
    """What something costs at a price: a number of times what one of it does. Of one mapping, or of a batch."""

    number: Any
    each: Callable[[Price], Amount]

    def __call__(self, price: Price) -> Amount:
        return self.number * self.each(price)  # type: ignore[no-any-return]


def access_costs(access: Access, bits: Mapping[str, int], known: Price) -> Iterator[tuple[str, str, Any, Cost]]:
    """All that one tensor does at one memory, of one mapping or of a batch: (action, outcome, how often, what it costs
    at a price): elements by outcome, then bits of metadata that a format has moved with them. Without a width of its
    own, an access moves the bits of one element. known: the memory's price, which says whether updates are writes."""
    actions: dict[str, list[str]] = {}
    for event in (*READS, *WRITES):
        actions.setdefault(event_action(known, event), []).append(event)
    for action, events in actions.items():
        for outcome in ("actual", "gated", "skipped"):
            words = sum(getattr(access.events[e], outcome) for e in events)
            each = partial(_access, access=access, bits=bits, event=events[0], outcome=outcome)
            yield action, outcome, words, Cost(words, each)
    if access.held is None:
        return
    for action, moving in (("metadata_read", READS), ("metadata_write", WRITES)):
        moved = access.metadata_bits(moving)
        bit = partial(_metadata, access=access, event=f"{action}s", element=bits[access.tensor.kind])
        yield action, "metadata", moved, Cost(moved, bit)


def _compute_records(counts: OpCounts, prices: Mapping[str, Price], faults: Faults) -> Iterator[_Spread]:
    op, compute = counts.nest.op, counts.nest.compute
    price = prices[compute.name]
    for outcome, number, cost in compute_costs(counts.computes, op.action):
        if not number:
            continue
        try:
            each, apart = float(cost.each(price)), spread_over(price, cost)
        except KeyError:
            faults.extend([missing_action(op.name, compute.name, price, op.action, compute.where)])
            each, apart = 0.0, {}
        yield record(op, compute.name, price, ("", ""), op.action, outcome, number, each, "compute"), apart


def compute_costs(computes: Outcome, action: str) -> Iterator[tuple[str, Any, Cost]]:
    """(outcome, how often, what it costs at a price) of the operations, of one mapping or of a batch."""
    for outcome in ("actual", "gated", "skipped"):
        number = getattr(computes, outcome)
        yield outcome, number, Cost(number, partial(_compute, action=action, outcome=outcome))


def _hop_records(
    counts: OpCounts, prices: Mapping[str, Price], bits: Mapping[str, int], faults: Faults
) -> Iterator[_Spread]:
    """Words that lanes of an array receive or give, and links they pass, by outcome."""
    op = counts.nest.op
    for d in counts.deliveries:
        price = prices[d.array.name]
        for action, outcome, number, cost in wire_costs(d, bits):
            if not number:
                continue
            try:
                each, apart = float(cost.each(price)), spread_over(price, cost)
            except KeyError:
                faults.extend([missing_action(op.name, d.array.name, price, "deliver", d.array.where)])
                each, apart = 0.0, {}
            tensor = (d.tensor.name, d.tensor.kind)
            yield record(op, d.array.name, price, tensor, action, outcome, number, each, "wires"), apart


def wire_costs(delivery: Delivery, bits: Mapping[str, int]) -> Iterator[tuple[str, str, Any, Cost]]:
    """All that one tensor does on the wires of an array, of one mapping or of a batch: (action, outcome, how often,
    what it costs at a price)."""
    element = bits[delivery.tensor.kind]
    for action, counts in (("deliver", delivery.words), ("hop", delivery.hops)):
        for outcome in ("actual", "gated", "skipped"):
            number = getattr(counts, outcome)
            yield action, outcome, number, Cost(number, partial(_wire, element=element, action=action, outcome=outcome))


def _access(price: Price, *, access: Access, bits: Mapping[str, int], event: str, outcome: str) -> Amount:
    memory, element = access.memory, access.element_bits(bits)
    if not element:  # the metadata says it all
        return 0.0
    return access_energy_pj(1, element, price, event, width_bits=memory.width_bits, packed=memory.packed,
                            outcome=outcome)  # fmt: skip


def _metadata(price: Price, *, access: Access, event: str, element: int) -> Amount:
    width = access_width_bits(access.memory.width_bits, price) or element
    return accesses(1, 1, width) * action_energy_pj(price, event_action(price, event), "metadata")


def _compute(price: Price, *, action: str, outcome: str) -> Amount:
    return compute_energy_pj(1, price, action, outcome)


def _wire(price: Price, *, element: int, action: str, outcome: str) -> Amount:
    return wire_energy_pj(1, element, price, action, outcome)


def _cycles(counts: OpCounts, prices: Mapping[str, Price], bits: Mapping[str, int]) -> Iterator[tuple[str, float]]:
    """(name of the compute or of a memory, cycles the op needs of it)."""
    nest = counts.nest
    each = prices[nest.compute.name].cycles.get(nest.op.action, 1)
    yield nest.compute.name, float(compute_cycles(counts.busy_steps, each))
    for level in nest.levels:
        memory = level.memory
        unbounded = memory.bandwidth.read_bits is None and memory.bandwidth.write_bits is None
        if unbounded or all(a.memory.name != memory.name for a in counts.accesses):
            continue
        read, write = busiest_bits(counts, memory, bits)
        yield memory.name, float(memory_cycles(read, write, memory.bandwidth))


def _filling(counts: OpCounts, bits: Mapping[str, int]) -> float:
    """Cycles of first fills and last drains of all memories of an op."""
    return sum(_first_and_last(counts, level.memory.name, bits) for level in counts.nest.levels[1:])


def _first_and_last(counts: OpCounts, name: str, bits: Mapping[str, int]) -> float:
    """Cycles to fill the first tiles of a single-buffered memory and to drain the last ones: nothing overlaps them."""
    found = [a for a in counts.accesses if a.memory.name == name]
    cycles = 0.0
    for access in found:
        chain = counts.nest.chains[access.tensor.name]
        at = chain.index(name)
        if at == 0:
            continue  # at home: nothing is brought or taken away
        parent = next(level.memory for level in counts.nest.levels if level.memory.name == chain[at - 1])
        above = next(a for a in counts.accesses if (a.memory, a.tensor) == (parent, access.tensor))
        output = access.tensor.role == "output"
        tile = tile_bits(access, bits)
        shares = passing(above, access, bits)
        cycles += float(first_and_last(parent, access.memory, output, tile, above.dense, access.dense, shares))
    return cycles


def passing(above: Access, access: Access, bits: Mapping[str, int]) -> tuple[Amount, Amount]:
    """The shares of a tensor's bits that zeros let pass the port of a parent, and that of its child."""
    events = ("updates", "drains") if access.tensor.role == "output" else ("reads", "fills")
    return above.moved_share(events[0], bits), access.moved_share(events[1], bits)


def first_and_last(
    parent: Memory,
    memory: Memory,
    output: bool,
    tile_bits: Amount,
    above: MemoryCounts,
    found: MemoryCounts,
    shares: tuple[Amount, Amount] = (1.0, 1.0),
) -> Amount:
    """Cycles to fill (or to drain) the first (or last) tiles of one tensor at a memory that is not its home; 0 where
    the memory has more buffers than one. tile_bits: of the largest tile, as stored; shares: of them that
    pass the parent's port and the child's. Of one mapping, or of a batch.
    """
    if memory.buffers != 1:
        return 0.0
    ports = parent.bandwidth
    if output:
        sent, came = above.updates, found.drains
        rates = (ports.write_bits, memory.bandwidth.read_bits)
    else:
        sent, came = above.reads, found.fills
        rates = (ports.read_bits, memory.bandwidth.write_bits)
    if not any(rates):
        return 0.0
    copies = tile_copies(found.instances, above.instances, sent, came)
    # where no element of the tensor exists, nothing is moved
    existing = np.asarray(above.instances) > 0
    return filling_cycles(np.asarray(tile_bits * existing, dtype=np.float64), copies, *rates, *shares)


def tile_bits(access: Access, bits: Mapping[str, int]) -> Any:
    """The largest tile of a tensor at a memory, as it is stored there: data and metadata."""
    if access.held is None:
        return access.dense.tile * float(bits[access.tensor.kind])
    tile = access.held.layout.tile
    return tile.elements * access.element_bits(bits) + tile.metadata_bits
