"""Traffic of the busiest instance of a memory, which is what its bandwidth has to carry."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import product

import numpy as np
from numpy.typing import NDArray

from sata.counts.dense import EVENTS, DenseCounts, count
from sata.counts.op import READS, WRITES, OpCounts
from sata.nest.structure import TEMPORAL, Structure
from sata.specs.model import Memory


def busiest_bits(counts: OpCounts, memory: Memory, bits: Mapping[str, int]) -> tuple[float, float]:
    """(bits read, bits written) by the instances of `memory` that move most, skipped ones left out, metadata of formats
    included. bits: by kind. Where both directions share a port, of the one that moves most in all; else each of its own
    busiest instance, since the longer direction counts.

    All instances are alike when the ranks unrolled above the memory divide evenly and no window of theirs is cut at a
    border; otherwise each candidate is counted by itself.
    """
    accesses = [(n, a) for n, a in enumerate(counts.accesses) if a.memory.name == memory.name]
    number = [level.memory.name for level in counts.nest.levels].index(memory.name)
    pins = list(_candidates(counts.structure, counts.factors, number))
    best = (0.0, 0.0)
    for pin in pins:
        dense = count(counts.structure, counts.factors, pin) if pin else counts.dense
        share = 1.0 if pin else 1.0 / _instances(counts.structure, counts.factors, number)
        totals = []
        for events in (READS, WRITES):
            total = 0.0
            for n, access in accesses:
                of_pin = _row(counts, dense, n)
                for e in events:
                    whole = getattr(access.dense, e)
                    if whole:
                        total += of_pin[e] * share * (access.moved_bits(e, bits) / whole)
            totals.append(total)
        if not memory.bandwidth.shared:
            best = (max(best[0], totals[0]), max(best[1], totals[1]))
        elif sum(totals) > sum(best):
            best = (totals[0], totals[1])
    return best


def uniform(structure: Structure, factors: NDArray[np.int64], memory: int) -> NDArray[np.bool_]:
    """Per mapping of a batch, whether all instances of memory number `memory` move the same. factors: [slots, B]."""
    alike = np.ones(factors.shape[1], dtype=bool)
    for slot in _spatial(structure, memory):
        rank = structure.slots[slot].rank
        covered = np.prod(factors[list(structure.slots_of[rank])], axis=0)
        alike &= covered == structure.bounds[rank]
        if _cut(structure, rank):
            alike &= factors[slot] == 1
    return alike


def _row(counts: OpCounts, dense: DenseCounts, number: int) -> dict[str, float]:
    """The events of access `number`: accesses stand in the order of operands and their chains."""
    for found in dense.tensors:
        if number < len(found):
            return {e: getattr(found[number], e) for e in EVENTS}
        number -= len(found)
    raise IndexError(number)


def _spatial(structure: Structure, memory: int) -> list[int]:
    return [i for i, s in enumerate(structure.slots[: structure.depths[memory]]) if s.array != TEMPORAL]


def _instances(structure: Structure, factors: tuple[int, ...], memory: int) -> int:
    total = 1
    for slot in _spatial(structure, memory):
        total *= factors[slot]
    return total


def _candidates(structure: Structure, factors: tuple[int, ...], memory: int) -> Iterator[dict[int, int]]:
    """Instances that may be the busiest, as digits of the spatial slots above the memory; {} where all are alike.

    Along a rank that only ends raggedly the first instance has most; along one whose windows are cut at a border
    any may.
    """
    slots = _spatial(structure, memory)
    cut = {s for s in slots if factors[s] > 1 and _cut(structure, structure.slots[s].rank)}
    ragged = any(
        _covered(structure, factors, structure.slots[s].rank) != structure.bounds[structure.slots[s].rank]
        for s in slots
    )
    if not cut and not ragged:
        yield {}
        return
    for digits in product(*(range(factors[s]) if s in cut else (0,) for s in slots)):
        yield dict(zip(slots, digits, strict=True))


def _covered(structure: Structure, factors: tuple[int, ...], rank: int) -> int:
    total = 1
    for slot in structure.slots_of[rank]:
        total *= factors[slot]
    return total


def _cut(structure: Structure, rank: int) -> bool:
    """Whether some tensor has a dimension with this rank that runs over its border."""
    for operand in structure.operands:
        for axis in operand.axes:
            if rank in axis.ranks:
                spans = [c * (structure.bounds[r] - 1) for r, c in zip(axis.ranks, axis.coefs, strict=True)]
                low = axis.offset + sum(min(0, s) for s in spans)
                high = axis.offset + sum(max(0, s) for s in spans)
                if low < 0 or high >= axis.size:
                    return True
    return False
