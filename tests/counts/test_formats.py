"""What formats occupy, against tensors that are encoded literally: exact, by enumeration of all placements."""

from __future__ import annotations

import random
import time
from itertools import combinations, product
from math import comb, prod
from typing import Any

import numpy as np
import pytest

from sata.counts.density import MODELS as MODEL_CLASSES
from sata.counts.density.interface import Subject
from sata.counts.density.trace import Trace
from sata.counts.density.uniform import Uniform
from sata.counts.sparse.subtiles import SubtileGrid, tiles_of
from sata.counts.storage.formats import encoded, field_bits, layout, stored_bits, value_bits
from sata.specs.encodings import FORMATS
from sata.specs.formats import RankFormat, TensorFormat
from sata.specs.model import Dim, Tensor
from tests.counts import formats_by_hand as hand
from tests.oracle.draws import draw

ONE = [("uncompressed",), ("bitmask",), ("run_length",), ("coordinate",), ("events",)]
OUTER = ["uncompressed", "bitmask", "run_length", "coordinate", "offsets"]
TWO = [(a, *b) for a in OUTER for b in ONE]
THREE = [(a, *b) for a in OUTER for b in TWO]


def form(*names: str, bits: int | None = None) -> TensorFormat:
    """A format; `bits` for its run lengths."""
    return TensorFormat(tuple(RankFormat(n, bits if n == "run_length" else None) for n in names))


def tensor(*sizes: int, density: object = None, names: str = "abcdef") -> Tensor:
    dims = tuple(Dim(((rank, 1),), 0, size) for rank, size in zip(names, sizes, strict=False))
    return Tensor("A", "spike", dims, "input", density=density)  # type: ignore[arg-type]


def placements(shape: tuple[int, ...], nonzeros: int) -> list[np.ndarray]:
    """Every tensor of the shape with that many ones."""
    found = []
    for places in combinations(range(prod(shape)), nonzeros):
        flat = np.zeros(prod(shape), dtype=int)
        flat[list(places)] = 1
        found.append(flat.reshape(shape))
    return found


def grid(model: object, shape: tuple[int, ...], extents: tuple[int, ...]) -> SubtileGrid:
    return SubtileGrid(model, [tiles_of(n, e) for n, e in zip(shape, extents, strict=True)])


def test_every_format_is_compared_with_the_count_by_hand() -> None:
    assert {name for names in (*ONE, *TWO) for name in names} == set(FORMATS)


@pytest.mark.parametrize("names", ONE + TWO, ids="-".join)
@pytest.mark.parametrize(("shape", "extents", "nonzeros"), [
    ((2, 5), (2, 5), 3), ((3, 4), (2, 3), 2), ((2, 6), (1, 6), 3), ((2, 5), (2, 5), 0), ((2, 3), (2, 2), 6),
])  # fmt: skip
def test_expected_occupancy_is_the_mean_over_all_placements(
    names: tuple[str, ...], shape: tuple[int, ...], extents: tuple[int, ...], nonzeros: int
) -> None:
    """Of tensors with a given number of non-zeros, cut into tiles, ragged ones included; runs of at most 1."""
    chosen = form(*names, bits=1)
    fields = field_bits(chosen.ranks, shape, None)
    ranks = list(zip(names, fields, strict=True))
    elements, metadata = hand.mean(lambda t: hand.measured(t, extents, ranks), placements(shape, nonzeros))
    found = stored_bits(chosen.ranks, fields, grid(Uniform(shape, None, (nonzeros / prod(shape),)), shape, extents))
    assert found.elements == pytest.approx(elements, rel=1e-9, abs=1e-9)
    assert found.metadata_bits == pytest.approx(metadata, rel=1e-9, abs=1e-9)


