"""Cycles of a memory's port as a price: what leaks while it moves a bit.

A group takes at least the cycles that all its ops together need of one memory, so that its leakage is at least what the
bits moved there cost at this price, and each op may be bounded by itself: a Lagrangian bound, whose multipliers are 1
for this memory and 0 for the compute and all others. It says more than the cycles of the compute where the memory
bounds. An op needs of a memory the longer of its two directions, so either is a bound; each op pays for one of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from sata.counts.op.busiest import busiest_bits
from sata.counts.op.results import READS, WRITES, OpCounts
from sata.search.model.problem import Level, OperandChain, SearchProblem
from sata.specs.model import Memory


@dataclass(frozen=True)
class PricedPort:
    """One direction of a memory; both, where they share a bandwidth."""

    memory: Memory
    writes: bool

    @property
    def bits_per_cycle(self) -> float | None:
        """None: unlimited."""
        bandwidth = self.memory.bandwidth
        return bandwidth.write_bits if self.writes else bandwidth.read_bits

    @property
    def events(self) -> frozenset[str]:
        """What takes its time."""
        if self.memory.bandwidth.shared:
            return frozenset((*READS, *WRITES))
        return frozenset(WRITES if self.writes else READS)

    def cycles(self, counts: OpCounts, bits: Mapping[str, int]) -> float:
        """Of an op. bits: of elements, by kind."""
        there = any(level.memory.name == self.memory.name for level in counts.nest.levels)
        if not there or not self.bits_per_cycle:
            return 0.0
        read, write = busiest_bits(counts, self.memory, bits)
        moved = read + write if self.memory.bandwidth.shared else write if self.writes else read
        return float(moved / self.bits_per_cycle)


def priced_ports(problem: SearchProblem, port: PricedPort) -> SearchProblem | None:
    """A problem that pays for a port, and whose compute takes no time. None if the memory is below an array: there what
    one instance moves is not a sum."""
    rate, events, name = port.bits_per_cycle, port.events, port.memory.name

    def level(of: Level) -> Level:
        if of.memory.name != name or not rate:
            return of
        port_energy = {e: problem.on.leak_pj * bits / rate for e, bits in of.bits.items() if e in events}
        return replace(of, energy={e: pj + port_energy.get(e, 0.0) for e, pj in of.energy.items()})

    if any(s.memory.name == name and s.arrays for operand in problem.operands for s in operand.levels):
        return None
    operands: list[OperandChain] = [replace(s, levels=tuple(level(o) for o in s.levels)) for s in problem.operands]
    return replace(problem, operands=tuple(operands), cycles_each=0.0)
