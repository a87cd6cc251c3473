"""What the tables of `ahead` say of partial nests: the least that any completion of them costs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sata.search.crossing import Crossing
from sata.search.frame import Frame
from sata.search.grid import Grid
from sata.search.labels import Labels
from sata.search.rows import TENSORS, B, C, F, Floats, Ints, K, N, P, Q, Rows, Table, U
from sata.search.totals import Totals


@dataclass(frozen=True)
class Partial:
    """What the least costs of partial nests depend on, see `Labels`; state: of `Grid`; apart: [T, B] arrivals at a
    child that would stand here."""

    state: Ints
    plan: Ints
    lanes: Ints
    energy: Floats
    filling: Floats
    valueless: Floats
    apart: Floats

    def take(self, chosen: NDArray[np.bool_]) -> Partial:
        return Partial(*(getattr(self, f.name)[..., chosen] for f in fields(self)))


class Completions:
    """Of one skeleton, by the item that a partial nest has passed last. fill: cycles that a cycle of filling (column F)
    adds."""

    def __init__(self, frame: Frame, grid: Grid, totals: Totals, crossings: Sequence[Crossing], fill: float) -> None:
        self.frame, self.grid, self.totals, self.crossings, self.fill = frame, grid, totals, crossings, fill
        self.arrays = frame.array_items
        self.tables: dict[int, Table] = {}

    def add(self, rows: Rows, item: int) -> None:
        """Table the rows below an item."""
        at = np.full(self.totals.whole + 1, -1, dtype=np.int64)
        if not len(rows):
            self.tables[item] = Table(at, np.zeros((0, 1, rows.cols.shape[1])), np.zeros((0, 1, rows.cols.shape[1])))
            return
        states, first, count = np.unique(rows.state, return_index=True, return_counts=True)
        at[states] = np.arange(len(states))
        cols = np.zeros((len(states), int(count.max()), rows.cols.shape[1]))
        cols[:, :, C] = np.inf
        cols[at[rows.state], np.arange(len(rows)) - first[at[rows.state]]] = rows.cols
        self.tables[item] = Table(at, cols, np.minimum.reduceat(rows.cols, first)[:, None, :])

    def partial(self, labels: Labels, apart: Floats) -> Partial:
        """What is known of partial nests. apart: see `Partial`."""
        state = self.grid.states(labels.left)
        return Partial(state, labels.plan, labels.lanes, labels.energy, labels.filling, labels.valueless, apart)

    def least(self, asked: Partial, item: int, cycles: Floats, low: bool = False) -> tuple[Floats, Floats]:
        """Least energy and cycles of all completions, [B, rows]: one of them is no more. item: the last one passed;
        cycles: a bound known already, filling included; low: a first look, [B, 1], which says less."""
        frame, number = self.frame, len(self.frame.strands)
        table, apart = self.tables[item], asked.apart
        row = table.at[asked.state]
        cols = (table.low if low else table.cols)[np.maximum(row, 0)]
        passed = sum(n <= item for n in self.arrays)
        each = still = filling = np.zeros((number, len(row)))
        if passed:
            crossing = self.crossings[passed - 1]
            each, still = crossing.energy[:, asked.plan], crossing.standing[:, asked.plan]
            filling = crossing.filling[:, asked.plan]
        found = cols[:, :, C].copy()
        standing: Any = 0.0
        first: Any = 0.0
        for t, strand in enumerate(frame.strands):
            k, u, p, b, q = (cols[:, :, TENSORS + part * number + t] for part in (K, U, P, B, Q))
            found += p * each[t][:, None]
            first = first + q * filling[t][:, None]
            standing = standing + apart[t][:, None] * (k + u)
            # lanes along windows hold elements together: those of the union once, or each arrival shared by the most
            open_ = apart[t] * each[t] if strand.irregular else 0.0
            once = self.grid.mean[t][-1] if strand.irregular else apart[t]
            standing = standing + np.maximum(open_, once * still[t])[:, None] * b
            inside = strand.stops[0].item > item
            if strand.output and not (inside and strand.tensor.initialised):
                # also of an initialised one all lanes but one start without a value
                without = self.totals.weights[t][asked.state] if inside else asked.valueless[t]
                standing = standing - (without * self.totals.returning(strand, item))[:, None]
        steps = cols[:, :, N] / asked.lanes[:, None]
        fills = cols[:, :, F] * self.fill
        longest = np.maximum(steps + asked.filling[:, None], cycles[:, None]) + fills + first
        energy = asked.energy[:, None] + found + standing + frame.on.leak_pj * longest
        none = (row < 0)[:, None] | np.isinf(cols[:, :, C])
        return np.where(none, np.inf, energy), np.where(none, np.inf, longest)

    def crossed(self, left: Ints, array: int) -> Ints:
        """[D, P]: the states below an array, by what is left above it [R, D] and by plan; -1 where nothing is known
        to be good enough."""
        factors = self.crossings[array].ranks
        state = np.zeros((left.shape[1], factors.shape[1]), dtype=np.int64)
        ok = np.ones(state.shape, dtype=bool)
        for ranks, values, stride in zip(self.grid.classes, self.grid.values, self.grid.strides, strict=True):
            own, inverse = np.unique(np.prod(factors[list(ranks)], axis=0), return_inverse=True)
            before = np.prod(left[list(ranks)], axis=0)[:, None]
            ok &= (before % own == 0)[:, inverse]
            place = np.minimum(np.searchsorted(values, before // own), len(values) - 1)
            state += (place * stride)[:, inverse]
        return np.where(ok & (self.tables[self.arrays[array]].at[state] >= 0), state, -1)
