"""The same machine or mapping said in another way: each function returns a changed copy of a spec, or None where it says
nothing (no such construct). No number of the result may change.
"""

from __future__ import annotations

import copy
import json
import random
import re
from collections.abc import Callable, Iterator
from typing import Any

from .random_specs import Spec

Transform = Callable[[Spec, random.Random], Spec | None]


def nests(spec: Spec) -> Iterator[list[Spec]]:
    """Every list of nodes of a mapping, ways of splits included."""
    for entry in spec["mapping"]:
        yield entry["nest"]
        for node in entry["nest"]:
            yield from node.get("split", ())


def memories(spec: Spec) -> list[Spec]:
    return [node for node in spec["arch"]["nodes"] if "memory" in node]


def arrays(spec: Spec) -> list[Spec]:
    return [node for node in spec["arch"]["nodes"] if "array" in node]


def inputs(op: Spec) -> list[str]:
    return [name for name in op["tensors"] if f"{name}[" in op["compute"].split("=", 1)[1]]


# --- mappings -------------------------------------------------------------------------------------------------------


def loops_split(spec: Spec, rng: random.Random) -> Spec | None:
    """A temporal loop of 6 is one of 2 and one of 3 behind it."""
    done = False
    for nest in nests(spec):
        for node in nest:
            texts = []
            for text in node.get("for", "").split(", ") if "for" in node else ():
                rank, factor = text.split()
                parts = next((n for n in (2, 3) if int(factor) % n == 0 and int(factor) > n), 0)
                texts += [f"{rank} {parts}", f"{rank} {int(factor) // parts}"] if parts else [text]
                done |= bool(parts)
            if texts:
                node["for"] = ", ".join(texts)
    return spec if done else None


def loops_of_one(spec: Spec, rng: random.Random) -> Spec | None:
    """Loops of a factor 1 among others."""
    done = False
    for nest in nests(spec):
        for node in nest:
            if "for" in node:
                first = node["for"].split()[0]
                node["for"] = f"{first} 1, {node['for']}, {first} 1"
                done = True
    return spec if done else None


def loops_apart(spec: Spec, rng: random.Random) -> Spec | None:
    """A `for` of several loops is several."""
    done = False
    for nest in nests(spec):
        for n in reversed(range(len(nest))):
            texts = nest[n].get("for", "").split(", ")
            if len(texts) > 1:
                nest[n : n + 1] = [{"for": text} for text in texts]
                done = True
    return spec if done else None


def stars(spec: Spec, rng: random.Random) -> Spec | None:
    """The outermost loop of a rank takes what is left."""
    for entry in spec["mapping"]:
        if any("split" in node for node in entry["nest"]):
            return None
        seen: set[str] = set()
        for node in entry["nest"]:
            for key in ("for", "x", "y"):
                texts = []
                for text in node.get(key, "").split(", ") if key in node else ():
                    rank = text.split()[0]
                    texts.append(f"{rank} *" if key == "for" and rank not in seen else text)
                    seen.add(rank)
                if texts:
                    node[key] = ", ".join(texts)
    return spec


def bypass_for_keep(spec: Spec, rng: random.Random) -> Spec | None:
    """`keep` of some tensors is `bypass` of the others."""
    done = False
    for entry in spec["mapping"]:
        if isinstance(entry["ops"], list):
            return None
        op = next(op for op in spec["workload"]["ops"] if op["name"] == entry["ops"])
        for node in entry["nest"]:
            if "keep" in node:
                others = [name for name in op["tensors"] if name not in node["keep"]]
                if others:
                    node.pop("keep")
                    node["bypass"] = others
                    done = True
    return spec if done else None


def kinds_for_tensors(spec: Spec, rng: random.Random) -> Spec | None:
    """`keep` says kinds where it said tensors; each tensor of an op here is the only one of its kind, but X and Y."""
    done = False
    for entry in spec["mapping"]:
        ops = entry["ops"] if isinstance(entry["ops"], list) else [entry["ops"]]
        if len(ops) > 1:
            return None
        tensors = {
            n: t["kind"] for op in spec["workload"]["ops"] if op["name"] in ops for n, t in op["tensors"].items()
        }
        for node in entry["nest"]:
            if node.get("keep"):
                node["keep"] = [tensors[name] for name in node["keep"]]
                done = True
    return spec if done else None


def one_pattern(spec: Spec, rng: random.Random) -> Spec | None:
    """A mapping that names its ops is one with patterns."""
    for entry in spec["mapping"]:
        names = entry["ops"] if isinstance(entry["ops"], list) else [entry["ops"]]
        new = ["*." + name.split(".")[1] for name in names]
        entry["ops"] = new if isinstance(entry["ops"], list) else new[0]
    return spec


