"""What the counts of one op are: a tensor at a memory, a tensor through an array, and all of them together."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from sata.counts.dense.memory_counts import DenseCounts, MemoryCounts
from sata.counts.sparse.outcomes import Decided, Outcome
from sata.counts.sparse.rules import Rules
from sata.counts.storage.stored import Held
from sata.nest.model import OpNest
from sata.nest.structure import Structure
from sata.specs.model import Array, Memory, Tensor

Number = Any  # a number, or an array [B]

READS = ("reads", "drains", "merge_reads")  # events that read a memory
WRITES = ("fills", "updates")  # events that write it


@dataclass(frozen=True, slots=True)
class Access:
    """One tensor at one memory: dense counts, and per event what happened. Elements, summed over instances.

    held: how a memory with a format for it stores it, and the metadata that moves; None: in full, without any.
    """

    memory: Memory
    tensor: Tensor
    dense: MemoryCounts
    events: dict[str, Outcome]
    held: Held | None = None

    def element_bits(self, bits: Mapping[str, int]) -> int:
        """Bits that one stored element occupies and moves. bits: by kind."""
        own = bits[self.tensor.kind]
        return own if self.held is None else self.held.value_bits(own)

    def metadata_bits(self, events: Iterable[str]) -> Number:
        """Bits of metadata that some events move."""
        return 0.0 if self.held is None else sum(self.held.metadata[e] for e in events)

    def moved_bits(self, event: str, bits: Mapping[str, int]) -> Number:
        """Bits that an event moves, data and metadata: what is skipped stays where it is."""
        real = self.events[event].actual + self.events[event].gated
        if isinstance(real, np.ndarray):
            real = real.astype(np.float64)  # bits of many elements may be beyond 64-bit integers
        return self.element_bits(bits) * real + self.metadata_bits((event,))


@dataclass(frozen=True, slots=True)
class Delivery:
    """One tensor through one array. words: elements by lanes that receive (or give) them; hops: links they pass; of
    one mapping or of a batch."""

    array: Array
    tensor: Tensor
    words: Outcome
    hops: Outcome


@dataclass(frozen=True, slots=True)
class OpCounts:
    """Counts of one op. `structure`, `factors`: what they were counted from. rules, decided: what zeros decide about,
    and what they left."""

    nest: OpNest
    structure: Structure
    factors: tuple[int, ...]
    dense: DenseCounts
    rules: Rules
    decided: Decided
    computes: Outcome
    accesses: tuple[Access, ...]
    deliveries: tuple[Delivery, ...]
    busy_steps: float  # temporal steps in which the compute works: what is not skipped
