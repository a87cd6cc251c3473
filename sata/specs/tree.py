"""An architecture as flat rows, outermost node first: what a tree in a terminal, a notebook or a picture is made of."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from sata.specs.nodes import Array, Branch, Compute, Memory, Node, Rule
from sata.specs.text.units import format_quantity

if TYPE_CHECKING:
    from sata.specs.model import Arch

Row = dict[str, Any]


def placed(arch: Arch) -> Iterator[tuple[Memory | Array | Compute, int, int, str]]:
    """(node, instances, depth, way) of every node once, in the order of the file.

    Instances: the product of the array shapes above it; an array's are its lanes. depth: how many arrays are above it.
    way: which list of each `branch` it stands in, from 1: "" outside of all, then "2", then "2.1".
    """
    yield from _below(arch.nodes, 1, 0, "")


def _below(nodes: Sequence[Node], instances: int, depth: int, way: str) -> Iterator[tuple[Any, int, int, str]]:
    for node in nodes:
        if isinstance(node, Branch):
            for number, nodes_of_way in enumerate(node.ways, 1):
                yield from _below(nodes_of_way, instances, depth, f"{way}.{number}" if way else f"{number}")
            continue
        if isinstance(node, Array):
            instances *= math.prod(node.shape.values())
        yield node, instances, depth, way
        depth += isinstance(node, Array)


def arch_rows(arch: Arch) -> list[Row]:
    """A row for every node: node, is (memory | array | compute), class (None: an array whose wires nobody prices),
    instances, depth, way (see `placed`), and what its sort has.

    memory: size_bits, width_bits (None: unlimited, a word), buffers (that share the size), stream (whether places are
    used again element by element), read_bits_per_cycle, write_bits_per_cycle (None: unlimited), shared
    (both ways together), packed, keep, may_keep (lists of kinds; None, both: any), format (kind -> text, of those not
    stored in full), fit (share of tiles that must; None: the expected one), gate, skip (texts such
    as `weight on spike`). array: shape (axis -> lanes), multicast, reduce, lockstep.
    compute: gate, skip (texts such as `accumulate on spike`).
    """
    rows = []
    for node, instances, depth, way in placed(arch):
        sort = {Memory: "memory", Array: "array", Compute: "compute"}[type(node)]
        component = node.hop if isinstance(node, Array) else node.component
        row = {"node": node.name, "is": sort, "class": component, "instances": instances, "depth": depth, "way": way}
        rows.append(row | _own(node))
    return rows


def _own(node: Memory | Array | Compute) -> Row:
    if isinstance(node, Memory):
        band = node.bandwidth
        return {
            "size_bits": node.size_bits, "width_bits": node.width_bits, "buffers": node.buffers,
            "stream": node.stream, "read_bits_per_cycle": band.read_bits,
            "write_bits_per_cycle": band.write_bits, "shared": band.shared,
            "packed": node.packed,
            "keep": None if node.keep is None else list(node.keep),
            "may_keep": None if node.may_keep is None else list(node.may_keep),
            "format": {kind: form.text() for kind, form in node.format.items()}, "fit": node.fit,
            **{effect: [_rule(rule) for rule in node.rules if rule.effect == effect] for effect in ("gate", "skip")},
        }  # fmt: skip
    if isinstance(node, Array):
        return {"shape": dict(node.shape), "multicast": node.multicast, "reduce": node.reduce,
                "lockstep": node.lockstep}  # fmt: skip
    return {"gate": _zeros(node.gate), "skip": _zeros(node.skip)}


def _rule(rule: Rule) -> str:
    """`weight on spike`: these are saved by zeros of those; `weight or spike`: each by those of the other."""
    return " or ".join(rule.leaders) if rule.either else f"{rule.follower} on {' and '.join(rule.leaders)}"


def _zeros(rules: Mapping[str, tuple[str, ...]]) -> list[str]:
    return [f"{action} on {', '.join(kinds)}" if action else f"on {', '.join(kinds)}"
            for action, kinds in rules.items() if kinds]  # fmt: skip


def row_words(row: Row) -> list[str]:
    """What a row says of its node beside its name: `144 KiB`, `8 b wide`, `keeps weight`."""
    if row["is"] == "memory":
        return _memory_words(row)
    if row["is"] == "array":
        shape = " x ".join(f"{axis} {size}" for axis, size in row["shape"].items())
        flags = [said for key, said in (("reduce", "reduces"), ("lockstep", "lockstep")) if row.get(key)]
        return [shape, f"multicast {row['multicast']}", *flags]
    return _saved(row) if row["is"] == "compute" else []


def _saved(row: Row) -> list[str]:
    """What zeros save; results of before these were written lack the keys for memories."""
    return [f"{word} {text}" for word in ("gate", "skip") for text in row.get(word) or ()]


def _memory_words(row: Row) -> list[str]:
    words = [format_quantity(row["size_bits"], "bits") if row["size_bits"] else "unlimited"]
    if not row.get("stream", row["buffers"] == 1):
        words[0] += f" in {row['buffers']} buffer{'s' if row['buffers'] > 1 else ''}"
    if row["width_bits"]:
        words.append(f"{row['width_bits']} b wide")
    rates = [row["read_bits_per_cycle"], row["write_bits_per_cycle"]]
    each = [format_quantity(rate, "bits_per_cycle") if rate else "unlimited" for rate in rates]
    words += ["one element a word"] if row.get("packed") is False else []
    if any(rates):
        both = f"{each[0]}{' for both ways together' if row.get('shared') else ''}"
        words.append(both if each[0] == each[1] else f"reads {each[0]}, writes {each[1]}")
    for word, kinds in (("keeps", row.get("keep")), ("may keep", row.get("may_keep"))):
        if kinds:
            words.append(f"{word} {', '.join(kinds)}")
    words += [f"stores {kind} as {form}" for kind, form in (row.get("format") or {}).items()]
    words += [f"fits {row['fit']:.10g} of the tiles"] if row.get("fit") is not None else []
    return words + _saved(row)
