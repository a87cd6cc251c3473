"""The space of one op: its paths down the architecture, and what the memories of a path keep.

A *storage template* is a choice of both: it fixes everything of a nest but its loops. Loops stand in *blocks*, one
below every memory that keeps something and one below every array; in a block any sequence of temporal loops may stand.
The spatial loops of an array take, on each of its axes, any ranks and factors that fit its size.

`keep` of the architecture is always kept, `may_keep` is left to the search; a memory that says neither may keep any
kind.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import product
from math import ceil

from sata.costs.evaluate import Price
from sata.specs.model import Arch, Array, Compute, Memory, Op, Tensor

Way = tuple[Memory | Array | Compute, ...]


@dataclass(frozen=True)
class StorageTemplate:
    """All of a nest but its loops. `items`: memories that keep something, arrays, the compute, outermost first;
    `keeps`: memory -> names of the tensors it keeps."""

    op: Op
    way: Way
    items: tuple[Memory | Array | Compute, ...]
    keeps: Mapping[str, tuple[str, ...]]

    @property
    def compute(self) -> Compute:
        last = self.items[-1]
        assert isinstance(last, Compute)
        return last

    @property
    def memories(self) -> tuple[Memory, ...]:
        return tuple(i for i in self.items if isinstance(i, Memory))

    def chain(self, tensor: str) -> tuple[str, ...]:
        """The memories that keep a tensor, its home first."""
        return tuple(m.name for m in self.memories if tensor in self.keeps[m.name])


@dataclass(frozen=True)
class Constraints:
    """What a user asks of the nests of an op (docs/search.md). Empty: all of the space.

    keep, bypass: memory -> kinds or tensor names that it must, or must not, keep. ranks: (array, axis) -> ranks that
    may stand there; None all. utilization: least share of the lanes of each array that is used.
    compute: the compute that ends the nest, or "". factors: node -> rank -> (least, most) product of its temporal loops
    right below that memory or array. order: node -> ranks whose loops right below it stand in this order. first: node
    -> ranks whose loops right below it stand before all others (not a user's: of the ops of a cycle).
    """

    keep: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    bypass: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    ranks: Mapping[tuple[str, str], tuple[str, ...]] = field(default_factory=dict)
    utilization: float = 0.0
    compute: str = ""
    factors: Mapping[str, Mapping[str, tuple[int, int]]] = field(default_factory=dict)
    order: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    first: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def least_lanes(self, size: int) -> int:
        """The fewest lanes of an axis that are enough: 7 of 10 for 0.7, whatever 0.7 * 10 is in floats."""
        return ceil(Fraction(repr(self.utilization)) * size)


def paths_of(arch: Arch, op: Op, prices: Mapping[str, Price], constraints: Constraints) -> list[Way]:
    """The paths down that end in a compute which has the op's action."""
    paths = []
    for way in arch.ways():
        last = way[-1]
        if op.action in prices[last.name].energy_pj and constraints.compute in ("", last.name):
            paths.append(way)
    return paths


def storage_templates(
    arch: Arch, op: Op, prices: Mapping[str, Price], constraints: Constraints, inner: frozenset[str] = frozenset()
) -> Iterator[StorageTemplate]:
    """Every storage template of an op: each way, each choice of what the memories keep that gives every tensor a home.
    inner: names of tensors whose home is not the outermost memory, since they pass to a fused op."""
    for way in paths_of(arch, op, prices, constraints):
        memories = [node for node in way if isinstance(node, Memory)]
        tensors = [t for t in op.tensors if not t.local]
        per_tensor = [list(_chains(op, t, memories, constraints, t.name in inner)) for t in tensors]
        for chosen in product(*per_tensor):
            keeps = {
                m.name: tuple(t.name for t, chain in zip(tensors, chosen, strict=True) if m.name in chain)
                for m in memories
            }
            items = tuple(node for node in way if not isinstance(node, Memory) or keeps[node.name])
            candidate = StorageTemplate(op, way, items, {name: kept for name, kept in keeps.items() if kept})
            if reachable(candidate, constraints):
                yield candidate


def reachable(template: StorageTemplate, constraints: Constraints) -> bool:
    """Whether there is a place for all loops that are asked for: none stand below a memory that keeps nothing."""
    here = {node.name for node in template.items}
    ranks = [r for name, ranks in constraints.factors.items() if name not in here for r in ranks.items()]
    return not any(least > 1 and rank in template.op.ranks for rank, (least, _) in ranks)


def _chains(
    op: Op, tensor: Tensor, memories: Sequence[Memory], constraints: Constraints, inner: bool
) -> Iterator[tuple[str, ...]]:
    """The chains of memories a tensor may have. Only a state may have its home further in than the outermost memory;
    where `inner` says so, a tensor must."""
    free: list[tuple[bool, ...]] = []
    for memory in memories:
        must, may = allowed(tensor, memory, constraints)
        free.append((True,) if must else (True, False) if may else (False,))
    carried = tensor.role == "output" and any(r not in tensor.ranks() for r in op.sequential)
    for choice in product(*free):
        chain = tuple(m.name for m, kept in zip(memories, choice, strict=True) if kept)
        if chain and (not choice[0] if inner else choice[0] or carried):
            yield chain


def allowed(tensor: Tensor, memory: Memory, constraints: Constraints) -> tuple[bool, bool]:
    """(must the memory keep the tensor, may it)."""
    names = {tensor.kind, tensor.name}
    any_kind = memory.keep is None and memory.may_keep is None
    must = bool(names & set(memory.keep or ()))
    may = must or any_kind or bool(names & set(memory.may_keep or ()))
    if names & set(constraints.bypass.get(memory.name, ())):
        return False, False
    if may and names & set(constraints.keep.get(memory.name, ())):
        return True, True
    return must, may


def carried_ranks(op: Op, tensor: Tensor) -> tuple[str, ...]:
    """The sequential ranks along which an output is state: loops over them stay below its home, if that is inner."""
    return tuple(r for r in op.sequential if r not in tensor.ranks()) if tensor.role == "output" else ()
