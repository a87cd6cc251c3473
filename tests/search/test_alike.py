"""Storage templates that are not searched: for each of their nests, another storage template that is searched has one
as good."""

from __future__ import annotations

import random
from typing import Any

import pytest

from sata.search.model.enumerate import enumerate_scores
from sata.search.model.equivalent import without_equivalents
from sata.search.model.problem import SearchProblem, problem_of
from sata.search.run.setup import setup_of
from sata.search.space.storage_templates import Constraints, storage_templates

from .problems import few_nests, random_problem

MOST = 300  # nests of a problem: larger ones are drawn again


def frames_of(seed: int, asked: Constraints | None = None) -> list[SearchProblem]:
    """The storage templates of a problem whose last memory is defined twice or three times, each time free to keep
    anything."""
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
        setting = setup_of(arch, workload)
        asked = asked or Constraints()
        found = [
            problem_of(s, setting.machine, asked, False)
            for s in storage_templates(setting.arch, setting.workload.ops[0], setting.machine.prices, asked)
        ]
        if few_nests(found, MOST):
            return found


@pytest.mark.parametrize("seed", range(7000, 7016))
def test_what_is_left_out_is_no_better(seed: int) -> None:
    problems = frames_of(seed)
    kept = without_equivalents(problems)
    chosen = {id(problem) for problem in kept}
    points = [p[1:] for problem in kept for p in enumerate_scores(problem)]
    for problem in problems:
        for _, energy, cycles in enumerate_scores(problem) if id(problem) not in chosen else ():
            assert any(e <= energy * (1 + 1e-12) and c <= cycles * (1 + 1e-12) for e, c in points)


def test_the_problems_leave_something_out() -> None:
    least_cut = sum(
        len(problems) - len(without_equivalents(problems)) for problems in map(frames_of, range(7000, 7006))
    )
    assert least_cut > 5


def test_memories_asked_for_by_name_are_all_searched() -> None:
    asked = Constraints(factors={"spad0": {"k": (1, 1)}})
    problems = frames_of(7000, asked)
    assert without_equivalents(problems) == problems


def two_spads(kinds: list[str], outer: dict[str, Any], inner: dict[str, Any]) -> list[tuple[tuple[str, ...], ...]]:
    """What is searched of Z[m] += A[m,k] B[k] on two equal spads that are free to keep some kinds: by spad, the tensors
    it keeps. outer, inner: more keys of each."""
    spads = [
        {"memory": f"spad{n}", "class": "spad", "size": "64 b", "keep": [], "may_keep": kinds, **own}
        for n, own in enumerate((outer, inner))
    ]
    arch = {
        "arch": {"name": "two", "clock": "1 GHz", "libraries": ["made_up"],
                 "nodes": [{"memory": "DRAM", "class": "dram"}, *spads, {"compute": "PE", "class": "pe"}]},
        "library": {"name": "made_up", "source": "made up", "components": [
            {"class": "dram", "energy": {"read": "9 pJ", "write": "9 pJ"}, "area": "0 um2", "leakage": "0 mW"},
            {"class": "spad", "energy": {"read": "1 pJ", "write": "1 pJ"}, "area": "0 um2", "leakage": "0 mW"},
            {"class": "pe", "energy": {"multiply_accumulate": "1 pJ"}, "area": "0 um2", "leakage": "0 mW"}]},
    }  # fmt: skip
    workload = {"workload": {"name": "one", "kinds": ["a", "b", "z"], "bits": {"a": 8, "b": 8, "z": 8}, "ops": [{
        "name": "op", "stage": "forward", "action": "multiply_accumulate", "ranks": {"m": 4, "k": 4},
        "compute": "Z[m] += A[m,k] * B[k]",
        "tensors": {"A": {"kind": "a", "density": 0.5}, "B": {"kind": "b"}, "Z": {"kind": "z"}}}]}}  # fmt: skip
    setting = setup_of(arch, workload)
    problems = [
        problem_of(s, setting.machine, Constraints(), False)
        for s in storage_templates(setting.arch, setting.workload.ops[0], setting.machine.prices, Constraints())
    ]
    return sorted(
        tuple(f.template.keeps.get(name, ()) for name in ("spad0", "spad1")) for f in without_equivalents(problems)
    )


def test_a_memory_that_may_be_in_the_way_is_not_left_to_serve_more() -> None:
    """With a port of 1 bit a cycle at the outer spad, what it serves in place of the inner one takes longer."""
    port = {"bandwidth": {"read": "1 b/cycle", "write": "1 b/cycle"}}
    alone, both = ("A",), (("A",), ("A",))
    assert two_spads(["a"], {}, {}) == [((), ()), (alone, ())]  # either alone is as good as the other, and as both
    assert two_spads(["a"], port, {}) == [((), ()), ((), alone), (alone, ()), both]


def test_crowded_tensors_part_but_not_for_a_memory_with_a_format() -> None:
    crowded = (("A", "B"), ())
    assert crowded not in two_spads(["a", "b"], {}, {})
    for name in ("bitmask", "uncompressed"):  # the second has the same least prices, but is not known to have no others
        assert crowded in two_spads(["a", "b"], {}, {"format": {"a": [name], "b": [name]}})
