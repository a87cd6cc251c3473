"""Adding a loop to partial mappings, and closing the links into a memory or the compute."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from sata.counts.op.capacity import within
from sata.search.model.problem import OperandChain, SearchProblem
from sata.search.partial.link_counts import COLUMNS, LinkCounts, LinkEnds
from sata.search.partial.loop_history import TEMPORAL
from sata.search.partial.table import Floats, Ints, LoopTrail, PartialMappings
from sata.specs.model import Array, Memory

APART, SHARED, MERGED, LEAVING, LEAVING_MERGED, TILE, CHILDREN = range(COLUMNS)


# Of all storage templates of one op: what has been counted of a tensor serves them all.
SharedTables = dict[Any, LinkCounts]


class Extender:
    """All that changes the partial mappings of one problem."""

    def __init__(self, problem: SearchProblem, shared: SharedTables) -> None:
        self.problem = problem
        self.trail = LoopTrail()
        self.links = []
        for operand in problem.operands:
            key = (operand.tensor.name, operand.irregular, operand.axes, problem.bounds, problem.fanouts)
            self.links.append(shared.setdefault(key, LinkCounts(operand, problem.bounds, problem.fanouts)))
        self.arrays = [(n, i) for n, i in enumerate(problem.template.items) if isinstance(i, Array)]
        self.limited = {item: n for n, (item, _) in enumerate(problem.bandwidths)}

    def looped(
        self, labels: PartialMappings, item: int, axis: str, rank: int, factors: Ints, left: Ints
    ) -> PartialMappings:
        """Copies of the labels with one more loop; factors, left: of the loop, and what stays of the rank. Mutates its
        argument, which the caller has taken for this."""
        array = next((k for k, (n, _) in enumerate(self.arrays) if n == item), TEMPORAL) if axis else TEMPORAL
        labels.left[rank] = left
        if axis:
            labels.lanes = labels.lanes * factors
        for t, operand in enumerate(self.problem.operands):
            if rank in operand.irregular:
                self._remember(labels, t, rank, array, factors)
            elif axis:
                self._unroll(labels, t, operand, rank, array, factors)
            else:
                labels.steps[t] *= factors
                if operand.relevant[rank]:
                    labels.moved[t] = labels.steps[t]
                    if operand.irregular:
                        histories = self.links[t].histories
                        labels.history[t] = histories.flush(labels.history[t])
                        labels.gap[t] = histories.lengths(labels.history[t])
        labels.node = self.trail.add(labels.node, item, axis, rank, factors)
        return labels

    def _remember(self, labels: PartialMappings, t: int, rank: int, array: int, factors: Ints) -> None:
        histories = self.links[t].histories
        for factor in [f for f in np.unique(factors).tolist() if f > 1]:
            chosen = np.flatnonzero(factors == factor)
            before = labels.history[t, chosen]
            labels.history[t, chosen] = histories.grow(before, rank, array, factor, labels.steps[t, chosen])

    def _unroll(
        self, labels: PartialMappings, t: int, operand: OperandChain, rank: int, array: int, factors: Ints
    ) -> None:
        fanout = self.problem.fanouts[array]
        labels.spread[t] *= factors
        labels.since[t] *= factors
        if operand.relevant[rank]:
            return
        if operand.output:
            labels.share[t] *= factors
            if fanout.reduce:
                labels.added[t] *= factors
        elif fanout.multicast != "none":
            labels.share[t] *= factors

    # --- links --------------------------------------------------------------------------------------------------

    def counts(self, labels: PartialMappings, t: int, ends: LinkEnds) -> NDArray[np.float64]:
        """[COLUMNS, B] of the tensor's link into here: see `LinkCounts.count`, regular ranks included."""
        operand = self.problem.operands[t]
        if not len(labels):
            return np.zeros((COLUMNS, 0))
        below = labels.left[list(operand.irregular)]
        sums = self.links[t].count(ends, labels.history[t], labels.gap[t], labels.moved[t], labels.steps[t], below)
        regular = [r for r, relevant in enumerate(operand.relevant) if relevant and r not in operand.irregular]
        tile = np.prod(labels.left[regular], axis=0) if regular else np.ones(len(labels), dtype=np.int64)
        scale = labels.spread[t] * tile
        sums = np.asarray(sums * scale, dtype=np.float64)
        sums[TILE] *= tile / scale
        sums[CHILDREN] *= labels.since[t] / scale
        if operand.output:
            sums[MERGED] /= labels.share[t]
            sums[LEAVING_MERGED] /= labels.share[t]
            sums[LEAVING] /= labels.added[t]
        else:
            sums[SHARED] /= labels.share[t]
            sums[MERGED] /= labels.share[t]
        return sums

    def close_memory(self, labels: PartialMappings, item: int) -> PartialMappings:
        """Labels after the memory of an item, what it keeps having arrived; tiles that do not fit are dropped."""
        memory = self.problem.template.items[item]
        assert isinstance(memory, Memory)
        limit = None if memory.size_bits is None else memory.size_bits // memory.buffers
        held: Any = 0
        arrivals = {}
        ok = np.ones(len(labels), dtype=bool)
        for t, operand in enumerate(self.problem.operands):
            position = next((n for n, s in enumerate(operand.levels) if s.item == item), None)
            if position is None:
                continue
            if position == 0:
                if item:  # an inner home: nothing is carried above it
                    for rank in operand.carried:
                        ok &= labels.left[rank] == self.problem.bounds[rank]
                arrivals[t] = self.counts(labels, t, LinkEnds(-1, False))
            else:
                arrivals[t] = self.counts(labels, t, LinkEnds(operand.levels[position - 1].arrays, False))
            held = held + arrivals[t][TILE] * operand.levels[position].fitting_bits
        if limit is not None:
            ok &= within(held, limit)
        labels = labels.take(ok)
        if item in self.limited:
            labels.instances[self.limited[item]] = labels.lanes
        for t, columns in arrivals.items():
            position = next(n for n, s in enumerate(self.problem.operands[t].levels) if s.item == item)
            self._arrive(labels, t, position, columns[:, ok])
            labels.floor[t] = columns[APART][ok] if position else 0.0
            for column in (labels.since, labels.share, labels.added):
                column[t] = 1
        return labels

    def tiles(self, labels: PartialMappings, item: int) -> dict[str, Floats]:
        """Bits that the tiles of each tensor must find room for in the memory of an item, if it came next, [B]."""
        sizes = {}
        for t, operand in enumerate(self.problem.operands):
            position = next((n for n, s in enumerate(operand.levels) if s.item == item), None)
            if position is not None:
                arrays = operand.levels[position - 1].arrays if position else -1
                elements = self.counts(labels, t, LinkEnds(arrays, False))[TILE]
                sizes[operand.tensor.name] = elements * operand.levels[position].fitting_bits
        return sizes

    def _arrive(self, labels: PartialMappings, t: int, position: int, columns: NDArray[np.float64]) -> None:
        """Costs of the link into level number `at` of a tensor (the compute: one more than its levels)."""
        operand = self.problem.operands[t]
        if position == 0:
            labels.valueless[t] = 0.0 if operand.tensor.initialised else columns[APART]
            return
        parent = operand.levels[position - 1]
        child = operand.levels[position] if position < len(operand.levels) else None
        if operand.output:
            back = columns[MERGED] - labels.valueless[t]
            above = {
                "reads": back,
                "updates": columns[LEAVING],
                "merge_reads": columns[LEAVING] - columns[LEAVING_MERGED],
            }
            here = {"fills": back, "drains": columns[APART]}
        else:
            above, here = {"reads": columns[SHARED]}, {"fills": columns[APART]}
        self._charge(labels, parent.item, above, parent.energy, parent.bits)
        if child is not None:
            self._charge(labels, child.item, here, child.energy, child.bits)
            if operand.output:
                labels.valueless[t] = columns[APART] - columns[MERGED] + labels.valueless[t]

    def _charge(
        self,
        labels: PartialMappings,
        item: int,
        events: dict[str, Floats],
        energy: dict[str, float],
        bits: dict[str, float],
    ) -> None:
        for event, words in events.items():
            labels.energy = labels.energy + words * energy[event]
            if item in self.limited:
                n = self.limited[item]
                labels.bits[n, 1 if event in ("fills", "updates") else 0] += words * bits[event] / labels.instances[n]

    def close_compute(self, labels: PartialMappings) -> PartialMappings:
        """Complete nests: every rank is covered, and all links into the compute are counted."""
        labels = labels.take(
            np.all(labels.left == 1, axis=0) if len(self.problem.ranks) else np.ones(len(labels), bool)
        )
        for t, operand in enumerate(self.problem.operands):
            self._arrive(
                labels, t, len(operand.levels), self.counts(labels, t, LinkEnds(operand.levels[-1].arrays, True))
            )
        return labels
