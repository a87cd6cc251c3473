"""A nest with everything resolved: which memory keeps which tensor, the factor of every loop, the way to a compute."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from sata.specs.model import Array, Compute, Memory, Op
from sata.specs.text.faults import Where


@dataclass(frozen=True, slots=True)
class NestLevel:
    """A memory in the nest of one op; `keeps`: names of the op's tensors it keeps."""

    memory: Memory
    keeps: tuple[str, ...]
    where: Where = Where()


@dataclass(frozen=True, slots=True)
class BoundLoop:
    """A loop with its factor; `stride` is how far one step moves the rank. `array`, `axis`: where it is spatial."""

    rank: str
    factor: int
    stride: int
    array: str | None = None
    axis: str | None = None
    where: Where = Where()


Item = NestLevel | BoundLoop | Array | Compute


@dataclass(frozen=True, slots=True)
class OpNest:
    """The nest of one op, outermost first: levels, temporal loops, arrays (each before its spatial loops), the compute.

    chains: per stored tensor, the names of the memories that keep it, its home first. shared: how many of the items
    it shares with the other ops of its group. passed: tensors that another op of the group makes or takes. held: of
    those that pass over several steps and have their home above the split: (steps that a tile has, steps kept of them).
    """

    op: Op
    items: tuple[Item, ...]
    chains: Mapping[str, tuple[str, ...]]
    shared: int
    passed: frozenset[str] = frozenset()
    held: Mapping[str, tuple[int, int]] = field(default_factory=dict)

    @property
    def levels(self) -> tuple[NestLevel, ...]:
        return tuple(i for i in self.items if isinstance(i, NestLevel))

    @property
    def loops(self) -> tuple[BoundLoop, ...]:
        return tuple(i for i in self.items if isinstance(i, BoundLoop))

    @property
    def compute(self) -> Compute:
        last = self.items[-1]
        assert isinstance(last, Compute)
        return last


@dataclass(frozen=True, slots=True)
class Group:
    """One op, or the ops of one layer that share a nest, in the order they run."""

    name: str
    layer: str
    nests: tuple[OpNest, ...]
    where: Where = Where()


@dataclass(frozen=True, slots=True)
class Omitted:
    """An op that the mapping leaves out, and the reason it gives."""

    op: str
    why: str


@dataclass(frozen=True, slots=True)
class Program:
    """All nests of a workload under one mapping on one architecture, in the order the groups start."""

    groups: tuple[Group, ...]
    omitted: tuple[Omitted, ...] = ()
    unselected: tuple[str, ...] = field(default=())
