"""What the inner part of a nest costs at least, from the compute outwards: nests of one skeleton, thinned to those
that some outer part may want.

The nests here are simpler than real ones: ranks are classes (`grid`), and a tensor with windows costs no more than the
elements it touches until a loop moves the whole tile. All else is what `moves` counts, so that for other tensors the
least of these nests is what the rest of a partial nest really costs. docs/search.md has the argument.

A row holds, of all executions of an inner nest together: `C` energy that every execution costs again; `N` temporal
steps, of all lanes outside one after the other; `F` cycles of filling (for the least energy they are part of C, as what
leaks). Per tensor, of what has stood still so far: `K` and `U` energy of its arrivals by element of the tile here, `K`
as they come (with windows some come again), `U` as if each came once; `W` energy of one arrival of those in K. Below an
array whose lanes share a link to come: `P` arrivals in every execution, `B` those of what has stood still, by element
of the tile here. Filling through an array is taken at what the best plan makes of it.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import gcd, prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sata.costs.time import filling_cycles
from sata.counts.capacity import within
from sata.search.codes import distinct
from sata.search.frame import Frame, Strand
from sata.search.grid import Grid
from sata.search.labels import Labels, Trail
from sata.search.nests import PlacedLoop
from sata.search.objective import Objective
from sata.search.plans import window_share
from sata.search.windows import Marks, positions
from sata.specs.model import Array, Memory

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
PLAN = "plan"  # stands in the trail for all spatial loops of an array
C, N, F, TENSORS = 0, 1, 2, 3
K, U, W, P, B = range(5)
GRAIN = 1e-12  # of the best energy: what sums are rounded down to
ROUNDS = 200  # with how many better ones of its state each row is compared
MOST = 1 << 18  # rows in one place: more are not worth it


@dataclass
class Rows:
    """state, mark, node: [n]; cols: [n, 3 + 5 tensors], see the module, `windows` and `labels.Trail`."""

    state: Ints
    mark: Ints
    node: Ints
    cols: Floats

    def take(self, chosen: NDArray[np.generic]) -> Rows:
        return Rows(self.state[chosen], self.mark[chosen], self.node[chosen], self.cols[chosen])

    def part(self, which: int) -> Floats:
        """[n, tensors], to be written to: one of K, U, W, P, B."""
        number = (self.cols.shape[1] - TENSORS) // 5
        return self.cols[:, TENSORS + which * number : TENSORS + (which + 1) * number]

    def __len__(self) -> int:
        return len(self.state)


def joined(parts: list[Rows]) -> Rows:
    """All rows of several lists."""
    return Rows(
        np.concatenate([p.state for p in parts]),
        np.concatenate([p.mark for p in parts]),
        np.concatenate([p.node for p in parts]),
        np.concatenate([p.cols for p in parts]),
    )


@dataclass(frozen=True)
class Table:
    """Rows by state: `at` [S] -> number in `cols` [states, most rows, columns] or -1; missing rows are infinite."""

    at: Ints
    cols: Floats


@dataclass(frozen=True)
class Limit:
    """What is good enough already, as `Best` has it; the least cycles of any nest of the skeleton."""

    objective: Objective
    have: tuple[tuple[float, float], ...]
    cycles: float


class TooMany(Exception):
    """More rows than are worth it."""


class Ahead:
    """Least costs below every place of one skeleton, as far as they may lead below a limit."""

    def __init__(self, frame: Frame, grid: Grid, limit: Limit, fine: bool = False) -> None:
        self.frame, self.grid, self.limit, self.fine = frame, grid, limit, fine
        self.marks, self.trail = Marks(frame, grid), Trail()
        self.best: list[tuple[float, int]] = []  # least values of whole nests and how they came about
        self.windowed = [t for t, s in enumerate(frame.strands) if s.irregular]
        self.number = len(frame.strands)
        self.relevant = [
            [s.relevant[ranks[0]] and ranks[0] not in s.irregular for ranks in grid.classes] for s in frame.strands
        ]
        executions = frame.points / np.prod(grid.extents, axis=0)
        self.weights = [mean * executions for mean in grid.mean]  # elements of all executions
        name, leak = limit.objective.name, frame.on.leak_pj
        self.prices = 0.0 if name == "cycles" else 1.0  # what the columns hold for what is sought
        self.fills = (leak, 0.0) if name == "energy" else (0.0, 1.0)
        self.step = 0.0 if name == "energy" and not leak else 1.0
        self.grain = max((f[0] for f in limit.have), default=0.0) * GRAIN
        self.whole = len(executions) - 1  # the state of the empty nest
        self.arrays = [n for n, i in enumerate(frame.skeleton.items) if isinstance(i, Array)]
        self.crossings = [Crossing(frame, k) for k in range(len(self.arrays))]
        self.tables: dict[int, Table] = {}
        self.usable = all(c.usable for c in self.crossings)
        self._worth()

    def build(self) -> bool:
        """Make the tables, from the compute outwards. Returns: whether anything is left that may be good enough."""
        items = self.frame.skeleton.items
        rows = self._compute()
        for number in reversed(range(len(items) - 1)):
            rows = self._block(rows, number)
            self.tables[number] = self._table(self._unmarked(rows, number))
            item = items[number]
            if number and len(rows):
                rows = self._memory(rows, number, item) if isinstance(item, Memory) else self._array(rows, number)
            if not len(rows):
                return False
        whole = rows.take(rows.state == self.whole)
        values = self.limit.objective.value(*self._total(whole, 0))
        self.best = sorted(zip(values.tolist(), whole.node.tolist(), strict=True))
        return bool(self.best)

    def nests(self, number: int) -> list[tuple[PlacedLoop, ...]]:
        """The loops of the nests with the least costs here. What they really cost may be more."""
        found = [self._loops(node) for _, node in self.best[:number]]
        return [loops for loops in found if loops is not None]

    def _loops(self, node: int) -> tuple[PlacedLoop, ...] | None:
        """The loops of a row; None where ranks of a class cannot share them out so."""
        frame, left = self.frame, list(self.frame.bounds)
        steps = self.trail.loops_of(node)[::-1]
        spatial, temporal = [], []
        for item, axis, plan, _ in steps:
            if axis:
                k = self.arrays.index(item)
                for row, (array, name, rank) in enumerate(frame.plans.slots):
                    factor = int(frame.plans.factors[row, plan])
                    if array == k and factor > 1:
                        spatial.append(PlacedLoop(item, name, frame.ranks[rank], factor))
                        if left[rank] % factor:
                            return None
                        left[rank] //= factor
        for item, axis, g, factor in steps:
            for rank in self.grid.classes[g] if not axis else ():
                own = gcd(left[rank], factor)
                left[rank], factor = left[rank] // own, factor // own
                if own > 1:
                    temporal.append(PlacedLoop(item, "", frame.ranks[rank], own))
        return (*spatial, *temporal) if all(n == 1 for n in left) else None

    def _worth(self) -> None:
        """Which plans may be good enough, if all else comes once."""
        frame = self.frame
        energy = frame.compute_pj
        for t, strand in enumerate(frame.strands):
            energy += self.grid.mean[t][self.whole] * self._outside(t, strand, len(frame.skeleton.items))
        lanes = np.prod(frame.plans.ahead[0], axis=0)
        cycles = np.maximum(frame.points * frame.cycles_each / lanes, self.limit.cycles)
        hope = ~self._hopeless(energy + frame.on.leak_pj * cycles, cycles)
        for crossing in self.crossings:
            crossing.keep(hope)

    # --- from the compute outwards --------------------------------------------------------------------------------

    def _compute(self) -> Rows:
        row = np.zeros((1, TENSORS + 5 * self.number))
        row[0, N] = self.frame.cycles_each * self.frame.points * self.step
        for t, strand in enumerate(self.frame.strands):
            each, last = self.weights[t][0] * self.prices, len(strand.stops)
            if strand.stops[-1].arrays < len(self.arrays):
                row[0, TENSORS + P * self.number + t] = each
            else:
                row[0, C] += each * _parent(strand, last, 1.0, 1.0)
        return Rows(*(np.zeros(1, dtype=np.int64) for _ in range(3)), row)

    def _block(self, rows: Rows, item: int) -> Rows:
        """With all temporal loops below an item."""
        done = self._thin(rows, item)
        fresh = done
        while True:
            more = [self._looped(fresh, item, g) for g in range(len(self.grid.classes))]
            both = self._thin(joined([done, *more]), item, len(done))
            fresh = both.take(self._is_new)
            done = both
            if not len(fresh):
                break
        return done

    def _looped(self, rows: Rows, item: int, g: int) -> Rows:
        """Every row with one more loop over a class, of every factor."""
        values, stride = self.grid.values[g], self.grid.strides[g]
        place = rows.state // stride % len(values)
        parts = [rows.take(np.zeros(0, dtype=np.int64))]
        windowed = [t for t in self.windowed if self.fine and not self.relevant[t][g]]
        for to in range(1, len(values)):
            some = np.flatnonzero((place < to) & (values[to] % values[place] == 0))
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
        return joined(parts)

    def _moved(self, rows: Rows, t: int) -> None:
        """After a loop that moves the whole tile of a tensor: what stood still comes every time."""
        elements = self.weights[t][rows.state]
        rows.cols[:, C] += (rows.part(K)[:, t] + rows.part(U)[:, t]) * elements
        rows.part(P)[:, t] += rows.part(B)[:, t] * elements
        for which in (K, U, W, B):
            rows.part(which)[:, t] = 0.0
        if self.fine and t in self.windowed:
            rows.mark = self.marks.without(rows.mark, t)

    def _slid(self, rows: Rows, t: int, rank: int, state: Ints, factors: Ints) -> None:
        """After a loop that moves a window, or begins its way anew: what comes is new, or was dropped before. state: with
        the loop."""
        before, after = self.grid.mean[t][rows.state], self.grid.mean[t][state]
        kept = self.marks.overlap(rows.mark, t, rows.state, rank, factors)
        again = np.where(after > 0, factors * before / np.where(after > 0, after, 1.0), 1.0)
        held = np.where(after > 0, (factors - 1) * kept / np.where(after > 0, after, 1.0), 0.0)
        k, b = rows.part(K)[:, t], rows.part(B)[:, t]
        k[:] = k * again - rows.part(W)[:, t] * held
        b[:] = b * again - (b > 0) * held

    def _memory(self, rows: Rows, item: int, memory: Memory) -> Rows:
        """With a memory: what fits, and the links into it."""
        held = np.zeros(len(rows))
        links = []
        for t, strand in enumerate(self.frame.strands):
            at = next((n for n, s in enumerate(strand.stops) if s.item == item), None)
            if at is None:
                continue
            held += self.grid.largest[t][rows.state] * strand.stops[at].fitting_bits
            links.append((t, strand, at))
        ok = np.ones(len(rows), dtype=bool)
        if memory.size_bits is not None:
            ok &= within(held, memory.size_bits // memory.buffers)
        for _, strand, at in links:
            for g, ranks in enumerate(self.grid.classes if at == 0 else ()):
                if ranks[0] in strand.carried:
                    ok &= self.grid.extents[g][rows.state] == self.grid.values[g][-1]
        rows = rows.take(np.flatnonzero(ok))
        for t, strand, at in links:
            if at == 0:
                continue
            tile = self.grid.largest[t][rows.state]
            if self.fine and strand.irregular:
                self._settled(rows, t)
            if strand.stops[at - 1].arrays < strand.stops[at].arrays:
                rows.part(B)[:, t] = self.prices
                crossing = self.crossings[strand.stops[at].arrays - 1]
                self._fill(rows.cols, tile * _least(crossing.filling[t, crossing.worth]))
            else:
                each = (_child(strand, at) + _parent(strand, at, 1.0, 1.0)) * self.prices
                rows.part(K if self.fine else U)[:, t] += each
                self._fill(rows.cols, _filling(strand, at, tile, 1.0))
            if self.fine and strand.irregular:
                rows.part(W)[:, t] = rows.part(K)[:, t]
                rows.mark = self.marks.with_child(rows.mark, t, rows.state)
        return self._thin(rows, item - 1)

    def _settled(self, rows: Rows, t: int) -> None:
        """Before a memory takes a window: what passes the links further in comes every time, but for one tile that may
        still be there; that comes again at least as often as the new tile."""
        tile, k = self.grid.mean[t][rows.state], rows.part(K)[:, t]
        again = np.maximum(k * tile - rows.part(W)[:, t] * self.marks.sizes(rows.mark, t), 0.0)
        rows.cols[:, C] += np.where(tile > 0, again / np.where(tile > 0, tile, 1.0), 0.0) * self.weights[t][rows.state]
        k -= np.where(tile > 0, again / np.where(tile > 0, tile, 1.0), 0.0)

    def _fill(self, cols: Floats, cycles: Any) -> None:
        cols[:, C] += cycles * self.fills[0]
        cols[:, F] += cycles * self.fills[1]

    def _array(self, rows: Rows, item: int) -> Rows:
        """With an array: one row for every plan of it."""
        crossing = self.crossings[self.arrays.index(item)]
        factors, names = crossing.grouped(self.grid)
        found = [rows.take(np.zeros(0, dtype=np.int64))]
        strides = self.grid.strides
        for plan in range(len(names)):
            state = np.zeros_like(rows.state)
            ok = np.ones(len(rows), dtype=bool)
            for g, values in enumerate(self.grid.values):
                to = np.searchsorted(values, self.grid.extents[g][rows.state] * factors[g, plan])
                ok &= to < len(values)
                to = np.minimum(to, len(values) - 1)
                ok &= values[to] == self.grid.extents[g][rows.state] * factors[g, plan]
                state += to * strides[g]
            if not ok.any():
                continue
            own, more = names[plan], rows.take(np.flatnonzero(ok))
            more.cols[:, C] += more.part(P) @ crossing.energy[:, own]
            more.cols[:, N] /= float(np.prod(factors[:, plan]))
            for t in range(self.number):
                self._crossed(more, t, crossing, own, state[ok])
            for which in (P, B):
                more.part(which)[:] = 0.0
            below, more.state = more.state, state[ok]
            hope = ~self._hopeless(*self._total(more, item - 1))
            below, more = below[hope], more.take(hope)
            for t in self.windowed if self.fine else ():
                more.mark = self.marks.with_lanes(more.mark, t, below, crossing.ranks[:, own])
            more.node = self.trail.add(more.node, item, PLAN, int(own), np.ones(len(more), dtype=np.int64))
            found.append(more)
        return self._thin(joined(found), item - 1)

    def _crossed(self, rows: Rows, t: int, crossing: Crossing, plan: int, state: Ints) -> None:
        """What stood still below an array, seen from above it: lanes that hold the same, and lanes side by side."""
        strand, copies = self.frame.strands[t], crossing.copies[t, plan]
        k, u, w, b = (rows.part(which)[:, t] for which in (K, U, W, B))
        if not (self.fine and strand.irregular):
            u[:] = copies * (u + k + b * crossing.standing[t, plan])
            k[:] = 0.0
            return
        lanes = float(np.prod(crossing.ranks[:, plan]))
        before, after = self.grid.mean[t][rows.state], self.grid.mean[t][state]
        wide = np.where(after > 0, lanes * before / np.where(after > 0, after, 1.0), 1.0)
        still, child = b > 0, crossing.child[t]
        if crossing.coincide and not strand.output:
            read = crossing.parent[t] / (copies * self._coinciding(rows, t, crossing, plan))
            k[:] = wide * (k + b * (child + read))
            w[:] = lanes * (w + still * (child + read))
        else:
            k[:] = wide * (k + b * child)
            w[:] = lanes * (w + still * child)
            u[:] = copies * (u + still * (crossing.standing[t, plan] - child))

    def _coinciding(self, rows: Rows, t: int, crossing: Crossing, plan: int) -> Floats:
        """How many lanes along the ranks of windows have the same window."""
        strand, found = self.frame.strands[t], np.ones(len(rows))
        for axis in strand.axes:
            ranks = [strand.irregular[p - 2] for p in axis.ranks]
            lanes = tuple(int(n) for n in crossing.ranks[ranks, plan])
            extents = np.stack([self.grid.extents[self.marks.of[r]][rows.state] for r in ranks])
            own, inverse = distinct(extents)
            each = [prod(lanes) / positions(axis, tuple(e), lanes) for e in own.T.tolist()]
            found *= np.array(each)[inverse]
        return found

    # --- leaving out ----------------------------------------------------------------------------------------------

    def _thin(self, rows: Rows, item: int, old: int = 0) -> Rows:
        """Rows that may lead to something good enough and that no other of their state is as good as in all."""
        if self.grain:  # sums in another order differ in their last digits, which would keep both
            rows.cols[:, C] = np.floor(rows.cols[:, C] / self.grain) * self.grain
        total = self._total(rows, item)
        keep = ~self._hopeless(*total)
        new = np.arange(len(rows)) >= old
        rows, new = rows.take(keep), new[keep]
        group = rows.state * len(self.marks.marks) + rows.mark
        order = np.lexsort((new, total[0][keep], group))
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
        self._is_new = new[left]
        if left.sum() > MOST:
            raise TooMany
        return rows.take(left)

    def _hopeless(self, energy: Floats, cycles: Floats) -> NDArray[np.bool_]:
        return self.limit.objective.hopeless(energy, cycles, self.limit.have)

    def _total(self, rows: Rows, item: int) -> tuple[Floats, Floats]:
        """Least energy and cycles of whole nests with these inner parts: outside them each element comes once. item:
        the last one that is not part of the rows."""
        frame, number, on = self.frame, self.number, self.frame.on
        passed = sum(n <= item for n in self.arrays)
        each, still = self.crossings[passed - 1].cheapest if passed else np.zeros((2, number))
        cols = rows.cols
        energy = cols[:, C] + rows.part(P) @ each + frame.compute_pj
        for t, strand in enumerate(frame.strands):
            elements = self.grid.mean[t][self.whole]
            standing = rows.part(K)[:, t] + rows.part(U)[:, t] + rows.part(B)[:, t] * still[t]
            energy = energy + elements * (standing + self._outside(t, strand, item))
            if strand.output and not strand.tensor.initialised:
                inside = strand.stops[0].item > item  # then as often as the home is begun anew, at most
                without = self.weights[t][rows.state] if inside else elements
                energy = energy - without * self._returning(strand, item)
        lanes = prod(c.lanes for c in self.crossings[:passed])
        cycles = np.maximum(cols[:, N] / lanes, self.limit.cycles) + cols[:, F]
        return energy + on.leak_pj * cycles, cycles

    def _outside(self, t: int, strand: Strand, item: int) -> float:
        """Energy by element of the links into memories up to an item, each passed once."""
        total = 0.0
        for at in range(1, len(strand.stops)):
            child, parent = strand.stops[at], strand.stops[at - 1]
            if child.item <= item:
                share = prod(c.most[t] for c in self.crossings[parent.arrays : child.arrays])
                event, own = ("updates", "drains") if strand.output else ("reads", "fills")
                total += child.energy[own] + parent.energy[event] / share
        return total

    @staticmethod
    def _returning(strand: Strand, item: int) -> float:
        """Energy by element of old values over the links into what stands below an item: saved where there are none."""
        at = sum(stop.item <= item for stop in strand.stops)
        return _back(strand, max(at, 1))

    # --- what a partial nest asks ---------------------------------------------------------------------------------

    def _unmarked(self, rows: Rows, item: int) -> Rows:
        """The rows of each state as partial nests see them: what only further loops would ask for is dropped."""
        if not self.fine or not self.windowed:
            return rows
        rows = Rows(rows.state, np.zeros_like(rows.mark), rows.node, rows.cols.copy())
        rows.part(W)[:] = 0.0
        return self._thin(rows, item)

    def _table(self, rows: Rows) -> Table:
        at = np.full(self.whole + 1, -1, dtype=np.int64)
        if not len(rows):
            return Table(at, np.zeros((0, 1, rows.cols.shape[1])))
        states, first, count = np.unique(rows.state, return_index=True, return_counts=True)
        at[states] = np.arange(len(states))
        cols = np.zeros((len(states), int(count.max()), rows.cols.shape[1]))
        cols[:, :, C] = np.inf
        cols[at[rows.state], np.arange(len(rows)) - first[at[rows.state]]] = rows.cols
        return Table(at, cols)

    def least(self, labels: Labels, item: int, apart: Floats, cycles: Floats) -> tuple[Floats, Floats]:
        """Least energy and cycles of all completions, [B, rows]: one of them is no more. item: the last one passed;
        apart: [T, B] arrivals at a child that would stand here; cycles: a bound known already, filling included."""
        frame, number = self.frame, self.number
        table = self.tables[item]
        state = self.grid.states(labels.left)
        row = table.at[state]
        cols = table.cols[np.maximum(row, 0)]
        passed = sum(n <= item for n in self.arrays)
        each = still = np.zeros((number, len(labels)))
        if passed:
            crossing = self.crossings[passed - 1]
            each, still = crossing.energy[:, labels.plan], crossing.standing[:, labels.plan]
        found = cols[:, :, C].copy()
        standing: Any = 0.0
        for t, strand in enumerate(frame.strands):
            k, u, p, b = (cols[:, :, TENSORS + part * number + t] for part in (K, U, P, B))
            found += p * each[t][:, None]
            standing = standing + apart[t][:, None] * (k + u + b * still[t][:, None])
            if strand.output and not strand.tensor.initialised:
                inside = strand.stops[0].item > item
                without = self.weights[t][state] if inside else labels.valueless[t]
                standing = standing - (without * self._returning(strand, item))[:, None]
        steps = cols[:, :, N] / labels.lanes[:, None]
        fills = cols[:, :, F] * self.fills[1]
        longest = np.maximum(steps + labels.filling[:, None], cycles[:, None]) + fills
        energy = labels.energy[:, None] + found + standing + frame.on.leak_pj * longest
        none = (row < 0)[:, None] | np.isinf(cols[:, :, C])
        return np.where(none, np.inf, energy), np.where(none, np.inf, longest)


class Crossing:
    """What plans make of links through one array. Of each plan: energy [T, P] by arrival at a child below; standing
    [T, P] the same where each element of the union of all windows arrives once; filling [T, P] cycles by element of its
    tile; copies [T, P] lanes that hold the same. cheapest: [2, T] the least energy and standing of all plans; most: [T] the most lanes that share; lanes: the most of all."""

    def __init__(self, frame: Frame, array: int) -> None:
        plans, self.array = frame.plans, array
        own = [(row, rank) for row, (a, _, rank) in enumerate(plans.slots) if a == array]
        count = plans.factors.shape[1]
        self.ranks = np.ones((len(frame.ranks), count), dtype=np.int64)
        for row, rank in own:
            self.ranks[rank] *= plans.factors[row]
        lanes = np.prod(self.ranks, axis=0).astype(np.float64)
        self.lanes = float(lanes.max(initial=1.0))
        fanout = frame.fanouts[array]
        shape = (len(frame.strands), count)
        self.energy, self.standing, self.filling = np.zeros(shape), np.zeros(shape), np.zeros(shape)
        self.child, self.parent = np.zeros(shape[0]), np.zeros(shape[0])
        self.coincide = fanout.multicast == "tile" and len(frame.fanouts) == 1
        self.copies = np.ones(shape)
        self.most = np.ones(shape[0])
        for t, strand in enumerate(frame.strands):
            same, windows = self._same(frame, strand)
            self.copies[t] = same
            reduced, shared = fanout.reduce, strand.output or fanout.multicast != "none"
            share = same * windows if shared else np.ones(count)
            reduce = same * windows if reduced else np.ones(count)
            self.most[t] = float(np.max(reduce if strand.output else share))
            at = next((n for n, s in enumerate(strand.stops) if s.arrays > array), len(strand.stops))
            if at == 0 or strand.stops[at - 1].arrays > array:
                continue  # all of it is below, or nothing passes
            outer = float(prod(frame.usable[strand.stops[at - 1].arrays : array]))
            if at < len(strand.stops) and strand.irregular and (strand.output or fanout.multicast != "tile"):
                # lanes share elements, of tiles that overlap
                share = same * self._side_by_side(strand) if shared else share
                reduce = same * self._side_by_side(strand) if reduced else reduce
            self.child[t], self.parent[t] = _child(strand, at), strand.stops[at - 1].energy["reads"]
            share, reduce = share * outer, reduce * outer
            self.energy[t] = _child(strand, at) + _parent(strand, at, share, reduce)
            once = same * outer if shared else np.full(count, outer)
            added = same * outer if reduced else np.full(count, outer)
            self.standing[t] = _child(strand, at) + _parent(strand, at, once, added)
            if at < len(strand.stops):
                self.filling[t] = _filling(strand, at, 1.0, lanes / np.minimum(share, lanes))
        self.keep(np.ones(count, dtype=bool))
        self.usable = bool((self.energy >= 0).all() and (self.standing >= 0).all())

    def keep(self, worth: NDArray[np.bool_]) -> None:
        """Leave only some plans."""
        self.worth = worth
        each = [part[:, worth].min(axis=1, initial=np.inf) for part in (self.energy, self.standing)]
        self.cheapest = np.nan_to_num(np.stack(each), posinf=0.0)

    def _same(self, frame: Frame, strand: Strand) -> tuple[Floats, Floats]:
        """Per plan: lanes that differ in ranks the tensor lacks; the most that windows may share beside that."""
        lacking = [r for r, relevant in enumerate(strand.relevant) if not relevant]
        same = np.prod(self.ranks[lacking], axis=0) if lacking else np.ones(self.ranks.shape[1])
        if len(frame.fanouts) == 1:
            whole = strand.output or frame.fanouts[self.array].multicast == "element"
            return same, window_share(self.ranks, strand.windows, strand.uses, whole)
        return same, self._side_by_side(strand)

    def _side_by_side(self, strand: Strand) -> Floats:
        """Per plan: the most lanes along windows that hold the same element."""
        odd = [r for ranks in strand.windows for r in ranks]
        lanes = np.prod(self.ranks[odd], axis=0) if odd else np.ones(self.ranks.shape[1])
        return np.minimum(lanes, float(prod(strand.uses)))

    def grouped(self, grid: Grid) -> tuple[Ints, Ints]:
        """(factors [classes, plans], a plan of each kind): those that differ in what counts here."""
        factors = np.stack([np.prod(self.ranks[list(ranks)], axis=0) for ranks in grid.classes]) if grid.classes else (
            np.ones((0, self.ranks.shape[1]), dtype=np.int64))  # fmt: skip
        rows = np.concatenate([factors, self.energy, self.standing, self.filling, self.copies])
        chosen = np.flatnonzero(self.worth)
        _, first = np.unique(rows[:, chosen], axis=1, return_index=True)
        return factors[:, chosen[first]], chosen[first]


def _least(values: Floats) -> float:
    return float(values.min()) if len(values) else 0.0


def _child(strand: Strand, at: int) -> float:
    """Energy of an arrival at stop number `at` (a result: of its departure), at the child."""
    if at == len(strand.stops):
        return 0.0
    return strand.stops[at].energy["drains" if strand.output else "fills"]


def _parent(strand: Strand, at: int, share: Any, reduce: Any) -> Any:
    """Energy of an arrival at stop number `at` at its parent, and of the old value that comes with a result: as if it
    always came. share: arrivals that one access serves; reduce: results that are added on the way."""
    parent = strand.stops[at - 1].energy
    if not strand.output:
        return parent["reads"] / share
    back = parent["reads"] + (strand.stops[at].energy["fills"] if at < len(strand.stops) else 0.0)
    merging = 0.0 if strand.irregular else parent["merge_reads"] * (1.0 / reduce - 1.0 / share)
    # lanes that hold an element together, but one, start without its value
    return parent["updates"] / reduce + back / share + merging - (1.0 - 1.0 / share) * _back(strand, at + 1)


def _back(strand: Strand, first: int) -> float:
    """Energy of old values by element, over the links into stops from number `first` on and into the compute."""
    total = 0.0
    for at in range(first, len(strand.stops) + 1):
        total += strand.stops[at - 1].energy["reads"]
        total += strand.stops[at].energy["fills"] if at < len(strand.stops) else 0.0
    return total


def _filling(strand: Strand, at: int, tile: Any, copies: Any) -> Any:
    """Cycles of the first fill (results: the last drain) of tiles of so many elements at stop number `at`."""
    child, ports = strand.stops[at], strand.stops[at - 1].memory.bandwidth
    if child.memory.buffers != 1:
        return 0.0
    own = child.memory.bandwidth
    if strand.output:
        rates = (ports.read_bits if ports.shared else ports.write_bits, own.read_bits)
    else:
        rates = (ports.read_bits, own.write_bits)
    return filling_cycles(tile * child.tile_bits, copies, *rates)
