"""Words on the wires of arrays: lanes that get them, and the links they pass, exact and in closed form.

A word enters an array at its corner over one link; wires run along the first axis (the trunk), from every place there
along the next one, and so on. So for the set S of lanes that get a word in a step

    links(S) = 1 + sum over axes n, and over places u of S on the axes before, of the largest index of S on axis n at u

S is what shares a read (or meets in a sum): a product of sets P of lanes, one for each group of the tensor, without
those lanes Q that hold the word already, which is a product too. Indices on an axis are mixed-radix numbers whose
digits belong to loops, every loop to one group. At u the last lane of P is M, digit by digit that of its groups; it is
in S unless every group has its M in Q. Then the last lane of S differs from M in the one group g whose last lane
outside of Q differs from M in the innermost digit. So the sum over words and places of the largest index is a sum of
products over groups,

    of digits of M over all places, minus over places where Q is all of P,
    minus, for every loop s of the axis, what its group loses where it is g and differs in s first,

and these are the sums of `survivors` with a measure for each group (`lanes`). A partial sum comes back to one lane, the
first in the order of indices that lacks it: the same sums, with first instead of last, and all arrays as one axis.

Through several arrays the places of the outer ones come before the axes of the inner ones: a word that went to several
lanes enters the wires below each of them. What zeros leave of a word is settled by its event at the outer memory.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import product
from math import prod
from typing import Any, NamedTuple

import numpy as np

from sata.counts.dense.carriers import carried
from sata.counts.dense.closed_form import arrivals_sum, batch_of, input_reads
from sata.counts.dense.lane_sharing import ALL, LOSS, TAIL, Measure
from sata.counts.dense.memory_counts import DenseCounts, MemoryCounts
from sata.counts.dense.plan import Link, Views
from sata.counts.dense.tables import Tables
from sata.counts.dense.window_rows import BY_ELEMENT
from sata.counts.sparse.clusters import LeaderTile
from sata.counts.sparse.outcomes import Left, Work
from sata.counts.sparse.rules import Rules
from sata.counts.wires.flows import Flow, Wires, joined, summed
from sata.nest.structure import TEMPORAL, Structure

Number = Any  # a number, or an array [B]


class WireLevel(NamedTuple):
    """The loops of one axis of an array, outermost first."""

    array: int
    slots: tuple[int, ...]


class ProductTerm(NamedTuple):
    """One sum of products: slots whose factors multiply it, its sign, a measure for each view."""

    weight: tuple[int, ...]
    sign: int
    measures: tuple[Measure | None, ...]
    held_only: bool = False


def count_wires(
    structure: Structure, factors: Any, rules: Rules, dense: DenseCounts, arrays: Iterable[int]
) -> dict[tuple[int, int], Wires]:
    """Per operand and array: its words on the wires of that array; of one mapping, or of a batch as in `count_all`.

    arrays: the numbers of those whose wires matter. An operand that no link takes through an array is left out.
    """
    wanted = frozenset(arrays)
    if not wanted:
        return {}
    batch, pieces = batch_of(structure, factors)
    work = Work(batch, rules)
    found: dict[tuple[int, int], list[tuple[Wires, int]]] = {}
    for piece in pieces:
        tables = Tables(batch, piece)
        for number, operand in enumerate(structure.operands):
            for place, link in enumerate(batch.plan[number].links):
                parent = dense.tensors[number][place]
                parent = parent if piece is None else _of_piece(parent, piece)
                crossed = _Crossing(work, tables, link, number, place)
                for array, wires in crossed.wires(operand.output, parent, wanted):
                    size = 1 if piece is None else piece.stop - piece.start
                    found.setdefault((number, array), []).append((wires, size))
    return {key: joined(each, pieces[0] is None) for key, each in found.items()}


class _Crossing:
    """The arrays on one link of an operand."""

    def __init__(self, work: Work, tables: Tables, link: Link, operand: int, place: int) -> None:
        self.work, self.tables, self.link = work, tables, link
        self.operand, self.at = operand, place + 1
        self.last = place + 1 == len(work.batch.plan[operand].links)
        self.skips, self.all = work.tiles(operand, place)
        structure, slots = work.batch.structure, work.batch.structure.slots
        chain = structure.operands[operand].chain
        depth, inner = structure.depths[chain[place]], len(structure.depths) if self.last else chain[place + 1]
        self.between = tuple(s for s in range(depth, link.depth) if slots[s].array != TEMPORAL)
        keys = dict.fromkeys((slots[s].array, slots[s].axis) for s in self.between)
        self.levels = [
            WireLevel(array, tuple(s for s in self.between if (slots[s].array, slots[s].axis) == (array, axis)))
            for array, axis in sorted(keys)
        ]
        idle = {a for a, fanout in enumerate(structure.fanouts) if chain[place] < fanout.above <= inner}
        self.arrays = sorted({level.array for level in self.levels} | idle)  # those without loops use one lane
        self.place = {s: (v, n) for v, view in enumerate(link.apart) for n, s in enumerate(view.slots)}

    def wires(self, output: bool, parent: MemoryCounts, wanted: frozenset[int]) -> Iterator[tuple[int, Wires]]:
        """(array, what passes it)."""
        for array in (a for a in self.arrays if a in wanted):
            received = self.flow(list(self.received(array)), output)
            links = self.flow(list(self.tree(array)), output)
            if output and np.any(np.asarray(parent.reads) > 0):
                received = summed(received, self.back(parent, ()))
                links = summed(links, self.back(parent, self.loops_of(array)))
            yield array, Wires(received, links)

    # --- what is summed ---------------------------------------------------------------------------------------

    def received(self, array: int) -> Iterator[ProductTerm]:
        """Words times the lanes of an array that get them."""
        yield ProductTerm((), 1, self.measures(self.before(array + 1)))

    def tree(self, array: int) -> Iterator[ProductTerm]:
        """Links in an array: into its corner, then along each axis."""
        yield ProductTerm((), 1, self.measures(self.before(array)))
        before = self.before(array)
        for level in self.levels:
            if level.array == array:
                yield from self.last_index(level.slots, before, level.slots)
                before = (*before, *level.slots)

    def loops_of(self, array: int) -> tuple[int, ...]:
        """The loops of an array."""
        return tuple(s for level in self.levels if level.array == array for s in level.slots)

    def before(self, array: int) -> tuple[int, ...]:
        """The loops of arrays outside of one."""
        return tuple(s for level in self.levels if level.array < array for s in level.slots)

    def last_index(self, level: Sequence[int], prefix: Sequence[int], picked: Sequence[int],
                   first: bool = False) -> Iterator[ProductTerm]:  # fmt: skip
        """The last index (or first) of some lanes on a level under every place of the prefix, digit by digit."""
        for pick in picked:
            weight = self.weight(pick)
            yield ProductTerm(weight, 1, self.measures(prefix, level, pick, first=first))
            group = self.place[pick][0]
            for at in level:
                if self.place[at][0] == group and (at <= pick) and self.partly(group):
                    yield ProductTerm(weight, -1, self.measures(prefix, level, pick, at, first), held_only=True)

    def weight(self, slot: int) -> tuple[int, ...]:
        """The loops further in on the axis of a loop: one step of it passes as many links as their factors' product."""
        level = next(level for level in self.levels if slot in level.slots)
        return tuple(s for s in level.slots if s > slot)

    def partly(self, group: int) -> bool:
        """Whether some of the lanes that share a coordinate may have it and others not: never where it is of blocks."""
        view = self.link.apart[group]
        if view.group.plain and not self.tables.ragged(view):
            return False
        return any(loop.role == BY_ELEMENT for loop in self.link.merged[group].loops)

    def measures(self, prefix: Sequence[int], level: Sequence[int] = (), pick: int = -1, at: int = -1,
                 first: bool = False) -> tuple[Measure | None, ...]:  # fmt: skip
        """What each view gives to one product. at: the loop in which the group of `pick` loses, the others not later;
        -1: nobody loses."""
        found: list[Measure | None] = []
        for number in range(len(self.link.apart)):
            own = [[self.place[s][1] for s in some if self.place[s][0] == number] for some in (prefix, level)]
            mine = pick >= 0 and self.place[pick][0] == number
            if not own[0] and not own[1]:
                found.append(None)
            elif at < 0:
                found.append(Measure(ALL, tuple(own[0]), tuple(own[1]), self.place[pick][1] if mine else -1, first))
            elif mine:
                found.append(Measure(LOSS, tuple(own[0]), tuple(own[1]), self.place[pick][1], first, self.place[at][1]))
            else:
                outside = sum(s < at for s in level if self.place[s][0] == number)
                found.append(Measure(TAIL, tuple(own[0]), tuple(own[1]), first=first, before=outside))
        return tuple(found)

    # --- sums -------------------------------------------------------------------------------------------------

    def flow(self, runs: Sequence[ProductTerm], output: bool) -> Flow:
        """The words that the arrays share, by the rule that reads less in all."""
        less = False if output else input_reads(self.tables, self.link, self.last)[1]

        def total(tiles: tuple[LeaderTile, ...]) -> Number:
            def of(views: Views) -> Number:
                return self.total(runs, views, tiles, at_compute=self.last, backward=output)

            shared = of(self.link.shared)
            return np.where(less, of(self.link.tiled), shared) if np.any(less) else shared

        return self.split(total)

    def split(self, total: Any) -> Flow:
        """A sum under no rule, under rules that skip, under all."""
        whole = total(())
        if not self.all:
            return Flow(whole, None)
        actual = total(self.all)
        return Flow(whole, Left(whole if not self.skips else total(self.skips) if self.skips != self.all else actual,
                                actual))  # fmt: skip

    def total(self, runs: Sequence[ProductTerm], views: Views, tiles: tuple[LeaderTile, ...], **how: bool) -> Number:
        found: Number = 0.0
        for run in runs:
            part = self.work.left(self.tables, self.link, views, tiles, measures=run.measures,
                                  held_only=run.held_only, **how)  # fmt: skip
            for slot in run.weight:
                part = part * self.tables.factors[slot]
            found = found + run.sign * part
        return found

    def back(self, parent: MemoryCounts, picked: Sequence[int]) -> Flow:
        """Partial sums that come back: their number and, of some loops, how far along their axes the lane is that
        takes them; all arrivals without the first ones. Where first arrivals cannot be told by their order alone (the
        parents share elements, or a home forgets them) lanes are counted one by one; zeros leave of them what they
        leave of all arrivals."""
        views = self.link.merged
        runs = [ProductTerm((), 1, self.measures(())), *self.last_index(self.between, (), picked, first=True)]
        firsts = [run for run in runs if not run.held_only]
        together = arrivals_sum(self.tables, self.link, views, self.last, False)
        early = self.total(runs[:1], views, (), firsts=True)
        ordered = np.asarray(early) == together - parent.reads
        whole = self.total(runs, views, (), at_compute=self.last)
        share = np.where(ordered, 0.0, self.lane_by_lane(ordered, picked)) / np.where(whole > 0, whole, 1)

        def total(tiles: tuple[LeaderTile, ...]) -> Number:
            every = self.total(runs, views, tiles, at_compute=self.last)
            first = self.total(firsts, views, tiles, firsts=True)
            return np.where(ordered, every - first, every * share)

        return self.split(total)

    def lane_by_lane(self, known: Any, picked: Sequence[int]) -> Any:
        """The same of mappings that are not known yet, [B] (or [1] for one): what each lane carries, and where."""
        size = max((np.size(f) for f in self.tables.factors), default=1)
        found = np.zeros(size)
        for b in np.flatnonzero(~np.broadcast_to(known, (size,))).tolist():
            factors = [int(f if np.ndim(f) == 0 else f[b]) for f in self.tables.factors]
            found[b] = self.of_lanes(factors, picked)
        return found

    def of_lanes(self, factors: Sequence[int], picked: Sequence[int]) -> float:
        """Of one mapping. Lanes along equal blocks are counted once."""
        structure, total = self.work.batch.structure, 0.0
        above = [s for s in range(self.link.depth) if structure.slots[s].array != TEMPORAL]
        for chosen in product(*(self.lanes_of(s, factors) for s in above)):
            pins = {s: index for s, (index, _, _) in zip(above, chosen, strict=True)}
            mean = {s: place for s, (_, _, place) in zip(above, chosen, strict=True)}
            far = sum(mean[s] * prod(factors[w] for w in self.weight(s)) for s in picked)
            times = prod(number for _, number, _ in chosen)
            total += times * (1 + far) * carried(structure, factors, self.operand, self.at, pins)
        return total

    def lanes_of(self, slot: int, factors: Sequence[int]) -> list[tuple[int, int, float]]:
        """Lanes along a loop that stand for all: (index, how many it stands for, their mean index). Along blocks of a
        dimension all are alike; of those that hold the same, the first is another than the others, and below the parent
        it carries everything."""
        f, structure = factors[slot], self.work.batch.structure
        group = self.link.apart[self.place[slot][0]].group
        rank = structure.slots[slot].rank
        if not group.plain or prod(factors[s] for s in structure.slots_of[rank]) != structure.bounds[rank]:
            return [(index, 1, float(index)) for index in range(f)]
        if not group.window.free:
            return [(0, f, (f - 1) / 2)]
        if slot in self.between:
            return [(0, 1, 0.0)]
        return [(0, 1, 0.0), (1, f - 1, 0.0)][: 2 if f > 1 else 1]


def _of_piece(counts: MemoryCounts, piece: slice) -> MemoryCounts:
    return MemoryCounts(reads=np.asarray(counts.reads)[piece])
