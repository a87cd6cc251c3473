"""The same machine, said in another way."""

from __future__ import annotations

import copy
import random
import re
from typing import Any

from .parts import arrays, memories, nests
from .random_specs import Spec


def empty_memory(spec: Spec, rng: random.Random) -> Spec | None:
    """A memory that keeps nothing, anywhere below the outermost one."""
    nodes = spec["arch"]["nodes"]
    node: Spec = {"memory": "EMPTY", "class": "nothing", "keep": []}
    if rng.random() < 0.5:
        node["bandwidth"] = {"read": "1 b/cycle", "write": "1 b/cycle"}
    nodes.insert(rng.randrange(1, len(nodes)), node)
    free = {"energy": {"read": "9 pJ", "write": "9 pJ"}, "area": "0 um2", "leakage": "0 mW"}
    spec["library"]["components"].append({"class": "nothing", **free})
    return spec


def empty_array(spec: Spec, rng: random.Random) -> Spec | None:
    """An array of one lane, named by no mapping."""
    nodes = spec["arch"]["nodes"]
    nodes.insert(rng.randrange(1, len(nodes)), {"array": "ONE", "shape": {"z": 1}, "multicast": "tile"})
    return spec


def one_lane(spec: Spec, rng: random.Random) -> Spec | None:
    """A further axis of one lane."""
    for array in arrays(spec):
        array["shape"] = {**array["shape"], "z": 1}
    return spec if arrays(spec) else None


def axes_transposed(spec: Spec, rng: random.Random) -> Spec | None:
    """The other axis first, in the machine and in the mapping; with wires, the order of axes says where the trunk is."""
    for array in arrays(spec):
        if "hop" in array:
            return None
        array["shape"] = dict(reversed(array["shape"].items()))
    for nest in nests(spec):
        for n, node in enumerate(nest):
            if "array" in node:
                nest[n] = {
                    "array": node["array"],
                    **dict(reversed([item for item in node.items() if item[0] != "array"])),
                }
    return spec if any(len(array["shape"]) > 1 for array in arrays(spec)) else None


def axes_renamed(spec: Spec, rng: random.Random) -> Spec | None:
    """What was x is called y, and the other way round."""
    swap = {"x": "y", "y": "x"}
    for array in arrays(spec):
        array["shape"] = {swap[axis]: lanes for axis, lanes in array["shape"].items()}
    for nest in nests(spec):
        for n, node in enumerate(nest):
            if "array" in node:
                nest[n] = {swap.get(key, key): value for key, value in node.items()}
    return spec if arrays(spec) else None


def way_of_branch(spec: Spec, rng: random.Random) -> Spec | None:
    """The way down is one of two of a branch; the other is used by nobody."""
    nodes = spec["arch"]["nodes"]
    at = rng.randrange(1, len(nodes))
    other = [{"compute": "OTHER", "class": "free"}]
    nodes[at:] = [{"branch": [nodes[at:], other] if rng.random() < 0.5 else [other, nodes[at:]]}]
    spec["library"]["components"].append(
        {"class": "free", "energy": {"mac": "9 pJ"}, "area": "0 um2", "leakage": "0 mW"}
    )
    return spec


def ports_spelled(spec: Spec, rng: random.Random) -> Spec | None:
    """A shared port has its number twice."""
    done = False
    for memory in memories(spec):
        if memory.get("shared_bandwidth"):
            memory["bandwidth"]["write"] = memory["bandwidth"]["read"]
            done = True
    return spec if done else None


def defaults_stated(spec: Spec, rng: random.Random) -> Spec | None:
    """What is absent is said."""
    for memory in memories(spec):
        memory.setdefault("packed", True)
        if "size" in memory:
            memory.setdefault("buffers", "stream")
        memory.setdefault("width", "8 b")
        memory.setdefault("attributes", {})
        if "bandwidth" in memory:
            memory.setdefault("shared_bandwidth", False)
    for array in arrays(spec):
        for key, value in (("multicast", "tile"), ("reduce", False), ("lockstep", False)):
            array.setdefault(key, value)
    for op in spec["workload"]["ops"]:
        if op.get("sequential") == ["t"]:
            op["sequential"] = {"t": "ascending"}
        for tensor in op["tensors"].values():
            tensor.setdefault("local", False)
    for component in spec["library"]["components"]:
        component.setdefault("cycles", dict.fromkeys(component["energy"], 1))
    spec["workload"] |= {"batch": 1, "timesteps": 1}
    return spec


def defaults_absent(spec: Spec, rng: random.Random) -> Spec | None:
    """What is the default is not said."""
    for op in spec["workload"]["ops"]:
        op.pop("layer")
        op.pop("stage")
    for memory in memories(spec):
        if memory.get("buffers") == "stream":
            memory.pop("buffers")
        if memory.get("width") == "8 b":
            memory.pop("width")
    for array in arrays(spec):
        for key, value in (("multicast", "tile"), ("reduce", False)):
            if array[key] == value:
                array.pop(key)
    return spec


_UNITS = (("KiB", 8192, "b"), ("b/cycle", 1 / 8, "B/cycle"), ("MHz", 1e-3, "GHz"), ("pJ", 1000, "fJ"),
          ("um2", 1e-6, "mm2"), ("mW", 1000, "uW"), ("b", 1 / 8, "B"))  # fmt: skip


def units(spec: Spec, rng: random.Random) -> Spec | None:
    """Every quantity in another unit."""

    def said(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: said(inner) for key, inner in value.items()}
        if isinstance(value, list):
            return [said(inner) for inner in value]
        match = re.fullmatch(r"([\d.]+) (\S+)", value) if isinstance(value, str) else None
        found = next((row for row in _UNITS if match and row[0] == match[2]), None)
        return f"{float(match[1]) * found[1]!r} {found[2]}" if match and found else value

    return {**spec, "arch": said(spec["arch"]), "library": said(spec["library"])}


def compound_of_one(spec: Spec, rng: random.Random) -> Spec | None:
    """The class of the outermost memory is a compound of one part."""
    dram = spec["library"]["components"][0]
    part = {**copy.deepcopy(dram), "class": "inside"}
    actions = {action: {f"only.{action}": 1} for action in dram["energy"]}
    compound = {"class": dram["class"], "attributes": {"width": "8 b"}, "actions": actions,
                "parts": {"only": {"class": "inside", "width": "{{ width }}"}}}  # fmt: skip
    spec["library"]["components"][0:1] = [part, compound]
    return spec


def clock_and_leakage(spec: Spec, rng: random.Random) -> Spec | None:
    """Twice the clock and twice the leakage: a cycle leaks the same energy."""
    spec["arch"]["clock"] = "200 MHz"
    for component in spec["library"]["components"]:
        component["leakage"] = f"{2 * float(component['leakage'].split()[0])} mW"
    return spec


def may_keep(spec: Spec, rng: random.Random) -> Spec | None:
    """A memory that may keep anything names all kinds, as kept or as kinds that it may keep."""
    kinds = list(spec["workload"]["kinds"])
    for memory in memories(spec):
        half = rng.randrange(len(kinds) + 1)
        memory["keep"], memory["may_keep"] = kinds[:half], kinds[half:]
    return spec
