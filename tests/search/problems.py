"""Random tiny problems of mapping search, as the YAML a user would write: up to four memories, bypass, windows, gating."""

from __future__ import annotations

import random
from collections.abc import Sequence
from itertools import islice
from typing import Any

from sata.search.model.enumerate import all_nests
from sata.search.model.problem import SearchProblem

Problem = tuple[dict[str, Any], dict[str, Any]]


def few_nests(problems: Sequence[SearchProblem], most: int) -> bool:
    """Whether there is something to enumerate below some storage templates, and not too much."""
    number = 0
    for problem in problems:
        number += sum(1 for _ in islice(all_nests(problem), most + 1 - number))
        if number > most:
            return False
    return number > 0


SHAPES = (
    ("Z[m,n] += A[m,k] * B[k,n]", "mkn"),
    ("Z[m,n] += A[m,k] * B[k,n]", "mkn"),
    ("O[k,p] += W[k,r] * I[p+r]", "kpr"),
    ("O[k,p] += W[k,c,r] * I[c,p+r]", "kcpr"),
    ("O[k,p] += W[k,r] * I[p+r-1]", "kpr"),
    ("O[c,p] += W[c,r] * I[c,2*p+r]", "cpr"),
    ("D[c,p+r-1] += W[k,c,r] * G[k,p]", "kcpr"),
    ("W[k,r] += I[p+r] * G[k,p]", "kpr"),
    ("U[k], V[t,k] = lif(X[t,k])", "tk"),
    ("U[k,p], V[t,k,p] = lif(X[t,k,p])", "tkp"),
    ("Z[a,b] += X[a,b] * Y[b]", "ab"),
)


def random_problem(rng: random.Random, ragged: bool) -> Problem:
    """(architecture, workload): dicts in the user's formats."""
    compute, ranks = rng.choice(SHAPES)
    most = 5 if ragged else 6
    bounds = {r: rng.choice([1, 2, 2, 3, 4, 4, most]) for r in ranks}
    points = 12 if ragged else 48
    while _product(bounds) > points:
        largest = max(bounds, key=lambda r: bounds[r])
        bounds[largest] = rng.choice([1, 2, 3]) if bounds[largest] > 3 else bounds[largest] - 1
    if "-1" in compute:
        bounds["p"] = max(bounds["p"], 2)  # else nothing of the window may exist
    return _arch(rng, compute, ragged), _workload(rng, compute, bounds)


def _product(bounds: dict[str, int]) -> int:
    total = 1
    for bound in bounds.values():
        total *= bound
    return total


def _tensors(compute: str) -> tuple[list[str], list[str]]:
    """(outputs, inputs) by name."""
    left, _, right = compute.replace("+=", "=").partition("=")

    def names(text: str) -> list[str]:
        return [part.split("[")[0].strip(" *,()lif") for part in text.split("]") if "[" in part]

    return names(left), names(right)


def _workload(rng: random.Random, compute: str, bounds: dict[str, int]) -> dict[str, Any]:
    outputs, inputs = _tensors(compute)
    tensors: dict[str, Any] = {}
    for name in (*outputs, *inputs):
        tensors[name] = {"kind": f"kind_{name}"}
        if name in inputs and rng.random() < 0.6:
            tensors[name]["density"] = rng.choice([0.1, 0.5])
        if name in outputs and rng.random() < 0.15:
            tensors[name]["initialised"] = True
    windows = {"I[p+r-1]": ("I", ["p"]), "D[c,p+r-1]": ("D", ["c", "p"])}
    for text, (name, dims) in windows.items():
        if text in compute:
            tensors[name]["shape"] = [bounds[d] for d in dims]
            if rng.random() < 0.5:
                tensors[name]["shape"][-1] += rng.choice([0, 1])
    op: dict[str, Any] = {
        "name": "op", "stage": "forward", "action": "multiply_accumulate", "ranks": bounds, "compute": compute,
        "tensors": tensors,
    }  # fmt: skip
    if "t" in bounds:
        op["sequential"] = ["t"]
    kinds = [f"kind_{n}" for n in tensors]
    return {
        "workload": {"name": "tiny", "kinds": kinds, "bits": {k: rng.choice([1, 8, 16]) for k in kinds}, "ops": [op]}
    }


