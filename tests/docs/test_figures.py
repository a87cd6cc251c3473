"""SATA's three zeros: what each saves, alone and together, and that docs/three_zeros.md shows today's numbers."""

from __future__ import annotations

import re

import pytest

import sata

from . import search_figure
from .figures import DENSITIES, FIGURE, PAGE, ZEROS, digest, refreshed, swept, switched

GRADIENTS = 8 * (65_536 + 32_768 + 32_768 + 1024)  # time steps times neurons that fire
ACTS_IN = {
    "spike": ("forward", "weight_gradient"),
    "potential gradient": ("backward",),
    "surrogate derivative": ("backward",),
}


def compute(name: str) -> dict[str, float]:
    """Energy of compute by stage, with the zeros of a row of the first table gated."""
    return switched()[name].compute


def test_page_and_figure_are_of_today() -> None:
    """Refresh with `python -m tests.docs.figures`."""
    page = PAGE.read_text(encoding="utf-8")
    assert refreshed(page) == page and "| all three |" in page
    assert re.findall(r"numbers ([0-9a-f]{64})", FIGURE.read_text(encoding="utf-8")) == [digest()]


def test_figure_of_the_search_is_of_today() -> None:
    """Refresh with `python -m tests.docs.search_figure`."""
    written = search_figure.FIGURE.read_text(encoding="utf-8")
    assert re.findall(r"figure ([0-9a-f]{64})", written) == [search_figure.digest()]
    assert all(name in written for name in search_figure.NAMES.values())
    assert "figures/search.svg" in (search_figure.ROOT / "docs" / "search.md").read_text(encoding="utf-8")


def test_what_is_shipped_gates_spikes_and_potential_gradients() -> None:
    shipped = sata.evaluate("arch/sata.yaml", "workloads/vgg5_cifar10.yaml", library="relative")
    energy = sum(r["energy_pj"] for r in shipped.records if r["action"] != "leakage")
    assert energy == pytest.approx(switched()["spike and potential gradient (SATA)"].total, rel=1e-12)


@pytest.mark.parametrize("zero", ACTS_IN)
def test_each_zero_acts_in_its_stages_alone(zero: str) -> None:
    saving = {stage for stage, energy in compute(zero).items() if energy < compute("none")[stage] * (1 - 1e-9)}
    assert saving == set(ACTS_IN[zero])


def test_together_they_save_what_each_saves() -> None:
    """They gate different operations."""
    for name, zeros in (("spike and potential gradient (SATA)", 2), ("all three", 3)):
        for stage, none in compute("none").items():
            saved = sum(none - compute(zero)[stage] for zero in list(ACTS_IN)[:zeros])
            assert none - compute(name)[stage] == pytest.approx(saved, rel=1e-9)


def test_the_surrogate_saves_a_part_of_a_gradient() -> None:
    """A share of 0.6 is zero; of 0.979 MAC a shift and a mux are left."""
    saved = compute("none")["backward"] - compute("surrogate derivative")["backward"]
    left = (0.00605 + 0.00172) / 0.2779
    assert saved == pytest.approx(GRADIENTS * 0.6 * (0.979345 - left), rel=1e-4)


def test_the_gain_counted_tile_by_tile_is_the_papers() -> None:
    """5.58 in the paper's accounting (tests/published): padding is gated too here, and pools take part."""
    whole, gated = (sum(compute(name).values()) for name in ("none", "spike and potential gradient (SATA)"))
    assert whole / gated == pytest.approx(5.58, rel=0.01)


def test_gates_save_no_access_and_no_cycle() -> None:
    network = "workloads/vgg5_cifar10.yaml"
    none, every = (
        sata.evaluate("arch/sata.yaml", network, library="relative", **dict.fromkeys((f"gate_{z}" for z in ZEROS), on))
        for on in (0, 1)
    )
    assert none.traffic == every.traffic
    assert [op["cycles"] for op in none.ops] == [op["cycles"] for op in every.ops]
    memories = [[r for r in result.records if r["component"] not in ("PE", "PGU")] for result in (none, every)]
    assert memories[0] == memories[1]


@pytest.mark.parametrize("zero", ZEROS)
def test_compute_energy_is_a_straight_line_in_each_density(zero: str) -> None:
    energies = [sum(point.compute.values()) for point in swept()[zero]]
    slope = (energies[-1] - energies[0]) / (DENSITIES[-1] - DENSITIES[0])
    assert slope > 0
    for density, energy in zip(DENSITIES, energies, strict=True):
        assert energy == pytest.approx(energies[0] + slope * (density - DENSITIES[0]), rel=1e-9)
