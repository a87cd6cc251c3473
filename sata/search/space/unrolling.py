"""Which ranks the arrays unroll: chosen first, since what they share and how many lanes work bounds all the rest.

An unrolling gives every axis of every array a factor of every rank. Only exact factors are planned; imperfect ones are
chosen where the array stands.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from sata.nest.structure import Fanout
from sata.search.space.factors import divisors
from sata.specs.model import Array

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Slot = tuple[int, str, int]  # array, axis, rank
Windows = Sequence[tuple[int, ...]]  # the ranks of every irregular dimension of a tensor


@dataclass(frozen=True)
class Unrollings:
    """slots: of the rows of `factors` [slots, P]; inner[k]: [R, P], product of the factors of each rank on the arrays
    from number k on (one more entry than arrays). No axis has more lanes than its size."""

    slots: tuple[Slot, ...]
    factors: Ints
    inner: tuple[Ints, ...]

    @property
    def number(self) -> int:
        """How many there are."""
        return int(self.factors.shape[1])

    @cached_property
    def most_lanes(self) -> tuple[int, ...]:
        """The most lanes of the arrays from each number on."""
        return tuple(int(np.prod(a, axis=0).max(initial=1)) for a in self.inner)

    def lanes_between(self, first: int, last: int) -> Ints:
        """Of every unrolling, lanes of the arrays from number `first` on, without those from `last` on."""
        return np.asarray(np.prod(self.inner[first] // self.inner[last], axis=0))

    def lanes(self, array: int, unrolling: Ints) -> Ints:
        """Lanes of the arrays from number `array` on, [B]."""
        return np.asarray(np.prod(self.inner[array], axis=0)[unrolling], dtype=np.int64)


def all_unrollings(
    arrays: Sequence[Array], ranks: Sequence[str], bounds: Sequence[int], fixed: frozenset[int],
    allowed: Mapping[tuple[str, str], tuple[str, ...]], exact: bool, least: Callable[[int], int] = lambda _size: 1,
) -> Unrollings:  # fmt: skip
    """Every unrolling; there may be none. fixed: ranks that stay in time; allowed: (array, axis) -> names of ranks
    that may stand there; least: the fewest lanes that are enough of an axis of so many."""
    slots: list[Slot] = []
    factors: Ints = np.ones((0, 1), dtype=np.int64)
    used = np.ones((len(bounds), 1), dtype=np.int64)
    for k, array in enumerate(arrays if exact else ()):
        for axis, size in array.shape.items():
            lanes = np.ones(used.shape[1], dtype=np.int64)
            names = allowed.get((array.name, axis))
            for rank, bound in enumerate(bounds):
                if rank in fixed or (names is not None and ranks[rank] not in names):
                    continue
                choices = [f for f in divisors(bound) if f <= size]
                if len(choices) == 1:
                    continue
                fits = [np.flatnonzero((lanes * f <= size) & (bound % (used[rank] * f) == 0)) for f in choices]
                chosen = np.concatenate(fits)
                chosen_factors = np.concatenate(
                    [np.full(len(f), c, dtype=np.int64) for f, c in zip(fits, choices, strict=True)]
                )
                factors = np.concatenate([factors[:, chosen], chosen_factors[None, :]])
                used, lanes = used[:, chosen], lanes[chosen] * chosen_factors
                used[rank] *= chosen_factors
                slots.append((k, axis, rank))
            enough = lanes >= least(size)
            factors, used = factors[:, enough], used[:, enough]
    inner = []
    for k in range(len(arrays) + 1):
        product = np.ones((len(bounds), factors.shape[1]), dtype=np.int64)
        for row, (array_number, _, rank) in enumerate(slots):
            if array_number >= k:
                product[rank] *= factors[row]
        inner.append(product)
    return Unrollings(tuple(slots), factors, tuple(inner))


def sharing_factors(
    unrollings: Unrollings,
    fanouts: Sequence[Fanout],
    relevant: Sequence[bool],
    windows: Windows,
    uses: Sequence[int],
    clipped: Sequence[bool],
    output: bool,
) -> tuple[Floats, ...]:
    """Per array number k, [P]: how many computes the arrays from k on can serve with one access of a tensor at most.

    Lanes that differ in a rank the tensor lacks share where the array lets them; for those along the ranks of a window
    see `window_share`. windows: ranks of each irregular dimension; uses, clipped: see there.
    """
    count = len(fanouts)
    by_array = [np.ones(unrollings.factors.shape[1])]
    together = np.ones(unrollings.factors.shape[1], dtype=np.int64)
    whole = output or any(f.multicast == "element" for f in fanouts)
    irregular = {r for ranks in windows for r in ranks}
    odd = np.ones((max(len(relevant), 1), unrollings.factors.shape[1]), dtype=np.int64)
    for k in reversed(range(count)):
        shares = fanouts[k].reduce if output else fanouts[k].multicast != "none"
        for row, (array, _, rank) in enumerate(unrollings.slots):
            if array != k or not shares:
                continue
            if not relevant[rank]:
                together = together * unrollings.factors[row]
            elif rank in irregular:
                odd[rank] *= unrollings.factors[row]
        by_array.append(together * window_share(odd, windows, uses, [whole or c for c in clipped]))
    return tuple(by_array[::-1])


def window_share(lanes: Ints, windows: Windows, uses: Sequence[int], unequal: Sequence[bool]) -> Floats:
    """The most lanes that one access serves of those along the ranks of windows. lanes: [ranks, P]; uses: of each
    window, index combinations of its ranks that mean the same coordinate, at most; unequal: of each window, whether
    what lanes share is counted by what it holds, not by itself.

    Lanes that stand at one place differ in all ranks of the dimension but one. Where windows must coincide and all hold
    the same, the mean says more: lanes stand at sums of as many progressions as there are ranks, and the sums of two
    sets of a and b numbers are at least a + b - 1. Where borders cut windows off, or single elements are shared, the
    places that many lanes share may be those that hold the most.
    """
    share = np.ones(lanes.shape[1])
    for ranks, most, is_unequal in zip(windows, uses, unequal, strict=True):
        of_window = lanes[list(ranks)]
        places = np.max(of_window, axis=0) if is_unequal else np.sum(of_window - 1, axis=0) + 1
        share = share * np.minimum(np.prod(of_window, axis=0) / places, float(most))
    return share
