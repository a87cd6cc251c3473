"""The expected largest count of several lanes: against literal draws, and against sums by hand."""

from __future__ import annotations

from itertools import product
from math import comb, prod
from typing import Any

import numpy as np
import pytest

from sata.counts.density import build_model
from sata.counts.density.interface import Subject
from sata.counts.density.largest import of_alike, of_binomials, of_drawn
from sata.specs.model import Density
from tests.oracle.draws import draw_many

DRAWS = 4000
Grid = tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...]]  # lanes, units a lane, coordinates a unit


def largest(values: Any, grid: Grid) -> Any:
    """Of each draw: cut the tensor's corner into lanes and units, and count."""
    lanes, units, extents = grid
    corner = values[tuple(slice(0, a * b * c) for a, b, c in zip(*grid, strict=True))]
    shape = [n for triple in zip(lanes, units, extents, strict=True) for n in triple]
    cut = corner.reshape(*shape, values.shape[-1])
    count = len(lanes)
    cut = cut.any(axis=tuple(3 * d + 2 for d in range(count)))  # units
    cut = cut.sum(axis=tuple(2 * d + 1 for d in range(count)))  # of a lane
    return cut.max(axis=tuple(range(count)))


CASES: list[tuple[str, dict[str, Any], tuple[int, ...], Grid]] = [
    ("uniform", {"density": 0.3}, (1, 24), ((1, 4), (1, 6), (1, 1))),
    ("uniform", {"density": 0.35}, (5, 8), ((5, 2), (1, 4), (1, 1))),
    ("uniform", {"density": 0.05}, (40, 50), ((2, 2), (10, 5), (1, 1))),
    ("uniform", {"density": 0.9}, (4, 30), ((2, 3), (2, 10), (1, 1))),
    ("temporal", {"density": 0.2, "silent": 0.6}, (8, 12), ((4, 1), (2, 12), (1, 1))),
    ("temporal", {"density": 0.2, "silent": 0.6}, (8, 12), ((4, 3), (1, 4), (2, 1))),
    ("temporal", {"density": 0.1, "silent": 0.0}, (6, 8), ((1, 4), (6, 2), (1, 1))),
    ("temporal", {"density": 0.4, "silent": 0.6}, (4, 9), ((2, 3), (2, 3), (1, 1))),
    ("temporal", {"density": 0.05, "silent": 0.3}, (4, 30), ((1, 5), (1, 2), (4, 3))),
    ("structured", {"nonzeros": 2, "block": 4, "along": 1}, (3, 8), ((1, 4), (3, 2), (1, 1))),
    ("structured", {"nonzeros": 2, "block": 4, "along": 1}, (3, 8), ((3, 2), (1, 4), (1, 1))),
    ("structured", {"nonzeros": 3, "block": 8, "along": 1}, (6, 8), ((3, 1), (2, 4), (1, 1))),
    ("structured", {"nonzeros": 3, "block": 8, "along": 0}, (8, 4), ((4, 1), (2, 1), (1, 1))),
]


@pytest.mark.parametrize("case", CASES, ids=lambda c: f"{c[0]}-{'x'.join(map(str, c[3][0]))}")
def test_closed_forms_are_the_means_of_draws(case: tuple[str, dict[str, Any], tuple[int, ...], Grid]) -> None:
    name, parameters, shape, grid = case
    model = build_model(Density(name, tuple(parameters.items())), Subject(shape, 0, (("t",), ("k",))))
    found = model.largest(*grid)
    drawn = largest(draw_many(name, parameters, shape, DRAWS, np.random.default_rng(2)), grid)
    if found is None:
        assert name == "structured"  # lanes that share the blocks of several lines: no closed form
        return
    assert abs(found - drawn.mean()) < 4 * drawn.std() / DRAWS**0.5 + 1e-9


def test_the_models_draw_what_they_say() -> None:
    """Their own draws have the same law: the largest count of lanes, on average."""
    for name, parameters, shape, grid in CASES:
        model = build_model(Density(name, tuple(parameters.items())), Subject(shape, 0, (("t",), ("k",))))
        mine = model.drawn(DRAWS, np.random.default_rng(3))
        assert mine is not None and mine.shape == (DRAWS, *shape)
        own = largest(np.moveaxis(mine, 0, -1), grid)
        other = largest(draw_many(name, parameters, shape, DRAWS, np.random.default_rng(4)), grid)
        error = (own.var() / DRAWS + other.var() / DRAWS) ** 0.5
        assert abs(own.mean() - other.mean()) < 4 * error + 1e-9, (name, grid)


@pytest.mark.parametrize(("n", "total", "nonzeros", "lanes"), [(2, 6, 3, 3), (3, 7, 2, 2), (2, 9, 8, 2), (1, 5, 2, 4)])
def test_lanes_of_one_draw_by_enumeration(n: int, total: int, nonzeros: int, lanes: int) -> None:
    exact = 0.0
    for counts in product(range(n + 1), repeat=lanes):
        rest = nonzeros - sum(counts)
        if 0 <= rest <= total - n * lanes:
            exact += (
                max(counts) * prod(comb(n, c) for c in counts) * comb(total - n * lanes, rest) / comb(total, nonzeros)
            )
    assert of_drawn(n, total, nonzeros / total, lanes) == pytest.approx(exact, rel=1e-12)


def test_extremes() -> None:
    """Rare, many, certain: finite and what the leading order says."""
    assert of_binomials(10**9, 1e-12, 1000) == pytest.approx(1 - np.exp(-1.0), rel=1e-3)  # one at most, somewhere
    assert of_binomials(10**12, 0.5, 1) == pytest.approx(5e11, rel=1e-9)
    assert of_binomials(10**12, 0.5, 2) == pytest.approx(5e11 + 5e5 / np.pi**0.5, rel=1e-9)
    assert of_binomials(5, 1.0, 7) == 5 and of_binomials(5, 0.0, 7) == 0
    assert of_drawn(10**6, 10**12, 1e-12, 4) == pytest.approx(4e-6, rel=1e-3)
    assert of_drawn(1000, 10**9, 0.25, 16) == pytest.approx(of_binomials(1000, 0.25, 16))
    assert of_alike(np.array([0.75, 0.25]), 2) == pytest.approx(1 - 0.75**2)
