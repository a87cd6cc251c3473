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

from sata.counts.formats import Layout, layout, value_bits
from sata.counts.outcomes import Outcome
from sata.specs.model import Memory, Tensor

Number = Any  # a number, or an array [B]

TINY = 5e-324  # the smallest number above 0: nothing divided by it is nothing


@dataclass(frozen=True, slots=True)
class Held:
    """A tensor in a memory with a format. metadata: bits that each event moves; layout: how it is stored."""

    layout: Layout
    metadata: Mapping[str, float]

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
    return {e: stored(outcome, found.share, itself) for e, outcome in events.items()}, Held(found, metadata)


def stored(outcome: Outcome, share: float, itself: bool = False) -> Outcome:
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


__all__ = ["Held", "hold", "stored"]
