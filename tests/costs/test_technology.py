"""Scaling between technology nodes by the published table."""

from __future__ import annotations

import itertools
import json
from pathlib import Path

import pytest

from sata.costs import technology
from sata.costs.evaluate import Price
from sata.costs.prices import Prices
from sata.specs.library.components import Library, Primitive, Reference, Uncertainty

NODES = sorted(technology.NOMINAL_V, reverse=True)
SCHEMA = Path(technology.__file__).resolve().parents[1] / "schemas" / "arch.json"


def adder(leakage_mw: float | None = 2.0) -> Library:
    at_65 = Primitive(
        "adder", {}, Reference(), {"add": 3.0}, 100.0, leakage_mw, {"add": 2}, 65, uncertainty=Uncertainty({"add": 0.1})
    )
    return Library("old", {"adder": at_65}, 65)


def test_the_papers_own_example() -> None:
    """Corrigendum to section 4.2.1: 1 pJ at 65 nm and 1.3 V is 0.1755 pJ at 32 nm and 0.9 V."""
    a, b, c = technology._ENERGY[65]
    here = a * 1.3**2 + b * 1.3 + c
    assert here == pytest.approx(2.604, abs=1e-3)
    assert technology._energy(32) == pytest.approx(0.4571, abs=1e-3)  # 0.9 V is nominal there
    assert technology._energy(32) / here == pytest.approx(0.1755, abs=1e-3)


def test_factors_hang_together() -> None:
    """There and back is nearly nothing: exactly for energies, within the two printed digits for areas."""
    for here, there in itertools.permutations(NODES, 2):
        energy, area = technology.factors("stillmaker2017", here, there)
        back = technology.factors("stillmaker2017", there, here)
        assert energy * back[0] == pytest.approx(1)
        assert area * back[1] == pytest.approx(1, abs=0.06)
        assert (area < 1) == (there < here)
        assert (energy < 1) == (there < here)


def test_a_scaled_price() -> None:
    energy, area = technology.factors("stillmaker2017", 65, 32)
    price = Prices([adder()], 32, "stillmaker2017").price("adder")
    assert price.energy_pj["add"] == pytest.approx(3 * energy)
    assert price.area_um2 == pytest.approx(100 * 0.31)
    assert price.uncertainty["add"] == {"adder": pytest.approx(0.3 * energy)}
    assert area == 0.31
    assert price.leakage_mw is None
    assert price.cycles == {"add": 2}
    assert price.origin["add"] == (f"old: adder 65 nm, 3 pJ, x {energy:.6g} (stillmaker2017: energy, 65 nm to 32 nm)")
    assert price.area_origin.endswith("x 0.31 (stillmaker2017: area, 65 nm to 32 nm)")
    assert price.leakage_origin == "not priced by old: adder, stillmaker2017 scales no leakage from 65 nm to 32 nm"


def test_nothing_is_scaled_that_is_at_the_node() -> None:
    assert Prices([adder()], 65, "stillmaker2017").price("adder") == Prices([adder()], 65).price("adder")


def test_an_unpriced_leakage_says_who_does_not_price_it() -> None:
    assert "not priced by old" in Prices([adder(None)], 32, "stillmaker2017").price("adder").leakage_origin


def test_a_node_between_is_not_guessed() -> None:
    with pytest.raises(ValueError) as error:
        technology.factors("stillmaker2017", 65, 28)
    assert str(error.value) == "stillmaker2017 has no 28 nm, only 180, 130, 90, 65, 45, 32, 20, 16, 14, 10, 7 nm"


def test_the_schema_knows_the_tables() -> None:
    properties = json.loads(SCHEMA.read_text())["$defs"]["arch"]["properties"]
    assert tuple(properties["scale_technology"]["enum"]) == technology.TABLES


def test_a_price_without_numbers_stays_without() -> None:
    bare = Price("a", "b", {}, {}, {}, None, None, {}, "none", "none")
    scaled = technology.rescaled(bare, "stillmaker2017", 65, 32)
    assert (scaled.area_um2, scaled.leakage_mw, scaled.area_origin, scaled.leakage_origin) == (
        None,
        None,
        "none",
        "none",
    )