def _arch(rng: random.Random, compute: str, ragged: bool) -> dict[str, Any]:
    outputs, inputs = _tensors(compute)
    kinds = [f"kind_{n}" for n in (*outputs, *inputs)]
    number = rng.choice([2, 2, 3]) if ragged else rng.choice([2, 3, 3, 4])
    classes = ["dram", "sram", "regfile", "tiny"][:number]
    nodes: list[dict[str, Any]] = []
    arrays = 0
    free = 0
    for n, component in enumerate(classes):
        memory: dict[str, Any] = {"memory": f"M{n}", "class": component}
        if n == 0:
            memory["keep"] = (
                [*kinds[: len(outputs) - 1], *kinds] if rng.random() < 0.8 or "lif" not in compute else kinds[1:]
            )
            memory["keep"] = list(dict.fromkeys(memory["keep"]))
            if len(memory["keep"]) < len(kinds):
                memory["may_keep"] = [k for k in kinds if k not in memory["keep"]]
        else:
            memory["size"] = f"{rng.choice([8, 24, 48, 96, 200, 400])} b"
            chosen = [k for k in kinds if rng.random() < 0.6]
            maybe = [k for k in chosen if rng.random() < 0.4 and free < 3]
            free += len(maybe)
            memory["keep"] = [k for k in chosen if k not in maybe]
            if maybe:
                memory["may_keep"] = maybe
            if rng.random() < 0.2:
                memory["size"] = f"{int(memory['size'].split()[0]) // 2} b"
        if rng.random() < 0.5:
            memory["bandwidth"] = {
                "read": f"{rng.choice([1, 4, 16])} b/cycle",
                "write": f"{rng.choice([2, 8])} b/cycle",
            }
        nodes.append(memory)
        if arrays < 2 and rng.random() < 0.4:
            shape = {"x": rng.choice([2, 3, 4])}
            if rng.random() < 0.4:
                shape["y"] = 2
            nodes.append({
                "array": f"A{arrays}", "shape": shape, "multicast": rng.choice(["none", "tile", "tile", "element"]),
                "reduce": rng.random() < 0.5,
            })  # fmt: skip
            arrays += 1
    last: dict[str, Any] = {"compute": "PE", "class": "pe"}
    if rng.random() < 0.5:
        last[rng.choice(["gate", "skip"])] = [f"kind_{inputs[0]}"]
    nodes.append(last)
    dear = rng.choice([50, 200])
    components = [
        {"class": c, "energy": {"read": f"{read} pJ", "write": f"{write} pJ"}, "area": "0 um2",
         "leakage": f"{rng.choice([0, 0.01, 1])} mW"}
        for c, read, write in (("dram", dear, dear + 7), ("sram", 6, 8), ("regfile", 1, 1.5), ("tiny", 0.1, 0.3))
    ]  # fmt: skip
    components.append({"class": "pe", "energy": {"multiply_accumulate": "1 pJ"}, "area": "0 um2",
                       "leakage": f"{rng.choice([0, 0.1])} mW"})  # fmt: skip
    return {
        "arch": {"name": "tiny", "clock": "100 MHz", "libraries": ["tiny_lib"], "nodes": nodes},
        "library": {"name": "tiny_lib", "source": "made up", "components": components},
    }


WINDOWS = (
    "O[k,p] += W[k,r] * I[p+r-1]",
    "O[k,p] += W[k,c,r] * I[c,p+r-2]",
    "O[k,p] += W[k,r] * I[2*p+r-1]",
    "O[p,q] += W[r,s] * I[p+r-1,q+s-1]",
    "D[c,p+r-1] += W[k,c,r] * G[k,p]",
    "D[c,2*p+r-1] += W[k,c,r] * G[k,p]",
    "D[p+r-1,q+s-1] += W[r,s] * G[p,q]",
    "W[k,r] += I[p+r-1] * G[k,p]",
    "W[k,c,r] += I[c,p+r] * G[k,p]",
)


def window_problem(rng: random.Random) -> Problem:
    """A problem of windows, mostly cut off by borders, below arrays that may unroll all of their ranks."""
    compute = rng.choice(WINDOWS)
    ranks = sorted({c for c in compute if c.islower()})
    bounds = {r: rng.choice([2, 2, 3, 4, 6] if r in "pqrs" else [1, 2, 4]) for r in ranks}
    while _product(bounds) > 96:
        largest = max(bounds, key=lambda r: bounds[r])
        bounds[largest] = rng.choice([1, 2, 3]) if bounds[largest] > 3 else bounds[largest] - 1
    for p in "pq":
        bounds.update({p: max(bounds[p], 2)} if p in bounds else {})  # else nothing of a window may exist
    workload = _workload(rng, compute, bounds)
    tensors = workload["workload"]["ops"][0]["tensors"]
    stride = 2 if "2*p" in compute else 1
    for name, text in (("I", compute), ("D", compute)):
        if name not in tensors:
            continue
        inner = text.split(name + "[")[1].split("]")[0].split(",")
        tensors[name]["shape"] = [
            bounds[d] if len(d) == 1 else bounds[d.lstrip("2*")[0]] * stride + rng.choice([0, 0, 1, 3]) for d in inner
        ]
    arch = _arch(rng, compute, False)
    nodes = arch["arch"]["nodes"]
    if not any("array" in node for node in nodes) or rng.random() < 0.5:
        arrays = sum("array" in node for node in nodes)
        at = rng.randint(1, len(nodes) - 1)
        nodes.insert(at, {
            "array": f"B{arrays}", "shape": {"x": rng.choice([2, 3, 4, 6]), "y": rng.choice([2, 3])},
            "multicast": rng.choice(["none", "tile", "tile", "element"]), "reduce": rng.random() < 0.5,
        })  # fmt: skip
    return arch, workload
