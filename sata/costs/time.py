"""Time of an op in cycles. Plain functions over numbers or arrays with a batch axis.

Assumptions: computes and memories work side by side, so an op takes the largest; a memory's busiest instance counts;
reads and writes of a memory overlap unless they share its bandwidth. Cycles are not rounded: half a cycle of traffic
at the end of a tile is filled by the next.
"""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction

import numpy as np
import numpy.typing as npt

from sata.specs.model import Bandwidth

Amount = float | npt.NDArray[np.float64]


def compute_cycles(steps: Amount, cycles_per_action: float = 1) -> Amount:
    """Existing temporal steps times cycles of the action: lanes that idle in a ragged step still take it.

    A fraction of a cycle counts as it is written: 30 steps of 0.1 cycles take 3.
    """
    each = Fraction(str(cycles_per_action))
    return steps * float(each.numerator) / float(each.denominator)


def memory_cycles(read_bits: Amount, write_bits: Amount, bandwidth: Bandwidth) -> Amount:
    """Cycles that the busiest instance needs for its bits (reads, drains, merge_reads; fills, updates).

    A direction without a bandwidth never bounds: it takes 0 cycles.
    """
    if bandwidth.shared:
        return (read_bits + write_bits) / bandwidth.read_bits if bandwidth.read_bits else 0.0 * (read_bits + write_bits)
    reading = read_bits / bandwidth.read_bits if bandwidth.read_bits else 0.0 * read_bits
    writing = write_bits / bandwidth.write_bits if bandwidth.write_bits else 0.0 * write_bits
    return np.maximum(reading, writing)


def op_cycles(bounds: Mapping[str, Amount]) -> tuple[Amount, npt.NDArray[np.intp] | int]:
    """The largest of the bounds, and the position of the first that reaches it (what bounds the op)."""
    stacked = np.stack(np.broadcast_arrays(*(np.asarray(b, dtype=np.float64) for b in bounds.values())))
    at = np.argmax(stacked, axis=0)
    longest = np.max(stacked, axis=0)
    return (float(longest), int(at)) if longest.ndim == 0 else (longest, at)


def seconds(cycles: Amount, clock_hz: float) -> Amount:
    """Time of `cycles` at a clock."""
    return cycles / clock_hz
