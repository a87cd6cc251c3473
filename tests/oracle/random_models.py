"""Random cases whose leaders follow a density model: parameters, draws, and the chance that a set of elements is zero.

``random_models(name, seed)`` gives a case of ``random_sparse`` in which every tensor that decides has the model, where
its dimensions allow it, and ``uniform`` elsewhere; None where no tensor that leads a rule can have it. Same seed, same
case. Nothing here comes from the product.
"""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import dataclass
from math import comb, prod
from typing import Any

import numpy as np

from .averages import time_dimension
from .brute import Element
from .draws import draw_many, pickard
from .expected import PEmpty
from .expected import uniform as uniform_law
from .problem import Tensor
from .random_sparse import SHARES, Case, random_sparse
from .undecided import correlated

Shape = tuple[int, ...]


@dataclass(frozen=True)
class Law:
    """How a tensor is distributed. draw: the name and parameters by which it is drawn; model, given: what the product
    is told."""

    tensor: Tensor
    draw: tuple[str, dict[str, Any]]
    model: str
    given: dict[str, Any]

    @property
    def shape(self) -> Shape:
        """Sizes of its dimensions."""
        return tuple(dim.size for dim in self.tensor.dims)

    @property
    def time(self) -> int | None:
        """The number of its dimension that rank ``t`` alone indexes."""
        return time_dimension(self.tensor)

    def values(self, number: int, rng: np.random.Generator) -> Any:
        """Return draws, one behind the other along a last dimension."""
        return draw_many(*self.draw, self.shape, number, rng, self.time)

    def p_empty(self) -> PEmpty | None:
        """Return the probability that a set of elements is all zero, element by element; None where none is known."""
        name, parameters = self.draw
        if name == "uniform":
            return uniform_law(self.tensor, parameters["density"])
        if name == "temporal":
            return lambda elements: _temporal(parameters, self.time, elements)
        if name == "structured":
            return lambda elements: _structured(parameters, elements)
        if name == "banded":
            values = self.values(1, np.random.default_rng())[..., 0]
            return lambda elements: float(not any(values[e] for e in elements))
        return None


def _temporal(parameters: dict[str, Any], time: int | None, elements: frozenset[Element]) -> float:
    """Every neuron by itself: silent for good, or in each of its steps."""
    assert time is not None
    density, silent = parameters["density"], parameters["silent"]
    neurons: dict[Element, float] = {}
    for element in elements:
        neuron = element[:time] + element[time + 1 :]
        level = density[element[time]] if isinstance(density, tuple) else density
        fires = level / (1 - silent) if silent < 1 else 0.0
        neurons[neuron] = neurons.get(neuron, 1.0) * (1 - fires)
    return prod(silent + (1 - silent) * quiet for quiet in neurons.values())


def _structured(parameters: dict[str, Any], elements: frozenset[Element]) -> float:
    """Every block by itself."""
    m, b, along = parameters["nonzeros"], parameters["block"], parameters["along"]
    blocks = Counter((*e[:along], e[along] // b, *e[along + 1 :]) for e in elements)
    return prod(comb(b - m, c) / comb(b, c) for c in blocks.values())


def random_models(name: str, seed: int, points: int = 80) -> tuple[Case, dict[str, Law]] | None:
    """Draw a case and the laws of all tensors that decide."""
    rng = random.Random(seed)
    case = random_sparse(rng, points=points, per_step=False)
    if correlated(case):
        return None
    leading = {leader for rule in case.sparsity.rules for leader in rule.leaders}
    laws = {}
    for tensor in sorted(leading | {*case.sparsity.skip, *case.sparsity.gate}):
        laws[tensor] = law(name, case.tensors[tensor], rng)
    if not any(laws[leader].model == name for leader in leading):
        return None
    return case, laws


def law(name: str, tensor: Tensor, rng: random.Random) -> Law:
    """Draw parameters of a model for a tensor; of ``uniform`` where it cannot have it."""
    shape, time = tuple(dim.size for dim in tensor.dims), time_dimension(tensor)
    space = [n for n in range(len(shape)) if n != time]
    chosen: tuple[str, dict[str, Any]] | None = None
    if name in ("temporal", "blocks") and time is not None:
        silent = rng.choice([0.0, 0.2, 0.5, 0.8, 1.0])
        levels = [rng.choice([0.0, 0.1, 0.3, 0.6, 1.0]) * (1 - silent) for _ in range(shape[time])]
        by_step = name == "temporal" and rng.random() < 0.5
        chosen = "temporal", {"density": tuple(levels) if by_step else levels[0], "silent": silent}
    elif name == "structured":
        block = rng.randint(1, 4)
        along = rng.randrange(len(shape)) if shape else None
        chosen = (name, {"nonzeros": rng.randint(0, block), "block": block, "along": along}) if shape else None
    elif name == "runs" and len(shape) > 1 and (rng.random() < 0.4 or len(space) > 1):
        along = rng.sample(range(len(shape)), 2) if len(space) < 2 or rng.random() < 0.4 else space[-2:]
        chosen = name, {**_pickard(rng), "along": tuple(along)}
    elif name == "banded" and len(shape) > 1:
        chosen = name, {"width": rng.randint(0, 3), "along": tuple(rng.sample(range(len(shape)), 2))}
    if chosen is None:
        density: Any = rng.choice(SHARES)
        if name == "uniform" and time is not None and rng.random() < 0.5:
            density = tuple(rng.choice(SHARES) for _ in range(shape[time]))
        chosen = "uniform", {"density": density}
    found = Law(tensor, chosen, *chosen)
    return _table(found) if name == "blocks" else found


def _pickard(rng: random.Random) -> dict[str, float]:
    """Draw chances that a stationary field has."""
    while True:
        d, row, col, inside = (rng.choice([0.02, 0.1, 0.3, 0.5, 0.8]), rng.random(), rng.random(), rng.random())
        q = {"density": d, "q_row": d * row, "q_col": d * col, "q_in": d * inside}
        try:
            pickard(*q.values())
        except ValueError:
            continue
        return q


def _table(law: Law) -> Law:
    """Return the law as a table of all extents, which is exact: here tiles of one size are all alike."""
    p_empty = law.p_empty()
    assert p_empty is not None
    occupied = [1 - p_empty(frozenset(np.ndindex(*(n + 1 for n in block)))) for block in np.ndindex(*law.shape)]
    extents = tuple(tuple(range(1, size + 1)) for size in law.shape)
    return Law(law.tensor, law.draw, "blocks", {"extents": extents, "occupied": tuple(occupied)})
