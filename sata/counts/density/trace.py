"""`trace`: the tensor itself, from a file. Every tile is counted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import prod
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from sata.counts.density import parameters
from sata.counts.density.base import Base, Key, coordinates, distinct_features, members, sums_over
from sata.counts.density.interface import FloatArray, IntArray, Parameter, Sight, Subject
from sata.counts.density.trace_file import read_trace

MESH = 1 << 22  # tiles of a mesh that are counted at once though only some of them are asked for


@dataclass(frozen=True)
class Trace(Base):
    """The tensor as recorded; `p_empty` is 0 or 1. Equal if the contents are."""

    digest: str  # of shape and content
    values: NDArray[np.bool_] = field(compare=False, repr=False)

    name: ClassVar[str] = "trace"
    monotone: ClassVar[bool] = True
    about: ClassVar[str] = "a recorded tensor: exact for every tile, windows of a convolution included"
    formula: ClassVar[str] = "counted"
    parameters: ClassVar[tuple[Parameter, ...]] = (
        Parameter("file", "an .npz file, relative to the file that says it"),
        Parameter("array", "the name of the array in it, if there are several", required=False),
        Parameter("shape", "the shape of an array that is bit-packed or flattened", required=False),
    )

    @classmethod
    def read(cls, given: Mapping[str, Any], subject: Subject) -> Trace:
        parameters.check_keys(cls.name, cls.parameters, given)
        content = read_trace(given, subject)
        parameters.check_lengths(cls.name, subject, range(len(subject.shape)))
        return cls(subject.shape, subject.time, content.digest, content.fitted(subject.shape))

    @classmethod
    def measure(cls, values: NDArray[np.bool_], time: int | None) -> dict[str, Any] | None:
        """It has no parameters but its file."""
        return None

    @property
    def density(self) -> float:
        return float(np.count_nonzero(self.values)) / self.values.size

    @property
    def deterministic(self) -> bool:
        return True

    def sight(self, dim: int) -> Sight:
        return Sight.PLACE

    def key(self, dim: int, coordinates_: int) -> Key:
        return (coordinates_,)

    def p_empty(self, *features: IntArray) -> FloatArray:
        return np.where(self.expected(*features) == 0, 1.0, 0.0)

    def expected(self, *features: IntArray) -> FloatArray:
        if not features:
            return np.array(float(self.values))
        arrays = [np.asarray(f, dtype=np.int64) for f in features]
        pairs = [distinct_features(a) for a in arrays]
        sets, places = [found for found, _ in pairs], [p for _, p in pairs]
        tiles = np.broadcast_shapes(*(a.shape for a in arrays))
        if prod(map(len, sets)) <= max(prod(tiles), MESH):
            return self._mesh(sets)[tuple(places)]
        return self._combinations(sets, np.broadcast_arrays(*places), tiles)

    def _mesh(self, sets: list[IntArray]) -> FloatArray:
        """Non-zeros for every combination of the sets of each dimension: summed dimension by dimension, the one that
        shrinks most first."""
        sums: NDArray[Any] = self.values
        exact = np.float32 if self.values.size < 1 << 24 else np.float64  # whole numbers, exact in either type
        for dim in sorted(range(len(sets)), key=lambda d: len(sets[d]) / self.shape[d]):
            sums = sums_over(sums, dim, self.masks(dim, sets[dim]), exact)
        return sums.astype(float)

    def _combinations(self, sets: list[IntArray], places: tuple[IntArray, ...] | list[IntArray],
                      tiles: tuple[int, ...]) -> FloatArray:  # fmt: skip
        """Non-zeros of the combinations that occur, and no others: dimension by dimension, each prefix once."""
        stacked = np.stack([p.ravel() for p in places], axis=1)
        wanted, inverse = np.unique(stacked, axis=0, return_inverse=True)
        chosen = [members(self.masks(dim, s), self.shape[dim]) for dim, s in enumerate(sets)]
        counts = np.zeros(len(wanted))
        self._descend(self.values.astype(np.float64), wanted, chosen, counts)
        return counts[inverse.ravel()].reshape(tiles)

    def _descend(self, part: FloatArray, wanted: IntArray, chosen: list[FloatArray], counts: FloatArray) -> None:
        """Fill `counts` for rows of `wanted`, sorted, whose first dimensions are summed up in `part`."""
        starts = np.flatnonzero(np.r_[True, wanted[1:, 0] != wanted[:-1, 0]])
        first = chosen[0][wanted[starts, 0]]
        if len(chosen) == 1:
            counts[:] = (chosen[0] @ part)[wanted[:, 0]]
            return
        for row, start, end in zip(first, starts, [*starts[1:], len(wanted)], strict=True):
            self._descend(np.tensordot(row, part, 1), wanted[start:end, 1:], chosen[1:], counts[start:end])

    def quantile(self, q: float, *features: IntArray) -> FloatArray:
        return self.expected(*features)

    def distribution(self, *features: int) -> FloatArray:
        sizes = [len(coordinates(self._numbers(d).keys[f - 1][0])) if f else 0 for d, f in enumerate(features)]
        result = np.zeros(prod(sizes) + 1)
        result[int(self.expected(*(np.array(f) for f in features)))] = 1.0
        return result

    def drawn(self, number: int, rng: np.random.Generator) -> NDArray[np.bool_]:
        """The one tensor that there is."""
        return self.values[None]

    def marginals(self) -> tuple[float, ...]:
        if self.time is None:
            return (self.density,)
        rest = tuple(d for d in range(len(self.shape)) if d != self.time)
        return tuple(float(v) for v in self.values.mean(axis=rest))
