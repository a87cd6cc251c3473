"""components/neurons.yaml: every unit against a sum by hand over the primitives of three libraries."""

from __future__ import annotations

import pytest

from sata.costs.nodes import load_libraries
from sata.costs.prices import Prices
from sata.specs.text.faults import Faults, Where

# Picojoules of one 16-bit action: multiply, add, compare, select, write, shift. From the sources, not from the libraries.
SATA = {"mul": 0.239 * 2.5, "add": 0.00967 * 2.5, "cmp": 0.00309 * 2.5, "mux": 0.00172 * 2.5, "reg": 0.0301 * 2.5,
        "sft": 0.00605 * 2.5}  # fmt: skip
KERNELS = {"mul": 0.511 * 2.5, "add": 0.0367 * 2.5, "cmp": 0.01955 * 2.5, "mux": 2 * 0.00474 * 2.5, "reg": 0.02511 * 2.5,
           "sft": 0.0}  # fmt: skip
FIGURE = {
    "mul": 0.2 * 15.5**0.5,
    "add": (0.03 * 0.1) ** 0.5,
    "cmp": (0.03 * 0.1) ** 0.5,
    "mux": 0.0,
    "reg": 0.0,
    "sft": 0.0,
}
LIBRARIES = [("sata_32nm", SATA), ("sata_28nm_inference", KERNELS), ("horowitz_45nm", FIGURE)]

UNITS = [
    # class, action, {primitive: count}: counted again from the equation, not copied from the file
    ("lif_hard_shift", "fire", {"add": 1, "sft": 1, "cmp": 1, "mux": 2, "reg": 3}),
    ("lif_hard_multiply", "fire", {"mul": 1, "cmp": 1, "mux": 2, "reg": 3}),
    ("lif_soft_shift", "fire", {"add": 1 + 1, "sft": 1, "cmp": 1, "mux": 2, "reg": 3}),
    ("lif_soft_multiply", "fire", {"mul": 1, "add": 1, "cmp": 1, "mux": 2, "reg": 3}),
    ("pgu_rectangular", "gradient", {"sft": 1 + 1, "mul": 1, "add": 1 + 1 + 1, "cmp": 1, "mux": 1 + 1}),
    ("pgu_triangular", "gradient", {"sft": 1 + 1, "mul": 1 + 1, "add": 1 + 1 + 2, "cmp": 1, "mux": 1 + 1}),
    ("pgu_table", "gradient", {"sft": 1, "mul": 1 + 1, "add": 1 + 1 + 1, "mux": 1 + 15}),
    ("sgd", "update", {"mul": 1, "add": 1, "reg": 1}),
    ("momentum", "update", {"mul": 2, "add": 2, "reg": 2}),
    ("adam", "update", {"mul": 2 + 3 + 1, "add": 1 + 1 + 1 + 1 + 32, "reg": 3 + 32, "mux": 32, "sft": 32}),
    ("batch_norm", "forward", {"add": 1 + 1 + 2, "mul": 1 + 1, "reg": 2}),
    ("batch_norm", "backward", {"add": 1 + 1 + 1 + 2, "mul": 1 + 1 + 2, "reg": 2}),
    ("batch_norm", "inference", {"mul": 1, "add": 1}),
]


def over(library: str) -> Prices:
    faults = Faults()
    libraries = load_libraries([("neurons", Where()), (library, Where())], [], faults)
    faults.check()
    return Prices(libraries)


@pytest.mark.parametrize(("library", "primitives"), LIBRARIES, ids=[name for name, _ in LIBRARIES])
@pytest.mark.parametrize(("unit", "action", "bag"), UNITS, ids=[f"{u}.{a}" for u, a, _ in UNITS])
def test_units(library: str, primitives: dict[str, float], unit: str, action: str, bag: dict[str, int]) -> None:
    by_hand = sum(number * primitives[name] for name, number in bag.items())
    assert over(library).price(unit, {"width": "16 b"}).energy_pj[action] == pytest.approx(by_hand, rel=1e-4)


def test_every_unit_is_tested() -> None:
    assert {u for u, _, _ in UNITS} | {"lookup", "digit_recurrence"} == set(over("sata_32nm").libraries[0].components)


def test_sata_s_own_lif_and_pgu() -> None:
    """0.405 MAC; the gradient unit with a window is SATA's (0.979 MAC) and the window: an add, a comparison and a mux."""
    prices = over("sata_32nm")
    mac = SATA["mul"] + 0.0389 * 2.5
    assert f"{prices.price('lif_hard_shift').energy_pj['fire'] / mac:.3f}" == "0.405"
    window = prices.price("pgu_rectangular").energy_pj["gradient"] - prices.price("sata_pgu").energy_pj["gradient"]
    assert window == pytest.approx(SATA["add"] + SATA["cmp"] + SATA["mux"])


def test_width_and_table_size() -> None:
    prices = over("sata_32nm")
    one = prices.price("pgu_table", {"entries": 16}).energy_pj["gradient"]
    two = prices.price("pgu_table", {"entries": 32}).energy_pj["gradient"]
    assert two - one == pytest.approx(16 * SATA["mux"])
    half, full = (prices.price("lif_hard_shift", {"width": w}) for w in ("8 b", "16 b"))
    assert half.energy_pj["fire"] == pytest.approx(full.energy_pj["fire"] / 2)
    assert full.area_um2 == pytest.approx(305.71 + 3 * 176.418486)
    assert prices.price("adam").cycles["update"] == 32
