"""What formats make of a run: outcomes, metadata as records, bandwidth, filling, capacity."""

from __future__ import annotations

import random
from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest

import sata
from sata.counts.sparse.outcomes import Outcome
from sata.counts.storage.stored import stored_outcomes

EVENT_BITS = 2 + 1  # of 4 positions, 2 steps


def run(dram: Mapping[str, Any] | None = None, glb: Mapping[str, Any] | None = None, *, spike_bits: int = 8,
        density: Any = 0.25, energy: Mapping[str, Any] | None = None, **nodes: Any) -> sata.Result:  # fmt: skip
    """X[t,k] += W[k,c] * S[t,c] with t 2, k 3, c 4 on DRAM (pads everything) and GLB, which holds W by rows, S whole."""
    return sata.evaluate({
        "arch": {"name": "a", "nodes": [
            {"memory": "DRAM", "class": "dram", **(dram or {})},
            {"memory": "GLB", "class": "sram", "keep": ["weight", "spike"], **(glb or {})},
            {"compute": "PE", "class": "pe", **nodes},
        ]},
        "workload": {"name": "w", "bits": {"weight": 8, "spike": spike_bits, "current": 16}, "ops": [{
            "name": "fc", "action": "add", "ranks": {"t": 2, "k": 3, "c": 4},
            "compute": "X[t,k] += W[k,c] * S[t,c]",
            "tensors": {"W": {"kind": "weight"}, "S": {"kind": "spike", "density": density}, "X": {"kind": "current"}}}]},
        "mapping": [{"ops": "fc", "nest": [{"memory": "DRAM"}, {"for": "k 3"}, {"memory": "GLB"}, {"for": "t 2, c 4"},
                                           {"compute": "PE"}]}],
        "library": {"name": "l", "source": "made up", "components": [
            {"class": "dram", "energy": {"read": "16 pJ", "write": "16 pJ"}},
            {"class": "sram", "energy": dict(energy or {"read": "1 pJ", "write": "2 pJ"})},
            {"class": "pe", "energy": {"add": "1 pJ"}},
        ]},
    })  # fmt: skip


def records(result: sata.Result, memory: str, tensor: str) -> dict[tuple[str, str], tuple[float, float]]:
    """(action, outcome) -> (count, energy)."""
    return {(r["action"], r["outcome"]): (r["count"], r["energy_pj"]) for r in result.records
            if (r["component"], r["tensor"]) == (memory, tensor)}  # fmt: skip


def test_only_what_is_stored_moves_and_metadata_with_it() -> None:
    """S: 8 elements, 2 of them non-zero, read once into GLB and three times from there: 24. A mask of 8 b each time; an
    access without a width moves 8 b like an element."""
    found = records(run(glb={"format": {"spike": "bitmask"}}), "GLB", "S")
    assert found == {
        ("read", "actual"): (6, 6.0),
        ("read", "skipped"): (18, 0.0),
        ("write", "actual"): (2, 4.0),
        ("write", "skipped"): (6, 0.0),
        ("metadata_read", "metadata"): (24, 3.0),
        ("metadata_write", "metadata"): (8, 2.0),
    }


def test_other_memories_and_tensors_are_as_they_were() -> None:
    plain, packed = run(), run(glb={"format": {"spike": "bitmask"}})
    for key in (("DRAM", "S"), ("DRAM", "W"), ("GLB", "W"), ("DRAM", "X")):
        assert records(plain, *key) == records(packed, *key)
    assert [op["cycles"] for op in plain.ops] == [op["cycles"] for op in packed.ops]


def test_uncompressed_and_dense_is_what_it_was() -> None:
    plain = run(density=1.0)
    packed = run({"format": {"spike": "uncompressed", "weight": "uncompressed"}}, {"format": {"W": "uncompressed"}},
                 density=1.0)  # fmt: skip
    assert plain.records == packed.records


def test_metadata_has_its_own_prices() -> None:
    """Where the class prices them; a width of 16 b moves two elements or 16 b of metadata."""
    energy = {"read": "1 pJ", "write": "2 pJ", "metadata_read": "3 pJ", "metadata_write": "5 pJ"}
    found = records(run(glb={"format": {"spike": "bitmask"}, "width": "16 b"}, energy=energy), "GLB", "S")
    assert found["metadata_read", "metadata"] == (24, 24 / 16 * 3)
    assert found["metadata_write", "metadata"] == (8, 8 / 16 * 5)
    assert found["read", "actual"] == (6, 3.0)


