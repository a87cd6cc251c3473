"""What ops that share a nest may do: the same loops above the split, nothing taken before it is made, and who may keep
what passes between them to himself. Which op takes what of which: `sata.graph`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fnmatch import fnmatchcase
from functools import cached_property

from sata.graph import (
    Cycle,
    Early,
    Edge,
    GroupView,
    SharedLoop,
    Value,
    Why,
    WorkloadGraph,
    early,
    group_view,
    outside_between,
)
from sata.nest.match import Share
from sata.nest.model import BoundLoop, NestLevel, OpNest
from sata.specs.model import Op, Tensor
from sata.specs.text.faults import Faults, Where


def shared_loops(nest: OpNest) -> list[BoundLoop]:
    """The loops above the split that do more than one turn."""
    return [i for i in nest.items[: nest.shared] if isinstance(i, BoundLoop) and i.factor > 1]


def same_loops(nests: Sequence[OpNest], faults: Faults) -> None:
    """Loops above a split run for all ops of the group at once, so they must be the same for each."""
    for other in nests[1:]:
        mine, theirs = shared_loops(nests[0]), shared_loops(other)
        for a, b in zip(mine, theirs, strict=False):
            if (a.rank, a.factor) != (b.rank, b.factor):
                break
        else:
            if len(mine) == len(theirs):
                continue
            a = (mine + theirs)[min(len(mine), len(theirs))] if len(mine) > len(theirs) else theirs[len(mine)]
        faults.add(
            a.where,
            f"the shared loop {a.rank} {a.factor} is not the same for '{nests[0].op.name}' and '{other.op.name}'; "
            "above a split stand only loops that all fused ops have",
        )


class Fused:
    """The ops of one nest (one, or several below a split) and what passes between them."""

    def __init__(self, graph: WorkloadGraph, nests: Sequence[OpNest], where: Where) -> None:
        self.graph, self.nests, self.where = graph, nests, where
        self.view: GroupView = group_view(graph, [n.op.name for n in nests])

    @cached_property
    def loops(self) -> list[SharedLoop]:
        """Those above the split; all of an op that is alone, which may take what an earlier turn of its own made."""
        each = [shared_loops(n) if len(self.nests) > 1 else list(n.loops) for n in self.nests]
        found = []
        for k, loop in enumerate(each[0]):
            strides = tuple(own[k].stride if k < len(own) and own[k].rank == loop.rank else 0 for own in each)
            found.append(SharedLoop(loop.rank, loop.factor, strides, loop.axis is not None, loop.where))
        return found

    def passed(self, number: int) -> frozenset[str]:
        """The tensors of an op that another one of the group makes or takes."""
        op = self.view.ops[number]
        edges = [e for e in self.view.edges if e.why is Why.MADE and e.source != e.target]
        made = {e.made.name for e in edges if e.source == op}
        return frozenset(made | {e.taken.name for e in edges if e.target == op})

    def check(self, faults: Faults) -> None:
        """Nothing is taken before it is made."""
        said: set[tuple[str, Where]] = set()
        for found in early(self.view, self.loops):
            where = self.where if found.loop is None else found.loop.where
            message, hint = self._sentence(found)
            if (message, where) not in said:
                faults.add(where, message, hint)
                said.add((message, where))
        self._check_left_out(faults)

    def _check_left_out(self, faults: Faults) -> None:
        """Where a mapping omits some ops of a cycle, the others still run step by step: its rank stands outermost."""
        for cycle in self.graph.order.cycles:
            here = [n for n in cycle.ops if n in self.view.ops]
            missing = next((n for n in cycle.ops if n not in self.view.ops), None)
            if not here or missing is None:
                continue
            ranks = [loop.rank == cycle.rank for loop in self.nests[0].loops if loop.factor > 1]
            if not all(ranks[: sum(ranks)]):
                name = self.graph.flow.ops[missing].name
                message = f"{cycle.text} is a cycle over {cycle.rank}; without '{name}' its loops still stand outermost"
                faults.add(self.where, message, f"put all of {cycle.rank} outside the loops over other ranks")

    def _sentence(self, found: Early) -> tuple[str, str]:
        edge, loop = found.edge, found.loop
        maker, taker = self.view.op(edge.source).name, self.view.op(edge.target).name
        cycle = self.cycle_of(edge)
        if loop is None:
            if cycle is not None:
                message = (
                    f"{cycle.text} is a cycle over {cycle.rank}, so all of the loop over {cycle.rank} stands above"
                )
                ends = f"the split: '{taker}' takes what '{maker}' makes of '{edge.tensor}' in an earlier step"
                if edge.source != edge.target and not self.view.steps(edge, cycle.rank):
                    return self._wrong_order(maker, taker, edge)
                if edge.source == edge.target:
                    return f"{message} all others: '{taker}' takes what it makes itself", f"put {cycle.rank} outermost"
                return f"{message} {ends}", f"write `for: {cycle.rank} *` above the split"
            return self._wrong_order(maker, taker, edge)
        place = f"loop {loop.rank} {loop.factor} stands above the split"
        if edge.source == edge.target:
            place = f"loop {loop.rank} {loop.factor} stands where it does"
        hint = f"move loop {loop.rank} into both ways"
        if cycle is not None and loop.rank != cycle.rank:
            hint = f"put all of the loop over {cycle.rank} outside it: {cycle.text} is a cycle over {cycle.rank}"
        if found.why == "reduces":
            message = f"{place} and reduces into '{edge.tensor}', which '{taker}' would take before it is whole"
            return message, f"move loop {loop.rank} into the way of '{maker}'"
        if found.why == "lanes":
            return f"{place} on an array, but '{taker}' takes '{edge.tensor}' of a step that another lane makes", hint
        if found.why == "steps":
            return f"{place}, but '{taker}' takes '{edge.tensor}' of a later step than '{maker}' has just made", hint
        if edge.why is Why.OLD:
            return f"{place}, but along it '{taker}' changes '{edge.tensor}' that '{maker}' is still to read", hint
        message = (
            f"{place}, but along it '{taker}' takes other elements of '{edge.tensor}' than '{maker}' has just made"
        )
        return message, hint

    def _wrong_order(self, maker: str, taker: str, edge: Edge) -> tuple[str, str]:
        verb = {Why.MADE: "takes what", Why.ADDED: "adds to what", Why.OLD: "changes what"}[edge.why]
        does = "reads" if edge.why is Why.OLD else "makes"
        message = f"'{taker}' stands before '{maker}' in the split, but {verb} that {does} of '{edge.tensor}'"
        return message, f"let '{maker}' stand first, in `ops` and in the split"

    def cycle_of(self, edge: Edge) -> Cycle | None:
        """The cycle that an edge is part of."""
        cycle = self.graph.order.cycle_of(edge.source)
        return cycle if cycle is not None and edge.target in cycle.ops else None

    # --- homes ---

    def why_not_inside(self, number: int, nest: OpNest, t: Tensor, home: str) -> str:
        """Why what passes between the ops cannot live in a memory further in; empty if it can."""
        if t.name not in nest.passed:
            return ""
        members = set(self.view.ops)
        for value in self._values(number, t):
            for others, does in ((value.readers, "takes"), (value.makers, "makes")):
                other = next((self.graph.flow.ops[n].name for n, _ in others if n not in members), None)
                if other is not None:
                    return f"'{other}', which is not of this nest, {does} it too"
            if value.makers[0][1].initialised:
                return "it has values before the nest (initialised)"
        for rank, steps in self._steps(number, t):
            between = self._between(nest, rank, home)
            if between is not None:
                passes = f"it passes over {steps} step{'s' if steps > 1 else ''} of {rank}"
                return f"{passes}, and loop {between.rank} {between.factor} stands between that loop and {home}"
        return ""

    def _values(self, number: int, t: Tensor) -> Iterator[Value]:
        op = self.view.ops[number]
        for value in self.graph.flow.values:
            if any(n == op and other.name == t.name for n, other in (*value.makers, *value.readers)):
                yield value

    def _steps(self, number: int, t: Tensor) -> Iterator[tuple[str, int]]:
        """(rank, the most steps) that a tensor passes over inside the group."""
        most: dict[str, int] = {}
        names = {value.key for value in self._values(number, t)}
        for value in self.graph.flow.values:
            for edge in self.view.edges if value.key in names else ():
                if (edge.source, edge.made) not in value.makers or edge.why is not Why.MADE:
                    continue
                for rank in self.view.op(edge.source).ranks:
                    steps = self.view.steps(edge, rank)
                    if steps:
                        most[rank] = max(most.get(rank, 0), steps)
        yield from most.items()

    def _between(self, nest: OpNest, rank: str, home: str) -> BoundLoop | None:
        """A loop over another rank, below a loop over `rank` and above the home."""
        seen = False
        for item in nest.items:
            if isinstance(item, NestLevel) and item.memory.name == home:
                return None
            if isinstance(item, BoundLoop) and item.factor > 1:
                if seen and item.rank != rank:
                    return item
                seen |= item.rank == rank
        return None

    def held(self, number: int, nest: OpNest) -> dict[str, tuple[int, int]]:
        """Of tensors that pass over steps and live above the split: (steps in a tile, steps that are kept at once)."""
        found = {}
        for t in nest.op.tensors:
            home = nest.chains.get(t.name, ("",))[:1]
            if t.name not in nest.passed or not home or home[0] == nest.levels[0].memory.name:
                continue
            for rank, steps in self._steps(number, t):
                tile, bound = self._tile_steps(nest, rank, home[0]), nest.op.ranks[rank]
                found[t.name] = (tile, min(tile + steps, bound))
        return found

    def _tile_steps(self, nest: OpNest, rank: str, home: str) -> int:
        """How many steps of a rank the loops below a memory make."""
        steps = nest.op.ranks[rank]
        for item in nest.items:
            if isinstance(item, NestLevel) and item.memory.name == home:
                break
            if isinstance(item, BoundLoop) and item.rank == rank:
                steps = min(item.stride, steps)
        return steps


# --- the whole mapping ------------------------------------------------------------------------------------------------


def check_order(graph: WorkloadGraph, shares: Sequence[Share], faults: Faults, only: str | None = None) -> None:
    """The ops of a cycle share a nest, and no op has to run in the middle of one. only: as of `build`."""
    number = {op.name: n for n, op in enumerate(graph.flow.ops)}
    share_of = {number[op.name]: s for s, share in enumerate(shares) for op in share.ops}
    asked = {s for s, share in enumerate(shares) if only is None or any(fnmatchcase(op.name, only) for op in share.ops)}
    apart = False
    for cycle in graph.order.cycles:
        used = {share_of[n] for n in cycle.ops if n in share_of}
        if len(used) > 1 and used & asked:
            apart = True
            _apart(graph.flow.ops, cycle, shares[min(used)], faults)
    if apart:
        return
    groups = {n: share_of.get(n, len(shares) + n) for n in range(len(graph.flow.ops))}
    for s, inside, outside in outside_between(graph, groups):
        if s in asked:
            names = " and ".join(f"'{op.name}'" for op in shares[s].ops)
            ops = graph.flow.ops
            message = f"{names} share a nest, but '{ops[outside].name}' takes what they make and '{ops[inside].name}' "
            faults.add(shares[s].entry.where, message + "waits for it", f"give '{ops[inside].name}' a nest of its own")


def _apart(ops: Sequence[Op], cycle: Cycle, share: Share, faults: Faults) -> None:
    names = [ops[n].name for n in cycle.ops]
    message = f"{cycle.text} is a cycle over {cycle.rank}: these ops share one nest, with {cycle.rank} above its split"
    listed = ", ".join(f'"{name}"' for name in names)
    hint = f"write `ops: [{listed}]`, and `for: {cycle.rank} *` above a `split`"
    if len({ops[n].layer for n in cycle.ops}) > 1:
        hint = "a nest is of one layer, these are of several: give them one `layer`"
    faults.add(share.entry.where, message, hint)
