"""Energy, cycles and fit of a batch of mappings of one structure, by the functions that evaluate a single one.

`score(nest, structure, factors)`: what `sata run` says of each, for a million at once. Where the busiest instance of a
memory is not any instance (imperfect factors, windows cut at a border), the mapping is evaluated by itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sata.costs.energy import leakage_energy_pj
from sata.costs.evaluate import Price
from sata.costs.exposed.alone import has_places
from sata.costs.exposed.law import exposed
from sata.costs.exposed.timing import TimedOp, timings
from sata.costs.tally import access_costs, compute_costs, tally, wire_costs
from sata.costs.time import compute_cycles, memory_cycles
from sata.counts.dense.memory_counts import DenseCounts
from sata.counts.op import accesses_of, count_op, deliveries_of, share_left
from sata.counts.op.busiest import first_of_alike, moved_bits, uniform
from sata.counts.op.capacity import occupancies, tile_of, within
from sata.counts.op.results import Access, Delivery, OpCounts
from sata.counts.sparse.outcomes import Outcome, count_all, near_whole, point_tiles, split
from sata.counts.sparse.rules import Rules, rules_of
from sata.nest.model import BoundLoop, OpNest
from sata.nest.structure import Structure
from sata.specs.model import Array
from sata.specs.text.faults import Faults, SpecError

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
    """(energy in pJ with leakage, cycles, whether all tiles fit) of each of a batch; what is uncountable does not fit.

    factors: int64 [slots, B], every outermost loop of a rank at ceil(bound / stride).
    """
    if not len(structure.slots):
        return _one_by_one(nest, structure, factors, on)
    try:
        counts = _batch_of(nest, structure, factors)
        energy = _energy(counts, on)
        fits = np.ones(factors.shape[1], dtype=bool)
        for level in nest.levels:
            if level.memory.size_bits is not None:
                held = sum(tile_of(a, on.bits).bits for a in counts.accesses if a.memory is level.memory)
                fits &= within(held, level.memory.size_bits // level.memory.buffers)
        cycles, known = _cycles(counts, on)
    except (SpecError, KeyError):  # no answer of a density model for some tile, or no price: each for itself says which
        return _one_by_one(nest, structure, factors, on)
    return np.asarray(energy + on.leak_pj * cycles, dtype=np.float64), cycles, fits & known


@dataclass(frozen=True)
class _Batch:
    """The counts of a batch: those of `OpCounts`, as arrays [B]."""

    nest: OpNest
    structure: Structure
    factors: NDArray[np.int64]
    dense: DenseCounts
    rules: Rules
    computes: Outcome
    accesses: tuple[Access, ...]
    deliveries: tuple[Delivery, ...]


def _batch_of(nest: OpNest, structure: Structure, factors: NDArray[np.int64]) -> _Batch:
    rules = rules_of(nest)
    dense, decided = count_all(structure, factors, rules)
    accesses = tuple(accesses_of(nest, dense, decided, rules, (structure, factors)))
    computes = split(np.full(factors.shape[1], float(dense.computes)), decided.computes)
    deliveries = tuple(deliveries_of(nest, (structure, factors), rules, dense))
    return _Batch(nest, structure, factors, dense, rules, computes, accesses, deliveries)


def _energy(counts: _Batch, on: Machine) -> Any:
    """Of all operations, accesses and wires."""
    energy: Any = 0.0
    price = on.prices[counts.nest.compute.name]
    for _, number, cost in compute_costs(counts.computes, counts.nest.op.action):
        if np.any(number):
            energy = energy + cost(price)
    for access in counts.accesses:
        price = on.prices[access.memory.name]
        for _, _, amount, cost in access_costs(access, on.bits, price):
            if np.any(amount):
                energy = energy + cost(price)
    for delivery in counts.deliveries:
        for _, _, number, cost in wire_costs(delivery, on.bits):
            if np.any(number):
                energy = energy + cost(on.prices[delivery.array.name])
    return energy


def _with(loop: BoundLoop, factor: int) -> BoundLoop:
    return BoundLoop(loop.rank, factor, loop.stride, loop.array, loop.axis, loop.where)


def _cycles(counts: _Batch, on: Machine) -> tuple[Floats, Bools]:
    """(cycles, which of them are known)."""
    nest, structure, factors = counts.nest, counts.structure, counts.factors
    cycles_of_action = on.prices[nest.compute.name].cycles.get(nest.op.action, 1)
    steps, known = _busy_steps(counts)
    longest: Any = compute_cycles(steps, cycles_of_action)
    busiest: dict[str, tuple[Any, Any]] = {}
    alike = np.ones(factors.shape[1], dtype=bool)
    for number, level in enumerate(nest.levels):
        bandwidth = level.memory.bandwidth
        if bandwidth.read_bits is None and bandwidth.write_bits is None:
            continue
        alike &= uniform(structure, factors, number)
        accesses = [a for a in counts.accesses if a.memory is level.memory]
        rows = first_of_alike(structure, list(factors), number, counts.dense)
        busiest[level.memory.name] = moved_bits(accesses, rows, on.bits)
        longest = np.maximum(longest, memory_cycles(*busiest[level.memory.name], bandwidth))
    cycles = np.asarray(longest, dtype=np.float64)
    if has_places(nest):
        op = TimedOp(
            nest,
            structure,
            factors,
            counts.accesses,
            on.bits,
            counts.dense.steps,
            steps,
            float(cycles_of_action),
            busiest,
        )
        cycles = np.concatenate([exposed(timing).cycles for timing in timings(op)])
    for b in np.flatnonzero(~alike & known).tolist():
        cycles[b] = single_cycles(nest, structure, tuple(factors[:, b].tolist()), on)
    return cycles, known


def _busy_steps(counts: _Batch) -> tuple[Floats, Bools]:
    """Temporal steps in which the compute works; with lanes in lockstep each mapping by itself."""
    nest, structure = counts.nest, counts.structure
    known = np.ones(counts.factors.shape[1], dtype=bool)
    steps = np.asarray(counts.dense.steps * np.ones(len(known)))
    shares = np.asarray(1.0 - counts.computes.skipped / counts.dense.computes * np.ones(len(known)))
    if not (
        any(isinstance(i, Array) and i.lockstep for i in nest.items) and point_tiles(structure, counts.rules, True)
    ):
        return near_whole(steps * shares), known
    busy = np.full(len(known), np.inf)
    for b in range(len(known)):
        try:
            shape = (structure, tuple(counts.factors[:, b].tolist()))
            busy[b] = float(near_whole(int(steps[b]) * share_left(nest, shape, counts.rules, float(shares[b]))))
        except SpecError:
            known[b] = False
    return busy, known


def single_counts(nest: OpNest, structure: Structure, factors: tuple[int, ...]) -> OpCounts:
    """The counts of one mapping, as `sata run` makes them. Raises: SpecError as `count_op`."""
    mine = iter(factors)
    items = tuple(_with(i, next(mine)) if isinstance(i, BoundLoop) else i for i in nest.items)
    return count_op(OpNest(nest.op, items, nest.chains, nest.shared), (structure, factors))


def single_cycles(nest: OpNest, structure: Structure, factors: tuple[int, ...], on: Machine) -> float:
    """Cycles of one mapping, as `sata run` has them."""
    return tally(single_counts(nest, structure, factors), on.prices, on.bits, Faults()).cycles


def _one_by_one(
    nest: OpNest, structure: Structure, factors: NDArray[np.int64], on: Machine
) -> tuple[Floats, Floats, Bools]:
    """Each of a batch by itself, where some of them cannot be counted."""
    energy, cycles = np.full(factors.shape[1], np.inf), np.full(factors.shape[1], np.inf)
    fits = np.zeros(factors.shape[1], dtype=bool)
    for b in range(factors.shape[1]):
        energy[b], cycles[b], fits[b] = figures(nest, structure, tuple(factors[:, b].tolist()), on)
    return energy, cycles, fits


def figures(nest: OpNest, structure: Structure, factors: tuple[int, ...], on: Machine) -> tuple[float, float, bool]:
    """(energy in pJ with leakage, cycles, whether all fits) of one mapping, summed as `sata run` sums.

    A mapping that `sata run` cannot count fits nowhere. Raises: SpecError for an action without a price.
    """
    try:
        counts = single_counts(nest, structure, factors)
    except SpecError:
        return float("inf"), float("inf"), False
    faults = Faults()
    costs = tally(counts, on.prices, on.bits, faults)
    faults.check()
    cycles = costs.cycles
    energies = [r["energy_pj"] for r in costs.records]
    if on.clock_hz is not None and cycles:
        energies += [float(leakage_energy_pj(mw, cycles / on.clock_hz, n)) for mw, n in on.leaks]
    return sum(energies), cycles, all(o.fits for o in occupancies([counts], on.bits))
