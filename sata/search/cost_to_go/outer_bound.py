"""The least that a whole nest costs with a given inner part: what is outside it is passed by each element once."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

import numpy as np
from numpy.typing import NDArray

from sata.search.cost_to_go.array_crossing import ArrayCrossing, back_energy
from sata.search.cost_to_go.rows import PIECE, B, C, CostRows, Cutoff, Floats, K, N, P, U
from sata.search.cost_to_go.states import TileStates
from sata.search.model.problem import OperandChain, SearchProblem


class OuterBound:
    """Of one storage template. weights: [T][S] elements of all executions of each state; whole: the state of the empty
    nest."""

    def __init__(
        self, problem: SearchProblem, grid: TileStates, limit: Cutoff, crossings: Sequence[ArrayCrossing]
    ) -> None:
        self.problem, self.grid, self.limit, self.crossings = problem, grid, limit, crossings
        executions = problem.points / np.prod(grid.extents, axis=0)
        self.weights = [mean * executions for mean in grid.mean]
        self.whole = len(executions) - 1
        self.arrays = problem.array_items
        self._worth()

    def _worth(self) -> None:
        """Which unrollings may be good enough, if all else comes once."""
        problem = self.problem
        energy = problem.compute_pj
        for t, operand in enumerate(problem.operands):
            energy += self.grid.mean[t][self.whole] * self.outside(t, operand, len(problem.template.items))
        lanes = np.prod(problem.unrollings.inner[0], axis=0)
        cycles = np.maximum(problem.points * problem.cycles_each / lanes, self.limit.cycles)
        improving = ~self.prunable(energy + problem.on.leak_pj * cycles, cycles)
        for crossing in self.crossings:
            crossing.keep(improving)

    def prunable(self, energy: Floats, cycles: Floats) -> NDArray[np.bool_]:
        """Which lead to nothing better than what is there."""
        return self.limit.objective.prunable(energy, cycles, self.limit.have, self.limit.value)

    def total(self, rows: CostRows, item: int) -> tuple[Floats, Floats]:
        """Least energy and cycles of whole nests with these inner parts: outside them each element comes once. item:
        the last one that is not part of the rows."""
        problem, on = self.problem, self.problem.on
        passed = sum(n <= item for n in self.arrays)
        energy = rows.cols[:, C] + problem.compute_pj
        elements = np.array([mean[self.whole] for mean in self.grid.mean])
        for t, operand in enumerate(problem.operands):
            energy = energy + elements[t] * self.outside(t, operand, item)
            if operand.output and not operand.tensor.initialised:
                inside = operand.levels[0].item > item  # then as often as the home is begun anew, at most
                without = self.weights[t][rows.state] if inside else elements[t]
                energy = energy - without * self.returning(operand, item)
        if passed:
            more, cycles = self._with_unrolling(rows, self.crossings[passed - 1], elements)
        else:
            more = (rows.part(K) + rows.part(U)) @ elements
            cycles = np.maximum(rows.cols[:, N], self.limit.cycles)
        return energy + more + on.leak_pj * cycles, cycles

    def _with_unrolling(self, rows: CostRows, crossing: ArrayCrossing, elements: Floats) -> tuple[Floats, Floats]:
        """Of all unrollings of the array above: least energy of what depends on them, with what leaks meanwhile but
        for the cycles that are returned too."""
        kinds, leak = crossing.kinds, self.problem.on.leak_pj
        if not len(kinds.lanes):
            return np.full(len(rows), np.inf), np.ones(len(rows))
        outer = prod(c.lanes for c in self.crossings[: crossing.array])
        energy, cycles = np.empty(len(rows)), np.empty(len(rows))
        for start in range(0, len(rows), PIECE):
            some = slice(start, start + PIECE)
            total = rows.part(P)[some] @ kinds.energy
            total += ((rows.part(K) + rows.part(U))[some] * elements) @ kinds.copies
            total += (rows.part(B)[some] * elements) @ kinds.standing
            steps = np.maximum(rows.cols[some, N, None] / (kinds.lanes * outer), self.limit.cycles)
            cycles[some] = steps.min(axis=1)
            energy[some] = (total + leak * (steps - cycles[some, None])).min(axis=1)
        return energy, cycles

    def outside(self, t: int, operand: OperandChain, item: int) -> float:
        """Energy by element of the links into memories up to an item, each passed once."""
        total = 0.0
        for at in range(1, len(operand.levels)):
            child, parent = operand.levels[at], operand.levels[at - 1]
            if child.item <= item:
                share = prod(c.most[t] for c in self.crossings[parent.arrays : child.arrays])
                event, own = ("updates", "drains") if operand.output else ("reads", "fills")
                total += child.energy[own] + parent.energy[event] / share
        return total

    @staticmethod
    def returning(operand: OperandChain, item: int) -> float:
        """Energy by element of old values over the links into what stands below an item: saved where there are none."""
        at = sum(level.item <= item for level in operand.levels)
        return back_energy(operand, max(at, 1))
