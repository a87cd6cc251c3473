"""What sparsity makes of dense counts: actual, gated, skipped; the three always sum to the dense count.

A rule at a memory looks, for every step of its follower at the next memory, at the leader's tile under that step; if it
is empty, what arrives in the step does not move, nor does anything of the follower further in during the step, nor do
the computes happen that take it. At the compute single elements decide. docs/sparsity.md says it in full.

Assumptions: dense counts say which events there are, also which partial sum is the first and needs no old value; an
element that did not move because its step had no use for it counts as held for the next step all the same. Old values
that come back to children of parents which already share an element are split like all arrivals there.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from sata.counts.dense.batch import Batch
from sata.counts.dense.closed_form import arrivals_sum, batch_of, count_piece, input_reads
from sata.counts.dense.memory_counts import DenseCounts, MemoryCounts, stack
from sata.counts.dense.plan import Link, Views, points_of
from sata.counts.dense.tables import Tables
from sata.counts.sparse.clusters import LeaderTile
from sata.counts.sparse.rules import Leader, Rules
from sata.counts.sparse.survivors import Sum
from sata.counts.sparse.zeros import Zeros
from sata.nest.structure import Structure

Number = Any  # a number, or a float64 array [B]
ROUNDING = 1e-14  # of expected counts: some units in the last place of a float


@dataclass(frozen=True, slots=True)
class Left:
    """What is left of a dense count. `unskipped`: after skipping; `actual`: after gating too."""

    unskipped: Number
    actual: Number


@dataclass(frozen=True, slots=True)
class Outcome:
    """A dense count, split. actual + gated + skipped == dense, to the last bit."""

    actual: Number
    gated: Number
    skipped: Number


@dataclass(frozen=True, slots=True)
class Decided:
    """What is left of everything that rules decide about: computes (None: nothing is decided), and events by (operand,
    place in its chain, event)."""

    computes: Left | None
    events: dict[tuple[int, int, str], Left]


def split(dense: Number, left: Left | None) -> Outcome:
    """A count split so that the parts sum to it exactly."""
    if left is None:
        return Outcome(dense, 0, 0)
    if isinstance(dense, int):
        skipped, rest = _apart(dense, float(left.unskipped))
        gated, actual = (0, rest) if left.actual == left.unskipped else _apart(rest, float(left.actual))
        return Outcome(actual, gated, skipped)
    skipped, rest = _apart(dense, left.unskipped)
    gated, actual = _apart(rest, np.where(left.actual == left.unskipped, rest, left.actual))
    return Outcome(actual, gated, skipped)


def _apart(total: Number, part: Number) -> tuple[Any, Any]:
    """(total - part, part), with part moved by at most a rounding so that the two sum to total (Sterbenz)."""
    near = near_whole(part)
    if isinstance(total, np.ndarray):
        other = total - np.minimum(np.maximum(near, 0.0), total)
    else:
        other = total - min(max(near, 0), total)
    return other, total - other


def near_whole(number: Number) -> Number:
    """An expected count, which is a sum of products and known to about ROUNDING of itself: what is as near to a whole
    number is that number, so that exact counts are whole."""
    if isinstance(number, np.ndarray):
        whole = np.rint(number)
        return np.where(np.abs(number - whole) <= ROUNDING * whole, whole, number)
    rounded = round(number)
    return rounded if abs(number - rounded) <= ROUNDING * rounded else number


def count_all(structure: Structure, factors: Any, rules: Rules) -> tuple[DenseCounts, Decided]:
    """Dense counts, and what rules leave of them: of one mapping (factors [slots]; numbers) or of a batch ([slots, B];
    arrays [B])."""
    batch, pieces = batch_of(structure, factors)
    work = Work(batch, rules)
    found = []
    for piece in pieces:
        tables = Tables(batch, piece)
        dense = count_piece(tables)
        found.append((dense, work.run(tables, dense)))
    if pieces[0] is None:
        return found[0][0], _map(found[0][1], lambda n: float(np.asarray(n).reshape(-1)[0]))
    sizes = [piece.stop - piece.start for piece in pieces]
    decided = _joined([(d, size) for (_, d), size in zip(found, sizes, strict=True)])
    return stack(structure, [dense for dense, _ in found], pieces), decided


class Work:
    """All sums of one op."""

    def __init__(self, batch: Batch, rules: Rules) -> None:
        self.rules, self.batch = rules, batch
        self.zeros = Zeros(batch, rules.leaders, batch.plan)
        self._sums: dict[Any, Sum] = {}

    def left(self, tables: Tables, link: Link, views: Views, tiles: tuple[LeaderTile, ...], **how: Any) -> Number:
        """What tiles leave of the events of a link, for the piece of the batch that the tables are of."""
        if not any(tile.sources for tile in tiles) and link is points_of(self.batch.structure):
            return _of_elements(self.batch.structure, tiles, self.rules.leaders)
        key = link, views, tiles, *how.items()
        if key not in self._sums:
            self._sums[key] = Sum(self.zeros, link, views, tiles, **how)
        return self._sums[key].total(tables)

    def run(self, tables: Tables, dense: DenseCounts) -> Decided:
        events: dict[tuple[int, int, str], Left] = {}
        if not self.rules.leaders:
            return Decided(None, {})
        for number, (operand, plan) in enumerate(zip(self.batch.structure.operands, self.batch.plan, strict=True)):
            for place, link in enumerate(plan.links):
                skips, all_ = self.tiles(number, place)
                if not all_:
                    continue
                last = place + 1 == len(plan.links)
                on_link = _OnLink(self, tables, link, last, skips, all_)
                if operand.output:
                    found = on_link.output(dense.tensors[number][place])
                else:
                    found = on_link.input()
                for child, event, left in found:
                    events[number, place + child, event] = left
        return Decided(self._computes(tables), events)

    def tiles(self, operand: int, link: int) -> tuple[tuple[LeaderTile, ...], tuple[LeaderTile, ...]]:
        """(tiles that skip, all tiles) on a link; of a leader the innermost, which the others contain."""
        decisions = self.rules.of(operand, link)
        both = []
        for chosen in ([d for d in decisions if d.skip], decisions):
            innermost: dict[int, int] = {}
            for d in chosen:
                for leader in d.leaders:
                    innermost[leader] = max(d.link, innermost.get(leader, 0))
            both.append(tuple(LeaderTile(leader, ((operand, at),)) for leader, at in innermost.items()))
        return both[0], both[1]

    def _computes(self, tables: Tables) -> Left | None:
        points = points_of(self.batch.structure)
        skips = point_tiles(self.batch.structure, self.rules, skips_only=True)
        all_ = point_tiles(self.batch.structure, self.rules, skips_only=False)
        if not all_:
            return None
        whole = self.batch.structure.computes
        actual = self.left(tables, points, points.apart, all_, at_compute=True)
        if skips == all_:
            return Left(actual, actual)
        if not skips:
            return Left(np.full(actual.shape, float(whole)), actual)
        return Left(self.left(tables, points, points.apart, skips, at_compute=True), actual)


def point_tiles(structure: Structure, rules: Rules, skips_only: bool) -> tuple[LeaderTile, ...]:
    """The leader tiles an operation lies under, of rules that skip or of all. Where several followers have tiles of one
    leader, what the tiles share comes last."""
    elements = rules.skips if skips_only else (*rules.skips, *rules.gates)
    sources: dict[int, dict[int, int]] = {leader: {} for leader in elements}
    for d in rules.decisions:
        if structure.operands[d.operand].output or (skips_only and not d.skip):
            continue
        for leader in d.leaders:
            at = sources.setdefault(leader, {})
            at[d.operand] = max(d.link, at.get(d.operand, 0))
    tiles: list[LeaderTile] = []
    for leader, at in sources.items():
        if leader in elements:
            tiles.append(LeaderTile(leader, ()))
            continue
        alone = [LeaderTile(leader, (source,)) for source in at.items()]
        tiles += alone if len(alone) == 1 else [*alone, LeaderTile(leader, tuple(at.items()))]
    return tuple(tiles)


@lru_cache(maxsize=4096)
def _of_elements(structure: Structure, tiles: tuple[LeaderTile, ...], leaders: tuple[Leader, ...]) -> Number:
    """Expected operations whose single elements are all non-zero: the same for all factors, so for the simplest."""
    simplest = [1] * len(structure.slots)
    for rank, slots in enumerate(structure.slots_of):
        if slots:
            simplest[slots[0]] = structure.bounds[rank]
    batch, points = Batch(structure, simplest), points_of(structure)
    zeros = Zeros(batch, leaders, batch.plan)
    return Sum(zeros, points, points.apart, tiles, at_compute=True).total(Tables(batch))


class _OnLink:
    """What is left of the events of one link: (at the child?, event, left)."""

    def __init__(self, work: Work, tables: Tables, link: Link, last: bool, skips: tuple[LeaderTile, ...],
                 all_: tuple[LeaderTile, ...]) -> None:  # fmt: skip
        self.work, self.tables, self.link, self.last, self.skips, self.all = work, tables, link, last, skips, all_
        self._known: dict[tuple[Views, bool, bool], tuple[Number, Number]] = {}

    def left(self, views: Views, backward: bool = False, firsts: bool = False) -> tuple[Number, Number]:
        """(unskipped, actual) of the arrivals or departures that views share."""
        key = views, backward, firsts
        if key not in self._known:
            found = [
                self.work.left(self.tables, self.link, views, tiles, at_compute=self.last and not firsts,
                               backward=backward, firsts=firsts)
                for tiles in ((self.all,) if self.skips in ((), self.all) else (self.skips, self.all))
            ]  # fmt: skip
            if self.skips:
                self._known[key] = found[0], found[-1]
            else:
                self._known[key] = self.whole(views, backward, firsts), found[0]
        return self._known[key]

    def whole(self, views: Views, backward: bool, firsts: bool) -> Number:
        """The count that nothing is taken from."""
        if not firsts:
            return arrivals_sum(self.tables, self.link, views, self.last, backward)
        return self.work.left(self.tables, self.link, views, (), firsts=True)

    def input(self) -> list[tuple[int, str, Left]]:
        reads = (0, "reads", Left(*self.reads()))
        return [reads] if self.last else [reads, (1, "fills", Left(*self.left(self.link.apart)))]

    def reads(self) -> tuple[Number, Number]:
        """(unskipped, actual) of the parent's reads, shared by the rule that reads less in all."""
        shared, (_, less) = self.left(self.link.shared), input_reads(self.tables, self.link, self.last)
        if not np.any(less):
            return shared
        tiled = self.left(self.link.tiled)
        return np.where(less, tiled[0], shared[0]), np.where(less, tiled[1], shared[1])

    def output(self, parent: MemoryCounts) -> list[tuple[int, str, Left]]:
        updates, leaving = self.left(self.link.shared, True), self.left(self.link.merged, True)
        merge_reads = [u - w for u, w in zip(updates, leaving, strict=True)]
        back = self.returns(parent)
        found = [(0, "updates", Left(*updates)), (0, "merge_reads", Left(*merge_reads)), (0, "reads", back)]
        if not self.last:
            found += [(1, "fills", back), (1, "drains", Left(*self.left(self.link.apart, True)))]
        return found

    def returns(self, parent: MemoryCounts) -> Left:
        """Old values that come back: arrivals without the first ones. Where first arrivals cannot be told by their
        order alone (parents that share elements) they are split like all arrivals."""
        together = arrivals_sum(self.tables, self.link, self.link.merged, self.last, False)
        valueless = together - parent.reads
        ordered = np.asarray(self.whole(self.link.merged, False, True)) == valueless
        found = []
        for some, first in zip(self.left(self.link.merged), self.left(self.link.merged, False, True), strict=True):
            share = parent.reads * np.divide(some, together, out=np.zeros(np.shape(some)), where=together > 0)
            found.append(np.where(ordered, some - first, share))
        return Left(found[0], found[1])


def _map(decided: Decided, f: Any) -> Decided:
    def each(left: Left | None) -> Left | None:
        return None if left is None else Left(f(left.unskipped), f(left.actual))

    return Decided(each(decided.computes), {k: each(v) for k, v in decided.events.items()})  # type: ignore[misc]


def _joined(pieces: Sequence[tuple[Decided, int]]) -> Decided:
    """What is left in consecutive pieces of a batch as one."""

    def join(numbers: list[Number]) -> Any:
        return np.concatenate([np.broadcast_to(n, (size,)) for n, (_, size) in zip(numbers, pieces, strict=True)])

    def each(lefts: list[Left]) -> Left:
        return Left(join([x.unskipped for x in lefts]), join([x.actual for x in lefts]))

    first = pieces[0][0]
    computes = None if first.computes is None else each([p.computes for p, _ in pieces if p.computes is not None])
    return Decided(computes, {key: each([p.events[key] for p, _ in pieces]) for key in first.events})
