"""What is fixed about counting a structure: per tensor its groups, per link its loops and what each array does.

A *group* is what contributes one factor to every product: a dimension of the tensor with its ranks, or a rank that
the tensor lacks (one element that exists or does not). Every loop belongs to exactly one group.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from sata.counts.dense.window_rows import BY_ELEMENT, BY_TILE, IS_TEMPORAL, TOLD_APART, Window, WindowLoop
from sata.nest.structure import TEMPORAL, Operand, Structure


@dataclass(frozen=True, slots=True)
class DimensionGroup:
    """One dimension, or one rank the tensor lacks. `plain`: one rank, and no coordinate beyond the border."""

    window: Window
    ranks: tuple[int, ...]
    slots: tuple[int, ...]  # of these ranks, outermost first
    plain: bool
    slot_ranks: tuple[int, ...] = ()  # of each slot, its rank


@dataclass(frozen=True, slots=True, eq=False)
class View:
    """A group seen from one child: its own loops above that child, with what each spatial one does there.

    Those of equal value are one object in a plan: a view equals only itself, and tables know it by that.
    """

    group: DimensionGroup
    depth: int
    loops: tuple[WindowLoop, ...]

    @property
    def slots(self) -> tuple[int, ...]:
        return self.group.slots[: len(self.loops)]


@dataclass(frozen=True, slots=True)
class Move:
    """A temporal loop above the child: its slot, its group, and per group how many of its own temporal loops are
    outside.
    """

    slot: int
    group: int
    outside: tuple[int, ...]


Views = tuple[View, ...]
KnownViews = dict[tuple[DimensionGroup, int, tuple[WindowLoop, ...]], View]  # of equal value, one


@dataclass(frozen=True, slots=True, eq=False)
class Link:
    """Parent to child of one tensor. `apart`, `merged`: all arrays telling apart, or merging; `shared`: by `multicast`
    (inputs) or by `reduce` (outputs); `tiled`: as `shared`, but `tile` where arrays say
    `element`, if some array says `tile`. Views of equal value are one object, so `is` tells whether sharing matters."""

    depth: int
    moves: tuple[Move, ...]
    apart: Views
    shared: Views
    merged: Views
    tiled: Views
    relevant: frozenset[int]  # slots of ranks that index the tensor


@dataclass(frozen=True, slots=True)
class OperandPlan:
    """homes: the home seen from nowhere; links: home -> ... -> compute (one more than there are further memories)."""

    home: Link
    links: tuple[Link, ...]


@lru_cache(maxsize=4096)
def plan_of(structure: Structure) -> tuple[OperandPlan, ...]:
    """The plan of every operand of a structure. Equal views are one object, also between operands."""
    known: KnownViews = {}
    return tuple(_plan(structure, operand, known) for operand in structure.operands)


def groups_of(structure: Structure, operand: Operand) -> tuple[DimensionGroup, ...]:
    """Dimensions of the operand, then the ranks that it lacks and that have loops."""
    groups = []
    indexed: set[int] = set()
    for axis in operand.axes:
        indexed.update(axis.ranks)
        bounds = tuple(structure.bounds[r] for r in axis.ranks)
        window = Window(bounds, axis.coefs, axis.offset, axis.size)
        groups.append(_group(structure, window, axis.ranks, _plain(window)))
    for rank, bound in enumerate(structure.bounds):
        if rank not in indexed and structure.slots_of[rank]:
            window = Window((bound,), (0,), 0, 1, free=True)
            groups.append(_group(structure, window, (rank,), True))
    return tuple(groups)


def _group(structure: Structure, window: Window, ranks: tuple[int, ...], plain: bool) -> DimensionGroup:
    slots = tuple(sorted(s for r in ranks for s in structure.slots_of[r]))
    return DimensionGroup(window, ranks, slots, plain, tuple(structure.slots[s].rank for s in slots))


def _plain(window: Window) -> bool:
    """One rank with different coordinates for different values, all of them inside the border."""
    if len(window.bounds) != 1 or window.coefs[0] == 0:
        return False
    ends = window.offset, window.offset + window.coefs[0] * (window.bounds[0] - 1)
    return min(ends) >= 0 and max(ends) < window.size


def _plan(structure: Structure, operand: Operand, known: KnownViews) -> OperandPlan:
    groups = groups_of(structure, operand)
    depths = [structure.depths[m] for m in operand.chain] + [len(structure.slots)]
    home = _link(structure, operand, groups, depths[0], depths[0], known)
    links = [_link(structure, operand, groups, p, c, known) for p, c in zip(depths, depths[1:], strict=False)]
    return OperandPlan(home, tuple(links))


@lru_cache(maxsize=4096)
def points_of(structure: Structure) -> Link:
    """The compute seen by no tensor: every rank with loops is a group of its own, every index combination a step."""
    nothing = Operand((), False, ())
    groups = groups_of(structure, nothing)
    return _link(structure, nothing, groups, len(structure.slots), len(structure.slots), {})


def _views(
    structure: Structure,
    operand: Operand,
    groups: tuple[DimensionGroup, ...],
    parent: int,
    child: int,
    mode: str,
    known: KnownViews,
) -> Views:
    """The groups as a child sees them; spatial loops above `parent` are told apart in every mode."""
    found = []
    for g in groups:
        own = [s for s in g.slots if s < child]
        loops = tuple(
            WindowLoop(g.ranks.index(structure.slots[s].rank), _role(structure, operand, s, parent, mode)) for s in own
        )
        key = (g, child, loops)
        found.append(known.get(key) or known.setdefault(key, View(*key)))
    return tuple(found)


def _role(structure: Structure, operand: Operand, slot: int, parent: int, mode: str) -> int:
    array = structure.slots[slot].array
    if array == TEMPORAL:
        return IS_TEMPORAL
    if slot < parent or mode == "apart":
        return TOLD_APART
    if mode == "merged":
        return BY_ELEMENT
    fanout = structure.fanouts[array]
    if operand.output:
        return BY_ELEMENT if fanout.reduce else TOLD_APART
    if mode == "tiled" and fanout.multicast != "none":
        return BY_TILE
    return {"none": TOLD_APART, "tile": BY_TILE, "element": BY_ELEMENT}[fanout.multicast]


def _link(
    structure: Structure,
    operand: Operand,
    groups: tuple[DimensionGroup, ...],
    parent: int,
    child: int,
    known: KnownViews,
) -> Link:
    def views(mode: str) -> Views:
        return _views(structure, operand, groups, parent, child, mode, known)

    apart, shared, merged = (views(mode) for mode in ("apart", "shared", "merged"))
    shared = apart if shared == apart else shared
    merged = apart if merged == apart else shared if merged == shared else merged
    crossed = {structure.slots[s].array for s in range(parent, child)} - {TEMPORAL}
    mixed = not operand.output and {"tile", "element"} <= {structure.fanouts[a].multicast for a in crossed}
    tiled = views("tiled") if mixed else shared
    owner = {s: i for i, g in enumerate(groups) for s in g.slots}
    moves = []
    outside = [0] * len(groups)
    for slot in range(child):
        if structure.slots[slot].array == TEMPORAL:
            moves.append(Move(slot, owner[slot], tuple(outside)))
            outside[owner[slot]] += 1
    indexed = {r for axis in operand.axes for r in axis.ranks}
    relevant = frozenset(s for s in range(child) if structure.slots[s].rank in indexed)
    return Link(child, tuple(moves), apart, shared, merged, shared if tiled == shared else tiled, relevant)
