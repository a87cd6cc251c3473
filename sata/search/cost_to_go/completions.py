"""Lower bounds of the completions of partial mappings, read from the cost-to-go table (`tables`)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from sata.search.cost_to_go.array_crossing import ArrayCrossing
from sata.search.cost_to_go.outer_bound import OuterBound
from sata.search.cost_to_go.rows import TENSORS, B, C, CostRows, CostTable, Floats, Ints, K, N, P, U
from sata.search.cost_to_go.states import TileStates
from sata.search.model.problem import SearchProblem
from sata.search.partial.table import PartialMappings

PIECE = 1 << 19  # rows that are asked together


@dataclass(frozen=True)
class PartialColumns:
    """What lower bounds of completions depend on, see `PartialMappings`; state: of `TileStates`; apart: [T, B]
    arrivals at a child that would stand here."""

    state: Ints
    unrolling: Ints
    lanes: Ints
    energy: Floats
    valueless: Floats
    apart: Floats

    def take(self, chosen: NDArray[np.generic]) -> PartialColumns:
        return PartialColumns(*(getattr(self, f.name)[..., chosen] for f in fields(self)))


class CompletionBounds:
    """Of one storage template, by the item that a partial mapping has passed last."""

    def __init__(
        self,
        problem: SearchProblem,
        grid: TileStates,
        totals: OuterBound,
        crossings: Sequence[ArrayCrossing],
    ) -> None:
        self.problem, self.grid, self.totals, self.crossings = problem, grid, totals, crossings
        self.arrays = problem.array_items
        self.tables: dict[int, CostTable] = {}

    def add(self, rows: CostRows, item: int) -> None:
        """Table the rows below an item."""
        states, first, count = np.unique(rows.state, return_index=True, return_counts=True)
        number_of_state = np.full(self.totals.whole + 1, -1, dtype=np.int64)
        number_of_state[states] = np.arange(len(states))
        cols = np.ascontiguousarray(rows.cols.T)
        low = np.minimum.reduceat(cols, first, axis=1) if len(states) else cols
        self.tables[item] = CostTable(number_of_state, first, count, cols, low)

    def partial(self, labels: PartialMappings, apart: Floats) -> PartialColumns:
        """What is known of partial mappings. apart: see `PartialColumns`."""
        state = self.grid.states(labels.left)
        return PartialColumns(state, labels.unrolling, labels.lanes, labels.energy, labels.valueless, apart)

    def known(self, asked: PartialColumns, item: int) -> NDArray[np.bool_]:
        """[B]: whether anything is known to be good enough below an item."""
        return np.asarray(self.tables[item].at[asked.state] >= 0)

    def pieces(self, asked: PartialColumns, chosen_columns: Ints, item: int, low: bool) -> Iterator[Ints]:
        """Numbers of partial mappings, all known, so many together that their rows do not take too much memory."""
        table = self.tables[item]
        count = (
            np.ones(len(chosen_columns), dtype=np.int64) if low else table.count[table.at[asked.state[chosen_columns]]]
        )
        piece = np.cumsum(count) // PIECE
        for chosen in np.split(chosen_columns, np.flatnonzero(np.diff(piece)) + 1):
            if len(chosen):
                yield chosen

    def least(self, asked: PartialColumns, item: int, cycles: Floats, low: bool = False) -> tuple[Floats, Floats, Ints]:
        """Least energy and cycles of all completions, one of which is no more, and where those of each nest begin:
        all must be `known`. item: the last one passed; cycles: a bound known already; low: a first
        look, one for each, which says less."""
        problem, number, table = self.problem, len(self.problem.operands), self.tables[item]
        numbers = table.at[asked.state]
        if low:
            first, row, every = np.arange(len(numbers)), numbers, table.low
        else:
            count = table.count[numbers]
            first = np.cumsum(count) - count
            of = np.repeat(np.arange(len(numbers)), count)
            row, every = np.arange(len(of)) + (table.first[numbers] - first)[of], table.cols
            asked, cycles = asked.take(of), cycles[of]
        passed = sum(n <= item for n in self.arrays)
        per_arrival = still = np.zeros((number, len(row)))
        if passed:
            crossing = self.crossings[passed - 1]
            per_arrival, still = crossing.energy[:, asked.unrolling], crossing.standing[:, asked.unrolling]
        energy = every[C][row] + asked.energy
        for t, operand in enumerate(problem.operands):
            k, u, p, b = (every[TENSORS + part * number + t][row] for part in (K, U, P, B))
            # lanes along windows hold elements together: those of the union once, or each arrival shared by the most
            open_ = asked.apart[t] * per_arrival[t] if operand.irregular else 0.0
            once = self.grid.mean[t][-1] if operand.irregular else asked.apart[t]
            energy += p * per_arrival[t] + asked.apart[t] * (k + u) + np.maximum(open_, once * still[t]) * b
            inside = operand.levels[0].item > item
            if operand.output and not (inside and operand.tensor.initialised):
                # also of an initialised one all lanes but one start without a value
                without = self.totals.weights[t][asked.state] if inside else asked.valueless[t]
                energy -= without * self.totals.returning(operand, item)
        longest = np.maximum(every[N][row] / asked.lanes, cycles)
        return energy + problem.on.leak_pj * longest, longest, first

    def crossed(self, left: Ints, array: int) -> Ints:
        """[D, P]: the states below an array, by what is left above it [R, D] and by unrolling; -1 where nothing is
        known to be good enough."""
        factors = self.crossings[array].ranks
        state = np.zeros((left.shape[1], factors.shape[1]), dtype=np.int64)
        ok = np.ones(state.shape, dtype=bool)
        for ranks, values, stride in zip(self.grid.classes, self.grid.values, self.grid.strides, strict=True):
            products, inverse = np.unique(np.prod(factors[list(ranks)], axis=0), return_inverse=True)
            before = np.prod(left[list(ranks)], axis=0)[:, None]
            ok &= (before % products == 0)[:, inverse]
            place = np.minimum(np.searchsorted(values, before // products), len(values) - 1)
            state += (place * stride)[:, inverse]
        return np.where(ok & (self.tables[self.arrays[array]].at[state] >= 0), state, -1)