@pytest.mark.parametrize("names", TWO, ids="-".join)
def test_densities_of_each_step_weigh_its_fibres(names: tuple[str, ...]) -> None:
    """Two steps with 1 and 3 of 4 elements; each placement of one with each of the other."""
    draws = [np.stack(pair) for pair in product(placements((4,), 1), placements((4,), 3))]
    chosen = form(*names, bits=1)
    fields = field_bits(chosen.ranks, (2, 4), 0)
    ranks = list(zip(names, fields, strict=True))
    model = Uniform((2, 4), 0, (0.25, 0.75))
    for extents in ((2, 4), (1, 3)):
        elements, metadata = hand.mean(lambda t, e=extents: hand.measured(t, e, ranks), draws)  # type: ignore[misc]
        found = stored_bits(chosen.ranks, fields, grid(model, (2, 4), extents))
        assert found.elements == pytest.approx(elements, rel=1e-9)
        assert found.metadata_bits == pytest.approx(metadata, rel=1e-9)


@pytest.mark.parametrize("seed", range(60))
def test_of_a_trace_every_bit_is_known(seed: int) -> None:
    """Random tensors of one to three dimensions in random formats, cut into random tiles: exactly equal."""
    rng = random.Random(seed)
    shape = tuple(rng.randint(1, 7) for _ in range(rng.randint(1, 3)))
    names = rng.choice([n for n in ONE + TWO + THREE if len(n) <= len(shape)])
    extents = tuple(rng.randint(1, n) for n in shape)
    values = np.random.default_rng(seed).random(shape) < rng.choice((0.0, 0.1, 0.4, 0.9, 1.0))
    chosen = form(*names, bits=rng.choice((1, 2)))
    fields = field_bits(chosen.ranks, shape, None)
    found = stored_bits(chosen.ranks, fields, grid(Trace(shape, None, str(seed), values), shape, extents))
    assert (found.elements, found.metadata_bits) == hand.measured(
        values.astype(int), extents, list(zip(names, fields, strict=True))
    )


@pytest.mark.parametrize("seed", range(20))
def test_what_is_encoded_is_all_there(seed: int) -> None:
    """The encoder that the product is measured by loses nothing."""
    rng = np.random.default_rng(seed)
    flat = (rng.random(40) < rng.choice((0.0, 0.1, 0.6))).astype(int)
    for rank in (("run_length", 1), ("run_length", 3), ("coordinate", 6), ("events", 6)):
        assert (hand.decode_flat(hand.encode(flat, [rank]), 40, rank) == flat).all()
    cube = flat.reshape(4, 5, 2)
    for names in product(("uncompressed", "bitmask", "offsets"), ("uncompressed", "bitmask", "offsets"),
                         ("uncompressed", "bitmask")):  # fmt: skip
        ranks = [(name, 6) for name in names]
        assert (hand.decode(hand.encode(cube, ranks), (4, 5, 2), ranks) == cube).all()


def test_runs_of_a_random_model_that_knows_places_fall_as_independent_elements() -> None:
    """The documented estimate, against draws: a flattened rank of a tensor whose steps differ in density."""
    shape = (2, 64)
    rng = np.random.default_rng(1)
    draws = [
        np.array([rng.permutation(np.arange(64) < nonzeros) for nonzeros in (6, 7)]).astype(int) for _ in range(500)
    ]
    counts = np.array([hand.measured(draw, shape, [("run_length", 2)])[0] for draw in draws])
    model = Uniform(shape, 0, (6 / 64, 7 / 64))
    found = stored_bits((RankFormat("run_length", 2),), (2,), grid(model, shape, shape))
    error = 4 * counts.std(ddof=1) / len(counts) ** 0.5
    assert abs(found.elements - counts.mean()) < error + 0.02 * counts.mean()  # an estimate: 2 % is its own


MODELS = [
    ("structured", {"nonzeros": 1, "block": 3, "along": 1}, 0),
    ("banded", {"width": 1}, None),
    ("temporal", {"density": 0.3, "silent": 0.4}, 0),
    ("temporal", {"density": [0.1, 0.2, 0.4, 0.3], "silent": 0.3}, 0),
    ("runs", {"density": 0.3, "q_row": 0.15, "q_col": 0.2, "q_in": 0.1}, None),
    ("uniform", {"density": [0.1, 0.2, 0.6, 0.3]}, 0),
    ("uniform", {"density": 0.3}, None),
]
SHAPE = (4, 6)  # of the models' tensors


