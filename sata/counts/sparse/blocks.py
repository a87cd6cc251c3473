"""Groups of equal blocks: their new and held coordinates are products of factors."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sata.counts.dense.lane_sharing import ALL, TAIL, Measure
from sata.counts.dense.plan import View
from sata.counts.dense.tables import Tables
from sata.counts.dense.window_rows import BY_ELEMENT, BY_TILE, IS_TEMPORAL
from sata.counts.sparse.tiles import EVERY_STEP, FIRST_STEP, FIRSTS, Steps

Number = Any  # int, or an int64 array [B]


class BlockGroups:
    """New and held coordinates of a group of equal blocks, for every kind of steps: products of factors."""

    def __init__(self, tables: Tables, view: View) -> None:
        self.free = view.group.window.free
        self.own = [tables.factors[s] for s, loop in zip(view.slots, view.loops, strict=True)
                    if loop.role == IS_TEMPORAL]  # fmt: skip
        self.tables, self.view = tables, view
        self.base = tables.base(view)
        self._known: dict[Steps, tuple[Number, Number]] = {}

    def step(self, steps: Steps) -> tuple[Number, Number]:
        """(new, held)."""
        if steps not in self._known:
            self._known[steps] = self._step(steps)
        return self._known[steps]

    def _step(self, steps: Steps) -> tuple[Number, Number]:
        if steps.outside == EVERY_STEP:
            return self.tables.every(self.view), 0
        if steps.outside == FIRSTS:
            found = self.base
            for factor in () if self.free else self.own:
                found = found * factor
            return found, 0
        new: Number = self.base
        if steps.outside == FIRST_STEP:
            return new, 0
        for factor in self.own[: steps.outside]:
            new = new * factor
        if steps.own:
            new = new * (self.own[steps.outside] - 1)
        if self.free:
            return new, new
        if steps.own:
            return new, 0
        still: Number = 1
        for factor in self.own[steps.outside :]:
            still = still * (factor == 1)
        return new, new * still


def of_blocks(measure: Measure, view: View, factors: Sequence[Number]) -> Number:
    """What a coordinate of a group of equal blocks counts as, on average (new and held alike): it arrives in one lane,
    or, of a rank that the tensor lacks, in all lanes that share it, which have it or do not have it together."""
    if measure.kind not in (ALL, TAIL):
        return 0

    def shared(i: int) -> bool:
        return view.group.window.free and view.loops[i].role in (BY_TILE, BY_ELEMENT)

    found: Number = 1
    for i in measure.prefix:
        if shared(i):
            found = found * factors[view.slots[i]]
    if measure.kind == ALL and measure.pick >= 0:
        last = factors[view.slots[measure.pick]] - 1
        found = found * (0 if measure.first and shared(measure.pick) else last if shared(measure.pick) else last / 2)
    return found
