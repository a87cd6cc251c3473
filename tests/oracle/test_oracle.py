"""The oracle against the worked example of counting.md, timeloop-model, and the conservation laws of its section 4."""

from __future__ import annotations

import random
import re
from collections import Counter
from itertools import pairwise
from math import prod
from pathlib import Path
from typing import Any

import pytest
import yaml

from . import timeloop
from .brute import Stay, Windows, count, element_at, existing_points, walk
from .problem import Dim, Problem, Tensor
from .random_problems import random_problem, to_yaml

VARIANTS: list[dict[str, Any]] = [{}, {"inner_homes": True}, {"negative": True, "idle": False}]


def drawn(number: int, **options: Any) -> list[Problem]:
    """Return the same random problems every time."""
    return [random_problem(random.Random(seed), **options) for seed in range(number)]


def worked_example(multicast: str = "tile") -> Problem:
    """Return the example at the end of section 3."""
    tensors = (
        Tensor("W", "input", (Dim({"k": 1}, 0, 2), Dim({"r": 1}, 0, 3))),
        Tensor("I", "input", (Dim({"p": 1, "r": 1}, -1, 5),)),
        Tensor("O", "output", (Dim({"k": 1}, 0, 2), Dim({"p": 1}, 0, 5))),
    )
    nest = (
        ("memory", "DRAM", ("W", "I", "O")),
        ("loop", "k", 2),
        ("loop", "p", 3),
        ("memory", "GLB", ("I", "O")),
        ("array", "PEs", multicast, True, (("p", 2),)),
        ("memory", "spad", ("W", "I")),
        ("loop", "r", 3),
        ("compute",),
    )
    return Problem({"k": 2, "p": 5, "r": 3}, tensors, nest)


def test_worked_example() -> None:
    """Exactly the table of the page: what it does not list is zero."""
    result = count(worked_example())
    assert result["computes"] == 30
    listed = {
        ("DRAM", "I"): {"reads": 10, "tile": 5},
        ("DRAM", "W"): {"reads": 6, "tile": 6},
        ("DRAM", "O"): {"updates": 10, "tile": 10},
        ("GLB", "I"): {"fills": 10, "reads": 20, "tile": 4},
        ("GLB", "O"): {"reads": 20, "updates": 30, "drains": 10, "tile": 2},
        ("spad", "I"): {"fills": 20, "reads": 26, "tile": 3, "instances": 2},
        ("spad", "W"): {"fills": 12, "reads": 30, "tile": 3, "instances": 2},
    }
    zero = {"fills": 0, "reads": 0, "updates": 0, "drains": 0, "merge_reads": 0, "instances": 1}
    assert result["counts"] == {key: zero | row for key, row in listed.items()}
    assert count(worked_example("element"))["counts"]["GLB", "I"]["reads"] == 14


@pytest.mark.parametrize("path", timeloop.cases(), ids=lambda path: path.stem)
def test_timeloop(path: Path) -> None:
    """Reads (with merge reads), fills, updates, tile, instances and computes as timeloop-model gives them."""
    problem, expected, computes = timeloop.load(path)
    result = count(problem)
    assert timeloop.as_timeloop(result["counts"]) == expected
    assert result["computes"] == computes


def test_timeloop_cases_are_all_there() -> None:
    """None of the cases got lost."""
    assert len(timeloop.cases()) == 78


@pytest.mark.parametrize("options", VARIANTS, ids=str)
def test_conservation(options: dict[str, Any]) -> None:
    """Section 4, on every link of random problems."""
    for problem in drawn(600, **options):
        result = walk(problem)
        counts = result["counts"]
        assert result["computes"] == prod(problem.ranks.values())
        for tensor in problem.tensors:
            valueless = None  # arrivals without a value at the parent, by the laws alone
            for (parent, child, name), link in result["links"].items():
                if name != tensor.name:
                    continue
                above, below = counts[parent, name], counts.get((child, name))
                if tensor.role == "input":
                    assert link["arrivals"] >= above["reads"]
                    if not shared(problem, parent, child):
                        assert link["arrivals"] == above["reads"]
                    assert above["updates"] == above["merge_reads"] == above["drains"] == 0
                    assert below is None or below["fills"] == link["arrivals"]
                    continue
                if valueless is None:
                    valueless = 0 if tensor.initialised else link["parent_arrivals"]
                assert link["parent_valueless"] == valueless
                assert above["reads"] == link["distinct"] - valueless
                valueless = link["arrivals"] - above["reads"]
                assert link["valueless"] == valueless
                if below:
                    assert below["fills"] == above["reads"]
                    assert below["drains"] == link["arrivals"]  # all that arrives departs
                    assert above["updates"] <= below["drains"]
                assert above["merge_reads"] <= above["updates"]


