"""A mapping entry, an architecture and an op become one resolved nest; what does not fit becomes faults.

Each check is one small function; together they say why a nest is not a nest of this op on this machine.
"""

from __future__ import annotations

from collections.abc import Sequence

from sata.nest.loops import Known, factors_of, flatten, sequential_in_time, stars_fit
from sata.nest.model import BoundLoop, Item, NestLevel, OpNest
from sata.specs.model import (
    Arch,
    Array,
    Compute,
    MapArray,
    MapCompute,
    MapLoops,
    MapMemory,
    MapSplit,
    Memory,
    NestNode,
    Op,
)
from sata.specs.text.faults import Faults, did_you_mean
from sata.specs.workload.template_names import names_beside

# Tensors of the shipped templates: a mapping for all of them may name one that a workload lacks.
USUAL_TENSORS = frozenset("W S X U S' V dS dS' dU G H' dW M N".split())

Way = tuple[Memory | Array | Compute, ...]


def way_down(arch: Arch, nodes: Sequence[NestNode], faults: Faults) -> Way | None:
    """The way of the architecture that ends in the compute the nest names."""
    last = nodes[-1]
    if not isinstance(last, MapCompute):
        return None  # the mapping's own checks said so
    ways = list(arch.ways())
    for way in ways:
        if way[-1].name == last.name:
            return way
    names = [way[-1].name for way in ways]
    faults.add(
        last.where,
        f"'{last.name}' is not a compute of architecture '{arch.name}'; expected one of: {', '.join(names)}",
        did_you_mean(last.name, names),
    )
    return None


def path_of(nodes: Sequence[NestNode], way: int) -> tuple[list[NestNode], int]:
    """(the nodes an op passes, its own branch of a split included; how many of them are above the split)."""
    if nodes and isinstance(nodes[-1], MapSplit):
        split = nodes[-1]
        return [*nodes[:-1], *split.ways[way]], len(nodes) - 1
    return list(nodes), len(nodes)


def resolve(op: Op, nodes: Sequence[NestNode], shared: int, way: Way, known: Known, faults: Faults) -> OpNest | None:
    """The nest of one op. shared: how many of the nodes are above a split.

    Faults are added for whatever does not fit; None comes back when there is no nest to speak of.
    """
    before = len(faults)
    _in_order(nodes, way, faults)
    by_name = {node.name: node for node in way}
    flat = flatten(op, nodes, shared, by_name, known, faults)
    if len(faults) > before:
        return None
    factors = factors_of(op, [loop for loop, _ in flat], faults)
    if factors is None:
        return None
    items: list[Item] = []
    shared_items = 0
    position = 0
    for number, node in enumerate(nodes):
        if number == shared:
            shared_items = len(items)
        if not isinstance(node, (MapLoops, MapSplit)):
            items += _passed(way, items, node.name)
        if isinstance(node, MapMemory):
            memory = by_name[node.name]
            assert isinstance(memory, Memory)
            items.append(NestLevel(memory, kept(op, memory, node, known, faults), node.where))
        elif isinstance(node, MapArray):
            array = by_name[node.name]
            assert isinstance(array, Array)
            items.append(array)
        elif isinstance(node, MapCompute):
            compute = by_name[node.name]
            assert isinstance(compute, Compute)
            items.append(compute)
        while position < len(flat) and flat[position][1] == number:
            items.append(factors[position])
            position += 1
    if shared >= len(nodes):
        shared_items = len(items)
    sequential_in_time(op, factors, faults)
    stars_fit(op, factors, by_name, faults)
    if len(faults) > before:
        return None
    return OpNest(op, tuple(items), {}, shared_items)


def _passed(way: Way, items: Sequence[Item], name: str) -> list[Item]:
    """Arrays with wires that a nest does not name, between what it has and the node of a name: all that goes on passes
    them, in one lane, as if they were named without loops."""
    place = {node.name: number for number, node in enumerate(way)}
    last = max((place[n] for item in items if (n := _name(item)) in place), default=-1)
    return [node for node in way[last + 1 : place[name]] if isinstance(node, Array) and node.hop is not None]


