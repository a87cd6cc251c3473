"""What the sparse oracle gives for many draws of the tensors at once: the same numbers as one walk for each, sooner.

``Walk.outcomes`` looks at one set of values. Here every value is an array over draws, and whether a tile holds a
non-zero is asked for all of them together: of the tile's elements, listed one by one by the walk. No tile is a product
here, and no two are taken to be alike.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from .averages import Averages, Cell
from .expected import Tiles, deciding, tiles_at
from .sparse import EVENTS, OUTCOMES, Walk

Drawn = Mapping[str, Any]  # tensor -> 0/1 array over its dimensions, then over draws; what it lacks is dense


class Many:
    """Outcomes of a walk for some draws: per cell an array over draws."""

    def __init__(self, walk: Walk, values: Drawn, draws: int) -> None:
        """Raises: ValueError where an array has another shape than its tensor and the draws."""
        self.walk, self.draws = walk, draws
        self.values = dict(values)
        for name, tensor in walk.tensors.items():
            shape = (*(dim.size for dim in tensor.dims), draws)
            if name in self.values and np.shape(self.values[name]) != shape:
                raise ValueError(f"values of {name} have shape {np.shape(self.values[name])}, not {shape}")
        self._tiles: dict[tuple[str, frozenset[Any]], Any] = {}
        self._all: dict[Tiles, Any] = {}

    def nonempty(self, tile: tuple[str, frozenset[Any]]) -> Any:
        """Per draw, whether any of the elements is not zero."""
        if tile not in self._tiles:
            name, elements = tile
            found = np.full(self.draws, bool(elements))
            if elements and name in self.values:
                places = tuple(np.array(axis) for axis in zip(*elements, strict=True))
                found = (self.values[name][places] != 0).any(axis=0) if places else self.values[name] != 0
            self._tiles[tile] = found
        return self._tiles[tile]

    def all_nonempty(self, tiles: Tiles) -> Any:
        """Per draw, whether all of the tiles are non-empty."""
        if tiles not in self._all:
            found = np.ones(self.draws, dtype=bool)
            for tile in tiles:
                found = found & self.nonempty(tile)
            self._all[tiles] = found
        return self._all[tiles]

    def outcomes(self) -> dict[Cell, Any]:
        """Return every number of ``averages.cells``, as an array over draws."""
        rows = [(*row, event) for row in self.walk.rows for event in EVENTS]
        found = {(*key, o): np.zeros(self.draws) for key in [("", "", "computes"), *rows] for o in OUTCOMES}

        def add(key: tuple[str, str, str], whole: int, unskipped: Any, actual: Any) -> None:
            for outcome, more in zip(OUTCOMES, (actual, unskipped - actual, whole - unskipped), strict=True):
                found[*key, outcome] += more

        for (memory, tensor, event, unit), number in self.walk.events.items():
            if (memory, tensor) in self.walk.rows:
                skips, both = (self.all_nonempty(tiles).astype(float) for tiles in deciding(self.walk, unit))
                add((memory, tensor, event), number, number * skips, number * both)
        for (memory, tensor, units), number in self.walk.merges.items():
            pairs = [deciding(self.walk, unit) for unit in units]
            unskipped, actual = (
                np.maximum(sum(self.all_nonempty(pair[i]).astype(float) for pair in pairs) - 1, 0) for i in (0, 1)
            )
            add((memory, tensor, "merge_reads"), number * (len(units) - 1), number * unskipped, number * actual)
        inputs = [c for t in self.walk.problem.tensors if t.role == "input" for c in self.walk.coverings[t.name]]
        for point, number in self.walk.operations.items():
            tiles: dict[str, set[Any]] = {"skip": set(), "gate": set()}
            for effect, name, element in point.operands:
                tiles[effect].add((name, frozenset() if element is None else frozenset([element])))
            for covering, place in zip(inputs, point.places, strict=True):
                tiles[covering.effect] |= tiles_at(covering, [place])
            skips = frozenset(tiles["skip"])
            unskipped, actual = (self.all_nonempty(t).astype(float) for t in (skips, skips | tiles["gate"]))
            add(("", "", "computes"), number, number * unskipped, number * actual)
        return found

    def averages(self) -> Averages:
        """Return means and deviations over the draws."""
        found = self.outcomes()
        return Averages(
            self.draws,
            {cell: float(numbers.mean()) for cell, numbers in found.items()},
            {cell: float(numbers.std(ddof=1)) for cell, numbers in found.items()},
        )
