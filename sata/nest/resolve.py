"""A mapping entry, an architecture and an op become one resolved nest; what does not fit becomes faults.

Each check is one small function; together they say why a nest is no nest of this op on this machine.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from sata.nest.model import BoundLoop, Item, Level, OpNest
from sata.specs.faults import Faults, did_you_mean
from sata.specs.model import (
    Arch,
    Array,
    Compute,
    Loop,
    MapArray,
    MapCompute,
    MapLoops,
    MapMemory,
    MapSplit,
    Memory,
    NestNode,
    Op,
)

# Ranks of the shipped templates: a `*` over one of them that an op lacks is a loop of one, so that a single nest
# serves convolutions and linear layers.
USUAL_RANKS = frozenset("n t g k c p q r s".split())
# Tensors of the shipped templates: a mapping for all of them may name one that a workload lacks.
USUAL_TENSORS = frozenset("W S X U S' V dS dS' dU G H' dW M N".split())

Way = tuple[Memory | Array | Compute, ...]


@dataclass(frozen=True, slots=True)
class Known:
    """Names that a nest may use: the workload's ranks and kinds, and the kinds its tensors have by name."""

    ranks: frozenset[str]
    kinds: frozenset[str]
    tensors: Mapping[str, frozenset[str]]


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
        f"'{last.name}' is no compute of architecture '{arch.name}'; expected one of: {', '.join(names)}",
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
    flat = _flatten(op, nodes, shared, by_name, known, faults)
    if len(faults) > before:
        return None
    factors = _factors(op, [loop for loop, _ in flat], faults)
    if factors is None:
        return None
    items: list[Item] = []
    shared_items = 0
    position = 0
    for number, node in enumerate(nodes):
        if number == shared:
            shared_items = len(items)
        if isinstance(node, MapMemory):
            memory = by_name[node.name]
            assert isinstance(memory, Memory)
            items.append(Level(memory, kept(op, memory, node, known, faults), node.where))
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
    _sequential(op, factors, faults)
    _stars_fit(op, factors, by_name, faults)
    if len(faults) > before:
        return None
    return OpNest(op, tuple(items), {}, shared_items)


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
                f"'{node.name}' is no {word} on the way to compute '{way[-1].name}'; "
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


def _flatten(
    op: Op,
    nodes: Sequence[NestNode],
    shared: int,
    by_name: dict[str, Memory | Array | Compute],
    known: Known,
    faults: Faults,
) -> list[tuple[BoundLoop, int]]:
    """The op's loops, outermost first, each with the number of its node; loops of one over ranks it lacks are left
    out.
    """
    flat: list[tuple[BoundLoop, int]] = []
    for number, node in enumerate(nodes):
        if isinstance(node, MapArray) and isinstance(by_name.get(node.name), Array):
            array = by_name[node.name]
            assert isinstance(array, Array)
            _axes(node, array, faults)
        if isinstance(node, (MapLoops, MapArray)):
            above = number < shared < len(nodes)
            flat += [
                (_with_array(loop, node), number) for loop in node.loops if _has_rank(op, loop, above, known, faults)
            ]
    return flat


def _with_array(loop: Loop, node: MapLoops | MapArray) -> BoundLoop:
    return BoundLoop(
        loop.rank, loop.factor or 0, 0, node.name if isinstance(node, MapArray) else None, loop.axis, loop.where
    )


def _has_rank(op: Op, loop: Loop, above: bool, known: Known, faults: Faults) -> bool:
    """Whether the op has the rank; if not, only a loop that is one anyway is allowed. above: the loop is above a
    split.
    """
    if loop.rank in op.ranks:
        return True
    if loop.rank not in known.ranks | USUAL_RANKS:
        ranks = sorted(known.ranks)
        message = f"'{loop.rank}' is no rank of any op of the workload (ranks: {', '.join(ranks)})"
        faults.add(loop.where, message, did_you_mean(loop.rank, ranks))
    elif loop.factor not in (None, 1):
        message = f"'{loop.rank}' is no rank of op '{op.name}' (its ranks: {', '.join(op.ranks)})"
        hint = f"write `{loop.rank} *`: over a rank that an op lacks, that is a loop of one"
        faults.add(loop.where, message, "above a split stand only loops that all fused ops have" if above else hint)
    return False


def _axes(node: MapArray, array: Array, faults: Faults) -> None:
    """Axes exist, and the factors on one multiply to no more than its size."""
    for axis in dict.fromkeys(str(loop.axis) for loop in node.loops):
        loops = [loop for loop in node.loops if loop.axis == axis]
        if axis not in array.shape:
            faults.add(
                loops[0].where,
                f"array '{array.name}' has no axis '{axis}'; it has: {', '.join(array.shape)}",
                did_you_mean(str(axis), array.shape),
            )
            continue
        product = 1
        for loop in loops:
            product *= loop.factor or 1
        if product > array.shape[axis]:
            faults.add(
                loops[0].where,
                f"{product} instances along axis {axis} of array '{array.name}', which has {array.shape[axis]}",
            )


