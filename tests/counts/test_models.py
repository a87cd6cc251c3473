"""Density models against brute force: every placement of tiny tensors, counting, or many draws with fixed seeds."""

from __future__ import annotations

from fractions import Fraction
from itertools import combinations, product
from math import comb, floor, prod
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sata.counts.density import MODELS, Model, Sight, build_model, model_of, over_grid
from sata.counts.density.chances import both_chances, clustered, empty, none_of, summed_distribution
from sata.counts.density.interface import BadParameter, Subject
from sata.counts.density.measured import measure_tensor
from sata.specs.model import Density, Dim, Tensor
from sata.specs.text.faults import SpecError
from tests.oracle.draws import draw, pickard

SIGMAS = 4


def model(name: str, shape: tuple[int, ...], time: int | None = 0, **parameters: Any) -> Model:
    frozen = tuple((k, tuple(v) if isinstance(v, list) else v) for k, v in parameters.items())
    return build_model(Density(name, frozen), Subject(shape, time, tuple((f"r{n}",) for n in range(len(shape)))))


def tensor(shape: tuple[int, ...], density: Any, time: bool = True) -> Tensor:
    names = (["t"] if time else ["a"]) + [f"r{n}" for n in range(1, len(shape))]
    return Tensor("S", "spike", tuple(Dim(((r, 1),), 0, n) for r, n in zip(names, shape, strict=True)), "input",
                  density=density)  # fmt: skip


def features(m: Model, sets: tuple[tuple[int, ...], ...]) -> tuple[Any, ...]:
    return tuple(np.array(m.feature(d, sum(1 << c for c in chosen))) for d, chosen in enumerate(sets))


def subsets(size: int) -> list[tuple[int, ...]]:
    return [chosen for n in range(size + 1) for chosen in combinations(range(size), n)]


def tiles(shape: tuple[int, ...]) -> list[tuple[tuple[int, ...], ...]]:
    """Every product of sets of coordinates, empty ones too."""
    return list(product(*(subsets(size) for size in shape)))


def some_tiles(shape: tuple[int, ...], number: int, seed: int) -> list[tuple[tuple[int, ...], ...]]:
    rng = np.random.default_rng(seed)
    return [tuple(tuple(int(c) for c in np.flatnonzero(rng.random(size) < rng.choice([0.2, 0.6, 1]))) for size in shape)
            for _ in range(number)]  # fmt: skip


def counts_over(tensors: list[tuple[float, Any]], sets: tuple[tuple[int, ...], ...]) -> dict[int, float]:
    """Number of non-zeros in a tile -> its probability, over all tensors with theirs."""
    found: dict[int, float] = {}
    for chance, values in tensors:
        n = int(values[np.ix_(*sets)].sum()) if all(sets) else 0
        found[n] = found.get(n, 0.0) + chance
    return found


def check(m: Model, tensors: list[tuple[float, Any]], sets: tuple[tuple[int, ...], ...]) -> None:
    """All answers of a model for a tile, against the probabilities of all tensors."""
    exact, tile = counts_over(tensors, sets), features(m, sets)
    mean = sum(n * p for n, p in exact.items())
    assert float(m.p_empty(*tile)) == pytest.approx(exact.get(0, 0.0), abs=1e-12)
    assert float(m.expected(*tile)) == pytest.approx(mean, abs=1e-12)
    distribution = m.distribution(*(int(f) for f in tile))
    assert len(distribution) == prod(map(len, sets)) + 1
    assert distribution == pytest.approx([exact.get(n, 0.0) for n in range(len(distribution))], abs=1e-12)
    for q in (0.1, 0.5, 0.9, 0.999, 1.0):
        smallest = next(n for n in range(len(distribution)) if sum(exact.get(k, 0.0) for k in range(n + 1)) >= q - 1e-9)
        assert float(m.quantile(q, *tile)) == smallest


# --- every placement ----------------------------------------------------------------------------------------------


