"""The time of one op by itself where memories have places for tiles: the closed form for what `count_op` found."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sata.costs.exposed.law import Exposed, Timing, exposed
from sata.costs.exposed.timing import Busiest, TimedOp, timings
from sata.counts.op.results import OpCounts
from sata.nest.model import BoundLoop, OpNest


@dataclass(frozen=True, slots=True)
class Exposure:
    """Transfers of a tensor at a memory, and the cycles in which nothing hides them."""

    tensor: str
    memory: str
    cycles: float

    def __str__(self) -> str:
        return f"exposed transfers of {self.tensor} at {self.memory}"


@dataclass(frozen=True, slots=True)
class Alone:
    """Cycles of an op where no other runs beside it, and what is exposed; items: how often the loops above the split of
    its group run."""

    cycles: float
    exposures: tuple[Exposure, ...]
    items: float


def has_places(nest: OpNest) -> bool:
    """Whether a memory that keeps a tensor of the op has places for tiles; else all is a stream, and a lower bound."""
    kept = {name for chain in nest.chains.values() for name in chain}
    return any(not level.memory.stream and level.memory.name in kept for level in nest.levels)


def streaming_memories(nest: OpNest) -> tuple[str, ...]:
    """The memories, outermost first, whose places a stream uses again: tensors come to them from further out, or from
    another op of the group."""
    used = {name for t, chain in nest.chains.items() for name in (chain if t in nest.passed else chain[1:])}
    return tuple(x.memory.name for x in nest.levels if x.memory.stream and x.memory.name in used)


def time_alone(counts: OpCounts, bits: Mapping[str, int], cycles: float, busiest: Busiest) -> Alone:
    """The time of one op. cycles: of a step of its compute; busiest: bits that the busiest instance of each memory with
    a bandwidth reads and writes."""
    nest = counts.nest
    steps = float(counts.dense.steps), counts.busy_steps
    op = TimedOp(nest, counts.structure, counts.factors, counts.accesses, bits, *steps, cycles, busiest)
    (timing,) = timings(op)
    found = exposed(timing, by_stage=True)
    shared = sum(isinstance(item, BoundLoop) and item.array is None for item in nest.items[: nest.shared])
    return Alone(float(found.cycles[0]), _exposures(nest, timing, found), float(timing.passes[shared, 0]))


def _exposures(nest: OpNest, timing: Timing, found: Exposed) -> tuple[Exposure, ...]:
    assert found.by_stage is not None
    tensors = list(nest.chains)
    return tuple(
        Exposure(tensors[stage.tensor], nest.levels[stage.memory].memory.name, float(cycles[0]))
        for stage, cycles in zip(timing.stages, found.by_stage, strict=True)
        if cycles[0] > 0
    )
