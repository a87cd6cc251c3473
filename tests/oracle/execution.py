"""Time as an execution has it: tiles, places, ports and steps in discrete events, by the rules of docs/costs.md.

A step is a combination of temporal loop indices with an existing point; steps run in order. An *epoch* of a tensor at
a memory is a run of its steps there in which no instance's tile changes. Per epoch there is one fill (reads at the
parent, writes at every instance; of an output only the values that come back) and, of an output, one drain (reads
here, updates and merge reads at the parent). A fill waits for the parent's tile, for a free place (epoch - buffers is
over) and for the drains that took its values away; a drain for all that is done to the tile below. Ports serve the most
urgent first: a fill is as urgent as the first step of its epoch, a drain as the first step of the epoch that needs its
place. No formula, and nothing of the product: who moves what is walked (``transfers``).
"""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import pairwise
from math import lcm

from .brute import Element, Index, count
from .events import Clock, Job, Port, run
from .problem import Problem
from .transfers import Amounts, Transfers, existing_steps, sums, transfers

DRAIN, FILL, STEP = 0, 1, 2


@dataclass(frozen=True)
class Store:
    """A memory's bits per cycle (None: no limit) each way, or of both ways together, and how many tiles it holds."""

    read: int | None = None
    write: int | None = None
    shared: bool = False
    buffers: int = 1


@dataclass(frozen=True)
class Machine:
    """The stores by memory, the bits of an element by tensor, the cycles of a step."""

    stores: Mapping[str, Store]
    bits: Mapping[str, int]
    cycles: int = 1


@dataclass
class Execution:
    """Cycles, and the cycles each port is busy: (memory, instance, "read" or "write", the latter if not shared)."""

    cycles: Fraction
    busy: dict[tuple[str, Index, str], Fraction]


def execute(problem: Problem, machine: Machine) -> Execution:
    """The execution of one op."""
    return execute_group([problem], machine, [""])


@dataclass
class _World:
    """The clock and the ports, which all ops of a group share. scale: units of time in a cycle."""

    machine: Machine
    scale: int
    clock: Clock = field(default_factory=Clock)
    ports: dict[tuple[str, Index, str], Port] = field(default_factory=dict)

    def work(self, memory: str, way: str, amounts: Amounts, bits: int) -> list[tuple[Port, int]]:
        """What elements ask of a memory's ports, instance by instance."""
        store = self.machine.stores[memory]
        way = "read" if store.shared else way
        rate = store.read if way == "read" else store.write
        if rate is None:
            return []
        found = []
        for instance, elements in amounts.items():
            port = self.ports.setdefault((memory, instance, way), Port(self.clock))
            found.append((port, self.time(memory, way, elements * bits)))
        return found

    def time(self, memory: str, way: str, bits: int) -> int:
        """Of some bits at a port; 0 where it has no limit."""
        store = self.machine.stores[memory]
        rate = store.read if way == "read" or store.shared else store.write
        return 0 if rate is None else bits * self.scale // rate


@dataclass
class _Stage:
    """One tensor at one memory that is not its home: its epochs, and the fill and the drain of each."""

    link: Transfers
    buffers: int
    starts: list[int]  # per epoch, its first step at the memory
    epochs: dict[Index, int]  # step -> epoch
    lasts: list[int]  # per epoch, the last step of the compute in it; -1 without any
    fills: list[Job]
    drains: list[Job]

    def epoch(self, step: Index) -> int:
        """The epoch in which a step of something further in falls."""
        return self.epochs[step[: len(self.link.child.time)]]


