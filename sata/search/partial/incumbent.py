"""Scored mappings, the incumbent, and the counters of a search."""

from __future__ import annotations

from dataclasses import dataclass, field
from math import inf

import numpy as np
from numpy.typing import NDArray

from sata.search.model.exact import figures
from sata.search.model.objective import SLACK, Objective
from sata.search.model.problem import SearchProblem
from sata.search.partial.bounds import LowerBound
from sata.search.space.nests import PlacedLoop, nest_of, shape_of

EQUAL = 1e-13  # share by which values may differ that are sums of the same numbers


@dataclass(frozen=True)
class ScoredMapping:
    """A complete mapping, scored by the functions of `sata run`."""

    energy_pj: float
    cycles: float
    problem: SearchProblem
    loops: tuple[PlacedLoop, ...]


@dataclass
class Incumbent:
    """The best so far: one for a single objective, or a Pareto front. cutoff: a value of a single objective that a
    mapping must beat, whether there is one of that value or not."""

    objective: Objective
    mappings: list[ScoredMapping] = field(default_factory=list)
    cutoff: float = inf

    def prunable(self, of: LowerBound) -> NDArray[np.bool_]:
        """Which labels can lead to nothing better than what is there."""
        return self.objective.prunable(of.energy, of.cycles, self.figures(), self.cutoff)

    def figures(self) -> tuple[tuple[float, float], ...]:
        """(energy in pJ, cycles) of all that was found."""
        return tuple((f.energy_pj, f.cycles) for f in self.mappings)

    def value(self) -> float:
        """What is to be beaten, of a single objective: the best, or the cutoff (inf: there is neither)."""
        return min((self.cutoff, *(self.objective.of(*of) for of in self.figures())))

    @property
    def bounds(self) -> bool:
        """Whether there is anything to be beaten."""
        return bool(self.mappings) or self.cutoff < inf

    def pruned(self, value: float) -> bool:
        """Whether a lower bound of the objective leaves nothing to find (never for a Pareto front, which is not a
        single value)."""
        return self.objective.name != "pareto" and value >= self.value() * (1.0 - SLACK)

    def offer(self, found: ScoredMapping) -> bool:
        """Take it if it is better, or as good in what is sought and better in the second objective."""
        if self.prunable(LowerBound(np.array([found.energy_pj]), np.array([found.cycles])))[0] and not self._second(
            found
        ):
            return False
        if self.objective.name == "pareto":
            self.mappings = [
                f for f in self.mappings if not (found.energy_pj <= f.energy_pj and found.cycles <= f.cycles)
            ]
            self.mappings.append(found)
        else:
            self.mappings = [found]
        return True

    def _second(self, found: ScoredMapping) -> bool:
        """Whether a mapping is equal to the best and has less energy (where energy is sought: fewer cycles)."""
        objective = self.objective
        if objective.name == "pareto" or not self.mappings or found.cycles >= objective.below:
            return False
        have = self.mappings[0]
        if objective.of(found.energy_pj, found.cycles) > objective.of(have.energy_pj, have.cycles) * (1 + EQUAL):
            return False
        if objective.name == "energy":
            return found.cycles < have.cycles
        return found.energy_pj < have.energy_pj * (1 - EQUAL)


@dataclass
class FrontStep(Incumbent):
    """The best of one step along a Pareto front, which gets to see all that is found on the way."""

    front: Incumbent | None = None

    def offer(self, found: ScoredMapping) -> bool:
        if self.front is not None:
            self.front.offer(found)
        return super().offer(found)


@dataclass
class SearchCounters:
    """Numbers of labels and of complete mappings.

    generated: labels made by extending others. pruned: labels dropped by their lower bound. dominated: labels dropped
    for another one. too_large: labels whose tiles do not fit a memory. complete: complete mappings reached. scored:
    those of them that were scored as `sata run` does it.
    """

    generated: int = 0
    pruned: int = 0
    dominated: int = 0
    too_large: int = 0
    complete: int = 0
    scored: int = 0

    def add(self, other: SearchCounters) -> None:
        for name in self.__dataclass_fields__:
            setattr(self, name, getattr(self, name) + getattr(other, name))


def score_mapping(problem: SearchProblem, loops: tuple[PlacedLoop, ...]) -> ScoredMapping | None:
    """A mapping with its figures, or None if it does not fit."""
    nest = nest_of(problem.template, loops)
    structure, factors = shape_of(nest)
    energy, cycles, fits = figures(nest, structure, factors, problem.on)
    return ScoredMapping(energy, cycles, problem, loops) if fits else None
