"""Tiny chains of three ops at random, and every nest that fuses all of them, as text that `sata.evaluate` reads."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from itertools import product
from typing import Any

import sata
from sata.specs import SpecError
from tests.search.pairs import Keeps, Problem, _machine, inside, kept, orders, splits, used, written

MOST = 1500  # nests of a problem

CHAINS = (
    (({"k": 2, "c": 2}, "mac", "X[k] += W[k,c] * S[c]"), ({"k": 2}, "fire", "Y[k] = lif(X[k])"),
     ({"k": 2}, "fire", "V[k] = lif(Y[k])")),
    (({"k": 2}, "fire", "X[k] = lif(S[k])"), ({"k": 2}, "fire", "Y[k] = lif(X[k])"),
     ({"k": 2, "m": 2}, "mac", "V[m] += Y[k] * W[k,m]")),
    (({"k": 2, "c": 2}, "mac", "X[k] += W[k,c] * S[c]"), ({"k": 2}, "fire", "Y[k] = lif(X[k])"),
     ({"k": 2}, "fire", "V[k] = lif(X[k], Y[k])")),
    (({"p": 3, "r": 2}, "mac", "X[p] += W[r] * S[p+r]"), ({"p": 3}, "fire", "Y[p] = lif(X[p])"),
     ({"p": 3}, "fire", "V[p] = lif(Y[p])")),
    (({"t": 2, "k": 2}, "fire", "X[t,k] = lif(S[t,k])"), ({"t": 2, "k": 2}, "fire", "Y[t,k], U[k] = lif(X[t,k])"),
     ({"t": 2, "k": 2}, "fire", "V[t,k] = lif(Y[t,k])")),
)  # fmt: skip


def random_chain(rng: random.Random) -> Problem:
    """Two or three memories and up to two arrays. What passes may live further in."""
    chain = rng.choice(CHAINS)
    ops = []
    for name, (ranks, action, compute) in zip("abc", chain, strict=True):
        names = [n for n in ("W", "S", "X", "Y", "U", "V") if f"{n}[" in compute]
        op: dict[str, Any] = {"name": f"l.{name}", "layer": "l", "stage": "forward", "action": action, "ranks": ranks,
                              "compute": compute, "tensors": {n: {"kind": f"k{n}"} for n in names}}  # fmt: skip
        if "U" in names:
            op["sequential"] = ["t"]
        ops.append(op)
    kinds = sorted({f"k{n}" for op in ops for n in op["tensors"]})
    bits = {kind: rng.choice([1, 8, 16]) for kind in kinds}
    nodes: list[dict[str, Any]] = [{"memory": "M0", "class": "dram"}]
    for name in ("M1", "M2")[: rng.choice([1, 1, 2])]:
        inner = [k for k in kinds if rng.random() < (0.75 if k in ("kX", "kY") else 0.15)]
        size = f"{rng.choice([16, 24, 32, 48, 96])} b"
        nodes.append({"memory": name, "class": "sram", "size": size, "may_keep": inner})
    for node in nodes:
        if rng.random() < 0.4:
            node["bandwidth"] = {"read": f"{rng.choice([1, 2, 8])} b/cycle", "write": "4 b/cycle"}
    for name in ("A", "B")[: rng.choice([0, 1, 1])]:
        nodes.insert(rng.randint(1, len(nodes)), {
            "array": name, "shape": {"x": 2}, "multicast": rng.choice(["tile", "element", "none"]),
            "reduce": rng.random() < 0.5,
        })  # fmt: skip
    nodes.append({"compute": "PE", "class": "pe"})
    workload = {"workload": {"name": "chain", "kinds": kinds, "bits": bits, "ops": ops}}
    return _machine(rng, nodes), workload


def mappings(arch: dict[str, Any], workload: dict[str, Any]) -> Iterator[list[dict[str, Any]]]:
    """Every nest of all three that what has its home inside (X, Y) connects, legal or not."""
    ops = workload["workload"]["ops"]
    nodes = arch["arch"]["nodes"]
    for at, node in enumerate(nodes):
        if "memory" in node and at:
            yield from _below(ops, nodes[: at + 1], nodes[at + 1 :])


def _below(ops: Sequence[Any], outer: Any, inner: Any) -> Iterator[list[dict[str, Any]]]:
    """With the split below the last of the outer nodes, which keeps something."""
    every = sorted({t for op in ops for t in op["tensors"]})
    must = {"X"} if "X" in ops[2]["tensors"] else {"X", "Y"}  # what connects all of them
    for keeps in kept(outer[1:], every):
        names = {t for own in keeps.values() for t in own}
        if not keeps[outer[-1]["memory"]] or not must <= names:
            continue
        for below in product(*(list(kept(inner, sorted(op["tensors"]))) for op in ops)):
            state = "U" in every and ("U" in names or any("U" in own for own in below[1].values()))
            for away in (False, True) if state else (False,):
                m0 = [t for t in every if not (t in ("X", "Y") and t in names) and not (t == "U" and away)]
                yield from _placed(ops, outer, inner, {"M0": m0, **keeps}, below)


def _placed(
    ops: Sequence[Any], outer: Any, inner: Any, keeps: Keeps, below: Sequence[Keeps]
) -> Iterator[list[dict[str, Any]]]:
    """With loops in every place."""
    shared = used(outer, keeps)
    common = {r: b for r, b in ops[0]["ranks"].items() if all(op["ranks"].get(r) == b for op in ops)}
    places = len(shared) - 1 + sum("array" in n for n in shared)  # none right below the last: those are each op's
    for chosen in splits(common, places + 1):
        left = [{**op["ranks"], **chosen[-1]} for op in ops]
        for loops in product(*(list(orders(c)) for c in chosen[:-1])):
            trunk = written(shared, [*loops, ()], keeps)
            each = [list(inside(used(inner, own), rest, own)) for own, rest in zip(below, left, strict=True)]
            for ways in product(*each):
                yield [*trunk, {"split": list(ways)}]


def enumerated(arch: dict[str, Any], workload: dict[str, Any]) -> list[tuple[float, float]]:
    """(energy, cycles) of every nest of all three that is legal."""
    found = []
    for nest in mappings(arch, workload):
        try:
            ran = sata.evaluate(arch, workload, {"mapping": [{"ops": ["l.a", "l.b", "l.c"], "nest": nest}]})
        except SpecError:
            continue
        found.append((ran.energy_pj(), sum(op["cycles"] for op in ran.ops)))
    return found


def small_chain(seed: int, most: int = MOST) -> Problem:
    """The first problem of a seed that is not too large."""
    rng = random.Random(seed)
    while True:
        arch, workload = random_chain(rng)
        number = sum(1 for _ in zip(range(most + 1), mappings(arch, workload), strict=False))
        if 0 < number <= most:
            return arch, workload
