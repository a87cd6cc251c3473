"""`constraints:` -> what a user asks of the nests of ops, by pattern. The first entry whose pattern matches wins."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

from sata.search.space.storage_templates import Constraints
from sata.specs.model import Arch, Array, Compute, Memory, Op, Workload
from sata.specs.text.faults import Faults, Where, did_you_mean
from sata.specs.text.source import Doc, Path_, read

KEYS = ("ops", "keep", "bypass", "spatial", "utilization", "compute", "factors", "order")


FACTOR = re.compile(r"(<=|>=|)\s*([0-9]{1,15})")


@dataclass(frozen=True)
class ConstraintRule:
    """One entry: patterns over op names, and what is asked of their nests."""

    patterns: tuple[str, ...]
    constraints: Constraints
    where: Where


def constraints_of(rules: Sequence[ConstraintRule], op: Op) -> Constraints:
    """What is asked of the nests of an op: the first entry that matches it, or nothing."""
    for rule in rules:
        if any(fnmatchcase(op.name, pattern) for pattern in rule.patterns):
            return rule.constraints
    return Constraints()


def read_constraints(source: Any, arch: Arch, workload: Workload) -> list[ConstraintRule]:
    """The rules of a file. Raises: SpecError with all faults."""
    doc = read(source, variables={})
    faults = Faults()
    for key in doc.data:
        if key not in ("constraints", "variables", "include"):
            faults.add(
                doc.where((key,), True),
                f"unknown top key '{key[:60]}', expected constraints",
                did_you_mean(key, ("constraints",)),
            )
    given = doc.data.get("constraints")
    if not isinstance(given, list):
        faults.add(doc.where(("constraints",)) if "constraints" in doc.data else Where(doc.label),
                   "expected a list of entries under 'constraints', each with 'ops'")  # fmt: skip
        faults.check()
        return []
    reader = _ConstraintReader(doc, arch, workload, faults)
    rules = [rule for i, entry in enumerate(given) if (rule := reader.rule(entry, ("constraints", i))) is not None]
    faults.check()
    return rules


class _ConstraintReader:
    def __init__(self, doc: Doc, arch: Arch, workload: Workload, faults: Faults) -> None:
        self.doc, self.workload, self.faults = doc, workload, faults
        nodes = {n.name: n for way in arch.ways() for n in way}
        self.memories = {name for name, n in nodes.items() if isinstance(n, Memory)}
        self.arrays = {name: n for name, n in nodes.items() if isinstance(n, Array)}
        self.computes = {name for name, n in nodes.items() if isinstance(n, Compute)}
        self.kinds = {w for op in workload.ops for t in op.tensors for w in (t.kind, t.name)}
        self.ranks = {r for op in workload.ops for r in op.ranks}

    def add(self, path: Path_, message: str, hint: str = "", key: bool = False) -> None:
        self.faults.add(self.doc.where(path, key), message, hint)

    def known(self, name: Any, names: Sequence[str] | set[str], what: str, path: Path_, key: bool = False) -> bool:
        if isinstance(name, str) and name in names:
            return True
        listed = sorted(names)
        self.add(
            path,
            f"'{str(name)[:60]}' is not {'an' if what[0] == 'a' else 'a'} {what}; expected one of: {', '.join(listed)}",
            did_you_mean(str(name), listed),
            key,
        )
        return False

    def rule(self, entry: Any, path: Path_) -> ConstraintRule | None:
        if not isinstance(entry, dict) or "ops" not in entry:
            self.add(path, "an entry needs 'ops': a pattern of op names, or a list of them")
            return None
        for key in entry:
            self.known(key, set(KEYS), "key of a constraint", (*path, key), True)
        ops = entry["ops"] if isinstance(entry["ops"], list) else [entry["ops"]]
        names = [op.name for op in self.workload.ops]
        for i, pattern in enumerate(ops):
            at: Path_ = (*path, "ops", i) if isinstance(entry["ops"], list) else (*path, "ops")
            if not isinstance(pattern, str) or not any(fnmatchcase(n, pattern) for n in names):
                self.add(
                    at,
                    f"pattern '{pattern}' matches no op of workload '{self.workload.name}'",
                    did_you_mean(str(pattern), names),
                )
        least = entry.get("utilization", 0.0)
        if isinstance(least, bool) or not isinstance(least, (int, float)) or not 0 <= least <= 1:
            self.add((*path, "utilization"), f"the least share of lanes is {least!r}; it must be from 0 to 1")
            least = 0.0
        compute = entry.get("compute", "")
        if compute:
            self.known(compute, self.computes, "compute of the architecture", (*path, "compute"))
        return ConstraintRule(
            tuple(map(str, ops)),
            Constraints(
                self.names(entry, "keep", path),
                self.names(entry, "bypass", path),
                self.spatial(entry, path),
                float(least),
                str(compute),
                self.factors(entry, path),
                self.order(entry, path),
            ),
            self.doc.where(path),
        )

    def names(self, entry: Mapping[str, Any], key: str, path: Path_) -> dict[str, tuple[str, ...]]:
        """memory -> kinds or tensors."""
        kept: dict[str, tuple[str, ...]] = {}
        given = entry.get(key, {})
        if not isinstance(given, dict):
            self.add((*path, key), f"'{key}' maps memories to lists of kinds or tensors, such as {{GLB: [weight]}}")
            return kept
        for memory, kinds in given.items():
            self.known(memory, self.memories, "memory of the architecture", (*path, key, memory), True)
            if not isinstance(kinds, list):
                self.add((*path, key, memory), "expected a list of kinds or tensors")
                continue
            for i, kind in enumerate(kinds):
                self.known(kind, self.kinds, "kind or tensor of the workload", (*path, key, memory, i))
            kept[memory] = tuple(map(str, kinds))
        return kept

    def blocks(
        self, entry: Mapping[str, Any], key: str, path: Path_, kind: type, form: str
    ) -> Iterator[tuple[str, Any]]:
        """(memory or array, what is asked of the loops right below it)."""
        given = entry.get(key, {})
        if not isinstance(given, dict):
            self.add((*path, key), f"'{key}' maps memories or arrays to {form}")
            return
        for name, asked in given.items():
            nodes = self.memories | set(self.arrays)
            if not self.known(name, nodes, "memory or array of the architecture", (*path, key, name), True):
                continue
            if isinstance(asked, kind):
                yield name, asked
            else:
                self.add((*path, key, name), f"expected {form}")

    def factors(self, entry: Mapping[str, Any], path: Path_) -> dict[str, dict[str, tuple[int, int]]]:
        """node -> rank -> (least, most)."""
        bounds: dict[str, dict[str, tuple[int, int]]] = {}
        for name, ranks in self.blocks(
            entry, "factors", path, dict, "ranks and factors, such as {GLB: {k: 4, c: <=8}}"
        ):
            for rank, value in ranks.items():
                here: Path_ = (*path, "factors", name, rank)
                self.known(rank, self.ranks, "rank of the workload", here, True)
                match = FACTOR.fullmatch(str(value))
                if isinstance(value, bool) or match is None or not int(match[2]):
                    self.add(here, f"'{str(value)[:60]}' is not a factor; write 4, <=4 or >=4")
                    continue
                number = int(match[2])
                span = {"": (number, number), "<=": (1, number), ">=": (number, 1 << 62)}[match[1]]
                bounds.setdefault(name, {})[str(rank)] = span
        return bounds

    def order(self, entry: Mapping[str, Any], path: Path_) -> dict[str, tuple[str, ...]]:
        """node -> ranks, outermost first."""
        orders: dict[str, tuple[str, ...]] = {}
        for name, ranks in self.blocks(entry, "order", path, list, "lists of ranks, outermost first: {GLB: [k, c]}"):
            for i, rank in enumerate(ranks):
                here: Path_ = (*path, "order", name, i)
                if self.known(rank, self.ranks, "rank of the workload", here) and rank in ranks[:i]:
                    self.add(here, f"rank '{rank}' is named twice")
            orders[name] = tuple(map(str, ranks))
        return orders

    def spatial(self, entry: Mapping[str, Any], path: Path_) -> dict[tuple[str, str], tuple[str, ...]]:
        """(array, axis) -> ranks."""
        allowed: dict[tuple[str, str], tuple[str, ...]] = {}
        given = entry.get("spatial", {})
        if not isinstance(given, dict) or not all(isinstance(axes, dict) for axes in given.values()):
            self.add((*path, "spatial"), "'spatial' maps arrays to axes to lists of ranks, such as {PEs: {x: [k, c]}}")
            return allowed
        for array, axes in given.items():
            if not self.known(array, set(self.arrays), "array of the architecture", (*path, "spatial", array), True):
                continue
            for axis, ranks in axes.items():
                here: Path_ = (*path, "spatial", array, axis)
                self.known(axis, set(self.arrays[array].shape), f"axis of array '{array}'", here, True)
                if not isinstance(ranks, list):
                    self.add(here, "expected a list of ranks")
                    continue
                for i, rank in enumerate(ranks):
                    self.known(rank, self.ranks, "rank of the workload", (*here, i))
                allowed[array, str(axis)] = tuple(map(str, ranks))
        return allowed
