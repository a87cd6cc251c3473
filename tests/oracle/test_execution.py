"""The execution by hand and on random nests, and the closed form where it has to be the execution to the digit."""

from __future__ import annotations

import random

import pytest

from .execution import Machine, Passed, Store, execute, execute_group
from .problem import Dim, Problem, Tensor
from .random_machines import is_regular, random_case
from .timed import closed_form
from .transfers import transfers


def words(tiles: int) -> Problem:
    """1,024 words of A in tiles, a step a word."""
    size = 1024 // tiles
    tensors = (
        Tensor("A", "input", (Dim({"m": 1}, 0, tiles), Dim({"k": 1}, 0, size))),
        Tensor("Z", "output", (Dim({"m": 1}, 0, tiles),)),
    )
    return Problem({"m": tiles, "k": size}, tensors, (
        ("memory", "far", ("A", "Z")), ("loop", "m", tiles), ("memory", "near", ("A",)), ("loop", "k", size),
        ("compute",),
    ))  # fmt: skip


@pytest.mark.parametrize(
    "tiles, buffers, cycles",
    [(1, 1, 2048), (1, 2, 2048), (4, 1, 2048), (4, 2, 1280), (16, 1, 2048), (16, 2, 1088)],
)
def test_a_thousand_words(tiles: int, buffers: int, cycles: int) -> None:
    machine = Machine({"far": Store(), "near": Store(write=8, buffers=buffers)}, {"A": 8, "Z": 8})
    assert execute(words(tiles), machine).cycles == cycles
    assert closed_form(words(tiles), machine) == cycles


def fused(tiles: int) -> tuple[Problem, Problem]:
    """Two ops of 8 x 8 steps; the first makes X, which the second takes, tile by tile."""
    size = 8 // tiles
    ops = []
    for rank, role in (("c", "output"), ("j", "input")):
        nest = (
            ("memory", "far", ()), ("loop", "k", tiles), ("memory", "near", ("X",)), ("loop", "k", size),
            ("loop", rank, 8), ("compute",),
        )  # fmt: skip
        ops.append(Problem({"k": 8, rank: 8}, (Tensor("X", role, (Dim({"k": 1}, 0, 8),)),), nest))
    return ops[0], ops[1]


@pytest.mark.parametrize(
    "tiles, buffers, cycles", [(1, 2, 128), (2, 2, 96), (4, 2, 80), (8, 2, 72), (1, 1, 128), (8, 1, 128)]
)
def test_fused_ops_are_a_pipeline(tiles: int, buffers: int, cycles: int) -> None:
    machine = Machine({"far": Store(), "near": Store(buffers=buffers)}, {"X": 8})
    passed = [Passed(0, 1, "X")]
    assert execute_group(fused(tiles), machine, ["PE", "NU"], 1, passed).cycles == cycles
    assert execute_group(fused(tiles), machine, ["PE", "PE"], 1, passed).cycles == 128


def test_transfers_of_fused_ops_share_ports() -> None:
    """Both ops read X at one port of 8 b a cycle: 64 reads by the second, 64 merges and writes by the first."""
    machine = Machine({"far": Store(), "near": Store(read=8, write=8, shared=True, buffers=2)}, {"X": 8})
    found = execute_group(fused(8), machine, ["PE", "NU"], 1, [Passed(0, 1, "X")])
    assert found.busy["near", (), "read"] == 64 + 64 + 56  # reads; updates; old values
    assert found.cycles >= 64 + 64 + 56


def test_old_values_wait_for_their_drain() -> None:
    """Z[1] of 4 words comes and goes for each of 2 k: 4 out, 4 in again, 4 out; a place is free, the values are not."""
    problem = Problem(
        {"k": 2, "m": 8},
        (Tensor("Z", "output", (Dim({"m": 1}, 0, 8),)),),
        (("memory", "far", ("Z",)), ("loop", "k", 2), ("loop", "m", 2), ("memory", "near", ("Z",)), ("loop", "m", 4),
         ("compute",)),
    )  # fmt: skip
    machine = Machine({"far": Store(read=1, write=1), "near": Store(buffers=2)}, {"Z": 1})
    # steps 0-4, 4-8; drains 4-8, 8-12 (write port); fills 8-12, 12-16 (read port); steps 12-16, 16-20; drains 16-24
    assert execute(problem, machine).cycles == 24


@pytest.mark.parametrize("seed", range(20))
def test_an_execution_is_sound(seed: int) -> None:
    """The checks of `execute`: ports do what the counts say, no job is left, the time is no less than its parts."""
    rng = random.Random(seed)
    execute(*random_case(rng, rng.choice([1, 2, 3, None]), rng.choice([0.0, 0.25])))


@pytest.mark.parametrize("seed", range(16))
def test_the_closed_form_to_the_digit(seed: int) -> None:
    """One buffer, one memory between the home and the compute, exact factors, no windows, no old values that return."""
    rng = random.Random(seed)
    problem, machine = random_case(rng, 1, rng.choice([0.0, 0.25]), is_simple)
    assert closed_form(problem, machine) == pytest.approx(float(execute(problem, machine).cycles), rel=1e-12)


def is_simple(problem: Problem) -> bool:
    if sum(node[0] == "memory" for node in problem.nest) > 2 or not is_regular(problem):
        return False
    links = (link for own in transfers(problem).values() for link in own)
    return not any(link.tensor.role == "output" and moves.back for link in links for moves in link.moves)
