"""`mapping:` -> `MappingSpec`. Names of memories, arrays and ranks are checked where architecture and op are known."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from sata.specs.model import (
    Entry,
    Loop,
    MapArray,
    MapCompute,
    MapLoops,
    MapMemory,
    MappingSpec,
    MapSplit,
    NestNode,
)
from sata.specs.text import schema
from sata.specs.text.faults import Faults, Where
from sata.specs.text.source import Doc, Path_

LARGEST_FACTOR = 1 << 40
_RANGE = re.compile(r"(?P<one>[0-9]{1,15})|(?P<least>[0-9]{1,15})?\.\.(?P<most>[0-9]{1,15})?")
_LOOP = re.compile(r"([A-Za-z_][A-Za-z0-9_]*'*)\s+(\*|[-+]?[0-9]+)")


def parse_mapping(doc: Doc, faults: Faults) -> MappingSpec | None:
    """The mapping of a document that has the key `mapping`, or None with faults."""
    before = len(faults)
    found = Faults()
    schema.validate(doc, "mapping", found)
    faults.extend(found)
    given = doc.data["mapping"] if isinstance(doc.data["mapping"], list) else []
    numbers = [i for i in range(len(given)) if schema.sound(doc, ("mapping", i), found)]
    entries = tuple(_entry(doc, given[i], ("mapping", i), faults) for i in numbers)
    return MappingSpec(entries, doc.where(("mapping",))) if len(faults) == before else None


def _entry(doc: Doc, data: Mapping[str, Any], path: Path_, faults: Faults) -> Entry:
    ops, where = data["ops"], doc.where((*path, "ops"))
    patterns = (ops,) if isinstance(ops, str) else tuple(ops)
    if "omit" in data and "nest" in data:
        faults.add(doc.where((*path, "nest"), True), "an entry has either 'nest' or 'omit', not both")
    if "omit" not in data and "nest" not in data:
        faults.add(doc.where(path), "missing key 'nest'", "or 'omit: \"why\"' to leave these ops out")
    way = _Way(doc, faults)
    nest = way.nest(data.get("nest", []), (*path, "nest"))
    if not isinstance(ops, list):
        for i, node in enumerate(data.get("nest", [])):
            if "split" in node:
                at = doc.where((*path, "nest", i))
                faults.add(at, "a split needs several ops", f'write ops: ["{ops}", ...]')
    only = {rank: _range(doc, text, (*path, "only", rank), faults) for rank, text in data.get("only", {}).items()}
    return Entry(patterns, nest, isinstance(ops, list), data.get("omit"), only, where)


def _range(doc: Doc, given: int | str, path: Path_, faults: Faults) -> tuple[int, int | None]:
    """`128`, `1..128`, `..128`, `129..` -> (least, most)."""
    match = _RANGE.fullmatch(str(given))
    if match is None:
        faults.add(
            doc.where(path), f"'{str(given)[:40]}' is not a range of bounds", "write 128, 1..128, ..128 or 129.."
        )
        return 1, None
    if match["one"]:
        return int(match["one"]), int(match["one"])
    least, most = int(match["least"] or 1), int(match["most"]) if match["most"] else None
    if most is not None and most < least:
        faults.add(doc.where(path), f"no bound is in {given}", f"write {most}..{least}")
    return least, most


class _Way:
    """One way down a nest, with what stood above it: names of nodes, and ranks that have their `*` already."""

    def __init__(self, doc: Doc, faults: Faults, above: _Way | None = None) -> None:
        self.doc, self.faults = doc, faults
        self.names: set[str] = set(above.names) if above else set()
        self.stars: set[str] = set(above.stars) if above else set()

    def nest(self, nodes: list[dict[str, Any]], path: Path_) -> tuple[NestNode, ...]:
        result: list[NestNode] = []
        for i, data in enumerate(nodes):
            here = (*path, i)
            if i and ("compute" in nodes[i - 1] or "split" in nodes[i - 1]):
                what = "compute" if "compute" in nodes[i - 1] else "split"
                self.faults.add(self.doc.where(here), f"nothing can follow a {what}", "a nest ends there")
                return tuple(result)
            result.append(self.node(data, here))
        if nodes and not ("compute" in nodes[-1] or "split" in nodes[-1]):
            self.faults.add(self.doc.where((*path, len(nodes) - 1)), "a nest must end in a compute or a split")
        return tuple(result)

    def node(self, data: Mapping[str, Any], path: Path_) -> NestNode:
        if "split" in data:
            below = [_Way(self.doc, self.faults, self) for _ in data["split"]]
            pairs = enumerate(zip(below, data["split"], strict=True))
            ways = tuple(way.nest(nodes, (*path, "split", i)) for i, (way, nodes) in pairs)
            return MapSplit(ways, self.doc.where(path))
        if "for" in data:
            return MapLoops(self.loops(data["for"], (*path, "for"), None), self.doc.where((*path, "for")))
        key = next(k for k in ("memory", "array", "compute") if k in data)
        name, where = data[key], self.doc.where((*path, key))
        if name in self.names:
            self.faults.add(where, f"{key} '{name}' is used twice in this nest")
        self.names.add(name)
        if key == "memory":
            if "keep" in data and "bypass" in data:
                where = self.doc.where((*path, "bypass"), True)
                self.faults.add(where, "a memory has either 'keep' or 'bypass', not both")
            keep = tuple(data["keep"]) if "keep" in data else None
            names = [(key, i, name) for key in ("keep", "bypass") for i, name in enumerate(data.get(key, ()))]
            places = {name: self.doc.where((*path, key, i)) for key, i, name in names}
            return MapMemory(name, keep, where, tuple(data.get("bypass", ())), places)
        if key == "compute":
            return MapCompute(name, where)
        axes = [(axis, text) for axis, text in data.items() if axis != "array"]
        loops = tuple(loop for axis, text in axes for loop in self.loops(text, (*path, axis), axis))
        return MapArray(name, loops, where)

    def loops(self, given: str | list[str], path: Path_, axis: str | None) -> tuple[Loop, ...]:
        texts = [(given, path)] if isinstance(given, str) else [(text, (*path, i)) for i, text in enumerate(given)]
        found: list[Loop] = []
        for text, at in texts:
            offset = 0
            for part in text.split(","):
                where = self.doc.inside(at, offset + len(part) - len(part.lstrip()))
                loop = self.loop(" ".join(part.split()), axis, where)
                found += [loop] if loop else []
                offset += len(part) + 1
        return tuple(found)

    def loop(self, text: str, axis: str | None, where: Where) -> Loop | None:
        match = _LOOP.fullmatch(text)
        if match is None:
            self.faults.add(where, _bad_loop(text), "write loops such as 'k 4, c *'")
            return None
        rank, factor = match[1], match[2]
        if factor == "*":
            if rank in self.stars:
                hint = "one loop of a rank takes what the others leave"
                self.faults.add(where, f"rank '{rank}' has a '*' already", hint)
            self.stars.add(rank)
            return Loop(rank, None, axis, where)
        if len(factor) > 15 or not 0 < int(factor) <= LARGEST_FACTOR:
            size = "at least 1" if factor.startswith("-") or not factor.strip("+0") else f"at most {LARGEST_FACTOR}"
            self.faults.add(where, f"the factor {factor[:20]} of rank '{rank}' must be {size}")
            return None
        return Loop(rank, int(factor), axis, where)


def _bad_loop(text: str) -> str:
    if not text:
        return "a loop is missing between commas"
    if re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*'*", text):
        return f"loop '{text}' has no factor; a number, or * for the rest of the rank"
    if re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*'*\s*[0-9.]+", text):
        return f"'{text[:40]}' is not a loop; a rank, a space and a whole number"
    return f"'{text[:40]}' is not a loop; a rank and a factor"
