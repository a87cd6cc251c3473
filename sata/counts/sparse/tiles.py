"""What the deliveries of one group are, told apart by the leader tiles that decide about them.

The sums of `windows` say how many coordinates of a dimension arrive over all steps. A rule also asks which tile of
each leader lies under the step that brings them. Here every step of a group is enumerated with, per delivery, the part
that the group's own ranks contribute to each leader dimension; equal ones are added up. Different groups have different
loops, so that deliveries of a whole tensor are the products of these, and a leader dimension that several groups index
(`p + r - 1`, where p and r index different dimensions of the follower) is the sum of their parts.

Assumption: where children share a read by `element`, all that hold an element take part in it, also those that held it
the step before.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import reduce
from itertools import product
from operator import and_
from typing import NamedTuple

from sata.counts.dense.equal_steps import Choice, equal_steps
from sata.counts.dense.lane_sharing import Lane, Measure, weigh_all
from sata.counts.dense.window_rows import (
    BY_ELEMENT,
    BY_TILE,
    IS_TEMPORAL,
    PINNED,
    TOLD_APART,
    Window,
    WindowLoop,
    clip,
    strides_of,
)
from sata.counts.sparse.integer_sets import NOTHING, Part, joined_tiles, repeated, scaled_tiles, summed_tiles
from sata.counts.sparse.lane_regions import class_regions

Indices = dict[int, int]  # of some loops
FIRST_STEP, EVERY_STEP, FIRSTS = (
    -3,
    -1,
    -2,
)  # kinds of steps besides "own loop i moves" and "a foreign loop with i own ones outside"


class Look(NamedTuple):
    """What a leader dimension sees of a group: (number of the rank in the group, coefficient), and per loop above the
    child whether it runs inside the leader's tile.

    within: where the dimension has no other rank, the values of it that exist there; a step with none of them is left
    out, as nothing survives it. counted: all values exist, and only how many there are matters.
    """

    terms: tuple[tuple[int, int], ...]
    inside: tuple[bool, ...]
    within: tuple[int, int] | None = None
    counted: bool = False


class Steps(NamedTuple):
    """Which steps: `outside` own temporal loops run and, if `own`, the next one moves; the rest go from last to first.

    `outside` may also be FIRST_STEP (backwards: the last) or EVERY_STEP, both with nothing held before, or FIRSTS: what
    no earlier step of the group had.
    """

    outside: int
    own: bool = False


class DeliveryTiles(NamedTuple):
    """Coordinates that arrive, how many of them every receiver held before, and the part of every look."""

    parts: tuple[Part, ...]
    new: int
    held: int


class GroupAt(NamedTuple):
    """A group with its factors: loops above the child, and per rank what lies below (`spans`).

    active: how many of the own temporal loops are steps of the tensor. backward: departures. measure: what the lanes
    that share a coordinate count as, instead of one for all of them.
    """

    window: Window
    loops: tuple[WindowLoop, ...]
    factors: tuple[int, ...]
    spans: tuple[int, ...]
    active: int
    backward: bool
    measure: Measure | None = None


def walked(group: GroupAt, looks: tuple[Look, ...], steps: Steps) -> tuple[DeliveryTiles, ...]:
    """All deliveries of some steps, equal ones added up, by a walk over these steps."""
    walk = _TileWalk(group, looks)
    found: dict[tuple[Part, ...], list[int]] = {}
    for parts, new, held in walk.counted(steps) if walk.is_counted() else walk.run(steps):
        have = found.setdefault(parts, [0, 0])
        have[0] += new
        have[1] += held
    return tuple(DeliveryTiles(parts, *counts) for parts, counts in found.items())


class _TileWalk:
    """The enumeration of one group."""

    def __init__(self, group: GroupAt, looks: tuple[Look, ...]) -> None:
        self.group, self.looks = group, looks
        self.window, self.loops, self.factors = group.window, group.loops, group.factors
        self.strides = strides_of(group.loops, group.factors, group.spans)
        self.temporal = [i for i, loop in enumerate(self.loops) if loop.role == IS_TEMPORAL]
        self.apart, self.tiles, self.elements = (
            [i for i, loop in enumerate(self.loops) if loop.role == role] for role in (TOLD_APART, BY_TILE, BY_ELEMENT)
        )
        self.pinned = {i: loop.digit for i, loop in enumerate(self.loops) if loop.role == PINNED}
        self._sets: dict[tuple[int, ...], int] = {}
        self._parts: dict[tuple[int, tuple[int, ...]], Part] = {}
        self.patterns = [self._pattern(look) for look in looks]
        lowest = group.window.offset + sum(min(0, c * (b - 1)) for c, b in zip(self.window.coefs, self.window.bounds,
                                                                              strict=True))  # fmt: skip
        self.shift = 0 if self.window.free else max(0, -lowest)

    def is_counted(self) -> bool:
        """Whether all steps but for a ragged end are alike."""
        window = self.window
        if len(window.bounds) != 1 or not all(look.counted for look in self.looks):
            return False
        if self.pinned or self.group.measure is not None:
            return False
        ends = window.offset, window.offset + window.coefs[0] * (window.bounds[0] - 1)
        return window.free or (window.coefs[0] != 0 and min(ends) >= 0 and max(ends) < window.size)

    def counted(self, steps: Steps) -> Iterator[tuple[tuple[Part, ...], int, int]]:
        """Deliveries, those that are alike together."""
        return equal_steps(self.group, self.looks, self.strides, self.choices(steps), steps.outside >= 0,
                           steps.outside == FIRSTS)  # fmt: skip

    def run(self, steps: Steps) -> Iterator[DeliveryTiles]:
        """Deliveries one by one; those of nothing are left out."""
        seen: dict[tuple[int, ...], int] = {}
        for now, old in self.moments(steps):
            lanes = tuple(now[i] for i in self.apart)
            for covered, olds, members in self.classes(now, old):
                if steps.outside == FIRSTS:
                    before = seen.get(lanes, 0)
                    covered &= ~before
                    seen[lanes] = before | covered
                if covered:
                    every = [lane for holder in members for lane in holder]
                    parts = tuple(self.union(n, every) for n in range(len(self.looks)))
                    if self.group.measure is None:
                        yield DeliveryTiles(parts, covered.bit_count(), reduce(and_, olds, covered).bit_count())
                    else:
                        yield DeliveryTiles(parts, *weigh_all(self.group.measure, covered, olds, members))

    def choices(self, steps: Steps) -> dict[int, Choice]:
        """Of each temporal loop its indices in these steps, and in the steps before (backwards, after)."""
        found = {}
        for n, i in enumerate(self.temporal):
            f, last = self.factors[i], self.factors[i] - 1 if n < self.group.active else 0
            if steps.outside == FIRST_STEP:
                at = last if self.group.backward else 0
                found[i] = Choice(range(at, at + 1))
            elif steps.outside < 0 or n < steps.outside:
                found[i] = Choice(range(f))
            elif n == steps.outside and steps.own:
                found[i] = Choice(range(f - 1), 1) if self.group.backward else Choice(range(1, f), -1)
            else:
                now, old = (last, 0) if self.group.backward else (0, last)
                found[i] = Choice(range(now, now + 1), 0, old)
        return found

    def moments(self, steps: Steps) -> Iterator[tuple[dict[int, int], dict[int, int] | None]]:
        """(indices of the temporal loops and of the lanes told apart in a step, those of the step before or, backwards,
        after; None: nothing was held). Steps under which some leader has nothing are left out."""
        choices = self.choices(steps)
        order = sorted([*self.temporal, *self.apart])
        limited = [] if steps.outside == FIRSTS else [look for look in self.looks if look.within is not None]

        def further(
            n: int, now: dict[int, int], old: dict[int, int]
        ) -> Iterator[tuple[dict[int, int], dict[int, int]]]:
            if n == len(order):
                yield now, old
                return
            i = order[n]
            choice = choices.get(i) or Choice(range(self.factors[i]))
            for d in self.reaching(i, choice.now, now, limited):
                before = d + choice.shift if choice.same is None else choice.same
                yield from further(n + 1, now | {i: d}, old | {i: before})

        for now, old in further(0, dict(self.pinned), dict(self.pinned)):
            yield now, None if steps.outside < 0 else old

    def reaching(self, i: int, digits: range, now: dict[int, int], limited: Sequence[Look]) -> range:
        """The indices of a loop under which every look may still reach what exists of it."""
        low, high = digits.start, digits.stop - 1
        for look in limited:
            rank, (first, last) = look.terms[0][0], look.within or (0, 0)
            if self.loops[i].rank != rank or look.inside[i]:
                continue
            mine = [k for k, loop in enumerate(self.loops) if loop.rank == rank and k != i]
            above = sum(now[k] * self.strides[k] for k in mine if k in now and not look.inside[k])
            far = self.group.spans[rank] - 1 + sum((self.factors[k] - 1) * self.strides[k] for k in mine
                                                   if k not in now or look.inside[k])  # fmt: skip
            low = max(low, -((above + far - first) // self.strides[i]))
            high = min(high, (last - above) // self.strides[i])
        return range(low, max(low, high + 1))

    def classes(
        self, now: dict[int, int], old: dict[int, int] | None
    ) -> Iterator[tuple[int, list[int], list[list[Lane]]]]:
        """See `class_regions`."""
        inner = [dict(zip(self.elements, d, strict=True)) for d in product(*(range(self.factors[i])
                                                                            for i in self.elements))]  # fmt: skip
        sets, lanes = [], []
        for tile in product(*(range(self.factors[i]) for i in self.tiles)):
            outer = dict(zip(self.tiles, tile, strict=True))
            sets.append([(self.covers(now | outer | e), 0 if old is None else self.covers(old | outer | e))
                         for e in inner])  # fmt: skip
            lanes.append([now | outer | e for e in inner])
        return class_regions(sets, lanes)

    def start(self, digits: Lane, skip: Sequence[bool] | None = None) -> tuple[int, ...]:
        """Per rank the first value under these digits; loops with `skip` set do not count."""
        starts = [0] * len(self.window.bounds)
        for i, digit in digits.items():
            if skip is None or not skip[i]:
                starts[self.loops[i].rank] += digit * self.strides[i]
        return tuple(starts)

    def covers(self, digits: dict[int, int]) -> int:
        """The coordinates that a child holds, as a mask whose bit 0 is coordinate -shift."""
        starts = self.start(digits)
        if starts not in self._sets:
            w = self.window
            extents = tuple(max(0, min(b - s, span)) for b, s, span in zip(w.bounds, starts, self.group.spans,
                                                                          strict=True))  # fmt: skip
            if w.free or not all(extents):
                self._sets[starts] = int(all(extents))
            else:
                place = w.offset + sum(c * s for c, s in zip(w.coefs, starts, strict=True))
                self._sets[starts] = clip(w, place, extents, (0, w.size), self.shift)
        return self._sets[starts]

    def union(self, look: int, members: Sequence[Lane]) -> Part:
        """What a leader dimension gets of the group's ranks from any of these children."""
        inside = self.looks[look].inside
        found = NOTHING
        for starts in dict.fromkeys(self.start(digits, inside) for digits in members):
            found = joined_tiles(found, self.part(look, starts))
        return found

    def part(self, look: int, starts: tuple[int, ...]) -> Part:
        """The sum of coefficient times rank over all values of the ranks that lie inside the leader's tile."""
        key = look, starts
        if key not in self._parts:
            found: Part = (1, 0)
            for rank, coef in self.looks[look].terms:
                values = self.patterns[look][rank] << starts[rank] & (1 << self.window.bounds[rank]) - 1
                found = summed_tiles(found, scaled_tiles((values, 0), coef))
            self._parts[key] = found
        return self._parts[key]

    def _pattern(self, look: Look) -> list[int]:
        """Per rank the values reached by what is below the child and by the loops inside the leader's tile."""
        patterns = [(1 << span) - 1 for span in self.group.spans]
        for i, loop in enumerate(self.loops):
            if look.inside[i]:
                patterns[loop.rank] = repeated(patterns[loop.rank], self.strides[i], self.factors[i])
        return patterns
