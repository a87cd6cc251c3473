"""`blocks`: measured shares of occupied blocks, for tiles that no formula knows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import pairwise
from itertools import product as combinations
from math import prod
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from sata.counts.density import parameters
from sata.counts.density.base import Base, on_mesh, others, product
from sata.counts.density.chances import clustered
from sata.counts.density.interface import BadParameter, FloatArray, IntArray, Parameter, Subject
from sata.specs.text.faults import Fault, SpecError, Where


@dataclass(frozen=True)
class Blocks(Base):
    """A table over the extents of a block in every dimension, that of single elements first.

    Between its rows, log(-log p_empty) is linear in the logarithms of the extents, so that independent elements, and
    any power law, are met exactly; beside blocks that are never or always empty, p_empty itself is. A tile outside the
    table is an error. Only how many coordinates a tile has in each dimension matters, gaps do not.

    Of the distribution, the mean and the chance of no non-zero are the model's own; between, it is approximated by a
    beta-binomial one.
    """

    extents: tuple[tuple[int, ...], ...]
    occupied: tuple[float, ...]  # by extents, the last dimension fastest
    where: Where = field(default=Where(), compare=False)

    name: ClassVar[str] = "blocks"
    monotone: ClassVar[bool] = False  # measured: nothing says that a larger tile is empty less often
    about: ClassVar[str] = "measured, for areas that are too large for 'runs'"
    formula: ClassVar[str] = "1 - occupied, from the table; log(-log p) linear in the logarithms of the extents"
    parameters: ClassVar[tuple[Parameter, ...]] = (
        Parameter("extents", "for each dimension the extents of the measured blocks, from 1 upwards"),
        Parameter("occupied", "share of occupied blocks, for every combination of extents, the last dimension fastest"),
    )

    @classmethod
    def read(cls, given: Mapping[str, Any], subject: Subject) -> Blocks:
        parameters.check_keys(cls.name, cls.parameters, given)
        extents = _extents(given["extents"], subject)
        occupied = given["occupied"]
        wanted = prod(map(len, extents))
        if not isinstance(occupied, (tuple, list)) or len(occupied) != wanted:
            number = len(occupied) if isinstance(occupied, (tuple, list)) else 1
            message = f"'occupied' needs a number for every combination of extents: {wanted}, not {number}"
            raise BadParameter("occupied", message)
        chances = tuple(
            parameters.share_of(v, "occupied", f"value {n} of 'occupied'") for n, v in enumerate(occupied, 1)
        )
        if min(chances) < chances[0]:
            message = f"'occupied' has {min(chances):g} for a block, less than {chances[0]:g} for single elements"
            raise BadParameter("occupied", message)
        return cls(subject.shape, subject.time, extents, chances, subject.where)

    @classmethod
    def measure(cls, values: NDArray[np.bool_], time: int | None) -> dict[str, Any] | None:
        """Aligned blocks of powers of two, and all steps; 4 by 8 of the last two dimensions, 1 and 16 of others."""
        space = others(values.shape, time)
        most = [values.shape[d] if d == time else 8 if d == space[-1] else 4 if d in space[-2:] else 16
                for d in range(values.ndim)]  # fmt: skip
        extents = []
        for d, size in enumerate(values.shape):
            powers = [1, 16] if d in space[:-2] else [1 << n for n in range(most[d].bit_length())]
            found = [n for n in powers if n <= min(size, most[d])]
            extents.append([*found, size] if d == time and found[-1] < size else found)
        return {"extents": extents, "occupied": list(occupied_shares(values, extents))}

    @property
    def density(self) -> float:
        return self.occupied[0]

    @cached_property
    def _table(self) -> FloatArray:
        return 1 - np.array(self.occupied).reshape([len(e) for e in self.extents])

    def p_empty(self, *features: IntArray) -> FloatArray:
        self._check([np.asarray(f, dtype=np.int64) for f in features])
        return on_mesh(self._p_empty, features)

    def _p_empty(self, *arrays: IntArray) -> FloatArray:
        corners = [_corners(np.array(e), a) for e, a in zip(self.extents, arrays, strict=True)]
        level, linear, certain = np.zeros(()), np.zeros(()), np.zeros((), dtype=bool)
        for chosen in combinations((0, 1), repeat=len(arrays)):
            weight = _product([c[0] if side else 1 - c[0] for c, side in zip(corners, chosen, strict=True)])
            p = self._table[tuple(c[1 + side] for c, side in zip(corners, chosen, strict=True))]
            sure = (p <= 0) | (p >= 1)
            certain = certain | (sure & (weight > 0))
            level = level + weight * np.log(-np.log(np.where(sure, 0.5, p)))
            linear = linear + weight * p
        inside = np.where(certain, linear, np.exp(-np.exp(level)))
        return np.where(product(arrays, tuple(range(len(arrays)))) == 0, 1.0, inside)

    def _check(self, arrays: list[IntArray]) -> None:
        """Raises: SpecError for tiles outside the table."""
        for dim, (array, known) in enumerate(zip(arrays, self.extents, strict=True)):
            if array.size and array.max() > known[-1]:
                message = (
                    f"a tile has the extent {array.max()} in dimension {dim}; the table of the density model 'blocks' "
                )
                raise SpecError([Fault(self.where, f"{message}ends at {known[-1]}", "measure larger blocks")])

    def expected(self, *features: IntArray) -> FloatArray:
        elements = product(features, tuple(range(len(features)))).astype(np.float64)
        result: FloatArray = elements * self.density
        return result

    def distribution(self, *features: int) -> FloatArray:
        empty = float(self.p_empty(*(np.array(f) for f in features)))
        return clustered(prod(features), self.density, empty)

    def most(self, *features: int) -> int:
        return prod(features) if self.density else 0

    def marginals(self) -> tuple[float, ...]:
        return (self.density,)


def _extents(value: Any, subject: Subject) -> tuple[tuple[int, ...], ...]:
    count = len(subject.shape)
    if not isinstance(value, (tuple, list)) or len(value) != count:
        raise BadParameter("extents", f"'extents' needs a list for each dimension of the tensor: {count}")
    for dim, (row, size) in enumerate(zip(value, subject.shape, strict=True)):
        if not isinstance(row, (tuple, list)) or any(isinstance(n, bool) or not isinstance(n, int) for n in row):
            raise BadParameter("extents", f"the extents of dimension {dim} must be a list of whole numbers")
        if not row or row[0] != 1 or any(b <= a for a, b in pairwise(row)) or row[-1] > size:
            message = f"the extents of dimension {dim} must rise from 1 to at most its size, {size}"
            raise BadParameter("extents", message)
    return tuple(tuple(row) for row in value)


def _product(factors: list[FloatArray]) -> FloatArray:
    return prod(factors, start=np.ones(()))


def occupied_shares(found: NDArray[np.bool_], extents: Sequence[Sequence[int]], dim: int = 0) -> Iterator[float]:
    """The share of aligned blocks that hold a non-zero, those cut off at the ends included, for every combination."""
    if dim == found.ndim:
        yield float(np.count_nonzero(found)) / found.size
        return
    for extent in extents[dim]:
        starts = np.arange(0, found.shape[dim], extent)
        blocks = found if extent == 1 else np.logical_or.reduceat(found, starts, axis=dim)
        yield from occupied_shares(blocks, extents, dim + 1)


def _corners(known: IntArray, wanted: IntArray) -> tuple[FloatArray, IntArray, IntArray]:
    """(how far towards the upper one, in logarithms; the number of the extent below; of the one above)."""
    wanted = np.clip(wanted, 1, known[-1])
    upper = np.searchsorted(known, wanted)
    lower = np.where(known[upper] == wanted, upper, upper - 1)
    span = np.log(known[upper] / known[lower])
    share = np.where(upper == lower, 0.0, np.log(wanted / known[lower]) / np.where(span == 0, 1.0, span))
    return share, lower, upper
