"""Whether ops that share the loops above a split run nothing before what it takes.

Every turn of the shared loops runs the ops one after the other, each with all of its own loops. Along an edge an
element must be made in an earlier turn than the one that takes it, or in the same turn by an op further to the left.
The turns are compared loop by loop from the outermost (lexicographic order, as in dependence analysis of loop nests:
Allen and Kennedy, Optimizing Compilers for Modern Architectures, chapter 2): a loop either has the same index on both
sides, or is over the sequential rank and the element is taken some steps later, or says nothing, which is too early.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from sata.graph.check import WorkloadGraph
from sata.graph.order import ASCENDING
from sata.graph.parts import distance
from sata.graph.values import Edge, Why
from sata.specs.model import Op
from sata.specs.text.faults import Where


@dataclass(frozen=True, slots=True)
class SharedLoop:
    """A loop above the split. strides: how far one step moves the rank, for each op of the group. spatial: its steps
    are lanes, which run at once."""

    rank: str
    factor: int
    strides: tuple[int, ...]
    spatial: bool = False
    where: Where = Where()


@dataclass(frozen=True, slots=True)
class Early:
    """What a group takes before it is there. loop: the one at fault; None: the order of the ops is."""

    edge: Edge
    loop: SharedLoop | None
    why: str  # reduces | apart | steps | lanes | order


@dataclass(frozen=True)
class GroupView:
    """The ops of a group in the order of the split (by number), and the edges among them."""

    graph: WorkloadGraph
    ops: tuple[int, ...]
    edges: tuple[Edge, ...]

    def op(self, number: int) -> Op:
        return self.graph.flow.ops[number]

    def direction(self, rank: str) -> str | None:
        """That in which the group runs a sequential rank; None: no op of it says, or they disagree."""
        said = {self.op(n).sequential[rank] for n in self.ops if rank in self.op(n).sequential}
        return said.pop() if len(said) == 1 else None

    def steps(self, edge: Edge, rank: str) -> int | None:
        """By how many steps of a rank an element is taken later than it is made; None: that differs.

        Only a sequential rank has steps; of others an element has the same index on both sides, or nothing is known.
        """
        one, other = self.op(edge.source), self.op(edge.target)
        d = distance(one, edge.made, other, edge.taken, rank)
        if d is None or (d == 0 and not (rank in one.sequential or rank in other.sequential)):
            return d
        direction = self.direction(rank)
        opposed = one.sequential.get(rank, direction) != other.sequential.get(rank, direction)
        if direction is None or opposed:
            return None
        if direction == ASCENDING:
            return d
        return -d if one.ranks[rank] == other.ranks[rank] else None  # both count from the same end


def group_view(graph: WorkloadGraph, names: Sequence[str]) -> GroupView:
    """Ops by name, in the order of the split."""
    number = {op.name: n for n, op in enumerate(graph.flow.ops)}
    ops = tuple(number[name] for name in names)
    members = frozenset(ops)
    edges = tuple(e for e in graph.flow.edges if e.source in members and e.target in members)
    return GroupView(graph, ops, edges)


def early(group: GroupView, loops: Sequence[SharedLoop]) -> Iterator[Early]:
    """What is taken before it is made: for each edge the first loop that is at fault."""
    for edge in group.edges:
        if edge.source != edge.target or _own_steps(group, edge):
            found = _first_fault(group, edge, [loop for loop in loops if loop.factor > 1])
            if found is not None:
                yield found


def _own_steps(group: GroupView, edge: Edge) -> bool:
    """Whether an op that takes what itself has made does so from another step."""
    return any(group.steps(edge, rank) for rank in group.op(edge.source).ranks)


def _first_fault(group: GroupView, edge: Edge, loops: Sequence[SharedLoop]) -> Early | None:
    source, target = group.ops.index(edge.source), group.ops.index(edge.target)
    for loop in loops:
        steps = group.steps(edge, loop.rank)
        same = loop.strides[source] == loop.strides[target]
        if steps == 0 and same:
            continue
        if steps is None or not same or steps < 0:
            reduces = edge.why is not Why.OLD and loop.rank not in edge.made.ranks()
            return Early(edge, loop, "reduces" if reduces else "apart" if steps is None or not same else "steps")
        if loop.spatial:
            return Early(edge, loop, "lanes")
        if steps >= loop.strides[source]:
            return None  # all that is taken was made in an earlier turn
    return None if source < target else Early(edge, None, "order")


def outside_between(graph: WorkloadGraph, groups: Mapping[int, int]) -> Iterator[tuple[int, int, int]]:
    """Ops that take what a group makes and make what it takes: (group, op of it, op outside). groups: op -> number of
    the group that runs it, for groups of several ops and of one alike; ops that do not run are left out."""
    edges = [(e.source, e.target) for e in graph.flow.edges if e.source in groups and e.target in groups]
    below: dict[int, set[int]] = {}
    for a, b in edges:
        if groups[a] != groups[b]:
            below.setdefault(groups[a], set()).add(groups[b])
    tangled = set(groups.values()) - _free(below, set(groups.values()))
    if not tangled:
        return
    for number in sorted(tangled):
        members = [op for op, of in groups.items() if of == number]
        if len(members) > 1:
            found = next(_way_back(edges, groups, number), None)
            if found is not None:
                yield number, *found


def _free(below: Mapping[int, set[int]], groups: set[int]) -> set[int]:
    """The groups that are on no cycle of groups, nor behind one (Kahn 1962)."""
    waits = dict.fromkeys(groups, 0)
    for targets in below.values():
        for g in targets:
            waits[g] += 1
    ready = [g for g, n in waits.items() if not n]
    done: set[int] = set()
    while ready:
        g = ready.pop()
        done.add(g)
        for target in below.get(g, ()):
            waits[target] -= 1
            if not waits[target]:
                ready.append(target)
    return done


def _way_back(edges: Sequence[tuple[int, int]], groups: Mapping[int, int], number: int) -> Iterator[tuple[int, int]]:
    """(op of the group, op outside that it waits for) where that op waits for another op of the group."""
    after: dict[int, list[int]] = {}
    for a, b in edges:
        after.setdefault(a, []).append(b)
    reached = {b for a, b in edges if groups[a] == number and groups[b] != number}
    rest = list(reached)
    while rest:
        op = rest.pop()
        for target in after.get(op, ()):
            if groups[target] == number:
                yield target, op
            elif target not in reached:
                reached.add(target)
                rest.append(target)