@pytest.mark.parametrize("names", [("offsets", "coordinate"), ("bitmask", "bitmask"), ("run_length", "run_length"),
                                   ("bitmask", "uncompressed"), ("uncompressed", "run_length")], ids="-".join)  # fmt: skip
@pytest.mark.parametrize(("name", "parameters", "time"), MODELS, ids=range(len(MODELS)))
def test_of_every_model_the_mean_over_draws(
    name: str, parameters: dict[str, Any], time: int | None, names: tuple[str, ...]
) -> None:
    """Hierarchies and runs within one dimension are exact under any model; whole tensors, and tiles of 2 x 4."""
    model = MODEL_CLASSES[name].read(parameters, Subject(SHAPE, time, (("t",), ("c",))))
    chosen = form(*names, bits=1)
    fields = field_bits(chosen.ranks, SHAPE, time)
    ranks = list(zip(names, fields, strict=True))
    rng = np.random.default_rng(7)
    draws = [draw(name, parameters, SHAPE, rng, time).astype(int) for _ in range(400)]
    for extents in (SHAPE, (2, 4)):
        sizes = np.array([hand.measured(t, extents, ranks) for t in draws], dtype=float)
        error = 4 * sizes.std(axis=0, ddof=1) / len(draws) ** 0.5 + 1e-9
        found = stored_bits(chosen.ranks, fields, grid(model, SHAPE, extents))
        assert abs(found.elements - sizes[:, 0].mean()) <= error[0]
        assert abs(found.metadata_bits - sizes[:, 1].mean()) <= error[1]


# --- quantiles ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("names", [("bitmask",), ("coordinate",), ("events",), ("offsets", "coordinate")])
@pytest.mark.parametrize("q", [0.5, 0.8, 0.95, 0.99, 1.0])
def test_a_quantile_is_that_of_all_placements(names: tuple[str, ...], q: float) -> None:
    """Smallest number of bits (8 b an element) that a share q of the placements stays within, of a 2 x 3 tile."""
    shape, extents, nonzeros = (4, 3), (2, 3), 5
    chosen = form(*names)
    ranks = list(zip(names, field_bits(chosen.ranks, shape, None), strict=True))
    sizes = []
    for placed in placements(shape, nonzeros):
        elements, metadata = hand.measured(placed[:2], extents, ranks)
        sizes.append(8 * elements + metadata)
    sizes.sort()
    wanted = next(size for n, size in enumerate(sizes, 1) if n >= q * len(sizes) - 1e-9)
    assert len(sizes) == comb(12, 5)
    fitting = layout(chosen, tensor(*shape, density=nonzeros / 12), extents, q).fitting
    assert 8 * fitting.elements + fitting.metadata_bits == pytest.approx(wanted)


def test_what_must_fit_is_the_fullest_tile() -> None:
    """Steps of densities 0, 1/2, 1/4: one step at a time is held, and the second must fit."""
    steps = tensor(3, 8, density=(0.0, 0.5, 0.25), names="tc")
    found = layout(form("coordinate"), steps, (1, 8))
    assert (found.tile.elements, found.tile.metadata_bits) == (4.0, 4.0 * 5)
    assert found.share == pytest.approx(0.25)
    assert found.metadata_bits == pytest.approx(0.25 * 5)
    assert layout(form("coordinate"), steps, (1, 8), 0.99).fitting.elements == 4.0


# --- fields ---------------------------------------------------------------------------------------------------------


