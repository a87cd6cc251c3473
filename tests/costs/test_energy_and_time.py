"""Energy and time of counts, by hand, for numbers and for a batch."""

from __future__ import annotations

import numpy as np
import pytest

from sata.costs import energy, time
from sata.costs.evaluate import Price
from sata.specs.model import Bandwidth

SRAM = Price("sram", "book", {"width": 64}, {"read": 5.0, "write": 4.0, "gated_read": 1.0}, {"read": 1}, None, None, {})
PLAIN = Price("buffer", "book", {}, {"read": 5.0, "write": 4.0, "metadata_read": 0.5}, {}, None, None, {})


@pytest.mark.parametrize(
    ("event", "each"), [("reads", 5), ("drains", 5), ("merge_reads", 5), ("fills", 4), ("updates", 4)]
)
def test_events_are_actions(event: str, each: float) -> None:
    assert energy.access_energy_pj(10, 64, SRAM, event) == 10 * each


def test_an_access_moves_width_bits() -> None:
    assert energy.access_energy_pj(80, 8, SRAM, "reads") == 10 * 5  # the class's width: eight elements an access
    assert energy.access_energy_pj(80, 8, SRAM, "reads", width_bits=32) == 20 * 5
    assert energy.access_energy_pj(80, 1, SRAM, "reads", packed=False) == 80 * 5  # a whole access for every element
    assert energy.access_energy_pj(10, 100, SRAM, "reads", packed=False) == 20 * 5
    assert energy.access_energy_pj(10, 100, PLAIN, "reads") == 50  # no width anywhere: one element an access


def test_outcomes() -> None:
    assert energy.access_energy_pj(10, 64, SRAM, "reads", outcome="gated") == 10
    assert energy.access_energy_pj(10, 64, SRAM, "fills", outcome="gated") == 0
    assert energy.access_energy_pj(10, 64, SRAM, "reads", outcome="skipped") == 0
    assert energy.compute_energy_pj(3, PLAIN, "read") == 15
    with pytest.raises(KeyError, match="accumulate"):
        energy.compute_energy_pj(3, PLAIN, "accumulate")
    assert energy.compute_energy_pj(3, PLAIN, "accumulate", "gated") == 0


def test_metadata_falls_back() -> None:
    assert energy.access_energy_pj(128, 1, SRAM, "metadata_reads", outcome="metadata") == 2 * 5
    assert energy.access_energy_pj(128, 1, PLAIN, "metadata_reads", outcome="metadata") == 64
    assert energy.access_energy_pj(128, 1, SRAM, "metadata_writes", outcome="metadata") == 2 * 4


def test_hops_and_deliveries() -> None:
    link = Price("link", "book", {"width": 8}, {"deliver": 2.0, "hop": 1.0}, {}, None, None, {})
    assert energy.wire_energy_pj(10, 16, link, "deliver") == 20 * 2
    assert energy.wire_energy_pj(30, 16, link, "hop") == 60 * 1
    assert energy.wire_energy_pj(30, 16, link, "hop", "gated") == 0
    only = Price("link", "book", {}, {"deliver": 2.0}, {}, None, None, {})
    assert energy.wire_energy_pj(10, 16, only, "deliver") == 20
    assert energy.wire_energy_pj(30, 16, only, "hop") == 0
    with pytest.raises(KeyError, match="deliver"):
        energy.wire_energy_pj(10, 16, PLAIN, "hop")


def test_leakage() -> None:
    assert energy.leakage_energy_pj(2.0, 1e-6, 3) == pytest.approx(6000)  # 6 mW for 1 us is 6 nJ


def test_a_batch_is_scored_at_once() -> None:
    words = np.array([0.0, 8.0, 80.0])
    assert energy.access_energy_pj(words, 8, SRAM, "reads") == pytest.approx(np.array([0, 5, 50]))
    assert energy.compute_energy_pj(words, PLAIN, "read") == pytest.approx(5 * words)
    cycles = time.memory_cycles(words, 2 * words, Bandwidth(8, 8))
    assert cycles == pytest.approx(np.array([0, 2, 20]))
    longest, at = time.op_cycles({"compute": np.array([1.0, 1.0, 30.0]), "DRAM": cycles})
    assert longest == pytest.approx(np.array([1, 2, 30]))
    assert list(np.asarray(at)) == [0, 1, 0]


def test_bandwidth() -> None:
    assert time.memory_cycles(100, 60, Bandwidth()) == 0
    assert time.memory_cycles(100, 60, Bandwidth(10, 10)) == 10
    assert time.memory_cycles(100, 60, Bandwidth(None, 10)) == 6
    assert time.memory_cycles(100, 60, Bandwidth(10, 10, shared=True)) == 16
    assert time.memory_cycles(100, 60, Bandwidth(10, None, shared=True)) == 16


def test_compute_and_op_time() -> None:
    assert time.compute_cycles(7, 3) == 21
    assert time.op_cycles({"compute": 21, "DRAM": 21.0}) == (21.0, 0)  # the first that reaches the largest
    assert time.seconds(400, 400e6) == pytest.approx(1e-6)


@pytest.mark.parametrize(("each", "cycles"), [(1, 30), (2, 60), (0.125, 3.75), (0.1, 3), (0.3, 9), (0, 0), (1.5, 45)])
def test_an_action_takes_a_fraction_of_a_cycle(each: float, cycles: float) -> None:
    """As it is written, not as a float is stored: 30 * 0.1 and 30 * 0.3 are not whole in floats."""
    assert time.compute_cycles(30, each) == cycles
    assert time.compute_cycles(np.array([30.0, 0.0]), each).tolist() == [cycles, 0]
