"""`arch:` -> `Arch`. Units end here; what only a workload or a library can tell is left to them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from sata.specs.formats import TensorFormat, parse_formats
from sata.specs.model import Arch, Array, Bandwidth, Branch, Compute, Memory, Node, Rule
from sata.specs.registry import NotRunError, raised
from sata.specs.rules import EFFECTS, GATE, RULES, SKIP, RuleKind
from sata.specs.text import schema
from sata.specs.text.faults import Fault, Faults, SpecError, Where, did_you_mean
from sata.specs.text.source import Doc, Path_
from sata.specs.text.units import parse_quantity

STREAM = "stream"
_NO_AXIS = frozenset(("memory", "for", "array", "compute", "split"))  # what nodes of a mapping begin with


def parse_arch(doc: Doc, faults: Faults) -> Arch | None:
    """The architecture of a document that has the key `arch`, or None with faults."""
    before = len(faults)
    if not schema.validate(doc, "arch", faults):
        return None
    reader = _ArchReader(doc, faults)
    arch = reader.arch(doc.data["arch"])
    return arch if len(faults) == before else None


class _ArchReader:
    """Reads data that has passed the schema."""

    def __init__(self, doc: Doc, faults: Faults) -> None:
        self.doc, self.faults = doc, faults
        self.names: dict[str, Path_] = {}
        self.spoken_of: list[tuple[str, Where]] = []  # kinds

    def arch(self, data: Mapping[str, Any]) -> Arch:
        technology = self.quantity(data, "technology", "nm", ("arch",))
        clock = self.quantity(data, "clock", "hz", ("arch",))
        scaling = data.get("scale_technology")
        if scaling is not None and "technology" not in data:
            where = self.doc.where(("arch", "scale_technology"))
            self.faults.add(where, "there is no technology to scale to", "such as 'technology: 32 nm'")
        nodes = self.way(data["nodes"], ("arch", "nodes"), has_memory=False)
        return Arch(str(data.get("name", "arch")), nodes, technology, clock, tuple(data.get("libraries", ())),
                    self.doc.where(("arch",)), tuple(self.spoken_of), scaling)  # fmt: skip

    def quantity(self, data: Mapping[str, Any], key: str, dimension: str, path: Path_) -> Any:
        if key not in data:
            return None
        try:
            return parse_quantity(data[key], dimension)
        except ValueError as error:
            self.faults.add(self.doc.where((*path, key)), str(error))
            return None

    def way(self, nodes: list[dict[str, Any]], path: Path_, has_memory: bool) -> tuple[Node, ...]:
        """One way down: memories and arrays, then one compute or one branch, and nothing behind it."""
        result: list[Node] = []
        for i, data in enumerate(nodes):
            here = (*path, i)
            if i and ("compute" in nodes[i - 1] or "branch" in nodes[i - 1]):
                what = "compute" if "compute" in nodes[i - 1] else "branch"
                self.faults.add(self.doc.where(here), f"nothing can follow a {what}", "a way down ends there")
                return tuple(result)
            has_memory = has_memory or "memory" in data
            if "compute" in data and not has_memory:
                self.faults.add(self.doc.where((*here, "compute")), "no memory stands above this compute")
            result.append(self.node(data, here, has_memory))
        if not nodes or not ("compute" in nodes[-1] or "branch" in nodes[-1]):
            at = (*path, len(nodes) - 1)
            self.faults.add(self.doc.where(at), "a way down must end in a compute or a branch")
        return tuple(result)

    def node(self, data: Mapping[str, Any], path: Path_, has_memory: bool) -> Node:
        if "branch" in data:
            ways = tuple(self.way(w, (*path, "branch", i), has_memory) for i, w in enumerate(data["branch"]))
            return Branch(ways, self.doc.where(path))
        self.name(data, path)
        if "memory" in data:
            return self.memory(data, path)
        return self.array(data, path) if "array" in data else self.compute(data, path)

    def name(self, data: Mapping[str, Any], path: Path_) -> None:
        key = next(k for k in ("memory", "array", "compute") if k in data)
        name, where = data[key], self.doc.where((*path, key))
        if name in self.names:
            line = self.doc.where(self.names[name]).line
            at = f"in line {line}" if line else f"at {self.doc.where(self.names[name]).path}"
            self.faults.add(where, f"the name '{name}' is defined twice", f"the first is {at}")
        self.names.setdefault(name, (*path, key))

    def memory(self, data: Mapping[str, Any], path: Path_) -> Memory:
        size = self.quantity(data, "size", "bits", path)
        width = self.quantity(data, "width", "bits", path)
        keep, may_keep = (self.kinds(data, key, path) for key in ("keep", "may_keep"))
        self.spoken_of += [(kind, self.doc.where((*path, "format", kind), True)) for kind in data.get("format", {})]
        for i, kind in enumerate(may_keep or ()):
            if kind in (keep or ()):
                self.faults.add(self.doc.where((*path, "may_keep", i)), f"'{kind}' is kept always by 'keep'",
                                "say it in one of the two")  # fmt: skip
        buffers = self.buffers(data, path)
        return Memory(
            data["memory"], data["class"], size, width, buffers or 1, data.get("packed", True), keep,
            may_keep, self.bandwidth(data, path), self.formats(data, path),
            tuple(self.rules(data, path)), data.get("attributes", {}),
            self.doc.where((*path, "memory")), data.get("fit"), buffers is None,
        )  # fmt: skip

    def buffers(self, data: Mapping[str, Any], path: Path_) -> int | None:
        """How many places for tiles; None where elements have places, as in a stream."""
        said = data.get("buffers", STREAM)
        where = self.doc.where((*path, "buffers"))
        if isinstance(said, str):
            if said != STREAM:
                message = f"expected a number of buffers or '{STREAM}', found '{said}'"
                self.faults.add(where, message, did_you_mean(said, [STREAM]))
            return None
        if "size" not in data and said > 1:
            self.faults.add(where, "an unlimited memory has no buffers to divide", "give it a size")
        return int(said)

    def formats(self, data: Mapping[str, Any], path: Path_) -> dict[str, TensorFormat]:
        if "fit" in data and not ("format" in data and "size" in data):
            missing = "'format'" if "size" in data else "'size'"
            self.faults.add(self.doc.where((*path, "fit")), f"'fit' decides nothing in a memory without {missing}",
                            "leave it out: tiles of a known size fit or do not")  # fmt: skip
        return parse_formats(self.doc, (*path, "format"), data.get("format", {}), self.faults)

    def kinds(self, data: Mapping[str, Any], key: str, path: Path_) -> tuple[str, ...] | None:
        self.spoken_of += [(kind, self.doc.where((*path, key, i))) for i, kind in enumerate(data.get(key, ()))]
        return tuple(data[key]) if key in data else None

    def by_action(self, data: Mapping[str, Any], key: str, path: Path_) -> dict[str, tuple[str, ...]]:
        """`[kinds]` for all actions (""), or `{action: [kinds]}`."""
        given = data.get(key, [])
        if isinstance(given, list):
            return {"": found} if (found := self.kinds(data, key, path)) else {}
        return {action: self.kinds(given, action, (*path, key)) or () for action in given}

    def bandwidth(self, data: Mapping[str, Any], path: Path_) -> Bandwidth:
        given, here = data.get("bandwidth", {}), (*path, "bandwidth")
        read = self.quantity(given, "read", "bits_per_cycle", here)
        write = self.quantity(given, "write", "bits_per_cycle", here)
        shared = data.get("shared_bandwidth", False)
        if shared and "read" not in given:
            self.faults.add(self.doc.where((*path, "shared_bandwidth")), "there is no bandwidth to share",
                            "give 'bandwidth: {read: ...}'")  # fmt: skip
        elif shared and "write" in given and write != read:
            self.faults.add(self.doc.where((*here, "write")), "a shared bandwidth is one number",
                            "leave 'write' out or make it equal to 'read'")  # fmt: skip
        return Bandwidth(read, write, shared)

    def rules(self, data: Mapping[str, Any], path: Path_) -> Iterator[Rule]:
        """The rules of a memory: those of its own keys, then those that `rules` names."""
        for effect in EFFECTS:
            yield from self.rules_of(SKIP if effect == SKIP.name else GATE, data.get(effect, {}), (*path, effect))
        for name, given in data.get("rules", {}).items():
            here = (*path, "rules", name)
            try:
                kind = RULES[name]
            except KeyError:
                self.faults.add(self.doc.where(here, True), f"there is no rule '{name}'", RULES.hint(name))
            except NotRunError:
                continue  # noted: `sata check` says what it leaves out
            except SpecError as error:
                self.faults.extend([Fault(self.doc.where(here, True), f.message, f.hint) for f in error.faults])
            else:
                yield from self.rules_of(kind, given, here)

    def rules_of(self, kind: RuleKind, rules: Mapping[str, Any], path: Path_) -> Iterator[Rule]:
        """What the rules of a kind mean, as skips and gates."""
        for follower, given in rules.items():
            at = (*path, follower)
            leaders = (given,) if isinstance(given, str) else tuple(given)
            where = self.doc.where(at)
            self.spoken_of += [(follower, self.doc.where(at, True))] if follower != "either" else []
            places = [at] if isinstance(given, str) else [(*at, i) for i in range(len(given))]
            self.spoken_of += [(kind, self.doc.where(place)) for kind, place in zip(leaders, places, strict=True)]
            if len(set(leaders)) < len(leaders):
                self.faults.add(where, "a leader is given twice")
            if follower == "either":
                if len(leaders) != 2:
                    message = f"'either' takes two kinds, found {len(leaders)}"
                    self.faults.add(where, message, "such as either: [weight, spike]")
                if kind in (SKIP, GATE):
                    yield Rule(kind.name, "", leaders, True, where)
                    continue
                pairs = [(leaders[0], leaders[1:]), (leaders[-1], leaders[:1])]
            else:
                pairs = [(follower, leaders)]
            for one, others in pairs:
                try:
                    steps = kind.steps(one, others)
                    yield from [Rule(step.effect, step.follower, step.leaders, False, where) for step in steps]
                except Exception as error:
                    if kind.name in RULES.own:
                        raise
                    self.faults.add(where, f"the rule '{kind.name}' of {RULES.owner(kind.name)} raised {raised(error)}")

    def array(self, data: Mapping[str, Any], path: Path_) -> Array:
        shape = {axis: int(size) for axis, size in data["shape"].items()}
        for axis in (axis for axis in shape if axis in _NO_AXIS):
            where = self.doc.where((*path, "shape", axis), True)
            self.faults.add(where, f"an axis cannot be called '{axis}'", "it is a word of mappings")
        lockstep, attributes = data.get("lockstep", False), data.get("attributes", {})
        trunk = data.get("trunk", "")
        if trunk and trunk not in shape:
            message = f"array '{data['array']}' does not have an axis '{trunk}'; it has: {', '.join(shape)}"
            self.faults.add(self.doc.where((*path, "trunk")), message, did_you_mean(trunk, shape))
        return Array(data["array"], shape, data.get("multicast", "tile"), data.get("reduce", False), data.get("hop"),
                     lockstep, attributes, self.doc.where((*path, "array")), trunk)  # fmt: skip

    def compute(self, data: Mapping[str, Any], path: Path_) -> Compute:
        gate, skip = (self.by_action(data, key, path) for key in ("gate", "skip"))
        for action, kinds in skip.items():
            for i, kind in enumerate(kinds):
                if kind in gate.get(action, ()):
                    where = self.doc.where((*path, "skip", *([action] if action else []), i))
                    self.faults.add(where, f"'{kind}' is in 'gate' too", "a skip saves the energy as well")
        return Compute(data["compute"], data["class"], gate, skip, data.get("attributes", {}),
                       self.doc.where((*path, "compute")))  # fmt: skip
