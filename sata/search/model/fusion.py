"""Which ops may be fused, and the ways to do it: what passes between them, where it has its home, what is shared.

Ops are fused below one *split*. Nothing is lost by putting it right below the innermost memory that is the home of
what passes inside (the *home* of a class): a split further in would only ask for more that both have in common, since
the costs of an op depend on its own nest alone, and tiles of several ops share a memory only above the split.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import combinations, product

from sata.graph import WorkloadGraph, outside_between
from sata.search.model.exact import Machine
from sata.search.space.storage_templates import Constraints, StorageTemplate, carried_ranks, storage_templates
from sata.specs.model import Arch, Array, Memory, Op

Bans = frozenset[tuple[str, str]]  # (rank, memory): no loop over the rank stands above the memory


def pairs_of(graph: WorkloadGraph) -> list[tuple[Op, ...]]:
    """Pairs of ops that may be fused, none of which is in two of them: the first one has it."""
    found: list[tuple[Op, ...]] = []
    taken: set[str] = set()
    for pair in fusible(graph, 2):
        names = {op.name for op in pair}
        if not taken & names:
            found.append(pair)
            taken |= names
    return found


def fusible_groups(graph: WorkloadGraph, most: int) -> list[tuple[Op, ...]]:
    """Groups of up to so many ops that may be fused. Up to two: `pairs_of`; of more an op may be in several groups."""
    return pairs_of(graph) if most == 2 else list(fusible(graph, most))


def fusible(graph: WorkloadGraph, most: int) -> Iterator[tuple[Op, ...]]:
    """Runs of two and more neighbours of one layer, connected by what passes among them alone, such that no other op
    has to run between them (convex in the dataflow graph), and none of them is of a cycle."""
    layers: dict[str, list[Op]] = {}
    for op in graph.workload.ops:
        layers.setdefault(op.layer, []).append(op)
    for ops in layers.values():
        for first in range(len(ops)):
            for end in range(first + 2, min(first + most, len(ops)) + 1):
                if _may_fuse(graph, ops[first:end], ops[end:]):
                    yield tuple(ops[first:end])


def _may_fuse(graph: WorkloadGraph, ops: Sequence[Op], after: Sequence[Op]) -> bool:
    """after: the ops behind these of their layer."""
    kept = {(k.layer, k.tensor) for k in graph.workload.kept}
    number = {op.name: n for n, op in enumerate(graph.workload.ops)}
    members = [number[op.name] for op in ops]
    if set(members) & {n for cycle in graph.order.cycles for n in cycle.ops}:
        return False
    passing = passing_among(ops)
    inside = [users for t, users in passing.items() if (ops[0].layer, t) not in kept and not _taken_later(t, after)]
    if not connects(inside, len(ops)) or not _keep_to_themselves(graph, members, passing):
        return False
    groups = {n: n for n in range(len(graph.flow.ops))} | dict.fromkeys(members, members[0])
    return next(outside_between(graph, groups), None) is None


def _keep_to_themselves(graph: WorkloadGraph, members: Sequence[int], names: Collection[str]) -> bool:
    """Whether what passes among ops is made by one of them, from nothing, and read by them alone."""
    for value in graph.flow.values:
        if any(n in members and t.name in names for n, t in value.makers):
            users = {n for n, _ in (*value.makers, *value.readers)}
            if not users <= set(members) or len(users) < 2 or len(value.makers) > 1 or value.makers[0][1].initialised:
                return False
    return True


def passing_among(ops: Sequence[Op]) -> dict[str, frozenset[int]]:
    """By tensor that passes among ops, the numbers of those that make or take it."""
    found: dict[str, set[int]] = {}
    for (m, maker), (n, taker) in combinations(enumerate(ops), 2):
        for name in passed(maker, taker):
            found.setdefault(name, set()).update((m, n))
    return {name: frozenset(users) for name, users in found.items()}


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


def shared_ranks(ops: Sequence[Op]) -> frozenset[str]:
    """The ranks whose loops may stand above the split: of the same length for all ops, and such that what passes is
    whole below them (docs/mapping.md)."""
    ranks = {r for r, bound in ops[0].ranks.items() if bound > 1 and all(op.ranks.get(r) == bound for op in ops)}
    for maker, taker in combinations(ops, 2):
        for name in passed(maker, taker):
            made, taken = maker.tensor(name), taker.tensor(name)
            ranks &= made.ranks()
            for a, b in zip(made.dims, taken.dims, strict=True):
                if (a.terms, a.offset) != (b.terms, b.offset):
                    ranks -= {r for r, _ in (*a.terms, *b.terms)}
        ranks -= {r for r, way in maker.sequential.items() if taker.sequential.get(r, way) != way}
    return frozenset(ranks)


@dataclass(frozen=True)
class FusionKind:
    """One way to fuse: the names of the nodes down to the home, the ranks that may be looped over above it (sequential:
    only in time), and for each op the storage templates that may be chosen. bans: what those of all ops but the first
    forbid above the split, alike for all of an op."""

    prefix: tuple[str, ...]
    ranks: frozenset[str]
    sequential: frozenset[str]
    bans: Bans
    members: tuple[tuple[StorageTemplate, ...], ...]

    @property
    def home(self) -> str:
        return self.prefix[-1]


@dataclass(frozen=True)
class FusionProblem:
    """How the ops of a group may be mapped, each by itself. constraints: of each op; none: without any."""

    ops: tuple[Op, ...]
    arch: Arch
    on: Machine
    constraints: tuple[Constraints, ...] = ()

    def asked(self, which: int) -> Constraints:
        """What is asked of an op."""
        return self.constraints[which] if self.constraints else Constraints()


def fusion_kinds(choice: FusionProblem) -> list[FusionKind]:
    """Every way to fuse a group: what has its home inside connects all of the ops."""
    passing = passing_among(choice.ops)
    ranks = shared_ranks(choice.ops)
    sequential = frozenset(r for op in choice.ops for r in op.sequential)
    found = []
    for number in range(1, len(passing) + 1):
        for inner in combinations(passing, number):
            if not connects([passing[name] for name in inner], len(choice.ops)):
                continue
            for prefix, members in _by_prefix(choice, frozenset(inner)).items():
                by_bans = [_by_bans(templates, prefix) for templates in members[1:]]
                for chosen in product(*(each.items() for each in by_bans)):
                    bans = frozenset(ban for bans, _ in chosen for ban in bans)
                    rest = (tuple(templates) for _, templates in chosen)
                    found.append(FusionKind(prefix, ranks, sequential, bans, (tuple(members[0]), *rest)))
    return found


def connects(edges: Sequence[frozenset[int]], number: int) -> bool:
    """Whether sets of ops connect all of so many (the first of which is in one of them)."""
    reached: set[int] = {0}
    while any(edge & reached and edge - reached for edge in edges):
        reached = reached.union(*(edge for edge in edges if edge & reached))
    return len(reached) == number


def _by_bans(templates: Sequence[StorageTemplate], prefix: tuple[str, ...]) -> dict[Bans, list[StorageTemplate]]:
    found: dict[Bans, list[StorageTemplate]] = {}
    for s in templates:
        found.setdefault(bans_of(s, prefix), []).append(s)
    return found


def _by_prefix(choice: FusionProblem, inner: frozenset[str]) -> dict[tuple[str, ...], list[list[StorageTemplate]]]:
    """The storage templates of each op by the nodes down to the innermost home of what passes inside, as far as all of
    the ops have some."""
    templates = [_templates(choice, which, inner) for which in range(len(choice.ops))]
    found = {}
    for prefix in dict.fromkeys(_down_to_home(s, inner) for each in templates for s in each):
        members = [[s for s in each if _ends_at(s, prefix, inner)] for each in templates]
        if all(members):
            found[prefix] = members
    return found


def _ends_at(template: StorageTemplate, prefix: tuple[str, ...], inner: frozenset[str]) -> bool:
    """Whether an op may part below a prefix: its homes of what passes inside are in it, and if it has all of that, the
    innermost of them is its end (further in, all would only have to agree on more)."""
    own = _down_to_home(template, inner)
    everything = inner <= {t.name for t in template.op.tensors}
    here = tuple(n.name for n in template.way[: len(prefix)]) == prefix
    return here and (own == prefix if everything else len(own) <= len(prefix))


def _down_to_home(template: StorageTemplate, inner: frozenset[str]) -> tuple[str, ...]:
    """The nodes of a way down to the innermost home of what passes inside."""
    names = [n.name for n in template.way]
    own = [t.name for t in template.op.tensors if t.name in inner and not t.local]
    return tuple(names[: max(names.index(template.chain(t)[0]) for t in own) + 1])


def _templates(choice: FusionProblem, which: int, inner: frozenset[str]) -> list[StorageTemplate]:
    # loops stand below memories that only another op keeps something in, too: `joint` tells whether all have a place
    op, asked = choice.ops[which], replace(choice.asked(which), factors={})
    names = inner & {t.name for t in op.tensors if not t.local}
    return [_from_outermost(s) for s in storage_templates(choice.arch, op, choice.on.prices, asked, names)]


def _from_outermost(template: StorageTemplate) -> StorageTemplate:
    """With the outermost memory, even if the op has all it takes and makes further in: shared loops stand below it."""
    first = next(n for n in template.way if isinstance(n, Memory))
    if first in template.items:
        return template
    items = tuple(n for n in template.way if n in template.items or n is first)
    return replace(template, items=items, keeps={first.name: (), **template.keeps})


def bans_of(template: StorageTemplate, prefix: Sequence[str]) -> Bans:
    """Loops that a state with an inner home does not allow above it. A home below the split counts as the split."""
    first = next(n.name for n in template.way if isinstance(n, Memory))
    found = set()
    for t in template.op.tensors:
        if not t.local and template.chain(t.name)[0] != first:
            home = template.chain(t.name)[0]
            found |= {(r, home if home in prefix else prefix[-1]) for r in carried_ranks(template.op, t)}
    return frozenset(found)


def agree(members: Sequence[StorageTemplate], prefix: Sequence[str]) -> bool:
    """Whether tensors of several ops are kept in the same shared memories: a mapping names what a memory keeps once."""
    for one, other in combinations(members, 2):
        common = {t.name for t in one.op.tensors} & {t.name for t in other.op.tensors}
        if any(common & set(one.keeps.get(m, ())) != common & set(other.keeps.get(m, ())) for m in prefix):
            return False
    return True


def joint(template: StorageTemplate, members: Sequence[StorageTemplate], prefix: Sequence[str]) -> StorageTemplate:
    """A storage template whose items down to the split are those of all members; what only others keep something in
    keeps nothing here."""
    above = {name for name in prefix if any(name in other.keeps for other in members)}
    items = tuple(n for n in template.way if n in template.items or n.name in above)
    keeps = {i.name: template.keeps.get(i.name, ()) for i in items if isinstance(i, Memory)}
    return StorageTemplate(template.op, template.way, items, keeps)


def number_of(template: StorageTemplate, name: str) -> int:
    """The number of an item."""
    return next(n for n, item in enumerate(template.items) if item.name == name)


def last_above(template: StorageTemplate, kind: FusionKind) -> int:
    """The number of the last item down to the home: that of the home, if the op keeps something in it."""
    return max(n for n, item in enumerate(template.items) if item.name in kind.prefix)


def above(template: StorageTemplate, kind: FusionKind) -> tuple[frozenset[str], ...]:
    """For each item above the last one down to the home, the ranks that temporal loops below it may run over."""
    place = {node.name: n for n, node in enumerate(template.way)}
    found = []
    for at in range(last_above(template, kind)):
        lowest = place[template.items[at + 1].name]  # a memory of another op between the two may be above the loop
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