def test_metadata_is_packed_even_where_elements_are_not() -> None:
    found = records(run(glb={"format": {"spike": "bitmask"}, "width": "16 b", "packed": False}), "GLB", "S")
    assert found["read", "actual"] == (6, 6.0)
    assert found["metadata_read", "metadata"] == (24, 1.5)


def test_an_action_that_nothing_prices_is_an_error() -> None:
    with pytest.raises(sata.SpecError, match="needs 'write' of GLB"):
        run(glb={"format": {"spike": {"bitmask": {"values": False}}}}, spike_bits=1, energy={"read": "1 pJ"})


def test_spikes_of_one_bit_need_no_value_beside_an_event() -> None:
    """2 events of 3 b, read three times; their values take and cost nothing."""
    result = run(glb={"format": {"spike": "events"}}, spike_bits=1)
    found = records(result, "GLB", "S")
    assert found["read", "actual"] == (6, 0.0)
    assert found["metadata_read", "metadata"] == (6 * EVENT_BITS, 6.0 * EVENT_BITS)
    (held,) = (row for row in result.occupancy if row["memory"] == "GLB")
    assert held["metadata_bits"] == 2 * EVENT_BITS
    assert held["bits"] == 4 * 8 + 2 * EVENT_BITS  # a row of weights


# --- with rules -----------------------------------------------------------------------------------------------------


def test_metadata_of_what_a_rule_kept_back_stays() -> None:
    """The weights of zero spikes are not read, nor is their metadata: one quarter of 24 reads of 8 + 1 b."""
    found = records(run(glb={"format": {"weight": "bitmask"}, "skip": {"weight": "spike"}}), "GLB", "W")
    assert found["read", "actual"] == pytest.approx((6, 6.0))
    assert found["read", "skipped"] == pytest.approx((18, 0.0))
    assert found["metadata_read", "metadata"] == pytest.approx((6, 0.75))


def test_metadata_of_a_leader_is_read_to_decide() -> None:
    """Each by zeros of the other: neither mask can be left unread."""
    glb = {"format": {"weight": "bitmask", "spike": "bitmask"}, "skip": {"either": ["weight", "spike"]}}
    result = run(glb=glb)
    assert records(result, "GLB", "S")["metadata_read", "metadata"][0] == 24
    assert records(result, "GLB", "W")["metadata_read", "metadata"][0] == 24


def test_zeros_among_gated_accesses_are_not_stored_either() -> None:
    """W 0.5 dense, gated by S: 6 of 24 reads are actual, 18 gated, half of both are of zeros."""
    outcome = stored_outcomes(Outcome(6, 18, 0), 0.5)
    assert (outcome.actual, outcome.gated, outcome.skipped) == (3, 9, 12)


@pytest.mark.parametrize("seed", range(100))
def test_what_no_rule_gates_is_not_gated_by_a_rounding(seed: int) -> None:
    rng = random.Random(seed)
    actual = rng.random() * 1e6
    assert stored_outcomes(Outcome(actual, 0, 1e6 - actual), rng.random()).gated == 0


def test_outcomes_of_a_batch_are_those_of_each() -> None:
    rng = np.random.default_rng(3)
    actual, gated, skipped = rng.random((3, 50)) * 1000
    for itself in (False, True):
        found = stored_outcomes(Outcome(actual, gated, skipped), 0.3, itself)
        for n in range(50):
            one = stored_outcomes(Outcome(actual[n], gated[n], skipped[n]), 0.3, itself)
            assert (found.actual[n], found.gated[n], found.skipped[n]) == (one.actual, one.gated, one.skipped)


def test_what_leads_itself_keeps_its_non_zeros() -> None:
    """Half of the elements lie in empty tiles; all 4 non-zeros of 16 are in the others."""
    skipping = stored_outcomes(Outcome(8, 0, 8), 0.25, itself=True)
    assert (skipping.actual, skipping.gated, skipping.skipped) == (4, 0, 12)
    gating = stored_outcomes(Outcome(8, 8, 0), 0.25, itself=True)
    assert (gating.actual, gating.gated, gating.skipped) == (4, 0, 12)


@pytest.mark.parametrize("seed", range(200))
def test_the_parts_sum_to_the_dense_count_to_the_last_bit(seed: int) -> None:
    rng = random.Random(seed)
    dense = rng.randint(0, 10 ** rng.randint(1, 12))
    skipped = rng.random() * dense
    gated = rng.random() * (dense - skipped)
    actual = dense - skipped - gated
    before = Outcome(actual, gated, skipped)
    after = stored_outcomes(before, rng.random(), rng.random() < 0.5)
    assert after.actual + after.gated + after.skipped == actual + gated + skipped
    assert 0 <= after.actual <= actual + 1e-6 * dense
    assert after.skipped >= skipped - 1e-6 * dense


