"""The factors that one group contributes, for given loop factors: Python integers, or arrays over a batch axis.

Plain groups with exact factors are one-line products; plain dimensions with ragged ones are counted digit by digit;
all others come from the enumerated tables of `windows`, computed once per distinct chain of factors and gathered.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import repeat
from typing import Any

import numpy as np

from sata.counts.dense.digits import FREE, combinations_below, digits_of, least_index
from sata.counts.dense.plan import DimensionGroup, Link, View, plan_of
from sata.counts.dense.windows import IS_TEMPORAL, PINNED, TOLD_APART, Sums, WindowLoop, every_step, window_sums
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
        self.plan = plan_of(structure)  # keeps its views alive: tables are found again by their identity
        self._chains: dict[tuple[int, ...], tuple[list[tuple[int, ...]], Any]] = {}
        self._rows: dict[tuple[int, bool], dict[tuple[int, int], tuple[int, ...]]] = {}
        self._tables: dict[tuple[int, bool], Any] = {}
        self._every: dict[int, Any] = {}

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
        rows = self._rows.setdefault((id(view), backward), {})
        found = rows.get((chain, steps))
        if found is None:
            factors = self.chains(view.group)[0][chain]
            below = self.spans(view, factors)
            sums = window_sums(view.group.window, self.loops(view), factors[: len(view.loops)], below, backward, steps)
            found = rows[chain, steps] = _flat(sums)
        return found

    def table(self, view: View, backward: bool, steps: int) -> Any:
        """The flattened sums of all distinct chains, int64 [sums, chains], where all temporal loops are steps."""
        key = (id(view), backward)
        if key not in self._tables:
            rows = [self.row(view, backward, n, steps) for n in range(len(self.chains(view.group)[0]))]
            self._tables[key] = np.ascontiguousarray(np.array(rows, dtype=np.int64).T)
        return self._tables[key]

    def every(self, view: View) -> Any:
        """At the compute: per distinct chain, what is covered over all steps, as an int64 array; a number for one
        mapping.
        """
        if id(view) not in self._every:
            chains, inverse = self.chains(view.group)
            sums = [every_step(view.group.window, self.loops(view), c, self.spans(view, c)) for c in chains]
            self._every[id(view)] = sums[0] if inverse is None else np.array(sums, dtype=np.int64)
        return self._every[id(view)]

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


class Tables:
    """Sums of every group under a piece of a batch (or one mapping), each computed when first asked for.

    piece: which entries of the batch; all of them for one mapping.
    """

    def __init__(self, batch: Batch, piece: slice | None = None) -> None:
        self.batch, self.structure, self.plan, self.piece = batch, batch.structure, batch.plan, piece
        self.factors = [f if isinstance(f, int) or piece is None else f[piece] for f in batch.factors]
        self._products: dict[tuple[int, ...], Number] = {}
        self.exact = [self._exact(rank) for rank in range(len(self.structure.bounds))]
        self._below: dict[tuple[int, int], Number] = {}
        self._sums: dict[Any, Sums] = {}
        self._active: dict[tuple[int, frozenset[int]], list[Number]] = {}
        self._base: dict[int, Number] = {}
        self._still: dict[int, list[Number]] = {}
        self.totals: dict[tuple[int, int, bool], Number] = {}  # what `dense` has summed: by link, views, direction

    def _exact(self, rank: int) -> bool:
        if rank in self.batch.exact:
            return True
        bound = self.structure.bounds[rank]
        return bool(np.all(self._product(self.structure.slots_of[rank]) == bound))

    def _product(self, slots: Sequence[int]) -> Number:
        key = tuple(slots)
        if key not in self._products:
            product: Number = 1
            for slot in key:
                product = product * self.factors[slot]
            self._products[key] = product
        return self._products[key]

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

    def divided(self, views: Sequence[View]) -> tuple[list[View], list[tuple[int, View]]]:
        """(exact plain groups, which are products of factors; (number, view) of all others)."""
        blocks, others = [], []
        for number, view in enumerate(views):
            if view.group.plain and not self.ragged(view):
                blocks.append(view)
            else:
                others.append((number, view))
        return blocks, others

    def block(self, view: View) -> Number:
        """Exact plain groups: the size of a tile, which is one of equal, disjoint blocks (1 for a rank the tensor
        lacks).
        """
        return 1 if view.group.window.free else self.below(view.group.ranks[0], view.depth)

    def children(self, view: View) -> Number:
        """Exact plain groups: how many children there are along the group's spatial loops."""
        return self._running(view, lambda role: role >= TOLD_APART)

    def _running(self, view: View, chosen: Callable[[int], bool]) -> Number:
        """The product of the factors of the view's loops of some roles."""
        pairs = zip(view.slots, self.batch.loops(view), strict=True)
        return self._product([slot for slot, loop in pairs if chosen(loop.role)])

    def base(self, view: View) -> Number:
        """Exact plain groups: what one step covers. Different blocks are never shared; children that differ only in
        a rank the tensor lacks hold the same and count each where they are told apart, once where they share."""
        key = id(view)
        if key not in self._base:
            if view.group.window.free:
                self._base[key] = self._running(view, lambda role: role == TOLD_APART)
            else:
                self._base[key] = self.block(view) * self.children(view)
        return self._base[key]

    def still(self, link: Link) -> list[Number]:
        """Per move, 1 where no exact block moves with it: all of their loops further in have a factor of one."""
        if id(link) not in self._still:
            plain = {s for v in self.divided(link.apart)[0] if not v.group.window.free for s in v.slots}
            found: list[Number] = []
            flag: Number = 1
            for move in reversed(link.moves):
                found.append(flag)
                if move.slot in plain:
                    flag = flag * (self.factors[move.slot] == 1)
            self._still[id(link)] = found[::-1]
        return self._still[id(link)]

    def every(self, view: View) -> Number:
        """At the compute: what is covered over all steps."""
        free, plain = view.group.window.free, view.group.plain
        if plain and not self.ragged(view):
            return self._running(
                view, lambda role: role in (IS_TEMPORAL, TOLD_APART) or (role >= TOLD_APART and not free)
            )
        if plain and not free:
            return self._ragged_blocks(view, False).foreign_new[-1]
        table = self.batch.every(view)
        inverse = self._inverse(view.group)
        return table if inverse is None else table.take(inverse)

    def sums(self, view: View, link: Link, backward: bool) -> Sums:
        """The sums at one child memory of a group that is no exact block."""
        varying = view.group.window.free  # only there do loops that are no steps of the tensor matter
        key = (id(view), backward, link.relevant if varying else None)
        if key not in self._sums:
            if view.group.plain and not varying:
                self._sums[key] = self._ragged_blocks(view, backward)
            else:
                self._sums[key] = self._enumerated(view, backward, self._steps(view, link) if varying else None)
        return self._sums[key]

    def _steps(self, view: View, link: Link) -> Number:
        """How many of the view's own temporal loops are steps of the tensor."""
        own = {s for s, loop in zip(view.slots, view.loops, strict=True) if loop.role == IS_TEMPORAL}
        active = self.active(link)
        return sum((a for move, a in zip(link.moves, active, strict=True) if move.slot in own), start=0)

    def _inverse(self, group: DimensionGroup) -> Any:
        inverse = self.batch.chains(group)[1]
        return inverse if inverse is None or self.piece is None else inverse[self.piece]

    def _enumerated(self, view: View, backward: bool, steps: Number | None) -> Sums:
        """By enumeration, once per distinct chain of the group's factors (and number of steps among them)."""
        m = sum(loop.role == IS_TEMPORAL for loop in view.loops)
        inverse = self._inverse(view.group)
        if inverse is None:
            return _unflat(self.batch.row(view, backward, 0, m if steps is None else steps), m)
        if steps is None:
            table = self.batch.table(view, backward, m)
        else:
            code, inverse = np.unique(inverse * (m + 1) + steps, return_inverse=True)
            rows = [self.batch.row(view, backward, *divmod(c, m + 1)) for c in code.tolist()]
            table = np.array(rows, dtype=np.int64).T
        return _unflat([row.take(inverse) for row in table], m)

    def _held_blocks(self, view: View, foreign: Sequence[Number]) -> tuple[Number, ...]:
        """Blocks that are still held when a foreign loop moves: all where no own loop moves with it, else none."""
        held: list[Number] = []
        still: Number = 1
        own = [s for s, loop in zip(view.slots, view.loops, strict=True) if loop.role == IS_TEMPORAL]
        for i in reversed(range(len(foreign))):
            if i < len(own):
                still = still * (self.factors[own[i]] == 1)
            held.append(foreign[i] * still)
        return tuple(held[::-1])

    def _ragged_blocks(self, view: View, backward: bool) -> Sums:
        """A dimension of one rank with a ragged end: blocks again, the last one cut off."""
        rank, bound = view.group.ranks[0], view.group.window.bounds[0]
        size = self.below(rank, view.depth)
        factors = [self.factors[s] for s in view.slots]
        strides = [size * p for p in _products_below(factors)]
        digits, rest = digits_of(bound, strides, factors)
        loops = self.batch.loops(view)

        def covered(outside: int) -> Number:
            pins, seen = [], 0
            for loop, factor in zip(loops, factors, strict=True):
                temporal = loop.role == IS_TEMPORAL
                rest_at = factor - 1 if backward else 0
                pins.append(loop.digit if loop.role == PINNED else rest_at if temporal and seen >= outside else FREE)
                seen += temporal
            below, edge = combinations_below(digits, factors, pins)
            return below * size + edge * rest

        temporal = sum(loop.role == IS_TEMPORAL for loop in loops)
        foreign = [covered(n) for n in range(temporal + 1)]
        fixed = [0 if loop.role == IS_TEMPORAL else loop.digit if loop.role == PINNED else FREE for loop in loops]
        below, edge = combinations_below(digits, factors, fixed)
        instances = below + edge * (rest > 0)
        held = self._held_blocks(view, foreign)
        own = _differences(foreign)
        return Sums(foreign[0], tuple(foreign), held, own, (0,) * temporal, least_index(size, bound), instances)


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


def _flat(s: Sums) -> tuple[int, ...]:
    return (s.first, s.tile, s.instances, *s.foreign_new, *s.foreign_held, *s.own_new, *s.own_held)


def _unflat(columns: Sequence[Number], m: int) -> Sums:
    """The inverse of `_flat`, for m own temporal loops."""
    f, h = 4 + m, 5 + 2 * m
    return Sums(
        columns[0],
        tuple(columns[3:f]),
        tuple(columns[f:h]),
        tuple(columns[h : h + m]),
        tuple(columns[h + m :]),
        columns[1],
        columns[2],
    )


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
