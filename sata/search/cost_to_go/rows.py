"""Rows of `tables`: inner parts of nests, by column what they cost.

A row holds, of all executions of an inner nest together: `C` energy that every execution costs again; `N` temporal
steps, of all lanes outside one after the other. Per tensor, of what has stood still so far: `K` and `U` energy of its
arrivals by element of the tile here, `K` as they come (with windows some come again), `U` as if each came once; `W`
energy of one arrival of those in K. Below an array whose lanes share a link to come: `P` arrivals in every execution,
`B` those of what has stood still, by element of the tile here.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import inf

import numpy as np
from numpy.typing import NDArray

from sata.search.model.objective import Objective

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
PLAN = "plan"  # stands in the trail for all spatial loops of an array
PIECE = 1 << 13  # rows that are priced with all unrollings together
C, N, TENSORS = 0, 1, 2
K, U, W, P, B = PARTS = range(5)


@dataclass
class CostRows:
    """state, mark, node: [n]; cols: [n, 2 + 5 tensors], see the module, `window_overlap` and `LoopTrail`."""

    state: Ints
    mark: Ints
    node: Ints
    cols: Floats

    def take(self, chosen: NDArray[np.generic]) -> CostRows:
        return CostRows(self.state[chosen], self.mark[chosen], self.node[chosen], self.cols[chosen])

    def part(self, which: int) -> Floats:
        """[n, tensors], to be written to: one of PARTS."""
        number = (self.cols.shape[1] - TENSORS) // len(PARTS)
        return self.cols[:, TENSORS + which * number : TENSORS + (which + 1) * number]

    def __len__(self) -> int:
        return len(self.state)


def joined_rows(parts: list[CostRows]) -> CostRows:
    """All rows of several lists."""
    return CostRows(
        np.concatenate([p.state for p in parts]),
        np.concatenate([p.mark for p in parts]),
        np.concatenate([p.node for p in parts]),
        np.concatenate([p.cols for p in parts]),
    )


@dataclass(frozen=True)
class CostTable:
    """Rows by state: `at` [S] -> number of the state or -1; its rows are `count` many of cols [columns, rows], from
    `first` on. low [columns, states]: the least of each column, a first look that is soon taken."""

    at: Ints
    first: Ints
    count: Ints
    cols: Floats
    low: Floats


@dataclass(frozen=True)
class Cutoff:
    """What is to be beaten, as `Incumbent` has it: figures of mappings, and a value of the objective. cycles: the least
    of any nest of the storage template."""

    objective: Objective
    have: tuple[tuple[float, float], ...]
    cycles: float
    value: float = inf


class TooManyRows(Exception):
    """More rows, or more time, than it is worth."""
