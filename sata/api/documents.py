"""Objects as the formats say them: architectures and mappings as plain data, any data as YAML.

Reading what is written here gives equal objects. A workload of objects is written in op form (`sata.report.ops_text`).
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence

from sata.report.ops_text import yaml_scalar
from sata.specs.formats import RankFormat, TensorFormat
from sata.specs.model import (
    Arch,
    Array,
    Branch,
    Entry,
    Loop,
    MapArray,
    MapCompute,
    MapLoops,
    MapMemory,
    MappingSpec,
    MapSplit,
    Memory,
    NestNode,
    Node,
)
from sata.specs.text.faults import Fault, SpecError, Where

Data = Mapping[str, object]
_WIDE = 110  # characters of a line that is written in one piece


def arch_data(arch: Arch) -> dict[str, object]:
    """The value of `arch:`. Raises: SpecError for what the format cannot say."""
    data: dict[str, object] = {"name": arch.name}
    if arch.technology_nm is not None:
        data["technology"] = f"{arch.technology_nm!r} nm"
    if arch.scaling is not None:
        data["scale_technology"] = arch.scaling
    if arch.clock_hz is not None:
        data["clock"] = f"{arch.clock_hz!r} Hz"
    if arch.libraries:
        data["libraries"] = list(arch.libraries)
    return {**data, "nodes": [_node(node) for node in arch.nodes]}


def _node(node: Node) -> dict[str, object]:
    if isinstance(node, Branch):
        return {"branch": [[_node(inner) for inner in way] for way in node.ways]}
    if isinstance(node, Memory):
        data = _memory(node)
    elif isinstance(node, Array):
        data = {"array": node.name, "shape": dict(node.shape), "multicast": node.multicast, "reduce": node.reduce}
        data |= {} if node.hop is None else {"hop": node.hop}
        data |= {"trunk": node.trunk} if node.trunk else {}
        data |= {"lockstep": True} if node.lockstep else {}
    else:
        data = {"compute": node.name, "class": node.component}
        data |= {key: _by_action(given) for key, given in (("gate", node.gate), ("skip", node.skip)) if given}
    return data | ({"attributes": dict(node.attributes)} if node.attributes else {})


def _memory(node: Memory) -> dict[str, object]:
    data: dict[str, object] = {"memory": node.name, "class": node.component}
    data |= {} if node.size_bits is None else {"size": f"{node.size_bits!r} b"}
    data |= {} if node.width_bits is None else {"width": f"{node.width_bits!r} b"}
    data |= {} if node.stream and node.buffers == 1 else {"buffers": node.buffers}
    data |= {} if node.packed else {"packed": False}
    data |= {} if node.keep is None else {"keep": list(node.keep)}
    data |= {} if node.may_keep is None else {"may_keep": list(node.may_keep)}
    ports = {"read": node.bandwidth.read_bits, "write": node.bandwidth.write_bits}
    given = {port: f"{bits!r} b/cycle" for port, bits in ports.items() if bits is not None}
    data |= {"bandwidth": given} if given else {}
    data |= {"shared_bandwidth": True} if node.bandwidth.shared else {}
    data |= {"format": {kind: _format(form) for kind, form in node.format.items()}} if node.format else {}
    data |= {} if node.fit is None else {"fit": node.fit}
    for effect in ("skip", "gate"):
        rules = [rule for rule in node.rules if rule.effect == effect]
        said = {rule.follower or "either": list(rule.leaders) for rule in rules}
        if len(said) < len(rules):
            message = f"memory '{node.name}' has two '{effect}' rules for one follower"
            raise SpecError([Fault(node.where, message, "name all leaders in one rule")])
        data |= {effect: said} if said else {}
    return data


def _by_action(given: Mapping[str, Sequence[str]]) -> object:
    """Kinds for all actions as a list, else by action."""
    return list(given[""]) if set(given) == {""} else {action: list(kinds) for action, kinds in given.items()}


def _format(form: TensorFormat) -> object:
    entries = [_rank_format(rank) for rank in form.ranks]
    return entries[0] if len(entries) == 1 else entries


def _rank_format(rank: RankFormat) -> object:
    said = {key: value for key, value in (("bits", rank.bits), ("values", rank.values)) if value is not None}
    return {rank.name: said} if said else rank.name


def mapping_document(mapping: MappingSpec) -> list[dict[str, object]]:
    """The value of `mapping:`."""
    return [_entry(entry, ops) for entry in mapping.entries
            for ops in ([list(entry.patterns)] if entry.fused else list(entry.patterns))]  # fmt: skip


def _entry(entry: Entry, ops: str | list[str]) -> dict[str, object]:
    data: dict[str, object] = {"ops": ops}
    if entry.only:
        data["only"] = {rank: _range(*bounds) for rank, bounds in entry.only.items()}
    if entry.omit is not None:
        return {**data, "omit": entry.omit}
    return {**data, "nest": [_nest_node(node) for node in entry.nest]}


def _range(least: int, most: int | None) -> int | str:
    return least if least == most else f"{least}..{'' if most is None else most}"


def _nest_node(node: NestNode) -> dict[str, object]:
    if isinstance(node, MapMemory):
        data: dict[str, object] = {"memory": node.name}
        data |= {} if node.keep is None else {"keep": list(node.keep)}
        return data | ({"bypass": list(node.bypass)} if node.bypass else {})
    if isinstance(node, MapLoops):
        return {"for": _loops(node.loops)}
    if isinstance(node, MapArray):
        axes = dict.fromkeys(str(loop.axis) for loop in node.loops)
        return {"array": node.name, **{a: _loops([one for one in node.loops if one.axis == a]) for a in axes}}
    if isinstance(node, MapCompute):
        return {"compute": node.name}
    assert isinstance(node, MapSplit)
    return {"split": [[_nest_node(inner) for inner in way] for way in node.ways]}


def _loops(loops: Sequence[Loop]) -> str:
    return ", ".join(f"{loop.rank} {'*' if loop.factor is None else loop.factor}" for loop in loops)


# --- YAML ---------------------------------------------------------------------------------------------------------


def yaml_text(data: Data) -> str:
    """Plain data as YAML: short mappings and lists on one line, others item by item."""
    return "".join(f"{line}\n" for line in _block(data, ""))


def _block(value: object, indent: str) -> Iterator[str]:
    if isinstance(value, Mapping):
        for key, inner in value.items():
            name = yaml_scalar(str(key))
            short = flow_text(inner)
            if (indent and len(indent) + len(name) + len(short) < _WIDE) or not _splits(inner):
                yield f"{indent}{name}: {short}"
            else:
                yield f"{indent}{name}:"
                yield from _block(inner, indent + "  ")
        return
    assert isinstance(value, (list, tuple))
    for inner in value:
        short = flow_text(inner)
        if len(indent) + len(short) < _WIDE or not _splits(inner):
            yield f"{indent}- {short}"
        else:
            first, *rest = _block(inner, indent + "  ")
            yield f"{indent}- {first[len(indent) + 2 :]}"
            yield from rest


def _splits(value: object) -> bool:
    return isinstance(value, (Mapping, list, tuple)) and len(value) > 0


def flow_text(value: object) -> str:
    """A value on one line. Raises: SpecError for what YAML of specs does not have."""
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{yaml_scalar(str(key))}: {flow_text(inner)}" for key, inner in value.items()) + "}"
    if isinstance(value, (list, tuple)):
        return f"[{', '.join(map(flow_text, value))}]"
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return yaml_scalar(value)
    if isinstance(value, int) or (isinstance(value, float) and math.isfinite(value)):
        return repr(value)
    raise SpecError([Fault(Where(), f"a value of type {type(value).__name__} cannot be written: {str(value)[:40]!r}")])
