"""What moves at each increment, against the literal transfers of random nests."""

from __future__ import annotations

import random
from collections import Counter
from itertools import pairwise
from typing import Any

import pytest

from sata.counts.dense.closed_form import batch_of, count
from sata.counts.dense.increments import Increments, increments_of
from sata.counts.dense.tables import Tables

from .problem import Problem
from .product import structure_of
from .random_machines import is_regular
from .random_problems import random_problem
from .transfers import existing_steps, transfers

EVENTS = {"reads": "reads", "fills": "fills", "updates": "updates", "merge_reads": "merges", "drains": "drains"}


def found_of(problem: Problem) -> Increments:
    structure, factors, _ = structure_of(problem)
    returned = [[memory.reads for memory in chain] for chain in count(structure, factors).tensors]
    return increments_of(Tables(batch_of(structure, factors)[0]), returned)


def first_other(a: tuple[int, ...], b: tuple[int, ...]) -> int:
    return next(n for n, (x, y) in enumerate(zip(a, b, strict=True)) if x != y)


def literal(moves: list[Any], steps: list[tuple[int, ...]], field: str, leaves: bool) -> tuple[int, Counter[int]]:
    """(what moves in the first step, or after the last; per loop what moves at its increments)."""
    each: Counter[int] = Counter()
    for n, (a, b) in enumerate(pairwise(steps)):
        each[first_other(a, b)] += getattr(moves[n if leaves else n + 1], field).total()
    return getattr(moves[-1 if leaves else 0], field).total(), each


def differences(problem: Problem, back: bool) -> list[str]:
    """Where the product has other numbers than the walk. back: whether increments that bring old values are compared."""
    found, wrong = found_of(problem), []
    order = existing_steps(problem)
    often = Counter(first_other(a, b) for a, b in pairwise(order))
    wrong += [f"increments of {j}" for j, n in enumerate(found.increments) if n != often[j]]
    if found.passes[-1] != len(order):
        wrong.append("steps")
    links = transfers(problem)
    for own in found.links:
        tensor = problem.tensors[own.operand]
        link = links[tensor.name][own.place - 1]
        if own.steps != len(link.child.time):
            wrong.append(f"steps of {tensor.name} at {link.child.name}")
        for event, moved in own.events.items():
            if tensor.role == "output" and event in ("reads", "fills") and not back:
                continue
            leaves = event in ("updates", "merge_reads", "drains")
            edge, each = literal(link.moves, link.child.steps, EVENTS[event], leaves)
            if abs(moved.edge - edge) > 1e-9 or any(abs(m - each[j]) > 1e-9 for j, m in enumerate(moved.each)):
                wrong.append(f"{event} of {tensor.name} at {link.child.name}: {moved} instead of {edge}, {each}")
    return wrong


@pytest.mark.parametrize("seed", range(60))
def test_increments_are_those_of_the_walk(seed: int) -> None:
    problem = random_problem(random.Random(seed), points=150)
    assert differences(problem, is_regular(problem)) == []