# --- machines -------------------------------------------------------------------------------------------------------


def empty_memory(spec: Spec, rng: random.Random) -> Spec | None:
    """A memory that keeps nothing, anywhere below the outermost one."""
    nodes = spec["arch"]["nodes"]
    node: Spec = {"memory": "EMPTY", "class": "nothing", "keep": [], "buffers": 1}
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
            memory.setdefault("buffers", 1)
        memory.setdefault("width", "8 b")
        memory.setdefault("attributes", {})
        if "bandwidth" in memory:
            memory.setdefault("shared_bandwidth", False)
    for array in arrays(spec):
        for key, value in (("multicast", "tile"), ("reduce", False), ("lockstep", False)):
            array.setdefault(key, value)
    for op in spec["workload"]["ops"]:
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
        if memory.get("buffers") == 1:
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


# --- zeros ----------------------------------------------------------------------------------------------------------


def rules_spelled(spec: Spec, rng: random.Random) -> Spec | None:
    """One leader is a list of one; `either` is two rules; a compute says its kinds by action."""
    done = False
    for node in spec["arch"]["nodes"]:
        for effect in ("skip", "gate"):
            given = node.get(effect)
            if not given:
                continue
            if "compute" in node:
                node[effect] = {"mac": given, "fire": given} if isinstance(given, list) else given
                done |= isinstance(given, list)
                continue
            new: dict[str, Any] = {}
            for follower, leaders in given.items():
                if follower == "either":
                    new |= {leaders[0]: leaders[1], leaders[1]: leaders[0]}
                else:
                    new[follower] = (
                        [leaders] if isinstance(leaders, str) else leaders[0] if len(leaders) == 1 else leaders
                    )
                done = True
            node[effect] = new
    return spec if done else None


def dense_leader(spec: Spec, rng: random.Random) -> Spec | None:
    """A rule that a sparse tensor leads is led by a dense one, too."""
    op = spec["workload"]["ops"][0]
    if "density" in op["tensors"]["W"]:
        return None
    done = False
    for memory in memories(spec):
        for effect in ("skip", "gate"):
            for follower, leaders in memory.get(effect, {}).items():
                if follower != "either":
                    memory[effect][follower] = [*([leaders] if isinstance(leaders, str) else leaders), "W"]
                    done = True
    return spec if done else None


def density_spelled(spec: Spec, rng: random.Random) -> Spec | None:
    """A number is the model `uniform`; said of the kind, or of the tensor; 1 where nothing was said."""
    done = False
    for op in spec["workload"]["ops"]:
        for tensor in op["tensors"].values():
            given = tensor.get("density")
            if isinstance(given, (float, list)):
                tensor["density"] = {"model": "uniform", "density": given}
                done = True
            elif isinstance(given, dict) and given["model"] == "uniform":
                tensor["density"] = given["density"]
                done = True
            elif given is None:
                tensor["density"] = 1
    return spec if done else None


def density_of_the_kind(spec: Spec, rng: random.Random) -> Spec | None:
    """What tensors say, the workload says for their kind."""
    found: dict[str, Any] = {}
    for op in spec["workload"]["ops"]:
        for tensor in op["tensors"].values():
            given = tensor.get("density")
            if tensor["kind"] in found and found[tensor["kind"]] != given:
                return None
            found[tensor["kind"]] = given
    for op in spec["workload"]["ops"]:
        for tensor in op["tensors"].values():
            tensor.pop("density", None)
    spec["workload"]["density"] = {kind: given for kind, given in found.items() if given is not None}
    return spec


def time_reversed(spec: Spec, rng: random.Random) -> Spec | None:
    """Time runs backwards: what it was in step t, it is in step T - 1 - t.

    Where all factors of t are exact, and nothing is summed up over t: the first of a sum finds no old value.
    """
    if "[t" not in spec["workload"]["ops"][0]["compute"].split("=")[0]:
        return None
    for entry in spec["mapping"]:
        factor = 1
        for node in [
            *entry["nest"],
            *(below for above in entry["nest"] for way in above.get("split", ())[:1] for below in way),
        ]:
            for key in ("for", "x", "y"):
                for text in node.get(key, "").split(", ") if key in node else ():
                    factor *= int(text.split()[1]) if text.split()[0] == "t" else 1
        if factor != spec["workload"]["ops"][0]["ranks"]["t"]:
            return None
    for op in spec["workload"]["ops"]:
        if op.get("sequential") == ["t"]:
            op["sequential"] = {"t": "descending"}
        for tensor in op["tensors"].values():
            if isinstance(tensor.get("density"), list):
                tensor["density"] = tensor["density"][::-1]
    return spec


