"""Time of fused ops: a pipeline of members, each on its compute, that pass tiles on item by item.

An item is one combination of the loops above the split. A member takes an item when those that make what it takes have
finished it, when its compute is free, and when a place for what it makes is: a memory with n buffers has one again when
its reader has finished item - n. With the same time for every item this is

    time of the first item, member by member, + (items - 1) * period

where the period is the longest of each way through an item from a compute's first member to its last, and of each way
from a writer to its reader over the buffers between them (max-plus algebra: the largest mean weight of a cycle).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Member:
    """One op of a group: cycles of all its items, and the name of its compute."""

    cycles: float
    compute: str


@dataclass(frozen=True, slots=True)
class Handover:
    """Member number `writer` makes what member number `reader` takes; `buffers` places for it."""

    writer: int
    reader: int
    buffers: int


def pipeline_cycles(members: Sequence[Member], handovers: Sequence[Handover], items: float) -> float:
    """Cycles until the last member has finished the last item. Members stand in the order in which they run; what they
    pass on without places for tiles (a stream) is not among the handovers."""
    each = [member.cycles / items for member in members]
    before = _before(members, handovers)
    ways = [_longest(each, before, start) for start in range(len(members))]
    turns = [
        max(cycles for n, cycles in way.items() if members[n].compute == members[start].compute)
        for start, way in enumerate(ways)
    ]
    places = [ways[handover.writer][handover.reader] / handover.buffers for handover in handovers]
    return max(max(way.values()) for way in ways) + (items - 1) * max(*turns, *places)


def _before(members: Sequence[Member], handovers: Sequence[Handover]) -> list[list[int]]:
    """Per member, those that it waits for in the same item: its writers, and the one before it on its compute."""
    found: list[list[int]] = []
    for number, member in enumerate(members):
        waits = [h.writer for h in handovers if h.reader == number]
        same = [n for n in range(number) if members[n].compute == member.compute]
        found.append([*waits, *same[-1:]])
    return found


def _longest(each: Sequence[float], before: Sequence[Sequence[int]], start: int) -> dict[int, float]:
    """From the begin of member `start` to the end of each that comes after it, the longest way."""
    ends = {start: each[start]}
    for number in range(start + 1, len(each)):
        reached = [ends[n] for n in before[number] if n in ends]
        if reached:
            ends[number] = max(reached) + each[number]
    return ends
