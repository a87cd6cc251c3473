"""Lower bounds of the completions of partial mappings (branch and bound).

Whatever loops follow, the tile that a memory would hold here passes each further link at least as often as it would
arrive here: each of its arrivals serves some child below, which must be told. And the compute takes every operand at
every operation, shared by no more lanes than there are. Both are charged at the prices of the links to come.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sata.costs.time import memory_cycles
from sata.search.model.problem import OperandChain, SearchProblem
from sata.search.partial.extend import APART, LEAVING, MERGED, SHARED, Extender
from sata.search.partial.link_counts import LinkEnds
from sata.search.partial.table import Floats, PartialMappings
from sata.specs.model import Array


@dataclass
class LowerBound:
    """Per label, least energy (with leakage) and least cycles of any completion."""

    energy: Floats
    cycles: Floats


@dataclass
class BoundParts:
    """What bounds are made of, per label: least energy without leakage; least cycles of each resource by name, of which
    the most count. Of an op in a pair not all resources count: see `member`."""

    energy: Floats
    cycles: dict[str, Floats]

    def take(self, chosen: NDArray[np.generic]) -> BoundParts:
        return BoundParts(self.energy[chosen], {n: c[chosen] for n, c in self.cycles.items()})

    def plus(self, other: BoundParts) -> BoundParts:
        """Of two ops that overlap: what they share adds up."""
        names = {**self.cycles, **other.cycles}
        cycles = {n: np.asarray(self.cycles.get(n, 0.0) + other.cycles.get(n, 0.0)) for n in names}
        return BoundParts(self.energy + other.energy, cycles)

    def bound(self, leak_pj: float) -> LowerBound:
        """With what leaks in the cycles that all this takes."""
        cycles = np.maximum.reduce(list(self.cycles.values()))
        return LowerBound(self.energy + leak_pj * cycles, cycles)


def lower_bound(
    moves: Extender, labels: PartialMappings, item: int, done: bool = False, rough: bool = False
) -> LowerBound:
    """Least energy and cycles of all that labels can become. item: the last item passed; done: nothing is left; rough:
    take the floors of tensors with irregular ranks as they are, instead of counting (and raising) them."""
    return bound_parts(moves, labels, item, done, rough).bound(moves.problem.on.leak_pj)


def bound_parts(moves: Extender, labels: PartialMappings, item: int, done: bool = False, rough: bool = False,
          each: float | None = None) -> BoundParts:  # fmt: skip
    """The same, in parts. each: cycles of an operation, if they are not those of the problem."""
    problem = moves.problem
    energy = labels.energy.copy()
    bits = labels.bits.copy()
    passed = sum(isinstance(i, Array) for i in problem.template.items[: item + 1])
    if not done:
        for t, operand in enumerate(problem.operands):
            energy = energy + _operand_bound(moves, labels, t, operand, item, passed, bits, rough)
    steps = problem.points / (labels.lanes * _lanes(problem, labels, passed))
    cycles = {problem.template.compute.name: steps * (problem.cycles_each if each is None else each)}
    for n, (at, memory) in enumerate(problem.bandwidths):
        more = 1
        above = sum(isinstance(i, Array) for i in problem.template.items[:at])
        if above > passed:
            more = _between(problem, labels, passed, above)
        cycles[memory.name] = memory_cycles(bits[n, 0] / more, bits[n, 1] / more, memory.bandwidth)
    return BoundParts(energy, cycles)


def _operand_bound(
    moves: Extender,
    labels: PartialMappings,
    t: int,
    operand: OperandChain,
    item: int,
    passed: int,
    bits: NDArray[np.float64],
    rough: bool,
) -> Any:
    """Least energy of the open links of one tensor; their traffic is added to `bits`."""
    problem = moves.problem
    closed = [n for n, s in enumerate(operand.levels) if s.item <= item]
    if not closed:
        apart = together = leaving = np.full(len(labels), 0.0)
        first = 0
    else:
        first = closed[-1]
        apart, together, leaving = _open(moves, labels, t, operand, first, passed, rough)
    total: Any = 0.0
    for n in range(first, len(operand.levels)):
        level = operand.levels[n]
        last = n + 1 == len(operand.levels)
        here, back, out = (together, together - labels.valueless[t], leaving) if n == first and closed else (apart,) * 3
        if n > first or not closed:
            back = apart * 0.0
        back = np.maximum(back, 0.0)
        if last:
            first_array = max(passed, level.arrays) if problem.ragged else level.arrays
            behind: Any = 1  # lanes already below the parent that one access can serve
            if problem.ragged and n == first and closed and passed > level.arrays:
                behind = (labels.added[t] if operand.output else labels.share[t]) * (labels.lanes // labels.spread[t])
            each = operand.points / (_sharing(problem, labels, t, first_array) * behind)
            if operand.output:
                out = np.maximum(out, each)
                lanes = _lanes(problem, labels, first_array) * (
                    labels.lanes if problem.ragged and passed > level.arrays else 1
                )
                known = labels.valueless[t] if closed else np.full(len(labels), np.inf)
                reads = np.maximum(back, out - known * lanes)
                if n > first and level.arrays > operand.levels[first].arrays:
                    # lanes that hold an element together start without its value, and drain it each by itself
                    reads = np.maximum(reads - apart, 0.0)
                    each_read = min(s.energy["drains"] for s in operand.levels[first + 1 :])
                    least = min(each_read, level.energy["reads"])
                    total = total - reads * (level.energy["reads"] - least)
                    if n > first + 1:
                        _move(moves, labels, bits, level.item, item, -reads * level.bits["reads"], 0.0)
            else:
                here = np.maximum(here, each)
        if operand.output:
            reads = reads if last else back
            total = total + reads * level.energy["reads"] + out * level.energy["updates"]
            _move(moves, labels, bits, level.item, item, reads * level.bits["reads"], out * level.bits["updates"])
        else:
            total = total + here * level.energy["reads"]
            _move(moves, labels, bits, level.item, item, here * level.bits["reads"], 0.0)
        if not last:
            child = operand.levels[n + 1]
            if operand.output:
                total = total + apart * child.energy["drains"] + back * child.energy["fills"]
                _move(moves, labels, bits, child.item, item, apart * child.bits["drains"], back * child.bits["fills"])
            else:
                total = total + apart * child.energy["fills"]
                _move(moves, labels, bits, child.item, item, 0.0, apart * child.bits["fills"])
    return total


def has_unrolling(labels: PartialMappings) -> bool:
    """Whether labels (all of one place) know what their arrays unroll: from the first array on."""
    return not len(labels) or bool(labels.unrolling[0] >= 0)


def _lanes(problem: SearchProblem, labels: PartialMappings, array: int) -> Any:
    """The most lanes of the arrays from number `array` on: those planned, or where nothing is, all that can work."""
    if problem.ragged:
        return prod(problem.usable[array:])
    return (
        problem.unrollings.lanes(array, labels.unrolling)
        if has_unrolling(labels)
        else problem.unrollings.most_lanes[array]
    )


def _between(problem: SearchProblem, labels: PartialMappings, first: int, last: int) -> Any:
    """The most lanes of the arrays from number `first` on, without those from `last` on."""
    if problem.ragged:
        return prod(problem.usable[first:last])
    return problem.unrollings.lanes_between(first, last)[labels.unrolling] if has_unrolling(labels) else (
        float(problem.unrollings.lanes_between(first, last).max(initial=1)))  # fmt: skip


def _sharing(problem: SearchProblem, labels: PartialMappings, t: int, array: int) -> Any:
    """The most computes that one access of a tensor serves through the arrays from number `array` on."""
    if not problem.ragged:
        return (
            problem.sharing[t][array][labels.unrolling]
            if has_unrolling(labels)
            else float(problem.sharing[t][array].max())
        )
    output = problem.operands[t].output
    pairs = list(zip(problem.usable, problem.fanouts, strict=True))[array:]
    return prod(u for u, f in pairs if (f.reduce if output else f.multicast != "none"))


def _open(
    moves: Extender, labels: PartialMappings, t: int, operand: OperandChain, first: int, passed: int, rough: bool
) -> NDArray[np.float64]:
    """[3, B]: what the open link carries at least: arrivals, reads (of results: arrivals, merged), departures."""
    if operand.irregular and (rough or first + 1 == len(operand.levels)):
        return np.asarray(labels.floor[t])  # into the compute, the operations say more
    columns = moves.counts(labels, t, LinkEnds(operand.levels[first].arrays, False))
    crossed = moves.problem.fanouts[operand.levels[first].arrays : passed]
    # windows that differ here may coincide further in: then only the union is sure
    unsure = operand.irregular and any(f.multicast == "tile" for f in crossed)
    together = columns[MERGED] if operand.output or unsure else columns[SHARED]
    found = np.maximum(np.stack([columns[APART], together, columns[LEAVING]]), labels.floor[t])
    labels.floor[t] = found
    return np.asarray(found)


def _move(
    moves: Extender, labels: PartialMappings, bits: NDArray[np.float64], of: int, item: int, read: Any, write: Any
) -> None:
    """Add traffic of a limited memory, per instance: those of a memory not passed yet are at least the lanes so far;
    arrays still to come above it are divided out by `lower_bound`."""
    n = moves.limited.get(of)
    if n is None:
        return
    instances = labels.instances[n] if of <= item else labels.lanes
    bits[n, 0] += read / instances
    bits[n, 1] += write / instances
