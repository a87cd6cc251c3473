"""The search problem of one storage template, in small integers: ranks, tensors, their chains, lanes, prices.

A rank is *regular for a tensor* if it is exact and either the tensor lacks it or it alone indexes a dimension of the
tensor that it does not leave (no window, no border). Loops over regular ranks act on a tensor only through products;
those over the others are remembered in their order (`history`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from math import gcd, prod
from typing import Any

import numpy as np

from sata.counts.sparse.rules import Rules, rules_of
from sata.nest.graph import axis_of, stored_tensors
from sata.nest.structure import Axis, Fanout
from sata.search.model.exact import Machine
from sata.search.model.unit_costs import (
    SurvivingShare,
    compute_lower_cost,
    divides,
    is_linear,
    points,
    surviving_computes,
    surviving_share,
    unit_costs,
    word_least,
)
from sata.search.space.factors import divisors
from sata.search.space.nests import slotted_nest
from sata.search.space.storage_templates import Constraints, StorageTemplate, carried_ranks
from sata.search.space.unrolling import Unrollings, all_unrollings, sharing_factors
from sata.specs.model import Array, Bandwidth, Compute, Memory, Op, Tensor


@dataclass(frozen=True)
class Level:
    """A memory on the chain of a tensor: the number of its item, the arrays above it; by element of a dense count the
    energy and the bits moved of every event, bits of the largest tile as it is and as it must fit. All of these are the
    least of any nest, and exact where the problem is linear and no wires have a price: `energy` has what a word takes
    at least on the wires below, `own` is the memory's alone."""

    item: int
    memory: Memory
    arrays: int
    energy: dict[str, float]
    bits: dict[str, float]
    fitting_bits: float
    own: dict[str, float]


@dataclass(frozen=True)
class OperandChain:
    """One tensor: the ranks that index it, those that are irregular for it with its irregular axes, its chain."""

    tensor: Tensor
    output: bool
    relevant: tuple[bool, ...]  # [ranks]
    irregular: tuple[int, ...]  # numbers of ranks
    axes: tuple[Axis, ...]  # over positions in `irregular`, counted from 2 (0 and 1 stand for the regular ranks)
    levels: tuple[Level, ...]
    carried: tuple[int, ...]
    points: float  # operations for which the tensor exists
    uses: tuple[int, ...]  # of each irregular dimension, index combinations that mean the same coordinate, at most
    clipped: tuple[bool, ...]  # of each irregular dimension, whether a border cuts some of it off

    @property
    def windows(self) -> tuple[tuple[int, ...], ...]:
        """The ranks of every irregular dimension."""
        return tuple(tuple(self.irregular[p - 2] for p in axis.ranks) for axis in self.axes)


@dataclass
class SearchProblem:
    """See the module. `usable`: per array, the most lanes that can ever work. linear: an event costs the same whatever
    the loops are, so that counts of partial mappings are all that there is to know; else prices are the least ones, and
    what a nest costs is known once it is complete."""

    template: StorageTemplate
    on: Machine
    ranks: tuple[str, ...]
    bounds: tuple[int, ...]
    operands: tuple[OperandChain, ...]
    fanouts: tuple[Fanout, ...]
    usable: tuple[int, ...]
    bandwidths: tuple[tuple[int, Memory], ...]  # (item, memory) of those that may bound
    temporal_only: frozenset[int]
    compute_pj: float
    cycles_each: float
    ragged: bool
    constraints: Constraints
    merging: bool  # whether partial mappings with the same future may be merged
    linear: bool = True
    unrollings: Unrollings = field(default_factory=lambda: all_unrollings((), (), (), frozenset(), {}, True))
    sharing: tuple[tuple[Any, ...], ...] = ()  # per tensor, see `sharing_factors`

    @property
    def array_items(self) -> list[int]:
        """The numbers of the items that are arrays."""
        return [n for n, i in enumerate(self.template.items) if isinstance(i, Array)]

    @property
    def points(self) -> int:
        return prod(self.bounds)


