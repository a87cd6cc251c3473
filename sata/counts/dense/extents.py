"""How long tiles are: per tensor, memory of its chain and dimension, the coordinates of the largest tile."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sata.counts.dense.batch import Batch
from sata.counts.dense.tables import Tables
from sata.nest.structure import Structure

Ints = NDArray[np.int64]
Extents = tuple[tuple[int, ...], ...]  # per memory of a chain, outermost first: per dimension


def extents(structure: Structure, factors: Sequence[int]) -> tuple[Extents, ...]:
    """Per operand, the extents of its tiles. Their product is the `tile` of the dense counts, unless the tensor lacks
    a rank."""
    found = _lengths(Tables(Batch(structure, [int(f) for f in factors])))
    return tuple(tuple(tuple(int(n) for n in lengths) for lengths in each) for each in found)


def batch_extents(structure: Structure, factors: Ints) -> list[list[Ints]]:
    """The same of a batch: per operand and memory of its chain int64 [dimensions, B]. factors: [slots, B]."""
    number = factors.shape[1]
    found = _lengths(Tables(Batch(structure, list(np.ascontiguousarray(factors)))))
    return [
        [
            np.array([np.broadcast_to(n, number) for n in lengths], dtype=np.int64).reshape(-1, number)
            for lengths in each
        ]
        for each in found
    ]


def _lengths(tables: Tables) -> list[list[list[Any]]]:
    """Per operand, memory and dimension: a number, or an array [B]."""
    found = []
    for operand, plan in zip(tables.structure.operands, tables.plan, strict=True):
        each = []
        for link in (plan.home, *plan.links[:-1]):
            blocks, others = tables.divided(link.apart)
            lengths = {view: tables.block(view) for view in blocks}
            lengths |= {view: tables.sums(view, link, False).tile for _, view in others}
            each.append([lengths[view] for view in link.apart[: len(operand.axes)]])
        found.append(each)
    return found