class _Op:
    """The jobs of one op. turns: per step, its place in the sequence of its compute."""

    def __init__(self, problem: Problem, world: _World, turns: Sequence[int]) -> None:
        self.problem, self.world = problem, world
        self.links = transfers(problem)
        self.order = existing_steps(problem)
        self.turns = [*turns, max(turns) + 1]
        own = world.machine.cycles * world.scale
        self.steps = [Job(world.clock, (turn, STEP), own) for turn in turns]
        self.stages: dict[tuple[str, str], _Stage] = {}  # tensor, memory
        for name, links in self.links.items():
            for link in links[:-1]:
                self.stages[name, link.child.name] = self._stage(name, link)
        for name, links in self.links.items():
            self._innermost(name, links[-1])
            for link, below in pairwise(links):
                above = self.stages.get((name, link.parent.name))
                self._waits(self.stages[name, link.child.name], above, below)

    def jobs(self) -> list[Job]:
        """All of them."""
        return [*self.steps, *(job for s in self.stages.values() for job in (*s.fills, *s.drains))]

    def _stage(self, name: str, link: Transfers) -> _Stage:
        """The jobs of one tensor at one memory, with what they ask of ports."""
        world, parent, child = self.world, link.parent.name, link.child.name
        buffers, bits = world.machine.stores[child].buffers, world.machine.bits[name]
        starts = [n for n, moves in enumerate(link.moves) if moves.changes]
        spans = list(pairwise([*starts, len(link.moves)]))
        epochs = {link.child.steps[n]: e for e, span in enumerate(spans) for n in range(*span)}
        firsts = [bisect_left(self.order, link.child.steps[start]) for start in starts]
        ends = [*firsts[1:], len(self.order)]
        lasts = [end - 1 if end > first else -1 for first, end in zip(firsts, ends, strict=True)]
        fills, drains = [], []
        for e, (start, beyond) in enumerate(spans):
            coming, leaving = link.moves[start], link.moves[beyond - 1]
            fills.append(Job(world.clock, (self.turns[firsts[e]], FILL)))
            fills[-1].works = [
                *world.work(parent, "read", coming.reads, bits),
                *world.work(child, "write", coming.fills, bits),
            ]
            if link.tensor.role != "input":
                needed = firsts[e + buffers] if e + buffers < len(starts) else len(self.order)
                drains.append(Job(world.clock, (self.turns[needed], DRAIN)))
                drains[-1].works = [
                    *world.work(child, "read", leaving.drains, bits),
                    *world.work(parent, "write", leaving.updates, bits),
                    *world.work(parent, "read", leaving.merges, bits),
                ]
        return _Stage(link, buffers, starts, epochs, lasts, fills, drains)

    def _innermost(self, name: str, link: Transfers) -> None:
        """What the steps themselves move, and the tiles they need."""
        memory, bits = link.parent.name, self.world.machine.bits[name]
        number = {step: n for n, step in enumerate(link.child.steps)}
        stage = self.stages.get((name, memory))
        for job, step in zip(self.steps, self.order, strict=True):
            moves = link.moves[number[step]]
            for way, amounts in (("read", moves.reads), ("read", moves.merges), ("write", moves.updates)):
                job.works += self.world.work(memory, way, amounts, bits)
            if stage is not None:
                job.after(stage.fills[stage.epoch(step)])

    def _waits(self, stage: _Stage, above: _Stage | None, below: Transfers) -> None:
        """What the fills and drains of a stage wait for."""
        moves, users = stage.link.moves, self._users(stage, below)
        took: dict[tuple[Index, Element], Job] = {}
        for e, (start, beyond) in enumerate(pairwise([*stage.starts, len(moves)])):
            parents = [] if above is None else [above.fills[above.epoch(stage.link.child.steps[start])]]
            fill = stage.fills[e]
            fill.after(*parents)
            free = e - stage.buffers
            if free >= 0:
                fill.after(*users[free], *stage.drains[free : free + 1])
            if stage.drains:
                fill.after(*{took[value] for value in moves[start].back if value in took})
                stage.drains[e].after(fill, *parents, *users[e])
                took |= dict.fromkeys(moves[beyond - 1].gone, stage.drains[e])

    def _users(self, stage: _Stage, below: Transfers) -> list[list[Job]]:
        """Per epoch, the jobs after which its tile is no longer used from below."""
        if below.child.is_compute:
            return [[self.steps[last]] if last >= 0 else [] for last in stage.lasts]
        found: list[list[Job]] = [[] for _ in stage.fills]
        inner = self.stages[stage.link.tensor.name, below.child.name]
        for start, job in zip(inner.starts, inner.drains or inner.fills, strict=True):
            found[stage.epoch(below.child.steps[start])].append(job)
        return found

    def least(self) -> int:
        """No execution is shorter than each tensor's first fills, one step, and its last drains, one after another."""
        chains = []
        for name in self.links:
            own = [stage for (tensor, _), stage in self.stages.items() if tensor == name]
            jobs = [s.fills[0] for s in own] + [s.drains[-1] for s in own if s.drains]
            chains.append(sum(max((work for _, work in job.works), default=0) for job in jobs))
        return max(chains) + self.steps[0].own


@dataclass(frozen=True)
class Passed:
    """A tensor that op number `writer` makes and op number `reader` takes; its home is a memory that both share."""

    writer: int
    reader: int
    tensor: str


