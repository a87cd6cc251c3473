"""All shipped libraries: prices are positive, grow with width and size, and are of a plausible magnitude."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

import sata
from sata.costs.evaluate import Price
from sata.costs.nodes import load_libraries
from sata.costs.prices import Prices
from sata.specs.library.components import Component, Table
from sata.specs.text.faults import Faults, Where
from sata.specs.text.find import shipped

NAMES = sorted(path.stem for path in Path(shipped("components")).glob("*.yaml"))
WITH_PRIMITIVES = ["sata_32nm", "sata_28nm_inference", "horowitz_45nm", "eyeriss_65nm"]
WIDTHS = ("4 b", "8 b", "12 b", "16 b")
SIZES = ("8 KiB", "12 KiB", "32 KiB", "100 KiB", "144 KiB")
SMALL = ("16 B", "128 B", "1152 B", "2 KiB", "8 KiB")
# Zeros that a library declares because its source has no number.
FREE = {
    "sata_28nm_inference": {"shifter", "ann_relu"},
    "horowitz_45nm": {"mux2", "shifter", "and_gate", "register", "sata_pgu", "lookup"},
}
# pJ of one action at the class's own attributes; the relative libraries count in MACs.
RANGE = {"dram": (50, 5000), "sram": (0.5, 100), "regfile": (0.01, 20), "multiplier": (0.01, 5), "adder": (0.005, 0.5)}


def book(*names: str) -> Prices:
    faults = Faults()
    libraries = load_libraries([(name, Where()) for name in names], [], faults)
    faults.check()
    return Prices(libraries)


def libraries_for(name: str) -> tuple[str, ...]:
    """`neurons` has no primitives of its own."""
    return (name, "sata_32nm") if name == "neurons" else (name,)


def defaults(component: Component) -> dict[str, str]:
    """What a class must be told: sizes have no default in tables."""
    return {n: "32 KiB" for n, a in component.attributes.items() if a.default is None and n == "size"}


def amounts(price: Price) -> dict[str, float]:
    extra = {"area": price.area_um2, "leakage": price.leakage_mw}
    return {**price.energy_pj, **{name: value for name, value in extra.items() if value is not None}}


def classes() -> Iterator[tuple[str, str]]:
    for name in NAMES:
        for component in book(*libraries_for(name)).libraries[0].components:
            yield name, component


@pytest.mark.parametrize(("name", "component"), list(classes()))
def test_prices_are_positive(name: str, component: str) -> None:
    prices = book(*libraries_for(name))
    price = prices.price(component, defaults(prices.libraries[0].components[component]))
    for action, energy in price.energy_pj.items():
        free = component in FREE.get(name, ()) or (component, action) == ("in_pe", action)
        assert energy > 0 or free, f"{action} of {component}"
        assert 0 <= energy < 1e4, "a picojoule is meant"
    if price.area_um2 is not None:
        assert 0 <= price.area_um2 < 2e6, "um2 are meant"
    if price.leakage_mw is not None:
        assert 0 <= price.leakage_mw < 100, "mW are meant"
    assert prices.libraries[0].components[component].source


def grows(values: list[Mapping[str, float]]) -> bool:
    return all(a[key] <= b[key] * (1 + 1e-12) for a, b in itertools.pairwise(values) for key in a)


@pytest.mark.parametrize(("name", "component"), list(classes()))
def test_prices_grow_with_width_and_size(name: str, component: str) -> None:
    prices = book(*libraries_for(name))
    known = prices.libraries[0].components[component]
    sizes = SMALL if component.startswith("regfile") else SIZES
    needed = defaults(known)
    if "width" in known.attributes:
        widths = ("16 b", "24 b", "32 b") if component.startswith("fp_") else WIDTHS
        assert grows([amounts(prices.price(component, {**needed, "width": width})) for width in widths])
    if "size" in known.attributes:
        assert grows([amounts(prices.price(component, {"size": size})) for size in sizes])


@pytest.mark.parametrize("name", ["sata_32nm", "sata_28nm_inference", "horowitz_45nm", "memory_32nm"])
def test_magnitudes(name: str) -> None:
    prices = book(name)
    for component, (low, high) in RANGE.items():
        known = prices.libraries[0].components.get(component)
        if known is not None:
            for energy in prices.price(component, defaults(known)).energy_pj.values():
                assert low <= energy <= high, component


@pytest.mark.parametrize("name", [n for n in NAMES if n != "neurons"])
def test_tables_and_their_sources(name: str) -> None:
    for component in book(name).libraries[0].components.values():
        if isinstance(component, Table):
            assert all(row.source for row in component.rows)


@pytest.mark.parametrize(("name", "node"), [("sata_28nm_inference", 28), ("horowitz_45nm", 45), ("eyeriss_65nm", 65)])
def test_sata_runs_with_each_library(name: str, node: int) -> None:
    """The shipped architecture at the node of the library."""
    result = sata.evaluate("arch/sata.yaml", "workloads/vgg5_cifar10.yaml", library=name, technology=f"{node} nm")
    assert result.energy_pj() > 0
    assert {row["library"] for row in result.prices} == {name, "sata_extra"}


def test_a_new_architecture_needs_no_external_tool() -> None:
    price = book("memory_32nm").price("sram_model", {"size": "48 KiB", "width": "72 b"})
    assert min(amounts(price).values()) > 0
    assert "power 0.5743 in size from 32 KiB" in price.origin["read"]


def test_horowitz_s_figure() -> None:
    prices = book("horowitz_45nm")
    for component, width, action, pj in (
        ("adder", "8 b", "add", 0.03), ("adder", "32 b", "add", 0.1), ("multiplier", "8 b", "multiply", 0.2),
        ("multiplier", "32 b", "multiply", 3.1), ("fp_adder", "16 b", "add", 0.4), ("fp_adder", "32 b", "add", 0.9),
        ("fp_multiplier", "16 b", "multiply", 1.1), ("fp_multiplier", "32 b", "multiply", 3.7),
    ):  # fmt: skip
        assert prices.price(component, {"width": width}).energy_pj[action] == pytest.approx(pj, rel=1e-4)
    for size, pj in (("8 KiB", 10), ("32 KiB", 20), ("1 MiB", 100)):
        assert prices.price("sram", {"size": size, "width": "64 b"}).energy_pj["read"] == pytest.approx(pj)
    assert 1300 < prices.price("dram").energy_pj["read"] < 2600


def test_eyeriss_s_ratios() -> None:
    prices = book("eyeriss_65nm")
    mac = prices.price("mac").energy_pj["multiply_accumulate"]
    ratios = [prices.price(c).energy_pj[a] / mac for c, a in
              (("dram", "read"), ("sram", "write"), ("noc_link", "deliver"), ("regfile", "read"))]  # fmt: skip
    assert ratios == pytest.approx([200, 6, 2, 1])


def test_recorded_units_of_the_inference_simulator() -> None:
    """comp_stat of the recorded runs: mW at 2.5 ns, mm2, as rounded there."""
    prices = book("sata_28nm_inference")
    for component, attributes, n, y, mm2, leak in (
        ("spike_mac", {}, 0.01924, 0.02511, 9.7e-5, 6.2e-5), ("lif_unit", {}, 0.05625, 0.01886, 1.29e-4, 8.4e-5),
        ("ann_mac", {}, 0.06698, 0.10721, 3.28e-4, 1.99e-4), ("ann_relu", {}, 0.01955, 0, 3.2e-5, 1.8e-5),
        ("spads", {}, 0.21233, 0.11241, 8.91e-4, 5.23e-4),
        ("spads", {"operated": "288 B", "cycled": "73 B"}, 0.91177, 3.59712, 0.012371, 0.007256),
        ("spads", {"operated": "224 B", "cycled": "96 B"}, 1.19904, 2.79776, 0.010966, 0.006432),
    ):  # fmt: skip
        price = prices.price(component, attributes)
        assert price.energy_pj == pytest.approx({"operate": y * 2.5, "cycle": n * 2.5}, rel=1e-9)
        assert price.area_um2 == pytest.approx(mm2 * 1e6, abs=0.51)
        assert price.leakage_mw == pytest.approx(leak, abs=6e-7)


def test_primitives_have_one_name_everywhere() -> None:
    """So that `neurons` works over each of them."""
    for name in WITH_PRIMITIVES:
        prices = book("neurons", name)
        for component in prices.libraries[0].components:
            assert prices.price(component, {"width": "8 b"}).energy_pj
