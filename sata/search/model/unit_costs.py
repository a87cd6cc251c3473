"""The least that an event of a storage template can cost, whatever loops follow: by element of its dense count.

Where zeros decide only at the compute and no format stores a tensor, this is what the event costs. Under rules at
memories an event happens at least as often as the leaders' single elements are non-zero: a tile that holds a non-zero
element is not empty. Under a format at least the non-zeros are stored; docs/search.md has the argument.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from math import prod
from typing import Any

import numpy as np

from sata.costs.energy import (
    access_energy_pj,
    access_width_bits,
    accesses,
    action_energy_pj,
    event_action,
    wire_energy_pj,
)
from sata.costs.evaluate import Price
from sata.counts.density import Model, Sight, model_of
from sata.counts.density.interface import time_dimension
from sata.counts.op.results import READS
from sata.counts.sparse.outcomes import Left, count_all
from sata.counts.sparse.rules import Leader, Rules
from sata.counts.sparse.subtiles import SubtileGrid
from sata.counts.storage.formats import field_bits, owners, value_bits
from sata.nest.graph import axis_of
from sata.nest.structure import Axis, Slot, Structure
from sata.search.model.exact import Machine
from sata.specs.encodings import FORMATS, Fibres
from sata.specs.formats import TensorFormat
from sata.specs.model import Memory, Op, Tensor

EVENTS = ("reads", "fills", "updates", "drains", "merge_reads")
MOST = 1 << 20  # single elements that a density model is asked for


@dataclass(frozen=True)
class UnitCosts:
    """Of one tensor at one memory, by element of a dense count: pJ and bits moved of every event, and bits of the
    largest tile, as it must fit."""

    energy: dict[str, float]
    bits: dict[str, float]
    fitting_bits: float


@dataclass(frozen=True)
class SurvivingShare:
    """The least shares of events that rules leave. unskipped: after skipping; actual: after gating too."""

    unskipped: float = 1.0
    actual: float = 1.0


def is_linear(rules: Rules, held: bool, lockstep: bool) -> bool:
    """Whether every event costs the same whatever the loops are. held: some memory keeps a tensor in a format."""
    return not (rules.decisions or held or (lockstep and rules.skips))


def unit_costs(
    memory: Memory, tensor: Tensor, kept: dict[str, SurvivingShare], itself: bool, exact: Sequence[bool], on: Machine
) -> UnitCosts:
    """kept: per event; itself: the tensor leads a rule about its own events; exact: per dimension, whether its tiles
    divide it."""
    price, form, element = on.prices[memory.name], memory.format_of(tensor), on.bits[tensor.kind]
    store, value = _Store(1.0, 0.0), element
    fitting = float(element)
    if form is not None:
        model: Any = model_of(tensor)  # hashable, as all of them are
        store = _store(form, tuple(d.size for d in tensor.dims), time_dimension(tensor), model)
        value = value_bits(form, element)
        tile = store.share * value * prod(1.0 if e else 0.5 for e in exact)
        fitting = tile if memory.fit is None else 0.0
    leads = any({tensor.kind, tensor.name} & set(rule.leaders) for rule in memory.rules)
    energy, bits = {}, {}
    for event in EVENTS:
        share = kept.get(event, SurvivingShare())
        if itself:
            actual, moving = min(share.actual, store.share), min(share.unskipped, store.share)
        else:
            actual, moving = share.actual * store.share, share.unskipped * store.share
        metadata = store.metadata_bits * (1.0 if leads else share.actual)
        bits[event] = moving * value + metadata
        energy[event] = _words(memory, price, event, value, actual, moving) + _metadata(
            memory, price, event, element, metadata
        )
    return UnitCosts(energy, bits, fitting)


def word_least(element_bits: int, price: Price) -> float:
    """pJ of a word in an array at least: one lane gets it, over one link."""
    try:
        each = (wire_energy_pj(1.0, element_bits, price, action) for action in ("deliver", "hop"))
        return float(sum(each))
    except KeyError:  # not priced: who scores such a word says so
        return 0.0


def compute_lower_cost(kept: Left | None, computes: float, action: str, price: Price) -> float:
    """pJ of all operations at least."""
    action_energy = action_energy_pj(price, action)
    if kept is None:
        return computes * action_energy
    actual, unskipped = float(np.max(kept.actual)), float(np.max(kept.unskipped))
    return actual * action_energy + max(unskipped - actual, 0.0) * min(
        action_energy_pj(price, action, "gated"), action_energy
    )


def _words(memory: Memory, price: Price, event: str, element: int, actual: float, moving: float) -> float:
    """pJ of an element of which these shares really move at least; gated is what is left between the two."""
    if not element:
        return 0.0
    found = []
    for outcome in ("actual", "gated"):
        try:
            found.append(float(access_energy_pj(1.0, element, price, event, width_bits=memory.width_bits,
                                                packed=memory.packed, outcome=outcome)))  # fmt: skip
        except KeyError:  # not priced: who scores such an event says so
            return 0.0
    return actual * found[0] + (moving - actual) * min(found)


def _metadata(memory: Memory, price: Price, event: str, element: int, bits: float) -> float:
    if not bits:
        return 0.0
    width = access_width_bits(memory.width_bits, price) or element
    action = event_action(price, "metadata_reads" if event in READS else "metadata_writes")
    try:
        return float(accesses(bits, 1, width) * action_energy_pj(price, action, "metadata"))
    except KeyError:
        return 0.0


# --- rules --------------------------------------------------------------------------------------------------------


def surviving_share(rules: Rules, operand: int, link: int, bounds: Sequence[int]) -> SurvivingShare:
    """The least shares of what moves on a link."""
    actual: dict[int, None] = {}
    skipped: dict[int, None] = {}
    for d in rules.of(operand, link):
        actual.update(dict.fromkeys(d.leaders))
        if d.skip:
            skipped.update(dict.fromkeys(d.leaders))
    chance = {n: _chance(rules.leaders[n], tuple(bounds)) for n in actual}
    return SurvivingShare(prod(chance[n] for n in skipped), prod(chance[n] for n in actual))


@lru_cache(maxsize=1 << 12)
def _chance(leader: Leader, bounds: tuple[int, ...]) -> float:
    """The least chance that an element which some operation takes is non-zero; 0 where it may not exist."""
    for axis in leader.axes:
        spans = [c * (bounds[r] - 1) for r, c in zip(axis.ranks, axis.coefs, strict=True)]
        if axis.offset + sum(min(0, s) for s in spans) < 0 or axis.offset + sum(max(0, s) for s in spans) >= axis.size:
            return 0.0
    model: Any = leader.model  # hashable, as all of them are
    return _least_of(model)


@lru_cache(maxsize=1 << 12)
def _least_of(model: Any) -> float:
    if model.density >= 1.0:
        return 1.0
    sizes = [1 if model.sight(d) is Sight.SIZE else n for d, n in enumerate(model.shape)]
    if model.deterministic or not model.monotone or prod(sizes) > MOST:
        return 0.0
    features = [np.unique([model.feature(d, 1 << i) for i in range(n)]) for d, n in enumerate(sizes)]
    return max(1.0 - float(np.max(model.p_empty(*np.ix_(*features)))), 0.0) if features else model.density


def surviving_computes(op: Op, rules: Rules) -> Left | None:
    """What is left of the operations if every rule looked at single elements: the least that any tiles leave."""
    stored = [t for t in op.tensors if not t.local]
    skips, all_ = dict.fromkeys(rules.skips), dict.fromkeys((*rules.skips, *rules.gates))
    for d in rules.decisions:
        if stored[d.operand].role != "output":
            all_.update(dict.fromkeys(d.leaders))
            if d.skip:
                skips.update(dict.fromkeys(d.leaders))
    return _by_element(op, rules.leaders, tuple(skips), tuple(n for n in all_ if n not in skips))


def points(op: Op, tensor: Tensor) -> float:
    """Operations for which an element of the tensor exists."""
    number = {rank: i for i, rank in enumerate(op.ranks)}
    dense = Leader(
        tensor.name, tuple(axis_of(op, d, number) for d in tensor.dims), model_of(replace(tensor, density=None))
    )
    left = _by_element(op, (dense,), (0,), ())
    assert left is not None
    return float(np.max(left.unskipped))


def _by_element(op: Op, leaders: tuple[Leader, ...], skips: tuple[int, ...], gates: tuple[int, ...]) -> Left | None:
    """What is left of the operations when single elements of the leaders decide: the same for all loops."""
    bounds = tuple(op.ranks.values())
    slots = tuple(Slot(r) for r in range(len(bounds)))
    return count_all(Structure(bounds, slots, (0,), (), ()), bounds, Rules(leaders, (), skips, gates))[1].computes


# --- formats ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Store:
    """By element of a tensor, stored or not: those that are stored, and bits of metadata."""

    share: float
    metadata_bits: float


@lru_cache(maxsize=1 << 12)
def _store(form: TensorFormat, sizes: tuple[int, ...], time: int | None, model: Model) -> _Store:
    """The least of all tiles. Entries of a rank are at least the non-empty sub-tiles when one tile is the whole tensor
    (those of the last rank the non-zeros), positions at least the entries, and all of them where no rank further out
    drops any."""
    whole = SubtileGrid(model, [[(0, n)] for n in sizes])
    owner = owners(len(form.ranks), len(sizes))
    total, nonzeros = max(prod(sizes), 1), whole.nonzeros()
    entries = metadata = 0.0
    drops = False
    for number, (rank, bits) in enumerate(zip(form.ranks, field_bits(form.ranks, sizes, time), strict=True)):
        if number + 1 == len(form.ranks):
            kept = nonzeros
        else:
            kept = whole.occupied(owner, number) if model.monotone else 0.0
        span = kept if drops else float(prod(n for n, o in zip(sizes, owner, strict=True) if o <= number))
        stored = FORMATS[rank.name].encode(Fibres(0.0, span, kept, bits, lambda _: 0.0))
        entries, metadata = stored.entries, metadata + stored.metadata_bits
        drops = drops or FORMATS[rank.name].drops_empty
    return _Store(min(entries / total, 1.0), metadata / total)


def divides(axis: Axis, bounds: Sequence[int]) -> bool:
    """Whether exact tiles of a dimension divide it: one rank runs over all of it."""
    return len(axis.ranks) == 1 and axis.coefs == (1,) and axis.offset == 0 and axis.size == bounds[axis.ranks[0]]
