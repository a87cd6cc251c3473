"""Old values of partial sums, told apart by the instance that carries them.

Of the children that an element reaches in one step, the first in the order of their indices carries its old value: it
is filled, the others start from zero. Which one that is separates by group (a dimension, or a rank that the tensor
lacks): the children that cover an element are a product of sets of indices, and what each of them held before is a
product, too. So every step of a group sorts its coordinates by what the pinned instance and the instances before it
did with them; these histograms are multiplied over the groups.

The instances before one with indices (i, j, k) are those with (< i, any, any), (i, < j, any) and (i, j, < k): one *box*
for each index above zero. A coordinate has a mark for the instance and one for each box: nobody covers it, somebody
does who did not hold it, or all who cover it held it. Of several groups the least mark counts.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import product

from sata.counts.dense.marks import EVERY, FIRST, FOREIGN, NEW, OWN, Histogram, Marks, MarkSight
from sata.nest.structure import Structure


def carried(structure: Structure, factors: Sequence[int], operand: int, place: int, pins: Mapping[int, int]) -> int:
    """Old values that one instance is filled with.

    operand: number of a result. place: of the memory in its chain, or one more than its last: the compute. pins:
    spatial slots above it -> index.

    What is filled at a memory is what it carries, without first arrivals in a residency of the parent that came without
    a value. The first arrival is in the first step, and at the first child, that covers the element; so the recursion
    runs from the home inwards over what would arrive first at this very instance.
    """
    filled = 0
    for level in range(1, place + 1):
        sight = MarkSight(structure, tuple(factors), operand, level, place, dict(pins))
        found = _total(sight, carrying=True)
        if level > 1 or not structure.operands[operand].initialised:
            above = MarkSight(structure, tuple(factors), operand, level - 1, place, dict(pins))
            found -= _total(above, carrying=False) - filled
        filled = found
    return filled


def _total(sight: MarkSight, carrying: bool) -> int:
    """Elements and steps. carrying: only where no child before this one gets the element in the same step."""
    parent, depth, _ = sight.depths
    slots = [s for s in range(parent, depth) if sight.spatial(s) and sight.pins[s] > 0] if carrying else []
    groups = [sight.group(view.group, tuple(slots)) for view in sight.link.apart]
    if sight.at_compute:  # nothing is held there from one step to the next
        return _arriving([g.histogram(EVERY, 0) for g in groups])
    total = _arriving([g.histogram(FIRST, 0) for g in groups])
    for move, runs in zip(sight.link.moves, sight.tables.active(sight.link), strict=True):
        if runs:
            kinds = [OWN if n == move.group else FOREIGN for n in range(len(groups))]
            total += _arriving([g.histogram(k, i) for g, k, i in zip(groups, kinds, move.outside, strict=True)])
    return total


def _arriving(histograms: Sequence[Histogram]) -> int:
    """Elements that are new to the instance and arrive in none of the boxes."""
    found: Counter[Marks] = Counter()
    first = True
    for histogram in histograms:
        if first:
            found.update(histogram)
            first = False
            continue
        grown: Counter[Marks] = Counter()
        for (a, n), (b, m) in product(found.items(), histogram.items()):
            grown[tuple(map(min, a, b))] += n * m
        found = grown
    return sum(n for (own, *boxes), n in found.items() if own == NEW and NEW not in boxes)
