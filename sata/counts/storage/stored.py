"""Formats after decisions: zeros that a memory does not store do not move there, and metadata does.

An event at a memory whose format drops zeros moves what is stored of its elements; the others are skipped there, be
they actual or gated by the rules, so that actual + gated + skipped remains the dense count. Metadata moves with its
elements, in proportion; of elements that a rule kept from moving none, unless the tensor leads a rule at that memory:
its metadata is what the rule looks at.

Assumptions: every element of the tensor moves equally often, so that the share of non-zeros among those that move is
the mean density; zeros of a tensor are independent of what a rule decided, but where the tensor leads itself: then what
is left holds all non-zeros.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sata.counts.sparse.outcomes import Outcome
from sata.counts.storage.formats import FormatLayout, Stored, layout, value_bits
from sata.specs.model import Memory, Tensor

Number = Any  # a number, or an array [B]

TINY = 5e-324  # the smallest number above 0: nothing divided by it is nothing


@dataclass(frozen=True, slots=True)
class Held:
    """A tensor in a memory with a format. metadata: bits that each event moves; layout: how it is stored. Of a batch,
    all numbers are arrays [B]."""

    layout: FormatLayout
    metadata: Mapping[str, Number]

    def value_bits(self, element_bits: int) -> int:
        """Bits of each stored element beside its metadata."""
        return value_bits(self.layout.format, element_bits)


def hold(
    memory: Memory, tensor: Tensor, extents: tuple[int, ...], events: Mapping[str, Outcome], itself: bool = False
) -> tuple[dict[str, Outcome], Held | None]:
    """Events as the memory's format leaves them, and how it holds the tensor; None where it stores it in full.

    extents: of its largest tile, one per dimension that some rank indexes. itself: the tensor leads a rule about its
    own events, here or further out.
    """
    form = memory.format_of(tensor)
    if form is None:
        return dict(events), None
    lengths = iter(extents)  # a dimension with a constant index has one coordinate
    found = layout(form, tensor, [next(lengths) if d.terms else 1 for d in tensor.dims], memory.fit)
    leads = any({tensor.kind, tensor.name} & set(rule.leaders) for rule in memory.rules)
    metadata = {e: _moving(outcome, leads) * found.metadata_bits for e, outcome in events.items()}
    return {e: stored_outcomes(outcome, found.share, itself) for e, outcome in events.items()}, Held(found, metadata)


def hold_batch(
    memory: Memory, tensor: Tensor, extents: NDArray[np.int64], events: Mapping[str, Outcome], itself: bool = False
) -> tuple[dict[str, Outcome], Held | None]:
    """`hold` for a batch: extents [dimensions, B], outcomes of arrays [B]. Equal tiles are laid out once."""
    form = memory.format_of(tensor)
    if form is None:
        return dict(events), None
    number = extents.shape[1]
    rows, inverse = _distinct(extents)
    parts = {e: np.zeros((3, number)) for e in events}
    metadata = {e: np.zeros(number) for e in events}
    laid = np.zeros((6, number))
    for n, row in enumerate(rows):
        some = np.flatnonzero(inverse == n)
        few = {e: Outcome(*(_some(part, some) for part in _parts(outcome))) for e, outcome in events.items()}
        found, held = hold(memory, tensor, row, few, itself)
        assert held is not None
        for e, outcome in found.items():
            for kind, part in enumerate(_parts(outcome)):
                parts[e][kind, some] = part
            metadata[e][some] = held.metadata[e]
        own = held.layout
        tiles = (own.tile.elements, own.tile.metadata_bits, own.fitting.elements, own.fitting.metadata_bits)
        laid[:, some] = np.array([*tiles, own.share, own.metadata_bits])[:, None]
    whole: Any = FormatLayout(form, Stored(*laid[:2]), Stored(*laid[2:4]), *laid[4:])
    return {e: Outcome(*each) for e, each in parts.items()}, Held(whole, metadata)


def _distinct(extents: NDArray[np.int64]) -> tuple[list[tuple[int, ...]], NDArray[np.int64]]:
    """(distinct columns, for each column the number of its distinct one)."""
    if not len(extents):
        return [()], np.zeros(extents.shape[1], dtype=np.int64)
    rows, inverse = np.unique(extents, axis=1, return_inverse=True)
    return [tuple(row) for row in rows.T.tolist()], inverse.reshape(-1)


def _parts(outcome: Outcome) -> tuple[Number, Number, Number]:
    return outcome.actual, outcome.gated, outcome.skipped


def _some(number: Number, chosen: NDArray[np.int64]) -> Number:
    return number if np.ndim(number) == 0 else number[chosen]


def stored_outcomes(outcome: Outcome, share: float, itself: bool = False) -> Outcome:
    """An outcome (of numbers, or of arrays) of which only a share of the elements is stored; the parts still sum to the
    dense count exactly.

    itself: the tensor leads its own rule, so no non-zero is among what the rule kept from moving.
    """
    if share >= 1.0:
        return outcome
    left = outcome.actual + outcome.gated
    dense = left + outcome.skipped
    skipped, moving = _apart(dense, np.minimum(left, share * dense) if itself else share * left)
    part = outcome.actual / np.maximum(left, TINY)  # exactly 1 where nothing is gated
    gated, actual = _apart(moving, np.minimum(outcome.actual, moving) if itself else part * moving)
    return Outcome(actual, gated, skipped)


def _moving(outcome: Outcome, leads: bool) -> Number:
    """Elements whose metadata moves."""
    return outcome.actual + outcome.gated + outcome.skipped if leads else outcome.actual


def _apart(total: Number, part: Number) -> tuple[Number, Number]:
    """(total - part, part), with part moved by at most a rounding so that the two sum to total."""
    other = total - np.minimum(np.maximum(part, 0.0), total)
    return other, total - other


__all__ = ["Held", "hold", "hold_batch", "stored_outcomes"]
