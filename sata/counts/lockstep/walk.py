"""The work of every lane in every step, for given values of the leaders, and the time that barriers make of it."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sata.counts.density import Model
from sata.counts.lockstep.cells import Floats, Sets, cells_of, check_size, lockstep_clusters
from sata.counts.lockstep.nest import LanePart, LaneUnit, Nest

Values = NDArray[np.bool_]


class Lanes:
    """A part of a nest, laid out: its clusters with their cells in every segment. Raises: TooLarge."""

    def __init__(self, nest: Nest, part: LanePart) -> None:
        self.units, self.last = part.units, 2 * len(nest.barriers) - 1
        ranks = lockstep_clusters(nest, part.ranks, part.units)
        self.clusters = [cells_of(nest, own, part.units, self.last) for own in ranks]
        self.columns = prod(c.columns for c in self.clusters)
        self.cells = prod(prod(c.shape) for c in self.clusters)
        check_size(self.columns)
        check_size(self.cells)
        self.whole = float(prod(float(self.time(c.all_work()[None])[0]) for c in self.clusters))

    def time(self, work: Floats) -> Floats:
        """Sums over loops of maxima over lanes, from the innermost barrier outwards. work: [draws, segments]."""
        for segment in range(self.last, -1, -1):
            work = work.max(axis=-1) if segment % 2 else work.sum(axis=-1)
        return work

    def work(self, values: Sequence[Values]) -> Floats:
        """What is left of the operations: [draws, segments]. values: per unit those of its leader, [draws (or 1), the
        leader's dimensions]. Raises: TooLarge."""
        count = len(self.clusters)
        left: Any = np.ones([1] * (count + 1), dtype=bool)
        for n, unit in enumerate(self.units):
            left = left & self._occupied(n, unit, values[n])
        left = np.broadcast_to(left, (left.shape[0], *(c.columns for c in self.clusters)))
        check_size(left.size)
        for axis in sorted(range(count), key=lambda n: prod(self.clusters[n].shape) / self.clusters[n].columns):
            left = self.clusters[axis].work(left, axis + 1)
        return self._by_segment(np.asarray(left, dtype=np.float64))

    def _by_segment(self, work: Floats) -> Floats:
        """[draws, clusters] as [draws, segments]: the indices of all clusters in a segment together."""
        draws, segments, count = work.shape[0], self.last + 1, len(self.clusters)
        work = work.reshape([draws, *(n for c in self.clusters for n in c.shape)])
        work = work.transpose([0, *(1 + segments * n + s for s in range(segments) for n in range(count))])
        return work.reshape([draws, *(prod(c.shape[s] for c in self.clusters) for s in range(segments))])

    def _occupied(self, n: int, unit: LaneUnit, values: Values) -> Values:
        """Whether the tile of a unit holds a non-zero: [draws, columns of every cluster (or 1)]."""
        chosen: list[Any] = []
        for dim, axis in enumerate(unit.leader.axes):
            at = next((i for i, c in enumerate(self.clusters) if (n, dim) in c.sets), None)
            if at is None:
                values = fixed_place(axis.offset, axis.size).any(values, dim + 1)
                chosen.append(np.zeros([1] * len(self.clusters), dtype=np.int64))
                continue
            cluster = self.clusters[at]
            values = cluster.sets[n, dim].any(values, dim + 1)
            along = [-1 if i == at else 1 for i in range(len(self.clusters))]
            chosen.append(cluster.which[n, dim].reshape(along))
        if not chosen:
            return values.reshape([-1, *[1] * len(self.clusters)])
        place: tuple[Any, ...] = (slice(None), *np.broadcast_arrays(*chosen))
        found = values[place]
        return np.asarray(found.reshape([len(values), *np.broadcast_shapes(*(c.shape for c in chosen))]))


def certain_values(model: Model) -> Values | None:
    """The tensor of a model that has only one: [1, its dimensions]. None for all others."""
    if model.density >= 1:
        return np.broadcast_to(np.ones((), dtype=bool), (1, *model.shape))
    return model.drawn(1, np.random.default_rng()) if model.deterministic else None


def fixed_place(offset: int, size: int) -> Sets:
    """The one coordinate of a dimension that no loop moves in; none where it does not exist."""
    inside = 0 <= offset < size
    return Sets(np.array([0, int(inside)]), np.array([offset] if inside else [], dtype=np.int64))
