"""The loop-nest graph (networkx) of a group, and the integer structure that counting takes from it.

Nodes are numbers with the attribute `item` (Level, BoundLoop, Array or Compute) and `op`, the op that has the node
for itself (None where all ops of the group share it). Edges of kind "inside" lead from the outermost node down to
each compute. Edges of kind "link" lead from a memory to the next one further in that keeps the tensor, or to the
compute; they carry `op` and `tensor`.
"""

from __future__ import annotations

from typing import Any

from sata.nest.model import BoundLoop, Group, Item, NestLevel, OpNest
from sata.nest.structure import Axis, Fanout, Operand, Slot, Structure
from sata.specs.model import Array, Compute, Dim, Op, Tensor

Graph = Any  # networkx.MultiDiGraph, imported only where one is made: the import costs more than a small run


def graph_of(group: Group) -> Graph:
    """The graph of a group: shared nodes once, then one branch an op."""
    import networkx as nx

    graph = nx.MultiDiGraph(name=group.name, layer=group.layer)
    trunk: list[int] = []
    for nest in group.nests:
        alone = len(group.nests) == 1
        path = list(trunk[: nest.shared])
        for number, item in enumerate(nest.items):
            if number < len(path):
                _keep_more(graph, path[number], item)
                continue
            node = graph.number_of_nodes()
            graph.add_node(node, item=item, op=None if alone or number < nest.shared else nest.op.name)
            if path:
                graph.add_edge(path[-1], node, kind="inside")
            path.append(node)
        trunk = trunk or path[: nest.shared]
        _link(graph, nest, path)
    return graph


def _keep_more(graph: Graph, node: int, item: Item) -> None:
    """A shared memory keeps what any of the ops has it keep."""
    have = graph.nodes[node]["item"]
    if isinstance(item, NestLevel):
        keeps = tuple(dict.fromkeys((*have.keeps, *item.keeps)))
        graph.nodes[node]["item"] = NestLevel(have.memory, keeps, have.where)


def _link(graph: Graph, nest: OpNest, path: list[int]) -> None:
    """Edges along the chain of every stored tensor of one op."""
    place = {item.memory.name: node for item, node in zip(nest.items, path, strict=True) if isinstance(item, NestLevel)}
    for tensor, chain in nest.chains.items():
        nodes = [*(place[name] for name in chain), path[-1]]
        for parent, child in zip(nodes, nodes[1:], strict=False):
            graph.add_edge(parent, child, kind="link", op=nest.op.name, tensor=tensor)


def path_to(graph: Graph, op: str) -> list[int]:
    """The nodes one op passes, outermost first.

    Raises: KeyError if the graph has no such op.
    """
    mine = [n for n, data in graph.nodes(data=True) if data["op"] in (None, op)]
    if not any(isinstance(graph.nodes[n]["item"], Compute) for n in mine):
        raise KeyError(op)
    return mine  # nodes are numbered from the outermost inwards, branch after branch


def shared_items(group: Group) -> tuple[Item, ...]:
    """What all ops of a group pass, outermost first: of one op alone everything. A memory keeps what any of them has it
    keep, as in `graph_of`, which needs a library that takes long to import."""
    first, *others = group.nests
    items = list(first.items if not others else first.items[: first.shared])
    for nest in others:
        for number, item in enumerate(nest.items[: min(nest.shared, len(items))]):
            have = items[number]
            if isinstance(item, NestLevel) and isinstance(have, NestLevel):
                keeps = tuple(dict.fromkeys((*have.keeps, *item.keeps)))
                items[number] = NestLevel(have.memory, keeps, have.where)
    return tuple(items)


Shape = tuple[Structure, tuple[int, ...]]  # a structure, and one factor per slot


def structure_of(nest: OpNest) -> Shape:
    """(the structure of one op, its factors: one per slot).

    Memories are numbered in the order of the path, ranks in the order of the op, operands in the order of its
    stored tensors. A dimension with a constant index has one element whatever the loops do, and is left out.
    """
    op = nest.op
    number = {rank: i for i, rank in enumerate(op.ranks)}
    slots: list[Slot] = []
    factors: list[int] = []
    depths: list[int] = []
    fanouts: list[Fanout] = []
    axes: list[tuple[str, ...]] = []
    memories: list[str] = []
    for item in nest.items:
        if isinstance(item, NestLevel):
            memories.append(item.memory.name)
            depths.append(len(slots))
        elif isinstance(item, Array):
            fanouts.append(Fanout(item.multicast, item.reduce, len(memories)))
            axes.append(item.axes)
        elif isinstance(item, BoundLoop):
            slots.append(Slot(number[item.rank]) if item.array is None or item.axis is None else
                         Slot(number[item.rank], len(fanouts) - 1, axes[-1].index(item.axis)))  # fmt: skip
            factors.append(item.factor)
    operands = tuple(
        Operand(
            tuple(axis_of(op, dim, number) for dim in t.dims if dim.terms),
            t.role == "output",
            tuple(memories.index(name) for name in nest.chains[t.name]),
            t.initialised,
        )
        for t in stored_tensors(op)
    )
    structure = Structure(tuple(op.ranks.values()), tuple(slots), tuple(depths), tuple(fanouts), operands)
    return structure, tuple(factors)


def stored_tensors(op: Op) -> tuple[Tensor, ...]:
    """The op's tensors that live in memories, in order: a structure's operands."""
    return tuple(t for t in op.tensors if not t.local)


def axis_of(op: Op, dim: Dim, number: dict[str, int]) -> Axis:
    """A dimension in numbers. A descending rank is turned round: its index counts from the end, so that all loops
    ascend.
    """
    offset = dim.offset
    ranks, coefs = [], []
    for rank, coef in dim.terms:
        if op.sequential.get(rank) == "descending":
            offset += coef * (op.ranks[rank] - 1)
            coef = -coef
        ranks.append(number[rank])
        coefs.append(coef)
    return Axis(tuple(ranks), tuple(coefs), offset, dim.size)
