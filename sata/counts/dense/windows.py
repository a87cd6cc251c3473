"""One-dimensional sums over sets, by enumeration of a dimension's own loops: the small tables of the closed form.

Here stand the cases that no one-line product covers: a dimension indexed by several ranks (`2*p + r - 1`), a
dimension that runs over its border, a rank whose ragged end leaves instances without work. A table depends only
on the factors of the dimension's own loops, so it is computed once and reused over millions of mappings.

Steps are laid out in rows (`window_rows`); rows of equal shape (all windows away from a border) are evaluated once.
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from sata.counts.dense.running import Moments, Run, Shape, moments
from sata.counts.dense.window_rows import (
    BY_ELEMENT,
    BY_TILE,
    IS_TEMPORAL,
    PINNED,
    TOLD_APART,
    Window,
    WindowLoop,
    row_size,
    shared_counts,
    strides_of,
    unique_rows,
)

Ints = NDArray[np.int64]


class Sums(NamedTuple):
    """Sums over the steps of one dimension; `new` counts what is covered, `held` what every covering child had before.

    With m own temporal loops: `first` is the first step; `foreign_*[i]` the steps where a loop of
    another rank moves and i of the own loops are outside it; `own_*[i]` those where own loop i moves.
    `tile` is the largest set, `instances` how many children ever hold a non-empty one.
    """

    first: int
    foreign_new: tuple[int, ...]
    foreign_held: tuple[int, ...]
    own_new: tuple[int, ...]
    own_held: tuple[int, ...]
    tile: int
    instances: int


@lru_cache(maxsize=1 << 17)
def window_sums(
    window: Window,
    loops: tuple[WindowLoop, ...],
    factors: tuple[int, ...],
    below: tuple[int, ...],
    backward: bool,
    active: int,
) -> Sums:
    """Sums over the steps of a child, for one dimension.

    loops, factors: the own loops above the child, outermost first; below: per rank, the product of the factors of
    its loops below the child (how many values of the rank a tile spans). backward: departures instead of
    arrivals, that is the same read backwards in time. active: how many of the temporal loops are steps of the
    tensor at this child; the others do not move its tile and stay at zero.
    """
    moving = [n for n, f in enumerate(_temporal(loops, factors)) if f > 1]
    real = [i for i, f in enumerate(factors) if f > 1]
    short = _sums(
        window,
        tuple(loops[i] for i in real),
        tuple(factors[i] for i in real),
        below,
        backward,
        sum(n < active for n in moving),
    )
    if len(real) == len(loops):
        return short
    # loops of one never move: put them back
    m = sum(loop.role == IS_TEMPORAL for loop in loops)
    outside = [sum(n < i for n in moving) for i in range(m + 1)]
    own = {n: k for k, n in enumerate(moving)}
    return short._replace(
        foreign_new=tuple(short.foreign_new[k] for k in outside),
        foreign_held=tuple(short.foreign_held[k] for k in outside),
        own_new=tuple(short.own_new[own[n]] if n in own else 0 for n in range(m)),
        own_held=tuple(short.own_held[own[n]] if n in own else 0 for n in range(m)),
    )


def every_step(window: Window, loops: tuple[WindowLoop, ...], factors: tuple[int, ...], below: tuple[int, ...]) -> int:
    """What is covered, summed over all steps, nothing being held from one to the next: what the compute takes."""
    real = [i for i, f in enumerate(factors) if f > 1]
    return _every(window, tuple(loops[i] for i in real), tuple(factors[i] for i in real), below)


def _temporal(loops: tuple[WindowLoop, ...], factors: tuple[int, ...]) -> list[int]:
    return [f for loop, f in zip(loops, factors, strict=True) if loop.role == IS_TEMPORAL]


@lru_cache(maxsize=1 << 16)
def _every(window: Window, loops: tuple[WindowLoop, ...], factors: tuple[int, ...], below: tuple[int, ...]) -> int:
    return WindowWalk(window, loops, factors, below, False, len(loops)).every()


@lru_cache(maxsize=1 << 16)
def _sums(
    window: Window,
    loops: tuple[WindowLoop, ...],
    factors: tuple[int, ...],
    below: tuple[int, ...],
    backward: bool,
    active: int,
) -> Sums:
    walk = WindowWalk(window, loops, factors, below, backward, active)
    m = len(_temporal(loops, factors))
    foreign = [walk.moving(i, own=False) for i in range(m + 1)]
    own = [walk.moving(i, own=True) for i in range(m)]
    return Sums(
        walk.edge(),
        tuple(new for new, _ in foreign),
        tuple(held for _, held in foreign),
        tuple(new for new, _ in own),
        tuple(held for _, held in own),
        *walk.extent(),
    )


class WindowWalk:
    """The steps of one set of own loops; each method sums over one kind of them."""

    def __init__(
        self,
        window: Window,
        loops: tuple[WindowLoop, ...],
        factors: tuple[int, ...],
        below: tuple[int, ...],
        backward: bool,
        active: int,
    ) -> None:
        self.window, self.loops, self.factors, self.below = window, loops, factors, below
        self.backward, self.active = backward, active
        self.temporal = [i for i, loop in enumerate(loops) if loop.role == IS_TEMPORAL]
        self.strides = strides_of(loops, factors, below)
        self.children = self._children()
        self.shape = Shape(window.bounds, window.coefs, below, window.offset, window.size, window.free, self.children)

    def edge(self) -> int:
        """The first step (backwards: the last), when nothing was held before."""
        runs = [self.run(n, self.last(n) if self.backward else 0, 1, 0) for n in range(len(self.temporal))]
        return self.sum(moments(self.shape, runs), before=False)[0]

    def every(self) -> int:
        """All steps, each holding nothing from the one before: what the compute takes."""
        return self.sum(self._all(), before=False)[0]

    def moving(self, n: int, own: bool) -> tuple[int, int]:
        """Steps in which own temporal loop n moves, or a foreign loop with n own temporal loops outside it."""
        runs = []
        for k, i in enumerate(self.temporal):
            f = self.factors[i]
            if k < n:
                runs.append(self.run(k, 0, f, 0))
            elif k == n and own:
                runs.append(self.run(k, 1, f - 1, -1))
            else:
                runs.append(self.run(k, 0, 1, self.last(k)))
        found = moments(self.shape, runs)
        if n == len(self.temporal):  # nothing of this dimension moves: all that is covered was held
            new, _ = self.sum(found, before=False)
            return new, new
        if self.backward:
            found = Moments(found.old, found.now, found.times)
        return self.sum(found, before=True)

    def last(self, n: int) -> int:
        """The last index of temporal loop n; a loop that is not a step of the tensor stays at zero."""
        return self.factors[self.temporal[n]] - 1 if n < self.active else 0

    def extent(self) -> tuple[int, int]:
        """(largest set, children that ever hold a non-empty one)."""
        starts = self.starts(self._all().now)
        rows, inverse = unique_rows(self.rows([starts], starts[0].size, 1))
        found = np.array([row_size(self.window, tuple(row)) for row in rows.tolist()], dtype=np.int64)
        sizes = found[inverse].reshape(starts[0].shape)
        return int(sizes.max(initial=0)), int((sizes.max(axis=0, initial=0) > 0).sum())

    def sum(self, steps: Moments, before: bool) -> tuple[int, int]:
        """(covered, covered and held by every covering child before), summed over steps and children told apart."""
        if not steps.times.size:
            return 0, 0
        apart, tiles, elements = _sizes(self.loops, self.factors)
        both = [self.starts(steps.now), self.starts(steps.old)] if before else [self.starts(steps.now)]
        rows, inverse = unique_rows(self.rows(both, len(steps.times) * apart, tiles * elements))
        if steps.times.max() == 1:
            times = np.bincount(inverse, minlength=len(rows))
        else:
            times = np.zeros(len(rows), dtype=np.int64)
            np.add.at(times, inverse, np.repeat(steps.times, apart))
        new = held = 0
        for row, count in zip(rows.tolist(), times.tolist(), strict=True):
            a, b = shared_counts(self.window, tuple(row), tiles, elements, before)
            new, held = new + count * a, held + count * b
        return new, held

    def run(self, n: int, first: int, count: int, before: int) -> Run:
        """Temporal loop number n in some steps: the first of so many indices, and how much further it stood before."""
        i = self.temporal[n]
        return Run(self.loops[i].rank, self.strides[i], first, count, before)

    def _all(self) -> Moments:
        return moments(self.shape, [self.run(n, 0, self.factors[i], 0) for n, i in enumerate(self.temporal)])

    def _children(self) -> Ints:
        """Where every child begins, [ranks, children]: those told apart outermost, then by tile, then by element."""
        found = np.zeros((len(self.window.bounds), 1), dtype=np.int64)
        for role in (PINNED, TOLD_APART, BY_TILE, BY_ELEMENT):
            for i, loop in enumerate(self.loops):
                if loop.role == role:
                    places = np.array([loop.digit]) if role == PINNED else np.arange(self.factors[i])
                    more = np.zeros((len(found), len(places)), dtype=np.int64)
                    more[loop.rank] = places * self.strides[i]
                    found = (found[:, :, None] + more[:, None, :]).reshape(len(found), -1)
        return found

    def starts(self, steps: Ints) -> list[Ints]:
        """Per rank, its first value of every child in every step: [steps, children]."""
        return [s[:, None] + c[None, :] for s, c in zip(steps, self.children, strict=True)]

    def rows(self, both: list[list[Ints]], steps: int, children: int) -> Ints:
        """One row a step: border on both sides, then per moment and child its place and its extent per rank.

        Places are relative to the first child now, and borders out of reach are all the same, so rows that look
        alike are alike.
        """
        w = self.window
        columns: list[Ints] = []
        places: list[Ints] = []
        reach = 0
        for starts in both:
            place = np.full((steps, children), 0 if w.free else w.offset, dtype=np.int64)
            for r, start in enumerate(starts):
                s = start.reshape(steps, children)
                span = 1 if w.free else self.below[r]
                columns.append(np.minimum(np.maximum(w.bounds[r] - s, 0), span))
                if not w.free:
                    place = place + w.coefs[r] * s
                    reach += abs(w.coefs[r]) * span
            places.append(place)
        if w.free:
            border = np.tile(np.array([[0, 1]], dtype=np.int64), (steps, 1))
            return np.concatenate([border, *places, *columns], axis=1)
        base = places[0][:, :1].copy()
        places = [p - base for p in places]
        low = min(int(p.min()) for p in places) - reach
        high = max(int(p.max()) for p in places) + reach
        border = np.minimum(np.maximum(np.concatenate([-base, w.size - base], axis=1), low), high + 1)
        return np.concatenate([border, *places, *columns], axis=1)


def _sizes(loops: tuple[WindowLoop, ...], factors: tuple[int, ...]) -> tuple[int, int, int]:
    """(children told apart, `tile` indices, `element` indices)."""
    sizes = [1, 1, 1]
    for loop, factor in zip(loops, factors, strict=True):
        if loop.role not in (IS_TEMPORAL, PINNED):
            sizes[loop.role] *= factor
    return sizes[TOLD_APART], sizes[BY_TILE], sizes[BY_ELEMENT]
