"""Where the product makes an assumption instead of counting: comparisons leave these numbers out (docs/sparsity.md)."""

from __future__ import annotations

from sata.nest.structure import TEMPORAL, Structure

from .random_sparse import Case

Cell = tuple[str, str, str, str]  # memory, tensor, event, outcome


def correlated(case: Case) -> bool:
    """Whether a leader has two dimensions over ranks that share one dimension of its follower."""
    followers = {t.name: t for t in case.problem.tensors}
    for rule in case.sparsity.rules:
        for dim in followers[rule.follower].dims:
            for name in rule.leaders:
                if sum(bool(set(d.ranks) & set(dim.ranks)) for d in case.tensors[name].dims) > 1:
                    return True
    return False


def shared_parents(structure: Structure, factors: list[int], operand: int, place: int) -> bool:
    """Whether instances of the memory at `place` of an output's chain, or of one further out, hold the same elements."""
    whole = structure.operands[operand]
    alone = {axis.ranks[0] for axis in whole.axes if len(axis.ranks) == 1}
    depth = structure.depths[whole.chain[place]]
    return any(
        slot.array != TEMPORAL and factor > 1 and slot.rank not in alone
        for slot, factor in zip(structure.slots[:depth], factors, strict=False)
    )


def undecided(case: Case, structure: Structure, factors: list[int], memories: list[str]) -> set[tuple[str, str, str]]:
    """Return (memory, tensor, event) of old values whose receiver is nobody's rule, and of merge reads that several
    leaders decide about."""
    found = set()
    for o, (tensor, operand) in enumerate(zip(case.problem.tensors, structure.operands, strict=True)):
        several = sum(len(r.leaders) for r in case.sparsity.rules if r.follower == tensor.name) > 1
        for place, memory in enumerate(operand.chain):
            if several:
                found.add((memories[memory], tensor.name, "merge_reads"))
            if operand.output and shared_parents(structure, factors, o, place):
                found.add((memories[memory], tensor.name, "reads"))
            if operand.output and place and shared_parents(structure, factors, o, place - 1):
                found.add((memories[memory], tensor.name, "fills"))
    return found
