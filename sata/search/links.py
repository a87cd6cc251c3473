"""What passes one link of a partial nest, counted by the very functions that count a whole one.

For one tensor the loops over its regular ranks act by products alone: `moves` (rank A of the small structure built
here) stands for all temporal loops up to the last one that moves the tile as a whole, `rests` (rank Z) for those
further in. With them and the loops of its history the tensor has the same arrivals, sharing and tile as in the nest.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sata.counts.dense import arrivals_sum
from sata.counts.plan import OperandPlan, plan_of
from sata.counts.tables import Batch, Tables
from sata.nest.structure import Axis, Fanout, Operand, Slot, Structure
from sata.search.frame import Strand
from sata.search.history import Entry, Histories

Ints = NDArray[np.int64]
A, Z = 0, 1  # the ranks that stand for the regular ones
COLUMNS = 7  # apart, shared, merged, shared leaving, merged leaving, tile, children per parent


@dataclass(frozen=True)
class Ends:
    """The two ends of a link: how many arrays stand above the parent (-1: the home seen from nowhere), and whether the
    child is the compute."""

    arrays: int
    compute: bool


class Links:
    """Counts of one strand, remembered by history."""

    def __init__(self, strand: Strand, bounds: tuple[int, ...], fanouts: tuple[Fanout, ...]) -> None:
        self.strand, self.fanouts = strand, fanouts
        self.bounds = (1, 1, *(bounds[r] for r in strand.irregular))
        self.place = {r: i + 2 for i, r in enumerate(strand.irregular)}
        self.histories = Histories()
        self._known: dict[Any, tuple[float, ...]] = {}
        self._plans: dict[Any, tuple[Structure, OperandPlan]] = {}

    def count(self, ends: Ends, history: Ints, gap: Ints, moved: Ints, steps: Ints, below: Ints) -> NDArray[np.float64]:
        """[COLUMNS, B]: per label, for a block of one element of the regular ranks and no regular spatial loop.

        history, gap: the loops over irregular ranks, and how many of them are outside the last loop that moves the
        whole tile; moved: product of regular temporal loops up to that, steps: of all; below: [irregular ranks, B],
        how many values of each rank lie under one index of its loops.
        """
        strand = self.strand
        if not strand.irregular:
            apart = (steps if ends.compute else moved).astype(np.float64)
            one = np.ones(len(apart))
            return np.stack([apart, apart, apart, apart, apart, one, one])
        if not ends.compute:  # loops that move nothing, innermost, are no steps of the tensor
            steps = np.where(gap == self.histories.lengths(history), moved, self.histories.lasts(history))
        rows = np.stack([history, gap, moved, steps, *below])
        values, inverse = np.unique(rows, axis=1, return_inverse=True)
        columns = values.T.tolist()
        missing = [row for row in columns if (ends, *row) not in self._known]
        if missing:
            self._count(ends, missing)
        found = np.array([self._known[(ends, *row)] for row in columns]).T
        return found[:, inverse.reshape(-1)]

    def _count(self, ends: Ends, rows: list[list[int]]) -> None:
        groups: dict[Any, list[list[int]]] = {}
        for row in rows:
            entries = self.histories.entries[row[0]]
            pattern = (tuple((rank, role) for rank, role, _, _ in entries), row[1])
            groups.setdefault(pattern, []).append(row)
        for pattern, members in groups.items():
            structure, plan = self._structure(ends, pattern)
            factors = np.array([self._factors(ends, row) for row in members], dtype=np.int64).T
            found = self._sums(structure, plan, ends, np.ascontiguousarray(factors))
            for row, values in zip(members, found.T.tolist(), strict=True):
                self._known[(ends, *row)] = tuple(values)

    def _factors(self, ends: Ends, row: list[int]) -> list[int]:
        """Factors of the slots that `_structure` lays out."""
        number, gap, moved, steps, *below = row
        entries: tuple[Entry, ...] = self.histories.entries[number]
        factors: list[int] = []
        passed = 1
        for at, (_, _, factor, before) in enumerate(entries):
            if at < gap:
                factors += [factor]
            else:
                if at == gap:
                    factors += [moved, before // moved]
                else:
                    factors += [before // passed]
                passed = before
                factors += [factor]
        if gap == len(entries):
            factors += [moved, steps // moved]
        else:
            factors += [steps // passed]
        return factors if ends.compute else [*factors, *below]

    def _structure(self, ends: Ends, pattern: Any) -> tuple[Structure, OperandPlan]:
        key = (ends, pattern)
        if key not in self._plans:
            loops, gap = pattern
            slots: list[Slot] = []
            for at, (rank, role) in enumerate(loops):
                slots += [Slot(A), Slot(Z)] if at == gap else [Slot(Z)] if at > gap else []
                slots.append(Slot(self.place[rank], role))
            slots += [Slot(A), Slot(Z)] if gap == len(loops) else [Slot(Z)]
            child = len(slots)
            own = [i for i, s in enumerate(slots) if s.array >= ends.arrays >= 0 and s.array >= 0]
            parent = min(own, default=child) if ends.arrays >= 0 else child
            if not ends.compute:
                slots += [Slot(p) for p in range(2, len(self.bounds))]
            depths = (parent,) if ends.compute or ends.arrays < 0 else (parent, child)
            axes = (Axis((A,), (1,), 0, 1), *self.strand.axes)
            operand = Operand(axes, self.strand.output, tuple(range(len(depths))), False)
            structure = Structure(self.bounds, tuple(slots), depths, self.fanouts, (operand,))
            self._plans[key] = structure, plan_of(structure)[0]
        return self._plans[key]

    def _sums(self, structure: Structure, plan: OperandPlan, ends: Ends, factors: Ints) -> NDArray[np.float64]:
        tables = Tables(Batch(structure, list(factors), exact=frozenset((A, Z))))
        number = factors.shape[1]
        link = plan.home if ends.arrays < 0 else plan.links[0]
        wanted = [(link.apart, False), (link.shared, False), (link.merged, False)]
        if self.strand.output:
            wanted += [(link.shared, True), (link.merged, True)]
        sums = [arrivals_sum(tables, link, views, ends.compute, backward=backward) for views, backward in wanted]
        sums += [0] * (5 - len(sums))
        inner = _extent(tables, plan.home if ends.arrays < 0 or ends.compute else plan.links[0])
        outer = _extent(tables, plan.home)
        with np.errstate(divide="ignore", invalid="ignore"):
            children = np.where(np.asarray(outer[1]) > 0, inner[1] / np.maximum(outer[1], 1), 0.0)
        columns = [*sums, inner[0], children]
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
