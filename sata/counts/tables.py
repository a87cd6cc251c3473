"""The factors that one group contributes, for given loop factors: Python integers, or arrays over a batch axis.

Plain groups with exact factors are one-line products; plain dimensions with ragged ones are counted digit by digit;
all others come from the enumerated tables of `windows`, computed once per distinct chain of factors and gathered.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from sata.counts.digits import FREE, LAST, ZERO, combinations_below, digits_of, least
from sata.counts.plan import Group, Link, View, plan_of
from sata.nest.structure import Structure
from sata.counts.windows import IS_TEMPORAL, TOLD_APART, Sums, window_sums

Number = Any  # int, or an int64 array [B]
Factors = Sequence[Number]


class Tables:
    """Sums of every group under one set of factors (or a batch of sets), each computed when first asked for.

    factors: per slot an int, or an int64 array [B].
    """

    def __init__(self, structure: Structure, factors: Factors) -> None:
        self.structure, self.factors = structure, factors
        self.plan = plan_of(structure)  # keeps its views alive: sums are found again by their identity
        self.exact = [self._exact(rank) for rank in range(len(structure.bounds))]
        self._below: dict[tuple[int, int], Number] = {}
        self._sums: dict[Any, Sums] = {}
        self._chains: dict[tuple[int, ...], tuple[list[tuple[int, ...]], Any]] = {}
        self._active: dict[tuple[int, frozenset[int]], list[Number]] = {}

    def _exact(self, rank: int) -> bool:
        bound = self.structure.bounds[rank]
        return bool(np.all(self._product(self.structure.slots_of[rank]) == bound))

    def _product(self, slots: Sequence[int]) -> Number:
        product: Number = 1
        for slot in slots:
            product = product * self.factors[slot]
        return product

    def below(self, rank: int, depth: int) -> Number:
        """How many values of the rank lie under one index of all its loops above `depth`."""
        key = (rank, depth)
        if key not in self._below:
            self._below[key] = self._product([s for s in self.structure.slots_of[rank] if s >= depth])
        return self._below[key]

    # --- steps of a tensor ------------------------------------------------------------------------------------

    def active(self, link: Link) -> list[Number]:
        """Per move of the link, 1 where the loop is a step of the tensor: it, or one further in, moves its tile."""
        key = (link.depth, link.relevant)
        if key not in self._active:
            found: list[Number] = []
            flag: Number = 0
            for move in reversed(link.moves):
                if move.slot in link.relevant:
                    flag = flag | (self.factors[move.slot] > 1) * 1
                found.append(flag)
            self._active[key] = found[::-1]
        return self._active[key]

    def ragged(self, view: View) -> bool:
        """Whether some index combination of the group's loops has no point."""
        return not all(self.exact[r] for r in view.group.ranks)

    # --- sums of a group --------------------------------------------------------------------------------------

    def sums(self, view: View, link: Link | None, backward: bool) -> Sums:
        """The group's sums at one child. link: where to look up which loops are steps; None where all are (the compute)."""
        free = view.group.window.free
        exact = not self.ragged(view)
        steps = self._steps(view, link) if free and not exact and link is not None else None
        key = (id(view), backward, link.relevant if steps is not None and link is not None else None)
        if key not in self._sums:
            if view.group.plain and exact:
                found = self._free(view) if free else self._blocks(view)
            elif view.group.plain and not free:
                found = self._ragged_blocks(view, backward)
            else:
                found = self._enumerated(view, backward, steps)
            self._sums[key] = found
        return self._sums[key]

    def _steps(self, view: View, link: Link) -> Number:
        """How many of the view's own temporal loops are steps of the tensor."""
        own = {s for s, loop in zip(view.slots, view.loops, strict=True) if loop.role == IS_TEMPORAL}
        active = self.active(link)
        return sum((a for move, a in zip(link.moves, active, strict=True) if move.slot in own), start=0)

    def _free(self, view: View) -> Sums:
        """A rank the tensor lacks, exact: every index exists, so children that share count once, the others each."""
        apart: Number = 1
        instances: Number = 1
        for slot, loop in zip(view.slots, view.loops, strict=True):
            if loop.role != IS_TEMPORAL:
                instances = instances * self.factors[slot]
                if loop.role == TOLD_APART:
                    apart = apart * self.factors[slot]
        foreign, own = self._grown(view, apart)
        return Sums(foreign[0], foreign[-1], foreign, foreign, own, own, 1, instances)

    def _blocks(self, view: View) -> Sums:
        """A dimension of one rank, exact: tiles are disjoint blocks of equal size, so nothing is ever shared."""
        size = self.below(view.group.ranks[0], view.depth)
        instances: Number = 1
        for slot, loop in zip(view.slots, view.loops, strict=True):
            if loop.role != IS_TEMPORAL:
                instances = instances * self.factors[slot]
        foreign, own = self._grown(view, size * instances)
        held = self._held_blocks(view, foreign)
        return Sums(foreign[0], foreign[-1], foreign, held, own, (0,) * len(own), size, instances)

    def _grown(self, view: View, start: Number) -> tuple[tuple[Number, ...], tuple[Number, ...]]:
        """(sums with the first 0, 1, ... own temporal loops free and the others pinned, sums where one moves)."""
        foreign = [start]
        for slot, loop in zip(view.slots, view.loops, strict=True):
            if loop.role == IS_TEMPORAL:
                foreign.append(foreign[-1] * self.factors[slot])
        return tuple(foreign), _differences(foreign)

    def _held_blocks(self, view: View, foreign: Sequence[Number]) -> tuple[Number, ...]:
        """Blocks that are still held when a foreign loop moves: all where no own loop moves with it, else none."""
        held: list[Number] = []
        still: Number = 1
        own = [s for s, loop in zip(view.slots, view.loops, strict=True) if loop.role == IS_TEMPORAL]
        for i in reversed(range(len(foreign))):
            if i < len(own):
                still = still * (self.factors[own[i]] == 1)
            held.append(0 if isinstance(still, int) and still == 0 else foreign[i] * still)
        return tuple(held[::-1])

    def _ragged_blocks(self, view: View, backward: bool) -> Sums:
        """A dimension of one rank with a ragged end: blocks again, the last one cut off."""
        rank, bound = view.group.ranks[0], view.group.window.bounds[0]
        size = self.below(rank, view.depth)
        factors = [self.factors[s] for s in view.slots]
        strides = [size * p for p in _products_below(factors)]
        digits, rest = digits_of(bound, strides, factors)
        pin = LAST if backward else ZERO

        def covered(outside: int) -> Number:
            pins, seen = [], 0
            for loop in view.loops:
                temporal = loop.role == IS_TEMPORAL
                pins.append(pin if temporal and seen >= outside else FREE)
                seen += temporal
            below, edge = combinations_below(digits, factors, pins)
            return below * size + edge * rest

        temporal = sum(loop.role == IS_TEMPORAL for loop in view.loops)
        foreign = [covered(n) for n in range(temporal + 1)]
        fixed = [ZERO if loop.role == IS_TEMPORAL else FREE for loop in view.loops]
        below, edge = combinations_below(digits, factors, fixed)
        instances = below + edge * (rest > 0)
        held = self._held_blocks(view, foreign)
        own = _differences(foreign)
        return Sums(foreign[0], bound, tuple(foreign), held, own, (0,) * temporal, least(size, bound), instances)

    def _enumerated(self, view: View, backward: bool, steps: Number | None) -> Sums:
        """By enumeration, once per distinct chain of the group's factors."""
        window, loops = view.group.window, view.loops
        temporal = sum(loop.role == IS_TEMPORAL for loop in loops)
        chains, inverse = self._distinct_chains(view.group, steps)
        found = []
        for chain in chains:
            below = tuple(_below(chain, view, r, self.structure) for r in view.group.ranks)
            active = temporal if steps is None else chain[-1]
            found.append(window_sums(window, loops, chain[: len(loops)], below, backward, active))
        if inverse is None:
            return found[0]
        return _gather(found, inverse)

    def _distinct_chains(self, group: Group, steps: Number | None) -> tuple[list[tuple[int, ...]], Any]:
        """(distinct rows of the factors of all the group's slots, and of `steps`; number of its row per batch entry)."""
        columns = [self.factors[s] for s in group.slots]
        if steps is not None:
            columns = [*columns, steps]
        if all(isinstance(c, int) for c in columns):
            return [tuple(columns)], None
        if steps is None and group.slots in self._chains:
            return self._chains[group.slots]
        found = distinct_rows(columns)
        if steps is None:
            self._chains[group.slots] = found
        return found


