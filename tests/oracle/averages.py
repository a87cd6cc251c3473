"""What the sparse oracle gives on average: values drawn at random from densities, outcomes averaged over draws.

``uniform`` is drawn here: exactly so many non-zeros, at random places (hypergeometric). Where density times size is
not whole, the number is the floor or the ceiling of it, at random, such that its mean is right. A density per time
step does this within each coordinate of the dimension that rank ``t`` alone indexes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import floor, prod
from typing import Any

import numpy as np

from .problem import Tensor
from .sparse import EVENTS, OUTCOMES, Walk

Density = float | tuple[float, ...]
Densities = Mapping[str, Density]  # what it lacks is dense
Draw = Callable[[np.random.Generator], Mapping[str, Any]]
Cell = tuple[str, str, str, str]  # memory, tensor, event, outcome; computes: ("", "", "computes", outcome)


def time_dimension(tensor: Tensor) -> int | None:
    """Return the number of the dimension that rank ``t`` alone indexes."""
    return next((n for n, dim in enumerate(tensor.dims) if list(dim.ranks) == ["t"]), None)


def draw_uniform(shape: tuple[int, ...], density: float, rng: np.random.Generator) -> Any:
    """Return a 0/1 array with floor or ceiling of density times size non-zeros."""
    size = prod(shape)
    number = floor(density * size)
    number += rng.random() < density * size - number
    flat = np.zeros(size, dtype=np.uint8)
    flat[rng.permutation(size)[:number]] = 1
    return flat.reshape(shape)


def draw_tensor(tensor: Tensor, density: Density, rng: np.random.Generator) -> Any:
    """Return a 0/1 array over the dimensions of a tensor."""
    shape = tuple(dim.size for dim in tensor.dims)
    if not isinstance(density, tuple):
        return draw_uniform(shape, density, rng)
    time = time_dimension(tensor)
    if time is None or len(density) != shape[time]:
        raise ValueError(f"{tensor.name}: {len(density)} densities, but its time dimension is {time} of {shape}")
    rest = shape[:time] + shape[time + 1 :]
    return np.stack([draw_uniform(rest, share, rng) for share in density], axis=time)


def drawer(tensors: Mapping[str, Tensor], densities: Densities) -> Draw:
    """Return what draws all sparse tensors, independently of each other."""
    return lambda rng: {name: draw_tensor(tensors[name], density, rng) for name, density in densities.items()}


@dataclass(frozen=True)
class Averages:
    """Per cell the mean over the draws, and the standard deviation of one draw."""

    draws: int
    mean: dict[Cell, float]
    deviation: dict[Cell, float]

    def error(self, cell: Cell) -> float:
        """Return the standard error of a mean."""
        return self.deviation[cell] / self.draws**0.5


def cells(result: Mapping[str, Any]) -> dict[Cell, int]:
    """Return a result of the oracle flat: one number per memory, tensor, event and outcome."""
    flat: dict[Cell, int] = {("", "", "computes", outcome): result["computes"][outcome] for outcome in OUTCOMES}
    for (memory, tensor), row in result["counts"].items():
        flat |= {(memory, tensor, event, outcome): row[event][outcome] for event in EVENTS for outcome in OUTCOMES}
    return flat


def average(walk: Walk, draw: Draw | Densities, draws: int, seed: int) -> Averages:
    """Average the outcomes over draws. draw: densities (uniform), or any function of a generator that draws values."""
    if not callable(draw):
        draw = drawer(walk.tensors, draw)
    rng = np.random.default_rng(seed)
    names: list[Cell] = []
    rows = []
    for _ in range(draws):
        flat = cells(walk.outcomes(draw(rng)))
        names = list(flat)
        rows.append(list(flat.values()))
    table = np.array(rows, dtype=float)
    mean, deviation = table.mean(axis=0), table.std(axis=0, ddof=1 if draws > 1 else 0)
    return Averages(
        draws,
        dict(zip(names, mean.tolist(), strict=True)),
        dict(zip(names, deviation.tolist(), strict=True)),
    )
