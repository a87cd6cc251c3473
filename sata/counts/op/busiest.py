"""Traffic of the busiest instance of a memory, which is what its bandwidth has to carry.

Instances differ where factors are imperfect, where a border cuts windows off, and in the old values of partial sums:
of the children that an element reaches in one step, the first in the order of their indices carries them
(docs/counting.md). Where only the last tells instances apart, the first one is the busiest and its counts follow from
those of all; otherwise one of each class of equal instances is counted by itself.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sata.counts.dense.closed_form import count_instance
from sata.counts.dense.digits import digits_of
from sata.counts.dense.memory_counts import EVENTS, DenseCounts, MemoryCounts
from sata.counts.op.results import READS, WRITES, Access, OpCounts
from sata.nest.structure import TEMPORAL, Axis, Operand, Structure
from sata.specs.model import Memory

Number = Any  # a number, or an array [B]
Row = Mapping[str, Number]  # event -> elements


def busiest_bits(counts: OpCounts, memory: Memory, bits: Mapping[str, int]) -> tuple[float, float]:
    """(bits read, bits written) by the instances of `memory` that move most, skipped ones left out, metadata of formats
    included.

    bits: by kind. Where both directions share a port, of the one that moves most in all; else each of its own busiest
    instance, since the longer direction counts.
    """
    accesses = [a for a in counts.accesses if a.memory.name == memory.name]
    number = [level.memory.name for level in counts.nest.levels].index(memory.name)
    best = (0.0, 0.0)
    for rows in instances(counts.structure, counts.factors, number, counts.dense):
        read, write = moved_bits(accesses, rows, bits)
        if not memory.bandwidth.shared:
            best = (max(best[0], read), max(best[1], write))
        elif read + write > sum(best):
            best = (read, write)
    return best


def moved_bits(accesses: Sequence[Access], rows: Sequence[Row], bits: Mapping[str, int]) -> tuple[Number, Number]:
    """(bits read, bits written) by one instance. rows: its dense counts, of each access; what zeros leave of them is
    the same share as of all."""
    read, write = (
        sum((_moved(access, row[e], e, bits) for access, row in zip(accesses, rows, strict=True) for e in events), 0.0)
        for events in (READS, WRITES)
    )
    return read, write


def _moved(access: Access, own: Number, event: str, bits: Mapping[str, int]) -> Number:
    """Bits that one instance moves of what all of them do."""
    whole, moved = getattr(access.dense, event), access.moved_bits(event, bits)
    if isinstance(whole, np.ndarray):
        return np.divide(own * np.asarray(moved, dtype=np.float64), whole, out=np.zeros(len(whole)), where=whole > 0)
    return own * moved / whole if whole else 0.0


def instances(structure: Structure, factors: tuple[int, ...], memory: int, dense: DenseCounts) -> Iterator[list[Row]]:
    """Instances of memory number `memory` that may be the busiest: per operand that it keeps its events.

    factors: of one mapping; dense: its counts.
    """
    if uniform(structure, np.array(factors, dtype=np.int64).reshape(-1, 1), memory)[0]:
        yield first_of_alike(structure, factors, memory, dense)
        return
    slots = _spatial(structure, memory)
    for digits in product(*(classes(structure, factors, memory, slot) for slot in slots)):
        pins = dict(zip(slots, digits, strict=True))
        yield [_row(c) for c in count_instance(structure, factors, memory, pins) if c is not None]


def uniform(structure: Structure, factors: NDArray[np.int64], memory: int) -> NDArray[np.bool_]:
    """Per mapping of a batch, whether all instances of memory number `memory` move the same, but for old values of
    partial sums, which the first of those that work on the same results carries. factors: [slots, B]."""
    alike = np.ones(factors.shape[1], dtype=bool)
    kept = _kept(structure, memory)
    for slot in _spatial(structure, memory):
        rank = structure.slots[slot].rank
        covered = np.prod(factors[list(structure.slots_of[rank])], axis=0)
        alike &= covered == structure.bounds[rank]
        if any(_cut(structure, axis) or (o.output and len(axis.ranks) > 1) for o, axis in _axes(kept, rank)):
            alike &= factors[slot] == 1
    return alike


def first_of_alike(structure: Structure, factors: Sequence[Number], memory: int, dense: DenseCounts) -> list[Row]:
    """Where instances are uniform: per operand that the memory keeps, the events of the first instance, which carries
    all old values. factors, dense: of one mapping, or of a batch.

    Children that work on the same results take part in every arrival together, so the first of them starts from zero
    only where the home does: at its share of what arrives at the home.
    """
    number = _product(factors, _spatial(structure, memory))
    found: list[Row] = []
    for operand, tensors, arrivals in zip(structure.operands, dense.tensors, dense.arrivals, strict=True):
        if memory not in operand.chain:
            continue
        place = operand.chain.index(memory)
        counts = tensors[place]
        row = {e: _share(getattr(counts, e), number) for e in EVENTS}
        if operand.output and place:
            came = arrivals[place - 1]
            valueless = _valueless(structure, factors, operand, tensors[0], memory)
            row["fills"] = _share(came, number) - valueless
            row["reads"] = _share(counts.reads + came - counts.fills, number) - valueless
        found.append(row)
    return found


def _valueless(
    structure: Structure, factors: Sequence[Number], operand: Operand, home: MemoryCounts, memory: int
) -> Number:
    """What arrives at the home, without a value, of the results that one instance of a memory works on."""
    if operand.initialised:
        return 0
    indexed = {rank for axis in operand.axes for rank in axis.ranks}
    outside = structure.depths[operand.chain[0]]
    slots = [s for s in _spatial(structure, memory) if s < outside or structure.slots[s].rank in indexed]
    return _share(home.updates - home.merge_reads - home.reads, _product(factors, slots))


def classes(structure: Structure, factors: Sequence[int], memory: int, slot: int) -> list[int]:
    """Indices of a spatial slot above a memory, one of each class of those that are alike, whatever the others are."""
    rank = structure.slots[slot].rank
    slots = structure.slots_of[rank]
    exact = _product(factors, slots) == structure.bounds[rank]
    axes = _axes(_kept(structure, memory), rank)
    outputs = [o for o in _kept(structure, memory) if o.output]
    marks: list[tuple[Any, ...]] = [()] * factors[slot]
    if any(rank not in axis.ranks for o in outputs for axis in o.axes) or not exact:
        marks = _marked(marks, [min(d, 1) for d in range(factors[slot])])
    if not exact:  # what counts is how an index compares with the bound's own, and whether any is between
        strides = [_product(factors, slots[i + 1 :]) for i in range(len(slots))]
        own = digits_of(structure.bounds[rank], strides, [factors[s] for s in slots])[0][slots.index(slot)]
        marks = _marked(marks, [min(max(d - own, -1), 2) for d in range(factors[slot])])
    for operand, axis in axes:
        if len(axis.ranks) > 1 or _cut(structure, axis):
            free = not operand.output and all(
                _product(factors, structure.slots_of[r]) == structure.bounds[r] for r in axis.ranks
            )
            inside = [free and _inside(structure, factors, axis, slot, d) for d in range(factors[slot])]
            marks = _marked(marks, [-1 if i else d for d, i in enumerate(inside)])
    return [d for d, mark in enumerate(marks) if marks.index(mark) == d]


def _marked(marks: list[tuple[Any, ...]], more: Sequence[int]) -> list[tuple[Any, ...]]:
    return [(*mark, m) for mark, m in zip(marks, more, strict=True)]


def _inside(structure: Structure, factors: Sequence[int], axis: Axis, slot: int, index: int) -> bool:
    """Whether no coordinate leaves the border while a slot stays at one index; all ranks of the axis are exact."""
    low = high = axis.offset
    for rank, coef in zip(axis.ranks, axis.coefs, strict=True):
        first, last = 0, structure.bounds[rank] - 1
        if rank == structure.slots[slot].rank:
            stride = _product(factors, [s for s in structure.slots_of[rank] if s > slot])
            first = index * stride
            last += first - (factors[slot] - 1) * stride
        low += min(coef * first, coef * last)
        high += max(coef * first, coef * last)
    return low >= 0 and high < axis.size


def _cut(structure: Structure, axis: Axis) -> bool:
    """Whether a dimension runs over its border."""
    spans = [c * (structure.bounds[r] - 1) for r, c in zip(axis.ranks, axis.coefs, strict=True)]
    return axis.offset + sum(min(0, s) for s in spans) < 0 or axis.offset + sum(max(0, s) for s in spans) >= axis.size


def _kept(structure: Structure, memory: int) -> list[Operand]:
    return [o for o in structure.operands if memory in o.chain]


def _axes(operands: Sequence[Operand], rank: int) -> list[tuple[Operand, Axis]]:
    return [(o, axis) for o in operands for axis in o.axes if rank in axis.ranks]


def _spatial(structure: Structure, memory: int) -> list[int]:
    return [i for i, s in enumerate(structure.slots[: structure.depths[memory]]) if s.array != TEMPORAL]


def _product(factors: Sequence[Number], slots: Sequence[int]) -> Number:
    total: Number = 1
    for slot in slots:
        total = total * factors[slot]
    return total


def _share(whole: Number, number: Number) -> Number:
    """What one of so many equal instances has; a division without a rest."""
    return whole // number


def _row(counts: MemoryCounts) -> Row:
    return {e: getattr(counts, e) for e in EVENTS}
