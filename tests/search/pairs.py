"""Tiny pairs of ops at random, and every fused mapping of them, as text that `sata.evaluate` reads."""

from __future__ import annotations

import random
from collections.abc import Iterator
from itertools import permutations, product
from typing import Any

import sata
from sata.specs import SpecError

MOST = 1500  # mappings of a problem

WORKLOADS = (
    ({"k": 2, "c": 2, "t": 2}, {"k": 2, "t": 2}, "X[t,k] += W[k,c] * S[t,c]", "Y[t,k], U[k] = lif(X[t,k])"),
    ({"k": 2, "c": 2}, {"k": 2, "m": 2}, "X[k] += W[k,c] * S[c]", "Y[m] += X[k] * Z[k,m]"),
    ({"k": 2, "c": 3}, {"k": 2}, "X[k] += W[k,c] * S[c]", "Y[k] = lif(X[k])"),
)
WINDOWS = (
    ({"p": 3, "r": 2}, {"p": 3}, "X[p] += W[r] * S[p+r]", "Y[p] = lif(X[p])"),
    ({"p": 2, "r": 3, "k": 2}, {"p": 2, "k": 2}, "X[k,p] += W[k,r] * S[p+r]", "Y[k,p] = lif(X[k,p])"),
    ({"p": 2, "k": 2, "r": 2}, {"p": 2, "k": 2}, "X[k,p] += W[k,r] * S[p+r-1]", "Y[k,p] = lif(X[k,p])"),
)

Problem = tuple[dict[str, Any], dict[str, Any]]


def random_pair(rng: random.Random) -> Problem:
    """Two memories and at most one array."""
    workload, bits = _workload(rng, rng.choice(WORKLOADS))
    inner = [k for k in bits if k == "kX" or rng.random() < 0.25]
    nodes: list[dict[str, Any]] = [
        {"memory": "M0", "class": "dram", "bandwidth": {"read": f"{rng.choice([2, 8])} b/cycle", "write": "4 b/cycle"}},
        {"memory": "M1", "class": "sram", "size": f"{rng.choice([16, 24, 32, 64]) // rng.choice([1, 2])} b",
         "may_keep": inner},
    ]  # fmt: skip
    if rng.random() < 0.5:
        nodes[1]["bandwidth"] = {"read": "8 b/cycle", "write": "8 b/cycle"}
    if rng.random() < 0.6:
        nodes.insert(rng.choice([1, 2]), {"array": "A", "shape": {"x": 2}, "multicast": "tile", "reduce": False})
    nodes.append({"compute": "PE", "class": "pe"})
    return _machine(rng, nodes), workload


def deep_pair(rng: random.Random) -> Problem:
    """Three memories, up to two arrays, windows, and memories that bound the pair."""
    workload, bits = _workload(rng, rng.choice((*WORKLOADS[1:], *WINDOWS)))
    nodes: list[dict[str, Any]] = [{"memory": "M0", "class": "dram"}]
    for name, sizes in (("M1", (16, 32, 48, 96)), ("M2", (8, 16, 32))):
        inner = [k for k in bits if rng.random() < (0.7 if k == "kX" else 0.25)]
        nodes.append({"memory": name, "class": "sram", "size": f"{rng.choice(sizes) // rng.choice([1, 1, 2])} b",
                      "may_keep": inner})  # fmt: skip
    for node in nodes:
        if rng.random() < 0.5:
            rate = f"{rng.choice([1, 2, 8])} b/cycle"
            if rng.random() < 0.3:
                node |= {"bandwidth": {"read": rate}, "shared_bandwidth": True}
            else:
                node["bandwidth"] = {"read": rate, "write": "4 b/cycle"}
    for name in ("A", "B")[: rng.choice([0, 1, 1, 2])]:
        nodes.insert(rng.randint(1, len(nodes)), {
            "array": name, "shape": {"x": 2}, "multicast": rng.choice(["tile", "element", "none"]),
            "reduce": rng.random() < 0.5,
        })  # fmt: skip
    nodes.append({"compute": "PE", "class": "pe"})
    return _machine(rng, nodes), workload


def busy_pair(rng: random.Random) -> Problem:
    """A memory whose two directions take about as long, and much leakage; larger than one would enumerate."""
    ranks = {"k": rng.choice([4, 6, 8]), "c": rng.choice([2, 3, 4]), "b": rng.choice([3, 4, 6])}
    second = {r: ranks[r] for r in "kb"}
    workload, bits = _workload(rng, (ranks, second, "X[k,b] += W[k,c] * S[c,b]", "Y[k,b] = lif(X[k,b])"))
    workload["workload"]["bits"] = {**bits, "kX": rng.choice([8, 16]), "kS": 1, "kW": rng.choice([8, 16])}
    rates = {"read": f"{rng.choice([2, 3, 4])} b/cycle", "write": f"{rng.choice([1, 2])} b/cycle"}
    nodes: list[dict[str, Any]] = [
        {"memory": "M0", "class": "dram"},
        {"memory": "M1", "class": "sram", "size": "4096 b", "keep": ["kX", "kW"], "bandwidth": rates},
        {"memory": "M2", "class": "sram", "size": f"{rng.choice([100, 140, 200, 300])} b", "keep": ["kX", "kS"]},
        {"compute": "PE", "class": "pe"},
    ]
    machine = _machine(rng, nodes)
    for component in machine["library"]["components"][:2]:
        component["leakage"] = {"0 mW": "0.3 mW", "0.01 mW": "1 mW", "1 mW": "3 mW"}[component["leakage"]]
    return machine, workload


