"""Which ops may be fused, and the ways to do it: what passes between them, where it has its home, what is shared.

Two ops are fused below one *split*. Nothing is lost by putting it right below the innermost memory that is the home of
what passes inside (the *home* of a class): a split further in would only ask for more that both have in common, since
the costs of an op depend on its own nest alone, and tiles of both ops share a memory only above the split.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import combinations

from sata.graph import WorkloadGraph, outside_between
from sata.search.model.exact import Machine
from sata.search.space.storage_templates import Constraints, StorageTemplate, carried_ranks, storage_templates
from sata.specs.model import Arch, Array, Memory, Op

Bans = frozenset[tuple[str, str]]  # (rank, memory): no loop over the rank stands above the memory


def pairs_of(graph: WorkloadGraph) -> list[tuple[Op, Op]]:
    """Ops that may be fused: neighbours of one layer, of which the second takes what the first makes, and no other op
    does; no op has to run between them, and none of them is of a cycle. No op is in two pairs: the first one has it."""
    workload = graph.workload
    layers: dict[str, list[Op]] = {}
    for op in workload.ops:
        layers.setdefault(op.layer, []).append(op)
    kept = {(k.layer, k.tensor) for k in workload.kept}
    number = {op.name: n for n, op in enumerate(workload.ops)}
    turning = {n for cycle in graph.order.cycles for n in cycle.ops}
    found: list[tuple[Op, Op]] = []
    for layer, ops in layers.items():
        taken: set[str] = set()
        for at, (maker, taker) in enumerate(zip(ops, ops[1:], strict=False)):
            inside = [t for t in passed(maker, taker) if (layer, t) not in kept and not _taken_later(t, ops[at + 2 :])]
            numbers = number[maker.name], number[taker.name]
            if turning & set(numbers) or not (inside and keeps_to_themselves(graph, numbers, passed(maker, taker))):
                continue
            if not taken & {maker.name, taker.name} and not between(graph, numbers):
                found.append((maker, taker))
                taken |= {maker.name, taker.name}
    return found


def keeps_to_themselves(graph: WorkloadGraph, pair: tuple[int, int], names: Sequence[str]) -> bool:
    """Whether what passes between two ops is made by the first alone, from nothing, and read by the second alone."""
    for value in graph.flow.values:
        if any(n == pair[0] and t.name in names for n, t in value.makers):
            users = {n for n, _ in (*value.makers, *value.readers)}
            if users != set(pair) or len(value.makers) > 1 or value.makers[0][1].initialised:
                return False
    return True


def between(graph: WorkloadGraph, pair: tuple[int, int]) -> bool:
    """Whether an op has to run after one and before the other."""
    groups = {n: n for n in range(len(graph.flow.ops))} | {pair[1]: pair[0]}
    return next(outside_between(graph, groups), None) is not None


def passed(maker: Op, taker: Op) -> tuple[str, ...]:
    """The tensors that one op makes and the other takes."""
    takes = {t.name for t in taker.tensors if t.role == "input" and not t.local}
    return tuple(t.name for t in maker.tensors if t.role == "output" and not t.local and t.name in takes)


def _taken_later(tensor: str, ops: Sequence[Op]) -> bool:
    """Whether an op takes a tensor that none makes anew before."""
    for op in ops:
        roles = {t.role for t in op.tensors if t.name == tensor}
        if "input" in roles:
            return True
        if "output" in roles:
            return False
    return False


def shared_ranks(maker: Op, taker: Op) -> frozenset[str]:
    """The ranks whose loops may stand above the split: of the same length for both ops, and such that what passes is
    whole below them (docs/mapping.md)."""
    ranks = {r for r, bound in maker.ranks.items() if bound > 1 and taker.ranks.get(r) == bound}
    for name in passed(maker, taker):
        made, taken = maker.tensor(name), taker.tensor(name)
        ranks &= made.ranks()
        for a, b in zip(made.dims, taken.dims, strict=True):
            if (a.terms, a.offset) != (b.terms, b.offset):
                ranks -= {r for r, _ in (*a.terms, *b.terms)}
    opposed = {r for r, way in maker.sequential.items() if taker.sequential.get(r, way) != way}
    return frozenset(ranks - opposed)


@dataclass(frozen=True)
class FusionKind:
    """One way to fuse: the names of the nodes down to the home, the ranks that may be looped over above it (sequential:
    only in time), and for each op the storage templates that may be chosen. bans: what the second op's storage
    templates forbid above the split, alike for all of them."""

    prefix: tuple[str, ...]
    ranks: frozenset[str]
    sequential: frozenset[str]
    bans: Bans
    makers: tuple[StorageTemplate, ...]
    takers: tuple[StorageTemplate, ...]

    @property
    def home(self) -> str:
        return self.prefix[-1]


@dataclass(frozen=True)
class FusionProblem:
    """How the ops of a pair may be mapped, each by itself."""

    ops: tuple[Op, Op]
    arch: Arch
    on: Machine
    constraints: tuple[Constraints, Constraints] = field(default_factory=lambda: (Constraints(), Constraints()))


def fusion_kinds(choice: FusionProblem) -> list[FusionKind]:
    """Every way to fuse a pair, some of what passes having its home inside."""
    maker, taker = choice.ops
    names = passed(maker, taker)
    ranks = shared_ranks(maker, taker)
    sequential = frozenset((*maker.sequential, *taker.sequential))
    found = []
    for number in range(1, len(names) + 1):
        for inner in combinations(names, number):
            made, took = (_by_prefix(choice, which, frozenset(inner)) for which in (0, 1))
            for prefix in made:
                by_bans: dict[Bans, list[StorageTemplate]] = {}
                for s in took.get(prefix, ()):
                    by_bans.setdefault(bans_of(s, prefix), []).append(s)
                for bans, takers in by_bans.items():
                    found.append(FusionKind(prefix, ranks, sequential, bans, tuple(made[prefix]), tuple(takers)))
    return found


def _by_prefix(
    choice: FusionProblem, which: int, inner: frozenset[str]
) -> dict[tuple[str, ...], list[StorageTemplate]]:
    """The storage templates of one op by the nodes of its way down to the innermost home of what passes inside."""
    found: dict[tuple[str, ...], list[StorageTemplate]] = {}
    # loops stand below memories that only the other op keeps something in, too: `joint` tells whether all have a place
    asked = replace(choice.constraints[which], factors={})
    for s in storage_templates(choice.arch, choice.ops[which], choice.on.prices, asked, inner):
        names = [n.name for n in s.way]
        last = max(names.index(s.chain(t)[0]) for t in inner)
        found.setdefault(tuple(names[: last + 1]), []).append(s)
    return found


def bans_of(template: StorageTemplate, prefix: Sequence[str]) -> Bans:
    """Loops that a state with an inner home does not allow above it. A home below the split counts as the split."""
    first = next(n.name for n in template.way if isinstance(n, Memory))
    found = set()
    for t in template.op.tensors:
        if not t.local and template.chain(t.name)[0] != first:
            home = template.chain(t.name)[0]
            found |= {(r, home if home in prefix else prefix[-1]) for r in carried_ranks(template.op, t)}
    return frozenset(found)


def agree(one: StorageTemplate, other: StorageTemplate, prefix: Sequence[str]) -> bool:
    """Whether tensors of both ops are kept in the same shared memories: a mapping names what a memory keeps once."""
    common = {t.name for t in one.op.tensors} & {t.name for t in other.op.tensors}
    return all(common & set(one.keeps.get(m, ())) == common & set(other.keeps.get(m, ())) for m in prefix)


def joint(template: StorageTemplate, other: StorageTemplate, prefix: Sequence[str]) -> StorageTemplate:
    """A storage template whose items down to the split are those of both ops; what only the other keeps keeps nothing
    here."""
    above = set(prefix)
    items = tuple(n for n in template.way if n in template.items or (n.name in above and n.name in other.keeps))
    keeps = {i.name: template.keeps.get(i.name, ()) for i in items if isinstance(i, Memory)}
    return StorageTemplate(template.op, template.way, items, keeps)


def number_of(template: StorageTemplate, name: str) -> int:
    """The number of an item."""
    return next(n for n, item in enumerate(template.items) if item.name == name)


def above(template: StorageTemplate, kind: FusionKind) -> tuple[frozenset[str], ...]:
    """For each item above the home, the ranks that temporal loops below it may run over."""
    place = {node.name: n for n, node in enumerate(template.way)}
    found = []
    for at in range(number_of(template, kind.home)):
        lowest = place[template.items[at + 1].name]  # a memory of the other op between the two may be above the loop
        found.append(kind.ranks - {r for r, memory in kind.bans if place[memory] >= lowest})
    return tuple(found)


def unrolled(template: StorageTemplate, kind: FusionKind) -> dict[str, frozenset[str]]:
    """Array above the split -> the ranks that its lanes may differ in: none that either op declares sequential."""
    place = {node.name: n for n, node in enumerate(template.way)}
    arrays = [n.name for n in template.way if isinstance(n, Array) and n.name in kind.prefix]
    return {
        name: kind.ranks - kind.sequential - {r for r, memory in kind.bans if place[memory] > place[name]}
        for name in arrays
    }
