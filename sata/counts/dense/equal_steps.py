"""Deliveries of a rank by itself, in closed form: all its steps are alike but for those at a ragged end.

Blocks of one rank never overlap, and where a leader's dimension is seen by its size alone, only how many values lie
under a step matters. Whether a value is below the bound is a comparison digit by digit, so of each loop one index
stands for all on the same side of the bound's own: cost grows with the number of loops, not with the bound.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise, product
from math import prod
from typing import Any, NamedTuple

from sata.counts.dense.window_rows import BY_ELEMENT, BY_TILE

COUNT = 1 << 62  # in place of where a part begins: its size stands in place of the mask


class Choice(NamedTuple):
    """Indices of a loop in the steps that are asked for: those now, and those before as a distance or, if all have the
    same, as that index."""

    now: range
    shift: int = 0
    same: int | None = None


def equal_steps(group: Any, looks: Sequence[Any], strides: Sequence[int], choices: dict[int, Choice],
                holds: bool, first: bool) -> Iterator[tuple[tuple[tuple[int, int], ...], int, int]]:  # fmt: skip
    """(parts, new, held) of all deliveries. choices: of every temporal loop; holds: whether anything was held before;
    first: only what no step had before.

    The group has one rank, its looks are counted, and its window is free or has no border within the bound.
    """
    free = group.window.free
    shared = [i for i, loop in enumerate(group.loops) if free and loop.role in (BY_TILE, BY_ELEMENT)]
    if first and free:  # where the first step has nothing, the later ones have not either
        choices = {i: Choice(range(1)) for i in choices}
    walk = _EqualSteps(group, looks, strides, choices, shared)
    for now, old, often in walk.classes(0, {}, {} if holds else None, 1):
        for new, held, members in walk.receivers(now, old, free):
            parts = tuple((walk.values(look, members), COUNT) for look in looks)
            yield parts, new * often, held * often


class _EqualSteps:
    def __init__(self, group: Any, looks: Sequence[Any], strides: Sequence[int], choices: dict[int, Choice],
                 shared: Sequence[int]) -> None:  # fmt: skip
        self.group, self.strides, self.choices, self.shared = group, strides, choices, shared
        self.bound: int = group.window.bounds[0]
        self.span: int = group.spans[0]
        self.factors: tuple[int, ...] = group.factors
        self.loops = [i for i in range(len(group.loops)) if i not in shared]

    def classes(self, n: int, now: dict[int, int], old: dict[int, int] | None, often: int
                ) -> Iterator[tuple[dict[int, int], dict[int, int] | None, int]]:  # fmt: skip
        """(indices now, before, how many steps and lanes they stand for); those with nothing now are left out."""
        if n == len(self.loops):
            yield now, old, often
            return
        i = self.loops[n]
        choice = self.choices.get(i) or Choice(range(self.factors[i]))
        for digits in self._alike(i, choice):
            d = digits.start
            before = None
            if old is not None:
                before = old | {i: d + choice.shift if choice.same is None else choice.same}
            yield from self.classes(n + 1, now | {i: d}, before, often * len(digits))

    def _alike(self, i: int, choice: Choice) -> Iterator[range]:
        """The indices of a loop, those together that lie on one side of the bound's own index, now and before: whether
        a value is below the bound is a comparison digit by digit."""
        edge = (self.bound - 1) // self.strides[i] % self.factors[i]
        cuts = {edge, edge + 1}
        if choice.same is None:
            cuts |= {edge - choice.shift, edge + 1 - choice.shift}
        ends = sorted({choice.now.start, choice.now.stop, *(c for c in cuts if c in choice.now)})
        for start, stop in pairwise(ends):
            yield range(start, stop)

    def receivers(self, now: dict[int, int], old: dict[int, int] | None, free: bool
                  ) -> Iterator[tuple[int, int, list[dict[int, int]]]]:  # fmt: skip
        """(values or elements that arrive, those held before, the indices of all that share them)."""
        if not free:
            start = self.start(now)
            new = min(max(self.bound - start, 0), self.span)
            if new:
                yield new, new if old is not None and self.start(old) == start else 0, [now]
            return
        tiles, elements = ([i for i in self.shared if self.group.loops[i].role == r] for r in (BY_TILE, BY_ELEMENT))
        inner = list(self._indices(elements))
        found: dict[tuple[tuple[bool, bool], ...], list[dict[int, int]]] = {}
        for tile in self._indices(tiles):
            each = tuple((self.exists(now | tile | e), old is not None and self.exists(old | tile | e)) for e in inner)
            found.setdefault(each, []).append(now | tile)
        for each, members in found.items():
            holders = [n for n, (there, _) in enumerate(each) if there]
            if holders:
                yield 1, int(all(each[n][1] for n in holders)), [m | inner[n] for m in members for n in holders]

    def _indices(self, loops: Sequence[int]) -> Iterator[dict[int, int]]:
        for chosen in product(*(range(self.factors[i]) for i in loops)):
            yield dict(zip(loops, chosen, strict=True))

    def exists(self, digits: dict[int, int]) -> bool:
        """Whether there is any value under some indices."""
        return self.start(digits) < self.bound

    def start(self, digits: dict[int, int]) -> int:
        """The first value under some indices."""
        return sum(self.strides[i] * d for i, d in digits.items())

    def values(self, look: Any, members: Sequence[dict[int, int]]) -> int:
        """How many values lie inside the leader's tiles of some children: below them, and of the loops inside."""
        inside = [i for i in range(len(self.group.loops)) if look.inside[i]]
        starts = {self.start({i: d for i, d in digits.items() if not look.inside[i]}) for digits in members}
        return sum(self._below(self.bound - start, inside) for start in starts)

    def _below(self, room: int, inside: Sequence[int]) -> int:
        """How many sums of the indices' steps and of what lies below are less than some number."""
        if room <= 0:
            return 0
        if not inside:
            return min(room, self.span)
        i, rest = inside[0], inside[1:]
        each = self.span * prod(self.factors[k] for k in rest)
        full = min(room // self.strides[i], self.factors[i])
        if full == self.factors[i]:
            return full * each
        return full * each + self._below(room - full * self.strides[i], rest)
