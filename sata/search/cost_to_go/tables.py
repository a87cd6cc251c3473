"""The cost-to-go table of one storage template: the least cost of every inner part of a nest, by backward dynamic
programming from the compute outwards. Rows that no outer part may want are dropped.

The nests here are simpler than real ones: ranks are classes (`states`), and a tensor with windows costs no more than
the elements it touches until a loop moves the whole tile. All else is what `extend` counts, so that for other tensors
the least of these nests is what the rest of a partial mapping really costs. docs/search.md has the argument.
"""

from __future__ import annotations

import time
from collections.abc import Sequence, Set
from math import gcd, inf
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sata.counts.op.capacity import within
from sata.search.cost_to_go.array_crossing import ArrayCrossing, child_energy, parent_energy
from sata.search.cost_to_go.completions import CompletionBounds
from sata.search.cost_to_go.outer_bound import OuterBound
from sata.search.cost_to_go.rows import (
    PARTS,
    PLAN,
    TENSORS,
    B,
    C,
    CostRows,
    Cutoff,
    Floats,
    Ints,
    K,
    N,
    P,
    TooManyRows,
    U,
    W,
    joined_rows,
)
from sata.search.cost_to_go.states import TileStates
from sata.search.cost_to_go.window_overlap import WindowMarks, lanes_sharing
from sata.search.model.problem import SearchProblem
from sata.search.partial.columns import distinct_columns
from sata.search.partial.table import LoopTrail
from sata.search.space.nests import PlacedLoop
from sata.specs.model import Memory

GRAIN = 1e-12  # of the best energy: what sums are rounded down to
ROUNDS = 200  # with how many better ones of its state each row is compared
MOST = 1 << 18  # rows in one place: more are not worth it