def _workload(rng: random.Random, of: Any) -> tuple[dict[str, Any], dict[str, int]]:
    first, second, one, two = of
    kinds = ["W", "S", "X", "Y", "U", "Z"]
    ops = []
    for name, ranks, compute, action in (("a", first, one, "mac"), ("b", second, two, "fire")):
        used = [n for n in kinds if f"{n}[" in compute]
        op: dict[str, Any] = {"name": f"l.{name}", "layer": "l", "stage": "forward", "action": action, "ranks": ranks,
                              "compute": compute, "tensors": {n: {"kind": f"k{n}"} for n in used}}  # fmt: skip
        if "p+r-1" in compute:  # a border
            op["tensors"]["S"]["shape"] = [ranks["p"]]
        if "U[" in compute:
            op["sequential"] = ["t"]
        ops.append(op)
    bits = {f"k{n}": rng.choice([1, 8, 16]) for n in kinds if any(n in op["tensors"] for op in ops)}
    return {"workload": {"name": "pair", "kinds": list(bits), "bits": bits, "ops": ops}}, bits


def _machine(rng: random.Random, nodes: list[dict[str, Any]]) -> dict[str, Any]:
    leak = rng.choice([0, 0.01, 1])
    components = [
        {"class": c, "energy": {"read": f"{e} pJ", "write": f"{e + 1} pJ"}, "area": "0 um2", "leakage": f"{leak} mW"}
        for c, e in (("dram", rng.choice([20, 100])), ("sram", 3))
    ]
    components.append({"class": "pe", "energy": {"mac": "1 pJ", "fire": "2 pJ"}, "area": "0 um2", "leakage": "0 mW"})
    arch = {"name": "tiny", "clock": "100 MHz", "libraries": ["tiny_lib"], "nodes": nodes}
    return {"arch": arch, "library": {"name": "tiny_lib", "source": "made up", "components": components}}


# --- plain enumeration, of mappings as text ---------------------------------------------------------------------------

Loops = tuple[tuple[str, int], ...]
Keeps = dict[str, list[str]]


