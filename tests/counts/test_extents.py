"""How long tiles are in each dimension, against the literal tiles of the oracle."""

from __future__ import annotations

import random
from math import prod

import pytest

from sata.counts.dense.extents import extents
from tests.oracle.brute import count as brute
from tests.oracle.problem import Problem
from tests.oracle.product import structure_of
from tests.oracle.random_problems import random_problem

BLOCK = 50


def found_in(problem: Problem) -> dict[tuple[str, str], tuple[int, ...]]:
    structure, factors, memories = structure_of(problem)
    each = extents(structure, factors)
    return {(memories[m], tensor.name): lengths
            for tensor, operand, rows in zip(problem.tensors, structure.operands, each, strict=True)
            for m, lengths in zip(operand.chain, rows, strict=True)}  # fmt: skip


@pytest.mark.parametrize("block", range(8))
def test_they_make_the_largest_tile(block: int) -> None:
    """Windows, padding, ragged loops, lanes: a tile is a product, and the largest one of the longest sides."""
    for seed in range(block * BLOCK, (block + 1) * BLOCK):
        problem = random_problem(random.Random(seed + 7 * 10**6))
        wanted = brute(problem)["counts"]
        for key, lengths in found_in(problem).items():
            assert prod(lengths) == wanted[key]["tile"], (key, problem)


def test_each_side_is_its_own() -> None:
    """A problem with two tensors of two dimensions: no side stands for the other."""
    seen = 0
    for seed in range(400):
        problem = random_problem(random.Random(seed + 8 * 10**6))
        for (_, name), lengths in found_in(problem).items():
            (tensor,) = (t for t in problem.tensors if t.name == name)
            assert len(lengths) == len(tensor.dims)
            assert all(0 <= n <= d.size for n, d in zip(lengths, tensor.dims, strict=True))
            seen += len(set(lengths)) > 1
    assert seen > 100
