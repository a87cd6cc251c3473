"""The same mapping, said in another way."""

from __future__ import annotations

import random

from .parts import nests
from .random_specs import Spec


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


def arrays_named(spec: Spec, rng: random.Random) -> Spec | None:
    """An array in one lane is named without loops, or not at all."""
    nodes = [node.get("memory") or node.get("array") or node.get("compute") for node in spec["arch"]["nodes"]]
    done = False
    for entry in spec["mapping"]:
        if "A" not in nodes or any("split" in node for node in entry["nest"]):
            return None
        nest = entry["nest"]
        if not any("array" in node for node in nest):
            after = nodes[nodes.index("A") + 1]
            at = next(n for n, node in enumerate(nest) if after in (node.get("memory"), node.get("compute")))
            nest.insert(at, {"array": "A"})
            done = True
    return spec if done else None
