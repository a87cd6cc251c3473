"""Loops over irregular ranks, in order, as far as they still matter: interned, so that a partial mapping holds a
number.

An entry is (rank, role, factor, before): role -1 for a temporal loop, else the number of the array; `before` is the
product of the temporal loops over regular ranks further out. Only what follows the last loop that moves the tensor's
tile as a whole can ever be held, so what stands before it is kept by rank only, its order forgotten.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sata.search.partial.columns import distinct_columns

Ints = NDArray[np.int64]
Entry = tuple[int, int, int, int]
TEMPORAL = -1


class LoopHistories:
    """All histories met so far of one tensor. Number 0 is the empty one."""

    def __init__(self) -> None:
        self.entries: list[tuple[Entry, ...]] = [()]
        self.numbers: dict[tuple[Entry, ...], int] = {(): 0}
        self._flushed: dict[int, int] = {}
        self._grown: dict[tuple[int, int, int, int, int], int] = {}

    def number(self, entries: tuple[Entry, ...]) -> int:
        known = self.numbers.get(entries)
        if known is None:
            known = self.numbers[entries] = len(self.entries)
            self.entries.append(entries)
        return known

    def lengths(self, numbers: Ints) -> Ints:
        """How many entries each has."""
        values, inverse = np.unique(numbers, return_inverse=True)
        return np.array([len(self.entries[v]) for v in values.tolist()], dtype=np.int64)[inverse]

    def lasts(self, numbers: Ints) -> Ints:
        """The `before` of the last entry of each; 1 without one."""
        values, inverse = np.unique(numbers, return_inverse=True)
        factors = [self.entries[v][-1][3] if self.entries[v] else 1 for v in values.tolist()]
        return np.array(factors, dtype=np.int64)[inverse]

    def grow(self, numbers: Ints, rank: int, role: int, factor: int, before: Ints) -> Ints:
        """Each history with one more loop. before: the product of regular temporal loops, [B]."""
        values, inverse = distinct_columns(np.stack([numbers, before]))
        new = [self._grow(h, rank, role, factor, b) for h, b in values.T.tolist()]
        return np.array(new, dtype=np.int64)[inverse]

    def _grow(self, history: int, rank: int, role: int, factor: int, before: int) -> int:
        key = (history, rank, role, factor, before)
        grown = self._grown.get(key)
        if grown is None:
            entries = self.entries[history]
            last = entries[-1] if entries else None
            if role == TEMPORAL and last is not None and (last[0], last[1], last[3]) == (rank, role, before):
                entries = (*entries[:-1], (rank, role, last[2] * factor, before))  # nothing between: one loop
            else:
                entries = (*entries, (rank, role, factor, before))
            grown = self._grown[key] = self.number(entries)
        return grown

    def flush(self, numbers: Ints) -> Ints:
        """Each history after a loop that moves the whole tile."""
        values, inverse = np.unique(numbers, return_inverse=True)
        return np.array([self._flush(v) for v in values.tolist()], dtype=np.int64)[inverse]

    def _flush(self, history: int) -> int:
        flushed = self._flushed.get(history)
        if flushed is None:
            entries: list[Entry] = []
            for rank, role, factor, _ in _by_rank(self.entries[history]):
                last = entries[-1] if entries else None
                if last is not None and role == TEMPORAL and (last[0], last[1]) == (rank, role):
                    entries[-1] = (rank, role, last[2] * factor, 1)
                else:
                    entries.append((rank, role, factor, 1))
            flushed = self._flushed[history] = self.number(tuple(entries))
        return flushed


def _by_rank(entries: tuple[Entry, ...]) -> list[Entry]:
    """Entries sorted by rank, the order within a rank kept, and no loop of an array moved above one further out."""
    segments: list[int] = []
    innermost = TEMPORAL
    for _, role, _, _ in entries:
        innermost = max(innermost, role)
        segments.append(innermost)
    order = sorted(range(len(entries)), key=lambda n: (segments[n], entries[n][0], n))
    return [entries[n] for n in order]
