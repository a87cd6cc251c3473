"""Skeletons that are not searched: for each of their nests, another skeleton that is searched has one as good."""

from __future__ import annotations

import random

import pytest

from sata.search.alike import different
from sata.search.frame import Frame, frame_of
from sata.search.plain import enumerate_scores
from sata.search.setting import setting_of
from sata.search.space import Constraints, skeletons

from .problems import few_nests, random_problem

MOST = 300  # nests of a problem: larger ones are drawn again


def frames_of(seed: int, asked: Constraints | None = None) -> list[Frame]:
    """The skeletons of a problem whose last memory stands twice or three times, each time free to keep anything."""
    rng = random.Random(seed)
    while True:
        arch, workload = random_problem(rng, False)
        nodes = arch["arch"]["nodes"]
        last = max(n for n, node in enumerate(nodes) if "memory" in node)
        if not last:
            continue
        op = workload["workload"]["ops"][0]
        op["ranks"] = {r: min(bound, 2) for r, bound in op["ranks"].items()}
        for tensor in op["tensors"].values():
            if "shape" in tensor:
                tensor["shape"] = [min(size, 2) for size in tensor["shape"]]
        kinds = rng.sample(workload["workload"]["kinds"], 2)
        spads = []
        for n in range(rng.choice([2, 3])):
            spads.append({**nodes[last], "memory": f"spad{n}", "keep": [], "may_keep": kinds})
            if rng.random() < 0.5:
                spads[n].pop("bandwidth", None)
            if rng.random() < 0.2:
                spads[n]["class"] = "regfile"
        nodes[last : last + 1] = spads
        setting = setting_of(arch, workload)
        asked = asked or Constraints()
        found = [
            frame_of(s, setting.machine, asked, False)
            for s in skeletons(setting.arch, setting.workload.ops[0], setting.machine.prices, asked)
        ]
        if few_nests(found, MOST):
            return found


@pytest.mark.parametrize("seed", range(7000, 7016))
def test_what_is_left_out_is_no_better(seed: int) -> None:
    frames = frames_of(seed)
    kept = different(frames)
    chosen = {id(frame) for frame in kept}
    points = [p[1:] for frame in kept for p in enumerate_scores(frame)]
    for frame in frames:
        for _, energy, cycles in enumerate_scores(frame) if id(frame) not in chosen else ():
            assert any(e <= energy * (1 + 1e-12) and c <= cycles * (1 + 1e-12) for e, c in points)


def test_each_reason_is_met() -> None:
    """On these problems much is left out, and what stays of three equal memories are those without needless copies."""
    left_out = sum(len(frames) - len(different(frames)) for frames in map(frames_of, range(7000, 7006)))
    assert left_out > 5


def test_memories_asked_for_by_name_are_all_searched() -> None:
    asked = Constraints(factors={"spad0": {"k": (1, 1)}})
    frames = frames_of(7000, asked)
    assert different(frames) == frames


def test_a_memory_that_may_be_in_the_way_is_not_left_to_serve_more() -> None:
    """Two equal spads, the outer with a port of 1 bit a cycle: what it serves in place of the inner one takes longer."""
    port = {"read": "1 b/cycle", "write": "1 b/cycle"}
    kept = {}
    for name, outer in (("free", {}), ("narrow", {"bandwidth": port})):
        spads = [
            {"memory": f"spad{n}", "class": "spad", "size": "64 b", "keep": [], "may_keep": ["a"], **own}
            for n, own in enumerate((outer, {}))
        ]
        arch = {
            "arch": {"name": "two", "clock": "1 GHz", "libraries": ["made_up"],
                     "nodes": [{"memory": "DRAM", "class": "dram"}, *spads, {"compute": "PE", "class": "pe"}]},
            "library": {"name": "made_up", "source": "made up", "components": [
                {"class": "dram", "energy": {"read": "9 pJ", "write": "9 pJ"}, "area": "0 um2", "leakage": "0 mW"},
                {"class": "spad", "energy": {"read": "1 pJ", "write": "1 pJ"}, "area": "0 um2", "leakage": "0 mW"},
                {"class": "pe", "energy": {"multiply_accumulate": "1 pJ"}, "area": "0 um2", "leakage": "0 mW"}]},
        }  # fmt: skip
        workload = {"workload": {"name": "one", "kinds": ["a", "b"], "bits": {"a": 8, "b": 8}, "ops": [{
            "name": "op", "stage": "forward", "action": "multiply_accumulate", "ranks": {"m": 4, "k": 4},
            "compute": "Z[m] += A[m,k]", "tensors": {"A": {"kind": "a"}, "Z": {"kind": "b"}}}]}}  # fmt: skip
        setting = setting_of(arch, workload)
        frames = [
            frame_of(s, setting.machine, Constraints(), False)
            for s in skeletons(setting.arch, setting.workload.ops[0], setting.machine.prices, Constraints())
        ]
        kept[name] = [tuple(m for m in f.skeleton.keeps if m != "DRAM") for f in different(frames)]
    assert sorted(kept["free"]) == [(), ("spad0",)]  # either spad alone is as good as the other, and as both
    assert sorted(kept["narrow"]) == [(), ("spad0",), ("spad0", "spad1"), ("spad1",)]
