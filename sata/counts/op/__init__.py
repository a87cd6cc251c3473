"""All counts of one op on its nest: dense, split by sparsity, and what bandwidth and capacity need of them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from sata.counts.dense.extents import batch_extents, extents
from sata.counts.dense.memory_counts import EVENTS, DenseCounts
from sata.counts.op.results import Access, Delivery, OpCounts
from sata.counts.sparse.outcomes import Decided, count_all, near_whole, split
from sata.counts.sparse.rules import Rules, rules_of
from sata.counts.storage.stored import hold, hold_batch
from sata.counts.wires.count import count_wires
from sata.nest.graph import Shape, stored_tensors
from sata.nest.model import OpNest
from sata.nest.structure import Structure
from sata.specs.model import Array
from sata.specs.text.faults import Fault, SpecError

if TYPE_CHECKING:
    from sata.counts.lockstep import Share


def count_op(nest: OpNest, shape: Shape, rules: Rules | None = None) -> OpCounts:
    """Counts of one op. shape: what the group's graph says of it. rules: instead of the architecture's.

    Raises: SpecError where a density model has no answer for a tile, or lanes in lockstep are too many to count.
    """
    structure, factors = shape
    rules = rules_of(nest) if rules is None else rules
    dense, decided = count_all(structure, factors, rules)
    accesses = tuple(accesses_of(nest, dense, decided, rules, shape))
    deliveries = tuple(deliveries_of(nest, shape, rules, dense))
    computes = split(dense.computes, decided.computes)
    share = share_left(nest, shape, rules, 1.0 - computes.skipped / dense.computes)
    busy_steps = float(near_whole(dense.steps * share))
    return OpCounts(nest, structure, factors, dense, rules, decided, computes, accesses, deliveries, busy_steps)


def share_left(nest: OpNest, shape: Shape, rules: Rules, share: float) -> Share:
    """What zeros leave of the compute's steps: a share like that of its operations, but lanes of an array in lockstep
    wait for the slowest.

    Raises: SpecError where these are too many to count.
    """
    arrays = [item for item in nest.items if isinstance(item, Array)]
    waiting = [number for number, array in enumerate(arrays) if array.lockstep]
    if not waiting:
        return share
    from sata.counts.lockstep import LARGEST, TooLarge, waiting_share  # few need it, and it takes long to load

    try:
        return waiting_share(*shape, rules, waiting, share)
    except TooLarge as error:
        array = arrays[waiting[0]]
        text = f"array '{array.name}' in 'lockstep': '{nest.op.name}' has {error.size:,} lane steps under a trace"
        hint = "give the leaders a model such as 'temporal' (sata density measures its parameters)"
        raise SpecError([Fault(array.where, f"{text}, at most {LARGEST:,} are counted", hint)]) from None


def accesses_of(
    nest: OpNest, dense: DenseCounts, decided: Decided, rules: Rules, shape: tuple[Structure, Any]
) -> Iterator[Access]:
    """Every tensor at every memory that keeps it, of one mapping or of a batch (shape: factors [slots, B])."""
    memories = {level.memory.name: level.memory for level in nest.levels}
    formats = any(memory.format for memory in memories.values())
    batch = np.ndim(shape[1]) == 2
    tiles: Any = () if not formats else batch_extents(*shape) if batch else extents(*shape)
    for number, (tensor, counts) in enumerate(zip(stored_tensors(nest.op), dense.tensors, strict=True)):
        for place, (name, found) in enumerate(zip(nest.chains[tensor.name], counts, strict=True)):
            events = {e: split(getattr(found, e), decided.events.get((number, place, e))) for e in EVENTS}
            held = None
            if formats:
                itself = any(rules.leaders[n].tensor == tensor.name for d in rules.of(number, place) for n in d.leaders)
                events, held = (hold_batch if batch else hold)(
                    memories[name], tensor, tiles[number][place], events, itself
                )
            yield Access(memories[name], tensor, found, events, held)


def deliveries_of(nest: OpNest, shape: tuple[Structure, Any], rules: Rules, dense: DenseCounts) -> Iterator[Delivery]:
    """Only for arrays whose wires have a class: the others carry words for nothing. Of one mapping, or of a batch."""
    arrays = [item for item in nest.items if isinstance(item, Array)]
    priced = [number for number, array in enumerate(arrays) if array.hop is not None]
    tensors = stored_tensors(nest.op)
    for (operand, number), wires in count_wires(*shape, rules, dense, priced).items():
        words, hops = (split(flow.dense, flow.left) for flow in (wires.received, wires.links))
        yield Delivery(arrays[number], tensors[operand], words, hops)
