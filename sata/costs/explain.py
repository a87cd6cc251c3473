"""What zeros saved in one op, rule by rule: each rule by itself, and all together.

Each rule is counted and priced alone, with the others away, so that rules which save the same event show it each; the
row of all rules shows it once.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from math import prod
from typing import Any

from sata.costs.evaluate import Price
from sata.costs.tally import tally
from sata.counts.dense.batch import Batch
from sata.counts.dense.plan import plan_of
from sata.counts.dense.tables import Tables
from sata.counts.op import count_op
from sata.counts.op.results import OpCounts
from sata.counts.sparse.rules import Decision, Leader, Rules, rules_of
from sata.nest.graph import Shape, stored_tensors
from sata.nest.model import OpNest
from sata.nest.structure import TEMPORAL, Axis, Structure
from sata.specs.text.faults import Faults

Record = dict[str, Any]
TOGETHER = "all rules"


def explain_op(
    nest: OpNest, shape: Shape, prices: Mapping[str, Price], bits: Mapping[str, int], faults: Faults
) -> list[Record]:
    """One record a rule that acts in the op, and one for all of them; none where nothing is decided.

    Fields: op, layer, stage, rule, node (memory or compute), effect, follower, leaders, tile (text: what the leader is
    looked at by), empty (share of these tiles, weighed by what they decide about; None at the compute), models
    (leader: density model, in words); and what is saved, gated or skipped: computes, accesses (elements), energy_pj,
    cycles.
    """
    rules = rules_of(nest)
    if not rules.leaders:
        return []
    dense = count_op(nest, shape, Rules())
    spent = _spent(dense, prices, bits, faults)
    found = [
        _record(nest, shape, one, text, dense, spent, prices, bits, faults) for text, one in _alone(nest, shape, rules)
    ]
    if len(found) > 1:
        text = {"rule": TOGETHER, "node": "", "effect": "", "follower": "", "tile": ""}
        found.append(_record(nest, shape, rules, text, dense, spent, prices, bits, faults))
    return found


def _alone(nest: OpNest, shape: Shape, rules: Rules) -> Iterator[tuple[Record, Rules]]:
    """(what a rule says, the rule with all others away); a rule that speaks of several tensors once for each."""
    op = nest.op
    for d in rules.decisions:
        follower = stored_tensors(op)[d.operand]
        memory = nest.chains[follower.name][d.link]
        leaders = ", ".join(rules.leaders[n].tensor for n in d.leaders)
        effect = "skip" if d.skip else "gate"
        text = {
            "rule": f"{memory}: {effect} {follower.name} by {leaders}", "node": memory, "effect": effect,
            "follower": follower.name, "tile": "; ".join(_tile(shape, d, rules.leaders[n]) for n in d.leaders),
        }  # fmt: skip
        yield text, Rules(rules.leaders, (d,))
    for effect, numbers in (("skip", rules.skips), ("gate", rules.gates)):
        for n in numbers:
            tensor = rules.leaders[n].tensor
            compute = nest.compute.name
            one = (n,)
            text = {"rule": f"{compute}: {effect} by {tensor}", "node": compute, "effect": effect, "follower": "",
                    "tile": f"one {tensor}"}  # fmt: skip
            skip = effect == "skip"
            yield text, Rules(rules.leaders, (), one if skip else (), () if skip else one)


def _record(
    nest: OpNest, shape: Shape, rules: Rules, text: Record, dense: OpCounts, spent: tuple[float, float],
    prices: Mapping[str, Price], bits: Mapping[str, int], faults: Faults,
) -> Record:  # fmt: skip
    counts = count_op(nest, shape, rules)
    energy, cycles = _spent(counts, prices, bits, faults)
    leaders = dict.fromkeys(n for d in rules.decisions for n in d.leaders) | dict.fromkeys((*rules.skips, *rules.gates))
    empty = None
    if len(rules.decisions) == 1 and not (rules.skips or rules.gates):
        empty = _empty(counts, rules.decisions[0])
    op = nest.op
    return {
        "op": op.name, "layer": op.layer, "stage": op.stage, **text,
        "leaders": [rules.leaders[n].tensor for n in leaders], "empty": empty,
        "computes": dense.computes.actual - counts.computes.actual,
        "accesses": sum(
            o.gated + o.skipped for a in counts.accesses for o in a.events.values()
        ) - sum(o.gated + o.skipped for a in dense.accesses for o in a.events.values()),
        "energy_pj": spent[0] - energy, "cycles": spent[1] - cycles,
        "models": {rules.leaders[n].tensor: describe(rules.leaders[n]) for n in leaders},
    }  # fmt: skip


def _spent(
    counts: OpCounts, prices: Mapping[str, Price], bits: Mapping[str, int], faults: Faults
) -> tuple[float, float]:
    """(energy without leakage in pJ, cycles) of an op by itself."""
    found = tally(counts, prices, bits, faults)
    return sum(r["energy_pj"] for r in found.records), found.cycles


def _empty(counts: OpCounts, decision: Decision) -> float | None:
    """The share of what a rule decides about that it kept back: what children get or send, each for itself; at the
    compute, accesses of the memory."""
    operand, at = decision.operand, decision.link
    output, last = counts.structure.operands[operand].output, at + 1 == len(counts.structure.operands[operand].chain)
    event = ("updates" if output else "reads") if last else ("drains" if output else "fills")
    place = at if last else at + 1
    whole = getattr(counts.dense.tensors[operand][place], event)
    left = counts.decided.events.get((operand, place, event))
    return None if left is None or not whole else 1.0 - float(left.actual) / whole


def _tile(shape: Shape, decision: Decision, leader: Leader) -> str:
    """The leader's tile under one step of the follower, such as `S[1,16,3,3]`; the largest, at no border."""
    structure, factors = shape
    tables = Tables(Batch(structure, list(factors)))
    link = plan_of(structure)[decision.operand].links[decision.link]
    last = decision.link + 1 == len(structure.operands[decision.operand].chain)
    steps = {m.slot for m, a in zip(link.moves, tables.active(link), strict=True) if last or a}
    spans = [1] * len(structure.bounds)
    for slot, (one, factor) in enumerate(zip(structure.slots, factors, strict=True)):
        bound = slot in steps if one.array == TEMPORAL else slot < link.depth
        if not bound:
            spans[one.rank] *= factor
    return f"{leader.tensor}[{','.join(str(_extent(structure, axis, spans)) for axis in leader.axes)}]"


def _extent(structure: Structure, axis: Axis, spans: list[int]) -> int:
    """How many coordinates a dimension has where its ranks have some spans."""
    pairs = [(c, min(spans[r], structure.bounds[r])) for r, c in zip(axis.ranks, axis.coefs, strict=True)]
    places = {0}
    for coef, span in pairs:
        places = {p + coef * i for p in places for i in range(span)} if prod((len(places), span)) < 1 << 16 else places
    return min(len(places), axis.size)


def describe(leader: Leader) -> str:
    """The density model of a leader in a few words."""
    model = leader.model
    return f"{model.name}, density {model.density:.4g}"