# --- workloads and names ---------------------------------------------------------------------------------------------


def kinds_declared(spec: Spec, rng: random.Random) -> Spec | None:
    """More kinds than are used, in another order, with bits; nothing else."""
    spec["workload"]["kinds"] = ["unused", *reversed(spec["workload"]["kinds"])]
    spec["workload"]["bits"] = {"unused": 3, **dict(reversed(spec["workload"]["bits"].items()))}
    return spec


def orders(spec: Spec, rng: random.Random) -> Spec | None:
    """Ranks, tensors, factors of the product and classes in another order."""
    for op in spec["workload"]["ops"]:
        op["ranks"] = dict(reversed(op["ranks"].items()))
        op["tensors"] = dict(reversed(op["tensors"].items()))
        head, _, tail = op["compute"].partition(" += ")
        if tail:
            op["compute"] = f"{head} += {' * '.join(reversed(tail.split(' * ')))}"
    spec["library"]["components"].reverse()
    return spec


def rank_of_one(spec: Spec, rng: random.Random) -> Spec | None:
    """A rank with the bound 1, which indexes a dimension of one of the inputs."""
    op = spec["workload"]["ops"][0]
    op["ranks"]["u"] = 1
    op["compute"] = op["compute"].replace("W[", "W[u,")
    return spec


def variables(spec: Spec, rng: random.Random) -> Spec | None:
    """Bounds are variables."""
    ranks = spec["workload"]["ops"][0]["ranks"]
    spec["variables"] = {f"n_{rank}": bound * 2 for rank, bound in ranks.items()}
    spec["workload"]["ops"][0]["ranks"] = {rank: f"{{{{ n_{rank} // 2 }}}}" for rank in ranks}
    return spec


def renamed(spec: Spec, rng: random.Random) -> Spec | None:
    """Every node, kind, tensor, class, action and op has another name, ranks (but t) too."""
    nodes = [node.get("memory") or node.get("array") or node.get("compute") for node in spec["arch"]["nodes"]]
    words = [*nodes, "wk", "sk", "ck", "uk", "W", "S", "X", "U", "Y", "mac", "fire", "forward", "book", "w", "m",
             "dram", "sram", "regfile", "wire", "pe", *"kcpr"]  # fmt: skip
    fresh = [f"Zz{n}" for n in range(len(set(words)))]
    rng.shuffle(fresh)
    table = dict(zip(dict.fromkeys(words), fresh, strict=True)) | {"a": "fresh"}
    name = re.compile(r"(?<![\w}])[A-Za-z_]\w*")

    def said(value: Any, key: str = "") -> Any:
        if isinstance(value, dict):
            return {table.get(k, k) if k not in _WORDS else k: said(inner, k) for k, inner in value.items()}
        if isinstance(value, list):
            return [said(inner, key) for inner in value]
        if not isinstance(value, str) or key in _KEPT or re.fullmatch(r"[\d.]+ \S+", value):
            return value
        return name.sub(lambda m: m[0] if m[0] == "gated_mac" else table.get(m[0], m[0]), value)

    new = said(spec)
    for component in new["library"]["components"]:
        gated = component["energy"].pop("gated_mac", None)
        if gated is not None:
            component["energy"][f"gated_{table['mac']}"] = gated
    return new  # type: ignore[no-any-return]


_WORDS = frozenset(("x", "y", "read", "write", "gated_read", "deliver", "hop", "width", "size", "area", "leakage"))
_KEPT = frozenset(("model", "format", "multicast", "size", "width", "area", "leakage", "clock"))

TRANSFORMS: tuple[Transform, ...] = (
    loops_split, loops_of_one, loops_apart, stars, bypass_for_keep, kinds_for_tensors, one_pattern, empty_memory,
    empty_array, one_lane, axes_transposed, axes_renamed, way_of_branch, ports_spelled, defaults_stated,
    defaults_absent, units, compound_of_one, clock_and_leakage, rules_spelled, dense_leader, density_spelled,
    density_of_the_kind, time_reversed, kinds_declared, orders, rank_of_one, variables, renamed,
)  # fmt: skip


def changed(spec: Spec, transform: Transform, seed: int) -> Spec | None:
    """A changed copy."""
    return transform(json.loads(json.dumps(spec)), random.Random(seed))