def distinct_rows(columns: Sequence[Number]) -> tuple[list[tuple[int, ...]], Any]:
    """(distinct rows of a table given by columns [B] (or numbers, constant), for each of the B its row's number)."""
    arrays = [c for c in columns if not isinstance(c, int)]
    code = np.zeros(len(arrays[0]), dtype=np.int64)
    size = 1
    for column in arrays:
        low, high = int(column.min()), int(column.max())
        if low == high:
            continue
        if size * (high - low + 1) >= 1 << 62:
            code = np.unique(code, return_inverse=True)[1]
            size = len(code)
        code = code * (high - low + 1) + (column - low)
        size *= high - low + 1
    _, first, inverse = np.unique(code, return_index=True, return_inverse=True)
    rows = [tuple(int(c) if isinstance(c, int) else int(c[i]) for c in columns) for i in first.tolist()]
    return rows, inverse


def _below(chain: tuple[int, ...], view: View, rank: int, structure: Structure) -> int:
    product = 1
    for slot, factor in zip(view.group.slots, chain, strict=False):
        if slot >= view.depth and structure.slots[slot].rank == rank:
            product *= factor
    return product


def _gather(found: list[Sums], inverse: Any) -> Sums:
    """A table of numbers per chain becomes arrays per batch entry; columns that are zero throughout stay the number 0."""
    flat = np.array([[*_flat(s)] for s in found], dtype=np.int64).T
    columns = [0 if not row.any() else row.take(inverse) for row in flat]
    m = len(found[0].own_new)
    return Sums(
        columns[0],
        columns[1],
        tuple(columns[4 : 5 + m]),
        tuple(columns[5 + m : 6 + 2 * m]),
        tuple(columns[6 + 2 * m : 6 + 3 * m]),
        tuple(columns[6 + 3 * m : 6 + 4 * m]),
        columns[2],
        columns[3],
    )


def _flat(s: Sums) -> list[int]:
    return [s.first, s.every, s.tile, s.instances, *s.foreign_new, *s.foreign_held, *s.own_new, *s.own_held]


def _differences(values: Sequence[Number]) -> tuple[Number, ...]:
    return tuple(b - a for a, b in zip(values, values[1:], strict=False))


def _products_below(factors: Sequence[Number]) -> list[Number]:
    """For each, the product of those after it."""
    products: list[Number] = []
    running: Number = 1
    for factor in reversed(factors):
        products.append(running)
        running = running * factor
    return products[::-1]

