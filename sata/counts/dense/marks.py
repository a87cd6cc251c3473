"""What the steps of one group do at the instances of a memory: coordinates sorted by who covers and who held them.

A group is a dimension of a tensor or a rank that it lacks. A coordinate has a mark for the pinned instance and one for
each box of instances before it (see `carriers`): nobody covers it, somebody does who did not hold it, or all who cover
it held it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import product

from sata.counts.dense.batch import Batch
from sata.counts.dense.digits import FREE, combinations_below, digits_of, sums_below
from sata.counts.dense.plan import DimensionGroup, Link, plan_of
from sata.counts.dense.tables import Tables
from sata.counts.dense.window_rows import clip
from sata.nest.structure import TEMPORAL, Structure

NOBODY, NEW, HELD = 0, 1, 2
Marks = tuple[int, ...]  # of the instance (NEW or HELD: it covers), then of every box
Histogram = Mapping[Marks, int]
FIRST, OWN, FOREIGN, EVERY = "first", "own", "foreign", "every"


@dataclass
class MarkSight:
    """Arrivals at the instance of memory `level` of a chain, of elements whose first arrival further in is at the
    pinned instance of memory `place`. One more than the last memory is the compute."""

    structure: Structure
    factors: tuple[int, ...]
    operand: int
    level: int
    place: int
    pins: dict[int, int]

    @cached_property
    def link(self) -> Link:
        plan = plan_of(self.structure)[self.operand]
        return (plan.home, *plan.links)[self.level]

    @cached_property
    def depths(self) -> tuple[int, int, int]:
        """(of the parent, of the memory, of the pinned one): how many slots are above."""
        return self.depth(max(self.level - 1, 0)), self.depth(self.level), self.depth(self.place)

    def depth(self, place: int) -> int:
        """How many slots are above a memory of the chain, or the compute."""
        chain = self.structure.operands[self.operand].chain
        return self.structure.depths[chain[place]] if place < len(chain) else len(self.structure.slots)

    @property
    def at_compute(self) -> bool:
        """Whether the arrivals are those at the compute."""
        return self.level == len(self.structure.operands[self.operand].chain)

    @cached_property
    def tables(self) -> Tables:
        return Tables(Batch(self.structure, list(self.factors)))

    def spatial(self, slot: int) -> bool:
        return self.structure.slots[slot].array != TEMPORAL

    def group(self, group: DimensionGroup, boxes: tuple[int, ...]) -> MarkedGroup:
        """The marks of one group. boxes: spatial slots whose index is above zero."""
        kind = _Rank if group.window.free else _Blocks if group.plain else _Window
        return kind(self, group, boxes)


class MarkedGroup:
    """One group: its loops above the pinned instance, and what its steps do at the memory of a sight."""

    def __init__(self, sight: MarkSight, group: DimensionGroup, boxes: tuple[int, ...]) -> None:
        self.sight, self.window, self.boxes = sight, group.window, boxes
        structure, (_, depth, deepest) = sight.structure, sight.depths
        self.slots = [s for s in group.slots if s < deepest]
        self.factor = {s: sight.factors[s] for s in group.slots}
        self.rank = dict(zip(group.slots, (group.ranks.index(structure.slots[s].rank) for s in group.slots),
                             strict=True))  # fmt: skip
        self.stride: dict[int, int] = {}
        running = [1] * len(group.ranks)
        for s in reversed(group.slots):
            self.stride[s] = running[self.rank[s]]
            running[self.rank[s]] *= self.factor[s]
        self.covered = running  # per rank, how many values its loops reach
        self.time = [s for s in self.slots if s < depth and structure.slots[s].array == TEMPORAL]
        self.space = [s for s in self.slots if s < depth and structure.slots[s].array != TEMPORAL]
        active = dict(zip((m.slot for m in sight.link.moves), sight.tables.active(sight.link), strict=True))
        self.steps = sum(bool(active[s]) for s in self.time)
        self._known: dict[tuple[str, int], Histogram] = {}

    def histogram(self, kind: str, outside: int) -> Histogram:
        """Marks of all coordinates, summed over the steps of a kind: the first one; every one, with nothing held; those
        in which own temporal loop number `outside` moves; or a loop of another group, so many own ones being outside
        it."""
        key = kind, outside
        if key not in self._known:
            self._known[key] = self._histogram(kind, outside)
        return self._known[key]

    def _histogram(self, kind: str, outside: int) -> Histogram:
        raise NotImplementedError

    def last(self, n: int) -> int:
        """The last index of own temporal loop number n; one that is not a step of the tensor stays at zero."""
        return self.factor[self.time[n]] - 1 if n < self.steps else 0

    def pairs(self, kind: str, outside: int) -> list[tuple[range, int | None]]:
        """Per own temporal loop, its indices in such steps, and its index the step before: the same (None), or the last
        one. Of the loop that moves: the one below."""
        found: list[tuple[range, int | None]] = []
        for n, s in enumerate(self.time):
            if kind == FIRST:
                found.append((range(1), None))
            elif n < outside or kind == EVERY:
                found.append((range(self.factor[s]), None))
            elif n == outside and kind == OWN:
                found.append((range(1, self.factor[s]), -1))
            else:
                found.append((range(1), self.last(n)))
        return found


class _Blocks(MarkedGroup):
    """A dimension of one rank within its border: every coordinate belongs to one instance, and to one child of it."""

    def _histogram(self, kind: str, outside: int) -> Histogram:
        number = len(self.time)
        if kind == OWN:
            return self._marked(self._reached(outside + 1) - self._reached(outside), 0)
        if kind in (FIRST, EVERY):
            return self._marked(self._reached(0 if kind == FIRST else number), 0)
        still = all(self.factor[s] == 1 for s in self.time[outside:number])
        reached = self._reached(outside)
        return self._marked(0, reached) if still else self._marked(reached, 0)

    def _reached(self, outside: int) -> int:
        """Coordinates of the pinned instance while so many own temporal loops run and the others stand at zero."""
        _, _, deepest = self.sight.depths
        bound = self.window.bounds[0]
        below = [s for s in self.factor if s >= deepest]
        size = 1
        for s in below:
            size *= self.factor[s]
        pins: list[int | None] = []
        for s in self.slots:
            if s in self.time:
                pins.append(FREE if self.time.index(s) < outside else 0)
            else:
                pins.append(self.sight.pins.get(s, FREE))  # a temporal loop further in runs
        digits, rest = digits_of(bound, [self.stride[s] for s in self.slots], [self.factor[s] for s in self.slots])
        under, edge = combinations_below(digits, [self.factor[s] for s in self.slots], pins)
        return int(under * size + edge * rest)

    def _marked(self, new: int, held: int) -> Histogram:
        own = set(self.slots)
        found = {(mark, *(NOBODY if box in own else mark for box in self.boxes)): n
                 for mark, n in ((NEW, new), (HELD, held))}  # fmt: skip
        return {marks: n for marks, n in found.items() if n}


class _Rank(MarkedGroup):
    """A rank that the tensor lacks: one element, held by the instances that have a point in the step."""

    def _histogram(self, kind: str, outside: int) -> Histogram:
        _, depth, _ = self.sight.depths
        if any(self.sight.pins[s] for s in self.slots if s >= depth and s in self.sight.pins):
            return {}  # the first child is another one
        bound = self.window.bounds[0]
        own = sum(self.sight.pins[s] * self.stride[s] for s in self.space)
        boxes = [self._box(box) for box in self.boxes]
        running: list[tuple[int, int]] = []
        start = before = 0
        for s, (indices, old) in zip(self.time, self.pairs(kind, outside), strict=True):
            running.append((self.stride[s], len(indices)))
            start += indices.start * self.stride[s]
            before += 0 if old is None else (old - (indices.start if old >= 0 else 0)) * self.stride[s]
        strides, factors = [s for s, _ in running], [f for _, f in running]
        # what the marks are changes only where an instance begins or ceases to exist, now or before
        places = {offset for box in boxes for offset in box} | {own}
        cuts = {bound - start - p for p in places} | {bound - start - before - p for p in places}
        edges = [0, *sorted(c for c in cuts if c > 0)]
        counts = [sums_below(edge, strides, factors) for edge in edges[1:]]
        found: Counter[Marks] = Counter()
        passed = 0
        for low, count in zip(edges, counts, strict=False):
            now = bound - start - low  # places below this exist
            then = 0 if kind in (FIRST, EVERY) else now - before
            if own < now and count > passed:
                marks = [HELD if own < then else NEW]
                for box in boxes:
                    there = [p for p in box if p < now]
                    marks.append(NOBODY if not there else HELD if max(there) < then else NEW)
                found[tuple(marks)] += count - passed
            passed = count
        return found

    def _box(self, box: int) -> list[int]:
        """How far the instances of a box are along the rank."""
        places = [0]
        for s in self.space:
            if s < box or s < self.sight.depths[0]:
                indices: Sequence[int] = [self.sight.pins[s]]
            else:
                indices = range(self.sight.pins[s] if s == box else self.factor[s])
            places = [p + i * self.stride[s] for p in places for i in indices]
        return places


class _Window(MarkedGroup):
    """A dimension of several ranks, or one with a border: every step is looked at, coordinates as bit masks."""

    def _histogram(self, kind: str, outside: int) -> Histogram:
        found: Counter[Marks] = Counter()
        pairs = self.pairs(kind, outside)
        for indices in product(*(p[0] for p in pairs)):
            now = dict(zip(self.time, indices, strict=True))
            old = None
            if kind not in (FIRST, EVERY):
                changed = [i if o is None else i - 1 if o < 0 else o
                           for i, (_, o) in zip(indices, pairs, strict=True)]  # fmt: skip
                old = dict(zip(self.time, changed, strict=True))
            for marks, n in self._step(now, old):
                found[marks] += n
        return found

    def _step(self, now: dict[int, int], old: dict[int, int] | None) -> list[tuple[Marks, int]]:
        pins = {s: self.sight.pins[s] for s in self.space}
        landing = self._landing(self.sight.level, now | pins, self._cover(self.sight.depths[1], now | pins))
        if not landing:
            return []
        had = 0 if old is None else self._cover(self.sight.depths[1], old | pins)
        parts: list[tuple[Marks, int]] = [((NEW,), landing & ~had), ((HELD,), landing & had)]
        for box in self.boxes:
            covered = missing = 0
            for lane in self._lanes(box):
                here = self._cover(self.sight.depths[1], now | lane)
                covered |= here
                missing |= here if old is None else here & ~self._cover(self.sight.depths[1], old | lane)
            masks = (~covered, missing, covered & ~missing)
            parts = [((*marks, mark), part & mask) for marks, part in parts
                     for mark, mask in zip((NOBODY, NEW, HELD), masks, strict=True) if part & mask]  # fmt: skip
        return [(marks, part.bit_count()) for marks, part in parts if part]

    def _lanes(self, box: int) -> list[dict[int, int]]:
        """Indices of the instances of a box, along this group."""
        ranges = []
        for s in self.space:
            pin = self.sight.pins[s]
            fixed = s < box or s < self.sight.depths[0]
            ranges.append(range(pin, pin + 1) if fixed else range(pin) if s == box else range(self.factor[s]))
        return [dict(zip(self.space, digits, strict=True)) for digits in product(*ranges)]

    def _landing(self, level: int, digits: dict[int, int], whole: int) -> int:
        """Of some coordinates in a step of a memory, those whose first arrival further in is at the pinned instance."""
        if level == self.sight.place or not whole:
            return whole
        structure = self.sight.structure
        depth, child = self.sight.depth(level), self.sight.depth(level + 1)
        between = [s for s in self.slots if depth <= s < child]
        time = [s for s in between if structure.slots[s].array == TEMPORAL]
        space = [s for s in between if structure.slots[s].array != TEMPORAL]
        order = [*time, *space]
        own = tuple(self.sight.pins[s] for s in space)
        seen = found = 0
        for indices in product(*(range(self.factor[s]) for s in order)):
            inner = digits | dict(zip(order, indices, strict=True))
            here = self._cover(child, inner) & whole & ~seen
            seen |= here
            if indices[len(time) :] == own:
                found |= self._landing(level + 1, inner, here)
        return found

    def _cover(self, depth: int, digits: dict[int, int]) -> int:
        """The coordinates that an instance of a memory at `depth` holds, under these indices of the loops above it."""
        w = self.window
        starts = [0] * len(w.bounds)
        spans = list(self.covered)
        for s in self.factor:
            if s < depth:
                starts[self.rank[s]] += digits[s] * self.stride[s]
                spans[self.rank[s]] //= self.factor[s]
        extents = tuple(max(0, min(b - s, n)) for b, s, n in zip(w.bounds, starts, spans, strict=True))
        if not all(extents):
            return 0
        place = w.offset + sum(c * s for c, s in zip(w.coefs, starts, strict=True))
        return clip(w, place, extents, (0, w.size), self._shift)

    @cached_property
    def _shift(self) -> int:
        """No coordinate is below minus this."""
        w = self.window
        return max(0, -w.offset - sum(min(0, c * (b - 1)) for c, b in zip(w.coefs, w.bounds, strict=True)))
