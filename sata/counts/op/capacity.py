"""Do the tiles fit? Bits that a memory holds at once, against its size.

Of a tensor with a format: the expected data and metadata of its largest tile, or what a share `fit` of such tiles stays
within, each tensor for itself.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import ceil
from typing import Any

import numpy as np

from sata.counts.op.results import Access, OpCounts
from sata.nest.model import NestLevel
from sata.specs.model import Memory
from sata.specs.text.faults import Where

EXACT = 2.0**58  # bits that a few tensors may hold together within 64-bit integers
ROUNDING = 1e-6  # bits: sums of expected sizes are no more exact


@dataclass(frozen=True, slots=True)
class StoredTile:
    """What is held of one tensor: elements (those that are stored), bits of one, and bits of metadata."""

    elements: float
    element_bits: int
    metadata_bits: float = 0

    @property
    def data_bits(self) -> Any:
        """Of a batch integers where all of them are small enough to be added up as such, else floats."""
        elements: Any = self.elements
        if isinstance(elements, np.ndarray) and float(elements.max(initial=0)) * self.element_bits >= EXACT:
            elements = elements.astype(np.float64)
        return elements * self.element_bits

    @property
    def bits(self) -> Any:
        return self.data_bits + self.metadata_bits

    def text(self) -> str:
        """`48 x 8 b`, with what a format adds: `12.8 x 8 b data + 64 b metadata`."""
        data = f"{_shown(self.elements)} x {self.element_bits} b"
        return f"{data} data + {_shown(self.metadata_bits)} b metadata" if self.metadata_bits else data


@dataclass(frozen=True, slots=True)
class Occupancy:
    """What one instance of a memory holds at once: a tile per tensor, and how much it may. None: unlimited."""

    memory: Memory
    ops: tuple[str, ...]
    tiles: Mapping[str, StoredTile]
    where: Where

    @property
    def bits(self) -> int:
        """Data and metadata, whole bits."""
        return _whole(sum(tile.bits for tile in self.tiles.values()))

    @property
    def metadata_bits(self) -> int:
        return _whole(sum(tile.metadata_bits for tile in self.tiles.values()))

    @property
    def limit_bits(self) -> int | None:
        """The size; a memory of two buffers gives one of them to a tile."""
        return None if self.memory.size_bits is None else self.memory.size_bits // self.memory.buffers

    @property
    def fits(self) -> bool:
        return self.limit_bits is None or self.bits <= self.limit_bits

    def why(self) -> str:
        """A sentence on what does not fit, and by how much."""
        assert self.limit_bits is not None
        parts = " + ".join(f"{name} {tile.text()}" for name, tile in self.tiles.items())
        notes = [f"{self.memory.buffers} buffers"] if self.memory.buffers > 1 else []
        notes += [f"in {self.memory.fit:.10g} of the tiles"] if self.memory.fit is not None else []
        said = f" ({', '.join(notes)})" if notes else ""
        return (
            f"{self.memory.name} overflows by {self.bits - self.limit_bits} b in {', '.join(self.ops)}: "
            f"{parts} = {self.bits} b of {self.limit_bits} b{said}"
        )


def occupancies(ops: Sequence[OpCounts], bits: Mapping[str, int]) -> list[Occupancy]:
    """What the memories of one group hold. A memory above the split holds the tiles of all ops of the group at once,
    one below it those of its own op."""
    found: dict[tuple[str, str], tuple[NestLevel, list[str], dict[str, StoredTile]]] = {}
    for op in ops:
        for number, item in enumerate(op.nest.items):
            if not isinstance(item, NestLevel):
                continue
            shared = number < op.nest.shared
            key = (item.memory.name, "" if shared else op.nest.op.name)
            _, names, tiles = found.setdefault(key, (item, [], {}))
            names.append(op.nest.op.name)
            for access in op.accesses:
                if access.memory.name == item.memory.name:
                    tile, have = _kept_steps(op, access, tile_of(access, bits)), tiles.get(access.tensor.name)
                    tiles[access.tensor.name] = tile if have is None or tile.bits >= have.bits else have
    return [Occupancy(level.memory, tuple(names), tiles, level.where) for level, names, tiles in found.values()]


def _kept_steps(op: OpCounts, access: Access, tile: StoredTile) -> StoredTile:
    """What a memory holds of a tensor that passes to later steps (`OpNest.held`): the tiles of all steps until then."""
    name = access.tensor.name
    if name not in op.nest.held or op.nest.chains[name][0] != access.memory.name:
        return tile
    own, kept = op.nest.held[name]
    elements = tile.elements * kept
    return StoredTile(
        elements // own if elements % own == 0 else elements / own, tile.element_bits, tile.metadata_bits * kept / own
    )


def within(bits: Any, limit_bits: int) -> Any:
    """Whether held bits are no more than a limit; of one mapping, or of a batch."""
    return bits - ROUNDING <= limit_bits


def tile_of(access: Access, bits: Mapping[str, int]) -> StoredTile:
    """What a memory holds of one tensor; of a batch its numbers are arrays."""
    if access.held is None:
        return StoredTile(access.dense.tile, bits[access.tensor.kind])
    tile = access.held.layout.fitting
    return StoredTile(tile.elements, access.element_bits(bits), tile.metadata_bits)


def _whole(bits: float) -> int:
    """Bits as a whole number; what is above one by rounding alone is that one."""
    return bits if isinstance(bits, int) else ceil(bits - ROUNDING)


def _shown(number: float) -> str:
    return str(number) if isinstance(number, int) else f"{round(number, 2):.12g}"
