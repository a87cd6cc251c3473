"""A batch is an array axis: one mapping alone and a hundred thousand together give identical numbers."""

from __future__ import annotations

import random

import numpy as np
import pytest

from sata.counts.dense.closed_form import CHUNK, count
from sata.counts.dense.memory_counts import FIELDS, DenseCounts
from sata.nest.structure import Axis, Fanout, Operand, Slot, Structure
from tests.oracle.product import structure_of
from tests.oracle.random_problems import random_problem


def other_factors(structure: Structure, rng: random.Random) -> list[int]:
    """Random factors that cover every rank of a structure, exact or ragged."""
    factors = [1] * len(structure.slots)
    for rank, bound in enumerate(structure.bounds):
        stride = 1
        slots = structure.slots_of[rank]
        for slot in reversed(slots[1:]):
            factors[slot] = rng.randint(1, max(1, -(-bound // stride)))
            stride *= factors[slot]
        if slots:
            factors[slots[0]] = -(-bound // stride)
    return factors


def entry(counts: DenseCounts, b: int | None) -> list[int]:
    pick = int if b is None else (lambda n: int(n[b]))
    numbers = [pick(getattr(m, f)) for row in counts.tensors for m in row for f in FIELDS]
    numbers += [pick(a) for row in counts.arrivals for a in row]
    return [*numbers, counts.computes, pick(counts.steps), pick(counts.lanes)]


@pytest.mark.parametrize("block", range(10))
def test_a_batch_equals_its_members(block: int) -> None:
    rng = random.Random(block)
    for seed in range(block * 15, block * 15 + 15):
        structure, factors, _ = structure_of(random_problem(random.Random(seed)))
        members = [factors, *(other_factors(structure, rng) for _ in range(6))]
        batch = count(structure, np.array(members).T)
        for b, member in enumerate(members):
            assert entry(batch, b) == entry(count(structure, member), None)


def conv(spatial: tuple[int, ...] = (1, 2)) -> tuple[Structure, list[int]]:
    """A 3x3 convolution with padding on four memories: t 4, k 8, c 4, p 8, q 8, r 3, s 3."""
    bounds = (4, 8, 4, 8, 8, 3, 3)
    slots = [Slot(r) for _ in range(3) for r in range(7)] + [Slot(r, 0) for r in spatial] + [Slot(r) for r in range(7)]
    depths = (0, 7, 14, 21 + len(spatial))
    one = lambda r: Axis((r,), (1,), 0, bounds[r])  # noqa: E731
    window = lambda p, r: Axis((p, r), (1, 1), -1, 8)  # noqa: E731
    operands = (
        Operand((one(1), one(2), one(5), one(6)), False, (0, 1, 3)),
        Operand((one(0), one(2), window(3, 5), window(4, 6)), False, (0, 2, 3)),
        Operand((one(0), one(1), one(3), one(4)), True, (0, 1, 2, 3)),
    )
    return Structure(bounds, tuple(slots), depths, (Fanout("tile", True),), operands), [1] * len(slots)


def test_one_hundred_thousand_together() -> None:
    """More than one chunk; every 997th is compared with a count of its own."""
    structure, _ = conv()
    rng = random.Random(5)
    some = [other_factors(structure, rng) for _ in range(500)]
    order = np.random.default_rng(5).integers(0, len(some), 100_000)
    assert len(order) > 3 * CHUNK
    batch = count(structure, np.array(some).T[:, order])
    alone = [entry(count(structure, member), None) for member in some]
    for b in range(0, len(order), 997):
        assert entry(batch, b) == alone[order[b]]


def test_a_batch_of_one_has_an_axis() -> None:
    structure, _ = conv()
    member = other_factors(structure, random.Random(1))
    assert count(structure, np.array([member]).T).steps.shape == (1,)