def shared(problem: Problem, parent: str, child: str) -> bool:
    """Whether any array with more than one lane and sharing stands between two members of a chain."""
    names = ["compute" if node[0] == "compute" else node[1] for node in problem.nest]
    between = problem.nest[names.index(parent) : names.index(child)]
    return any(n[0] == "array" and n[2] != "none" and any(f > 1 for _, f in n[4]) for n in between)


def test_permuting_loops_that_do_not_move_a_tensor() -> None:
    """Swapping loops that do not index a tensor, inside the innermost one that does, changes nothing for it."""
    swaps = 0
    for problem in drawn(300):
        before = count(problem)["counts"]
        for at, (one, two) in enumerate(pairwise(problem.nest)):
            if one[0] != "loop" or two[0] != "loop" or one[1] == two[1] or min(one[2], two[2]) == 1:
                continue
            still = [
                t.name
                for t in problem.tensors
                if not {one[1], two[1]} & t.ranks
                and not any(n[0] == "loop" and n[2] > 1 and n[1] in t.ranks for n in problem.nest[at + 2 :])
            ]
            if still:
                nest = (*problem.nest[:at], two, one, *problem.nest[at + 2 :])
                after = count(Problem(problem.ranks, problem.tensors, nest))["counts"]
                assert all(after[key] == row for key, row in before.items() if key[1] in still)
                swaps += 1
    assert swaps > 20


def test_which_child_gets_the_old_value_does_not_matter() -> None:
    """Any of the children at which an element arrives may be the one that is filled: the counts are the same."""
    for problem in drawn(300):
        assert count(problem, receiver=max) == count(problem)


def test_inner_homes_occur() -> None:
    """With the flag, tensors of both roles live further in, and nothing is counted above."""
    homes: Counter[str] = Counter()
    for problem in drawn(300, inner_homes=True):
        counts = count(problem)["counts"]
        for tensor in problem.tensors:
            home = problem.chain(tensor.name)[0]
            homes[tensor.role] += home > 0
            row = counts[problem.nest[home][1], tensor.name]
            assert row["fills"] == row["drains"] == 0
    assert min(homes["input"], homes["output"]) > 20


def test_tiles_are_products() -> None:
    """A tile is the product of its windows where every rank exists, and empty where one does not (section 5)."""
    for problem in drawn(150, negative=True):
        points = existing_points(problem)
        for tensor in problem.tensors:
            touched = [(indices, element_at(tensor, ranks)) for indices, ranks in points]
            for at in problem.chain(tensor.name):
                stay = Stay.of(problem, tensor, at, touched)
                windows = Windows(problem, tensor, stay)
                for instance in stay.held:
                    for step in range(len(stay.steps)):
                        sides, exist = windows.at(step, instance)
                        size = prod(len(side) for side in sides) if all(exist) else 0
                        assert len(stay.held[instance].get(step, ())) == size


def test_yaml_says_the_same() -> None:
    """The op and the nest survive in the user's formats."""
    for problem in drawn(300, negative=True):
        arch, workload, mapping = (yaml.safe_load(text) for text in to_yaml(problem))
        op = workload["workload"]["ops"][0]
        assert op["ranks"] == problem.ranks
        accesses = dict(re.findall(r"(\w+)\[([^\]]*)\]", op["compute"]))
        assert set(accesses) == {t.name for t in problem.tensors}
        for tensor in problem.tensors:
            for text, dim in zip(accesses[tensor.name].split(","), tensor.dims, strict=True):
                for trial in range(3):
                    values = {rank: random.Random(trial).randint(0, 9) for rank in dim.ranks}
                    assert eval(text, {}, values) == dim.offset + sum(c * values[r] for r, c in dim.ranks.items())
        nodes = [next(iter(entry.items()))[:2] for entry in arch["arch"]["nodes"]]
        assert nodes == [(n[0], n[1]) for n in problem.nest if n[0] in ("memory", "array")] + [("compute", "MAC")]
        loops = []
        for entry in mapping["mapping"][0]["nest"]:
            text = ", ".join(str(entry[key]) for key in ("for", "x", "y") if key in entry)
            loops += [tuple(loop.split()) for loop in text.split(", ") if loop]
        assert loops == [(loop.rank, str(loop.factor)) for loop in problem.loops]


