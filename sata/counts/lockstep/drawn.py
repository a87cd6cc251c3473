"""Where no closed form is known: tensors drawn from the models, whose lanes are walked; always the same draws.

So many are drawn that small nests have thousands and large ones, which average over their steps, a few. The work of all
lanes together, whose mean is known exactly, takes out of the estimate what it explains (a control variate).
"""

from __future__ import annotations

from functools import lru_cache
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sata.counts.lockstep.cells import Floats, TooLarge
from sata.counts.lockstep.nest import LanePart, Nest
from sata.counts.lockstep.walk import Lanes, certain_values

NUMBERS = 1 << 23  # drawn elements and lane steps of one draw
TOTAL = 1 << 24  # of all draws
SURE = 3e-4  # a standard error, relative, at which drawing ends
DRAWS = 1 << 14
PIECE = 1 << 21  # elements and lane steps at once
ENOUGH = 64  # draws from which a slope is estimated


def from_draws(nest: Nest, part: LanePart, mean: float | None) -> float | None:
    """What zeros leave of the slowest lanes' work, estimated. mean: what they leave of all operations, where it is
    known exactly. None where a law cannot be drawn, or all of it is too large."""
    size = sum(prod(u.model.shape) for u in part.units if u.model.density < 1)
    if size > NUMBERS:
        return None
    try:
        lanes = Lanes(nest, part)
        size += lanes.columns + lanes.cells
        return None if size > NUMBERS else _estimate(lanes, part, size, mean)
    except TooLarge:
        return None


def _estimate(lanes: Lanes, part: LanePart, size: int, mean: float | None) -> float | None:
    number = min(DRAWS, max(2, TOTAL // size))
    at_once = max(1, min(number, PIECE // size))
    times, works = [], []
    for piece in range(-(-number // at_once)):
        models: list[Any] = [u.model for u in part.units]
        drawn = {id(u.leader): _draws(models[n], at_once, piece, n) for n, u in enumerate(part.units)}
        values = [drawn[id(u.leader)] for u in part.units]
        if any(v is None for v in values):
            return None
        work = lanes.work([v for v in values if v is not None])
        times.append(lanes.time(work))
        works.append(work.reshape(len(work), -1).sum(axis=1))
        seen = np.concatenate(times)
        if len(seen) >= ENOUGH and float(seen.std()) <= SURE * float(seen.mean()) * len(seen) ** 0.5:
            break
    return _controlled(np.concatenate(times) / lanes.whole, np.concatenate(works), mean, lanes)


def _controlled(times: Floats, works: Floats, mean: float | None, lanes: Lanes) -> float:
    """The mean of the times, less what the works explain of its error."""
    found = float(times.mean())
    spread = float(works.var())
    if mean is None or len(times) < ENOUGH or spread <= 0:
        return found
    slope = float(((works - works.mean()) * (times - found)).mean()) / spread
    whole = prod(float(c.number.sum()) for c in lanes.clusters)
    return found - slope * (float(works.mean()) - mean * whole)


@lru_cache(maxsize=32)
def _draws(model: Any, number: int, piece: int, salt: int) -> NDArray[np.bool_] | None:
    """Tensors of a density model; kept, as the mappings of a search ask for the same."""
    found: NDArray[np.bool_] | None = certain_values(model)
    return found if found is not None else model.drawn(number, np.random.default_rng([7, piece, salt]))
