"""From the counts of an op to tidy records: what each component did, how often, for how much energy, in what time.

Assumptions: computes and memories of an op work side by side, as far as `sata.costs.exposed` lets them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

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
from sata.costs.exposed.alone import has_places, time_alone
from sata.costs.group import OpTime, group_time
from sata.costs.prices import missing_action
from sata.costs.time import compute_cycles, memory_cycles
from sata.counts.op.busiest import busiest_bits
from sata.counts.op.results import READS, WRITES, Access, Delivery, OpCounts
from sata.counts.sparse.outcomes import Outcome
from sata.specs.model import Op
from sata.specs.text.faults import Faults

Record = dict[str, Any]
_Spread = tuple[Record, Mapping[str, float]]  # a record, and the uncertainty of its energy by class


@dataclass(frozen=True, slots=True)
class Tally:
    """An op's records (without leakage), and its time.

    `time`: cycles that the op needs of its compute and of each memory, and its time alone. `spreads`: for each record,
    class whose numbers are uncertain -> uncertainty of its energy in pJ.
    """

    op: Op
    records: tuple[Record, ...]
    time: OpTime
    spreads: tuple[Mapping[str, float], ...] = ()

    @property
    def cycles(self) -> float:
        """Of the op where no other one runs beside it."""
        return group_time((self.time,)).cycles


def tally(counts: OpCounts, prices: Mapping[str, Price], bits: Mapping[str, int], faults: Faults) -> Tally:
    """Records and cycles of one op. prices: by node name; bits: by kind. Unpriced actions are added to `faults`."""
    op = counts.nest.op
    found = [*_memory_records(counts, prices, bits, faults), *_compute_records(counts, prices, faults)]
    found += _hop_records(counts, prices, bits, faults)
    records, spreads = tuple(r for r, _ in found), tuple(s for _, s in found)
    return Tally(op, records, _time(counts, prices, bits), spreads)


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


def _time(counts: OpCounts, prices: Mapping[str, Price], bits: Mapping[str, int]) -> OpTime:
    """What the op needs of each resource, and its time alone where a memory has places for tiles."""
    nest = counts.nest
    each = prices[nest.compute.name].cycles.get(nest.op.action, 1)
    totals = {nest.compute.name: float(compute_cycles(counts.busy_steps, each))}
    busiest: dict[str, tuple[float, float]] = {}
    for level in nest.levels:
        memory = level.memory
        unbounded = memory.bandwidth.read_bits is None and memory.bandwidth.write_bits is None
        if unbounded or all(a.memory.name != memory.name for a in counts.accesses):
            continue
        busiest[memory.name] = busiest_bits(counts, memory, bits)
        totals[memory.name] = float(memory_cycles(*busiest[memory.name], memory.bandwidth))
    found = time_alone(counts, bits, float(each), busiest) if has_places(nest) else None
    return OpTime(nest, totals, found)