# --- time and space -------------------------------------------------------------------------------------------------


def test_metadata_takes_its_time() -> None:
    """GLB reads 24 weights of 8 b and, of spikes, 6 x 8 b and 24 b of masks, 1 B a cycle: 24 + 6 + 3 cycles."""
    bounded = {"bandwidth": {"read": "1 B/cycle"}}
    (op,) = run(glb={"format": {"spike": "bitmask"}, **bounded}).ops
    assert (op["cycles"], op["bound_by"]) == (33, "GLB")
    (op,) = run(glb=bounded).ops
    assert op["cycles"] == 48


def test_tiles_come_as_they_are_stored() -> None:
    """GLB takes a row of 4 weights for each of 3 k and, once, as csr, 2 x 8 b of spikes, 3 pointers of 4 b and 2 positions
    of 2 b, at 1 b a cycle; with one buffer nothing of that hides behind the 24 steps."""
    (op,) = run(
        glb={"bandwidth": {"write": "1 b/cycle"}, "buffers": 1, "size": "1 KiB", "format": {"spike": "csr"}}
    ).ops
    assert op["cycles"] == 3 * 4 * 8 + (2 * 8 + 3 * 4 + 2 * 2) + 24


@pytest.mark.parametrize(("size", "fit", "fits"), [
    (44, None, True), (43, None, False), (44, 0.5, True), (44, 0.78, True), (44, 0.79, False), (44, 0.99, False),
    (52, 1, True), (51, 1, False),
])  # fmt: skip
def test_data_and_metadata_must_fit(size: int, fit: float | None, fits: bool) -> None:
    """A row of weights takes 32 b. Of spikes, one step with 4 elements and a mask of 4 b is held: 1 non-zero of 8 b is
    expected; both of the tensor's two may be in it, in 3 of 14 cases."""
    glb: dict[str, Any] = {"size": f"{size} b", "format": {"spike": "bitmask"}, **({"fit": fit} if fit else {})}
    spec = "GLB overflows by"

    def attempt() -> sata.Result:
        return sata.evaluate(_one_step(glb))

    if fits:
        assert attempt().occupancy
    else:
        with pytest.raises(sata.SpecError, match=spec):
            attempt()


def _one_step(glb: dict[str, Any]) -> dict[str, Any]:
    nest = [{"memory": "DRAM"}, {"for": "t 2, k 3"}, {"memory": "GLB"}, {"for": "c 4"}, {"compute": "PE"}]
    return {
        "arch": {"name": "a", "nodes": [{"memory": "DRAM", "class": "m"}, {"memory": "GLB", "class": "m",
                 "keep": ["weight", "spike"], **glb}, {"compute": "PE", "class": "pe"}]},
        "workload": {"name": "w", "bits": {"weight": 8, "spike": 8, "current": 16}, "ops": [{
            "name": "fc", "action": "add", "ranks": {"t": 2, "k": 3, "c": 4}, "compute": "X[t,k] += W[k,c] * S[t,c]",
            "tensors": {"W": {"kind": "weight", "density": 0.5}, "S": {"kind": "spike", "density": 0.25},
                        "X": {"kind": "current"}}}]},
        "mapping": [{"ops": "fc", "nest": nest}],
        "library": {"name": "l", "source": "made up", "components": [
            {"class": "m", "energy": {"read": "1 pJ", "write": "1 pJ"}}, {"class": "pe", "energy": {"add": "1 pJ"}}]},
    }  # fmt: skip


def test_traffic_says_formats_and_metadata() -> None:
    result = run({"format": {"spike": "csr"}}, {"format": {"spike": "bitmask"}})
    rows = {(r["memory"], r["tensor"]): r for r in result.traffic}
    assert rows["GLB", "S"]["format"] == "bitmask"
    assert rows["DRAM", "S"]["format"] == "offsets, coordinate"
    assert rows["DRAM", "S"]["metadata_read_bits"] == 3 * 4 + 2 * 2
    assert (rows["GLB", "S"]["metadata_read_bits"], rows["GLB", "S"]["metadata_write_bits"]) == (24, 8)
    assert (rows["GLB", "W"]["format"], rows["GLB", "W"]["metadata_read_bits"]) == ("", 0)
    assert rows["GLB", "S"]["reads"] == 24  # dense, whatever is stored
