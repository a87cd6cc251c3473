"""What sparsity makes of dense counts: actual, gated, skipped; the three always sum to the dense count.

A zero operand at the compute gates (energy saved) or skips (cycles saved too) the operation. At the memory next to
the compute a rule `skip: {follower: leaders}` lets zeros of the leaders save the follower's own accesses there, and
the operations that needed it. Both decide element by element; decisions for whole tiles are refused with a fault.

Assumption: events of a follower between memory and compute are spread over the operations evenly, so the share of
them that happens is the share of the operations (where the follower exists) whose leaders are all non-zero.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from sata.counts.density import expected_points
from sata.nest.model import BoundLoop, Level, OpNest
from sata.specs.faults import Faults
from sata.specs.model import Array, Op, Rule, Tensor


@dataclass(frozen=True, slots=True)
class Shares:
    """Shares of a dense count. `unskipped`: what is left after skipping; `actual`: after gating too."""

    unskipped: float = 1.0
    actual: float = 1.0


@dataclass(frozen=True, slots=True)
class Outcome:
    """A dense count, split. actual + gated + skipped == dense, to the last bit."""

    actual: float
    gated: float
    skipped: float


EVERYTHING = Shares()


@dataclass(frozen=True, slots=True)
class Decisions:
    """What zeros decide for one op. computes: operations; accesses: (memory, tensor) -> events on its link to the
    compute.
    """

    computes: Shares
    accesses: Mapping[tuple[str, str], Shares]


def split(dense: int, shares: Shares) -> Outcome:
    """A count split by shares, so that the parts sum to it exactly."""
    if shares.actual == 1.0 and shares.unskipped == 1.0:
        return Outcome(dense, 0, 0)
    skipped, rest = _apart(dense, shares.unskipped * dense)
    share = shares.actual / shares.unskipped if shares.unskipped else 0.0
    gated, actual = _apart(rest, share * rest)
    return Outcome(actual, gated, skipped)


def _apart(total: float, part: float) -> tuple[float, float]:
    """(total - part, part), with part moved by at most a rounding so that the two sum to total (Sterbenz)."""
    other = total - min(max(part, 0.0), total)
    return other, total - other


def decide(nest: OpNest, faults: Faults) -> Decisions:
    """The decisions of one op on its nest. Rules that would decide for whole tiles are added to `faults`."""
    op = nest.op
    skips = _tensors(op, nest.compute.skips(op.action))
    gates = _tensors(op, nest.compute.gates(op.action))
    accesses: dict[tuple[str, str], Shares] = {}
    for level in nest.levels:
        for follower in (t for t in op.tensors if t.name in level.keeps):
            rules = list(_rules_for(op, level.memory.rules, follower))
            rules = [r for r in rules if r[1]]
            if not rules:
                continue
            _per_element(nest, level, follower, rules, faults)
            own_skips = _merged(leaders for rule, leaders in rules if rule.effect == "skip")
            own_gates = _merged(leaders for rule, leaders in rules if rule.effect == "gate")
            accesses[level.memory.name, follower.name] = _shares(op, [follower], own_skips, own_gates)
            if follower.role == "input":
                skips, gates = _merged([skips, own_skips]), _merged([gates, own_gates])
    return Decisions(_shares(op, [], skips, gates), accesses)


def _tensors(op: Op, names: Iterable[str]) -> list[Tensor]:
    """The op's operands of these kinds (or names): what it takes, and what is made inside the compute."""
    chosen = set(names)
    return [t for t in op.tensors if (t.role == "input" or t.local) and (t.kind in chosen or t.name in chosen)]


def _merged(lists: Iterable[Sequence[Tensor]]) -> list[Tensor]:
    found: dict[str, Tensor] = {}
    for tensors in lists:
        found.update((t.name, t) for t in tensors)
    return list(found.values())


def _rules_for(op: Op, rules: Sequence[Rule], follower: Tensor) -> Iterable[tuple[Rule, list[Tensor]]]:
    """Rules that speak of the follower, with the op's leaders; an `either` rule speaks of each by the others."""
    for rule in rules:
        if rule.either:
            if {follower.kind, follower.name} & set(rule.leaders):
                others = [name for name in rule.leaders if name not in (follower.kind, follower.name)]
                yield rule, _tensors(op, others)
        elif rule.follower in (follower.kind, follower.name):
            yield rule, [t for t in _tensors(op, rule.leaders) if t.name != follower.name]


def _per_element(
    nest: OpNest, level: Level, follower: Tensor, rules: Sequence[tuple[Rule, list[Tensor]]], faults: Faults
) -> None:
    """A fault where a rule would have to decide for more than one element of a leader at a time."""
    rule, leaders = rules[0]
    below = nest.items[nest.items.index(level) + 1 :]
    child = next((i.memory.name for i in below if isinstance(i, Level) and follower.name in i.keeps), None)
    text = f"{rule.effect} of '{follower.name}' at {level.memory.name} in '{nest.op.name}'"
    if child is not None:
        faults.add(
            rule.where,
            f"{text} would decide for whole tiles, since {child} keeps '{follower.name}' further in; only decisions "
            "per element, at the memory next to the compute, are modelled",
        )
        return
    shared = {
        a.name
        for a in below
        if isinstance(a, Array) and (a.reduce if follower.role == "output" else a.multicast != "none")
    }
    for loop in below:
        if not (isinstance(loop, BoundLoop) and loop.array in shared and loop.factor > 1):
            continue
        windows = [d for d in follower.dims if len(d.terms) > 1 and loop.rank in dict(d.terms)]
        if windows or any(loop.rank in t.ranks() for t in leaders if loop.rank not in follower.ranks()):
            faults.add(
                rule.where,
                f"{text} would decide for all lanes of {loop.array} that share a delivery along {loop.rank}; only "
                "decisions per element are modelled",
            )
            return


def _shares(op: Op, present: Sequence[Tensor], skips: Sequence[Tensor], gates: Sequence[Tensor]) -> Shares:
    """Shares of the points where `present` exists."""
    if not skips and not gates:
        return EVERYTHING
    whole = expected_points(op, present, [])
    if not whole:
        return EVERYTHING
    unskipped = expected_points(op, present, skips) / whole if skips else 1.0
    actual = expected_points(op, present, _merged([skips, gates])) / whole
    return Shares(unskipped, actual)
