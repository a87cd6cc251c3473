"""What is counted: a tensor at a memory, and a nest; of one mapping, or of a batch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sata.nest.structure import Structure

Number = Any  # int, or an int64 array [B]
Ints = NDArray[np.int64]


@dataclass(slots=True)
class MemoryCounts:
    """Counts of one tensor at one memory; each a number, or an int64 array [B]. Elements, summed over instances;
    `tile` is the most that one instance holds at once."""

    tile: Number = 0
    instances: Number = 0
    fills: Number = 0
    reads: Number = 0
    updates: Number = 0
    drains: Number = 0
    merge_reads: Number = 0


EVENTS = ("fills", "reads", "updates", "drains", "merge_reads")
FIELDS = ("tile", "instances", *EVENTS)


@dataclass(frozen=True, slots=True)
class DenseCounts:
    """Dense counts of a nest.

    tensors: per operand, per memory of its chain (outermost first). arrivals: per operand, per link of its chain
    (into the second memory, ..., into the compute), the elements that arrive at the children, each child for itself.
    computes: existing points. steps: temporal index combinations with an existing point. lanes: computes that
    ever work.
    """

    tensors: tuple[tuple[MemoryCounts, ...], ...]
    arrivals: tuple[tuple[Number, ...], ...]
    computes: int
    steps: Number
    lanes: Number


def stack(structure: Structure, pieces: Sequence[DenseCounts], slices: Sequence[slice]) -> DenseCounts:
    """Counts of consecutive pieces of a batch as one; numbers that hold for a whole piece are spread over it."""
    sizes = [piece.stop - piece.start for piece in slices]

    def joined(numbers: list[Number]) -> Ints:
        if all(isinstance(n, int) and n == numbers[0] for n in numbers):
            return np.broadcast_to(np.int64(numbers[0]), (sum(sizes),))  # one number shown as many: read only
        whole = np.empty(sum(sizes), dtype=np.int64)
        start = 0
        for number, size in zip(numbers, sizes, strict=True):
            whole[start : start + size] = number
            start += size
        return whole

    tensors = tuple(
        tuple(
            MemoryCounts(*(joined([getattr(p.tensors[t][m], f) for p in pieces]) for f in FIELDS))
            for m in range(len(operand.chain))
        )
        for t, operand in enumerate(structure.operands)
    )
    arrivals = tuple(
        tuple(joined([p.arrivals[t][i] for p in pieces]) for i in range(len(operand.chain)))
        for t, operand in enumerate(structure.operands)
    )
    steps, lanes = joined([p.steps for p in pieces]), joined([p.lanes for p in pieces])
    return DenseCounts(tensors, arrivals, structure.computes, steps, lanes)