def test_fields_reach_as_far_as_the_bounds() -> None:
    """A coordinate names any of 100 positions (7 b), a pointer any number of up to 1200 elements (11 b), an event one of
    100 x 3 addresses (9 b) and one of 4 steps (2 b)."""
    sizes = (4, 100, 3)
    assert field_bits(form("coordinate", "coordinate", "coordinate").ranks, sizes, 0) == [2, 7, 2]
    assert field_bits(form("offsets", "coordinate").ranks, sizes, 0) == [11, 9]
    assert field_bits(form("events").ranks, sizes, 0) == [9 + 2]
    assert field_bits(form("events").ranks, sizes, None) == [11]
    assert field_bits(form("offsets", "events").ranks, sizes, 0) == [11, 9]  # the step is the rank's, not the event's
    assert field_bits(form("run_length", bits=4).ranks, sizes, 0) == [4]
    assert field_bits(form("coordinate").ranks, (1,), None) == [0]


def test_an_event_is_its_own_value_where_elements_have_one_bit() -> None:
    assert value_bits(form("events"), 1) == 0
    assert value_bits(form("events"), 8) == 8
    assert value_bits(form("bitmask"), 1) == 1
    assert value_bits(TensorFormat((RankFormat("bitmask", values=False),)), 1) == 0
    assert value_bits(TensorFormat((RankFormat("events", values=True),)), 1) == 1


def test_a_dense_tensor_in_full_is_what_it_was() -> None:
    found = layout(form("uncompressed"), tensor(4, 6), (2, 3))
    assert (found.tile.elements, found.tile.metadata_bits, found.share, found.metadata_bits) == (6.0, 0.0, 1.0, 0.0)


def test_a_scalar_is_one_element() -> None:
    found = layout(form("bitmask"), tensor(density=0.5), ())
    assert (found.tile.elements, found.tile.metadata_bits, found.share) == (0.5, 1.0, 0.5)


def test_large_tensors_take_no_time() -> None:
    """2^27 elements in the deepest format: sums over sub-tiles that look alike are done once. So many elements are as good
    as independent: the m-th cut of a run needs a non-zero after 16 m zeros of a fibre of 1024."""
    chosen = form("offsets", "bitmask", "run_length", bits=4)
    start = time.perf_counter()
    found = layout(chosen, tensor(64, 2048, 1024, density=0.02), (8, 64, 1024))
    assert time.perf_counter() - start < 2
    cuts = sum((1024 - 16 * m) * 0.02 * 0.98 ** (16 * m) for m in range(1, 64)) / 1024
    assert found.share == pytest.approx(0.02 + cuts, rel=1e-5)


def test_ranks_of_a_hierarchy_are_seen_one_by_one() -> None:
    """2 x 2 x 2 with two non-zeros in one row: a mask at the top, then masks of what is there."""
    values = np.zeros((2, 2, 2), dtype=bool)
    values[1, 0] = True
    ranks = form("bitmask", "bitmask", "bitmask").ranks
    found = encoded(ranks, (1, 1, 1), grid(Trace((2, 2, 2), None, "x", values), (2, 2, 2), (2, 2, 2)))
    assert [(e.entries, e.metadata_bits) for e in found] == [(1.0, 2.0), (1.0, 2.0), (2.0, 2.0)]


def test_of_a_trace_the_fullest_tile_must_fit() -> None:
    values = np.zeros((4, 6), dtype=bool)
    values[2, 3:6] = True
    values[0, 0] = True
    known = grid(Trace((4, 6), 0, "full", values), (4, 6), (2, 3))
    assert known.fullest(None) == [(2, 4), (3, 6)]
    assert known.fullest(0.9) == [(2, 4), (3, 6)]


def test_many_places_are_asked_for_in_pieces() -> None:
    """3000 columns of two rows: more places than are looked at at once."""
    values = np.zeros((3000, 2), dtype=bool)
    values[::7, 1] = True
    ranks = form("offsets", "coordinate").ranks
    found = stored_bits(ranks, (4, 1), grid(Trace((3000, 2), None, "long", values), (3000, 2), (1500, 2)))
    assert found.elements == 429
    assert found.metadata_bits == 4 * 3002 + 429
