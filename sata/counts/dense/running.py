"""Steps of one kind, those that nothing tells apart put together.

Over the steps in which one loop moves, some temporal loops of a group run and the others stand: before, they stood
elsewhere by a constant. So a step is known by where its running loops have brought each rank. Along a rank with many
places only few matter: where the bound of the rank or the border of the dimension begins or ceases to cut off some
child. Between two such places all steps look alike, and how many they are is counted by the digits of the places.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from sata.counts.dense.digits import sums_below

Ints = NDArray[np.int64]
FEW = 1 << 10  # steps that are looked at one by one
MOST = 1 << 24  # steps that differ: twice as many as a legal window has points


class TooManySteps(Exception):
    """A window has more steps that differ than are looked at. size: how many."""

    def __init__(self, size: int) -> None:
        super().__init__(size)
        self.size = size


class Run(NamedTuple):
    """A temporal loop in some steps: its rank and stride, the first of its indices, how many there are, and how much
    further it stood before."""

    rank: int
    stride: int
    first: int
    number: int
    before: int


@dataclass(frozen=True)
class Shape:
    """What cuts windows off. bounds, coefs, spans (of a tile): per rank; offset, size: of the dimension; free: there is
    none. children: [ranks, C], where each child begins along each rank."""

    bounds: tuple[int, ...]
    coefs: tuple[int, ...]
    spans: tuple[int, ...]
    offset: int
    size: int
    free: bool
    children: Ints

    @property
    def reach(self) -> tuple[int, int]:
        """The lowest and the highest coordinate of a tile, from its place."""
        ends = [c * (n - 1) for c, n in zip(self.coefs, self.spans, strict=True)]
        return sum(min(0, e) for e in ends), sum(max(0, e) for e in ends)


@dataclass(frozen=True)
class Moments:
    """Steps: where each rank stands now and stood before, [ranks, N], and how many steps are like it, [N]."""

    now: Ints
    old: Ints
    times: Ints


def moments(shape: Shape, runs: Sequence[Run]) -> Moments:
    """All steps of a kind. Raises: TooManySteps."""
    ranks = range(len(shape.bounds))
    before = np.array([sum(r.before * r.stride for r in runs if r.rank == rank) for rank in ranks], dtype=np.int64)
    if prod(r.number for r in runs) <= FEW:
        return _every(runs, before)
    number = [prod(r.number for r in runs if r.rank == rank) for rank in ranks]
    start = [sum(r.first * r.stride for r in runs if r.rank == rank) for rank in ranks]
    most = max(ranks, key=lambda rank: number[rank])
    if prod(number) // number[most] > MOST:
        raise TooManySteps(prod(number) // number[most])
    places = [np.zeros(0, dtype=np.int64) if rank == most else start[rank] + _sums(runs, rank) for rank in ranks]
    times = [np.ones(len(p), dtype=np.int64) for p in places]
    cuts, mixed = _cuts(shape, most, places, before)
    own = [r for r in runs if r.rank == most and r.number > 1]
    found, times[most] = _classes(own, cuts - start[most], mixed - start[most])
    places[most] = found + start[most]
    if prod(map(len, places)) > MOST:
        raise TooManySteps(prod(map(len, places)))
    now = np.stack([m.ravel() for m in np.meshgrid(*places, indexing="ij")])
    every = np.stack([m.ravel() for m in np.meshgrid(*times, indexing="ij")])
    return Moments(now, now + before[:, None], np.asarray(np.prod(every, axis=0), dtype=np.int64))


def _every(runs: Sequence[Run], before: Ints) -> Moments:
    """All steps, one by one."""
    many = prod(r.number for r in runs)
    now = np.zeros((len(before), many), dtype=np.int64)
    step = np.arange(many, dtype=np.int64)
    inner = 1
    for run in reversed(runs):
        if run.number > 1:
            now[run.rank] += (step // inner % run.number + run.first) * run.stride
            inner *= run.number
        elif run.first:
            now[run.rank] += run.first * run.stride
    return Moments(now, now + before[:, None], np.ones(many, dtype=np.int64))


def _sums(runs: Sequence[Run], rank: int) -> Ints:
    """How far the running loops of a rank may have brought it."""
    found = np.zeros(1, dtype=np.int64)
    for run in runs:
        if run.rank == rank:
            found = (found[:, None] + run.stride * np.arange(run.number, dtype=np.int64)).ravel()
    return found


def _cuts(shape: Shape, rank: int, places: Sequence[Ints], before: Ints) -> tuple[Ints, Ints]:
    """(places of the rank where something begins or ceases to be cut off, [2, n] from where up to where it is cut in
    part, so that every place differs), the other ranks being anywhere."""
    begins, ends = [], []
    span = 1 if shape.free else shape.spans[rank]
    for shift in dict.fromkeys((0, int(before[rank]))):
        last = shape.bounds[rank] - np.unique(shape.children[rank]) - shift
        begins.append(last - span + 1)
        ends.append(last)
    coef = shape.coefs[rank]
    if not shape.free and coef and _may_be_cut(shape):
        low, high = shape.reach
        for now in dict.fromkeys((True, False)):
            at = np.full(1, shape.offset, dtype=np.int64) + sum(
                c * p for c, p in zip(shape.coefs, shape.children, strict=True)
            )
            for r, (c, p) in enumerate(zip(shape.coefs, places, strict=True)):
                moved = 0 if now else int(before[r])
                at = at + c * moved if r == rank else (at[:, None] + c * (p + moved)).ravel()
            at = np.unique(at)
            for edge in (0, shape.size):
                # the first places where the high and the low end of a window are at the edge, or past it
                if coef > 0:
                    begins.append(-((at + high - edge) // coef))
                    ends.append(-((at + low - edge) // coef))
                else:
                    begins.append((at + low - edge) // -coef + 1)
                    ends.append((at + high - edge) // -coef + 1)
    mixed = np.stack([np.concatenate(begins), np.concatenate(ends)])
    return np.unique(mixed), mixed[:, mixed[1] > mixed[0]]


def _may_be_cut(shape: Shape) -> bool:
    spans = [c * (b - 1) for c, b in zip(shape.coefs, shape.bounds, strict=True)]
    return (
        shape.offset + sum(min(0, s) for s in spans) < 0 or shape.offset + sum(max(0, s) for s in spans) >= shape.size
    )


def _classes(own: Sequence[Run], cuts: Ints, mixed: Ints) -> tuple[Ints, Ints]:
    """(places, times) of the running loops of one rank, outermost first: all of them between two cuts are alike, unless
    that is between the ends of something mixed."""
    strides, counts = [r.stride for r in own], [r.number for r in own]
    end = sum(s * (c - 1) for s, c in zip(strides, counts, strict=True)) + 1
    edges = np.unique(np.concatenate([[0, end], np.clip(cuts, 0, end)]))
    below = np.asarray(sums_below(edges, strides, counts), dtype=np.int64)
    inside = np.zeros(len(edges), dtype=np.int64)
    np.add.at(inside, np.searchsorted(edges, np.clip(mixed[0], 0, end)), 1)
    np.add.at(inside, np.searchsorted(edges, np.clip(mixed[1], 0, end)), -1)
    differ = np.cumsum(inside)[:-1] > 0
    first, number = below[:-1], below[1:] - below[:-1]
    alike = ~differ & (number > 0)
    single = int(number[differ].sum())
    if single > MOST:
        raise TooManySteps(single)
    each = [np.arange(f, f + n) for f, n in zip(first[differ].tolist(), number[differ].tolist(), strict=True)]
    singles = np.concatenate([np.zeros(0, dtype=np.int64), *each])
    order = np.concatenate([first[alike], singles]).astype(np.int64)
    times = np.concatenate([number[alike], np.ones(len(singles), dtype=np.int64)])
    found = np.zeros(len(order), dtype=np.int64)
    for stride, count in zip(reversed(strides), reversed(counts), strict=True):
        found += order % count * stride
        order = order // count
    return found, times
