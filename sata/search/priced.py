"""Cycles of one memory as a price: what leaks while it moves a bit.

A group takes at least the cycles that all its ops together need of one memory, so that its leakage is at least what the
bits moved there cost at this price, and each op may be bounded by itself, in either direction of the memory's port: a
Lagrangian bound, whose multipliers are 1 for this memory and 0 for the compute and all others. It says more than the
cycles of the compute where the memory bounds.
"""

from __future__ import annotations

from dataclasses import replace

from sata.counts.op import READS, WRITES
from sata.search.frame import Frame, Stop, Strand
from sata.specs.model import Memory


def priced(frame: Frame, memory: Memory, writes: bool) -> Frame | None:
    """A frame that pays for a memory's cycles, by what is written there or by what is read, and whose compute takes no
    time. None if the memory is below an array: there what one instance moves is no sum."""
    bandwidth = memory.bandwidth
    if bandwidth.shared:
        rate, events = bandwidth.read_bits, frozenset((*READS, *WRITES))
    elif writes:
        rate, events = bandwidth.write_bits, frozenset(WRITES)
    else:
        rate, events = bandwidth.read_bits, frozenset(READS)

    def stop(of: Stop) -> Stop:
        if of.memory.name != memory.name or not rate:
            return of
        more = {e: frame.on.leak_pj * bits / rate for e, bits in of.bits.items() if e in events}
        return replace(of, energy={e: pj + more.get(e, 0.0) for e, pj in of.energy.items()})

    if any(s.memory.name == memory.name and s.arrays for strand in frame.strands for s in strand.stops):
        return None
    strands: list[Strand] = [replace(s, stops=tuple(stop(o) for o in s.stops)) for s in frame.strands]
    return replace(frame, strands=tuple(strands), cycles_each=0.0)
