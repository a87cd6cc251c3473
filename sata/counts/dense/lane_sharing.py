"""What the lanes that share a word count as: how many there are, and how far along an axis the last one is.

A word is shared by a product of sets of lanes, one for each group of the tensor, without those that all hold it already
(again a product). On such a set, what a tree of wires needs is a sum of products over groups
(`sata.counts.wires.count`); a measure says which factor a group is to give. Positions are those of loops among the
group's loops above the child.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

ALL, LOSS, TAIL, NONE = 0, 1, 2, 3
_AT_ONCE = 1 << 30  # the last index is not among those held


class Measure(NamedTuple):
    """A factor of a group. prefix: loops whose places are counted one by one; level: loops of one axis, outermost
    first, whose last index (`first`: first index) under each place is looked for.

    ALL: places, or with `pick` the sum over places of that digit of the last index; for the held side, over places of
    which everything is held. LOSS: over places where the last index is held and the last one that is not differs from
    it first in loop `at`, how much less its digit `pick` is. TAIL: places where it differs first outside of the loop
    number `before` of the level, or everything is held. LOSS and TAIL are of the held side only.
    """

    kind: int
    prefix: tuple[int, ...] = ()
    level: tuple[int, ...] = ()
    pick: int = -1
    first: bool = False
    at: int = -1
    before: int = 0

    def among(self, real: Sequence[int]) -> Measure:
        """The same where only the loops `real` are left, the others having one index."""
        place = {old: new for new, old in enumerate(real)}
        if any(i >= 0 and i not in place for i in (self.pick, self.at)):
            return Measure(NONE)
        prefix, level = (tuple(place[i] for i in some if i in place) for some in (self.prefix, self.level))
        before = sum(i in place for i in self.level[: self.before])
        return Measure(self.kind, prefix, level, place.get(self.pick, -1), self.first, place.get(self.at, -1), before)


Lane = Mapping[int, int]  # loop -> index


def weigh(measure: Measure | None, lanes: Sequence[Lane], had: Sequence[bool]) -> tuple[int, int]:
    """(new, held) of a coordinate that arrives at lanes, some of which had it. Without a measure it counts as one."""
    if measure is None:
        return 1, int(all(had))
    if measure.kind == NONE:
        return 0, 0
    places: dict[tuple[int, ...], dict[tuple[int, ...], bool]] = {}
    for lane, held in zip(lanes, had, strict=True):
        under = places.setdefault(tuple(lane[i] for i in measure.prefix), {})
        at = tuple(lane[i] for i in measure.level)
        under[at] = under.get(at, True) and held
    if measure.kind == ALL:
        return _all(measure, list(places.values()))
    return 0, sum(_held(measure, under) for under in places.values())


def _all(measure: Measure, places: list[dict[tuple[int, ...], bool]]) -> tuple[int, int]:
    last = min if measure.first else max
    values = [last(under)[measure.level.index(measure.pick)] if measure.pick >= 0 else 1 for under in places]
    return sum(values), sum(v for v, under in zip(values, places, strict=True) if all(under.values()))


def _held(measure: Measure, under: Mapping[tuple[int, ...], bool]) -> int:
    last = min if measure.first else max
    whole = last(under)
    left = [at for at, held in under.items() if not held]
    if not left:
        return int(measure.kind == TAIL)
    rest = last(left)
    where = next((n for n, (a, b) in enumerate(zip(whole, rest, strict=True)) if a != b), _AT_ONCE)
    if measure.kind == TAIL:
        return int(where < measure.before)
    if where != measure.level.index(measure.at):
        return 0
    pick = measure.level.index(measure.pick)
    return whole[pick] - rest[pick]


def distinct_lanes(covered: int, olds: Sequence[int]) -> Iterator[tuple[int, list[bool]]]:
    """(coordinates, which holders had them), for every combination of holders that occurs. olds: what each had."""
    parts: list[tuple[int, list[bool]]] = [(covered, [])]
    for old in olds:
        split: list[tuple[int, list[bool]]] = []
        for mask, had in parts:
            for some, held in ((mask & old, True), (mask & ~old, False)):
                if some:
                    split.append((some, [*had, held]))
        parts = split
    yield from parts


def weigh_all(
    measure: Measure | None, covered: int, olds: Sequence[int], lanes: Sequence[Sequence[Lane]]
) -> tuple[int, int]:
    """(new, held) of coordinates that arrive together. lanes: per holder those that it stands for (they share all)."""
    every = [lane for group in lanes for lane in group]
    new = held = 0
    for mask, had in distinct_lanes(covered, olds):
        a, b = weigh(measure, every, [h for h, group in zip(had, lanes, strict=True) for _ in group])
        new, held = new + a * mask.bit_count(), held + b * mask.bit_count()
    return new, held
