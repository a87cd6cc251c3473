"""Deliveries of a group with the lanes that share them measured, without a walk over every step where none is needed.

A rank by itself comes in blocks: steps differ only in whether each loop is inside the bound, at its edge, or beyond, so
one step stands for all that are alike. A window is laid out in rows as for dense counts, and equal rows are measured
once: that takes time with the dimension's own loops. Where a leader looks at the group, `tiles` walks.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from itertools import product
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sata.counts.dense.lane_sharing import Lane, weigh_all
from sata.counts.dense.running import Moments, moments
from sata.counts.dense.window_rows import (
    BY_ELEMENT,
    BY_TILE,
    IS_TEMPORAL,
    TOLD_APART,
    clip,
    mask_shift,
    strides_of,
    unique_rows,
)
from sata.counts.dense.windows import WindowWalk
from sata.counts.sparse.lane_regions import class_regions
from sata.counts.sparse.tiles import EVERY_STEP, FIRST_STEP, FIRSTS, DeliveryTiles, GroupAt, Look, Steps, walked

Ints = NDArray[np.int64]


@lru_cache(maxsize=1 << 16)
def deliveries(group: GroupAt, looks: tuple[Look, ...], steps: Steps) -> tuple[DeliveryTiles, ...]:
    """All deliveries of some steps, equal ones added up."""
    if looks:
        return walked(group, looks, steps)
    if len(group.window.bounds) == 1 and (group.window.free or _plain(group)):
        found = _blocks(group, steps)
    elif steps.outside == FIRSTS:
        return walked(group, looks, steps)
    else:
        found = _rows(group, steps)
    new = held = 0
    for times, (a, b) in found:
        new, held = new + times * a, held + times * b
    return (DeliveryTiles((), new, held),) if new or held else ()


def _plain(group: GroupAt) -> bool:
    window = group.window
    ends = window.offset, window.offset + window.coefs[0] * (window.bounds[0] - 1)
    return window.coefs[0] != 0 and min(ends) >= 0 and max(ends) < window.size


def _spatial(group: GroupAt) -> tuple[list[int], list[int], list[int]]:
    """Numbers of the loops told apart, shared by `tile`, shared by `element`."""
    found = [[i for i, loop in enumerate(group.loops) if loop.role == r] for r in (TOLD_APART, BY_TILE, BY_ELEMENT)]
    return found[0], found[1], found[2]


def _lanes(group: GroupAt, loops: list[int]) -> list[dict[int, int]]:
    return [dict(zip(loops, d, strict=True)) for d in product(*(range(group.factors[i]) for i in loops))]


# --- blocks -------------------------------------------------------------------------------------------------------


def _blocks(group: GroupAt, steps: Steps) -> Iterator[tuple[int, tuple[int, int]]]:
    """(how often, what it counts as) for a rank by itself, step by step of those that stand for all."""
    strides, span, bound = strides_of(group.loops, group.factors, group.spans), group.spans[0], group.window.bounds[0]
    temporal = [i for i, loop in enumerate(group.loops) if loop.role == IS_TEMPORAL]
    apart, tiles, elements = _spatial(group)

    def size(at: Lane) -> int:
        return max(0, min(span, bound - sum(strides[i] * d for i, d in at.items())))

    for chosen in product(*_moments(group, steps, temporal, strides)):
        times = prod(c[2] for c in chosen)
        now = {i: c[0] for i, c in zip(temporal, chosen, strict=True)}
        old = {i: c[1] for i, c in zip(temporal, chosen, strict=True)}
        if group.backward:
            now, old = old, now
        for own in _lanes(group, apart):
            if group.window.free:
                sets = [
                    [(int(size(now | lane) > 0), int(steps.outside >= 0 and size(old | lane) > 0))
                     for lane in (own | t | e for e in _lanes(group, elements))]
                    for t in _lanes(group, tiles)
                ]  # fmt: skip
                places = [[own | t | e for e in _lanes(group, elements)] for t in _lanes(group, tiles)]
                for covered, olds, lanes in class_regions(sets, places):
                    yield times, weigh_all(group.measure, covered, olds, lanes)
                continue
            same = steps.outside >= 0 and now == old
            for lane in (own | t | e for t in _lanes(group, tiles) for e in _lanes(group, elements)):
                if many := size(now | lane):
                    yield times * many, weigh_all(group.measure, 1, [int(same)], [[lane]])


def _moments(group: GroupAt, steps: Steps, temporal: list[int], strides: list[int]) -> list[list[tuple[int, int, int]]]:
    """Per temporal loop (index in a step, in the step before, for how many steps this stands)."""
    found = []
    for n, i in enumerate(temporal):
        f, edge = group.factors[i], (group.window.bounds[0] - 1) // strides[i] % group.factors[i]
        last = f - 1 if n < group.active else 0
        if steps.outside == FIRST_STEP:
            at = last if group.backward else 0
            pairs = [(at, at, 1)]
        elif steps.outside == FIRSTS and group.window.free:
            pairs = [(0, 0, 1)]  # what exists at all exists there
        elif steps.outside in (EVERY_STEP, FIRSTS) or n < steps.outside:
            pairs = [(0, 0, edge), (edge, edge, 1), (edge + 1, edge + 1, f - 1 - edge)]
        elif n == steps.outside and steps.own:
            pairs = [(1, 0, edge - 1), (edge, edge - 1, int(edge > 0)), (edge + 1, edge, int(edge + 1 < f)),
                     (edge + 2, edge + 1, f - 2 - edge)]  # fmt: skip
        else:
            pairs = [(0, last, 1)]
        found.append([p for p in pairs if p[2] > 0])
    return found


# --- windows ------------------------------------------------------------------------------------------------------


def _rows(group: GroupAt, steps: Steps) -> Iterator[tuple[int, tuple[int, int]]]:
    """(how often, what it counts as) for a window: rows of places and extents, equal ones once."""
    walk = WindowWalk(group.window, group.loops, group.factors, group.spans, group.backward, group.active)
    found = _moments_of(walk, group, steps)
    if not found.times.size:
        return
    both = [walk.starts(found.now), walk.starts(found.old)] if steps.outside >= 0 else [walk.starts(found.now)]
    before = steps.outside >= 0
    apart, tiles, elements = _spatial(group)
    many = prod(group.factors[i] for i in apart)
    inner = prod(group.factors[i] for i in (*tiles, *elements))
    rows = walk.rows(both, len(found.times) * many, inner)
    own = np.tile(np.arange(many, dtype=np.int64), len(found.times))[:, None]
    distinct, inverse = unique_rows(np.concatenate([rows, own], axis=1))
    counts = np.zeros(len(distinct), dtype=np.int64)
    np.add.at(counts, inverse, np.repeat(found.times, many))
    times = counts.tolist()
    for row, count in zip(distinct.tolist(), times, strict=True):
        lanes = [[_lanes(group, apart)[row[-1]] | t | e for e in _lanes(group, elements)] for t in _lanes(group, tiles)]
        for covered, olds, members in class_regions(_sets(group, row[:-1], lanes, before), lanes):
            yield count, weigh_all(group.measure, covered, olds, members)


def _sets(group: GroupAt, row: list[int], lanes: list[list[dict[int, int]]], before: bool) -> list[Any]:
    """Per `tile` index and `element` index the coordinates (now, before) of a row, as masks."""
    children, ranks, moments = sum(map(len, lanes)), len(group.window.bounds), 2 if before else 1
    places, rest = row[2 : 2 + moments * children], row[2 + moments * children :]
    extents = [tuple(rest[(m * ranks + r) * children + c] for r in range(ranks))
               for m in range(moments) for c in range(children)]  # fmt: skip
    shift = mask_shift(group.window, places, extents)
    sets = [clip(group.window, p, e, (row[0], row[1]), shift) for p, e in zip(places, extents, strict=True)]
    pairs = iter(zip(sets[:children], sets[children:] if before else [0] * children, strict=True))
    return [[next(pairs) for _ in some] for some in lanes]


def _moments_of(walk: WindowWalk, group: GroupAt, steps: Steps) -> Moments:
    """Where some steps stand, and where the steps before (backwards: after) them do."""
    runs = []
    for n, i in enumerate(walk.temporal):
        if steps.outside == FIRST_STEP:
            runs.append(walk.run(n, walk.last(n) if group.backward else 0, 1, 0))
        elif steps.outside < 0 or n < steps.outside:
            runs.append(walk.run(n, 0, group.factors[i], 0))
        elif n == steps.outside and steps.own:
            runs.append(walk.run(n, 1, group.factors[i] - 1, -1))
        else:
            runs.append(walk.run(n, 0, 1, walk.last(n)))
    found = moments(walk.shape, runs)
    return Moments(found.old, found.now, found.times) if group.backward and steps.outside >= 0 else found
