"""What is left of every rank, coarsely: ranks that no tensor distinguishes are one *class*, known by the product of
their extents. A state is an extent of every class; of each tensor the least tile of all nests in a state is known.
"""

from __future__ import annotations

from collections.abc import Sequence, Set
from dataclasses import dataclass
from functools import lru_cache
from itertools import product
from math import prod

import numpy as np
from numpy.typing import NDArray

from sata.nest.structure import Axis
from sata.search.model.problem import OperandChain, SearchProblem
from sata.search.space.factors import divisors

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
MOST = 1 << 20  # states of a grid: more are not tabled


@dataclass(frozen=True)
class TileStates:
    """classes: the ranks of each; values: its extents, ascending; extents: [classes, S] of every state, the last class
    fastest. mean, largest: [T][S] elements of a tile that exist, on average over all places and at most; the least of
    what the ranks of a class can make of it. regular: [T][S] those by one element of the irregular ranks."""

    classes: tuple[tuple[int, ...], ...]
    values: tuple[Ints, ...]
    extents: Ints
    mean: tuple[Floats, ...]
    largest: tuple[Floats, ...]
    regular: tuple[Floats, ...]

    def states(self, left: Ints) -> Ints:
        """[B] from what is left of every rank [R, B]."""
        numbers = np.zeros(left.shape[1], dtype=np.int64)
        for ranks, values in zip(self.classes, self.values, strict=True):
            numbers = numbers * len(values) + np.searchsorted(values, np.prod(left[list(ranks)], axis=0))
        return numbers

    @property
    def strides(self) -> list[int]:
        """What one more extent of each class adds to the number of a state."""
        sizes = [len(v) for v in self.values]
        return [prod(sizes[g + 1 :]) for g in range(len(sizes))]


def tile_states_of(problem: SearchProblem, fine: bool = False, above: Sequence[Set[int]] = ()) -> TileStates | None:
    """The grid of a problem of exact factors; None if it has too many states. fine: ranks of windows each by itself;
    above: of the outermost items, the ranks that loops below them may run over."""
    alike: dict[tuple[object, ...], list[int]] = {}
    for r in range(len(problem.ranks)):
        seen = tuple((s.relevant[r], r in s.irregular, r in s.carried) for s in problem.operands)
        alone = r if fine and any(r in s.irregular for s in problem.operands) else -1
        alike.setdefault((seen, r in problem.temporal_only, alone, *(r in ranks for ranks in above)), []).append(r)
    classes = tuple(tuple(ranks) for ranks in alike.values())
    values = []
    for ranks in classes:
        every = {prod(c) for c in product(*(divisors(problem.bounds[r]) for r in ranks))}
        values.append(np.array(sorted(every), dtype=np.int64))
    if prod(len(v) for v in values) > MOST:
        return None
    extents = (
        np.stack([m.ravel() for m in np.meshgrid(*values, indexing="ij")]) if values else np.ones((0, 1), np.int64)
    )
    shape = tuple(len(v) for v in values)
    tiles = [_tiles(problem, operand, classes, values, extents, shape) for operand in problem.operands]
    return TileStates(
        classes,
        tuple(values),
        extents,
        tuple(t[0] for t in tiles),
        tuple(t[1] for t in tiles),
        tuple(t[2] for t in tiles),
    )


def _tiles(
    problem: SearchProblem,
    operand: OperandChain,
    classes: Sequence[tuple[int, ...]],
    values: Sequence[Ints],
    extents: Ints,
    shape: tuple[int, ...],
) -> tuple[Floats, Floats, Floats]:
    """(mean, largest, regular) of one tensor by state."""
    regular = np.ones(extents.shape[1])
    odd = [g for g, ranks in enumerate(classes) if ranks[0] in operand.irregular]
    for g, ranks in enumerate(classes):
        if g not in odd and operand.relevant[ranks[0]]:
            regular = regular * extents[g]
    if not odd:
        return regular, regular, regular
    tables = [
        _window(axis, tuple(problem.bounds[operand.irregular[p - 2]] for p in axis.ranks)) for axis in operand.axes
    ]
    least = np.full((2, *(len(values[g]) for g in odd)), np.inf)
    for chosen in product(*(product(*(divisors(problem.bounds[operand.irregular[p - 2]]) for p in a.ranks))
                            for a in operand.axes)):  # fmt: skip
        whole = {operand.irregular[p - 2]: e for a, c in zip(operand.axes, chosen, strict=True)
                 for p, e in zip(a.ranks, c, strict=True)}  # fmt: skip
        place = tuple(int(np.searchsorted(values[g], prod(whole[r] for r in classes[g]))) for g in odd)
        for kind in range(2):
            size = prod(table[c][kind] for table, c in zip(tables, chosen, strict=True))
            least[(kind, *place)] = min(least[(kind, *place)], size)
    places = np.unravel_index(np.arange(extents.shape[1]), shape)
    mean, largest = (part[tuple(places[g] for g in odd)] for part in least)
    return regular * mean, regular * largest, regular


@lru_cache(maxsize=1 << 10)
def _window(axis: Axis, bounds: tuple[int, ...]) -> dict[tuple[int, ...], tuple[float, float]]:
    """By extents of the ranks of one dimension: coordinates of a tile that exist, on average and at most."""
    sizes = {}
    for extents in product(*(divisors(b) for b in bounds)):
        inner = sumset(axis.coefs, extents, (1,) * len(extents))
        low = inner.min()
        mask = np.zeros(int(inner.max() - low) + 1, dtype=np.int64)
        mask[inner - low] = 1
        total = np.concatenate([[0], np.cumsum(mask)])
        outer = tuple(b // e for b, e in zip(bounds, extents, strict=True))
        starts = axis.offset + low + sumset(axis.coefs, outer, extents)
        first = np.clip(-starts, 0, len(mask))
        last = np.clip(axis.size - starts, 0, len(mask))
        count = total[np.maximum(last, first)] - total[first]
        sizes[extents] = (float(count.mean()), float(count.max()))
    return sizes


def sumset(coefs: Sequence[int], extents: Sequence[int], strides: Sequence[int]) -> Ints:
    """Sums of coefficient times stride times index, for all indices below the extents."""
    sums = np.zeros(1, dtype=np.int64)
    for c, e, s in zip(coefs, extents, strides, strict=True):
        sums = (sums[:, None] + c * s * np.arange(e)).ravel()
    return sums
