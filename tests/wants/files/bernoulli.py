"""`bernoulli`: every element is non-zero by itself, with the same chance."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import comb, prod
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from sata.counts.density import parameters
from sata.counts.density.base import Base, product
from sata.counts.density.interface import FloatArray, IntArray, Parameter, Subject


@dataclass(frozen=True)
class Bernoulli(Base):
    """Independent elements: the number of non-zeros is binomial."""

    chance: float

    name: ClassVar[str] = "bernoulli"
    about: ClassVar[str] = "elements that are drawn one by one"
    formula: ClassVar[str] = "(1 - chance)^n for n elements"
    monotone: ClassVar[bool] = True
    parameters: ClassVar[tuple[Parameter, ...]] = (Parameter("chance", "of each element to be non-zero"),)

    @classmethod
    def read(cls, given: Mapping[str, Any], subject: Subject) -> Bernoulli:
        parameters.check_keys(cls.name, cls.parameters, given)
        return cls(subject.shape, subject.time, parameters.share_parameter(given, "chance"))

    @classmethod
    def measure(cls, values: NDArray[np.bool_], time: int | None) -> dict[str, Any] | None:
        return {"chance": float(values.mean())}

    @property
    def density(self) -> float:
        return self.chance

    def p_empty(self, *features: IntArray) -> FloatArray:
        return np.asarray((1.0 - self.chance) ** product(features, tuple(range(len(features)))), dtype=np.float64)

    def expected(self, *features: IntArray) -> FloatArray:
        return np.asarray(self.chance * product(features, tuple(range(len(features)))), dtype=np.float64)

    def distribution(self, *features: int) -> FloatArray:
        n, p = prod(features), self.chance
        return np.array([comb(n, k) * p**k * (1 - p) ** (n - k) for k in range(n + 1)])

    def most(self, *features: int) -> int:
        return prod(features) if self.chance else 0

    def marginals(self) -> tuple[float, ...]:
        return (self.chance,)
