"""`banded`: non-zeros near the diagonal of two dimensions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from sata.counts.density import parameters
from sata.counts.density.base import Base, Key, distinct_features, elements, members, others, product, sums_over
from sata.counts.density.interface import FloatArray, IntArray, Parameter, Sight, Subject


@dataclass(frozen=True)
class Banded(Base):
    """Element (i, j) of two dimensions is non-zero where |i - j| <= width; the same for all others. Exact."""

    along: tuple[int, int]
    width: int

    name: ClassVar[str] = "banded"
    monotone: ClassVar[bool] = True
    about: ClassVar[str] = "matrices with a band around the diagonal: local attention, discretised fields"
    formula: ClassVar[str] = "1 unless some i and j of the tile have |i - j| <= width"
    parameters: ClassVar[tuple[Parameter, ...]] = (
        Parameter("width", "how far from the diagonal non-zeros reach; 0 is the diagonal alone"),
        Parameter("along", "the two dimensions: ranks, or numbers from 0; else the last two besides time", False),
    )

    @classmethod
    def read(cls, given: Mapping[str, Any], subject: Subject) -> Banded:
        parameters.check_keys(cls.name, cls.parameters, given)
        width = parameters.whole_parameter(given, "width", 0)
        along = parameters.two_dimensions(given, subject, cls.name)
        parameters.check_lengths(cls.name, subject, along, "along" if "along" in given else "")
        return cls(subject.shape, subject.time, along, width)

    @classmethod
    def measure(cls, values: NDArray[np.bool_], time: int | None) -> dict[str, Any] | None:
        """What has a band is known beforehand."""
        return None

    @property
    def density(self) -> float:
        rows, columns = (self.shape[d] for d in self.along)
        i = np.arange(rows)
        inside = np.minimum(i + self.width, columns - 1) - np.maximum(i - self.width, 0) + 1
        return float(np.maximum(inside, 0).sum()) / (rows * columns)

    @property
    def deterministic(self) -> bool:
        return True

    def sight(self, dim: int) -> Sight:
        return Sight.PLACE if dim in self.along else Sight.SIZE

    def key(self, dim: int, coordinates_: int) -> Key:
        return (coordinates_,)

    def p_empty(self, *features: IntArray) -> FloatArray:
        return np.where(self.expected(*features) == 0, 1.0, 0.0)

    def expected(self, *features: IntArray) -> FloatArray:
        """Pairs of a row and a column that lie in the band: the rows within reach of each column are counted first."""
        first, second = self.along
        rows, row_of = distinct_features(features[first])
        columns, column_of = distinct_features(features[second])
        chosen = members(self.masks(first, rows), self.shape[first])
        until = np.concatenate([np.zeros((len(rows), 1)), np.cumsum(chosen, axis=1)], axis=1)
        j = np.arange(self.shape[second])
        high = np.clip(j + self.width + 1, 0, self.shape[first])
        low = np.clip(j - self.width, 0, self.shape[first])
        pairs = sums_over(
            until.take(high, axis=1) - until.take(low, axis=1), 1, self.masks(second, columns), np.float64
        )
        result: FloatArray = pairs[row_of, column_of] * product(features, others(self.shape, *self.along))
        return result

    def quantile(self, q: float, *features: IntArray) -> FloatArray:
        return self.expected(*features)

    def distribution(self, *features: int) -> FloatArray:
        sizes = [
            self._keys[d].keys[f - 1][0].bit_count() if d in self.along and f else f for d, f in enumerate(features)
        ]
        result = np.zeros(elements(tuple(sizes), tuple(range(len(sizes)))) + 1)
        result[int(self.expected(*(np.array(f) for f in features)))] = 1.0
        return result

    def drawn(self, number: int, rng: np.random.Generator) -> NDArray[np.bool_]:
        """The one tensor that there is."""
        i, j = (np.arange(self.shape[d]).reshape([-1 if n == d else 1 for n in range(len(self.shape))])
                for d in self.along)  # fmt: skip
        return np.broadcast_to(np.abs(i - j) <= self.width, self.shape)[None]

    def marginals(self) -> tuple[float, ...]:
        return (self.density,)
