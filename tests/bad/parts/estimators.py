"""Plug-ins that fail, each in its own way."""

from __future__ import annotations

from typing import Any

from sata import plugins
from sata.plugins import Estimate


def good(size_bits: int = 64, ports: int = 1, kind: str = "sram") -> Estimate:
    """Fails in nothing."""
    return Estimate(energy_pj={"read": 1.0, "write": float(ports)}, source=kind)


def raises(size_bits: int = 64) -> Estimate:
    raise ZeroDivisionError("no such cell\nand a second line")


def leaves(size_bits: int = 64) -> Estimate:
    raise SystemExit(3)


def nan(size_bits: int = 64) -> Estimate:
    return Estimate(energy_pj={"read": float("nan"), "write": 1.0})


def infinite(size_bits: int = 64) -> Estimate:
    return Estimate(energy_pj={"read": 1.0, "write": 1.0}, area_um2=float("inf"))


def negative(size_bits: int = 64) -> plugins.Estimate:
    return Estimate(energy_pj={"read": -1.0, "write": 1.0})


def text(size_bits: int = 64) -> Estimate:
    return Estimate(energy_pj={"read": "1 pJ", "write": 1.0})  # type: ignore[dict-item]


def joules(size_bits: int = 64) -> Estimate:
    return Estimate(energy_pj={"read": 1e18, "write": 1.0})


def unknown_field(size_bits: int = 64) -> Estimate:
    return Estimate(energy_nj={"read": 1.0})  # type: ignore[call-arg]


def number(size_bits: int = 64) -> Estimate:
    return 1.0  # type: ignore[return-value]


def no_energies(size_bits: int = 64) -> Estimate:
    return Estimate(energy_pj=1.0)  # type: ignore[arg-type]


def negative_cycle(size_bits: int = 64) -> Estimate:
    return Estimate(energy_pj={"read": 1.0, "write": 1.0}, cycles={"read": -0.5})


def cycles_of_nothing(size_bits: int = 64) -> Estimate:
    return Estimate(energy_pj={"read": 1.0, "write": 1.0}, cycles={"raed": 2})


def percent(size_bits: int = 64) -> Estimate:
    return Estimate(energy_pj={"read": 1.0, "write": 1.0}, uncertainty=15)


def untyped(size_bits: int = 64, ports=1) -> Estimate:  # type: ignore[no-untyped-def]
    return Estimate(energy_pj={"read": 1.0, "write": 1.0})


def anything(**attributes: Any) -> Estimate:
    return Estimate(energy_pj={"read": 1.0, "write": 1.0})


def at_a_node(technology_nm: float, size_bits: int = 64) -> Estimate:
    return Estimate(energy_pj={"read": technology_nm, "write": 1.0})


def bad_default(size_bits: int = -64) -> Estimate:
    return Estimate(energy_pj={"read": 1.0, "write": 1.0})


def no_annotation(size_bits: int = 64):  # type: ignore[no-untyped-def]
    return Estimate(energy_pj={"read": 1.0, "write": 1.0})


def numbered(size_bits: int = 64) -> Estimate:
    return Estimate(energy_pj={1: 1.0})  # type: ignore[dict-item]


def sourced(size_bits: int = 64) -> Estimate:
    return Estimate(energy_pj={"read": 1.0, "write": 1.0}, source=2024)  # type: ignore[arg-type]


def one_cycle(size_bits: int = 64) -> Estimate:
    return Estimate(energy_pj={"read": 1.0, "write": 1.0}, cycles=1)  # type: ignore[arg-type]


def sure_of_nothing(size_bits: int = 64) -> Estimate:
    return Estimate(energy_pj={"read": 1.0, "write": 1.0}, uncertainty={"raed": 0.1})


NOT_A_FUNCTION = Estimate(energy_pj={})
