"""The same workload, and the same spec under other names."""

from __future__ import annotations

import random
import re
from typing import Any

from .random_specs import Spec


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


def shapes_stated(spec: Spec, rng: random.Random) -> Spec | None:
    """Sizes that the indices reach are said."""
    for op in spec["workload"]["ops"]:
        for name, tensor in op["tensors"].items():
            indices = re.search(rf"(?<!\w){name}\[([^]]*)\]", op["compute"])
            if indices and "shape" not in tensor:
                each = [index.split("+") for index in indices[1].split(",")]
                tensor["shape"] = [sum(op["ranks"][rank] - 1 for rank in ranks) + 1 for ranks in each]
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
