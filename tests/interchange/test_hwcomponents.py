"""The adapter to hwcomponents: against a stand-in with the interface of 1.0.114, and against the package where it is installed."""

from __future__ import annotations

import importlib.util
import sys
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from sata.interchange.hwcomponents import estimate, model

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
    ("width", "", "arguments: 'width' is no name=value"),
    ("width=1, width=2", "", "arguments: 'width=2' stands twice"),
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
def test_a_real_model() -> None:
    hwcomponents: Any = importlib.import_module("hwcomponents")

    class SataTestAdder(hwcomponents.ComponentModel):  # type: ignore[misc, name-defined]
        component_name = "sata_test_adder"

        def __init__(self, width: int) -> None:
            super().__init__(leak_power=1e-6 * width, area=1e-12 * width)

        @hwcomponents.action  # type: ignore[untyped-decorator]
        def add(self) -> Any:
            return hwcomponents.ActionCost(energy=5e-14, latency=1e-9, throughput=1e9)

    made = SataTestAdder(16)
    assert made.get_action_names() == ["add"]
    assert made.add().energy * 1e12 == pytest.approx(0.05)
