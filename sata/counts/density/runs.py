"""`runs`: spikes cluster in space; a causal Markov field over rows and columns."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from math import log, log1p
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from sata.counts.density import parameters
from sata.counts.density.base import Base, Key, coordinates, on_mesh, others, product
from sata.counts.density.chances import clustered, summed_distribution
from sata.counts.density.fields import drawn_fields
from sata.counts.density.interface import BadParameter, FloatArray, IntArray, Parameter, Sight, Subject

_NEVER = 1e-300  # stands for a chance of 0 in logarithms


@dataclass(frozen=True)
class Runs(Base):
    """Channels, time steps and whatever else there is are independent fields of rows and columns.

    q_row, q_col, q_in: the chances that an element fires when its left, its upper, or both neighbours (and the one
    between them) do not. For h rows of w:

        (1-d) (1-q_row)^(w-1) (1-q_col)^(h-1) (1-q_in)^((w-1)(h-1))

    which is exact for a field whose rows and columns are stationary Markov chains (a Pickard field: D. K. Pickard,
    Unilateral Markov fields, Advances in Applied Probability 12, 1980). Coordinates with gaps: along one row or column
    the chain is followed over the gap, which is exact: the chance to fire g places behind a silent element is
    d (1 - (1 - q/d)^g). Where rows and columns meet, q_in counts for pairs that are adjacent in both directions; over
    gaps, left and upper neighbour act independently, which is an approximation.

    Chances counted in recorded spikes need not be those of a field that is stationary in this way (most are not): the
    formula then says how the causal field goes on from any corner, and is a prediction like any other.

    Of the distribution, the mean and the chance of no non-zero are the model's own; between, it is approximated by a
    beta-binomial one for each field.
    """

    along: tuple[int, int]  # rows, columns
    level: float
    q_row: float
    q_col: float
    q_in: float

    name: ClassVar[str] = "runs"
    monotone: ClassVar[bool] = True
    about: ClassVar[str] = "spikes cluster in space: rows and squares of a few pixels"
    formula: ClassVar[str] = (
        "(1-d) (1-q_row)^(w-1) (1-q_col)^(h-1) (1-q_in)^((w-1)(h-1)) for h rows of w, a channel and step"
    )
    parameters: ClassVar[tuple[Parameter, ...]] = (
        Parameter("density", "d, share of non-zeros"),
        Parameter("q_row", "chance to fire when the left neighbour does not"),
        Parameter("q_col", "chance to fire when the upper neighbour does not"),
        Parameter("q_in", "chance to fire when neither does, nor the one between them"),
        Parameter("along", "the two dimensions: ranks, or numbers from 0; else the last two besides time", False),
    )

    @classmethod
    def read(cls, given: Mapping[str, Any], subject: Subject) -> Runs:
        parameters.check_keys(cls.name, cls.parameters, given)
        level, *chances = (parameters.share_parameter(given, key) for key in ("density", "q_row", "q_col", "q_in"))
        for key, q in zip(("q_row", "q_col"), chances, strict=False):
            if (1 - level) * q > level * parameters.ROUNDED:  # as often from silent to firing as back
                most = level / (1 - level)
                raise BadParameter(key, f"at a density of {level:g} '{key}' is at most {most:g}, not {q:g}")
        if level == 0 and chances[2] > 0:
            raise BadParameter("q_in", f"at a density of 0 'q_in' is 0, not {chances[2]:g}")
        return cls(subject.shape, subject.time, parameters.two_dimensions(given, subject, cls.name), level, *chances)

    @classmethod
    def measure(cls, values: NDArray[np.bool_], time: int | None) -> dict[str, Any] | None:
        """Counted over all pairs of neighbours, and all squares of four."""
        space = others(values.shape, time)[-2:]
        if len(space) < 2:
            return None
        found = np.moveaxis(values, space, (-2, -1))
        quiet, level = ~found, float(np.count_nonzero(found)) / found.size
        corner = quiet[..., :-1, :-1] & quiet[..., 1:, :-1] & quiet[..., :-1, 1:]
        most = 1.0 if level > 0.5 else level / (1 - level)
        return {
            "density": level,
            "q_row": min(_share(found[..., 1:], quiet[..., :-1], level), most),
            "q_col": min(_share(found[..., 1:, :], quiet[..., :-1, :], level), most),
            "q_in": _share(found[..., 1:, 1:], corner, level),
        }

    @property
    def density(self) -> float:
        return self.level

    def sight(self, dim: int) -> Sight:
        return Sight.SHAPE if dim in self.along else Sight.SIZE

    @cached_property
    def _reach(self) -> int:
        """Gaps from here on are like none at all: the chain has forgotten."""
        memory = [abs(1 - q / self.level) for q in (self.q_row, self.q_col)] if self.level else [0.0]
        slowest = min(max(memory), 0.9999)
        return 2 if slowest == 0 else max(2, min(1 << 12, int(log(1e-17) / log(slowest)) + 1))

    def key(self, dim: int, coordinates_: int) -> Key:
        """How many coordinates, and how many steps of 1, 2, ... lie between them: as (step, number) pairs."""
        found = coordinates(coordinates_)
        steps, numbers = np.unique(np.minimum(np.diff(found), self._reach), return_counts=True)
        return (len(found), *(int(v) for pair in zip(steps, numbers, strict=True) for v in pair))

    def _lines(self, which: int, features: IntArray) -> tuple[FloatArray, FloatArray, FloatArray]:
        """For each set along rows or columns: its coordinates, those next to the one before, and the logarithm of the
        chance that a line of them is silent, given its first."""
        dim, q = self.along[which], (self.q_col, self.q_row)[which]
        keys = self._numbers(dim).keys
        table = np.zeros((3, len(keys) + 1))
        for number, (count, *pairs) in enumerate(keys, 1):
            steps = list(zip(pairs[::2], pairs[1::2], strict=True))
            table[:, number] = count, dict(steps).get(1, 0), sum(n * self._silent(q, step) for step, n in steps)
        found = table[:, np.asarray(features, dtype=np.int64)]
        return found[0], found[1], found[2]

    def _silent(self, q: float, step: int) -> float:
        """Logarithm of the chance to stay silent `step` places behind a silent element."""
        fires = q if step == 1 else self.level * (1 - (1 - q / self.level) ** step) if self.level else 0.0
        return _log_not(fires)

    def _silent_fields(self, features: tuple[IntArray, ...]) -> FloatArray:
        """Logarithm of the chance that one field of a tile is silent."""
        rows, near_rows, down = self._lines(0, features[self.along[0]])
        columns, near_columns, right = self._lines(1, features[self.along[1]])
        first = _log_not(self.level)
        both = _log_not(self.q_in) + first - _log_not(self.q_row) - _log_not(self.q_col)
        alone = columns * down + rows * right + (rows + columns - rows * columns) * first
        logs: FloatArray = alone + near_rows * near_columns * both
        return np.where((rows == 0) | (columns == 0), 0.0, logs)

    def p_empty(self, *features: IntArray) -> FloatArray:
        return on_mesh(self._p_empty, features)

    def _p_empty(self, *features: IntArray) -> FloatArray:
        logs = np.minimum(self._silent_fields(features) * product(features, others(self.shape, *self.along)), 0.0)
        return np.where(logs < log(_NEVER) / 2, 0.0, np.exp(logs))

    def p_occupied(self, *features: IntArray) -> FloatArray:
        logs = np.minimum(self._silent_fields(features) * product(features, others(self.shape, *self.along)), 0.0)
        return np.asarray(-np.expm1(logs))

    def expected(self, *features: IntArray) -> FloatArray:
        rows, columns = (self._lines(n, features[d])[0] for n, d in enumerate(self.along))
        result: FloatArray = rows * columns * product(features, others(self.shape, *self.along)) * self.level
        return result

    def distribution(self, *features: int) -> FloatArray:
        tile = tuple(np.array(f) for f in features)
        rows, columns = (int(self._lines(n, tile[d])[0]) for n, d in enumerate(self.along))
        field = clustered(rows * columns, self.level, min(1.0, float(np.exp(self._silent_fields(tile)))))
        return summed_distribution(field, int(product(tile, others(self.shape, *self.along))))

    def most(self, *features: int) -> int:
        return round(float(self.expected(*(np.array(f) for f in features))) / self.level) if self.level else 0

    def drawn(self, number: int, rng: np.random.Generator) -> NDArray[np.bool_] | None:
        """A stationary field in every plane, row by row; None where the parameters belong to none."""
        return drawn_fields(self, number, rng)

    def marginals(self) -> tuple[float, ...]:
        return (self.density,)


def _share(found: NDArray[np.bool_], condition: NDArray[np.bool_], otherwise: float) -> float:
    """How often something is found where a condition holds; where it never holds, a value that serves."""
    times = int(np.count_nonzero(condition))
    return float(np.count_nonzero(found & condition)) / times if times else otherwise


def _log_not(chance: float) -> float:
    """log(1 - chance), to all digits."""
    return log1p(-chance) if chance < 1 else log(_NEVER)
