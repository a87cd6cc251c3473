"""Which entry of a mapping an op takes, and which ops share a nest."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from sata.nest.model import Omitted
from sata.specs.faults import Faults, did_you_mean
from sata.specs.model import Entry, MappingSpec, Op, Workload

# Names that templates give to the ops of a layer (docs/templates.md): a rule for one of them ("*.gradient") may stand
# in a mapping that also serves workloads without it; any other pattern that matches nothing is a slip.
OP_NAMES = frozenset(
    {"forward", "fire", "backward", "gradient", "weight", "update", "recompute_forward", "recompute_fire"}
)


@dataclass(frozen=True, slots=True)
class Share:
    """Ops of one layer under one entry; `ways[i]` is the number of the pattern that op i matched."""

    entry: Entry
    ops: tuple[Op, ...]
    ways: tuple[int, ...]


def match(workload: Workload, mapping: MappingSpec, faults: Faults) -> tuple[list[Share], list[Omitted]]:
    """Every op under the first entry that matches it. An op without one, or a pattern without an op, is a fault."""
    found: dict[tuple[int, str], list[tuple[int, Op]]] = {}
    omitted = []
    for op in workload.ops:
        hit = _first(mapping, op.name)
        if hit is None:
            faults.add(
                mapping.where,
                f"no entry of the mapping matches op '{op.name}'; every op needs one",
                f"add `- ops: \"{op.name}\"` with a nest, or with `omit: \"why\"` to leave it out",
            )
            continue
        number, way = hit
        entry = mapping.entries[number]
        if entry.omit is not None:
            omitted.append(Omitted(op.name, entry.omit))
            continue
        # ops of one layer share the nest of a list; otherwise every op has one of its own
        key = (number, f"layer {op.layer}" if entry.fused else f"op {op.name}")
        members = found.setdefault(key, [])
        if entry.fused and any(w == way for w, _ in members):
            other = next(o for w, o in members if w == way)
            faults.add(
                entry.where,
                f"pattern '{entry.patterns[way]}' matches two ops of layer {op.layer} ('{other.name}', '{op.name}'); "
                "each pattern of a fused entry stands for one op of a layer",
            )
            continue
        members.append((way, op))
    _unmatched(workload, mapping, faults)
    shares = []
    for (number, _), members in found.items():
        members.sort(key=lambda m: m[0])
        shares.append(Share(mapping.entries[number], tuple(o for _, o in members), tuple(w for w, _ in members)))
    return shares, omitted


def _first(mapping: MappingSpec, name: str) -> tuple[int, int] | None:
    """(entry, pattern) numbers of the first entry that matches an op's name."""
    for number, entry in enumerate(mapping.entries):
        for way, pattern in enumerate(entry.patterns):
            if fnmatchcase(name, pattern):
                return number, way
    return None


def _unmatched(workload: Workload, mapping: MappingSpec, faults: Faults) -> None:
    """Patterns that match no op are slips, unless they are a general rule for ops that templates make."""
    names = [op.name for op in workload.ops]
    for entry in mapping.entries:
        for pattern in entry.patterns:
            if any(fnmatchcase(name, pattern) for name in names) or _general(pattern):
                continue
            faults.add(entry.where, f"pattern '{pattern}' matches no op of workload '{workload.name}'", _near(pattern, names))


def _general(pattern: str) -> bool:
    layer, _, op = pattern.rpartition(".")
    return layer == "*" and op in OP_NAMES


def _near(pattern: str, names: Sequence[str]) -> str:
    known = [*names, *(f"*.{name}" for name in sorted(OP_NAMES))]
    return did_you_mean(pattern, known) or f"ops are: {', '.join(names[:8])}{', ...' if len(names) > 8 else ''}"
