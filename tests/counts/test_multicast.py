"""`multicast` of several arrays: `element` never reads more than `tile`, for all ways to say either, and the rule itself.

`SATA_MULTICAST_PROBLEMS` sets how many random problems (default 60; a long check runs 10000).
"""

from __future__ import annotations

import os
import random
from dataclasses import replace
from itertools import product

import pytest

import sata
from sata.search.model.enumerate import enumerate_scores
from sata.search.model.problem import problem_of
from sata.search.run.setup import setup_of
from sata.search.space.storage_templates import Constraints, storage_templates
from tests.oracle.brute import count as brute
from tests.oracle.problem import Problem
from tests.oracle.product import product_counts
from tests.oracle.random_problems import random_problem
from tests.search.problems import few_nests, window_problem
from tests.search.test_search import searched

PROBLEMS = int(os.environ.get("SATA_MULTICAST_PROBLEMS", "60"))


def said(problem: Problem, words: tuple[str, ...]) -> Problem:
    """The problem with other words for its arrays."""
    left = iter(words)
    return replace(problem, nest=tuple((*n[:2], next(left), *n[3:]) if n[0] == "array" else n for n in problem.nest))


def reads(problem: Problem, counts: dict[tuple[str, str], dict[str, int]]) -> dict[tuple[str, str], int]:
    inputs = {t.name for t in problem.tensors if t.role == "input"}
    return {key: row["reads"] for key, row in counts.items() if key[1] in inputs}


def arrays_of(problem: Problem) -> int:
    return sum(n[0] == "array" for n in problem.nest)


@pytest.mark.parametrize("block", range(4))
def test_element_never_reads_more_than_tile(block: int) -> None:
    """Where arrays say `element` instead of `tile`, every memory has as many reads or fewer."""
    rng, compared = random.Random(block), 0
    while compared < PROBLEMS // 4:
        problem = random_problem(rng)
        number = arrays_of(problem)
        if number < 2:
            continue
        compared += 1
        found = {
            words: reads(problem, product_counts(said(problem, words)))
            for words in product(("none", "tile", "element"), repeat=number)
        }
        words = rng.choice([w for w in found if {"tile", "element"} <= set(w)])
        mixed = said(problem, words)
        assert product_counts(mixed) == brute(mixed)["counts"]
        for words, row in found.items():
            dearer = found[tuple(word.replace("element", "tile") for word in words)]
            assert all(row[key] <= dearer[key] for key in row), (problem, words)


ROWS = """
variables: {columns: tile, rows: tile}
arch:
  libraries: [book]
  nodes:
  - {memory: GLB, class: any}
  - {array: columns, shape: {x: 4}, multicast: "{{ columns }}", reduce: true}
  - {array: rows, shape: {y: 3}, multicast: "{{ rows }}", reduce: true}
  - {memory: spad, class: any}
  - {compute: PE, class: any}
workload:
  bits: {weight: 8, activation: 8, current: 8}
  ops:
  - {name: a, action: mac, ranks: {p: 4, r: 3}, compute: "O[p] += W[r] * I[p+r]",
     tensors: {I: {kind: activation}, W: {kind: weight}, O: {kind: current}}}
mapping:
- {ops: a, nest: [{memory: GLB}, {array: columns, x: p 4}, {array: rows, y: r 3}, {memory: spad}, {compute: PE}]}
library:
  name: book
  components: [{class: any, energy: {read: 1 pJ, write: 1 pJ, mac: 1 pJ}}]
"""


@pytest.mark.parametrize("columns", ["tile", "element"])
@pytest.mark.parametrize("rows", ["tile", "element"])
def test_a_diagonal_over_two_arrays(columns: str, rows: str) -> None:
    """I[p+r] for 4 x 3 lanes of one element each: 6 elements, whichever way the arrays share them."""
    result = sata.evaluate(ROWS, columns=columns, rows=rows)
    assert next(t["reads"] for t in result.traffic if (t["memory"], t["tensor"]) == ("GLB", "I")) == 6


@pytest.mark.parametrize("seed", range(2))
def test_search_counts_the_lesser(seed: int) -> None:
    """Windows below two arrays, one of each word: the search finds what plain enumeration does."""
    rng = random.Random(seed)
    while True:
        arch, workload = window_problem(rng)
        nodes = [n for n in arch["arch"]["nodes"] if "array" in n]
        if len(nodes) < 2:
            continue
        for node, word in zip(nodes, ("tile", "element"), strict=False):
            node["multicast"] = word
        setting = setup_of(arch, workload)
        op, asked = setting.workload.ops[0], Constraints()
        ways = storage_templates(setting.arch, op, setting.machine.prices, asked)
        frames = [problem_of(s, setting.machine, asked, False) for s in ways]
        if few_nests(frames, 300):
            break
    points = [energy for frame in frames for _, energy, _ in enumerate_scores(frame)]
    found, _ = searched(frames, "energy")
    assert min((e for e, _ in found), default=None) == pytest.approx(min(points, default=None), rel=1e-9)
