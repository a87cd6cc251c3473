"""Energy, cycles and fit of a batch of mappings of one structure, by the functions that evaluate a single one.

`score(nest, structure, factors)`: what `sata run` says of each, for a million at once. Where the busiest instance of a
memory is not any instance (ragged ends, windows cut at a border), the mapping is evaluated by itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sata.costs.energy import access_energy_pj, compute_energy_pj, hop_energy_pj, leakage_energy_pj
from sata.costs.evaluate import Price
from sata.costs.tally import FILLING, first_and_last, tally
from sata.costs.time import compute_cycles, memory_cycles
from sata.counts.busiest import uniform
from sata.counts.capacity import occupancies
from sata.counts.dense import EVENTS, DenseCounts, MemoryCounts, count, delivered
from sata.counts.op import BELOW, READS, WRITES, OpCounts, count_op, mean_hops
from sata.counts.outcomes import EVERYTHING, Decisions, Shares, decide
from sata.nest.graph import stored
from sata.nest.model import BoundLoop, OpNest
from sata.nest.structure import TEMPORAL, Structure
from sata.specs.faults import Faults
from sata.specs.model import Array, Memory, Tensor

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]


@dataclass(frozen=True)
class Machine:
    """What of an architecture the score needs beside the nest: prices by node, bits by kind, what all of its instances
    leak in a cycle; of each node that leaks its power in mW and its instances, and the clock, from which that is."""

    prices: Mapping[str, Price]
    bits: Mapping[str, int]
    leak_pj: float
    leaks: tuple[tuple[float, int], ...] = ()
    clock_hz: float | None = None


def machine(prices: Mapping[str, Price], instances: Mapping[str, int], bits: Mapping[str, int],
            clock_hz: float | None) -> Machine:  # fmt: skip
    """The machine of an architecture. Without a clock there is no time, and no leakage."""
    leaks = tuple((p.leakage_mw, instances[name]) for name, p in prices.items() if p.leakage_mw)
    leak = 0.0 if clock_hz is None else sum(float(leakage_energy_pj(mw, 1.0 / clock_hz, n)) for mw, n in leaks)
    return Machine(prices, bits, leak, leaks, clock_hz)


def score(nest: OpNest, structure: Structure, factors: NDArray[np.int64], on: Machine) -> tuple[Floats, Floats, Bools]:
    """(energy in pJ with leakage, cycles, whether all tiles fit) of each of a batch.

    factors: int64 [slots, B], every outermost loop of a rank at ceil(bound / stride).
    """
    dense = count(structure, factors)
    number = factors.shape[1]
    faults = Faults()
    decisions = decide(nest, faults)
    if len(faults):
        return _one_by_one(nest, structure, factors, on)
    energy: Any = compute_energy(dense.computes, decisions.computes, nest, on)
    fits = np.ones(number, dtype=bool)
    for memory, tensor, found in _accesses(nest, dense):
        shares = decisions.accesses.get((memory.name, tensor.name), EVERYTHING)
        energy = energy + memory_energy(found, memory, tensor, shares, on)
    for level in nest.levels:
        if level.memory.size_bits is not None:
            own = [(t, f) for m, t, f in _accesses(nest, dense) if m is level.memory]
            held = sum(f.tile * on.bits[t.kind] for t, f in own)
            fits = fits & (held <= level.memory.size_bits // level.memory.buffers)
    if any(isinstance(i, Array) and i.hop is not None for i in nest.items):
        energy = energy + _hops(nest, structure, factors, on)
    cycles = _cycles(nest, structure, factors, dense, decisions, on)
    return np.asarray(energy + on.leak_pj * cycles, dtype=np.float64), cycles, fits


def _accesses(nest: OpNest, dense: DenseCounts) -> list[tuple[Memory, Tensor, MemoryCounts]]:
    memories = {level.memory.name: level.memory for level in nest.levels}
    return [
        (memories[name], tensor, found)
        for tensor, counts in zip(stored(nest.op), dense.tensors, strict=True)
        for name, found in zip(nest.chains[tensor.name], counts, strict=True)
    ]


def compute_energy(computes: float, shares: Shares, nest: OpNest, on: Machine) -> float:
    """Energy of all operations of the op."""
    price, action = on.prices[nest.compute.name], nest.op.action
    gated = max(shares.unskipped - shares.actual, 0.0)
    return float(
        compute_energy_pj(computes * shares.actual, price, action)
        + (compute_energy_pj(computes * gated, price, action, "gated") if gated else 0.0)
    )


def word_energy(memory: Memory, tensor: Tensor, event: str, shares: Shares, on: Machine) -> float:
    """Energy of one element moved by an event, by the shares of what zeros leave of it."""
    price, element = on.prices[memory.name], on.bits[tensor.kind]
    own = shares if event in BELOW else EVERYTHING
    total = 0.0
    for outcome, share in (("actual", own.actual), ("gated", own.unskipped - own.actual)):
        if share > 0:
            total += float(access_energy_pj(share, element, price, event, width_bits=memory.width_bits,
                                            packed=memory.packed, outcome=outcome))  # fmt: skip
    return total


def memory_energy(found: MemoryCounts, memory: Memory, tensor: Tensor, shares: Shares, on: Machine) -> Any:
    """Energy of all accesses of one tensor at one memory: a number, or an array [B]."""
    total: Any = 0.0
    for event in EVENTS:
        words = getattr(found, event)
        if np.any(words):
            total = total + words * word_energy(memory, tensor, event, shares, on)
    return total


def _hops(nest: OpNest, structure: Structure, factors: NDArray[np.int64], on: Machine) -> Floats:
    """Energy of the wires of arrays that have a class; each mapping by itself."""
    total = np.zeros(factors.shape[1])
    slots = [item for item in nest.items if isinstance(item, BoundLoop)]
    arrays = [item for item in nest.items if isinstance(item, Array)]
    for b in range(factors.shape[1]):
        mine = iter(factors[:, b].tolist())
        items = tuple(_with(i, next(mine)) if isinstance(i, BoundLoop) else i for i in nest.items)
        own = OpNest(nest.op, items, nest.chains, nest.shared)
        for number, array in enumerate(arrays):
            if array.hop is not None:
                for tensor, words in zip(stored(nest.op), delivered(structure, factors[:, b], number), strict=True):  # type: ignore[arg-type]
                    if words:
                        far = words * mean_hops(own, array)
                        total[b] += hop_energy_pj(words, far, on.bits[tensor.kind], on.prices[array.name])
    assert len(slots) == factors.shape[0]
    return total


def _with(loop: BoundLoop, factor: int) -> BoundLoop:
    return BoundLoop(loop.rank, factor, loop.stride, loop.array, loop.axis, loop.where)


def _cycles(nest: OpNest, structure: Structure, factors: NDArray[np.int64], dense: DenseCounts, decisions: Decisions,
            on: Machine) -> Floats:  # fmt: skip
    each = on.prices[nest.compute.name].cycles.get(nest.op.action, 1)
    longest = compute_cycles(dense.steps * np.ones(factors.shape[1]), each) * decisions.computes.unskipped
    filling: Any = 0.0
    alike = np.ones(factors.shape[1], dtype=bool)
    accesses = _accesses(nest, dense)
    above = {(m.name, t.name): f for m, t, f in accesses}
    memories = {level.memory.name: level.memory for level in nest.levels}
    for number, level in enumerate(nest.levels):
        memory = level.memory
        own = [(t, f) for m, t, f in accesses if m is memory]
        for tensor, found in own:
            chain = nest.chains[tensor.name]
            at = chain.index(memory.name)
            if at:
                parent = memories[chain[at - 1]]
                filling = filling + first_and_last(parent, memory, tensor.role == "output", on.bits[tensor.kind],
                                                   above[parent.name, tensor.name], found)  # fmt: skip
        if memory.bandwidth.read_bits is None and memory.bandwidth.write_bits is None:
            continue
        alike &= uniform(structure, factors, number)
        instances: Any = 1
        for slot in range(structure.depths[number]):
            if structure.slots[slot].array != TEMPORAL:
                instances = instances * factors[slot]
        read, write = (
            sum(on.bits[t.kind] * getattr(f, e) * _left(decisions, memory, t, e) for t, f in own for e in events)
            / instances
            for events in (READS, WRITES)
        )
        longest = np.maximum(longest, memory_cycles(read, write, memory.bandwidth))
    cycles = np.asarray(longest + filling, dtype=np.float64)
    for b in np.flatnonzero(~alike).tolist():
        cycles[b] = single_cycles(nest, structure, tuple(factors[:, b].tolist()), on)
    return cycles


def _left(decisions: Decisions, memory: Memory, tensor: Tensor, event: str) -> float:
    """The share of an event's words that are moved: skipped ones are not."""
    if event not in BELOW:
        return 1.0
    return decisions.accesses.get((memory.name, tensor.name), EVERYTHING).unskipped


