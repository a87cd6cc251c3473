"""What counting needs of a nest, in small integers: ranks, loop slots, memories and tensors by position.

A structure has no factors: these are arrays beside it, so that one structure serves a million mappings.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

TEMPORAL = -1


@dataclass(frozen=True, slots=True)
class Slot:
    """A loop of rank number `rank`; `array` is the number of the array it belongs to, or TEMPORAL; `axis` the number of
    the axis of that array, in the order in which wires run (the trunk first)."""

    rank: int
    array: int = TEMPORAL
    axis: int = 0


@dataclass(frozen=True, slots=True)
class Fanout:
    """What an array does with deliveries on the way in (`multicast`: none, tile, element), results on the way out.
    above: how many memories of the nest are above it, which says where an array without loops is; -1: not said."""

    multicast: str = "tile"
    reduce: bool = False
    above: int = -1


@dataclass(frozen=True, slots=True)
class Axis:
    """A tensor dimension: coordinate = offset + sum coefs[i] * rank ranks[i], and exists in [0, size)."""

    ranks: tuple[int, ...]
    coefs: tuple[int, ...]
    offset: int
    size: int


@dataclass(frozen=True, slots=True)
class Operand:
    """A tensor: its dimensions, its role, and the numbers of the memories that keep it, outermost (the home) first."""

    axes: tuple[Axis, ...]
    output: bool
    chain: tuple[int, ...]
    initialised: bool = False


@dataclass(frozen=True)
class Structure:
    """A nest in integers.

    bounds: [ranks]; slots: loops, outermost first; depths: per memory, how many slots are above it (the compute is
    below all of them); fanouts: per array.
    """

    bounds: tuple[int, ...]
    slots: tuple[Slot, ...]
    depths: tuple[int, ...]
    fanouts: tuple[Fanout, ...]
    operands: tuple[Operand, ...]

    @cached_property
    def slots_of(self) -> tuple[tuple[int, ...], ...]:
        """Per rank, the positions of its slots, outermost first."""
        return tuple(tuple(i for i, s in enumerate(self.slots) if s.rank == r) for r in range(len(self.bounds)))

    @cached_property
    def computes(self) -> int:
        """Existing points of the iteration space."""
        total = 1
        for bound in self.bounds:
            total *= bound
        return total
