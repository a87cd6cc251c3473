"""Which op makes what another reads: the values of a workload, and the edges between its ops.

A *value* is a tensor of a layer, or what a tensor with `of: LAYER.TENSOR` names. Several ops may make one value (sums,
or disjoint parts). A stage that makes a tensor anew, from nothing, makes another value of the same name: what training
recomputes is not what the forward pass made.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import Enum

from sata.graph.parts import disjoint
from sata.specs.model import Op, Tensor
from sata.specs.text.faults import Where

Key = tuple[str, str]  # layer, tensor
INPUT = "input"  # `of: input`: comes from outside
WEIGHT = "weight"  # kind of what is learnt: who reads it before its update reads what was there before


class Why(Enum):
    """Why one op runs before another."""

    MADE = "made"  # the target reads what the source makes
    ADDED = "added"  # both make the value; the source is first
    OLD = "old"  # the source reads what was there before the target changes it


@dataclass(frozen=True, slots=True)
class Edge:
    """source runs before target, both numbers of ops: element by element of one value, which the source knows as
    `made` and the target as `taken`."""

    source: int
    target: int
    made: Tensor
    taken: Tensor
    why: Why = Why.MADE

    @property
    def tensor(self) -> str:
        return self.made.name


@dataclass(frozen=True)
class Value:
    """makers: (op, output) in their order. readers: (op, input). old: who reads what was there before all makers."""

    key: Key
    makers: tuple[tuple[int, Tensor], ...]
    readers: tuple[tuple[int, Tensor], ...]
    old: tuple[tuple[int, Tensor], ...] = ()

    @property
    def name(self) -> str:
        """LAYER.TENSOR; of an input too."""
        layer, tensor = self.key
        return tensor if layer == INPUT and "." in tensor else f"{layer}.{tensor}"


@dataclass(frozen=True)
class Dataflow:
    """The values of ops, and every edge between two of them (or from one to itself). inputs: what no op makes."""

    ops: tuple[Op, ...]
    values: tuple[Value, ...]
    inputs: tuple[Value, ...]
    edges: tuple[Edge, ...]
    unknown: tuple[tuple[Op, Tensor], ...] = ()  # an `of` that names nothing


def dataflow(ops: Sequence[Op]) -> Dataflow:
    """The values of ops, in the order of the first op that has each."""
    binder = _FlowBinder(ops)
    values = tuple(binder.values())
    made = tuple(v for v in values if v.makers)
    edges = tuple(edge for value in made for edge in _edges(ops, value))
    return Dataflow(tuple(ops), made, tuple(v for v in values if not v.makers), edges, tuple(binder.unknown))


def is_sum(op: Op) -> bool:
    """Whether an op adds to its output: a product written with `+=`."""
    return op.function is None and "+=" in op.compute


class _FlowBinder:
    """Finds the value of each tensor of each op."""

    def __init__(self, ops: Sequence[Op]) -> None:
        self.ops = ops
        self.unknown: list[tuple[Op, Tensor]] = []
        self.aliases: dict[Key, Key] = {}  # a tensor that only `of` names
        self.names: set[Key] = set()
        for op in ops:
            for t in op.tensors:
                own = (op.layer, t.name)
                self.names.add(own)
                if t.of and t.of != INPUT:
                    layer, _, name = t.of.rpartition(".")
                    self.aliases[own] = (layer, name)

    def key(self, op: Op, t: Tensor) -> Key:
        """The value's key: through as many `of` as there are."""
        own = (op.layer, t.name)
        if t.of == INPUT:
            return INPUT, f"{op.layer}.{t.name}"
        seen = {own}
        key = self.aliases[own] if t.of else own
        if t.of and key not in self.names:
            self.unknown.append((op, t))
        while key in self.aliases and key not in seen:
            seen.add(key)
            key = self.aliases[key]
        return key

    def values(self) -> Iterator[Value]:
        makers: dict[Key, list[tuple[int, Tensor]]] = {}
        readers: dict[Key, list[tuple[int, Tensor]]] = {}
        order: dict[Key, None] = {}
        for number, op in enumerate(self.ops):
            for t in op.tensors:
                if not t.local:
                    key = self.key(op, t)
                    order.setdefault(key)
                    (makers if t.role == "output" else readers).setdefault(key, []).append((number, t))
        for key in order:
            yield from self.generations(key, makers.get(key, []), readers.get(key, []))

    def generations(
        self, key: Key, makers: list[tuple[int, Tensor]], readers: list[tuple[int, Tensor]]
    ) -> Iterator[Value]:
        """The values of one key: one, or one for each stage that makes it anew."""
        if not makers:
            yield Value(key, (), tuple(readers))
            return
        parts: list[list[tuple[int, Tensor]]] = []
        for number, t in makers:
            anew = not t.initialised and parts and self.ops[parts[-1][-1][0]].stage != self.ops[number].stage
            if anew or not parts:
                parts.append([])
            parts[-1].append((number, t))
        of: list[list[tuple[int, Tensor]]] = [[] for _ in parts]
        old: list[tuple[int, Tensor]] = []
        for number, t in readers:
            if self.before(number, parts[0][0]):
                old.append((number, t))
            else:
                of[self.generation(number, parts)].append((number, t))
        for n, (made, read) in enumerate(zip(parts, of, strict=True)):
            yield Value(key, tuple(made), tuple(read), tuple(old) if n == 0 else ())

    def before(self, reader: int, first: tuple[int, Tensor]) -> bool:
        """Whether an op reads what was there before the first that makes it: weights before their update."""
        number, made = first
        changes = made.initialised and (made.kind == WEIGHT or not is_sum(self.ops[number]))
        return changes and reader < number

    def generation(self, reader: int, parts: list[list[tuple[int, Tensor]]]) -> int:
        """That of the reader's own stage, else the last made before it, else the first."""
        stage = self.ops[reader].stage
        same = [n for n, part in enumerate(parts) if any(self.ops[maker].stage == stage for maker, _ in part)]
        before = [n for n, part in enumerate(parts) if part[0][0] < reader]
        return (same or before or [0])[-1]


def _edges(ops: Sequence[Op], value: Value) -> Iterator[Edge]:
    for maker, made in value.makers:
        for reader, read in value.readers:
            if not disjoint(ops[maker], made, ops[reader], read):
                yield Edge(maker, reader, made, read)
        for reader, read in value.old:
            yield Edge(reader, maker, read, made, Why.OLD)
    for n, (maker, made) in enumerate(value.makers):
        for later, taken in value.makers[n + 1 :]:
            if not disjoint(ops[maker], made, ops[later], taken):
                yield Edge(maker, later, made, taken, Why.ADDED)


def place_of(op: Op, t: Tensor) -> Where:
    """Where a tensor of an op is described."""
    return t.where if t.where.file or t.where.line else op.where
