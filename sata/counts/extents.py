"""How long tiles are: per tensor, memory of its chain and dimension, the coordinates of the largest tile."""

from __future__ import annotations

from collections.abc import Sequence

from sata.counts.tables import Batch, Tables
from sata.nest.structure import Structure

Extents = tuple[tuple[int, ...], ...]  # per memory of a chain, outermost first: per dimension


def extents(structure: Structure, factors: Sequence[int]) -> tuple[Extents, ...]:
    """Per operand, the extents of its tiles. Their product is the `tile` of the dense counts, unless the tensor lacks
    a rank."""
    tables = Tables(Batch(structure, [int(f) for f in factors]))
    found = []
    for operand, plan in zip(structure.operands, tables.plan, strict=True):
        each = []
        for link in (plan.home, *plan.links[:-1]):
            blocks, others = tables.divided(link.apart)
            lengths = {id(view): tables.block(view) for view in blocks}
            lengths |= {id(view): tables.sums(view, link, False).tile for _, view in others}
            each.append(tuple(int(lengths[id(view)]) for view in link.apart[: len(operand.axes)]))
        found.append(tuple(each))
    return tuple(found)