def splits(bounds: dict[str, int], places: int) -> Iterator[tuple[dict[str, int], ...]]:
    """Exact factors of every rank in so many places."""

    def of(bound: int, n: int) -> Iterator[tuple[int, ...]]:
        if n == 1:
            yield (bound,)
            return
        for f in range(1, bound + 1):
            if bound % f == 0:
                for rest in of(bound // f, n - 1):
                    yield (f, *rest)

    for chosen in product(*(list(of(b, places)) for b in bounds.values())):
        yield tuple({r: own[p] for r, own in zip(bounds, chosen, strict=True)} for p in range(places))


def orders(factors: dict[str, int]) -> Iterator[Loops]:
    """Every order of loops (bounds here are primes: a rank is looped over once)."""
    yield from permutations([(r, f) for r, f in factors.items() if f > 1])


def mappings(arch: dict[str, Any], workload: dict[str, Any]) -> Iterator[list[dict[str, Any]]]:
    """Every fused mapping with X at home inside, legal or not."""
    one, two = workload["workload"]["ops"]
    nodes = arch["arch"]["nodes"]
    for at, node in enumerate(nodes):
        if "kX" in node.get("may_keep", ()):
            yield from _below(one, two, nodes[:at], node, nodes[at + 1 :])


def _below(one: Any, two: Any, outer: Any, home: Any, inner: Any) -> Iterator[list[dict[str, Any]]]:
    """With X at home in one memory."""
    every = sorted({*one["tensors"], *two["tensors"]} - {"X"})
    for keeps in kept([*outer[1:], home], every):
        keeps[home["memory"]] = [*keeps[home["memory"]], "X"]
        for first in kept(inner, sorted(one["tensors"])):
            for second in kept(inner, sorted(two["tensors"])):
                inside_ = any("U" in names for names in (*keeps.values(), *second.values()))
                for away in (False, True) if "U" in every and inside_ else (False,):
                    m0 = [t for t in every if t != "U" or not away]
                    shared = used(outer, {"M0": m0, **keeps})
                    for above, left in cut(one["ranks"], two["ranks"], shared):
                        head = written(shared, above, {"M0": m0, **keeps})
                        ways = [list(inside(used(inner, own), rest, own))
                                for own, rest in zip((first, second), left, strict=True)]  # fmt: skip
                        for a, b in product(*ways):
                            here = {"memory": home["memory"], "keep": keeps[home["memory"]]}
                            yield [*head, here, {"split": [a, b]}]


def kept(nodes: list[dict[str, Any]], tensors: list[str]) -> Iterator[Keeps]:
    """Every way to keep tensors in memories."""
    memories = [n for n in nodes if "memory" in n]
    free = [[t for t in tensors if f"k{t}" in m["may_keep"]] for m in memories]
    for chosen in product(*(list(product(*[(False, True)] * len(names))) for names in free)):
        yield {
            m["memory"]: [t for t, k in zip(names, which, strict=True) if k]
            for m, names, which in zip(memories, free, chosen, strict=True)
        }


def used(nodes: list[dict[str, Any]], keeps: Keeps) -> list[dict[str, Any]]:
    """The nodes without the memories that keep nothing."""
    return [n for n in nodes if "memory" not in n or keeps.get(n["memory"])]


def cut(one: dict[str, int], two: dict[str, int], outer: list[dict[str, Any]]) -> Iterator[tuple[Any, Any]]:
    """(loops in each place above the split: an order below every node, and lanes), what is left of both ops."""
    common = {r: b for r, b in one.items() if two.get(r) == b}
    places = len(outer) + sum("array" in n for n in outer)
    for chosen in splits(common, places + 1):
        left = [{**ranks, **chosen[-1]} for ranks in (one, two)]
        for above in product(*(list(orders(c)) for c in chosen[:-1])):
            yield above, left


def inside(inner: list[dict[str, Any]], left: dict[str, int], keeps: Keeps) -> Iterator[list[dict[str, Any]]]:
    """The way of one op below the home."""
    places = 1 + len(inner) - 1 + sum("array" in n for n in inner)
    for chosen in splits(left, places):
        for loops in product(*(list(orders(c)) for c in chosen)):
            head = [{"for": text(loops[0])}] if loops[0] else []
            yield [*head, *written(inner, loops[1:], keeps)]


def written(nodes: list[dict[str, Any]], loops: Any, keeps: Keeps) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    rest = list(loops)
    for node in nodes:
        if "compute" in node:
            found.append({"compute": node["compute"]})
            continue
        if "array" in node:
            lanes = rest.pop(0)
            found.append({"array": node["array"], **({"x": text(lanes)} if lanes else {})})
        else:
            found.append({"memory": node["memory"], "keep": keeps[node["memory"]]})
        own = rest.pop(0)
        found += [{"for": text(own)}] if own else []
    return found


def text(loops: Loops) -> str:
    return ", ".join(f"{r} {f}" for r, f in loops)


def random_rules(rng: random.Random, arch: dict[str, Any], workload: dict[str, Any]) -> list[dict[str, Any]]:
    """What is asked of the loops below some node of one op, or of both."""
    names = [n.get("memory") or n.get("array") for n in arch["arch"]["nodes"][:-1]]
    rules = []
    for op in rng.sample(workload["workload"]["ops"], rng.choice([1, 2])):
        ranks = list(op["ranks"])
        if rng.random() < 0.5:
            factors = {r: rng.choice(["<=1", op["ranks"][r], ">=2"]) for r in rng.sample(ranks, 1)}
            rules.append({"ops": op["name"], "factors": {rng.choice(names): factors}})
        else:
            rules.append({"ops": op["name"], "order": {rng.choice(names): rng.sample(ranks, len(ranks))}})
    return rules


def as_asked(nest: list[dict[str, Any]], rules: list[dict[str, Any]]) -> bool:
    """Whether the loops of both ops are as the rules have them."""
    for rule in rules:
        own = nest[-1]["split"]["ab".index(rule["ops"][-1])]
        below: dict[str, list[tuple[str, int]]] = {}
        node = ""
        for item in [*nest[:-1], *own]:
            if "for" in item:
                below[node] = [(r, int(f)) for r, f in (loop.split() for loop in item["for"].split(", "))]
            else:
                node = item.get("memory") or item.get("array") or item["compute"]
        for name, asked in rule.get("factors", {}).items():
            for rank, span in asked.items():
                factor = dict(below.get(name, ())).get(rank, 1)
                if not {"<=1": factor <= 1, ">=2": factor >= 2}.get(span, factor == span):
                    return False
        for name, order in rule.get("order", {}).items():
            places = [order.index(rank) for rank, _ in below.get(name, ())]
            if places != sorted(places):
                return False
    return True


def enumerated(
    arch: dict[str, Any], workload: dict[str, Any], rules: list[dict[str, Any]] | None = None
) -> list[tuple[float, float]]:
    """(energy, cycles) of every fused mapping that is legal, and as it is asked for."""
    found = []
    for nest in mappings(arch, workload):
        if rules and not as_asked(nest, rules):
            continue
        try:
            ran = sata.evaluate(arch, workload, {"mapping": [{"ops": ["l.a", "l.b"], "nest": nest}]})
        except SpecError:
            continue
        found.append((ran.energy_pj(), sum(op["cycles"] for op in ran.ops)))
    return found


def small_problem(seed: int, make: Any = random_pair, most: int = MOST) -> Problem:
    """The first problem of a seed that is not too large."""
    rng = random.Random(seed)
    while True:
        arch, workload = make(rng)
        number = sum(1 for _ in zip(range(most + 1), mappings(arch, workload), strict=False))
        if 0 < number <= most:
            return arch, workload
