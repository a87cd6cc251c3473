"""In which order ops may run, and which of them go round in a cycle and share the loop over a sequential rank.

A cycle (a strongly connected component) is legal if each of its edges fixes a step of one rank, all distances have one
sign, that of the direction in which its ops run, and the edges of distance 0 have no cycle among themselves.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sata.graph.parts import distance
from sata.graph.values import Dataflow, Edge
from sata.specs.model import Op
from sata.specs.text.faults import Faults

ASCENDING, DESCENDING = "ascending", "descending"


@dataclass(frozen=True, slots=True)
class Cycle:
    """Ops that share the loop over `rank`, by number, in the order in which they run inside a step. `text`: one way
    round, such as `h.rec -X-> h.fire -S'-> h.rec`."""

    ops: tuple[int, ...]
    rank: str
    direction: str
    text: str


@dataclass(frozen=True)
class Order:
    """Numbers of ops in an order in which they may run; those of a cycle follow each other."""

    ops: tuple[int, ...]
    cycles: tuple[Cycle, ...] = ()

    def cycle_of(self, op: int) -> Cycle | None:
        return next((cycle for cycle in self.cycles if op in cycle.ops), None)


def order_of(flow: Dataflow, faults: Faults) -> Order:
    """The order; an illegal cycle is a fault, at the first of its ops."""
    if all(edge.source < edge.target for edge in flow.edges):
        return Order(tuple(range(len(flow.ops))))  # as written
    return _sorted(flow, faults)


def _sorted(flow: Dataflow, faults: Faults) -> Order:
    import networkx as nx

    graph = nx.DiGraph()
    graph.add_nodes_from(range(len(flow.ops)))
    graph.add_edges_from((e.source, e.target) for e in flow.edges)
    whole = nx.condensation(graph)
    first = {n: min(data["members"]) for n, data in whole.nodes(data=True)}
    ops: list[int] = []
    cycles: list[Cycle] = []
    for n in nx.lexicographical_topological_sort(whole, key=lambda n: first[n]):
        members = sorted(whole.nodes[n]["members"])
        inner = [e for e in flow.edges if e.source in members and e.target in members]
        if not inner:
            ops += members
            continue
        cycle = _cycle(flow.ops, members, inner, faults)
        ops += members if cycle is None else cycle.ops
        cycles += [] if cycle is None else [cycle]
    return Order(tuple(ops), tuple(cycles))


def _cycle(ops: Sequence[Op], members: Sequence[int], edges: Sequence[Edge], faults: Faults) -> Cycle | None:
    """The cycle over the first rank along which it is legal; else a fault, for the rank that is declared sequential."""
    found: list[tuple[str, str]] = []
    for rank in _candidates(ops, members):
        legal = _along(ops, members, edges, rank)
        if isinstance(legal, Cycle):
            return legal
        found.append(legal)
    message, hint = found[0] if found else _without_rank(ops, edges)
    faults.add(ops[members[0]].where, message, hint)
    return None


def _candidates(ops: Sequence[Op], members: Sequence[int]) -> list[str]:
    """The ranks that all ops of a cycle have, those declared sequential first."""
    common = [r for r in ops[members[0]].ranks if all(r in ops[n].ranks for n in members)]
    return sorted(common, key=lambda r: not any(r in ops[n].sequential for n in members))


def _along(ops: Sequence[Op], members: Sequence[int], edges: Sequence[Edge], rank: str) -> Cycle | tuple[str, str]:
    """The cycle over a rank, or why there is none and what to do."""
    steps = [distance(ops[e.source], e.made, ops[e.target], e.taken, rank) for e in edges]
    for edge, d in zip(edges, steps, strict=True):
        if d is None:
            why = f"{_path(ops, [edge])}: no step of {rank} is fixed, '{ops[edge.target].name}' waits for all of it"
            return f"a cycle of ops that wait for each other: {_path(ops, _round_of(edges))}; {why}", _READ_EARLIER
    same = [e for e, d in zip(edges, steps, strict=True) if d == 0]
    stuck = _round_of(same)
    if stuck:
        each = ", ".join(f"{_path(ops, [e])}: same step" for e in stuck)
        return f"a cycle without a step between: {each}", _READ_EARLIER
    signs = {d > 0 for d in steps if d}
    if len(signs) > 1:
        ways = [f"{_path(ops, [e])} ({d:+d})" for e, d in zip(edges, steps, strict=True) if d]
        return f"a cycle that goes both ways along {rank}: {', '.join(ways)}", "read earlier steps alone, or later ones"
    direction = ASCENDING if signs == {True} else DESCENDING
    for n in members:
        said = ops[n].sequential.get(rank, direction)
        if said != direction:
            message = f"the cycle {_path(ops, _round_of(edges))} runs {direction} along {rank}, "
            return f"{message}but '{ops[n].name}' says {said}", f"say {direction} for all ops of it"
    return Cycle(_inside(members, same), rank, direction, _path(ops, _round_of(edges)))


_READ_EARLIER = "one of them has to read what an earlier step made, such as S'[t-1,c]"


def _round_of(edges: Sequence[Edge]) -> list[Edge]:
    """The edges of a cycle, in order; none if there is none."""
    import networkx as nx

    between = {(e.source, e.target): e for e in reversed(edges)}
    try:
        found = [between[pair[0], pair[1]] for pair in nx.find_cycle(nx.DiGraph(sorted(between)))]
    except nx.NetworkXNoCycle:
        return []
    first = min(range(len(found)), key=lambda n: found[n].source)
    return found[first:] + found[:first]


def _inside(members: Sequence[int], edges: Sequence[Edge]) -> tuple[int, ...]:
    """Ops in the order of the edges of one step, else as written."""
    import networkx as nx

    graph = nx.DiGraph()
    graph.add_nodes_from(members)
    graph.add_edges_from((e.source, e.target) for e in edges)
    return tuple(nx.lexicographical_topological_sort(graph))


def _path(ops: Sequence[Op], edges: Sequence[Edge]) -> str:
    """`h.fire -S'-> h.rec -X-> h.fire`"""
    return ops[edges[0].source].name + "".join(f" -{e.tensor}-> {ops[e.target].name}" for e in edges)


def _without_rank(ops: Sequence[Op], edges: Sequence[Edge]) -> tuple[str, str]:
    return f"a cycle of ops that have no rank in common: {_path(ops, _round_of(edges))}", _READ_EARLIER


def sequential_in(order: Order, ops: Sequence[Op]) -> dict[int, dict[str, str]]:
    """What `sequential` becomes of the ops of cycles that do not say it."""
    return {
        n: {**ops[n].sequential, cycle.rank: cycle.direction}
        for cycle in order.cycles
        for n in cycle.ops
        if cycle.rank not in ops[n].sequential
    }