def problem_of(
    template: StorageTemplate, on: Machine, constraints: Constraints, ragged: bool, known: dict[Any, Any] | None = None
) -> SearchProblem:
    """The problem of a storage template. Ranks of one vanish. known: what storage templates of one op share, filled
    here."""
    known = {} if known is None else known
    op = template.op
    ranks = tuple(r for r, bound in op.ranks.items() if bound > 1)
    bounds = tuple(op.ranks[r] for r in ranks)
    nest, _ = slotted_nest(template, ())
    rules = rules_of(nest)
    operands = tuple(
        _operand_chain(template, n, ranks, bounds, on, rules, ragged, known) for n in range(len(stored_tensors(op)))
    )
    arrays = [i for i in template.items if isinstance(i, Array)]
    temporal = frozenset(i for i, r in enumerate(ranks) if r in op.sequential)
    limited = [(n, i) for n, i in enumerate(template.items) if isinstance(i, Memory) and is_limited(i.bandwidth)]
    held = any(m.format_of(op.tensor(name)) for m in template.memories for name in template.keeps[m.name])
    same = is_linear(rules, held, any(a.lockstep for a in arrays))
    first_array = next((n for n, i in enumerate(template.items) if isinstance(i, Array)), len(template.items))
    cut = ragged or any(s.irregular for s in operands)
    wired = any(isinstance(i, Array) and i.hop is not None for i in template.items)  # hops are counted at the end only
    computes, price = prod(op.ranks.values()), on.prices[template.compute.name]
    kept = _known(known, ("kept", template.compute.name), lambda: surviving_computes(op, rules), not rules.decisions)
    unskipped = 1.0 if kept is None else float(np.max(kept.unskipped)) / computes
    cycles_each = float(price.cycles.get(op.action, 1)) * unskipped
    fanouts = tuple(Fanout(a.multicast, a.reduce) for a in arrays)
    names = tuple(a.name for a in arrays)
    if names not in known:
        known[names] = all_unrollings(
            arrays, ranks, bounds, temporal, constraints.ranks, not ragged, constraints.least_lanes
        )
    unrollings = known[names]
    uneven = any(n > first_array for n, _ in limited) and (cut or _carried_apart(operands, unrollings, limited))
    merging = same and not wired and not uneven
    merging = merging and not (ragged and constraints.utilization)  # how many lanes work on average, all loops decide
    shared = []
    for s in operands:
        key = (names, s.relevant, s.windows, s.uses, s.clipped, s.output)
        if key not in known:
            known[key] = sharing_factors(unrollings, fanouts, s.relevant, s.windows, s.uses, s.clipped, s.output)
        shared.append(known[key])
    return SearchProblem(
        template, on, ranks, bounds, operands, fanouts,
        tuple(_usable(a, [b for i, b in enumerate(bounds) if i not in temporal], ragged) for a in arrays),
        tuple(limited), temporal, compute_lower_cost(kept, computes, op.action, price), cycles_each, ragged,
        constraints, merging, same, unrollings, tuple(shared),
    )  # fmt: skip


def _carried_apart(
    operands: Sequence[OperandChain], unrollings: Unrollings, limited: Sequence[tuple[int, Memory]]
) -> bool:
    """Whether lanes above a memory with bandwidth may work on the same results: the first of them carries the old
    values, so that the busiest instance is not the average one."""
    items = {item for item, _ in limited}
    used = [
        slot for slot, factors in zip(unrollings.slots, unrollings.factors, strict=True) if factors.max(initial=1) > 1
    ]
    return any(
        array < level.arrays and not operand.relevant[rank]
        for operand in operands
        if operand.output
        for level in operand.levels[1:]
        if level.item in items
        for array, _, rank in used
    )


def is_limited(bandwidth: Bandwidth) -> bool:
    return bandwidth.read_bits is not None or bandwidth.write_bits is not None


def _operand_chain(
    template: StorageTemplate,
    index: int,
    ranks: Sequence[str],
    bounds: Sequence[int],
    on: Machine,
    rules: Rules,
    ragged: bool,
    known: dict[Any, Any],
) -> OperandChain:
    op = template.op
    t = stored_tensors(op)[index]
    number = {r: i for i, r in enumerate(op.ranks)}
    names = list(op.ranks)
    dims = [axis_of(op, d, number) for d in t.dims if d.terms]
    relevant = tuple(any(number[r] in a.ranks for a in dims) for r in ranks)
    odd: list[tuple[Axis, tuple[int, ...]]] = []
    irregular: dict[int, None] = {}
    for axis in dims:
        terms = [(ranks.index(names[r]), c) for r, c in zip(axis.ranks, axis.coefs, strict=True) if names[r] in ranks]
        if not terms:
            continue
        spans = [c * (bounds[r] - 1) for r, c in terms]
        low, high = axis.offset + sum(min(0, s) for s in spans), axis.offset + sum(max(0, s) for s in spans)
        if len(terms) > 1 or low < 0 or high >= axis.size or terms[0][1] == 0 or ragged:
            irregular.update(dict.fromkeys(r for r, _ in terms))
            odd.append((Axis(tuple(r for r, _ in terms), tuple(c for _, c in terms), axis.offset, axis.size), ()))
    if ragged:
        irregular.update(dict.fromkeys(range(len(ranks))))
    order = tuple(irregular)
    place = {r: i + 2 for i, r in enumerate(order)}
    axes = tuple(Axis(tuple(place[r] for r in a.ranks), a.coefs, a.offset, a.size) for a, _ in odd)
    whole = [not ragged and divides(axis_of(op, d, number), list(op.ranks.values())) for d in t.dims if d.terms]
    levels = []
    for position, name in enumerate(template.chain(t.name)):
        item = next(i for i, m in enumerate(template.items) if not isinstance(m, Array) and m.name == name)
        memory = template.items[item]
        assert isinstance(memory, Memory)
        kept = _kept(rules, index, position, op)
        costs = unit_costs(memory, t, kept, _itself(rules, index, position, t), whole, on)
        above = sum(isinstance(i, Array) for i in template.items[:item])
        energy = _with_wires(costs.energy, template.items[item:], template.chain(t.name)[position + 1 :], t, kept, on)
        levels.append(Level(item, memory, above, energy, costs.bits, costs.fitting_bits, costs.energy))
    carried = tuple(i for i, r in enumerate(ranks) if r in carried_ranks(op, t))
    uses = tuple(_uses(a.coefs, tuple(bounds[order[p - 2]] for p in a.ranks)) for a in axes)
    clipped = tuple(_clipped(a, tuple(bounds[order[p - 2]] for p in a.ranks)) for a in axes)
    count = _known(known, ("points", t.name), lambda: points(op, t))
    return OperandChain(t, t.role == "output", relevant, order, axes, tuple(levels), carried, count, uses, clipped)


