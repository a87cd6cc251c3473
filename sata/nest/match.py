"""Which entry of a mapping an op takes, and which ops share a nest."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from sata.nest.model import Omitted
from sata.specs.model import Entry, MappingSpec, Op, Workload
from sata.specs.shipped import how_to_change
from sata.specs.text.faults import Faults, did_you_mean
from sata.specs.workload.template_names import names_beside

# Names that templates give to the ops of a layer (docs/templates.md): a rule for one of them ("*.gradient") may stand
# in a mapping that also serves workloads without it; any other pattern that matches nothing is a slip.
OP_NAMES = frozenset(
    {"forward", "fire", "backward", "gradient", "weight", "update", "recompute_forward", "recompute_fire", "sum"}
)


@dataclass(frozen=True, slots=True)
class Share:
    """Ops of one layer under one entry; `ways[i]` is the number of the pattern that op i matched."""

    entry: Entry
    ops: tuple[Op, ...]
    ways: tuple[int, ...]


def match(
    workload: Workload, mapping: MappingSpec, faults: Faults, only: str | None = None
) -> tuple[list[Share], list[Omitted]]:
    """Every op under the first entry that applies to it. An op without one, or a pattern without an op, is a fault.

    only: a shell pattern over op names; ops that it leaves out need no entry.

    A fused entry applies to a layer that has an op for each of its patterns; `only` is asked of the layer's ranks.
    """
    layers: dict[str, list[Op]] = {}
    for op in workload.ops:
        layers.setdefault(op.layer, []).append(op)
    bounds = {layer: _bounds(ops) for layer, ops in layers.items()}
    found: dict[str, Share] = {}
    omitted: dict[str, Omitted] = {}
    for entry in mapping.entries:
        for layer, ops in layers.items():
            free = [op for op in ops if op.name not in found and op.name not in omitted]
            if not _within(entry, bounds[layer]):
                continue
            for taken in _shares(entry, layer, free, faults):
                for op in taken.ops:
                    if entry.omit is not None:
                        omitted[op.name] = Omitted(op.name, entry.omit)
                    else:
                        found[op.name] = taken
    bare = [op for op in workload.ops if op.name not in found and op.name not in omitted]
    matched = f"its entries match {len(workload.ops) - len(bare)} of {len(workload.ops)} ops"
    wanted = [op for op in bare if only is None or fnmatchcase(op.name, only)]
    _without_entry(wanted, layers, mapping, matched, faults)
    _unmatched(workload, mapping, faults)
    shares = list({id(share): share for op in workload.ops if (share := found.get(op.name)) is not None}.values())
    return shares, [omitted[op.name] for op in workload.ops if op.name in omitted]


def _without_entry(
    ops: Sequence[Op], layers: Mapping[str, Sequence[Op]], mapping: MappingSpec, matched: str, faults: Faults
) -> None:
    """One fault for each reason why ops have no entry, with all of its ops. `matched` says how many have one."""
    reasons: dict[str, list[Op]] = {}
    for op in ops:
        reasons.setdefault(_entry_hint(op, layers[op.layer], mapping), []).append(op)
    for reason, bare in reasons.items():
        names = [op.name for op in bare]
        if len(names) == 1:
            said = f"no entry of the mapping matches op '{names[0]}'; every op needs one"
        else:
            shown = f"{', '.join(names[:3])}{', ...' if len(names) > 3 else ''}"
            said = f"no entry of the mapping matches {len(names)} ops ({shown}); every op needs one"
        hints = (reason or _new_entries(names, matched), how_to_change(mapping.where.file))
        faults.add(mapping.where, said, "; ".join(hint for hint in hints if hint))


def _new_entries(names: Sequence[str], matched: str) -> str:
    """What to write for ops that no entry speaks of: their names, or patterns such as `*.fire` where they are many."""
    if len(names) == 1:
        return f'add `- ops: "{names[0]}"` with a nest, or with `omit: "why"` to leave it out'
    patterns = list(dict.fromkeys(f"*.{name.rpartition('.')[2]}" if "." in name else name for name in names))
    patterns = patterns if len(patterns) < len(names) else list(names)
    shown = ", ".join(f'"{pattern}"' for pattern in patterns[:12]) + (", ..." if len(patterns) > 12 else "")
    return f'{matched}; add `- ops: PATTERN` with a nest, or with `omit: "why"`, for each of {shown}'


def _entry_hint(op: Op, layer: Sequence[Op], mapping: MappingSpec) -> str:
    """Why the entries that speak of an op do not take it; empty where none does."""
    for entry in mapping.entries:
        if not any(fnmatchcase(op.name, pattern) for pattern in entry.patterns):
            continue
        if not _within(entry, _bounds(layer)):
            ranges = {rank: f"{low}..{'' if high is None else high}" for rank, (low, high) in entry.only.items()}
            asked = ", ".join(f"{rank} {text}" for rank, text in ranges.items())
            have = ", ".join(f"{rank} {_bounds(layer).get(rank, 1)}" for rank in entry.only)
            return f"the entry of line {entry.where.line} is only for {asked}, layer '{op.layer}' has {have}"
        missing = [p for p in entry.patterns if not any(fnmatchcase(other.name, p) for other in layer)]
        if missing:
            return (
                f"the fused entry of line {entry.where.line} would take it together with "
                f"{' and '.join(repr(p) for p in missing)}, which layer '{op.layer}' lacks"
            )
    return ""


def _bounds(ops: Sequence[Op]) -> dict[str, int]:
    found: dict[str, int] = {}
    for op in ops:
        for rank, bound in op.ranks.items():
            found[rank] = max(bound, found.get(rank, 1))
    return found


def _within(entry: Entry, bounds: Mapping[str, int]) -> bool:
    return all(
        least <= bounds.get(rank, 1) and (most is None or bounds.get(rank, 1) <= most)
        for rank, (least, most) in entry.only.items()
    )


def _shares(entry: Entry, layer: str, ops: Sequence[Op], faults: Faults) -> list[Share]:
    """What an entry takes of the ops of one layer that no earlier entry took."""
    ways = [[op for op in ops if fnmatchcase(op.name, pattern)] for pattern in entry.patterns]
    if not entry.fused or entry.omit is not None:
        names = dict.fromkeys(op.name for way in ways for op in way)
        return [Share(entry, (op,), (0,)) for op in ops if op.name in names]
    if not all(ways):
        return []
    for pattern, way in zip(entry.patterns, ways, strict=True):
        if len(way) > 1:
            faults.add(
                entry.where,
                f"pattern '{pattern}' matches two ops of layer {layer} ('{way[0].name}', '{way[1].name}'); "
                "each pattern of a fused entry stands for one op of a layer",
            )
            return []
    return [Share(entry, tuple(way[0] for way in ways), tuple(range(len(ways))))]


def _unmatched(workload: Workload, mapping: MappingSpec, faults: Faults) -> None:
    """Patterns that match no op are slips, unless they are a general rule for ops that templates make: those that ship,
    and those beside the mapping or the workload."""
    names = [op.name for op in workload.ops]
    for entry in mapping.entries:
        for pattern in entry.patterns:
            if any(fnmatchcase(name, pattern) for name in names) or _general(pattern):
                continue
            if _op_of(pattern) in names_beside((entry.where, workload.where)).ops:
                continue
            faults.add(
                entry.where, f"pattern '{pattern}' matches no op of workload '{workload.name}'", _near(pattern, names)
            )


def _general(pattern: str) -> bool:
    return _op_of(pattern) in OP_NAMES


def _op_of(pattern: str) -> str:
    """The op of a rule for all layers, such as `*.fire`; empty of any other pattern."""
    layer, _, op = pattern.rpartition(".")
    return op if layer == "*" else ""


def _near(pattern: str, names: Sequence[str]) -> str:
    """The nearest op, or the nearest general rule where the pattern is one."""
    rules = [f"*.{name}" for name in sorted(OP_NAMES)]
    first, then = (rules, names) if pattern.startswith("*.") else (names, rules)
    listed = f"ops are: {', '.join(names[:8])}{', ...' if len(names) > 8 else ''}"
    return did_you_mean(pattern, first) or did_you_mean(pattern, then) or listed
