"""Which tensors of an op lead a rule, and rules that could never act: nothing is ignored in silence."""

from __future__ import annotations

from collections.abc import Iterable

from sata.specs.model import Arch, Memory, Op, Rule, Tensor, Workload
from sata.specs.text.faults import Faults


def leaders_of(op: Op, rule: Rule, follower: Tensor) -> list[Tensor]:
    """The tensors of the op that decide about the follower by this rule; none where the rule is not about it.

    A leader is an input or a tensor made inside the compute: the zeros of a result are not known before.
    """
    names = {follower.kind, follower.name}
    if rule.either:
        others = [name for name in rule.leaders if name not in names]
        return [t for t in leading(op, others) if t.name != follower.name] if names & set(rule.leaders) else []
    return leading(op, rule.leaders) if rule.follower in names else []


def leading(op: Op, names: Iterable[str]) -> list[Tensor]:
    """The op's operands of these kinds (or names): what it takes, and what is made inside the compute."""
    chosen = set(names)
    return [t for t in op.tensors if (t.role == "input" or t.local) and (t.kind in chosen or t.name in chosen)]


def check_rules(arch: Arch, workload: Workload, faults: Faults) -> None:
    """A fault for a rule whose follower and leaders the workload has, but never in one op, or whose memory may not keep
    the follower. What a mapping keeps is its own choice, and a workload without one of them no fault of the rule.
    """
    there = {name for op in workload.ops for t in op.tensors for name in (t.name, t.kind)}
    memories = {n.name: n for way in arch.ways() for n in way if isinstance(n, Memory) and n.rules}
    for memory in memories.values():
        for rule in memory.rules:
            named = {rule.follower, *rule.leaders} if rule.follower else set(rule.leaders)
            if named <= there and not any(may_lead(rule, op, memory) for op in workload.ops):
                faults.add(rule.where, *_sentence(memory, rule, workload))


def may_lead(rule: Rule, op: Op, memory: Memory) -> bool:
    """Whether a rule of a memory can decide about a tensor of the op, if a mapping keeps that there."""
    return any(leaders_of(op, rule, t) for t in op.tensors if _may_keep(memory, t))


def _may_keep(memory: Memory, tensor: Tensor) -> bool:
    kinds = (*(memory.keep or ()), *(memory.may_keep or ()))
    anything = memory.keep is None and memory.may_keep is None
    return not tensor.local and (anything or tensor.kind in kinds or tensor.name in kinds)


def _sentence(memory: Memory, rule: Rule, workload: Workload) -> tuple[str, str]:
    """(what is wrong, what would do)."""
    names = [f"'{name}'" for name in rule.leaders]
    if rule.either:
        return (
            f"'either' at {memory.name} never acts: no op takes both {' and '.join(names)}, one of them kept there",
            "",
        )
    text = f"{rule.effect} of '{rule.follower}' at {memory.name} never acts: "
    if any(leaders_of(op, rule, t) for op in workload.ops for t in op.tensors):
        return f"{text}{memory.name} may not keep '{rule.follower}'", "say so in its 'keep' or 'may_keep'"
    meeting = dict.fromkeys(
        t.kind
        for op in workload.ops
        if any(rule.follower in (f.name, f.kind) for f in op.tensors)
        for t in op.tensors
        if (t.role == "input" or t.local) and rule.follower not in (t.name, t.kind)
    )
    return f"{text}no op that has '{rule.follower}' takes {' or '.join(names)}", f"such ops take: {', '.join(meeting)}"
