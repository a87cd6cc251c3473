"""The factors that one group contributes, for given loop factors: Python integers, or arrays over a batch axis.

Plain groups with exact factors are one-line products; plain dimensions with ragged ones are counted digit by digit;
all others come from the enumerated tables of `windows`, computed once per distinct chain of factors and gathered.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from sata.counts.dense.batch import Batch
from sata.counts.dense.digits import FREE, combinations_below, digits_of, least_index
from sata.counts.dense.plan import DimensionGroup, Link, View, Views
from sata.counts.dense.window_rows import IS_TEMPORAL, PINNED, TOLD_APART
from sata.counts.dense.windows import Sums

Number = Any  # int, or an int64 array [B]


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
        self._base: dict[View, Number] = {}
        self._still: dict[Link, list[Number]] = {}
        self.totals: dict[tuple[Link, Views, bool], Number] = {}  # what `dense` has summed: by link, views, direction

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
        if view not in self._base:
            if view.group.window.free:
                self._base[view] = self._running(view, lambda role: role == TOLD_APART)
            else:
                self._base[view] = self.block(view) * self.children(view)
        return self._base[view]

    def still(self, link: Link) -> list[Number]:
        """Per move, 1 where no exact block moves with it: all of their loops further in have a factor of one."""
        if link not in self._still:
            plain = {s for v in self.divided(link.apart)[0] if not v.group.window.free for s in v.slots}
            found: list[Number] = []
            flag: Number = 1
            for move in reversed(link.moves):
                found.append(flag)
                if move.slot in plain:
                    flag = flag * (self.factors[move.slot] == 1)
            self._still[link] = found[::-1]
        return self._still[link]

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
        """The sums at one child memory of a group that is not an exact block."""
        varying = view.group.window.free  # only there do loops that are no steps of the tensor matter
        key = (view, backward, link.relevant if varying else None)
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
            return unflattened(self.batch.row(view, backward, 0, m if steps is None else steps), m)
        if steps is None:
            table = self.batch.table(view, backward, m)
        else:
            code, inverse = np.unique(inverse * (m + 1) + steps, return_inverse=True)
            rows = [self.batch.row(view, backward, *divmod(c, m + 1)) for c in code.tolist()]
            table = np.array(rows, dtype=np.int64).T
        return unflattened([row.take(inverse) for row in table], m)

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


def unflattened(columns: Sequence[Number], m: int) -> Sums:
    """The inverse of `flattened`, for m own temporal loops."""
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
