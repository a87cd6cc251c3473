"""Cycles of one memory as a price: what leaks while it moves a bit.

A group takes at least the cycles that all its ops together need of one memory, so that its leakage is at least what the
bits moved there cost at this price, and each op may be bounded by itself, in either direction of the memory's port: a
Lagrangian bound, whose multipliers are 1 for this memory and 0 for the compute and all others. It says more than the
cycles of the compute where the memory bounds.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from sata.counts.op import READS, WRITES
from sata.search.frame import Frame, Stop, Strand
from sata.specs.model import Memory

Port = tuple[float, frozenset[str]]  # bits in a cycle, and the events that take them


def ports(memory: Memory) -> Iterator[Port]:
    """What is limited of a memory: each direction, or both together."""
    bandwidth = memory.bandwidth
    if bandwidth.shared:
        if bandwidth.read_bits:
            yield bandwidth.read_bits, frozenset((*READS, *WRITES))
        return
    if bandwidth.read_bits:
        yield bandwidth.read_bits, frozenset(READS)
    if bandwidth.write_bits:
        yield bandwidth.write_bits, frozenset(WRITES)


def priced(frame: Frame, name: str, port: Port) -> Frame:
    """A frame that pays for a port of a memory (if that is above all arrays), and whose compute takes no time."""
    rate, events = port

    def stop(of: Stop) -> Stop:
        if of.memory.name != name or of.arrays:
            return of
        more = {e: frame.on.leak_pj * bits / rate for e, bits in of.bits.items() if e in events}
        return replace(of, energy={e: pj + more.get(e, 0.0) for e, pj in of.energy.items()})

    def strand(of: Strand) -> Strand:
        return replace(of, stops=tuple(stop(s) for s in of.stops))

    return replace(frame, strands=tuple(strand(s) for s in frame.strands), cycles_each=0.0)
