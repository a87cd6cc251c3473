"""Windows as rows of places and extents, and their sets of coordinates as Python integers used as bit masks."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]

# What a spatial loop above the child does to the deliveries of its children: told apart and summed; shared where all
# windows coincide; merged into one union.
TOLD_APART, BY_TILE, BY_ELEMENT = 0, 1, 2
IS_TEMPORAL, PINNED = -1, -2


class Window(NamedTuple):
    """A dimension: ranks with their bounds and coefficients. A rank that the tensor lacks is one element that exists
    or not.
    """

    bounds: tuple[int, ...]
    coefs: tuple[int, ...]
    offset: int
    size: int
    free: bool = False


class WindowLoop(NamedTuple):
    """An own loop above the child: which of the window's ranks, and IS_TEMPORAL or what the spatial loop does.

    A PINNED spatial loop stays at `digit`: one instance is looked at by itself.
    """

    rank: int
    role: int
    digit: int = 0


def strides_of(loops: tuple[WindowLoop, ...], factors: tuple[int, ...], below: tuple[int, ...]) -> list[int]:
    """Per loop, how far one of its steps moves its rank: the product of the rank's factors further in."""
    running = list(below)
    strides = [0] * len(loops)
    for i in reversed(range(len(loops))):
        strides[i] = running[loops[i].rank]
        running[loops[i].rank] *= factors[i]
    return strides


def unique_rows(rows: Ints) -> tuple[Ints, Ints]:
    """(distinct rows, for each row the number of its distinct one)."""
    if len(rows) <= 4:  # no more work than finding equal ones
        return rows, np.arange(len(rows))
    low = rows.min(axis=0)
    spread = rows.max(axis=0) - low + 1
    code = np.zeros(len(rows), dtype=np.int64)
    size = 1
    for column in np.flatnonzero(spread > 1).tolist():
        size *= int(spread[column])
        if size >= 1 << 62:
            code = np.unique(code, return_inverse=True)[1]  # as many codes as rows at most
            size = len(rows) * int(spread[column])
        code = code * spread[column] + (rows[:, column] - low[column])
    _, first, inverse = np.unique(code, return_index=True, return_inverse=True)
    return rows[first], inverse


@lru_cache(maxsize=1 << 14)
def _mask(coefs: tuple[int, ...], extents: tuple[int, ...]) -> tuple[int, int]:
    """(bit mask of {sum coef * i : 0 <= i < extent}, the coordinate of its lowest bit)."""
    if not all(extents):
        return 0, 0
    mask, low = 1, 0
    for coef, extent in zip(coefs, extents, strict=True):
        step = abs(coef)
        grown, width = mask, 1
        while width < extent:  # doubling: the union of `extent` shifted copies in a logarithmic number of steps
            more = min(width, extent - width)
            grown |= grown << (more * step)
            width += more
        mask = grown
        low += min(0, coef * (extent - 1))
    return mask, low


def clip(window: Window, place: int, extents: tuple[int, ...], border: tuple[int, int], shift: int) -> int:
    """The set at `place` as a mask whose bit 0 is coordinate -shift, without what lies beyond the border."""
    mask, low = _mask((0,) if window.free else window.coefs, extents)
    mask <<= place + low + shift
    first, beyond = max(border[0] + shift, 0), max(border[1] + shift, 0)
    return (mask & ((1 << beyond) - 1)) >> first << first


@lru_cache(maxsize=1 << 15)
def row_size(window: Window, row: tuple[int, ...]) -> int:
    """How many coordinates the single set of a row has."""
    shift = mask_shift(window, [row[2]], [row[3:]])
    return clip(window, row[2], row[3:], (row[0], row[1]), shift).bit_count()


def mask_shift(window: Window, places: list[int], extents: list[tuple[int, ...]]) -> int:
    """How far to shift so that no set starts below bit 0."""
    coefs = (0,) if window.free else window.coefs
    return -min(p + _mask(coefs, e)[1] for p, e in zip(places, extents, strict=True)) if places else 0


@lru_cache(maxsize=1 << 15)
def shared_counts(window: Window, row: tuple[int, ...], tiles: int, elements: int, before: bool) -> tuple[int, int]:
    """(covered, held) of one row, by the rule of `multicast`.

    `tile` indices count once if all their windows, now and before, coincide for all `element` indices; within one,
    covered is the union over the element indices, and an element is held if every child that covers it had it.
    """
    children, ranks = tiles * elements, len(window.bounds)
    moments = 2 if before else 1
    places = list(row[2 : 2 + moments * children])
    rest = row[2 + moments * children :]
    extents = [
        tuple(rest[(m * ranks + r) * children + c] for r in range(ranks))
        for m in range(moments)
        for c in range(children)
    ]
    shift = mask_shift(window, places, extents)
    sets = [clip(window, p, e, (row[0], row[1]), shift) for p, e in zip(places, extents, strict=True)]
    now, old = sets[:children], sets[children:] if before else [0] * children
    classes = {
        tuple(zip(now[t * elements : (t + 1) * elements], old[t * elements : (t + 1) * elements], strict=True))
        for t in range(tiles)
    }
    new = held = 0
    for members in classes:
        covered = missing = 0
        for have, had in members:
            covered |= have
            missing |= have & ~had
        new += covered.bit_count()
        held += (covered & ~missing).bit_count()
    return new, held
