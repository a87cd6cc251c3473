"""Recorded tensors measured: the parameters that each density model has in them, and how well it then predicts.

Tiles are compared over the aligned grid that begins at 0, those cut off at the ends included: what the model says of a
tile of that size is the share of empty ones on average, and those of the recording are counted.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sata.counts.density import MODELS, over_grid
from sata.counts.density.blocks import occupied_shares
from sata.counts.density.interface import Model, Subject
from sata.specs.text.faults import SpecError

DIGITS = 6  # of measured parameters
WINDOWS = (2, 4, 8, 16, 32)  # time steps
ROWS = (2, 4, 8)  # elements along the last dimension
SQUARES = (2, 4)
WINDOW = (16, 3, 3)  # channels, rows, columns


@dataclass(frozen=True, slots=True)
class MeasuredTile:
    """A shape of tiles: extents, one a dimension, and what to call it."""

    label: str
    extents: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Compared:
    """Tiles of one shape: the share of empty ones, and what the models predict (None: they say nothing of it)."""

    tile: MeasuredTile
    counted: float
    predicted: Mapping[str, float | None]


@dataclass(frozen=True, slots=True)
class Measured:
    """A tensor: density, share of neurons silent in all steps (None without time), parameters of each model that has
    any, and how they do."""

    shape: tuple[int, ...]
    density: float
    silent: float | None
    parameters: Mapping[str, Mapping[str, Any]]
    compared: tuple[Compared, ...]


def measure_tensor(values: NDArray[np.bool_], time: int | None) -> Measured:
    """Every model that can be measured in a tensor. time: the number of its dimension, or None."""
    parameters: dict[str, dict[str, Any]] = {}
    models: dict[str, Model] = {}
    for name, model in MODELS.items():
        found = model.measure(values, time)
        if found is not None:
            parameters[name] = {key: rounded(value) for key, value in found.items()}
            models[name] = model.read(parameters[name], Subject(values.shape, time))
    compared = []
    for tile in tiles(values.shape, time):
        predicted = {name: _predicted(model, tile.extents) for name, model in models.items()}
        counted = 1 - next(occupied_shares(values, [[extent] for extent in tile.extents]))
        compared.append(Compared(tile, counted, predicted))
    silent = None if time is None else 1 - float(values.any(axis=time).mean())
    return Measured(values.shape, float(values.mean()), silent, parameters, tuple(compared))


def _predicted(model: Model, extents: tuple[int, ...]) -> float | None:
    try:
        return over_grid(model, extents).p_empty
    except SpecError:
        return None  # outside its table


def tiles(shape: tuple[int, ...], time: int | None) -> tuple[MeasuredTile, ...]:
    """The shapes of tiles that fit: windows in time, rows and squares of one channel and step, and of 16 channels."""
    space = [n for n in range(len(shape)) if n != time]
    found = []
    if time is not None:
        steps = [w for w in WINDOWS if w <= shape[time]]
        steps += [shape[time]] if shape[time] > 1 and shape[time] not in steps else []
        found += [_tile(f"{w} steps", shape, {time: w}) for w in steps]
    if len(space) >= 2:
        rows, columns = space[-2:]
        found += [_tile(f"row of {w}", shape, {columns: w}) for w in ROWS if w <= shape[columns]]
        found += [_tile(f"{n} x {n}", shape, {rows: n, columns: n})
                  for n in SQUARES if n <= min(shape[rows], shape[columns])]  # fmt: skip
    if len(space) >= 3 and all(n <= shape[d] for n, d in zip(WINDOW, space[-3:], strict=True)):
        found.append(_tile("3 x 3 x 16", shape, dict(zip(space[-3:], WINDOW, strict=True))))
    return tuple(found)


def _tile(label: str, shape: tuple[int, ...], extents: Mapping[int, int]) -> MeasuredTile:
    return MeasuredTile(label, tuple(extents.get(n, 1) for n in range(len(shape))))


def rounded(value: Any) -> Any:
    """Numbers with as many digits as a measured parameter is worth."""
    if isinstance(value, (list, tuple)):
        return [rounded(item) for item in value]
    return float(f"{value:.{DIGITS}g}") if isinstance(value, float) else value
