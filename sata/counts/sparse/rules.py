"""Gating and skipping in integers: who leads whom, at which link, with which zeros.

A rule at a memory speaks of the link to the next memory further in (or the compute) that keeps the follower. `either`
is two rules. A leader is an input or a tensor made inside the compute: the zeros of a result are not known before.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from sata.counts.density import Model, model_of
from sata.nest.graph import axis_of, stored_tensors
from sata.nest.leaders import leaders_of, leading
from sata.nest.model import OpNest
from sata.nest.structure import Axis
from sata.specs.model import Op, Rule, Tensor


@dataclass(frozen=True, slots=True)
class Leader:
    """A tensor whose zeros decide: every dimension of it (those of one coordinate have no ranks), and its model."""

    tensor: str
    axes: tuple[Axis, ...]
    model: Model


@dataclass(frozen=True, slots=True)
class Decision:
    """A rule on one link: `operand` and `link` of a structure, numbers of the leaders. skip: else gate."""

    operand: int
    link: int
    leaders: tuple[int, ...]
    skip: bool
    rule: Rule


@dataclass(frozen=True, slots=True)
class Rules:
    """All that zeros decide in one op. skips, gates: leaders that the compute looks at, element by element."""

    leaders: tuple[Leader, ...] = ()
    decisions: tuple[Decision, ...] = ()
    skips: tuple[int, ...] = ()
    gates: tuple[int, ...] = ()

    def of(self, operand: int, link: int) -> tuple[Decision, ...]:
        """Those that decide about what moves on a link: its own and those further out."""
        return tuple(d for d in self.decisions if d.operand == operand and d.link <= link)


def rules_of(nest: OpNest) -> Rules:
    """The rules of the architecture that act in one op."""
    op = nest.op
    leaders: dict[str, Leader] = {}

    def numbers(tensors: Iterable[Tensor]) -> tuple[int, ...]:
        for t in tensors:
            leaders.setdefault(t.name, _leader(op, t))
        return tuple(list(leaders).index(t.name) for t in tensors)

    decisions = [
        Decision(operand, link, numbers(found), rule.effect == "skip", rule)
        for operand, follower in enumerate(stored_tensors(op))
        for link, name in enumerate(nest.chains[follower.name])
        for rule, found in _acting(nest, name, follower)
    ]
    skips = numbers(leading(op, nest.compute.skips(op.action)))
    gates = numbers(leading(op, nest.compute.gates(op.action)))
    return Rules(tuple(leaders.values()), tuple(decisions), skips, gates)


def _leader(op: Op, tensor: Tensor) -> Leader:
    number = {rank: i for i, rank in enumerate(op.ranks)}
    return Leader(tensor.name, tuple(axis_of(op, dim, number) for dim in tensor.dims), model_of(tensor))


def _acting(nest: OpNest, memory: str, follower: Tensor) -> Iterator[tuple[Rule, list[Tensor]]]:
    """Rules of a memory that speak of the follower, with those of their leaders that the op has."""
    level = next(level for level in nest.levels if level.memory.name == memory)
    for rule in level.memory.rules:
        leaders = leaders_of(nest.op, rule, follower)
        if leaders:
            yield rule, leaders
