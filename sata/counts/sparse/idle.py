"""Rules about zeros that could act and do not, because of what a mapping keeps and where."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from sata.counts.sparse.rules import rules_of
from sata.nest.leaders import leaders_of, may_lead
from sata.nest.model import OpNest
from sata.specs.model import Arch, Memory, Rule


def left_idle(arch: Arch, nests: Iterable[OpNest]) -> Iterator[tuple[str, str]]:
    """(the rule in words, why it is idle) of every rule of a memory that some op could be decided by and none is."""
    nests = list(nests)
    acting: set[tuple[str, Rule]] = set()
    for nest in nests:
        chains = list(nest.chains.values())
        acting |= {(chains[d.operand][d.link], d.rule) for d in rules_of(nest).decisions}
    for memory in {node.name: node for way in arch.ways() for node in way if isinstance(node, Memory)}.values():
        for rule in memory.rules:
            ops = [nest for nest in nests if may_lead(rule, nest.op, memory)]
            if ops and (memory.name, rule) not in acting:
                yield f"{memory.name}: {_words(rule)}", _why(rule, memory, ops)


def _words(rule: Rule) -> str:
    if rule.either:
        return f"{rule.effect} either of {', '.join(rule.leaders)}"
    return f"{rule.effect} {rule.follower} by {', '.join(rule.leaders)}"


def _why(rule: Rule, memory: Memory, nests: list[OpNest]) -> str:
    there = [nest for nest in nests if any(level.memory.name == memory.name for level in nest.levels)]
    if not there:
        return f"no nest has {memory.name}"
    followers = dict.fromkeys(t.name for nest in there for t in nest.op.tensors if leaders_of(nest.op, rule, t))
    return f"the mapping keeps no {' or '.join(followers)} in {memory.name}"
