"""`temporal`: some neurons are silent over the whole window of time; the others fire."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from math import expm1, inf, log1p, prod
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from sata.counts.density import parameters
from sata.counts.density.base import Base, Key, coordinates, others, product
from sata.counts.density.chances import summed_distribution
from sata.counts.density.interface import BadParameter, FloatArray, IntArray, Parameter, Sight, Subject
from sata.counts.density.largest import of_binomials, of_repeated


@dataclass(frozen=True)
class Temporal(Base):
    """A neuron (all dimensions but time) is silent with chance z, in all steps; else it fires in step t with chance
    d_t / (1 - z), steps and neurons independent.

    For a neurons and steps t: (z + (1 - z) * product of (1 - d_t / (1 - z)))^a.
    """

    steps: tuple[float, ...]  # one for all, or one a time step
    silent: float

    name: ClassVar[str] = "temporal"
    monotone: ClassVar[bool] = True
    about: ClassVar[str] = "spikes of one neuron repeat: tiles that span time; packed windows of time"
    formula: ClassVar[str] = "(z + (1 - z) * (1 - d / (1 - z))^w)^a for w steps of a neurons"
    parameters: ClassVar[tuple[Parameter, ...]] = (
        Parameter("density", "d, share of non-zeros, or a list with one for each time step"),
        Parameter("silent", "z, chance that a neuron is silent in all steps"),
    )

    @classmethod
    def read(cls, given: Mapping[str, Any], subject: Subject) -> Temporal:
        parameters.check_keys(cls.name, cls.parameters, given)
        steps, silent = parameters.steps(given, subject), parameters.share_parameter(given, "silent")
        if subject.time is None:
            message = "the density model 'temporal' needs a dimension that is indexed by t alone; the tensor has none"
            raise BadParameter("", message)
        if max(steps) > (1 - silent) * parameters.ROUNDED:
            message = f"with {silent:g} of the neurons silent the density is at most {1 - silent:g}, not {max(steps):g}"
            raise BadParameter("silent", message)
        return cls(subject.shape, subject.time, steps, silent)

    @classmethod
    def measure(cls, values: NDArray[np.bool_], time: int | None) -> dict[str, Any] | None:
        """`silent` is what makes the share of neurons silent in all steps as counted."""
        if time is None:
            return None
        level, steps = float(np.count_nonzero(values)) / values.size, values.shape[time]
        quiet = 1 - float(np.count_nonzero(values.any(axis=time))) * steps / values.size
        low, high = 0.0, 1 - level  # the share of silent neurons rises with `silent`
        for _ in range(60):
            middle = (low + high) / 2
            share = middle + (1 - middle) * max(0.0, 1 - level / (1 - middle)) ** steps if middle < 1 else 1.0
            low, high = (middle, high) if share < quiet else (low, middle)
        return {"density": level, "silent": low}

    @property
    def density(self) -> float:
        return sum(self.steps) / len(self.steps)

    @cached_property
    def _levels(self) -> tuple[float, ...]:
        """The densities that occur."""
        return tuple(sorted(set(self.steps)))

    def sight(self, dim: int) -> Sight:
        return Sight.PLACE if len(self.steps) > 1 and dim == self.time else Sight.SIZE

    def key(self, dim: int, coordinates_: int) -> Key:
        """How many of the steps have each density."""
        found = [self.steps[t] for t in coordinates(coordinates_)]
        return tuple(found.count(level) for level in self._levels)

    def _counts(self, features: tuple[IntArray, ...]) -> list[FloatArray]:
        """For each density, how many steps of it a tile has."""
        assert self.time is not None
        if len(self.steps) == 1:
            return [np.asarray(features[self.time], dtype=np.float64)]
        table = self._numbers(self.time).table(len(self._levels))
        return [table[:, i][features[self.time]] for i in range(len(self._levels))]

    def _fires(self, level: float) -> float:
        """The chance that a neuron which is not silent fires."""
        return min(1.0, level / (1 - self.silent)) if self.silent < 1 else 0.0

    def _log_empty(self, features: tuple[IntArray, ...]) -> FloatArray:
        """Logarithm of the chance that a tile holds no spike."""
        quiet: FloatArray = np.zeros(())  # that a neuron which is not silent has none
        for level, count in zip(self._levels, self._counts(features), strict=True):
            fires = self._fires(level)
            quiet = quiet + (count * log1p(-fires) if fires < 1 else np.where(count > 0, -inf, 0.0))
        one = np.asarray(-(1 - self.silent) * np.expm1(quiet))
        neurons = product(features, others(self.shape, self.time))
        none = np.log1p(-one, where=one < 1, out=np.full(np.shape(one), -inf))
        with np.errstate(invalid="ignore"):  # no neuron, whose spikes are certain
            return np.asarray(np.where(neurons == 0, 0.0, none * neurons))

    def p_empty(self, *features: IntArray) -> FloatArray:
        return np.asarray(np.exp(self._log_empty(features)))

    def p_occupied(self, *features: IntArray) -> FloatArray:
        return np.asarray(-np.expm1(self._log_empty(features)))

    def expected(self, *features: IntArray) -> FloatArray:
        neurons = product(features, others(self.shape, self.time)).astype(np.float64)
        counts = zip(self._levels, self._counts(features), strict=True)
        result: FloatArray = sum((neurons * level * count for level, count in counts), np.zeros(()))
        return result

    def distribution(self, *features: int) -> FloatArray:
        tile = tuple(np.array(f) for f in features)
        one = np.ones(1)
        for level, count in zip(self._levels, self._counts(tile), strict=True):
            for _ in range(int(count)):
                one = np.convolve(one, [1 - self._fires(level), self._fires(level)])
        one = (1 - self.silent) * one
        one[0] += self.silent
        return summed_distribution(one, int(product(tile, others(self.shape, self.time))))

    def most(self, *features: int) -> int:
        tile = tuple(np.array(f) for f in features)
        steps = sum(int(c) for level, c in zip(self._levels, self._counts(tile), strict=True) if self._fires(level))
        return steps * int(product(tile, others(self.shape, self.time)))

    def largest(self, lanes: Key, units: Key, extents: Key) -> float | None:
        """Lanes over steps share their neurons, silent or not; lanes over neurons are independent."""
        if len(self.steps) > 1 or self.time is None:
            return None
        rest = others(self.shape, self.time)
        neurons, groups, each = (prod(sizes[d] for d in rest) for sizes in (units, lanes, extents))
        fires = 1 - (1 - self._fires(self.steps[0])) ** extents[self.time]
        if units[self.time] * lanes[self.time] == 1:
            missing = each * log1p(-(1 - self.silent) * fires) if (1 - self.silent) * fires < 1 else -inf
            return of_binomials(neurons, -expm1(missing), groups)
        if each > 1:
            return None
        return of_repeated(neurons, self.silent, fires, units[self.time], lanes[self.time], groups)

    def drawn(self, number: int, rng: np.random.Generator) -> NDArray[np.bool_]:
        """Neurons first, then the steps of those that are not silent."""
        assert self.time is not None
        rest = tuple(self.shape[d] for d in others(self.shape, self.time))
        awake = rng.random((number, *rest)) >= self.silent
        levels = self.steps if len(self.steps) > 1 else self.steps * self.shape[self.time]
        return np.stack([awake & (rng.random(awake.shape) < self._fires(d)) for d in levels], axis=self.time + 1)

    def marginals(self) -> tuple[float, ...]:
        return self.steps
