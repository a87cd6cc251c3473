"""What is sought: the least energy, cycles or energy-delay product, or the Pareto front of energy and cycles."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import inf

import numpy as np
from numpy.typing import NDArray

NAMES = ("energy", "cycles", "edp", "pareto")
SLACK = 1e-10  # what is within this share of the best is not worth a look: sums of floats are no better

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Objective:
    """One of NAMES. Energies include leakage; the delay of a product is in cycles. below: only of mappings that take
    fewer cycles."""

    name: str
    below: float = inf

    def value(self, energy: Floats, cycles: Floats) -> Floats:
        """What is made least. For the Pareto front, an order to look at candidates in: the product."""
        if self.name == "energy":
            return energy
        if self.name == "cycles":
            return cycles
        return energy * cycles

    def of(self, energy_pj: float, cycles: float) -> float:
        """The same of one mapping."""
        return float(self.value(np.array([energy_pj]), np.array([cycles]))[0])

    def prunable(
        self, energy: Floats, cycles: Floats, have: Sequence[tuple[float, float]], cutoff: float = inf
    ) -> NDArray[np.bool_]:
        """Which lower bounds leave no hope for something better than what there is. cutoff: a value of the objective
        (of a single one) that is to be beaten, too."""
        less = 1.0 - SLACK
        found = np.asarray(cycles >= self.below * less)
        if cutoff < inf:
            found |= self.value(energy, cycles) >= cutoff * less
        for best_energy, best_cycles in have:
            if self.name == "pareto":
                found |= (energy >= best_energy * less) & (cycles >= best_cycles * less)
            else:
                best = self.value(np.array([best_energy]), np.array([best_cycles]))[0]
                found |= self.value(energy, cycles) >= best * less
        return found
