"""All counts of one op on its nest: dense, split by sparsity, and what bandwidth and capacity need of them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from sata.counts.dense import EVENTS, DenseCounts, MemoryCounts, count, delivered
from sata.counts.outcomes import EVERYTHING, Decisions, Outcome, Shares, decide, split
from sata.nest.graph import Shape, stored
from sata.nest.model import BoundLoop, OpNest
from sata.nest.structure import Structure
from sata.specs.faults import Faults
from sata.specs.model import Array, Memory, Tensor

READS = ("reads", "drains", "merge_reads")  # events that read a memory
WRITES = ("fills", "updates")  # events that write it
# what a memory does for the link below it; its fills and drains belong to the link above
BELOW = {"reads", "updates", "merge_reads"}


@dataclass(frozen=True, slots=True)
class Access:
    """One tensor at one memory: dense counts, and per event what happened. Elements, summed over instances."""

    memory: Memory
    tensor: Tensor
    dense: MemoryCounts
    events: dict[str, Outcome]


@dataclass(frozen=True, slots=True)
class Delivery:
    """One tensor through one array. words: elements delivered inwards or outwards; hops: links they travel in all."""

    array: Array
    tensor: Tensor
    words: int
    hops: float


@dataclass(frozen=True, slots=True)
class OpCounts:
    """Counts of one op. `structure`, `factors`: what they were counted from."""

    nest: OpNest
    structure: Structure
    factors: tuple[int, ...]
    dense: DenseCounts
    decisions: Decisions
    computes: Outcome
    accesses: tuple[Access, ...]
    deliveries: tuple[Delivery, ...]


def count_op(nest: OpNest, shape: Shape, faults: Faults) -> OpCounts:
    """Counts of one op. shape: what the group's graph says of it. Sparsity rules that cannot be modelled become
    faults.
    """
    structure, factors = shape
    dense = count(structure, factors)
    decisions = decide(nest, faults)
    accesses = tuple(_accesses(nest, dense, decisions))
    deliveries = tuple(_deliveries(nest, structure, factors))
    return OpCounts(
        nest, structure, factors, dense, decisions, split(dense.computes, decisions.computes), accesses, deliveries
    )


def _accesses(nest: OpNest, dense: DenseCounts, decisions: Decisions) -> Iterator[Access]:
    memories = {level.memory.name: level.memory for level in nest.levels}
    for tensor, counts in zip(stored(nest.op), dense.tensors, strict=True):
        for name, found in zip(nest.chains[tensor.name], counts, strict=True):
            shares = decisions.accesses.get((name, tensor.name), EVERYTHING)
            events = {e: _outcome(found, e, shares) for e in EVENTS}
            yield Access(memories[name], tensor, found, events)


def _outcome(found: MemoryCounts, event: str, shares: Shares) -> Outcome:
    return split(getattr(found, event), shares if event in BELOW else EVERYTHING)


def _deliveries(nest: OpNest, structure: Structure, factors: tuple[int, ...]) -> Iterator[Delivery]:
    """Only for arrays whose wires have a class: the others carry words for nothing."""
    arrays = [item for item in nest.items if isinstance(item, Array)]
    for number, array in enumerate(arrays):
        if array.hop is None:
            continue
        for tensor, words in zip(stored(nest.op), delivered(structure, factors, number), strict=True):
            yield Delivery(array, tensor, words, words * mean_hops(nest, array))


def mean_hops(nest: OpNest, array: Array) -> float:
    """Links that a delivered word travels on average: into the array's corner, then along each axis to its child.

    Assumption: children in use stand side by side from the corner on; words that several children share travel to each.
    """
    hops = 1.0
    for axis in array.shape:
        used = 1
        for loop in nest.items:
            if isinstance(loop, BoundLoop) and loop.array == array.name and loop.axis == axis:
                used *= loop.factor
        hops += (used - 1) / 2
    return hops
