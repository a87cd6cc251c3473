"""docs/published.md, part (b): every figure it states follows from the result, and the tables in it are those of
today.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

import pytest

from sata.report.result import Result
from tests.published.tile_level import by_tensor, our_energy, ours, paper, paper_words, tables

PAGE = Path(__file__).parents[2] / "docs" / "published.md"
T = 8
WEIGHTS = 1728 + 73_728 + 147_456 + 8_388_608 + 10_240
MACS = 1_769_472 + 18_874_368 + 37_748_736 + 8_388_608 + 10_240  # per time step
FIRING = 65_536 + 32_768 + 32_768 + 1024
INPUTS = 3072 + 16_384 + 32_768 + 8192 + 1024
POOL_INPUTS, POOL_OUTPUTS = 65_536 + 32_768, 16_384 + 8192


@cache
def result() -> Result:
    return ours()


@cache
def words() -> dict[tuple[str, str], dict[str, float]]:
    return by_tensor(result())


def test_the_page_has_the_tables_of_today() -> None:
    assert tables() in PAGE.read_text()


def test_forward_dram() -> None:
    """8 time steps of 1 b are one word."""
    assert words()["forward", "DRAM"] == {
        "W": WEIGHTS,
        "V": T * FIRING,
        "S": INPUTS + POOL_INPUTS + 7 * 8192,  # fc4's inputs for 8 tiles of 128 neurons
        "S'": FIRING + POOL_OUTPUTS,
        "X": 2 * T * (1024 + 10) + 2 * T * 1024,  # 16 b; fc5 has none to read
    }
    given = paper_words(paper())["forward", "DRAM"]
    assert given == WEIGHTS + T * (FIRING + 10) + INPUTS


def test_forward_scratch_pads_read_a_weight_for_every_accumulate() -> None:
    assert words()["forward", "scratch-pads"]["W"] == T * MACS + WEIGHTS


def test_backward_fetches_weights_again() -> None:
    assert words()["backward", "DRAM"]["W"] == WEIGHTS - 1728
    assert paper_words(paper())["backward", "DRAM"] == T * (FIRING + 10) + INPUTS


def test_weight_gradients_never_leave_the_chip() -> None:
    assert words()["weight_gradient", "DRAM"] == {"W": 2 * WEIGHTS, "dU": T * (FIRING + 10), "S": INPUTS + 7 * 8192}
    assert words()["weight_gradient", "buffers"]["dW"] == 2 * WEIGHTS
    assert paper_words(paper())["weight_gradient", "DRAM"] == 2 * WEIGHTS


def test_weight_gradient_scratch_pads() -> None:
    """One dU per accumulate, and its fills; dW once written and read for every eight."""
    found = words()["weight_gradient", "scratch-pads"]
    assert found["dU"] == T * MACS + T * (FIRING + 10)
    assert found["dW"] == 2 * MACS


def test_a_spike_is_read_for_every_accumulate_that_meets_no_padding() -> None:
    """Windows of 3 over n pixels with a border of 1 meet 3 n - 2 pixels; eight 1-bit reads are one access."""
    inside = 3 * 64 * (3 * 32 - 2) ** 2 + (64 + 128) * 128 * (3 * 16 - 2) ** 2 + 8192 * 1024 + 1024 * 10
    reads = [r for r in result().records if (r["component"], r["tensor"], r["action"]) == ("input_spad", "S", "read")]
    assert sum(r["count"] for r in reads if r["stage"] == "forward") == T * inside


def test_backward_compute_is_the_papers() -> None:
    """Ours adds what max pools route; the rest is equal: (1 - 0.814) T MACs and T neurons."""
    energy = our_energy(result())["backward", "compute"]
    given = paper().energy_pj()["spa_SNN", "backward", "compute"]
    assert energy == pytest.approx(given, rel=1e-3)


def test_zeros_gate_and_skip_nothing() -> None:
    """In SATA a zero saves the operation, neither the cycle nor any access."""
    assert {r["outcome"] for r in result().records if r["action"] in ("read", "write")} == {"actual"}
    assert all(op["skipped"] == 0 for op in result().ops)
    gated = {op["op"] for op in result().ops if op["gated"]}
    assert {"conv2.forward", "conv2.backward", "conv2.weight"} <= gated