def placements(shape: tuple[int, ...], density: float) -> list[tuple[float, Any]]:
    """Every tensor with dN non-zeros, or with the two whole numbers around it in the shares that make dN the mean."""
    total = prod(shape)
    mean = Fraction(density).limit_denominator(1000) * total
    found = []
    for number, share in ((floor(mean), 1 - (mean - floor(mean))), (floor(mean) + 1, mean - floor(mean))):
        chosen = list(combinations(range(total), number)) if share else []
        for places in chosen:
            values = np.zeros(total, dtype=int)
            values[list(places)] = 1
            found.append((float(share / len(chosen)), values.reshape(shape)))
    return found


@pytest.mark.parametrize("density", [0, 0.1, 1 / 3, 0.5, 0.9, 1])
@pytest.mark.parametrize("shape", [(6,), (2, 4), (1, 2, 3)])
def test_uniform(shape: tuple[int, ...], density: float) -> None:
    m = model_of(tensor(shape, density))
    found = placements(shape, density)
    for sets in [*tiles(shape)[::7], tuple(tuple(range(n)) for n in shape)]:
        check(m, found, sets)


def test_uniform_by_steps() -> None:
    shape, density = (3, 4), (0.25, 0.6, 0.25)
    m = model_of(tensor(shape, density))
    steps = [placements((4,), d) for d in density]
    found = [(a * b * c, np.stack([x, y, z])) for (a, x), (b, y), (c, z) in product(*steps)]
    for sets in tiles(shape):
        check(m, found, sets)
    assert m.sight(0) is Sight.PLACE and m.sight(1) is Sight.SIZE
    assert m.feature(0, 0b001) == m.feature(0, 0b100) != m.feature(0, 0b010)  # the same density, the same feature
    assert m.marginals() == density


