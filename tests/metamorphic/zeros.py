"""The same zeros, formats and rules about them, said in another way."""

from __future__ import annotations

import random
from typing import Any

from .parts import arrays, memories
from .random_specs import Spec


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
    if any("hop" in array for array in arrays(spec)):
        return None  # steps in lanes: those of other steps are further away
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


def names_in_rules(spec: Spec, rng: random.Random) -> Spec | None:
    """Rules and formats say tensors where they said kinds; where only one op has tensors of these kinds."""
    if len(spec["workload"]["ops"]) > 1:
        return None
    names = {"wk": "W", "sk": "S", "ck": "X"}

    def said(value: Any) -> Any:
        if isinstance(value, dict):
            return {names.get(key, key): said(inner) for key, inner in value.items()}
        return [said(inner) for inner in value] if isinstance(value, list) else names.get(value, value)

    done = False
    for memory in memories(spec):
        for key in ("skip", "gate"):
            if key in memory:
                memory[key] = said(memory[key])
                done = True
        if "format" in memory:
            memory["format"] = {names[kind]: form for kind, form in memory["format"].items()}
            done = True
    return spec if done else None


def formats_spelled(spec: Spec, rng: random.Random) -> Spec | None:
    """`csr` is `[offsets, coordinate]`, and any other name is one without parameters."""
    done = False
    for memory in memories(spec):
        for kind, form in memory.get("format", {}).items():
            memory["format"][kind] = ["offsets", "coordinate"] if form == "csr" else [{form: {}}]
            done = True
    return spec if done else None
