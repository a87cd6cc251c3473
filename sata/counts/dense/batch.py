"""All factors of a batch, and the tables of its distinct chains of factors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import repeat
from typing import Any

import numpy as np

from sata.counts.dense.plan import DimensionGroup, View, plan_of
from sata.counts.dense.window_rows import PINNED, WindowLoop
from sata.counts.dense.windows import Sums, every_step, window_sums
from sata.nest.structure import Structure

Number = Any  # int, or an int64 array [B]

Factors = Sequence[Number]
SMALL = 1 << 21  # codes that are looked up in a table; more are sorted


class Batch:
    """All factors of a batch, and the tables of its distinct chains, shared by the pieces it is worked on in.

    factors: per slot an int, or an int64 array [B]. pins: spatial slots that stay at one index, to look at one
    instance. exact: ranks whose factors multiply to their bound, whatever that is in each entry.
    """

    def __init__(self, structure: Structure, factors: Factors, pins: Mapping[int, int] | None = None,
                 exact: frozenset[int] = frozenset()) -> None:  # fmt: skip
        self.structure, self.factors, self.pins, self.exact = structure, factors, dict(pins or {}), exact
        self.plan = plan_of(structure)
        self._chains: dict[tuple[int, ...], tuple[list[tuple[int, ...]], Any]] = {}
        self._rows: dict[tuple[View, bool], dict[tuple[int, int], tuple[int, ...]]] = {}
        self._tables: dict[tuple[View, bool], Any] = {}
        self._every: dict[View, Any] = {}

    def chains(self, group: DimensionGroup) -> tuple[list[tuple[int, ...]], Any]:
        """(distinct rows of the factors of the group's slots, per batch entry the number of its row; None for one
        mapping).
        """
        return self.chains_of(group.slots)

    def chains_of(self, slots: tuple[int, ...]) -> tuple[list[tuple[int, ...]], Any]:
        """The same for any slots."""
        if slots not in self._chains:
            columns = [self.factors[s] for s in slots]
            one = all(isinstance(c, int) for c in columns)
            self._chains[slots] = ([tuple(columns)], None) if one else distinct_rows(columns)
        return self._chains[slots]

    def row(self, view: View, backward: bool, chain: int, steps: int) -> tuple[int, ...]:
        """The flattened sums of one distinct chain, `steps` of whose temporal loops above the child are steps."""
        rows = self._rows.setdefault((view, backward), {})
        found = rows.get((chain, steps))
        if found is None:
            factors = self.chains(view.group)[0][chain]
            below = self.spans(view, factors)
            sums = window_sums(view.group.window, self.loops(view), factors[: len(view.loops)], below, backward, steps)
            found = rows[chain, steps] = flattened(sums)
        return found

    def table(self, view: View, backward: bool, steps: int) -> Any:
        """The flattened sums of all distinct chains, int64 [sums, chains], where all temporal loops are steps."""
        key = (view, backward)
        if key not in self._tables:
            rows = [self.row(view, backward, n, steps) for n in range(len(self.chains(view.group)[0]))]
            self._tables[key] = np.ascontiguousarray(np.array(rows, dtype=np.int64).T)
        return self._tables[key]

    def every(self, view: View) -> Any:
        """At the compute: per distinct chain, what is covered over all steps, as an int64 array; a number for one
        mapping.
        """
        if view not in self._every:
            chains, inverse = self.chains(view.group)
            sums = [every_step(view.group.window, self.loops(view), c, self.spans(view, c)) for c in chains]
            self._every[view] = sums[0] if inverse is None else np.array(sums, dtype=np.int64)
        return self._every[view]

    def loops(self, view: View) -> tuple[WindowLoop, ...]:
        """The view's loops, those that are pinned marked so."""
        if not self.pins:
            return view.loops
        return tuple(
            WindowLoop(loop.rank, PINNED, self.pins[slot]) if slot in self.pins else loop
            for slot, loop in zip(view.slots, view.loops, strict=True)
        )

    def spans(self, view: View, chain: tuple[int, ...]) -> tuple[int, ...]:
        """Per rank of the group, how many of its values lie under one index of its loops above the child."""
        spans = dict.fromkeys(view.group.ranks, 1)
        for slot, factor in zip(view.group.slots, chain, strict=True):
            if slot >= view.depth:
                spans[self.structure.slots[slot].rank] *= factor
        return tuple(spans.values())


def distinct_rows(columns: Sequence[Number]) -> tuple[list[tuple[int, ...]], Any]:
    """(distinct rows of a table given by columns [B] (or numbers, constant), for each of the B its row's number)."""
    arrays = [c for c in columns if not isinstance(c, int)]
    code = np.zeros(len(arrays[0]), dtype=np.int64)
    size = 1
    for column in arrays:
        numbers, count = _numbered(column)
        if count == 1:
            continue
        if size * count >= 1 << 62:
            code = np.unique(code, return_inverse=True)[1]
            size = len(code)
        code = code * count + numbers
        size *= count
    first, inverse = _first_of(code, size)
    rows = zip(*(repeat(c) if isinstance(c, int) else c[first].tolist() for c in columns), strict=False)
    return list(rows), inverse


def _numbered(column: Any) -> tuple[Any, int]:
    """(for each entry the number of its value among those that occur, how many these are); small non-negative ints."""
    low, high = int(column.min()), int(column.max())
    if low == high:
        return column, 1
    if high - low >= SMALL:
        values, numbers = np.unique(column, return_inverse=True)
        return numbers, len(values)
    there = np.zeros(high - low + 1, dtype=np.int64)
    there[column - low] = 1
    return (np.cumsum(there) - 1).take(column - low), int(there.sum())


def _first_of(code: Any, size: int) -> tuple[Any, Any]:
    """(where each distinct code, in ascending order, occurs first; for each entry the number of its code)."""
    if size > SMALL:
        _, first, inverse = np.unique(code, return_index=True, return_inverse=True)
        return first, inverse
    place = np.full(size, -1, dtype=np.int64)
    place[code[::-1]] = np.arange(len(code) - 1, -1, -1)  # of equal ones the last assignment, the first entry, stays
    known = np.flatnonzero(place >= 0)
    first = place[known]
    place[known] = np.arange(len(known))
    return first, place.take(code)


def flattened(s: Sums) -> tuple[int, ...]:
    return (s.first, s.tile, s.instances, *s.foreign_new, *s.foreign_held, *s.own_new, *s.own_held)
