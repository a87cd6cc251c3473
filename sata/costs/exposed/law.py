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
Bools = NDArray[np.bool_]
Ints = NDArray[np.int64]

TINY = 1e-9  # relative: slacks that differ by less are the same


@dataclass(frozen=True, slots=True)
class Direction:
    """What one link moves one way. ports: numbers of those that it uses; edge [ports, B]: in the first step (outwards:
    after the last); each [J, ports, B]: at one increment of each loop."""

    ports: tuple[int, ...]
    edge: Floats
    each: Floats


@dataclass(frozen=True, slots=True)
class Stage:
    """One tensor at one memory with places for its tiles. tensor, memory: their numbers; stages of a tensor stand
    outermost first.

    steps [B]: how many loops, the outermost, are its steps there; inner_steps: the same at the next memory that keeps
    it, None where there is none. at_once, after_two [J, B]: as `LinkMoves` has them.
    """

    tensor: int
    memory: int
    output: bool
    buffers: int
    steps: Ints
    inner_steps: Ints | None
    inward: Direction
    outward: Direction
    at_once: Bools
    after_two: Bools


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
                loops.by_stage[k] += np.max(direction.edge, axis=0, initial=0.0)
    return Exposed(cycles, loops.by_stage)


def _edge(timing: Timing, way: str) -> Floats:
    """First fills, or last drains."""
    directions: list[Direction] = [getattr(stage, way) for stage in timing.stages]
    return _in_line(timing.stages, [d.ports for d in directions], [d.edge for d in directions], way == "inward")


def _in_line(
    stages: Sequence[Stage], ports: Sequence[tuple[int, ...]], works: Sequence[Floats], inward: bool
) -> Floats:
    """Time of transfers that begin together: one tensor's pass from memory to memory, one port's one after another,
    tensor by tensor. works: per stage [ports, B]."""
    free: dict[int, Any] = {}  # when a port has done what it was asked for
    ready: dict[int, Any] = {}  # when a tensor is where it passed last
    for k in sorted(range(len(stages)), key=lambda k: stages[k].memory, reverse=not inward):
        here = there = ready.get(stages[k].tensor, 0.0)
        for port, work in zip(ports[k], works[k], strict=True):
            done = np.where(work > 0, np.maximum(free.get(port, 0.0), here) + work, here)
            free[port] = np.where(work > 0, done, free.get(port, 0.0))
            there = np.maximum(there, done)
        ready[stages[k].tensor] = there
    found: Any = 0.0
    for time in ready.values():
        found = np.maximum(found, time)
    return np.asarray(found, dtype=np.float64)


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
        self.entries = np.arange(size)
        self.outer = [
            [n for n, other in enumerate(timing.stages[:k]) if other.tensor == stage.tensor]
            for k, stage in enumerate(timing.stages)
        ]

    def pass_of(self, loop: int) -> None:
        """From the loops inside to this one."""
        timing = self.timing
        inside = timing.passes[loop + 1] / timing.passes[loop]
        often = timing.increments[loop] / timing.passes[loop]
        self.tau[loop] = inside * self.tau[loop + 1]
        self.work[loop] = inside * self.work[loop + 1]
        moving = [k for k, s in enumerate(timing.stages) if loop < len(s.inward.each) and (
            np.any(s.inward.each[loop]) or np.any(s.outward.each[loop]))]  # fmt: skip
        if moving:
            increment = _Increment(self, loop, moving)
            time, own = increment.exposed()
            self.tau[loop] += often * time
            self.work[loop] += often * increment.work.sum(axis=0)
            if self.by_stage is not None:
                most = own.argmax(axis=0), self.entries
                self.by_stage[np.array(moving)[most[0]], self.entries] += (
                    timing.increments[loop] * time * (own[most] > 0)
                )


class _Increment:
    """One increment of a loop. `moving`: numbers of the stages of which something moves; arrays [K] are over these."""

    def __init__(self, loops: _Loops, loop: int, moving: list[int]) -> None:
        timing = loops.timing
        self.loops, self.loop, self.moving = loops, loop, moving
        self.stages = [timing.stages[k] for k in moving]
        shape = len(moving), len(loops.entries)
        self.work = np.zeros((shape[0], *timing.totals.shape))  # [K, P, B]
        self.inward, self.outward, self.slack = np.zeros(shape), np.zeros(shape), np.zeros(shape)
        self.serial = np.zeros(shape, dtype=bool)
        self.after_two = [s.after_two[loop] for s in self.stages]
        for k, stage in enumerate(self.stages):
            for direction, longest in ((stage.inward, self.inward), (stage.outward, self.outward)):
                for port, own in zip(direction.ports, direction.each[loop], strict=True):
                    self.work[k, port] += own
                longest[k] = np.max(direction.each[loop], axis=0, initial=0.0)
            hides = self._hides_behind(stage)
            if hides is not None:
                self.slack[k] = loops.tau[hides, loops.entries]
            self.serial[k] = (self.slack[k] == 0) | stage.at_once[loop]
        self.moves = (self.inward > 0) | (self.outward > 0)
        self.serial &= self.moves
        for k, number in enumerate(moving):  # outermost first
            for other in loops.outer[number]:
                if other in moving:
                    self.serial[k] |= self.serial[moving.index(other)] & self.moves[k]

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
        fills = [s.inward.each[self.loop] * self.serial[k] for k, s in enumerate(self.stages)]
        found = np.maximum(found, _in_line(self.stages, [s.inward.ports for s in self.stages], fills, True))
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
        work += self.loops.work[hides, :, self.loops.entries].T
        inner = [q for q, s in enumerate(self.stages) if s.tensor == stage.tensor and q >= k]
        below = sum((self.serial[q] * transfer[q] for q in inner if q > k), start=np.zeros_like(slack))
        alone = np.where(self.after_two[k], transfer[inner].sum(axis=0), np.maximum(self.inward[k], self.outward[k]))
        if stage.output:  # a place is filled again when all further in and it was drained
            alone = np.maximum(alone, (slack + transfer[inner].sum(axis=0)) / stage.buffers)
        beyond = alone - slack
        beyond += np.where(beyond > 0, below, 0.0)
        left: Floats = np.maximum(work.max(axis=0) - slack, beyond)
        return left