@pytest.mark.parametrize(("nonzeros", "block"), [(0, 2), (1, 2), (2, 3), (2, 4), (3, 3), (2, 8)])
def test_structured(nonzeros: int, block: int) -> None:
    shape = (2, 5)
    m = model("structured", shape, nonzeros=nonzeros, block=block, along=1)
    blocks = []
    for places in combinations(range(block), nonzeros):
        line = np.zeros(block, dtype=int)
        line[list(places)] = 1
        blocks.append(line)
    lines = [np.concatenate(chosen)[:5] for chosen in product(blocks, repeat=-(-5 // block))]
    found = [(1 / len(lines) ** 2, np.stack(pair)) for pair in product(lines, repeat=2)]
    for sets in tiles(shape)[::9]:
        check(m, found, sets)
    assert m.density == pytest.approx(nonzeros / block)


# --- counting -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("along", [None, [0, 2], [2, 0], [1, 2]])
@pytest.mark.parametrize("width", [0, 1, 3, 9])
def test_banded(along: list[int] | None, width: int) -> None:
    shape = (3, 4, 6)
    parameters: dict[str, Any] = {"width": width} | ({"along": along} if along else {})
    m = model("banded", shape, **parameters)
    values = draw("banded", parameters, shape, np.random.default_rng(0))
    for sets in some_tiles(shape, 60, width):
        check(m, [(1.0, values)], sets)
    assert m.density == pytest.approx(values.mean())
    assert m.deterministic


def traced(values: Any, folder: Path, time: int | None = 0, **arrays: Any) -> Model:
    np.savez(folder / "spikes.npz", a=values, **arrays)
    density = Density("trace", (("file", "spikes.npz"), ("array", "a")), folder=str(folder))
    return build_model(density, Subject(values.shape, time, (), str(folder)))


def test_trace(tmp_path: Path) -> None:
    values = (np.random.default_rng(5).random((3, 4, 5, 6)) < 0.1).astype(np.uint8)
    m = traced(values, tmp_path)
    for sets in some_tiles(values.shape, 200, 1):
        check(m, [(1.0, values)], sets)
    assert m.density == values.mean()
    assert m.marginals() == tuple(values.mean(axis=(1, 2, 3)))


@pytest.mark.parametrize("mesh", [1 << 22, 0])
def test_a_trace_counts_many_tiles_alike(mesh: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An open mesh, or the same tiles in a long row, in any order: by the mesh, and by combinations."""
    monkeypatch.setattr("sata.counts.density.trace.MESH", mesh)
    rng = np.random.default_rng(6)
    values = (rng.random((4, 5, 6)) < 0.2).astype(np.uint8)
    m = traced(values, tmp_path)
    masks = [[0, *(int(v) for v in rng.integers(0, 1 << size, 7))] for size in values.shape]
    numbers = [np.array([m.feature(d, mask) for mask in row]) for d, row in enumerate(masks)]
    mesh_of = [n.reshape([-1 if d == axis else 1 for d in range(3)]) for axis, n in enumerate(numbers)]
    bits = [np.array([[mask >> c & 1 for c in range(size)] for mask in row])
            for row, size in zip(masks, values.shape, strict=True)]  # fmt: skip
    exact = np.einsum("abc,ia,jb,kc->ijk", values, *bits)
    assert (m.expected(*mesh_of) == exact).all()
    i, j, k = rng.integers(0, 8, (3, 40))
    assert (m.expected(numbers[0][i], numbers[1][j], numbers[2][k]) == exact[i, j, k]).all()
    assert (m.p_empty(numbers[0][i], numbers[1][j], numbers[2][k]) == (exact[i, j, k] == 0)).all()


# --- draws --------------------------------------------------------------------------------------------------------


def many_draws(name: str, parameters: dict[str, Any], shape: tuple[int, ...], number: int, seed: int) -> list[Any]:
    rng = np.random.default_rng(seed)
    return [draw(name, parameters, shape, rng) for _ in range(number)]


def close(m: Model, draws: list[Any], sets: tuple[tuple[int, ...], ...], what: str = "all") -> None:
    """Share of empty tiles and mean number of non-zeros, within a few standard errors."""
    found = np.array([values[np.ix_(*sets)].sum() if all(sets) else 0 for values in draws], dtype=float)
    tile = features(m, sets)
    p = float(m.p_empty(*tile))
    error = (max(p * (1 - p), 1e-9) / len(draws)) ** 0.5
    assert abs((found == 0).mean() - p) <= SIGMAS * error + 1e-9, (m, sets)
    spread = found.std() / len(draws) ** 0.5
    assert abs(found.mean() - float(m.expected(*tile))) <= SIGMAS * spread + 1e-9, (m, sets)
    if what == "all":
        chances = m.distribution(*(int(f) for f in tile))
        shares = np.bincount(found.astype(int), minlength=len(chances)) / len(draws)
        assert (abs(shares - chances) <= 5 * (chances * (1 - chances) / len(draws)) ** 0.5 + 2e-3).all(), (m, sets)


@pytest.mark.parametrize("parameters", [
    {"density": 0.2, "silent": 0.6},
    {"density": 0.4, "silent": 0.6},  # who is not silent always fires
    {"density": 0.3, "silent": 0},
    {"density": [0.1, 0.3, 0.0, 0.3], "silent": 0.5},
    {"density": 0, "silent": 1},
])  # fmt: skip
def test_temporal(parameters: dict[str, Any]) -> None:
    shape = (4, 3, 2)
    m, draws = model("temporal", shape, **parameters), many_draws("temporal", parameters, shape, 4000, 1)
    for sets in some_tiles(shape, 25, 2):
        close(m, draws, sets)


FIELDS: list[dict[str, Any]] = [
    {"density": 0.3, "q_row": 0.15, "q_col": 0.2, "q_in": 0.1},
    {"density": 0.1, "q_row": 0.05, "q_col": 0.03, "q_in": 0.012},
    {"density": 0.2, "q_row": 0.2, "q_col": 0.2, "q_in": 0.2},  # independent
    {"density": 0.5, "q_row": 0.2, "q_col": 0.6, "q_in": 0.25},
    {"density": 0, "q_row": 0, "q_col": 0, "q_in": 0},
]


@pytest.mark.parametrize("parameters", FIELDS)
def test_runs(parameters: dict[str, Any]) -> None:
    """Rectangles anywhere, and lines with gaps."""
    shape = (2, 1, 6, 7)
    m = model("runs", shape, **parameters)
    together = draw("runs", parameters, (2, 4000, 6, 7), np.random.default_rng(3))  # channels are independent
    draws = [together[:, n : n + 1] for n in range(4000)]
    rng = np.random.default_rng(4)
    for _ in range(20):
        (top, high), (left, wide) = rng.integers(0, 4, 2), rng.integers(1, 4, 2)
        rectangle = (tuple(range(top, min(top + left + 1, 6))), tuple(range(high, min(high + wide, 7))))
        close(m, draws, ((0, 1)[: rng.integers(1, 3)], (0,), *rectangle), "empty")
    for line in [(0, 2), (0, 1, 4), (1, 5), (0, 3, 6)]:
        close(m, draws, ((0,), (0,), (2,), line), "empty")
        close(m, draws, ((0,), (0,), tuple(c for c in line if c < 6), (3,)), "empty")


def test_runs_over_gaps_of_independent_elements_are_uniform_and_gaps_are_told_apart() -> None:
    m = model("runs", (1, 9, 9), density=0.2, q_row=0.2, q_col=0.2, q_in=0.2)
    tile = features(m, ((0,), (0, 2, 5), (1, 2, 8)))
    assert float(m.p_empty(*tile)) == pytest.approx(0.8**9)
    field = model("runs", (1, 9, 9), density=0.2, q_row=0.1, q_col=0.1, q_in=0.05)
    assert field.feature(2, 0b11) == field.feature(2, 0b110) != field.feature(2, 0b101)
    assert field.sight(2) is Sight.SHAPE and field.sight(0) is Sight.SIZE


def test_the_drawn_field_is_stationary() -> None:
    """What the tests above compare with is itself what it should be: rows and columns with the chances asked for."""
    parameters = FIELDS[0]
    field = draw("runs", parameters, (1, 400, 400), np.random.default_rng(8))[0]
    assert field.mean() == pytest.approx(0.3, abs=0.02)
    assert field[:, 1:][field[:, :-1] == 0].mean() == pytest.approx(0.15, abs=0.01)
    assert field[1:][field[:-1] == 0].mean() == pytest.approx(0.2, abs=0.01)
    with pytest.raises(ValueError):
        pickard(0.3, 0.15, 0.2, 0.9)


# --- blocks -------------------------------------------------------------------------------------------------------

TABLE = {"extents": [[1, 2], [1], [1, 2, 4]], "occupied": [0.1, 0.15, 0.2, 0.12, 0.2, 0.3]}


def table(**changes: Any) -> Model:
    parameters = TABLE | changes
    frozen = {"extents": tuple(tuple(row) for row in parameters["extents"]), "occupied": tuple(parameters["occupied"])}
    return model("blocks", (4, 3, 8), **frozen)


def test_blocks_at_and_between_the_rows_of_the_table() -> None:
    m = table()
    nodes = [float(m.p_empty(a, 1, b)) for a in (1, 2) for b in (1, 2, 4)]
    assert nodes == pytest.approx([1 - v for v in TABLE["occupied"]], abs=1e-12)
    between = float(m.p_empty(1, 1, 3))
    assert 0.8 < between < 0.85
    assert float(m.expected(2, 1, 3)) == pytest.approx(0.6)
    assert float(m.p_empty(0, 1, 3)) == 1


def test_blocks_of_independent_elements_are_met_everywhere() -> None:
    occupied = [1 - 0.9 ** (a * b) for a in (1, 2) for b in (1, 2, 4)]
    m = table(occupied=occupied)
    for a, b in product((1, 2), (1, 2, 3, 4)):
        assert float(m.p_empty(a, 1, b)) == pytest.approx(0.9 ** (a * b), abs=1e-12)


def test_blocks_outside_the_table() -> None:
    with pytest.raises(SpecError, match="a tile has the extent 5 in dimension 2; .* ends at 4"):
        table().p_empty(np.array([1, 2]), np.array(1), np.array([3, 5]))


@pytest.mark.parametrize("name", ["uniform", "blocks", "runs", "temporal"])
def test_measured_parameters_describe_what_they_were_measured_in(name: str) -> None:
    """Each model drawn (or any tensor, for a table), measured, and made again."""
    parameters = {"uniform": {"density": 0.2}, "temporal": {"density": 0.2, "silent": 0.6}}.get(name, FIELDS[0])
    values = draw(name if name != "blocks" else "runs", parameters, (4, 40, 16, 16), np.random.default_rng(9)) != 0
    measured = MODELS[name].measure(values, 0)
    assert measured is not None
    if name == "blocks":
        m = MODELS[name].read(measured, Subject(values.shape, 0))
        assert over_grid(m, (2, 1, 4, 4)).p_empty == pytest.approx(over_grid_by_hand(values, (2, 1, 4, 4)))
        assert over_grid(m, (2, 1, 3, 3)).p_empty == pytest.approx(over_grid_by_hand(values, (2, 1, 3, 3)), abs=0.01)
    else:
        assert measured == pytest.approx(parameters, abs=0.01)


def over_grid_by_hand(values: Any, extents: tuple[int, ...]) -> float:
    starts = [range(0, size, extent) for size, extent in zip(values.shape, extents, strict=True)]
    found = [values[tuple(slice(s, s + e) for s, e in zip(at, extents, strict=True))].any() for at in product(*starts)]
    return 1 - float(np.mean(found))


# --- all of them --------------------------------------------------------------------------------------------------

EVERY: dict[str, dict[str, Any]] = {
    "uniform": {"density": 0.3},
    "structured": {"nonzeros": 2, "block": 4, "along": 2},
    "banded": {"width": 2},
    "temporal": {"density": [0.1, 0.2, 0.3], "silent": 0.5},
    "runs": FIELDS[0],
    "blocks": {"extents": ((1, 3), (1, 2), (1, 5)), "occupied": (0.1, 0.3, 0.15, 0.4, 0.2, 0.4, 0.3, 0.5)},
}


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(sorted(EVERY)), st.integers(1, 7), st.integers(1, 3), st.integers(1, 31), st.floats(0.01, 0.999))
def test_answers_agree_with_each_other(name: str, steps: int, middle: int, last: int, q: float) -> None:
    """Distribution, mean, chance of none and quantile of one tile; the same tile in an array of tiles."""
    m = model(name, (3, 2, 5), **EVERY[name])
    tile = tuple(np.array(m.feature(d, mask)) for d, mask in enumerate((steps, middle, last)))
    chances = m.distribution(*(int(f) for f in tile))
    number = np.arange(len(chances))
    assert len(chances) == steps.bit_count() * middle.bit_count() * last.bit_count() + 1
    assert chances.min() >= 0
    assert chances.sum() == pytest.approx(1)
    assert chances[0] == pytest.approx(float(m.p_empty(*tile)), abs=1e-12)
    exact = m.expected(*tile)
    assert chances @ number == pytest.approx(float(exact), rel=1e-6)
    many = m.quantile(q, *(np.full((2, 3), f) for f in tile))
    assert many.shape == (2, 3)
    assert many[0, 0] == next(n for n in number if chances[: n + 1].sum() >= q * (1 - 1e-9))
    nothing = (np.zeros(1, dtype=int), *(np.full(1, f) for f in tile[1:]))
    assert m.p_empty(*nothing)[0] == 1
    assert m.expected(*nothing)[0] == 0


@pytest.mark.parametrize("name", sorted(EVERY))
def test_over_grid_is_the_mean_over_tiles(name: str) -> None:
    m = model(name, (3, 2, 5), **EVERY[name])
    tiles_ = [features(m, sets) for sets in product([(0, 1), (2,)], [(0, 1)], [(0, 1, 2), (3, 4)])]
    grid = over_grid(m, (2, 2, 3))
    assert grid.tiles == 4
    assert grid.p_empty == pytest.approx(np.mean([float(m.p_empty(*t)) for t in tiles_]))
    assert grid.expected == pytest.approx(np.mean([float(m.expected(*t)) for t in tiles_]))


@pytest.mark.parametrize("name", sorted(EVERY))
def test_many_tiles_at_once_are_answered_like_one_by_one(name: str) -> None:
    """In any order, and as an open mesh."""
    m = model(name, (3, 2, 5), **EVERY[name])
    rng = np.random.default_rng(7)
    known = [np.array([m.feature(d, mask) for mask in range(1 << size)]) for d, size in enumerate((3, 2, 5))]
    many = [row[rng.integers(0, len(row), 6000)] for row in known]
    some = range(0, 6000, 61)
    for answer in (m.p_empty, m.expected):
        single = [float(answer(*(np.array(f[i]) for f in many))) for i in some]
        assert answer(*many)[some] == pytest.approx(single)
        mesh = answer(known[0][:, None, None], known[1][:, None], known[2])
        assert mesh.shape == (8, 4, 32)
        assert mesh[5, 3, 17] == pytest.approx(
            float(answer(*(np.array(k[i]) for k, i in zip(known, (5, 3, 17), strict=True))))
        )


@pytest.mark.parametrize("name", sorted(EVERY))
def test_models_are_values(name: str) -> None:
    frozen = tuple((k, tuple(v) if isinstance(v, list) else v) for k, v in EVERY[name].items())
    one, two = (model_of(tensor((3, 2, 5), Density(name, frozen))) for _ in range(2))
    assert one is two  # so that features mean the same
    assert hash(one) == hash(model(name, (3, 2, 5), **EVERY[name]))
    assert one == model(name, (3, 2, 5), **EVERY[name])
    assert one.feature(0, 0) == one.feature(2, 0) == 0


def test_what_a_number_means() -> None:
    assert model_of(tensor((2, 3), None)).density == 1
    assert model_of(tensor((2, 3), (0.1, 0.3))).density == pytest.approx(0.2)
    assert model_of(tensor((2, 3), (0.1, 0.1))) == model_of(tensor((2, 3), 0.1))
    assert model_of(Tensor("a", "weight", (), "input", density=0.25)).p_empty() == 0.75
    dense, none = model_of(tensor((2, 3), 1)), model_of(tensor((2, 3), 0))
    assert dense.p_empty(np.array(1), np.array(1)) == 0 and none.p_empty(np.array(2), np.array(3)) == 1


# --- large tensors ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("total", [1, 30, 1000, 5000])
def test_chances_are_exact_to_the_last_digits(total: int) -> None:
    for nonzeros in sorted({0, 1, total // 7, total // 2, total - 1, total}):
        sizes = np.unique(np.linspace(0, total, 40).astype(int))
        for n, found in zip(sizes, none_of(sizes, total, nonzeros), strict=True):
            exact = Fraction(comb(total - nonzeros, int(n)), comb(total, int(n)))
            assert found == pytest.approx(float(exact), rel=1e-11, abs=1e-280)


def test_chances_of_huge_tensors() -> None:
    """10^9 elements: near those of independent draws."""
    n = np.array([0, 1, 1000, 10**6])
    assert none_of(n, 10**9, 10**6) == pytest.approx([1, 0.999, 0.999**1000, 0.0], rel=1e-6)
    assert none_of(np.array([10**9 - 2]), 10**9, 1) == pytest.approx([2e-9])
    assert empty(np.array([3]), 10**9, 0.5) == pytest.approx([0.125])


@pytest.mark.parametrize(
    ("n", "density", "p"), [(9, 0.2, 0.4), (9, 0.2, 0.8), (64, 0.05, 0.3), (5, 0.2, 0.1), (4, 0.5, 0.5)]
)
def test_clustered_keeps_mean_and_chance_of_none(n: int, density: float, p: float) -> None:
    chances = clustered(n, density, p)
    assert chances[0] == pytest.approx(p)
    assert chances.sum() == pytest.approx(1, abs=1e-9)
    assert chances @ np.arange(n + 1) == pytest.approx(n * density, rel=1e-6)


# --- large tiles ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("chances", "times"), [([0.7, 0.2, 0.1], 4001), ([0.9] + [0.0] * 49 + [0.1], 211)])
def test_a_sum_of_many_counts_is_what_adding_one_by_one_makes(chances: list[float], times: int) -> None:
    found, exact = summed_distribution(np.array(chances), times), np.ones(1)
    for _ in range(times):
        exact = np.convolve(exact, chances)
    assert len(found) == len(exact)
    assert np.abs(found - exact).max() < 1e-14
    other = np.roll(exact, -len(exact) // 3)
    assert np.abs(both_chances(found, other) - np.convolve(exact, other)).max() < 1e-14


LARGE: dict[str, tuple[dict[str, Any], int]] = {  # parameters, and the most that 4 x 30 x 50 elements can hold
    "uniform": ({"density": 0.1}, 6000),
    "uniform by steps": ({"density": [0.0, 0.001, 0.2, 0.3]}, 90 + 2 * 1500),
    "structured": ({"nonzeros": 1, "block": 4, "along": "r2"}, 4 * 30 * 13),
    "temporal": ({"density": [0.0, 0.1, 0.2, 0.3], "silent": 0.5}, 3 * 1500),
    "runs": ({"density": 0.1, "q_row": 0.05, "q_col": 0.05, "q_in": 0.02}, 6000),
    "blocks": ({"extents": [[1, 4], [1, 300], [1, 300]], "occupied": [0.1] + [0.9] * 7}, 6000),
}


@pytest.mark.parametrize("name", sorted(LARGE))
def test_the_quantile_of_all_tiles_is_the_worst_case_however_unlikely(name: str) -> None:
    parameters, most = LARGE[name]
    m = model(name.split(maxsplit=1)[0], (4, 300, 300), **parameters)
    tile = features(m, (tuple(range(4)), tuple(range(30)), tuple(range(50))))
    assert float(m.quantile(1.0, *tile)) == most
    assert float(m.expected(*tile)) < float(m.quantile(0.999, *tile)) <= most


@pytest.mark.parametrize("name", ["trace", "structured", "banded"])
def test_dimensions_too_long_to_be_laid_out_are_refused(name: str, tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.chdir(tmp_path)
    np.savez("s.npz", s=np.ones((2, 65_537), dtype=bool))
    given = {"trace": {"file": "s.npz"}, "structured": {"nonzeros": 1, "block": 2, "along": 1},
             "banded": {"width": 1, "along": [0, 1]}}[name]  # fmt: skip
    with pytest.raises(BadParameter, match="65,536 coordinates in a dimension; dimension 1 of the tensor has 65,537"):
        model(name, (2, 65_537), **given)


def test_long_recordings_are_measured() -> None:
    """260,000 elements in one dimension: a mask each would take 4 GiB."""
    values = np.random.default_rng(5).random((2, 2, 1 << 18)) < 0.25
    found = measure_tensor(values, 0)
    row = next(c for c in found.compared if c.tile.label == "row of 4")
    assert row.counted == 1 - values.reshape(-1, 4).any(axis=1).mean()
    for name in ("uniform", "runs", "blocks"):
        assert row.predicted[name] == pytest.approx(row.counted, abs=0.002)


# --- extreme parameters -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("density", [1e-300, 1e-15, 1e-12, 1e-9])
@pytest.mark.parametrize("shape", [(4, 10**9), (10**6, 1000), (10**9, 10**9), (1, 7), (1, 1)])
@pytest.mark.parametrize("name", ["uniform", "temporal"])
def test_rare_non_zeros(name: str, shape: tuple[int, ...], density: float, recwarn: Any) -> None:
    """A tile holds one about as often as it has them on average, to all digits; where that is less than one."""
    m = model(name, shape, **({"density": density} | ({"silent": 0.5} if name == "temporal" else {})))
    for tile in [(1, 1), shape, tuple(min(n, 3) for n in shape)]:
        mean, some, none = (float(f(*tile)) for f in (m.expected, m.p_occupied, m.p_empty))
        assert 0 <= none <= 1 and 0 <= some <= mean * (1 + 1e-12) and abs(1 - none - some) < 1e-12
        if mean < 1e-3:  # two of them are rarer still
            assert some == pytest.approx(mean, rel=2 * mean + 4 * density + 1e-11)
    assert not recwarn.list


@pytest.mark.parametrize("name", ["uniform", "temporal", "structured", "runs"])
def test_occupied_is_what_is_not_empty(name: str) -> None:
    parameters = {"uniform": {"density": (0.25, 0.0, 1.0)}, "temporal": {"density": (0.2, 0.0, 0.6), "silent": 0.4},
                  "structured": {"nonzeros": 2, "block": 4, "along": 1},
                  "runs": {"density": 0.2, "q_row": 0.1, "q_col": 0.05, "q_in": 0.02}}[name]  # fmt: skip
    shape = (3, 6, 4)
    m = model(name, shape, **parameters)  # type: ignore[arg-type]
    for sets in some_tiles(shape, 60, 3):
        tile = features(m, sets)
        assert float(m.p_occupied(*tile)) == pytest.approx(1 - float(m.p_empty(*tile)), abs=1e-14)
