"""Dense counts of a nest, exact and in closed form: cost grows with the number of loops, never with the bounds.

The definitions are those of docs/counting.md. A step other than the first is an increment of exactly one temporal
loop: loops outside it keep their index, loops inside it go from last to first. For each such loop the sum over all
its steps and children of |tile minus what was held| is a product over groups (dimensions and missing ranks) of the
sums of new sets, minus a product of the sums of held ones.

Assumptions: at the compute nothing is held from one step to the next, so `tile` sharing there compares the windows
of the moment only. A descending rank has been turned round before (its index counts from the end).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sata.counts.dense.batch import Batch
from sata.counts.dense.carriers import carried
from sata.counts.dense.digits import FREE, combinations_below, digits_of, least_index
from sata.counts.dense.memory_counts import DenseCounts, MemoryCounts, stack
from sata.counts.dense.plan import Link, OperandPlan, View, Views
from sata.counts.dense.tables import Tables
from sata.counts.dense.windows import Sums
from sata.nest.structure import TEMPORAL, Structure

Number = Any  # int, or an int64 array [B]
Ints = NDArray[np.int64]

CHUNK = 8192  # batch entries worked on at once: their columns stay in the cache


def count(structure: Structure, factors: Sequence[int] | Ints) -> DenseCounts:
    """Counts of one mapping, or of a batch.

    factors: [slots] for one mapping (numbers come back), or [slots, B] (arrays [B] come back). The outermost loop
    of a rank has factor ceil(bound / stride).
    """
    batch, pieces = batch_of(structure, factors)
    counts = [count_piece(Tables(batch, piece)) for piece in pieces]
    return counts[0] if pieces[0] is None else stack(structure, counts, pieces)


def count_instance(
    structure: Structure, factors: Sequence[int], memory: int, pins: Mapping[int, int]
) -> tuple[MemoryCounts | None, ...]:
    """Per operand, what one instance of a memory does; None where the memory does not keep it.

    memory: number of it. pins: every spatial slot above it -> index of the instance. `instances` is 1 where it ever
    holds something.
    """
    batch, _ = batch_of(structure, factors, pins)
    tables = Tables(batch)
    found: list[MemoryCounts | None] = []
    for number, (operand, plan) in enumerate(zip(structure.operands, tables.plan, strict=True)):
        if memory not in operand.chain:
            found.append(None)
            continue
        place = operand.chain.index(memory)
        if operand.output:
            filled = carried(structure, factors, number, place, pins) if place else 0
            found.append(_output(tables, plan, operand.initialised, (place, filled))[0][place])
        else:
            found.append(_input(tables, plan, Tables(batch_of(structure, factors)[0]))[0][place])
    return tuple(found)


def batch_of(
    structure: Structure, factors: Sequence[int] | Ints, pins: Mapping[int, int] | None = None
) -> tuple[Batch, list[Any]]:
    """(the batch of some factors, the pieces to work on it in); the only piece of one mapping is None."""
    table = np.asarray(factors, dtype=np.int64)
    if table.ndim == 1 or not len(structure.slots):
        return Batch(structure, table.reshape(-1).tolist(), pins), [None]
    size = table.shape[1]
    pieces = [slice(i, min(i + CHUNK, size)) for i in range(0, size, CHUNK)]
    return Batch(structure, list(np.ascontiguousarray(table)), pins), pieces


def count_piece(tables: Tables) -> DenseCounts:
    """Counts of the piece of a batch that tables are of (numbers for one mapping)."""
    structure = tables.structure
    tensors, arrivals = [], []
    for operand, plan in zip(structure.operands, tables.plan, strict=True):
        if operand.output:
            found, came = _output(tables, plan, operand.initialised)
        else:
            found, came = _input(tables, plan)
        tensors.append(found)
        arrivals.append(came)
    steps = _existing(tables, temporal=True)
    lanes = _existing(tables, temporal=False)
    return DenseCounts(tuple(tensors), tuple(arrivals), structure.computes, steps, lanes)


def input_reads(tables: Tables, link: Link, at_compute: bool) -> tuple[Number, Any]:
    """(reads of the parent of an input's link, whether `tile` on all of its sharing arrays reads less than what they
    say): `element` never costs more than `tile`."""
    shared = arrivals_sum(tables, link, link.shared, at_compute)
    if link.tiled is link.shared:
        return shared, False
    tiled = arrivals_sum(tables, link, link.tiled, at_compute)
    return least_index(shared, tiled), tiled < shared


def _input(
    tables: Tables, plan: OperandPlan, whole: Tables | None = None
) -> tuple[tuple[MemoryCounts, ...], tuple[Number, ...]]:
    """Arrivals fill the child; the parent is read once for all that `multicast` lets share. whole: where these tables
    look at one instance, those of all."""
    memories = _memories(tables, plan)
    came = []
    for i, link in enumerate(plan.links):
        at_compute = i + 1 == len(memories)
        arrivals = arrivals_sum(tables, link, link.apart, at_compute)
        if whole is None:
            memories[i].reads = input_reads(tables, link, at_compute)[0]
        else:  # one instance reads by the rule that is the lesser of all of them together
            less = input_reads(whole, link, at_compute)[1]
            memories[i].reads = arrivals_sum(tables, link, link.tiled if less else link.shared, at_compute)
        if not at_compute:
            memories[i + 1].fills = arrivals
        came.append(arrivals)
    return tuple(memories), tuple(came)


def _output(
    tables: Tables, plan: OperandPlan, initialised: bool, pinned: tuple[int, int] = (0, 0)
) -> tuple[tuple[MemoryCounts, ...], tuple[Number, ...]]:
    """Departures update the parent; what arrives again needs its old value, but for the first arrival during a
    residency of the parent that came without one. pinned: (place in the chain, old values that arrive there), where
    tables look at one instance of that memory; what is further out is not counted then."""
    memories = _memories(tables, plan)
    came = []
    valueless: Number = 0 if initialised else arrivals_sum(tables, plan.home, plan.home.apart, False)
    for i, link in enumerate(plan.links):
        at_compute = i + 1 == len(memories)
        arrivals = arrivals_sum(tables, link, link.apart, at_compute)
        together = arrivals_sum(tables, link, link.merged, at_compute)
        back = pinned[1] if i < pinned[0] else together - valueless
        memories[i].reads = back
        memories[i].updates = arrivals_sum(tables, link, link.shared, at_compute, backward=True)
        leaving = arrivals_sum(tables, link, link.merged, at_compute, backward=True)
        memories[i].merge_reads = memories[i].updates - leaving
        if not at_compute:
            memories[i + 1].fills = back
            memories[i + 1].drains = arrivals
            valueless = arrivals - back
        came.append(arrivals)
    return tuple(memories), tuple(came)


def _memories(tables: Tables, plan: OperandPlan) -> list[MemoryCounts]:
    """One entry a memory of the chain, with its largest tile and the instances that ever hold something."""
    found = []
    for link in (plan.home, *plan.links[:-1]):
        tile: Number = 1
        instances: Number = 1
        blocks, others = tables.divided(link.apart)
        for view in blocks:
            tile, instances = tile * tables.block(view), instances * tables.children(view)
        for _, view in others:
            sums = tables.sums(view, link, False)
            tile, instances = tile * sums.tile, instances * sums.instances
        found.append(MemoryCounts(tile, instances))
    return found


def arrivals_sum(tables: Tables, link: Link, views: Views, at_compute: bool, backward: bool = False) -> Number:
    """Elements that arrive (or depart, `backward`) over all steps, shared as the views say.

    At the compute each step takes the whole tile; at a memory, the tile minus what was held the step before.
    """
    if at_compute:
        whole: Number = 1
        for view in views:
            whole = whole * tables.every(view)
        return whole
    blocks, others = tables.divided(views)
    # blocks come and go alike, so only the others tell the directions of time apart
    key = (link, views, backward and bool(others))
    if key not in tables.totals:
        tables.totals[key] = _moves_sum(tables, link, blocks, others, backward)
    return tables.totals[key]


def _moves_sum(
    tables: Tables, link: Link, blocks: Sequence[View], others: Sequence[tuple[int, View]], backward: bool
) -> Number:
    """The sum over the first step and over the steps in which each temporal loop of a link moves."""
    total: Number = 0
    for step in _by_move(tables, link, blocks, others, backward):
        total = total + step
    return total


def arrivals_by_move(tables: Tables, link: Link, views: Views, backward: bool = False) -> list[Number]:
    """The terms of `arrivals_sum` at a memory: the first step (`backward`: the last), then per temporal loop of the
    link all steps in which it moves (`backward`: all before such a step)."""
    return list(_by_move(tables, link, *tables.divided(views), backward))


def _by_move(
    tables: Tables, link: Link, blocks: Sequence[View], others: Sequence[tuple[int, View]], backward: bool
) -> Iterator[Number]:
    """What the first step, and then the steps in which each temporal loop of a link moves, contribute."""
    sums = [tables.sums(view, link, backward) for _, view in others]
    masks = tables.active(link) if any(view.group.window.free for _, view in others) else None
    still = tables.still(link)
    reach: Number = 1  # what the exact groups cover, the temporal loops passed so far running and the rest at rest
    for view in blocks:
        reach = reach * tables.base(view)
    first = reach
    for s in sums:
        first = first * s.first
    yield first
    place = {g: i for i, (g, _) in enumerate(others)}
    foreign: dict[tuple[int, ...], tuple[Number, Number]] = {}
    for n, move in enumerate(link.moves):
        own = place.get(move.group)
        at = tuple(move.outside[g] for g in place)
        if own is not None:
            new, held = _product(sums, at, own)
            step = reach * (new - held * still[n])
        else:
            more = reach * tables.factors[move.slot]
            step, reach = more - reach, more
            if others and at not in foreign:
                foreign[at] = _product(sums, at, None)
            new, held = foreign[at] if others else (1, 1)
            if move.slot not in link.relevant:
                step = step * (new - held * still[n])
            elif others:  # the blocks themselves move: nothing of them was held
                step = step * new
        yield step if masks is None else step * masks[n]


def _product(sums: Sequence[Sums], outside: tuple[int, ...], own: int | None) -> tuple[Number, Number]:
    """(new, held) of the groups that are no exact blocks, when group `own` moves itself (None: one of the others)."""
    new: Number = 1
    held: Number = 1
    for g, (s, i) in enumerate(zip(sums, outside, strict=True)):
        new = new * (s.own_new[i] if g == own else s.foreign_new[i])
        held = held * (s.own_held[i] if g == own else s.foreign_held[i])
    return new, held


def _existing(tables: Tables, temporal: bool) -> Number:
    """Index combinations of the temporal (or of the spatial) loops under which some point exists."""
    structure = tables.structure
    return existing(tables, [(slot.array == TEMPORAL) == temporal for slot in structure.slots])


def existing(tables: Tables, runs: Sequence[bool]) -> Number:
    """Index combinations of some loops under which some point exists. runs: per slot, whether its loop is one."""
    product: Number = 1
    for rank in range(len(tables.structure.bounds)):
        product = product * existing_of(tables, rank, runs)
    return product


def existing_of(tables: Tables, rank: int, runs: Sequence[bool]) -> Number:
    """The same of the loops of one rank."""
    slots = tables.structure.slots_of[rank]
    factors = [tables.factors[s] for s in slots]
    product: Number = 1
    if tables.exact[rank]:
        for slot, factor in zip(slots, factors, strict=True):
            if runs[slot]:
                product = product * factor
        return product
    strides: list[Number] = []
    running: Number = 1
    for factor in reversed(factors):
        strides.append(running)
        running = running * factor
    digits, rest = digits_of(tables.structure.bounds[rank], strides[::-1], factors)
    below, edge = combinations_below(digits, factors, [FREE if runs[s] else 0 for s in slots])
    return below + edge * (rest > 0)
