"""The closed form against the literal definitions, on random small problems: equal, with no tolerance."""

from __future__ import annotations

import random

import pytest

from tests.oracle import timeloop
from tests.oracle.brute import count as brute
from tests.oracle.problem import Dim, Problem, Tensor
from tests.oracle.product import product_counts, yaml_counts
from tests.oracle.random_problems import random_problem, to_yaml

BLOCK = 100  # problems per test: 32 blocks, 3,200 problems, and 400 more with signs and inner homes


def differences(problem: Problem) -> list[str]:
    expected, found = brute(problem)["counts"], product_counts(problem)
    assert expected.keys() == found.keys()
    return [
        f"{key} {field}: {expected[key][field]} expected, {found[key][field]} found in {problem}"
        for key in expected
        for field in expected[key]
        if expected[key][field] != found[key][field]
    ]


@pytest.mark.parametrize("block", range(32))
def test_random_problems(block: int) -> None:
    for seed in range(block * BLOCK, (block + 1) * BLOCK):
        assert differences(random_problem(random.Random(seed))) == []


@pytest.mark.parametrize("block", range(4))
def test_negative_coefficients_and_homes_further_in(block: int) -> None:
    for seed in range(block * BLOCK, (block + 1) * BLOCK):
        assert differences(random_problem(random.Random(seed + 10**6), negative=True, inner_homes=True)) == []


@pytest.mark.parametrize("block", range(5))
def test_through_the_yaml_that_users_write(block: int) -> None:
    for seed in range(block * 50, (block + 1) * 50):
        problem = random_problem(random.Random(seed + 2 * 10**6), idle=False)
        expected = brute(problem)
        assert yaml_counts(to_yaml(problem)) == (expected["counts"], expected["computes"])


@pytest.mark.parametrize("case", timeloop.cases(), ids=lambda path: path.stem)
def test_timeloop(case: timeloop.Path) -> None:
    problem, expected, computes = timeloop.load(case)
    assert timeloop.as_timeloop(product_counts(problem)) == expected
    table, found = yaml_counts(to_yaml(problem))
    assert timeloop.as_timeloop(table) == expected
    assert found == computes


def test_there_are_78_timeloop_cases() -> None:
    assert len(timeloop.cases()) == 78


def test_the_worked_example_of_the_definitions() -> None:
    """docs/counting.md: O[k,p] += W[k,r] * I[p+r-1], k 2, p 5, r 3, I of size 5."""
    nest = (
        ("memory", "DRAM", ("O", "W", "I")),
        ("loop", "k", 2),
        ("loop", "p", 3),
        ("memory", "GLB", ("I", "O")),
        ("array", "PEs", "tile", True, (("p", 2),)),
        ("memory", "spad", ("W", "I")),
        ("loop", "r", 3),
        ("compute",),
    )
    tensors = (
        Tensor("O", "output", (Dim({"k": 1}, 0, 2), Dim({"p": 1}, 0, 5))),
        Tensor("W", "input", (Dim({"k": 1}, 0, 2), Dim({"r": 1}, 0, 3))),
        Tensor("I", "input", (Dim({"p": 1, "r": 1}, -1, 5),)),
    )
    found = product_counts(Problem({"k": 2, "p": 5, "r": 3}, tensors, nest))
    nothing = {"fills": 0, "reads": 0, "updates": 0, "drains": 0, "merge_reads": 0}
    assert found["DRAM", "I"] == nothing | {"reads": 10, "tile": 5, "instances": 1}
    assert found["DRAM", "W"] == nothing | {"reads": 6, "tile": 6, "instances": 1}
    assert found["DRAM", "O"] == nothing | {"updates": 10, "tile": 10, "instances": 1}
    assert found["GLB", "I"] == nothing | {"fills": 10, "reads": 20, "tile": 4, "instances": 1}
    assert found["GLB", "O"] == nothing | {"reads": 20, "updates": 30, "drains": 10, "tile": 2, "instances": 1}
    assert found["spad", "I"] == nothing | {"fills": 20, "reads": 26, "tile": 3, "instances": 2}
    assert found["spad", "W"] == nothing | {"fills": 12, "reads": 30, "tile": 3, "instances": 2}
    by_element = tuple((*n[:2], "element", *n[3:]) if n[0] == "array" else n for n in nest)
    assert product_counts(Problem({"k": 2, "p": 5, "r": 3}, tensors, by_element))["GLB", "I"]["reads"] == 14
