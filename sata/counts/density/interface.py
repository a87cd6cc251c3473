"""What every density model answers, and how one says what is wrong with its parameters."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any, ClassVar, Protocol

import numpy as np
from numpy.typing import NDArray

from sata.specs.model import Tensor
from sata.specs.text.faults import Where

IntArray = NDArray[np.int64]
FloatArray = NDArray[np.float64]


class Sight(Enum):
    """What a model must know of the coordinates that a tile has in one dimension."""

    SIZE = "how many there are"
    SHAPE = "how they lie to each other; where they lie does not matter"
    PLACE = "which they are"


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter of a model, for `sata models`."""

    name: str
    about: str
    required: bool = True


@dataclass(frozen=True, slots=True)
class Subject:
    """The tensor that a model is made for. `names`: the ranks that index each dimension; `folder`: where file names of
    the model start, empty for the current folder."""

    shape: tuple[int, ...]
    time: int | None
    names: tuple[tuple[str, ...], ...] = ()
    folder: str = ""
    where: Where = Where()


class BadParameter(ValueError):
    """A parameter that does not do. `key` is empty where the tensor itself is the matter."""

    def __init__(self, key: str, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.key, self.message, self.hint = key, message, hint


class Model(Protocol):
    """How non-zeros are distributed in one tensor. Instances are frozen and equal by value.

    A tile is a product of sets of coordinates, one set a dimension. What a model must know of a set is its feature, a
    number; 0 is the empty set. Arrays of features, one a dimension, are broadcast against each other.

    name: what a workload calls it, `model: NAME`.
    about, formula: what it is for, and its formula for `p_empty`, for `sata models`.
    monotone: whether a tile that lies in another is never empty less often. The lower bounds of the search rely on it;
    where a model cannot promise it, they take nothing for granted.
    """

    name: ClassVar[str]
    monotone: ClassVar[bool]
    about: ClassVar[str]
    formula: ClassVar[str]
    parameters: ClassVar[tuple[Parameter, ...]]

    @property
    def shape(self) -> tuple[int, ...]:
        """Sizes of the tensor's dimensions, in the order of `Tensor.dims`."""

    @property
    def time(self) -> int | None:
        """The number of the dimension that rank `t` alone indexes, if there is one."""

    @property
    def density(self) -> float:
        """Mean share of non-zeros of the whole tensor."""

    @property
    def deterministic(self) -> bool:
        """Whether `p_empty` is 0 or 1, and `expected` the number itself."""

    @classmethod
    def read(cls, given: Mapping[str, Any], subject: Subject) -> Model:
        """The model with the parameters of a file. Raises: BadParameter."""

    @classmethod
    def measure(cls, values: NDArray[np.bool_], time: int | None) -> dict[str, Any] | None:
        """The parameters that describe a tensor best; None where the model has none that can be measured in it."""

    def sight(self, dim: int) -> Sight:
        """What the model must know of the coordinates in a dimension."""

    def feature(self, dim: int, coordinates: int) -> int:
        """The feature of a set of coordinates, given as a bit mask within the shape.

        The number of coordinates where that is all that matters, else a number that is equal for two sets if and only
        if the model cannot tell them apart.
        """

    def p_empty(self, *features: IntArray) -> FloatArray:
        """The chance that a tile holds no non-zero; 1 where a feature is 0."""

    def p_occupied(self, *features: IntArray) -> FloatArray:
        """The chance that a tile holds a non-zero, to all digits also where that is very rare."""

    def expected(self, *features: IntArray) -> FloatArray:
        """Expected non-zeros of a tile."""

    def quantile(self, q: float, *features: IntArray) -> FloatArray:
        """The smallest n such that a tile holds at most n non-zeros with a chance of at least q."""

    def distribution(self, *features: int) -> FloatArray:
        """The chances of 0, 1, ..., n non-zeros in one tile of n elements."""

    def largest(self, lanes: tuple[int, ...], units: tuple[int, ...], extents: tuple[int, ...]) -> float | None:
        """The expected largest number of units with a non-zero in a lane. None where no closed form is known.

        In each dimension, `lanes` lie side by side, each with `units` of `extents` coordinates.
        """

    def drawn(self, number: int, rng: np.random.Generator) -> NDArray[np.bool_] | None:
        """Independent tensors of the model's law, [number, the tensor's dimensions] (1 where there is only one); None
        where the parameters describe no law that could be drawn."""

    def marginals(self) -> tuple[float, ...]:
        """The mean density of each index of the time dimension; of all, where there is none."""


TIME = "t"  # the rank that a density list runs over


def time_dimension(tensor: Tensor) -> int | None:
    """The number of the tensor's dimension that rank `t` alone indexes, or None."""
    for n, dim in enumerate(tensor.dims):
        if [rank for rank, _ in dim.terms] == [TIME]:
            return n
    return None
