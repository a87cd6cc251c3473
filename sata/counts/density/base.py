"""What density models share: features of sets that are told apart by a key, quantiles from distributions."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sata.counts.density.interface import FloatArray, IntArray, Sight

Key = tuple[int, ...]


class Keys:
    """Numbers for the keys of one dimension, from 1 on; 0 is the empty set. `width`: entries of a key."""

    def __init__(self) -> None:
        self.of_mask: dict[int, int] = {}
        self.keys: list[Key] = []
        self._numbers: dict[Key, int] = {}
        self._table = np.zeros((1, 0))

    def number(self, mask: int, key_of: Callable[[int], Key]) -> int:
        if mask not in self.of_mask:
            key = key_of(mask)
            if key not in self._numbers:
                self.keys.append(key)
                self._numbers[key] = len(self.keys)
            self.of_mask[mask] = self._numbers[key]
        return self.of_mask[mask]

    def table(self, width: int) -> FloatArray:
        """[feature, entry of its key]; zeros for the empty set."""
        if len(self._table) <= len(self.keys) or self._table.shape[1] != width:
            self._table = np.zeros((len(self.keys) + 1, width))
            if self.keys:
                self._table[1:] = self.keys
        return self._table


@dataclass(frozen=True)
class Base:
    """Shape and time of a model, and its features. Subclasses with keys say `sight` and `key`."""

    shape: tuple[int, ...]
    time: int | None
    _keys: dict[int, Keys] = field(default_factory=dict, init=False, compare=False, repr=False)

    @property
    def deterministic(self) -> bool:
        return False

    def sight(self, dim: int) -> Sight:
        return Sight.SIZE

    def key(self, dim: int, coordinates: int) -> Key:
        """What the model knows of a set whose size is not all that matters."""
        return (coordinates,)

    def feature(self, dim: int, coordinates: int) -> int:
        if not coordinates:
            return 0
        if self.sight(dim) is Sight.SIZE:
            return coordinates.bit_count()
        return self._numbers(dim).number(coordinates, lambda mask: self.key(dim, mask))

    def _numbers(self, dim: int) -> Keys:
        return self._keys.setdefault(dim, Keys())

    def masks(self, dim: int, features: IntArray) -> list[int]:
        """The sets of a dimension whose keys are the sets themselves."""
        keys = self._numbers(dim).keys
        return [keys[number - 1][0] if number else 0 for number in features]

    def p_empty(self, *features: IntArray) -> FloatArray:
        raise NotImplementedError

    def p_occupied(self, *features: IntArray) -> FloatArray:
        """What `p_empty` misses to one; models that can be very sparse say it to all digits."""
        return np.asarray(1.0 - self.p_empty(*features), dtype=np.float64)

    def quantile(self, q: float, *features: IntArray) -> FloatArray:
        return each(lambda *one: self._quantile(q, one), features)

    def _quantile(self, q: float, features: tuple[int, ...]) -> float:
        if q >= 1:
            return float(self.most(*features))
        return float(np.searchsorted(np.cumsum(self.distribution(*features)), q * (1 - 1e-12)))

    def most(self, *features: int) -> int:
        """The largest number of non-zeros that one tile can hold, however unlikely: long distributions leave it out."""
        raise NotImplementedError

    def distribution(self, *features: int) -> FloatArray:
        raise NotImplementedError

    def largest(self, lanes: Key, units: Key, extents: Key) -> float | None:
        """No closed form, unless a model has one."""
        return None

    def drawn(self, number: int, rng: np.random.Generator) -> NDArray[np.bool_] | None:
        """Nothing, unless a model says how."""
        return None


def coordinates(mask: int) -> IntArray:
    """The coordinates of a bit mask, ascending."""
    width = (mask.bit_length() + 7) // 8
    bits = np.unpackbits(np.frombuffer(mask.to_bytes(width, "little"), np.uint8), bitorder="little")
    return np.flatnonzero(bits).astype(np.int64)


def sums_over(values: NDArray[Any], dim: int, masks: list[int], dtype: Any) -> NDArray[Any]:
    """Sums over each of some sets of coordinates of one dimension, which the sets then stand for; in `dtype`, where
    there is anything to add up. Single coordinates are taken, neighbouring stretches added up, stretches that overlap
    are differences of running sums; whatever else there is, is a product of matrices.
    """
    starts = np.array([(m & -m).bit_length() - 1 if m else 0 for m in masks])
    ends = np.array([m.bit_length() for m in masks])
    sizes = np.array([m.bit_count() for m in masks])
    if (sizes == 1).all():
        return values if np.array_equal(starts, np.arange(values.shape[dim])) else values.take(starts, axis=dim)
    if (sizes != ends - starts).any():
        exact = values.astype(dtype, copy=False)
        return np.moveaxis(np.tensordot(members(masks, values.shape[dim]).astype(dtype), exact, (1, dim)), 0, dim)
    if (sizes > 0).all() and (starts[1:] == ends[:-1]).all():
        inside = values[(*[slice(None)] * dim, slice(starts[0], ends[-1]))]
        if len(masks) == 1 and values.dtype == bool:
            return np.asarray(np.count_nonzero(inside, axis=dim, keepdims=True), dtype=dtype)
        return np.asarray(np.add.reduceat(inside, starts - starts[0], axis=dim, dtype=dtype))
    running = np.cumsum(values, axis=dim, dtype=dtype)
    axis = [-1 if n == dim else 1 for n in range(values.ndim)]
    before = running.take(np.maximum(starts - 1, 0), axis=dim) * (starts > 0).reshape(axis)
    last = running.take(np.maximum(ends - 1, 0), axis=dim) * (sizes > 0).reshape(axis)
    return np.asarray(last - before)


def members(masks: list[int], size: int) -> FloatArray:
    """[set, coordinate]: 1 where it is in the set."""
    found = np.zeros((len(masks), size))
    for row, mask in enumerate(masks):
        if mask:
            found[row, coordinates(mask)] = 1
    return found


def product(features: tuple[IntArray, ...], dims: tuple[int, ...]) -> IntArray:
    """The product of the features of some dimensions, broadcast; 1 without dimensions."""
    result = np.ones((), dtype=np.int64)
    for dim in dims:
        result = result * np.asarray(features[dim], dtype=np.int64)
    return result


def others(shape: tuple[int, ...], *dims: int | None) -> tuple[int, ...]:
    """The numbers of all dimensions but these."""
    return tuple(n for n in range(len(shape)) if n not in dims)


def elements(shape: tuple[int, ...], dims: tuple[int, ...]) -> int:
    return prod(shape[n] for n in dims)


def distinct_features(features: IntArray) -> tuple[IntArray, IntArray]:
    """(the features that occur, ascending; for each element the number of its feature among them)."""
    features = np.asarray(features, dtype=np.int64)
    largest = int(features.max()) if features.size else 0
    if largest > 1 << 20:
        found, places = np.unique(features, return_inverse=True)
        return found, places.reshape(features.shape)
    there = np.zeros(largest + 1, dtype=bool)
    there[features] = True
    return np.flatnonzero(there), (np.cumsum(there) - 1)[features]


def on_mesh(function: Callable[..., FloatArray], features: tuple[IntArray, ...]) -> FloatArray:
    """A function of features, for every combination of those that occur where that is less work than for each tile."""
    arrays = [np.asarray(f, dtype=np.int64) for f in features]
    size = prod(np.broadcast_shapes(*(a.shape for a in arrays)))
    if size < 4096:
        return function(*arrays)
    pairs = [distinct_features(a) for a in arrays]
    if 2 * prod(len(found) for found, _ in pairs) > size:
        return function(*arrays)
    count = len(arrays)
    mesh = [found.reshape([-1 if n == dim else 1 for n in range(count)]) for dim, (found, _) in enumerate(pairs)]
    return function(*mesh)[tuple(places for _, places in pairs)]


def each(function: Callable[..., float], features: tuple[IntArray, ...]) -> FloatArray:
    """A function of the features of one tile, for many tiles: once for each combination that occurs."""
    arrays = np.broadcast_arrays(*(np.asarray(f, dtype=np.int64) for f in features)) if features else []
    if not arrays:
        return np.array(function())
    stacked = np.stack([a.ravel() for a in arrays], axis=1)
    distinct, inverse = np.unique(stacked, axis=0, return_inverse=True)
    values = np.array([function(*(int(v) for v in row)) for row in distinct], dtype=float)
    return values[inverse.ravel()].reshape(arrays[0].shape)