def execute_group(
    problems: Sequence[Problem],
    machine: Machine,
    computes: Sequence[str],
    shared: int = 0,
    passed: Sequence[Passed] = (),
) -> Execution:
    """The execution of fused ops, each on a compute. Those of one compute take turns, item by item.

    shared: how many of their temporal loops, the outermost, they share; an item is a combination of these.
    """
    rates = [rate for store in machine.stores.values() for rate in (store.read, store.write) if rate]
    world = _World(machine, lcm(*rates) if rates else 1)
    ops = []
    for problem, turns in zip(problems, _turns(problems, computes, shared), strict=True):
        ops.append(_Op(problem, world, turns))
    for compute in dict.fromkeys(computes):
        mine = [op for op, own in zip(ops, computes, strict=True) if own == compute]
        steps = sorted((pair for op in mine for pair in zip(op.turns, op.steps, strict=False)), key=lambda p: p[0])
        for (_, before), (_, step) in pairwise(steps):
            step.after(before)
    for each in passed:
        _pass_on(ops[each.writer], ops[each.reader], each.tensor, machine)
    time = run(world.clock, [job for op in ops for job in op.jobs()])
    found = Execution(
        Fraction(time, world.scale), {key: Fraction(p.total, world.scale) for key, p in world.ports.items()}
    )
    _check(found, ops, world, computes)
    return found


def _turns(problems: Sequence[Problem], computes: Sequence[str], shared: int) -> list[list[int]]:
    """Per op and step, its place in the sequence of its compute."""
    found: list[list[int]] = [[] for _ in problems]
    for compute in dict.fromkeys(computes):
        keys = [
            (step[:shared], n, step)
            for n, problem in enumerate(problems)
            if computes[n] == compute
            for step in existing_steps(problem)
        ]
        for place, (_, n, _) in enumerate(sorted(keys)):
            found[n].append(place)
    return found


def _pass_on(writer: _Op, reader: _Op, tensor: str, machine: Machine) -> None:
    """The reader waits for what is written, the writer for a place; items are combinations of the loops above the home."""
    home = writer.links[tensor][0].parent
    at = next(n for n, node in enumerate(writer.problem.nest) if node[:2] == ("memory", home.name))
    depth = sum(loop.array is None and loop.node < at for loop in writer.problem.loops)
    written: dict[Index, list[Job]] = defaultdict(list)
    inner = writer.stages.get((tensor, writer.links[tensor][0].child.name))
    for step, job in zip(writer.order, writer.steps, strict=True):
        if inner is None:
            written[step[:depth]] = [job]
        else:
            written[step[:depth]].append(inner.drains[inner.epoch(step)])
    done = {step[:depth]: job for step, job in zip(reader.order, reader.steps, strict=True)}
    brought = reader.stages.get((tensor, reader.links[tensor][0].child.name))
    for step, job in zip(reader.order, reader.steps, strict=True):
        (job if brought is None else brought.fills[brought.epoch(step)]).after(*set(written[step[:depth]]))
    items = sorted(written)
    for step, job in zip(writer.order, writer.steps, strict=True):
        free = items.index(step[:depth]) - machine.stores[home.name].buffers
        if free >= 0:
            job.after(done[items[free]])


def _check(found: Execution, ops: Sequence[_Op], world: _World, computes: Sequence[str]) -> None:
    """What holds on every run. Raises: AssertionError."""
    asked: dict[tuple[str, str], int] = defaultdict(int)
    for op in ops:
        whole = count(op.problem)["counts"]
        assert {key: {e: whole[key][e] for e in events} for key, events in sums(op.links).items()} == sums(op.links)
        for (memory, tensor), events in whole.items():
            for way, names in (("read", ("reads", "drains", "merge_reads")), ("write", ("fills", "updates"))):
                elements = sum(events[name] for name in names)
                port = memory, "read" if world.machine.stores[memory].shared else way
                asked[port] += world.time(*port, elements * world.machine.bits[tensor])
    served: dict[tuple[str, str], Fraction] = defaultdict(Fraction)
    for (memory, _, way), cycles in found.busy.items():
        served[memory, way] += cycles
    assert {k: Fraction(n, world.scale) for k, n in asked.items() if n} == {k: c for k, c in served.items() if c}
    assert found.cycles >= max(found.busy.values(), default=0)
    for compute in dict.fromkeys(computes):
        steps = [len(op.steps) for op, own in zip(ops, computes, strict=True) if own == compute]
        assert found.cycles >= sum(steps) * world.machine.cycles
    assert all(found.cycles >= Fraction(op.least(), world.scale) for op in ops)
