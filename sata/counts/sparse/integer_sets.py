"""Sets of integers as bit masks: what a leader dimension sees of the ranks that index it."""

from __future__ import annotations

from functools import lru_cache

# a set of integers: bit i of `mask` stands for `low` + i; canonical, that is bit 0 is set, or (0, 0) for none
Part = tuple[int, int]
NOTHING: Part = (0, 0)


def canonical(mask: int, low: int) -> Part:
    """The same set with bit 0 set."""
    if not mask:
        return NOTHING
    zeros = (mask & -mask).bit_length() - 1
    return mask >> zeros, low + zeros


def joined_tiles(a: Part, b: Part) -> Part:
    """The union."""
    if not a[0] or not b[0]:
        return a if a[0] else b
    low = min(a[1], b[1])
    return a[0] << (a[1] - low) | b[0] << (b[1] - low), low


@lru_cache(maxsize=1 << 16)
def summed_tiles(a: Part, b: Part) -> Part:
    """All sums of one of each."""
    few, many = (a, b) if a[0].bit_count() <= b[0].bit_count() else (b, a)
    mask, rest = 0, few[0]
    if rest.bit_count() == rest.bit_length():  # a run of values: double it up
        mask = repeated(many[0], 1, rest.bit_length()) if rest else 0
        return (mask, a[1] + b[1]) if mask else NOTHING
    while rest:
        bit = rest & -rest
        mask |= many[0] << (bit.bit_length() - 1)
        rest ^= bit
    return (mask, a[1] + b[1]) if mask else NOTHING


def scaled_tiles(part: Part, coef: int) -> Part:
    """All values times a coefficient other than zero."""
    if coef == 1:
        return canonical(*part)
    values = [(part[1] + i) * coef for i in range(part[0].bit_length()) if part[0] >> i & 1]
    if not values:
        return NOTHING
    low, mask = min(values), 0
    for value in values:
        mask |= 1 << (value - low)
    return mask, low


def repeated(mask: int, stride: int, times: int) -> int:
    """The union of `times` copies, each shifted by `stride` more, in a logarithmic number of steps."""
    width = 1
    while width < times:
        more = min(width, times - width)
        mask |= mask << (more * stride)
        width += more
    return mask