class CostToGo:
    """Least costs below every place of one storage template, as far as they may lead below a limit. above: see
    `tile_states_of`."""

    def __init__(self, problem: SearchProblem, grid: TileStates, limit: Cutoff, fine: bool = False, most: int = MOST,
                 deadline: float | None = None, above: Sequence[Set[int]] = ()) -> None:  # fmt: skip
        self.problem, self.grid, self.limit, self.fine = problem, grid, limit, fine
        self.most, self.deadline, self.above = most, deadline, above
        self.marks, self.trail = WindowMarks(problem, grid), LoopTrail()
        self.cheapest: list[tuple[float, int]] = []  # least values of whole nests and how they came about
        self.windowed = [t for t, s in enumerate(problem.operands) if s.irregular]
        self.number = len(problem.operands)
        self.relevant = [
            [s.relevant[ranks[0]] and ranks[0] not in s.irregular for ranks in grid.classes] for s in problem.operands
        ]
        name, leak = limit.objective.name, problem.on.leak_pj
        self.prices = 0.0 if name == "cycles" else 1.0  # what the columns hold for what is sought
        self.step = 0.0 if name == "energy" and not leak else 1.0
        energies = [f[0] for f in limit.have] or [limit.value if name == "energy" and limit.value < inf else 0.0]
        self.grain = max(energies) * GRAIN
        self.arrays = problem.array_items
        self.crossings = [ArrayCrossing(problem, k) for k in range(len(self.arrays))]
        self.totals = OuterBound(problem, grid, limit, self.crossings)
        self.completions = CompletionBounds(problem, grid, self.totals, self.crossings)
        self.usable = all(c.usable for c in self.crossings)
        self._known: Floats = np.zeros(0)  # least energies of the rows that were thinned last
        self.fitting = self._fitting()

    def _fitting(self) -> list[NDArray[np.bool_]]:
        """By item, which states fit all memories up to it: what a memory holds further out is never less."""
        ok, found = np.ones(self.totals.whole + 1, dtype=bool), []
        for item, node in enumerate(self.problem.template.items):
            if isinstance(node, Memory) and node.size_bits is not None:
                held = np.zeros(len(ok))
                for t, operand in enumerate(self.problem.operands):
                    held += sum(
                        self.grid.largest[t] * level.fitting_bits for level in operand.levels if level.item == item
                    )
                ok = ok & within(held, node.size_bits // node.buffers)
            found.append(ok)
        return found

    def build(self) -> bool:
        """Make the tables, from the compute outwards. Returns: whether anything is left that may be good enough."""
        items = self.problem.template.items
        rows = self._compute()
        for number in reversed(range(len(items) - 1)):
            rows = self._block(rows, number)
            self.completions.add(self._unmarked(rows, number), number)
            item = items[number]
            if number and len(rows):
                rows = self._memory(rows, number) if isinstance(item, Memory) else self._array(rows, number)
            if not len(rows):
                return False
        whole = rows.take(rows.state == self.totals.whole)
        values = self.limit.objective.value(*self.totals.total(whole, 0))
        self.cheapest = sorted(zip(values.tolist(), whole.node.tolist(), strict=True))
        return bool(self.cheapest)

    def nests(self, number: int) -> list[tuple[PlacedLoop, ...]]:
        """The loops of the nests with the least costs here. What they really cost may be more."""
        found = [self._loops(node) for _, node in self.cheapest[:number]]
        return [loops for loops in found if loops is not None]

    def _loops(self, node: int) -> tuple[PlacedLoop, ...] | None:
        """The loops of a row; None where ranks of a class cannot share them out so."""
        problem, left = self.problem, list(self.problem.bounds)
        steps = self.trail.loops_of(node)[::-1]
        spatial, temporal = [], []
        for item, axis, unrolling, _ in steps:
            if axis:
                k = self.arrays.index(item)
                for row, (array, name, rank) in enumerate(problem.unrollings.slots):
                    factor = int(problem.unrollings.factors[row, unrolling])
                    if array == k and factor > 1:
                        spatial.append(PlacedLoop(item, name, problem.ranks[rank], factor))
                        if left[rank] % factor:
                            return None
                        left[rank] //= factor
        for item, axis, g, factor in steps:
            for rank in self.grid.classes[g] if not axis else ():
                own = gcd(left[rank], factor)
                left[rank], factor = left[rank] // own, factor // own
                if own > 1:
                    temporal.append(PlacedLoop(item, "", problem.ranks[rank], own))
        return (*spatial, *temporal) if all(n == 1 for n in left) else None

    # --- from the compute outwards --------------------------------------------------------------------------------

    def _compute(self) -> CostRows:
        row = np.zeros((1, TENSORS + len(PARTS) * self.number))
        row[0, N] = self.problem.cycles_each * self.problem.points * self.step
        for t, operand in enumerate(self.problem.operands):
            each, last = self.totals.weights[t][0] * self.prices, len(operand.levels)
            if operand.levels[-1].arrays < len(self.arrays):
                row[0, TENSORS + P * self.number + t] = each
            else:
                row[0, C] += each * parent_energy(operand, last, 1.0, 1.0)
        zero = np.zeros(1, dtype=np.int64)
        return CostRows(zero, zero, zero, row)

    def _block(self, rows: CostRows, item: int) -> CostRows:
        """With all temporal loops below an item."""
        done = self._thin(rows, item)
        fresh = done
        classes = [
            g for g, ranks in enumerate(self.grid.classes) if item >= len(self.above) or ranks[0] in self.above[item]
        ]
        while True:
            more = [self._looped(fresh, item, g) for g in classes]
            both = self._thin(joined_rows([done, *more]), item, len(done))
            fresh = both.take(self._is_new)
            done = both
            if not len(fresh):
                break
        return done

    def _looped(self, rows: CostRows, item: int, g: int) -> CostRows:
        """Every row with one more loop over a class, of every factor."""
        values, stride = self.grid.values[g], self.grid.strides[g]
        place = rows.state // stride % len(values)
        parts = [rows.take(np.zeros(0, dtype=np.int64))]
        windowed = [t for t in self.windowed if self.fine and not self.relevant[t][g]]
        for to in range(1, len(values)):
            some = np.flatnonzero((place < to) & (values[to] % values[place] == 0))
            some = some[self.fitting[item][rows.state[some] + (to - place[some]) * stride]]
            if not len(some):
                continue
            more = rows.take(some)
            for t in range(self.number):
                if self.relevant[t][g]:
                    self._moved(more, t)
            state = more.state + (to - place[some]) * stride
            for t in windowed:
                self._slid(more, t, self.grid.classes[g][0], state, values[to] // values[place[some]])
            more.state = state
            more.node = self.trail.add(more.node, item, "", g, values[to] // values[place[some]])
            parts.append(more)
        return joined_rows(parts)

    def _moved(self, rows: CostRows, t: int) -> None:
        """After a loop that moves the whole tile of a tensor: what stood still comes every time."""
        elements = self.totals.weights[t][rows.state]
        rows.cols[:, C] += (rows.part(K)[:, t] + rows.part(U)[:, t]) * elements
        rows.part(P)[:, t] += rows.part(B)[:, t] * elements
        for which in (K, U, W, B):
            rows.part(which)[:, t] = 0.0
        if self.fine and t in self.windowed:
            rows.mark = self.marks.without(rows.mark, t)

    def _slid(self, rows: CostRows, t: int, rank: int, state: Ints, factors: Ints) -> None:
        """After a loop that moves a window, or begins its way anew: what comes is new, or was dropped before.

        state: with the loop.
        """
        before, after = self.grid.mean[t][rows.state], self.grid.mean[t][state]
        kept = self.marks.overlap(rows.mark, t, rows.state, rank, factors)
        again = np.where(after > 0, factors * before / np.where(after > 0, after, 1.0), 1.0)
        held = np.where(after > 0, (factors - 1) * kept / np.where(after > 0, after, 1.0), 0.0)
        k, b = rows.part(K)[:, t], rows.part(B)[:, t]
        k[:] = k * again - rows.part(W)[:, t] * held
        b[:] = b * again - (b > 0) * held

    def _memory(self, rows: CostRows, item: int) -> CostRows:
        """With a memory: what fits, and the links into it."""
        links = []
        for t, operand in enumerate(self.problem.operands):
            at = next((n for n, s in enumerate(operand.levels) if s.item == item), None)
            if at is not None:
                links.append((t, operand, at))
        ok = self.fitting[item][rows.state]
        for _, operand, at in links:
            for g, ranks in enumerate(self.grid.classes if at == 0 else ()):
                if ranks[0] in operand.carried:
                    ok &= self.grid.extents[g][rows.state] == self.grid.values[g][-1]
        rows = rows.take(np.flatnonzero(ok))
        for t, operand, at in links:
            if at == 0:
                continue
            if self.fine and operand.irregular:
                self._settled(rows, t)
            if operand.levels[at - 1].arrays < operand.levels[at].arrays:
                rows.part(B)[:, t] = self.prices
            else:
                each = (child_energy(operand, at) + parent_energy(operand, at, 1.0, 1.0)) * self.prices
                rows.part(K if self.fine else U)[:, t] += each
            if self.fine and operand.irregular:
                rows.part(W)[:, t] = rows.part(K)[:, t]
                rows.mark = self.marks.with_child(rows.mark, t, rows.state)
        return self._thin(rows, item - 1)

    def _settled(self, rows: CostRows, t: int) -> None:
        """Before a memory takes a window: what passes the links further in comes every time, but for one tile that may
        still be there; that comes again at least as often as the new tile."""
        tile, k = self.grid.mean[t][rows.state], rows.part(K)[:, t]
        again = np.maximum(k * tile - rows.part(W)[:, t] * self.marks.sizes(rows.mark, t), 0.0)
        rows.cols[:, C] += (
            np.where(tile > 0, again / np.where(tile > 0, tile, 1.0), 0.0) * self.totals.weights[t][rows.state]
        )
        k -= np.where(tile > 0, again / np.where(tile > 0, tile, 1.0), 0.0)
        if any(self.problem.operands[t].clipped):
            k[:] = 0.0  # where borders cut tiles off, a small tile may keep more of itself than the one that holds it

    def _array(self, rows: CostRows, item: int) -> CostRows:
        """With an array: one row for every unrolling of it."""
        crossing = self.crossings[self.arrays.index(item)]
        factors, names = crossing.grouped(self.grid)
        found = [rows.take(np.zeros(0, dtype=np.int64))]
        states, inverse = np.unique(rows.state, return_inverse=True)
        for unrolling in range(len(names)):
            after = self._above(states, factors[:, unrolling], item)[inverse.reshape(-1)]
            ok = after >= 0
            if not ok.any():
                continue
            state = after[ok]
            own, more = names[unrolling], rows.take(np.flatnonzero(ok))
            more.cols[:, N] /= float(np.prod(factors[:, unrolling]))
            for t in range(self.number):
                self._crossed(more, t, crossing, own, state)
            for which in (P, B):
                more.part(which)[:] = 0.0
            below, more.state = more.state, state
            improving = ~self.totals.prunable(*self.totals.total(more, item - 1))
            below, more = below[improving], more.take(improving)
            for t in self.windowed if self.fine else ():
                more.mark = self.marks.with_lanes(more.mark, t, below, crossing.ranks[:, own])
            more.node = self.trail.add(more.node, item, PLAN, int(own), np.ones(len(more), dtype=np.int64))
            found.append(more)
        return self._thin(joined_rows(found), item - 1)

    def _above(self, states: Ints, factors: Ints, item: int) -> Ints:
        """The states that lanes make of others; -1 where there is none, or none that fits what is above the array."""
        found = np.zeros_like(states)
        ok = np.ones(len(states), dtype=bool)
        for g, (values, stride) in enumerate(zip(self.grid.values, self.grid.strides, strict=True)):
            wanted = self.grid.extents[g][states] * factors[g]
            to = np.minimum(np.searchsorted(values, wanted), len(values) - 1)
            ok &= values[to] == wanted
            found += to * stride
        return np.where(ok & self.fitting[item - 1][np.where(ok, found, 0)], found, -1)

    def _crossed(self, rows: CostRows, t: int, crossing: ArrayCrossing, unrolling: int, state: Ints) -> None:
        """What stood still below an array, seen from above it: lanes that hold the same, and lanes side by side."""
        operand, copies = self.problem.operands[t], crossing.copies[t, unrolling]
        k, u, w, b = (rows.part(which)[:, t] for which in (K, U, W, B))
        price: Any = crossing.energy[t, unrolling]
        if self.fine and operand.irregular:
            price = crossing.price(operand, t, self._together(rows, t, crossing, unrolling), unrolling)
        rows.cols[:, C] += rows.part(P)[:, t] * price
        if not (self.fine and operand.irregular):
            u[:] = copies * (u + k + b * crossing.standing[t, unrolling])
            k[:] = 0.0
            return
        lanes = float(np.prod(crossing.ranks[:, unrolling]))
        before, after = self.grid.mean[t][rows.state], self.grid.mean[t][state]
        wide = np.where(after > 0, lanes * before / np.where(after > 0, after, 1.0), 1.0)
        k[:] = wide * (k + b * price)
        w[:] = lanes * (w + (b > 0) * price)
        u[:] = copies * u

    def _together(self, rows: CostRows, t: int, crossing: ArrayCrossing, unrolling: int) -> Floats:
        """How many lanes along the ranks of windows share what arrives, at most (or on average where that is known)."""
        operand, found = self.problem.operands[t], np.ones(len(rows))
        windows = crossing.coincide and not operand.output
        for axis, uses, clipped in zip(operand.axes, operand.uses, operand.clipped, strict=True):
            ranks = [operand.irregular[p - 2] for p in axis.ranks]
            lanes = tuple(int(n) for n in crossing.ranks[ranks, unrolling])
            extents = np.stack([self.grid.extents[self.marks.of[r]][rows.state] for r in ranks])
            own, inverse = distinct_columns(extents)
            each = [min(lanes_sharing(axis, tuple(e), lanes, clipped, windows), uses) for e in own.T.tolist()]
            found *= np.array(each, dtype=np.float64)[inverse]
        return found

    # --- leaving out ----------------------------------------------------------------------------------------------

    def _thin(self, rows: CostRows, item: int, old: int = 0) -> CostRows:
        """Rows that may lead to something good enough and that no other of their state is as good as in all."""
        if self.grain:  # sums in another order differ in their last digits, which would keep both
            rows.cols[:, C] = np.floor(rows.cols[:, C] / self.grain) * self.grain
        total = self.totals.total(rows.take(np.arange(old, len(rows))) if old else rows, item)
        keep = np.concatenate([np.ones(old, dtype=bool), ~self.totals.prunable(*total)])
        energy = np.concatenate([self._known, total[0]])[keep] if old else total[0][keep]
        new = np.arange(len(keep)) >= old
        rows, new = rows.take(keep), new[keep]
        group = rows.state * len(self.marks.marks) + rows.mark
        order = np.lexsort((new, energy, group))
        group = group[order]
        compared = rows.cols[order]
        number = self.number
        compared[:, TENSORS + W * number : TENSORS + (W + 1) * number] *= -1  # who pays more for each had fewer
        rows, new = rows.take(order), new[order]
        alive, left = np.arange(len(rows)), np.ones(len(rows), dtype=bool)
        for _ in range(ROUNDS):
            if not len(alive):
                break
            first = np.ones(len(alive), dtype=bool)
            first[1:] = group[alive[1:]] != group[alive[:-1]]
            leader = alive[first][np.cumsum(first) - 1]
            worse = np.all(compared[leader] <= compared[alive], axis=1) & ~first
            left[alive[worse]] = False
            alive = alive[~worse & ~first]
        self._is_new, self._known = new[left], energy[order][left]
        if left.sum() > self.most or (self.deadline is not None and time.monotonic() > self.deadline):
            raise TooManyRows
        return rows.take(left)

    def _unmarked(self, rows: CostRows, item: int) -> CostRows:
        """The rows of each state as partial mappings see them: what only further loops would ask for is dropped."""
        if not self.fine or not self.windowed:
            return rows
        rows = CostRows(rows.state, np.zeros_like(rows.mark), rows.node, rows.cols.copy())
        rows.part(W)[:] = 0.0
        return self._thin(rows, item)
