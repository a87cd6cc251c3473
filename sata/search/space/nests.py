"""A storage template and its loops as a nest: the entry of a mapping, the resolved nest, its structure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from math import prod

from sata.nest.graph import Shape, structure_of
from sata.nest.loops import Known, factors_of
from sata.nest.model import BoundLoop, Item, NestLevel, OpNest
from sata.search.space.storage_templates import StorageTemplate
from sata.specs.model import (
    Array,
    Compute,
    Entry,
    Loop,
    MapArray,
    MapCompute,
    MapLoops,
    MapMemory,
    Memory,
    NestNode,
)
from sata.specs.text.faults import Faults

KNOWN = Known(frozenset(), frozenset(), {})


@dataclass(frozen=True, order=True)
class PlacedLoop:
    """A loop, after item number `item` of the storage template; `axis`: where it is spatial (the item is then an
    array)."""

    item: int
    axis: str
    rank: str
    factor: int


def loops_in_order(template: StorageTemplate, loops: Sequence[PlacedLoop]) -> list[PlacedLoop]:
    """Loops by place, the spatial ones of an array by the order of its axes; within a block in the order given.
    Loops of one vanish, and neighbours of one rank become one."""

    def place(loop: PlacedLoop) -> tuple[int, int]:
        node = template.items[loop.item]
        return loop.item, list(node.shape).index(loop.axis) if loop.axis and isinstance(node, Array) else 1 << 30

    merged: list[PlacedLoop] = []
    for loop in sorted((loop for loop in loops if loop.factor > 1), key=place):
        last = merged[-1] if merged else None
        if last and (last.item, last.axis, last.rank) == (loop.item, loop.axis, loop.rank):
            merged[-1] = replace(last, factor=last.factor * loop.factor)
        else:
            merged.append(loop)
    return [_without_idle(template, merged, n) for n in range(len(merged))]


def _without_idle(template: StorageTemplate, loops: Sequence[PlacedLoop], number: int) -> PlacedLoop:
    """A loop, of no more steps than its rank has: two imperfect loops in one (3 of 2 for 5) would have some."""
    loop = loops[number]
    if any(other.rank == loop.rank for other in loops[:number]):
        return loop
    stride = prod(other.factor for other in loops[number + 1 :] if other.rank == loop.rank)
    return replace(loop, factor=min(loop.factor, -(-template.op.ranks[loop.rank] // stride)))


def nodes_of(template: StorageTemplate, loops: Sequence[PlacedLoop]) -> tuple[NestNode, ...]:
    """The nest as a mapping would write it."""
    ordered = loops_in_order(template, loops)
    nodes: list[NestNode] = []
    for number, item in enumerate(template.items):
        here = [loop for loop in ordered if loop.item == number]
        spatial = tuple(Loop(p.rank, p.factor, p.axis) for p in here if p.axis)
        temporal = tuple(Loop(p.rank, p.factor) for p in here if not p.axis)
        if isinstance(item, Memory):
            nodes.append(MapMemory(item.name, template.keeps[item.name]))
        elif isinstance(item, Array):
            nodes.append(MapArray(item.name, spatial))
        else:
            nodes.append(MapCompute(item.name))
        if temporal:
            nodes.append(MapLoops(temporal))
    return tuple(nodes)


def entry_of(template: StorageTemplate, loops: Sequence[PlacedLoop]) -> Entry:
    """An entry of a mapping, for this op alone."""
    return Entry((template.op.name,), nodes_of(template, loops))


def nest_of(template: StorageTemplate, loops: Sequence[PlacedLoop]) -> OpNest:
    """The resolved nest. Raises: ValueError if the loops do not cover the op's ranks, or run idle."""
    op = template.op
    ordered = loops_in_order(template, loops)
    faults = Faults()
    names = [template.items[p.item].name if p.axis else None for p in ordered]
    bound = factors_of(
        op, [BoundLoop(p.rank, p.factor, 0, n, p.axis or None) for p, n in zip(ordered, names, strict=True)], faults
    )
    if bound is None:
        raise ValueError("; ".join(str(f) for f in faults))
    items: list[Item] = []
    position = 0
    for number, item in enumerate(template.items):
        items.append(NestLevel(item, template.keeps[item.name]) if isinstance(item, Memory) else item)
        while position < len(ordered) and ordered[position].item == number:
            items.append(bound[position])
            position += 1
    if isinstance(items[-1], BoundLoop):
        raise ValueError("a loop stands below the compute")
    chains = {t.name: template.chain(t.name) for t in op.tensors if not t.local}
    return OpNest(op, tuple(items), chains, len(items))


def shape_of(nest: OpNest) -> Shape:
    """The structure of a nest and its factors, as a run would have them."""
    return structure_of(nest)


def slotted_nest(template: StorageTemplate, slots: Sequence[tuple[int, str, str]]) -> tuple[OpNest, Shape]:
    """A nest with a loop at every slot (item, axis, rank), whatever its factor: the structure of a whole batch."""
    items: list[Item] = []
    position = 0
    for number, item in enumerate(template.items):
        items.append(NestLevel(item, template.keeps[item.name]) if isinstance(item, Memory) else item)
        while position < len(slots) and slots[position][0] == number:
            _, axis, rank = slots[position]
            items.append(BoundLoop(rank, 1, 1, item.name if axis else None, axis or None))
            position += 1
    chains = {t.name: template.chain(t.name) for t in template.op.tensors if not t.local}
    nest = OpNest(template.op, tuple(items), chains, len(items))
    return nest, shape_of(nest)


def limits(way: Sequence[Memory | Array | Compute]) -> Mapping[tuple[str, str], int]:
    """(array, axis) -> lanes."""
    return {(n.name, axis): size for n in way if isinstance(n, Array) for axis, size in n.shape.items()}
