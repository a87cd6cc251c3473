"""Do the tiles fit? Bits that a memory holds at once, against its size."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sata.counts.op import OpCounts
from sata.nest.model import Level
from sata.specs.faults import Where
from sata.specs.model import Memory


@dataclass(frozen=True, slots=True)
class Occupancy:
    """What one instance of a memory holds at once: bits per tensor, and how much it may. None: unlimited."""

    memory: Memory
    ops: tuple[str, ...]
    tiles: Mapping[str, tuple[int, int]]  # tensor -> (elements, bits of one)
    where: Where

    @property
    def bits(self) -> int:
        return sum(elements * bits for elements, bits in self.tiles.values())

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
        parts = " + ".join(f"{name} {n} x {bits} b" for name, (n, bits) in self.tiles.items())
        halved = f" ({self.memory.buffers} buffers)" if self.memory.buffers > 1 else ""
        return (
            f"{self.memory.name} overflows by {self.bits - self.limit_bits} b in {', '.join(self.ops)}: "
            f"{parts} = {self.bits} b of {self.limit_bits} b{halved}"
        )


def occupancies(ops: Sequence[OpCounts], bits: Mapping[str, int]) -> list[Occupancy]:
    """What the memories of one group hold. A memory above the split holds the tiles of all ops of the group at once,
    one below it those of its own op."""
    found: dict[tuple[str, str], tuple[Level, list[str], dict[str, tuple[int, int]]]] = {}
    for op in ops:
        for number, item in enumerate(op.nest.items):
            if not isinstance(item, Level):
                continue
            shared = number < op.nest.shared
            key = (item.memory.name, "" if shared else op.nest.op.name)
            _, names, tiles = found.setdefault(key, (item, [], {}))
            names.append(op.nest.op.name)
            for access in op.accesses:
                if access.memory.name == item.memory.name:
                    have = tiles.get(access.tensor.name, (0, 0))[0]
                    tiles[access.tensor.name] = max(have, access.dense.tile), bits[access.tensor.kind]
    return [Occupancy(level.memory, tuple(names), tiles, level.where) for level, names, tiles in found.values()]
