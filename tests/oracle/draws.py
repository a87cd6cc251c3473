"""Random tensors as the density models say: drawn literally, sharing no code with the product.

`draw(name, parameters, shape, rng)` gives a 0/1 tensor. Parameters are those of a workload file. Time is the first
dimension unless said otherwise; dimensions are numbers.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import product
from math import ceil, floor
from typing import Any

import numpy as np

Shape = tuple[int, ...]
Parameters = Mapping[str, Any]


def draw(name: str, parameters: Parameters, shape: Shape, rng: np.random.Generator, time: int | None = 0) -> Any:
    """A tensor of zeros and ones. Raises: ValueError where the parameters describe no field that can be drawn."""
    return _DRAWS[name](parameters, shape, rng, time)


def draw_many(
    name: str, parameters: Parameters, shape: Shape, number: int, rng: np.random.Generator, time: int | None = 0
) -> Any:
    """Independent tensors, one behind the other along a last dimension. Raises: ValueError as `draw`."""
    if name in ("structured", "temporal", "runs"):  # along the dimensions that they do not name they are independent
        if name == "runs" and "along" not in parameters:
            parameters = {**parameters, "along": _last_two(shape, time)}
        return draw(name, parameters, (*shape, number), rng, time)
    if name in ("banded", "trace"):  # always the same
        return np.repeat(draw(name, parameters, shape, rng, time)[..., None], number, axis=-1)
    return np.stack([draw(name, parameters, shape, rng, time) for _ in range(number)], axis=-1)


def _uniform(parameters: Parameters, shape: Shape, rng: np.random.Generator, time: int | None) -> Any:
    density = parameters["density"]
    if isinstance(density, (list, tuple)):
        assert time is not None
        rest = shape[:time] + shape[time + 1 :]
        return np.stack([_uniform({"density": d}, rest, rng, None) for d in density], axis=time)
    total = int(np.prod(shape, dtype=int))
    mean = round(density * total, 9)
    many = ceil(mean) if rng.random() < mean - floor(mean) else floor(mean)
    flat = np.zeros(total, dtype=np.uint8)
    flat[rng.permutation(total)[:many]] = 1
    return flat.reshape(shape)


def _structured(parameters: Parameters, shape: Shape, rng: np.random.Generator, time: int | None) -> Any:
    m, b, along = parameters["nonzeros"], parameters["block"], parameters["along"]
    moved = shape[:along] + shape[along + 1 :]
    ranked = rng.random((*moved, -(-shape[along] // b), b)).argsort(axis=-1)  # of each block, a permutation
    tensor = (ranked < m).astype(np.uint8).reshape((*moved, -1))
    return np.moveaxis(tensor[..., : shape[along]], -1, along)


def _banded(parameters: Parameters, shape: Shape, rng: np.random.Generator, time: int | None) -> Any:
    rows, columns = parameters["along"] if "along" in parameters else _last_two(shape, time)
    tensor = np.zeros(shape, dtype=np.uint8)
    for place in np.ndindex(*shape):
        tensor[place] = abs(place[rows] - place[columns]) <= parameters["width"]
    return tensor


def _temporal(parameters: Parameters, shape: Shape, rng: np.random.Generator, time: int | None) -> Any:
    assert time is not None
    density, silent = parameters["density"], parameters["silent"]
    steps = list(density) if isinstance(density, (list, tuple)) else [density] * shape[time]
    rest = shape[:time] + shape[time + 1 :]
    awake = rng.random(rest) >= silent
    fires = [awake & (rng.random(rest) < (d / (1 - silent) if silent < 1 else 0)) for d in steps]
    return np.stack(fires, axis=time).astype(np.uint8)


def _runs(parameters: Parameters, shape: Shape, rng: np.random.Generator, time: int | None) -> Any:
    """A Pickard field in every plane of rows and columns."""
    rows, columns = parameters["along"] if "along" in parameters else _last_two(shape, time)
    law = pickard(*(parameters[key] for key in ("density", "q_row", "q_col", "q_in")))
    d, q_row, q_col = (parameters[key] for key in ("density", "q_row", "q_col"))
    rest = tuple(size for n, size in enumerate(shape) if n not in (rows, columns))
    field = np.zeros((shape[rows], shape[columns], *rest), dtype=np.uint8)
    for i, j in product(range(shape[rows]), range(shape[columns])):
        if i and j:
            chance = law[field[i - 1, j - 1], field[i - 1, j], field[i, j - 1]]
        elif i or j:
            before, q = (field[i - 1, j], q_col) if i else (field[i, j - 1], q_row)
            chance = np.where(before, 1 - (1 - d) * q / d if d else 0.0, q)
        else:
            chance = np.full(rest, d)
        field[i, j] = rng.random(rest) < chance
    return np.moveaxis(field, (0, 1), (rows, columns))


def pickard(d: float, q_row: float, q_col: float, q_in: float) -> Any:
    """[upper left, upper, left] -> the chance to fire, such that all rows are one Markov chain, all columns another.

    Upper and left neighbour are independent given the upper left one (that is how the field is made); they must also be
    given the element itself. This fixes sum over a of P(a, b, c) P(1 | a, b, c) = d C(b | 1) R(c | 1) for every b, c. With
    P(1 | 0, 0, 0) = q_in, the other silent pair follows; for the rest the upper left one is taken not to matter.
    Raises: ValueError where a chance leaves [0, 1].
    """

    def chain(q: float, before: int, after: int) -> float:
        fires = q if not before else (1 - (1 - d) * q / d if d else 0.0)
        return fires if after else 1 - fires

    law = np.zeros((2, 2, 2))
    for b, c in product((0, 1), repeat=2):
        joint = [(d if a else 1 - d) * chain(q_row, a, b) * chain(q_col, a, c) for a in (0, 1)]
        fires = d * chain(q_col, 1, b) * chain(q_row, 1, c)
        if b or c:
            law[:, b, c] = fires / sum(joint) if sum(joint) else 0.0
        else:
            law[0, 0, 0] = q_in
            law[1, 0, 0] = (fires - joint[0] * q_in) / joint[1] if joint[1] else 0.0
            if not joint[1] and abs(fires - joint[0] * q_in) > 1e-12:
                raise ValueError("q_in does not go with the other chances")
    if law.min() < -1e-12 or law.max() > 1 + 1e-12:
        raise ValueError("no stationary field has these chances")
    return law


def _trace(parameters: Parameters, shape: Shape, rng: np.random.Generator, time: int | None) -> Any:
    with np.load(parameters["file"], allow_pickle=False) as archive:
        found = archive[parameters["array"]]
    if found.size != np.prod(shape, dtype=int):
        found = np.unpackbits(found)[: int(np.prod(shape, dtype=int))]
    return (found.reshape(shape) != 0).astype(np.uint8)


def _last_two(shape: Shape, time: int | None) -> tuple[int, int]:
    space = [n for n in range(len(shape)) if n != time]
    return space[-2], space[-1]


# `blocks` states shares of occupied blocks and no more: it is not the law of a tensor that could be drawn.
_DRAWS: dict[str, Callable[[Parameters, Shape, np.random.Generator, int | None], Any]] = {
    "uniform": _uniform,
    "structured": _structured,
    "banded": _banded,
    "temporal": _temporal,
    "runs": _runs,
    "trace": _trace,
}