def test_random_problems_cover_the_features() -> None:
    """Every feature of the rules occurs often enough to be tested."""
    seen: Counter[str] = Counter()
    for problem in drawn(1000):
        seen.update(features(problem))
    assert all(seen[feature] >= 10 for feature in FEATURES), seen


FEATURES = [
    "4 memories",
    "bypass",
    "keeps nothing",
    "same rank spatial twice",
    "two arrays on a link",
    "none",
    "tile",
    "element",
    "reduce",
    "no reduce",
    "ragged",
    "idle lane",
    "padding",
    "clipped",
    "stride beyond kernel",
    "dilation",
    "output window",
    "three ranks",
    "initialised",
    "two outputs",
    "three inputs",
    "factor 1",
    "repeated in a row",
    "array between memories",
    "array at compute",
    "merge reads",
    "returning",
    "loops below an array",
    "shifted",
]


def features(problem: Problem) -> set[str]:
    """Name the features a problem has."""
    kinds = [node[0] for node in problem.nest]
    memories = [node for node in problem.nest if node[0] == "memory"]
    arrays = [node for node in problem.nest if node[0] == "array"]
    windows = [d for t in problem.tensors for d in t.dims if len(d.ranks) > 1]
    spans = [(d, *d.span(problem.ranks)) for t in problem.tensors for d in t.dims]
    rows = count(problem)["counts"].values()
    outputs = [t for t in problem.tensors if t.role == "output"]
    product = Counter(dict.fromkeys(problem.ranks, 1))
    for loop in problem.loops:
        product[loop.rank] *= loop.factor
    text = " ".join(kinds)
    has = {
        "4 memories": len(memories) == 4,
        "bypass": any(0 < len(m[2]) < len(problem.tensors) for m in memories),
        "keeps nothing": any(not m[2] for m in memories),
        "same rank spatial twice": any(len(a[4]) == 2 and a[4][0][0] == a[4][1][0] for a in arrays),
        "two arrays on a link": "array array" in text,
        "reduce": any(a[3] for a in arrays),
        "no reduce": any(not a[3] for a in arrays),
        "ragged": any(product[rank] > bound for rank, bound in problem.ranks.items()),
        "idle lane": any(loop.factor * loop.stride >= problem.ranks[loop.rank] + loop.stride for loop in problem.loops),
        "padding": any(low < 0 and d in windows for d, low, _ in spans),
        "clipped": any(high >= d.size for d, _, high in spans),
        "shifted": any(low < 0 and d not in windows for d, low, _ in spans),
        "stride beyond kernel": any(d.ranks.get("p", 1) > problem.ranks.get("r", 9) for d in windows if "r" in d.ranks),
        "dilation": any(d.ranks.get("r", 1) > 1 for d in windows),
        "output window": any(len(d.ranks) > 1 for t in outputs for d in t.dims),
        "three ranks": any(len(d.ranks) > 2 for d in windows),
        "initialised": any(t.initialised for t in outputs),
        "two outputs": len(outputs) > 1,
        "three inputs": len(problem.tensors) - len(outputs) > 2,
        "factor 1": any(loop.factor == 1 for loop in problem.loops),
        "repeated in a row": any(a[0] == b[0] == "loop" and a[1] == b[1] for a, b in pairwise(problem.nest)),
        "array between memories": "array memory" in text,
        "array at compute": "array compute" in text,
        "loops below an array": "array loop" in text,
        "merge reads": any(row["merge_reads"] for row in rows),
        "returning": any(row["reads"] and row["updates"] for row in rows),
    }
    return {name for name, there in has.items() if there} | {a[2] for a in arrays}
