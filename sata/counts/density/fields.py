"""Draws of the fields of `runs`: every row and every column a stationary Markov chain (Pickard 1980)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from sata.counts.density.runs import Runs

LARGEST = 1 << 16  # elements of a field that is drawn one after the other


def drawn_fields(model: Runs, number: int, rng: np.random.Generator) -> NDArray[np.bool_] | None:
    """[number, the model's dimensions]. None where no stationary field has the parameters, or it is too large."""
    rows, columns = model.along
    law = _law(model.level, model.q_row, model.q_col, model.q_in)
    if law is None or model.shape[rows] * model.shape[columns] > LARGEST:
        return None
    rest = (number, *(size for d, size in enumerate(model.shape) if d not in model.along))
    field = np.zeros((model.shape[rows] + 1, model.shape[columns] + 1, *rest), dtype=np.int8)
    for i in range(1, model.shape[rows] + 1):
        for j in range(1, model.shape[columns] + 1):
            if i > 1 and j > 1:
                chance = law[field[i - 1, j - 1], field[i - 1, j], field[i, j - 1]]
            elif i > 1 or j > 1:
                before, q = (field[i - 1, j], model.q_col) if i > 1 else (field[i, j - 1], model.q_row)
                chance = np.array([q, 1 - _back(model.level, q)])[before]
            else:
                chance = np.full(rest, model.level)
            field[i, j] = rng.random(rest) < chance
    return np.asarray(np.moveaxis(field[1:, 1:], (0, 1), (rows + 1, columns + 1)), dtype=bool)


def _back(level: float, q: float) -> float:
    """The chance to fall silent behind a non-zero, which balances q."""
    return min(1.0, (1 - level) * q / level) if level else 1.0


def _law(level: float, q_row: float, q_col: float, q_in: float) -> NDArray[np.float64] | None:
    """[upper left, upper, left] -> the chance of a non-zero, such that the left neighbour and the upper one are
    independent given the one between them, and also given the element itself. Where one of the two is non-zero the one
    between does not matter; for two silent ones `q_in` says the rest. None where a chance leaves [0, 1]."""

    def step(q: float, before: int) -> float:
        return 1 - _back(level, q) if before else q

    def chain(q: float, before: int, after: int) -> float:
        return step(q, before) if after else 1 - step(q, before)

    law = np.zeros((2, 2, 2))
    for upper in (0, 1):
        for left in (0, 1):
            joint = [(level if corner else 1 - level) * chain(q_row, corner, upper) * chain(q_col, corner, left)
                     for corner in (0, 1)]  # fmt: skip
            fires = level * chain(q_col, 1, upper) * chain(q_row, 1, left)
            if upper or left:
                law[:, upper, left] = fires / sum(joint) if sum(joint) else 0.0
                continue
            law[0, 0, 0] = q_in
            if joint[1]:
                law[1, 0, 0] = (fires - joint[0] * q_in) / joint[1]
            elif abs(fires - joint[0] * q_in) > 1e-9:
                return None
    return np.clip(law, 0, 1) if law.min() > -1e-9 and law.max() < 1 + 1e-9 else None
