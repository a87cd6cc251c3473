"""One pass of the beam search, for partial mappings of one op and of a group alike: loops one by one, the beam's cut.

`BeamWalk` knows nothing of what its labels hold: rows of `PartialMappings` (`beam`), or of one for each member of a
group (`shared_loops`). `widened` runs passes of growing width (iterative-widening beam search, Zhang 1998: exact when a
pass had to cut nothing).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Generic, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from sata.search.partial.incumbent import SearchCounters

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
PROVEN = float("inf")


class BudgetSpent(Exception):
    """The budget is spent."""


class Rows(Protocol):
    """Labels of one place, by row."""

    def __len__(self) -> int: ...


L = TypeVar("L", bound=Rows)
Key = TypeVar("Key")


class BeamWalk(ABC, Generic[L]):
    """What a pass does at a place: an item of a nest, or a step of a group. width: labels that are kept at each;
    left_out: the least value that this pass had no room for."""

    def __init__(self, counters: SearchCounters) -> None:
        self.counters = counters
        self.width, self.least_cut = 0, np.inf

    # --- what labels are ----------------------------------------------------------------------------------------------

    @abstractmethod
    def rows(self, labels: L, chosen: NDArray[np.generic]) -> L:
        """Some of the labels."""

    @abstractmethod
    def together(self, parts: list[L]) -> L:
        """All labels of several lists (not empty)."""

    @abstractmethod
    def levels(self, labels: L) -> NDArray[np.int64]:
        """[B]: how much of the ranks is left to loop over; a loop leaves less."""

    # --- what a place does --------------------------------------------------------------------------------------------

    @abstractmethod
    def check_time(self) -> None:
        """Raises: BudgetSpent, KeyboardInterrupt."""

    @abstractmethod
    def valued(self, labels: L, place: int, rough: bool) -> tuple[Floats, Bools]:
        """[B]: the lower bound of each label, and which may lead to something better than the incumbent."""

    @abstractmethod
    def dominant(self, labels: L, values: Floats, place: int) -> Bools | None:
        """[B]: which labels no other dominates; None: they may not be compared."""

    @abstractmethod
    def irregular(self) -> bool:
        """Whether a closer look at bounds says more."""

    @abstractmethod
    def looped(self, labels: L, place: int) -> Iterator[L]:
        """The labels with one more temporal loop below a place, as far as it may be there."""

    # --- the pass -----------------------------------------------------------------------------------------------------

    def block(self, labels: L, place: int, leave: Callable[[L, int], L | None]) -> L:
        """All ways to put temporal loops below a place, one prime (imperfect factors: one loop) at a time, from the
        fewest on. leave: those of a level that may go on from here; None: none do."""
        waiting: dict[int, list[L]] = {}
        self._sort(labels, waiting)
        done: list[L] = []
        while waiting:
            level = max(waiting)
            here = self.cut(self.together(waiting.pop(level)), place)
            if not len(here):
                continue
            left = leave(here, level)
            if left is not None:
                done.append(left)
            for deeper in self.looped(here, place):
                self.counters.generated += len(deeper)
                self._sort(deeper, waiting)
        return self.together(done) if done else self.rows(labels, np.zeros(0, dtype=np.int64))

    def _sort(self, labels: L, waiting: dict[int, list[L]]) -> None:
        """Put labels by how much is left to loop over."""
        level = self.levels(labels)
        for value in np.unique(level).tolist():
            waiting.setdefault(value, []).append(self.rows(labels, level == value))

    def cut(self, labels: L, place: int) -> L:
        """Without what is pruned by bound, what is dominated by another, and what the beam has no room for."""
        self.check_time()
        if not len(labels):
            return labels
        labels, values = self.hopeful(labels, place, rough=True)
        keep = self.dominant(labels, values, place) if len(labels) else None
        if keep is not None:
            self.counters.dominated += int(len(labels) - keep.sum())
            labels, values = self.rows(labels, keep), values[keep]
        if self.irregular() and len(labels):
            labels, values = self.hopeful(labels, place, rough=False)
        if len(labels) > self.width:
            order = np.argsort(values, kind="stable")
            self.least_cut = min(self.least_cut, float(values[order[self.width]]))
            labels = self.rows(labels, np.sort(order[: self.width]))
        return labels

    def hopeful(self, labels: L, place: int, rough: bool) -> tuple[L, Floats]:
        """The labels that may lead to something better, and the lower bound of each."""
        if not len(labels):
            return labels, np.zeros(0)
        values, keep = self.valued(labels, place, rough)
        self.counters.pruned += int(len(labels) - keep.sum())
        return self.rows(labels, keep), values[keep]


def widened(
    todo: Iterable[tuple[float, Key]],
    widths: Sequence[int],
    one_pass: Callable[[int, int, float, Key], float],
    pruned: Callable[[float], bool],
    ended: Callable[[], bool],
    before: Callable[[int, list[tuple[float, Key]]], list[tuple[float, Key]]] = lambda _, todo: todo,
    told: Callable[[list[tuple[float, Key]]], None] = lambda _: None,
) -> list[tuple[float, Key]]:
    """Passes over several places to search below (storage templates, or one of each member), growing wider until
    nothing is left out. todo: (lower bound, place), as those that are returned: what is not proven.

    one_pass: (number of the width, width, lower bound, place) -> the least value that may have been missed (PROVEN:
    none; 0: it was not searched). pruned: whether a bound leaves nothing to find. ended: whether to stop after a width.
    before: called ahead of each width. told: what is open after it.
    """
    open_ = list(todo)
    for step, width in enumerate(widths):
        open_ = before(step, open_)
        after: list[tuple[float, Key]] = []
        for least, key in open_:
            if pruned(least):
                continue
            left = one_pass(step, width, least, key)
            if left < PROVEN:
                after.append((max(least, left), key))
        open_ = sorted(after)
        told(open_)
        if not open_ or ended():
            break
    return [(value, key) for value, key in open_ if not pruned(value)]
