"""What the user asks of the temporal loops of one block (`Constraints.factors`, `order`), on partial mappings."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sata.search.model.problem import SearchProblem
from sata.search.partial.table import PartialMappings

Mask = NDArray[np.bool_]


class LoopConstraint:
    """Of the block below a node ("": nothing is). Without anything asked it changes nothing."""

    def __init__(self, problem: SearchProblem, name: str) -> None:
        number = {rank: n for n, rank in enumerate(problem.ranks)}
        ranks = problem.constraints.factors.get(name, {})
        self.never = any(least > 1 for r, (least, _) in ranks.items() if problem.template.op.ranks.get(r) == 1)
        self.factors = {number[r]: span for r, span in ranks.items() if r in number}
        self.order = [number[r] for r in problem.constraints.order.get(name, ()) if r in number]
        first = problem.constraints.first.get(name, ())
        self.first = [number[r] for r in first if r in number]
        self.behind = [n for r, n in number.items() if r not in first] if first else []
        self.anything = bool(problem.constraints.factors or problem.constraints.order or problem.constraints.first)

    def begun(self, labels: PartialMappings) -> PartialMappings:
        """Labels at the head of the block."""
        if not self.anything:
            return labels
        labels = labels.take(np.full(len(labels), not self.never))
        asks = self.factors or self.order or self.first
        labels.entry = labels.left.copy() if asks else np.ones_like(labels.left)
        return labels

    def open(self, labels: PartialMappings, rank: int) -> Mask:
        """Which may have a loop over a rank next: none of a rank that must stand further in is there yet."""
        inner = self.order[self.order.index(rank) + 1 :] if rank in self.order else []
        inner = [*inner, *self.behind] if rank in self.first else inner
        return np.asarray(np.all(labels.left[inner] == labels.entry[inner], axis=0))

    def within(self, labels: PartialMappings, rank: int) -> Mask:
        """Which have loops over a rank that are not too large."""
        if rank not in self.factors:
            return np.ones(len(labels), dtype=bool)
        return np.asarray(labels.entry[rank] // labels.left[rank] <= self.factors[rank][1])

    def done(self, labels: PartialMappings) -> Mask:
        """Which may leave the block."""
        ok = np.ones(len(labels), dtype=bool)
        for rank, (least, most) in self.factors.items():
            product = labels.entry[rank] // labels.left[rank]
            ok &= (product >= least) & (product <= most)
        return ok

    def ended(self, labels: PartialMappings) -> PartialMappings:
        """The same, with nothing of the block remembered."""
        if not self.factors and not self.order and not self.first:
            return labels
        labels = labels.take(self.done(labels))
        labels.entry = np.ones_like(labels.left)
        return labels
