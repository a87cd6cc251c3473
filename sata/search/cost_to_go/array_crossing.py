"""What unrollings make of links through an array, and what an arrival costs at both ends of a link."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sata.search.cost_to_go.states import TileStates
from sata.search.model.problem import OperandChain, SearchProblem
from sata.search.space.unrolling import window_share

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class CrossingKinds:
    """Unrollings that differ in what counts, see `ArrayCrossing`: energy, standing times copies, copies
    [T, kinds] and lanes [kinds]."""

    energy: Floats
    standing: Floats
    copies: Floats
    lanes: Floats


class ArrayCrossing:
    """What unrollings make of links through one array.

    Of each unrolling: energy [T, P] by arrival at a child below; standing [T, P] the same where each element of the
    union of all windows arrives once; copies [T, P] lanes that hold the same.
    kinds: of the unrollings that are worth it; most: [T] the most lanes that share; lanes: the most of all.
    """

    def __init__(self, problem: SearchProblem, array: int) -> None:
        unrollings, self.array = problem.unrollings, array
        slots = [(row, rank) for row, (a, _, rank) in enumerate(unrollings.slots) if a == array]
        count = unrollings.factors.shape[1]
        self.ranks = np.ones((len(problem.ranks), count), dtype=np.int64)
        for row, rank in slots:
            self.ranks[rank] *= unrollings.factors[row]
        lanes = np.prod(self.ranks, axis=0).astype(np.float64)
        self.lanes, self.of_lanes = float(lanes.max(initial=1.0)), lanes
        fanout = problem.fanouts[array]
        shape = (len(problem.operands), count)
        self.energy, self.standing = np.zeros(shape), np.zeros(shape)
        self.coincide = fanout.multicast == "tile" and len(problem.fanouts) == 1
        # of each operand: its level below, lanes above, who shares
        self.links: list[tuple[int, float, bool, bool]] = []
        self.copies = np.ones(shape)
        self.most = np.ones(shape[0])
        for t, operand in enumerate(problem.operands):
            same, windows = self._same(problem, operand)
            position = next((n for n, s in enumerate(operand.levels) if s.arrays > array), len(operand.levels))
            if position < len(operand.levels) and operand.irregular:
                windows = self._of_tiles(problem, operand, operand.output or fanout.multicast != "tile")
            self.copies[t] = same
            reduced, shared = fanout.reduce, operand.output or fanout.multicast != "none"
            share = same * windows if shared else np.ones(count)
            reduce = same * windows if reduced else np.ones(count)
            self.most[t] = float(np.max(reduce if operand.output else share))
            if position == 0 or operand.levels[position - 1].arrays > array:
                self.links.append((position, 0.0, shared, reduced))
                continue  # all of it is below, or nothing passes
            outer = float(prod(problem.usable[operand.levels[position - 1].arrays : array]))
            self.links.append((position, outer, shared, reduced))
            self.energy[t] = self.price(operand, t, windows, slice(None))
            # each element of all windows once: lanes that hold it too start without its value, which may save more
            self.standing[t] = np.minimum(self.price(operand, t, 1.0, slice(None)), windows * self.energy[t])
        self.keep(np.ones(count, dtype=bool))
        self.usable = bool((self.energy >= 0).all() and (self.standing >= 0).all())

    def price(self, operand: OperandChain, t: int, windows: Any, unrolling: Any) -> Any:
        """Energy of an arrival at the child below, where so many lanes along windows share it, beside those that differ
        in ranks the tensor lacks. 0 where nothing passes."""
        position, outer, shared, reduced = self.links[t]
        if not outer:
            return windows * 0.0
        together = self.copies[t, unrolling] * windows * outer
        share, reduce = (together if is_shared else together * 0.0 + outer for is_shared in (shared, reduced))
        return child_energy(operand, position) + parent_energy(operand, position, share, reduce)

    def keep(self, worth: NDArray[np.bool_]) -> None:
        """Leave only some unrollings."""
        self.worth = worth
        self.__dict__.pop("kinds", None)

    @cached_property
    def kinds(self) -> CrossingKinds:
        """Of the unrollings that are worth it, those that no other is as good as in everything."""
        parts = [self.energy, self.copies * self.standing, self.copies]
        rows = np.concatenate([*parts, -self.of_lanes[None, :]])
        rows = np.unique(rows[:, self.worth], axis=1)
        left = rows
        for row in rows.T:
            if len(left.T) and np.any(np.all(left == row[:, None], axis=0)):
                left = left[:, ~(np.all(row[:, None] <= left, axis=0) & np.any(row[:, None] < left, axis=0))]
        energy, standing, copies = np.split(left[:-1], len(parts))
        return CrossingKinds(energy, standing, copies, -left[-1])

    def _same(self, problem: SearchProblem, operand: OperandChain) -> tuple[Floats, Floats]:
        """Per unrolling: lanes that differ in ranks the tensor lacks; the most that windows may share beside that."""
        lacking = [r for r, relevant in enumerate(operand.relevant) if not relevant]
        same = np.prod(self.ranks[lacking], axis=0) if lacking else np.ones(self.ranks.shape[1])
        if len(problem.fanouts) == 1:
            whole = operand.output or problem.fanouts[self.array].multicast == "element"
            return same, window_share(self.ranks, operand.windows, operand.uses, [whole or c for c in operand.clipped])
        return same, self._side_by_side(operand)

    def _of_tiles(self, problem: SearchProblem, operand: OperandChain, elements: bool) -> Floats:
        """Per unrolling: the most lanes along windows that share, below a memory. elements: single ones are shared.
        Else windows must coincide; those of different lanes do only where borders leave the same of both, and then
        they are longer than half of the dimension."""
        if elements or len(problem.fanouts) > 1:
            return self._side_by_side(operand)
        most = np.ones(self.ranks.shape[1])
        for axis, ranks, uses, clipped in zip(
            operand.axes, operand.windows, operand.uses, operand.clipped, strict=True
        ):
            lanes = self.ranks[list(ranks)]
            share = window_share(self.ranks, [ranks], [uses], [clipped])
            left = np.array([problem.bounds[r] for r in ranks])[:, None] // lanes
            span = np.sum(np.abs(np.array(axis.coefs))[:, None] * (left - 1), axis=0)
            alike = clipped & (2 * span > axis.size)
            most = most * np.where(alike, np.minimum(np.prod(lanes, axis=0), float(uses)), share)
        return most

    def _side_by_side(self, operand: OperandChain) -> Floats:
        """Per unrolling: the most lanes along windows that hold the same element."""
        odd = [r for ranks in operand.windows for r in ranks]
        lanes = np.prod(self.ranks[odd], axis=0) if odd else np.ones(self.ranks.shape[1])
        return np.minimum(lanes, float(prod(operand.uses)))

    def grouped(self, grid: TileStates) -> tuple[Ints, Ints]:
        """(factors [classes, unrollings], an unrolling of each kind): those that differ in what counts here."""
        factors = np.stack([np.prod(self.ranks[list(ranks)], axis=0) for ranks in grid.classes]) if grid.classes else (
            np.ones((0, self.ranks.shape[1]), dtype=np.int64))  # fmt: skip
        rows = np.concatenate([factors, self.energy, self.standing, self.copies])
        chosen = np.flatnonzero(self.worth)
        _, first = np.unique(rows[:, chosen], axis=1, return_index=True)
        return factors[:, chosen[first]], chosen[first]


def child_energy(operand: OperandChain, position: int) -> float:
    """Energy of an arrival at level number `at` (a result: of its departure), at the child."""
    if position == len(operand.levels):
        return 0.0
    return operand.levels[position].energy["drains" if operand.output else "fills"]


def parent_energy(operand: OperandChain, position: int, share: Any, reduce: Any) -> Any:
    """Energy of an arrival at level number `at` at its parent, and of the old value that comes with a result: as if it
    always came. share: arrivals that one access serves; reduce: results that are added on the way."""
    parent = operand.levels[position - 1].energy
    if not operand.output:
        return parent["reads"] / share
    back = parent["reads"] + (operand.levels[position].energy["fills"] if position < len(operand.levels) else 0.0)
    merging = 0.0 if operand.irregular else parent["merge_reads"] * (1.0 / reduce - 1.0 / share)
    # lanes that hold an element together, but one, start without its value
    return (
        parent["updates"] / reduce + back / share + merging - (1.0 - 1.0 / share) * back_energy(operand, position + 1)
    )


def back_energy(operand: OperandChain, first: int) -> float:
    """Energy of old values by element, over the links into stops from number `first` on and into the compute."""
    total = 0.0
    for position in range(first, len(operand.levels) + 1):
        total += operand.levels[position - 1].energy["reads"]
        total += operand.levels[position].energy["fills"] if position < len(operand.levels) else 0.0
    return total