def single_counts(nest: OpNest, structure: Structure, factors: tuple[int, ...]) -> tuple[OpCounts, Faults]:
    """The counts of one mapping, as `sata run` makes them, and what cannot be modelled."""
    mine = iter(factors)
    items = tuple(_with(i, next(mine)) if isinstance(i, BoundLoop) else i for i in nest.items)
    faults = Faults()
    return count_op(OpNest(nest.op, items, nest.chains, nest.shared), (structure, factors), faults), faults


def single_cycles(nest: OpNest, structure: Structure, factors: tuple[int, ...], on: Machine) -> float:
    """Cycles of one mapping, as `sata run` has them."""
    counts, _ = single_counts(nest, structure, factors)
    found = dict(tally(counts, on.prices, on.bits, Faults()).cycles)
    filling = found.pop(FILLING, 0.0)
    return max(found.values()) + filling


def _one_by_one(
    nest: OpNest, structure: Structure, factors: NDArray[np.int64], on: Machine
) -> tuple[Floats, Floats, Bools]:
    """Where sparsity rules may not be modelled for some of the mappings: those fit nowhere."""
    energy, cycles = np.full(factors.shape[1], np.inf), np.full(factors.shape[1], np.inf)
    fits = np.zeros(factors.shape[1], dtype=bool)
    for b in range(factors.shape[1]):
        energy[b], cycles[b], fits[b] = figures(nest, structure, tuple(factors[:, b].tolist()), on)
    return energy, cycles, fits


def figures(nest: OpNest, structure: Structure, factors: tuple[int, ...], on: Machine) -> tuple[float, float, bool]:
    """(energy in pJ with leakage, cycles, whether all fits) of one mapping, summed as `sata run` sums."""
    counts, faults = single_counts(nest, structure, factors)
    if len(faults):
        return float("inf"), float("inf"), False
    found = tally(counts, on.prices, on.bits, faults)
    faults.check()
    resources = dict(found.cycles)
    filling = resources.pop(FILLING, 0.0)
    cycles = max(resources.values()) + filling
    energies = [r["energy_pj"] for r in found.records]
    if on.clock_hz is not None and cycles:
        energies += [float(leakage_energy_pj(mw, cycles / on.clock_hz, n)) for mw, n in on.leaks]
    return sum(energies), cycles, all(o.fits for o in occupancies([counts], on.bits))
