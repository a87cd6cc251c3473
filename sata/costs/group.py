"""Time of a group: one op, or fused ops that share a nest. Here alone cycles of ops become those of a group."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sata.costs.exposed.alone import Alone, Exposure
from sata.costs.exposed.pipeline import Handover, Member, pipeline_cycles
from sata.nest.model import OpNest
from sata.specs.model import Memory


@dataclass(frozen=True, slots=True)
class OpTime:
    """What a group's time needs of one op. totals: cycles of its compute and of each memory, by name; alone: its time
    where memories have places for tiles, None where all of them stream."""

    nest: OpNest
    totals: Mapping[str, float]
    alone: Alone | None = None


@dataclass(frozen=True, slots=True)
class GroupTime:
    """What bounds a group, and the cycles that each of its ops is charged."""

    bound_by: str
    each: tuple[float, ...]

    @property
    def cycles(self) -> float:
        return sum(self.each)


def group_time(ops: Sequence[OpTime]) -> GroupTime:
    """The time of ops that work side by side. What they share adds up, and the largest sum is a lower bound.

    Where all memories stream it is the time, and each op is charged its part of it. Else the ops are a pipeline
    (`exposed.pipeline`), and each is charged in proportion to its time alone. The group is bound by the largest sum, or
    by the transfers that are exposed for at least as long.
    """
    sums: dict[str, float] = {}
    for op in ops:
        for resource, cycles in op.totals.items():
            sums[resource] = sums.get(resource, 0.0) + cycles
    bound_by = max(sums, key=lambda r: sums[r])
    if all(op.alone is None for op in ops):
        return GroupTime(bound_by, tuple(op.totals.get(bound_by, 0.0) for op in ops))
    times = [op.totals[op.nest.compute.name] if op.alone is None else op.alone.cycles for op in ops]
    whole = max(sums[bound_by], *times)
    exposures = [e for op in ops if op.alone is not None for e in op.alone.exposures]
    if len(ops) > 1:
        handovers, waits = _handovers(ops)
        members = [Member(time, op.nest.compute.name) for op, time in zip(ops, times, strict=True)]
        items = max(op.alone.items for op in ops if op.alone is not None)
        whole = max(whole, pipeline_cycles(members, handovers, items))
        exposures += [Exposure(tensor, memory, whole - sums[bound_by]) for tensor, memory in waits]
    longest = max(exposures, key=lambda e: e.cycles, default=None)
    if longest is not None and longest.cycles >= sums[bound_by]:
        bound_by = str(longest)
    shares = sum(times)
    return GroupTime(bound_by, tuple(whole * (time / shares if shares else 1 / len(ops)) for time in times))


def _handovers(ops: Sequence[OpTime]) -> tuple[list[Handover], list[tuple[str, str]]]:
    """What members hand on through places of a memory, and (tensor, memory) of each."""
    found, names = [], []
    for reader, taking in enumerate(ops):
        for name in _passed(taking.nest, "input"):
            home = _home(taking.nest, name)
            for writer, making in enumerate(ops[:reader]):
                if home is not None and not home.stream and name in _made(making.nest, taking.nest, name):
                    found.append(Handover(writer, reader, home.buffers))
                    names.append((name, home.name))
    return found, names


def _passed(nest: OpNest, role: str) -> list[str]:
    return [t.name for t in nest.op.tensors if t.role == role and t.name in nest.passed and t.name in nest.chains]


def _home(nest: OpNest, tensor: str) -> Memory | None:
    return next((x.memory for x in nest.levels if x.memory.name == nest.chains[tensor][0]), None)


def _made(making: OpNest, taking: OpNest, tensor: str) -> list[str]:
    """The name of what is taken, if the other op makes it: ops may name one tensor differently."""
    own = _passed(making, "output")
    kinds = {t.name: t.kind for t in (*making.op.tensors, *taking.op.tensors)}

    def same(t: str) -> bool:
        return kinds[t] == kinds[tensor] and making.chains[t][0] == taking.chains[tensor][0]

    return [tensor] if tensor in own or any(map(same, own)) else []
