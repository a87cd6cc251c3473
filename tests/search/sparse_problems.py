"""Random tiny problems in which what an event costs depends on the loops: rules at memories, formats, lanes in lockstep."""

from __future__ import annotations

import random
from typing import Any

from .problems import Problem, random_problem

FORMATS = ("bitmask", "coordinate", {"run_length": {"bits": 2}}, "run_length", "uncompressed")
OUTER = ("bitmask", "coordinate", "offsets", "uncompressed")


def random_sparse_problem(rng: random.Random, ragged: bool) -> Problem:
    """(architecture, workload) with at least one of the three."""
    sources, workload = random_problem(rng, ragged)
    op = workload["workload"]["ops"][0]
    inputs = _inputs(op["compute"])
    nodes = sources["arch"]["nodes"]
    for name in inputs:
        op["tensors"][name]["density"] = rng.choice([0.0, 0.05, 0.1, 0.3, 0.5, 0.9, 1.0])
        time = _time(op["compute"], name)
        if time and rng.random() < 0.5:
            op["tensors"][name]["density"] = [rng.choice([0.0, 0.2, 0.7]) for _ in range(op["ranks"]["t"])]
    kinds = ("rule", "format", "lockstep")
    chosen = [kind for kind in kinds if rng.random() < 0.5] or [rng.choice(kinds)]
    if "rule" in chosen:
        for _ in range(rng.choice([1, 1, 2])):
            _rule(rng, nodes, list(op["tensors"]), inputs)
    if "format" in chosen:
        _formats(rng, nodes, list(op["tensors"]), op["compute"])
    if "lockstep" in chosen:
        _lockstep(rng, nodes, inputs)
    for component in sources["library"]["components"]:
        if component["class"] != "pe" and rng.random() < 0.5:
            component["energy"]["gated_read"] = "0.05 pJ"
            component["energy"]["metadata_read"] = f"{rng.choice([0, 0.3, 2])} pJ"
    return sources, workload


def _inputs(compute: str) -> list[str]:
    right = compute.replace("+=", "=").partition("=")[2]
    return [part.split("[")[0].strip(" *,()lif") for part in right.split("]") if "[" in part]


def _time(compute: str, name: str) -> bool:
    return f"{name}[t" in compute


def _memories(nodes: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [node for node in nodes if "memory" in node]


def _kept(node: dict[str, Any]) -> list[str]:
    return [kind.removeprefix("kind_") for kind in (*node.get("keep", ()), *node.get("may_keep", ()))]


def _rule(rng: random.Random, nodes: list[dict[str, Any]], tensors: list[str], inputs: list[str]) -> None:
    follower = rng.choice(tensors)
    leaders = [n for n in inputs if n != follower or rng.random() < 0.3]
    memories = [node for node in _memories(nodes) if follower in _kept(node)]
    if leaders and memories:
        rule = rng.choice(memories).setdefault(rng.choice(["skip", "skip", "gate"]), {})
        rule[f"kind_{follower}"] = [f"kind_{n}" for n in rng.sample(leaders, min(len(leaders), rng.choice([1, 1, 2])))]


def _formats(rng: random.Random, nodes: list[dict[str, Any]], tensors: list[str], compute: str) -> None:
    for node in _memories(nodes):
        for name in _kept(node):
            if rng.random() < 0.5:
                ranks = compute.split(f"{name}[")[1].split("]", maxsplit=1)[0].count(",") + 1
                number = rng.randint(1, min(ranks, 2))
                node.setdefault("format", {})[f"kind_{name}"] = [rng.choice(OUTER)] * (number - 1) + [
                    rng.choice(FORMATS)
                ]
        if "format" in node and "size" in node and rng.random() < 0.2:
            node["fit"] = rng.choice([0.5, 0.9, 1.0])


def _lockstep(rng: random.Random, nodes: list[dict[str, Any]], inputs: list[str]) -> None:
    arrays = [node for node in nodes if "array" in node]
    if not arrays:
        arrays = [{"array": "A9", "shape": {"x": rng.choice([2, 3])}, "multicast": "tile", "reduce": True}]
        nodes.insert(rng.randrange(1, len(nodes)), arrays[0])
    rng.choice(arrays)["lockstep"] = True
    nodes[-1].pop("gate", None)
    nodes[-1]["skip"] = [f"kind_{rng.choice(inputs)}"]
