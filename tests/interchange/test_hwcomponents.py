"""The adapter to hwcomponents: against a stand-in with the interface of 1.0.114, and against the package where it is installed."""

from __future__ import annotations

import importlib.util
import sys
from functools import partial
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

import sata
from sata.costs.nodes import load_libraries
from sata.costs.prices import Prices
from sata.interchange.hwcomponents import estimate, model
from sata.specs.text.faults import Faults, Where

INSTALLED = importlib.util.find_spec("hwcomponents") is not None


class Sram:
    """As `hwcomponents.ComponentModel`: area in m2, leak_power in W, actions that return J."""

    area = 2e-9
    leak_power = 3e-3

    def __init__(self, width: int, tech_node: float = 0.0) -> None:
        self.width, self.tech_node = width, tech_node

    @classmethod
    def get_action_names(cls) -> list[str]:
        return ["read", "send", "update"]

    def read(self) -> Any:
        return SimpleNamespace(energy=self.width * 1e-13)

    def update(self, bits: int | None = None) -> Any:
        return SimpleNamespace(energy=2 * self.width * 1e-13)

    def send(self, distance: float) -> Any:
        return SimpleNamespace(energy=distance)


@pytest.fixture
def package(monkeypatch: pytest.MonkeyPatch) -> None:
    module = ModuleType("hwcomponents")
    module.get_model = lambda name, attributes: {"sram": Sram}[name](**attributes)  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "hwcomponents", module)


@pytest.mark.usefixtures("package")
def test_units_names_and_technology() -> None:
    found = model("sram", "width=64", "write=update", 32.0)
    assert found.energy_pj == pytest.approx({"read": 6.4, "write": 12.8})
    assert (found.area_um2, found.leakage_mw) == (pytest.approx(2000), pytest.approx(3))
    assert found.source == "hwcomponents model Sram(width=64, tech_node=3.2e-08), without send, which need arguments"
    assert "tech_node=4.5e-08" in model("sram", "width=64, tech_node=45e-9", "", 32.0).source


@pytest.mark.usefixtures("package")
def test_estimate_for_plug_ins_of_one_s_own() -> None:
    assert estimate("sram", {"width": 8}).energy_pj == pytest.approx({"read": 0.8, "update": 1.6})


@pytest.mark.usefixtures("package")
@pytest.mark.parametrize(("arguments", "rename", "expected"), [
    ("width", "", "arguments: 'width' is not of the form name=value"),
    ("width=1, width=2", "", "arguments: 'width=2' is given twice"),
    ("width=1", "write=wriet", "the model of 'sram' has no action 'wriet', it has: read, update"),
    ("width=1", "read=update", "the model of 'sram' has an action 'read' already"),
])  # fmt: skip
def test_faults(arguments: str, rename: str, expected: str) -> None:
    with pytest.raises(ValueError) as caught:
        model("sram", arguments, rename)
    assert str(caught.value) == expected


def test_without_the_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "hwcomponents", None)
    with pytest.raises(RuntimeError, match=r"it needs Python 3\.12 or later: pip install 'sata\[hwcomponents\]'"):
        model("sram")


@pytest.mark.skipif(not INSTALLED, reason="hwcomponents is not installed (it needs Python 3.12)")
def test_a_real_model(monkeypatch: pytest.MonkeyPatch) -> None:
    hwcomponents: Any = importlib.import_module("hwcomponents")

    class SataTestAdder(hwcomponents.ComponentModel):  # type: ignore[misc, name-defined]
        component_name = "sata_test_adder"

        def __init__(self, width: int) -> None:
            super().__init__(leak_power=1e-6 * width, area=1e-12 * width)

        @hwcomponents.action  # type: ignore[untyped-decorator]
        def add(self) -> Any:
            return hwcomponents.ActionCost(energy=5e-14, latency=1e-9, throughput=1e9)

    monkeypatch.setattr(hwcomponents, "get_model", partial(hwcomponents.get_model, models=[SataTestAdder]))
    found = estimate("sata_test_adder", {"width": 16})
    assert found.energy_pj == pytest.approx({"add": 0.05})
    assert (found.area_um2, found.leakage_mw) == (pytest.approx(16), pytest.approx(0.016))


@pytest.mark.usefixtures("package")
def test_as_a_class_of_a_library(tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text("""
library:
  name: mine
  components:
  - class: sram
    estimator: "sata.interchange.hwcomponents:model"
    attributes: {name: sram, arguments: "width=64", rename: "write=update"}
""")
    faults = Faults()
    with sata.allow(plugins=True):
        libraries = load_libraries([(str(file), Where())], [], faults)
        price = Prices(libraries, 32).price("sram")
    faults.check()
    assert price.energy_pj == pytest.approx({"read": 6.4, "write": 12.8})
    assert "hwcomponents model Sram(width=64, tech_node=3.2e-08)" in price.origin["read"]
