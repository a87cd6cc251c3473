"""What moves when each temporal loop counts up: the dense counts of every link, kept apart by increment.

A step other than the first is an increment of exactly one temporal loop: the loops inside it start over. For each such
loop this is the sum over all its increments, as `dense` has it before it adds them up. Time needs it: what moves at one
increment can hide behind the steps of another, or not.

Assumptions: old values that come back are exact in all; which increments bring them is exact for blocks with exact
factors, else an estimate (the first arrivals are spread as the arrivals of the loops that index the tensor are).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from sata.counts.dense.closed_form import arrivals_by_move, existing_of, input_reads
from sata.counts.dense.plan import Link, OperandPlan
from sata.counts.dense.tables import Tables
from sata.nest.structure import TEMPORAL

Number = Any  # a number, or an array [B]


@dataclass(frozen=True, slots=True)
class Moved:
    """Elements of one event on a link, summed over instances. edge: of the first step (what leaves: of the last);
    each: per temporal loop above the child, outermost first, of all its increments."""

    edge: Number
    each: tuple[Number, ...]


@dataclass(frozen=True, slots=True)
class LinkMoves:
    """One tensor on one link into a memory. operand: its number; place: of the memory in its chain.

    steps: how many temporal loops, the outermost, are steps of the tensor there. events: `reads`, `updates`,
    `merge_reads` happen at the parent, `fills` and `drains` at the child. at_once, after_two: per loop, whether most of
    what comes back when it counts up has left in the same increment, or in the one before.
    """

    operand: int
    place: int
    steps: Number
    events: Mapping[str, Moved]
    at_once: tuple[Number, ...]
    after_two: tuple[Number, ...]


@dataclass(frozen=True, slots=True)
class Increments:
    """All links of a nest into memories. increments: per temporal loop, outermost first, how often it counts up between
    steps with existing points; passes: how often the loops from it inwards run (last: the steps)."""

    increments: tuple[Number, ...]
    passes: tuple[Number, ...]
    links: tuple[LinkMoves, ...]


def increments_of(tables: Tables, returned: Sequence[Sequence[Number]]) -> Increments:
    """The increments of one mapping or of a piece of a batch. returned: per operand and memory of its chain, the dense
    `reads`: of outputs, all old values that go back inwards."""
    passes = _passes(tables)
    links: list[LinkMoves] = []
    for number, (operand, plan) in enumerate(zip(tables.structure.operands, tables.plan, strict=True)):
        if operand.output:
            links += _output(tables, plan, number, returned[number])
        else:
            links += _input(tables, plan, number)
    counts = tuple(inner - outer for outer, inner in zip(passes, passes[1:], strict=False))
    return Increments(counts, passes, tuple(links))


def _passes(tables: Tables) -> tuple[Number, ...]:
    """Existing index combinations of the first temporal loops: of none, of one, ..., of all."""
    structure = tables.structure
    runs = [False] * len(structure.slots)
    own: list[Number] = [1] * len(structure.bounds)
    found: list[Number] = [1]
    for number, slot in enumerate(structure.slots):
        if slot.array != TEMPORAL:
            continue
        runs[number] = True
        own[slot.rank] = existing_of(tables, slot.rank, runs)
        product: Number = 1
        for combinations in own:
            product = product * combinations
        found.append(product)
    return tuple(found)


def _steps(tables: Tables, link: Link) -> Number:
    return sum(tables.active(link), start=0)


def _input(tables: Tables, plan: OperandPlan, operand: int) -> list[LinkMoves]:
    found = []
    for place, link in enumerate(plan.links[:-1], 1):
        events = {"reads": _reads(tables, link), "fills": _moved(tables, link, "apart")}
        never = (False,) * len(link.moves)
        found.append(LinkMoves(operand, place, _steps(tables, link), events, never, never))
    return found


def _reads(tables: Tables, link: Link) -> Moved:
    """By the rule that is the lesser of all steps together."""
    shared = _moved(tables, link, "shared")
    if link.tiled is link.shared:
        return shared
    less, tiled = input_reads(tables, link, False)[1], _moved(tables, link, "tiled")
    pairs = zip((tiled.edge, *tiled.each), (shared.edge, *shared.each), strict=True)
    edge, *each = (less * t + (1 - less) * s for t, s in pairs)
    return Moved(edge, tuple(each))


def _moved(tables: Tables, link: Link, views: str, backward: bool = False) -> Moved:
    edge, *each = arrivals_by_move(tables, link, getattr(link, views), backward)
    return Moved(edge, tuple(each))


def _output(tables: Tables, plan: OperandPlan, operand: int, returned: Sequence[Number]) -> list[LinkMoves]:
    found = []
    home = _moved(tables, plan.home, "apart")
    came, fresh = home, home  # at the parent: all that arrives, and what arrives without an old value
    if tables.structure.operands[operand].initialised:
        fresh = Moved(0, (0,) * len(home.each))
    above = plan.home
    for place, link in enumerate(plan.links[:-1], 1):
        together = _moved(tables, link, "merged")
        fresh_here = _of_all(together) - returned[place - 1]
        first = _first_arrivals(tables, link, together, fresh_here, came, fresh, above)
        back = Moved(together.edge - first.edge, _less(together.each, first.each))
        updates = _moved(tables, link, "shared", backward=True)
        leaving = _moved(tables, link, "merged", backward=True)
        drains = _moved(tables, link, "apart", backward=True)
        merges = Moved(updates.edge - leaving.edge, _less(updates.each, leaving.each))
        events = {"reads": back, "fills": back, "updates": updates, "merge_reads": merges, "drains": drains}
        found.append(LinkMoves(operand, place, _steps(tables, link), events, _at_once(tables, link, above, back),
                               _after_two(tables, link, back)))  # fmt: skip
        came = _moved(tables, link, "apart")
        fresh = Moved(came.edge - back.edge, _less(came.each, back.each))
        above = link
    return found


def _of_all(moved: Moved) -> Number:
    return sum(moved.each, start=moved.edge)


def _less(all_: tuple[Number, ...], some: tuple[Number, ...]) -> tuple[Number, ...]:
    return tuple(a - b for a, b in zip(all_, some, strict=True))


def _first_arrivals(
    tables: Tables, link: Link, together: Moved, fresh_here: Number, came: Moved, fresh: Moved, above: Link
) -> Moved:
    """Arrivals without an old value, by increment. fresh_here: all of them; came, fresh: at the parent, by increment,
    what arrives, and what of it arrives without an old value."""
    outer = len(above.moves)
    edge = together.edge * _share(fresh.edge, came.edge)
    each = [t * _share(f, c) for t, f, c in zip(together.each[:outer], fresh.each, came.each, strict=True)]
    # inside the parent's residency the first arrivals are those with all loops at zero that do not index the tensor
    weights: list[Number] = []
    passed: Number = 1
    for move, arriving in zip(link.moves[outer:], together.each[outer:], strict=True):
        if move.slot in link.relevant:
            weights.append(arriving / passed)
        else:
            weights.append(0 * arriving)
            passed = passed * tables.factors[move.slot]
    scale = _share(fresh_here - sum(each, start=edge), sum(weights, start=0))
    each += [np.minimum(w * scale, t) for w, t in zip(weights, together.each[outer:], strict=True)]
    return Moved(edge, tuple(each))


def _share(part: Number, whole: Number) -> Number:
    """part / whole; 0 where there is nothing."""
    return part / (whole + (whole == 0))


def _at_once(tables: Tables, link: Link, above: Link, back: Moved) -> tuple[Number, ...]:
    """Windows of neighbouring lanes hand elements on: what one gives away when they move, another takes up at once."""
    windows = {v.group for v in link.apart if not v.group.plain and len(v.group.ranks) > 1 and not v.group.window.free}
    depth = above.depth
    across = {g for g in windows for s in g.slots
              if depth <= s < link.depth and tables.structure.slots[s].array != TEMPORAL}  # fmt: skip
    lanes: Number = False
    for group in across:
        for slot in group.slots:
            if depth <= slot < link.depth and tables.structure.slots[slot].array != TEMPORAL:
                lanes = lanes | (tables.factors[slot] > 1)
    found: list[Number] = []
    moves: Number = False
    for move, returning in zip(reversed(link.moves), reversed(back.each), strict=True):
        if any(move.slot in group.slots for group in across):
            moves = moves | (tables.factors[move.slot] > 1)
        found.append(lanes & moves & (returning > 0))
    return tuple(found[::-1])


def _after_two(tables: Tables, link: Link, back: Moved) -> tuple[Number, ...]:
    """Where the tensor has two tiles that take turns, each comes back after the other."""
    inside: list[Number] = []
    tiles: Number = 1
    for move in reversed(link.moves):
        inside.append(tiles)
        if move.slot in link.relevant:
            tiles = tiles * tables.factors[move.slot]
    found: list[Number] = []
    repeats: Number = False  # the nearest loop outside that runs does not index the tensor
    for move, own, returning in zip(link.moves, reversed(inside), back.each, strict=True):
        factor = tables.factors[move.slot]
        if move.slot in link.relevant:
            found.append((factor == 2) & (own == 1) & repeats & (returning > 0))
            repeats = repeats & (factor == 1)
        else:
            found.append((own == 2) & (returning > 0))
            repeats = repeats | (factor > 1)
    return tuple(found)
