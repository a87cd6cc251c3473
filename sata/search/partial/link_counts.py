"""What passes one link of a partial mapping, counted by the very functions that count a whole one.

For one tensor the loops over its regular ranks act by products alone: `extend` (rank A of the small structure built
here) stands for all temporal loops up to the last one that moves the tile as a whole, `rests` (rank Z) for those
further in. With them and the loops of its history the tensor has the same arrivals, sharing and tile as in the nest.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sata.counts.dense.batch import Batch
from sata.counts.dense.closed_form import arrivals_sum
from sata.counts.dense.plan import OperandPlan, plan_of
from sata.counts.dense.tables import Tables
from sata.nest.structure import Axis, Fanout, Operand, Slot, Structure
from sata.search.model.problem import OperandChain
from sata.search.partial.columns import distinct_columns
from sata.search.partial.loop_history import LoopHistories

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
A, Z = 0, 1  # the ranks that stand for the regular ones
SHARED = 1
COLUMNS = 7  # apart, shared, merged, shared leaving, merged leaving, tile, children per parent


@dataclass(frozen=True)
class LinkEnds:
    """The two ends of a link: how many arrays stand above the parent (-1: the home seen from nowhere), and whether the
    child is the compute."""

    arrays: int
    compute: bool


Shape = tuple[LinkEnds, tuple[tuple[int, ...], ...], int, tuple[int, ...]]


class LinkCounts:
    """Counts of one operand, remembered by history."""

    def __init__(self, operand: OperandChain, bounds: tuple[int, ...], fanouts: tuple[Fanout, ...]) -> None:
        self.operand, self.fanouts = operand, fanouts
        self.bounds = (1, 1, *(bounds[r] for r in operand.irregular))
        self.place = {r: i + 2 for i, r in enumerate(operand.irregular)}
        self.histories = LoopHistories()
        self._known: dict[Shape, Floats] = {}
        self._plans: dict[Any, tuple[Structure, OperandPlan]] = {}

    def count(self, ends: LinkEnds, history: Ints, gap: Ints, moved: Ints, steps: Ints, below: Ints) -> Floats:
        """[COLUMNS, B]: per label, for a block of one element of the regular ranks and no regular spatial loop.

        history, gap: the loops over irregular ranks, and how many of them are outside the last loop that moves the
        whole tile; moved: product of regular temporal loops up to that, steps: of all; below: [irregular ranks, B],
        how many values of each rank lie under one index of its loops.

        Steps of one kind are as many as the regular loops outside them make them, so every sum is linear in `moved`
        and in the products before the loops further in. The coefficients depend on the rest, which comes back often:
        they are counted once.
        """
        if not self.operand.irregular:
            apart = (steps if ends.compute else moved).astype(np.float64)
            ones = np.ones(len(apart))
            return np.stack([apart, apart, apart, apart, apart, ones, ones])
        if not ends.compute:  # loops that move nothing, innermost, are no steps of the tensor
            steps = np.where(gap == self.histories.lengths(history), moved, self.histories.lasts(history))
        rows = np.stack([history, gap, *below])
        values, inverse = distinct_columns(rows)
        columns = [self._shape(ends, *row) for row in values.T.tolist()]
        missing = [shape for shape in dict.fromkeys(columns) if shape not in self._known]
        if missing:
            self._coefficients(missing)
        longest = max(len(shape[1]) - shape[2] for shape in columns) + 2
        coefs = np.zeros((COLUMNS + 1, longest, len(columns)))
        before = np.zeros((longest, len(columns)))
        last = np.zeros(len(columns), dtype=np.int64)
        for n, (shape, row) in enumerate(zip(columns, values[:2].T.tolist(), strict=True)):
            known = self._known[shape]
            coefs[:, : known.shape[1], n] = known
            inner = [entry[3] for entry in self.histories.entries[row[0]][row[1] :]]
            before[1 : 1 + len(inner), n] = inner
            last[n] = 1 + len(inner)
        products = before[:, inverse]
        products[0] = moved
        products[last[inverse], np.arange(len(inverse))] = steps
        coefficients = coefs[:, :, inverse]
        sums = np.einsum("cgb,gb->cb", coefficients[[*range(5), COLUMNS]], products)
        sums[SHARED] = np.minimum(sums[SHARED], sums[5])
        return np.concatenate([sums[:5], coefficients[5:COLUMNS, 0]])

    def _shape(self, ends: LinkEnds, number: int, gap: int, *below: int) -> Shape:
        """What coefficients depend on: the ends, the loops without the products before them, the gap, what is below."""
        return ends, tuple(entry[:3] for entry in self.histories.entries[number]), gap, below

    def _coefficients(self, shapes: list[Shape]) -> None:
        """Count each shape with a few products, from which its coefficients follow: first `moved` and all products 2,
        then those from each loop on 4. (2, not 1: a loop of one moves nothing.)"""
        groups: dict[Any, list[Shape]] = {}
        for shape in shapes:
            ends, loops, gap, _ = shape
            groups.setdefault((ends, tuple((rank, role) for rank, role, _ in loops), gap), []).append(shape)
        for (ends, pattern, gap), members in groups.items():
            structure, plan = self._structure(ends, (pattern, gap))
            size = len(pattern) - gap + 1  # products: before each loop from the gap on, and all steps
            rows = [
                self._factors(shape, [2] * from_ + [4] * (size - from_))
                for shape in members
                for from_ in (size, *range(size))
            ]
            sums = self._sums(structure, plan, ends, np.ascontiguousarray(np.array(rows, dtype=np.int64).T))
            sums = sums.reshape(COLUMNS + 1, len(members), size + 1)
            tails = (sums[:, :, 1:] - sums[:, :, :1]) / 2
            coefficients = np.zeros((COLUMNS + 1, len(members), size + 1))
            coefficients[:, :, 1:-1] = tails[:, :, :-1] - tails[:, :, 1:]
            coefficients[:, :, -1] = tails[:, :, -1]
            coefficients[:, :, 0] = sums[:, :, 0] / 2 - tails[:, :, 0]
            coefficients[5:COLUMNS] = sums[5:COLUMNS, :, :1]  # tile and children do not depend on them
            for n, shape in enumerate(members):
                self._known[shape] = coefficients[:, n]

    def _factors(self, shape: Shape, products: list[int]) -> list[int]:
        """Factors of the slots that `_structure` lays out, `moved` being 2."""
        ends, loops, gap, below = shape
        factors: list[int] = []
        passed = 2
        for position, (_, _, factor) in enumerate(loops):
            if position == gap:
                factors.append(2)
            if position >= gap:
                factors.append(products[position - gap] // passed)
                passed = products[position - gap]
            factors.append(factor)
        if gap == len(loops):
            factors.append(2)
        factors.append(products[-1] // passed)
        return factors if ends.compute else [*factors, *below]

    def _structure(self, ends: LinkEnds, pattern: Any) -> tuple[Structure, OperandPlan]:
        key = (ends, pattern)
        if key not in self._plans:
            loops, gap = pattern
            slots: list[Slot] = []
            for position, (rank, role) in enumerate(loops):
                slots += [Slot(A), Slot(Z)] if position == gap else [Slot(Z)] if position > gap else []
                slots.append(Slot(self.place[rank], role))
            slots += [Slot(A), Slot(Z)] if gap == len(loops) else [Slot(Z)]
            child = len(slots)
            crossed = [i for i, s in enumerate(slots) if s.array >= ends.arrays >= 0 and s.array >= 0]
            parent = min(crossed, default=child) if ends.arrays >= 0 else child
            if not ends.compute:
                slots += [Slot(p) for p in range(2, len(self.bounds))]
            depths = (parent,) if ends.compute or ends.arrays < 0 else (parent, child)
            axes = (Axis((A,), (1,), 0, 1), *self.operand.axes)
            operand = Operand(axes, self.operand.output, tuple(range(len(depths))), False)
            structure = Structure(self.bounds, tuple(slots), depths, self.fanouts, (operand,))
            self._plans[key] = structure, plan_of(structure)[0]
        return self._plans[key]

    def _sums(self, structure: Structure, plan: OperandPlan, ends: LinkEnds, factors: Ints) -> NDArray[np.float64]:
        tables = Tables(Batch(structure, list(factors), exact=frozenset((A, Z))))
        number = factors.shape[1]
        link = plan.home if ends.arrays < 0 else plan.links[0]
        wanted = [(link.apart, False), (link.shared, False), (link.merged, False)]
        if self.operand.output:
            wanted += [(link.shared, True), (link.merged, True)]
        sums = [arrivals_sum(tables, link, views, ends.compute, backward=backward) for views, backward in wanted]
        sums += [0] * (5 - len(sums))
        inner = _extent(tables, plan.home if ends.arrays < 0 or ends.compute else plan.links[0])
        outer = _extent(tables, plan.home)
        with np.errstate(divide="ignore", invalid="ignore"):
            children = np.where(np.asarray(outer[1]) > 0, inner[1] / np.maximum(outer[1], 1), 0.0)
        tiled = sums[SHARED] if link.tiled is link.shared else arrivals_sum(tables, link, link.tiled, ends.compute)
        columns = [*sums, inner[0], children, tiled]
        return np.stack([np.broadcast_to(np.asarray(c, dtype=np.float64), number) for c in columns])


def _extent(tables: Tables, link: Any) -> tuple[Any, Any]:
    """(largest tile, instances that ever hold something) at the child end of a link."""
    tile: Any = 1
    instances: Any = 1
    blocks, others = tables.divided(link.apart)
    for view in blocks:
        tile, instances = tile * tables.block(view), instances * tables.children(view)
    for _, view in others:
        sums = tables.sums(view, link, False)
        tile, instances = tile * sums.tile, instances * sums.instances
    return tile, instances
