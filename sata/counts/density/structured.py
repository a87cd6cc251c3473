"""`structured`: m non-zeros in every block of b along one dimension (2:4 and its kin)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from math import prod
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from sata.counts.density import parameters
from sata.counts.density.base import Base, Key, coordinates, others, product
from sata.counts.density.chances import both_chances, hypergeometric, log_none_of, summed_distribution
from sata.counts.density.interface import BadParameter, FloatArray, IntArray, Parameter, Sight, Subject
from sata.counts.density.largest import of_alike, of_drawn


@dataclass(frozen=True)
class Structured(Base):
    """Blocks begin at multiples of b; in each, m elements chosen evenly are non-zero, independently of other blocks.

    A last block that the tensor cuts off is the beginning of a whole one. p_empty is the product over the blocks that a
    tile touches, with c elements each, of C(b - m, c) / C(b, c).
    """

    along: int
    nonzeros: int
    block: int

    name: ClassVar[str] = "structured"
    monotone: ClassVar[bool] = True
    about: ClassVar[str] = "pruned weights: m non-zeros in every block of b, such as 2:4"
    formula: ClassVar[str] = "product over the touched blocks, c elements each: C(b - m, c) / C(b, c)"
    parameters: ClassVar[tuple[Parameter, ...]] = (
        Parameter("nonzeros", "m, the non-zeros of a block"),
        Parameter("block", "b, its elements"),
        Parameter("along", "the dimension that blocks lie along: a rank, or a number from 0 (from the end: -1)"),
    )

    @classmethod
    def read(cls, given: Mapping[str, Any], subject: Subject) -> Structured:
        parameters.check_keys(cls.name, cls.parameters, given)
        block = parameters.whole_parameter(given, "block", 1)
        nonzeros = parameters.whole_parameter(given, "nonzeros", 0)
        if nonzeros > block:
            raise BadParameter("nonzeros", f"{nonzeros} non-zeros do not fit into a block of {block}")
        along = parameters.dimension(given["along"], subject, "along")
        parameters.check_lengths(cls.name, subject, (along,), "along")
        return cls(subject.shape, subject.time, along, nonzeros, block)

    @classmethod
    def measure(cls, values: NDArray[np.bool_], time: int | None) -> dict[str, Any] | None:
        """What is pruned to a pattern is known beforehand."""
        return None

    @property
    def density(self) -> float:
        return self.nonzeros / self.block

    @property
    def deterministic(self) -> bool:
        return self.nonzeros in (0, self.block)

    def sight(self, dim: int) -> Sight:
        return Sight.PLACE if dim == self.along else Sight.SIZE

    @cached_property
    def _longest(self) -> int:
        """The largest part of a block that there can be."""
        return min(self.block, self.shape[self.along])

    def key(self, dim: int, coordinates_: int) -> Key:
        """How many blocks have 1, 2, ... elements in the set."""
        touched = np.bincount(coordinates(coordinates_) // self.block)
        return tuple(int(n) for n in np.bincount(touched, minlength=self._longest + 1)[1:])

    @cached_property
    def _rest(self) -> tuple[int, ...]:
        return others(self.shape, self.along)

    def _log_empty(self, features: tuple[IntArray, ...]) -> FloatArray:
        """Logarithm of the chance that a tile holds no non-zero."""
        table = self._numbers(self.along).table(self._longest)
        logs = log_none_of(np.arange(1, self._longest + 1), self.block, self.nonzeros)
        line = np.where(table > 0, logs, 0.0) * table
        lines = product(features, self._rest)
        with np.errstate(invalid="ignore"):  # no line, whose non-zeros are certain
            return np.asarray(np.where(lines == 0, 0.0, line.sum(axis=1)[features[self.along]] * lines))

    def p_empty(self, *features: IntArray) -> FloatArray:
        return np.asarray(np.exp(self._log_empty(features)))

    def p_occupied(self, *features: IntArray) -> FloatArray:
        return np.asarray(-np.expm1(self._log_empty(features)))

    def expected(self, *features: IntArray) -> FloatArray:
        table = self._numbers(self.along).table(self._longest)
        sizes = (table @ np.arange(1, self._longest + 1))[features[self.along]]
        result: FloatArray = sizes * product(features, self._rest) * self.nonzeros / self.block
        return result

    def distribution(self, *features: int) -> FloatArray:
        lines = prod(features[d] for d in self._rest)
        blocks = self._numbers(self.along).table(self._longest)[features[self.along]]
        result = np.ones(1)
        for size, times in enumerate(blocks, 1):
            if times:
                one = hypergeometric(size, self.block, self.nonzeros / self.block)
                result = both_chances(result, summed_distribution(one, int(times) * lines))
        return result

    def most(self, *features: int) -> int:
        lines = prod(features[d] for d in self._rest)
        blocks = self._numbers(self.along).table(self._longest)[features[self.along]]
        return lines * sum(int(times) * min(size, self.nonzeros) for size, times in enumerate(blocks, 1))

    def largest(self, lanes: Key, units: Key, extents: Key) -> float | None:
        """Where units are single elements: lanes share the blocks that they divide, and nothing else."""
        if max(extents, default=1) > 1 or self.shape[self.along] % self.block:
            return None
        mine, beside = units[self.along], lanes[self.along]
        lines, groups = (prod(sizes[d] for d in self._rest) for sizes in (units, lanes))
        if mine % self.block == 0:  # whole blocks
            return float(lines * mine // self.block * self.nonzeros)
        if self.block % mine or max(self.block, beside * mine) % min(self.block, beside * mine):
            return None
        sharing = min(self.block // mine, beside)
        if sharing == 1:
            return of_alike(summed_distribution(hypergeometric(mine, self.block, self.density), lines), groups * beside)
        if lines > 1 or (beside // sharing) * groups > 1:
            return None
        return of_drawn(mine, self.block, self.density, sharing)

    def drawn(self, number: int, rng: np.random.Generator) -> NDArray[np.bool_]:
        """The first places of a random order of each block."""
        rest = tuple(self.shape[d] for d in self._rest)
        blocks = -(-self.shape[self.along] // self.block)
        order = rng.random((number, *rest, blocks, self.block)).argsort(axis=-1).argsort(axis=-1)
        found = (order < self.nonzeros).reshape(number, *rest, -1)[..., : self.shape[self.along]]
        return np.moveaxis(found, -1, self.along + 1)

    def marginals(self) -> tuple[float, ...]:
        return (self.density,)