def _with_wires(energy: dict[str, float], below: Sequence[Any], further: Sequence[str], tensor: Tensor,
                kept: dict[str, SurvivingShare], on: Machine) -> dict[str, float]:  # fmt: skip
    """Energies of events at a memory with what each word takes at least on the wires to the next memory on its chain:
    in every array between, one lane gets (or gives) it over one link. below: the items from the memory on."""
    word_energy = 0.0
    for item in below[1:]:
        if item.name in further[:1]:
            break
        if isinstance(item, Array) and item.hop is not None:
            word_energy += word_least(on.bits[tensor.kind], on.prices[item.name])
    words = ("updates", "reads") if tensor.role == "output" else ("reads",)
    return energy if not word_energy else {**energy, **{e: energy[e] + word_energy * kept[e].actual for e in words}}


def _known(known: dict[Any, Any], key: Any, make: Callable[[], Any], keep: bool = True) -> Any:
    """What storage templates of one op share, made once."""
    if not keep or key not in known:
        value = make()
        if not keep:
            return value
        known[key] = value
    return known[key]


def _clipped(axis: Axis, bounds: tuple[int, ...]) -> bool:
    """Whether some index combinations mean coordinates that do not exist."""
    spans = [c * (b - 1) for c, b in zip(axis.coefs, bounds, strict=True)]
    low = axis.offset + sum(min(0, s) for s in spans)
    return low < 0 or axis.offset + sum(max(0, s) for s in spans) >= axis.size


@lru_cache(maxsize=1 << 10)
def _uses(coefs: tuple[int, ...], bounds: tuple[int, ...]) -> int:
    """The most index combinations that mean the same coordinate."""
    if len(coefs) == 2 and all(coefs):  # those of one coordinate are steps of (b, -a) / gcd apart
        a, b = (abs(c) // gcd(*coefs) for c in coefs)
        return min(-(-bounds[0] // b), -(-bounds[1] // a))
    if len(coefs) == 1:
        return 1 if coefs[0] else bounds[0]
    places = np.zeros(1, dtype=np.int64)
    for coef, bound in zip(coefs, bounds, strict=True):
        places = (places[:, None] + coef * np.arange(bound)).ravel()
    return int(np.unique(places, return_counts=True)[1].max())


def _kept(rules: Rules, index: int, place: int, op: Op) -> dict[str, SurvivingShare]:
    """Per event at a memory, what rules leave of it at least. A read for merging is a difference of two others."""
    bounds = list(op.ranks.values())
    below = surviving_share(rules, index, place, bounds)
    above = surviving_share(rules, index, place - 1, bounds) if place else SurvivingShare()
    merged = SurvivingShare(0.0, 0.0) if rules.of(index, place) else SurvivingShare()
    return {"reads": below, "updates": below, "merge_reads": merged, "fills": above, "drains": above}


def _itself(rules: Rules, index: int, place: int, tensor: Tensor) -> bool:
    """Whether a tensor leads a rule about its own events at a memory."""
    return any(rules.leaders[n].tensor == tensor.name for d in rules.of(index, place) for n in d.leaders)


def _usable(array: Array, bounds: Sequence[int], ragged: bool) -> int:
    """The most lanes of an array that loops can use: the largest products of factors that fit its axes."""
    total = 1
    for size in array.shape.values():
        if ragged:
            total *= size
            continue
        reached = {1}
        for bound in bounds:
            reached = {a * f for a in reached for f in divisors(bound) if a * f <= size}
        total *= max(reached)
    return min(total, prod(bounds)) if not ragged else total


def is_compute(item: object) -> bool:
    return isinstance(item, Compute)
