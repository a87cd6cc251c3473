"""How many lanes of an axis work on average, where factors need not divide: the last pass leaves some idle."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from fractions import Fraction
from math import prod

Split = tuple[str, int]  # an axis ("" in time) and a factor


def busy_lanes(bound: int, loops: Sequence[Split], axis: str) -> Fraction:
    """Lanes of an axis that a rank keeps busy, averaged over the steps in which any of its lanes works.

    loops: all of the rank, outermost first; their product is at least the bound. A lane of the axis counts in a step
    when the first lane along all other axes has an index there.
    """
    others = [n for n, (name, _) in enumerate(loops) if name not in ("", axis)]
    spatial = [n for n, (name, _) in enumerate(loops) if name]
    factors = [factor for _, factor in loops]
    return Fraction(_indices(bound, factors, others), _indices(bound, factors, spatial))


def _indices(bound: int, factors: Sequence[int], zero: Collection[int]) -> int:
    """How many indices below the bound have a digit of 0 in each of some loops."""
    index, left = 0, bound
    for n, factor in enumerate(factors):
        stride = prod(factors[n + 1 :])
        if n in zero:
            left = min(left, stride)
            continue
        whole = min(left // stride, factor)
        index += whole * prod(f for m, f in enumerate(factors[n + 1 :], n + 1) if m not in zero)
        left -= whole * stride
    return index + (left > 0)
