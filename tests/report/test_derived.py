"""Figures behind the pictures, against numbers added up by hand."""

from __future__ import annotations

import pytest

from sata.evaluation import evaluate
from sata.report.derived import bandwidth, densities, dots, kept_curve, outermost_memory, peaks, uses
from sata.report.described import density_fields
from sata.report.result import Result
from sata.specs.model import Density, Dim, Tensor
from tests.report.made import small, small_data, training, training_data


def test_dots_of_the_small_study() -> None:
    """DRAM, by hand (tests/cli/test_run.py). Forward and fire: W 24 B, S 8 b, S' 12 b = 26.5 B, 60 computes in 26.5 cycles.
    Weight: dU 48 B, dW 48 and 24 B, S 8 b = 121 B, 48 computes in 74 cycles."""
    found = dots(small())
    assert [d.op for d in found] == ["fc.forward+fc.fire", "fc.weight"]
    assert [(d.computes, d.bytes, d.cycles) for d in found] == [(60, 26.5, 26.5), (48, 121, 73)]
    assert found[0].intensity == 60 / 26.5
    assert found[0].rate == 60 / 26.5
    assert outermost_memory(small()) == "DRAM"
    assert peaks(small()) == {"PE": 4.0}
    assert bandwidth(small()) == 2.0  # 8 b/cycle each way


def test_what_is_skipped_moves_nothing_and_metadata_are_bits() -> None:
    data = training_data()
    for record in data["records"]:
        if record["component"] == "DRAM" and record["op"] == "a.forward":
            record["outcome"] = "skipped"
        if record["component"] == "DRAM" and record["op"] == "b.forward":
            record["outcome"], record["kind"] = "metadata", "weight"
    for tensor in data["tensors"]:
        tensor["bits"] = 16
    found = {d.op: (d.computes, d.bytes) for d in dots(Result(**_lists(data)))}
    assert found == {"b.forward": (34, 8), "b.gradient": (34, 128), "a.gradient": (34, 128)}


def _lists(data: dict) -> dict:  # type: ignore[type-arg]
    return {key: rows for key, rows in data.items() if key != "totals"}


def test_bandwidth_that_is_shared_unlimited_or_unknown() -> None:
    assert bandwidth(training()) == 4.0  # 32 b/cycle, both ways together
    data = small_data()
    data["architecture"][0]["write_bits_per_cycle"] = None
    assert bandwidth(Result(**_lists(data))) is None
    assert bandwidth(Result([], [], [])) is None
    assert outermost_memory(Result([], [], [])) is None


def test_peaks_are_of_the_quickest_action() -> None:
    data = small_data()
    for price in data["prices"]:
        if price["node"] == "PE" and price["cycles"]:
            price["cycles"] = 4 if price["quantity"] == "fire" else 2
    assert peaks(Result(**_lists(data))) == {"PE": 2.0}


def test_the_curve_of_what_is_kept() -> None:
    """Cycles at the ends: 0, 10, 30, 60, 100. a's S' goes with a.gradient, which reads it; b's with b.gradient. V is
    written by none of the tensors, so it comes with a's first op and goes with a's first op of the backward pass."""
    curve = kept_curve(training())
    assert curve.cycles == (0, 10, 30, 60, 100)
    assert curve.kinds == {"spike": (0, 100, 300, 100, 0), "potential": (0, 50, 50, 50, 0)}
    assert (curve.peak, curve.turn) == (350, 30)
    empty = kept_curve(Result([], [], []))
    assert (empty.cycles, empty.peak, empty.turn) == ((0.0,), 0.0, 0.0)


def test_the_peak_of_a_training_run_is_all_that_is_kept() -> None:
    """After the last op of the forward pass everything is there, and at the end nothing."""
    from sata import evaluate

    result = evaluate("arch/sata.yaml", "workloads/vgg5_cifar10.yaml")
    curve = kept_curve(result)
    assert curve.peak == sum(k["bits"] for k in result.kept)
    assert sum(bits[-1] for bits in curve.kinds.values()) == 0
    assert curve.peak == sum(bits[curve.cycles.index(curve.turn)] for bits in curve.kinds.values())


def test_use_of_nodes() -> None:
    found = uses(training())
    total = 4 * (300 + 40 + 10) + 50 + 51 + 52 + 53
    assert found["DRAM"].energy_pj == 1200
    assert found["DRAM"].share == pytest.approx(1200 / total)
    assert (found["DRAM"].used, found["GLB"].used, found["PE"].used) == (None, 0.25, 80 / 160)
    assert found["PEs"].energy_pj == 0


def test_densities_are_of_what_layers_read() -> None:
    found = densities(training())
    assert [(t["layer"], t["op"]) for t in found["spike"]] == [("a", "a.gradient"), ("b", "b.gradient")]


def test_a_layer_does_not_read_its_own_output() -> None:
    """conv1 reads an image, and its gradient the spikes that conv1 sent."""
    found = densities(evaluate("arch/sata.yaml", "workloads/vgg9_cifar10.yaml"))
    assert [t["layer"] for t in found["spike"]][:3] == ["conv2", "pool1", "conv3"]
    assert {t["stage"] for t in found["spike"]} == {"forward"}
    assert "conv1" in [t["layer"] for t in found["potential_gradient"]]


STEPS = (Dim((("t", 1),), 0, 2), Dim((("k", 1),), 0, 8))


@pytest.mark.parametrize(("density", "fields"), [
    (None, {"density": None, "steps": None, "model": None}),
    (0.5, {"density": 0.5, "steps": None, "model": "uniform"}),
    ((0.25, 0.75), {"density": 0.5, "steps": [0.25, 0.75], "model": "uniform"}),
    (Density("structured", (("nonzeros", 1), ("block", 4), ("along", 1))),
     {"density": 0.25, "steps": None, "model": "structured", "parameters": "nonzeros 1, block 4, along 1"}),
    (Density("uniform", (("density", (0.25, 0.75)),)),
     {"density": 0.5, "steps": [0.25, 0.75], "model": "uniform", "parameters": "density [0.25, 0.75]"}),
])  # fmt: skip
def test_densities_of_any_sort(density: float | tuple[float, ...] | Density | None, fields: dict[str, object]) -> None:
    assert density_fields(Tensor("S", "spike", STEPS, "input", density=density)) == fields