def _stars_fit(
    op: Op, loops: Sequence[BoundLoop], by_name: Mapping[str, Memory | Array | Compute], faults: Faults
) -> None:
    """What a `*` on an axis turned out to be is no more than the axis has."""
    used: dict[tuple[str, str], int] = {}
    for loop in loops:
        if loop.array is None or loop.axis is None:
            continue
        array = by_name[loop.array]
        assert isinstance(array, Array)
        key = (loop.array, loop.axis)
        used[key] = used.get(key, 1) * loop.factor
        if used[key] > array.shape[loop.axis]:
            faults.add(
                loop.where,
                f"'{op.name}' would use {used[key]} instances along axis {loop.axis} of array '{array.name}', "
                f"which has {array.shape[loop.axis]}",
                f"write `{loop.rank} {array.shape[loop.axis]}` here and `{loop.rank} *` in a temporal loop",
            )


def _factors(op: Op, loops: Sequence[BoundLoop], faults: Faults) -> list[BoundLoop] | None:
    """Factors and strides: `*` takes what the other loops of its rank leave; the loops of a rank cover its bound."""
    before = len(faults)
    bound_loops = list(loops)
    for rank, bound in op.ranks.items():
        own = [i for i, loop in enumerate(bound_loops) if loop.rank == rank]
        if not own:
            if bound > 1:
                where = bound_loops[0].where if bound_loops else op.where
                faults.add(where, f"no loop of '{op.name}' runs over rank {rank} (bound {bound})", f"add `{rank} *`")
            continue
        _fill_star(bound_loops, own, bound)
        stride = 1
        for i in reversed(own):
            bound_loops[i] = replace(bound_loops[i], stride=stride)
            stride *= bound_loops[i].factor
        _covers(op, bound_loops, own, rank, bound, faults)
    return bound_loops if len(faults) == before else None


def _fill_star(loops: list[BoundLoop], own: Sequence[int], bound: int) -> None:
    rest = bound
    for i in reversed(own):
        if loops[i].factor:
            rest = -(-rest // loops[i].factor)
    for i in own:
        if not loops[i].factor:
            loops[i] = replace(loops[i], factor=rest)


def _covers(op: Op, loops: list[BoundLoop], own: Sequence[int], rank: str, bound: int, faults: Faults) -> None:
    """The outermost loop of a rank has factor ceil(bound / stride): less leaves points out, more runs idle."""
    outer = loops[own[0]]
    needed = -(-bound // outer.stride)
    if outer.factor < needed:
        product = outer.factor * outer.stride
        faults.add(
            outer.where,
            f"the loops over rank {rank} of '{op.name}' cover {product} of {bound}",
            f"write `{rank} *` for the outermost, or {rank} {needed}",
        )
    elif outer.factor > needed and outer.axis is not None:
        loops[own[0]] = replace(outer, factor=needed)  # lanes beyond the bound have nothing to do and never exist
    elif outer.factor > needed:
        faults.add(
            outer.where,
            f"loop {rank} {outer.factor} of '{op.name}' runs idle after {needed} steps "
            f"(bound {bound}, stride {outer.stride})",
            f"write `{rank} *` or {rank} {needed}",
        )


def _sequential(op: Op, loops: Iterable[BoundLoop], faults: Faults) -> None:
    for loop in loops:
        if loop.rank in op.sequential and loop.axis is not None and loop.factor > 1:
            faults.add(
                loop.where,
                f"rank {loop.rank} of '{op.name}' is sequential (it carries state), so its loops must be temporal",
            )


def kept(op: Op, memory: Memory, node: MapMemory, known: Known, faults: Faults) -> tuple[str, ...]:
    """Names of the op's stored tensors that the memory keeps under the mapping's choice."""
    allowed = (
        None if memory.keep is None and memory.may_keep is None else {*(memory.keep or ()), *(memory.may_keep or ())}
    )
    stored = [t for t in op.tensors if not t.local]
    _keep_names(memory, node, known, allowed, faults)
    names = []
    for t in stored:
        ok = allowed is None or t.kind in allowed or t.name in allowed
        chosen = node.keep is None or t.kind in node.keep or t.name in node.keep
        if ok and chosen and t.kind not in node.bypass and t.name not in node.bypass:
            names.append(t.name)
    return tuple(names)


def _keep_names(memory: Memory, node: MapMemory, known: Known, allowed: set[str] | None, faults: Faults) -> None:
    for name in (*(node.keep or ()), *node.bypass):
        if name not in known.kinds and name not in known.tensors and name not in USUAL_TENSORS:
            names = [*sorted(known.kinds), *sorted(known.tensors)]
            hint = did_you_mean(name, names) or f"its tensors: {', '.join(sorted(known.tensors))}"
            faults.add(
                node.places.get(name, node.where), f"'{name}' is neither a kind nor a tensor of the workload", hint
            )
        elif name in node.bypass or allowed is None or name in allowed or name not in {*known.kinds, *known.tensors}:
            continue
        elif not known.tensors.get(name, frozenset()) & allowed:
            faults.add(
                node.places.get(name, node.where),
                f"memory '{memory.name}' does not keep '{name}'; "
                f"the architecture allows: {', '.join(sorted(allowed)) or 'nothing'}",
            )
