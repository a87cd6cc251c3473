"""The sparse oracle's exact expectations against timeloop-model's sparse cases: equal, or explained, and how much."""

from __future__ import annotations

from math import ceil, floor, prod
from pathlib import Path

import pytest

from .brute import count
from .expected import uniform
from .sparse import OUTCOMES, Sparsity
from .timeloop_sparse import (
    BLOCK,
    DIFFERENCES,
    FORMAT,
    LANES,
    ROUNDED,
    VANISHED,
    TimeloopCase,
    cases,
    compared,
    differing,
    latched,
    load,
    ours,
)

EACH = pytest.mark.parametrize("path", cases(), ids=lambda path: path.stem)


def test_cases_are_all_there() -> None:
    """None got lost, and each has its notes."""
    assert [path.stem for path in cases()] == list(DIFFERENCES)
    assert len(cases()) == 17


@EACH
def test_equal_or_explained(path: Path) -> None:
    """Nothing differs by one or more but what the notes name, and every note is still needed."""
    case = load(path)
    found = differing(case)
    assert not [cell for cell, (_, _, why) in found.items() if why is None]
    assert {why for _, _, why in found.values()} == set(DIFFERENCES[case.name].values())
    assert len(compared(case)) >= 1 + 3 * 2 * 3  # `actual` of every event of three tensors at two memories


@EACH
def test_dense_counts_agree(path: Path) -> None:
    """Our three outcomes sum to what timeloop-model calls algorithmic, but for the partial sums of four lanes."""
    case = load(path)
    found = ours(case)
    for event, theirs in case.dense.items():
        mine = sum(found[(*event, outcome)] for outcome in OUTCOMES)
        if case.name == "s25_spatial_k_gate" and event in (("RF", "Z", "reads"), ("RF", "Z", "fills")):
            assert theirs - mine == pytest.approx(3 * 64)  # 64 come back, to one lane instead of four
        else:
            assert mine == pytest.approx(theirs)


@EACH
def test_the_explanations_explain_how_much(path: Path) -> None:
    """Each reason, as a number."""
    case = load(path)
    blocks = differing(latched(case)) if case.name == "s31_block_gate" else {}
    for cell, (mine, theirs, why) in differing(case).items():
        if why == FORMAT:
            assert theirs == ceil(mine * case.densities[cell[1]] / not_empty(case, *cell[:2]) - 1e-12)
        elif why == ROUNDED:
            assert abs(theirs - mine) < 2
        elif why == VANISHED:
            actual, left = ours(case)[*cell[:3], "actual"], left_by_outer_rules(case, cell[0])
            assert theirs == floor(left - actual)
            assert case.theirs[*cell[:3], "actual"] == ceil(left) - theirs
        elif why == LANES:
            assert theirs - mine == 192
        else:
            assert why == BLOCK
            assert cell not in blocks or abs(blocks[cell][0] - theirs) < 2


def not_empty(case: TimeloopCase, memory: str, tensor: str) -> float:
    """Return the chance that a tile of a tensor at a memory is not empty."""
    number = count(case.problem)["counts"][memory, tensor]["tile"]
    found = next(t for t in case.problem.tensors if t.name == tensor)
    assert number <= prod(dim.size for dim in found.dims)
    elements = frozenset((n, n) for n in range(number))  # any: only their number matters
    return 1 - uniform(found, case.densities[tensor], rounded_up=True)(elements)


def left_by_outer_rules(case: TimeloopCase, memory: str) -> float:
    """Return the reads of W at a memory that the rules further out leave."""
    rules = tuple(rule for rule in case.sparsity.rules if rule.memory != memory)
    found = ours(TimeloopCase(case.name, case.problem, Sparsity(rules), case.densities, {}, {}))
    return found[memory, "W", "reads", "actual"]
