"""`uniform`: non-zeros lie anywhere with the same chance; their number is given, in all or a time step."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from math import prod
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from sata.counts.density import parameters
from sata.counts.density.base import Base, Key, coordinates, elements, others, product
from sata.counts.density.chances import both_chances, empty, hypergeometric, occupied, shares
from sata.counts.density.interface import FloatArray, IntArray, Parameter, Sight, Subject
from sata.counts.density.largest import of_drawn


@dataclass(frozen=True)
class Uniform(Base):
    """dN of N elements are non-zero, every choice of them alike: p_empty(n) = C(N - dN, n) / C(N, n).

    Where dN is not whole, it is one of the two whole numbers around it, so that d is the mean. With one density a time
    step the draw is made within each step, and steps are independent. Source: the hypergeometric distribution.
    """

    steps: tuple[float, ...]  # one for all, or one a time step

    name: ClassVar[str] = "uniform"
    monotone: ClassVar[bool] = True
    about: ClassVar[str] = "nothing is known but how many non-zeros there are; what a bare number means"
    formula: ClassVar[str] = "C(N - dN, n) / C(N, n) for n of N elements; with a list, the product over time steps"
    parameters: ClassVar[tuple[Parameter, ...]] = (
        Parameter("density", "share of non-zeros, or a list with one for each time step"),
    )

    @classmethod
    def read(cls, given: Mapping[str, Any], subject: Subject) -> Uniform:
        parameters.check_keys(cls.name, cls.parameters, given)
        return cls(subject.shape, subject.time, parameters.steps(given, subject))

    @classmethod
    def measure(cls, values: NDArray[np.bool_], time: int | None) -> dict[str, Any] | None:
        return {"density": float(np.count_nonzero(values)) / values.size}

    @property
    def density(self) -> float:
        return sum(self.steps) / len(self.steps)

    @cached_property
    def _levels(self) -> tuple[float, ...]:
        """The densities that occur."""
        return tuple(sorted(set(self.steps)))

    @cached_property
    def _rest(self) -> tuple[int, ...]:
        return others(self.shape, self.time if len(self.steps) > 1 else None)

    def sight(self, dim: int) -> Sight:
        return Sight.PLACE if len(self.steps) > 1 and dim == self.time else Sight.SIZE

    def key(self, dim: int, coordinates_: int) -> Key:
        """How many of the steps have each density."""
        found = [self.steps[t] for t in coordinates(coordinates_)]
        return tuple(found.count(level) for level in self._levels)

    def p_empty(self, *features: IntArray) -> FloatArray:
        n, total = product(features, self._rest), elements(self.shape, self._rest)
        if len(self.steps) == 1:
            return empty(n, total, self.steps[0])
        result = np.ones(())
        for level, count in zip(self._levels, self._counts(features), strict=True):
            result = result * empty(n, total, level) ** count
        return result

    def p_occupied(self, *features: IntArray) -> FloatArray:
        n, total = product(features, self._rest), elements(self.shape, self._rest)
        if len(self.steps) == 1:
            return occupied(n, total, self.steps[0])
        logs: FloatArray = np.zeros(())
        for level, count in zip(self._levels, self._counts(features), strict=True):
            none = np.where(count > 0, occupied(n, total, level), 0.0)
            logs = logs + count * np.log1p(-np.minimum(none, 1.0), where=none < 1, out=np.full(none.shape, -np.inf))
        return np.asarray(-np.expm1(logs))

    def _counts(self, features: tuple[IntArray, ...]) -> list[FloatArray]:
        """For each density, how many steps of it a tile has."""
        assert self.time is not None
        table = self._numbers(self.time).table(len(self._levels))
        return [table[:, i][features[self.time]] for i in range(len(self._levels))]

    def expected(self, *features: IntArray) -> FloatArray:
        n = product(features, self._rest).astype(np.float64)
        if len(self.steps) == 1:
            return n * self.steps[0]
        counts = zip(self._levels, self._counts(features), strict=True)
        result: FloatArray = sum((n * level * count for level, count in counts), np.zeros(()))
        return result

    def distribution(self, *features: int) -> FloatArray:
        tile = tuple(np.array(f) for f in features)
        n, total = int(product(tile, self._rest)), elements(self.shape, self._rest)
        if len(self.steps) == 1:
            return hypergeometric(n, total, self.steps[0])
        result = np.ones(1)
        for level, count in zip(self._levels, self._counts(tile), strict=True):
            for _ in range(int(count)):
                result = both_chances(result, hypergeometric(n, total, level))
        return result

    def most(self, *features: int) -> int:
        tile = tuple(np.array(f) for f in features)
        n, total = int(product(tile, self._rest)), elements(self.shape, self._rest)
        each = [min(n, shares(total, level)[-1][1]) for level in self._levels]
        return each[0] if len(each) == 1 else sum(m * int(c) for m, c in zip(each, self._counts(tile), strict=True))

    def largest(self, lanes: Key, units: Key, extents: Key) -> float | None:
        """Where units are single elements and steps are alike: lanes take from one draw."""
        if len(self.steps) > 1 or max(extents, default=1) > 1:
            return None
        return of_drawn(prod(units), prod(self.shape), self.steps[0], prod(lanes))

    def drawn(self, number: int, rng: np.random.Generator) -> NDArray[np.bool_]:
        """The first places of random orders: of a smaller density those of a larger one, and fewer."""
        time = self.time if len(self.steps) > 1 else None
        rest = tuple(self.shape[d] for d in self._rest)
        total, slabs = prod(rest), []
        for level in self.steps:
            order = rng.random((number, total)).argsort(axis=1).argsort(axis=1)
            slabs.append(order < np.floor(level * total * (1 + 1e-15) + rng.random((number, 1))))
        found = np.stack(slabs, axis=-1).reshape(number, *rest, len(slabs))
        return found[..., 0] if time is None else np.moveaxis(found, -1, time + 1)

    def marginals(self) -> tuple[float, ...]:
        return self.steps
