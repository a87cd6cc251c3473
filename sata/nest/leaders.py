"""Which tensors of an op lead a rule, and rules that could never act: nothing is ignored in silence."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from sata.nest.model import Group, Level, OpNest
from sata.specs.faults import Faults
from sata.specs.model import Arch, Memory, Op, Rule, Tensor, Workload


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


def check_rules(arch: Arch, workload: Workload, groups: Sequence[Group], faults: Faults) -> None:
    """A fault for a rule whose follower and leaders the workload has, but never together at the rule's memory.

    A workload without one of them is no fault: an architecture serves other workloads too.
    """
    there = {name for op in workload.ops for t in op.tensors for name in (t.name, t.kind)}
    memories = {n.name: n for way in arch.ways() for n in way if isinstance(n, Memory) and n.rules}
    for name, memory in memories.items():
        levels = [(nest, level) for nest in _nests(groups) for level in nest.levels if level.memory.name == name]
        for rule in memory.rules:
            named = {rule.follower, *rule.leaders} if rule.follower else set(rule.leaders)
            if named <= there and levels and not any(_acts(rule, nest, level) for nest, level in levels):
                faults.add(rule.where, *_sentence(memory, rule, levels))


def _nests(groups: Sequence[Group]) -> Iterator[OpNest]:
    for group in groups:
        yield from group.nests


def _acts(rule: Rule, nest: OpNest, level: Level) -> bool:
    return any(leaders_of(nest.op, rule, t) for t in nest.op.tensors if t.name in level.keeps)


def _sentence(memory: Memory, rule: Rule, levels: Sequence[tuple[OpNest, Level]]) -> tuple[str, str]:
    """(what is wrong, who does meet the follower)."""
    followers = set(rule.leaders) if rule.either else {rule.follower}
    leaders = " or ".join(f"'{name}'" for name in rule.leaders)
    meeting = dict.fromkeys(
        t.kind
        for nest, level in levels
        if any(f.name in level.keeps and {f.name, f.kind} & followers for f in nest.op.tensors)
        for t in nest.op.tensors
        if (t.role == "input" or t.local) and not {t.name, t.kind} & followers
    )
    if rule.either:
        both = " and ".join(f"'{name}'" for name in rule.leaders)
        message = f"'either' at {memory.name} never acts: no op takes both {both} while {memory.name} keeps one"
    else:
        message = (
            f"{rule.effect} of '{rule.follower}' at {memory.name} never acts: no op that has '{rule.follower}' in "
            f"{memory.name} takes {leaders}"
        )
    if not meeting:
        return message, f"{memory.name} keeps it in no op of this mapping; leave the rule out"
    return message, f"inputs of ops that have it there: {', '.join(meeting)}"
