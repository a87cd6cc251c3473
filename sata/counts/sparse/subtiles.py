"""Sums over the sub-tiles of a grid of tiles: how many hold a non-zero, and how long the runs of empty ones are.

A grid is a product: per dimension of the tensor its tiles, as ranges of coordinates. A sub-tile takes single
coordinates in some dimensions and a tile's whole range in the others. Coordinates that a density model cannot tell
apart are evaluated once.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import product
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sata.counts.density import Sight
from sata.counts.density.uniform import Uniform

Span = tuple[int, int]  # coordinates from ... up to, but without
Groups = tuple[NDArray[np.int64], NDArray[np.float64]]  # features that the model tells apart, and a weight of each

MOST_RUNS = 1 << 18  # runs, or fibres, of a rank that are looked at one by one
MOST_ELEMENTS = 1 << 25  # of a known tensor, to be looked at one by one
PIECE = 1 << 10  # features of one dimension that are asked for at once


def tiles_of(size: int, extent: int) -> list[Span]:
    """The ranges of `extent` coordinates that cover a dimension; the last may be shorter."""
    step = max(extent, 1)
    return [(low, min(low + step, size)) for low in range(0, size, step)]


class SubtileGrid:
    """Tiles of a tensor under a density model. tiles: per dimension, its ranges.

    owner, in its methods: per dimension the number of the format's rank that covers it.
    """

    def __init__(self, model: Any, tiles: Sequence[Sequence[Span]]) -> None:
        self.model, self.tiles = model, [list(t) for t in tiles]
        self.by_size = [model.sight(d) is Sight.SIZE for d in range(len(self.tiles))]

    # --- what exists --------------------------------------------------------------------------------------------

    def existing(self, owner: Sequence[int], above: int, rank: int, span: bool) -> float:
        """Fibres of a rank (with `span`: positions in them) under non-empty sub-tiles of rank `above`; all if -1."""
        dims = []
        for d, own in enumerate(owner):
            inside = own < rank or (span and own == rank)
            dims.append(self._singles(d) if own <= above else self._ranges(d, by_length=inside))
        return self._occupied(dims) if above >= 0 else float(prod(weights.sum() for _, weights in dims))

    def occupied(self, owner: Sequence[int], rank: int) -> float:
        """Non-empty sub-tiles with single coordinates in the ranks up to `rank`."""
        return self._occupied([self._singles(d) if own <= rank else self._ranges(d) for d, own in enumerate(owner)])

    def nonzeros(self) -> float:
        """Expected non-zeros of all tiles."""
        return self._sum([self._ranges(d) for d in range(len(self.tiles))], self.model.expected)

    # --- the fullest tile ---------------------------------------------------------------------------------------

    def fullest(self, q: float | None) -> list[Span]:
        """The tile that holds most: in expectation, or at the quantile q. The first, and largest, of equals."""
        features, firsts = [], []
        for d, tiles in enumerate(self.tiles):
            order, first = np.unique([self._feature(d, *t) for t in tiles], return_index=True)
            features.append(order.astype(np.int64))
            firsts.append(first)
        if all(len(f) == 1 for f in features):
            return [self.tiles[d][int(first[0])] for d, first in enumerate(firsts)]
        mesh = np.ix_(*features)
        values = self.model.expected(*mesh) if q is None else self.model.quantile(q, *mesh)
        shape = tuple(len(f) for f in features)
        at = np.unravel_index(int(np.argmax(np.broadcast_to(values, shape))), shape)
        return [self.tiles[d][int(firsts[d][i])] for d, i in enumerate(at)]

    def quantile(self, q: float) -> int:
        """The number of non-zeros that the one tile of the grid stays within, with probability q."""
        features = np.ix_(*([self._feature(d, *tiles[0])] for d, tiles in enumerate(self.tiles)))
        return int(np.asarray(self.model.quantile(q, *features)).reshape(-1)[0])

    # --- runs of empty positions --------------------------------------------------------------------------------

    def cuts(self, owner: Sequence[int], rank: int, longest: int) -> float:
        """Entries that cut runs of more than `longest` empty positions before a non-empty one of the same fibre.

        A run of g is cut floor(g / L) times, L = longest + 1. So the m-th cut of a run exists where a non-empty
        position follows m L empty ones: p_empty(m L positions) - p_empty(m L + 1 of them), summed over positions.
        """
        own = [d for d, o in enumerate(owner) if o == rank]
        step = longest + 1
        if not own or max(prod(lengths) for lengths in self._shapes(own)) <= step:
            return 0.0
        if len(own) == 1:
            runs = self._runs(own[0], step)
            if runs is not None:
                others = [self._singles(d) if o < rank else self._ranges(d) for d, o in enumerate(owner)]
                return self._sum([runs if d == own[0] else g for d, g in enumerate(others)], self.model.p_empty)
        elif self.model.deterministic and self._countable(own):
            return self._counted(own, step)
        return self._flat(owner, rank, own, step)

    def _runs(self, d: int, step: int) -> Groups | None:
        """Runs in one dimension as ranges, those that end in front of a position added, those with it taken away.
        None if they are too many."""
        if self.by_size[d] or self.model.sight(d) is Sight.SHAPE:  # where it stands does not matter
            pairs = []
            for low, high in self.tiles[d]:
                for run in range(step, high - low, step):
                    often = float(high - low - run)
                    pairs += [(self._feature(d, low, low + run), often), (self._feature(d, low, low + run + 1), -often)]
            return _grouped(pairs)
        if sum((high - low) ** 2 for low, high in self.tiles[d]) // (2 * step) > MOST_RUNS:
            return None
        pairs = []
        for low, high in self.tiles[d]:
            for end in range(low + step, high):
                for start in range(end - step, low - 1, -step):
                    pairs += [(self._feature(d, start, end), 1.0), (self._feature(d, start, end + 1), -1.0)]
        return _grouped(pairs)

    def _flat(self, owner: Sequence[int], rank: int, own: Sequence[int], step: int) -> float:
        """Runs through the flattened positions of a rank whose entries are all alike.

        Exact where the model knows numbers of elements only; otherwise as if positions were independent.
        """
        counted = isinstance(self.model, Uniform) and all(self.by_size) and rank == max(owner)
        density = self.occupied(owner, rank) / max(self.existing(owner, -1, rank, span=True), 1.0)
        total = 0.0
        for lengths in self._shapes(own):
            n = prod(lengths)
            runs = np.arange(step, n, step, dtype=np.int64)
            if counted:
                ones = [np.asarray(1, dtype=np.int64)] * (len(owner) - 1)
                falls = self.model.p_empty(runs, *ones) - self.model.p_empty(runs + 1, *ones)
            else:
                falls = (1.0 - density) ** runs * density
            total += float(((n - runs) * falls).sum())
        return total * float(prod(self._singles(d)[1].sum() for d, o in enumerate(owner) if o < rank))

    def _countable(self, own: Sequence[int]) -> bool:
        lengths = [sum(high - low for low, high in tiles) for tiles in self.tiles]
        fibres = prod(len(t) if d in own else n for d, (t, n) in enumerate(zip(self.tiles, lengths, strict=True)))
        return prod(lengths) <= MOST_ELEMENTS and fibres <= MOST_RUNS

    def _counted(self, own: Sequence[int], step: int) -> float:
        """Runs of a known tensor, one by one, in the tiles of the last dimensions."""
        features = [np.array([self._feature(d, i, i + 1) for low, high in tiles for i in range(low, high)])
                    for d, tiles in enumerate(self.tiles)]  # fmt: skip
        shape = tuple(len(f) for f in features)
        there = np.broadcast_to(self.model.expected(*np.ix_(*features)), shape) > 0
        total = 0
        starts = [np.cumsum([0] + [high - low for low, high in self.tiles[d]]) for d in own]
        for corner in product(*(range(len(self.tiles[d])) for d in own)):
            cut = tuple(slice(s[i], s[i + 1]) for s, i in zip(starts, corner, strict=True))
            rows = there[(*[slice(None)] * own[0], *cut)]
            for fibre in rows.reshape(prod(shape[: own[0]]), -1):
                places = np.flatnonzero(fibre)
                total += int(((np.diff(places, prepend=-1) - 1) // step).sum())
        return float(total)

    def _shapes(self, own: Sequence[int]) -> list[tuple[int, ...]]:
        """The lengths of every tile in some dimensions."""
        return list(product(*([high - low for low, high in self.tiles[d]] for d in own)))

    # --- sums over a product of groups --------------------------------------------------------------------------

    def _feature(self, d: int, low: int, high: int) -> int:
        if self.by_size[d]:
            return high - low
        first = low if self.model.sight(d) is Sight.PLACE else 0
        return int(self.model.feature(d, ((1 << (high - low)) - 1) << first))

    def _singles(self, d: int) -> Groups:
        """All coordinates of the tiles, one by one."""
        if self.by_size[d]:
            return _grouped([(1, float(sum(high - low for low, high in self.tiles[d])))])
        return _grouped([(self._feature(d, i, i + 1), 1.0) for low, high in self.tiles[d] for i in range(low, high)])

    def _ranges(self, d: int, by_length: bool = False) -> Groups:
        """The tiles, each counted once, or as often as it has coordinates."""
        lengths = ((low, high, float(high - low)) for low, high in self.tiles[d])
        return _grouped([(self._feature(d, low, high), n if by_length else 1.0) for low, high, n in lengths])

    def _occupied(self, dims: Sequence[Groups]) -> float:
        return self._sum(dims, self.model.p_occupied)

    def _sum(self, dims: Sequence[Groups], function: Callable[..., Any]) -> float:
        """The weighted sum of a function of one feature per dimension."""
        for d, (features, weights) in enumerate(dims):
            if len(features) > PIECE:
                pieces = ((features[i : i + PIECE], weights[i : i + PIECE]) for i in range(0, len(features), PIECE))
                return sum(self._sum([*dims[:d], piece, *dims[d + 1 :]], function) for piece in pieces)
        values = np.asarray(function(*np.ix_(*(features for features, _ in dims))), dtype=np.float64)
        values = np.broadcast_to(values, tuple(len(weights) for _, weights in dims))
        for _, weights in reversed(dims):
            values = values @ weights
        return float(values)


def _grouped(pairs: Sequence[tuple[int, float]]) -> Groups:
    """(feature, weight) with every feature once."""
    order, place = np.unique(np.array([f for f, _ in pairs], dtype=np.int64), return_inverse=True)
    sums = np.bincount(place.reshape(-1), weights=[w for _, w in pairs], minlength=len(order))
    return order, sums.astype(np.float64)
