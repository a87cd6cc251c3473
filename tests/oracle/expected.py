"""What the sparse oracle gives on average under ``uniform``, exactly: by inclusion and exclusion over explicit sets.

Takes from a ``Walk`` where every event happens, and asks for the probability that none of the tiles that decide about
it is empty. That is the sum, over all selections of tiles, of +-P(all elements of the selection are zero); tensors are
independent of each other. No tile is a product here and no two are of one size: sets of elements, one by one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from itertools import combinations
from math import ceil, comb, floor, prod

from .averages import Cell, Densities, Density, time_dimension
from .brute import Element
from .problem import Tensor
from .sparse import EVENTS, Covering, Unit, Walk

Tile = tuple[str, frozenset[Element]]  # a tensor, and the elements that decide
Tiles = frozenset[Tile]
PEmpty = Callable[[frozenset[Element]], float]
MOST = 12  # sets whose selections are enumerated


class TooMany(Exception):
    """Too many sets for inclusion and exclusion: draw instead."""


def hypergeometric(size: int, nonzeros: int, number: int) -> float:
    """Return the probability that `number` elements of `size` hold none of the non-zeros."""
    return comb(size - nonzeros, number) / comb(size, number)


def uniform(tensor: Tensor, density: Density | None, rounded_up: bool = False) -> PEmpty:
    """Return the probability that a set of elements is all zero, as ``averages.draw_tensor`` draws the tensor.

    `rounded_up`: always the ceiling of density times size, not floor or ceiling with the right mean.
    """
    shape = [dim.size for dim in tensor.dims]
    if density is None:
        density = 1.0

    def mixed(share: float, size: int, number: int) -> float:
        low = ceil(share * size) if rounded_up else floor(share * size)
        rest = 0.0 if rounded_up else share * size - low
        found = hypergeometric(size, low, number) * (1 - rest)
        return found + (hypergeometric(size, low + 1, number) * rest if rest else 0.0)

    if not isinstance(density, tuple):
        whole = density
        return lambda elements: mixed(whole, prod(shape), len(elements))
    time = time_dimension(tensor)
    assert time is not None
    steps, slab = density, prod(shape) // shape[time]
    return lambda elements: prod(
        mixed(share, slab, sum(element[time] == t for element in elements)) for t, share in enumerate(steps)
    )


def expected(walk: Walk, densities: Densities, rounded_up: bool = False) -> dict[Cell, float]:
    """Return the expected number of every memory, tensor, event and outcome under ``uniform``.

    Raises: TooMany where results of many lanes meet and too many tiles decide about them.
    """
    return expected_under(walk, {n: uniform(t, densities.get(n), rounded_up) for n, t in walk.tensors.items()})


def expected_under(walk: Walk, p_empty: Mapping[str, PEmpty]) -> dict[Cell, float]:
    """Return the same under any law. p_empty: per tensor the probability that a set of its elements is all zero.

    Raises: TooMany.
    """
    chances = Chances(p_empty)
    found: dict[Cell, float] = {}

    def add(memory: str, tensor: str, event: str, number: int, actual: float, unskipped: float, dense: int = 1) -> None:
        for outcome, value in (("actual", actual), ("gated", unskipped - actual), ("skipped", dense - unskipped)):
            cell = (memory, tensor, event, outcome)
            found[cell] = found.get(cell, 0.0) + number * value

    for memory, tensor in walk.rows:
        for event in EVENTS:
            add(memory, tensor, event, 0, 0, 0)
    for (memory, tensor, event, unit), number in walk.events.items():
        if (memory, tensor) in walk.rows:
            skips, both = deciding(walk, unit)
            add(memory, tensor, event, number, chances.all_nonempty(both), chances.all_nonempty(skips))
    for (memory, tensor, units), number in walk.merges.items():
        pairs = [deciding(walk, unit) for unit in units]
        unskipped, actual = (chances.beyond_the_first([pair[i] for pair in pairs]) for i in (0, 1))
        add(memory, tensor, "merge_reads", number, actual, unskipped, len(units) - 1)
    inputs = [c for t in walk.problem.tensors if t.role == "input" for c in walk.coverings[t.name]]
    add("", "", "computes", 0, 0, 0)
    for point, number in walk.operations.items():
        tiles: dict[str, set[Tile]] = {"skip": set(), "gate": set()}
        for effect, name, element in point.operands:
            tiles[effect].add((name, frozenset() if element is None else frozenset([element])))
        for covering, place in zip(inputs, point.places, strict=True):
            tiles[covering.effect] |= tiles_at(covering, [place])
        skips = frozenset(tiles["skip"])
        both = skips | tiles["gate"]
        add("", "", "computes", number, chances.all_nonempty(both), chances.all_nonempty(skips))
    return found


def deciding(walk: Walk, unit: Unit) -> tuple[Tiles, Tiles]:
    """Return the tiles that must not be empty for an event not to be skipped, and for it to be actual."""
    tiles: dict[str, set[Tile]] = {"skip": set(), "gate": set()}
    for covering in walk.coverings[unit.tensor]:
        if covering.member <= unit.member:
            step = unit.step[: len(covering.time)]
            where = {(step, instance[: len(covering.space)]) for instance in unit.instances}
            tiles[covering.effect] |= tiles_at(covering, where)
    skips = frozenset(tiles["skip"])
    return skips, skips | tiles["gate"]


def tiles_at(covering: Covering, where: Iterable[object]) -> set[Tile]:
    """Return per leader the union of its tiles at these steps and instances."""
    return {
        (leader, frozenset().union(*(tiles.get(at, set()) for at in where)))  # type: ignore[call-overload]
        for leader, tiles in covering.tiles.items()
    }


class Chances:
    """Probabilities about sets of elements of independent tensors."""

    def __init__(self, p_empty: Mapping[str, PEmpty]) -> None:
        """p_empty: per tensor the probability that a set of its elements is all zero."""
        self.p_empty = p_empty
        self.known: dict[Tiles, float] = {}

    def all_nonempty(self, tiles: Tiles) -> float:
        """Return the probability that every tile has a non-zero."""
        if tiles not in self.known:
            self.known[tiles] = prod(
                self._of_one(name, [elements for other, elements in tiles if other == name])
                for name in {name for name, _ in tiles}
            )
        return self.known[tiles]

    def _of_one(self, name: str, sets: list[frozenset[Element]]) -> float:
        """Return the same for sets of one tensor. A set with a non-zero makes those that contain it non-empty too."""
        sets = [one for one in sets if not any(other < one for other in sets)]
        if len(sets) > MOST:
            raise TooMany(f"{len(sets)} tiles of {name}")
        return sum(
            (-1) ** number * self.p_empty[name](frozenset().union(*chosen))
            for number in range(len(sets) + 1)
            for chosen in combinations(sets, number)
        )

    def beyond_the_first(self, writes: list[Tiles]) -> float:
        """Return the expected number of writes that happen, beyond the first; each has the tiles it needs.

        max(0, n - 1) = n - [n > 0], and P(n > 0) = 1 - P(none happens).
        """
        happen = [self.all_nonempty(tiles) for tiles in writes]
        distinct = set(writes)
        distinct = {one for one in distinct if not any(other < one for other in distinct)}  # it implies the other
        if all(len(tiles) == 1 for tiles in distinct):
            names = {name for tiles in distinct for name, _ in tiles}
            sets = {n: [elements for tiles in distinct for name, elements in tiles if name == n] for n in names}
            return sum(happen) - (1 - prod(self.p_empty[n](frozenset().union(*of)) for n, of in sets.items()))
        if len(distinct) > MOST:
            raise TooMany(f"{len(distinct)} writes")
        some = sum(
            (-1) ** (number + 1) * self.all_nonempty(frozenset().union(*chosen))
            for number in range(1, len(distinct) + 1)
            for chosen in combinations(sorted(distinct, key=repr), number)
        )
        return sum(happen) - some
