"""Mixed-radix counting: how many index combinations lie below a bound when some digits are pinned.

All functions take Python integers or int64 arrays over a batch axis, and give the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np

FREE: Final = None  # a digit that runs; any other pin is the value it is held at

Number = Any  # int, or an int64 array [B]


def digits_of(bound: int, strides: Sequence[Number], factors: Sequence[Number]) -> tuple[list[Number], Number]:
    """(digits of `bound`, outermost first, and the rest below the innermost stride)."""
    digits: list[Number] = []
    rest: Number = bound
    for stride in strides:
        digit = rest // stride
        rest = rest - digit * stride
        digits.append(digit)
    return digits, rest


def combinations_below(
    digits: Sequence[Number], factors: Sequence[Number], pins: Sequence[Number]
) -> tuple[Number, Number]:
    """(combinations of digits, pinned as told, below the bound's digits; 1 if the bound's own digits are such, else 0).

    digits, factors: outermost first. A combination (d_0, d_1, ...) with d_i < factors[i] is below when it is
    lexicographically smaller than `digits`.
    """
    below: Number = 0
    on_edge: Number = 1
    for digit, factor, pin in zip(digits, factors, pins, strict=True):
        if pin is FREE:
            below = below * factor + on_edge * least_index(digit, factor)
            on_edge = on_edge * (digit < factor)
        else:
            below = below + on_edge * (digit > pin)
            on_edge = on_edge * (digit == pin)
    return below, on_edge


def least_index(a: Number, b: Number) -> Number:
    """The smaller, of integers or arrays."""
    if isinstance(a, int) and isinstance(b, int):
        return min(a, b)
    return np.minimum(a, b)


def sums_below(end: Number, strides: Sequence[Number], factors: Sequence[Number]) -> Number:
    """How many index combinations have a sum of index times stride below `end`. Strides: outermost first, each beyond
    what all loops further in reach together."""
    digits, rest = digits_of(end, strides, factors)
    below, edge = combinations_below(digits, factors, [FREE] * len(factors))
    return below + edge * (rest > 0)
