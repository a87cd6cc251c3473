"""The closed form: exposed time per loop increment, of one mapping and of a batch by the same code. No step is visited.

Between two increments of its loop a tile stays, and what is brought or taken away meanwhile hides behind that time;
what does not hide is *exposed*, and added to the time of the loop. From the innermost loop outwards,

    tau(j) = passes of loop j+1 in one of loop j * tau(j+1) + increments of j in a pass * x(j)

is the time of one pass of the loops from j inwards, where x(j) is what one increment of j exposes: the work of links
that cannot start early (`serial`), one tensor's one after another, and what the others have left after their slack.
The definitions stand in docs/costs.md, "Time"; tests/oracle holds them against an execution.

Arrays: [B] mappings, [P] ports, [J] temporal loops, outermost first. Times in cycles.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

Asked = list[tuple[int, Floats]]  # (port, work [B])

TINY = 1e-9  # relative: slacks that differ by less are the same


@dataclass(frozen=True, slots=True)
class PortWork:
    """What one link asks of one port, one way. edge [B]: in the first step (outwards: after the last). Per event of the
    link, cost [B]: cycles of an element; moved: per loop the elements of all its increments ([B], or a number)."""

    port: int
    edge: Floats
    costs: tuple[Floats, ...]
    moved: tuple[tuple[Any, ...], ...]

    def at(self, loop: int, entries: Ints, often: Floats) -> Floats:
        """At one increment of a loop, of some mappings. often: 1 / increments of it."""
        found: Any = 0.0
        for cost, moved in zip(self.costs, self.moved, strict=True):
            found = found + cost[entries] * _some(moved[loop], entries)
        return np.asarray(found * often, dtype=np.float64)


Direction = tuple[PortWork, ...]  # what one link moves one way


@dataclass(frozen=True, slots=True)
class Stage:
    """One tensor at one memory with places for its tiles. tensor, memory: their numbers; stages of a tensor stand
    outermost first.

    steps [B]: how many loops, the outermost, are its steps there; inner_steps: the same at the next memory that keeps
    it, None where there is none. at_once, after_two: per loop [B], or one flag, as `LinkMoves` has them.
    """

    tensor: int
    memory: int
    output: bool
    buffers: int
    steps: Ints
    inner_steps: Ints | None
    inward: Direction
    outward: Direction
    at_once: tuple[Any, ...]
    after_two: tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Timing:
    """All that the time of an op depends on. increments [J, B]: of each loop, between existing steps; passes [J+1, B]:
    of the loops from it inwards; step [B]: time of a mean step; core [P, B]: work of a mean step; totals [P, B]: of all
    that a port does; compute [B]: of all steps."""

    stages: tuple[Stage, ...]
    increments: Floats
    passes: Floats
    step: Floats
    core: Floats
    totals: Floats
    compute: Floats


@dataclass(frozen=True, slots=True)
class Exposed:
    """cycles [B]: of the op. by_stage [stages, B]: what each stage exposes, at the increments at which no other exposes
    more, and with its own first fill and last drain; only where it was asked for."""

    cycles: Floats
    by_stage: Floats | None = None


def exposed(timing: Timing, by_stage: bool = False) -> Exposed:
    """The time of an op, and which stages expose how much of it."""
    loops = _Loops(timing, by_stage)
    for loop in reversed(range(len(timing.increments))):
        loops.pass_of(loop)
    first, last = (_edge(timing, way) for way in ("inward", "outward"))
    largest = np.maximum(np.max(timing.totals, axis=0, initial=0.0), timing.compute)
    cycles = np.maximum(loops.tau[0] + first + last, largest)
    if loops.by_stage is not None:
        for k, stage in enumerate(timing.stages):
            for direction in (stage.inward, stage.outward):
                loops.by_stage[k] += _longest([part.edge for part in direction])
    return Exposed(cycles, loops.by_stage)


def _edge(timing: Timing, way: str) -> Floats:
    """First fills, or last drains."""
    directions: list[Direction] = [getattr(stage, way) for stage in timing.stages]
    works = [[(part.port, part.edge) for part in direction] for direction in directions]
    return _in_line(timing.stages, works, way == "inward")


def _in_line(stages: Sequence[Stage], works: Sequence[Sequence[tuple[int, Floats]]], inward: bool) -> Floats:
    """Time of transfers that begin together: one tensor's pass from memory to memory, one port's one after another,
    tensor by tensor. works: per stage (port, [B])."""
    free: dict[int, Any] = {}  # when a port has done what it was asked for
    ready: dict[int, Any] = {}  # when a tensor is where it passed last
    for k in sorted(range(len(stages)), key=lambda k: stages[k].memory, reverse=not inward):
        here = there = ready.get(stages[k].tensor, 0.0)
        for port, work in works[k]:
            begin = np.maximum(free[port], here) if port in free else here
            done = np.where(work > 0, begin + work, here)
            free[port] = np.where(work > 0, done, free.get(port, 0.0))
            there = np.maximum(there, done)
        ready[stages[k].tensor] = there
    return _longest(list(ready.values()))


def _longest(times: Sequence[Any]) -> Floats:
    """The largest of some times [B]; 0 of none."""
    found: Any = 0.0
    for time in times:
        found = np.maximum(found, time)
    return np.asarray(found, dtype=np.float64)


def _some(number: Any, entries: Ints) -> Any:
    """Of an array [B], some entries; a number is that of all."""
    return number[entries] if np.ndim(number) else number


class _Loops:
    """The recursion over loops. tau [J+1, B], work [J+1, P, B]: time, and work of each port, of a pass from a loop
    inwards."""

    def __init__(self, timing: Timing, by_stage: bool) -> None:
        self.timing = timing
        count, size = timing.passes.shape
        self.tau = np.zeros((count, size))
        self.work = np.zeros((count, *timing.totals.shape))
        self.tau[-1], self.work[-1] = timing.step, timing.core
        self.by_stage = np.zeros((len(timing.stages), size)) if by_stage else None
        self.outer = [
            [n for n, other in enumerate(timing.stages[:k]) if other.tensor == stage.tensor]
            for k, stage in enumerate(timing.stages)
        ]

    def pass_of(self, loop: int) -> None:
        """From the loops inside to this one."""
        timing = self.timing
        inside = timing.passes[loop + 1] / timing.passes[loop]
        self.tau[loop] = inside * self.tau[loop + 1]
        self.work[loop] = inside * self.work[loop + 1]
        entries = np.flatnonzero(timing.increments[loop] > 0)
        increment = _Increment(self, loop, entries) if len(entries) else None
        if increment is None or not increment.moving:
            return
        often = timing.increments[loop][entries]
        time, own = increment.exposed()
        each = often / timing.passes[loop][entries]
        self.tau[loop][entries] += each * time
        self.work[loop][:, entries] += each * increment.work.sum(axis=0)
        if self.by_stage is not None:
            most = own.argmax(axis=0), np.arange(len(entries))
            self.by_stage[np.array(increment.moving)[most[0]], entries] += often * time * (own[most] > 0)


class _Increment:
    """One increment of a loop, of the mappings in which it counts up. `moving`: numbers of the stages of which
    something moves; arrays [K] are over these, [B] over the mappings."""

    def __init__(self, loops: _Loops, loop: int, entries: Ints) -> None:
        timing = loops.timing
        self.loops, self.entries = loops, entries
        often = 1.0 / timing.increments[loop][entries]
        found: list[tuple[int, Asked, Asked]] = []
        for number, stage in enumerate(timing.stages):
            if loop < len(stage.at_once):
                fills, drains = (self._asked(way, loop, often) for way in (stage.inward, stage.outward))
                if any(np.any(work) for _, work in (*fills, *drains)):
                    found.append((number, fills, drains))
        self.moving = [number for number, _, _ in found]
        self.stages = [timing.stages[number] for number in self.moving]
        self.fills = [fills for _, fills, _ in found]
        shape = len(found), len(entries)
        self.work = np.zeros((shape[0], len(timing.totals), shape[1]))  # [K, P, B]
        self.inward, self.outward, self.slack = np.zeros(shape), np.zeros(shape), np.zeros(shape)
        self.serial = np.zeros(shape, dtype=bool)
        self.after_two = [_some(s.after_two[loop], entries) for s in self.stages]
        for k, (stage, (_, fills, drains)) in enumerate(zip(self.stages, found, strict=True)):
            for way, longest in ((fills, self.inward), (drains, self.outward)):
                for port, work in way:
                    self.work[k, port] += work
                longest[k] = _longest([work for _, work in way])
            hides = self._hides_behind(stage)
            if hides is not None:
                self.slack[k] = loops.tau[hides[entries], entries]
            self.serial[k] = (self.slack[k] == 0) | _some(stage.at_once[loop], entries)
        self.moves = (self.inward > 0) | (self.outward > 0)
        self.serial &= self.moves
        for k, number in enumerate(self.moving):  # outermost first
            for other in loops.outer[number]:
                if other in self.moving:
                    self.serial[k] |= self.serial[self.moving.index(other)] & self.moves[k]

    def _asked(self, way: Direction, loop: int, often: Floats) -> Asked:
        return [(part.port, part.at(loop, self.entries, often)) for part in way]

    @staticmethod
    def _hides_behind(stage: Stage) -> Ints | None:
        """The loops from which on a pass hides the transfer: those of a step here, or of a step further in."""
        if stage.buffers > 1:
            return stage.steps
        return None if stage.output else stage.inner_steps

    def exposed(self) -> tuple[Floats, Floats]:
        """(what the increment adds to the time of a pass, what each stage exposes by itself [K, B])."""
        serial = np.einsum("kb,kpb->pb", self.serial, self.work)
        found: Floats = np.max(serial, axis=0, initial=0.0)
        transfer = self.inward + self.outward
        own: Floats = self.serial * transfer
        for tensor in dict.fromkeys(s.tensor for s in self.stages):
            found = np.maximum(found, own[[k for k, s in enumerate(self.stages) if s.tensor == tensor]].sum(axis=0))
        if len(self.stages) > 1:
            fills = [[(port, work * self.serial[k]) for port, work in way] for k, way in enumerate(self.fills)]
            found = np.maximum(found, _in_line(self.stages, fills, True))
        for k in range(len(self.stages)):
            hidden = self.moves[k] & ~self.serial[k]
            if np.any(hidden):
                left = np.where(hidden, self._left(k, serial, transfer), 0.0)
                found = np.maximum(found, left)
                own[k] = np.maximum(own[k], left)
        return found, own

    def _left(self, k: int, serial: Floats, transfer: Floats) -> Floats:
        """What is left of stage k's transfer after its slack."""
        stage, slack = self.stages[k], self.slack[k]
        hides = self._hides_behind(stage)
        assert hides is not None
        competes = ~self.serial & (self.slack <= slack * (1 + TINY))
        work = serial + np.einsum("kb,kpb->pb", competes, self.work)
        work += self.loops.work[hides[self.entries], :, self.entries].T
        inner = [q for q, s in enumerate(self.stages) if s.tensor == stage.tensor and q >= k]
        below = sum((self.serial[q] * transfer[q] for q in inner if q > k), start=np.zeros_like(slack))
        alone = np.where(self.after_two[k], transfer[inner].sum(axis=0), np.maximum(self.inward[k], self.outward[k]))
        if stage.output:  # a place is filled again when all further in and it was drained
            alone = np.maximum(alone, (slack + transfer[inner].sum(axis=0)) / stage.buffers)
        beyond = alone - slack
        beyond += np.where(beyond > 0, below, 0.0)
        left: Floats = np.maximum(work.max(axis=0) - slack, beyond)
        return left