def _name(item: Item) -> str:
    if isinstance(item, BoundLoop):
        return ""
    return item.memory.name if isinstance(item, NestLevel) else item.name


def _in_order(nodes: Sequence[NestNode], way: Way, faults: Faults) -> None:
    """Memories and arrays stand in the nest in the order of the architecture, each at most once."""
    place = {node.name: i for i, node in enumerate(way)}
    last = -1
    for node in nodes:
        if isinstance(node, (MapLoops, MapSplit)):
            continue
        word = {MapMemory: "memory", MapArray: "array", MapCompute: "compute"}[type(node)]
        if node.name not in place or not isinstance(way[place[node.name]], _CLASS[word]):
            names = [n.name for n in way if isinstance(n, _CLASS[word])]
            faults.add(
                node.where,
                f"'{node.name}' is not {'an' if word == 'array' else 'a'} {word} on the path to compute "
                f"'{way[-1].name}'; "
                f"expected one of: {', '.join(names) or 'none'}",
                did_you_mean(node.name, names),
            )
            continue
        if place[node.name] <= last:
            faults.add(
                node.where,
                f"{word} '{node.name}' stands below '{way[last].name}', which the architecture has further in; "
                f"the order is: {', '.join(n.name for n in way)}",
            )
        last = max(last, place[node.name])


_CLASS = {"memory": Memory, "array": Array, "compute": Compute}


def kept(op: Op, memory: Memory, node: MapMemory, known: Known, faults: Faults) -> tuple[str, ...]:
    """Names of the op's stored tensors that the memory keeps under the mapping's choice."""
    allowed = (
        None if memory.keep is None and memory.may_keep is None else {*(memory.keep or ()), *(memory.may_keep or ())}
    )
    stored = [t for t in op.tensors if not t.local]
    _keep_names(op, memory, node, known, allowed, faults)
    names = []
    for t in stored:
        ok = allowed is None or t.kind in allowed or t.name in allowed
        chosen = node.keep is None or t.kind in node.keep or t.name in node.keep
        if ok and chosen and t.kind not in node.bypass and t.name not in node.bypass:
            names.append(t.name)
    return tuple(names)


def _keep_names(
    op: Op, memory: Memory, node: MapMemory, known: Known, allowed: set[str] | None, faults: Faults
) -> None:
    for name in (*(node.keep or ()), *node.bypass):
        if name not in known.kinds and name not in known.tensors and name not in USUAL_TENSORS:
            beside = names_beside((node.where, known.where))
            if name in beside.tensors or name in beside.kinds:
                continue
            names = [*sorted(known.kinds), *sorted(known.tensors)]
            hint = did_you_mean(name, names) or f"its tensors: {', '.join(sorted(known.tensors))}"
            faults.add(
                node.places.get(name, node.where), f"'{name}' is neither a kind nor a tensor of the workload", hint
            )
        elif name in node.bypass or allowed is None or name in allowed or name not in {*known.kinds, *known.tensors}:
            continue
        elif not known.tensors.get(name, frozenset()) & allowed:
            said = f"memory '{memory.name}' does not keep '{name}'"
            where = node.places.get(name, node.where)
            if any(fault.line == where.line and fault.message.startswith(said) for fault in faults):
                continue  # of another op of the same entry
            may = ", ".join(sorted(allowed)) or "nothing"
            faults.add(where, f"{said}{_kind_of(op, name, known)}; the architecture allows: {may}")


def _kind_of(op: Op, name: str, known: Known) -> str:
    """Which op asks, and the kind of a tensor that is named."""
    kinds = sorted(t.kind for t in op.tensors if t.name == name) or sorted(known.tensors.get(name, ()))
    return f" (of kind {', '.join(kinds)}, op {op.name})" if kinds else f" (op {op.name})"
